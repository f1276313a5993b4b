// Reductions over some axes. Each element of x is folded into the element of the result it belongs to: the walk over x carries the index in
// y along, with stride 0 on the reduced axes. Float sums, means and products are accumulated in double and rounded once at the end;
// integers are exact (int32 and int64 wrap as two's complement does).
#include <cmath>

#include "ops/support.h"

namespace gw {
using namespace detail;
namespace {
std::vector<bool> reduced(const Reduce& op, const Shape& x) {
    std::vector<bool> r(x.dims().size(), false);
    for (int64_t a : op.axes) r[static_cast<size_t>(a)] = true;
    return r;
}

// Strides that take an index of x to the element of y.
std::vector<int64_t> result_strides(const Reduce& op, const Shape& x) {
    const std::vector<bool> r = reduced(op, x);
    std::vector<int64_t> strides(r.size(), 0);
    int64_t step = 1;
    for (size_t i = r.size(); i-- > 0;) {
        if (r[i]) continue;
        strides[i] = step;
        step *= x[static_cast<int64_t>(i)];
    }
    return strides;
}

template <class Acc>
Acc start(ReduceKind kind) {
    switch (kind) {
        case ReduceKind::max:
            return std::numeric_limits<Acc>::has_infinity ? -std::numeric_limits<Acc>::infinity() : std::numeric_limits<Acc>::lowest();
        case ReduceKind::min:
            return std::numeric_limits<Acc>::has_infinity ? std::numeric_limits<Acc>::infinity() : std::numeric_limits<Acc>::max();
        case ReduceKind::product:
            return Acc{1};
        default:
            return Acc{0};
    }
}

// All elements of x folded, one accumulator an element of y. `zero` is taken off first.
template <class T, class Acc>
std::vector<Acc> fold(const Reduce& op, const Tensor& x, Acc zero, int64_t results) {
    std::vector<Acc> acc(static_cast<size_t>(results), start<Acc>(op.kind));
    const T* from = raw<T>(x);
    const auto each = [&](auto combine) {
        walk(x.shape().dims(), result_strides(op, x.shape()), 0, [&](int64_t i, int64_t j) {
            Acc& a = acc[static_cast<size_t>(j)];
            a = combine(a, static_cast<Acc>(static_cast<Acc>(from[i]) - zero));
        });
    };
    switch (op.kind) {
        case ReduceKind::max:
            each([](Acc a, Acc b) { return std::max(a, b); });
            break;
        case ReduceKind::min:
            each([](Acc a, Acc b) { return std::min(a, b); });
            break;
        case ReduceKind::product:
            each([](Acc a, Acc b) { return a * b; });
            break;
        default:
            each([](Acc a, Acc b) { return a + b; });
            break;
    }
    return acc;
}

template <class T, class Acc>
void reduce_plain(const Reduce& op, const Tensor& x, Tensor& y) {
    const int64_t n = y.elements();
    const std::vector<Acc> acc = fold<T, Acc>(op, x, Acc{0}, n);
    const int64_t summed = x.elements() / n;
    const auto count = static_cast<Acc>(summed);
    T* to = raw<T>(y);
    for (size_t i = 0; i < acc.size(); ++i) to[i] = static_cast<T>(op.kind == ReduceKind::mean ? acc[i] / count : acc[i]);
}
}  // namespace

Expected<std::vector<Type>> infer(const Reduce& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (x.elements() == 0) return about(context, "x").fail("{} has no elements", x.text());
    if (op.axes.empty()) return context.fail("no axes to reduce");
    for (size_t i = 0; i < op.axes.size(); ++i) {
        if (op.axes[i] < 0 || op.axes[i] >= x.shape.rank()) return context.fail("axis {} is out of range for x {}", op.axes[i], x.text());
        if (i > 0 && op.axes[i] <= op.axes[i - 1]) return context.fail("axes are not sorted, or one is there twice");
    }
    Type y{x.dtype, {}, {}};
    switch (x.dtype) {
        case DType::float32:
        case DType::int32:
        case DType::int64:
            if (op.x_zero != 0) return context.fail("x_zero is {}, expected 0 for {}", op.x_zero, dtype_name(x.dtype));
            GW_TRY_DO(check_float_only(op.requant, context));
            break;
        case DType::int8:
        case DType::int16:
            if (op.kind == ReduceKind::product) return context.fail("a product of {} is not defined", dtype_name(x.dtype));
            if (op.kind == ReduceKind::max || op.kind == ReduceKind::min) {
                GW_TRY_DO(check_float_only(op.requant, context));
                y.quant = x.quant;
            } else {
                GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context, x.dtype));
                GW_TRY_DO(check_requant(op.requant, 1, context, x.dtype));
                if (op.requant.rounding == Rounding::wide) return context.fail("sums of 32 bits are not requantized `wide`");
            }
            break;
        default:
            return about(context, "x").fail("{} has element type {}, expected f32, i8, i16, i32 or i64", x.text(), dtype_name(x.dtype));
    }
    const std::vector<bool> r = reduced(op, x.shape);
    std::vector<int64_t> dims;
    for (size_t i = 0; i < r.size(); ++i) {
        if (!r[i]) dims.push_back(x.shape[static_cast<int64_t>(i)]);
        if (r[i] && op.keep_dims) dims.push_back(1);
    }
    if (!y.quant.empty() && !y.quant.per_tensor()) return about(context, "x").fail("{} is not quantized per tensor", x.text());
    y.shape = Shape(std::move(dims));
    return one(std::move(y), context);
}

void evaluate(const Reduce& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    Tensor& y = out[0];
    switch (x.type.dtype) {
        case DType::float32:
            reduce_plain<float, double>(op, x, y);
            return;
        case DType::int32:
            reduce_plain<int32_t, int32_t>(op, x, y);
            return;
        case DType::int64:
            reduce_plain<int64_t, int64_t>(op, x, y);
            return;
        default:
            break;
    }
    const bool rescaled = !op.requant.empty();
    with_int_type(x.type.dtype, [&](auto element) {
        using T = decltype(element);
        const std::vector<int32_t> acc = fold<T, int32_t>(op, x, rescaled ? op.x_zero : 0, y.elements());
        for (size_t i = 0; i < acc.size(); ++i) raw<T>(y)[i] = static_cast<T>(rescaled ? op.requant.apply(acc[i], 0) : acc[i]);
    });
}

Work work(const Reduce&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const Reduce& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t) {
    const Shape& x = in[0]->shape;
    const std::vector<bool> r = reduced(op, x);
    Box b = whole(x);
    size_t o = 0;
    for (size_t i = 0; i < r.size(); ++i) {
        if (!r[i]) b.begin[i] = out_box.begin[o], b.end[i] = out_box.end[o];
        if (!r[i] || op.keep_dims) ++o;
    }
    return b;
}

}  // namespace gw
