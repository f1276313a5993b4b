// Rearranging constants at import time.
#pragma once
#include <vector>

#include "tensor/tensor.h"

namespace gw {

// y.dim[i] = x.dim[perm[i]]; a quantization axis moves along.
Tensor permuted(const Tensor& x, const std::vector<int64_t>& perm);
// Same elements, other shape; a quantization axis becomes dimension `to` of the result.
Tensor reshaped_axis(const Tensor& x, Shape shape, int64_t to);
Tensor scaled(const Tensor& x, double factor);  // floats
// `shape` filled with one value.
Tensor filled(DType dtype, Shape shape, double value);
// x broadcast to `shape` (numpy's rule; it must fit).
Tensor broadcast_to(const Tensor& x, const Shape& shape);
// condition ? a : b, all three broadcast to `shape`.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b, const Shape& shape);
bool all_equal(const Tensor& x);
template <class T>
Tensor list_of(const std::vector<T>& values) {
    return Tensor::of<T>({static_cast<int64_t>(values.size())}, values);
}

}  // namespace gw
