// Rows for cores with Helium (Cortex-M55), int8: convolutions and dense layers by VMLADAVA, which multiplies sixteen pairs of bytes and
// adds all products to one register.
//
// Zero points and borders never reach the inner loop: sum (x − zero)·w = sum x·w − zero · sum w, and the last term is constant when taps
// outside the picture are taken as `zero`, so the bias takes it in. Each of the three rounding forms has exact vector instructions
// (gw_kernel.h says which); which of two shifts applies is settled here, in the table. Arm publishes no instruction timings of the M55:
// `cycles` counts instructions.
#include "kernels/mve.h"

#include <algorithm>
#include <numeric>

#include "kernels/dsp.h"

namespace gw {
namespace {

// Weights [channels][…] with zeros for the channels that the last block of four lacks.
Tensor filled_up(const Tensor& w) {
    const int64_t channels = w.shape()[0], depth = w.elements() / channels;
    std::string bytes(w.bytes());
    bytes.resize(static_cast<size_t>((channels + 3) / 4 * 4 * depth));
    return Tensor::from_bytes({DType::int8, Shape{static_cast<int64_t>(bytes.size())}, {}}, bytes);
}

// Channels of vectors of four in order.
std::vector<int64_t> lanes_in_order(int64_t channels) {
    std::vector<int64_t> lanes(static_cast<size_t>((channels + 3) / 4 * 4));
    std::iota(lanes.begin(), lanes.end(), 0);
    for (int64_t& lane : lanes)
        if (lane >= channels) lane = -1;
    return lanes;
}

// gw_row_of_outputs.
int64_t outputs_cycles(int64_t depth, int64_t outputs) {
    return 20 + (outputs + 3) / 4 * (29 + (depth + 15) / 16 * 10) + (outputs >= 4 ? 25 : 0) + (outputs % 4 != 0 ? 45 : 0);
}

Window window_of(const Graph& graph, const LayerOperands& layer, const Conv2D& op) {
    const Shape &x = graph.type(layer.x).shape, &w = graph.type(layer.w).shape, &y = graph.type(layer.y).shape;
    return {x[1], x[2], y[1], y[2], {w[1], w[2]}, op.stride, op.dilation, op.pad};
}

// Why no row here takes the layer; nullptr if one may.
const char* unfit_layer(const MatchContext& context, const Graph& graph, const LayerOperands& layer, const Requant& requant) {
    if (const char* why = mve_unfit(context)) return why;
    if (const char* why = unfit_int8_layer(graph, layer, requant)) return why;
    return unfit_for_lanes(requant);
}

// Weights, packed, and the table of the layer's requantization for these lanes.
void add_layer(Candidate& c, const Graph& graph, const LayerOperands& layer, const Requant& requant, int32_t x_zero, const Tensor& packed,
               std::span<const int64_t> lanes) {
    const Tensor& w = *graph.constant(layer.w);
    c.arguments.push_back(typed_weights(packed, "w", layer.w));
    add_lane_requant(c, requant, bias_of_raw_inputs(bias_or_zeros(graph, layer.bias_id, w.shape()[0]), w, x_zero), lanes);
}

Match match_conv2d(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Conv2D& op = *get_if<Conv2D>(node.op);
    const LayerOperands layer = layer_operands(node);
    if (const char* why = unfit_layer(context, graph, layer, op.requant)) return why;
    if (op.groups != 1) return "one group only";
    const Window window = window_of(graph, layer, op);
    const Shape& w = graph.type(layer.w).shape;
    const int64_t in_c = w[3], out_c = w[0], depth = w[1] * w[2] * in_c;

    Candidate c;
    const int64_t batch = add_one_image_each(c, graph, layer.x, layer.y);
    add_layer(c, graph, layer, op.requant, op.x_zero, filled_up(*graph.constant(layer.w)), lanes_in_order(out_c));
    c.arguments.push_back(window_table(window, in_c, {op.x_zero, out_c}));
    c.arguments.push_back(KernelArgument::scratch(depth, 1));
    c.constants.emplace_back("BACKWARD", 0);
    // Iterations of a batch would need a trace of them all.
    if (batch == 1) c.overlaps.push_back(window_overlap(window, in_c, out_c, true, true));
    c.covers = {root};
    // Taps outside the picture are multiplied too; never more than the graph's own count says.
    const int64_t pixels = batch * window.out_h * window.out_w;
    c.macs_executed = std::min(pixels * depth * out_c, graph.macs());
    const bool one_run = op.dilation[1] == 1;
    const int64_t runs = w[1] * (one_run ? 1 : w[2]), run = one_run ? w[2] * in_c : in_c;
    c.cycles = pixels * (50 + runs * (35 + (run + 15) / 16 * 3) + outputs_cycles(depth, out_c));
    return c;
}

// Taps in pairs, −1 where a pair has one alone: byte products reach 2^14, and two must not leave int16, so no channel may have −128 twice.
std::vector<int64_t> tap_pairs(std::span<const int8_t> weights, int64_t channels, int64_t taps) {
    std::vector<int64_t> pairs;
    for (int64_t tap = 0; tap < taps;) {
        bool together = tap + 1 < taps;
        for (int64_t c = 0; c < channels && together; ++c) {
            const auto at = static_cast<size_t>(c * taps + tap);
            together = weights[at] != -128 || weights[at + 1] != -128;
        }
        pairs.insert(pairs.end(), {tap, together ? tap + 1 : -1});
        tap += together ? 2 : 1;
    }
    return pairs;
}

Match match_depthwise(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Conv2D& op = *get_if<Conv2D>(node.op);
    const LayerOperands layer = layer_operands(node);
    if (const char* why = unfit_layer(context, graph, layer, op.requant)) return why;
    const Window window = window_of(graph, layer, op);
    const Shape& w = graph.type(layer.w).shape;
    const int64_t channels = w[0], taps = w[1] * w[2], padded = (channels + 15) / 16 * 16;
    if (w[3] != 1 || op.groups != channels) return "one input and one output channel a group only";
    const auto bytes = graph.constant(layer.w)->data<int8_t>();
    const std::vector<int64_t> pairs = tap_pairs(bytes, channels, taps);
    const auto n = static_cast<int64_t>(pairs.size());
    std::vector<int8_t> packed;
    std::vector<int64_t> lanes;
    for (int64_t first = 0; first < padded; first += 16) {
        for (const int64_t tap : pairs)
            for (int64_t c = first; c < first + 16; ++c)
                packed.push_back(tap >= 0 && c < channels ? bytes[static_cast<size_t>(c * taps + tap)] : int8_t{0});
        for (int64_t lane = 0; lane < 16; ++lane) {
            const int64_t c = first + lane % 4 * 4 + lane / 4;
            lanes.push_back(c < channels ? c : -1);
        }
    }
    std::vector<int32_t> places;  // in x, then in the patch
    for (const bool in_patch : {false, true})
        for (const int64_t tap : pairs) {
            const int64_t t = std::max<int64_t>(tap, 0),
                          in_x = (t / w[2] * op.dilation[0] * window.in_w + t % w[2] * op.dilation[1]) * channels;
            places.push_back(static_cast<int32_t>(in_patch ? t * padded : in_x));
        }

    Candidate c;
    const int64_t batch = add_one_image_each(c, graph, layer.x, layer.y);
    add_layer(c, graph, layer, op.requant, op.x_zero, Tensor::of<int8_t>(Shape{static_cast<int64_t>(packed.size())}, packed), lanes);
    c.arguments.push_back(window_table(window, channels, {op.x_zero, n / 2}));
    c.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{2 * n}, places), "taps"));
    c.arguments.push_back(KernelArgument::scratch(taps * padded, 1));
    c.constants.emplace_back("BACKWARD", 0);
    // Of a pixel 16 channels are read and written, then the next 16.
    if (batch == 1) c.overlaps.push_back(window_overlap(window, channels, channels, channels <= 16, true));
    c.covers = {root};
    const int64_t pixels = batch * window.out_h * window.out_w, inside = batch * window.taps_inside(), blocks = padded / 16;
    c.macs_executed = std::min(pixels * taps * channels, graph.macs());
    // Windows copied: all, or as many as taps are missing at the edges, roughly.
    const int64_t copied = channels % 16 != 0 ? pixels : std::min(pixels, (pixels * taps - inside + 2) / 3);
    c.cycles = pixels * (60 + blocks * (75 + n / 2 * 23) + (channels % 16 != 0 ? 50 : 0)) + copied * taps * (20 + blocks * 3);
    return c;
}

Match match_dense(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Dense& op = *get_if<Dense>(node.op);
    const LayerOperands layer = layer_operands(node);
    if (const char* why = unfit_layer(context, graph, layer, op.requant)) return why;
    const Tensor& w = *graph.constant(layer.w);
    const int64_t k = w.shape()[1], o = w.shape()[0], m = leading_elements(graph.type(layer.x).shape, 1);

    Candidate c;
    c.arguments.push_back(KernelArgument::input(layer.x, 1));
    c.arguments.push_back(KernelArgument::output(layer.y, 1));
    add_layer(c, graph, layer, op.requant, op.x_zero, filled_up(w), lanes_in_order(o));
    c.arguments.push_back(int32_table({m, k, o}, "shape"));
    // A row of x is read again for every block of outputs.
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t row = 0; row < m; ++row)
        for (int64_t done = 0; done < o; done += 4) trace.tiles.push_back({row * o + std::min(o, done + 4), row * k});
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.macs_executed = m * k * o;
    c.cycles = 20 + m * outputs_cycles(k, o);
    return c;
}

constexpr KernelRow rows[] = {
    {"conv2d_s8_mve", "mve", "conv2d", match_conv2d},
    {"depthwise_s8_mve", "mve", "conv2d", match_depthwise},
    {"dense_s8_mve", "mve", "dense", match_dense},
};

}  // namespace

const char* mve_unfit(const MatchContext& context) {
    if (!context.core.features.mve) return "needs a core with Helium";
    if (context.optimize != "speed") return "takes more constants and scratch: only for --optimize speed";
    return nullptr;
}

// With one rounding the lanes take shifts above 32 alone: the accumulator is shifted left by what is missing, and saturates. A value that
// does stands for one whose result is clamped anyway, if the multiplier is not tiny: (2^31 · m) >> 33 is then far beyond a byte.
const char* unfit_for_lanes(const Requant& requant) {
    if (requant.rounding == Rounding::even) return "halves go to even numbers, which no lane does";
    if (requant.rounding != Rounding::single) return nullptr;
    for (size_t c = 0; c < requant.shift.size(); ++c)
        if (requant.shift[c] < 33 && requant.multiplier[c] > 0 && requant.multiplier[c] < 4096)
            return "the multiplier has too few bits for its shift";
    return nullptr;
}

Tensor bias_of_raw_inputs(const Tensor& bias, const Tensor& w, int32_t x_zero) {
    const auto given = bias.data<int32_t>();
    std::vector<int32_t> words(given.begin(), given.end());
    const auto weights = w.data<int8_t>();
    const size_t depth = weights.size() / words.size();
    for (size_t c = 0; c < words.size(); ++c) {
        const int64_t sum = std::accumulate(weights.begin() + static_cast<std::ptrdiff_t>(c * depth),
                                            weights.begin() + static_cast<std::ptrdiff_t>((c + 1) * depth), int64_t{0});
        words[c] = static_cast<int32_t>(static_cast<uint32_t>(int64_t{words[c]} - x_zero * sum));  // wraps, as the sums do
    }
    return Tensor::of<int32_t>(bias.shape(), words);
}

void add_lane_requant(Candidate& c, const Requant& r, const Tensor& bias, std::span<const int64_t> lanes) {
    struct Lane {
        int32_t bias = 0, left = 0, multiplier = 0, right = 0;
    };
    const auto biases = bias.data<int32_t>();
    const auto lane_of = [&](int64_t channel) {
        Lane lane;
        if (channel < 0) return lane;
        const size_t at = r.multiplier.size() == 1 ? 0 : static_cast<size_t>(channel);
        const int32_t shift = r.shift[at];
        lane.bias = biases[static_cast<size_t>(channel)];
        lane.multiplier = r.multiplier[at];
        switch (r.rounding) {
            case Rounding::narrow:
                lane.left = -r.pre_shift, lane.right = -shift;
                break;
            case Rounding::single:
                lane.left = std::max(0, 33 - shift), lane.right = 32 - std::max(33, shift);
                break;
            default:
                lane.left = std::max(0, shift), lane.right = std::min(0, shift);
        }
        return lane;
    };
    std::vector<int32_t> words;
    for (size_t first = 0; first < lanes.size(); first += 4)
        for (int32_t Lane::*field : {&Lane::bias, &Lane::left, &Lane::multiplier, &Lane::right})
            for (size_t i = first; i < first + 4; ++i) words.push_back(lane_of(lanes[i]).*field);
    c.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{static_cast<int64_t>(words.size())}, words), "table"));
    c.constants.insert(c.constants.end(), {{"FORM", form_number(r.rounding)}, {"Y_ZERO", r.zero_point}, {"LO", r.lo}, {"HI", r.hi}});
}

int64_t add_one_image_each(Candidate& c, const Graph& graph, ValueId x, ValueId y) {
    c.batch = graph.type(x).shape[0];
    c.arguments.push_back(KernelArgument::input(x, 1, graph.type(x).bytes() / c.batch));
    c.arguments.push_back(KernelArgument::output(y, 1, graph.type(y).bytes() / c.batch));
    return c.batch;
}

KernelArgument window_table(const Window& w, int64_t channels, std::initializer_list<int64_t> more) {
    std::vector<int32_t> words;
    for (const int64_t v : {w.in_h, w.in_w, channels, w.out_h, w.out_w, w.kernel[0], w.kernel[1], w.stride[0], w.stride[1], w.dilation[0],
                            w.dilation[1], w.pad[0], w.pad[1]})
        words.push_back(static_cast<int32_t>(v));
    for (const int64_t v : more) words.push_back(static_cast<int32_t>(v));
    return typed_table(Tensor::of<int32_t>(Shape{static_cast<int64_t>(words.size())}, words), "shape");
}

std::span<const KernelRow> mve_rows() { return rows; }

}  // namespace gw
