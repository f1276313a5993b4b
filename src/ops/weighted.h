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

// Sums of i16 data: 64 bits and the form `wide` with an i64 bias, 32 bits and the form `twice` with an i32 bias, either without one.
inline Status check_wide_sums(const Requant& r, std::span<const Operand> in, const InferContext& context) {
    if (r.rounding != Rounding::wide && r.rounding != Rounding::twice)
        return context.fail("sums of i16 data are requantized `wide` or `twice`, not {}", rounding_name(r.rounding));
    if (!has(in, 2) || in[2].value == nullptr || r.rounding == Rounding::twice) return {};
    for (int64_t b : in[2].value->ints())
        if (std::abs(b) > int64_t{1} << 46)  // leaves room for the products below 2^47
            return about(context, "bias").fail("{} is beyond 2^46, and rescaling is defined for sums below 2^47", b);
    return {};
}

// Types of the operands x, w, bias (f32 f32 f32, f32 i8 f32 where w carries its scales, or with a requantization i8 i8 i32, i16 i8 i32 and
// i16 i8 i64) and the fields that go with them; o output channels.
template <class T>
Status check_weighted(const T& op, std::span<const Operand> in, int64_t o, const InferContext& context) {
    const Type& x = *in[0].type;
    const Type& w = *in[1].type;
    if (x.dtype != DType::float32 && !is_quantized_int(x.dtype)) {
        return about(context, "x").fail("{} has element type {}, expected f32, i8 or i16", x.text(), dtype_name(x.dtype));
    }
    if (x.dtype == DType::float32 && w.dtype == DType::int8) {
        GW_TRY_DO(check_hybrid_weights(w, context));
    } else if (w.dtype != (x.dtype == DType::int16 ? DType::int8 : x.dtype)) {
        return about(context, "w")
            .fail("{} has element type {}, expected {}", w.text(), dtype_name(w.dtype),
                  x.dtype == DType::int16 ? "i8 for i16 data" : fmt::format("{} as x", dtype_name(x.dtype)));
    }
    const bool integer = x.dtype != DType::float32;
    if (has(in, 2)) {
        const Type& bias = *in[2].type;
        const DType expected = !integer ? DType::float32 : op.requant.rounding == Rounding::wide ? DType::int64 : DType::int32;
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
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context, x.dtype));
    GW_TRY_DO(check_requant(op.requant, o, context, x.dtype));
    if (x.dtype == DType::int16) return check_wide_sums(op.requant, in, context);
    if (op.requant.rounding == Rounding::wide) return context.fail("sums of i8 data have 32 bits and are not requantized `wide`");
    return {};
}

// y[o0 + i] = act(acc[i] + bias[o0 + i]) for i in [0, count); y is one output position, bias may be nullptr.
template <class T>
void finish_float(const T& op, const float* acc, const float* bias, int64_t o0, int64_t count, float* y) {
    for (int64_t i = 0; i < count; ++i) y[o0 + i] = clamp_to(acc[i] + (bias ? bias[o0 + i] : 0.0f), op.act_lo, op.act_hi);
}
// Y: i8 with sums of 32 bits, i16 with sums of 64.
template <class T, class Acc, class Y>
void finish_int(const T& op, const Acc* acc, const std::vector<int64_t>& bias, int64_t o0, int64_t count, Y* y) {
    for (int64_t i = 0; i < count; ++i) {
        const int64_t sum = int64_t{acc[i]} + (bias.empty() ? 0 : bias[static_cast<size_t>(o0 + i)]);
        y[o0 + i] = static_cast<Y>(op.requant.apply(sum, o0 + i));
    }
}
// The type of such sums.
template <class Y>
using SumOf = std::conditional_t<sizeof(Y) == 1, int32_t, int64_t>;
// A bias of integers; empty without one.
inline std::vector<int64_t> integer_bias(const Tensor* bias) { return bias == nullptr ? std::vector<int64_t>{} : bias->ints(); }

}  // namespace gw::detail
