// Reductions and resizing. The mean of int8 is a sum whose multiplier holds 1/n: the scale's multiplier is divided by n in integers, kept
// precise by as many more bits as n has.
#include <algorithm>
#include <bit>
#include <cmath>

#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {
namespace {

Requant sum_requant(const Quant& x, const Quant& y, IntRange range, int64_t count, bool mean) {
    Requant r = twice_requant({static_cast<double>(x.scale()) / static_cast<double>(y.scale())}, y.zero_point(), range);
    if (!mean) return r;
    int shift = std::bit_width(static_cast<uint64_t>(count)) - 1;
    shift = std::min({shift, 32, 31 + r.shift[0]});
    r.multiplier[0] = static_cast<int32_t>((int64_t{r.multiplier[0]} << shift) / count);
    r.shift[0] -= shift;
    return r;
}
}  // namespace

Status import_reduce(TfliteNode& n, ReduceKind kind) {
    GW_TRY_DO(n.operands(2, 2));
    const Type &x = n.type(0), &y = n.out_type(0);
    if (x.dtype != y.dtype) return n.bad_types();
    const Tensor* list = n.constant(1);
    if (list == nullptr) return n.unsupported("operand `axis` must be constant");
    if (list->type.dtype != DType::int32 || list->shape().rank() > 1) return n.malformed("operand `axis` is {}", list->type.text());
    Reduce op;
    op.kind = kind;
    int64_t count = 1;
    for (int64_t a : list->ints()) {
        GW_TRY(int64_t axis, n.axis(a, x.shape.rank()));
        if (std::find(op.axes.begin(), op.axes.end(), axis) != op.axes.end()) continue;
        op.axes.push_back(axis);
        count *= x.shape[axis];
    }
    std::sort(op.axes.begin(), op.axes.end());
    if (op.axes.empty() || count < 1) return n.malformed("no axes to reduce");
    const bool sum = kind == ReduceKind::sum || kind == ReduceKind::mean;
    const bool quantized = x.dtype == DType::int8 || x.dtype == DType::int16;
    if (quantized) {
        GW_TRY(Quant qx, n.quant(0, "operand 0"));
        GW_TRY(Quant qy, n.out_quant());
        if (sum) {
            op.x_zero = qx.zero_point();
            op.requant = sum_requant(qx, qy, range_of(x.dtype), count, kind == ReduceKind::mean);
        } else if (kind == ReduceKind::product) {
            return n.bad_types();
        }
    } else if (x.dtype != DType::float32 && (x.dtype != DType::int32 || kind == ReduceKind::mean)) {
        return n.bad_types();
    }
    // Dimensions are kept and dropped by a reshape: what stands for the sum keeps its quantization on the way.
    GW_TRY(ValueId v, n.emit(op, {n.value(0)}));
    if (sum && quantized && n.importer.graph[v].node.valid()) n.importer.graph[v].type.quant = y.quant;
    if (y.elements() != n.importer.graph.type(v).elements())
        return n.malformed("result is declared as {}, but computes {}", y.text(), n.importer.graph.type(v).text());
    return n.result(n.reshape(v, y.shape));
}

// x / sqrt(max(Σ x², 1e-6)) along the last axis.
Status l2_normalization(TfliteNode& n) {
    GW_TRY_DO(n.operands(1, 1));
    const int64_t rank = n.type(0).shape.rank();
    if (rank < 1) return n.malformed("operand 0 is a scalar");
    if (n.is(0, DType::int8) && n.out_type(0).dtype == DType::int8) {
        GW_TRY(Quant x, n.quant(0, "operand 0"));
        const Quant& y = n.out_type(0).quant;
        if (y != Quant::tensor(1.0f / 128, 0)) return n.bad_quant("result", "is declared with {}, expected q(0.0078125,0)", y.text());
        return n.result(n.emit(L2Norm{x.zero_point()}, {n.value(0)}));
    }
    if (!n.is(0, DType::float32)) return n.bad_types();
    Binary times;
    times.kind = BinaryKind::mul;
    Reduce sum;
    sum.kind = ReduceKind::sum;
    sum.axes = {rank - 1};
    GW_TRY(ValueId v, n.emit(times, {n.value(0), n.value(0)}));
    GW_TRY(v, n.emit(sum, {v}));
    GW_TRY(v, n.emit(Unary{UnaryKind::clamp, 1e-6f, infinity}, {v}));
    GW_TRY(v, n.emit(Unary{UnaryKind::rsqrt, 0, 0}, {v}));
    return n.result(n.emit(times, {n.value(0), v}));
}

// The first of equal elements.
Status import_places(TfliteNode& n, bool smallest) {
    GW_TRY_DO(n.operands(2, 2));
    const Type& x = n.type(0);
    if (x.dtype != DType::float32 && x.dtype != DType::int8 && x.dtype != DType::int32) return n.bad_types();
    ArgMax op;
    op.smallest = smallest, op.keep_dims = false;
    op.to = n.out_type(0).dtype;
    if (op.to != DType::int32 && op.to != DType::int64) return n.bad_types();
    GW_TRY(int64_t axis, n.need_int(1, "axis"));
    GW_TRY(op.axis, n.axis(axis, x.shape.rank()));
    return n.result(n.emit(op, {n.value(0)}));
}

namespace {
struct ResizeRule {
    bool align_corners = false, half_pixel = false;
};

// The new height and width; nothing else of the picture changes.
Expected<Pair> new_size(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 2));
    if (n.type(0).shape.rank() != 4) return n.malformed("operand 0 is {}, expected rank 4", n.type(0).text());
    GW_TRY(std::vector<int64_t> size, n.need_ints(1, "size"));
    if (size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > (1 << 16) || size[1] > (1 << 16))
        return n.malformed("operand `size` is out of range");
    return Pair{size[0], size[1]};
}

Resize resize_op(const Shape& x, const Pair& size, const ResizeRule& rule) {
    Resize op;
    op.size = size;
    op.scale = {static_cast<float>(size[0]) / static_cast<float>(x[1]), static_cast<float>(size[1]) / static_cast<float>(x[2])};
    op.coordinates = rule.half_pixel      ? ResizeCoordinates::half_pixel
                     : rule.align_corners ? ResizeCoordinates::align_corners
                                          : ResizeCoordinates::asymmetric;
    return op;
}

// The reference's place in the input, in float; a copy of its order of operations decides ties.
std::vector<int32_t> nearest_places(int64_t in, int64_t out, const ResizeRule& rule) {
    const float scale = rule.align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                                      : static_cast<float>(in) / static_cast<float>(out);
    const float offset = rule.half_pixel ? 0.5f : 0.0f;
    std::vector<int32_t> places;
    for (int64_t i = 0; i < out; ++i) {
        const float place = (static_cast<float>(i) + offset) * scale;
        const auto p = static_cast<int64_t>(rule.align_corners ? std::round(place) : std::floor(place));
        places.push_back(static_cast<int32_t>(std::clamp<int64_t>(p, 0, in - 1)));
    }
    return places;
}
}  // namespace

// As a resize where its places are the reference's, otherwise as two gathers of constant rows and columns.
Status resize_nearest(TfliteNode& n) {
    GW_TRY(Pair size, new_size(n));
    const auto* o = n.options<tfl::ResizeNearestOptions>();
    const ResizeRule rule{o != nullptr && o->align_corners(), o != nullptr && o->half_pixel_centers()};
    const Shape& x = n.type(0).shape;
    Resize op = resize_op(x, size, rule);
    op.rounding = rule.align_corners || rule.half_pixel ? ResizeRounding::round_prefer_ceil : ResizeRounding::floor;
    bool same = true;
    std::vector<int32_t> places[2];
    for (size_t d = 0; d < 2; ++d) {
        places[d] = nearest_places(x[static_cast<int64_t>(d + 1)], size[d], rule);
        const std::vector<ResizeTap> taps = resize_taps(op, d, x[static_cast<int64_t>(d + 1)]);
        for (size_t i = 0; i < taps.size(); ++i) same = same && taps[i].low == places[d][i];
    }
    if (same) return n.result(n.emit(op, {n.value(0)}));
    ValueId v = n.value(0);
    for (size_t d = 0; d < 2; ++d) {
        Gather gather;
        gather.axis = static_cast<int64_t>(d + 1);
        const ValueId indices = n.add(Tensor::of<int32_t>({static_cast<int64_t>(places[d].size())}, places[d]));
        GW_TRY(v, n.emit(gather, {v, indices}));
    }
    return n.result(v);
}

Status resize_bilinear(TfliteNode& n) {
    GW_TRY(Pair size, new_size(n));
    if (!n.is(0, DType::float32) && !n.is(0, DType::int8)) return n.bad_types();
    const auto* o = n.options<tfl::ResizeBilinearOptions>();
    const ResizeRule rule{o != nullptr && o->align_corners(), o != nullptr && o->half_pixel_centers()};
    if (rule.align_corners && rule.half_pixel) return n.malformed("align_corners and half_pixel_centers exclude each other");
    Resize op = resize_op(n.type(0).shape, size, rule);
    op.mode = ResizeMode::linear;
    if (n.is(0, DType::int8)) op.units = ResizeUnits::of_1024;
    return n.result(n.emit(op, {n.value(0)}));
}

}  // namespace gw::tflite_ops
