// Rows of pooling and of reductions.
#include <algorithm>

#include "kernels/float_help.h"

namespace gw {
namespace {

struct Pool {
    const Pool2D* op = nullptr;
    ValueId x, y;
    Window window;
    int64_t batch = 1, channels = 1;
};

Pool read_pool(const Graph& graph, NodeId root, PoolKind kind, DType dtype, std::string& why) {
    const Node& node = graph[root];
    Pool p;
    p.op = get_if<Pool2D>(node.op);
    p.x = node.inputs[0];
    p.y = node.outputs[0];
    if (!is_type(graph, p.x, dtype) || !is_type(graph, p.y, dtype))
        why = fmt::format("takes and gives {}", dtype_name(dtype));
    else if (p.op->kind != kind)
        why = fmt::format("computes the {}", enum_name(kind));
    const Shape &x = graph.type(p.x).shape, &y = graph.type(p.y).shape;
    p.batch = x[0];
    p.channels = x[3];
    p.window = {x[1], x[2], y[1], y[2], p.op->kernel, p.op->stride, p.op->dilation, p.op->pad};
    return p;
}

void add_images(const Graph& graph, Candidate& candidate, const Pool& p, int64_t align, bool both_ways = false) {
    candidate.batch = p.batch;
    candidate.arguments.push_back(KernelArgument::input(p.x, align, graph.type(p.x).bytes() / p.batch));
    candidate.arguments.push_back(KernelArgument::output(p.y, align, graph.type(p.y).bytes() / p.batch));
    if (p.batch != 1) return;
    const int64_t pixel = p.channels * (graph.type(p.x).bytes() / graph.type(p.x).elements());
    // Channel by channel: channel c of a pixel is written before channel c + 1 of the same window is read. Those written bytes lie below
    // the ones still to be read only when the pixel itself counts as unread.
    candidate.overlaps.push_back(window_overlap(p.window, pixel, pixel, p.channels == 1, both_ways));
}

template <DType t>
Match match_max_pool(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const Pool p = read_pool(graph, root, PoolKind::max, t, why);
    if (!why.empty()) return why;
    Candidate c;
    add_images(graph, c, p, bits(t) / 8, true);
    add_window(c, p.window);
    c.types = {{"elem", std::string(c_element(t))}};
    c.constants.insert(c.constants.end(), {{"C", p.channels}, {"LO", p.op->lo}, {"HI", p.op->hi}, {"BACKWARD", 0}});
    c.covers = {root};
    const int64_t outputs = p.batch * p.window.out_h * p.window.out_w * p.channels;
    c.cycles = p.batch * p.window.taps_inside() * p.channels * (is_small_core(context.core) ? 9 : 6) + outputs * 15;
    return c;
}

template <DType t>
Match match_avg_pool(const MatchContext& context, const Graph& graph, NodeId root) {
    std::string why;
    const Pool p = read_pool(graph, root, PoolKind::average, t, why);
    if (!why.empty()) return why;
    Candidate c;
    add_images(graph, c, p, bits(t) / 8);
    add_window(c, p.window);
    c.types = {{"elem", std::string(c_element(t))}};
    c.constants.insert(
        c.constants.end(),
        {{"C", p.channels}, {"LO", p.op->lo}, {"HI", p.op->hi}, {"COUNT_PAD", p.op->count_pad ? 1 : 0}, {"X_ZERO", p.op->x_zero}});
    c.covers = {root};
    const bool small = is_small_core(context.core);
    const int64_t outputs = p.batch * p.window.out_h * p.window.out_w * p.channels;
    c.cycles = p.batch * p.window.taps_inside() * p.channels * (small ? 9 : 6) + outputs * (small ? 90 : 25);  // a division each
    return c;
}

template <DType t>
Match match_reduce(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Reduce& op = *get_if<Reduce>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, t) || !is_type(graph, y, t)) return fmt::format("takes and gives {}", dtype_name(t));
    const bool sum = op.kind == ReduceKind::sum || op.kind == ReduceKind::mean;
    if (!sum && op.kind != ReduceKind::max && op.kind != ReduceKind::min) return "computes sums, means, maxima and minima";
    if (sum && op.requant.empty()) return "has no requantization";
    auto [kept, reduced] = reduction_walks(graph.type(x).shape, op.axes);
    if (!kept.extend(3) || !reduced.extend(3)) return "more than three separate runs of dimensions to keep or to reduce";
    const int64_t elements = graph.type(x).elements(), results = graph.type(y).elements();
    Candidate c;
    const int64_t bytes = bits(t) / 8;
    c.arguments = {KernelArgument::input(x, bytes), KernelArgument::output(y, bytes)};
    c.types = {{"elem", std::string(c_element(t))}};
    for (size_t i = 0; i < 3; ++i) {
        c.constants.emplace_back(fmt::format("K{}", i), kept.dims[i]);
        c.constants.emplace_back(fmt::format("R{}", i), reduced.dims[i]);
        c.constants.emplace_back(fmt::format("K{}S", i), kept.strides[0][i]);
        c.constants.emplace_back(fmt::format("R{}S", i), reduced.strides[0][i]);
    }
    c.constants.emplace_back("KIND", sum ? 0 : op.kind == ReduceKind::max ? 1 : 2);
    c.constants.emplace_back("X_ZERO", op.x_zero);
    add_single_requant(c, op.requant);
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t i = 0; i < results; ++i) {
        const int64_t k2 = i % kept.dims[2], k1 = i / kept.dims[2] % kept.dims[1], k0 = i / kept.dims[2] / kept.dims[1];
        const int64_t first = k0 * kept.strides[0][0] + k1 * kept.strides[0][1] + k2 * kept.strides[0][2];
        trace.tiles.push_back({(i + 1) * bytes, first * bytes});
    }
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.cycles = elements * (is_small_core(context.core) ? 9 : 5) + results * (12 + requant_cycles(context.core, op.requant.rounding));
    return c;
}

constexpr KernelRow rows[] = {
    {"max_pool_s8", "any", "pool2d", match_max_pool<DType::int8>},
    {"max_pool_s16", "any", "pool2d", match_max_pool<DType::int16>, false, "max_pool_s8"},
    {"avg_pool_s8", "any", "pool2d", match_avg_pool<DType::int8>},
    {"avg_pool_s16", "any", "pool2d", match_avg_pool<DType::int16>, false, "avg_pool_s8"},
    {"reduce_s8", "any", "reduce", match_reduce<DType::int8>},
    {"reduce_s16", "any", "reduce", match_reduce<DType::int16>, false, "reduce_s8"},
};

}  // namespace

std::span<const KernelRow> pool_rows() { return rows; }

}  // namespace gw
