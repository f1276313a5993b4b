// What the rows for cores with DSP instructions (Armv7E-M, Armv8-M with DSP) share: the exact rescaling by an upper product word, and
// weights packed two channels to a word.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "kernels/kernel.h"

namespace gw {

// Accumulators that a channel can have, ends included.
struct Interval {
    int64_t lo = 0, hi = 0;
};
// Of each channel of w [channels][depth] over inputs in [-128, 127] of which any may be missing.
std::vector<Interval> accumulator_intervals(const Tensor& w, int64_t channels, int32_t x_zero, const Tensor& bias);
// Where each result lo + 1 … hi of `requant` begins: the least accumulator of the interval that gives it or more, interval.hi + 1 where
// there is none.
std::vector<int64_t> requant_steps(const Requant& requant, int64_t channel, Interval interval);
// The same, after every channel whose result is the same for all of its accumulators lost its weights and got a small bias that gives that
// result: dead channels may have biases of any size, and would spoil the layer's rescaling.
std::vector<Interval> settled_intervals(const Requant& requant, int64_t channels, int32_t x_zero, Tensor& w, Tensor& bias);

// gw_requant_high: clamp(((((acc − offset) >> pre) << left) · multiplier + addend · 2^32) >> (32 + post), lo, hi). The offset, about the
// middle of the channel's interval, is taken off its bias: fewer bits for the kernel's sum, more for the multiplier.
struct HighRequant {
    int32_t pre = 0, left = 0, post = 0;
    std::vector<int64_t> offset;
    std::vector<int32_t> multiplier, addend;  // one a channel
    int32_t apply(int32_t acc, int64_t channel, int32_t lo, int32_t hi) const;
};
// The one that gives requant.apply(acc, c) for every acc of every channel's interval; nothing where none was found. Proof: both are
// monotone in acc, so they agree everywhere when each of the at most 255 steps lies at the same acc.
std::optional<HighRequant> high_requant(const Requant& requant, std::span<const Interval> intervals);

// The sums that the kernel has, offsets taken off.
std::vector<Interval> kernel_intervals(std::span<const Interval> intervals, const std::optional<HighRequant>& high);

// Whether every word 256 · odd + even fits 16 bits, and every odd channel's sum 24.
bool can_mix(const Tensor& w, int64_t channels, std::span<const Interval> intervals);

// The table [channels][3] of the DSP kernels (bias less x_zero · weights, multiplier, addend or shift) as an argument, and FORM, PRE, LEFT,
// POST, Y_ZERO, LO, HI. high: what high_requant found. `mixed`: odd channels hold 256 · bias + the bias before.
void add_dsp_requant(Candidate& candidate, const Requant& requant, const Tensor& w, int64_t channels, int32_t x_zero, const Tensor& bias,
                     std::span<const Interval> intervals, const std::optional<HighRequant>& high, bool mixed);

}  // namespace gw
