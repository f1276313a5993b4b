// Matrix products. Float goes to Eigen, whose blocking is pinned to fixed cache sizes: it would otherwise ask the machine, and the order of
// summation, so the last bit of a result, would differ from host to host. Integers are dot products of int16 rows, a shape that compilers
// turn into multiply-add-pairs instructions.
#include "ops/gemm.h"

#include <Eigen/Core>

namespace gw::detail {
namespace {
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Sum>
Sum dot(const int16_t* a, const int16_t* b, int64_t blocks) {
    Sum sum = 0;
    for (int64_t k = 0; k < blocks * int_depth_step; ++k) sum += int32_t{a[k]} * int32_t{b[k]};
    return sum;
}

template <class Sum>
void all_dots(const int16_t* a, int64_t rows, const int16_t* b, int64_t cols, int64_t depth, Sum* y, int64_t y_stride) {
    const int64_t blocks = depth / int_depth_step;
    for (int64_t c = 0; c < cols; ++c)
        for (int64_t r = 0; r < rows; ++r) y[r * y_stride + c] = dot<Sum>(a + r * depth, b + c * depth, blocks);
}
}  // namespace

void float_gemm(const float* a, int64_t rows, const float* b, int64_t cols, int64_t depth, float* y, int64_t y_stride) {
    [[maybe_unused]] static const bool pinned = [] {
        Eigen::setCpuCacheSizes(32 * 1024, 256 * 1024, 2 * 1024 * 1024);
        return true;
    }();
    const Eigen::Map<const Rows> x(a, rows, depth);
    const Eigen::Map<const Rows> w(b, cols, depth);
    Eigen::Map<Rows, 0, Eigen::OuterStride<>> out(y, rows, cols, Eigen::OuterStride<>(y_stride));
    out.noalias() = x * w.transpose();
}

void int_gemm(const int16_t* a, int64_t rows, const int16_t* b, int64_t cols, int64_t depth, int32_t* y, int64_t y_stride) {
    all_dots(a, rows, b, cols, depth, y, y_stride);
}
void int_gemm(const int16_t* a, int64_t rows, const int16_t* b, int64_t cols, int64_t depth, int64_t* y, int64_t y_stride) {
    all_dots(a, rows, b, cols, depth, y, y_stride);
}

}  // namespace gw::detail
