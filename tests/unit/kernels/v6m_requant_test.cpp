// The window form of Armv6-M against the reference's roundings: equal for every accumulator of the interval, tried at every one where that
// is possible, and around every step where it is not.
#include <gtest/gtest.h>

#include <bit>

#include "kernels/v6m.h"
#include "unit/kernels/cases.h"

namespace gw {
namespace {

// Accumulators to try: both ends, every step and its neighbours, and many between; all of them if there are few.
std::vector<int64_t> probes(Dice& dice, const Requant& r, int64_t c, Interval i) {
    std::vector<int64_t> all;
    if (i.hi - i.lo < 30000) {
        for (int64_t a = i.lo; a <= i.hi; ++a) all.push_back(a);
        return all;
    }
    for (const int64_t at : requant_steps(r, c, i))
        for (int64_t a = std::max(i.lo, at - 2); a <= std::min(i.hi, at + 2); ++a) all.push_back(a);
    for (int k = 0; k < 3000; ++k) all.push_back(dice.between(i.lo, i.hi));
    for (int64_t k = 0; k < 5; ++k) all.insert(all.end(), {i.lo + k, i.hi - k});
    return all;
}

// Reads the words as depthwise_pairs_s8 does; false when the lines are not packed.
bool expect_packed_means_the_same(const WindowRequant& window, int n) {
    const std::optional<PackedWindow> packed = packed_window(window);
    if (!packed) return false;
    WindowRequant read = window;
    for (size_t c = 0; c < read.lines.size(); ++c) {
        const auto below = static_cast<uint32_t>(packed->words[2 * c + 1]);
        read.lines[c].multiplier = static_cast<uint32_t>(packed->words[2 * c]);
        read.lines[c].width = below >> 16 << packed->width_shift;
        read.lines[c].addend = (static_cast<uint32_t>(packed->first + 1) << 24) - ((below & 0xFFFFU) << packed->addend_shift);
        const WindowRequant::Line& line = window.lines[c];
        const int64_t step = std::max<int64_t>(1, line.width / 3000);
        for (int64_t u = -3; u <= line.width + 2 * step + 3; u += u < 1000 ? 1 : step) {
            const auto acc = static_cast<int32_t>(line.base + u);
            EXPECT_EQ(read.apply(acc, static_cast<int64_t>(c)), window.apply(acc, static_cast<int64_t>(c))) << "case " << n << " u " << u;
        }
        EXPECT_LE(std::bit_width(read.lines[c].width), 32 - read.low) << "the lower product fits 32 bits";
    }
    return true;
}

TEST(V6mRequant, WindowEqualsTheReferenceEverywhere) {
    Dice dice(7);
    int found = 0, bent = 0, tried = 0, packed = 0;
    for (int n = 0; n < 400; ++n) {
        const auto form = static_cast<Rounding>(1 + n % 3);
        const int64_t channels = dice.between(1, 4), reach = int64_t{1} << dice.between(4, 21);
        std::vector<double> real;
        std::vector<Interval> intervals;
        for (int64_t c = 0; c < channels; ++c) {
            // A result of 1 to 2000 steps over the interval.
            real.push_back(static_cast<double>(dice.between(1, 2000)) / static_cast<double>(reach) *
                           (1 + static_cast<double>(dice.between(0, 999)) / 1000));
            const int64_t middle = dice.between(-reach / 2, reach / 2);
            intervals.push_back({middle - dice.between(0, reach / 2), middle + dice.between(0, reach / 2)});
        }
        for (double& r : real) r = std::min(r, 0.9);
        const Requant r = make_requant(form, real, std::vector<int64_t>(real.size(), reach), dice.zero(), -128, 127);
        const auto window = window_requant(r, intervals);
        ++tried;
        if (!window) continue;
        ++found, bent += window->turns ? 1 : 0;
        packed += expect_packed_means_the_same(*window, n) ? 1 : 0;
        for (int64_t c = 0; c < channels; ++c)
            for (const int64_t acc : probes(dice, r, c, intervals[static_cast<size_t>(c)]))
                ASSERT_EQ(window->apply(static_cast<int32_t>(acc), c), r.apply(static_cast<int32_t>(acc), c))
                    << "case " << n << " channel " << c << " acc " << acc << " form " << rounding_name(form);
    }
    EXPECT_GT(found, tried * 8 / 10) << "the form must be there for most layers";
    EXPECT_GT(bent, 10);
    EXPECT_GT(packed, (found - bent) / 2);
}

}  // namespace
}  // namespace gw
