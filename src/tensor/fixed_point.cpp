// How an int32 accumulator becomes a small integer again. The real factor of an op (input scale · weight scale / output scale) is known
// when the model is compiled; here it becomes integers, in one of some forms, and here the forms get their meaning.
//
// What holds afterwards: a Requant made here never overflows for accumulators within the bound it was made for. Its outputs differ from
// acc · real by the final rounding (half a step) and, for `narrow`, by less than 1/16 step more.
//
// The form `twice` is TFLite's (gemmlowp's SaturatingRoundingDoublingHighMul and RoundingDivideByPOT), re-implemented from its definition.
#include "tensor/fixed_point.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace gw {
namespace {
constexpr int64_t int32_highest = std::numeric_limits<int32_t>::max();
constexpr int64_t int32_lowest = std::numeric_limits<int32_t>::min();
constexpr double narrow_tolerance = 1.0 / 16;
constexpr int narrow_highest = 32767;

int32_t saturate(int64_t v) { return static_cast<int32_t>(std::clamp(v, int32_lowest, int32_highest)); }

// One channel of the narrow form and its worst error in output steps; error is infinite where no multiplier fits.
struct Narrow {
    int32_t multiplier = 0, shift = 1;
    double error = std::numeric_limits<double>::infinity();
};

// Whether ((acc >> pre_shift) · multiplier + 2^(shift−1)) stays inside int32 for |acc| ≤ max_abs. The arithmetic shift rounds toward minus
// infinity, so the shifted accumulator lies in [−b, b] with b = ceil(max_abs / 2^pre_shift); the product is largest at the ends, and
// the rounding term only moves it up. The C adds the zero point in the same sum, doubled, before its last shift by one: at shift 1 that
// takes up to 2·128 more.
bool narrow_fits(int64_t max_abs, int pre_shift, int64_t multiplier, int shift) {
    const int64_t b = (max_abs + (int64_t{1} << pre_shift) - 1) >> pre_shift;
    return b * multiplier + std::max(int64_t{1} << (shift - 1), int64_t{256}) <= int32_highest;
}

// The best multiplier and shift for one channel. `span` is the largest |acc · real| whose exact value matters: what lies beyond is clamped,
// and the form is monotone in acc. The error has two parts: the multiplier's own rounding, which grows with |acc|, and what
// the pre-shift cuts off, at most 2^pre_shift − 1 units of acc.
Narrow narrow_channel(double real, int64_t max_abs, double span, int pre_shift) {
    if (real == 0) return {0, 1, 0};
    Narrow best;
    const double reach = std::min(span, real * static_cast<double>(max_abs));
    const double cut = real * static_cast<double>((int64_t{1} << pre_shift) - 1);
    for (int shift = 1; shift <= 31; ++shift) {
        const double exact = std::ldexp(real, pre_shift + shift);
        const double rounded = std::round(exact);
        if (rounded > narrow_highest) break;
        if (!narrow_fits(max_abs, pre_shift, static_cast<int64_t>(rounded), shift)) break;
        const double error = std::abs(rounded / exact - 1) * reach + cut;
        if (error <= best.error) best = {static_cast<int32_t>(rounded), shift, error};
    }
    return best;
}

// Fills `r` with the narrow form at one pre-shift; the worst error of all channels.
double narrow_layer(Requant& r, const std::vector<double>& real, const std::vector<int64_t>& max_abs, double span, int pre_shift) {
    double worst = 0;
    r.rounding = Rounding::narrow;
    r.pre_shift = pre_shift;
    for (size_t c = 0; c < real.size(); ++c) {
        const Narrow n = narrow_channel(real[c], max_abs[max_abs.size() == 1 ? 0 : c], span, pre_shift);
        r.multiplier[c] = n.multiplier;
        r.shift[c] = n.shift;
        worst = std::max(worst, n.error);
    }
    return worst;
}

// multiplier · 2^−shift ≈ real with 31 bits of multiplier.
void single_channel(double real, int32_t& multiplier, int32_t& shift) {
    multiplier = 0, shift = 1;
    if (real == 0) return;
    int exponent = 0;
    std::frexp(real, &exponent);  // real in [2^(exponent−1), 2^exponent)
    shift = std::clamp(31 - exponent, 1, 62);
    double m = std::round(std::ldexp(real, shift));
    if (m > static_cast<double>(int32_highest) && shift > 1) m = std::round(std::ldexp(real, --shift));
    multiplier = static_cast<int32_t>(std::min(m, static_cast<double>(int32_highest)));
}
}  // namespace

std::string_view rounding_name(Rounding r) {
    constexpr std::string_view names[] = {"none", "narrow", "single", "twice", "even", "wide"};
    return names[static_cast<size_t>(r)];
}

int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b) {
    if (a == b && a == int32_lowest) return static_cast<int32_t>(int32_highest);
    const int64_t ab = int64_t{a} * b;
    const int64_t nudge = ab >= 0 ? (int64_t{1} << 30) : 1 - (int64_t{1} << 30);
    return static_cast<int32_t>((ab + nudge) / (int64_t{1} << 31));
}

int32_t rounding_divide_by_power_of_two(int32_t x, int exponent) {
    const auto mask = static_cast<int32_t>((int64_t{1} << exponent) - 1);
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

int32_t multiply_by_quantized_multiplier(int32_t x, int32_t multiplier, int shift) {
    // The left shift wraps, as the two's complement product that TFLite computes does; tables are made of shifts that leave nothing.
    const auto shifted = shift > 31 ? 0 : static_cast<int32_t>(static_cast<uint32_t>(x) << std::max(shift, 0));
    return rounding_divide_by_power_of_two(saturating_rounding_doubling_high_mul(shifted, multiplier), std::max(-shift, 0));
}

void quantize_multiplier(double real, int32_t& multiplier, int& shift) {
    multiplier = 0, shift = 0;
    if (real == 0 || std::isnan(real)) return;
    real = std::clamp(real, -std::numeric_limits<double>::max(), std::numeric_limits<double>::max());
    auto q = static_cast<int64_t>(std::round(std::ldexp(std::frexp(real, &shift), 31)));
    if (q == int64_t{1} << 31) q /= 2, ++shift;
    if (shift < -31) q = 0, shift = 0;  // every bit would be shifted out
    multiplier = static_cast<int32_t>(q);
}

void widen_multiplier(int32_t& multiplier, int32_t& shift) {
    multiplier = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
    shift = 15 - shift;
}

int32_t Requant::rescale(int64_t wide_acc, int64_t channel) const {
    const auto acc = static_cast<int32_t>(wide_acc);  // what all forms but one see
    if (rounding == Rounding::none) return acc;
    const size_t c = multiplier.size() == 1 ? 0 : static_cast<size_t>(channel);
    const int32_t m = multiplier[c];
    const int32_t s = shift[c];
    switch (rounding) {
        case Rounding::narrow: {
            // Unsigned, so that a Requant which was not proved for this accumulator wraps instead of being undefined.
            const uint32_t product = static_cast<uint32_t>(acc >> pre_shift) * static_cast<uint32_t>(m) + (uint32_t{1} << (s - 1));
            return static_cast<int32_t>(product) >> s;
        }
        case Rounding::single:
            return saturate((int64_t{acc} * m + (int64_t{1} << (s - 1))) >> s);
        case Rounding::twice:
            return multiply_by_quantized_multiplier(acc, m, s);
        case Rounding::even: {
            // One less than a half goes up, and one more where the result would otherwise be odd.
            const int64_t product = int64_t{acc} * m;
            return saturate((product + ((int64_t{1} << (s - 1)) - 1) + ((product >> s) & 1)) >> s);
        }
        case Rounding::wide:  // unsigned, so that what leaves 64 bits wraps
            return saturate(static_cast<int64_t>(static_cast<uint64_t>(wide_acc) * static_cast<uint64_t>(m) + (uint64_t{1} << (s - 1))) >>
                            s);
        case Rounding::none:
            break;
    }
    return acc;
}

int32_t Requant::apply(int64_t acc, int64_t channel) const {
    return static_cast<int32_t>(std::clamp<int64_t>(int64_t{rescale(acc, channel)} + zero_point, lo, hi));
}

Requant make_requant(Rounding wanted, const std::vector<double>& real, const std::vector<int64_t>& max_abs, int32_t zero_point, int32_t lo,
                     int32_t hi) {
    GW_CHECK(!real.empty() && (max_abs.size() == 1 || max_abs.size() == real.size()), "one bound, or one a channel");
    for (double r : real) GW_CHECK(std::isfinite(r) && r >= 0, "a rescaling factor must be finite and not negative");
    Requant best;
    best.zero_point = zero_point, best.lo = lo, best.hi = hi;
    if (wanted == Rounding::none) return best;
    best.multiplier.assign(real.size(), 0);
    best.shift.assign(real.size(), 1);
    if (wanted == Rounding::narrow && *std::max_element(max_abs.begin(), max_abs.end()) <= int32_highest) {
        const double span = std::max(std::abs(static_cast<double>(lo) - zero_point), std::abs(static_cast<double>(hi) - zero_point)) + 1;
        double least = std::numeric_limits<double>::infinity();
        Requant candidate = best;
        for (int pre_shift = 0; pre_shift <= 24; ++pre_shift) {
            const double error = narrow_layer(candidate, real, max_abs, span, pre_shift);
            if (error < least) least = error, best = candidate;
        }
        if (least <= narrow_tolerance) return best;
    }
    best.rounding = wanted == Rounding::narrow ? Rounding::single : wanted;
    best.pre_shift = 0;
    for (size_t c = 0; c < real.size(); ++c) {
        if (wanted == Rounding::twice) {
            quantize_multiplier(real[c], best.multiplier[c], best.shift[c]);
        } else {
            single_channel(real[c], best.multiplier[c], best.shift[c]);
        }
    }
    return best;
}

}  // namespace gw
