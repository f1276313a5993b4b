// Random recurrent layers and SVDF layers as cases of one node.
#pragma once
#include <algorithm>

#include "unit/kernels/int16_cases.h"

namespace gw {

inline Requant to_int16(Dice& dice, size_t gates, int32_t shift) {
    Requant r{Rounding::twice, 0, {}, {}, 0, -32768, 32767};
    for (size_t i = 0; i < gates; ++i) {
        r.multiplier.push_back(static_cast<int32_t>(dice.between(int64_t{1} << 30, 2147483647)));
        r.shift.push_back(static_cast<int32_t>(shift - dice.between(0, 2)));
    }
    return r;
}

inline Tensor int16s(Dice& dice, const Shape& shape, int64_t most = 32767) {
    Tensor t = Tensor::zeros({DType::int16, shape, {}});
    for (int16_t& v : t.mutable_data<int16_t>()) v = static_cast<int16_t>(dice.chance(10) ? most : dice.between(-most - 1, most));
    return t;
}

// An op with these operands as a case: `inputs` of them come from outside, the others are constant; all results or the states alone are
// outputs.
inline KernelCase state_case(const Op& op, const std::vector<Tensor>& operands, const std::vector<size_t>& inputs, bool all) {
    KernelCase c;
    std::vector<ValueId> ids;
    for (size_t i = 0; i < operands.size(); ++i) {
        if (!operands[i].valid()) {
            ids.push_back({});
        } else if (std::find(inputs.begin(), inputs.end(), i) != inputs.end()) {
            ids.push_back(c.graph.add_input(fmt::format("x{}", i), operands[i].type));
            c.inputs.push_back(operands[i]);
        } else {
            ids.push_back(c.graph.add_constant(operands[i]));
        }
    }
    Diagnostics diag;
    const auto made = c.graph.add(op, ids, {}, diag);
    if (!made.ok()) {
        ADD_FAILURE() << diag.all().front().text();
        return c;
    }
    for (size_t i = all ? 0 : 1; i < made->size(); ++i) c.graph.add_output(fmt::format("y{}", i), (*made)[i]);
    return c;
}

// Sums of 64 bits of up to max_abs into Q3.12, for one gate or each: over its range, beyond it, and by the ends of multipliers and shifts.
inline Requant wide_to_int16(Dice& dice, int64_t gates, double max_abs) {
    Requant r = requant16(dice, gates, max_abs, true);
    r.lo = -32768, r.hi = 32767;
    if (dice.chance(15)) r.multiplier.back() = dice.chance(50) ? 32767 : 1, r.shift.back() = dice.chance(50) ? 8 : 46;
    return r;
}

// An int8 layer of this kind, or an lstm of int16.
inline KernelCase integer_recurrent_case(Dice& dice, RecurrentKind kind, DType data) {
    const bool lstm = kind == RecurrentKind::lstm, words = data == DType::int16;
    const bool many = words && dice.chance(15);  // inputs and weights at their ends: sums beyond 32 bits without a bias
    const int64_t steps = dice.between(1, 4), batch = dice.between(1, 2), inputs = many ? 700 : dice.between(1, 9), h = dice.between(1, 7);
    Recurrent op;
    op.kind = kind;
    const int64_t gates = op.gates(), gh = gates * h;
    op.reverse = dice.chance(30);
    op.linear_before_reset = op.kind == RecurrentKind::gru && dice.chance(50);
    if (op.kind == RecurrentKind::rnn) op.f = UnaryKind::tanh;
    if (words) {
        op.x_requant = wide_to_int16(dice, gates, static_cast<double>(inputs) * 2.4e6);
        op.h_requant = wide_to_int16(dice, gates, static_cast<double>(h) * 2.4e6);
    } else {
        op.x_zero = dice.zero();
        op.x_requant = to_int16(dice, dice.chance(20) ? 1 : static_cast<size_t>(gates), -2);
        op.h_requant = to_int16(dice, static_cast<size_t>(gates), -2);
    }
    if (lstm) {
        op.cell_exponent = static_cast<int32_t>(-dice.between(dice.chance(70) ? 7 : 0, dice.chance(70) ? 15 : 24));
        op.cell_requant = {Rounding::twice, 0, {1 << 30, 1 << 30}, {-14, -29 - op.cell_exponent}, 0, -32768, 32767};
        if (dice.chance(20)) op.cell_requant.multiplier = {2147483647, 2147483647}, op.cell_requant.shift = {-14, -13};
        op.requant = {Rounding::twice, 0, {static_cast<int32_t>(dice.between(int64_t{1} << 30, 2147483647))}, {-22}, 0, -128, 127};
        if (words) op.requant.shift = {static_cast<int32_t>(-dice.between(13, 16))}, op.requant.lo = -32768, op.requant.hi = 32767;
        if (dice.chance(10)) op.requant.shift = {dice.chance(50) ? 0 : -31};
        if (!words) op.h_zero = dice.zero(), op.requant.zero_point = dice.zero();
        if (dice.chance(30)) op.cell_clip = static_cast<float>(dice.chance(20) ? 0 : dice.between(1, 32767));
    }
    Tensor bias;
    if (words && dice.chance(80)) {
        bias = Tensor::zeros({DType::int64, Shape{2 * gh}, {}});
        const int most = dice.chance(30) ? 46 : 20;
        for (int64_t& v : bias.mutable_data<int64_t>()) v = dice.between(-(int64_t{1} << most), int64_t{1} << most);
    } else if (!words && dice.chance(80)) {
        bias = dice.words({2 * gh}, -9000, 9000);
    }
    const auto values = [&](const Shape& shape) { return words ? words16(dice, shape) : dice.bytes(shape); };
    Tensor x = values({steps, batch, inputs}), w = dice.bytes({gh, inputs});
    if (many) {
        std::ranges::fill(x.mutable_data<int16_t>(), static_cast<int16_t>(dice.chance(50) ? -32768 : 32767));
        std::ranges::fill(w.mutable_data<int8_t>(), static_cast<int8_t>(dice.chance(50) ? -128 : 127));
    }
    return state_case(op, {x, w, dice.bytes({gh, h}), values({batch, h}), lstm ? int16s(dice, {batch, h}) : Tensor(), bias},
                      dice.chance(80) ? std::vector<size_t>{0, 3, 4} : std::vector<size_t>{0, 4}, dice.chance(70));
}
// An int8 layer; `number` modulo 3 is its kind.
inline KernelCase recurrent8_case(Dice& dice, int64_t number) {
    return integer_recurrent_case(dice, static_cast<RecurrentKind>(number % 3), DType::int8);
}
inline KernelCase lstm16_case(Dice& dice) { return integer_recurrent_case(dice, RecurrentKind::lstm, DType::int16); }

// A float layer; `number` modulo 3 is its kind.
inline KernelCase float_recurrent_case(Dice& dice, int64_t number) {
    const int64_t steps = dice.between(1, 4), batch = dice.between(1, 2), inputs = dice.between(1, 9), h = dice.between(1, 7);
    Recurrent op;
    op.kind = static_cast<RecurrentKind>(number % 3);
    op.reverse = dice.chance(30);
    op.linear_before_reset = op.kind == RecurrentKind::gru && dice.chance(50);
    if (op.kind == RecurrentKind::rnn) op.f = UnaryKind::tanh;
    if (dice.chance(20)) op.f = UnaryKind::hard_sigmoid, op.alpha[0] = 0.2f, op.beta[0] = 0.5f;
    if (dice.chance(20)) op.g = UnaryKind::leaky_relu, op.alpha[1] = 0.1f;
    if (dice.chance(30)) op.clip = 0.7f;
    if (dice.chance(30)) op.cell_clip = 0.3f;
    const int64_t gh = op.gates() * h;
    const bool lstm = op.kind == RecurrentKind::lstm;
    const Tensor x = dice.floats({steps, batch, inputs}, -1, 1), w = dice.floats({gh, inputs}, -1, 1), r = dice.floats({gh, h}, -1, 1),
                 state = dice.floats({batch, h}, -1, 1);
    const Tensor bias = dice.chance(30) ? Tensor() : dice.floats({2 * gh}, -1, 1);
    return state_case(op,
                      {x, w, r, state, lstm ? dice.floats({batch, h}, -1, 1) : Tensor(), bias,
                       lstm && dice.chance(50) ? dice.floats({3 * h}, -1, 1) : Tensor()},
                      dice.chance(70) ? std::vector<size_t>{0, 3, 4} : std::vector<size_t>{0, 4}, dice.chance(70));
}

// An svdf: `number` modulo 3 says float, with a memory of int8, of int16.
inline KernelCase svdf_case(Dice& dice, int64_t number) {
    const int64_t batch = dice.between(1, 2), inputs = dice.between(1, 9), units = dice.between(1, 4), moments = dice.between(1, 5);
    gw::Svdf op;
    op.rank = dice.between(1, 3);
    const int64_t filters = units * op.rank;
    const Shape memory{batch, filters * moments};
    if (number % 3 == 0) {
        if (dice.chance(50)) op.act_lo = 0;
        return state_case(
            op,
            {dice.floats({batch, inputs}, -1, 1), dice.floats({filters, inputs}, -1, 1), dice.floats({filters, moments}, -1, 1),
             dice.floats(memory, -1, 1), dice.chance(30) ? Tensor() : dice.floats({units}, -1, 1)},
            {0, 3}, true);
    }
    const bool bytes = number % 3 == 1;
    op.x_zero = dice.zero();
    op.feature_requant = to_int16(dice, 1, -3);
    if (bytes) op.feature_requant.lo = -128, op.feature_requant.hi = 127, op.feature_requant.zero_point = dice.zero();
    op.requant = dice.requant(1, bytes ? 1 << 20 : 1 << 30);
    const Tensor bias = dice.chance(30) ? Tensor() : dice.words({units}, -9000, 9000);
    return state_case(op,
                      {dice.bytes({batch, inputs}), dice.bytes({filters, inputs}),
                       bytes ? dice.bytes({filters, moments}) : int16s(dice, {filters, moments}, 2000),
                       bytes ? dice.bytes(memory) : int16s(dice, memory), bias},
                      {0, 3}, true);
}

}  // namespace gw
