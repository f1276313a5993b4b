// Rows between int8 and float with one scale a tensor.
#include "base/text.h"
#include "kernels/row_help.h"

namespace gw {
namespace {

Match match_quantize_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Quantize& op = *get_if<Quantize>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::float32) || op.to != DType::int8) return "makes i8 of f32";
    if (!op.quant.per_tensor()) return "takes one scale for the whole tensor";
    const int64_t n = graph.type(x).elements();
    Candidate c;
    c.arguments = {KernelArgument::input(x, 4), KernelArgument::output(y, 1)};
    c.constants = {{"N", n}, {"ZERO", op.quant.zero_point()}, {"AWAY", op.ties == Ties::away ? 1 : 0}};
    c.scalar = "x / " + c_float_literal(op.quant.scale());
    add_elementwise_overlap(c, 0, 1, n, 4, 1);
    c.covers = {root};
    c.cycles = n * (context.core.features.fpu ? 35 : 700);
    return c;
}

Match match_dequantize_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::int8) || !is_type(graph, y, DType::float32)) return "makes f32 of i8";
    const Quant& quant = graph.type(x).quant;
    if (!quant.per_tensor()) return "takes one scale for the whole tensor";
    const int64_t n = graph.type(x).elements();
    Candidate c;
    c.arguments = {KernelArgument::input(x, 1), KernelArgument::output(y, 4)};
    c.constants = {{"N", n}, {"ZERO", quant.zero_point()}};
    c.scalar = "x * " + c_float_literal(quant.scale());
    add_elementwise_overlap(c, 0, 1, n, 1, 4);
    c.covers = {root};
    c.cycles = n * (context.core.features.fpu ? 12 : 200);
    return c;
}

constexpr KernelRow rows[] = {
    {"quantize_s8", "any", "quantize", match_quantize_s8},
    {"dequantize_s8", "any", "dequantize", match_dequantize_s8},
};

}  // namespace

std::span<const KernelRow> convert_s8_rows() { return rows; }

}  // namespace gw
