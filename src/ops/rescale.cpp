// Functions of one int16 value. A table of 65,536 entries would be too large, so what TFLite defines on int16 is computed: another scale,
// clamps and leaky rectifiers as one op of one or two rescalings, logistic and hyperbolic tangent by an interpolated table. int8 comes in
// where a value changes between the two types.
#include "ops/support.h"
#include "tensor/fixed_functions.h"

namespace gw {
using namespace detail;

Expected<std::vector<Type>> infer(const Rescale& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (!is_quantized_int(x.dtype))
        return about(context, "x").fail("{} has element type {}, expected i8 or i16", x.text(), dtype_name(x.dtype));
    if (!is_quantized_int(op.to)) return context.fail("rescales to {}, expected i8 or i16", dtype_name(op.to));
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context, x.dtype));
    GW_TRY_DO(check_requant(op.requant, 1, context, op.to));
    if (!op.below.empty()) GW_TRY_DO(check_requant(op.below, 1, context, op.to));
    if (op.magnitude && !op.below.empty()) return context.fail("`below` is given, but a magnitude is never below 0");
    for (const Requant* r : {&op.requant, &op.below}) {
        if (r->rounding == Rounding::wide || r->rounding == Rounding::narrow)
            return context.fail("a rescaling is not of the form `{}`", rounding_name(r->rounding));
        if (r->rounding == Rounding::twice && r->shift[0] > 15)  // |x − x_zero| ≤ 2^15
            return context.fail("shift {} lets a value of i16 overflow", r->shift[0]);
    }
    return one({op.to, x.shape, {}}, context);
}

void evaluate(const Rescale& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    const auto value = [&](int32_t centred) {
        if (op.magnitude) centred = std::abs(centred);
        return (centred < 0 && !op.below.empty() ? op.below : op.requant).apply(centred, 0);
    };
    with_int_type(x.type.dtype, [&](auto from) {
        with_int_type(op.to, [&](auto to) {
            const auto* p = raw<decltype(from)>(x);
            auto* y = raw<decltype(to)>(out[0]);
            for (int64_t i = 0; i < x.elements(); ++i) y[i] = static_cast<decltype(to)>(value(p[i] - op.x_zero));
        });
    });
}

Work work(const Rescale&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Rescale&, std::span<const Type* const>, const Type&, const Box& out_box, size_t) { return out_box; }

Expected<std::vector<Type>> infer(const Sigmoid16& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (x.dtype != DType::int16) return about(context, "x").fail("{} has element type {}, expected i16", x.text(), dtype_name(x.dtype));
    if (op.kind != UnaryKind::sigmoid && op.kind != UnaryKind::tanh)
        return context.fail("{} is not a function of i16, expected sigmoid or tanh", enum_name(op.kind));
    // Keeps product and rounding within 32 bits.
    if (op.multiplier < 0 || op.multiplier > 32767 || op.shift < 0 || op.shift > 31)
        return context.fail("multiplier {} or shift {} is out of range", op.multiplier, op.shift);
    return one({DType::int16, x.shape, Quant::tensor(1.0f / 32768, 0)}, context);
}

void evaluate(const Sigmoid16& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const int16_t* x = raw<int16_t>(*in[0]);
    int16_t* y = raw<int16_t>(out[0]);
    const int32_t half = op.shift > 0 ? int32_t{1} << (op.shift - 1) : 0;
    for (int64_t i = 0; i < in[0]->elements(); ++i) {
        const int32_t argument = (x[i] * op.multiplier + half) >> op.shift;
        y[i] = op.kind == UnaryKind::tanh ? fixed_tanh16(argument) : fixed_logistic16(argument);
    }
}

Work work(const Sigmoid16&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Sigmoid16&, std::span<const Type* const>, const Type&, const Box& out_box, size_t) { return out_box; }

}  // namespace gw
