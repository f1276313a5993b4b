// Rows of data movement and of the resizing of pictures (float interpolation lies with the pools): elements of any type change their place
// and nothing else. A reshape is a view and needs no kernel; lowering also makes views of many slices and concats, the rest is copied here.
// Only element sizes matter, so one C file serves all types of a size.
#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/float_help.h"

namespace gw {
namespace {

// Lowering calls copy_bytes by name.
Match match_copy_bytes(const MatchContext&, const Graph&, NodeId) { return "copies results that live elsewhere; no node asks for it"; }

std::string unmovable(const Graph& graph, ValueId x) {
    const DType dtype = graph.type(x).dtype;
    return c_moved_element(bits(dtype) / 8).empty() ? fmt::format("elements of type {} have no address", dtype_name(dtype)) : "";
}

// x, y and the type of their elements.
void add_operands(const Graph& graph, Candidate& c, const Node& node, NodeId root, int64_t batch = 1) {
    const ValueId x = node.inputs[0], y = node.outputs[0];
    const int64_t bytes = element_bytes(graph, x);
    c.batch = batch;
    c.arguments = {KernelArgument::input(x, bytes, graph.type(x).bytes() / batch),
                   KernelArgument::output(y, bytes, graph.type(y).bytes() / batch)};
    c.types = {{"elem", std::string(c_moved_element(bytes))}};
    c.covers = {root};
}

int64_t move_cycles(const Graph& graph, ValueId y) { return graph.type(y).elements() * 9; }

Match match_transpose(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (std::string why = unmovable(graph, x); !why.empty()) return why;
    const std::vector<int64_t> own = graph.type(x).shape.strides();
    std::vector<int64_t> strides;
    for (int64_t p : get_if<Transpose>(node.op)->perm) strides.push_back(own[static_cast<size_t>(p)]);
    Walk walk = merged(graph.type(y).shape.dims(), {strides});
    if (!walk.extend(6)) return "more than six dimensions that move apart";
    Candidate c;
    add_operands(graph, c, node, root);
    walk.add_constants(c, {"S"});
    c.cycles = move_cycles(graph, y);
    return c;
}

Match match_slice(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Slice& op = *get_if<Slice>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (std::string why = unmovable(graph, x); !why.empty()) return why;
    std::vector<int64_t> strides = graph.type(x).shape.strides();
    int64_t first = 0;
    for (size_t i = 0; i < strides.size(); ++i) {
        first += op.start[i] * strides[i];
        strides[i] = op.size[i] == 1 ? 0 : strides[i] * op.step[i];
    }
    Walk walk = merged(op.size, {strides});
    if (!walk.extend(6)) return "more than six dimensions that are cut apart";
    Candidate c;
    add_operands(graph, c, node, root);
    walk.add_constants(c, {"S"});
    c.constants.emplace_back("FIRST", first);
    c.cycles = move_cycles(graph, y);
    return c;
}

// What is cut out lies in one piece: one axis is cut, all before it are 1.
Match match_slice_run(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Slice& op = *get_if<Slice>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (std::string why = unmovable(graph, x); !why.empty()) return why;
    const std::vector<int64_t> strides = graph.type(x).shape.strides();
    bool whole = true;  // all axes behind this one
    int64_t first = 0;
    for (size_t i = strides.size(); i-- > 0;) {
        if (op.size[i] > 1 && (op.step[i] != 1 || !whole)) return "what is cut out lies in several pieces";
        whole = whole && op.size[i] == graph.type(x).shape[static_cast<int64_t>(i)];
        first += op.start[i] * strides[i];
    }
    Candidate c;
    c.arguments = {KernelArgument::input(x, 1), KernelArgument::output(y, 1)};
    const int64_t bytes = graph.type(y).bytes();
    c.constants = {{"FIRST", first * element_bytes(graph, x)}, {"BYTES", bytes}};
    // memmove: the output may lie anywhere over the input.
    c.overlaps.push_back({0, 1, -graph.type(x).bytes(), {}});
    c.covers = {root};
    c.cycles = 40 + bytes * 2;
    return c;
}

// Some columns of a picture, or of anything that has one axis cut and one other behind those that are 1: equal runs at equal distances.
Match match_copy_rows(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Slice& op = *get_if<Slice>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (std::string why = unmovable(graph, x); !why.empty()) return why;
    const Shape& s = graph.type(x).shape;
    const std::vector<int64_t> strides = s.strides();
    // From the innermost axis: all of it or a part of one, then one axis of rows, then axes of which one index is left.
    int64_t run = element_bytes(graph, x), first = 0, rows = 1, from = 0;
    bool in_run = true;
    for (size_t i = strides.size(); i-- > 0;) {
        if (op.size[i] > 1 && op.step[i] != 1) return "takes every index";
        first += op.start[i] * strides[i] * element_bytes(graph, x);
        if (in_run) {
            run *= op.size[i];
            in_run = op.size[i] == s[static_cast<int64_t>(i)];
        } else if (op.size[i] > 1) {
            if (rows > 1) return "what is cut out lies in more than one row of pieces";
            rows = op.size[i];
            from = strides[i] * element_bytes(graph, x);
        }
    }
    if (rows == 1) return "what is cut out lies in one piece";
    Candidate c;
    c.arguments = {KernelArgument::input(x, 1), KernelArgument::output(y, 1)};
    c.constants = {{"ROWS", rows}, {"RUN", run}, {"FIRST", first}, {"FROM", from}, {"TO", run}};
    c.covers = {root};
    c.cycles = 40 + rows * (40 + run);
    return c;
}

// Up to `room` operands; those that are not there repeat the first one with length 0.
Match match_concat(const Graph& graph, NodeId root, size_t room) {
    const Node& node = graph[root];
    const ValueId y = node.outputs[0];
    const Shape& s = graph.type(y).shape;
    const int64_t axis = get_if<Concat>(node.op)->axis;
    if (std::string why = unmovable(graph, y); !why.empty()) return why;
    if (node.inputs.size() > room) return fmt::format("joins up to {} operands", room);
    Candidate c;
    int64_t outer = 1, inner = element_bytes(graph, y);
    for (int64_t i = 0; i < axis; ++i) outer *= s[i];
    for (int64_t i = axis + 1; i < s.rank(); ++i) inner *= s[i];
    c.constants.emplace_back("OUTER", outer);
    for (size_t i = 0; i < room; ++i) {
        const bool there = i < node.inputs.size();
        c.arguments.push_back(KernelArgument::input(node.inputs[there ? i : 0], 1));
        c.constants.emplace_back(fmt::format("L{}", i), there ? graph.type(node.inputs[i]).shape[axis] * inner : 0);
    }
    c.arguments.push_back(KernelArgument::output(y, 1));
    c.covers = {root};
    c.cycles = graph.type(y).bytes() * 3 + outer * static_cast<int64_t>(room) * 30;
    return c;
}
Match match_concat2(const MatchContext&, const Graph& graph, NodeId root) { return match_concat(graph, root, 2); }
Match match_concat4(const MatchContext&, const Graph& graph, NodeId root) { return match_concat(graph, root, 4); }
Match match_concat12(const MatchContext&, const Graph& graph, NodeId root) { return match_concat(graph, root, 12); }

// The padding value's bits as a number that fits an enumerator, or a reason.
std::string value_bits(const Pad& op, DType dtype, int64_t& out) {
    out = 0;
    if (op.mode != PadMode::constant) return {};
    Tensor fill = Tensor::zeros({dtype, Shape{1}, {}});
    fill.set(0, static_cast<double>(op.value));
    int64_t whole = 0;
    std::memcpy(&whole, fill.bytes().data(), fill.bytes().size());
    const int missing = 64 - bits(dtype);
    out = static_cast<int64_t>(static_cast<uint64_t>(whole) << missing) >> missing;
    if (out < std::numeric_limits<int32_t>::min() || out > std::numeric_limits<int32_t>::max())
        return "the padding value has more than 32 bits";
    return {};
}

Match match_pad(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Pad& op = *get_if<Pad>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (std::string why = unmovable(graph, x); !why.empty()) return why;
    int64_t value = 0;
    if (std::string why = value_bits(op, graph.type(x).dtype, value); !why.empty()) return why;
    struct Dimension {
        int64_t size, before, after;
        bool padded() const { return before + after > 0; }
    };
    std::vector<Dimension> dims;
    const Shape& s = graph.type(x).shape;
    for (size_t i = 0; i < op.before.size(); ++i) {
        const Dimension d{s[static_cast<int64_t>(i)], op.before[i], op.after[i]};
        if (!dims.empty() && !dims.back().padded() && !d.padded())
            dims.back().size *= d.size;
        else if (d.size != 1 || d.padded())
            dims.push_back(d);
    }
    int64_t run = 1;
    if (!dims.empty() && !dims.back().padded()) {
        run = dims.back().size;
        dims.pop_back();
    }
    if (dims.size() > 4) return "more than four dimensions that are padded or lie between such";
    dims.insert(dims.begin(), 4 - dims.size(), Dimension{1, 0, 0});
    Candidate c;
    add_operands(graph, c, node, root);
    c.constants = {{"RUN", run}, {"MODE", static_cast<int64_t>(op.mode)}, {"VALUE", value}};
    for (size_t i = 0; i < 4; ++i) {
        c.constants.emplace_back(fmt::format("X{}", i), dims[i].size);
        c.constants.emplace_back(fmt::format("Y{}", i), dims[i].size + dims[i].before + dims[i].after);
        c.constants.emplace_back(fmt::format("B{}", i), dims[i].before);
    }
    c.cycles = move_cycles(graph, y) + graph.type(y).elements() / run * 20;
    return c;
}

Match match_gather(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const int64_t axis = get_if<Gather>(node.op)->axis;
    const ValueId x = node.inputs[0], indices = node.inputs[1], y = node.outputs[0];
    if (std::string why = unmovable(graph, x); !why.empty()) return why;
    const Shape& s = graph.type(x).shape;
    int64_t outer = 1, inner = element_bytes(graph, x);
    for (int64_t i = 0; i < axis; ++i) outer *= s[i];
    for (int64_t i = axis + 1; i < s.rank(); ++i) inner *= s[i];
    Candidate c;
    c.arguments.push_back(KernelArgument::input(x, 1));
    if (const Tensor* known = graph.constant(indices)) {
        // Known indices become as small as they can be.
        std::vector<int32_t> wide;
        for (int64_t v : known->ints()) wide.push_back(static_cast<int32_t>(v < 0 ? v + s[axis] : v));
        if (s[axis] <= 32768) {
            const std::vector<int16_t> narrow(wide.begin(), wide.end());
            c.arguments.push_back(typed_table(Tensor::of<int16_t>(Shape{known->elements()}, narrow), "indices"));
            c.types = {{"index", "gw_i16"}};
        } else {
            c.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{known->elements()}, wide), "indices"));
            c.types = {{"index", "gw_i32"}};
        }
    } else {
        c.arguments.push_back(KernelArgument::input(indices, element_bytes(graph, indices)));
        c.types = {{"index", std::string(c_element(graph.type(indices).dtype))}};
    }
    c.arguments.push_back(KernelArgument::output(y, 1));
    const int64_t count = graph.type(indices).elements();
    c.constants = {{"OUTER", outer}, {"SIZE", s[axis]}, {"INNER", inner}, {"COUNT", count}};
    c.covers = {root};
    c.cycles = outer * count * (45 + inner * 2);
    return c;
}

Match match_resize_nearest(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Resize& op = *get_if<Resize>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (op.mode != ResizeMode::nearest) return "takes the nearest pixel";
    if (std::string why = unmovable(graph, x); !why.empty()) return why;
    const Shape& s = graph.type(x).shape;
    if (s[1] > 32767 || s[2] > 32767) return "more than 32767 rows or columns";
    Candidate c;
    add_operands(graph, c, node, root, s[0]);
    for (size_t d = 0; d < 2; ++d) {
        std::vector<int16_t> places;
        for (const ResizeTap& tap : resize_taps(op, d, s[static_cast<int64_t>(d + 1)])) places.push_back(static_cast<int16_t>(tap.low));
        c.arguments.push_back(typed_table(Tensor::of<int16_t>(Shape{op.size[d]}, places), d == 0 ? "row" : "column"));
    }
    c.constants = {{"IW", s[2]}, {"C", s[3]}, {"OH", op.size[0]}, {"OW", op.size[1]}};
    c.cycles = move_cycles(graph, y) + graph.type(y).elements() / s[3] * 15;
    return c;
}

// For each output position of one axis: lower input position, higher one, weight of the higher in the op's units.
Tensor tap_table(const Resize& op, size_t dimension, int64_t in_size) {
    std::vector<int16_t> values;
    for (const ResizeTap& t : resize_taps(op, dimension, in_size))
        values.insert(values.end(), {static_cast<int16_t>(t.low), static_cast<int16_t>(t.high), static_cast<int16_t>(t.parts)});
    return Tensor::of<int16_t>(Shape{static_cast<int64_t>(values.size())}, values);
}

Match match_resize_linear_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Resize& op = *get_if<Resize>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::int8)) return "takes and gives i8";
    if (op.mode != ResizeMode::linear) return "interpolates linearly";
    const Shape &in = graph.type(x).shape, &out = graph.type(y).shape;
    if (in[1] > 32767 || in[2] > 32767) return "pictures of at most 32767 rows and columns";
    Candidate c;
    c.batch = in[0];
    c.arguments = {KernelArgument::input(x, 1, in.elements() / in[0]), KernelArgument::output(y, 1, out.elements() / out[0]),
                   typed_table(tap_table(op, 0, in[1]), "vertical"), typed_table(tap_table(op, 1, in[2]), "horizontal")};
    c.constants = {{"IW", in[2]}, {"OH", out[1]}, {"OW", out[2]}, {"C", in[3]}, {"ONE", op.units == ResizeUnits::of_1024 ? 1024 : 256}};
    c.covers = {root};
    c.cycles = out.elements() * (is_small_core(context.core) ? 40 : 20);
    return c;
}

constexpr KernelRow rows[] = {
    {"copy_bytes", "any", "copy", match_copy_bytes},
    {"transpose", "any", "transpose", match_transpose},
    {"slice_run", "any", "slice", match_slice_run},
    {"copy_rows", "any", "slice", match_copy_rows},
    {"slice", "any", "slice", match_slice},
    {"concat2", "any", "concat", match_concat2},
    {"concat4", "any", "concat", match_concat4},
    {"concat12", "any", "concat", match_concat12},
    {"pad", "any", "pad", match_pad},
    {"gather", "any", "gather", match_gather},
    {"resize_nearest", "any", "resize", match_resize_nearest},
    {"resize_linear_s8", "any", "resize", match_resize_linear_s8},
};

}  // namespace

std::span<const KernelRow> movement_rows() { return rows; }

}  // namespace gw
