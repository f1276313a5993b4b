// Rows for cores with DSP instructions (Cortex-M4, M7, M33): int8 convolutions and dense layers by SMLAD, which multiplies two pairs of
// int16 lanes and adds both products.
//
// Weights stay bytes in flash, two channels interleaved so that one instruction unpacks two of them; activations are widened once and meet
// all channels. All of it costs code and a little scratch, so these rows are offered for speed alone. Every row is exact: see
// dsp_requant.cpp.
#include "kernels/dsp.h"

#include <algorithm>

#include "kernels/row_help.h"

namespace gw {
namespace {

struct Conv : LayerOperands {
    const Conv2D* op = nullptr;
    Window window;
    int64_t batch = 1, in_c = 1, out_c = 1, group_in = 1, pixels = 1;
    Tensor bias;
};

// The node in numbers, or why it is none of ours.
std::string read_conv(const MatchContext& context, const Graph& graph, NodeId root, Conv& c) {
    if (const char* why = dsp_unfit(context)) return why;
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
    c.pixels = y[1] * y[2];
    c.bias = bias_or_zeros(graph, c.bias_id, c.out_c);
    return {};
}

void add_images(const Graph& graph, Candidate& candidate, const Conv& c) {
    candidate.batch = c.batch;
    candidate.arguments.push_back(KernelArgument::input(c.x, 1, graph.type(c.x).bytes() / c.batch));
    candidate.arguments.push_back(KernelArgument::output(c.y, 1, graph.type(c.y).bytes() / c.batch));
}

Tensor words_tensor(const std::vector<uint32_t>& words) { return Tensor::of<uint32_t>(Shape{static_cast<int64_t>(words.size())}, words); }

// Which word, and which lane of it, holds element e of a run of n (conv2d_s8_dsp.c).
struct Place {
    int64_t word = 0, lane = 0;
};
Place place_in_run(int64_t e, int64_t n) {
    const int64_t four = e / 4, in_four = e % 4, rest = n - four * 4;
    if (rest == 2) return {four * 2, in_four};
    return {four * 2 + in_four % 2, in_four / 2};
}
int64_t words_of_run(int64_t n) { return n / 4 * 2 + (n % 4 + 1) / 2; }

// Weights of all channels, lanes by `place` (depth index → word and lane): blocks of `block` channels [words][block / 2], then of two
// [words].
std::vector<uint32_t> pack_pairs(const Tensor& w, int64_t channels, int64_t block, int64_t words, bool mixed,
                                 const std::vector<Place>& place) {
    const auto weights = w.data<int8_t>();
    const auto depth = static_cast<int64_t>(place.size());
    std::vector<uint32_t> out(static_cast<size_t>((channels + 1) / 2 * words));
    for (int64_t c = 0; c < channels; c += 2) {
        const bool wide = c / block < channels / block;
        const int64_t base = (wide ? c / block * block / 2 : c / 2) * words, step = wide ? block / 2 : 1, first = wide ? c % block / 2 : 0;
        for (int64_t k = 0; k < depth; ++k) {
            const int32_t even = weights[static_cast<size_t>(c * depth + k)];
            const int32_t odd = c + 1 < channels ? weights[static_cast<size_t>((c + 1) * depth + k)] : 0;
            const uint32_t half = mixed ? static_cast<uint32_t>(256 * odd + even) & 0xFFFFU
                                        : (static_cast<uint32_t>(odd) & 0xFFU) << 8 | (static_cast<uint32_t>(even) & 0xFFU);
            const Place& p = place[static_cast<size_t>(k)];
            out[static_cast<size_t>(base + p.word * step + first)] |= half << (16 * p.lane);
        }
    }
    return out;
}

int64_t rescale_cycles(const Candidate& c, const Core& core, const Requant& r) {
    for (const auto& [name, value] : c.constants)
        if (name == "FORM" && value >= 4) return value == 4 ? 3 : 6;
    return requant_cycles(core, r.rounding) + 4;
}

// Pairs of pixels, each pair read before it is written.
TileTrace pair_trace(const Conv& c) {
    const Window& w = c.window;
    const TileTrace single = window_trace(w.out_h, w.out_w, c.out_c, w.in_h, w.in_w, c.in_c, w.stride, w.pad, true);
    TileTrace out;
    out.reads_first = true;
    for (size_t i = 0; i < single.tiles.size(); i += 2) {
        const size_t last = std::min(i + 1, single.tiles.size() - 1);
        out.tiles.push_back({single.tiles[last].written_end, std::min(single.tiles[i].read_begin, single.tiles[last].read_begin)});
    }
    return out;
}

Match match_conv2d(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    if (std::string why = read_conv(context, graph, root, c); !why.empty()) return why;
    if (c.op->groups != 1) return "one group only";
    const Window& window = c.window;
    const bool one_run = window.dilation[1] == 1;
    const int64_t run = one_run ? window.kernel[1] * c.in_c : c.in_c, runs = window.kernel[0] * (one_run ? 1 : window.kernel[1]);
    const int64_t words = words_of_run(run) * runs;
    std::vector<Place> place;
    for (int64_t k = 0; k < run * runs; ++k) {
        Place p = place_in_run(k % run, run);
        p.word += k / run * words_of_run(run);
        place.push_back(p);
    }
    Tensor w = *graph.constant(c.w);
    const std::vector<Interval> intervals = settled_intervals(c.op->requant, c.out_c, c.op->x_zero, w, c.bias);
    const DspRequant dsp = dsp_requant(c.op->requant, w, c.out_c, intervals, true);

    Candidate candidate;
    add_images(graph, candidate, c);
    candidate.arguments.push_back(typed_weights(words_tensor(pack_pairs(w, c.out_c, 4, words, dsp.mixed, place)), "w", c.w));
    add_dsp_requant(candidate, dsp, c.op->requant, w, c.out_c, c.op->x_zero, c.bias, true);
    candidate.arguments.push_back(int32_table(
        {window.in_h, window.in_w, c.in_c, window.out_h, window.out_w, c.out_c, window.kernel[0], window.kernel[1], window.stride[0],
         window.stride[1], window.dilation[0], window.dilation[1], window.pad[0], window.pad[1], c.op->x_zero, words},
        "shape"));
    const bool point = window.kernel == Pair{1, 1} && window.stride == Pair{1, 1} && window.pad == Pads{0, 0, 0, 0};
    // Short runs are written out.
    candidate.constants.insert(candidate.constants.end(), {{"RUN", run < 16 && !point && c.in_c % 4 != 0 ? run : 0},
                                                           {"POINT", point ? 1 : 0},
                                                           {"DILATED", one_run ? 0 : 1},
                                                           {"SPLIT", one_run && c.in_c % 4 == 0 && !point ? 1 : 0}});
    candidate.arguments.push_back(KernelArgument::scratch(words * 8, 4));
    if (c.batch == 1) candidate.overlaps.push_back({0, 1, minimum_gap(pair_trace(c))});
    candidate.covers = {root};
    // What a pixel computes, padding included; never more than the graph's own count says.
    candidate.macs_executed = std::min(c.batch * c.pixels * run * runs * c.out_c, graph.macs());
    // A pair of pixels: its taps are widened; then each block of four channels takes 15 cycles a word (17 unmixed), eight words a round.
    const int64_t pairs = (c.pixels + 1) / 2, full = c.out_c / 4, rest = (c.out_c % 4 + 1) / 2, each = dsp.mixed ? 0 : 2;
    const int64_t runs_a_pair = 2 * window.kernel[0] * (one_run ? 1 : window.kernel[1]);
    const int64_t block = words * (15 + each) + (words + 7) / 8 * 6 + 38 + 8 * rescale_cycles(candidate, context.core, c.op->requant);
    const int64_t two = words * (10 + each) + 40 + 4 * rescale_cycles(candidate, context.core, c.op->requant);
    candidate.cycles = c.batch * (pairs * (120 + runs_a_pair * 70 + 9 * words + full * block + rest * two));
    return candidate;
}

// In bands of rows (depthwise_s8_dsp.c): all that a band needs may be read until its last result is written. Top down, or bottom up as seen
// from the ends of x and y.
TileTrace band_trace(const Conv& c, int64_t band, bool backward) {
    const Window& w = c.window;
    const int64_t in_row = w.in_w * c.in_c, out_row = w.out_w * c.out_c;
    TileTrace out;
    for (int64_t oy = 0; oy < w.out_h; oy += band) {
        const int64_t end = std::min(oy + band, w.out_h), above = std::clamp<int64_t>(oy * w.stride[0] - w.pad[0], 0, w.in_h);
        const int64_t below = std::clamp<int64_t>((end - 1) * w.stride[0] - w.pad[0] + 3, 0, w.in_h);
        if (backward)
            out.tiles.insert(out.tiles.begin(), {(w.out_h - oy) * out_row, (w.in_h - below) * in_row});
        else
            out.tiles.push_back({end * out_row, above * in_row});
    }
    return out;
}

Match match_depthwise(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    if (std::string why = read_conv(context, graph, root, c); !why.empty()) return why;
    const Window& window = c.window;
    const int64_t stride = window.stride[0];
    if (c.group_in != 1 || c.op->groups != c.in_c || c.out_c != c.in_c) return "one input and one output channel a group only";
    if (window.pad[1] > (window.out_w - 1) * stride + 3) return "whole windows lie left of the picture";
    if (window.kernel != Pair{3, 3} || window.dilation != Pair{1, 1} || stride != window.stride[1] || stride > 2) {
        return "3 x 3 windows in steps of 1 or 2 only";
    }
    Tensor w = *graph.constant(c.w);
    const std::vector<Interval> intervals = settled_intervals(c.op->requant, c.out_c, c.op->x_zero, w, c.bias);
    const DspRequant dsp = dsp_requant(c.op->requant, w, c.out_c, intervals, false);
    const auto weights = w.data<int8_t>();
    std::vector<uint32_t> words;
    for (int64_t o = 0; o < c.out_c; ++o) {
        for (int64_t column = 0; column < 3; ++column) {
            const auto byte = [&](int64_t row) {
                return static_cast<uint32_t>(weights[static_cast<size_t>(o * 9 + row * 3 + column)]) & 0xFFU;
            };
            words.push_back(byte(0) | byte(1) << 8 | byte(1) << 16 | byte(2) << 24);
        }
    }
    const int64_t width = (window.out_w - 1) * stride + 3;
    // The pairs of rows at a band's end are widened twice, so few bands are better; wide pictures cannot afford the scratch.
    const int64_t pairs = width <= 64 ? 6 : 4, band = (pairs - 1) * (stride == 1 ? 2 : 1);

    Candidate candidate;
    add_images(graph, candidate, c);
    candidate.arguments.push_back(typed_weights(words_tensor(words), "w", c.w));
    candidate.constants = {{"S", stride}, {"PAIRS", pairs}, {"FEW", c.out_c < 4 ? 1 : 0}};
    add_dsp_requant(candidate, dsp, c.op->requant, w, c.out_c, c.op->x_zero, c.bias, false);
    candidate.constants.emplace_back("PLAIN", dsp.high && dsp.high->pre == 0 && c.op->requant.lo == -128 && c.op->requant.hi == 127);
    candidate.arguments.push_back(
        int32_table({window.in_h, window.in_w, c.out_c, window.out_h, window.out_w, window.pad[0], window.pad[1], c.op->x_zero}, "shape"));
    candidate.arguments.push_back(KernelArgument::scratch(width * pairs * 16, 4));
    candidate.constants.emplace_back("BACKWARD", 0);
    if (c.batch == 1) candidate.overlaps.push_back({0, 1, minimum_gap(band_trace(c, band, false)), minimum_gap(band_trace(c, band, true))});
    candidate.covers = {root};
    candidate.macs_executed = std::min(c.batch * c.pixels * c.out_c * 9, graph.macs());
    const int64_t bands = (window.out_h + band - 1) / band, rows = stride == 1 ? (window.out_h + 1) / 2 : window.out_h;
    const int64_t extra = rescale_cycles(candidate, context.core, c.op->requant) - 3;
    const int64_t a_row =
        stride == 1 ? window.out_w / 2 * 65 + window.out_w % 2 * 36 + 20 : window.out_w / 2 * 45 + window.out_w % 2 * 27 + 16;
    const int64_t widened = (rows + bands) * ((c.out_c + 3) / 4) * (35 + window.in_w * 23);
    candidate.cycles = c.batch * (widened + bands * c.out_c * 60 + rows * c.out_c * a_row + c.pixels * c.out_c * extra);
    return candidate;
}

Match match_dense(const MatchContext& context, const Graph& graph, NodeId root) {
    if (const char* why = dsp_unfit(context)) return why;
    const Node& node = graph[root];
    const Dense& op = *get_if<Dense>(node.op);
    const auto [x, w_id, bias_id, y, w_zero] = layer_operands(node);
    if (const char* why = unfit_int8_layer(graph, layer_operands(node), op.requant)) return why;
    Tensor w = *graph.constant(w_id);
    const int64_t k = w.shape()[1], o = w.shape()[0], m = leading_elements(graph.type(x).shape, 1), words = words_of_run(k);
    Tensor bias = bias_or_zeros(graph, bias_id, o);
    const std::vector<Interval> intervals = settled_intervals(op.requant, o, op.x_zero, w, bias);
    const DspRequant dsp = dsp_requant(op.requant, w, o, intervals, true);
    std::vector<Place> place;
    for (int64_t e = 0; e < k; ++e) place.push_back(place_in_run(e, k));

    Candidate c;
    // Aligned words are read faster; but a caller's buffer may lie where it likes.
    const bool from_caller = std::any_of(graph.inputs.begin(), graph.inputs.end(), [&](const Port& p) { return p.value == x; });
    c.arguments.push_back(KernelArgument::input(x, k % 4 == 0 && !from_caller ? 4 : 1));
    c.arguments.push_back(KernelArgument::output(y, 1));
    c.arguments.push_back(typed_weights(words_tensor(pack_pairs(w, o, 4, words, dsp.mixed, place)), "w", w_id));
    c.constants = {{"FOURS", k % 4 == 0 ? 1 : 0}};
    add_dsp_requant(c, dsp, op.requant, w, o, op.x_zero, bias, true);
    c.arguments.push_back(int32_table({m, k, o}, "shape"));
    // A row of x is read again for every block of outputs.
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t row = 0; row < m; ++row)
        for (int64_t done = 0, next = 0; done < o; done = next) {
            next = std::min(o, done + (o - done >= 4 ? 4 : 2));
            trace.tiles.push_back({row * o + next, row * k});
        }
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.macs_executed = m * k * o;
    const int64_t fours = (k + 3) / 4, each = dsp.mixed && k % 4 == 0 ? 0 : 8, rest = (o % 4 + 1) / 2;
    c.cycles =
        m * (60 + o / 4 * (fours * (21 + each) + 38) + rest * (fours * (16 + each) + 40) + o * rescale_cycles(c, context.core, op.requant));
    return c;
}

constexpr KernelRow rows[] = {
    {"conv2d_s8_dsp", "dsp", "conv2d", match_conv2d},
    {"depthwise_s8_dsp", "dsp", "conv2d", match_depthwise},
    {"dense_s8_dsp", "dsp", "dense", match_dense},
};

}  // namespace

const char* dsp_unfit(const MatchContext& context) {
    if (!context.core.features.dsp) return "needs a core with DSP instructions";
    if (context.optimize != "speed") return "takes more code and scratch: only for --optimize speed";
    return nullptr;
}

KernelArgument int32_table(std::initializer_list<int64_t> values, std::string role) {
    const std::vector<int32_t> words(values.begin(), values.end());
    return typed_table(Tensor::of<int32_t>(Shape{static_cast<int64_t>(words.size())}, words), std::move(role));
}

std::span<const KernelRow> dsp_rows() { return rows; }

}  // namespace gw
