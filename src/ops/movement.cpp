// Data movement: reshape, transpose, concat, slice, pad, gather. Elements of any type change their place and nothing else, so quantization
// passes through; where it lies along an axis, the axis moves with the data, or the op is refused.
#include "ops/support.h"

namespace gw {
using namespace detail;
namespace {
// The quantization of a result whose axis `to` is x's quantized axis unchanged; to < 0: it did not survive.
Expected<Quant> moved(const Type& x, int64_t to, const InferContext& context) {
    Quant q = x.quant;
    if (q.empty() || q.per_tensor()) return q;
    if (to < 0) return about(context, "x").fail("{} is quantized along axis {}, which this op does not keep whole", x.text(), q.axis);
    q.axis = to;
    return q;
}

Status check_axis(int64_t axis, const Type& x, std::string_view operand, const InferContext& context) {
    if (axis >= 0 && axis < x.shape.rank()) return {};
    return context.fail("axis {} is out of range for {} {}", axis, operand, x.text());
}

Status check_count(size_t n, std::string_view field, const Type& x, const InferContext& context) {
    if (static_cast<int64_t>(n) == x.shape.rank()) return {};
    return context.fail("{} has {} entries, but x {} has rank {}", field, n, x.text(), x.shape.rank());
}

// The dimension of `to` that covers the same elements as dimension `axis` of `from`, or −1.
int64_t same_dimension(const Shape& from, int64_t axis, const Shape& to) {
    if (axis < 0) return -1;
    const int64_t inner = product(from, axis + 1, from.rank());
    for (int64_t i = 0; i < to.rank(); ++i)
        if (to[i] == from[axis] && product(to, i + 1, to.rank()) == inner) return i;
    return -1;
}
}  // namespace

// --- reshape ------------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Reshape& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    Type y{x.dtype, Shape(op.shape), {}};
    GW_TRY_DO(check_extent(y, "result", context));
    if (y.elements() != x.elements()) {
        return context.fail("shape {} has {} elements, but x {} has {}", y.shape.text(), y.elements(), x.text(), x.elements());
    }
    GW_TRY(y.quant, moved(x, same_dimension(x.shape, x.quant.axis, y.shape), context));
    return one(std::move(y), context);
}
void evaluate(const Reshape&, std::span<const Tensor* const> in, std::span<Tensor> out) {
    copy_run(*in[0], 0, out[0], 0, in[0]->elements());
}
Work work(const Reshape&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
// Where the last dimension of x divides the result's, channels stay apart: index r of the result's last dimension
// shows channel r modulo x's.
std::optional<Box> needs(const Reshape&, std::span<const Type* const> in, const Type& out, const Box& out_box, size_t) {
    const Shape& x = in[0]->shape;
    if (x.rank() == 0 || out.shape.rank() == 0 || x.back() == 0 || out.shape.back() % x.back() != 0) return std::nullopt;
    const int64_t begin = out_box.begin.back(), end = out_box.end.back();
    if (end <= begin || begin / x.back() != (end - 1) / x.back()) return std::nullopt;
    Box b = whole(x);
    b.begin.back() = begin % x.back(), b.end.back() = (end - 1) % x.back() + 1;
    return b;
}

// --- transpose ----------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Transpose& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    GW_TRY_DO(check_count(op.perm.size(), "perm", x, context));
    std::vector<bool> seen(op.perm.size(), false);
    std::vector<int64_t> dims;
    int64_t axis = -1;
    for (int64_t p : op.perm) {
        if (p < 0 || p >= x.shape.rank() || seen[static_cast<size_t>(p)])
            return context.fail("perm is not a permutation of the dimensions of x {}", x.text());
        seen[static_cast<size_t>(p)] = true;
        if (p == x.quant.axis) axis = static_cast<int64_t>(dims.size());
        dims.push_back(x.shape[p]);
    }
    Type y{x.dtype, Shape(std::move(dims)), {}};
    GW_TRY(y.quant, moved(x, axis, context));
    return one(std::move(y), context);
}
void evaluate(const Transpose& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const std::vector<int64_t> own = in[0]->shape().strides();
    std::vector<int64_t> strides;
    for (int64_t p : op.perm) strides.push_back(own[static_cast<size_t>(p)]);
    move_elements(*in[0], out[0], [&](auto copy) { walk(out[0].shape().dims(), strides, 0, copy); });
}
Work work(const Transpose&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Transpose& op, std::span<const Type* const>, const Type&, const Box& out_box, size_t) {
    Box b = out_box;
    for (size_t i = 0; i < op.perm.size(); ++i) {
        b.begin[static_cast<size_t>(op.perm[i])] = out_box.begin[i];
        b.end[static_cast<size_t>(op.perm[i])] = out_box.end[i];
    }
    return b;
}

// --- concat -------------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Concat& op, std::span<const Operand> in, const InferContext& context) {
    if (in.empty()) return context.fail("no operands");
    for (size_t i = 0; i < in.size(); ++i) {
        const InferContext here = about(context, operand_name(op, i));
        if (!in[i].present()) return here.fail("missing");
        GW_TRY_DO(check_extent(*in[i].type, "operand", here));
    }
    const Type& first = *in[0].type;
    GW_TRY_DO(check_axis(op.axis, first, operand_name(op, 0), context));
    Type y = first;
    for (size_t i = 1; i < in.size(); ++i) {
        const Type& x = *in[i].type;
        const InferContext here = about(context, operand_name(op, i));
        bool same = x.dtype == first.dtype && x.shape.rank() == first.shape.rank();
        for (int64_t d = 0; same && d < x.shape.rank(); ++d) same = d == op.axis || x.shape[d] == first.shape[d];
        if (!same) return here.fail("{} does not fit {} along axis {}", x.text(), first.text(), op.axis);
        if (x.quant != first.quant) return here.fail("{} is quantized differently from {}", x.text(), first.text());
        y.shape[op.axis] += x.shape[op.axis];
    }
    GW_TRY(y.quant, moved(first, in.size() > 1 && first.quant.axis == op.axis ? -1 : first.quant.axis, context));
    return one(std::move(y), context);
}
void evaluate(const Concat& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Shape& s = out[0].shape();
    const int64_t outer = product(s, 0, op.axis);
    const int64_t row = product(s, op.axis, s.rank());
    int64_t offset = 0;
    for (const Tensor* x : in) {
        const int64_t length = product(x->shape(), op.axis, s.rank());
        for (int64_t o = 0; o < outer; ++o) copy_run(*x, o * length, out[0], o * row + offset, length);
        offset += length;
    }
}
Work work(const Concat&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Concat& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t operand) {
    int64_t offset = 0;
    for (size_t i = 0; i < operand; ++i) offset += in[i]->shape[op.axis];
    const int64_t size = in[operand]->shape[op.axis];
    Box b = out_box;
    const auto a = static_cast<size_t>(op.axis);
    b.begin[a] = std::clamp<int64_t>(out_box.begin[a] - offset, 0, size);
    b.end[a] = std::clamp<int64_t>(out_box.end[a] - offset, 0, size);
    return b;
}

// --- slice --------------------------------------------------------------------------------------------------------------------------
namespace {
// Whether start, start + step, … (count elements) all lie in [0, size). By division: exporters write steps as large as int64 allows.
bool inside(int64_t start, int64_t count, int64_t step, int64_t size) {
    if (count == 0) return true;
    if (start < 0 || start >= size) return false;
    if (count == 1) return true;
    const auto room = static_cast<uint64_t>(step > 0 ? size - 1 - start : start);
    const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
    return room / static_cast<uint64_t>(count - 1) >= stride;
}
}  // namespace

Expected<std::vector<Type>> infer(const Slice& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    GW_TRY_DO(check_count(op.start.size(), "start", x, context));
    GW_TRY_DO(check_count(op.size.size(), "size", x, context));
    GW_TRY_DO(check_count(op.step.size(), "step", x, context));
    Quant q = x.quant;
    for (size_t i = 0; i < op.start.size(); ++i) {
        const auto d = static_cast<int64_t>(i);
        const int64_t size = x.shape[d];
        if (op.size[i] < 0) return context.fail("size {} of dimension {} is negative", op.size[i], i);
        if (op.step[i] == 0) return context.fail("step of dimension {} is 0", i);
        if (op.size[i] > size) return context.fail("size {} of dimension {} is more than x {} has", op.size[i], i, x.text());
        if (!inside(op.start[i], op.size[i], op.step[i], size)) {
            return context.fail("dimension {}: {} elements from {} by {} leave x {}", i, op.size[i], op.start[i], op.step[i], x.text());
        }
        const bool kept = op.size[i] == size && op.start[i] == 0 && op.step[i] == 1;
        if (q.axis != d || kept) continue;
        if (q.block > 0) return about(context, "x").fail("{} is quantized in blocks along axis {}, which is sliced", x.text(), d);
        if (q.scales.size() <= 1) continue;
        Quant part{{}, {}, q.axis, 0};
        for (int64_t k = 0; k < op.size[i]; ++k) {
            part.scales.push_back(q.scale(op.start[i] + k * op.step[i]));
            part.zero_points.push_back(q.zero_point(op.start[i] + k * op.step[i]));
        }
        q = std::move(part);
    }
    return one({x.dtype, Shape(op.size), std::move(q)}, context);
}
void evaluate(const Slice& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    if (out[0].elements() == 0) return;
    std::vector<int64_t> strides = in[0]->shape().strides();
    int64_t offset = 0;
    for (size_t i = 0; i < strides.size(); ++i) {
        offset += op.start[i] * strides[i];
        strides[i] = op.size[i] == 1 ? 0 : strides[i] * op.step[i];
    }
    move_elements(*in[0], out[0], [&](auto copy) { walk(op.size, strides, offset, copy); });
}
Work work(const Slice&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Slice& op, std::span<const Type* const>, const Type&, const Box& out_box, size_t) {
    Box b = out_box;
    for (size_t i = 0; i < b.begin.size(); ++i) {
        if (op.size[i] == 0) return std::nullopt;
        const int64_t step = op.size[i] == 1 ? 1 : op.step[i];
        const int64_t first = op.start[i] + out_box.begin[i] * step;
        const int64_t last = op.start[i] + (out_box.end[i] - 1) * step;
        b.begin[i] = std::min(first, last);
        b.end[i] = std::max(first, last) + 1;
    }
    return b;
}

// --- pad ----------------------------------------------------------------------------------------------------------------------------
namespace {
// The position in x that position p of the padded dimension shows, or −1 for the constant. p counts from x's first element.
int64_t padded_position(PadMode mode, int64_t p, int64_t size) {
    if (p >= 0 && p < size) return p;
    if (mode == PadMode::constant) return -1;
    if (mode == PadMode::edge) return p < 0 ? 0 : size - 1;
    if (mode == PadMode::symmetric) return p < 0 ? -p - 1 : 2 * size - 1 - p;
    return p < 0 ? -p : 2 * (size - 1) - p;
}

bool value_fits(float value, DType t) {
    if (is_float(t)) return true;
    return value == static_cast<float>(static_cast<int64_t>(value)) && value >= static_cast<float>(lowest(t)) &&
           value <= static_cast<float>(highest(t));
}
}  // namespace

Expected<std::vector<Type>> infer(const Pad& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    GW_TRY_DO(check_count(op.before.size(), "before", x, context));
    GW_TRY_DO(check_count(op.after.size(), "after", x, context));
    Type y = x;
    bool axis_kept = true;
    for (size_t i = 0; i < op.before.size(); ++i) {
        const auto d = static_cast<int64_t>(i);
        constexpr int64_t most = int64_t{1} << 31;
        if (op.before[i] < 0 || op.after[i] < 0) return context.fail("padding of dimension {} is negative", i);
        if (op.before[i] > most || op.after[i] > most) return context.fail("padding of dimension {} makes more than 2^31 elements", i);
        if (op.mode == PadMode::reflect && std::max(op.before[i], op.after[i]) >= x.shape[d]) {
            return context.fail("dimension {} of x {} is too short to reflect {} elements", i, x.text(),
                                std::max(op.before[i], op.after[i]));
        }
        if (op.mode == PadMode::symmetric && std::max(op.before[i], op.after[i]) > x.shape[d]) {
            return context.fail("dimension {} of x {} is too short to mirror {} elements", i, x.text(),
                                std::max(op.before[i], op.after[i]));
        }
        if (x.quant.axis == d && op.before[i] + op.after[i] > 0) axis_kept = false;
        y.shape[d] += op.before[i] + op.after[i];
    }
    if (op.mode == PadMode::constant && !value_fits(op.value, x.dtype))
        return context.fail("value {} is not a number of type {}", op.value, dtype_name(x.dtype));
    GW_TRY(y.quant, moved(x, axis_kept ? x.quant.axis : -1, context));
    return one(std::move(y), context);
}
void evaluate(const Pad& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    Tensor& y = out[0];
    const int64_t rank = x.shape().rank();
    Tensor fill = Tensor::zeros({x.type.dtype, {1}, {}});
    if (op.mode == PadMode::constant) fill.set(0, op.value);
    if (rank == 0) return copy_run(x, 0, y, 0, 1);
    // Whole rows of the last dimension: the row of x they show, its elements, and the padding left and right of them.
    const int64_t n = x.shape()[rank - 1];
    const int64_t left = op.before.back();
    const std::vector<int64_t> outer(y.shape().dims().begin(), y.shape().dims().end() - 1);
    const std::vector<int64_t> strides = x.shape().strides();
    const int64_t width = y.shape()[rank - 1];
    for (int64_t row = 0; row * width < y.elements(); ++row) {
        int64_t base = 0;
        int64_t rest = row;
        for (size_t d = outer.size(); d-- > 0;) {
            const int64_t p = padded_position(op.mode, rest % outer[d] - op.before[d], x.shape()[static_cast<int64_t>(d)]);
            rest /= outer[d];
            base = p < 0 || base < 0 ? -1 : base + p * strides[d];
        }
        if (base >= 0) copy_run(x, base, y, row * width + left, n);
        for (int64_t i = 0; i < width; ++i) {
            if (base >= 0 && i >= left && i < left + n) {
                i = left + n - 1;
                continue;
            }
            const int64_t p = base < 0 ? -1 : padded_position(op.mode, i - left, n);
            copy_run(p < 0 ? fill : x, p < 0 ? 0 : base + p, y, row * width + i, 1);
        }
    }
}
Work work(const Pad&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Pad& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t) {
    Box b = out_box;
    for (size_t i = 0; i < b.begin.size(); ++i) {
        const int64_t size = in[0]->shape[static_cast<int64_t>(i)];
        const int64_t begin = out_box.begin[i] - op.before[i];
        const int64_t end = out_box.end[i] - op.before[i];
        if (op.mode == PadMode::constant) {
            b.begin[i] = std::clamp<int64_t>(begin, 0, size);
            b.end[i] = std::clamp<int64_t>(end, 0, size);
            continue;
        }
        b.begin[i] = size, b.end[i] = 0;
        for (int64_t p = begin; p < end; ++p) {
            const int64_t q = padded_position(op.mode, p, size);
            b.begin[i] = std::min(b.begin[i], q);
            b.end[i] = std::max(b.end[i], q + 1);
        }
    }
    return b;
}

// --- gather -------------------------------------------------------------------------------------------------------------------------
Expected<std::vector<Type>> infer(const Gather& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 2, context));
    const Type& x = *in[0].type;
    const Type& indices = *in[1].type;
    GW_TRY_DO(check_axis(op.axis, x, "x", context));
    if (indices.dtype != DType::int32 && indices.dtype != DType::int64) {
        return about(context, "indices").fail("{} has element type {}, expected i32 or i64", indices.text(), dtype_name(indices.dtype));
    }
    const int64_t size = x.shape[op.axis];
    if (in[1].value != nullptr) {
        for (int64_t v : in[1].value->ints())
            if (v < -size || v >= size)
                return about(context, "indices").fail("index {} is out of range for axis {} of x {}", v, op.axis, x.text());
    }
    if (size == 0) return about(context, "x").fail("{} has no elements", x.text());
    std::vector<int64_t> dims(x.shape.dims().begin(), x.shape.dims().begin() + op.axis);
    dims.insert(dims.end(), indices.shape.dims().begin(), indices.shape.dims().end());
    dims.insert(dims.end(), x.shape.dims().begin() + op.axis + 1, x.shape.dims().end());
    Type y{x.dtype, Shape(std::move(dims)), {}};
    const int64_t axis = x.quant.axis;
    GW_TRY(y.quant, moved(x, axis < op.axis ? axis : axis == op.axis ? -1 : axis + indices.shape.rank() - 1, context));
    return one(std::move(y), context);
}
void evaluate(const Gather& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    const int64_t size = x.shape()[op.axis];
    const int64_t outer = product(x.shape(), 0, op.axis);
    const int64_t inner = product(x.shape(), op.axis + 1, x.shape().rank());
    std::vector<int64_t> indices = in[1]->ints();
    for (int64_t& v : indices) v = std::clamp<int64_t>(v < 0 ? v + size : v, 0, size - 1);
    int64_t to = 0;
    for (int64_t o = 0; o < outer; ++o)
        for (int64_t v : indices) copy_run(x, (o * size + v) * inner, out[0], to, inner), to += inner;
}
Work work(const Gather&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }
std::optional<Box> needs(const Gather&, std::span<const Type* const>, const Type&, const Box&, size_t) { return std::nullopt; }

}  // namespace gw
