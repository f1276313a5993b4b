// Ops that choose: the place of the extreme along an axis, and one of two values element by element.
#include "ops/support.h"

namespace gw {
using namespace detail;
namespace {
template <class T>
void extreme_places(const ArgMax& op, const Tensor& x, Tensor& y) {
    const Shape& s = x.shape();
    const int64_t outer = product(s, 0, op.axis), inner = product(s, op.axis + 1, s.rank()), n = s[op.axis];
    const T* from = raw<T>(x);
    for (int64_t o = 0; o < outer; ++o) {
        for (int64_t i = 0; i < inner; ++i) {
            const T* line = from + o * n * inner + i;
            int64_t best = 0;
            for (int64_t k = 1; k < n; ++k) {
                const T v = line[k * inner], top = line[best * inner];
                const bool better = op.smallest ? v < top : v > top;
                if (better || (op.last && v == top)) best = k;
            }
            y.set(o * inner + i, static_cast<double>(best));
        }
    }
}
}  // namespace

// --- argmax -------------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const ArgMax& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (x.dtype != DType::float32 && x.dtype != DType::int8 && x.dtype != DType::int32)
        return about(context, "x").fail("{} has element type {}, expected f32, i8 or i32", x.text(), dtype_name(x.dtype));
    if (op.axis < 0 || op.axis >= x.shape.rank()) return context.fail("axis {} is out of range for x {}", op.axis, x.text());
    if (op.to != DType::int32 && op.to != DType::int64) return context.fail("places are i32 or i64, not {}", dtype_name(op.to));
    if (x.elements() == 0) return about(context, "x").fail("{} has no elements", x.text());
    std::vector<int64_t> dims = x.shape.dims();
    if (op.keep_dims)
        dims[static_cast<size_t>(op.axis)] = 1;
    else
        dims.erase(dims.begin() + op.axis);
    return one({op.to, Shape(std::move(dims)), {}}, context);
}
void evaluate(const ArgMax& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    if (x.type.dtype == DType::float32) return extreme_places<float>(op, x, out[0]);
    if (x.type.dtype == DType::int32) return extreme_places<int32_t>(op, x, out[0]);
    extreme_places<int8_t>(op, x, out[0]);
}
Work work(const ArgMax&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const ArgMax& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t) {
    Box b = whole(in[0]->shape);
    size_t o = 0;
    for (size_t d = 0; d < b.begin.size(); ++d) {
        const bool reduced = static_cast<int64_t>(d) == op.axis;
        if (!reduced) b.begin[d] = out_box.begin[o], b.end[d] = out_box.end[o];
        if (!reduced || op.keep_dims) ++o;
    }
    return b;
}

// --- select -------------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Select& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 3, context));
    const Type &condition = *in[0].type, &a = *in[1].type, &b = *in[2].type;
    if (condition.dtype != DType::boolean)
        return about(context, "condition").fail("{} has element type {}, expected bool", condition.text(), dtype_name(condition.dtype));
    if (a.dtype != b.dtype) return about(context, "b").fail("{} has another element type than a {}", b.text(), a.text());
    if (bits(a.dtype) < 8) return about(context, "a").fail("{} has packed elements", a.text());
    if (a.quant != b.quant) return about(context, "b").fail("{} is quantized differently from a {}", b.text(), a.text());
    if (!a.quant.empty() && !a.quant.per_tensor()) return about(context, "a").fail("{} is not quantized per tensor", a.text());
    const std::optional<Shape> values = broadcast(a.shape, b.shape);
    const std::optional<Shape> shape = values ? broadcast(condition.shape, *values) : std::nullopt;
    if (!shape) return context.fail("shapes of condition {}, a {} and b {} do not broadcast", condition.text(), a.text(), b.text());
    return one({a.dtype, *shape, a.quant}, context);
}
void evaluate(const Select&, std::span<const Tensor* const> in, std::span<Tensor> out) {
    Tensor& y = out[0];
    const std::vector<int64_t>& dims = y.shape().dims();
    std::vector<uint8_t> chosen(static_cast<size_t>(y.elements()));
    const uint8_t* condition = raw<uint8_t>(*in[0]);
    walk(dims, broadcast_strides(in[0]->shape(), y.shape()), 0,
         [&](int64_t i, int64_t j) { chosen[static_cast<size_t>(i)] = condition[j] != 0 ? 1 : 0; });
    for (size_t k = 1; k < 3; ++k) {
        move_elements(*in[k], y, [&](auto move) {
            walk(dims, broadcast_strides(in[k]->shape(), y.shape()), 0, [&](int64_t i, int64_t j) {
                if ((chosen[static_cast<size_t>(i)] != 0) == (k == 1)) move(i, j);
            });
        });
    }
}
Work work(const Select&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Select&, std::span<const Type* const> in, const Type&, const Box& out_box, size_t operand) {
    return broadcast_box(in[operand]->shape, out_box);
}

}  // namespace gw
