// What the rows for cores with DSP instructions (Armv7E-M, Armv8-M with DSP) share: the exact rescaling by an upper product word, and
// weights packed two channels to a word.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "kernels/kernel.h"

namespace gw {

// Why the rows for DSP cores offer nothing in this context; nullptr where they do.
const char* dsp_unfit(const MatchContext& context);
// An int32 table.
KernelArgument int32_table(std::initializer_list<int64_t> values, std::string role);

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

// gw_requant_high: clamp(((((acc − offset) >> pre) << left) · multiplier + addend · 2^32) >> (32 + post + left), lo, hi). The offset, about
// the middle of the channel's interval, is taken off its bias. left: 8 where the kernel's sum comes times 256 (odd channels of mixed
// words).
struct HighRequant {
    int32_t pre = 0, post = 0;
    std::vector<int64_t> offset;
    std::vector<int32_t> multiplier, addend, left;  // one a channel
    int32_t apply(int32_t acc, int64_t channel, int32_t lo, int32_t hi) const;
};
// The one that gives requant.apply(acc, c) for every acc of every channel's interval; nothing where none was found. Proof: both are
// monotone in acc, so they agree everywhere when each of the at most 255 steps lies at the same acc.
std::optional<HighRequant> high_requant(const Requant& requant, std::span<const Interval> intervals, bool mixed);

// How a layer's results are rescaled.
struct DspRequant {
    std::optional<HighRequant> high;
    bool doubled = false;  // without `high`: gw_requant_double does
    bool mixed = false;    // weights as 256 · odd + even: every such word fits 16 bits, and every odd channel's sum 24
};
DspRequant dsp_requant(const Requant& requant, const Tensor& w, int64_t channels, std::span<const Interval> intervals, bool may_mix);

// A sum or difference of two bytes and its rescaling: (p · a + q · b + c) >> shift, clamped, gives the op's result for each pair p, q.
struct SumLine {
    int64_t a = 0, b = 0, c = 0;
    int shift = 0;
    bool wide = false;  // takes 64 bits
};
// Why a sum of tensors of one shape has no such line; nullptr where it has. Then `line` is it, and the candidate has the operands, the
// result, their overlaps and LO, HI.
const char* start_sum(const Graph& graph, NodeId root, Candidate& candidate, SumLine& line);
// The line for kernels without 64-bit products, for n elements: the table N, A, B, C and the lower 16 bits of A, B, C, and SHIFT and WIDE
// (add_line_s8.c). Why it cannot be halved; nullptr where it can.
const char* add_halved_line(Candidate& candidate, const SumLine& line, int64_t n);

// The table of the DSP kernels as an argument, and FORM, PRE, POST, Y_ZERO, LO, HI. Plain: [channels][3], bias less x_zero · weights,
// multiplier, addend or shift. In `blocks` of four channels, as conv2d_s8_dsp.c says, and the constants MIXED and PLAIN.
void add_dsp_requant(Candidate& candidate, const DspRequant& dsp, const Requant& requant, const Tensor& w, int64_t channels, int32_t x_zero,
                     const Tensor& bias, bool blocks);

}  // namespace gw
