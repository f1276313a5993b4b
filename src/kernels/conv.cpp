// Rows of the convolutions: which C files compute a conv2d node, with the weights re-packed the way each wants them.
//
// A kernel sees one image; a batch is a repeated call. Packing only changes the order of the weights (and, for cores without signed byte
// loads of every form, adds 128 to each), never their number.
#include <algorithm>
#include <set>

#include "kernels/dsp.h"
#include "kernels/row_help.h"

namespace gw {
namespace {

struct Conv : LayerOperands {
    const Conv2D* op = nullptr;
    Window window;
    int64_t batch = 1, in_c = 1, out_c = 1, group_in = 1, group_out = 1;
};

// The node in numbers.
void read_conv(const Graph& graph, NodeId root, Conv& c) {
    const Node& node = graph[root];
    c.op = get_if<Conv2D>(node.op);
    static_cast<LayerOperands&>(c) = layer_operands(node);
    const Shape &x = graph.type(c.x).shape, &w = graph.type(c.w).shape, &y = graph.type(c.y).shape;
    c.batch = x[0];
    c.window = {x[1], x[2], y[1], y[2], {w[1], w[2]}, c.op->stride, c.op->dilation, c.op->pad};
    c.in_c = x[3];
    c.out_c = y[3];
    c.group_in = w[3];
    c.group_out = y[3] / c.op->groups;
}

int64_t element_bytes(const Graph& graph, ValueId value) { return bits(graph.type(value).dtype) / 8; }

void add_images(const Graph& graph, Candidate& candidate, const Conv& c) {
    candidate.batch = c.batch;
    candidate.arguments.push_back(KernelArgument::input(c.x, element_bytes(graph, c.x), graph.type(c.x).bytes() / c.batch));
    candidate.arguments.push_back(KernelArgument::output(c.y, element_bytes(graph, c.y), graph.type(c.y).bytes() / c.batch));
}

// Iterations of a batch would need a trace of them all: only single images overlap. Both kernels know both ways.
void add_overlap(const Graph& graph, Candidate& candidate, const Conv& c, bool reads_first) {
    candidate.constants.emplace_back("BACKWARD", 0);
    const int64_t in_pixel = c.in_c * element_bytes(graph, c.x), out_pixel = c.out_c * element_bytes(graph, c.y);
    if (c.batch == 1) candidate.overlaps.push_back(window_overlap(c.window, in_pixel, out_pixel, reads_first, true));
}

// Taps written out in the inner loop. Cores with eight low registers mostly lose more by spilling than they gain. Measurements may choose
// any number of taps that a run can have.
void add_unroll(const MatchContext& context, const Conv& c, Candidate& candidate) {
    const bool one_run = c.op->groups == 1 && c.op->dilation[1] == 1;
    const int64_t most = std::min<int64_t>(4, one_run ? c.group_in * c.window.kernel[1] : c.group_in);
    const int64_t unroll = is_small_core(context.core) || context.optimize != "speed" ? 1 : most;
    candidate.constants.emplace_back("UNROLL", unroll);
    candidate.tunable = {"UNROLL", {}};
    for (int64_t n = 1; n <= most; ++n)
        if (n != unroll) candidate.tunable->others.push_back(n);
}

// Whether there are so many different convolutions that they should share code rather than have some of their own: with --optimize size a
// kernel of its own costs about 450 bytes a layer, the shared one about 1,400 and 100 a layer.
bool shares_code(const MatchContext& context) {
    if (context.optimize != "size") return false;
    std::set<std::string> kinds;
    for (const Node& n : context.graph.nodes)
        if (get_if<Conv2D>(n.op) != nullptr)
            kinds.insert(fmt::format("{} {} {}", context.graph.type(n.inputs[0]).shape.text(), context.graph.type(n.inputs[1]).shape.text(),
                                     context.graph.type(n.outputs[0]).shape.text()));
    return kinds.size() >= 5;
}
constexpr const char* shared = "with --optimize size, convolutions of five kinds and more share conv2d_shared_s8";

// Weights [outputs][depth] in fours, [depth][4], and what is left of each `together` outputs one after the other.
Tensor pack_fours(const Tensor& w, int64_t outputs, int64_t depth, int64_t together) {
    const auto weights = w.data<int8_t>();
    std::vector<int8_t> out;
    for (int64_t o = 0; o < outputs;) {
        const int64_t width = together - o % together >= 4 ? 4 : 1;
        for (int64_t k = 0; k < depth; ++k)
            for (int64_t i = 0; i < width; ++i) out.push_back(weights[static_cast<size_t>((o + i) * depth + k)]);
        o += width;
    }
    return Tensor::of<int8_t>(Shape{w.elements()}, out);
}

// What conv2d_s8.c computes, for all types of x and y.
Candidate conv2d_candidate(const MatchContext& context, const Graph& graph, NodeId root, const Conv& c) {
    const int64_t depth = c.window.kernel[0] * c.window.kernel[1] * c.group_in;
    const int64_t groups = c.op->groups, taps = c.window.taps_inside();
    const int64_t w_offset =
        element_bytes(graph, c.x) == 1 ? weight_offset(context.core, depth, bias_or_zeros(graph, c.bias_id, c.out_c)) : 0;

    Candidate candidate;
    add_images(graph, candidate, c);
    candidate.arguments.push_back(typed_weights(pack_by_blocks(*graph.constant(c.w), groups, c.group_out, depth, w_offset), "w", c.w));
    add_sums(candidate, graph, c, c.out_c);
    candidate.types.emplace_back("out", element_type(graph.type(c.y).dtype));
    add_window(candidate, c.window);
    candidate.constants.insert(
        candidate.constants.end(),
        {{"IC", c.group_in}, {"OC", c.group_out}, {"G", groups}, {"X_ZERO", c.op->x_zero}, {"W_ZERO", w_offset + c.op->w_zero}});
    add_unroll(context, c, candidate);
    add_channel_requant(candidate, c.op->requant, c.out_c);
    candidate.types.emplace_back("weight", w_offset != 0 ? "uint8_t" : "int8_t");
    // One block of channels: a pixel's taps are all read before it is written.
    add_overlap(graph, candidate, c, groups == 1 && c.group_out <= 4);
    candidate.covers = {root};
    candidate.macs_executed = c.batch * taps * c.group_in * c.out_c;
    const int64_t pixels = c.batch * c.window.out_h * c.window.out_w;
    candidate.cycles = block_mac_cycles(context.core, c.batch * taps * c.group_in * groups, c.group_out) +
                       pixels * (c.out_c * requant_cycles(context.core, c.op->requant.rounding) + 40 +
                                 groups * ((c.group_out + 3) / 4) *
                                     (is_small_core(context.core) ? 60 + 25 * c.window.kernel[0] : 30 + 12 * c.window.kernel[0]));
    return candidate;
}

// int8 weights may have a zero point here.
template <DType t>
Match match_conv2d(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    read_conv(graph, root, c);
    c.w_zero = 0;
    if (const char* why = unfit_layer(graph, c, c.op->requant, t)) return why;
    c.w_zero = c.op->w_zero;
    if (t == DType::int8 && c.w_zero == 0 && shares_code(context)) return shared;
    return conv2d_candidate(context, graph, root, c);
}

Match match_conv2d_sums(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    read_conv(graph, root, c);
    if (const char* why = unfit_sums(graph, c, c.op->requant)) return why;
    return conv2d_candidate(context, graph, root, c);
}

template <DType t>
Match match_depthwise(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    read_conv(graph, root, c);
    if (const char* why = unfit_layer(graph, c, c.op->requant, t)) return why;
    if (t == DType::int8 && shares_code(context)) return shared;
    if (c.group_in != 1) return "only where each group has one input channel";
    const int64_t taps = c.window.taps_inside(), kernel_taps = c.window.kernel[0] * c.window.kernel[1];

    Candidate candidate;
    add_images(graph, candidate, c);
    candidate.arguments.push_back(typed_weights(pack_by_blocks(*graph.constant(c.w), 1, c.out_c, kernel_taps, 0), "w", c.w));
    add_sums(candidate, graph, c, c.out_c);
    add_window(candidate, c.window);
    candidate.constants.insert(candidate.constants.end(), {{"C", c.in_c}, {"M", c.group_out}, {"X_ZERO", c.op->x_zero}});
    add_channel_requant(candidate, c.op->requant, c.out_c);
    add_overlap(graph, candidate, c, c.out_c <= 4);
    candidate.covers = {root};
    candidate.macs_executed = c.batch * taps * c.out_c;
    const int64_t pixels = c.batch * c.window.out_h * c.window.out_w;
    candidate.cycles = candidate.macs_executed * (is_small_core(context.core) ? 10 : 5) +
                       pixels * (c.out_c * requant_cycles(context.core, c.op->requant.rounding) + 40 +
                                 ((c.out_c + 3) / 4) * (30 + 12 * c.window.kernel[0]));
    return candidate;
}

Match match_conv2d_shared_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    read_conv(graph, root, c);
    if (const char* why = unfit_int8_layer(graph, c, c.op->requant)) return why;
    Candidate candidate;
    add_images(graph, candidate, c);
    const Tensor& w = *graph.constant(c.w);
    const int64_t depth = c.window.kernel[0] * c.window.kernel[1] * c.group_in;
    candidate.arguments.push_back(typed_weights(pack_fours(w, c.out_c, depth, c.group_out == 1 ? c.out_c : c.group_out), "w", c.w));
    candidate.arguments.push_back(typed_weights(bias_or_zeros(graph, c.bias_id, c.out_c), "bias", c.bias_id));
    Candidate requant;
    add_channel_requant(requant, c.op->requant, c.out_c);
    const auto constant = [&](std::string_view name) {
        return std::ranges::find(requant.constants, name, [](auto& k) { return k.first; })->second;
    };
    for (KernelArgument& a : requant.arguments) candidate.arguments.push_back(std::move(a));
    candidate.types = std::move(requant.types);
    const Window& window = c.window;
    candidate.arguments.push_back(int32_table({window.in_h,
                                               window.in_w,
                                               c.group_in,
                                               window.out_h,
                                               window.out_w,
                                               c.group_out,
                                               c.op->groups,
                                               window.kernel[0],
                                               window.kernel[1],
                                               window.stride[0],
                                               window.stride[1],
                                               window.dilation[0],
                                               window.dilation[1],
                                               window.pad[0],
                                               window.pad[1],
                                               c.op->x_zero,
                                               constant("PRE"),
                                               constant("MULT_N") > 1 ? 1 : 0,
                                               constant("SHIFT_N") > 1 ? 1 : 0,
                                               constant("Y_ZERO"),
                                               constant("LO"),
                                               constant("HI")},
                                              "shape"));
    candidate.constants.emplace_back("FORM", constant("FORM"));
    if (c.batch == 1) candidate.overlaps.push_back(window_overlap(window, c.in_c, c.out_c, c.out_c == 1, false));
    candidate.covers = {root};
    const int64_t taps = c.batch * window.taps_inside() * c.out_c;
    candidate.macs_executed = taps * c.group_in;
    const bool small = is_small_core(context.core);
    candidate.cycles = candidate.macs_executed * (small ? 12 : 8) + taps * (small ? 12 : 8) +
                       c.batch * window.out_h * window.out_w * c.out_c * (60 + requant_cycles(context.core, c.op->requant.rounding));
    return candidate;
}

constexpr KernelRow rows[] = {
    {"conv2d_s8", "any", "conv2d", match_conv2d<DType::int8>},
    {"conv2d_s16", "any", "conv2d", match_conv2d<DType::int16>, false, "conv2d_s8"},
    {"conv2d_sums", "any", "conv2d", match_conv2d_sums, false, "conv2d_s8"},
    {"depthwise_s8", "any", "conv2d", match_depthwise<DType::int8>},
    {"depthwise_s16", "any", "conv2d", match_depthwise<DType::int16>, false, "depthwise_s8"},
    {"conv2d_shared_s8", "any", "conv2d", match_conv2d_shared_s8},
};

}  // namespace

std::span<const KernelRow> conv_rows() { return rows; }

}  // namespace gw
