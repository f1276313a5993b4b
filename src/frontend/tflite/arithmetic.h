// TFLite's integer arithmetic, as the reader writes it into ops: fused activations, multipliers and tables. docs/arithmetic.md is the law.
#pragma once
#include "frontend/tflite/importer.h"

namespace gw {

// A fused activation of a float op.
struct FloatRange {
    float lo = -infinity, hi = infinity;
};
Expected<FloatRange> float_activation(TfliteNode& n, tfl::Activation a);
// Of an int8 result with this quantization, or one of int16.
struct IntRange {
    int32_t lo = -128, hi = 127;
};
inline IntRange range_of(DType t) { return {static_cast<int32_t>(lowest(t)), static_cast<int32_t>(highest(t))}; }
Expected<IntRange> int_activation(TfliteNode& n, tfl::Activation a, const Quant& quant, DType t);

// Where a weighted operator has its data, weights and bias, and how its factors are taken: `axis` is that of the weights' scales;
// `float_product` multiplies input and weight scale in float where there is one weight scale; `wide` operators have sums of 64 bits for
// int16 data whatever their bias, others where the bias has.
struct WeightedOperands {
    size_t x = 0, w = 1, bias = 2;
    int64_t axis = 0;
    bool float_product = false, wide = false;
};
// Fills in activation and requantization of a layer of floats, int8, int16 data with int8 weights, or float data with int8 weights.
Status weighted_arithmetic(TfliteNode& n, Conv2D& op, tfl::Activation activation, const WeightedOperands& at, ValueId weights);
Status weighted_arithmetic(TfliteNode& n, Dense& op, tfl::Activation activation, const WeightedOperands& at, ValueId weights);
// The bias as a list of `channels` that fits data of this type, or an absent operand.
Expected<ValueId> weighted_bias(TfliteNode& n, size_t operand, int64_t channels, DType data);
// Both operands and the result are int8, or all are int16.
bool quantized_pair(const TfliteNode& n);

// One rescaling for all channels, or one a channel; the factors are the model's, in double.
Requant twice_requant(const std::vector<double>& factors, int32_t zero_point, IntRange range);
// The same for sums of 64 bits; `name` is the operand whose scale is to blame for a factor that is too large.
Expected<Requant> wide_requant(TfliteNode& n, const std::vector<double>& factors, IntRange range, std::string_view name = "result");
// The power of two next to a scale, and whether it is that within 0.1 %, as the reference finds both, in float.
bool is_power_of_two(float scale, int& power);

// Tables of int8 functions: the result's byte for each of the operand's 256.
Tensor relu_table(const Quant& x, const Quant& y, FloatRange range);  // RELU, RELU_N1_TO_1: rescaled, then clamped
Tensor relu6_table(const Quant& x);                                   // RELU6: clamped in the operand's own scale
Tensor logistic_table(const Quant& x);                                // to scale 1/256, zero point −128
Tensor tanh_table(const Quant& x);                                    // to scale 1/128, zero point 0
Tensor leaky_relu_table(const Quant& x, const Quant& y, float alpha);
Expected<Tensor> hard_swish_table(TfliteNode& n, const Quant& x, const Quant& y);
Tensor elu_table(const Quant& x, const Quant& y);
Tensor exp_table(const Quant& x, const Quant& y);
Tensor minimum_table(const Quant& x);                     // what is above 0 becomes 0, in the operand's own scale
Tensor abs_table(const Quant& x, const Quant& y);         // ABS
Tensor rsqrt_table(const Quant& x, const Quant& y);       // RSQRT; what is negative, which the reference refuses, as 0
Tensor requantize_table(const Quant& x, const Quant& y);  // QUANTIZE of int8

// The exponentials of an int8 softmax in Q0.31, by the distance from the largest element.
Expected<Tensor> softmax_table(TfliteNode& n, float beta, float scale);
// The same for LOG_SOFTMAX, and behind them the distances themselves in Q5.26, at most 17.
Expected<Tensor> log_softmax_table(TfliteNode& n, float scale);
Tensor concatenation_table(const Quant& x, const Quant& y);  // CONCATENATION of uint8, both 128 lower

}  // namespace gw
