// Product of two activations, leading dimensions broadcast. The second operand is transposed once a matrix, so that both sides are rows.
#include "ops/gemm.h"
#include "ops/support.h"

namespace gw {
using namespace detail;
namespace {
Shape leading(const Shape& s) { return Shape(std::vector<int64_t>(s.dims().begin(), s.dims().end() - 2)); }

// Calls f(result matrix, matrix of a, matrix of b) for every leading index.
template <class F>
void each_matrix(const Shape& a, const Shape& b, const Shape& y, F f) {
    const Shape batch = leading(y);
    std::vector<int64_t> at(static_cast<size_t>(batch.elements()));
    walk(batch.dims(), broadcast_strides(leading(a), batch), 0, [&](int64_t i, int64_t j) { at[static_cast<size_t>(i)] = j; });
    walk(batch.dims(), broadcast_strides(leading(b), batch), 0, [&](int64_t i, int64_t j) { f(i, at[static_cast<size_t>(i)], j); });
}

template <class From, class To>
void transpose_into(const From* from, int64_t k, int64_t n, int64_t depth, To zero, To* to) {
    for (int64_t i = 0; i < k; ++i)
        for (int64_t j = 0; j < n; ++j) to[j * depth + i] = static_cast<To>(from[i * n + j] - zero);
}
}  // namespace

Expected<std::vector<Type>> infer(const MatMul& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 2, context));
    const Type& a = *in[0].type;
    const Type& b = *in[1].type;
    if (a.shape.rank() < 2) return about(context, "a").fail("{} has rank {}, expected at least 2", a.text(), a.shape.rank());
    if (b.shape.rank() < 2) return about(context, "b").fail("{} has rank {}, expected at least 2", b.text(), b.shape.rank());
    if (a.dtype != DType::float32 && !is_quantized_int(a.dtype)) {
        return about(context, "a").fail("{} has element type {}, expected f32, i8 or i16", a.text(), dtype_name(a.dtype));
    }
    if (b.dtype != a.dtype)
        return about(context, "b").fail("{} has element type {}, expected {} as a", b.text(), dtype_name(b.dtype), dtype_name(a.dtype));
    if (b.shape[b.shape.rank() - 2] != a.shape.back()) {
        return about(context, "b")
            .fail("{} has {} rows, but a {} has {} columns", b.text(), b.shape[b.shape.rank() - 2], a.text(), a.shape.back());
    }
    const std::optional<Shape> batch = broadcast(leading(a.shape), leading(b.shape));
    if (!batch) return context.fail("leading dimensions of {} and {} do not broadcast", a.text(), b.text());
    if (a.dtype != DType::float32) {
        GW_TRY_DO(check_zero_point(op.a_zero, "a_zero", context, a.dtype));
        GW_TRY_DO(check_zero_point(op.b_zero, "b_zero", context, a.dtype));
        if (op.requant.empty() && a.dtype != DType::int16)
            return context.fail("a product of {} data needs a requantization", dtype_name(a.dtype));
        if (!op.requant.empty()) GW_TRY_DO(check_requant(op.requant, 1, context, a.dtype));
        if (!op.requant.empty() && (a.dtype == DType::int16) != (op.requant.rounding == Rounding::wide))
            return context.fail("sums of {} are not requantized {}", dtype_name(a.dtype), rounding_name(op.requant.rounding));
    } else {
        if (op.a_zero != 0 || op.b_zero != 0) return context.fail("a float op has no zero points");
        GW_TRY_DO(check_float_only(op.requant, context));
    }
    std::vector<int64_t> dims = batch->dims();
    dims.push_back(a.shape[a.shape.rank() - 2]);
    dims.push_back(b.shape.back());
    const bool sums = a.dtype != DType::float32 && op.requant.empty();
    return one({sums ? DType::int32 : a.dtype, Shape(std::move(dims)), {}}, context);
}

void evaluate(const MatMul& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Shape& as = in[0]->shape();
    const Shape& bs = in[1]->shape();
    const int64_t m = as[as.rank() - 2];
    const int64_t k = as.back();
    const int64_t n = bs.back();
    if (in[0]->type.dtype == DType::float32) {
        const float* a = in[0]->data<float>().data();
        const float* b = in[1]->data<float>().data();
        float* y = out[0].mutable_data<float>().data();
        std::vector<float> bt(static_cast<size_t>(n * k));
        each_matrix(as, bs, out[0].shape(), [&](int64_t i, int64_t ia, int64_t ib) {
            transpose_into(b + ib * k * n, k, n, k, 0.0f, bt.data());
            float_gemm(a + ia * m * k, m, bt.data(), n, k, y + i * m * n, n);
        });
        return;
    }
    const int64_t depth = int_depth(k);
    std::vector<int16_t> aw(static_cast<size_t>(m * depth));
    std::vector<int16_t> bt(static_cast<size_t>(n * depth));
    with_int_type(in[0]->type.dtype, [&](auto element) {
        using T = decltype(element);
        const T *a = raw<T>(*in[0]), *b = raw<T>(*in[1]);
        std::vector<std::conditional_t<sizeof(T) == 1, int32_t, int64_t>> acc(static_cast<size_t>(m * n));
        each_matrix(as, bs, out[0].shape(), [&](int64_t i, int64_t ia, int64_t ib) {
            for (int64_t r = 0; r < m; ++r)
                for (int64_t c = 0; c < k; ++c)
                    aw[static_cast<size_t>(r * depth + c)] = static_cast<int16_t>(a[(ia * m + r) * k + c] - op.a_zero);
            transpose_into(b + ib * k * n, k, n, depth, static_cast<int16_t>(op.b_zero), bt.data());
            int_gemm(aw.data(), m, bt.data(), n, depth, acc.data(), n);
            for (int64_t e = 0; e < m * n; ++e) {
                const int64_t sum = acc[static_cast<size_t>(e)];
                if (op.requant.empty())
                    raw<int32_t>(out[0])[i * m * n + e] = static_cast<int32_t>(sum);
                else
                    raw<T>(out[0])[i * m * n + e] = static_cast<T>(op.requant.apply(sum, 0));
            }
        });
    });
}

Work work(const MatMul&, std::span<const Type* const> in, std::span<const Type* const> out) {
    return {.macs = out[0]->elements() * in[0]->shape.back()};
}

std::optional<Box> needs(const MatMul&, std::span<const Type* const> in, const Type&, const Box& out_box, size_t operand) {
    // Leading dimensions as any broadcast; of the last two, a keeps its rows and b its columns.
    const Shape& s = in[operand]->shape;
    Box b = broadcast_box(s, out_box);
    const size_t inner = b.begin.size() - (operand == 0 ? 1 : 2);
    const size_t outer = b.begin.size() - (operand == 0 ? 2 : 1);
    b.begin[inner] = 0, b.end[inner] = s[static_cast<int64_t>(inner)];
    b.begin[outer] = out_box.begin[out_box.begin.size() - (operand == 0 ? 2 : 1)];
    b.end[outer] = out_box.end[out_box.end.size() - (operand == 0 ? 2 : 1)];
    return b;
}

}  // namespace gw
