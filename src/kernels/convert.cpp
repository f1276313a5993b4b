// Rows of the changes of element type: cast keeps the number; quantize and dequantize go between reals and the integers that stand for them
// (int8 has kernels of its own).
#include "kernels/float_help.h"

namespace gw {
namespace {

Candidate converting(const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const ValueId x = node.inputs[0], y = node.outputs[0];
    const int64_t in_bytes = element_bytes(graph, x), out_bytes = element_bytes(graph, y), n = graph.type(y).elements();
    Candidate c;
    c.arguments = {KernelArgument::input(x, in_bytes), KernelArgument::output(y, out_bytes)};
    c.constants = {{"N", n}};
    c.overlaps.push_back({0, 1, minimum_gap(elementwise_trace(n, in_bytes, out_bytes))});
    c.covers = {root};
    return c;
}

// Toward zero, saturating, 0 for what is not a number: the comparisons are false for it.
std::string saturated(DType to, std::string_view type) {
    switch (to) {
        case DType::int32:
            return "x > -2147483648.0f ? x < 2147483648.0f ? (int32_t)x : INT32_MAX : x < 0.0f ? INT32_MIN : 0";
        case DType::uint32:
            return "x > 0.0f ? x < 4294967296.0f ? (uint32_t)x : UINT32_MAX : 0u";
        case DType::int64:
            return "x > -9223372036854775808.0f ? x < 9223372036854775808.0f ? (int64_t)x : INT64_MAX : x < 0.0f ? INT64_MIN : 0";
        default:
            break;
    }
    return fmt::format("({0})(x > {1}.0f ? x < {2}.0f ? (int32_t)x : {2} : x < 0.0f ? {1} : 0)", type, lowest(to), highest(to));
}

Match match_cast(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const DType from = graph.type(node.inputs[0]).dtype, to = graph.type(node.outputs[0]).dtype;
    const std::string_view in = c_element(from), out = c_element(to);
    if (in.empty() || out.empty()) return fmt::format("{} to {} is not between types that C has", dtype_name(from), dtype_name(to));
    Candidate c = converting(graph, root);
    c.types = {{"in", std::string(in)}, {"out", std::string(out)}};
    if (to == DType::boolean)
        c.scalar = "(uint8_t)(x != 0)";
    else if (to == from)
        c.scalar = "x";
    else if (is_float(from))
        c.scalar = saturated(to, out);
    else
        c.scalar = fmt::format("({})x", to == DType::float32 ? "float" : out);
    c.cycles = graph.type(node.outputs[0]).elements() * (12 + (is_float(from) || is_float(to) ? 2 * float_op_cycles(context.core) : 0));
    return c;
}

Match match_quantize(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Quantize& op = *get_if<Quantize>(node.op);
    if (op.to != DType::uint8 && bits(op.to) != 16) return "gives u8, i16 or u16";
    if (!op.quant.per_tensor()) return "takes one scale for the whole tensor";
    Candidate c = converting(graph, root);
    c.types = {{"out", std::string(c_element(op.to))}};
    c.constants.insert(
        c.constants.end(),
        {{"ZERO", op.quant.zero_point()}, {"LO", lowest(op.to)}, {"HI", highest(op.to)}, {"AWAY", op.ties == Ties::away ? 1 : 0}});
    c.scalar = fmt::format("x / {}", float_literal(op.quant.scale()));
    c.cycles = graph.type(node.outputs[0]).elements() * (25 + 9 * float_op_cycles(context.core));
    return c;
}

Match match_dequantize(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Type& x = graph.type(node.inputs[0]);
    if (!x.quant.per_tensor()) return "takes one scale for the whole tensor";
    if (x.dtype != DType::uint8 && bits(x.dtype) != 16 && !(x.dtype == DType::int32 && x.quant.zero_point() == 0)) {
        return "takes u8, i16, u16, or i32 with zero point 0";
    }
    Candidate c = converting(graph, root);
    c.types = {{"in", std::string(c_element(x.dtype))}};
    c.constants.emplace_back("ZERO", x.quant.zero_point());
    c.scalar = fmt::format("steps * {}", float_literal(x.quant.scale()));
    c.cycles = x.elements() * (14 + 2 * float_op_cycles(context.core));
    return c;
}

constexpr KernelRow rows[] = {
    {"cast", "any", "cast", match_cast},
    {"quantize", "any", "quantize", match_quantize},
    {"dequantize", "any", "dequantize", match_dequantize},
};

}  // namespace

std::span<const KernelRow> convert_rows() { return rows; }

}  // namespace gw
