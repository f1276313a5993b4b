// Transposed convolution: each input position adds its weights, times its value, to a window of the result; windows lie a stride apart.
// Read from the result's side, position s·q + r is reached by the input positions q − j and the weights r + p + s·j, so the residues r of a
// stride do not mix: each is an ordinary convolution with every s-th weight, mirrored. All residues together are one convolution with s·s
// times the channels, and what remains is to put the residues side by side. No result is computed that padding would throw away, but for
// rims, and the convolution's kernels do the work.
#include "frontend/tflite/arithmetic.h"
#include "frontend/tflite/operators.h"

namespace gw::tflite_ops {
namespace {

// One dimension: `before` is what the padding scheme takes off the result's beginning.
struct Axis {
    int64_t in, out, kernel, stride, before;
    int64_t taps() const { return (kernel + stride - 1) / stride; }  // weights that meet one result of a residue, at most
    // Results are computed from position −shift on, a multiple of the stride in front of the first.
    int64_t blocks() const { return (out + before + stride - 1) / stride; }
    // The weight that residue r meets at tap k of the mirrored kernel, or −1.
    int64_t weight(int64_t r, int64_t k) const {
        const int64_t w = r + stride * (taps() - 1 - k);
        return w < kernel ? w : -1;
    }
};

// As for the convolution from the result to the input.
int64_t padding_before(tfl::Padding padding, int64_t out, int64_t kernel, int64_t stride) {
    if (padding != tfl::Padding::same) return 0;
    return std::max<int64_t>(0, ((out + stride - 1) / stride - 1) * stride + kernel - out) / 2;
}

// [O, KH, KW, I] becomes [SH·SW·O, TH, TW, I].
Tensor by_residue(const Tensor& w, const Axis& h, const Axis& v) {
    const int64_t o = w.shape()[0], depth = w.shape()[3];
    Quant quant = w.type.quant;
    if (quant.axis == 0) {
        quant.scales.clear(), quant.zero_points.clear();
        for (int64_t r = 0; r < h.stride * v.stride; ++r) {
            quant.scales.insert(quant.scales.end(), w.type.quant.scales.begin(), w.type.quant.scales.end());
            quant.zero_points.insert(quant.zero_points.end(), w.type.quant.zero_points.begin(), w.type.quant.zero_points.end());
        }
    }
    Tensor out = Tensor::zeros({w.type.dtype, Shape{h.stride * v.stride * o, h.taps(), v.taps(), depth}, quant});
    int64_t to = 0;
    for (int64_t ry = 0; ry < h.stride; ++ry)
        for (int64_t rx = 0; rx < v.stride; ++rx)
            for (int64_t c = 0; c < o; ++c)
                for (int64_t ky = 0; ky < h.taps(); ++ky)
                    for (int64_t kx = 0; kx < v.taps(); ++kx) {
                        const int64_t wy = h.weight(ry, ky), wx = v.weight(rx, kx);
                        for (int64_t i = 0; i < depth; ++i, ++to)
                            if (wy >= 0 && wx >= 0) out.set(to, w.at(((c * h.kernel + wy) * v.kernel + wx) * depth + i));
                    }
    return out;
}

template <class T>
std::vector<T> repeated(const std::vector<T>& list, int64_t times) {
    std::vector<T> all;
    for (int64_t i = 0; i < times; ++i) all.insert(all.end(), list.begin(), list.end());
    return all;
}
}  // namespace

// Operands: the result's shape, weights [O, KH, KW, I], data, bias.
Status transpose_conv(TfliteNode& n) {
    GW_TRY_DO(n.operands(3, 4));
    const auto* o = n.options<tfl::TransposeConvOptions>();
    if (o == nullptr) return n.malformed("has no options");
    const Shape x = n.type(2).shape, w = n.type(1).shape, y = n.out_type(0).shape;
    if (x.rank() != 4 || w.rank() != 4 || y.rank() != 4 || x[3] != w[3] || y[3] != w[0] || x[0] != y[0])
        return n.malformed("weights {} do not fit data {} and result {}", w.text(), x.text(), y.text());
    if (o->stride_h() < 1 || o->stride_w() < 1 || o->stride_h() > 256 || o->stride_w() > 256)
        return n.malformed("strides {} and {} are out of range", o->stride_h(), o->stride_w());
    if (o->activation() != tfl::Activation::none) return n.unsupported("a fused activation is not supported");
    const Tensor* constant = n.constant(1);
    if (constant == nullptr) return n.unsupported("weights that are computed at run time are not supported");
    const auto axis = [&](int64_t d, int64_t stride) {
        return Axis{x[d], y[d], w[d], stride, padding_before(o->padding(), y[d], w[d], stride)};
    };
    const Axis h = axis(1, o->stride_h()), v = axis(2, o->stride_w());
    const int64_t residues = h.stride * v.stride;
    if (w.elements() == 0) return n.malformed("weights {} are empty", w.text());
    GW_TRY_DO(n.check_computed({constant->type.dtype, Shape{residues * w[0], h.taps(), v.taps(), w[3]}, {}}));
    Conv2D op;
    const ValueId weights = n.importer.graph.add_constant(by_residue(*constant, h, v), n.importer.graph[n.value(1)].source);
    GW_TRY_DO(weighted_arithmetic(n, op, tfl::Activation::none, {.x = 2, .bias = 3, .wide = true}, weights));
    if (op.requant.multiplier.size() > 1) {
        op.requant.multiplier = repeated(op.requant.multiplier, residues), op.requant.shift = repeated(op.requant.shift, residues);
    }
    ValueId bias;
    if (n.has(3)) {
        if (n.is(2, DType::int16) && n.is(3, DType::int32)) return n.bad_types();
        // int16 data had biases of int16 once.
        const bool small = n.is(2, DType::int16) && n.is(3, DType::int16);
        GW_TRY(ValueId one, small ? n.emit(Cast{DType::int64}, {n.value(3)}) : weighted_bias(n, 3, w[0], n.type(2).dtype));
        GW_TRY(bias, n.emit(Concat{0}, std::vector<ValueId>(static_cast<size_t>(residues), one)));
    }
    // Block q of results reads the inputs q − taps + 1 to q.
    const auto pads = [](const Axis& a) { return std::pair(a.taps() - 1, std::max<int64_t>(0, a.blocks() - a.in)); };
    op.pad = {pads(h).first, pads(v).first, pads(h).second, pads(v).second};
    GW_TRY(ValueId all, n.emit(op, {n.value(2), weights, bias}));
    // [N, BH, BW, SH, SW, O] → [N, BH, SH, BW, SW, O], then the part that is the result.
    const Shape made = n.importer.graph.type(all).shape;
    if (made[1] * h.stride < h.before + y[1] || made[2] * v.stride < v.before + y[2])
        return n.malformed("result is declared as {}, which data {} do not reach", n.out_type(0).text(), n.type(2).text());
    GW_TRY(all, n.emit(Reshape{{made[0], made[1], made[2], h.stride, v.stride, w[0]}}, {all}));
    if (h.stride > 1) {
        GW_TRY(all, n.emit(Transpose{{0, 1, 3, 2, 4, 5}}, {all}));
    }
    GW_TRY(all, n.reshape(all, Shape{made[0], made[1] * h.stride, made[2] * v.stride, w[0]}));
    return n.result(n.emit(Slice{{0, h.before, v.before, 0}, {y[0], y[1], y[2], y[3]}, {1, 1, 1, 1}}, {all}));
}

}  // namespace gw::tflite_ops
