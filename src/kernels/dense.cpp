// Rows of the fully connected layer and of the product of two activations.
#include <algorithm>

#include "kernels/row_help.h"

namespace gw {
namespace {

template <DType t>
Match match_dense(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Dense& op = *get_if<Dense>(node.op);
    const auto [x, w, bias_id, y] = layer_operands(node);
    if (const char* why = unfit_layer(graph, layer_operands(node), op.requant, t)) return why;
    const int64_t k = graph.type(w).shape[1], o = graph.type(w).shape[0], m = leading_elements(graph.type(x).shape, 1);
    const int64_t w_zero = t == DType::int8 ? weight_offset(context.core, k, bias_or_zeros(graph, bias_id, o)) : 0, bytes = bits(t) / 8;

    Candidate c;
    c.arguments.push_back(KernelArgument::input(x, bytes));
    c.arguments.push_back(KernelArgument::output(y, bytes));
    c.arguments.push_back(typed_weights(pack_by_blocks(*graph.constant(w), 1, o, k, w_zero), "w", w));
    add_sums(c, graph, t, *graph.constant(w), bias_id, o);
    c.constants = {{"M", m}, {"K", k}, {"O", o}, {"X_ZERO", op.x_zero}, {"W_ZERO", w_zero}};
    add_channel_requant(c, op.requant, o);
    c.types.emplace_back("weight", w_zero != 0 ? "uint8_t" : "int8_t");
    // Row by row; a row of x is read again for every block of four outputs.
    TileTrace trace;
    trace.reads_first = o <= 4;
    for (int64_t row = 0; row < m; ++row) trace.tiles.push_back({(row + 1) * o * bytes, row * k * bytes});
    if (o > 4) {  // within the last tile all but the last block's results are written before x is read again
        trace.tiles.clear();
        trace.reads_first = true;
        for (int64_t row = 0; row < m; ++row)
            for (int64_t done = 0; done < o; done += 4) trace.tiles.push_back({(row * o + std::min(o, done + 4)) * bytes, row * k * bytes});
    }
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.macs_executed = m * k * o;
    c.cycles =
        block_mac_cycles(context.core, m * k, o) + m * (o * requant_cycles(context.core, op.requant.rounding) + 20 + (o + 3) / 4 * 30);
    return c;
}

// Leading dimensions: all equal (the call is repeated), or an operand without any is used again and again.
template <DType t>
Match match_matmul(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const MatMul& op = *get_if<MatMul>(node.op);
    const ValueId a = node.inputs[0], b = node.inputs[1], y = node.outputs[0];
    if (!is_type(graph, a, t) || !is_type(graph, b, t) || !is_type(graph, y, t)) return fmt::format("takes and gives {}", dtype_name(t));
    if (op.requant.empty()) return "has no requantization";
    const Shape &as = graph.type(a).shape, &bs = graph.type(b).shape, &ys = graph.type(y).shape;
    const int64_t m = ys[ys.rank() - 2], n = ys.back(), k = as.back();
    const int64_t batch = leading_elements(ys, 2), a_batch = leading_elements(as, 2), b_batch = leading_elements(bs, 2);
    if ((a_batch != batch && a_batch != 1) || (b_batch != batch && b_batch != 1))
        return "the leading dimensions of both operands broadcast";
    const int64_t bytes = bits(t) / 8;
    Candidate c;
    c.types = {{"elem", t == DType::int8 ? "int8_t" : "gw_i16"}, {"sum", t == DType::int8 ? "int32_t" : "int64_t"}};
    c.arguments.push_back(operand(graph, a, "a", bytes, a_batch == batch ? m * k * bytes : 0));
    c.arguments.push_back(operand(graph, b, "b", bytes, b_batch == batch ? k * n * bytes : 0));
    c.arguments.push_back(KernelArgument::output(y, bytes, m * n * bytes));
    c.batch = batch;
    c.constants = {{"M", m}, {"K", k}, {"N", n}, {"A_ZERO", op.a_zero}, {"B_ZERO", op.b_zero}};
    add_single_requant(c, op.requant);
    c.covers = {root};
    c.macs_executed = batch * m * k * n;
    c.cycles = batch * (block_mac_cycles(context.core, m * k, n) + m * k * n +
                        m * (n * requant_cycles(context.core, op.requant.rounding) + 20 + (n + 3) / 4 * 30));
    return c;
}

constexpr KernelRow rows[] = {
    {"dense_s8", "any", "dense", match_dense<DType::int8>},
    {"dense_s16", "any", "dense", match_dense<DType::int16>, false, "dense_s8"},
    {"matmul_s8", "any", "matmul", match_matmul<DType::int8>},
    {"matmul_s16", "any", "matmul", match_matmul<DType::int16>, false, "matmul_s8"},
};

}  // namespace

std::span<const KernelRow> dense_rows() { return rows; }

}  // namespace gw
