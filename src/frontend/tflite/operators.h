// The import functions, one an operator or a family. Each reads its operator, adds ops and sets the results, or reports one error.
#pragma once
#include "frontend/tflite/importer.h"

namespace gw::tflite_ops {

// ops_weighted.cpp
Status conv(TfliteNode& n);
Status depthwise_conv(TfliteNode& n);
Status fully_connected(TfliteNode& n);
// ops_transpose_conv.cpp
Status transpose_conv(TfliteNode& n);
// ops_window.cpp
Status average_pool(TfliteNode& n);
Status max_pool(TfliteNode& n);
// ops_elementwise.cpp
Status add(TfliteNode& n);
Status sub(TfliteNode& n);
Status mul(TfliteNode& n);
Status div(TfliteNode& n);
Status pow(TfliteNode& n);
Status squared_difference(TfliteNode& n);
Status prelu(TfliteNode& n);
Status batch_matmul(TfliteNode& n);
Status import_extreme(TfliteNode& n, BinaryKind kind);
template <BinaryKind kind>
Status extreme(TfliteNode& n) {
    return import_extreme(n, kind);
}
enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal };
Status import_comparison(TfliteNode& n, Comparison comparison);
template <Comparison which>
Status comparison(TfliteNode& n) {
    return import_comparison(n, which);
}
Status import_logical(TfliteNode& n, BinaryKind kind);
template <BinaryKind kind>
Status logical(TfliteNode& n) {
    return import_logical(n, kind);
}
// ops_unary.cpp
Status import_float(TfliteNode& n, UnaryKind kind);
template <UnaryKind kind>
Status real(TfliteNode& n) {
    return import_float(n, kind);
}
Status abs(TfliteNode& n);
Status rsqrt(TfliteNode& n);
Status exp(TfliteNode& n);
Status square(TfliteNode& n);
Status logical_not(TfliteNode& n);
Status relu(TfliteNode& n);
Status relu_n1_to_1(TfliteNode& n);
Status relu6(TfliteNode& n);
Status logistic(TfliteNode& n);
Status tanh(TfliteNode& n);
Status hard_swish(TfliteNode& n);
Status leaky_relu(TfliteNode& n);
Status elu(TfliteNode& n);
Status softmax(TfliteNode& n);
Status log_softmax(TfliteNode& n);
Status cast(TfliteNode& n);
Status quantize(TfliteNode& n);
Status dequantize(TfliteNode& n);
// ops_int16.cpp: the int16 of some of them; the operand and result have one scale each
Status relu16(TfliteNode& n);
Status relu6_16(TfliteNode& n);
Status leaky_relu16(TfliteNode& n, float alpha);
Status abs16(TfliteNode& n);
Status requantize16(TfliteNode& n);
Status sigmoid16(TfliteNode& n, UnaryKind kind);
Status softmax16(TfliteNode& n, float beta);
// ops_reduce.cpp
Status import_reduce(TfliteNode& n, ReduceKind kind);
template <ReduceKind kind>
Status reduce(TfliteNode& n) {
    return import_reduce(n, kind);
}
Status l2_normalization(TfliteNode& n);
Status import_places(TfliteNode& n, bool smallest);
template <bool smallest>
Status arg_extreme(TfliteNode& n) {
    return import_places(n, smallest);
}
Status resize_nearest(TfliteNode& n);
Status resize_bilinear(TfliteNode& n);
// ops_state.cpp
Status svdf(TfliteNode& n);
Status sequence_lstm(TfliteNode& n);
Status call_once(TfliteNode& n);
Status var_handle(TfliteNode& n);
Status read_variable(TfliteNode& n);
Status assign_variable(TfliteNode& n);
// ops_shape.cpp
Status reshape(TfliteNode& n);
Status transpose(TfliteNode& n);
Status concatenation(TfliteNode& n);
Status split(TfliteNode& n);
Status split_v(TfliteNode& n);
Status slice(TfliteNode& n);
Status strided_slice(TfliteNode& n);
Status pack(TfliteNode& n);
Status unpack(TfliteNode& n);
Status gather(TfliteNode& n);
Status select(TfliteNode& n);
Status tile(TfliteNode& n);
Status shape(TfliteNode& n);
Status fill(TfliteNode& n);
Status pad(TfliteNode& n);
Status mirror_pad(TfliteNode& n);
Status depth_to_space(TfliteNode& n);
Status space_to_depth(TfliteNode& n);
Status space_to_batch(TfliteNode& n);
Status batch_to_space(TfliteNode& n);

}  // namespace gw::tflite_ops
