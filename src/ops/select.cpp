// Picking: one of two tensors element by element, and the place of the largest or smallest element of a line. Neither computes anything
// with the numbers beyond comparing them.
#include <cmath>

#include "ops/support.h"

namespace gw {
using namespace detail;

// --- select -------------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Select& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 3, context));
    const Type &c = *in[0].type, &a = *in[1].type, &b = *in[2].type;
    if (c.dtype != DType::boolean) return about(context, "c").fail("{} has element type {}, expected bool", c.text(), dtype_name(c.dtype));
    if (a.dtype != b.dtype) return about(context, "b").fail("{} has another element type than a {}", b.text(), a.text());
    if (bits(a.dtype) < 8) return about(context, "a").fail("{} has packed elements", a.text());
    for (const Type* t : {&a, &b})
        if (!t->quant.empty() && !t->quant.per_tensor()) return context.fail("{} is not quantized per tensor", t->text());
    const std::optional<Shape> both = broadcast(a.shape, b.shape);
    const std::optional<Shape> shape = both ? broadcast(c.shape, *both) : std::nullopt;
    if (!shape) return context.fail("shapes of c {}, a {} and b {} do not broadcast", c.text(), a.text(), b.text());
    return one({a.dtype, *shape, a.quant}, context);
}

void evaluate(const Select&, std::span<const Tensor* const> in, std::span<Tensor> out) {
    Tensor& y = out[0];
    const std::vector<int64_t>& dims = y.shape().dims();
    std::vector<uint8_t> first(static_cast<size_t>(y.elements()));
    walk(dims, broadcast_strides(in[0]->shape(), y.shape()), 0,
         [&, c = raw<uint8_t>(*in[0])](int64_t i, int64_t j) { first[static_cast<size_t>(i)] = c[j] != 0; });
    for (size_t operand : {size_t{1}, size_t{2}}) {
        move_elements(*in[operand], y, [&](auto move) {
            walk(dims, broadcast_strides(in[operand]->shape(), y.shape()), 0, [&](int64_t i, int64_t j) {
                if ((first[static_cast<size_t>(i)] != 0) == (operand == 1)) move(i, j);
            });
        });
    }
}

Work work(const Select&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const Select&, std::span<const Type* const> in, const Type&, const Box& out_box, size_t operand) {
    return broadcast_box(in[operand]->shape, out_box);
}

// --- arg_extreme --------------------------------------------------------------------------------------------------------------------
namespace {
template <class T>
void find_places(const ArgExtreme& op, const Tensor& x, Tensor& y) {
    const Shape& s = x.shape();
    const int64_t outer = product(s, 0, op.axis), inner = product(s, op.axis + 1, s.rank()), n = s[op.axis];
    for (int64_t o = 0; o < outer; ++o) {
        for (int64_t i = 0; i < inner; ++i) {
            const T* line = raw<T>(x) + o * n * inner + i;
            int64_t place = 0;
            for (int64_t k = 1; k < n; ++k) {
                const T v = line[k * inner], best = line[place * inner];
                if (op.kind == ReduceKind::max ? v > best : v < best) place = k;
                if (op.last && v == best) place = k;
            }
            y.set(o * inner + i, static_cast<double>(place));
        }
    }
}
}  // namespace

Expected<std::vector<Type>> infer(const ArgExtreme& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    if (op.kind != ReduceKind::max && op.kind != ReduceKind::min) return context.fail("kind {} has no place", enum_name(op.kind));
    if (x.dtype != DType::float32 && x.dtype != DType::int8 && x.dtype != DType::int32 && x.dtype != DType::int64)
        return about(context, "x").fail("{} has element type {}, expected f32, i8, i32 or i64", x.text(), dtype_name(x.dtype));
    if (op.to != DType::int32 && op.to != DType::int64) return context.fail("gives {}, expected i32 or i64", dtype_name(op.to));
    if (op.axis < 0 || op.axis >= x.shape.rank()) return context.fail("axis {} is out of range for x {}", op.axis, x.text());
    if (x.elements() == 0) return about(context, "x").fail("{} has no elements", x.text());
    std::vector<int64_t> dims = x.shape.dims();
    dims.erase(dims.begin() + op.axis);
    return one({op.to, Shape(std::move(dims)), {}}, context);
}

void evaluate(const ArgExtreme& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    switch (in[0]->type.dtype) {
        case DType::int8:
            return find_places<int8_t>(op, *in[0], out[0]);
        case DType::int32:
            return find_places<int32_t>(op, *in[0], out[0]);
        case DType::int64:
            return find_places<int64_t>(op, *in[0], out[0]);
        default:
            return find_places<float>(op, *in[0], out[0]);
    }
}

Work work(const ArgExtreme&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const ArgExtreme& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t) {
    Box b = out_box;
    b.begin.insert(b.begin.begin() + op.axis, 0);
    b.end.insert(b.end.begin() + op.axis, in[0]->shape[op.axis]);
    return b;
}

}  // namespace gw
