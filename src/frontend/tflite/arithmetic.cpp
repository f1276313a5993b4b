// The bytes that TFLite Micro's reference kernels give depend on how real factors became integers: which products are taken in float and
// which in double, how an activation's bounds are rounded, and when a multiplier is flushed to zero. All of that is decided here, once,
// when the model is read; the ops carry the integers.
#include "frontend/tflite/arithmetic.h"

#include <algorithm>
#include <cmath>

#include "tensor/fixed_functions.h"

namespace gw {

Expected<FloatRange> float_activation(TfliteNode& n, tfl::Activation a) {
    switch (a) {
        case tfl::Activation::none:
            return FloatRange{};
        case tfl::Activation::relu:
            return FloatRange{0, infinity};
        case tfl::Activation::relu_n1_to_1:
            return FloatRange{-1, 1};
        case tfl::Activation::relu6:
            return FloatRange{0, 6};
        default:
            return n.unsupported("fused activation number {} is not supported", static_cast<int>(a));
    }
}

Expected<IntRange> int_activation(TfliteNode& n, tfl::Activation a, const Quant& quant, DType t) {
    GW_TRY(FloatRange real, float_activation(n, a));
    // Quantized in float, half away from zero.
    const auto bound = [&](float v) {
        const float steps = std::round(v / quant.scale());
        return static_cast<int32_t>(std::clamp<double>(double{steps} + quant.zero_point(), -100000, 100000));
    };
    IntRange r = range_of(t);
    if (real.lo != -infinity) r.lo = std::clamp(bound(real.lo), r.lo, r.hi);
    if (real.hi != infinity) r.hi = std::clamp(bound(real.hi), r.lo, r.hi);
    return r;
}

Requant twice_requant(const std::vector<double>& factors, int32_t zero_point, IntRange range) {
    Requant r;
    r.rounding = Rounding::twice;
    r.zero_point = zero_point, r.lo = range.lo, r.hi = range.hi;
    for (double f : factors) {
        int shift = 0;
        int32_t multiplier = 0;
        quantize_multiplier(f, multiplier, shift);
        r.multiplier.push_back(multiplier);
        r.shift.push_back(shift);
    }
    return r;
}

Expected<Requant> wide_requant(TfliteNode& n, const std::vector<double>& factors, IntRange range, std::string_view name) {
    Requant r = twice_requant(factors, 0, range);
    r.rounding = Rounding::wide;
    for (size_t c = 0; c < factors.size(); ++c) {
        if (r.shift[c] > 7) return n.bad_quant(name, "a sum is rescaled by {}; factors below 128 are defined", factors[c]);
        widen_multiplier(r.multiplier[c], r.shift[c]);
    }
    return r;
}

bool is_power_of_two(float scale, int& power) {
    const float log2 = std::log(scale) * (1.0f / std::log(2.0f)), rounded = std::round(log2);
    power = static_cast<int>(rounded);
    return std::abs(log2 - rounded) < 1e-3f;
}

bool quantized_pair(const TfliteNode& n) {
    const DType t = n.type(0).dtype;
    return (t == DType::int8 || t == DType::int16) && n.type(1).dtype == t && n.out_type(0).dtype == t;
}

namespace {
struct Scaling {
    int32_t multiplier = 0;
    int shift = 0;
    explicit Scaling(double factor) { quantize_multiplier(factor, multiplier, shift); }
    int32_t operator()(int32_t v) const { return multiply_by_quantized_multiplier(v, multiplier, shift); }
};

template <class F>
Tensor table_of(F f) {
    std::vector<int8_t> table;
    for (int32_t v = -128; v < 128; ++v) table.push_back(static_cast<int8_t>(std::clamp<int64_t>(f(v), -128, 127)));
    return Tensor::of<int8_t>({256}, table);
}

// Logistic and tanh: the operand in Q4, where what leaves the format counts as infinite.
template <class F>
Tensor q4_table(const Quant& x, F f) {
    constexpr int integer_bits = 4;
    int shift = 0;
    const double mantissa = std::frexp(static_cast<double>(x.scale()) * (1 << (31 - integer_bits)), &shift);
    const auto multiplier = static_cast<int32_t>(std::min(std::round(std::ldexp(mantissa, 31)), 2147483647.0));
    const double radius = std::floor(std::ldexp(15.0, 31 - integer_bits - shift));
    return table_of([&](int32_t v) -> int64_t {
        const int32_t d = v - x.zero_point();
        if (d <= -radius) return -128;
        if (d >= radius) return 127;
        return f(multiply_by_quantized_multiplier(d, multiplier, std::max(shift, -31)));
    });
}

int16_t high_mul16(int16_t a, int16_t b, bool rounded) {
    const int32_t product = int32_t{a} * b;
    if (product == 1 << 30) return 32767;
    const int32_t nudge = !rounded ? 0 : product >= 0 ? 1 << 14 : 1 - (1 << 14);
    return static_cast<int16_t>((product + nudge) / (1 << 15));
}
int16_t saturate16(int64_t v) { return static_cast<int16_t>(std::clamp<int64_t>(v, -32768, 32767)); }
int16_t upper_half(int32_t multiplier) {
    return multiplier >= 2147483647 - (1 << 15) ? int16_t{32767} : static_cast<int16_t>((multiplier + (1 << 15)) >> 16);
}
}  // namespace

namespace {
// The nearest whole number, where absurd scales leave one: far beyond every level of int8 it does not matter which.
int64_t nearest(float v) { return std::isnan(v) ? 0 : static_cast<int64_t>(std::clamp(std::round(v), -1e6f, 1e6f)); }
}  // namespace

Tensor relu_table(const Quant& x, const Quant& y, FloatRange range) {
    const Scaling scale(static_cast<double>(x.scale()) / static_cast<double>(y.scale()));
    const auto bound = [&](float v) { return y.zero_point() + nearest(v / y.scale()); };
    const int64_t lo = range.lo == -infinity ? -128 : std::max<int64_t>(-128, bound(range.lo));
    const int64_t hi = range.hi == infinity ? 127 : std::min<int64_t>(127, bound(range.hi));
    return table_of([&](int32_t v) -> int64_t { return std::min(hi, std::max(lo, int64_t{y.zero_point()} + scale(v - x.zero_point()))); });
}

Tensor relu6_table(const Quant& x) {
    const int64_t six = std::clamp<int64_t>(nearest(6.0f / x.scale()) + x.zero_point(), -128, 127);
    return table_of([&](int32_t v) -> int64_t { return v > six ? six : std::max(v, x.zero_point()); });
}

Tensor logistic_table(const Quant& x) {
    return q4_table(x, [](int32_t v) -> int64_t { return rounding_divide_by_power_of_two(fixed_logistic(v), 31 - 8) - 128; });
}

Tensor tanh_table(const Quant& x) {
    return q4_table(x, [](int32_t v) -> int64_t { return rounding_divide_by_power_of_two(fixed_tanh(v), 31 - 7); });
}

Tensor leaky_relu_table(const Quant& x, const Quant& y, float alpha) {
    const Scaling same(static_cast<double>(x.scale() / y.scale())), below(static_cast<double>(x.scale() * alpha / y.scale()));
    return table_of([&](int32_t v) -> int64_t {
        const int32_t d = v - x.zero_point();
        return int64_t{y.zero_point()} + (d >= 0 ? same(d) : below(d));
    });
}

// x · relu6(x + 3)/6 in 16 bits: x on a scale 128 times finer, once rescaled toward the result, once to [−1, 1] for the slope.
Expected<Tensor> hard_swish_table(TfliteNode& n, const Quant& x, const Quant& y) {
    const float fine = (1.0f / 128.0f) * x.scale();
    const Scaling out(static_cast<double>(fine / y.scale())), slope(static_cast<double>(fine / (3.0f / 32768.0f)));
    if (out.shift > 0) return n.bad_quant("result", "scale {} is too small for an operand of scale {}", y.scale(), x.scale());
    const int16_t out16 = upper_half(out.multiplier), slope16 = upper_half(slope.multiplier);
    return table_of([&](int32_t v) -> int64_t {
        const auto hires = static_cast<int16_t>((v - x.zero_point()) * 128);
        const int16_t value = high_mul16(hires, out16, true);
        int16_t s = hires;
        if (slope.shift > 0) s = saturate16(int64_t{s} << std::min(slope.shift - 1, 31));
        s = high_mul16(s, slope16, true);
        if (slope.shift > 0) s = saturate16(int64_t{s} * 2);
        if (slope.shift < 0) s = static_cast<int16_t>(rounding_divide_by_power_of_two(s, -slope.shift));
        s = static_cast<int16_t>((s + (1 << 15)) >> 1);
        return int64_t{rounding_divide_by_power_of_two(high_mul16(s, value, false), -out.shift)} + y.zero_point();
    });
}

namespace {
// Computed in float, entry by entry.
template <class F>
Tensor float_table(const Quant& x, const Quant& y, F f) {
    const float inverse = 1.0f / y.scale();
    return table_of([&](int32_t v) -> int64_t {
        const float result = f(x.scale() * static_cast<float>(v - x.zero_point()));
        return nearest(result * inverse) + y.zero_point();
    });
}
}  // namespace

Tensor elu_table(const Quant& x, const Quant& y) {
    return float_table(x, y, [](float v) { return v < 0 ? std::exp(v) - 1.0f : v; });
}

Tensor exp_table(const Quant& x, const Quant& y) {
    return float_table(x, y, [](float v) { return std::exp(v); });
}

Tensor minimum_table(const Quant& x) {
    return table_of([&](int32_t v) -> int64_t { return std::min(v, x.zero_point()); });
}

Tensor abs_table(const Quant& x, const Quant& y) {
    const Scaling scale(static_cast<double>(x.scale()) / static_cast<double>(y.scale()));
    return table_of([&](int32_t v) -> int64_t {
        const int32_t d = std::abs(v - x.zero_point());
        return int64_t{y.zero_point()} + (x.scale() == y.scale() ? d : scale(d));
    });
}

// 1/√d as a fixed-point number 20 bits up, then brought to the result's scale.
Tensor rsqrt_table(const Quant& x, const Quant& y) {
    constexpr int up = 20;
    const Scaling scale(1.0 / (std::sqrt(static_cast<double>(x.scale())) * static_cast<double>(y.scale())));
    return table_of([&](int32_t v) -> int64_t {
        const int32_t d = v - x.zero_point();
        if (d <= 0) return 127;
        const FixedInverseSqrt root = fixed_inverse_sqrt(d);
        const int32_t fine = multiply_by_quantized_multiplier(1, root.multiplier, root.shift + up);
        const int shift = scale.shift - up;
        return int64_t{shift < -31 ? 0 : multiply_by_quantized_multiplier(fine, scale.multiplier, shift)} + y.zero_point();
    });
}

Tensor requantize_table(const Quant& x, const Quant& y) {
    const Scaling scale(static_cast<double>(x.scale()) / static_cast<double>(y.scale()));
    return table_of([&](int32_t v) -> int64_t { return int64_t{scale(v - x.zero_point())} + y.zero_point(); });
}

// CONCATENATION of uint8 rescales in float32.
Tensor concatenation_table(const Quant& x, const Quant& y) {
    const float scale = x.scale() * (1.0f / y.scale()), bias = static_cast<float>(-(x.zero_point() + 128)) * scale;
    return table_of([&](int32_t v) -> int64_t { return nearest(static_cast<float>(v + 128) * scale + bias) + y.zero_point(); });
}

namespace {
constexpr int softmax_bits = 5;  // integer bits of the distances
constexpr uint32_t farthest_log = uint32_t{17} << (31 - softmax_bits);
// beta · (max − x) in Q5.26 for the differences of a softmax's operand, as far as the format reaches.
Expected<std::vector<uint32_t>> softmax_distances(TfliteNode& n, float beta, float scale) {
    const double factor = std::min(static_cast<double>(beta) * static_cast<double>(scale) * (1 << (31 - softmax_bits)), 2147483647.0);
    if (!(factor > 1)) return n.unsupported("a softmax with beta {} and input scale {} is flat", beta, scale);
    int32_t multiplier = 0;
    int shift = 0;
    quantize_multiplier(factor, multiplier, shift);
    // Distances whose rescaled value would leave the format count as infinitely far.
    const auto farthest = static_cast<int64_t>(std::floor(std::ldexp(31.0, 31 - softmax_bits - shift)));
    std::vector<uint32_t> distances;
    for (int64_t d = 0; d < 256 && d <= farthest; ++d)
        distances.push_back(static_cast<uint32_t>(-saturating_rounding_doubling_high_mul(static_cast<int32_t>(-(d << shift)), multiplier)));
    return distances;
}
std::vector<uint32_t> exponentials(const std::vector<uint32_t>& distances) {
    std::vector<uint32_t> table;
    for (uint32_t d : distances) table.push_back(static_cast<uint32_t>(fixed_exp_on_negative(-static_cast<int32_t>(d), softmax_bits)));
    table.resize(256, 0);
    return table;
}
}  // namespace

Expected<Tensor> softmax_table(TfliteNode& n, float beta, float scale) {
    GW_TRY(const std::vector<uint32_t> distances, softmax_distances(n, beta, scale));
    return Tensor::of<uint32_t>({256}, exponentials(distances));
}

// What is 17 or more below the largest is the lowest step of 1/16, whatever the sum.
Expected<Tensor> log_softmax_table(TfliteNode& n, float scale) {
    GW_TRY(std::vector<uint32_t> distances, softmax_distances(n, 1, scale));
    std::vector<uint32_t> table = exponentials(distances);
    for (uint32_t& d : distances) d = std::min(d, farthest_log);
    distances.resize(256, farthest_log);
    table.insert(table.end(), distances.begin(), distances.end());
    return Tensor::of<uint32_t>({2, 256}, table);
}

}  // namespace gw
