// Kernels for cores with DSP instructions: the plain C twins of the instructions, the exact rescaling, and each kernel against evaluate.
// The host runs the twins; the emulated cores run the instructions (glowworm verify --on cortex-m4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/dsp.h"
#include "unit/kernels/cases.h"
#include "unit/kernels/compilers.h"
#include "unit/kernels/layer_cases.h"

namespace gw {
namespace {

// Every twin against its instruction's meaning in 64 bits, on extreme and random lanes.
constexpr std::string_view twins_program = R"(
#include <stdio.h>
static uint32_t state = 12345;
static uint32_t random_word(void)
{
    static const uint32_t extremes[] = {0, 0x80008000u, 0x7FFF7FFFu, 0x80007FFFu, 0xFFFFFFFFu, 0x80000000u, 0x7FFFFFFFu, 0x80808080u};
    state = state * 1664525u + 1013904223u;
    return state >> 29 == 0 ? extremes[state >> 20 & 7u] : state ^ state >> 15;
}
static int64_t low(uint32_t v) { return (int64_t)(v & 0xFFFFu) - (v & 0x8000u ? 65536 : 0); }
static int64_t high(uint32_t v) { return low(v >> 16); }
static int64_t byte(uint32_t v, int i) { const int64_t b = v >> (8 * i) & 255u; return b > 127 ? b - 256 : b; }
static int wrong(const char *what, int64_t got, int64_t want)
{
    if ((uint32_t)got == (uint32_t)want) return 0;
    printf("%s gives %lld, expected %lld\n", what, (long long)got, (long long)want);
    return 1;
}
int main(void)
{
    int i, bad = 0;
    for (i = 0; i < 200000 && bad < 10; ++i) {
        const uint32_t a = random_word(), b = random_word(), c = random_word();
        const int32_t sa = (int32_t)a, sb = (int32_t)b, sc = (int32_t)c;
        int8_t bytes[5];
        bad += wrong("smlad", gw_smlad(a, b, sc), sc + low(a) * low(b) + high(a) * high(b));
        bad += wrong("smlabb", gw_smlabb(a, b, sc), sc + low(a) * low(b));
        bad += wrong("smlabt", gw_smlabt(a, b, sc), sc + low(a) * high(b));
        bad += wrong("smlatb", gw_smlatb(a, b, sc), sc + high(a) * low(b));
        bad += wrong("sxtb16 low", low(gw_sxtb16(a)), byte(a, 0));
        bad += wrong("sxtb16 high", high(gw_sxtb16(a)), byte(a, 2));
        bad += wrong("sxtb16_odd low", low(gw_sxtb16_odd(a)), byte(a, 1));
        bad += wrong("sxtb16_odd high", high(gw_sxtb16_odd(a)), byte(a, 3));
        bad += wrong("smmla", gw_smmla(sa, sb, sc), sc + ((int64_t)sa * sb >> 32));
        bad += wrong("smmlar", gw_smmlar(sa, sb, sc), sc + ((int64_t)((uint64_t)((int64_t)sa * sb) + 2147483648u) >> 32));
        bad += wrong("sxtab16 low", low(gw_sxtab16(a, b)), low((uint32_t)(low(a) + byte(b, 0))));
        bad += wrong("sxtab16 high", high(gw_sxtab16(a, b)), low((uint32_t)(high(a) + byte(b, 2))));
        bad += wrong("sxtab16 low", low(gw_sxtab16_odd(a, b)), low((uint32_t)(low(a) + byte(b, 1))));
        bad += wrong("sxtab16 high", high(gw_sxtab16_odd(a, b)), low((uint32_t)(high(a) + byte(b, 3))));
        bad += wrong("low lanes", gw_low_lanes(a, b), (a & 0xFFFFu) | b << 16);
        bad += wrong("high lanes", gw_high_lanes(a, b), a >> 16 | (b & 0xFFFF0000u));
        bad += wrong("ssat", gw_ssat8_asr(sa, 7), (sa >> 7) > 127 ? 127 : (sa >> 7) < -128 ? -128 : (sa >> 7));
        bad += wrong("lanes", gw_lanes((int32_t)low(a), (int32_t)high(b)), (int64_t)((a & 0xFFFFu) | (b & 0xFFFF0000u)));
        memcpy(bytes + 1, &a, 4);
        bad += wrong("load_4", gw_load_4(bytes + 1), a);
    }
    return bad != 0;
}
)";

std::string twins() { return std::string(kernel_text("", "gw_kernel.h")) + std::string(twins_program); }

TEST(DspTwins, MeanWhatTheInstructionsDo) {
    const TemporaryFolder folder;
    Diagnostics diag;
    const std::string source = (folder.path() / "twins.c").string(), binary = (folder.path() / "twins").string();
    ASSERT_TRUE(write_file(source, twins(), diag).ok());
    const ProcessResult built =
        run_process({"gcc", "-std=c99", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-o", binary, source});
    ASSERT_TRUE(built.ok()) << built.err;
    const ProcessResult done = run_process({binary});
    EXPECT_TRUE(done.ok()) << done.out << done.err;
}

// The requantization found for a layer equals the reference at every accumulator; tried around each step, at the ends and at random.
TEST(HighRequant, EqualsTheReferenceEverywhere) {
    Dice dice(7);
    int found[4] = {0, 0, 0, 0}, tried[4] = {0, 0, 0, 0};
    for (int i = 0; i < 120; ++i) {
        const int64_t reach = dice.between(1, 20) * dice.between(100, 200000);
        const Requant requant = dice.requant(3, reach);
        std::vector<Interval> intervals;
        for (int c = 0; c < 3; ++c) intervals.push_back({-dice.between(0, reach), dice.between(0, reach)});
        const auto form = static_cast<size_t>(requant.rounding);
        ++tried[form];
        const std::optional<HighRequant> high = high_requant(requant, intervals, i % 2 != 0);
        if (!high) continue;
        ++found[form];
        for (int64_t c = 0; c < 3; ++c) {
            const Interval range = intervals[static_cast<size_t>(c)];
            const auto check = [&](int64_t acc) {
                if (acc < range.lo || acc > range.hi) return;
                ASSERT_EQ(high->apply(static_cast<int32_t>(acc), c, requant.lo, requant.hi), requant.apply(static_cast<int32_t>(acc), c))
                    << rounding_name(requant.rounding) << " acc " << acc;
            };
            int32_t last = requant.apply(static_cast<int32_t>(range.lo), c);
            const int64_t stride = std::max<int64_t>(1, (range.hi - range.lo) / 5000);
            for (int64_t acc = range.lo; acc <= range.hi; acc += stride) {
                const int32_t now = requant.apply(static_cast<int32_t>(acc), c);
                if (now != last)
                    for (int64_t near = acc - stride; near <= acc; ++near) check(near);
                last = now;
                check(acc);
            }
            check(range.hi);
        }
    }
    // One rounding can always be had; two only where no result changes its sign.
    EXPECT_GE(found[1], tried[1] * 9 / 10);
    EXPECT_GE(found[2], tried[2] * 9 / 10);
    EXPECT_GT(found[3], 0);
}

// A multiplier near 0.3 * 2^32 whose multiples leave few remainders: channel 0 of layer 8 of MLPerf Tiny's keyword model. It takes an
// offset far from the middle.
TEST(HighRequant, FindsAnOffsetForAMultiplierNearASimpleFraction) {
    Requant requant;
    requant.rounding = Rounding::twice;
    requant.multiplier = {1288495350}, requant.shift = {-7}, requant.zero_point = -128;
    const std::vector<Interval> interval = {{-263109, 306306}};
    const std::optional<HighRequant> high = high_requant(requant, interval, false);
    ASSERT_TRUE(high);
    for (int32_t acc = -263109; acc <= 306306; ++acc) ASSERT_EQ(high->apply(acc, 0, requant.lo, requant.hi), requant.apply(acc, 0)) << acc;
}

TEST(DspKernels, Conv2d) {
    Dice dice(31);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m4", 0, compilers.fault());
    for (int i = 0; i < 45; ++i)
        EXPECT_THAT(harness.add(conv_case(dice, random_shape(dice)), "conv2d_s8_dsp"), testing::ElementsAre("conv2d_s8_dsp"));
    harness.add(conv_case(dice, {13, 5, 1, 8, {10, 4}, {2, 2}, {1, 1}, {4, 1, 5, 1}}), "conv2d_s8_dsp");
    harness.add(conv_case(dice, {9, 9, 3, 8, {3, 3}, {2, 2}, {1, 1}, {0, 0, 1, 1}}), "conv2d_s8_dsp");
    harness.add(conv_case(dice, {3, 3, 80, 12, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}), "conv2d_s8_dsp");
    expect_clean(harness, 90);
    compilers.expect_quiet();
}

TEST(DspKernels, Depthwise) {
    Dice dice(33);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m4", 0, compilers.fault());
    for (int i = 0; i < 45; ++i) {
        ConvShape s = random_shape(dice);
        s.kernel = {3, 3}, s.dilation = {1, 1}, s.in = s.out = s.groups = dice.between(2, 13);
        s.stride[0] = s.stride[1] = dice.between(1, 2);
        if (s.h + s.pad[0] + s.pad[2] < 3 || s.w + s.pad[1] + s.pad[3] < 3) s.pad = {1, 1, 1, 1};
        EXPECT_THAT(harness.add(conv_case(dice, s), "depthwise_s8_dsp"), testing::ElementsAre("depthwise_s8_dsp"));
    }
    harness.add(conv_case(dice, {25, 5, 8, 8, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 8}), "depthwise_s8_dsp");
    harness.add(conv_case(dice, {24, 16, 12, 12, {3, 3}, {2, 2}, {1, 1}, {0, 0, 1, 1}, 12}), "depthwise_s8_dsp");
    harness.add(conv_case(dice, {14, 75, 6, 6, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 6}), "depthwise_s8_dsp");
    harness.add(conv_case(dice, {15, 70, 5, 5, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 5}), "depthwise_s8_dsp");
    for (int i = 0; i < 4; ++i) { /* fewer channels than a word holds */
        const int64_t channels = i % 3 + 1, stride = i % 2 + 1;
        harness.add(conv_case(dice, {12, 7, channels, channels, {3, 3}, {stride, stride}, {1, 1}, {1, 1, 1, 1}, channels}),
                    "depthwise_s8_dsp");
    }
    expect_clean(harness, 55);
    compilers.expect_quiet();
}

TEST(DspKernels, Sums) {
    Dice dice(35);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m4", 0, compilers.fault());
    int found = 0;
    for (int i = 0; i < 40; ++i) {
        const KernelCase c = sum_case(dice, {dice.between(1, 3), dice.between(1, 29)}, i % 4 != 0);
        found += harness.add(c, "add_s8_dsp").empty() ? 0 : 1;
    }
    EXPECT_GE(found, 25);
    expect_clean(harness, 50);
    compilers.expect_quiet();
}

TEST(DspKernels, AveragePool) {
    Dice dice(36);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m4", 0, compilers.fault());
    for (int i = 0; i < 40; ++i) {
        Pool2D op;
        op.kind = PoolKind::average;
        op.kernel = i == 0 ? Pair{15, 17} : Pair{dice.between(1, 5), dice.between(1, 5)};
        op.stride = {dice.between(1, 3), dice.between(1, 3)};
        if (dice.chance(30)) op.lo = static_cast<int32_t>(dice.between(-128, 20)), op.hi = static_cast<int32_t>(dice.between(op.lo, 127));
        const Shape shape{dice.chance(15) ? 2 : 1, op.kernel[0] + dice.between(0, 5), op.kernel[1] + dice.between(0, 5),
                          dice.between(4, 11)};
        KernelCase c;
        c.label = fmt::format("pool {} of {}x{}", shape.text(), op.kernel[0], op.kernel[1]);
        const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
        c.graph.add_output("y", c.graph.must_add(op, {x}, {}));
        c.inputs.push_back(dice.bytes(shape));
        EXPECT_THAT(harness.add(c, "avg_pool_s8_dsp"), testing::ElementsAre("avg_pool_s8_dsp"));
        if (op.kernel[1] == 1) continue;
        op.pad = {0, 1, 0, 0};
        KernelCase padded;
        padded.graph.add_output("y", padded.graph.must_add(op, {padded.graph.add_input("x", {DType::int8, shape, {}})}, {}));
        EXPECT_NE(harness.reason(padded, "avg_pool_s8_dsp"), "");
    }
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(DspKernels, Dense) {
    Dice dice(34);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m4", 0, compilers.fault());
    for (int i = 0; i < 45; ++i) {
        const int64_t k = i == 0 ? 700 : dice.between(1, 40), o = dice.between(1, 27), m = dice.chance(30) ? dice.between(2, 4) : 1;
        const KernelCase c = dense_case(dice, m, k, o);
        EXPECT_THAT(harness.add(c, "dense_s8_dsp"), testing::ElementsAre("dense_s8_dsp"));
    }
    expect_clean(harness, 90);
    compilers.expect_quiet();
}

TEST(DspKernels, AreForCoresThatHaveTheInstructions) {
    Dice dice(32);
    const KernelCase c = conv_case(dice, {4, 4, 4, 4, {1, 1}});
    EXPECT_EQ(KernelHarness("cortex-m4").reason(c, "conv2d_s8_dsp"), "");
    EXPECT_EQ(KernelHarness("cortex-m33").reason(c, "conv2d_s8_dsp"), "");
    for (const char* core : {"cortex-m0plus", "cortex-m3", "cortex-m33+nodsp", "generic"})
        EXPECT_THAT(KernelHarness(core).reason(c, "conv2d_s8_dsp"), testing::HasSubstr("DSP")) << core;
}

}  // namespace
}  // namespace gw
