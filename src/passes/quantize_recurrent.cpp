// A recurrent layer in integers. The problem: its accumulators meet nonlinear functions inside the op, whose ranges no profile of tensors
// knows. The idea is TFLite's for its LSTM: every gate's sum is rescaled to Q3.12, where the gates' functions saturate anyway, so that
// weights need a scale a gate and nothing else inside needs a range; only a cell, which adds up, has one. Before: a float layer with
// constant weights. After: an op whose integers docs/arithmetic.md defines.
#include "passes/quantize_recurrent.h"

#include <algorithm>
#include <cmath>

namespace gw {
namespace {

constexpr int gate_bits = 12;  // after the binary point of a gate's sum

// The products of one operand with all gates: weights with a scale a gate, biases of them, rescaling to Q3.12.
struct Products {
    Tensor weights;
    std::vector<int32_t> bias;
    Requant requant;
};

std::optional<Products> quantize_products(const Tensor& m, const std::vector<double>& bias, int64_t gates, const Quant& v) {
    const auto rows = static_cast<size_t>(m.shape()[0]), k = static_cast<size_t>(m.shape()[1]), unit = rows / static_cast<size_t>(gates);
    const auto f = m.data<float>();
    Products p;
    Quant wq;
    wq.axis = 0;
    std::vector<int8_t> weights(f.size());
    std::vector<double> real;
    for (size_t gate = 0; gate < static_cast<size_t>(gates); ++gate) {
        const size_t first = gate * unit;
        double largest = 0, largest_bias = 0;
        for (size_t i = first * k; i < (first + unit) * k; ++i) largest = std::max(largest, std::fabs(static_cast<double>(f[i])));
        for (size_t row = first; row < first + unit; ++row) largest_bias = std::max(largest_bias, std::fabs(bias[row]));
        // A bias that dwarfs the weights must still fit, as in dense layers.
        const double scale = std::max(largest > 0 ? largest / 127 : 1.0, largest_bias / (double{v.scale()} * static_cast<double>(1 << 29)));
        const auto rounded = static_cast<float>(scale);
        const double step = double{v.scale()} * double{rounded};
        for (size_t row = first; row < first + unit; ++row) {
            double most = std::fabs(bias[row] / step);
            for (size_t i = row * k; i < (row + 1) * k; ++i) {
                const double q = std::nearbyint(static_cast<double>(f[i]) / double{rounded});
                weights[i] = static_cast<int8_t>(std::clamp(q, -127.0, 127.0));
                most += 255 * std::fabs(static_cast<double>(weights[i]));
            }
            if (most >= std::ldexp(1.0, 31) || most * std::ldexp(step, gate_bits) >= std::ldexp(1.0, 29)) return std::nullopt;
            p.bias.push_back(static_cast<int32_t>(std::llround(bias[row] / step)));
            wq.scales.push_back(rounded);
            wq.zero_points.push_back(0);
        }
        real.push_back(std::ldexp(step, gate_bits));
    }
    p.weights = Tensor::of<int8_t>(m.shape(), weights, wq);
    p.requant = make_requant(Rounding::twice, real, {0}, 0, -32768, 32767);
    return p;
}

}  // namespace

Quant hidden_quant() { return Quant::tensor(1.0f / 128, 0); }

int32_t cell_exponent(double lo, double hi, int64_t steps) {
    // Only the cells after the last steps are profiled; those between are given twice their room. No cell grows by more than 1 a step.
    const double most = std::clamp(2 * std::max(-lo, hi), 1.0, std::max(1.0, static_cast<double>(steps)));
    return std::min(static_cast<int32_t>(std::ceil(std::log2(most))) - 15, 0);
}

std::optional<QuantizedRecurrent> quantize_recurrent(const Recurrent& op, const Tensor& w, const Tensor& r, const Tensor* bias,
                                                     const Quant& x, const Quant& h, int32_t exponent) {
    const auto rows = static_cast<size_t>(w.shape()[0]);
    std::vector<double> of_w(rows), of_r(rows);
    for (size_t i = 0; bias != nullptr && i < rows; ++i) {
        const auto b = bias->data<float>();
        // What only ever is added up is one bias; a gru's gate n keeps both.
        const bool apart = op.kind == RecurrentKind::gru && i >= rows / 3 * 2;
        of_w[i] = double{b[i]} + (apart ? 0 : double{b[rows + i]});
        of_r[i] = apart ? double{b[rows + i]} : 0;
    }
    const auto from_x = quantize_products(w, of_w, op.gates(), x), from_h = quantize_products(r, of_r, op.gates(), h);
    if (!from_x || !from_h) return std::nullopt;
    QuantizedRecurrent q{op, from_x->weights, from_h->weights, {}};
    q.op.x_zero = x.zero_point(), q.op.h_zero = h.zero_point();
    q.op.x_requant = from_x->requant, q.op.h_requant = from_h->requant;
    std::vector<int32_t> biases = from_x->bias;
    biases.insert(biases.end(), from_h->bias.begin(), from_h->bias.end());
    q.bias = Tensor::of<int32_t>(Shape{static_cast<int64_t>(biases.size())}, biases);
    if (op.kind != RecurrentKind::lstm) return q;
    const double unit = std::ldexp(1.0, -15), cell = std::ldexp(1.0, exponent);
    q.op.cell_exponent = exponent;
    q.op.cell_requant = make_requant(Rounding::twice, {unit, unit * unit / cell}, {0}, 0, -32768, 32767);
    q.op.requant = make_requant(Rounding::twice, {unit * unit / double{h.scale()}}, {0}, h.zero_point(), -128, 127);
    if (op.cell_clip != infinity)
        q.op.cell_clip = static_cast<float>(std::clamp(std::nearbyint(double{op.cell_clip} / cell), 1.0, 32767.0));
    return q;
}

}  // namespace gw
