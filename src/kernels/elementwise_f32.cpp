// Rows of the float elementwise families and of float softmax; binary and unary ops of wide integers and bools ride along.
//
// A family is one C file with one scalar function, which is given here as an expression. It says in C what apply_unary and apply_binary of
// the ops say in C++, the treatment of not-a-number included. Integer arithmetic wraps, so it goes through unsigned types.
#include <algorithm>
#include <cmath>

#include "kernels/float_help.h"

namespace gw {

// --- unary --------------------------------------------------------------------------------------------------------------------------
std::string unary_text(const Unary& op) {
    const std::string alpha = float_literal(op.alpha), beta = float_literal(op.beta);
    switch (op.kind) {
        case UnaryKind::clamp:
            return clamp_text("x", op.alpha, op.beta);
        case UnaryKind::sigmoid:
            return "1.0f / (1.0f + expf(-x))";
        case UnaryKind::tanh:
            return "tanhf(x)";
        case UnaryKind::erf:
            return "erff(x)";
        case UnaryKind::exp:
            return "expf(x)";
        case UnaryKind::log:
            return "logf(x)";
        case UnaryKind::sqrt:
            return "sqrtf(x)";
        case UnaryKind::rsqrt:
            return "1.0f / sqrtf(x)";
        case UnaryKind::reciprocal:
            return "1.0f / x";
        case UnaryKind::abs:
            return "fabsf(x)";
        case UnaryKind::neg:
            return "-x";
        case UnaryKind::floor:
            return "floorf(x)";
        case UnaryKind::ceil:
            return "ceilf(x)";
        case UnaryKind::round:
            return "rintf(x)";
        case UnaryKind::sign:
            return "x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x";
        case UnaryKind::sin:
            return "sinf(x)";
        case UnaryKind::cos:
            return "cosf(x)";
        case UnaryKind::tan:
            return "tanf(x)";
        case UnaryKind::asin:
            return "asinf(x)";
        case UnaryKind::acos:
            return "acosf(x)";
        case UnaryKind::atan:
            return "atanf(x)";
        case UnaryKind::sinh:
            return "sinhf(x)";
        case UnaryKind::cosh:
            return "coshf(x)";
        case UnaryKind::asinh:
            return "asinhf(x)";
        case UnaryKind::acosh:
            return "acoshf(x)";
        case UnaryKind::atanh:
            return "atanhf(x)";
        case UnaryKind::leaky_relu:
            return fmt::format("x >= 0.0f ? x : {} * x", alpha);
        case UnaryKind::elu:
            return fmt::format("x >= 0.0f ? x : {} * expm1f(x)", alpha);
        case UnaryKind::hard_sigmoid:
            return fmt::format("gw_clamp_f32({} * x + {}, 0.0f, 1.0f)", alpha, beta);
        case UnaryKind::hard_swish:
            return "x * gw_clamp_f32(x / 6.0f + 0.5f, 0.0f, 1.0f)";
        case UnaryKind::softplus:
            return "x > 0.0f ? x + log1pf(expf(-x)) : log1pf(expf(x))";
        case UnaryKind::gelu:
            return "0.5f * x * (1.0f + erff(x * 0.707106781f))";
        case UnaryKind::silu:
            return "x / (1.0f + expf(-x))";
        case UnaryKind::affine:
            return fmt::format("{} * x + {}", alpha, beta);
        case UnaryKind::power:
            return op.alpha == 2.0F ? "x * x" : fmt::format("powf(x, {})", alpha);
        case UnaryKind::shrink:
            return fmt::format("x < {} ? x + {} : x > {} ? x - {} : 0.0f", float_literal(-op.alpha), beta, alpha, beta);
        case UnaryKind::thresholded_relu:
            return fmt::format("x > {} ? x : 0.0f", alpha);
        case UnaryKind::logical_not:
            return {};
    }
    return {};
}

namespace {

int64_t unary_cycles(const Core& core, UnaryKind kind) {
    switch (kind) {
        case UnaryKind::clamp:
            return 2 * float_op_cycles(core) + 8;
        case UnaryKind::abs:
        case UnaryKind::neg:
            return 12;
        case UnaryKind::sign:
        case UnaryKind::leaky_relu:
        case UnaryKind::affine:
        case UnaryKind::reciprocal:
        case UnaryKind::shrink:
        case UnaryKind::thresholded_relu:
        case UnaryKind::hard_sigmoid:
        case UnaryKind::hard_swish:
            return 4 * float_op_cycles(core) + 10;
        default:
            return libm_cycles(core);
    }
}

void add_elements(const Graph& graph, Candidate& c, const Node& node, NodeId root, int64_t in_bytes, int64_t out_bytes) {
    const int64_t n = graph.type(node.outputs[0]).elements();
    c.arguments = {KernelArgument::input(node.inputs[0], in_bytes), KernelArgument::output(node.outputs[0], out_bytes)};
    c.constants = {{"N", n}};
    c.overlaps.push_back({0, 1, minimum_gap(elementwise_trace(n, in_bytes, out_bytes))});
    c.covers = {root};
}

Match match_unary_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Unary& op = *get_if<Unary>(node.op);
    if (!is_type(graph, node.inputs[0], DType::float32)) return "takes and gives f32";
    Candidate c;
    add_elements(graph, c, node, root, 4, 4);
    c.scalar = unary_text(op);
    c.cycles = graph.type(node.outputs[0]).elements() * unary_cycles(context.core, op.kind);
    return c;
}

std::string integer_literal(int64_t v, bool wide) {
    if (v == std::numeric_limits<int64_t>::min()) return "INT64_MIN";
    if (v == std::numeric_limits<int32_t>::min()) return wide ? "(-2147483647LL - 1)" : "INT32_MIN";
    return std::to_string(v) + (wide ? "LL" : "");
}

// The bounds of an integer clamp, rounded inward as evaluate rounds them; a bound that cuts nothing off is left out.
std::string integer_clamp(float alpha, float beta, bool wide) {
    const double least = wide ? -9223372036854775808.0 : -2147483648.0;
    const double lo = std::ceil(static_cast<double>(alpha)), hi = std::floor(static_cast<double>(beta));
    std::string text = "x";
    if (lo > least) {
        const int64_t v = lo >= -least ? (wide ? std::numeric_limits<int64_t>::max() : 2147483647) : static_cast<int64_t>(lo);
        text = fmt::format("(x < {0} ? {0} : x)", integer_literal(v, wide));
    }
    if (hi < -least - (wide ? 0 : 1)) {
        const int64_t v = hi <= least ? (wide ? std::numeric_limits<int64_t>::min() : -2147483648LL) : static_cast<int64_t>(hi);
        text = fmt::format("{0} > {1} ? {1} : {0}", text, integer_literal(v, wide));
    }
    return text;
}

std::string integer_unary_text(const Unary& op, bool wide) {
    const char* word = wide ? "uint64_t" : "uint32_t";
    switch (op.kind) {
        case UnaryKind::neg:
            return fmt::format("(unary_int_elem)(0u - ({})x)", word);
        case UnaryKind::abs:
            return fmt::format("x < 0 ? (unary_int_elem)(0u - ({})x) : x", word);
        case UnaryKind::sign:
            return "x > 0 ? 1 : x < 0 ? -1 : 0";
        case UnaryKind::clamp:
            return integer_clamp(op.alpha, op.beta, wide);
        case UnaryKind::logical_not:
            return "(unary_int_elem)(x == 0)";
        default:
            return {};
    }
}

Match match_unary_int(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const DType dtype = graph.type(node.inputs[0]).dtype;
    if (dtype != DType::int32 && dtype != DType::int64 && dtype != DType::boolean) return "takes and gives i32, i64 or bool";
    const int64_t bytes = bits(dtype) / 8;
    Candidate c;
    add_elements(graph, c, node, root, bytes, bytes);
    c.types = {{"elem", std::string(c_element(dtype))}};
    c.scalar = integer_unary_text(*get_if<Unary>(node.op), dtype == DType::int64);
    c.cycles = graph.type(node.outputs[0]).elements() * 14;
    return c;
}

// --- binary -------------------------------------------------------------------------------------------------------------------------
std::string binary_text(const Binary& op) {
    std::string text;
    switch (op.kind) {
        case BinaryKind::add:
            text = "a + b";
            break;
        case BinaryKind::sub:
            text = "a - b";
            break;
        case BinaryKind::mul:
            text = "a * b";
            break;
        case BinaryKind::div:
            text = "a / b";
            break;
        case BinaryKind::pow:
            text = "powf(a, b)";
            break;
        case BinaryKind::min:
            text = "b < a ? b : a";
            break;
        case BinaryKind::max:
            text = "a < b ? b : a";
            break;
        case BinaryKind::mod:
            text = "fmodf(a, b)";
            break;
        case BinaryKind::squared_difference:
            text = "(a - b) * (a - b)";
            break;
        case BinaryKind::equal:
            return "(uint8_t)(a == b)";
        case BinaryKind::less:
            return "(uint8_t)(a < b)";
        case BinaryKind::greater:
            return "(uint8_t)(a > b)";
        case BinaryKind::logical_and:
        case BinaryKind::logical_or:
            return {};
    }
    return clamp_text(text, op.act_lo, op.act_hi);
}

std::string integer_binary_text(BinaryKind kind, DType dtype) {
    const char* word = dtype == DType::int64 ? "uint64_t" : "uint32_t";
    const auto wrapping = [&](char sign) { return fmt::format("(binary_int_out)(({0})a {1} ({0})b)", word, sign); };
    switch (kind) {
        case BinaryKind::add:
            return wrapping('+');
        case BinaryKind::sub:
            return wrapping('-');
        case BinaryKind::mul:
            return wrapping('*');
        case BinaryKind::div:
            return fmt::format("b == 0 ? 0 : b == -1 ? (binary_int_out)(0u - ({})a) : a / b", word);
        case BinaryKind::mod:
            return "b == 0 || b == -1 ? 0 : a % b != 0 && (a % b < 0) != (b < 0) ? a % b + b : a % b";
        case BinaryKind::squared_difference:
            return fmt::format("(binary_int_out)((({0})a - ({0})b) * (({0})a - ({0})b))", word);
        case BinaryKind::min:
            return "b < a ? b : a";
        case BinaryKind::max:
            return "a < b ? b : a";
        case BinaryKind::equal:
            return dtype == DType::boolean ? "(uint8_t)((a != 0) == (b != 0))" : "(uint8_t)(a == b)";
        case BinaryKind::less:
            return "(uint8_t)(a < b)";
        case BinaryKind::greater:
            return "(uint8_t)(a > b)";
        case BinaryKind::logical_and:
            return "(uint8_t)(a != 0 && b != 0)";
        case BinaryKind::logical_or:
            return "(uint8_t)(a != 0 || b != 0)";
        case BinaryKind::pow:
            return {};
    }
    return {};
}

Match broadcasting(const Graph& graph, NodeId root, std::string scalar, int64_t cycles) {
    const Node& node = graph[root];
    const ValueId operands[2] = {node.inputs[0], node.inputs[1]};
    const ValueId y = node.outputs[0];
    const Shape& ys = graph.type(y).shape;
    Walk walk =
        merged(ys.dims(), {repeated_strides(graph.type(operands[0]).shape, ys), repeated_strides(graph.type(operands[1]).shape, ys)});
    if (!walk.extend(5)) return "more than five dimensions that broadcast differently";
    Candidate c;
    const int64_t in_bytes = element_bytes(graph, operands[0]), out_bytes = element_bytes(graph, y);
    c.arguments = {KernelArgument::input(operands[0], in_bytes), KernelArgument::input(operands[1], in_bytes),
                   KernelArgument::output(y, out_bytes)};
    walk.add_constants(c, {"A", "B"});
    c.scalar = std::move(scalar);
    const int64_t n = graph.type(y).elements();
    for (size_t k = 0; k < 2; ++k)
        if (graph.type(operands[k]).elements() == n) c.overlaps.push_back({k, 2, minimum_gap(elementwise_trace(n, in_bytes, out_bytes))});
    c.covers = {root};
    c.cycles = n * cycles;
    return c;
}

Match match_binary_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Binary& op = *get_if<Binary>(node.op);
    if (!is_type(graph, node.inputs[0], DType::float32)) return "takes f32";
    const bool slow = op.kind == BinaryKind::pow || op.kind == BinaryKind::mod;
    Match m = broadcasting(graph, root, binary_text(op), 16 + (slow ? libm_cycles(context.core) : 3 * float_op_cycles(context.core)));
    if (m.candidate) m.candidate->types = {{"out", std::string(c_element(graph.type(node.outputs[0]).dtype))}};
    return m;
}

Match match_binary_int(const MatchContext&, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Binary& op = *get_if<Binary>(node.op);
    const DType dtype = graph.type(node.inputs[0]).dtype;
    if (dtype != DType::int32 && dtype != DType::int64 && dtype != DType::boolean) return "takes i32, i64 or bool";
    if (op.kind == BinaryKind::pow) return "no powers of integers";
    Match m = broadcasting(graph, root, integer_binary_text(op.kind, dtype), 20);
    if (m.candidate) {
        m.candidate->types = {{"in", std::string(c_element(dtype))}, {"out", std::string(c_element(graph.type(node.outputs[0]).dtype))}};
    }
    return m;
}

// --- softmax ------------------------------------------------------------------------------------------------------------------------
Match match_softmax_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Softmax& op = *get_if<Softmax>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::float32)) return "takes and gives f32";
    const Shape& s = graph.type(x).shape;
    int64_t outer = 1, inner = 1;
    for (int64_t i = 0; i < s.rank(); ++i) (i < op.axis ? outer : inner) *= i == op.axis ? 1 : s[i];
    Candidate c;
    c.arguments = {KernelArgument::input(x, 4), KernelArgument::output(y, 4)};
    c.constants = {{"OUTER", outer}, {"N", s[op.axis]}, {"INNER", inner}, {"LOG", op.log ? 1 : 0}};
    // Lines that lie side by side are written before their neighbours are read: only consecutive ones may share memory.
    if (inner == 1) c.overlaps.push_back({0, 1, minimum_gap(elementwise_trace(s.elements(), 4, 4))});
    c.covers = {root};
    c.cycles = s.elements() * (libm_cycles(context.core) + 5 * float_op_cycles(context.core)) + outer * inner * libm_cycles(context.core);
    return c;
}

constexpr KernelRow rows[] = {
    {"unary_f32", "any", "unary", match_unary_f32},       {"unary_int", "any", "unary", match_unary_int},
    {"binary_f32", "any", "binary", match_binary_f32},    {"binary_int", "any", "binary", match_binary_int},
    {"softmax_f32", "any", "softmax", match_softmax_f32},
};

}  // namespace

std::span<const KernelRow> elementwise_f32_rows() { return rows; }

}  // namespace gw
