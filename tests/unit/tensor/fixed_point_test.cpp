// Fixed-point laws: the form `twice` against TFLite's definition computed anew in wide integers, `narrow` within its bound and its error on
// random factors and bounds, `single` exact to its rounding.
#include "tensor/fixed_point.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace gw {
namespace {
constexpr int32_t lowest32 = std::numeric_limits<int32_t>::min();
constexpr int32_t highest32 = std::numeric_limits<int32_t>::max();
using Wide = __int128;

// floor((n + d/2) / d) for d > 0: round half up.
Wide divide_half_up(Wide n, Wide d) {
    const Wide s = n + d / 2;
    return s >= 0 ? s / d : -((-s + d - 1) / d);
}
// Half away from zero.
Wide divide_half_away(Wide n, Wide d) { return n >= 0 ? (n + d / 2) / d : -((-n + d / 2) / d); }

// TFLite's definition: the high multiplication rounds a·b / 2^31 to nearest, halves up (its negative nudge is one short of half and the
// quotient truncates); the right shift rounds halves away from zero.
int32_t twice_reference(int32_t x, int32_t multiplier, int shift) {
    const auto shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << std::max(shift, 0));
    Wide high = divide_half_up(static_cast<Wide>(shifted) * multiplier, static_cast<Wide>(1) << 31);
    if (high > highest32) high = highest32;
    return static_cast<int32_t>(divide_half_away(high, static_cast<Wide>(1) << std::max(-shift, 0)));
}

std::vector<int32_t> edge_values() {
    return {lowest32, lowest32 + 1, -(1 << 30) - 1, -(1 << 30), -65537,        -65536,        -3,       -2, -1, 0, 1, 2,
            3,        65535,        65536,          1 << 30,    (1 << 30) + 1, highest32 - 1, highest32};
}
}  // namespace

TEST(FixedPoint, TwiceIsTflitesOnEdgesAndRandomValues) {
    EXPECT_EQ(saturating_rounding_doubling_high_mul(lowest32, lowest32), highest32);
    for (int32_t a : edge_values())
        for (int32_t m : {1 << 30, (1 << 30) + 1, 1518500250, highest32})
            for (int shift : {-31, -30, -8, -1, 0, 1, 7})
                EXPECT_EQ(multiply_by_quantized_multiplier(a, m, shift), twice_reference(a, m, shift)) << a << " " << m << " " << shift;
    std::mt19937 random(1);
    for (int i = 0; i < 100000; ++i) {
        const auto a = static_cast<int32_t>(random()) >> (random() % 24);
        const auto m = static_cast<int32_t>((random() & 0x3fffffff) | 0x40000000);
        const int shift = static_cast<int>(random() % 34) - 31;
        ASSERT_EQ(multiply_by_quantized_multiplier(a, m, shift), twice_reference(a, m, shift)) << a << " " << m << " " << shift;
    }
}

// TFLite's definition for sums of 64 bits: 15 bits of the multiplier, one rounding, half up.
TEST(FixedPoint, WideIsTflitesOnSumsOf64Bits) {
    const auto reference = [](int64_t acc, int32_t multiplier, int shift) {
        const Wide reduced = multiplier < 0x7FFF0000 ? (static_cast<Wide>(multiplier) + 32768) / 65536 : 32767;
        const Wide exact = divide_half_up(acc * reduced, static_cast<Wide>(1) << (15 - shift));
        return static_cast<int32_t>(std::clamp<Wide>(exact, lowest32, highest32));
    };
    std::mt19937_64 random(5);
    constexpr int64_t most = (int64_t{1} << 47) - 1;
    for (int i = 0; i < 100000; ++i) {
        const int64_t acc = i % 7 == 0 ? (i % 2 == 0 ? most : -most - 1) : static_cast<int64_t>(random()) >> (17 + random() % 40);
        auto m = static_cast<int32_t>((random() & 0x3fffffff) | 0x40000000);
        if (i % 11 == 0) m = highest32 - static_cast<int32_t>(random() % 70000);  // where rounding to 15 bits would give 2^15
        const int shift = static_cast<int>(random() % 39) - 31;
        Requant r{Rounding::wide, 0, {m}, {shift}, 0, lowest32, highest32};
        widen_multiplier(r.multiplier[0], r.shift[0]);
        ASSERT_EQ(r.rescale(acc, 0), reference(acc, m, shift)) << acc << " " << m << " " << shift;
    }
}

TEST(FixedPoint, WideByHand) {
    const auto widened = [](int32_t m, int32_t s) {
        widen_multiplier(m, s);
        return std::pair(m, s);
    };
    EXPECT_EQ(widened(1 << 30, 0), std::pair(16384, 15));
    EXPECT_EQ(widened((1 << 30) + 32767, -5), std::pair(16384, 20)) << "just below half a unit";
    EXPECT_EQ(widened((1 << 30) + 32768, 7), std::pair(16385, 8));
    EXPECT_EQ(widened(0x7FFEFFFF, 0), std::pair(32767, 15));
    EXPECT_EQ(widened(0x7FFF0000, 0), std::pair(32767, 15)) << "held below 2^15";
    EXPECT_EQ(widened(highest32, 0), std::pair(32767, 15));
    const auto half = [](int64_t acc) { return Requant{Rounding::wide, 0, {16384}, {15}, 0, -32768, 32767}.apply(acc, 0); };
    EXPECT_EQ(half(5), 3) << "2.5, half up";
    EXPECT_EQ(half(-5), -2) << "-2.5, half up";
    EXPECT_EQ(half(-6), -3);
    EXPECT_EQ(half((int64_t{1} << 32) + 2), 32767) << "beyond 32 bits; the low 32 alone would give 1";
    EXPECT_EQ(half(-(int64_t{1} << 40)), -32768);
    EXPECT_EQ((Requant{Rounding::wide, 0, {16384}, {46}, 0, -32768, 32767}.apply((int64_t{1} << 46) + (int64_t{1} << 32), 0)), 16385);
}

TEST(FixedPoint, HandComputedRoundings) {
    // 5 · 2^30 / 2^31 = 2.5 → 3; −2.5 → −2 (up); then the right shift takes halves away from zero.
    EXPECT_EQ(saturating_rounding_doubling_high_mul(5, 1 << 30), 3);
    EXPECT_EQ(saturating_rounding_doubling_high_mul(-5, 1 << 30), -2);
    EXPECT_EQ(rounding_divide_by_power_of_two(6, 2), 2);
    EXPECT_EQ(rounding_divide_by_power_of_two(-6, 2), -2);
    EXPECT_EQ(rounding_divide_by_power_of_two(-5, 2), -1);
    EXPECT_EQ(rounding_divide_by_power_of_two(lowest32, 31), -1);
    Requant single{Rounding::single, 0, {1}, {1}, 0, -128, 127};
    EXPECT_EQ(single.apply(5, 0), 3);    // 2.5 up
    EXPECT_EQ(single.apply(-5, 0), -2);  // −2.5 up
    Requant narrow{Rounding::narrow, 1, {3, 1}, {2, 1}, 10, 0, 20};
    EXPECT_EQ(narrow.apply(-3, 0), 9);  // −3 >> 1 = −2; (−6 + 2) >> 2 = −1; + 10
    EXPECT_EQ(narrow.apply(8, 1), 12);  // 4; (4 + 1) >> 1 = 2
    EXPECT_EQ(narrow.apply(1000, 1), 20);
    EXPECT_EQ(narrow.apply(-1000, 1), 0);
}

TEST(FixedPoint, QuantizeMultiplierGivesANormalisedMantissa) {
    int32_t m = 7;
    int shift = 7;
    quantize_multiplier(0, m, shift);
    EXPECT_EQ(m, 0);
    EXPECT_EQ(shift, 0);
    quantize_multiplier(1, m, shift);
    EXPECT_EQ(m, 1 << 30);
    EXPECT_EQ(shift, 1);
    quantize_multiplier(1 - 1e-12, m, shift);  // rounds up to 2^31, so halves
    EXPECT_EQ(m, 1 << 30);
    EXPECT_EQ(shift, 1);
    quantize_multiplier(1e-12, m, shift);  // below 2^−32: all would be shifted out
    EXPECT_EQ(m, 0);
    EXPECT_EQ(shift, 0);
    std::mt19937 random(2);
    for (int i = 0; i < 1000; ++i) {
        const double real = std::exp(std::uniform_real_distribution<double>(-18, 8)(random));
        quantize_multiplier(real, m, shift);
        ASSERT_GE(m, 1 << 30);
        ASSERT_NEAR(std::ldexp(m, shift - 31), real, real * std::ldexp(1.0, -31));
    }
}

// For random layers: no product overflows at any accumulator within the bound, and outputs differ from the exact real value by at most half
// a step of rounding and the 1/16 that the form claims.
TEST(FixedPoint, NarrowNeverOverflowsAndKeepsItsErrorBound) {
    std::mt19937 random(3);
    const auto uniform = [&](double lo, double hi) { return std::uniform_real_distribution<double>(lo, hi)(random); };
    int narrow = 0;
    for (int layer = 0; layer < 400; ++layer) {
        const size_t channels = 1 + random() % 8;
        const auto zero = static_cast<int32_t>(random() % 256) - 128;
        const int32_t lo = random() % 2 ? zero : -128;
        std::vector<double> real(channels);
        std::vector<int64_t> bound(channels);
        const double centre = uniform(-12, 0);
        for (size_t c = 0; c < channels; ++c) {
            real[c] = random() % 10 == 0 ? 0 : std::exp2(centre + uniform(-2, 2));
            bound[c] = static_cast<int64_t>(std::exp2(uniform(6, 31))) - 1;
        }
        const Requant r = make_requant(Rounding::narrow, real, bound, zero, lo, 127);
        ASSERT_EQ(r.multiplier.size(), channels);
        narrow += r.rounding == Rounding::narrow;
        for (size_t c = 0; c < channels; ++c) {
            for (int k = 0; k < 60; ++k) {
                const int64_t acc = k == 0   ? bound[c]
                                    : k == 1 ? -bound[c]
                                             : static_cast<int64_t>(uniform(-1, 1) * static_cast<double>(bound[c]) * std::exp2(-(k % 12)));
                if (r.rounding == Rounding::narrow) {
                    ASSERT_LE(r.multiplier[c], 32767);
                    ASSERT_GE(r.shift[c], 1);
                    ASSERT_LE(r.shift[c], 31);
                    const int64_t product = (acc >> r.pre_shift) * r.multiplier[c];
                    const int64_t sum = product + (int64_t{1} << (r.shift[c] - 1));
                    ASSERT_GE(product, lowest32);
                    ASSERT_LE(sum, highest32);
                }
                const double exact = std::clamp(static_cast<double>(acc) * real[c] + zero, static_cast<double>(lo), 127.0);
                ASSERT_NEAR(r.apply(static_cast<int32_t>(acc), static_cast<int64_t>(c)), exact, 0.5 + 1.0 / 16 + 1e-9)
                    << rounding_name(r.rounding) << " real " << real[c] << " acc " << acc;
            }
        }
    }
    EXPECT_GT(narrow, 100);  // the form must be what most layers get, or this test tests nothing
    EXPECT_LT(narrow, 400);  // and the fallback must have been taken as well
}

TEST(FixedPoint, NarrowFallsBackWhereItCannotBeExact) {
    // Channels five powers of ten apart cannot share a pre-shift.
    const Requant r = make_requant(Rounding::narrow, {0.5, 5e-6}, {400, 50000000}, 0, -128, 127);
    EXPECT_EQ(r.rounding, Rounding::single);
    EXPECT_EQ(r.pre_shift, 0);
    EXPECT_EQ(r.apply(101, 0), 51);
    EXPECT_EQ(r.apply(20000000, 1), 100);
}

TEST(FixedPoint, SingleIsExactToHalfAStep) {
    std::mt19937 random(4);
    for (int i = 0; i < 20000; ++i) {
        const double real = std::exp2(std::uniform_real_distribution<double>(-40, 2)(random));
        const Requant r = make_requant(Rounding::single, {real}, {highest32}, 0, -1000000, 1000000);
        ASSERT_GE(r.shift[0], 1);
        ASSERT_LE(r.shift[0], 62);
        const int32_t acc = static_cast<int32_t>(random()) >> (random() % 31);
        const double exact = std::clamp(acc * real, -1e6, 1e6);
        ASSERT_NEAR(r.apply(acc, 0), exact, 0.5 + std::abs(exact) * std::ldexp(1.0, -30) + std::abs(acc) * std::ldexp(1.0, -62)) << real;
    }
}

}  // namespace gw
