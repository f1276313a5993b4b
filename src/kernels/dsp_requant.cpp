// Rescaling by the upper word of a product, exactly.
//
// SMMLA adds the upper word of a 32 × 32 product to an addend, SSAT shifts and saturates: with a multiplier and an addend a channel and
// one shift a layer a result costs three instructions, where the three rounding forms of docs/arithmetic.md cost up to twenty. The results
// must nevertheless be theirs. Each form is a monotone step function of the accumulator, with at most 255 steps after the clamp, and the
// weights bound the accumulator. So: find each step of the reference, and solve for an addend that puts the new form's steps at the same
// accumulators. Each step bounds the addend from below and from above; any multiple of 2^32 within all bounds is exact.
//
// TFLite's two roundings go opposite ways for negative results, so a layer whose outputs take both signs often has no such addend. It gets
// the two roundings themselves, in the same instructions: SMMULR of twice the accumulator is the first, and the second adds the sign.
#include <algorithm>
#include <cmath>

#include "kernels/dsp.h"
#include "kernels/row_help.h"

namespace gw {
namespace {

// The real factor that a channel's integers stand for.
double real_factor(const Requant& r, size_t c) {
    const double m = r.multiplier[r.multiplier.size() == 1 ? 0 : c];
    const int32_t s = r.shift[r.shift.size() == 1 ? 0 : c];
    if (r.rounding == Rounding::twice) return std::ldexp(m, s - 31);
    return std::ldexp(m, -s - (r.rounding == Rounding::narrow ? r.pre_shift : 0));
}

// Least acc in [range.lo, range.hi] with apply(acc) ≥ v; range.hi + 1 when there is none.
int64_t step_at(const Requant& r, int64_t channel, Interval range, int32_t v, double real) {
    const auto reaches = [&](int64_t acc) { return r.apply(static_cast<int32_t>(acc), channel) >= v; };
    const double guess = real > 0 ? (static_cast<double>(v - r.zero_point) - 0.5) / real : 0;
    int64_t at = static_cast<int64_t>(std::clamp(guess, static_cast<double>(range.lo), static_cast<double>(range.hi)));
    // below: does not reach v (or lies outside), above: does.
    int64_t below = range.lo - 1, above = range.hi + 1;
    if (reaches(at)) {
        above = at;
        for (int64_t step = 1; above > range.lo; step *= 2) {
            const int64_t probe = std::max(range.lo, above - step);
            if (!reaches(probe)) {
                below = probe;
                break;
            }
            above = probe;
        }
    } else {
        below = at;
        for (int64_t step = 1; below < range.hi; step *= 2) {
            const int64_t probe = std::min(range.hi, below + step);
            if (reaches(probe)) {
                above = probe;
                break;
            }
            below = probe;
        }
    }
    while (above - below > 1) {
        const int64_t middle = below + (above - below) / 2;
        (reaches(middle) ? above : below) = middle;
    }
    return above;
}

constexpr int64_t word = int64_t{1} << 32;

int64_t ceil_word(int64_t v) { return (v >> 32) + ((v & (word - 1)) != 0 ? 1 : 0); }

// Whether `doubled` (gw_kernel.h's GW_DOUBLE) computes it: right shifts alone, that leave room for the zero point above them, and an
// accumulator that may be doubled.
bool doubled_fits(const Requant& r, std::span<const Interval> intervals) {
    if (r.rounding != Rounding::twice) return false;
    for (const int32_t s : r.shift)
        if (s > -1 || s < -22) return false;
    return std::all_of(intervals.begin(), intervals.end(),
                       [](Interval i) { return i.lo > -(int64_t{1} << 30) && i.hi < int64_t{1} << 30; });
}

// One channel's steps in accumulators less the offset: where results lo + 1 to hi begin. Beyond `range` a step does not matter.
struct Steps {
    Interval range;
    std::vector<int64_t> at;
};

// An addend that puts every step where the reference has it.
std::optional<int32_t> find_addend(const Requant& r, const Steps& steps, int64_t multiplier, int pre, int left, int post) {
    int64_t low = -(int64_t{1} << 30), high = int64_t{1} << 30;  // of the addend; no sum with an upper word leaves int32
    const int64_t factor = multiplier << left;
    for (size_t i = 0; i < steps.at.size(); ++i) {
        const int64_t at = steps.at[i];
        const int64_t target = (r.lo + 1 + static_cast<int64_t>(i)) << (32 + post);
        // Steps of the kernel lie at multiples of 2^pre.
        if (at <= steps.range.hi && at > steps.range.lo && (at & ((int64_t{1} << pre) - 1)) != 0) return std::nullopt;
        if (at <= steps.range.hi) low = std::max(low, ceil_word(target - factor * (at >> pre)));
        if (at > steps.range.lo) high = std::min(high, ceil_word(target - factor * ((at - 1) >> pre)) - 1);
        if (low > high) return std::nullopt;
    }
    return static_cast<int32_t>(low + (high - low) / 2);
}

// Multiplier and addend of one channel. The nearest multiplier first; its neighbours tilt the line a little, which often makes room.
bool find_line(const Requant& r, const Steps& steps, double nearest, HighRequant& out) {
    const auto middle = static_cast<int64_t>(std::llround(nearest));
    for (int64_t i = 0; i < 49; ++i) {
        const int64_t multiplier = middle + (i % 2 != 0 ? (i + 1) / 2 : -i / 2);
        if (multiplier < 0 || multiplier > INT32_MAX) continue;
        const auto addend = find_addend(r, steps, multiplier, out.pre, out.left, out.post);
        if (!addend) continue;
        out.multiplier.push_back(static_cast<int32_t>(multiplier));
        out.addend.push_back(*addend);
        return true;
    }
    return false;
}

}  // namespace

std::vector<int64_t> requant_steps(const Requant& requant, int64_t channel, Interval interval) {
    std::vector<int64_t> at;
    const double real = real_factor(requant, static_cast<size_t>(channel));
    for (int32_t v = requant.lo + 1; v <= requant.hi; ++v) at.push_back(step_at(requant, channel, interval, v, real));
    return at;
}

std::vector<Interval> accumulator_intervals(const Tensor& w, int64_t channels, int32_t x_zero, const Tensor& bias) {
    std::vector<Interval> out;
    const auto weights = w.data<int8_t>();
    const auto biases = bias.data<int32_t>();
    const size_t depth = weights.size() / static_cast<size_t>(channels);
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        Interval i{biases[c], biases[c]};
        for (size_t k = 0; k < depth; ++k) {
            const int64_t at_low = int64_t{weights[c * depth + k]} * (-128 - x_zero),
                          at_high = int64_t{weights[c * depth + k]} * (127 - x_zero);
            i.lo += std::min<int64_t>(0, std::min(at_low, at_high));
            i.hi += std::max<int64_t>(0, std::max(at_low, at_high));
        }
        out.push_back(i);
    }
    return out;
}

std::vector<Interval> settled_intervals(const Requant& requant, int64_t channels, int32_t x_zero, Tensor& w, Tensor& bias) {
    std::vector<Interval> out = accumulator_intervals(w, channels, x_zero, bias);
    Tensor weights = Tensor::from_bytes(w.type, w.bytes()), biases = Tensor::from_bytes(bias.type, bias.bytes());
    const size_t depth = weights.data<int8_t>().size() / static_cast<size_t>(channels);
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        if (out[c].lo < INT32_MIN / 2 || out[c].hi > INT32_MAX / 2) continue;
        const auto value = [&](int64_t acc) { return requant.apply(static_cast<int32_t>(acc), static_cast<int64_t>(c)); };
        const int32_t result = value(out[c].lo);
        if (value(out[c].hi) != result) continue;
        // From an accumulator that gives the result toward 0, as far as the result stays.
        int64_t good = std::clamp<int64_t>(0, out[c].lo, out[c].hi), other = 0;
        if (good != 0 && value(0) == result) good = 0;
        while (std::abs(good - other) > 1) {
            const int64_t middle = other + (good - other) / 2;
            (value(middle) == result ? good : other) = middle;
        }
        out[c] = {good, good};
        biases.mutable_data<int32_t>()[c] = static_cast<int32_t>(good);
        std::fill_n(weights.mutable_data<int8_t>().begin() + static_cast<std::ptrdiff_t>(c * depth), depth, int8_t{0});
    }
    w = weights;
    bias = biases;
    return out;
}

int32_t HighRequant::apply(int32_t acc, int64_t channel, int32_t lo, int32_t hi) const {
    const auto c = static_cast<size_t>(channel);
    const int64_t product = (((acc - offset[c]) >> pre) << left) * multiplier[c];
    return static_cast<int32_t>(std::clamp<int64_t>(((product >> 32) + addend[c]) >> post, lo, hi));
}

std::optional<HighRequant> high_requant(const Requant& requant, std::span<const Interval> intervals) {
    HighRequant out;
    out.pre = requant.rounding == Rounding::narrow ? requant.pre_shift : 0;
    int64_t largest = 1;
    double steepest = 0;
    for (size_t c = 0; c < intervals.size(); ++c) {
        if (intervals[c].lo < INT32_MIN || intervals[c].hi > INT32_MAX) return std::nullopt;
        out.offset.push_back((intervals[c].lo + intervals[c].hi) / 2 >> out.pre << out.pre);
        largest = std::max({largest, out.offset[c] - intervals[c].lo, intervals[c].hi - out.offset[c]});
        steepest = std::max(steepest, real_factor(requant, c));
        const int32_t s = requant.shift[requant.shift.size() == 1 ? 0 : c];
        const int64_t m = requant.multiplier[requant.multiplier.size() == 1 ? 0 : c];
        const int64_t here = std::max(std::abs(intervals[c].lo), std::abs(intervals[c].hi));
        // Outside what narrow was proved for it may wrap, and is no step function.
        if (requant.rounding == Rounding::narrow && ((here >> out.pre) + 1) * m + (int64_t{1} << (s - 1)) > INT32_MAX) return std::nullopt;
        if (requant.rounding == Rounding::twice && s > 0 && here >= int64_t{1} << (31 - s)) return std::nullopt;  // its left shift may wrap
    }
    if (largest >= int64_t{1} << 30) return std::nullopt;
    // As much of the word as the centred accumulator leaves free; less where the multiplier would then need a negative shift.
    while (((largest >> out.pre) + 1) << (out.left + 1) < int64_t{1} << 31) ++out.left;
    const auto scaled = [&](double real) { return std::ldexp(real, 32 + out.post + out.pre - out.left); };
    constexpr double multiplier_end = 2147483000.0;
    while (out.left > 0 && scaled(steepest) > multiplier_end) --out.left;
    if (scaled(steepest) > multiplier_end) return std::nullopt;
    while (out.post < 21 && scaled(steepest) * 2 < multiplier_end) ++out.post;
    for (size_t c = 0; c < intervals.size(); ++c) {
        Steps steps{{intervals[c].lo - out.offset[c], intervals[c].hi - out.offset[c]},
                    requant_steps(requant, static_cast<int64_t>(c), intervals[c])};
        for (int64_t& at : steps.at) at -= out.offset[c];
        if (!find_line(requant, steps, scaled(real_factor(requant, c)), out)) return std::nullopt;
    }
    return out;
}

std::vector<Interval> kernel_intervals(std::span<const Interval> intervals, const std::optional<HighRequant>& high) {
    std::vector<Interval> out(intervals.begin(), intervals.end());
    for (size_t c = 0; c < out.size() && high; ++c) out[c] = {out[c].lo - high->offset[c], out[c].hi - high->offset[c]};
    return out;
}

bool can_mix(const Tensor& w, int64_t channels, std::span<const Interval> intervals) {
    const auto weights = w.data<int8_t>();
    const size_t depth = weights.size() / static_cast<size_t>(channels);
    for (size_t c = 1; c < static_cast<size_t>(channels); c += 2) {
        if (intervals[c].lo < -(int64_t{1} << 23) || intervals[c].hi >= int64_t{1} << 23) return false;
        for (size_t k = 0; k < depth; ++k)
            if (weights[c * depth + k] == -128 && weights[(c - 1) * depth + k] < 0) return false;
    }
    return true;
}

void add_dsp_requant(Candidate& candidate, const Requant& requant, const Tensor& w, int64_t channels, int32_t x_zero, const Tensor& bias,
                     std::span<const Interval> intervals, const std::optional<HighRequant>& high, bool mixed) {
    const bool doubled = !high && doubled_fits(requant, intervals);
    const auto weights = w.data<int8_t>();
    const auto biases = bias.data<int32_t>();
    const size_t depth = weights.size() / static_cast<size_t>(channels);
    std::vector<int32_t> table;
    uint32_t even = 0;
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
        int64_t sum = 0;
        for (size_t k = 0; k < depth; ++k) sum += weights[c * depth + k];
        const auto folded =
            static_cast<uint32_t>(biases[c] - sum * x_zero - (high ? high->offset[c] : 0));  // wraps, as the kernel's sum does
        table.push_back(static_cast<int32_t>(mixed && c % 2 != 0 ? 256 * folded + even : folded));
        even = folded;
        table.push_back(high ? high->multiplier[c] : requant.multiplier[requant.multiplier.size() == 1 ? 0 : c]);
        const int32_t shift = requant.shift[requant.shift.size() == 1 ? 0 : c];
        table.push_back(high ? high->addend[c] : doubled ? -shift : shift);
    }
    candidate.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{channels, 3}, table), "table"));
    candidate.constants.insert(candidate.constants.end(), {{"FORM", high      ? 4
                                                                    : doubled ? 5
                                                                              : form_number(requant.rounding)},
                                                           {"PRE", high ? high->pre : requant.pre_shift},
                                                           {"LEFT", high ? high->left : 0},
                                                           {"POST", high ? high->post : 0},
                                                           {"Y_ZERO", requant.zero_point},
                                                           {"LO", requant.lo},
                                                           {"HI", requant.hi}});
}

}  // namespace gw
