// Kernels for cores with DSP instructions: the plain C twins of the instructions, the exact rescaling, and each kernel against evaluate.
// The host runs the twins; the emulated cores run the instructions (glowworm verify --on cortex-m4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/dsp.h"
#include "unit/kernels/cases.h"
#include "unit/kernels/compilers.h"

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
        if (sa != INT32_MIN || sb != INT32_MIN) bad += wrong("smmulr", gw_smmulr(sa, sb), (int64_t)sa * sb + 2147483648 >> 32);
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
        const std::optional<HighRequant> high = high_requant(requant, intervals);
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

struct ConvShape {
    int64_t h, w, in, out;
    Pair kernel, stride{1, 1}, dilation{1, 1};
    Pads pad{0, 0, 0, 0};
    int64_t groups = 1, batch = 1;
};

KernelCase conv_case(Dice& dice, const ConvShape& s) {
    KernelCase c;
    Conv2D op;
    op.stride = s.stride, op.dilation = s.dilation, op.pad = s.pad, op.groups = s.groups, op.x_zero = dice.zero();
    op.requant = dice.requant(s.out, s.kernel[0] * s.kernel[1] * (s.in / s.groups) * 255 * 128 + 5000);
    c.label = fmt::format("{}x{}x{} to {} kernel {}x{} stride {},{} dilation {},{} pad {},{},{},{} groups {} {}", s.h, s.w, s.in, s.out,
                          s.kernel[0], s.kernel[1], s.stride[0], s.stride[1], s.dilation[0], s.dilation[1], s.pad[0], s.pad[1], s.pad[2],
                          s.pad[3], s.groups, rounding_name(op.requant.rounding));
    const Shape shape{s.batch, s.h, s.w, s.in};
    const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
    std::vector<ValueId> operands{x, c.graph.add_constant(dice.bytes({s.out, s.kernel[0], s.kernel[1], s.in / s.groups}))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({s.out}, -5000, 5000)));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(dice.bytes(shape));
    return c;
}

// A random window that fits.
ConvShape random_shape(Dice& dice) {
    for (;;) {
        ConvShape s{
            dice.between(1, 9), dice.between(1, 9), dice.between(1, 9), dice.between(1, 11), {dice.between(1, 4), dice.between(1, 4)}};
        s.stride = {dice.between(1, 3), dice.between(1, 3)};
        if (dice.chance(30)) s.dilation = {dice.between(1, 2), dice.between(1, 2)};
        const int64_t most = dice.chance(15) ? 4 : dice.chance(50) ? 1 : 0;
        for (int64_t& p : s.pad) p = dice.between(0, most);
        if (dice.chance(10)) s.batch = 2;
        if (dice.chance(40)) s.in = 4 * dice.between(1, 4);
        if (s.dilation[0] * (s.kernel[0] - 1) + 1 <= s.h + s.pad[0] + s.pad[2] &&
            s.dilation[1] * (s.kernel[1] - 1) + 1 <= s.w + s.pad[1] + s.pad[3])
            return s;
    }
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
    expect_clean(harness, 55);
    compilers.expect_quiet();
}

TEST(DspKernels, Dense) {
    Dice dice(34);
    EveryCompiler compilers(8);
    KernelHarness harness("cortex-m4", 0, compilers.fault());
    for (int i = 0; i < 45; ++i) {
        const int64_t k = i == 0 ? 700 : dice.between(1, 40), o = dice.between(1, 27), m = dice.chance(30) ? dice.between(2, 4) : 1;
        KernelCase c;
        Dense op;
        op.x_zero = dice.zero();
        op.requant = dice.requant(o, k * 255 * 128 + 5000);
        c.label = fmt::format("dense {}x{} to {} {}", m, k, o, rounding_name(op.requant.rounding));
        const ValueId x = c.graph.add_input("x", {DType::int8, Shape{m, k}, {}});
        std::vector<ValueId> operands{x, c.graph.add_constant(dice.bytes({o, k}))};
        if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({o}, -5000, 5000)));
        c.graph.add_output("y", c.graph.must_add(op, operands, {}));
        c.inputs.push_back(dice.bytes(Shape{m, k}));
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
