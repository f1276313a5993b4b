// Pooling over windows of an NHWC picture. Channels run innermost, so a window is a handful of rows of channels that are combined one by
// one.
#include "ops/support.h"

namespace gw {
using namespace detail;
namespace {
// Positions of x that output o of one dimension sees: the taps k in [0, kernel) with first + k·dilation in [0, size).
struct Taps {
    int64_t first, begin, end;  // tap numbers [begin, end)
    int64_t count() const { return std::max<int64_t>(end - begin, 0); }
};
Taps taps_at(const Pool2D& op, size_t dimension, int64_t o, int64_t size) {
    const int64_t d = op.dilation[dimension];
    const int64_t first = o * op.stride[dimension] - op.pad[dimension];
    const int64_t begin = first >= 0 ? 0 : (-first + d - 1) / d;
    const int64_t end = first >= size ? 0 : std::min(op.kernel[dimension], (size - first - 1) / d + 1);
    return {first, begin, end};
}

// Calls f(row of channels) for every position inside x of one window.
template <class T, class F>
void each_tap(const Pool2D& op, const Shape& s, const T* picture, const Taps& ys, const Taps& xs, F f) {
    for (int64_t ky = ys.begin; ky < ys.end; ++ky)
        for (int64_t kx = xs.begin; kx < xs.end; ++kx)
            f(picture + ((ys.first + ky * op.dilation[0]) * s[2] + xs.first + kx * op.dilation[1]) * s[3]);
}

int32_t rounded_quotient(int32_t acc, int32_t n) { return acc >= 0 ? (acc + n / 2) / n : (acc - n / 2) / n; }

// One output position. Acc is the type of sums.
template <class T, class Acc>
void pool_position(const Pool2D& op, const Shape& s, const T* picture, const Taps& ys, const Taps& xs, std::vector<Acc>& acc, T* y) {
    const auto channels = static_cast<size_t>(s[3]);
    const int64_t window = op.kernel[0] * op.kernel[1];
    const int64_t inside = ys.count() * xs.count();
    if (op.kind == PoolKind::max) {
        std::fill(acc.begin(), acc.end(), std::numeric_limits<T>::lowest());
        each_tap(op, s, picture, ys, xs, [&](const T* x) {
            for (size_t c = 0; c < channels; ++c) acc[c] = std::max(acc[c], static_cast<Acc>(x[c]));
        });
    } else {
        const auto zero = static_cast<Acc>(op.count_pad ? op.x_zero : 0);
        std::fill(acc.begin(), acc.end(), Acc{0});
        each_tap(op, s, picture, ys, xs, [&](const T* x) {
            for (size_t c = 0; c < channels; ++c) acc[c] += static_cast<Acc>(x[c]) - zero;
        });
        const auto n = static_cast<Acc>(op.count_pad ? window : inside);
        for (size_t c = 0; c < channels; ++c) {
            if constexpr (std::is_same_v<Acc, float>) {
                acc[c] /= n;
            } else {
                acc[c] = rounded_quotient(acc[c], n) + zero;
            }
        }
    }
    for (size_t c = 0; c < channels; ++c) {
        if constexpr (std::is_same_v<Acc, float>) {
            y[c] = clamp_to(acc[c], op.act_lo, op.act_hi);
        } else {
            y[c] = static_cast<T>(std::clamp(acc[c], op.lo, op.hi));
        }
    }
}

template <class T, class Acc>
void pool(const Pool2D& op, const Shape& s, const Shape& ys, const T* x, T* y) {
    std::vector<Acc> acc(static_cast<size_t>(s[3]));
    for (int64_t n = 0; n < ys[0]; ++n)
        for (int64_t oy = 0; oy < ys[1]; ++oy)
            for (int64_t ox = 0; ox < ys[2]; ++ox, y += s[3])
                pool_position<T, Acc>(op, s, x + n * s[1] * s[2] * s[3], taps_at(op, 0, oy, s[1]), taps_at(op, 1, ox, s[2]), acc, y);
}

Status check_fields(const Pool2D& op, DType dtype, const InferContext& context) {
    for (size_t i = 0; i < 2; ++i) {
        if (op.kernel[i] < 1) return context.fail("kernel {} is not positive", op.kernel[i]);
        if (op.kernel[i] > (int64_t{1} << 24)) return context.fail("kernel {} is above 2^24", op.kernel[i]);
    }
    GW_TRY_DO(check_window(op.stride, op.dilation, op.pad, context));
    if (dtype == DType::float32) {
        if (op.act_lo > op.act_hi) return context.fail("act_lo {} is above act_hi {}", op.act_lo, op.act_hi);
        if (op.x_zero != 0) return context.fail("x_zero is {}, but a float op has no zero point", op.x_zero);
        return {};
    }
    GW_TRY_DO(check_no_clamp(op.act_lo, op.act_hi, context));
    GW_TRY_DO(check_zero_point(op.x_zero, "x_zero", context, dtype));
    if (op.lo > op.hi || op.lo < lowest(dtype) || op.hi > highest(dtype))
        return context.fail("the result is clamped to [{}, {}], expected a range within {}", op.lo, op.hi, dtype_long_name(dtype));
    return {};
}
}  // namespace

Expected<std::vector<Type>> infer(const Pool2D& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    GW_TRY_DO(check_rank(x, 4, "x", "(N, H, W, C)", context));
    if (x.dtype != DType::float32 && !is_quantized_int(x.dtype)) {
        return about(context, "x").fail("{} has element type {}, expected f32, i8 or i16", x.text(), dtype_name(x.dtype));
    }
    GW_TRY_DO(check_fields(op, x.dtype, context));
    Type y = x;
    for (size_t i = 0; i < 2; ++i) {
        const auto dim = static_cast<int64_t>(i + 1);
        const int64_t size = x.shape[dim] + op.pad[i] + op.pad[i + 2];
        const int64_t extent = op.dilation[i] * (op.kernel[i] - 1) + 1;
        const char* what = i == 0 ? "rows" : "columns";
        if (extent > size) return context.fail("the kernel covers {} {}, but the padded input has {}", extent, what, size);
        y.shape[dim] = (size - extent) / op.stride[i] + 1;
        if (op.count_pad && op.kind == PoolKind::average) continue;
        for (int64_t o = 0; o < y.shape[dim]; ++o) {
            if (taps_at(op, i, o, x.shape[dim]).count() == 0)
                return context.fail("the window of output {} {} lies in the padding altogether", what, o);
        }
    }
    return one(std::move(y), context);
}

void evaluate(const Pool2D& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    Tensor& y = out[0];
    if (x.type.dtype == DType::float32) {
        pool<float, float>(op, x.shape(), y.shape(), x.data<float>().data(), y.mutable_data<float>().data());
    } else {
        with_int_type(x.type.dtype, [&](auto element) {
            using T = decltype(element);
            pool<T, int32_t>(op, x.shape(), y.shape(), raw<T>(x), raw<T>(y));
        });
    }
}

Work work(const Pool2D&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const Pool2D& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t) {
    const Shape& x = in[0]->shape;
    Box b = out_box;
    for (size_t i = 0; i < 2; ++i) {
        const auto [first, last] = window_range(b.begin[1 + i], b.end[1 + i], op.kernel[i], op.stride[i], op.dilation[i], op.pad[i],
                                                x[static_cast<int64_t>(1 + i)]);
        b.begin[1 + i] = first, b.end[1 + i] = last;
    }
    return b;
}

}  // namespace gw
