// Rows of the ops that work element by element: two operands with broadcasting, lookup tables, softmax.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dsp.h"
#include "kernels/float_help.h"
#include "kernels/row_help.h"
#include "tensor/fixed_functions.h"

namespace gw {
namespace {

// What the binary kernels of one type share: operands, broadcasting, overlap where an operand is as large as the result.
Match start_binary(const Graph& graph, NodeId root, DType t) {
    const Node& node = graph[root];
    const ValueId a = node.inputs[0], b = node.inputs[1], y = node.outputs[0];
    if (!is_type(graph, a, t) || !is_type(graph, b, t)) return fmt::format("takes {}", dtype_name(t));
    const auto dims = broadcast_constants(graph.type(a).shape, graph.type(b).shape, graph.type(y).shape);
    if (!dims) return "the broadcast needs more than four dimensions";
    Candidate c;
    const int64_t n = graph.type(y).elements(), bytes = element_bytes(graph, a), y_bytes = element_bytes(graph, y);
    c.arguments = {operand(graph, a, "a", bytes), operand(graph, b, "b", bytes), KernelArgument::output(y, y_bytes)};
    c.constants = *dims;
    c.covers = {root};
    if (graph.type(a).elements() == n) add_elementwise_overlap(c, 0, 2, n, bytes, y_bytes);
    if (graph.type(b).elements() == n) add_elementwise_overlap(c, 1, 2, n, bytes, y_bytes);
    return c;
}
// For kernels that know several types.
Match start_typed_binary(const Graph& graph, NodeId root, DType t) {
    Match start = start_binary(graph, root, t);
    if (start.candidate) start.candidate->types = {{"elem", std::string(c_element(t))}};
    return start;
}

Match finish_binary(const MatchContext& context, const Graph& graph, const Binary& op, NodeId root, Candidate c, int64_t element_cycles) {
    c.constants.insert(c.constants.end(), {{"A_ZERO", op.a_zero}, {"B_ZERO", op.b_zero}});
    add_single_requant(c, op.requant);
    c.cycles = graph.type(graph[root].outputs[0]).elements() * (element_cycles + requant_cycles(context.core, op.requant.rounding));
    return c;
}

// Results of an int8 sum for all pairs of operands.
std::string all_pairs(const Binary& op) {
    Tensor values = Tensor::zeros({DType::int8, Shape{256}, {}});
    for (int64_t i = 0; i < 256; ++i) values.set(i, static_cast<double>(i - 128));
    const Tensor a = values.reshaped(Shape{256, 1});
    const Tensor* in[] = {&a, &values};
    std::vector<Tensor> out{Tensor::zeros({DType::int8, Shape{256, 256}, {}})};
    evaluate(op, in, out);
    return std::string(out[0].bytes());
}

// A sum whose operands are rescaled each by itself, with one rounding at the end in place of three, in 32 bits. There are only 65,536 pairs
// of operands: it is taken where it gives the same result for every one.
std::optional<Binary> plain_sum(const Binary& op) {
    const auto factor = [](int32_t multiplier, int32_t shift) { return std::ldexp(static_cast<double>(multiplier), shift - 31); };
    const double last = std::ldexp(factor(op.requant.multiplier[0], op.requant.shift[0]), op.left_shift);
    const double a = factor(op.a_multiplier, op.a_shift) * last, b = factor(op.b_multiplier, op.b_shift) * last;
    const std::string expected = all_pairs(op);
    Binary plain = op;
    plain.left_shift = plain.a_shift = plain.b_shift = 0;
    plain.requant.rounding = Rounding::narrow;
    plain.requant.multiplier = {1};
    int tries = 0;
    for (int shift = 22; shift > 8 && tries < 4; --shift) {
        // Sum, rounding and zero point stay inside int32.
        if (255 * std::ldexp(std::abs(a) + std::abs(b), shift) + std::ldexp(1.0, shift) + 1024 > std::numeric_limits<int32_t>::max())
            continue;
        ++tries;
        plain.a_multiplier = static_cast<int32_t>(std::lround(std::ldexp(a, shift)));
        plain.b_multiplier = static_cast<int32_t>(std::lround(std::ldexp(b, shift)));
        plain.requant.shift = {shift};
        if (all_pairs(plain) == expected) return plain;
    }
    return std::nullopt;
}

Match match_add_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Binary op = *get_if<Binary>(graph[root].op);
    if (op.kind != BinaryKind::add && op.kind != BinaryKind::sub) return "computes sums and differences";
    if (op.left_shift > 0) {
        const std::optional<Binary> plain = plain_sum(op);
        if (!plain) return "the operands are rescaled each by itself, and one rounding is not the same";
        op = *plain;
    }
    Match start = start_binary(graph, root, DType::int8);
    if (!start.candidate) return start;
    if (op.requant.empty()) return "has no requantization";
    const int64_t b_multiplier = op.kind == BinaryKind::add ? op.b_multiplier : -int64_t{op.b_multiplier};
    start.candidate->constants.insert(start.candidate->constants.end(), {{"A_MULT", op.a_multiplier}, {"B_MULT", b_multiplier}});
    return finish_binary(context, graph, op, root, std::move(*start.candidate), 14);
}

// What operands that are rescaled each by itself need.
void add_operand_rescaling(Candidate& c, const Binary& op) {
    c.constants.insert(c.constants.end(), {{"LEFT", op.left_shift},
                                           {"A_MULT", op.a_multiplier},
                                           {"A_SHIFT", op.a_shift},
                                           {"B_MULT", op.b_multiplier},
                                           {"B_SHIFT", op.b_shift}});
}

// Sums as TFLite computes them.
template <DType t>
Match match_add_twice(const MatchContext& context, const Graph& graph, NodeId root) {
    const Binary& op = *get_if<Binary>(graph[root].op);
    if (op.kind != BinaryKind::add && op.kind != BinaryKind::sub) return "computes sums and differences";
    if (op.left_shift == 0) return "the operands are not rescaled each by itself";
    Match start = start_typed_binary(graph, root, t);
    if (!start.candidate) return start;
    Candidate& c = *start.candidate;
    add_operand_rescaling(c, op);
    c.constants.emplace_back("SIGN", op.kind == BinaryKind::add ? 1 : -1);
    return finish_binary(context, graph, op, root, std::move(c), 14 + 2 * requant_cycles(context.core, Rounding::twice));
}

// Sums whose every result is on one line.
Match match_add_line_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Candidate c;
    SumLine line;
    if (const char* why = start_sum(graph, root, c, line)) return why;
    const int64_t n = graph.type(graph[root].outputs[0]).elements();
    if (const char* why = add_halved_line(c, line, n)) return why;
    c.cycles = 20 + n * (is_small_core(context.core) ? (line.wide ? 36 : 24) : (line.wide ? 18 : 13));
    return c;
}

template <DType t>
Match match_squared_difference(const MatchContext& context, const Graph& graph, NodeId root) {
    const Binary& op = *get_if<Binary>(graph[root].op);
    if (op.kind != BinaryKind::squared_difference) return "computes squared differences";
    Match start = start_typed_binary(graph, root, t);
    if (!start.candidate) return start;
    add_operand_rescaling(*start.candidate, op);
    return finish_binary(context, graph, op, root, std::move(*start.candidate), 16 + 2 * requant_cycles(context.core, Rounding::twice));
}

template <DType t>
Match match_compare(const MatchContext& context, const Graph& graph, NodeId root) {
    const Binary& op = *get_if<Binary>(graph[root].op);
    const char* holds = op.kind == BinaryKind::less      ? "a < b"
                        : op.kind == BinaryKind::greater ? "a > b"
                        : op.kind == BinaryKind::equal   ? "a == b"
                                                         : nullptr;
    if (holds == nullptr) return "computes comparisons";
    Match start = start_typed_binary(graph, root, t);
    if (!start.candidate) return start;
    Candidate& c = *start.candidate;
    add_operand_rescaling(c, op);
    c.constants.insert(c.constants.end(), {{"A_ZERO", op.a_zero}, {"B_ZERO", op.b_zero}});
    c.scalar = holds;
    c.cycles = graph.type(graph[root].outputs[0]).elements() * (18 + 2 * requant_cycles(context.core, Rounding::twice));
    return start;
}

// Functions of one int16.
Match match_rescale(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Rescale& op = *get_if<Rescale>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    const int64_t n = graph.type(x).elements();
    Candidate c;
    c.arguments = {KernelArgument::input(x, element_bytes(graph, x)), KernelArgument::output(y, element_bytes(graph, y))};
    c.types = {{"in", std::string(c_element(graph.type(x).dtype))}, {"out", std::string(c_element(op.to))}};
    c.constants = {{"N", n}, {"X_ZERO", op.x_zero}, {"MAGNITUDE", op.magnitude ? 1 : 0}, {"BELOW", op.below.empty() ? 0 : 1}};
    Candidate below;
    add_single_requant(below, op.below.empty() ? op.requant : op.below);
    for (const auto& [name, value] : below.constants) c.constants.emplace_back("B_" + name, value);
    add_single_requant(c, op.requant);
    add_elementwise_overlap(c, 0, 1, n, element_bytes(graph, x), element_bytes(graph, y));
    c.covers = {root};
    c.cycles = n * (14 + requant_cycles(context.core, op.requant.rounding));
    return c;
}

Match match_sigmoid16(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Sigmoid16& op = *get_if<Sigmoid16>(node.op);
    const int64_t n = graph.type(node.inputs[0]).elements();
    const auto table = logistic_table16();
    Candidate c;
    c.arguments = {KernelArgument::input(node.inputs[0], 2), KernelArgument::output(node.outputs[0], 2),
                   typed_table(Tensor::of<uint16_t>(Shape{256}, {table.begin(), table.end()}), "table")};
    c.constants = {{"N", n}, {"MULT", op.multiplier}, {"SHIFT", op.shift}};
    c.scalar = op.kind == UnaryKind::tanh ? "gw_tanh16(v, table)" : "gw_logistic16(v, table)";
    add_elementwise_overlap(c, 0, 1, n, 2, 2);
    c.covers = {root};
    c.cycles = n * (is_small_core(context.core) ? 45 : 26);
    return c;
}

// Quotients as TFLite computes them.
Match match_div_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    const Binary& op = *get_if<Binary>(graph[root].op);
    if (op.kind != BinaryKind::div) return "computes quotients";
    Match start = start_binary(graph, root, DType::int8);
    if (!start.candidate) return start;
    Candidate& c = *start.candidate;
    std::vector<int32_t> inverse(256, 0);
    for (int32_t d = 1; d < 256; ++d) inverse[static_cast<size_t>(d)] = fixed_reciprocal(d, 31).scale;
    c.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{256}, inverse), "inverse"));
    c.constants.insert(c.constants.end(), {{"A_ZERO", op.a_zero},
                                           {"B_ZERO", op.b_zero},
                                           {"MULT", op.requant.multiplier[0]},
                                           {"SHIFT", op.requant.shift[0]},
                                           {"Y_ZERO", op.requant.zero_point},
                                           {"LO", op.requant.lo},
                                           {"HI", op.requant.hi}});
    c.cycles = graph.type(graph[root].outputs[0]).elements() * (120 + 2 * requant_cycles(context.core, Rounding::twice));
    return start;
}

Match match_l2_norm_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Shape& shape = graph.type(node.inputs[0]).shape;
    const int64_t n = shape.back(), outer = leading_elements(shape, 1);
    Candidate c;
    c.arguments = {KernelArgument::input(node.inputs[0], 1), KernelArgument::output(node.outputs[0], 1)};
    c.constants = {{"OUTER", outer}, {"N", n}, {"X_ZERO", get_if<L2Norm>(node.op)->x_zero}};
    add_elementwise_overlap(c, 0, 1, shape.elements(), 1, 1);
    c.covers = {root};
    c.cycles = shape.elements() * (16 + requant_cycles(context.core, Rounding::twice)) + outer * (is_small_core(context.core) ? 2500 : 500);
    return c;
}

template <DType t>
Match match_mul(const MatchContext& context, const Graph& graph, NodeId root) {
    const Binary& op = *get_if<Binary>(graph[root].op);
    if (op.kind != BinaryKind::mul) return "computes products";
    Match start = start_typed_binary(graph, root, t);
    if (!start.candidate) return start;
    if (op.requant.empty()) return "has no requantization";
    return finish_binary(context, graph, op, root, std::move(*start.candidate), 12);
}

template <DType t>
Match match_minmax(const MatchContext&, const Graph& graph, NodeId root) {
    const Binary& op = *get_if<Binary>(graph[root].op);
    if (op.kind != BinaryKind::min && op.kind != BinaryKind::max) return "computes minima and maxima";
    Match start = start_typed_binary(graph, root, t);
    if (!start.candidate) return start;
    start.candidate->scalar = op.kind == BinaryKind::min ? "gw_min(a, b)" : "gw_max(a, b)";
    start.candidate->cycles = graph.type(graph[root].outputs[0]).elements() * 16;
    return start;
}

Match match_lookup_s8(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const ValueId x = node.inputs[0], y = node.outputs[0];
    const Tensor* table = graph.constant(node.inputs[1]);
    if (!table) return "the table must be constant";
    const int64_t n = graph.type(x).elements();
    Candidate c;
    c.arguments = {KernelArgument::input(x, 1), KernelArgument::output(y, 1), typed_table(*table, "table")};
    const bool with_sign = is_type(graph, x, DType::int8);
    c.types = {{"in", with_sign ? "int8_t" : "uint8_t"}, {"out", is_type(graph, y, DType::int8) ? "int8_t" : "uint8_t"}};
    c.constants = {{"N", n}, {"FIRST", with_sign ? 128 : 0}};
    add_elementwise_overlap(c, 0, 1, n, 1, 1);
    c.covers = {root};
    c.cycles = n * 11;
    return c;
}

Match softmax_s8(const MatchContext& context, const Graph& graph, NodeId root, SoftmaxForm form, bool log = false) {
    const Node& node = graph[root];
    const Softmax& op = *get_if<Softmax>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::int8) || !is_type(graph, y, DType::int8)) return "takes and gives i8";
    if (op.log != log) return log ? "computes logarithms" : "does not compute logarithms";
    if (op.form != form) return fmt::format("computes the form {}", enum_name(form));
    const Tensor* table = node.inputs.size() > 1 ? graph.constant(node.inputs[1]) : nullptr;
    if (!table) return "the table must be constant";
    const Shape& shape = graph.type(x).shape;
    const int64_t n = shape[op.axis], inner = shape.elements() / (leading_elements(shape, shape.rank() - op.axis) * n);
    Candidate c;
    c.arguments = {KernelArgument::input(x, 1), KernelArgument::output(y, 1), typed_table(*table, "table")};
    c.constants = {{"OUTER", leading_elements(shape, shape.rank() - op.axis)}, {"N", n}, {"INNER", inner}};
    // A line that lies in one piece is read whole before its first result, then once more just ahead of the writing.
    if (inner == 1) add_elementwise_overlap(c, 0, 1, shape.elements(), 1, 1);
    c.covers = {root};
    const bool small = is_small_core(context.core);
    if (log) {
        c.cycles = shape.elements() * (small ? 90 : 30) + shape.elements() / n * (small ? 2000 : 350);
    } else if (form == SoftmaxForm::ratio) {
        c.cycles = shape.elements() * (small ? 330 : 45);
    } else {
        c.cycles = shape.elements() * (small ? 150 : 50) + shape.elements() / n * (small ? 1000 : 200);
    }
    return c;
}

Match match_softmax_s16(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Softmax& op = *get_if<Softmax>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::int16)) return "takes and gives i16";
    const Shape& shape = graph.type(x).shape;
    const int64_t outer = leading_elements(shape, shape.rank() - op.axis), n = shape[op.axis], inner = shape.elements() / (outer * n);
    const auto table = [](std::span<const int16_t, 513> values, const char* role) {
        return typed_table(Tensor::of<int16_t>(Shape{513}, {values.begin(), values.end()}), role);
    };
    Candidate c;
    c.arguments = {KernelArgument::input(x, 2), KernelArgument::output(y, 2), table(exp_table16(), "exponential"),
                   table(one_over_one_plus_table16(), "reciprocal")};
    c.constants = {{"OUTER", outer}, {"N", n}, {"INNER", inner}, {"MULT", op.multiplier}, {"SHIFT", op.shift}};
    if (inner == 1) add_elementwise_overlap(c, 0, 1, shape.elements(), 2, 2);
    c.covers = {root};
    c.cycles = shape.elements() * (50 + requant_cycles(context.core, Rounding::twice)) + shape.elements() / n * 120;
    return c;
}

Match match_softmax_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    return softmax_s8(context, graph, root, SoftmaxForm::ratio);
}
Match match_softmax_reciprocal_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    return softmax_s8(context, graph, root, SoftmaxForm::reciprocal);
}

Match match_log_softmax_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    return softmax_s8(context, graph, root, SoftmaxForm::reciprocal, true);
}

constexpr KernelRow rows[] = {
    {"add_s8", "any", "binary", match_add_s8},
    {"add_twice_s8", "any", "binary", match_add_twice<DType::int8>},
    {"add_twice_s16", "any", "binary", match_add_twice<DType::int16>, false, "add_twice_s8"},
    {"add_line_s8", "any", "binary", match_add_line_s8},
    {"squared_difference_s8", "any", "binary", match_squared_difference<DType::int8>},
    {"squared_difference_s16", "any", "binary", match_squared_difference<DType::int16>, false, "squared_difference_s8"},
    {"compare_s8", "any", "binary", match_compare<DType::int8>},
    {"compare_s16", "any", "binary", match_compare<DType::int16>, false, "compare_s8"},
    {"div_s8", "any", "binary", match_div_s8},
    {"l2_norm_s8", "any", "l2_norm", match_l2_norm_s8},
    {"mul_s8", "any", "binary", match_mul<DType::int8>},
    {"mul_s16", "any", "binary", match_mul<DType::int16>, false, "mul_s8"},
    {"minmax_s8", "any", "binary", match_minmax<DType::int8>},
    {"minmax_s16", "any", "binary", match_minmax<DType::int16>, false, "minmax_s8"},
    {"rescale", "any", "rescale", match_rescale},
    {"sigmoid16", "any", "sigmoid16", match_sigmoid16},
    {"lookup_s8", "any", "lookup", match_lookup_s8},
    {"softmax_s8", "any", "softmax", match_softmax_s8},
    {"softmax_reciprocal_s8", "any", "softmax", match_softmax_reciprocal_s8},
    {"log_softmax_s8", "any", "softmax", match_log_softmax_s8},
    {"softmax_s16", "any", "softmax", match_softmax_s16},
};

}  // namespace

std::span<const KernelRow> elementwise_rows() { return rows; }

}  // namespace gw
