// Rows for cores with DSP instructions that need no weights: sums of two tensors and average pools, int8.
//
// TFLite rescales each operand of a sum, then the sum, with two roundings every time: sixty to ninety cycles a result. But a result depends
// on two bytes alone, 65,536 cases, and the compiler can look at all of them. So it seeks one line, (a · A + b · B + C) >> shift, that
// gives the op's own result in each case: every case bounds C from below and from above, and the multipliers' neighbours tilt the line. Two
// multiplications, a shift and a saturation are left. Where 32 bits leave no such line, 64 do nearly always.
#include <algorithm>
#include <cmath>

#include "kernels/dsp.h"
#include "kernels/row_help.h"

namespace gw {
namespace {

// Results of all pairs of bytes, a's by rows.
std::vector<int8_t> all_results(const Binary& op) {
    std::vector<int8_t> bytes;
    for (int v = -128; v < 128; ++v) bytes.push_back(static_cast<int8_t>(v));
    const Tensor a = Tensor::of<int8_t>(Shape{256, 1}, bytes), b = Tensor::of<int8_t>(Shape{1, 256}, bytes);
    Tensor y = Tensor::zeros({DType::int8, Shape{256, 256}, {}});
    const Tensor* in[] = {&a, &b};
    evaluate(Op(op), in, {&y, 1});
    const auto data = y.data<int8_t>();
    return {data.begin(), data.end()};
}

// A constant term with which the line through multipliers a and b gives every result.
std::optional<int64_t> constant_term(std::span<const int8_t> results, const Requant& r, int64_t a, int64_t b, int shift) {
    int64_t low = INT64_MIN, high = INT64_MAX;  // low ≤ c < high
    size_t at = 0;
    for (int64_t p = -128; p < 128 && low < high; ++p) {
        for (int64_t q = -128; q < 128; ++q, ++at) {
            const int64_t line = p * a + q * b, v = results[at];
            if (v > r.lo) low = std::max(low, v * (int64_t{1} << shift) - line);
            if (v < r.hi) high = std::min(high, (v + 1) * (int64_t{1} << shift) - line);
        }
    }
    if (low >= high) return std::nullopt;
    if (low == INT64_MIN) return high - 1;
    return high == INT64_MAX ? low : low + (high - low) / 2;
}

constexpr int tilts = 9;  // tried of each multiplier
int neighbour(int i) { return i % 2 != 0 ? (i + 1) / 2 : -i / 2; }

std::optional<SumLine> find_sum_line(const Binary& op) {
    const Requant& r = op.requant;
    const auto factor = [](double multiplier, int shift) { return std::ldexp(multiplier, shift - 31); };
    const double last = r.rounding == Rounding::twice    ? factor(r.multiplier[0], r.shift[0])
                        : r.rounding == Rounding::single ? std::ldexp(r.multiplier[0], -r.shift[0])
                                                         : std::ldexp(r.multiplier[0], -r.shift[0] - r.pre_shift);
    double a = op.a_multiplier, b = op.b_multiplier;
    if (op.left_shift > 0) {
        a = std::ldexp(factor(op.a_multiplier, op.a_shift), op.left_shift);
        b = std::ldexp(factor(op.b_multiplier, op.b_shift), op.left_shift);
    }
    a *= last;
    b *= op.kind == BinaryKind::sub ? -last : last;
    const std::vector<int8_t> results = all_results(op);
    const auto search = [&](int shift, bool wide) -> std::optional<SumLine> {
        for (int i = 0; i < tilts * tilts; ++i) {
            SumLine line;
            line.shift = shift;
            line.wide = wide;
            line.a = std::llround(std::ldexp(a, shift)) + neighbour(i % tilts);
            line.b = std::llround(std::ldexp(b, shift)) + neighbour(i / tilts);
            const std::optional<int64_t> c = constant_term(results, r, line.a, line.b, shift);
            if (!c) continue;
            line.c = *c;
            const int64_t most =
                wide ? std::max(std::abs(line.a), std::abs(line.b)) : 128 * (std::abs(line.a) + std::abs(line.b)) + std::abs(line.c);
            if (most <= INT32_MAX) return line;
        }
        return std::nullopt;
    };
    // As many bits as leave every sum below 2^31; an even number, so that layers share code. Then as many as 64 bits allow.
    int shift = 24;
    while (shift > 4 && std::ldexp(128 * (std::abs(a) + std::abs(b)) + 400, shift) >= 2147483648.0) shift -= 2;
    if (const auto line = search(shift, false)) return line;
    shift = 30;
    while (shift > 4 && std::ldexp(std::max(std::abs(a), std::abs(b)), shift) >= 2147483000.0) --shift;
    return search(shift, true);
}

Match match_add(const MatchContext& context, const Graph& graph, NodeId root) {
    if (const char* why = dsp_unfit(context)) return why;
    Candidate c;
    SumLine line;
    if (const char* why = start_sum(graph, root, c, line)) return why;
    const int64_t n = graph.type(graph[root].outputs[0]).elements();
    c.arguments.push_back(int32_table({n, line.a, line.b, static_cast<int32_t>(line.c), line.c >> 32}, "table"));
    c.constants.insert(c.constants.end(), {{"SHIFT", line.shift}, {"WIDE", line.wide ? 1 : 0}});
    c.cycles = 30 + n * (line.wide ? 14 : 8);
    return c;
}

Match match_avg_pool(const MatchContext& context, const Graph& graph, NodeId root) {
    if (const char* why = dsp_unfit(context)) return why;
    const Node& node = graph[root];
    const Pool2D& op = *get_if<Pool2D>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::int8) || !is_type(graph, y, DType::int8)) return "takes and gives i8";
    if (op.kind != PoolKind::average) return "computes the average";
    const Shape &in = graph.type(x).shape, &out = graph.type(y).shape;
    const int64_t channels = in[3], taps = op.kernel[0] * op.kernel[1];
    const Window window{in[1], in[2], out[1], out[2], op.kernel, op.stride, op.dilation, op.pad};
    if (op.dilation != Pair{1, 1} || window.clipped()) return "whole windows inside the picture, without dilation, only";
    if (op.pad[0] != 0 || op.pad[1] != 0) return "takes no padding";
    if (op.count_pad && op.x_zero != 0) return "rounds the average of x itself";
    if (taps > 255) return "at most 255 positions a window: their sum must fit 16 bits";
    if (channels < 4) return "takes four channels or more";
    Candidate c;
    c.batch = in[0];
    c.arguments = {KernelArgument::input(x, 1, graph.type(x).bytes() / in[0]), KernelArgument::output(y, 1, graph.type(y).bytes() / in[0]),
                   int32_table({in[2], channels, out[1], out[2], op.kernel[0], op.kernel[1], op.stride[0], op.stride[1]}, "shape")};
    c.constants = {{"LO", op.lo}, {"HI", op.hi}};
    // Channels of a pixel are written before others of the same window are read.
    if (in[0] == 1)
        c.overlaps.push_back(
            {0, 1, minimum_gap(window_trace(out[1], out[2], channels, in[1], in[2], channels, op.stride, op.pad, false)), {}});
    c.covers = {root};
    const int64_t fours = (channels + 3) / 4;
    c.cycles = in[0] * (40 + out[1] * out[2] * (20 + fours * (110 + op.kernel[0] * (8 + op.kernel[1] * 9))));
    return c;
}

constexpr KernelRow rows[] = {
    {"add_s8_dsp", "dsp", "binary", match_add},
    {"avg_pool_s8_dsp", "dsp", "pool2d", match_avg_pool},
};

}  // namespace

const char* start_sum(const Graph& graph, NodeId root, Candidate& c, SumLine& line) {
    const Node& node = graph[root];
    const Binary& op = *get_if<Binary>(node.op);
    const ValueId a = node.inputs[0], b = node.inputs[1], y = node.outputs[0];
    if (op.kind != BinaryKind::add && op.kind != BinaryKind::sub) return "computes sums and differences";
    if (!is_type(graph, a, DType::int8) || !is_type(graph, b, DType::int8) || !is_type(graph, y, DType::int8)) return "takes and gives i8";
    if (op.requant.empty()) return "has no requantization";
    const int64_t n = graph.type(y).elements();
    if (graph.type(a).elements() != n || graph.type(b).elements() != n) return "the operands must have one shape";
    const std::optional<SumLine> found = find_sum_line(op);
    if (!found) return "no line through the operands gives every result";
    line = *found;
    c.arguments = {operand(graph, a, "a", 1), operand(graph, b, "b", 1), KernelArgument::output(y, 1)};
    c.constants = {{"LO", op.requant.lo}, {"HI", op.requant.hi}};
    add_elementwise_overlap(c, 0, 2, n, 1, 1);
    add_elementwise_overlap(c, 1, 2, n, 1, 1);
    c.covers = {root};
    return nullptr;
}

const char* add_halved_line(Candidate& c, const SumLine& line, int64_t n) {
    const int cut = line.wide ? 16 : 0;
    if (line.shift <= cut) return "the line's shift is less than 17";
    const int64_t low = (1 << cut) - 1;
    c.arguments.push_back(int32_table({n, line.a >> cut, line.b >> cut, line.c >> cut, line.a & low, line.b & low, line.c & low}, "table"));
    c.constants.insert(c.constants.end(), {{"SHIFT", line.shift - cut}, {"WIDE", line.wide ? 1 : 0}});
    return nullptr;
}

std::span<const KernelRow> dsp_simple_rows() { return rows; }

}  // namespace gw
