// Rows for Armv6-M (Cortex-M0, M0+): two activations in one 32-bit word meet a weight in one multiplication.
//
// There are no vector instructions, but MULS takes one cycle and the sums of a few products of bytes fit 16 bits: (x0 + 65536·x1)·w is
// x0·w + 65536·x1·w, and so for sums of them, as long as the lower sum stays an int16 (its sign then tells what it borrowed from the upper)
// and the upper one too. The weights are known, so it is known exactly how many products may be added before the two sums must be taken
// apart: a chunk. The proof is `fits` below. It takes scratch memory and code, so these rows are offered for speed alone.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <utility>

#include "kernels/row_help.h"
#include "kernels/v6m.h"
#include "kernels/v6m_code.h"

namespace gw {
namespace {

// Sums of x·w over a chunk that one channel can reach with x in [least, most].
struct Reach {
    int32_t lo = 0, hi = 0;
    void add(int32_t w, int32_t least = -128, int32_t most = 127) {
        lo += std::min(least * w, most * w);
        hi += std::max(least * w, most * w);
    }
    bool fits() const { return lo >= -32768 && hi <= 32767; }
};

const char* unfit(const MatchContext& context) {
    if (context.core.isa != Isa::v6m) return "is for Armv6-M";
    if (context.optimize != "speed") return "takes more code and scratch: only for --optimize speed";
    return nullptr;
}

// Blocks of three channels, then of two, for `channels` ≥ 2.
std::vector<int64_t> blocks_of(int64_t channels) {
    std::vector<int64_t> blocks;
    const int64_t twos = channels % 3 == 0 ? 0 : 3 - channels % 3;
    blocks.assign(static_cast<size_t>((channels - 2 * twos) / 3), 3);
    blocks.insert(blocks.end(), static_cast<size_t>(twos), 2);
    return blocks;
}

struct Pairs {
    Tensor weights, chunks;
    int64_t chunks_of_three = 0, chunks_of_two = 0;
};

// The bias for sums of x·w in place of (x − x_zero)·w, |x| ≤ `largest`. Nothing when it or a sum could leave int32.
std::optional<Tensor> bias_of_raw_sums(const Tensor& w, int64_t channels, const Tensor& bias, int32_t x_zero, int64_t largest = 128) {
    const auto weights = w.data<int8_t>();
    const size_t depth = weights.size() / static_cast<size_t>(channels);
    std::vector<int32_t> biases;
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        int64_t sum = 0, most = 0;
        for (const int8_t v : weights.subspan(c * depth, depth)) {
            sum += v;
            most += largest * std::abs(int64_t{v});
        }
        const int64_t value = bias.data<int32_t>()[c] - x_zero * sum;
        if (std::abs(value) + most >= int64_t{1} << 31) return std::nullopt;
        biases.push_back(static_cast<int32_t>(value));
    }
    return Tensor::of<int32_t>(Shape{channels}, biases);
}

// Weights [channels][depth] as conv2d_pairs_s8 reads them, cut into the longest chunks that fit.
Pairs pack_pairs(const Tensor& w, int64_t channels, int64_t depth) {
    const auto weights = w.data<int8_t>();
    const auto at = [&](int64_t channel, int64_t tap) { return int32_t{weights[static_cast<size_t>(channel * depth + tap)]}; };
    std::vector<uint8_t> packed, chunks;
    Pairs pairs;
    int64_t first = 0;
    for (const int64_t width : blocks_of(channels)) {
        const int64_t most = width == 3 ? 10 : 15;
        for (int64_t tap = 0; tap < depth;) {
            std::vector<Reach> reach(static_cast<size_t>(width));
            int64_t n = 0;
            for (bool fits = true; n < most && tap + n < depth; ++n) {
                for (int64_t c = 0; c < width; ++c) {
                    reach[static_cast<size_t>(c)].add(at(first + c, tap + n));
                    fits = fits && reach[static_cast<size_t>(c)].fits();
                }
                if (!fits) break;
            }
            GW_CHECK(n > 0, "one product fits 16 bits");
            chunks.push_back(static_cast<uint8_t>(most - n));
            (width == 3 ? pairs.chunks_of_three : pairs.chunks_of_two) += 1;
            for (const int64_t end = tap + n; tap < end; ++tap)
                for (int64_t c = 0; c < width; ++c) packed.push_back(static_cast<uint8_t>(at(first + c, tap) + 128));
        }
        chunks.push_back(255);
        first += width;
    }
    pairs.weights = Tensor::of<uint8_t>(Shape{static_cast<int64_t>(packed.size())}, packed);
    pairs.chunks = Tensor::of<uint8_t>(Shape{static_cast<int64_t>(chunks.size())}, chunks);
    return pairs;
}

// Two pixels of a row are read whole, then written.
TileTrace pairs_trace(const Window& w, int64_t in_c, int64_t out_c) {
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t oy = 0; oy < w.out_h; ++oy) {
        const int64_t iy = std::clamp<int64_t>(oy * w.stride[0] - w.pad[0], 0, w.in_h - 1);
        for (int64_t ox = 0; ox < w.out_w; ox += 2) {
            const int64_t ix = std::clamp<int64_t>(ox * w.stride[1] - w.pad[1], 0, w.in_w - 1);
            trace.tiles.push_back({(oy * w.out_w + std::min(ox + 2, w.out_w)) * out_c, (iy * w.in_w + ix) * in_c});
        }
    }
    return trace;
}

// Measured on the Cortex-M0+ with gcc 12: all blocks of conv2d_pairs_s8 for two pixels, without results, one of three taking `of_three`
// besides its taps; then the layer, `channels` being
// what its channels cost for two pixels.
int64_t block_cycles(const Pairs& pairs, int64_t out_c, int64_t depth, int64_t of_three) {
    int64_t threes = 0, twos = 0;
    for (const int64_t width : blocks_of(out_c)) (width == 3 ? threes : twos) += 1;
    return threes * (of_three + depth * 15) + pairs.chunks_of_three * 44 + twos * (90 + depth * 11) + pairs.chunks_of_two * 35;
}
int64_t pair_cycles(const Window& w, int64_t in_c, int64_t channels) {
    const int64_t a_pair = 80 + w.kernel[0] * 45 + w.kernel[0] * w.kernel[1] * in_c * 12 + channels;  // 12: a word
    // Words that reach over an edge are put together one by one.
    const int64_t clipped = w.out_h * w.out_w * w.kernel[0] * w.kernel[1] - w.taps_inside();
    return w.out_h * ((w.out_w + 1) / 2) * a_pair + clipped * (20 + 15 * in_c);
}

// What both rows need of the node.
struct Conv : LayerOperands {
    const Conv2D* op = nullptr;
    Window window;
    int64_t batch = 1, in_c = 1, out_c = 1, depth = 1;
    Tensor weights;                        // settled, by kernel_bias
    std::optional<WindowRequant> requant;  // the window form, if it is exact here
};

// Two results of one channel; the window form has assembler for two.
int64_t two_results(const MatchContext& context, const Conv& c) {
    return c.requant && !c.requant->turns ? 48 : 2 * v6m_requant_cycles(context.core, c.op->requant, c.requant);
}

// The node in numbers, or why it is none of ours.
std::string read_conv(const MatchContext& context, const Graph& graph, NodeId root, Conv& c) {
    if (const char* why = unfit(context)) return why;
    const Node& node = graph[root];
    c.op = get_if<Conv2D>(node.op);
    static_cast<LayerOperands&>(c) = layer_operands(node);
    if (const char* why = unfit_int8_layer(graph, c, c.op->requant)) return why;
    const Shape &x = graph.type(c.x).shape, &w = graph.type(c.w).shape, &y = graph.type(c.y).shape;
    c.batch = x[0], c.in_c = x[3], c.out_c = y[3], c.depth = w[1] * w[2] * w[3];
    c.window = {x[1], x[2], y[1], y[2], {w[1], w[2]}, c.op->stride, c.op->dilation, c.op->pad};
    return {};
}

// Settles channels that can give one result only, finds the window form, and the bias for raw sums that the kernel adds. Nothing when a sum
// could leave int32. A result by itself is cheaper in the narrow form, which needs no 64-bit product either; of `two` at a time both are in
// the window's assembler.
std::optional<Tensor> kernel_bias(const Graph& graph, Conv& c, bool two) {
    c.weights = *graph.constant(c.w);
    Tensor bias = bias_or_zeros(graph, c.bias_id, c.out_c);
    const std::vector<Interval> intervals = settled_intervals(c.op->requant, c.out_c, c.op->x_zero, c.weights, bias);
    if (two || c.op->requant.rounding != Rounding::narrow) c.requant = window_requant(c.op->requant, intervals);
    if (std::optional<Tensor> raw = bias_of_raw_sums(c.weights, c.out_c, less_bases(bias, c.requant), c.op->x_zero)) return raw;
    c.requant.reset();
    return bias_of_raw_sums(c.weights, c.out_c, bias, c.op->x_zero);
}

// x, y, w and bias; then the window's and the channels' constants; then mult and shift.
void add_operands(const Graph& graph, Candidate& candidate, const Conv& c, Tensor weights, Tensor bias) {
    candidate.batch = c.batch;
    candidate.arguments.push_back(KernelArgument::input(c.x, 1, graph.type(c.x).bytes() / c.batch));
    candidate.arguments.push_back(KernelArgument::output(c.y, 1, graph.type(c.y).bytes() / c.batch));
    candidate.arguments.push_back(typed_weights(std::move(weights), "w", c.w));
    candidate.arguments.push_back(typed_weights(std::move(bias), "bias", c.bias_id));
    add_window(candidate, c.window);
    candidate.constants.insert(candidate.constants.end(), {{"IC", c.in_c}, {"OC", c.out_c}, {"X_ZERO", c.op->x_zero}});
    add_v6m_requant(candidate, c.op->requant, c.out_c, c.requant);
    candidate.macs_executed = c.batch * c.window.taps_inside() * c.in_c * c.out_c;
}

Match match_conv2d_pairs_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    if (std::string why = read_conv(context, graph, root, c); !why.empty()) return why;
    if (c.op->groups != 1) return "takes one group";
    if (c.out_c < 2) return "takes two output channels or more";
    Window& window = c.window;
    if (c.depth == c.in_c && c.op->stride == Pair{1, 1} && c.op->pad == Pads{0, 0, 0, 0}) {  // rows do not matter: one long one
        window.in_w *= std::exchange(window.in_h, 1);
        window.out_w *= std::exchange(window.out_h, 1);
    }
    std::optional<Tensor> bias = kernel_bias(graph, c, true);
    if (!bias) return "sums leave 32 bits";
    const Tensor& weights = c.weights;
    // With a window, blocks of three and their results are one piece of assembler.
    const bool fast = c.requant && !c.requant->turns;
    const int64_t result = fast ? 38 : 12 + two_results(context, c), block = fast ? 55 : 95;

    Candidate offer;
    offer.weights_are_code = context.weights_as_code;
    Tensor packed, chunks;
    if (context.weights_as_code) {
        const WeightCode code = weight_code(weights, c.out_c, c.depth);
        packed = Tensor::of<uint16_t>(Shape{static_cast<int64_t>(code.instructions.size())}, code.instructions);
        chunks = Tensor::of<uint32_t>(Shape{static_cast<int64_t>(code.starts.size())}, code.starts);
        std::vector<int32_t> whole(bias->data<int32_t>().begin(), bias->data<int32_t>().end());
        whole.resize(code.starts.size() * 3, 0);
        bias = Tensor::of<int32_t>(Shape{static_cast<int64_t>(whole.size())}, whole);
        const auto blocks = static_cast<int64_t>(code.starts.size());
        offer.cycles = pair_cycles(window, c.in_c, code.cycles + blocks * block + c.out_c * result);
    } else {
        Pairs pairs = pack_pairs(weights, c.out_c, c.depth);
        offer.cycles = pair_cycles(window, c.in_c, block_cycles(pairs, c.out_c, c.depth, block) + c.out_c * result);
        packed = std::move(pairs.weights), chunks = std::move(pairs.chunks);
    }
    offer.cycles *= c.batch;
    add_operands(graph, offer, c, std::move(packed), std::move(*bias));
    offer.constants.emplace_back("CODE", context.weights_as_code ? 1 : 0);
    // Reading a packed line takes five cycles for two results, so where there are few.
    pack_lines(offer, c.requant, !context.weights_as_code && window.out_h * window.out_w <= 64);
    offer.types.emplace_back("weight", context.weights_as_code ? "uint16_t" : "uint8_t");
    offer.types.emplace_back("chunk", context.weights_as_code ? "uint32_t" : "uint8_t");
    offer.arguments.push_back(typed_table(std::move(chunks), "chunks"));
    offer.arguments.push_back(KernelArgument::scratch(c.depth * 4, 4));
    if (c.batch == 1) offer.overlaps.push_back({0, 1, minimum_gap(pairs_trace(window, c.in_c, c.out_c)), {}});
    offer.covers = {root};
    return offer;
}

// CUT of conv2d_words_s8: where the sums of a run must be taken apart, for all runs of all channels alike.
int64_t cuts_of_runs(const Tensor& w, int64_t run) {
    const auto weights = w.data<int8_t>();
    const int64_t runs = static_cast<int64_t>(weights.size()) / run;
    std::vector<Reach> reach(static_cast<size_t>(runs));
    int64_t cuts = int64_t{1} << (run - 1);
    for (int64_t k = 0; k < run; ++k) {
        bool fits = true;
        for (int64_t r = 0; r < runs; ++r) {
            reach[static_cast<size_t>(r)].add(weights[static_cast<size_t>(r * run + k)]);
            fits = fits && reach[static_cast<size_t>(r)].fits();
        }
        if (fits) continue;
        cuts |= int64_t{1} << (k - 1);
        for (int64_t r = 0; r < runs; ++r) {
            reach[static_cast<size_t>(r)] = {};
            reach[static_cast<size_t>(r)].add(weights[static_cast<size_t>(r * run + k)]);
        }
    }
    return cuts;
}

Match match_conv2d_words_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    if (std::string why = read_conv(context, graph, root, c); !why.empty()) return why;
    const Window& w = c.window;
    const int64_t run = w.kernel[1] * c.in_c, scratch = c.depth * c.out_c * 2;
    if (c.op->groups != 1) return "takes one group";
    if (c.out_c % 4 != 0) return "takes channels in fours";
    if (run > 12 || c.depth > 64 || w.dilation[1] != 1) return "takes at most 12 taps side by side, 64 in all";
    if (scratch > 1024) return "the widened weights would take more than 1 KiB";
    std::optional<Tensor> bias = kernel_bias(graph, c, false);
    if (!bias) return "sums leave 32 bits";
    const Tensor& weights = c.weights;
    const int64_t cuts = cuts_of_runs(weights, run);

    Candidate offer;
    add_operands(graph, offer, c, pack_by_blocks(weights, 1, c.out_c, c.depth, 0), std::move(*bias));
    std::erase_if(offer.constants, [](const auto& constant) { return constant.first == "DW"; });
    offer.constants.insert(offer.constants.end(), {{"RUN", run}, {"CUT", cuts}});
    offer.arguments.push_back(KernelArgument::scratch(scratch, 4));
    if (c.batch == 1)
        offer.overlaps.push_back(
            {0, 1, minimum_gap(window_trace(w.out_h, w.out_w, c.out_c, w.in_h, w.in_w, c.in_c, w.stride, w.pad, c.out_c <= 4)), {}});
    offer.covers = {root};
    // Measured on the Cortex-M0+ with gcc 12.
    const int64_t pixels = w.out_h * w.out_w, clipped = pixels * w.kernel[0] * w.kernel[1] - w.taps_inside();
    const int64_t block = 50 + w.kernel[0] * (16 + run * 12 + std::popcount(static_cast<uint64_t>(cuts)) * 12) +
                          4 * v6m_requant_cycles(context.core, c.op->requant, c.requant);
    offer.cycles = c.batch * (pixels * (25 + c.out_c / 4 * block) + c.depth * c.out_c * 8 + clipped * (15 + 25 * c.in_c));
    return offer;
}

// Weights [OC][KH][KW][IC] as conv2d_max_s8 reads them: [OC][KW][IC][KH].
std::vector<int8_t> columns_first(const Tensor& w, const Conv& c) {
    const auto weights = w.data<int8_t>();
    const auto [kh, kw] = c.window.kernel;
    std::vector<int8_t> out;
    for (int64_t o = 0; o < c.out_c; ++o)
        for (int64_t column = 0; column < kw * c.in_c; ++column)
            for (int64_t ky = 0; ky < kh; ++ky) out.push_back(weights[static_cast<size_t>((o * kh + ky) * kw * c.in_c + column)]);
    return out;
}

// The convolution that a pool reads and that conv2d_max_s8 can take along, or why there is none.
std::string read_conv_below(const MatchContext& context, const Graph& graph, const Node& node, Conv& c) {
    const Pool2D& pool = *get_if<Pool2D>(node.op);
    if (pool.kind != PoolKind::max || pool.kernel != Pair{2, 2} || pool.stride != Pair{2, 2} || pool.dilation != Pair{1, 1} ||
        pool.pad != Pads{0, 0, 0, 0}) {
        return "takes the greatest of 2 x 2 in steps of 2";
    }
    const Node* below = graph.producer(node.inputs[0]);
    if (below == nullptr || get_if<Conv2D>(below->op) == nullptr) return "takes what a convolution gives";
    if (context.uses[static_cast<size_t>(node.inputs[0].index)] != 1) return "the convolution's result has other readers";
    if (std::string why = read_conv(context, graph, graph[node.inputs[0]].node, c); !why.empty()) return why;
    const Requant& r = c.op->requant;
    if (std::any_of(r.multiplier.begin(), r.multiplier.end(), [](int32_t m) { return m < 0; })) return "rescaling turns the order around";
    if (pool.lo > r.lo || pool.hi < r.hi) return "the pool clamps too";
    return {};
}

Match match_conv2d_max_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    if (const char* why = unfit(context)) return why;
    const Node& node = graph[root];
    Conv c;
    if (std::string why = read_conv_below(context, graph, node, c); !why.empty()) return why;
    const Window& w = c.window;
    const Shape& y = graph.type(node.outputs[0]).shape;
    if (c.op->groups != 1 || w.stride != Pair{1, 1} || w.dilation != Pair{1, 1}) return "takes one group and steps of 1";
    const int64_t taps = c.depth, columns = 2 * y[2] - 1 + w.kernel[1], scratch = (columns * c.in_c * (w.kernel[0] + 1) + c.out_c) * 4;
    if (taps > 48) return "takes at most 48 taps";
    if (scratch > 1024) return "the words of its rows would take more than 1 KiB";
    std::optional<Tensor> bias = kernel_bias(graph, c, false);
    if (!bias) return "sums leave 32 bits";
    const Tensor& weights = c.weights;
    const std::vector<int8_t> packed = columns_first(weights, c);
    const int64_t cuts = cuts_of_runs(Tensor::of<int8_t>(weights.shape(), packed), taps);

    Candidate offer;
    add_operands(graph, offer, c, Tensor::of<int32_t>(weights.shape(), std::vector<int32_t>(packed.begin(), packed.end())),
                 std::move(*bias));
    offer.arguments[1] = KernelArgument::output(node.outputs[0], 1, graph.type(node.outputs[0]).bytes() / c.batch);
    std::erase_if(offer.constants, [](const auto& constant) {
        return constant.first == "DW" || constant.first == "DH" || constant.first == "SH" || constant.first == "SW";
    });
    for (auto& [name, value] : offer.constants)
        if (name == "OH" || name == "OW") value = y[name == "OH" ? 1 : 2];
    offer.constants.insert(offer.constants.end(), {{"CUT0", cuts & 0xFFFFFF}, {"CUT1", cuts >> 24}});
    offer.arguments.push_back(KernelArgument::scratch(scratch, 4));
    if (c.batch == 1) {
        TileTrace trace;
        trace.reads_first = true;
        for (int64_t oy = 0; oy < y[1]; ++oy)
            trace.tiles.push_back({(oy + 1) * y[2] * c.out_c, std::clamp<int64_t>(2 * oy - w.pad[0], 0, w.in_h) * w.in_w * c.in_c});
        offer.overlaps.push_back({0, 1, minimum_gap(trace), {}});
    }
    offer.covers = {graph[node.inputs[0]].node, root};
    offer.macs_executed = std::min(offer.macs_executed, c.batch * y[1] * y[2] * 4 * taps * c.out_c);
    // Measured on the Cortex-M0+ with gcc 12.
    const int64_t channel = 70 + w.kernel[1] * c.in_c * (2 + w.kernel[0] * 9) + std::popcount(static_cast<uint64_t>(cuts)) * 8 +
                            v6m_requant_cycles(context.core, c.op->requant, c.requant);
    offer.cycles = c.batch * y[1] * (y[2] * (90 + c.out_c * channel) + (w.kernel[0] + 1) * c.in_c * (60 + columns * 14));
    return offer;
}

// Weights [channels][KH * KW] in the orders in which depthwise_pairs_s8 meets them: columns, and in each the rows from one of the first
// `firsts` on.
Tensor columns_of(const Tensor& w, int64_t channels, Pair kernel, int64_t firsts) {
    const auto weights = w.data<int8_t>();
    std::vector<int8_t> out;
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t first = 0; first < firsts; ++first)
            for (int64_t kx = 0; kx < kernel[1]; ++kx)
                for (int64_t slot = 0; slot < kernel[0]; ++slot)
                    out.push_back(weights[static_cast<size_t>((c * kernel[0] + (first + slot) % kernel[0]) * kernel[1] + kx)]);
    return Tensor::of<int8_t>(Shape{static_cast<int64_t>(out.size())}, out);
}

Match match_depthwise_pairs_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    Conv c;
    if (std::string why = read_conv(context, graph, root, c); !why.empty()) return why;
    Window& w = c.window;
    if (c.op->groups != c.in_c || c.out_c != c.in_c) return "takes one channel to each channel";
    if (w.kernel[0] > 5 || w.kernel[1] > 5 || w.dilation != Pair{1, 1}) return "takes at most 5 x 5 taps side by side";
    const int64_t taps = w.kernel[0] * w.kernel[1], columns = (w.out_w - 1) * w.stride[1] + w.kernel[1];
    // All rows at a time where they are few: nothing rotates then, and one call computes a channel.
    const int64_t all = (w.out_h - 1) * w.stride[0] + w.kernel[0], rows = all <= 32 && all * columns <= 256 ? all : w.kernel[0];
    const int64_t scratch = (rows * columns + w.kernel[1] * (2 * w.kernel[0] - 1)) * 4;
    if (scratch > 4096) return "the words of its rows would take more than 4 KiB";
    std::optional<Tensor> bias = kernel_bias(graph, c, true);
    if (!bias) return "sums leave 32 bits";
    const Tensor& weights = c.weights;
    const int64_t cuts = cuts_of_runs(columns_of(weights, c.out_c, w.kernel, rows == all ? 1 : w.kernel[0]), taps);

    Candidate offer;
    add_operands(graph, offer, c, weights.reshaped(Shape{weights.elements()}), std::move(*bias));
    std::erase_if(offer.constants, [](const auto& constant) {
        return constant.first == "DW" || constant.first == "DH" || constant.first == "IC" || constant.first == "OC";
    });
    offer.constants.insert(offer.constants.end(), {{"C", c.in_c}, {"ROWS", rows}, {"CUT", cuts}});
    pack_lines(offer, c.requant, true);
    offer.arguments.push_back(KernelArgument::scratch(scratch, 4));
    offer.macs_executed = c.batch * w.taps_inside() * c.out_c;
    offer.covers = {root};
    // Measured on the Cortex-M0+ with gcc 12.
    const int64_t pairs = w.out_h * ((w.out_w + 1) / 2);
    const bool fast = c.requant && !c.requant->turns && w.kernel == Pair{3, 3} && rows <= 32 && w.stride[1] <= 2;
    const int64_t cut = std::popcount(static_cast<uint64_t>(cuts)) * 5;
    const int64_t a_pair = fast ? 92 + cut : 38 + taps * 6 + cut * 7 / 5 + two_results(context, c);
    offer.cycles = c.batch * c.in_c * (pairs * a_pair + (rows == all ? 250 : w.out_h * 110) + all * (120 + columns * 10) + 60 + taps * 10);
    return offer;
}

struct Words {
    Tensor weights, chunks;
    int64_t chunk_count = 0;
};

// Weights [outputs][depth] as dense_words_s8 reads them, cut into the longest chunks that fit with activations in [0, 255].
Words pack_words(const Tensor& w, int64_t outputs, int64_t depth) {
    constexpr int64_t most = 16;
    const auto weights = w.data<int8_t>();
    std::vector<uint32_t> packed;
    std::vector<uint8_t> chunks;
    Words words;
    for (int64_t block = 0; block < outputs; block += 4) {
        const auto at = [&](int64_t o, int64_t k) {
            return block + o < outputs ? int32_t{weights[static_cast<size_t>((block + o) * depth + k)]} : 0;
        };
        for (int64_t k = 0; k < depth; ++words.chunk_count) {
            std::array<Reach, 4> reach;
            int64_t n = 0;
            for (bool fits = true; n < most && k + n < depth; ++n) {
                for (int64_t o = 0; o < 4; ++o) {
                    reach[static_cast<size_t>(o)].add(at(o, k + n), 0, 255);
                    fits = fits && reach[static_cast<size_t>(o)].fits();
                }
                if (!fits) break;
            }
            GW_CHECK(n > 0, "one product fits 16 bits");
            chunks.push_back(static_cast<uint8_t>(most - n));
            for (const int64_t end = k + n; k < end; ++k) {
                uint32_t word = 0;
                for (int64_t o = 3; o >= 0; --o) word = word << 8 | static_cast<uint32_t>(at(o, k) + 128);
                packed.push_back(word);
            }
        }
        chunks.push_back(255);
    }
    words.weights = Tensor::of<uint32_t>(Shape{static_cast<int64_t>(packed.size())}, packed);
    words.chunks = Tensor::of<uint8_t>(Shape{static_cast<int64_t>(chunks.size())}, chunks);
    return words;
}

Match match_dense_words_s8(const MatchContext& context, const Graph& graph, NodeId root) {
    if (const char* why = unfit(context)) return why;
    const Node& node = graph[root];
    const Dense& op = *get_if<Dense>(node.op);
    const auto [x, w, bias_id, y, w_zero] = layer_operands(node);
    if (const char* why = unfit_int8_layer(graph, layer_operands(node), op.requant)) return why;
    const Tensor& weights = *graph.constant(w);
    const int64_t o = weights.shape()[0], k = weights.shape()[1], m = leading_elements(graph.type(x).shape, 1);
    const Tensor given = bias_or_zeros(graph, bias_id, o);
    std::optional<WindowRequant> window;
    if (op.requant.rounding != Rounding::narrow) window = window_requant(op.requant, accumulator_intervals(weights, o, op.x_zero, given));
    std::optional<Tensor> bias = bias_of_raw_sums(weights, o, less_bases(given, window), op.x_zero + 128, 255);
    if (!bias) {
        window.reset();
        bias = bias_of_raw_sums(weights, o, given, op.x_zero + 128, 255);
    }
    if (!bias) return "sums leave 32 bits";
    std::vector<int32_t> biases(bias->data<int32_t>().begin(), bias->data<int32_t>().end());
    biases.resize(static_cast<size_t>((o + 3) / 4 * 4), 0);
    const Words words = pack_words(weights, o, k);

    Candidate c;
    c.arguments = {KernelArgument::input(x, 1), KernelArgument::output(y, 1), typed_weights(words.weights, "w", w),
                   typed_weights(Tensor::of<int32_t>(Shape{static_cast<int64_t>(biases.size())}, biases), "bias", bias_id)};
    c.constants = {{"M", m}, {"K", k}, {"O", o}};
    add_v6m_requant(c, op.requant, o, window);
    c.arguments.push_back(typed_table(words.chunks, "chunks"));
    c.arguments.push_back(KernelArgument::scratch(k, 1));
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t row = 0; row < m; ++row) trace.tiles.push_back({(row + 1) * o, row * k});
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.macs_executed = m * k * o;
    // Measured on the Cortex-M0+ with gcc 12.
    c.cycles = m * (k * 10 + (o + 3) / 4 * (k * 12 + 110) + words.chunk_count * 46 +
                    o * (12 + v6m_requant_cycles(context.core, op.requant, window)));
    return c;
}

constexpr KernelRow rows[] = {
    {"conv2d_pairs_s8", "v6m", "conv2d", match_conv2d_pairs_s8},       {"conv2d_words_s8", "v6m", "conv2d", match_conv2d_words_s8},
    {"conv2d_max_s8", "v6m", "pool2d", match_conv2d_max_s8},           {"dense_words_s8", "v6m", "dense", match_dense_words_s8},
    {"depthwise_pairs_s8", "v6m", "conv2d", match_depthwise_pairs_s8},
};

}  // namespace

std::span<const KernelRow> v6m_rows() { return rows; }

}  // namespace gw
