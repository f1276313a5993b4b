// Rows of the fully connected layer and of the product of two activations.
#include <algorithm>
#include <utility>

#include "kernels/row_help.h"

namespace gw {
namespace {

// What dense_s8.c computes, for all types of x and y.
Candidate dense_candidate(const MatchContext& context, const Graph& graph, NodeId root, const LayerOperands& layer) {
    const Dense& op = *get_if<Dense>(graph[root].op);
    const auto& [x, w, bias_id, y, w_zero] = layer;
    const int64_t k = graph.type(w).shape[1], o = graph.type(w).shape[0], m = leading_elements(graph.type(x).shape, 1);
    const int64_t in_bytes = bits(graph.type(x).dtype) / 8, bytes = bits(graph.type(y).dtype) / 8;
    const int64_t offset = in_bytes == 1 ? weight_offset(context.core, k, bias_or_zeros(graph, bias_id, o)) : 0;

    Candidate c;
    c.arguments.push_back(KernelArgument::input(x, in_bytes));
    c.arguments.push_back(KernelArgument::output(y, bytes));
    c.arguments.push_back(typed_weights(pack_by_blocks(*graph.constant(w), 1, o, k, offset), "w", w));
    add_sums(c, graph, layer, o);
    c.types.emplace_back("out", element_type(graph.type(y).dtype));
    c.constants = {{"M", m}, {"K", k}, {"O", o}, {"X_ZERO", op.x_zero}, {"W_ZERO", offset + w_zero}};
    add_channel_requant(c, op.requant, o);
    c.types.emplace_back("weight", offset != 0 ? "uint8_t" : "int8_t");
    // Row by row; a row of x is read again for every block of four outputs.
    TileTrace trace;
    trace.reads_first = o <= 4;
    for (int64_t row = 0; row < m; ++row) trace.tiles.push_back({(row + 1) * o * bytes, row * k * in_bytes});
    if (o > 4) {  // within the last tile all but the last block's results are written before x is read again
        trace.tiles.clear();
        trace.reads_first = true;
        for (int64_t row = 0; row < m; ++row)
            for (int64_t done = 0; done < o; done += 4)
                trace.tiles.push_back({(row * o + std::min(o, done + 4)) * bytes, row * k * in_bytes});
    }
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.macs_executed = m * k * o;
    c.cycles =
        block_mac_cycles(context.core, m * k, o) + m * (o * requant_cycles(context.core, op.requant.rounding) + 20 + (o + 3) / 4 * 30);
    return c;
}

// int8 weights may have a zero point here.
template <DType t>
Match match_dense(const MatchContext& context, const Graph& graph, NodeId root) {
    LayerOperands layer = layer_operands(graph[root]);
    const int32_t w_zero = std::exchange(layer.w_zero, 0);
    if (const char* why = unfit_layer(graph, layer, get_if<Dense>(graph[root].op)->requant, t)) return why;
    layer.w_zero = w_zero;
    return dense_candidate(context, graph, root, layer);
}

Match match_dense_sums(const MatchContext& context, const Graph& graph, NodeId root) {
    const LayerOperands layer = layer_operands(graph[root]);
    if (const char* why = unfit_sums(graph, layer, get_if<Dense>(graph[root].op)->requant)) return why;
    return dense_candidate(context, graph, root, layer);
}

// Leading dimensions: all equal (the call is repeated), or an operand without any is used again and again.
template <DType t, DType to>
Match match_matmul(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const MatMul& op = *get_if<MatMul>(node.op);
    const ValueId a = node.inputs[0], b = node.inputs[1], y = node.outputs[0];
    if (!is_type(graph, a, t) || !is_type(graph, b, t) || !is_type(graph, y, to))
        return t == to ? fmt::format("takes and gives {}", dtype_name(t))
                       : fmt::format("takes {} and gives {}", dtype_name(t), dtype_name(to));
    if (op.requant.empty() && t == to) return "has no requantization";
    const Shape &as = graph.type(a).shape, &bs = graph.type(b).shape, &ys = graph.type(y).shape;
    const int64_t m = ys[ys.rank() - 2], n = ys.back(), k = as.back();
    const int64_t batch = leading_elements(ys, 2), a_batch = leading_elements(as, 2), b_batch = leading_elements(bs, 2);
    if ((a_batch != batch && a_batch != 1) || (b_batch != batch && b_batch != 1))
        return "the leading dimensions of both operands broadcast";
    const int64_t bytes = bits(t) / 8, out_bytes = bits(to) / 8;
    Candidate c;
    c.types = {{"elem", element_type(t)}, {"out", element_type(to)}, {"sum", t == DType::int8 ? "int32_t" : "int64_t"}};
    c.arguments.push_back(operand(graph, a, "a", bytes, a_batch == batch ? m * k * bytes : 0));
    c.arguments.push_back(operand(graph, b, "b", bytes, b_batch == batch ? k * n * bytes : 0));
    c.arguments.push_back(KernelArgument::output(y, out_bytes, m * n * out_bytes));
    c.batch = batch;
    c.constants = {{"M", m}, {"K", k}, {"N", n}, {"A_ZERO", op.a_zero}, {"B_ZERO", op.b_zero}};
    add_single_requant(c, op.requant, t == to ? Rounding::single : Rounding::none);
    c.covers = {root};
    c.macs_executed = batch * m * k * n;
    c.cycles = batch * (block_mac_cycles(context.core, m * k, n) + m * k * n +
                        m * (n * requant_cycles(context.core, op.requant.rounding) + 20 + (n + 3) / 4 * 30));
    return c;
}

constexpr KernelRow rows[] = {
    {"dense_s8", "any", "dense", match_dense<DType::int8>},
    {"dense_s16", "any", "dense", match_dense<DType::int16>, false, "dense_s8"},
    {"dense_sums", "any", "dense", match_dense_sums, false, "dense_s8"},
    {"matmul_s8", "any", "matmul", match_matmul<DType::int8, DType::int8>},
    {"matmul_s16", "any", "matmul", match_matmul<DType::int16, DType::int16>, false, "matmul_s8"},
    {"matmul_sums", "any", "matmul", match_matmul<DType::int16, DType::int32>, false, "matmul_s8"},
};

}  // namespace

std::span<const KernelRow> dense_rows() { return rows; }

}  // namespace gw
