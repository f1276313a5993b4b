// Operators that move elements or only rename their places. The model states every result's shape, so a shape operand is a repetition;
// where the two disagree the model is at fault.
#include <algorithm>
#include <numeric>

#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {
namespace {
Expected<ValueId> slice(TfliteNode& n, ValueId x, std::vector<int64_t> start, std::vector<int64_t> size, std::vector<int64_t> step = {}) {
    if (step.empty()) step.assign(start.size(), 1);
    return n.emit(Slice{std::move(start), std::move(size), std::move(step)}, {x});
}

Expected<ValueId> slice_axis(TfliteNode& n, ValueId x, int64_t axis, int64_t start, int64_t size) {
    std::vector<int64_t> sizes = n.importer.graph.type(x).shape.dims();
    std::vector<int64_t> starts(sizes.size(), 0);
    starts[static_cast<size_t>(axis)] = start, sizes[static_cast<size_t>(axis)] = size;
    return slice(n, x, std::move(starts), std::move(sizes));
}

// Results along an axis, one after the other, of these sizes.
Status split_into(TfliteNode& n, size_t data, int64_t axis, const std::vector<int64_t>& sizes) {
    int64_t at = 0;
    const int64_t whole = n.type(data).shape[axis];
    for (int64_t s : sizes)
        if (s < 1 || s > whole) return n.malformed("a part of size {} of {}", s, whole);
    if (std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != whole || sizes.size() != n.outputs())
        return n.malformed("{} parts for {} results do not make up dimension {} of {}", sizes.size(), n.outputs(), axis,
                           n.type(data).text());
    for (size_t i = 0; i < sizes.size(); ++i) {
        GW_TRY_DO(n.result(slice_axis(n, n.value(data), axis, at, sizes[i]), i));
        at += sizes[i];
    }
    return {};
}
}  // namespace

// RESHAPE, SQUEEZE, EXPAND_DIMS: the declared shape.
Status reshape(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 2));
    const Type &x = n.type(0), &y = n.out_type(0);
    if (x.elements() != y.elements()) return n.malformed("{} cannot become {}", x.text(), y.text());
    return n.result(n.emit(Reshape{y.shape.dims()}, {n.value(0)}));
}

Status transpose(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    GW_TRY(std::vector<int64_t> perm, n.need_ints(1, "perm"));
    for (int64_t& p : perm) {
        GW_TRY(p, n.axis(p, n.type(0).shape.rank()));
    }
    return n.result(n.emit(Transpose{std::move(perm)}, {n.value(0)}));
}

// What is quantized otherwise than the result is rescaled where a reference says how: TFLite does for uint8. It refuses int8 operands with
// other scales, and TFLite Micro joins their bytes as if the scales were equal.
Status concatenation(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1 << 16));
    const auto* o = n.options<tfl::ConcatenationOptions>();
    if (o != nullptr && o->activation() != tfl::Activation::none) return n.unsupported("a fused activation is not supported");
    const Type& first = n.type(0);
    Concat op;
    GW_TRY(op.axis, n.axis(o == nullptr ? 0 : o->axis(), first.shape.rank()));
    std::vector<ValueId> all;
    for (size_t i = 0; i < n.inputs(); ++i) {
        if (!n.has(i)) return n.malformed("operand {} is missing", i);
        ValueId x = n.value(i);
        if (n.type(i).quant != n.out_type(0).quant) {
            const std::string name = fmt::format("operand {}", i);
            if (!n.stored_as_uint8(i))
                return n.bad_quant(name, "{} is quantized differently from the result {}, which TFLite does not define for {}",
                                   n.type(i).text(), n.out_type(0).text(), dtype_name(n.type(i).dtype));
            GW_TRY(Quant from, n.quant(i, name));
            GW_TRY(Quant to, n.out_quant());
            GW_TRY(x, n.emit(Lookup{}, {x, n.add(concatenation_table(from, to))}));
            Value& rescaled = n.importer.graph[x];
            rescaled.type.quant = to;
            if (rescaled.is_constant()) rescaled.constant.type.quant = to;
        }
        all.push_back(x);
    }
    return n.result(n.emit(op, std::move(all)));
}

Status split(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2, -1));
    GW_TRY(int64_t value, n.need_int(0, "axis"));
    GW_TRY(int64_t axis, n.axis(value, n.type(1).shape.rank()));
    const auto parts = static_cast<int64_t>(n.outputs());
    if (n.type(1).shape[axis] % parts != 0)
        return n.malformed("dimension {} of {} does not split into {} parts", axis, n.type(1).text(), parts);
    return split_into(n, 1, axis, std::vector<int64_t>(n.outputs(), n.type(1).shape[axis] / parts));
}

Status split_v(TfliteNode& n) {
    GW_TRY_DO(n.operands(3, 3, -1));
    GW_TRY(std::vector<int64_t> sizes, n.need_ints(1, "sizes"));
    GW_TRY(int64_t value, n.need_int(2, "axis"));
    GW_TRY(int64_t axis, n.axis(value, n.type(0).shape.rank()));
    int64_t known = 0;
    for (int64_t s : sizes) known += s == -1 ? 0 : s;
    for (int64_t& s : sizes)
        if (s == -1) s = n.type(0).shape[axis] - known;
    return split_into(n, 0, axis, sizes);
}

Status slice(TfliteNode& n) {
    GW_TRY_DO(n.operands(3, 3));
    GW_TRY(std::vector<int64_t> start, n.need_ints(1, "begin"));
    GW_TRY(std::vector<int64_t> size, n.need_ints(2, "size"));
    const Shape& x = n.type(0).shape;
    if (static_cast<int64_t>(start.size()) != x.rank() || size.size() != start.size())
        return n.malformed("{} places for {}", start.size(), n.type(0).text());
    for (size_t i = 0; i < start.size(); ++i) {
        const int64_t d = x[static_cast<int64_t>(i)];
        if (size[i] == -1) size[i] = d - start[i];
        if (start[i] < 0 || size[i] < 1 || start[i] > d - size[i])
            return n.malformed("{} positions from {} on of a dimension of {}", size[i], start[i], d);
    }
    return n.result(slice(n, n.value(0), std::move(start), std::move(size)));
}

Status strided_slice(TfliteNode& n) {
    GW_TRY_DO(n.operands(4, 4));
    const auto* o = n.options<tfl::StridedSliceOptions>();
    GW_TRY(std::vector<int64_t> begin, n.need_ints(1, "begin"));
    GW_TRY(std::vector<int64_t> end, n.need_ints(2, "end"));
    GW_TRY(std::vector<int64_t> step, n.need_ints(3, "strides"));
    const Shape& x = n.type(0).shape;
    const size_t rank = x.dims().size();
    if (begin.size() > rank || end.size() != begin.size() || step.size() != begin.size())
        return n.malformed("{} places for {}", begin.size(), n.type(0).text());
    if (o != nullptr && (o->ellipsis_mask() != 0 || o->new_axis_mask() != 0))
        return n.unsupported("ellipsis and new axes are not supported");
    std::vector<int64_t> size = x.dims();
    for (size_t i = 0; i < begin.size(); ++i) {
        const int64_t d = x[static_cast<int64_t>(i)], s = step[i];
        const auto masked = [&](int32_t mask) { return ((mask >> i) & 1) != 0; };
        if (s == 0) return n.malformed("stride 0");
        const int64_t first = s > 0 ? 0 : -1, last = s > 0 ? d : d - 1;
        int64_t from = begin[i] < 0 ? begin[i] + d : begin[i];
        from = o != nullptr && masked(o->begin_mask()) ? (s > 0 ? 0 : d - 1) : std::clamp(from, first, last);
        int64_t to = end[i] + (o != nullptr && o->offset() ? from : 0);
        to = o != nullptr && masked(o->end_mask()) ? (s > 0 ? d : -1) : std::clamp(to < 0 ? to + d : to, first, last);
        if (o != nullptr && masked(o->shrink_axis_mask())) to = from + (s > 0 ? 1 : -1);
        begin[i] = from;
        size[i] = s > 0 ? (to - from + s - 1) / s : (from - to - s - 1) / -s;
        if (size[i] < 1 || from < 0 || from >= d) return n.malformed("nothing is left of dimension {} of {}", i, n.type(0).text());
    }
    begin.resize(rank, 0), step.resize(rank, 1);
    GW_TRY(ValueId y, slice(n, n.value(0), std::move(begin), std::move(size), std::move(step)));
    if (n.importer.graph.type(y).elements() != n.out_type(0).elements())
        return n.malformed("result is declared as {}, but computes {}", n.out_type(0).text(), n.importer.graph.type(y).text());
    return n.result(n.reshape(y, n.out_type(0).shape));
}

Status pack(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1 << 16));
    const auto* o = n.options<tfl::PackOptions>();
    Concat op;
    GW_TRY(op.axis, n.axis(o == nullptr ? 0 : o->axis(), n.type(0).shape.rank() + 1));
    std::vector<ValueId> all;
    for (size_t i = 0; i < n.inputs(); ++i) {
        if (!n.has(i)) return n.malformed("operand {} is missing", i);
        if (n.type(i).quant != n.type(0).quant) return n.bad_quant(fmt::format("operand {}", i), "is quantized differently from operand 0");
        std::vector<int64_t> dims = n.type(i).shape.dims();
        if (static_cast<int64_t>(dims.size()) < op.axis) return n.malformed("operand {} is {}", i, n.type(i).text());
        dims.insert(dims.begin() + op.axis, 1);
        GW_TRY(ValueId x, n.reshape(n.value(i), Shape(std::move(dims))));
        all.push_back(x);
    }
    return n.result(n.emit(op, std::move(all)));
}

Status unpack(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1, -1));
    const auto* o = n.options<tfl::UnpackOptions>();
    GW_TRY(int64_t axis, n.axis(o == nullptr ? 0 : o->axis(), n.type(0).shape.rank()));
    if (n.type(0).shape[axis] != static_cast<int64_t>(n.outputs()))
        return n.malformed("{} results of dimension {} of {}", n.outputs(), axis, n.type(0).text());
    std::vector<int64_t> dims = n.type(0).shape.dims();
    dims.erase(dims.begin() + axis);
    for (size_t i = 0; i < n.outputs(); ++i) {
        GW_TRY(ValueId y, slice_axis(n, n.value(0), axis, static_cast<int64_t>(i), 1));
        GW_TRY_DO(n.result(n.reshape(y, Shape(dims)), i));
    }
    return {};
}

Status gather(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    const auto* o = n.options<tfl::GatherOptions>();
    if (o != nullptr && o->batch_dims() != 0) return n.unsupported("batch dimensions are not supported");
    Gather op;
    GW_TRY(op.axis, n.axis(o == nullptr ? 0 : o->axis(), n.type(0).shape.rank()));
    if (const Tensor* indices = n.constant(1); indices != nullptr && is_integer(indices->type.dtype))
        for (int64_t i : indices->ints())
            if (i < 0) return n.malformed("index {} is negative", i);
    return n.result(n.emit(op, {n.value(0), n.value(1)}));
}

// SELECT lets a condition of one dimension choose whole rows of operands of several; SELECT_V2 broadcasts.
Status select(TfliteNode& n) {
    GW_TRY_DO(n.operands(3, 3));
    if (!n.is(0, DType::boolean) || n.type(1).dtype != n.type(2).dtype) return n.bad_types();
    for (size_t i = 1; i < 3; ++i)
        if (n.type(i).quant != n.out_type(0).quant)
            return n.bad_quant(fmt::format("operand {}", i), "{} is quantized differently from the result {}", n.type(i).text(),
                               n.out_type(0).text());
    const Shape &c = n.type(0).shape, &a = n.type(1).shape;
    ValueId condition = n.value(0);
    if (n.source.op == "SELECT" && c.rank() == 1 && a.rank() > 1 && a[0] == c[0]) {
        std::vector<int64_t> rows(a.dims().size(), 1);
        rows[0] = c[0];
        GW_TRY(condition, n.reshape(condition, Shape(std::move(rows))));
    }
    return n.result(n.emit(Select{}, {condition, n.value(1), n.value(2)}));
}

Status tile(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    GW_TRY(std::vector<int64_t> repeats, n.need_ints(1, "multiples"));
    if (static_cast<int64_t>(repeats.size()) != n.type(0).shape.rank())
        return n.malformed("{} numbers for {}", repeats.size(), n.type(0).text());
    ValueId x = n.value(0);
    for (size_t i = 0; i < repeats.size(); ++i) {
        if (repeats[i] < 1 || repeats[i] > 1024) return n.unsupported("{} copies; 1 to 1024 are supported", repeats[i]);
        if (repeats[i] == 1) continue;
        GW_TRY(x, n.emit(Concat{static_cast<int64_t>(i)}, std::vector<ValueId>(static_cast<size_t>(repeats[i]), x)));
    }
    return n.result(n.reshape(x, n.importer.graph.type(x).shape));
}

// The sizes are known when the model is read.
Status shape(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    const DType t = n.out_type(0).dtype;
    if (t != DType::int32 && t != DType::int64) return n.bad_types();
    Tensor y = Tensor::zeros({t, Shape{n.type(0).shape.rank()}, {}});
    for (int64_t i = 0; i < y.elements(); ++i) y.set(i, static_cast<double>(n.type(0).shape[i]));
    return n.result(n.add(std::move(y)));
}

// A constant of the declared shape.
Status fill(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    const Tensor* value = n.constant(1);
    if (value == nullptr) return n.unsupported("operand `value` must be constant");
    const Type& y = n.out_type(0);
    if (value->elements() != 1 || value->type.dtype != y.dtype)
        return n.malformed("operand `value` is {}, for a result {}", value->type.text(), y.text());
    GW_TRY_DO(n.check_computed(y));
    Tensor t = Tensor::zeros({y.dtype, y.shape, value->type.quant});
    for (int64_t i = 0; i < t.elements(); ++i) t.set(i, value->at(0));
    return n.result(n.add(std::move(t)));
}

namespace {
// before/after of each dimension from a constant [rank, 2].
Status read_paddings(TfliteNode& n, Pad& op, int64_t rank) {
    const Tensor* t = n.constant(1);
    if (t == nullptr) return n.unsupported("operand `paddings` must be constant");
    if ((t->type.dtype != DType::int32 && t->type.dtype != DType::int64) || t->shape() != Shape{rank, 2})
        return n.malformed("operand `paddings` is {}, expected [{},2] integers", t->type.text(), rank);
    for (int64_t i = 0; i < rank; ++i) {
        const int64_t before = t->int_at(2 * i), after = t->int_at(2 * i + 1);
        if (before < 0 || after < 0 || before > (1 << 24) || after > (1 << 24)) return n.malformed("paddings of {} and {}", before, after);
        op.before.push_back(before), op.after.push_back(after);
    }
    return {};
}
}  // namespace

// PAD fills quantized tensors with their zero point, PADV2 with its third operand's only element.
Status pad(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 3));
    Pad op;
    GW_TRY_DO(read_paddings(n, op, n.type(0).shape.rank()));
    if (n.has(2)) {
        const Tensor* value = n.constant(2);
        if (value == nullptr) return n.unsupported("operand `constant_values` must be constant");
        if (value->elements() != 1 || value->type.dtype != n.type(0).dtype)
            return n.malformed("operand `constant_values` is {}", value->type.text());
        op.value = static_cast<float>(value->at(0));
    } else if (n.is(0, DType::int8)) {
        GW_TRY(Quant y, n.out_quant());
        op.value = static_cast<float>(y.zero_point());
    }
    return n.result(n.emit(std::move(op), {n.value(0)}));
}

Status mirror_pad(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    const auto* o = n.options<tfl::MirrorPadOptions>();
    Pad op;
    op.mode = o != nullptr && o->mode() != tfl::MirrorMode::reflect ? PadMode::symmetric : PadMode::reflect;
    GW_TRY_DO(read_paddings(n, op, n.type(0).shape.rank()));
    return n.result(n.emit(std::move(op), {n.value(0)}));
}

namespace {
// Pictures [N,H,W,C] and a block size that divides what it must.
Expected<int64_t> block(TfliteNode& n, int64_t size, bool of_depth) {
    const Shape& x = n.type(0).shape;
    if (x.rank() != 4) return n.malformed("operand 0 is {}, expected rank 4", n.type(0).text());
    if (size < 1 || size > 1024) return n.malformed("block size {}", size);
    if (of_depth ? x[3] % (size * size) != 0 : x[1] % size != 0 || x[2] % size != 0)
        return n.malformed("{} does not split into blocks of {}x{}", n.type(0).text(), size, size);
    return size;
}
}  // namespace

Status depth_to_space(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    const auto* o = n.options<tfl::DepthToSpaceOptions>();
    GW_TRY(int64_t b, block(n, o == nullptr ? 0 : o->block_size(), true));
    const Shape s = n.type(0).shape;
    GW_TRY(ValueId x, n.reshape(n.value(0), Shape{s[0], s[1], s[2], b, b, s[3] / (b * b)}));
    GW_TRY(x, n.emit(Transpose{{0, 1, 3, 2, 4, 5}}, {x}));
    return n.result(n.reshape(x, Shape{s[0], s[1] * b, s[2] * b, s[3] / (b * b)}));
}

Status space_to_depth(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    const auto* o = n.options<tfl::SpaceToDepthOptions>();
    GW_TRY(int64_t b, block(n, o == nullptr ? 0 : o->block_size(), false));
    const Shape s = n.type(0).shape;
    GW_TRY(ValueId x, n.reshape(n.value(0), Shape{s[0], s[1] / b, b, s[2] / b, b, s[3]}));
    GW_TRY(x, n.emit(Transpose{{0, 1, 3, 2, 4, 5}}, {x}));
    return n.result(n.reshape(x, Shape{s[0], s[1] / b, s[2] / b, s[3] * b * b}));
}

namespace {
// A constant of two numbers for H and W, or one for H alone.
Expected<Pair> two(TfliteNode& n, const std::vector<int64_t>& list, std::string_view name) {
    if (list.empty() || list.size() > 2) return n.unsupported("operand `{}` has {} numbers; 1 or 2 are supported", name, list.size());
    for (int64_t v : list)
        if (v < 0 || v > (1 << 16)) return n.malformed("operand `{}`: {}", name, v);
    return Pair{list[0], list.size() == 2 ? list[1] : 1};
}
// [[top, bottom], [left, right]] of paddings or crops.
Expected<Pads> edges(TfliteNode& n, size_t operand, std::string_view name, size_t spatial) {
    const Tensor* t = n.constant(operand);
    if (t == nullptr) return n.unsupported("operand `{}` must be constant", name);
    if (t->type.dtype != DType::int32 || t->elements() != static_cast<int64_t>(2 * spatial))
        return n.malformed("operand `{}` is {}", name, t->type.text());
    for (int64_t v : t->ints())
        if (v < 0 || v > (1 << 16)) return n.malformed("operand `{}`: {}", name, v);
    return Pads{t->int_at(0), spatial == 2 ? t->int_at(2) : 0, t->int_at(1), spatial == 2 ? t->int_at(3) : 0};
}
// [N,H,C] is seen as [N,H,1,C].
Expected<ValueId> as_picture(TfliteNode& n, size_t spatial) {
    const Shape& s = n.type(0).shape;
    if (s.rank() != static_cast<int64_t>(spatial) + 2) return n.unsupported("{} with {} block sizes", n.type(0).text(), spatial);
    return spatial == 2 ? n.reshape(n.value(0), s) : n.reshape(n.value(0), Shape{s[0], s[1], 1, s[2]});
}
}  // namespace

Status space_to_batch(TfliteNode& n) {
    GW_TRY_DO(n.operands(3, 3));
    GW_TRY(std::vector<int64_t> list, n.need_ints(1, "block_shape"));
    GW_TRY(Pair b, two(n, list, "block_shape"));
    GW_TRY(Pads pads, edges(n, 2, "paddings", list.size()));
    GW_TRY(ValueId x, as_picture(n, list.size()));
    Pad op;
    op.before = {0, pads[0], pads[1], 0}, op.after = {0, pads[2], pads[3], 0};
    if (n.is(0, DType::int8)) {
        GW_TRY(Quant y, n.out_quant());
        op.value = static_cast<float>(y.zero_point());
    }
    GW_TRY(x, n.emit(std::move(op), {x}));
    const Shape s = n.importer.graph.type(x).shape;
    if (b[0] < 1 || b[1] < 1 || s[1] % b[0] != 0 || s[2] % b[1] != 0)
        return n.malformed("{} does not split into blocks of {}x{}", s.text(), b[0], b[1]);
    GW_TRY(x, n.reshape(x, Shape{s[0], s[1] / b[0], b[0], s[2] / b[1], b[1], s[3]}));
    GW_TRY(x, n.emit(Transpose{{2, 4, 0, 1, 3, 5}}, {x}));
    if (n.out_type(0).elements() != s.elements()) return n.malformed("result is declared as {}", n.out_type(0).text());
    return n.result(n.reshape(x, n.out_type(0).shape));
}

Status batch_to_space(TfliteNode& n) {
    GW_TRY_DO(n.operands(3, 3));
    GW_TRY(std::vector<int64_t> list, n.need_ints(1, "block_shape"));
    GW_TRY(Pair b, two(n, list, "block_shape"));
    GW_TRY(Pads crops, edges(n, 2, "crops", list.size()));
    GW_TRY(ValueId x, as_picture(n, list.size()));
    const Shape s = n.importer.graph.type(x).shape;
    if (b[0] < 1 || b[1] < 1 || s[0] % (b[0] * b[1]) != 0)
        return n.malformed("{} does not split into blocks of {}x{}", s.text(), b[0], b[1]);
    const int64_t batch = s[0] / (b[0] * b[1]);
    GW_TRY(x, n.reshape(x, Shape{b[0], b[1], batch, s[1], s[2], s[3]}));
    GW_TRY(x, n.emit(Transpose{{2, 3, 0, 4, 1, 5}}, {x}));
    const int64_t h = s[1] * b[0], w = s[2] * b[1];
    GW_TRY(x, n.reshape(x, Shape{batch, h, w, s[3]}));
    if (crops[0] + crops[2] >= h || crops[1] + crops[3] >= w) return n.malformed("crops leave nothing of {}x{}", h, w);
    GW_TRY(x, slice(n, x, {0, crops[0], crops[1], 0}, {batch, h - crops[0] - crops[2], w - crops[1] - crops[3], s[3]}));
    if (n.out_type(0).elements() != n.importer.graph.type(x).elements())
        return n.malformed("result is declared as {}", n.out_type(0).text());
    return n.result(n.reshape(x, n.out_type(0).shape));
}

}  // namespace gw::tflite_ops
