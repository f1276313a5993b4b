// Matrix products behind conv2d, dense and matmul. Only for src/ops.
#pragma once
#include <cstdint>

namespace gw::detail {

// y[r·y_stride + c] = Σ_k a[r·depth + k] · b[c·depth + k]; float, accumulated in float, in an order that depends on the sizes only.
void float_gemm(const float* a, int64_t rows, const float* b, int64_t cols, int64_t depth, float* y, int64_t y_stride);
// The same in integers, exact as long as a sum fits int32 (it wraps otherwise). depth must be a multiple of int_depth_step: fill up with
// zeros.
inline constexpr int64_t int_depth_step = 8;
inline int64_t int_depth(int64_t depth) { return (depth + int_depth_step - 1) / int_depth_step * int_depth_step; }
void int_gemm(const int16_t* a, int64_t rows, const int16_t* b, int64_t cols, int64_t depth, int32_t* y, int64_t y_stride);
// With sums of 64 bits, exact.
void int_gemm(const int16_t* a, int64_t rows, const int16_t* b, int64_t cols, int64_t depth, int64_t* y, int64_t y_stride);

}  // namespace gw::detail
