// Weights as Thumb instructions, for conv2d_pairs_s8 with CODE.
#pragma once
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace gw {

// A layer's weights as code, a routine for each block of three channels (the last may have fewer).
//
// A routine is called with r0 at the words of two pixels (one a tap) and r1, r2, r3 holding the biases of its channels. It returns their
// sums: r8, r9 channel 0 of the first and the second pixel, r10, r11 channel 1, r12, lr channel 2. It changes r0 to r7 and uses four bytes
// of stack.
struct WeightCode {
    std::vector<uint16_t> instructions;
    std::vector<uint32_t> starts;  // of the routines, in instructions
    int64_t cycles = 0;            // of all routines, one call each, on a Cortex-M0+
};

// weights [channels][depth] int8. The lower 16 bits of each sum of words · weights stay an int16 between two points where both halves are
// taken apart; the points are chosen for each channel by itself.
WeightCode weight_code(const Tensor& weights, int64_t channels, int64_t depth);

}  // namespace gw
