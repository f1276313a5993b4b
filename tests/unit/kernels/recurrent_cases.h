// Random recurrent layers and SVDF layers as cases of one node.
#pragma once
#include <algorithm>

#include "unit/kernels/cases.h"

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

// An int8 layer; `number` modulo 3 is its kind.
inline KernelCase recurrent8_case(Dice& dice, int64_t number) {
    const int64_t steps = dice.between(1, 4), batch = dice.between(1, 2), inputs = dice.between(1, 9), h = dice.between(1, 7);
    Recurrent op;
    op.kind = static_cast<RecurrentKind>(number % 3);
    const auto gates = static_cast<size_t>(op.gates());
    const int64_t gh = op.gates() * h;
    const bool lstm = op.kind == RecurrentKind::lstm;
    op.reverse = dice.chance(30);
    op.linear_before_reset = op.kind == RecurrentKind::gru && dice.chance(50);
    if (op.kind == RecurrentKind::rnn) op.f = UnaryKind::tanh;
    op.x_zero = dice.zero();
    op.x_requant = to_int16(dice, dice.chance(20) ? 1 : gates, -2), op.h_requant = to_int16(dice, gates, -2);
    if (lstm) {
        op.h_zero = dice.zero();
        op.cell_exponent = static_cast<int32_t>(-dice.between(7, 15));
        op.cell_requant = {Rounding::twice, 0, {1 << 30, 1 << 30}, {-14, -29 - op.cell_exponent}, 0, -32768, 32767};
        op.requant = {
            Rounding::twice, 0, {static_cast<int32_t>(dice.between(int64_t{1} << 30, 2147483647))}, {-22}, dice.zero(), -128, 127};
        if (dice.chance(30)) op.cell_clip = static_cast<float>(dice.between(1, 32767));
    }
    const Tensor bias = dice.chance(20) ? Tensor() : dice.words({2 * gh}, -9000, 9000);
    return state_case(op,
                      {dice.bytes({steps, batch, inputs}), dice.bytes({gh, inputs}), dice.bytes({gh, h}), dice.bytes({batch, h}),
                       lstm ? int16s(dice, {batch, h}) : Tensor(), bias},
                      dice.chance(80) ? std::vector<size_t>{0, 3, 4} : std::vector<size_t>{0, 4}, dice.chance(70));
}

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
