// TFLite's normalization of int8 lines to length 1. The root is a fixed-point number (src/tensor/fixed_functions.h); scale and rounding of
// the result follow from it alone, so the op has no requantization of its own.
#include "ops/support.h"
#include "tensor/fixed_functions.h"

namespace gw {
using namespace detail;

Expected<std::vector<Type>> infer(const L2Norm& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (x.dtype != DType::int8) return about(context, "x").fail("{} has element type {}, expected i8", x.text(), dtype_name(x.dtype));
    if (x.shape.rank() < 1) return about(context, "x").fail("{} is a scalar, expected at least one dimension", x.text());
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context));
    constexpr int64_t most = (int64_t{1} << 31) / (255 * 255);  // squares that fit 32 bits together
    if (x.shape.back() > most) return about(context, "x").fail("{} has lines of more than {} elements", x.text(), most);
    return one({DType::int8, x.shape, Quant::tensor(1.0f / 128, 0)}, context);
}

void evaluate(const L2Norm& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    const int64_t n = x.shape().back();
    const int8_t* from = raw<int8_t>(x);
    int8_t* to = raw<int8_t>(out[0]);
    for (int64_t line = 0; line < x.elements(); line += n) {
        int32_t sum = 0;
        for (int64_t k = 0; k < n; ++k) sum += (from[line + k] - op.x_zero) * (from[line + k] - op.x_zero);
        const FixedInverseSqrt root = fixed_inverse_sqrt(sum);
        for (int64_t k = 0; k < n; ++k) {
            const int32_t v = multiply_by_quantized_multiplier(from[line + k] - op.x_zero, root.multiplier, root.shift + 7);
            to[line + k] = static_cast<int8_t>(std::clamp(v, -128, 127));
        }
    }
}

Work work(const L2Norm&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const L2Norm&, std::span<const Type* const> in, const Type&, const Box& out_box, size_t) {
    Box b = out_box;
    b.begin.back() = 0, b.end.back() = in[0]->shape.back();
    return b;
}

}  // namespace gw
