// Random int16 networks as TFLite's int16x8 models come from the reader: int8 weights, sums of 32 and 64 bits, one scale a tensor or a
// channel, dead channels, residual branches, concatenations, slices, pads, pools, rectifiers, tables, every fourth with an lstm, a head
// with softmax, int8 at an edge. Scales are chosen so that results spread over the int16 range. The same seed gives the same graph.
#pragma once
#include <cmath>
#include <random>

#include "graph/graph.h"

namespace gw::testing {

class RandomInt16 {
public:
    RandomInt16(uint32_t seed, int blocks) : random_(seed), blocks_(blocks), recurrent_(seed % 4 == 3) {}

    Graph make() {
        g_.file = "random16.tflite";
        const Shape s{chance(10) ? 2 : 1, pick(2, 8), pick(2, 8), pick(1, 8)};
        ValueId x;
        if (chance(25)) {  // int8 outside
            x = add(rescale(DType::int8, 100), {g_.add_input("x", {DType::int8, s, Quant::tensor(0.05f, 3)})});
        } else {
            x = g_.add_input("x", {DType::int16, s, scale()});
        }
        for (int k = 0; k < blocks_; ++k) x = block(x);
        if (recurrent_) x = lstm(x);
        if (chance(60)) x = head(x);
        if (chance(25)) x = add(to_int8(), {x});
        g_.add_output("y", x);
        return drop_dead(g_);
    }

private:
    uint32_t bits() { return static_cast<uint32_t>(random_()); }
    int64_t pick(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(bits() % static_cast<uint64_t>(hi - lo + 1)); }
    bool chance(int percent) { return pick(1, 100) <= percent; }
    Shape shape(ValueId id) const { return g_.type(id).shape; }
    static Quant scale() { return Quant::tensor(1.0f / 4096, 0); }

    ValueId add(Op op, std::vector<ValueId> in) {
        const std::string kind(op_name(op)), name = kind + "_" + std::to_string(count_++);
        const ValueId y = g_.must_add(std::move(op), std::move(in), {{name, kind, count_}});
        g_[y].source = name + "_out";
        if (g_.type(y).dtype == DType::int16 && g_.type(y).quant.empty()) g_[y].type.quant = scale();
        return y;
    }
    ValueId constant(Tensor t) { return g_.add_constant(std::move(t), "c" + std::to_string(count_++)); }

    // By a factor a channel, each times 0.5 to 2, for a sum of the form `wide` or others.
    Requant requant(double factor, int64_t channels = 1, bool wide = false) {
        Requant r;
        r.rounding = wide ? Rounding::wide : Rounding::twice;
        r.lo = chance(30) ? 0 : -32768, r.hi = chance(15) ? static_cast<int32_t>(pick(1000, 32767)) : 32767;
        for (int64_t c = chance(30) ? 1 : channels; c > 0; --c) {
            int32_t multiplier = 0;
            int shift = 0;
            quantize_multiplier(factor * static_cast<double>(pick(500, 2000)) / 1000, multiplier, shift);
            r.multiplier.push_back(multiplier), r.shift.push_back(shift);
            if (wide) widen_multiplier(r.multiplier.back(), r.shift.back());
        }
        return r;
    }
    Rescale rescale(DType from, double factor) {
        Rescale op;
        op.x_zero = from == DType::int8 ? 3 : 0;
        op.requant = requant(factor);
        return op;
    }
    Rescale to_int8() {
        Rescale op;
        op.to = DType::int8;
        op.requant = requant(1.0 / 200);
        op.requant.lo = -128, op.requant.hi = 127, op.requant.zero_point = -5;
        return op;
    }
    // Weights of s[0] channels, some of them dead.
    Tensor channels(const Shape& s) {
        Tensor w = Tensor::zeros({DType::int8, s, {}});
        const int64_t o = s[0], row = s.elements() / o;
        for (int64_t i = 0; i < o; ++i)
            for (int64_t k = 0; k < row && (i == 0 || !dead_); ++k) w.set(i * row + k, static_cast<double>(pick(-127, 127)));
        for (int64_t k = 0; k < row; ++k)
            if (o > 1 && chance(30)) w.set((o - 1) * row + k, 0);
        return w;
    }
    Tensor biases(int64_t n, bool wide) {
        Tensor bias = Tensor::zeros({wide ? DType::int64 : DType::int32, Shape{n}, {}});
        const double reach = wide && chance(10) ? 1e12 : 1e6;
        for (int64_t i = 0; i < n; ++i) bias.set(i, std::round(reach * static_cast<double>(pick(-1000, 1000)) / 1000));
        return bias;
    }
    // Weights and a bias or none.
    std::vector<ValueId> weights(ValueId x, const Shape& s, bool wide) {
        std::vector<ValueId> in{x, constant(channels(s))};
        if (!chance(25)) in.push_back(constant(biases(s[0], wide)));
        return in;
    }
    // What takes a sum of `depth` products back to the range of an operand.
    static double gain(int64_t depth) { return 1.0 / (70 * std::sqrt(static_cast<double>(depth))); }

    ValueId conv(ValueId x) {
        const Shape s = shape(x);
        const bool wide = chance(60), depthwise = s[3] > 1 && chance(40);
        Conv2D op;
        op.groups = depthwise ? s[3] : 1;
        const int64_t o = depthwise ? s[3] * pick(1, 2) : pick(1, 10), kh = pick(1, std::min<int64_t>(3, s[1])),
                      kw = pick(1, std::min<int64_t>(3, s[2]));
        op.stride = {s[1] > 4 ? pick(1, 2) : 1, s[2] > 4 ? pick(1, 2) : 1};
        if (chance(60)) op.pad = {(kh - 1) / 2, (kw - 1) / 2, kh / 2, kw / 2};
        op.requant = requant(gain(kh * kw * s[3] / op.groups), o, wide);
        return add(op, weights(x, {o, kh, kw, s[3] / op.groups}, wide));
    }
    ValueId pool(ValueId x) {
        const Shape s = shape(x);
        Pool2D op;
        op.kind = chance(50) ? PoolKind::max : PoolKind::average;
        op.kernel = {std::min<int64_t>(2, s[1]), std::min<int64_t>(2, s[2])};
        op.stride = {pick(1, op.kernel[0]), pick(1, op.kernel[1])};
        op.lo = chance(30) ? 0 : -32768, op.hi = 32767;
        return add(op, {x});
    }
    ValueId two(ValueId a, ValueId b) {
        Binary op;
        switch (pick(0, 3)) {
            case 0:
                op.kind = BinaryKind::mul;
                op.requant = requant(1.0 / 40000);
                break;
            case 1:
                op.kind = chance(50) ? BinaryKind::min : BinaryKind::max;
                break;
            default:
                op.kind = chance(70) ? BinaryKind::add : BinaryKind::sub;
                op.left_shift = 15;
                op.a_multiplier = op.b_multiplier = 1 << 30;
                op.a_shift = static_cast<int32_t>(-pick(0, 2));
                op.requant = requant(1.0 / 32768);
        }
        return add(op, {a, b});
    }
    ValueId one(ValueId x) {
        if (chance(40)) return add(Sigmoid16{chance(50) ? UnaryKind::sigmoid : UnaryKind::tanh, 3, 0}, {x});
        Rescale op = rescale(DType::int16, 0.8);
        if (chance(30)) op.below = requant(0.2);
        if (op.below.empty() && chance(20)) op.magnitude = true;
        return add(op, {x});
    }
    ValueId move(ValueId x) {
        const Shape s = shape(x);
        switch (pick(0, 3)) {
            case 0:
                return add(Pad{{0, 1, pick(0, 1), 0}, {0, pick(0, 1), 1, 0}, PadMode::constant, 0}, {x});
            case 1: {  // of one scale
                const ValueId other = one(x);
                return add(Concat{3}, {x, g_.type(other).quant == g_.type(x).quant ? other : x});
            }
            case 2:
                return s[3] > 1 ? add(Slice{{0, 0, 0, 1}, {s[0], s[1], s[2], s[3] - 1}, {1, 1, 1, 1}}, {x}) : x;
            default:
                return add(Transpose{{0, 2, 1, 3}}, {x});
        }
    }
    ValueId block(ValueId x) {
        dead_ = chance(15);
        switch (pick(0, 6)) {
            case 0:
                return pool(x);
            case 1:
                return one(x);
            case 2:
                return move(x);
            case 3:
                return two(x, one(x));
            default:
                return conv(x);
        }
    }
    // To Q3.12, which the gates' sums fill to a quarter or leave.
    Requant gates(int64_t depth) {
        Requant r = requant(gain(depth) * (chance(20) ? 4 : 0.25), 4, true);
        r.lo = -32768, r.hi = 32767;
        return r;
    }
    Tensor words(const Shape& s, int64_t most) {
        Tensor t = Tensor::zeros({DType::int16, s, {}});
        for (int64_t i = 0; i < t.elements(); ++i) t.set(i, static_cast<double>(pick(-most, most)));
        return t;
    }
    // Over the rows of all pictures, one after the other; the columns are its batch.
    ValueId lstm(ValueId x) {
        const Shape s = shape(x);
        const int64_t steps = s[0] * s[1], batch = s[2], units = pick(1, 6);
        Recurrent op;
        op.reverse = chance(30);
        op.x_requant = gates(s[3]), op.h_requant = gates(units);
        op.cell_exponent = static_cast<int32_t>(-pick(8, 14));
        op.cell_requant = {Rounding::twice, 0, {1 << 30, 1 << 30}, {-14, -29 - op.cell_exponent}, 0, -32768, 32767};
        op.requant = {Rounding::twice, 0, {1 << 30}, {static_cast<int32_t>(-pick(13, 15))}, 0, -32768, 32767};
        if (chance(30)) op.cell_clip = static_cast<float>(pick(0, 20000));
        std::vector<ValueId> in{add(Reshape{{steps, batch, s[3]}}, {x}), constant(channels({4 * units, s[3]})),
                                constant(channels({4 * units, units})), constant(words({batch, units}, 30000)),
                                constant(words({batch, units}, 9000))};
        if (chance(75)) in.push_back(constant(biases(8 * units, true)));
        Diagnostics diag;
        const auto made = g_.add(op, in, {{"lstm", "recurrent", ++count_}}, diag);
        GW_CHECK(made.ok(), "a random lstm is refused");
        g_[made->front()].type.quant = scale();
        return add(Reshape{{s[0], s[1], s[2], units}}, {made->front()});
    }
    ValueId head(ValueId x) {
        Reduce mean;
        mean.axes = {1, 2}, mean.keep_dims = false;
        mean.requant = requant(1.0 / static_cast<double>(shape(x)[1] * shape(x)[2]));
        x = add(mean, {x});
        const bool wide = chance(60);
        const int64_t k = shape(x)[1], o = pick(1, 12);
        Dense dense;
        dense.requant = requant(gain(k), o, wide);
        x = add(dense, weights(x, {o, k}, wide));
        if (chance(40)) return x;
        Softmax soft;
        soft.axis = 1, soft.form = SoftmaxForm::table16;
        int shift = 0;
        quantize_multiplier(6553.5 / 8192, soft.multiplier, shift);
        soft.shift = shift;
        return add(soft, {x});
    }

    std::mt19937 random_;
    int blocks_, count_ = 0;
    bool recurrent_, dead_ = false;
    Graph g_;
};

}  // namespace gw::testing
