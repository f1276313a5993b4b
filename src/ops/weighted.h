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

// A bias of sums of 64 bits, where it is known: leaves room for the products below 2^47.
inline Status check_wide_bias(const Operand& bias, const InferContext& context) {
    if (bias.value == nullptr) return {};
    for (int64_t b : bias.value->ints())
        if (std::abs(b) > int64_t{1} << 46)
            return about(context, "bias").fail("{} is beyond 2^46, and rescaling is defined for sums below 2^47", b);
    return {};
}

// Sums of i16 data: 64 bits and the form `wide` with an i64 bias, 32 bits and the form `twice` with an i32 bias, either without one.
inline Status check_wide_sums(const Requant& r, std::span<const Operand> in, const InferContext& context) {
    if (r.rounding != Rounding::wide && r.rounding != Rounding::twice)
        return context.fail("sums of i16 data are requantized `wide` or `twice`, not {}", rounding_name(r.rounding));
    return has(in, 2) && r.rounding == Rounding::wide ? check_wide_bias(in[2], context) : Status{};
}

// Whether the results are sums: of integers, without a requantization.
inline bool gives_sums(const Type& x, const Requant& r) { return x.dtype != DType::float32 && r.empty(); }
inline DType type_of_result(const Type& x, const Requant& r) { return gives_sums(x, r) ? DType::int32 : x.dtype; }

// Types of the operands x, w, bias (f32 f32 f32, f32 i8 f32 where w carries its scales, with a requantization i8 i8 i32, i16 i8 i32 and
// i16 i8 i64, without one also u8 i8 i32) and the fields that go with them; o output channels.
template <class T>
Status check_weighted(const T& op, std::span<const Operand> in, int64_t o, const InferContext& context) {
    const Type& x = *in[0].type;
    const Type& w = *in[1].type;
    const bool sums = gives_sums(x, op.requant);
    if (x.dtype != DType::float32 && !is_quantized_int(x.dtype) && !(sums && x.dtype == DType::uint8)) {
        return about(context, "x")
            .fail("{} has element type {}, expected f32, i8 or i16{}", x.text(), dtype_name(x.dtype),
                  x.dtype == DType::uint8 ? ", or u8 without a requantization" : "");
    }
    if (x.dtype == DType::float32 && w.dtype == DType::int8) {
        GW_TRY_DO(check_hybrid_weights(w, context));
    } else if (const DType expected = x.dtype == DType::float32 ? x.dtype : DType::int8; w.dtype != expected) {
        return about(context, "w")
            .fail("{} has element type {}, expected {} {}", w.text(), dtype_name(w.dtype), dtype_name(expected),
                  x.dtype == expected ? "as x" : fmt::format("for {} data", dtype_name(x.dtype)));
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
        if (op.w_zero != 0) return context.fail("w_zero is {}, but a float op has no zero point", op.w_zero);
        return check_float_only(op.requant, context);
    }
    GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
    GW_TRY_DO(check_zero_point(op.w_zero, "w_zero", context));
    if (x.dtype == DType::uint8) {
        if (op.x_zero < 0 || op.x_zero > 255) return context.fail("x_zero is {}, expected 0 to 255", op.x_zero);
    } else {
        GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context, x.dtype));
    }
    if (sums) return {};
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
// Y: i8 with sums of 32 bits, i16 with sums of 64; i32, the sums themselves, without a requantization.
template <class T, class Acc, class Y>
void finish_int(const T& op, const Acc* acc, const std::vector<int64_t>& bias, int64_t o0, int64_t count, Y* y) {
    for (int64_t i = 0; i < count; ++i) {
        const int64_t sum = int64_t{acc[i]} + (bias.empty() ? 0 : bias[static_cast<size_t>(o0 + i)]);
        if constexpr (std::is_same_v<Y, int32_t>)
            y[o0 + i] = static_cast<int32_t>(sum);
        else
            y[o0 + i] = static_cast<Y>(op.requant.apply(sum, o0 + i));
    }
}
// The type of such sums.
template <class Y>
using SumOf = std::conditional_t<sizeof(Y) == 1, int32_t, int64_t>;
// Calls f with an element of x, one of y and a sum, of an integer op.
template <class F>
void with_element_types(const Type& x, const Requant& r, F f) {
    if (x.dtype == DType::uint8) return f(uint8_t{}, int32_t{}, int64_t{});
    with_int_type(x.dtype, [&](auto element) {
        if (gives_sums(x, r))
            f(element, int32_t{}, int64_t{});
        else
            f(element, element, SumOf<decltype(element)>{});
    });
}
// w − zero.
inline std::vector<int16_t> centred_weights(const Tensor& w, int32_t zero) {
    std::vector<int16_t> v;
    v.reserve(static_cast<size_t>(w.elements()));
    for (const int8_t i : w.data<int8_t>()) v.push_back(static_cast<int16_t>(i - zero));
    return v;
}
// A bias of integers; empty without one.
inline std::vector<int64_t> integer_bias(const Tensor* bias) { return bias == nullptr ? std::vector<int64_t>{} : bias->ints(); }

}  // namespace gw::detail
