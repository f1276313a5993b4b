// Rows for cores with Helium that need no weights: sums of two tensors and pools, int8.
//
// A sum is the line that the DSP kernel uses too. Four lanes take two multiplications and a shift where 32 bits hold it, four where the
// upper and lower halves of its constants go apart. A pool walks the
// windows of sixteen channels at once, of an average eight, in lanes of 16 bits: the division by a pixel's number of positions is a
// multiplication by its reciprocal, exact because no sum has more than 15 bits.
#include <algorithm>

#include "kernels/dsp.h"
#include "kernels/mve.h"

namespace gw {
namespace {

Match match_add(const MatchContext& context, const Graph& graph, NodeId root) {
    if (const char* why = mve_unfit(context)) return why;
    Candidate c;
    SumLine line;
    if (const char* why = start_sum(graph, root, c, line)) return why;
    const int64_t n = graph.type(graph[root].outputs[0]).elements();
    if (const char* why = add_halved_line(c, line, n)) return why;
    c.cycles = 40 + (n + 3) / 4 * (line.wide ? 14 : 9);
    return c;
}

Match match_pool(const MatchContext& context, const Graph& graph, NodeId root) {
    if (const char* why = mve_unfit(context)) return why;
    const Node& node = graph[root];
    const Pool2D& op = *get_if<Pool2D>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::int8) || !is_type(graph, y, DType::int8)) return "takes and gives i8";
    const bool average = op.kind == PoolKind::average;
    const int64_t taps = op.kernel[0] * op.kernel[1];
    if (average) {
        const int64_t zero = op.count_pad ? op.x_zero : 0;
        if (taps > 255) return "at most 255 positions a window: eight bits divide";
        if (std::max(zero + 128, 127 - zero) * taps + taps / 2 > 32767) return "a window's sum must fit 16 bits";
    }
    const Shape &in = graph.type(x).shape, &out = graph.type(y).shape;
    const int64_t channels = in[3], lanes = average ? 8 : 16, blocks = (channels + lanes - 1) / lanes;
    const Window window{in[1], in[2], out[1], out[2], op.kernel, op.stride, op.dilation, op.pad};
    Candidate c;
    const int64_t batch = add_one_image_each(c, graph, x, y);
    c.arguments.push_back(window_table(window, channels));
    c.constants = {{"AVERAGE", average ? 1 : 0},
                   {"COUNT_PAD", op.count_pad ? 1 : 0},
                   {"X_ZERO", op.x_zero},
                   {"LO", op.lo},
                   {"HI", op.hi},
                   {"BACKWARD", 0}};
    // Of a pixel `lanes` channels are read and written, then the next ones.
    if (batch == 1) c.overlaps.push_back(window_overlap(window, channels, channels, blocks == 1, true));
    c.covers = {root};
    c.cycles = batch * (window.out_h * window.out_w * (70 + blocks * (average ? 20 : 8)) + window.taps_inside() * blocks * 6);
    return c;
}

constexpr KernelRow rows[] = {
    {"add_s8_mve", "mve", "binary", match_add},
    {"pool_s8_mve", "mve", "pool2d", match_pool},
};

}  // namespace

std::span<const KernelRow> mve_simple_rows() { return rows; }

}  // namespace gw
