// Rows of the float fully connected layer and of the float product of two activations.
#include <algorithm>

#include "kernels/float_help.h"

namespace gw {
namespace {

Match match_dense_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Dense& op = *get_if<Dense>(node.op);
    const ValueId x = node.inputs[0], w = node.inputs[1], y = node.outputs[0];
    const ValueId bias = node.inputs.size() > 2 ? node.inputs[2] : ValueId{};
    if (!is_type(graph, x, DType::float32)) return "takes and gives f32";
    if (!graph.constant(w)) return "the weights must be constant";
    if (bias.valid() && !graph.constant(bias)) return "the bias must be constant";
    const int64_t k = graph.type(w).shape[1], o = graph.type(w).shape[0], m = leading_elements(graph.type(x).shape, 1);
    Candidate c;
    c.arguments.push_back(KernelArgument::input(x, 4));
    c.arguments.push_back(KernelArgument::output(y, 4));
    c.constants = {{"M", m}, {"K", k}, {"O", o}};
    add_float_weights(c, graph, pack_by_blocks(*graph.constant(w), 1, o, k, 0), graph.type(w).quant, w, bias, o);
    c.scalar = clamp_text("v", op.act_lo, op.act_hi);
    // A row of x is read again for each block of four outputs.
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t row = 0; row < m; ++row)
        for (int64_t done = 0; done < o; done += 4) trace.tiles.push_back({4 * (row * o + std::min(o, done + 4)), 4 * row * k});
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.macs_executed = m * k * o;
    c.cycles = c.macs_executed * float_mac_cycles(context.core) + m * (o * float_op_cycles(context.core) + 20 + (o + 3) / 4 * 30);
    return c;
}

Match match_matmul_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const ValueId a = node.inputs[0], b = node.inputs[1], y = node.outputs[0];
    if (!is_type(graph, a, DType::float32)) return "takes and gives f32";
    const Shape &as = graph.type(a).shape, &bs = graph.type(b).shape, &ys = graph.type(y).shape;
    const int64_t m = as[as.rank() - 2], k = as.back(), n = bs.back();
    const auto leading = [](const Shape& s) { return Shape(std::vector<int64_t>(s.dims().begin(), s.dims().end() - 2)); };
    const auto steps = [&](const Shape& s, int64_t matrix) {
        std::vector<int64_t> out = repeated_strides(leading(s), leading(ys));
        for (int64_t& v : out) v *= matrix;
        return out;
    };
    Walk walk = merged(leading(ys).dims(), {steps(as, m * k), steps(bs, k * n)});
    if (!walk.extend(3)) return "more than three leading dimensions that broadcast differently";
    Candidate c;
    c.arguments = {KernelArgument::input(a, 4), KernelArgument::input(b, 4), KernelArgument::output(y, 4)};
    c.constants = {{"M", m}, {"K", k}, {"N", n}};
    walk.add_constants(c, {"A", "B"});
    c.covers = {root};
    c.macs_executed = graph.type(y).elements() * k;
    c.cycles = c.macs_executed * float_mac_cycles(context.core) + graph.type(y).elements() * 20;
    return c;
}

constexpr KernelRow rows[] = {
    {"dense_f32", "any", "dense", match_dense_f32},
    {"matmul_f32", "any", "matmul", match_matmul_f32},
};

}  // namespace

std::span<const KernelRow> dense_f32_rows() { return rows; }

}  // namespace gw
