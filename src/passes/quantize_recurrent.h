// The integers of a recurrent layer.
#pragma once
#include <optional>

#include "passes/quantize_ranges.h"

namespace gw {

struct QuantizedRecurrent {
    Recurrent op;
    Tensor w, r, bias;
};

// The int8 form of a float layer with constant weights w [G·H, I], r [G·H, H] and bias [2·G·H] or none, for an input quantized by x. `h`
// is the quantization of the hidden state and of y: of an lstm any, else hidden_quant(). `cell_exponent` is an lstm's: its cell has the
// scale 2^cell_exponent. Nothing where a gate's sums can be beyond what a rescaling holds, some 2^17.
std::optional<QuantizedRecurrent> quantize_recurrent(const Recurrent& op, const Tensor& w, const Tensor& r, const Tensor* bias,
                                                     const Quant& x, const Quant& h, int32_t cell_exponent);

// Q0.7: what an integer rnn or gru gives.
Quant hidden_quant();
// Scale 2^result of a 16-bit cell that was seen at [lo, hi] after the last steps of the samples, at most `steps`.
int32_t cell_exponent(double lo, double hi, int64_t steps);

}  // namespace gw
