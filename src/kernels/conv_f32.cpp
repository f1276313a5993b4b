// Rows of the float convolutions. A kernel sees one image; a batch is a repeated call. Packing changes the order of the weights only.
#include <algorithm>

#include "kernels/float_help.h"

namespace gw {
namespace {

struct Conv {
    const Conv2D* op = nullptr;
    ValueId x, w, bias, y;
    Window window;
    int64_t batch = 1, in_c = 1, out_c = 1, group_in = 1, group_out = 1;
};

Conv read_conv(const Graph& graph, NodeId root, std::string& why) {
    const Node& node = graph[root];
    Conv c;
    c.op = get_if<Conv2D>(node.op);
    c.x = node.inputs[0];
    c.w = node.inputs[1];
    if (node.inputs.size() > 2) c.bias = node.inputs[2];
    c.y = node.outputs[0];
    if (!is_type(graph, c.x, DType::float32))
        why = "takes and gives f32";
    else if (!graph.constant(c.w))
        why = "the weights must be constant";
    else if (c.bias.valid() && !graph.constant(c.bias))
        why = "the bias must be constant";
    const Shape &x = graph.type(c.x).shape, &w = graph.type(c.w).shape, &y = graph.type(c.y).shape;
    c.batch = x[0];
    c.window = {x[1], x[2], y[1], y[2], {w[1], w[2]}, c.op->stride, c.op->dilation, c.op->pad};
    c.in_c = x[3];
    c.out_c = y[3];
    c.group_in = w[3];
    c.group_out = y[3] / c.op->groups;
    return c;
}

// x, y, w, bias, the window, the activation. `last_out`, `last_in`: see pixel_trace, in elements.
void add_common(const Graph& graph, Candidate& candidate, const Conv& c, Tensor packed, NodeId root, int64_t last_out, int64_t last_in) {
    candidate.batch = c.batch;
    candidate.arguments.push_back(KernelArgument::input(c.x, 4, graph.type(c.x).bytes() / c.batch));
    candidate.arguments.push_back(KernelArgument::output(c.y, 4, graph.type(c.y).bytes() / c.batch));
    add_float_weights(candidate, graph, std::move(packed), graph.type(c.w).quant, c.w, c.bias, c.out_c);
    add_window(candidate, c.window);
    candidate.scalar = clamp_text("v", c.op->act_lo, c.op->act_hi);
    candidate.covers = {root};
    candidate.macs_executed = c.batch * c.window.taps_inside() * c.group_in * c.out_c;
    if (c.batch == 1) {
        candidate.overlaps.push_back({0, 1, minimum_gap(pixel_trace(c.window, c.out_c * 4, c.in_c * 4, last_out * 4, last_in * 4))});
    }
}

Match match_conv2d_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const Conv c = read_conv(graph, root, why);
    if (!why.empty()) return why;
    const int64_t depth = c.window.kernel[0] * c.window.kernel[1] * c.group_in, groups = c.op->groups;
    const int64_t tail = c.group_out % 4;
    Candidate candidate;
    // The last block reads its window once more; groups count as if each read the whole pixel.
    add_common(graph, candidate, c, pack_by_blocks(*graph.constant(c.w), groups, c.group_out, depth, 0), root, tail != 0 ? tail : 4, 0);
    candidate.constants.insert(candidate.constants.end(), {{"IC", c.group_in}, {"OC", c.group_out}, {"G", groups}});
    const int64_t pixels = c.batch * c.window.out_h * c.window.out_w;
    candidate.cycles =
        candidate.macs_executed * float_mac_cycles(context.core) +
        pixels * (c.out_c * float_op_cycles(context.core) + 40 + groups * ((c.group_out + 3) / 4) * (30 + 12 * c.window.kernel[0]));
    return candidate;
}

Match match_depthwise_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const Conv c = read_conv(graph, root, why);
    if (!why.empty()) return why;
    if (c.group_in != 1) return "only where each group has one input channel";
    // [O][KH][KW] becomes [KH][KW][O].
    const int64_t taps = c.window.kernel[0] * c.window.kernel[1];
    const Tensor by_channel = graph.constant(c.w)->reshaped(Shape{c.out_c, taps});
    std::vector<Tensor> by_tap{Tensor::zeros({by_channel.type.dtype, Shape{taps, c.out_c}, {}})};
    const Tensor* from[] = {&by_channel};
    evaluate(Transpose{{1, 0}}, from, by_tap);
    Candidate candidate;
    add_common(graph, candidate, c, std::move(by_tap[0]), root, 1, c.in_c - 1);
    candidate.constants.insert(candidate.constants.end(), {{"C", c.in_c}, {"M", c.group_out}});
    candidate.cycles =
        candidate.macs_executed * float_mac_cycles(context.core) +
        c.batch * c.window.out_h * c.window.out_w * (40 + c.out_c * (float_op_cycles(context.core) + 12 + 8 * c.window.kernel[0]));
    return candidate;
}

constexpr KernelRow rows[] = {
    {"conv2d_f32", "any", "conv2d", match_conv2d_f32},
    {"depthwise_f32", "any", "conv2d", match_depthwise_f32},
};

}  // namespace

std::span<const KernelRow> conv_f32_rows() { return rows; }

}  // namespace gw
