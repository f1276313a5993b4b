// Operators that move elements and change none. The problem: their parameters moved from attributes to operands over the years, count from
// either end, and may run past it. The idea: read either form, normalise to plain non-negative numbers that fit the shape, and emit the
// graph's own op, which needs no rules of that kind.
#include <algorithm>
#include <numeric>

#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

Status transpose(NodeContext& n) {
    const int64_t rank = n.rank(n.in(0));
    std::vector<int64_t> reversed;
    for (int64_t i = rank; i-- > 0;) reversed.push_back(i);
    const std::vector<int64_t> perm = n.integers("perm", reversed);
    std::vector<int64_t> sorted = perm;
    std::sort(sorted.begin(), sorted.end());
    std::reverse(reversed.begin(), reversed.end());
    if (sorted != reversed) return n.bad_attribute("attribute `perm` is no permutation of {} dimensions", rank);
    return n.result(n.transpose(n.in(0), perm));
}

Status concat(NodeContext& n) {
    if (n.attribute("axis") == nullptr) return n.bad_attribute("attribute `axis` is missing");
    GW_TRY(int64_t axis, n.axis(n.integer("axis", 0), n.rank(n.in(0))));
    std::vector<ValueId> operands;
    for (size_t i = 0; i < n.inputs(); ++i) {
        if (!n.has(i)) return n.bad_operand("", "operand {} is missing", i);
        const Shape s = n.shape(n.in(i));
        if (s.rank() != n.rank(n.in(0))) return n.bad_operand("", "operand {} has rank {}, the first has {}", i, s.rank(), n.rank(n.in(0)));
        if (s[axis] != 0) operands.push_back(n.in(i));  // an empty operand adds nothing
    }
    if (operands.empty()) operands.push_back(n.in(0));
    if (operands.size() == 1) return n.result(operands[0]);
    Concat op;
    op.axis = axis;
    return n.result(n.emit(op, std::move(operands)));
}

Status split(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    GW_TRY(int64_t axis, n.axis(n.integer("axis", 0), s.rank()));
    std::vector<int64_t> sizes;
    if (n.opset < 13) {
        sizes = n.integers("split");
    } else if (n.has(1)) {
        GW_TRY(sizes, n.need_ints(1, "split"));
    }
    const auto parts = static_cast<int64_t>(n.outputs());
    if (sizes.empty()) {
        if (n.integer("num_outputs", parts) != parts)
            return n.bad_attribute("attribute `num_outputs` is not the number of results, {}", parts);
        if (n.opset < 18 && s[axis] % parts != 0) return n.bad_attribute("{} does not split into {} equal parts", s[axis], parts);
        const int64_t part = (s[axis] + parts - 1) / parts;
        for (int64_t i = 0; i < parts; ++i) sizes.push_back(std::clamp<int64_t>(s[axis] - i * part, 0, part));
    }
    if (static_cast<int64_t>(sizes.size()) != parts) return n.bad_operand("split", "{} sizes for {} results", sizes.size(), parts);
    int64_t start = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
        if (sizes[i] < 0 || sizes[i] > s[axis] - start) return n.bad_operand("split", "the parts do not add up to {}", s[axis]);
        if (n.wants(i)) {
            GW_TRY(ValueId part, n.slice_axis(n.in(0), axis, start, sizes[i]));
            n.set(i, part);
        }
        start += sizes[i];
    }
    if (start != s[axis]) return n.bad_operand("split", "the parts add up to {}, not {}", start, s[axis]);
    return {};
}

namespace {
struct Slicing {
    std::vector<int64_t> starts, ends, axes, steps;
};

Expected<Slicing> read_slicing(NodeContext& n) {
    Slicing s;
    if (n.opset < 10) {
        s.starts = n.integers("starts"), s.ends = n.integers("ends"), s.axes = n.integers("axes");
    } else {
        GW_TRY(s.starts, n.need_ints(1, "starts"));
        GW_TRY(s.ends, n.need_ints(2, "ends"));
        if (n.has(3)) {
            GW_TRY(s.axes, n.need_ints(3, "axes"));
        }
        if (n.has(4)) {
            GW_TRY(s.steps, n.need_ints(4, "steps"));
        }
    }
    if (s.axes.empty()) {
        s.axes.resize(s.starts.size());
        std::iota(s.axes.begin(), s.axes.end(), 0);
    }
    if (s.steps.empty()) s.steps.assign(s.starts.size(), 1);
    if (s.ends.size() != s.starts.size() || s.axes.size() != s.starts.size() || s.steps.size() != s.starts.size())
        return n.bad_operand("starts", "{} starts, {} ends, {} axes, {} steps", s.starts.size(), s.ends.size(), s.axes.size(),
                             s.steps.size());
    return s;
}
}  // namespace

Status slice(NodeContext& n) {
    const Shape shape = n.shape(n.in(0));
    GW_TRY(Slicing s, read_slicing(n));
    std::vector<int64_t> start(shape.dims().size(), 0), size = shape.dims(), step(shape.dims().size(), 1);
    std::vector<bool> seen(shape.dims().size(), false);
    for (size_t i = 0; i < s.starts.size(); ++i) {
        GW_TRY(int64_t axis, n.axis(s.axes[i], shape.rank()));
        const auto d = static_cast<size_t>(axis);
        if (seen[d]) return n.bad_operand("axes", "axis {} is named twice", axis);
        seen[d] = true;
        // Steps beyond the dimension all mean "one element"; clamping them keeps the sums below from overflowing.
        const int64_t dim = shape[axis], by = std::clamp<int64_t>(s.steps[i], -max_elements, max_elements);
        if (by == 0) return n.bad_operand("steps", "step 0");
        auto from = [&](int64_t v) { return v < 0 ? std::max(v, -max_elements) + dim : std::min(v, max_elements); };
        const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? dim : dim - 1;
        const int64_t first = std::clamp<int64_t>(from(s.starts[i]), 0, std::max<int64_t>(high, 0));
        const int64_t last = std::clamp(from(s.ends[i]), low, std::max(high, low));
        start[d] = first, step[d] = by;
        size[d] = std::max<int64_t>(0, by > 0 ? (last - first + by - 1) / by : (first - last - by - 1) / -by);
        if (dim == 0) size[d] = 0;
        if (size[d] == 0) start[d] = 0;
    }
    return n.result(n.slice(n.in(0), std::move(start), std::move(size), std::move(step)));
}

Status gather(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    GW_TRY(int64_t axis, n.axis(n.integer("axis", 0), s.rank()));
    const Tensor indices = n.constant(n.in(1));
    if (indices.valid() && !is_integer(indices.type.dtype)) return n.bad_operand("indices", "type {}", dtype_long_name(indices.type.dtype));
    if (indices.valid())
        for (int64_t i = 0; i < indices.elements(); ++i)
            if (indices.int_at(i) < -s[axis] || indices.int_at(i) >= s[axis])
                return n.bad_operand("indices", "index {} of a dimension of size {}", indices.int_at(i), s[axis]);
    if (!indices.valid() || indices.elements() != 1) {
        Gather op;
        op.axis = axis;
        return n.result(n.emit(op, {n.in(0), n.in(1)}));
    }
    // One index: a slice, and the indices' shape in place of the dimension.
    const int64_t at = indices.int_at(0);
    GW_TRY(ValueId part, n.slice_axis(n.in(0), axis, at < 0 ? at + s[axis] : at, 1));
    std::vector<int64_t> dims = s.dims();
    const auto place = dims.erase(dims.begin() + axis);
    dims.insert(place, static_cast<size_t>(indices.shape().rank()), 1);
    return n.result(n.reshape(part, std::move(dims)));
}

namespace {
// begin and end pads of each dimension, from the attribute or the operands.
Expected<std::vector<int64_t>> read_pads(NodeContext& n, int64_t rank) {
    if (n.opset < 11) return n.integers("pads");
    GW_TRY(std::vector<int64_t> pads, n.need_ints(1, "pads"));
    if (!n.has(3)) return pads;
    GW_TRY(std::vector<int64_t> axes, n.need_ints(3, "axes"));
    if (pads.size() != 2 * axes.size()) return n.bad_operand("pads", "{} numbers for {} axes", pads.size(), axes.size());
    std::vector<int64_t> all(static_cast<size_t>(2 * rank), 0);
    for (size_t i = 0; i < axes.size(); ++i) {
        GW_TRY(int64_t axis, n.axis(axes[i], rank));
        all[static_cast<size_t>(axis)] = pads[i];
        all[static_cast<size_t>(axis + rank)] = pads[i + axes.size()];
    }
    return all;
}
}  // namespace

Status pad(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    const auto rank = static_cast<size_t>(s.rank());
    Pad op;
    const std::string mode = n.text("mode", "constant");
    if (mode == "reflect") op.mode = PadMode::reflect;
    if (mode == "edge") op.mode = PadMode::edge;
    if (mode == "wrap") return n.unsupported("mode `wrap` is not supported");
    if (op.mode == PadMode::constant && mode != "constant") return n.bad_attribute("attribute `mode`: `{}` is unknown", mode);
    double value = n.opset < 11 ? n.number("value", 0) : 0;
    if (n.opset >= 11 && n.has(2)) {
        GW_TRY(value, n.need_scalar(2, "constant_value"));
    }
    op.value = static_cast<float>(value);
    GW_TRY(std::vector<int64_t> pads, read_pads(n, s.rank()));
    if (pads.size() != 2 * rank) return n.bad_operand("pads", "{} numbers for a tensor of rank {}", pads.size(), rank);
    std::vector<int64_t> start(rank, 0), size = s.dims(), step(rank, 1), grown;
    for (size_t i = 0; i < rank; ++i) {
        const int64_t before = pads[i], after = pads[i + rank];
        if (before > max_elements || after > max_elements || before < -max_elements || after < -max_elements)
            return n.bad_operand("pads", "{} and {} are out of range", before, after);
        // Negative pads cut.
        start[i] = std::max<int64_t>(0, -before);
        size[i] -= start[i] + std::max<int64_t>(0, -after);
        if (size[i] < 0 || start[i] > s[static_cast<int64_t>(i)])
            return n.bad_operand("pads", "{} and {} cut more than dimension {} of {}", before, after, i, s.text());
        op.before.push_back(std::max<int64_t>(0, before));
        op.after.push_back(std::max<int64_t>(0, after));
        const bool pads_here = op.before[i] > 0 || op.after[i] > 0;
        if (op.mode == PadMode::reflect && pads_here && std::max(op.before[i], op.after[i]) >= size[i])
            return n.unsupported("reflection of {} and {} positions of a dimension of size {}", op.before[i], op.after[i], size[i]);
        if (op.mode == PadMode::edge && pads_here && size[i] == 0) return n.bad_operand("pads", "dimension {} is empty", i);
        grown.push_back(op.before[i] + size[i] + op.after[i]);
    }
    GW_TRY_DO(n.check_size(grown));
    GW_TRY(ValueId x, n.slice(n.in(0), std::move(start), std::move(size), std::move(step)));
    if (n.shape(x).dims() == grown) return n.result(x);
    return n.result(n.emit(std::move(op), {x}));
}

Status tile(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    GW_TRY(std::vector<int64_t> repeats, n.need_ints(1, "repeats"));
    if (static_cast<int64_t>(repeats.size()) != s.rank())
        return n.bad_operand("repeats", "{} numbers for a tensor of rank {}", repeats.size(), s.rank());
    std::vector<int64_t> dims = s.dims();
    for (size_t i = 0; i < dims.size(); ++i) {
        if (repeats[i] < 1 || repeats[i] > 1024) return n.unsupported("{} copies; 1 to 1024 are supported", repeats[i]);
        dims[i] *= repeats[i];
    }
    GW_TRY_DO(n.check_size(dims));
    ValueId x = n.in(0);
    for (size_t i = 0; i < repeats.size(); ++i) {
        if (repeats[i] == 1) continue;
        Concat op;
        op.axis = static_cast<int64_t>(i);
        GW_TRY(x, n.emit(op, std::vector<ValueId>(static_cast<size_t>(repeats[i]), x)));
    }
    return n.result(x);
}

namespace {
// Checks the operand of DepthToSpace and SpaceToDepth; returns the block size.
Expected<int64_t> block_size(NodeContext& n) {
    if (n.rank(n.in(0)) != 4) return n.bad_operand("input", "rank {}, expected 4", n.rank(n.in(0)));
    const int64_t b = n.integer("blocksize", 0);
    if (b < 1 || b > 1024) return n.bad_attribute("attribute `blocksize`: {}", b);
    return b;
}
}  // namespace

Status depth_to_space(NodeContext& n) {
    GW_TRY(int64_t b, block_size(n));
    const Shape s = n.shape(n.in(0));
    const std::string mode = n.text("mode", "DCR");
    if (mode != "DCR" && mode != "CRD") return n.bad_attribute("attribute `mode`: `{}` is unknown", mode);
    if (s[1] % (b * b) != 0) return n.bad_attribute("{} channels do not split into blocks of {}x{}", s[1], b, b);
    const int64_t c = s[1] / (b * b);
    const bool depth_first = mode == "DCR";
    GW_TRY(ValueId split, n.reshape(n.in(0), depth_first ? std::vector<int64_t>{s[0], b, b, c, s[2], s[3]}
                                                         : std::vector<int64_t>{s[0], c, b, b, s[2], s[3]}));
    GW_TRY(ValueId moved,
           n.transpose(split, depth_first ? std::vector<int64_t>{0, 3, 4, 1, 5, 2} : std::vector<int64_t>{0, 1, 4, 2, 5, 3}));
    return n.result(n.reshape(moved, {s[0], c, s[2] * b, s[3] * b}));
}

Status space_to_depth(NodeContext& n) {
    GW_TRY(int64_t b, block_size(n));
    const Shape s = n.shape(n.in(0));
    if (s[2] % b != 0 || s[3] % b != 0) return n.bad_attribute("{}x{} does not split into blocks of {}x{}", s[2], s[3], b, b);
    GW_TRY(ValueId split, n.reshape(n.in(0), {s[0], s[1], s[2] / b, b, s[3] / b, b}));
    GW_TRY(ValueId moved, n.transpose(split, {0, 3, 5, 1, 2, 4}));
    return n.result(n.reshape(moved, {s[0], s[1] * b * b, s[2] / b, s[3] / b}));
}

}  // namespace gw::onnx_ops
