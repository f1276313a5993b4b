// Random int16 nodes as single-node cases: layers with sums of 32 and 64 bits, windows, sums, functions of one value.
#pragma once
#include <fmt/format.h>

#include "unit/kernels/layer_cases.h"

namespace gw {

// Full-range words, now and then with many extremes.
inline Tensor words16(Dice& dice, const Shape& shape) {
    Tensor t = Tensor::zeros({DType::int16, shape, {}});
    const bool extreme = dice.chance(40);
    for (int16_t& v : t.mutable_data<int16_t>())
        v = static_cast<int16_t>(extreme && dice.chance(60) ? (dice.chance(50) ? -32768 : 32767) : dice.between(-32768, 32767));
    return t;
}

// Of values up to max_abs onto int16 and, sometimes, beyond; `twice` or `wide`.
inline Requant requant16(Dice& dice, int64_t channels, double max_abs, bool wide) {
    Requant r;
    r.rounding = Rounding::twice;
    r.lo = dice.chance(30) ? 0 : -32768, r.hi = dice.chance(20) ? static_cast<int32_t>(dice.between(0, 32767)) : 32767;
    for (int64_t c = dice.chance(30) ? 1 : channels; c > 0; --c) {
        int32_t multiplier = 0;
        int shift = 0;
        const double reach = dice.chance(20) ? 300000 : static_cast<double>(dice.between(5000, 60000));
        quantize_multiplier(std::min(reach / max_abs, 0.99), multiplier, shift);
        r.multiplier.push_back(multiplier), r.shift.push_back(shift);
        if (wide) widen_multiplier(r.multiplier.back(), r.shift.back());
    }
    if (wide) r.rounding = Rounding::wide;
    return r;
}

inline KernelCase int16_layer_case(Dice& dice) {
    KernelCase c;
    const bool wide = dice.chance(60);
    const auto bias = [&](std::vector<ValueId>& in, int64_t o, double reach) {
        if (dice.chance(30)) return;
        if (!wide) {
            in.push_back(c.graph.add_constant(dice.words({o}, -100000, 100000)));
            return;
        }
        Tensor b = Tensor::zeros({DType::int64, Shape{o}, {}});
        const auto most = static_cast<int64_t>(dice.chance(40) ? std::ldexp(1.0, 40) : reach);
        for (int64_t& v : b.mutable_data<int64_t>()) v = dice.between(-1000, 1000) * most / 1000;
        in.push_back(c.graph.add_constant(std::move(b)));
    };
    const auto finish = [&](Op op, std::vector<ValueId> in) {
        c.label = fmt::format("int16 {} {}", op_name(op), print_fields(op));
        c.graph.add_output("y", c.graph.must_add(std::move(op), std::move(in), {}));
    };
    const auto input = [&](const Shape& shape) {
        c.inputs.push_back(words16(dice, shape));
        return c.graph.add_input("x" + std::to_string(c.inputs.size()), {DType::int16, shape, {}});
    };
    if (dice.chance(35)) {
        const int64_t m = dice.between(1, 4), o = dice.between(1, 9), k = dice.chance(20) ? 600 : dice.between(1, 20);
        Dense op;
        op.requant = requant16(dice, o, static_cast<double>(k) * 40000 * 60, wide);
        std::vector<ValueId> in{input({m, k}), c.graph.add_constant(dice.bytes({o, k}))};
        bias(in, o, static_cast<double>(k) * 4e6);
        finish(op, in);
        return c;
    }
    ConvShape s = random_shape(dice);
    if (dice.chance(40)) s.groups = s.in, s.out = s.in * dice.between(1, 3);
    Conv2D op;
    op.stride = s.stride, op.dilation = s.dilation, op.pad = s.pad, op.groups = s.groups;
    const int64_t depth = s.kernel[0] * s.kernel[1] * s.in / s.groups;
    op.requant = requant16(dice, s.out, static_cast<double>(depth) * 40000 * 60, wide);
    std::vector<ValueId> in{input({s.batch, s.h, s.w, s.in}),
                            c.graph.add_constant(dice.bytes({s.out, s.kernel[0], s.kernel[1], s.in / s.groups}))};
    bias(in, s.out, static_cast<double>(depth) * 4e6);
    finish(op, in);
    return c;
}

inline KernelCase int16_case(Dice& dice, uint32_t number) {
    if (number % 3 == 0) return int16_layer_case(dice);
    KernelCase c;
    const auto finish = [&](Op op, std::vector<ValueId> in) {
        c.label = fmt::format("int16 {} {}", op_name(op), print_fields(op));
        c.graph.add_output("y", c.graph.must_add(std::move(op), std::move(in), {}));
    };
    const auto input = [&](const Tensor& t) {
        c.inputs.push_back(t);
        return c.graph.add_input("x" + std::to_string(c.inputs.size()), t.type);
    };
    Shape s, small;
    for (int64_t i = dice.between(1, 4); i > 0; --i)
        s = Shape([&] {
            auto d = s.dims();
            d.push_back(dice.between(1, 6));
            return d;
        }());
    small = s;
    for (int64_t d = 0; d < s.rank(); ++d)
        if (dice.chance(30)) small[d] = 1;
    switch (number / 3 % 9) {
        case 0:
        case 1: {
            Binary op;
            op.left_shift = static_cast<int32_t>(dice.chance(80) ? 15 : dice.between(1, 15));
            op.kind = dice.chance(50) ? BinaryKind::add : BinaryKind::sub;
            if (dice.chance(40)) op.kind = BinaryKind::squared_difference, op.left_shift = 0;
            if (dice.chance(30)) op.kind = dice.chance(50) ? BinaryKind::less : BinaryKind::equal, op.left_shift = 8;
            op.a_multiplier = 1 << 30, op.b_multiplier = static_cast<int32_t>(dice.between(int64_t{1} << 30, 2147483647));
            op.b_shift = static_cast<int32_t>(-dice.between(1, 9));
            if (dice.chance(50)) std::swap(op.a_multiplier, op.b_multiplier), std::swap(op.a_shift, op.b_shift);
            const bool compared = op.kind == BinaryKind::less || op.kind == BinaryKind::equal;
            if (!compared)
                op.requant =
                    requant16(dice, 1, op.kind == BinaryKind::squared_difference ? 1e9 : std::ldexp(32768.0, op.left_shift), false);
            finish(op, {input(words16(dice, s)), input(words16(dice, small))});
            break;
        }
        case 2: {
            Binary op;
            op.kind = BinaryKind::mul;
            op.requant = requant16(dice, 1, 1e9, false);
            finish(op, {input(words16(dice, s)), input(words16(dice, small))});
            break;
        }
        case 3: {
            Binary op;
            op.kind = dice.chance(50) ? BinaryKind::min : BinaryKind::max;
            finish(op, {input(words16(dice, s)), input(words16(dice, small))});
            break;
        }
        case 4: {
            Pool2D op;
            op.kind = dice.chance(50) ? PoolKind::max : PoolKind::average;
            op.kernel = {dice.between(1, 3), dice.between(1, 3)}, op.stride = {dice.between(1, 3), dice.between(1, 2)};
            for (size_t i = 0; i < 4; ++i) op.pad[i] = dice.between(0, op.kernel[i % 2] - 1);
            op.lo = dice.chance(30) ? 0 : -32768, op.hi = dice.chance(30) ? 20000 : 32767;
            // No window lies in the padding altogether.
            finish(op, {input(words16(dice, {dice.between(1, 2), dice.between(5, 8), dice.between(5, 8), dice.between(1, 5)}))});
            break;
        }
        case 5: {
            Reduce op;
            op.kind = dice.chance(60) ? ReduceKind::mean : dice.chance(50) ? ReduceKind::max : ReduceKind::min;
            op.axes = {dice.between(0, s.rank() - 1)};
            if (op.kind == ReduceKind::mean) op.requant = requant16(dice, 1, 32768.0 * 4, false);
            finish(op, {input(words16(dice, s))});
            break;
        }
        case 6: {
            Rescale op;
            const DType from = dice.chance(70) ? DType::int16 : DType::int8;
            op.to = dice.chance(70) ? DType::int16 : DType::int8;
            op.x_zero = from == DType::int8 ? dice.zero() : 0;
            op.requant = requant16(dice, 1, from == DType::int16 ? 40000 : 300, false);
            if (op.to == DType::int8) op.requant.lo = -128, op.requant.hi = 127, op.requant.zero_point = dice.zero();
            if (dice.chance(30)) {
                op.magnitude = true;
            } else if (dice.chance(50)) {
                op.below = op.requant;
                op.below.shift[0] -= static_cast<int32_t>(dice.between(0, 3));
            }
            finish(op, {input(from == DType::int16 ? words16(dice, s) : dice.bytes(s))});
            break;
        }
        case 7: {
            if (dice.chance(50)) {
                const bool exact = dice.chance(30);
                const Sigmoid16 op{dice.chance(50) ? UnaryKind::sigmoid : UnaryKind::tanh,
                                   static_cast<int32_t>(exact ? 3 : dice.between(16384, 32767)),
                                   static_cast<int32_t>(exact ? 0 : dice.between(8, 31))};
                finish(op, {input(words16(dice, s))});
                break;
            }
            Softmax op;
            op.axis = dice.between(0, s.rank() - 1), op.form = SoftmaxForm::table16;
            int shift = 0;
            quantize_multiplier(static_cast<double>(dice.between(1, 3000)) / 1000, op.multiplier, shift);
            op.shift = shift;
            finish(op, {input(words16(dice, s))});
            break;
        }
        default: {
            const int64_t batch = dice.between(1, 3), m = dice.between(1, 5), k = dice.chance(20) ? 50 : dice.between(1, 9),
                          n = dice.between(1, 6);
            MatMul op;
            op.requant = requant16(dice, 1, static_cast<double>(k) * 3e8, true);
            finish(op, {input(words16(dice, {batch, m, k})), input(words16(dice, {dice.chance(50) ? batch : 1, k, n}))});
        }
    }
    return c;
}

}  // namespace gw
