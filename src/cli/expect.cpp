// Reference outputs: which array of an .npz belongs to which output, and whether what came out is near enough.
#include "cli/expect.h"

#include <cmath>

#include "samples/npy.h"

namespace gw {

Expected<std::vector<Tensor>> read_expected(const std::string& path, const Graph& graph, size_t samples, Diagnostics& diag) {
    GW_TRY(const std::vector<NamedTensor> arrays, read_npz(path, diag));
    std::vector<Tensor> all;
    for (const Port& port : graph.outputs) {
        const NamedTensor* found = nullptr;
        for (const NamedTensor& a : arrays)
            if (a.name == port.name || (found == nullptr && a.name == "outputs" && graph.outputs.size() == 1)) found = &a;
        if (found == nullptr && arrays.size() == 1) found = &arrays[0];
        if (found == nullptr) return diag.error(DiagId::samples_invalid, {.file = path}, "has no array named `{}`", port.name);
        const int64_t each = graph.type(port.value).elements();
        if (found->tensor.elements() != each * static_cast<int64_t>(samples))
            return diag.error(DiagId::samples_invalid, {.file = path}, "array `{}` has {} elements, {} samples of {} are expected",
                              found->name, found->tensor.elements(), samples, each);
        all.push_back(found->tensor);
    }
    return all;
}

bool Tolerance::holds(double expected, double seen) const {
    if (std::isnan(expected) || std::isnan(seen)) return std::isnan(expected) && std::isnan(seen);
    return expected == seen || std::fabs(expected - seen) <= atol.value_or(0) + rtol.value_or(0) * std::fabs(expected);
}

bool within(const Tolerance& tolerance, const std::vector<Tensor>& expected, const std::vector<std::vector<Tensor>>& outputs,
            const Graph& graph, const std::string& path, Diagnostics& diag) {
    for (size_t o = 0; o < graph.outputs.size(); ++o) {
        for (size_t k = 0; k < outputs.size(); ++k) {
            const Tensor& y = outputs[k][o];
            for (int64_t i = 0; i < y.elements(); ++i) {
                const double wanted = expected[o].at(static_cast<int64_t>(k) * y.elements() + i);
                if (tolerance.holds(wanted, y.at(i))) continue;
                diag.error(DiagId::verify_mismatch, {.file = path}, "output `{}`, sample {}, element {}: {} is expected, {} came out",
                           graph.outputs[o].name, k, i, wanted, y.at(i));
                return false;
            }
        }
    }
    return true;
}

}  // namespace gw
