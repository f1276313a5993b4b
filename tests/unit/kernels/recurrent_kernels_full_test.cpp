// Kernels of the recurrent layers and of SVDF against evaluate, each also with the new state over the old one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/compilers.h"
#include "unit/kernels/recurrent_cases.h"

namespace gw {
namespace {

TEST(RecurrentKernels, Int8) {
    Dice dice(41);
    EveryCompiler compilers(9);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    const char* rows[] = {"rnn_s8", "gru_s8", "lstm_s8"};
    for (int i = 0; i < 60; ++i) EXPECT_THAT(harness.add(recurrent8_case(dice, i)), testing::ElementsAre(rows[i % 3]));
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(RecurrentKernels, Int16) {
    Dice dice(45);
    EveryCompiler compilers(9);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    int wide = 0, wide_biases = 0;
    for (int i = 0; i < 60; ++i) {
        const KernelCase c = lstm16_case(dice);
        ASSERT_THAT(harness.add(c), testing::ElementsAre("lstm_s16"));
        for (const auto& [name, type] : harness.candidate(c, "lstm_s16").types)
            (name == "sum" ? wide : wide_biases) += name != "elem" && type == "int64_t";
    }
    EXPECT_THAT(wide, testing::AllOf(testing::Gt(wide_biases), testing::Lt(45))) << "sums of 32 bits, of 64, and with small biases";
    EXPECT_GT(wide_biases, 3);
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

// As a 32-bit core computes it, with its own division, shifts and unaligned bytes.
TEST(RecurrentKernels, LstmsOnAnEmulatedCore) {
    Dice dice(46);
    KernelHarness harness("cortex-m55");
    for (int i = 0; i < 30; ++i) harness.add(lstm16_case(dice)), harness.add(recurrent8_case(dice, 2));
    EXPECT_GE(harness.runs(), 60U);
    for (const std::string& fault : harness.run_on_core("gcc", "-O2")) ADD_FAILURE() << fault;
}

TEST(RecurrentKernels, Float) {
    Dice dice(42);
    EveryCompiler compilers(9);
    KernelHarness harness("cortex-m4", 1e-5, compilers.fault());
    const char* rows[] = {"rnn_f32", "gru_f32", "lstm_f32"};
    for (int i = 0; i < 45; ++i) EXPECT_THAT(harness.add(float_recurrent_case(dice, i)), testing::ElementsAre(rows[i % 3]));
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(RecurrentKernels, Svdf) {
    Dice dice(43);
    EveryCompiler compilers(9);
    KernelHarness harness("cortex-m0plus", 1e-5, compilers.fault());
    for (int i = 0; i < 30; ++i) EXPECT_THAT(harness.add(svdf_case(dice, i)), testing::ElementsAre(i % 3 == 0 ? "svdf_f32" : "svdf_s8"));
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(RecurrentKernels, RefuseWithAReason) {
    Dice dice(44);
    KernelHarness harness;
    Recurrent op;
    op.kind = RecurrentKind::rnn;
    const std::vector<Tensor> operands{dice.floats({1, 1, 2}, -1, 1), dice.floats({2, 2}, -1, 1), dice.floats({2, 2}, -1, 1),
                                       dice.floats({1, 2}, -1, 1)};
    EXPECT_EQ(harness.reason(state_case(op, operands, {0, 1, 3}, true), "rnn_f32"), "weights and bias must be constant");
    EXPECT_EQ(harness.reason(state_case(op, operands, {0, 3}, true), "gru_f32"), "computes gru");
}

}  // namespace
}  // namespace gw
