// Changes of element type: cast keeps the number, quantize and dequantize go between reals and the integers that stand for them.
#include <cmath>

#include "ops/support.h"

namespace gw {
using namespace detail;
namespace {
// Toward zero, saturating; not-a-number gives 0.
int64_t to_integer(double v, int64_t lo, int64_t hi) {
    if (std::isnan(v)) return 0;
    if (v <= static_cast<double>(lo)) return lo;
    if (v >= static_cast<double>(hi)) return hi;
    return static_cast<int64_t>(v);
}

// The low bits of v as an element of type t.
int64_t wrap(int64_t v, DType t) {
    switch (t) {
        case DType::int4:
            return ((v & 15) ^ 8) - 8;
        case DType::uint4:
            return v & 15;
        case DType::int8:
            return static_cast<int8_t>(v);
        case DType::uint8:
            return static_cast<uint8_t>(v);
        case DType::int16:
            return static_cast<int16_t>(v);
        case DType::uint16:
            return static_cast<uint16_t>(v);
        case DType::int32:
            return static_cast<int32_t>(v);
        case DType::uint32:
            return static_cast<uint32_t>(v);
        default:
            return v;
    }
}

// Tensor::set takes a double, which not every int64 fits.
void set_integer(Tensor& y, int64_t i, int64_t v) {
    if (y.type.dtype == DType::int64) {
        raw<int64_t>(y)[i] = v;
    } else {
        y.set(i, static_cast<double>(v));
    }
}

// Index of the scale that element i of a tensor uses.
class ScaleIndex {
public:
    ScaleIndex(const Quant& q, const Shape& s)
        : inner_(q.axis < 0 ? 1 : product(s, q.axis + 1, s.rank())),
          size_(q.axis < 0 ? 1 : s[q.axis]),
          block_(std::max<int64_t>(q.block, 1)) {}
    int64_t operator()(int64_t i) const { return size_ == 1 ? 0 : i / inner_ % size_ / block_; }

private:
    int64_t inner_, size_, block_;
};

Status check_quant(const Quant& q, DType dtype, const Shape& shape, const InferContext& context) {
    if (q.empty()) return context.fail("no quantization is given");
    if (q.scales.size() != q.zero_points.size())
        return context.fail("{} scales, but {} zero points", q.scales.size(), q.zero_points.size());
    if (q.axis >= shape.rank()) return context.fail("quantization axis {} is out of range for shape {}", q.axis, shape.text());
    if (q.block < 0) return context.fail("quantization block {} is negative", q.block);
    const int64_t block = std::max<int64_t>(q.block, 1);
    const int64_t expected = q.axis < 0 ? 1 : (shape[q.axis] + block - 1) / block;
    if (static_cast<int64_t>(q.scales.size()) != expected) return context.fail("{} scales given, expected {}", q.scales.size(), expected);
    for (float s : q.scales)
        if (!std::isfinite(s) || s <= 0) return context.fail("scale {} is not a positive number", s);
    for (int32_t z : q.zero_points)
        if (z < lowest(dtype) || z > highest(dtype)) return context.fail("zero point {} is out of range for {}", z, dtype_name(dtype));
    return {};
}
}  // namespace

// --- cast ---------------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Cast& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    return one({op.to, in[0].type->shape, {}}, context);
}
void evaluate(const Cast& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    Tensor& y = out[0];
    const bool from_float = is_float(x.type.dtype);
    for (int64_t i = 0; i < x.elements(); ++i) {
        if (op.to == DType::boolean) {
            y.set(i, from_float ? (x.at(i) != 0 ? 1 : 0) : (x.int_at(i) != 0 ? 1 : 0));
        } else if (is_float(op.to)) {
            // One rounding only: an int64 goes to float32 directly, not by way of double.
            if (!from_float && op.to == DType::float32) {
                raw<float>(y)[i] = static_cast<float>(x.int_at(i));
            } else {
                y.set(i, x.at(i));
            }
        } else if (from_float) {
            set_integer(y, i, to_integer(x.at(i), lowest(op.to), highest(op.to)));
        } else {
            set_integer(y, i, wrap(x.int_at(i), op.to));
        }
    }
}
Work work(const Cast&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Cast&, std::span<const Type* const>, const Type&, const Box& out_box, size_t) { return out_box; }

// --- quantize -----------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Quantize& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (x.dtype != DType::float32) return about(context, "x").fail("{} has element type {}, expected f32", x.text(), dtype_name(x.dtype));
    if (!is_integer(op.to)) return context.fail("quantizes to {}, expected an integer type", dtype_name(op.to));
    GW_TRY_DO(check_quant(op.quant, op.to, x.shape, context));
    return one({op.to, x.shape, op.quant}, context);
}
void evaluate(const Quantize& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    const float* from = raw<float>(x);
    const ScaleIndex index(op.quant, x.shape());
    const auto lo = static_cast<double>(lowest(op.to));
    const auto hi = static_cast<double>(highest(op.to));
    for (int64_t i = 0; i < x.elements(); ++i) {
        const int64_t k = index(i);
        const float exact = from[i] / op.quant.scale(k);
        const float steps = op.ties == Ties::away ? std::round(exact) : std::nearbyint(exact);
        const double q = std::isnan(steps) ? op.quant.zero_point(k) : static_cast<double>(steps) + op.quant.zero_point(k);
        set_integer(out[0], i, to_integer(std::min(std::max(q, lo), hi), lowest(op.to), highest(op.to)));
    }
}
Work work(const Quantize&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Quantize&, std::span<const Type* const>, const Type&, const Box& out_box, size_t) { return out_box; }

// --- dequantize ---------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Dequantize& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (!is_integer(x.dtype))
        return about(context, "x").fail("{} has element type {}, expected an integer type", x.text(), dtype_name(x.dtype));
    GW_TRY_DO(check_quant(x.quant, x.dtype, x.shape, about(context, "x")));
    return one({DType::float32, x.shape, {}}, context);
}
void evaluate(const Dequantize&, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor real = in[0]->dequantized();
    copy_run(real, 0, out[0], 0, real.elements());
}
Work work(const Dequantize&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Dequantize&, std::span<const Type* const>, const Type&, const Box& out_box, size_t) { return out_box; }

}  // namespace gw
