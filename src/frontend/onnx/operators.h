// The import functions, one an operator or a family. Each reads its node, adds ops and sets the node's results, or reports one error.
#pragma once
#include "frontend/onnx/importer.h"

namespace gw::onnx_ops {

// opset6.cpp
Status from_opset_6(NodeContext& n);
// ops_linear.cpp
Status gemm(NodeContext& n);
Status matmul(NodeContext& n);
// The product of x with constant weights [K, N] or [K], or with a matrix m; `dense` has the arithmetic of the former.
Status multiply(NodeContext& n, ValueId x, std::optional<Weight> weight, ValueId m, Dense dense);
// ops_integer.cpp
Status conv_integer(NodeContext& n);
Status matmul_integer(NodeContext& n);
// ops_window.cpp
Status conv(NodeContext& n);
// The convolution of `data` with these weights [O, I, spatial…] and bias, by the node's attributes; `op` has the arithmetic.
Status convolve(NodeContext& n, ValueId data, Weight weight, ValueId bias, Conv2D op);
Status conv_transpose(NodeContext& n);
Status max_pool(NodeContext& n);
Status average_pool(NodeContext& n);
Status global_average_pool(NodeContext& n);
Status global_max_pool(NodeContext& n);
// ops_elementwise.cpp
Status import_unary(NodeContext& n, UnaryKind kind);
template <UnaryKind kind>
Status unary(NodeContext& n) {
    return import_unary(n, kind);
}
template <BinaryKind kind>
Status binary(NodeContext& n) {
    return n.result(n.binary(kind, n.in(0), n.in(1)));
}
Status relu(NodeContext& n);
Status clip(NodeContext& n);
Status leaky_relu(NodeContext& n);
Status elu(NodeContext& n);
Status celu(NodeContext& n);
Status selu(NodeContext& n);
Status softsign(NodeContext& n);
Status prelu(NodeContext& n);
Status hard_sigmoid(NodeContext& n);
Status shrink(NodeContext& n);
Status thresholded_relu(NodeContext& n);
Status gelu(NodeContext& n);
Status mish(NodeContext& n);
Status pow(NodeContext& n);
Status mod(NodeContext& n);
Status greater_or_equal(NodeContext& n);
Status less_or_equal(NodeContext& n);
Status logical_not(NodeContext& n);
Status logical_xor(NodeContext& n);
Status import_chain(NodeContext& n, BinaryKind kind, bool mean);
template <BinaryKind kind, bool mean>
Status chain(NodeContext& n) {
    return import_chain(n, kind, mean);
}
// ops_reduce.cpp
enum class ReduceForm { plain, absolute, square, root_of_squares, log_of_sum };
Status import_reduce(NodeContext& n, ReduceKind kind, ReduceForm form, int axes_input_from);
template <ReduceKind kind, ReduceForm form, int axes_input_from>
Status reduce(NodeContext& n) {
    return import_reduce(n, kind, form, axes_input_from);
}
Status reduce_log_sum_exp(NodeContext& n);
Status softmax(NodeContext& n);
Status log_softmax(NodeContext& n);
Status batch_normalization(NodeContext& n);
Status instance_normalization(NodeContext& n);
Status layer_normalization(NodeContext& n);
Status mean_variance_normalization(NodeContext& n);
Status lrn(NodeContext& n);
// ops_shape.cpp
Status constant(NodeContext& n);
Status constant_of_shape(NodeContext& n);
Status identity(NodeContext& n);
Status dropout(NodeContext& n);
Status cast(NodeContext& n);
Status cast_like(NodeContext& n);
Status shape(NodeContext& n);
Status size(NodeContext& n);
Status reshape(NodeContext& n);
Status flatten(NodeContext& n);
Status squeeze(NodeContext& n);
Status unsqueeze(NodeContext& n);
Status expand(NodeContext& n);
Status range(NodeContext& n);
// ops_choice.cpp
Status import_places(NodeContext& n, bool smallest);
template <bool smallest>
Status places(NodeContext& n) {
    return import_places(n, smallest);
}
Status where(NodeContext& n);
Status trilu(NodeContext& n);
Status one_hot(NodeContext& n);
Status hardmax(NodeContext& n);
// ops_move.cpp
Status transpose(NodeContext& n);
Status concat(NodeContext& n);
Status split(NodeContext& n);
Status slice(NodeContext& n);
Status gather(NodeContext& n);
Status pad(NodeContext& n);
Status tile(NodeContext& n);
Status depth_to_space(NodeContext& n);
Status space_to_depth(NodeContext& n);
// ops_recurrent.cpp
Status import_recurrent(NodeContext& n, RecurrentKind kind);
template <RecurrentKind kind>
Status recurrent(NodeContext& n) {
    return import_recurrent(n, kind);
}
// ops_resize.cpp
Status resize(NodeContext& n);
Status upsample(NodeContext& n);
// ops_quantize.cpp
Status quantize_linear(NodeContext& n);
Status dequantize_linear(NodeContext& n);

}  // namespace gw::onnx_ops
