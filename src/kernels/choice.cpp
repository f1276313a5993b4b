// Rows of the ops that choose: argmax, and select, whose C function is called choose because POSIX has a select of its own.
#include "kernels/float_help.h"

namespace gw {
namespace {

Match match_argmax(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const ArgMax& op = *get_if<ArgMax>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    const Shape& s = graph.type(x).shape;
    int64_t outer = 1, inner = 1;
    for (int64_t d = 0; d < s.rank(); ++d) (d < op.axis ? outer : inner) *= d == op.axis ? 1 : s[d];
    Candidate c;
    const int64_t in_bytes = element_bytes(graph, x), out_bytes = element_bytes(graph, y);
    c.arguments = {KernelArgument::input(x, in_bytes), KernelArgument::output(y, out_bytes)};
    c.constants = {{"OUTER", outer}, {"N", s[op.axis]}, {"INNER", inner}};
    c.types = {{"in", std::string(c_element(graph.type(x).dtype))}, {"out", std::string(c_element(op.to))}};
    c.scalar = fmt::format("v {}{} top", op.smallest ? '<' : '>', op.last ? "=" : "");
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < inner; ++i)
            trace.tiles.push_back({out_bytes * (o * inner + i + 1), in_bytes * (o * s[op.axis] * inner + i)});
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    const bool real = graph.type(x).dtype == DType::float32;
    c.cycles = s.elements() * (8 + (real ? float_op_cycles(context.core) : 0)) + outer * inner * 20;
    return c;
}

Match match_select(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const ValueId y = node.outputs[0];
    const Shape& ys = graph.type(y).shape;
    std::vector<std::vector<int64_t>> strides;
    for (ValueId id : node.inputs) strides.push_back(repeated_strides(graph.type(id).shape, ys));
    Walk walk = merged(ys.dims(), strides);
    if (!walk.extend(5)) return "more than five dimensions that broadcast differently";
    const int64_t bytes = element_bytes(graph, y), n = graph.type(y).elements();
    Candidate c;
    c.arguments = {KernelArgument::input(node.inputs[0], 1), KernelArgument::input(node.inputs[1], bytes),
                   KernelArgument::input(node.inputs[2], bytes), KernelArgument::output(y, bytes)};
    walk.add_constants(c, {"C", "A", "B"});
    c.types = {{"elem", std::string(c_moved_element(bytes))}};
    for (size_t k = 0; k < 3; ++k)
        if (graph.type(node.inputs[k]).elements() == n)
            c.overlaps.push_back({k, 3, minimum_gap(elementwise_trace(n, k == 0 ? 1 : bytes, bytes))});
    c.covers = {root};
    c.cycles = n * 18;
    return c;
}

constexpr KernelRow rows[] = {
    {"argmax", "any", "argmax", match_argmax},
    {"choose", "any", "select", match_select},
};

}  // namespace

std::span<const KernelRow> choice_rows() { return rows; }

}  // namespace gw
