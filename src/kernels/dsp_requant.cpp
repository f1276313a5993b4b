// Rescaling by the upper word of a product, exactly.
//
// SMMLA adds the upper word of a 32 × 32 product to an addend, SSAT shifts and saturates: with a multiplier and an addend a channel and
// one shift a layer a result costs two instructions, where the three rounding forms of docs/arithmetic.md cost up to twenty. The results
// must nevertheless be theirs. Each form is a monotone step function of the accumulator, with at most 255 steps after the clamp, and the
// weights bound the accumulator. So: find each step of the reference, and solve for a line that puts the new form's steps at the same
// accumulators. Each step bounds the line's constant term from below and from above. The addend alone moves that term by 2^32, too coarse
// by a factor of about 255; but an offset o of the accumulator, which costs nothing as the bias takes it, moves it by o · multiplier, and
// of some thousand offsets one leaves the remainder that is wanted.
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

// Whether `doubled` (gw_kernel.h's GW_DOUBLE) computes it: right shifts alone, that leave room for the zero point above them, and an
// accumulator that may be doubled.
bool doubled_fits(const Requant& r, std::span<const Interval> intervals) {
    if (r.rounding != Rounding::twice) return false;
    for (const int32_t s : r.shift)
        if (s > -1 || s < -22) return false;
    return std::all_of(intervals.begin(), intervals.end(),
                       [](Interval i) { return i.lo > -(int64_t{1} << 30) && i.hi < int64_t{1} << 30; });
}

// One channel's steps, in accumulators shifted right by `pre`: where results lo + 1 to hi begin. Beyond `range` a step does not matter.
struct Steps {
    Interval range;
    std::vector<int64_t> at;
};

int64_t ceil_shift(int64_t v, int shift) { return -(-v >> shift); }

constexpr int64_t most_offset = int64_t{1} << 17;  // of an accumulator, from the middle of its interval

// The line of one channel: the nearest multiplier first; its neighbours tilt the line a little, which often makes room.
bool find_line(const Requant& r, const Steps& steps, double nearest, int left, HighRequant& out) {
    const auto middle = static_cast<int64_t>(std::llround(nearest));
    const int64_t centre = steps.range.lo + (steps.range.hi - steps.range.lo) / 2;
    for (int64_t i = 0; i < 49; ++i) {
        const int64_t m = middle + (i % 2 != 0 ? (i + 1) / 2 : -i / 2);
        if (m < 0 || m > INT32_MAX) continue;
        // acc · m + constant reaches each step's threshold at the step and not before: low ≤ constant < high.
        int64_t low = INT64_MIN / 4, high = INT64_MAX / 4;
        for (size_t k = 0; k < steps.at.size() && low < high; ++k) {
            const int64_t threshold = (r.lo + 1 + static_cast<int64_t>(k)) * (int64_t{1} << (32 + out.post)), at = steps.at[k];
            if (at <= steps.range.hi) low = std::max(low, threshold - at * m);
            if (at > steps.range.lo) high = std::min(high, threshold - (at - 1) * m);
        }
        if (low >= high) continue;
        // constant = addend · 2^(32 − left) − offset · m
        for (int64_t k = 0; k < 2 * (most_offset >> out.pre); ++k) {
            const int64_t offset = centre + (k % 2 != 0 ? (k + 1) / 2 : -k / 2);
            const int64_t addend = std::max(ceil_shift(low + offset * m, 32 - left), -(int64_t{1} << 30));
            if (addend > (int64_t{1} << 30) || addend * (int64_t{1} << (32 - left)) >= high + offset * m) continue;
            out.offset.push_back(offset * (int64_t{1} << out.pre));
            out.multiplier.push_back(static_cast<int32_t>(m));
            out.addend.push_back(static_cast<int32_t>(addend));
            return true;
        }
    }
    return false;
}

// The lines of all channels for one `post`.
bool find_lines(const Requant& r, std::span<const Steps> steps, bool mixed, HighRequant& out) {
    out.offset.clear(), out.multiplier.clear(), out.addend.clear(), out.left.clear();
    for (size_t c = 0; c < steps.size(); ++c) {
        out.left.push_back(mixed && c % 2 != 0 && out.pre == 0 ? 8 : 0);
        if (!find_line(r, steps[c], std::ldexp(real_factor(r, c), 32 + out.post + out.pre), out.left.back(), out)) return false;
    }
    return true;
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
    const int64_t product = ((acc - offset[c]) >> pre) * (int64_t{1} << left[c]) * multiplier[c];
    return static_cast<int32_t>(std::clamp<int64_t>(((product >> 32) + addend[c]) >> (post + left[c]), lo, hi));
}

std::optional<HighRequant> high_requant(const Requant& requant, std::span<const Interval> intervals, bool mixed) {
    HighRequant out;
    out.pre = requant.rounding == Rounding::narrow ? requant.pre_shift : 0;
    double steepest = 0;
    std::vector<Steps> all;
    for (size_t c = 0; c < intervals.size(); ++c) {
        const auto [low, high] = intervals[c];
        if (low < INT32_MIN || high > INT32_MAX || high - low + 4 * most_offset >= int64_t{1} << 30) return std::nullopt;
        steepest = std::max(steepest, real_factor(requant, c));
        const int32_t s = requant.shift[requant.shift.size() == 1 ? 0 : c];
        const int64_t m = requant.multiplier[requant.multiplier.size() == 1 ? 0 : c];
        const int64_t here = std::max(std::abs(low), std::abs(high));
        // Outside what narrow was proved for it may wrap, and is no step function.
        if (requant.rounding == Rounding::narrow && ((here >> out.pre) + 1) * m + (int64_t{1} << (s - 1)) > INT32_MAX) return std::nullopt;
        if (requant.rounding == Rounding::twice && s > 0 && here >= int64_t{1} << (31 - s)) return std::nullopt;  // its left shift may wrap
        Steps steps{{low >> out.pre, high >> out.pre}, {}};
        // The reference looks at acc >> pre alone, so its steps lie at multiples of 2^pre, or before the interval.
        for (const int64_t at : requant_steps(requant, static_cast<int64_t>(c), intervals[c]))
            steps.at.push_back(at == low ? steps.range.lo : ceil_shift(at, out.pre));
        all.push_back(std::move(steps));
    }
    int32_t most = -1;
    while (most < 21 && std::ldexp(steepest, 33 + most + out.pre) < 2147483000.0) ++most;
    // Even shifts first, so that layers share code.
    for (out.post = most - (most & 1); out.post >= std::max(0, most - 5); out.post -= 2)
        if (find_lines(requant, all, mixed, out)) return out;
    for (out.post = most - 1 + (most & 1); out.post >= std::max(0, most - 5); out.post -= 2)
        if (find_lines(requant, all, mixed, out)) return out;
    return std::nullopt;
}

// Whether every word 256 · odd + even fits 16 bits, and every odd channel's sum 24: with the offset taken off about half of its interval is
// left to either side, without it the whole.
bool can_mix(const Tensor& w, int64_t channels, int pre, std::span<const Interval> intervals, bool centred) {
    const auto weights = w.data<int8_t>();
    const size_t depth = weights.size() / static_cast<size_t>(channels);
    for (size_t c = 1; c < static_cast<size_t>(channels); c += 2) {
        const auto [low, high] = intervals[c];
        const int64_t reach = centred ? (high - low) / 2 + most_offset + (int64_t{2} << pre) : std::max(std::abs(low), std::abs(high));
        if (reach >= int64_t{1} << 23) return false;
        for (size_t k = 0; k < depth; ++k)
            if (weights[c * depth + k] == -128 && weights[(c - 1) * depth + k] < 0) return false;
    }
    return true;
}

DspRequant dsp_requant(const Requant& requant, const Tensor& w, int64_t channels, std::span<const Interval> intervals, bool may_mix) {
    const int pre = requant.rounding == Rounding::narrow ? requant.pre_shift : 0;
    DspRequant out;
    out.mixed = may_mix && can_mix(w, channels, pre, intervals, true);
    out.high = high_requant(requant, intervals, out.mixed);
    if (out.high) return out;
    out.mixed = may_mix && can_mix(w, channels, pre, intervals, false);
    out.doubled = doubled_fits(requant, intervals);
    return out;
}

void add_dsp_requant(Candidate& candidate, const DspRequant& dsp, const Requant& requant, const Tensor& w, int64_t channels, int32_t x_zero,
                     const Tensor& bias, bool blocks) {
    const auto weights = w.data<int8_t>();
    const auto biases = bias.data<int32_t>();
    const auto n = static_cast<size_t>(channels);
    const size_t depth = weights.size() / n;
    std::vector<int32_t> folded, first, second, shifts;
    for (size_t c = 0; c < n; ++c) {
        int64_t sum = 0;
        for (size_t k = 0; k < depth; ++k) sum += weights[c * depth + k];
        // Wraps, as the kernel's sum does.
        const auto plain = static_cast<uint32_t>(biases[c] - sum * x_zero - (dsp.high ? dsp.high->offset[c] : 0));
        const bool odd = dsp.mixed && c % 2 != 0;
        folded.push_back(static_cast<int32_t>(odd ? 256 * plain + static_cast<uint32_t>(folded.back()) : plain));
        const int32_t shift = requant.shift[requant.shift.size() == 1 ? 0 : c];
        first.push_back(dsp.high ? dsp.high->multiplier[c] : requant.multiplier[requant.multiplier.size() == 1 ? 0 : c]);
        second.push_back(dsp.high ? dsp.high->addend[c] : dsp.doubled ? -shift : shift);
    }
    std::vector<int32_t> table;
    for (size_t c = 0; c < n && !blocks; ++c) table.insert(table.end(), {folded[c], first[c], second[c]});
    for (size_t c = 0; c < n && blocks; c += 4) {
        uint32_t bytes = 0;
        const auto at = [n](const std::vector<int32_t>& v, size_t i) { return i < n ? v[i] : 0; };
        for (size_t i = c; i < c + 4; ++i) table.push_back(at(folded, i));
        for (size_t i = c; i < c + 4; ++i) {
            const int32_t shift = at(second, i);
            table.push_back(at(first, i));
            table.push_back(!dsp.doubled || shift == 0
                                ? shift
                                : static_cast<int32_t>(static_cast<uint32_t>(2 * requant.zero_point + 1) << (shift - 1)));
            bytes |= dsp.doubled ? static_cast<uint32_t>(shift) << (8 * (i - c)) : 0U;
        }
        if (dsp.doubled) table.push_back(static_cast<int32_t>(bytes));
    }
    candidate.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{static_cast<int64_t>(table.size())}, table), "table"));
    const bool plain = (dsp.high || dsp.doubled) && requant.lo == -128 && requant.hi == 127;
    // What is not used is 0, so that calls are equal more often.
    candidate.constants.insert(candidate.constants.end(), {{"FORM", dsp.high      ? 4
                                                                    : dsp.doubled ? 5
                                                                                  : form_number(requant.rounding)},
                                                           {"PRE", dsp.high ? dsp.high->pre : requant.pre_shift},
                                                           {"POST", dsp.high ? dsp.high->post : 0},
                                                           {"Y_ZERO", dsp.high || (dsp.doubled && blocks) ? 0 : requant.zero_point},
                                                           {"LO", requant.lo},
                                                           {"HI", requant.hi}});
    if (blocks) candidate.constants.insert(candidate.constants.end(), {{"MIXED", dsp.mixed ? 1 : 0}, {"PLAIN", plain ? 1 : 0}});
}

}  // namespace gw
