// Convolutions and fully connected layers. Four kinds of arithmetic come in one form: all float; all int8 with an int32 bias and one scale
// a tensor or a channel, or int16 data with int8 weights; and hybrid, int8 weights with float data. The factor of a channel is input scale
// · weight scale / output scale in double, but fully connected layers with one weight scale multiply the first two in float: the last bit
// of a multiplier hangs on it.
#include <numeric>

#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"
#include "frontend/tflite/window.h"

namespace gw {
namespace {

// The weights' scales: one, or one an output channel. int8 weights are symmetric.
Expected<Quant> weight_quant(TfliteNode& n, const WeightedOperands& at) {
    const Quant& q = n.type(at.w).quant;
    if (q.empty()) return n.bad_quant("weights", "{} has no scale", n.type(at.w).text());
    if (q.axis >= 0 && q.axis != at.axis) return n.bad_quant("weights", "scales on axis {}, expected {}", q.axis, at.axis);
    for (int32_t z : q.zero_points)
        if (z != 0) return n.bad_quant("weights", "zero point {} of int8 weights is not 0", z);
    return q;
}

template <class T>
Status arithmetic(TfliteNode& n, T& op, tfl::Activation activation, const WeightedOperands& at, ValueId weights) {
    const DType x = n.type(at.x).dtype, w = n.importer.graph.type(weights).dtype, y = n.out_type(0).dtype;
    if (x == DType::float32 && y == DType::float32 && (w == DType::float32 || w == DType::int8)) {
        GW_TRY(FloatRange act, float_activation(n, activation));
        op.act_lo = act.lo, op.act_hi = act.hi;
        if (w == DType::int8) {
            if (n.importer.graph.constant(weights) == nullptr)
                return n.unsupported("weights that are computed at run time are not supported");
            GW_TRY_DO(weight_quant(n, at));
        }
        return {};
    }
    if ((x != DType::int8 && x != DType::int16) || w != DType::int8 || y != x) return n.bad_types();
    const bool wide = x == DType::int16 && (at.wide || n.is(at.bias, DType::int64));
    GW_TRY(Quant in, n.quant(at.x, "input"));
    GW_TRY(Quant weight, weight_quant(n, at));
    GW_TRY(Quant out, n.out_quant());
    GW_TRY(IntRange act, int_activation(n, activation, out, y));
    std::vector<double> factors;
    for (float scale : weight.scales) {
        const double product = at.float_product && weight.scales.size() == 1 ? static_cast<double>(in.scale() * scale)
                                                                             : static_cast<double>(in.scale()) * static_cast<double>(scale);
        factors.push_back(product / static_cast<double>(out.scale()));
    }
    op.x_zero = in.zero_point();
    op.requant = twice_requant(factors, out.zero_point(), act);
    if (wide) {
        GW_TRY(op.requant, wide_requant(n, factors, act));
    }
    return {};
}

}  // namespace

Status weighted_arithmetic(TfliteNode& n, Conv2D& op, tfl::Activation activation, const WeightedOperands& at, ValueId weights) {
    return arithmetic(n, op, activation, at, weights);
}
Status weighted_arithmetic(TfliteNode& n, Dense& op, tfl::Activation activation, const WeightedOperands& at, ValueId weights) {
    return arithmetic(n, op, activation, at, weights);
}

Expected<ValueId> weighted_bias(TfliteNode& n, size_t operand, int64_t channels, DType data) {
    if (!n.has(operand)) return ValueId{};
    const bool wide = data == DType::int16 && n.is(operand, DType::int64);
    if (n.type(operand).dtype != (wide ? DType::int64 : data == DType::float32 ? DType::float32 : DType::int32)) return n.bad_types();
    if (n.type(operand).elements() != channels) return n.malformed("bias is {}, expected {} elements", n.type(operand).text(), channels);
    return n.reshape(n.value(operand), Shape{channels});
}

namespace tflite_ops {

Status conv(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 3));
    const auto* o = n.options<tfl::ConvOptions>();
    if (o == nullptr) return n.malformed("has no options");
    const Shape &x = n.type(0).shape, &w = n.type(1).shape;
    if (x.rank() != 4 || w.rank() != 4) return n.malformed("data {} and weights {}, expected rank 4", x.text(), w.text());
    if (w[3] < 1 || x[3] % w[3] != 0) return n.malformed("weights {} do not fit data {}", w.text(), x.text());
    TfliteWindow window;
    window.kernel = {w[1], w[2]};
    window.stride = {o->stride_h(), o->stride_w()};
    window.dilation = {o->dilation_h(), o->dilation_w()};
    GW_TRY_DO(resolve_window(n, window, {x[1], x[2]}, o->padding()));
    Conv2D op;
    op.stride = window.stride, op.dilation = window.dilation, op.pad = window.pad;
    op.groups = x[3] / w[3];
    const ValueId weights = n.value(1);
    GW_TRY_DO(weighted_arithmetic(n, op, o->activation(), {}, weights));
    GW_TRY(ValueId b, weighted_bias(n, 2, w[0], n.type(0).dtype));
    return n.result(n.emit(op, {n.value(0), weights, b}));
}

// Weights [1, H, W, C·M] become [C·M, H, W, 1]: output channel c·M + m reads input channel c, as groups do.
Status depthwise_conv(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 3));
    const auto* o = n.options<tfl::DepthwiseConvOptions>();
    if (o == nullptr) return n.malformed("has no options");
    const Shape &x = n.type(0).shape, &w = n.type(1).shape;
    if (x.rank() != 4 || w.rank() != 4 || w[0] != 1)
        return n.malformed("data {} and weights {}, expected [N,H,W,C] and [1,H,W,C*M]", x.text(), w.text());
    if (x[3] < 1 || w[3] % x[3] != 0) return n.malformed("weights {} do not fit data {}", w.text(), x.text());
    const Tensor* constant = n.constant(1);
    if (constant == nullptr) return n.unsupported("weights that are computed at run time are not supported");
    TfliteWindow window;
    window.kernel = {w[1], w[2]};
    window.stride = {o->stride_h(), o->stride_w()};
    window.dilation = {o->dilation_h(), o->dilation_w()};
    GW_TRY_DO(resolve_window(n, window, {x[1], x[2]}, o->padding()));
    Tensor by_channel = Tensor::zeros({constant->type.dtype, {w[3], w[1], w[2], 1}, constant->type.quant});
    if (by_channel.type.quant.axis == 3) by_channel.type.quant.axis = 0;
    const Tensor* in[] = {constant};
    std::vector<Tensor> out{Tensor::zeros({constant->type.dtype, {w[3], w[1], w[2], 1}, {}})};
    evaluate(Transpose{{3, 1, 2, 0}}, in, out);
    out[0].type.quant = by_channel.type.quant;
    const ValueId weights = n.importer.graph.add_constant(std::move(out[0]), n.importer.graph[n.value(1)].source);
    Conv2D op;
    op.stride = window.stride, op.dilation = window.dilation, op.pad = window.pad;
    op.groups = x[3];
    if (n.is(0, DType::int16) && n.is(2, DType::int32)) return n.bad_types();
    GW_TRY_DO(weighted_arithmetic(n, op, o->activation(), {.axis = 3, .wide = true}, weights));
    GW_TRY(ValueId b, weighted_bias(n, 2, w[3], n.type(0).dtype));
    return n.result(n.emit(op, {n.value(0), weights, b}));
}

// The data are seen as rows of K numbers, whatever their shape.
Status fully_connected(TfliteNode& n) {
    GW_TRY_DO(n.operands(2, 3));
    const auto* o = n.options<tfl::FullyConnectedOptions>();
    const Shape &x = n.type(0).shape, &w = n.type(1).shape;
    if (w.rank() != 2) return n.malformed("weights {}, expected rank 2", w.text());
    if (w[1] < 1 || x.elements() % w[1] != 0) return n.malformed("weights {} do not fit data {}", w.text(), x.text());
    if (o != nullptr && o->weights_format() != 0) return n.unsupported("shuffled weights are not supported");
    Dense op;
    const ValueId weights = n.value(1);
    GW_TRY_DO(weighted_arithmetic(n, op, o == nullptr ? tfl::Activation::none : o->activation(), {.float_product = true}, weights));
    GW_TRY(ValueId b, weighted_bias(n, 2, w[0], n.type(0).dtype));
    const int64_t rows = x.elements() / w[1];
    GW_TRY(ValueId data, n.reshape(n.value(0), Shape{rows, w[1]}));
    GW_TRY(ValueId y, n.emit(op, {data, weights, b}));
    if (n.out_type(0).elements() != rows * w[0])
        return n.malformed("result is declared as {}, but computes [{},{}]", n.out_type(0).text(), rows, w[0]);
    return n.result(n.reshape(y, n.out_type(0).shape));
}

}  // namespace tflite_ops
}  // namespace gw
