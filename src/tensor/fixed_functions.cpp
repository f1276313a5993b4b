// TFLite's integer softmax, logistic and tanh are defined by gemmlowp's fixed-point functions; whoever wants the same bytes computes
// the same integers. Re-implemented from the definitions: the exponential reduces its argument to [−1/4, 0), takes four terms of the
// Taylor series about −1/8 there, and multiplies by exp(−2^k) for each further binary digit; reciprocals come from three steps of Newton's
// iteration x ← x + x(1 − d·x) that starts from the best straight line 48/17 − 32/17·d on [1/2, 1].
// Every product is a saturating rounding doubling high multiplication.
#include "tensor/fixed_functions.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "tensor/fixed_point.h"

namespace gw {
namespace {
constexpr int32_t highest_int = std::numeric_limits<int32_t>::max();
constexpr int32_t lowest_int = std::numeric_limits<int32_t>::min();

int32_t mul(int32_t a, int32_t b) { return saturating_rounding_doubling_high_mul(a, b); }
int32_t wrapping_add(int32_t a, int32_t b) { return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)); }
int32_t wrapping_sub(int32_t a, int32_t b) { return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b)); }
// v in Q`integer_bits`, rounded half away from zero.
int32_t constant(double v, int integer_bits) { return static_cast<int32_t>(std::round(std::ldexp(v, 31 - integer_bits))); }

// exp(x) in Q0 for x in [−1/4, 0) in Q0.
int32_t exp_near_zero(int32_t x) {
    const int32_t at_eighth = constant(std::exp(-0.125), 0);
    const int32_t third = constant(1.0 / 3.0, 0);
    const int32_t d = x + (1 << 28);  // about −1/8
    const int32_t d2 = mul(d, d), d3 = mul(d2, d), d4 = mul(d2, d2);
    const int32_t tail = rounding_divide_by_power_of_two(mul(rounding_divide_by_power_of_two(d4, 2) + d3, third) + d2, 1);
    return at_eighth + mul(at_eighth, d + tail);
}

// Newton's 1/d in Q2 for d = (1 + x)/2 in Q0.
int32_t reciprocal_of_half_sum(int32_t x) {
    const auto half = static_cast<int32_t>((int64_t{x} + highest_int + 1) / 2);
    int32_t y = constant(48.0 / 17.0, 2) + mul(half, constant(-32.0 / 17.0, 2));
    for (int i = 0; i < 3; ++i) {
        const int32_t rest = (1 << 29) - mul(half, y);
        y += saturating_rounding_multiply_by_power_of_two(mul(y, rest), 2);
    }
    return y;
}
}  // namespace

int32_t saturating_rounding_multiply_by_power_of_two(int32_t x, int exponent) {
    if (exponent <= 0) return rounding_divide_by_power_of_two(x, -exponent);
    const auto limit = static_cast<int32_t>((int64_t{1} << (31 - exponent)) - 1);
    if (x > limit) return highest_int;
    if (x < -limit) return lowest_int;
    return static_cast<int32_t>(static_cast<uint32_t>(x) << exponent);
}

int32_t fixed_exp_on_negative(int32_t x, int integer_bits) {
    GW_CHECK(integer_bits > 0 && integer_bits <= 5, "integer bits of a fixed-point exponential");
    if (x == 0) return highest_int;
    const int fraction_bits = 31 - integer_bits;
    const int32_t quarter = 1 << (fraction_bits - 2);
    const int32_t near = (x & (quarter - 1)) - quarter;  // x modulo 1/4, less 1/4
    int32_t y = exp_near_zero(saturating_rounding_multiply_by_power_of_two(near, integer_bits));
    const int32_t rest = wrapping_sub(near, x);
    for (int k = -2; k < integer_bits; ++k)
        if ((rest & (1 << (fraction_bits + k))) != 0) y = mul(y, constant(std::exp(-std::ldexp(1.0, k)), 0));
    return y;
}

int32_t fixed_one_over_one_plus(int32_t x) { return saturating_rounding_multiply_by_power_of_two(reciprocal_of_half_sum(x), 1); }

int32_t fixed_logistic(int32_t x) {
    if (x == 0) return 1 << 30;
    const int32_t magnitude = x > 0 ? x : wrapping_sub(0, x);
    const int32_t y = fixed_one_over_one_plus(fixed_exp_on_negative(wrapping_sub(0, magnitude), 4));
    return x > 0 ? y : highest_int - y;
}

int32_t fixed_tanh(int32_t x) {
    if (x == 0) return 0;
    const int32_t negative = x < 0 ? x : wrapping_sub(0, x);
    // −tanh(x) = (1 − e)/(1 + e) with e = exp(2x); 2x in Q5 has the bits of x in Q4. 1/d − 1 with d = (1 + e)/2.
    const int32_t e = fixed_exp_on_negative(negative, 5);
    const int32_t y = saturating_rounding_multiply_by_power_of_two(wrapping_add(reciprocal_of_half_sum(e), -(1 << 29)), 2);
    return x < 0 ? wrapping_sub(0, y) : y;
}

// x = 2^e · r, r in about [2^-1/2, 2^1/2] around the root w = 2^-1/4: log x = e'·log 2 + f(r), f a rational function in q = 2(r − w) that
// vanishes at w, and e' = e ± 1/4 what w leaves over. Two such r are at hand, one for x and one for x·√½; the smaller is the nearer one.
int32_t fixed_log(int32_t x) {
    GW_CHECK(x > 0, "logarithm of a fixed-point number that is not positive");
    constexpr int integer_bits = 12, sum_bits = 6;  // of x, and of the sum, which needs one more than the result
    const double root = std::sqrt(std::sqrt(2.0));
    const int32_t w = constant(1 / root, 0), half_root = constant(std::sqrt(0.5), 0), quarter = 1 << (29 - sum_bits);
    const auto power = [](int e) { return saturating_rounding_multiply_by_power_of_two(e, 31 - sum_bits); };

    const int zeros = std::countl_zero(static_cast<uint32_t>(x));
    const int32_t r_a = saturating_rounding_multiply_by_power_of_two(mul(x << (zeros - 1), half_root), 1);
    const int zeros_b = std::countl_zero(static_cast<uint32_t>(mul(x, half_root))) - 1;
    const int32_t r_b = saturating_rounding_multiply_by_power_of_two(x, zeros_b);
    const int32_t r = std::min(r_a, r_b);
    const int32_t exponent = std::max(power(integer_bits - zeros) + quarter, power(integer_bits - zeros_b) - quarter);

    const auto p = static_cast<int32_t>((int64_t{r} + w + 1) / 2);
    const int32_t q = 2 * (r - w), q2 = mul(q, q);
    const int32_t above = mul(q, r) + mul(mul(q, q2), constant(11.0 / 240.0 * root, 0));
    const int32_t below_less_one =
        mul(p, constant(2.0 / root - root, 0) + q + mul(constant(1.0 / 20.0 * root, 0), q2)) + mul(constant(0.25 * root, 0), q);
    const int32_t f = mul(rounding_divide_by_power_of_two(above, sum_bits), fixed_one_over_one_plus(below_less_one));
    return saturating_rounding_multiply_by_power_of_two(mul(exponent, constant(std::log(2.0), 0)) + f, 1);
}

std::span<const uint16_t, 256> logistic_table16() {
    static const std::array<uint16_t, 256> table = [] {
        std::array<uint16_t, 256> t{};
        for (size_t i = 0; i < t.size(); ++i) {
            const double v = std::round(65536.0 / (1.0 + std::exp(-static_cast<double>(i) / 24.0)));
            t[i] = static_cast<uint16_t>(std::min(v, 65535.0));
        }
        return t;
    }();
    return table;
}

int16_t fixed_logistic16(int32_t x) {
    // logistic(x/3·2^-12) lies between entries 2·|x| / 2^10: nine bits are left to interpolate.
    const uint32_t size = x < 0 ? 0u - static_cast<uint32_t>(x) : static_cast<uint32_t>(x);
    const uint32_t i = size >> 9;
    const auto table = logistic_table16();
    const uint32_t y = i >= 255 ? 0x7FFFu << 10 : (uint32_t{table[i]} << 9) + (size & 511u) * (uint32_t{table[i + 1]} - uint32_t{table[i]});
    const uint32_t rounded = x >= 0 ? y + (1u << 9) : (1u << 25) - y + (1u << 9) - 1;
    return static_cast<int16_t>(rounded >> 10);
}

int16_t fixed_tanh16(int32_t x) {
    // tanh(v) = 2·logistic(2·v) − 1.
    const uint32_t size = x < 0 ? 0u - static_cast<uint32_t>(x) : static_cast<uint32_t>(x);
    const uint32_t i = size >> 8;
    const auto table = logistic_table16();
    const int32_t y = i >= 255
                          ? 0xFFFF << 8
                          : static_cast<int32_t>((uint32_t{table[i]} << 8) + (size & 255u) * (uint32_t{table[i + 1]} - uint32_t{table[i]}));
    const int32_t centred = x >= 0 ? y - (1 << 23) + (1 << 7) : -y + (1 << 23) + (1 << 7) - 1;
    return static_cast<int16_t>(centred >> 8);
}

namespace {
// Everything in float32, in the order of the definition: the last bits of `first` and `step` decide entries.
template <class F>
std::array<int16_t, 513> interpolation_table(float x_scale, int32_t x_zero, F f) {
    constexpr int32_t steps = 512;
    constexpr float y_scale = 2.0f / 65535;
    const float first = x_scale * static_cast<float>(-32768 - x_zero), last = x_scale * static_cast<float>(32767 - x_zero);
    const float step = (last - first) / steps, inverse = 65536.0f / (y_scale * 32767.0f - y_scale * -32768.0f);
    const auto entry = [](float v) { return static_cast<int16_t>(std::clamp(v, -32768.0f, 32767.0f)); };
    std::array<int16_t, 513> table{};
    for (int32_t i = 0; i < steps; ++i) {
        const auto at = static_cast<float>(i);
        const float here = f(first + at * step), middle = f(first + at * step + step / 2), next = f(first + (at + 1) * step);
        const float sample = std::round(here * inverse);
        const float interpolated = std::round((next * inverse + sample) / 2);
        table[static_cast<size_t>(i)] = entry(sample - std::round((interpolated - std::round(middle * inverse)) / 2));
    }
    table[steps] = entry(std::round(f(last) * inverse));
    return table;
}
}  // namespace

std::span<const int16_t, 513> exp_table16() {
    static const auto table = interpolation_table(10.0f / 65535, 32767, [](float x) { return std::exp(x); });
    return table;
}

std::span<const int16_t, 513> one_over_one_plus_table16() {
    static const auto table = interpolation_table(1.0f / 65535, -32768, [](float x) { return 1.0f / (1.0f + x); });
    return table;
}

int16_t interpolated16(std::span<const int16_t, 513> table, int16_t x) {
    const auto i = static_cast<size_t>(256 + (x >> 7));
    return static_cast<int16_t>(table[i] + (((table[i + 1] - table[i]) * (x & 127) + 64) >> 7));
}

int32_t tanh16_argument(int32_t v, int exponent) {
    const int shift = exponent + 12;
    if (shift >= 0) return v * (3 << shift);
    return (3 * v + (1 << (-shift - 1))) >> -shift;
}

FixedReciprocal fixed_reciprocal(int32_t x, int integer_bits) {
    GW_CHECK(x > 0, "reciprocal of a fixed-point number that is not positive");
    const int headroom = std::countl_zero(static_cast<uint32_t>(x));
    const auto less_one = static_cast<int32_t>((static_cast<uint32_t>(x) << headroom) - (uint32_t{1} << 31));
    return {fixed_one_over_one_plus(less_one), integer_bits - headroom};
}

// Newton's iteration y ← y·(3/2 − x/2·y²) from 1, in Q3, for x moved by pairs of bits into [1/4, 1) of Q2's range; then times √(1/2) for
// the bit by which Q3 differs from an even number of places.
FixedInverseSqrt fixed_inverse_sqrt(int32_t x) {
    if (x <= 1) return {highest_int, 0};
    int32_t right = 11;
    for (; x >= 1 << 29; x /= 4) ++right;
    const int pairs = (std::countl_zero(static_cast<uint32_t>(x)) - 1) / 2 - 1;
    right -= pairs;
    x <<= 2 * pairs;  // in [2^27, 2^29)
    const int32_t half = rounding_divide_by_power_of_two(x >> 1, 1), three_halves = (1 << 28) + (1 << 27);
    int32_t y = 1 << 28;
    for (int i = 0; i < 5; ++i) {
        const int32_t cube = saturating_rounding_multiply_by_power_of_two(mul(mul(y, y), y), 6);
        y = saturating_rounding_multiply_by_power_of_two(mul(three_halves, y) - mul(half, cube), 3);
    }
    y = mul(y, constant(std::sqrt(2.0) / 2, 0));
    return right < 0 ? FixedInverseSqrt{y << -right, 0} : FixedInverseSqrt{y, -right};
}

}  // namespace gw
