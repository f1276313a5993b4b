// Kernels for cores with Helium against evaluate: the plain C twins on the host, under the sanitizers, and the instructions on an emulated
// Cortex-M55, as both compilers build them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/compilers.h"
#include "unit/kernels/layer_cases.h"

namespace gw {
namespace {

struct Build {
    const char* compiler;
    const char* level;
};

// Everything in the harness on the host, then on the core. gcc 12 fails on some Helium code, but at some levels only.
void expect_clean_everywhere(KernelHarness& harness, size_t at_least_runs) {
    expect_clean(harness, at_least_runs);
    for (const auto& [compiler, level] : {Build{"gcc", "-O0"}, Build{"gcc", "-O2"}, Build{"clang", "-O2"}}) {
        const std::vector<std::string> faults = harness.run_on_core(compiler, level);
        for (size_t i = 0; i < std::min<size_t>(faults.size(), 6); ++i) ADD_FAILURE() << compiler << ' ' << level << ": " << faults[i];
    }
}

// The row takes the case, unless its rounding is the one that lanes lack.
void expect_taken(KernelHarness& harness, const KernelCase& c, const std::string& row) {
    const Op& op = c.graph.nodes.back().op;
    const Requant& requant = get_if<Conv2D>(op) ? get_if<Conv2D>(op)->requant : get_if<Dense>(op)->requant;
    if (requant.rounding == Rounding::even)
        EXPECT_THAT(harness.reason(c, row), testing::HasSubstr("halves"));
    else
        EXPECT_THAT(harness.add(c, row), testing::ElementsAre(row));
}

// Every rounding form at the ends of its multipliers and shifts, on accumulators that reach far beyond the clamp.
KernelCase extreme_dense(Dice& dice, const Requant& requant) {
    KernelCase c = dense_case(dice, 2, dice.between(1, 40), static_cast<int64_t>(requant.multiplier.size()));
    get_if<Dense>(c.graph.nodes.back().op)->requant = requant;
    c.label += fmt::format(" now {} shift {}", rounding_name(requant.rounding), requant.shift[0]);
    return c;
}

TEST(MveKernels, Conv2d) {
    Dice dice(41);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m55", 0, compilers.fault());
    for (int i = 0; i < 30; ++i) expect_taken(harness, conv_case(dice, random_shape(dice)), "conv2d_s8_mve");
    expect_taken(harness, conv_case(dice, {13, 5, 1, 8, {10, 4}, {2, 2}, {1, 1}, {4, 1, 5, 1}}), "conv2d_s8_mve");
    expect_taken(harness, conv_case(dice, {3, 3, 80, 12, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}), "conv2d_s8_mve");
    expect_taken(harness, conv_case(dice, {5, 4, 33, 7, {1, 1}, {2, 1}}), "conv2d_s8_mve");
    expect_taken(harness, conv_case(dice, {2, 2, 3, 5, {2, 2}, {1, 1}, {3, 3}, {4, 4, 4, 4}}), "conv2d_s8_mve"); /* windows all outside */
    expect_clean_everywhere(harness, 40);
    compilers.expect_quiet();
}

TEST(MveKernels, Depthwise) {
    Dice dice(45);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m55", 0, compilers.fault());
    for (int i = 0; i < 30; ++i) {
        ConvShape s = random_shape(dice);
        s.in = s.out = s.groups = i % 3 == 0 ? 16 * dice.between(1, 3) : dice.between(2, 40);
        expect_taken(harness, conv_case(dice, s), "depthwise_s8_mve");
    }
    expect_taken(harness, conv_case(dice, {9, 7, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 16}), "depthwise_s8_mve");
    expect_taken(harness, conv_case(dice, {9, 7, 64, 64, {3, 3}, {2, 2}, {1, 1}, {0, 0, 1, 1}, 64}), "depthwise_s8_mve");
    /* all weights and activations -128: pairs of products would leave 16 bits */
    for (const int64_t channels : {5, 32}) {
        KernelCase c = conv_case(dice, {5, 5, channels, channels, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, channels});
        Tensor w = Tensor::zeros({DType::int8, {channels, 3, 3, 1}, {}});
        for (int8_t& v : w.mutable_data<int8_t>()) v = -128;
        c.graph.nodes.back().inputs[1] = c.graph.add_constant(w);
        get_if<Conv2D>(c.graph.nodes.back().op)->requant = make_requant(Rounding::twice, {0.0007}, {1}, 0, -128, 127);
        for (int8_t& v : c.inputs[0].mutable_data<int8_t>()) v = -128;
        expect_taken(harness, c, "depthwise_s8_mve");
    }
    expect_clean_everywhere(harness, 40);
    compilers.expect_quiet();
}

TEST(MveKernels, Dense) {
    Dice dice(42);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m55", 0, compilers.fault());
    for (int i = 0; i < 30; ++i) {
        const int64_t k = i == 0 ? 700 : dice.between(1, 70), o = dice.between(1, 27), m = dice.chance(30) ? dice.between(2, 4) : 1;
        expect_taken(harness, dense_case(dice, m, k, o), "dense_s8_mve");
    }
    expect_clean_everywhere(harness, 40);
    compilers.expect_quiet();
}

TEST(MveKernels, Sums) {
    Dice dice(46);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m55", 0, compilers.fault());
    int found = 0;
    for (int i = 0; i < 40; ++i) {
        const KernelCase c = sum_case(dice, {dice.between(1, 3), dice.between(1, 29)}, i % 4 != 0);
        if (const std::string why = harness.reason(c, "add_s8_mve"); !why.empty()) {
            EXPECT_THAT(why, testing::HasSubstr("no line"));
            continue;
        }
        harness.add(c, "add_s8_mve");
        ++found;
    }
    EXPECT_GE(found, 25);
    expect_clean_everywhere(harness, 40);
    compilers.expect_quiet();
}

// Pool of a picture whose every byte is `value`.
KernelCase constant_pool(const Pool2D& op, const Shape& shape, int8_t value) {
    KernelCase c;
    c.label = fmt::format("pool of {} at {}, {}x{}", shape.text(), value, op.kernel[0], op.kernel[1]);
    const Quant quant = Quant::tensor(0.5F, op.x_zero);
    c.graph.add_output("y", c.graph.must_add(op, {c.graph.add_input("x", {DType::int8, shape, quant})}, {}));
    c.inputs.push_back(Tensor::zeros({DType::int8, shape, quant}));
    for (int8_t& v : c.inputs[0].mutable_data<int8_t>()) v = value;
    return c;
}

TEST(MveKernels, Pools) {
    Dice dice(47);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m55", 0, compilers.fault());
    for (int i = 0; i < 40; ++i) {
        const PoolKind kind = i % 2 != 0 ? PoolKind::average : PoolKind::max;
        EXPECT_THAT(harness.add(pool_case(dice, kind, 37), "pool_s8_mve"), testing::ElementsAre("pool_s8_mve"));
    }
    // The largest sums that 16 bits hold: 255 positions; 128 whose zero point lies at the other end.
    for (const int8_t value : {-128, 127}) {
        Pool2D op;
        op.kind = PoolKind::average, op.kernel = {17, 15};
        EXPECT_THAT(harness.add(constant_pool(op, {1, 17, 16, 9}, value), "pool_s8_mve"), testing::ElementsAre("pool_s8_mve"));
        op.kernel = {8, 16}, op.count_pad = true, op.x_zero = -1 - value;
        EXPECT_THAT(harness.add(constant_pool(op, {1, 8, 17, 9}, value), "pool_s8_mve"), testing::ElementsAre("pool_s8_mve"));
        op.kernel = {8, 17};
        EXPECT_THAT(harness.reason(constant_pool(op, {1, 8, 17, 9}, value), "pool_s8_mve"), testing::HasSubstr("16 bits"));
        op.kernel = {16, 16};
        EXPECT_THAT(harness.reason(constant_pool(op, {1, 16, 16, 9}, value), "pool_s8_mve"), testing::HasSubstr("255"));
    }
    expect_clean_everywhere(harness, 60);
    compilers.expect_quiet();
}

// Numbers of positions of all sizes, with sums a step below, at and above the halves between two results: the reciprocal's quotient is the
// division's.
TEST(MveKernels, AveragesDivideExactly) {
    KernelHarness harness("cortex-m55");
    Dice dice(48);
    for (const int64_t n :
         {1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 16, 17, 25, 31, 33, 49, 63, 64, 65, 100, 127, 128, 129, 171, 251, 254, 255}) {
        Pool2D op;
        op.kind = PoolKind::average, op.kernel = {1, n}, op.stride = {1, n};
        KernelCase c = constant_pool(op, {1, 4, n, 16}, 0);
        const auto x = c.inputs[0].mutable_data<int8_t>();
        for (int64_t row = 0; row < 4; ++row) {
            for (int64_t channel = 0; channel < 16; ++channel) {
                const int64_t half = dice.between(-128, 126) * n + n / 2 + dice.between(-1, 1);
                const int64_t sum = std::clamp(row == 0 && channel < 2 ? (channel == 0 ? -128 : 127) * n : half, -128 * n, 127 * n);
                const int64_t low = sum >= 0 ? sum / n : -((-sum + n - 1) / n);
                for (int64_t at = 0; at < n; ++at)
                    x[static_cast<size_t>((row * n + at) * 16 + channel)] = static_cast<int8_t>(low + (at < sum - low * n ? 1 : 0));
            }
        }
        EXPECT_THAT(harness.add(c, "pool_s8_mve"), testing::ElementsAre("pool_s8_mve"));
    }
    expect_clean_everywhere(harness, 28);
}

TEST(MveKernels, RescaleExactlyAtTheEndsOfEveryForm) {
    Dice dice(43);
    KernelHarness harness("cortex-m55");
    for (int i = 0; i < 60; ++i) {
        Requant r;
        r.rounding = i % 2 != 0 ? Rounding::twice : Rounding::single;
        r.zero_point = dice.zero();
        if (dice.chance(50)) r.lo = static_cast<int32_t>(dice.between(-128, 0)), r.hi = static_cast<int32_t>(dice.between(0, 127));
        const int64_t least = int64_t{1} << 30, most = 2147483647;
        for (int64_t channel = dice.between(1, 9); channel > 0; --channel) {
            const int64_t pick = dice.between(0, 3);
            r.multiplier.push_back(static_cast<int32_t>(pick == 0 ? least : pick == 1 ? most : pick == 2 ? 0 : dice.between(least, most)));
            /* real factors from 2^-32 to about 2: above 1 nearly every result is clamped */
            r.shift.push_back(static_cast<int32_t>(i % 2 != 0 ? dice.between(-31, 2) : dice.between(30, 62)));
        }
        expect_taken(harness, extreme_dense(dice, r), "dense_s8_mve");
    }
    expect_clean_everywhere(harness, 120);
}

TEST(MveKernels, AreForCoresThatHaveTheInstructions) {
    Dice dice(44);
    KernelCase conv = conv_case(dice, {4, 4, 4, 4, {1, 1}});
    get_if<Conv2D>(conv.graph.nodes.back().op)->requant = make_requant(Rounding::twice, {0.01}, {1}, 0, -128, 127);
    EXPECT_EQ(KernelHarness("cortex-m55").reason(conv, "conv2d_s8_mve"), "");
    EXPECT_EQ(KernelHarness("cortex-m55+nofp").reason(conv, "conv2d_s8_mve"), "");
    for (const char* core : {"cortex-m0plus", "cortex-m4", "cortex-m33", "cortex-m55+nomve", "cortex-m55+nodsp", "generic"})
        EXPECT_THAT(KernelHarness(core).reason(conv, "conv2d_s8_mve"), testing::HasSubstr("Helium")) << core;
    KernelCase grouped = conv_case(dice, {4, 4, 4, 4, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 2});
    get_if<Conv2D>(grouped.graph.nodes.back().op)->requant = get_if<Conv2D>(conv.graph.nodes.back().op)->requant;
    EXPECT_THAT(KernelHarness("cortex-m55").reason(grouped, "conv2d_s8_mve"), testing::HasSubstr("one group"));
    Requant tiny;
    tiny.rounding = Rounding::single, tiny.multiplier = {3}, tiny.shift = {5};
    EXPECT_THAT(KernelHarness("cortex-m55").reason(extreme_dense(dice, tiny), "dense_s8_mve"), testing::HasSubstr("too few bits"));
}

}  // namespace
}  // namespace gw
