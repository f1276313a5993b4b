// All rows in one list, and the texts of their files, which lie inside the executable.
//
// Order matters a little: where two rows cost the same by formula, the first is taken.
#include <fmt/format.h>

#include "base/embedded.h"
#include "kernels/kernel.h"

namespace gw {

std::vector<const KernelRow*> kernel_rows() {
    std::vector<const KernelRow*> all;
    for (const auto rows :
         {conv_rows(),      mve_rows(),      mve_simple_rows(),      dsp_rows(),      dsp_simple_rows(), host_rows(),    v6m_rows(),
          dense_rows(),     pool_rows(),     elementwise_rows(),     movement_rows(), convert_s8_rows(), convert_rows(), conv_f32_rows(),
          dense_f32_rows(), pool_f32_rows(), elementwise_f32_rows(), choice_rows(),   recurrent_rows(),  custom_rows()})
        for (const KernelRow& row : rows) all.push_back(&row);
    return all;
}

const KernelRow& row_by_name(std::string_view name) {
    for (const KernelRow* row : kernel_rows())
        if (row->name == name) return *row;
    check_failed(__FILE__, __LINE__, "row_by_name", fmt::format("there is no kernel row \"{}\"", name));
}

std::string_view kernel_text(std::string_view set, std::string_view name) {
    const std::string file = name.ends_with(".h") ? std::string(name) : fmt::format("{}/{}.c", set, name);
    const EmbeddedFile* found = find_embedded(embedded_kernels(), file);
    GW_CHECK(found != nullptr, fmt::format("kernel file {} is not embedded", file));
    return found->content;
}

}  // namespace gw
