// Rows of the convolutions: which C files compute a conv2d node, with the weights re-packed the way each wants them.
//
// A kernel sees one image; a batch is a repeated call. Packing only changes the order of the weights (and, for cores without signed byte
// loads of every form, adds 128 to each), never their number.
#include <algorithm>

#include "kernels/row_help.h"

namespace gw {
namespace {

struct Conv : LayerOperands {
    const Conv2D* op = nullptr;
    Window window;
    int64_t batch = 1, in_c = 1, out_c = 1, group_in = 1, group_out = 1;
};

// The node in numbers, or why it is none of ours.
const char* read_conv(const Graph& graph, NodeId root, Conv& c) {
    const Node& node = graph[root];
    c.op = get_if<Conv2D>(node.op);
    static_cast<LayerOperands&>(c) = layer_operands(node);
    if (const char* why = unfit_int8_layer(graph, c, c.op->requant)) return why;
    const Shape &x = graph.type(c.x).shape, &w = graph.type(c.w).shape, &y = graph.type(c.y).shape;
    c.batch = x[0];
    c.window = {x[1], x[2], y[1], y[2], {w[1], w[2]}, c.op->stride, c.op->dilation, c.op->pad};
    c.in_c = x[3];
    c.out_c = y[3];
    c.group_in = w[3];
    c.group_out = y[3] / c.op->groups;
    return nullptr;
}

void add_images(const Graph& graph, Candidate& candidate, const Conv& c, int64_t align) {
    candidate.batch = c.batch;
    candidate.arguments.push_back(KernelArgument::input(c.x, align, graph.type(c.x).bytes() / c.batch));
    candidate.arguments.push_back(KernelArgument::output(c.y, align, graph.type(c.y).bytes() / c.batch));
}

// Iterations of a batch would need a trace of them all: only single images overlap. Both kernels know both ways.
void add_overlap(Candidate& candidate, const Conv& c, bool reads_first) {
    candidate.constants.emplace_back("BACKWARD", 0);
    if (c.batch == 1) candidate.overlaps.push_back(window_overlap(c.window, c.in_c, c.out_c, reads_first, true));
}

// Taps written out in the inner loop. Cores with eight low registers lose more by spilling than they gain.
int64_t unroll_for(const MatchContext& context, const Conv& c) {
    if (is_small_core(context.core) || context.optimize != "speed") return 1;
    const bool one_run = c.op->groups == 1 && c.op->dilation[1] == 1;
    return std::min<int64_t>(4, one_run ? c.group_in * c.window.kernel[1] : c.group_in);
}

Match match_conv2d_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    if (const char* why = read_conv(graph, root, c)) return why;
    const int64_t depth = c.window.kernel[0] * c.window.kernel[1] * c.group_in;
    const int64_t groups = c.op->groups, taps = c.window.taps_inside();
    const Tensor bias = bias_or_zeros(graph, c.bias_id, c.out_c);
    const int64_t w_zero = weight_offset(context.core, depth, bias);

    Candidate candidate;
    add_images(graph, candidate, c, 1);
    candidate.arguments.push_back(typed_weights(pack_by_blocks(*graph.constant(c.w), groups, c.group_out, depth, w_zero), "w", c.w));
    candidate.arguments.push_back(typed_weights(bias, "bias", c.bias_id));
    add_window(candidate, c.window);
    candidate.constants.insert(candidate.constants.end(), {{"IC", c.group_in},
                                                           {"OC", c.group_out},
                                                           {"G", groups},
                                                           {"X_ZERO", c.op->x_zero},
                                                           {"W_ZERO", w_zero},
                                                           {"UNROLL", unroll_for(context, c)}});
    add_channel_requant(candidate, c.op->requant, c.out_c);
    candidate.types.emplace_back("weight", w_zero != 0 ? "uint8_t" : "int8_t");
    // One block of channels: a pixel's taps are all read before it is written.
    add_overlap(candidate, c, groups == 1 && c.group_out <= 4);
    candidate.covers = {root};
    candidate.macs_executed = c.batch * taps * c.group_in * c.out_c;
    const int64_t pixels = c.batch * c.window.out_h * c.window.out_w;
    candidate.cycles = block_mac_cycles(context.core, c.batch * taps * c.group_in * groups, c.group_out) +
                       pixels * (c.out_c * requant_cycles(context.core, c.op->requant.rounding) + 40 +
                                 groups * ((c.group_out + 3) / 4) *
                                     (is_small_core(context.core) ? 60 + 25 * c.window.kernel[0] : 30 + 12 * c.window.kernel[0]));
    return candidate;
}

Match match_depthwise_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    if (const char* why = read_conv(graph, root, c)) return why;
    if (c.group_in != 1) return "only where each group has one input channel";
    const int64_t taps = c.window.taps_inside(), kernel_taps = c.window.kernel[0] * c.window.kernel[1];

    Candidate candidate;
    add_images(graph, candidate, c, 1);
    candidate.arguments.push_back(typed_weights(pack_by_blocks(*graph.constant(c.w), 1, c.out_c, kernel_taps, 0), "w", c.w));
    candidate.arguments.push_back(typed_weights(bias_or_zeros(graph, c.bias_id, c.out_c), "bias", c.bias_id));
    add_window(candidate, c.window);
    candidate.constants.insert(candidate.constants.end(), {{"C", c.in_c}, {"M", c.group_out}, {"X_ZERO", c.op->x_zero}});
    add_channel_requant(candidate, c.op->requant, c.out_c);
    add_overlap(candidate, c, c.out_c <= 4);
    candidate.covers = {root};
    candidate.macs_executed = c.batch * taps * c.out_c;
    const int64_t pixels = c.batch * c.window.out_h * c.window.out_w;
    candidate.cycles = candidate.macs_executed * (is_small_core(context.core) ? 10 : 5) +
                       pixels * (c.out_c * requant_cycles(context.core, c.op->requant.rounding) + 40 +
                                 ((c.out_c + 3) / 4) * (30 + 12 * c.window.kernel[0]));
    return candidate;
}

constexpr KernelRow rows[] = {
    {"conv2d_s8", "any", "conv2d", match_conv2d_s8},
    {"depthwise_s8", "any", "conv2d", match_depthwise_s8},
};

}  // namespace

std::span<const KernelRow> conv_rows() { return rows; }

}  // namespace gw
