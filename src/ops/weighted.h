// What conv2d and dense share: types of x, w and bias, and the way from sums to results. Only for src/ops.
#pragma once
#include "ops/support.h"

namespace gw::detail {

// int8 weights of a float op: symmetric, with one scale or one an output channel.
inline Status check_hybrid_weights(const Type& w, const InferContext& context) {
    const Quant& q = w.quant;
    if (q.empty()) return about(context, "w").fail("{} has no scale, which i8 weights of float data need", w.text());
    if (!q.per_tensor() && (q.axis != 0 || q.block != 0 || static_cast<int64_t>(q.scales.size()) != w.shape[0]))
        return about(context, "w").fail("{} has neither one scale nor one an output channel", w.text());
    for (int32_t z : q.zero_points)
        if (z != 0) return about(context, "w").fail("{} has a zero point {}, expected 0", w.text(), z);
    return {};
}
// Weights of a float op as floats: i8 weights are dequantized.
inline Tensor real_weights(const Tensor& w) { return w.type.dtype == DType::float32 ? w : w.dequantized(); }

// Types of the operands x, w, bias (f32 f32 f32, f32 i8 f32 where w carries its scales, or i8 i8 i32 with a requantization) and the fields
// that go with them; o output channels.
template <class T>
Status check_weighted(const T& op, std::span<const Operand> in, int64_t o, const InferContext& context) {
    const Type& x = *in[0].type;
    const Type& w = *in[1].type;
    if (x.dtype != DType::float32 && x.dtype != DType::int8) {
        return about(context, "x").fail("{} has element type {}, expected f32 or i8", x.text(), dtype_name(x.dtype));
    }
    if (x.dtype == DType::float32 && w.dtype == DType::int8) {
        GW_TRY_DO(check_hybrid_weights(w, context));
    } else if (w.dtype != x.dtype) {
        return about(context, "w").fail("{} has element type {}, expected {} as x", w.text(), dtype_name(w.dtype), dtype_name(x.dtype));
    }
    const bool integer = x.dtype == DType::int8;
    if (has(in, 2)) {
        const Type& bias = *in[2].type;
        const DType expected = integer ? DType::int32 : DType::float32;
        if (bias.dtype != expected || bias.shape != Shape{o}) {
            return about(context, "bias").fail("{} given, expected {}[{}]", bias.text(), dtype_name(expected), o);
        }
    }
    if (!integer) {
        if (op.act_lo > op.act_hi) return context.fail("act_lo {} is above act_hi {}", op.act_lo, op.act_hi);
        if (op.x_zero != 0) return context.fail("x_zero is {}, but a float op has no zero point", op.x_zero);
        return check_float_only(op.requant, context);
    }
    GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context));
    return check_requant(op.requant, o, context);
}

// y[o0 + i] = act(acc[i] + bias[o0 + i]) for i in [0, count); y is one output position, bias may be nullptr.
template <class T>
void finish_float(const T& op, const float* acc, const float* bias, int64_t o0, int64_t count, float* y) {
    for (int64_t i = 0; i < count; ++i) y[o0 + i] = clamp_to(acc[i] + (bias ? bias[o0 + i] : 0.0f), op.act_lo, op.act_hi);
}
template <class T>
void finish_int(const T& op, const int32_t* acc, const int32_t* bias, int64_t o0, int64_t count, int8_t* y) {
    for (int64_t i = 0; i < count; ++i) y[o0 + i] = static_cast<int8_t>(op.requant.apply(acc[i] + (bias ? bias[o0 + i] : 0), o0 + i));
}

}  // namespace gw::detail
