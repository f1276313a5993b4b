// Rows for the machine that compiles: `glowworm evaluate --on host` runs thousands of samples of a bundle made with --cpu host.
//
// One kernel serves convolutions, depthwise ones and dense layers, of floats and of int8: up to five pixels times sixteen channels of sums
// in vectors of eight floats, each product one fused multiply-add where the machine has it. Integers go that way too: products of bytes and
// their sums are exact in floats below 2^24, whatever the order, and the row proves that bound from the weights. Results are rescaled by
// TFLite's two roundings or by an upper product word, as on cores with DSP instructions and with their proof. Memory is no matter here: x
// is copied with its border, weights are floats.
#include <algorithm>

#include "kernels/dsp.h"
#include "kernels/float_help.h"

namespace gw {
namespace {

// A layer as the kernel sees it.
struct Layer {
    LayerOperands operands;
    Window window;
    int64_t batch = 1, in_c = 1, out_c = 1, groups = 1;
    float act_lo = 0, act_hi = 0;
    const Requant* requant = nullptr;
    int32_t x_zero = 0;
    bool bytes() const { return !requant->empty(); }
    bool depthwise() const { return groups > 1; }
    int64_t taps() const { return window.kernel[0] * window.kernel[1]; }
};

const char* unfit(const MatchContext& context, const Graph& graph, const Layer& l) {
    if (context.core.base_name != "host") return "only for --cpu host";
    if (context.optimize != "speed") return "takes memory: only for --optimize speed";
    if (l.depthwise() && (l.groups != l.in_c || l.in_c != l.out_c)) return "one group, or one channel a group, only";
    if (l.bytes()) return unfit_int8_layer(graph, l.operands, *l.requant);
    if (!is_type(graph, l.operands.x, DType::float32) || !is_type(graph, l.operands.y, DType::float32)) return "takes and gives f32 or i8";
    if (!graph.constant(l.operands.w) || !is_type(graph, l.operands.w, DType::float32)) return "takes constant weights of f32";
    if (l.operands.bias_id.valid() && !graph.constant(l.operands.bias_id)) return "the bias must be constant";
    return nullptr;
}

// w [channels][depth] as floats, for each `block` channels [depth][block], zeros behind the last.
Tensor packed_floats(const Tensor& w, int64_t channels, int64_t block) {
    const int64_t depth = w.elements() / channels, blocks = (channels + block - 1) / block;
    std::vector<float> out(static_cast<size_t>(blocks * depth * block), 0.0F);
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t k = 0; k < depth; ++k)
            out[static_cast<size_t>((c / block * depth + k) * block + c % block)] = static_cast<float>(w.at(c * depth + k));
    return Tensor::of<float>(Shape{static_cast<int64_t>(out.size())}, out);
}

// The sums of products, without the bias, that leave what floats hold exactly.
bool exact_in_floats(std::span<const Interval> intervals, const Tensor& bias) {
    constexpr int64_t most = int64_t{1} << 24;
    const auto biases = bias.data<int32_t>();
    for (size_t c = 0; c < intervals.size(); ++c)
        if (intervals[c].lo - biases[c] < -most || intervals[c].hi - biases[c] > most) return false;
    return true;
}

// The last column of a table of int8 results and what is taken off the biases.
struct Rescaling {
    bool twice = false;
    int32_t pre = 0, post = 0;
    std::vector<int64_t> offset;
    std::vector<int32_t> multiplier, last;
};

// The upper product word that gives every result; failing that, TFLite's two roundings as they are, where every shift goes to the right.
std::optional<Rescaling> rescaling_of(const Requant& r, std::span<const Interval> intervals) {
    if (std::optional<HighRequant> high = high_requant(r, intervals, false))
        return Rescaling{false, high->pre, high->post, std::move(high->offset), std::move(high->multiplier), std::move(high->addend)};
    const bool right = std::all_of(r.shift.begin(), r.shift.end(), [](int32_t s) { return s <= 0 && s >= -30; });
    const bool small = std::all_of(intervals.begin(), intervals.end(), [](Interval i) { return i.lo > -(1 << 30) && i.hi < 1 << 30; });
    if (r.rounding != Rounding::twice || !right || !small) return std::nullopt;
    Rescaling out;
    out.twice = true;
    out.offset.assign(intervals.size(), 0);
    for (size_t c = 0; c < intervals.size(); ++c) {
        out.multiplier.push_back(r.multiplier[r.multiplier.size() == 1 ? 0 : c]);
        out.last.push_back(r.shift[r.shift.size() == 1 ? 0 : c]);
    }
    return out;
}

// The weights, the table of int8 results and its constants; or why there are none.
const char* add_bytes(Candidate& c, const Graph& graph, const Layer& l, int64_t block) {
    Tensor w = *graph.constant(l.operands.w), bias = bias_or_zeros(graph, l.operands.bias_id, l.out_c);
    const std::vector<Interval> intervals = settled_intervals(*l.requant, l.out_c, l.x_zero, w, bias);
    if (!exact_in_floats(intervals, bias)) return "a sum of products may leave the 24 bits that floats hold";
    const std::optional<Rescaling> rescaling = rescaling_of(*l.requant, intervals);
    if (!rescaling) return "no upper product word gives every result";
    const auto biases = bias.data<int32_t>();
    std::vector<int32_t> words(static_cast<size_t>((l.out_c + block - 1) / block * block * 3), 0);
    for (size_t i = 0; i < static_cast<size_t>(l.out_c); ++i) {
        const size_t at = i / 8 * 24 + i % 8;
        words[at] = static_cast<int32_t>(biases[i] - rescaling->offset[i]);
        words[at + 8] = rescaling->multiplier[i];
        words[at + 16] = rescaling->last[i];
    }
    c.arguments.push_back(typed_weights(packed_floats(w, l.out_c, block), "w", l.operands.w));
    c.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{static_cast<int64_t>(words.size())}, words), "table"));
    c.constants = {{"S8", 1},
                   {"TWICE", rescaling->twice ? 1 : 0},
                   {"PRE", rescaling->pre},
                   {"POST", rescaling->post},
                   {"Y_ZERO", l.requant->zero_point},
                   {"LO", l.requant->lo},
                   {"HI", l.requant->hi}};
    c.types = {{"element", "int8_t"}, {"number", "int32_t"}};
    c.scalar = "v";
    return nullptr;
}

void add_floats(Candidate& c, const Graph& graph, const Layer& l, int64_t block) {
    c.arguments.push_back(typed_weights(packed_floats(*graph.constant(l.operands.w), l.out_c, block), "w", l.operands.w));
    const Tensor bias = float_bias(graph, l.operands.bias_id, l.out_c);
    std::vector<float> filled(bias.data<float>().begin(), bias.data<float>().end());
    filled.resize(static_cast<size_t>((l.out_c + block - 1) / block * block), 0.0F);
    c.arguments.push_back(typed_table(Tensor::of<float>(Shape{static_cast<int64_t>(filled.size())}, filled), "bias"));
    c.constants = {{"S8", 0}, {"TWICE", 0}, {"PRE", 0}, {"POST", 0}, {"Y_ZERO", 0}, {"LO", 0}, {"HI", 0}};
    c.types = {{"element", "gw_f32"}, {"number", "gw_f32"}};
    c.scalar = clamp_text("v", l.act_lo, l.act_hi);
}

// The tile that takes the least time for rows of n pixels: a step of p pixels takes p cycles, but no less than four additions' delay; six
// would leave no register for anything else.
int64_t best_tile(int64_t n) {
    const auto cost = [](int64_t p) { return p == 0 ? 0 : std::max<int64_t>(p, 4); };
    int64_t best = 1;
    for (int64_t p = 2; p <= std::min<int64_t>(5, n); ++p)
        if (n / p * cost(p) + cost(n % p) < n / best * cost(best) + cost(n % best)) best = p;
    return best;
}

Match match_layer(const MatchContext& context, const Graph& graph, NodeId root, Layer l) {
    if (const char* why = unfit(context, graph, l)) return why;
    Window& w = l.window;
    // Pixels in a row are one row of pixels where each is a window of its own.
    if (l.taps() == 1 && w.stride == Pair{1, 1} && w.pad == Pads{0, 0, 0, 0}) w.in_w *= w.in_h, w.out_w *= w.out_h, w.in_h = w.out_h = 1;
    const int64_t wide = l.depthwise() || l.out_c <= 8 ? 1 : 2, block = 8 * wide, tile = best_tile(w.out_w);
    const int64_t plane_c = l.depthwise() ? (l.in_c + 7) / 8 * 8 : l.in_c;
    const bool copy = l.bytes() || w.clipped() || plane_c != l.in_c;
    const int64_t plane_h = copy ? (w.out_h - 1) * w.stride[0] + (w.kernel[0] - 1) * w.dilation[0] + 1 : w.in_h;
    const int64_t plane_w = copy ? (w.out_w - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1 : w.in_w;

    Candidate c;
    c.batch = l.batch;
    const int64_t align = l.bytes() ? 1 : 4;
    c.arguments.push_back(KernelArgument::input(l.operands.x, align, graph.type(l.operands.x).bytes() / l.batch));
    c.arguments.push_back(KernelArgument::output(l.operands.y, align, graph.type(l.operands.y).bytes() / l.batch));
    if (!l.bytes())
        add_floats(c, graph, l, block);
    else if (const char* why = add_bytes(c, graph, l, block))
        return why;
    c.arguments.push_back(KernelArgument::scratch(copy ? 4 * plane_h * plane_w * plane_c : 4, 4));
    add_window(c, w);
    c.constants.insert(c.constants.end(), {{"IC", l.in_c},
                                           {"OC", l.out_c},
                                           {"PH", plane_h},
                                           {"PW", plane_w},
                                           {"PC", plane_c},
                                           {"X_ZERO", l.x_zero},
                                           {"COPY", copy ? 1 : 0},
                                           {"TILE", tile},
                                           {"WIDE", wide},
                                           {"DEPTHWISE", l.depthwise() ? 1 : 0}});
    // All of x is read before anything is written.
    if (copy && l.batch == 1) c.overlaps.push_back({0, 1, 0, {}});
    c.covers = {root};
    const int64_t pixels = l.batch * w.out_h * w.out_w;
    c.macs_executed = std::min(pixels * l.taps() * (l.in_c / l.groups) * l.out_c, graph.macs());
    c.cycles = pixels * (l.taps() * (l.in_c / l.groups) * ((l.out_c + block - 1) / block) + 2 * l.out_c) +
               (copy ? plane_h * plane_w * plane_c : 0);
    return c;
}

Match match_conv2d(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Conv2D& op = *get_if<Conv2D>(node.op);
    Layer l;
    l.operands = layer_operands(node);
    const Shape &x = graph.type(l.operands.x).shape, &w = graph.type(l.operands.w).shape, &y = graph.type(l.operands.y).shape;
    l.window = {x[1], x[2], y[1], y[2], {w[1], w[2]}, op.stride, op.dilation, op.pad};
    l.batch = x[0], l.in_c = x[3], l.out_c = y[3], l.groups = op.groups;
    l.act_lo = op.act_lo, l.act_hi = op.act_hi, l.requant = &op.requant, l.x_zero = op.x_zero;
    return match_layer(context, graph, root, l);
}

// Rows of x are pixels.
Match match_dense(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Dense& op = *get_if<Dense>(node.op);
    Layer l;
    l.operands = layer_operands(node);
    const Shape& w = graph.type(l.operands.w).shape;
    const int64_t rows = leading_elements(graph.type(l.operands.x).shape, 1);
    l.window.in_w = l.window.out_w = rows;
    l.in_c = w[1], l.out_c = w[0];
    l.act_lo = op.act_lo, l.act_hi = op.act_hi, l.requant = &op.requant, l.x_zero = op.x_zero;
    return match_layer(context, graph, root, l);
}

// One kernel, two ops: a row each.
constexpr KernelRow rows[] = {
    {"conv2d_host", "host", "conv2d", match_conv2d},
    {"conv2d_host", "host", "dense", match_dense},
};

}  // namespace

std::span<const KernelRow> host_rows() { return rows; }

}  // namespace gw
