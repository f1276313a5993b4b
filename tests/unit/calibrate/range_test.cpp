// Choice of ranges on distributions whose right answer is known.
#include "calibrate/range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace gw {
namespace {
using Kind = RangeMethod::Kind;

TensorProfile profile_of(const std::vector<float>& values) {
    Recorder r;
    r.add(values);
    return r.profile("t");
}

std::vector<float> gaussian(size_t n, float mean = 0, float sigma = 1) {
    std::mt19937 random(11);
    std::normal_distribution<float> d(mean, sigma);
    std::vector<float> v(n);
    for (float& x : v) x = d(random);
    return v;
}

std::vector<float> uniform(size_t n, float lo, float hi) {
    std::vector<float> v(n);
    for (size_t i = 0; i < n; ++i) v[i] = lo + (hi - lo) * (static_cast<float>(i) + 0.5f) / static_cast<float>(n);
    return v;
}

// Mean squared error of quantizing the values themselves.
double true_error(const std::vector<float>& values, const Range& r) {
    const double step = (static_cast<double>(r.hi) - r.lo) / 255;
    double e = 0;
    for (const float v : values) {
        const double d = std::clamp(std::nearbyint(v / step) * step, static_cast<double>(r.lo), static_cast<double>(r.hi)) - v;
        e += d * d;
    }
    return e / static_cast<double>(values.size());
}

TEST(Range, MinmaxIncludesZero) {
    EXPECT_EQ(choose_range(profile_of({-1.5f, 3}), {Kind::minmax}), (Range{-1.5f, 3}));
    EXPECT_EQ(choose_range(profile_of({2, 3}), {Kind::minmax}), (Range{0, 3}));
    EXPECT_EQ(choose_range(profile_of({-2, -3}), {Kind::minmax}), (Range{-3, 0}));
    for (const Kind k : {Kind::minmax, Kind::percentile, Kind::kl, Kind::mse}) {
        EXPECT_EQ(choose_range(profile_of({0, -0.0f, 0}), {k}), (Range{0, 0}));
        EXPECT_EQ(choose_range(profile_of({}), {k}), (Range{0, 0}));
        EXPECT_EQ(choose_range(profile_of({7}), {k}), (Range{0, 7})) << "a single value is no outlier";
        EXPECT_EQ(choose_range(profile_of({-7, 0}), {k}), (Range{-7, 0}));
    }
}

TEST(Range, EveryMethodStaysWithinWhatWasSeen) {
    std::mt19937 random(4);
    for (int round = 0; round < 30; ++round) {
        std::vector<float> v(1 + random() % 500);
        const double spread = static_cast<double>(random() % 4);
        for (float& x : v)
            x = static_cast<float>(std::pow(10, spread * (static_cast<double>(random() % 2001) / 1000 - 1))) * (random() % 3 == 0 ? -1 : 1);
        const TensorProfile p = profile_of(v);
        const Range whole = choose_range(p, {Kind::minmax});
        for (const Kind k : {Kind::percentile, Kind::kl, Kind::mse}) {
            const Range r = choose_range(p, {k});
            EXPECT_LE(whole.lo, r.lo);
            EXPECT_LE(r.lo, 0);
            EXPECT_LE(0, r.hi);
            EXPECT_LE(r.hi, whole.hi);
            EXPECT_LT(r.lo, r.hi);
        }
    }
}

TEST(Range, PercentileIsExactToTheBin) {
    std::vector<float> v = gaussian(20001, 0.3f, 2);
    const TensorProfile p = profile_of(v);
    std::sort(v.begin(), v.end());
    for (const double percentile : {100.0, 99.99, 99.9, 99.0, 90.0}) {
        const auto cut = static_cast<size_t>(std::floor(20001 * (100 - percentile) / 200));
        const Range r = choose_range(p, {Kind::percentile, percentile});
        const float lo = v[cut], hi = v[v.size() - 1 - cut];
        EXPECT_EQ(r.lo, static_cast<float>(std::max<double>(bin_bounds(bin_of(lo)).low, p.min))) << percentile;
        EXPECT_EQ(r.hi, static_cast<float>(std::min<double>(bin_bounds(bin_of(hi)).high, p.max))) << percentile;
    }
    // Zeros count: of a ReLU's values 90 % are 0, so 1 % at the top is a tenth of the rest.
    std::vector<float> relu(9000, 0.0f);
    for (int i = 0; i < 1000; ++i) relu.push_back(static_cast<float>(i + 1) / 1000);
    const Range r = choose_range(profile_of(relu), {Kind::percentile, 98});
    EXPECT_EQ(r.lo, 0);
    EXPECT_NEAR(r.hi, 0.9, 0.06);
}

TEST(Range, KlAndMseClipOutliersOfAGaussian) {
    std::vector<float> v = gaussian(200000);
    const float bulk = *std::max_element(v.begin(), v.end());
    v.push_back(100);
    v.push_back(-80);
    const TensorProfile p = profile_of(v);
    const Range kl = choose_range(p, {Kind::kl});
    EXPECT_LT(kl.hi, 2 * bulk);
    EXPECT_GT(kl.lo, -2 * bulk);
    EXPECT_GT(kl.hi, 2.5f) << "the bulk of the distribution stays";
    EXPECT_LT(kl.lo, -2.5f);
    // The squared error of a few values at 100 weighs more; with a hundred times fewer levels nothing changes but the balance.
    const Range mse = choose_range(p, {Kind::mse}), whole = choose_range(p, {Kind::minmax});
    EXPECT_LT(true_error(v, mse), 0.75 * true_error(v, whole));
}

TEST(Range, KlAndMseLeaveAUniformDistributionWhole) {
    for (const auto& [lo, hi] : {std::pair{-1.0f, 1.0f}, std::pair{0.0f, 6.0f}, std::pair{-3.0f, 0.7f}}) {
        const TensorProfile p = profile_of(uniform(100000, lo, hi));
        const Range whole = choose_range(p, {Kind::minmax});
        EXPECT_EQ(choose_range(p, {Kind::kl}), whole);
        // Half a step beyond the end is rounded to it anyway, so the least squared error gives up no more than a step.
        const Range mse = choose_range(p, {Kind::mse});
        const float step = (whole.hi - whole.lo) / 255;
        EXPECT_NEAR(mse.lo, whole.lo, step);
        EXPECT_NEAR(mse.hi, whole.hi, step);
    }
}

// The estimate from bins leads to a range about as good as the best of all ranges, found by trying them on the values themselves.
TEST(Range, MseIsNearTheTrueOptimum) {
    std::vector<float> heavy = gaussian(20000);
    for (float& x : heavy) x = x * x * x;
    std::vector<float> relu = gaussian(20000);
    for (float& x : relu) x = std::max(x, 0.0f) * std::fabs(x);
    for (const auto& v : {heavy, relu}) {
        const TensorProfile p = profile_of(v);
        const double chosen = true_error(v, choose_range(p, {Kind::mse}));
        double best = 1e30;
        for (double s = 0.05; s <= 1.0001; s += 0.05)
            for (double t = 0.05; t <= 1.0001; t += 0.05)
                best = std::min(best, true_error(v, {std::min(0.0f, static_cast<float>(p.min * s)), static_cast<float>(p.max * t)}));
        EXPECT_LT(chosen, 1.15 * best);
    }
}

TEST(Range, AnOutlierOfAReluIsClippedWhateverTheZeros) {
    std::vector<float> v = gaussian(50000);
    for (float& x : v) x = std::max(x, 0.0f);
    v.push_back(500);
    const Range few = choose_range(profile_of(v), {Kind::kl});
    v.insert(v.end(), 1000000, 0.0f);
    const Range many = choose_range(profile_of(v), {Kind::kl});
    EXPECT_EQ(few, many);
    EXPECT_LT(many.hi, 16);
    EXPECT_EQ(many.lo, 0);
}

TEST(RangeMethodText, ParsesAndPrints) {
    Diagnostics diag;
    for (const char* text : {"minmax", "kl", "mse", "percentile:99.5", "percentile:100"})
        EXPECT_EQ(range_method_text(*parse_range_method(text, diag)), text);
    EXPECT_EQ(parse_range_method("percentile", diag)->percentile, 99.99);
    for (const char* bad : {"", "max", "kl:3", "percentile:", "percentile:0", "percentile:101", "percentile:x", "percentile:nan"})
        EXPECT_FALSE(parse_range_method(bad, diag).ok()) << bad;
    EXPECT_EQ(diag.errors(), 8);
    EXPECT_EQ(diag.all()[0].id, DiagId::bad_option);
}

}  // namespace
}  // namespace gw
