// The kernel for the machine that compiles against evaluate: without vector instructions, and with them where this machine has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/compilers.h"
#include "unit/kernels/layer_cases.h"

namespace gw {
namespace {

constexpr double tolerance = 1e-5;  // of floats: sums of products in another order

void expect_clean_both_ways(KernelHarness& harness, size_t at_least_runs) {
    expect_clean(harness, at_least_runs);
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        std::fprintf(stderr, "skipped: this machine has no AVX2\n");
        return;
    }
    const std::vector<std::string> faults = harness.run({"-mavx2", "-mfma"});
    for (size_t i = 0; i < std::min<size_t>(faults.size(), 6); ++i) ADD_FAILURE() << "AVX2: " << faults[i];
#endif
}

// The row takes the case, unless no upper product word does for its requantization. Counts those that it takes.
void offer(KernelHarness& harness, const KernelCase& c, int& taken) {
    const std::string why = harness.reason(c, "conv2d_host");
    EXPECT_THAT(why, testing::AnyOf(testing::IsEmpty(), testing::HasSubstr("upper product word")));
    taken += harness.add(c, "conv2d_host").empty() ? 0 : 1;
}

template <class T>
KernelCase float_case(Dice& dice, T op, const Shape& x, const Shape& w, const std::string& label) {
    KernelCase c;
    c.label = label;
    if (dice.chance(50)) op.act_lo = 0;
    if (dice.chance(50)) op.act_hi = 2;
    std::vector<ValueId> operands{c.graph.add_input("x", {DType::float32, x, {}}), c.graph.add_constant(dice.floats(w, -1, 1))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.floats({w[0]}, -1, 1)));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(dice.floats(x, -1, 1));
    return c;
}

KernelCase float_conv(Dice& dice, const ConvShape& s) {
    Conv2D op;
    op.stride = s.stride, op.dilation = s.dilation, op.pad = s.pad, op.groups = s.groups;
    return float_case(dice, op, {s.batch, s.h, s.w, s.in}, {s.out, s.kernel[0], s.kernel[1], s.in / s.groups},
                      fmt::format("{}x{}x{} to {} kernel {}x{} groups {}", s.h, s.w, s.in, s.out, s.kernel[0], s.kernel[1], s.groups));
}

ConvShape wide_shape(Dice& dice) {
    ConvShape s = random_shape(dice);
    s.out = dice.between(1, 40);
    return s;
}

ConvShape depthwise_shape(Dice& dice) {
    ConvShape s = random_shape(dice);
    s.in = s.out = s.groups = dice.chance(40) ? 8 * dice.between(1, 3) : dice.between(2, 19);
    return s;
}

TEST(HostKernel, Bytes) {
    Dice dice(61);
    EveryCompiler compilers(4);
    KernelHarness harness("host", 0, compilers.fault());
    int taken = 0;
    for (int i = 0; i < 14; ++i) offer(harness, conv_case(dice, wide_shape(dice)), taken);
    for (int i = 0; i < 14; ++i) offer(harness, conv_case(dice, depthwise_shape(dice)), taken);
    for (int i = 0; i < 10; ++i) offer(harness, dense_case(dice, dice.between(1, 9), dice.between(1, 70), dice.between(1, 40)), taken);
    EXPECT_GE(taken, 25);
    expect_clean_both_ways(harness, 40);
    compilers.expect_quiet();
}

TEST(HostKernel, Floats) {
    Dice dice(62);
    EveryCompiler compilers(4);
    KernelHarness harness("host", tolerance, compilers.fault());
    int taken = 0;
    for (int i = 0; i < 14; ++i) offer(harness, float_conv(dice, wide_shape(dice)), taken);
    for (int i = 0; i < 14; ++i) offer(harness, float_conv(dice, depthwise_shape(dice)), taken);
    for (int i = 0; i < 10; ++i) {
        const int64_t m = dice.between(1, 9), k = dice.between(1, 70), o = dice.between(1, 40);
        offer(harness, float_case(dice, Dense{}, {m, k}, {o, k}, fmt::format("dense {}x{} to {}", m, k, o)), taken);
    }
    EXPECT_EQ(taken, 38);
    expect_clean_both_ways(harness, 40);
    compilers.expect_quiet();
}

// All products of one sign, as large as they can be: the sum is the largest of 24 bits that the row takes.
TEST(HostKernel, SumsReachTheBoundOfFloats) {
    KernelHarness harness("host");
    for (const int64_t k : {514, 515}) {  // 514 · 255 · 128 < 2^24 < 515 · 255 · 128
        KernelCase c;
        Dense op;
        op.x_zero = 127;
        op.requant = make_requant(Rounding::twice, {1e-5}, {1 << 24}, -20, -128, 127);
        Tensor w = Tensor::zeros({DType::int8, {3, k}, {}}), x = Tensor::zeros({DType::int8, {1, k}, {}});
        for (int8_t& v : w.mutable_data<int8_t>()) v = -128;
        for (int8_t& v : x.mutable_data<int8_t>()) v = -128;
        w.mutable_data<int8_t>()[0] = -127;
        c.label = fmt::format("{} products", k);
        c.graph.add_output("y", c.graph.must_add(op, {c.graph.add_input("x", x.type), c.graph.add_constant(w)}, {}));
        c.inputs.push_back(x);
        if (k == 514)
            EXPECT_THAT(harness.add(c, "conv2d_host"), testing::ElementsAre("conv2d_host"));
        else
            EXPECT_THAT(harness.reason(c, "conv2d_host"), testing::HasSubstr("24 bits"));
    }
    expect_clean_both_ways(harness, 1);
}

TEST(HostKernel, IsForTheHost) {
    Dice dice(63);
    const KernelCase c = float_conv(dice, {4, 4, 4, 4, {1, 1}});
    EXPECT_EQ(KernelHarness("host").reason(c, "conv2d_host"), "");
    for (const char* core : {"generic", "cortex-m4", "cortex-m55"})
        EXPECT_THAT(KernelHarness(core).reason(c, "conv2d_host"), testing::HasSubstr("--cpu host")) << core;
    EXPECT_THAT(KernelHarness("host").reason(float_conv(dice, {4, 4, 4, 4, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 2}), "conv2d_host"),
                testing::HasSubstr("one channel a group"));
}

}  // namespace
}  // namespace gw
