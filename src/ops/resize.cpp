// Resizing of pictures. Where an output position lies in the input follows ONNX's coordinate transformations, computed in float as its
// reference runtime does; per dimension that gives one tap an output position, which generated code holds as a table.
#include <cmath>

#include "ops/support.h"

namespace gw {
using namespace detail;
namespace {
float coordinate(const Resize& op, size_t dimension, int64_t position, int64_t in_size) {
    const int64_t out_size = op.size[dimension];
    const float scale = op.scale[dimension];
    const auto p = static_cast<float>(position);
    switch (op.coordinates) {
        case ResizeCoordinates::asymmetric:
            return p / scale;
        case ResizeCoordinates::align_corners:
            return out_size == 1 ? 0.0f : p * static_cast<float>(in_size - 1) / static_cast<float>(out_size - 1);
        case ResizeCoordinates::pytorch_half_pixel:
            return out_size == 1 ? 0.0f : (p + 0.5f) / scale - 0.5f;
        case ResizeCoordinates::half_pixel:
            break;
    }
    return (p + 0.5f) / scale - 0.5f;
}

float nearest(ResizeRounding rounding, float c) {
    switch (rounding) {
        case ResizeRounding::round_prefer_floor:
            return std::ceil(c - 0.5f);
        case ResizeRounding::round_prefer_ceil:
            return std::floor(c + 0.5f);
        case ResizeRounding::floor:
            return std::floor(c);
        case ResizeRounding::ceil:
            return std::ceil(c);
    }
    return c;
}

// One output position, all channels.
void linear_float(const ResizeTap& v, const ResizeTap& h, const float* top, const float* bottom, int64_t channels, float* y) {
    const float* tl = top + h.low * channels;
    const float* tr = top + h.high * channels;
    const float* bl = bottom + h.low * channels;
    const float* br = bottom + h.high * channels;
    for (int64_t c = 0; c < channels; ++c) {
        const float upper = tl[c] * (1 - h.weight) + tr[c] * h.weight;
        const float lower = bl[c] * (1 - h.weight) + br[c] * h.weight;
        y[c] = upper * (1 - v.weight) + lower * v.weight;
    }
}
void linear_int8(ResizeUnits units, const ResizeTap& v, const ResizeTap& h, const int8_t* top, const int8_t* bottom, int64_t channels,
                 int8_t* y) {
    const int32_t one = units == ResizeUnits::of_1024 ? 1024 : 256;
    const int8_t* tl = top + h.low * channels;
    const int8_t* tr = top + h.high * channels;
    const int8_t* bl = bottom + h.low * channels;
    const int8_t* br = bottom + h.high * channels;
    for (int64_t c = 0; c < channels; ++c) {
        const int32_t upper = tl[c] * (one - h.parts) + tr[c] * h.parts;
        const int32_t lower = bl[c] * (one - h.parts) + br[c] * h.parts;
        const int32_t sum = upper * (one - v.parts) + lower * v.parts;
        y[c] = static_cast<int8_t>(units == ResizeUnits::of_1024 ? (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20)
                                                                 : (sum + (1 << 15)) >> 16);
    }
}
// TFLite's places of a linear resize of integers, in units of 1/1024: the step from one to the next is rounded to a unit.
ResizeTap integer_tap(const Resize& op, int64_t out_size, int64_t position, int64_t in_size) {
    const bool corners = op.coordinates == ResizeCoordinates::align_corners && out_size > 1;
    const int64_t from = corners ? in_size - 1 : in_size, to = corners ? out_size - 1 : out_size;
    const int64_t step = (1024 * from + to / 2) / to;
    const int64_t place = position * step + (op.coordinates == ResizeCoordinates::half_pixel ? step / 2 - 512 : 0);
    const int64_t low = std::clamp<int64_t>(place / 1024, 0, in_size - 1), high = std::min((place + 1023) / 1024, in_size - 1);
    const auto parts = static_cast<int32_t>(place - 1024 * low);
    return {low, high, static_cast<float>(parts) / 1024, parts};
}
}  // namespace

std::vector<ResizeTap> resize_taps(const Resize& op, size_t dimension, int64_t in_size) {
    std::vector<ResizeTap> taps;
    const auto last = static_cast<float>(in_size - 1);
    for (int64_t p = 0; p < op.size[dimension]; ++p) {
        if (op.mode == ResizeMode::linear && op.units == ResizeUnits::of_1024) {
            taps.push_back(integer_tap(op, op.size[dimension], p, in_size));
            continue;
        }
        const float c = coordinate(op, dimension, p, in_size);
        if (op.mode == ResizeMode::nearest) {
            const auto i = static_cast<int64_t>(clamp_to(nearest(op.rounding, c), 0.0f, last));
            taps.push_back({i, i, 0.0f, 0});
            continue;
        }
        const float inside = clamp_to(c, 0.0f, last);
        const auto low = static_cast<int64_t>(inside);
        const float weight = inside - static_cast<float>(low);
        taps.push_back({low, std::min(low + 1, in_size - 1), weight, static_cast<int32_t>(std::lround(weight * 256.0f))});
    }
    return taps;
}

Expected<std::vector<Type>> infer(const Resize& op, std::span<const Operand> in, const InferContext& context) {
    GW_TRY_DO(check_operands(op, in, 1, context));
    const Type& x = *in[0].type;
    GW_TRY_DO(check_rank(x, 4, "x", "(N, H, W, C)", context));
    Type y = x;
    for (size_t i = 0; i < 2; ++i) {
        if (op.size[i] < 1 || op.size[i] > (int64_t{1} << 24)) return context.fail("size {} is out of range [1, 2^24]", op.size[i]);
        if (!std::isfinite(op.scale[i]) || op.scale[i] <= 0) return context.fail("scale {} is not a positive number", op.scale[i]);
        y.shape[static_cast<int64_t>(i + 1)] = op.size[i];
    }
    if (op.mode == ResizeMode::linear && x.dtype != DType::float32 && x.dtype != DType::int8) {
        return about(context, "x").fail("{} has element type {}, expected f32 or i8 for linear", x.text(), dtype_name(x.dtype));
    }
    if (op.units == ResizeUnits::of_1024) {
        if (op.mode != ResizeMode::linear || x.dtype != DType::int8) return context.fail("units of_1024 are for linear resizes of i8");
        if (op.coordinates == ResizeCoordinates::pytorch_half_pixel) return context.fail("units of_1024 have no pytorch_half_pixel");
        // The last place stays in the picture, one unit a step apart at most, so that weights and sums fit 32 bits.
        if (op.size[0] > 2048 || op.size[1] > 2048) return context.fail("units of_1024 are for sizes of at most 2048");
    }
    if (!x.quant.empty() && !x.quant.per_tensor()) return about(context, "x").fail("{} is not quantized per tensor", x.text());
    return one(std::move(y), context);
}

void evaluate(const Resize& op, std::span<const Tensor* const> in, std::span<Tensor> out) {
    const Tensor& x = *in[0];
    const Shape& s = x.shape();
    const int64_t row = s[2] * s[3];
    const int64_t c = s[3];
    const std::vector<ResizeTap> vertical = resize_taps(op, 0, s[1]);
    const std::vector<ResizeTap> horizontal = resize_taps(op, 1, s[2]);
    int64_t to = 0;
    for (int64_t n = 0; n < s[0]; ++n) {
        for (const ResizeTap& v : vertical) {
            const int64_t top = (n * s[1] + v.low) * row;
            const int64_t bottom = (n * s[1] + v.high) * row;
            for (const ResizeTap& h : horizontal) {
                if (op.mode == ResizeMode::nearest) {
                    copy_run(x, top + h.low * c, out[0], to, c);
                } else if (x.type.dtype == DType::float32) {
                    linear_float(v, h, raw<float>(x) + top, raw<float>(x) + bottom, c, raw<float>(out[0]) + to);
                } else {
                    linear_int8(op.units, v, h, raw<int8_t>(x) + top, raw<int8_t>(x) + bottom, c, raw<int8_t>(out[0]) + to);
                }
                to += c;
            }
        }
    }
}

Work work(const Resize&, std::span<const Type* const>, std::span<const Type* const>) { return {}; }

std::optional<Box> needs(const Resize& op, std::span<const Type* const> in, const Type&, const Box& out_box, size_t) {
    Box b = out_box;
    for (size_t i = 0; i < 2; ++i) {
        const int64_t size = in[0]->shape[static_cast<int64_t>(i + 1)];
        const std::vector<ResizeTap> taps = resize_taps(op, i, size);
        b.begin[1 + i] = size, b.end[1 + i] = 0;
        for (int64_t p = out_box.begin[1 + i]; p < out_box.end[1 + i]; ++p) {
            const ResizeTap& t = taps[static_cast<size_t>(p)];
            b.begin[1 + i] = std::min(b.begin[1 + i], t.low);
            b.end[1 + i] = std::max(b.end[1 + i], (op.mode == ResizeMode::nearest ? t.low : t.high) + 1);
        }
    }
    return b;
}

}  // namespace gw
