// Types of values: element type, shape, quantization.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gw {

// Element types. Sizes are in bits; types below 8 bits are packed, first element in the low bits of the first byte, rows not padded.
enum class DType : uint8_t { boolean, int4, uint4, int8, uint8, int16, uint16, int32, uint32, int64, float16, float32, float64 };

int bits(DType t);
// "i8", "u8", "f32", "bool": the spelling of the text forms.
std::string_view dtype_name(DType t);
std::optional<DType> dtype_from_name(std::string_view name);
// "int8", "float32": the spelling of report.json.
std::string_view dtype_long_name(DType t);
// "int8_t", "float": the C type of the generated code. Packed types have none of their own and give "uint8_t".
std::string_view dtype_c_name(DType t);
bool is_float(DType t);
bool is_integer(DType t);  // not bool
int64_t lowest(DType t);   // of an integer type
int64_t highest(DType t);

// Sizes of each dimension, outermost first; row-major. Rank 0 is a scalar.
class Shape {
public:
    Shape() = default;
    Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
    explicit Shape(std::vector<int64_t> dims) : dims_(std::move(dims)) {}
    int64_t rank() const { return static_cast<int64_t>(dims_.size()); }
    int64_t operator[](int64_t i) const { return dims_[static_cast<size_t>(i)]; }
    int64_t& operator[](int64_t i) { return dims_[static_cast<size_t>(i)]; }
    int64_t back() const { return dims_.back(); }
    int64_t elements() const;
    std::vector<int64_t> strides() const;  // in elements
    const std::vector<int64_t>& dims() const { return dims_; }
    std::string text() const;  // "[1,28,28,1]"
    bool operator==(const Shape&) const = default;

private:
    std::vector<int64_t> dims_;
};

// How integers stand for reals: real = scale · (q − zero_point). Empty scales: the value is not quantized.
// Per tensor: one scale, axis −1. Per axis: one scale an index of `axis`. Per block: `block` > 0 indices of `axis` share one scale.
struct Quant {
    std::vector<float> scales;
    std::vector<int32_t> zero_points;  // as many as scales
    int64_t axis = -1;
    int64_t block = 0;

    bool empty() const { return scales.empty(); }
    bool per_tensor() const { return scales.size() == 1 && axis < 0; }
    float scale(int64_t i = 0) const { return scales[scales.size() == 1 ? 0 : static_cast<size_t>(i)]; }
    int32_t zero_point(int64_t i = 0) const { return zero_points[zero_points.size() == 1 ? 0 : static_cast<size_t>(i)]; }
    std::string text() const;  // "q(0.5,-3)", "q(axis=0,[0.5,0.25],[0,0])", "" when empty
    bool operator==(const Quant&) const = default;
    static Quant tensor(float scale, int32_t zero_point) { return {{scale}, {zero_point}, -1, 0}; }
};

struct Type {
    DType dtype = DType::float32;
    Shape shape;
    Quant quant;

    int64_t elements() const { return shape.elements(); }
    int64_t bytes() const;     // of all elements, packed types rounded up to whole bytes
    std::string text() const;  // "i8[1,28,28,1] q(0.5,-3)"
    bool operator==(const Type&) const = default;
};

// The shape two operands broadcast to (numpy's rule), or nothing.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

}  // namespace gw
