// 2-D convolution, float, int8 and int16, or of integers without a requantization to int32. The picture is first copied into a frame that
// already holds its padding (for integers: widened to int16 with the zero point taken off, so padding is 0 in both worlds); no tap has to
// ask whether it lies inside. Depthwise layers then run channel by channel side by side; all others gather the taps of some output
// positions as rows of a matrix and multiply it by the weights.
#include <algorithm>

#include "ops/gemm.h"
#include "ops/support.h"
#include "ops/weighted.h"

namespace gw {
using namespace detail;
namespace {
struct Dims {
    int64_t n, h, w, c, oh, ow, o, kh, kw, ig, og;  // ig, og: input and output channels of a group
    int64_t fh, fw;                                 // frame: the padded picture
};

Dims dims_of(const Conv2D& op, const Shape& x, const Shape& w, const Shape& y) {
    return {x[0],
            x[1],
            x[2],
            x[3],
            y[1],
            y[2],
            y[3],
            w[1],
            w[2],
            w[3],
            y[3] / op.groups,
            x[1] + op.pad[0] + op.pad[2],
            x[2] + op.pad[1] + op.pad[3]};
}

// Fills `frame` (zero outside the picture) with x − zero.
template <class From, class To>
void fill_frame(const Conv2D& op, const Dims& d, const From* x, To zero, std::vector<To>& frame) {
    const int64_t row = d.w * d.c;
    for (int64_t y = 0; y < d.h; ++y) {
        To* to = frame.data() + ((y + op.pad[0]) * d.fw + op.pad[1]) * d.c;
        const From* from = x + y * row;
        for (int64_t i = 0; i < row; ++i) to[i] = static_cast<To>(from[i] - zero);
    }
}

// The taps of group g at output positions [begin, end), one row of `depth` elements a position, in the order of the weights (ky, kx, i).
template <class T>
void gather_rows(const Conv2D& op, const Dims& d, const std::vector<T>& frame, int64_t g, int64_t begin, int64_t end, int64_t depth,
                 T* rows) {
    const bool run = op.groups == 1 && op.dilation[1] == 1;  // a kernel row is then contiguous in the frame
    const int64_t pieces = run ? 1 : d.kw;
    const int64_t length = run ? d.kw * d.c : d.ig;
    for (int64_t p = begin; p < end; ++p, rows += depth) {
        const int64_t y0 = p / d.ow * op.stride[0];
        const int64_t x0 = p % d.ow * op.stride[1];
        T* to = rows;
        for (int64_t ky = 0; ky < d.kh; ++ky) {
            const T* from = frame.data() + ((y0 + ky * op.dilation[0]) * d.fw + x0) * d.c + g * d.ig;
            for (int64_t kx = 0; kx < pieces; ++kx, to += length) std::copy_n(from + kx * op.dilation[1] * d.c, length, to);
        }
    }
}

// Depthwise: accumulators of all channels of one output position; `w` is [ky, kx, o].
template <class T, class Acc>
void depthwise_position(const Conv2D& op, const Dims& d, const T* frame, const T* w, Acc* acc) {
    const int64_t multiplier = d.og;
    for (int64_t ky = 0; ky < d.kh; ++ky) {
        for (int64_t kx = 0; kx < d.kw; ++kx, w += d.o) {
            const T* x = frame + (ky * op.dilation[0] * d.fw + kx * op.dilation[1]) * d.c;
            if (multiplier == 1) {
                for (int64_t c = 0; c < d.c; ++c) acc[c] += static_cast<Acc>(x[c]) * static_cast<Acc>(w[c]);
            } else {
                for (int64_t o = 0; o < d.o; ++o) acc[o] += static_cast<Acc>(x[o / multiplier]) * static_cast<Acc>(w[o]);
            }
        }
    }
}

// Weights [o, ky, kx] as [ky, kx, o].
template <class From, class To>
std::vector<To> by_tap(const From* w, int64_t o, int64_t taps) {
    std::vector<To> t(static_cast<size_t>(o * taps));
    for (int64_t i = 0; i < o; ++i)
        for (int64_t k = 0; k < taps; ++k) t[static_cast<size_t>(k * o + i)] = static_cast<To>(w[i * taps + k]);
    return t;
}

// Runs the convolution of every picture. `finish(acc, position, o0, count)` takes the sums of channels [o0, o0 + count) of the position of
// the whole result, without bias. T: element of frame and weights, Acc: of sums.
template <class T, class Acc, class X, class W, class Gemm, class Finish>
void convolve(const Conv2D& op, const Dims& d, const X* x, T zero, const W* w, int64_t depth, Gemm gemm, Finish finish) {
    std::vector<T> frame(static_cast<size_t>(d.fh * d.fw * d.c));
    const int64_t positions = d.oh * d.ow;
    const int64_t taps = d.kh * d.kw;
    const int64_t k = taps * d.ig;
    const bool depthwise = op.groups == d.c && d.c > 1;
    std::vector<T> weights;
    if (depthwise) {
        weights = by_tap<W, T>(w, d.o, taps);
    } else {
        weights.resize(static_cast<size_t>(d.o * depth));
        for (int64_t o = 0; o < d.o; ++o)
            for (int64_t i = 0; i < k; ++i) weights[static_cast<size_t>(o * depth + i)] = static_cast<T>(w[o * k + i]);
    }
    const int64_t chunk = std::clamp<int64_t>((int64_t{1} << 16) / depth, 16, 1024);
    std::vector<T> rows(depthwise ? 0 : static_cast<size_t>(chunk * depth));
    std::vector<Acc> acc(static_cast<size_t>(depthwise ? d.o : chunk * d.og));
    for (int64_t n = 0; n < d.n; ++n) {
        fill_frame(op, d, x + n * d.h * d.w * d.c, zero, frame);
        if (depthwise) {
            for (int64_t p = 0; p < positions; ++p) {
                std::fill(acc.begin(), acc.end(), Acc{0});
                const T* corner = frame.data() + (p / d.ow * op.stride[0] * d.fw + p % d.ow * op.stride[1]) * d.c;
                depthwise_position(op, d, corner, weights.data(), acc.data());
                finish(acc.data(), n * positions + p, 0, d.o);
            }
            continue;
        }
        for (int64_t g = 0; g < op.groups; ++g) {
            for (int64_t begin = 0; begin < positions; begin += chunk) {
                const int64_t end = std::min(positions, begin + chunk);
                gather_rows(op, d, frame, g, begin, end, depth, rows.data());
                gemm(rows.data(), end - begin, weights.data() + g * d.og * depth, d.og, depth, acc.data(), d.og);
                for (int64_t p = begin; p < end; ++p) finish(acc.data() + (p - begin) * d.og, n * positions + p, g * d.og, d.og);
            }
        }
    }
}
}  // namespace

Expected<std::vector<Type>> infer(const Conv2D& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 2, context));
    const Type& x = *in[0].type;
    const Type& w = *in[1].type;
    GW_TRY_DO(check_rank(x, 4, "x", "(N, H, W, C)", context));
    GW_TRY_DO(check_rank(w, 4, "w", "(O, H, W, I)", context));
    GW_TRY_DO(check_window(op.stride, op.dilation, op.pad, context));
    const int64_t c = x.shape[3];
    const int64_t o = w.shape[0];
    if (op.groups < 1) return context.fail("groups is {}, expected at least 1", op.groups);
    if (c % op.groups != 0) return about(context, "x").fail("{} has {} channels, not a multiple of {} groups", x.text(), c, op.groups);
    if (o % op.groups != 0)
        return about(context, "w").fail("{} has {} output channels, not a multiple of {} groups", w.text(), o, op.groups);
    if (w.shape[3] != c / op.groups) {
        return about(context, "w")
            .fail("{} has {} input channels, expected {} (x has {}, in {} groups)", w.text(), w.shape[3], c / op.groups, c, op.groups);
    }
    GW_TRY_DO(check_weighted(op, in, o, context));
    const Shape frame{1, x.shape[1] + op.pad[0] + op.pad[2], x.shape[2] + op.pad[1] + op.pad[3], c};
    GW_TRY_DO(check_extent({x.dtype, frame, {}}, "padded input", context));
    Type y{type_of_result(x, op.requant), {x.shape[0], 0, 0, o}, {}};
    for (int i = 0; i < 2; ++i) {
        const int64_t size = frame[1 + i];
        const int64_t extent = op.dilation[i] * (w.shape[1 + i] - 1) + 1;
        if (extent > size) {
            return context.fail("the kernel covers {} {}, but the padded input has {}", extent, i == 0 ? "rows" : "columns", size);
        }
        y.shape[1 + i] = (size - extent) / op.stride[i] + 1;
    }
    return one(std::move(y), context);
}

void evaluate(const Conv2D& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    const Tensor& w = *in[1];
    const Tensor* bias = given(in, 2);
    Tensor& y = out[0];
    const Dims d = dims_of(op, x.shape(), w.shape(), y.shape());
    const int64_t depth = d.kh * d.kw * d.ig;
    if (x.type.dtype == DType::float32) {
        const float* b = bias ? bias->data<float>().data() : nullptr;
        float* to = y.mutable_data<float>().data();
        const Tensor real = real_weights(w);
        convolve<float, float>(op, d, x.data<float>().data(), 0.0f, real.data<float>().data(), depth, float_gemm,
                               [&](const float* acc, int64_t position, int64_t o0, int64_t count) {
                                   finish_float(op, acc, b, o0, count, to + position * d.o);
                               });
        return;
    }
    const std::vector<int64_t> b = integer_bias(bias);
    const std::vector<int16_t> weights = centred_weights(w, op.w_zero);
    with_element_types(x.type, op.requant, [&](auto element, auto result, auto sum) {
        using Sum = decltype(sum);
        auto* to = raw<decltype(result)>(y);
        const auto gemm = [](auto... operands) { int_gemm(operands...); };
        convolve<int16_t, Sum>(
            op, d, raw<decltype(element)>(x), static_cast<int16_t>(op.x_zero), weights.data(), int_depth(depth), gemm,
            [&](const Sum* acc, int64_t position, int64_t o0, int64_t count) { finish_int(op, acc, b, o0, count, to + position * d.o); });
    });
}

Work work(const Conv2D&, std::span<const Type* const> in, std::span<const Type* const> out) {
    const Shape& w = in[1]->shape;
    return {.macs = out[0]->elements() * w[1] * w[2] * w[3]};
}

std::optional<Box> needs(const Conv2D& op, std::span<const Type* const> in, const Type& out, const Box& out_box, size_t operand) {
    const Shape& x = in[0]->shape;
    const Shape& w = in[1]->shape;
    Box b = whole(in[operand]->shape);
    if (operand > 0) {
        b.begin[0] = out_box.begin[3], b.end[0] = out_box.end[3];
        return b;
    }
    b.begin[0] = out_box.begin[0], b.end[0] = out_box.end[0];
    for (size_t i = 0; i < 2; ++i) {
        const auto [first, last] = window_range(out_box.begin[1 + i], out_box.end[1 + i], w[static_cast<int64_t>(1 + i)], op.stride[i],
                                                op.dilation[i], op.pad[i], x[static_cast<int64_t>(1 + i)]);
        b.begin[1 + i] = first, b.end[1 + i] = last;
    }
    const int64_t og = out.shape[3] / op.groups;
    b.begin[3] = out_box.begin[3] / og * w[3];
    b.end[3] = ((out_box.end[3] - 1) / og + 1) * w[3];
    return b;
}

}  // namespace gw
