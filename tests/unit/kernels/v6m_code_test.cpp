// Weights as instructions: what is 0 costs nothing.
#include "kernels/v6m_code.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gw {
namespace {

struct Cost {
    size_t instructions;
    int64_t cycles;
    bool operator==(const Cost&) const = default;
};

Cost cost(const std::vector<int8_t>& weights, int64_t channels) {
    const auto depth = static_cast<int64_t>(weights.size()) / channels;
    const WeightCode code = weight_code(Tensor::of<int8_t>(Shape{channels, depth}, weights), channels, depth);
    return {code.instructions.size(), code.cycles};
}

// One channel of 60 taps, all of weight 3: MOVS, MULS and ADDS each, the first without ADDS; a load of 4 cycles for three taps; one sum,
// taken apart in 5; and around it PUSH, six moves, POP.
constexpr size_t around = 8, apart = 5;
const Cost dense{around + 20 + (3 * 60 - 1) + apart, 2 + 6 + 4 + 20 * 4 + (3 * 60 - 1) + apart};

TEST(WeightCode, AZeroTakesNoInstruction) {
    std::vector<int8_t> weights(60, 3);
    EXPECT_EQ(cost(weights, 1), dense);
    // Two of three: the words are loaded for the third.
    for (size_t i = 0; i < weights.size(); ++i)
        if (i % 3 != 1) weights[i] = 0;
    EXPECT_EQ(cost(weights, 1), (Cost{dense.instructions - size_t{40 * 3}, dense.cycles - 40 * 3}));
}

TEST(WeightCode, WordsThatMeetZerosAloneAreNotLoaded) {
    // Taps 6 to 29: eight loads are one ADDS that steps over their words.
    std::vector<int8_t> weights(60, 3);
    std::fill(weights.begin() + 6, weights.begin() + 30, int8_t{0});
    EXPECT_EQ(cost(weights, 1), (Cost{dense.instructions - (24 * 3 + 8 - 1), dense.cycles - (24 * 3 + 8 * 4 - 1)}));
    // Behind the last that counts nothing is stepped over.
    weights.assign(60, 3);
    std::fill(weights.begin() + 36, weights.end(), int8_t{0});
    EXPECT_EQ(cost(weights, 1), (Cost{dense.instructions - (24 * 3 + 8), dense.cycles - (24 * 3 + 8 * 4)}));
    EXPECT_EQ(cost(std::vector<int8_t>(3 * 60, 0), 3), (Cost{around, 2 + 6 + 4}));
}

// 100 zeros in a row are more bytes than one ADDS can step over.
TEST(WeightCode, LongGapsAreSteppedOverInParts) {
    std::vector<int8_t> weights(306, 0);
    weights[305] = 3;
    EXPECT_EQ(cost(weights, 1).instructions, around + 5 + 1 + 2 + apart);
}

}  // namespace
}  // namespace gw
