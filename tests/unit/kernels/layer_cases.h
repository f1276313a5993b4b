// Random int8 layers as single-node cases: what the kernels for each kind of core are tried on.
#pragma once
#include <fmt/format.h>

#include <cmath>

#include "support/log_softmax_table.h"
#include "unit/kernels/cases.h"

namespace gw {

struct ConvShape {
    int64_t h, w, in, out;
    Pair kernel, stride{1, 1}, dilation{1, 1};
    Pads pad{0, 0, 0, 0};
    int64_t groups = 1, batch = 1;
};

inline KernelCase conv_case(Dice& dice, const ConvShape& s) {
    KernelCase c;
    Conv2D op;
    op.stride = s.stride, op.dilation = s.dilation, op.pad = s.pad, op.groups = s.groups, op.x_zero = dice.zero();
    op.requant = dice.requant(s.out, s.kernel[0] * s.kernel[1] * (s.in / s.groups) * 255 * 128 + 5000);
    c.label = fmt::format("{}x{}x{} to {} kernel {}x{} stride {},{} dilation {},{} pad {},{},{},{} groups {} {}", s.h, s.w, s.in, s.out,
                          s.kernel[0], s.kernel[1], s.stride[0], s.stride[1], s.dilation[0], s.dilation[1], s.pad[0], s.pad[1], s.pad[2],
                          s.pad[3], s.groups, rounding_name(op.requant.rounding));
    const Shape shape{s.batch, s.h, s.w, s.in};
    const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
    std::vector<ValueId> operands{x, c.graph.add_constant(dice.bytes({s.out, s.kernel[0], s.kernel[1], s.in / s.groups}))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({s.out}, -5000, 5000)));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(dice.bytes(shape));
    return c;
}

// A random window that fits.
inline ConvShape random_shape(Dice& dice) {
    for (;;) {
        ConvShape s{
            dice.between(1, 9), dice.between(1, 9), dice.between(1, 9), dice.between(1, 11), {dice.between(1, 4), dice.between(1, 4)}};
        s.stride = {dice.between(1, 3), dice.between(1, 3)};
        if (dice.chance(30)) s.dilation = {dice.between(1, 2), dice.between(1, 2)};
        const int64_t most = dice.chance(15) ? 4 : dice.chance(50) ? 1 : 0;
        for (int64_t& p : s.pad) p = dice.between(0, most);
        if (dice.chance(10)) s.batch = 2;
        if (dice.chance(40)) s.in = 4 * dice.between(1, 4);
        if (s.dilation[0] * (s.kernel[0] - 1) + 1 <= s.h + s.pad[0] + s.pad[2] &&
            s.dilation[1] * (s.kernel[1] - 1) + 1 <= s.w + s.pad[1] + s.pad[3])
            return s;
    }
}

// m rows of k inputs, o outputs.
inline KernelCase dense_case(Dice& dice, int64_t m, int64_t k, int64_t o) {
    KernelCase c;
    Dense op;
    op.x_zero = dice.zero();
    op.requant = dice.requant(o, k * 255 * 128 + 5000);
    c.label = fmt::format("dense {}x{} to {} {}", m, k, o, rounding_name(op.requant.rounding));
    const ValueId x = c.graph.add_input("x", {DType::int8, Shape{m, k}, {}});
    std::vector<ValueId> operands{x, c.graph.add_constant(dice.bytes({o, k}))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({o}, -5000, 5000)));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(dice.bytes(Shape{m, k}));
    return c;
}

// Integers of all of a type's range, now and then its extremes alone.
inline Tensor drawn_integers(Dice& dice, DType t, Shape shape) {
    Tensor x = Tensor::zeros({t, std::move(shape), {}});
    const bool extremes = dice.chance(25);
    for (int64_t i = 0; i < x.elements(); ++i) {
        const int64_t v = extremes ? (dice.chance(50) ? lowest(t) : highest(t)) : dice.between(lowest(t), highest(t));
        x.set(i, static_cast<double>(v));
    }
    return x;
}

// A product, layer or convolution that gives its sums, of int8, uint8 or int16; now and then one of int8 with a requantization instead. The
// weights may have a zero point.
inline KernelCase sums_case(Dice& dice) {
    KernelCase c;
    const DType types[] = {DType::int8, DType::uint8, DType::int16};
    const DType t = types[dice.between(0, 2)];
    const auto input = [&](DType dtype, const Shape& shape) {
        c.inputs.push_back(drawn_integers(dice, dtype, shape));
        return c.graph.add_input("x" + std::to_string(c.inputs.size()), c.inputs.back().type);
    };
    const auto finish = [&](const Op& op, const std::vector<ValueId>& in) {
        c.label = fmt::format("{} of {} {}", op_name(op), dtype_name(t), print_fields(op));
        c.graph.add_output("y", c.graph.must_add(op, in, {}));
        return c;
    };
    const int64_t what = dice.between(0, 2);
    if (what == 0) {
        const int64_t m = dice.between(1, 5), k = dice.between(1, 30), n = dice.between(1, 9), batch = dice.between(1, 3);
        const ValueId a = input(DType::int16, {batch, m, k});
        return finish(MatMul{}, {a, input(DType::int16, {dice.chance(50) ? batch : 1, k, n})});
    }
    const auto layer = [&](auto op, const Shape& x, const Shape& w) {
        const int64_t o = w[0], depth = w.elements() / o;
        if (t != DType::int16) op.x_zero = static_cast<int32_t>(dice.between(lowest(t), highest(t)));
        if (dice.chance(60)) op.w_zero = dice.zero();
        if (t == DType::int8 && dice.chance(50)) op.requant = dice.requant(o, depth * 255 * 255 + 5000);
        std::vector<ValueId> in{input(t, x), c.graph.add_constant(dice.bytes(w))};
        if (dice.chance(50)) in.push_back(c.graph.add_constant(dice.words({o}, -5000, 5000)));
        return finish(op, in);
    };
    if (what == 1) {
        const int64_t k = dice.chance(20) ? 600 : dice.between(1, 40);  // sums of long rows of int16 need 64 bits
        return layer(Dense{}, Shape{dice.between(1, 3), k}, Shape{dice.between(1, 9), k});
    }
    const ConvShape s = random_shape(dice);
    Conv2D op;
    op.stride = s.stride, op.dilation = s.dilation, op.pad = s.pad, op.groups = dice.chance(30) ? s.in : 1;
    const int64_t out = op.groups * dice.between(1, op.groups == 1 ? 9 : 2);
    return layer(op, Shape{s.batch, s.h, s.w, s.in}, Shape{out, s.kernel[0], s.kernel[1], s.in / op.groups});
}

struct Geometry {
    int64_t h, w;
    Pair kernel, stride, dilation;
    Pads pad;
    std::string text() const {
        return fmt::format("{}x{} kernel {}x{} stride {},{} dilation {},{} pad {},{},{},{}", h, w, kernel[0], kernel[1], stride[0],
                           stride[1], dilation[0], dilation[1], pad[0], pad[1], pad[2], pad[3]);
    }
};

// A window that fits; pads now and then as large as the whole kernel, so that some windows lie outside.
inline Geometry geometry(Dice& dice) {
    for (;;) {
        Geometry g{dice.between(1, 9),
                   dice.between(1, 9),
                   {dice.between(1, 4), dice.between(1, 4)},
                   {dice.between(1, 3), dice.between(1, 3)},
                   {dice.between(1, 2), dice.between(1, 2)},
                   {0, 0, 0, 0}};
        const int64_t most = dice.chance(15) ? 4 : dice.chance(50) ? 1 : 0;
        for (int64_t& p : g.pad) p = dice.between(0, most);
        if (g.dilation[0] * (g.kernel[0] - 1) + 1 <= g.h + g.pad[0] + g.pad[2] &&
            g.dilation[1] * (g.kernel[1] - 1) + 1 <= g.w + g.pad[1] + g.pad[3]) {
            return g;
        }
    }
}

// Whether every window has a position inside the picture: pooling asks for it.
inline bool all_inside(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after) {
    for (int64_t first = -before; first + dilation * (kernel - 1) < in + after; first += stride) {
        bool found = false;
        for (int64_t k = 0; k < kernel; ++k) found = found || (first + k * dilation >= 0 && first + k * dilation < in);
        if (!found) return false;
    }
    return true;
}

// A pool of up to `most_channels` channels, now and then of two pictures.
inline KernelCase pool_case(Dice& dice, PoolKind kind, int64_t most_channels) {
    Geometry g = geometry(dice);
    while (!all_inside(g.h, g.kernel[0], g.stride[0], g.dilation[0], g.pad[0], g.pad[2]) ||
           !all_inside(g.w, g.kernel[1], g.stride[1], g.dilation[1], g.pad[1], g.pad[3])) {
        g = geometry(dice);
    }
    const int64_t channels = dice.between(1, most_channels), batch = dice.chance(15) ? 2 : 1;
    KernelCase c;
    Pool2D op;
    op.kind = kind, op.kernel = g.kernel, op.stride = g.stride, op.dilation = g.dilation, op.pad = g.pad;
    op.x_zero = dice.zero(), op.count_pad = dice.chance(50);
    if (dice.chance(30)) op.lo = static_cast<int32_t>(dice.between(-128, 20)), op.hi = static_cast<int32_t>(dice.between(op.lo, 127));
    c.label = fmt::format("pool n{} c{} {}{}", batch, channels, g.text(), op.count_pad ? " counting pads" : "");
    const Shape shape{batch, g.h, g.w, channels};
    const Quant quant = Quant::tensor(0.5F, op.x_zero);
    const ValueId x = c.graph.add_input("x", {DType::int8, shape, quant});
    c.graph.add_output("y", c.graph.must_add(op, {x}, {}));
    c.inputs.push_back(dice.bytes(shape, quant));
    return c;
}

// A squared difference, comparison or quotient with TFLite's arithmetic.
inline Binary rescaled_binary(Dice& dice, BinaryKind kind) {
    Binary op;
    op.kind = kind;
    op.a_zero = dice.zero(), op.b_zero = dice.zero();
    if (kind == BinaryKind::div) {
        op.requant = make_requant(Rounding::twice, {static_cast<double>(dice.between(1, 4000)) / 1000}, {255}, dice.zero(), -128, 127);
        return op;
    }
    const bool squared = kind == BinaryKind::squared_difference;
    op.left_shift = static_cast<int32_t>(squared ? dice.between(1, 7) : dice.chance(80) ? 8 : dice.between(1, 21));
    op.a_multiplier = 1 << 30, op.a_shift = 0;
    op.b_multiplier = static_cast<int32_t>(dice.between(int64_t{1} << 30, 2147483647));
    op.b_shift = static_cast<int32_t>(-dice.between(1, 9));
    if (dice.chance(50)) std::swap(op.a_multiplier, op.b_multiplier), std::swap(op.a_shift, op.b_shift);
    const double out = std::ldexp(static_cast<double>(dice.between(1, 4000)) / 300000, -2 * op.left_shift);
    if (squared) op.requant = make_requant(Rounding::twice, {out}, {1}, dice.zero(), -128, 127);
    return op;
}

// TFLite's logarithm of a softmax: some slope of exponentials, with the distances that belong to it.
inline KernelCase log_softmax_case(Dice& dice, const Shape& shape, int64_t axis) {
    Tensor table = log_softmax_table(static_cast<double>(dice.between(0, 300)) / 100.0);
    if (dice.chance(20)) std::fill_n(table.mutable_data<uint32_t>().begin() + 100, 156, 0);
    KernelCase c;
    c.label = fmt::format("log softmax {} axis {}", shape.text(), axis);
    const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
    c.graph.add_output("y", c.graph.must_add(Softmax{axis, true, SoftmaxForm::reciprocal}, {x, c.graph.add_constant(table)}, {}));
    c.inputs.push_back(dice.bytes(shape));
    return c;
}

// A sum or difference, as TFLite rescales it or with one multiplication an operand.
inline KernelCase sum_case(Dice& dice, const Shape& shape, bool tflite) {
    Binary op;
    op.kind = dice.chance(50) ? BinaryKind::add : BinaryKind::sub;
    op.a_zero = dice.zero(), op.b_zero = dice.zero();
    const int32_t lo = dice.chance(30) ? static_cast<int32_t>(dice.between(-128, 0)) : -128;
    if (tflite) {
        op.left_shift = 20;
        op.a_multiplier = 1 << 30, op.a_shift = 0;
        op.b_multiplier = static_cast<int32_t>(dice.between(int64_t{1} << 30, 2147483647));
        op.b_shift = static_cast<int32_t>(-dice.between(1, 3));
        if (dice.chance(50)) std::swap(op.a_multiplier, op.b_multiplier), std::swap(op.a_shift, op.b_shift);
        const double out = std::ldexp(static_cast<double>(dice.between(300, 3000)) / 1000, -op.left_shift);
        op.requant = make_requant(Rounding::twice, {out}, {1}, dice.zero(), lo, 127);
    } else {
        op.a_multiplier = static_cast<int32_t>(dice.between(1, 32767)), op.b_multiplier = static_cast<int32_t>(dice.between(1, 32767));
        const int64_t most = 255 * (int64_t{op.a_multiplier} + op.b_multiplier);
        op.requant = make_requant(Rounding::narrow, {200.0 / static_cast<double>(most)}, {most}, dice.zero(), lo, 127);
    }
    KernelCase c;
    c.label = fmt::format("{} {}", enum_name(op.kind), shape.text());
    const ValueId a = c.graph.add_input("a", {DType::int8, shape, {}}), b = c.graph.add_input("b", {DType::int8, shape, {}});
    c.inputs = {dice.bytes(shape), dice.bytes(shape)};
    c.graph.add_output("y", c.graph.must_add(op, {a, b}, {}));
    return c;
}

}  // namespace gw
