// Names, sizes and ranges of element types; shapes; the text of types.
#include "tensor/type.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/text.h"

namespace gw {
namespace {
struct Info {
    DType type;
    int bits;
    std::string_view name, long_name, c_name;
    int64_t lowest, highest;
};
constexpr Info infos[] = {
    {DType::boolean, 8, "bool", "bool", "uint8_t", 0, 1},
    {DType::int4, 4, "i4", "int4", "uint8_t", -8, 7},
    {DType::uint4, 4, "u4", "uint4", "uint8_t", 0, 15},
    {DType::int8, 8, "i8", "int8", "int8_t", -128, 127},
    {DType::uint8, 8, "u8", "uint8", "uint8_t", 0, 255},
    {DType::int16, 16, "i16", "int16", "int16_t", -32768, 32767},
    {DType::uint16, 16, "u16", "uint16", "uint16_t", 0, 65535},
    {DType::int32, 32, "i32", "int32", "int32_t", std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()},
    {DType::uint32, 32, "u32", "uint32", "uint32_t", 0, std::numeric_limits<uint32_t>::max()},
    {DType::int64, 64, "i64", "int64", "int64_t", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()},
    {DType::float16, 16, "f16", "float16", "uint16_t", 0, 0},
    {DType::float32, 32, "f32", "float32", "float", 0, 0},
    {DType::float64, 64, "f64", "float64", "double", 0, 0},
};
const Info& info(DType t) { return infos[static_cast<size_t>(t)]; }
}  // namespace

int bits(DType t) { return info(t).bits; }
std::string_view dtype_name(DType t) { return info(t).name; }
std::string_view dtype_long_name(DType t) { return info(t).long_name; }
std::string_view dtype_c_name(DType t) { return info(t).c_name; }
bool is_float(DType t) { return t >= DType::float16; }
bool is_integer(DType t) { return t > DType::boolean && t < DType::float16; }
int64_t lowest(DType t) { return info(t).lowest; }
int64_t highest(DType t) { return info(t).highest; }

std::optional<DType> dtype_from_name(std::string_view name) {
    for (const Info& i : infos)
        if (i.name == name || i.long_name == name) return i.type;
    return std::nullopt;
}

int64_t Shape::elements() const {
    // A dimension of 0 first: the others may be anything then, and their product might not fit.
    if (std::find(dims_.begin(), dims_.end(), 0) != dims_.end()) return 0;
    int64_t n = 1;
    for (int64_t d : dims_) n *= d;
    return n;
}

std::vector<int64_t> Shape::strides() const {
    std::vector<int64_t> s(dims_.size(), 1);
    for (size_t i = dims_.size(); i-- > 1;) s[i - 1] = s[i] * dims_[i];
    return s;
}

std::string Shape::text() const { return fmt::format("[{}]", fmt::join(dims_, ",")); }

std::string Quant::text() const {
    if (empty()) return "";
    if (per_tensor()) return fmt::format("q({},{})", format_float(scales[0]), zero_points[0]);
    std::vector<std::string> s;
    for (float v : scales) s.push_back(format_float(v));
    const std::string b = block > 0 ? fmt::format(",block={}", block) : "";
    return fmt::format("q(axis={}{},[{}],[{}])", axis, b, fmt::join(s, ","), fmt::join(zero_points, ","));
}

int64_t Type::bytes() const { return (elements() * bits(dtype) + 7) / 8; }

std::string Type::text() const {
    std::string s = fmt::format("{}{}", dtype_name(dtype), shape.text());
    if (!quant.empty()) s += " " + quant.text();
    return s;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
    const int64_t rank = std::max(a.rank(), b.rank());
    std::vector<int64_t> dims(static_cast<size_t>(rank));
    for (int64_t i = 0; i < rank; ++i) {
        const int64_t da = i < rank - a.rank() ? 1 : a[i - (rank - a.rank())];
        const int64_t db = i < rank - b.rank() ? 1 : b[i - (rank - b.rank())];
        if (da != db && da != 1 && db != 1) return std::nullopt;
        dims[static_cast<size_t>(i)] = da == 1 ? db : da;
    }
    return Shape(std::move(dims));
}

}  // namespace gw
