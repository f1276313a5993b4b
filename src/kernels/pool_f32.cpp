// Rows of float pooling, float reductions and float linear resizing.
#include <algorithm>

#include "kernels/float_help.h"

namespace gw {
namespace {

Match match_pool(const MatchContext& context, const Graph& graph, NodeId root, PoolKind kind) {
    const Node& node = graph[root];
    const Pool2D& op = *get_if<Pool2D>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::float32)) return "takes and gives f32";
    if (op.kind != kind) return fmt::format("computes the {}", enum_name(kind));
    const Shape &xs = graph.type(x).shape, &ys = graph.type(y).shape;
    const int64_t batch = xs[0], channels = xs[3];
    const Window window{xs[1], xs[2], ys[1], ys[2], op.kernel, op.stride, op.dilation, op.pad};
    Candidate c;
    c.batch = batch;
    c.arguments = {KernelArgument::input(x, 4, graph.type(x).bytes() / batch), KernelArgument::output(y, 4, graph.type(y).bytes() / batch)};
    add_window(c, window);
    c.constants.emplace_back("C", channels);
    if (kind == PoolKind::average) c.constants.emplace_back("COUNT_PAD", op.count_pad ? 1 : 0);
    c.scalar = clamp_text("v", op.act_lo, op.act_hi);
    if (batch == 1) c.overlaps.push_back({0, 1, minimum_gap(pixel_trace(window, channels * 4, channels * 4, 4, (channels - 1) * 4))});
    c.covers = {root};
    c.cycles = batch * window.taps_inside() * channels * float_op_cycles(context.core) +
               graph.type(y).elements() * (20 + (kind == PoolKind::average ? 4 : 1) * float_op_cycles(context.core));
    return c;
}

Match match_max_pool_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    return match_pool(context, graph, root, PoolKind::max);
}
Match match_avg_pool_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    return match_pool(context, graph, root, PoolKind::average);
}

std::string fold_text(ReduceKind kind) {
    switch (kind) {
        case ReduceKind::sum:
        case ReduceKind::mean:
            return "acc + v";
        case ReduceKind::product:
            return "acc * v";
        // What is not a number never wins.
        case ReduceKind::max:
            return "acc < v || acc != acc ? v : acc";
        case ReduceKind::min:
            return "v < acc || acc != acc ? v : acc";
    }
    return {};
}

Match match_reduce_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Reduce& op = *get_if<Reduce>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (!is_type(graph, x, DType::float32)) return "takes and gives f32";
    auto [kept, reduced] = reduction_walks(graph.type(x).shape, op.axes);
    if (reduced.dims.size() == 1) {
        // One long run is folded in pieces of about its square root, so that a sum of many elements loses little.
        const int64_t n = reduced.dims[0], stride = reduced.strides[0][0];
        int64_t piece = 1;
        for (int64_t d = 2; d * d <= n; ++d)
            if (n % d == 0) piece = d;
        if (piece > 1) reduced = {{piece, n / piece}, {{stride * (n / piece), stride}}};
    }
    if (!kept.extend(2) || !reduced.extend(2)) return "more than two separate runs of dimensions to keep or to reduce";
    Candidate c;
    c.arguments = {KernelArgument::input(x, 4), KernelArgument::output(y, 4)};
    c.constants = {{"K0", kept.dims[0]},
                   {"K1", kept.dims[1]},
                   {"R0", reduced.dims[0]},
                   {"R1", reduced.dims[1]},
                   {"MEAN", op.kind == ReduceKind::mean ? 1 : 0},
                   {"K0S", kept.strides[0][0]},
                   {"K1S", kept.strides[0][1]},
                   {"R0S", reduced.strides[0][0]},
                   {"R1S", reduced.strides[0][1]}};
    c.scalar = fold_text(op.kind);
    TileTrace trace;
    trace.reads_first = true;
    for (int64_t i = 0; i < kept.dims[0]; ++i)
        for (int64_t k = 0; k < kept.dims[1]; ++k)
            trace.tiles.push_back({4 * (i * kept.dims[1] + k + 1), 4 * (i * kept.strides[0][0] + k * kept.strides[0][1])});
    c.overlaps.push_back({0, 1, minimum_gap(trace)});
    c.covers = {root};
    c.cycles =
        graph.type(x).elements() * float_op_cycles(context.core) + graph.type(y).elements() * (30 + 4 * float_op_cycles(context.core));
    return c;
}

Match match_resize_linear_f32(const MatchContext& context, const Graph& graph, NodeId root) {
    const Node& node = graph[root];
    const Resize& op = *get_if<Resize>(node.op);
    const ValueId x = node.inputs[0], y = node.outputs[0];
    if (op.mode != ResizeMode::linear) return "interpolates linearly";
    if (!is_type(graph, x, DType::float32)) return "takes and gives f32";
    const Shape& s = graph.type(x).shape;
    if (s[1] > 32767 || s[2] > 32767) return "more than 32767 rows or columns";
    Candidate c;
    c.batch = s[0];
    c.arguments = {KernelArgument::input(x, 4, graph.type(x).bytes() / s[0]), KernelArgument::output(y, 4, graph.type(y).bytes() / s[0])};
    for (size_t d = 0; d < 2; ++d) {
        std::vector<int16_t> places;
        std::vector<float> weights;
        for (const ResizeTap& tap : resize_taps(op, d, s[static_cast<int64_t>(d + 1)])) {
            places.insert(places.end(), {static_cast<int16_t>(tap.low), static_cast<int16_t>(tap.high)});
            weights.push_back(tap.weight);
        }
        const auto n = static_cast<int64_t>(weights.size());
        c.arguments.push_back(typed_table(Tensor::of<int16_t>(Shape{2 * n}, places), d == 0 ? "row" : "column"));
        c.arguments.push_back(typed_table(Tensor::of<float>(Shape{n}, weights), d == 0 ? "row_weight" : "column_weight"));
    }
    c.constants = {{"IW", s[2]}, {"C", s[3]}, {"OH", op.size[0]}, {"OW", op.size[1]}};
    c.covers = {root};
    c.cycles = graph.type(y).elements() * 9 * float_op_cycles(context.core);
    return c;
}

constexpr KernelRow rows[] = {
    {"max_pool_f32", "any", "pool2d", match_max_pool_f32},
    {"avg_pool_f32", "any", "pool2d", match_avg_pool_f32},
    {"reduce_f32", "any", "reduce", match_reduce_f32},
    {"resize_linear_f32", "any", "resize", match_resize_linear_f32},
};

}  // namespace

std::span<const KernelRow> pool_f32_rows() { return rows; }

}  // namespace gw
