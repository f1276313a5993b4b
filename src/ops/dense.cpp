// Fully connected layers: every row of x (all dimensions but the last) times the rows of the weights.
#include "ops/gemm.h"
#include "ops/weighted.h"

namespace gw {
using namespace detail;

Expected<std::vector<Type>> infer(const Dense& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 2, context));
    const Type& x = *in[0].type;
    const Type& w = *in[1].type;
    if (x.shape.rank() < 1) return about(context, "x").fail("{} is a scalar, expected at least one dimension", x.text());
    GW_TRY_DO(check_rank(w, 2, "w", "(O, K)", context));
    if (x.shape.back() != w.shape[1]) {
        return about(context, "w").fail("{} takes {} inputs, but x {} has {}", w.text(), w.shape[1], x.text(), x.shape.back());
    }
    GW_TRY_DO(check_weighted(op, in, w.shape[0], context));
    Type y{type_of_result(x, op.requant), x.shape, {}};
    y.shape[y.shape.rank() - 1] = w.shape[0];
    return one(std::move(y), context);
}

void evaluate(const Dense& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    const Tensor& w = *in[1];
    const Tensor* bias = given(in, 2);
    const int64_t o = w.shape()[0];
    const int64_t k = w.shape()[1];
    const int64_t rows = x.elements() / k;
    if (x.type.dtype == DType::float32) {
        const Tensor real = real_weights(w);
        float* y = out[0].mutable_data<float>().data();
        float_gemm(x.data<float>().data(), rows, real.data<float>().data(), o, k, y, o);
        for (int64_t r = 0; r < rows; ++r) finish_float(op, y + r * o, bias ? bias->data<float>().data() : nullptr, 0, o, y + r * o);
        return;
    }
    const int64_t depth = int_depth(k);
    const auto widen = [&](const auto* from, int64_t n, int32_t zero) {
        std::vector<int16_t> v(static_cast<size_t>(n * depth));
        for (int64_t r = 0; r < n; ++r)
            for (int64_t i = 0; i < k; ++i) v[static_cast<size_t>(r * depth + i)] = static_cast<int16_t>(from[r * k + i] - zero);
        return v;
    };
    const std::vector<int16_t> ws = widen(w.data<int8_t>().data(), o, op.w_zero);
    const std::vector<int64_t> b = integer_bias(bias);
    with_element_types(x.type, op.requant, [&](auto element, auto result, auto sum) {
        const std::vector<int16_t> xs = widen(raw<decltype(element)>(x), rows, op.x_zero);
        std::vector<decltype(sum)> acc(static_cast<size_t>(rows * o));
        int_gemm(xs.data(), rows, ws.data(), o, depth, acc.data(), o);
        for (int64_t r = 0; r < rows; ++r) finish_int(op, acc.data() + r * o, b, 0, o, raw<decltype(result)>(out[0]) + r * o);
    });
}

Work work(const Dense&, std::span<const Type* const> in, std::span<const Type* const> out) {
    return {.macs = out[0]->elements() * in[1]->shape[1]};
}

std::optional<Box> needs(const Dense&, std::span<const Type* const> in, const Type&, const Box& out_box, size_t operand) {
    Box b = whole(in[operand]->shape);
    if (operand > 0) {
        b.begin[0] = out_box.begin.back(), b.end[0] = out_box.end.back();
        return b;
    }
    for (size_t i = 0; i + 1 < b.begin.size(); ++i) b.begin[i] = out_box.begin[i], b.end[i] = out_box.end[i];
    return b;
}

}  // namespace gw
