// TFLite's SVDF (Nakkiran et al., "Compressing Deep Neural Networks using a Rank-Constrained Topology", 2015): a layer over the last M
// inputs whose filters are a product of a weight a feature and a weight a moment. The memory of each filter is a state.
#include "ops/support.h"

namespace gw {
using namespace detail;

namespace {
enum : size_t { op_x, op_feature, op_time, op_state, op_bias };

Status check_integer(const Svdf& op, DType state, const InferContext& context) {
    GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context));
    Requant r = op.feature_requant;
    const int32_t lo = state == DType::int8 ? -128 : -32768, hi = state == DType::int8 ? 127 : 32767;
    if (r.lo != lo || r.hi != hi)
        return context.fail("feature_requant clamps to [{}, {}], expected the range of {}", r.lo, r.hi, dtype_name(state));
    r.lo = -128, r.hi = 127;
    GW_TRY_DO(check_requant(r, 1, context));
    return check_requant(op.requant, 1, context);
}
}  // namespace

Expected<std::vector<Type>> infer(const Svdf& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 4, context));
    const Type &x = *in[op_x].type, &feature = *in[op_feature].type, &time = *in[op_time].type, &state = *in[op_state].type;
    if (x.dtype != DType::float32 && x.dtype != DType::int8)
        return about(context, "x").fail("{} has element type {}, expected f32 or i8", x.text(), dtype_name(x.dtype));
    GW_TRY_DO(check_rank(x, 2, "x", "(N, I)", context));
    GW_TRY_DO(check_rank(feature, 2, "feature", "(F, I)", context));
    GW_TRY_DO(check_rank(time, 2, "time", "(F, M)", context));
    const bool integer = x.dtype == DType::int8;
    const int64_t filters = feature.shape[0];
    if (op.rank < 1 || filters % op.rank != 0) return context.fail("{} filters are not units of rank {}", filters, op.rank);
    if (feature.dtype != x.dtype || feature.shape[1] != x.shape[1])
        return about(context, "feature").fail("{} given, expected {}[{},{}]", feature.text(), dtype_name(x.dtype), filters, x.shape[1]);
    const bool memory_good = integer ? state.dtype == DType::int8 || state.dtype == DType::int16 : state.dtype == DType::float32;
    const Shape memory{x.shape[0], filters * time.shape[1]};
    if (!memory_good || state.shape != memory)
        return about(context, "state").fail("{} given, expected {}{}", state.text(), integer ? "i8 or i16 " : "f32", memory.text());
    if (time.dtype != state.dtype || time.shape[0] != filters)
        return about(context, "time").fail("{} given, expected {}[{},M]", time.text(), dtype_name(state.dtype), filters);
    const int64_t units = filters / op.rank;
    if (has(in, op_bias)) {
        const Type& bias = *in[op_bias].type;
        const DType expected = integer ? DType::int32 : DType::float32;
        if (bias.dtype != expected || bias.shape != Shape{units})
            return about(context, "bias").fail("{} given, expected {}[{}]", bias.text(), dtype_name(expected), units);
    }
    if (integer) {
        GW_TRY_DO(check_integer(op, state.dtype, context));
    } else {
        GW_TRY_DO(check_float_only(op.feature_requant, context));
        GW_TRY_DO(check_float_only(op.requant, context));
        if (op.x_zero != 0) return context.fail("x_zero is {}, but a float op has no zero point", op.x_zero);
        if (op.act_lo > op.act_hi) return context.fail("act_lo {} is above act_hi {}", op.act_lo, op.act_hi);
    }
    GW_TRY(std::vector<Type> results, one({x.dtype, Shape{x.shape[0], units}, {}}, context));
    results.push_back({state.dtype, memory, {}});
    return results;
}

namespace {
// X of x, feature and y, M of the memory and its weights, A of sums.
template <class X, class M, class A, class Feature, class Finish>
void run(const Svdf& op, std::span<const Tensor* const> in, std::span<Tensor> out, int32_t memory_zero, Feature feature, Finish finish) {
    const int64_t batch = in[op_x]->shape()[0], inputs = in[op_x]->shape()[1], filters = in[op_feature]->shape()[0],
                  moments = in[op_time]->shape()[1], units = filters / op.rank;
    const X *x = in[op_x]->data<X>().data(), *wf = in[op_feature]->data<X>().data();
    const M *wt = in[op_time]->data<M>().data(), *old = in[op_state]->data<M>().data();
    X* y = out[0].mutable_data<X>().data();
    M* memory = out[1].mutable_data<M>().data();
    const Tensor* bias = given(in, op_bias);
    for (int64_t n = 0; n < batch; ++n) {
        for (int64_t u = 0; u < units; ++u) {
            A sum = bias != nullptr ? bias->data<A>()[static_cast<size_t>(u)] : A{0};
            for (int64_t f = u * op.rank; f < (u + 1) * op.rank; ++f) {
                A dot = 0;
                for (int64_t i = 0; i < inputs; ++i)
                    dot += static_cast<A>(wf[f * inputs + i]) * (static_cast<A>(x[n * inputs + i]) - static_cast<A>(op.x_zero));
                M* row = memory + (n * filters + f) * moments;
                std::copy_n(old + (n * filters + f) * moments + 1, moments - 1, row);
                row[moments - 1] = feature(dot);
                A part = 0;
                for (int64_t m = 0; m < moments; ++m)
                    part += static_cast<A>(wt[f * moments + m]) * (static_cast<A>(row[m]) - static_cast<A>(memory_zero));
                sum += part;
            }
            y[n * units + u] = finish(sum);
        }
    }
}
}  // namespace

void evaluate(const Svdf& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    if (in[op_x]->type.dtype == DType::float32) {
        run<float, float, float>(
            op, in, out, 0, [](float v) { return v; }, [&](float v) { return clamp_to(v, op.act_lo, op.act_hi); });
        return;
    }
    const auto feature = [&](int32_t v) { return op.feature_requant.apply(v, 0); };
    const auto finish = [&](int32_t v) { return static_cast<int8_t>(op.requant.apply(v, 0)); };
    const int32_t zero = op.feature_requant.zero_point;
    if (in[op_state]->type.dtype == DType::int8)
        run<int8_t, int8_t, int32_t>(
            op, in, out, zero, [&](int32_t v) { return static_cast<int8_t>(feature(v)); }, finish);
    else
        run<int8_t, int16_t, int32_t>(
            op, in, out, zero, [&](int32_t v) { return static_cast<int16_t>(feature(v)); }, finish);
}

Work work(const Svdf&, std::span<const Type* const> in, std::span<const Type* const>) {
    return {.macs = in[op_x]->shape[0] * (in[op_feature]->elements() + in[op_time]->elements())};
}

std::optional<Box> needs(const Svdf&, std::span<const Type* const>, const Type&, const Box&, size_t) { return std::nullopt; }

}  // namespace gw
