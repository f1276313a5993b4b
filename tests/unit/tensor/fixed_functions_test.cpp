// Fixed-point functions against the real ones, everywhere within what their digits allow, and exact at the points where they are defined
// so.
#include "tensor/fixed_functions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace gw {
namespace {
constexpr int32_t highest = std::numeric_limits<int32_t>::max();
double real(int32_t raw, int integer_bits) { return std::ldexp(static_cast<double>(raw), integer_bits - 31); }

TEST(FixedFunctions, ExponentialOfNegativeNumbers) {
    for (int bits : {1, 4, 5}) {
        EXPECT_EQ(fixed_exp_on_negative(0, bits), highest);
        int32_t last = 0;
        for (int64_t raw = std::numeric_limits<int32_t>::min(); raw < 0; raw += 104729) {
            const auto x = static_cast<int32_t>(raw);
            const int32_t y = fixed_exp_on_negative(x, bits);
            ASSERT_NEAR(real(y, 0), std::exp(real(x, bits)), 3e-7) << bits << " integer bits, x " << real(x, bits);
            ASSERT_GE(y, 0);
            ASSERT_GE(y + 700, last) << "not monotone at " << real(x, bits);
            last = y;
        }
    }
}

// Values of the definition, worked out by hand: exp(−1/8) and the Taylor polynomial about it, and one factor a binary digit.
TEST(FixedFunctions, ExponentialIsTheDefinitionsPolynomial) {
    const int32_t eighth = 1895147668;  // exp(−1/8) · 2^31
    // At −1/8 the polynomial is its constant term; −1/8 = (−1/4 + 1/8), no further digits.
    EXPECT_EQ(fixed_exp_on_negative(-(1 << 23), 5), eighth);
    // −3/8 is −1/8 and one quarter: times exp(−1/4), rounded.
    const auto product = static_cast<int64_t>(eighth) * 1672461947;
    EXPECT_EQ(fixed_exp_on_negative(-3 * (1 << 23), 5), static_cast<int32_t>((product + (int64_t{1} << 30)) >> 31));
}

TEST(FixedFunctions, ReciprocalOfOnePlus) {
    for (int64_t raw = 0; raw <= highest; raw += 65521) {
        const double x = real(static_cast<int32_t>(raw), 0);
        ASSERT_NEAR(real(fixed_one_over_one_plus(static_cast<int32_t>(raw)), 0), 1 / (1 + x), 1e-8) << x;
    }
    for (int64_t raw = 1; raw <= highest; raw = raw * 3 / 2 + 1) {
        const FixedReciprocal r = fixed_reciprocal(static_cast<int32_t>(raw), 12);
        const double x = real(static_cast<int32_t>(raw), 12);
        ASSERT_NEAR(real(r.scale, 0) * std::ldexp(1.0, -r.bits_over_unit) * x, 1, 2e-8) << x;
    }
}

TEST(FixedFunctions, Logarithm) {
    EXPECT_EQ(fixed_log(1 << 19), 0);
    int32_t last = 0;
    for (int64_t raw = 1 << 19; raw <= highest; raw += 8191) {  // 1 and more; below, few digits are left
        const int32_t y = fixed_log(static_cast<int32_t>(raw));
        ASSERT_NEAR(real(y, 5), std::log(real(static_cast<int32_t>(raw), 12)), 1e-7) << raw;
        ASSERT_GE(y + 16, last) << raw;
        last = y;
    }
}

TEST(FixedFunctions, LogisticAndTanh) {
    EXPECT_EQ(fixed_logistic(0), 1 << 30);
    EXPECT_EQ(fixed_tanh(0), 0);
    for (int64_t raw = 1; raw <= highest; raw += 104729) {
        const auto x = static_cast<int32_t>(raw);
        ASSERT_NEAR(real(fixed_logistic(x), 0), 1 / (1 + std::exp(-real(x, 4))), 1e-7);
        ASSERT_EQ(fixed_logistic(-x), highest - fixed_logistic(x));
        ASSERT_NEAR(real(fixed_tanh(x), 0), std::tanh(real(x, 4)), 4e-7);
        ASSERT_EQ(fixed_tanh(-x), -fixed_tanh(x));
    }
}

TEST(FixedFunctions, ShiftsRoundAndSaturate) {
    EXPECT_EQ(saturating_rounding_multiply_by_power_of_two(5, -1), 3);
    EXPECT_EQ(saturating_rounding_multiply_by_power_of_two(-5, -1), -3);
    EXPECT_EQ(saturating_rounding_multiply_by_power_of_two(-5, 3), -40);
    EXPECT_EQ(saturating_rounding_multiply_by_power_of_two((1 << 29) - 1, 2), ((1 << 29) - 1) * 4LL);
    EXPECT_EQ(saturating_rounding_multiply_by_power_of_two(1 << 29, 2), highest);
    EXPECT_EQ(saturating_rounding_multiply_by_power_of_two(-(1 << 29) - 1, 2), std::numeric_limits<int32_t>::min());
}

}  // namespace
// Entries by the definition in double: half the error midway is taken off, so that the real function lies on both sides of the chords.
TEST(FixedFunctions, TablesOfTheInt16SoftmaxFollowTheirFunctions) {
    const auto check = [](std::span<const int16_t, 513> table, auto f) {
        double worst = 0;
        for (int32_t x = -32768; x <= 32767; ++x) {
            const double real = 32768 * f((x + 32768) / 65536.0);
            worst = std::max(worst, std::abs(interpolated16(table, static_cast<int16_t>(x)) - std::min(real, 32767.0)));
        }
        EXPECT_LT(worst, 3.0);
        return worst;
    };
    check(exp_table16(), [](double t) { return std::exp(-10 + 10 * t); });
    check(one_over_one_plus_table16(), [](double t) { return 1 / (1 + t); });
    // 32768 · exp(−10) = 1.488 → 1; midway to the next, 1.517, is 1.502 → 2, interpolation gives 1.259 → 1: one less, half of it is off.
    EXPECT_EQ(exp_table16()[0], 2);
    EXPECT_EQ(exp_table16()[512], 32767);
    EXPECT_EQ(one_over_one_plus_table16()[0], 32767);
    EXPECT_EQ(one_over_one_plus_table16()[512], 16384);
}

TEST(FixedFunctions, InterpolationRoundsHalfUp) {
    std::array<int16_t, 513> table{};
    table[256] = 10, table[257] = 11, table[258] = 9, table[512] = 7;
    EXPECT_EQ(interpolated16(table, 0), 10);
    EXPECT_EQ(interpolated16(table, 63), 10);
    EXPECT_EQ(interpolated16(table, 64), 11) << "10.5";
    EXPECT_EQ(interpolated16(table, 128 + 32), 11) << "10.5 from above";
    EXPECT_EQ(interpolated16(table, 128 + 33), 10);
    EXPECT_EQ(interpolated16(table, -1), 10) << "9.92 from 0";
    EXPECT_EQ(interpolated16(table, 32767), 7);
    EXPECT_EQ(interpolated16(table, -32768), 0);
}

}  // namespace gw
