// Kernels for Armv6-M against evaluate: random shapes, and inputs that reach the bounds on which the kernels rely. Here their C runs; the
// assembler next to it is held to the interpreter by `glowworm verify` on the emulated core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/cases.h"
#include "unit/kernels/compilers.h"

namespace gw {
namespace {

struct Conv {
    Shape x;
    int64_t out = 1, groups = 1;
    Pair kernel{1, 1}, stride{1, 1}, dilation{1, 1};
    Pads pad{0, 0, 0, 0};
    bool pooled = false;  // the greatest of 2 x 2 behind it
};

KernelCase conv_case(Dice& dice, const Conv& conv, Tensor weights, Tensor input) {
    KernelCase c;
    Conv2D op;
    op.stride = conv.stride, op.dilation = conv.dilation, op.pad = conv.pad, op.x_zero = dice.zero();
    op.groups = conv.groups;
    op.requant = dice.requant(conv.out, conv.kernel[0] * conv.kernel[1] * conv.x[3] / conv.groups * 255 * 128 + 5000);
    c.label =
        fmt::format("{}x{}x{}x{} to {} kernel {}x{} stride {},{} dilation {},{} pad {},{},{},{} zero {} {}", conv.x[0], conv.x[1],
                    conv.x[2], conv.x[3], conv.out, conv.kernel[0], conv.kernel[1], conv.stride[0], conv.stride[1], conv.dilation[0],
                    conv.dilation[1], conv.pad[0], conv.pad[1], conv.pad[2], conv.pad[3], op.x_zero, rounding_name(op.requant.rounding));
    const ValueId x = c.graph.add_input("x", {DType::int8, conv.x, {}});
    std::vector<ValueId> operands{x, c.graph.add_constant(std::move(weights))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({conv.out}, -5000, 5000)));
    ValueId y = c.graph.must_add(op, operands, {});
    if (conv.pooled) y = c.graph.must_add(Pool2D{.kernel = {2, 2}, .stride = {2, 2}}, {y}, {});
    c.graph.add_output("y", y);
    c.inputs.push_back(std::move(input));
    return c;
}

KernelCase random_conv(Dice& dice) {
    for (;;) {
        Conv conv{Shape{dice.chance(15) ? 2 : 1, dice.between(1, 7), dice.between(1, 9), dice.between(1, 20)},
                  dice.between(2, 11),
                  1,
                  {dice.between(1, 4), dice.between(1, 4)},
                  {dice.between(1, 3), dice.between(1, 3)},
                  {dice.between(1, 2), dice.between(1, 2)},
                  {0, 0, 0, 0}};
        if (dice.chance(25))
            conv.kernel = conv.stride = {1, 1};
        else
            for (int64_t& p : conv.pad) p = dice.between(0, 2);
        if (conv.dilation[0] * (conv.kernel[0] - 1) >= conv.x[1] + conv.pad[0] + conv.pad[2]) continue;
        if (conv.dilation[1] * (conv.kernel[1] - 1) >= conv.x[2] + conv.pad[1] + conv.pad[3]) continue;
        return conv_case(dice, conv, dice.bytes({conv.out, conv.kernel[0], conv.kernel[1], conv.x[3]}), dice.bytes(conv.x));
    }
}

TEST(V6mKernels, Conv2dPairs) {
    Dice dice(11);
    EveryCompiler compilers(20);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 90; ++i) EXPECT_THAT(harness.add(random_conv(dice), "conv2d_pairs_s8"), testing::ElementsAre("conv2d_pairs_s8"));
    expect_clean(harness, 250);  // each also with its weights as code
    compilers.expect_quiet();
}

// Few taps, channels in fours.
KernelCase small_conv(Dice& dice) {
    for (;;) {
        Conv conv{Shape{dice.chance(15) ? 2 : 1, dice.between(1, 7), dice.between(1, 9), dice.between(1, 4)},
                  4 * dice.between(1, 3),
                  1,
                  {dice.between(1, 4), dice.between(1, 4)},
                  {dice.between(1, 3), dice.between(1, 3)},
                  {dice.between(1, 2), 1},
                  {0, 0, 0, 0}};
        for (int64_t& p : conv.pad) p = dice.chance(30) ? 0 : dice.between(0, 4);
        if (conv.dilation[0] * (conv.kernel[0] - 1) >= conv.x[1] + conv.pad[0] + conv.pad[2]) continue;
        if (conv.kernel[1] > conv.x[2] + conv.pad[1] + conv.pad[3] || conv.kernel[1] * conv.x[3] > 12) continue;
        if (conv.kernel[0] * conv.kernel[1] * conv.x[3] * conv.out > 512) continue;
        return conv_case(dice, conv, dice.bytes({conv.out, conv.kernel[0], conv.kernel[1], conv.x[3]}), dice.bytes(conv.x));
    }
}

TEST(V6mKernels, Conv2dWords) {
    Dice dice(15);
    EveryCompiler compilers(20);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 90; ++i) EXPECT_THAT(harness.add(small_conv(dice), "conv2d_words_s8"), testing::ElementsAre("conv2d_words_s8"));
    expect_clean(harness, 150);
    compilers.expect_quiet();
}

KernelCase random_pooled(Dice& dice) {
    for (;;) {
        Conv conv{Shape{dice.chance(15) ? 2 : 1, dice.between(1, 9), dice.between(1, 9), dice.between(1, 4)},
                  dice.between(1, 6),
                  1,
                  {dice.between(1, 4), dice.between(1, 4)}};
        for (int64_t& p : conv.pad) p = dice.chance(30) ? 0 : dice.between(0, 4);
        if (conv.kernel[0] >= conv.x[1] + conv.pad[0] + conv.pad[2] || conv.kernel[1] >= conv.x[2] + conv.pad[1] + conv.pad[3]) continue;
        const int64_t columns = conv.x[2] + conv.pad[1] + conv.pad[3] - conv.kernel[1] + 1;
        if (conv.kernel[0] * conv.kernel[1] * conv.x[3] > 48 ||
            ((columns / 2 * 2 - 1 + conv.kernel[1]) * conv.x[3] * (conv.kernel[0] + 1) + conv.out) * 4 > 1024) {
            continue;
        }
        conv.pooled = true;
        return conv_case(dice, conv, dice.bytes({conv.out, conv.kernel[0], conv.kernel[1], conv.x[3]}), dice.bytes(conv.x));
    }
}

TEST(V6mKernels, Conv2dMax) {
    Dice dice(21);
    EveryCompiler compilers(20);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 90; ++i) EXPECT_THAT(harness.add(random_pooled(dice), "conv2d_max_s8"), testing::ElementsAre("conv2d_max_s8"));
    expect_clean(harness, 120);
    compilers.expect_quiet();
}

TEST(V6mKernels, Conv2dMaxSaysWhyNot) {
    Dice dice(22);
    const KernelHarness harness("cortex-m0plus");
    Conv conv{Shape{1, 6, 6, 2}, 4, 1, {3, 3}};
    conv.pooled = true;
    const auto reason = [&](const Conv& of, const std::function<void(Graph&)>& change) {
        KernelCase c = conv_case(dice, of, dice.bytes({of.out, of.kernel[0], of.kernel[1], of.x[3]}), dice.bytes(of.x));
        change(c.graph);
        return harness.reason(c, "conv2d_max_s8");
    };
    const auto as_it_is = [](Graph&) {};
    EXPECT_EQ(reason(conv, as_it_is), "");
    Conv strided = conv, deep = conv;
    strided.stride = {2, 1};
    EXPECT_EQ(reason(strided, as_it_is), "takes one group and steps of 1");
    deep.x = Shape{1, 6, 6, 6};
    EXPECT_EQ(reason(deep, as_it_is), "takes at most 48 taps");
    EXPECT_EQ(reason(conv,
                     [](Graph& g) {
                         std::get<Pool2D>(g.nodes.back().op).stride = {1, 1};
                     }),
              "takes the greatest of 2 x 2 in steps of 2");
    EXPECT_EQ(reason(conv, [](Graph& g) { std::get<Pool2D>(g.nodes.back().op).hi = -128; }), "the pool clamps too");
    EXPECT_EQ(reason(conv, [](Graph& g) { g.add_output("z", g.nodes.back().inputs[0]); }), "the convolution's result has other readers");
}

KernelCase random_depthwise(Dice& dice) {
    for (;;) {
        const int64_t channels = dice.between(2, 7);
        // Wide ones keep a ring of rows, others all of them.
        Conv conv{Shape{dice.chance(15) ? 2 : 1, dice.between(1, 9), dice.chance(30) ? dice.between(25, 45) : dice.between(1, 9), channels},
                  channels,
                  channels,
                  {dice.between(1, 5), dice.between(1, 5)},
                  {dice.between(1, 3), dice.between(1, 3)}};
        if (dice.chance(40)) conv.kernel = {3, 3};
        for (int64_t& p : conv.pad) p = dice.chance(30) ? 0 : dice.between(0, 4);
        if (conv.kernel[0] > conv.x[1] + conv.pad[0] + conv.pad[2] || conv.kernel[1] > conv.x[2] + conv.pad[1] + conv.pad[3]) continue;
        return conv_case(dice, conv, dice.bytes({channels, conv.kernel[0], conv.kernel[1], 1}), dice.bytes(conv.x));
    }
}

TEST(V6mKernels, DepthwisePairs) {
    Dice dice(17);
    EveryCompiler compilers(20);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 90; ++i)
        EXPECT_THAT(harness.add(random_depthwise(dice), "depthwise_pairs_s8"), testing::ElementsAre("depthwise_pairs_s8"));
    expect_clean(harness, 90);
    compilers.expect_quiet();
}

KernelCase dense_case(Dice& dice, Tensor weights, Tensor input) {
    KernelCase c;
    const int64_t o = weights.shape()[0], k = weights.shape()[1];
    Dense op;
    op.x_zero = dice.zero();
    op.requant = dice.requant(o, k * 255 * 128 + 5000);
    c.label = fmt::format("{} rows of {} to {} zero {} {}", input.shape()[0], k, o, op.x_zero, rounding_name(op.requant.rounding));
    const ValueId x = c.graph.add_input("x", {DType::int8, input.shape(), {}});
    std::vector<ValueId> operands{x, c.graph.add_constant(std::move(weights))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({o}, -5000, 5000)));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(std::move(input));
    return c;
}

// Random ones, and weights whose sums come to the very edge of 16 bits with inputs that go there for every output in turn.
TEST(V6mKernels, DenseWords) {
    Dice dice(19);
    EveryCompiler compilers(20);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 60; ++i) {
        const int64_t o = dice.between(1, 14), k = dice.between(1, 70);
        Tensor w = dice.bytes({o, k}), x = dice.bytes({dice.between(1, 3), k});
        if (i % 3 == 0) {
            const int64_t magnitude = dice.between(1, 128);
            for (int8_t& v : w.mutable_data<int8_t>())
                v = static_cast<int8_t>(std::min<int64_t>(127, (i % 2 == 0 && dice.chance(50) ? -1 : 1) * magnitude));
            x = Tensor::zeros({DType::int8, Shape{2 * o, k}, {}});
            for (int64_t n = 0; n < 2 * o * k; ++n) {
                const bool positive = w.data<int8_t>()[static_cast<size_t>(n / k / 2 * k + n % k)] >= 0;
                x.mutable_data<int8_t>()[static_cast<size_t>(n)] = positive == (n / k % 2 == 0) ? 127 : -128;
            }
        }
        EXPECT_THAT(harness.add(dense_case(dice, w, x), "dense_words_s8"), testing::ElementsAre("dense_words_s8"));
    }
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

// For every channel in turn the input that makes all of its products as large, then as small, as they can be: one pixel of each.
Tensor extreme_inputs(const Tensor& weights, int64_t channels, int64_t depth) {
    Tensor x = Tensor::zeros({DType::int8, Shape{1, channels, 2, depth}, {}});
    auto out = x.mutable_data<int8_t>();
    for (int64_t c = 0; c < channels; ++c) {
        for (int64_t k = 0; k < depth; ++k) {
            const bool positive = weights.data<int8_t>()[static_cast<size_t>(c * depth + k)] >= 0;
            out[static_cast<size_t>((2 * c) * depth + k)] = positive ? 127 : -128;
            out[static_cast<size_t>((2 * c + 1) * depth + k)] = positive ? -128 : 127;
        }
    }
    return x;
}

// Weights whose sums come to the very edge of 16 bits, and inputs that go there, in both halves of a word.
TEST(V6mKernels, PairsReachTheirBounds) {
    Dice dice(12);
    KernelHarness harness;
    for (int i = 0; i < 24; ++i) {
        const int64_t depth = dice.between(1, 70), out = dice.between(2, 9);
        Tensor w = Tensor::zeros({DType::int8, Shape{out, 1, 1, depth}, {}});
        const int64_t magnitude = dice.chance(30) ? 127 : dice.between(1, 127);
        for (int8_t& v : w.mutable_data<int8_t>()) {
            const int64_t sign = i % 4 == 0 ? 1 : i % 4 == 1 ? -1 : dice.chance(50) ? 1 : -1;
            v = static_cast<int8_t>(i % 4 == 3 && dice.chance(30) ? -128 : sign * magnitude);
        }
        const KernelCase c = conv_case(dice, {Shape{1, out, 2, depth}, out}, w, extreme_inputs(w, out, depth));
        EXPECT_THAT(harness.add(c, "conv2d_pairs_s8"), testing::ElementsAre("conv2d_pairs_s8"));
    }
    expect_clean(harness, 24);
}

// The same for words of two weights: runs of up to 12 taps, whose cuts all channels share.
TEST(V6mKernels, WordsReachTheirBounds) {
    Dice dice(16);
    KernelHarness harness;
    for (int i = 0; i < 24; ++i) {
        const int64_t depth = dice.between(1, 12), out = 4 * dice.between(1, 3);
        const int64_t magnitude = dice.chance(30) ? 127 : dice.between(1, 127);
        Tensor w = Tensor::zeros({DType::int8, Shape{out, 1, 1, depth}, {}});
        for (int8_t& v : w.mutable_data<int8_t>()) {
            const int64_t sign = i % 3 == 0 ? 1 : i % 3 == 1 ? -1 : dice.chance(50) ? 1 : -1;
            v = static_cast<int8_t>(dice.chance(10) ? -128 : sign * magnitude);
        }
        const KernelCase c = conv_case(dice, {Shape{1, out, 2, depth}, out}, w, extreme_inputs(w, out, depth));
        EXPECT_THAT(harness.add(c, "conv2d_words_s8"), testing::ElementsAre("conv2d_words_s8"));
    }
    expect_clean(harness, 24);
}

// The same for a convolution under a pool: of each row of pixels every second one is a channel's largest, the others its smallest.
TEST(V6mKernels, PooledPairsReachTheirBounds) {
    Dice dice(23);
    KernelHarness harness;
    for (int i = 0; i < 24; ++i) {
        const int64_t depth = dice.between(1, 48), out = 2 * dice.between(1, 2), magnitude = dice.chance(30) ? 127 : dice.between(1, 127);
        Tensor w = Tensor::zeros({DType::int8, Shape{out, 1, 1, depth}, {}});
        for (int8_t& v : w.mutable_data<int8_t>()) {
            const int64_t sign = i % 3 == 0 ? 1 : i % 3 == 1 ? -1 : dice.chance(50) ? 1 : -1;
            v = static_cast<int8_t>(dice.chance(10) ? -128 : sign * magnitude);
        }
        Conv conv{Shape{1, out, 2, depth}, out};
        conv.pooled = true;
        const KernelCase c = conv_case(dice, conv, w, extreme_inputs(w, out, depth));
        EXPECT_THAT(harness.add(c, "conv2d_max_s8"), testing::ElementsAre("conv2d_max_s8"));
    }
    expect_clean(harness, 24);
}

// Depthwise: windows of all taps, at their largest and at their smallest for each channel, side by side; where they are many, in a ring of
// rows whose order changes from one row of results to the next.
TEST(V6mKernels, DepthwisePairsReachTheirBounds) {
    Dice dice(18);
    KernelHarness harness;
    for (int i = 0; i < 24; ++i) {
        const int64_t channels = dice.between(2, 5), kh = dice.between(1, 5), kw = dice.between(1, 5), magnitude = dice.between(1, 127);
        Tensor w = Tensor::zeros({DType::int8, Shape{channels, kh, kw, 1}, {}});
        for (int8_t& v : w.mutable_data<int8_t>()) {
            const int64_t sign = i % 3 == 0 ? 1 : i % 3 == 1 ? -1 : dice.chance(50) ? 1 : -1;
            v = static_cast<int8_t>(dice.chance(10) ? -128 : sign * magnitude);
        }
        const int64_t rows = i % 2 == 0 ? 1 : 3, across = i % 2 == 0 ? 2 : 64 / kw, pitch = kh + 1;
        Tensor x = Tensor::zeros({DType::int8, Shape{1, rows * pitch - 1, across * kw, channels}, {}});
        for (int64_t c = 0; c < channels; ++c)
            for (int64_t iy = 0; iy < rows * pitch - 1; ++iy)
                for (int64_t ix = 0; ix < across * kw; ++ix) {
                    if (iy % pitch == kh) continue;  // between the windows
                    const bool positive = w.data<int8_t>()[static_cast<size_t>((c * kh + iy % pitch) * kw + ix % kw)] >= 0;
                    x.mutable_data<int8_t>()[static_cast<size_t>((iy * across * kw + ix) * channels + c)] =
                        positive == (ix / kw % 2 == 0) ? 127 : -128;
                }
        const KernelCase c = conv_case(dice, {x.shape(), channels, channels, {kh, kw}, {pitch, kw}}, w, x);
        EXPECT_THAT(harness.add(c, "depthwise_pairs_s8"), testing::ElementsAre("depthwise_pairs_s8"));
    }
    expect_clean(harness, 24);
}

// Reads the chunks back: they cover every weight, hold the bound, and could not be longer.
TEST(V6mKernels, ChunksAreProvedAndLongest) {
    Dice dice(13);
    const KernelHarness harness;
    const int64_t depth = 100, out = 8;  // blocks of 3, 3, 2
    Tensor w = Tensor::zeros({DType::int8, Shape{out, 1, 1, depth}, {}});
    for (int8_t& v : w.mutable_data<int8_t>()) v = static_cast<int8_t>(dice.chance(20) ? dice.between(-128, 127) : dice.between(-30, 30));
    const Candidate candidate =
        harness.candidate(conv_case(dice, {Shape{1, 1, 2, depth}, out}, w, dice.bytes({1, 1, 2, depth})), "conv2d_pairs_s8");
    const auto weights = candidate.arguments[2].data.data<uint8_t>();
    const auto argument =
        std::find_if(candidate.arguments.begin(), candidate.arguments.end(), [](const auto& a) { return a.role == "chunks"; });
    ASSERT_NE(argument, candidate.arguments.end());
    const auto chunks = argument->data.data<uint8_t>();
    ASSERT_EQ(weights.size(), static_cast<size_t>(depth * out)) << "not a byte more than the weights";
    size_t next = 0, from = 0;
    for (const int64_t width : {3, 3, 2}) {
        const int64_t most = width == 3 ? 10 : 15;
        const auto fits = [&](int64_t first, int64_t taps) {
            for (int64_t c = 0; c < width; ++c) {
                int64_t lo = 0, hi = 0;
                for (int64_t t = first; t < first + taps; ++t) {
                    const int64_t v = int64_t{weights[from + static_cast<size_t>(t * width + c)]} - 128;
                    lo += std::min(-128 * v, 127 * v), hi += std::max(-128 * v, 127 * v);
                }
                if (lo < -32768 || hi > 32767) return false;
            }
            return true;
        };
        int64_t tap = 0;
        for (; chunks[next] != 255; ++next) {
            const int64_t taps = most - chunks[next];
            ASSERT_GE(taps, 1);
            EXPECT_TRUE(fits(tap, taps));
            EXPECT_TRUE(taps == most || tap + taps == depth || !fits(tap, taps + 1));
            tap += taps;
        }
        ++next;
        EXPECT_EQ(tap, depth);
        from += static_cast<size_t>(depth * width);
    }
    EXPECT_EQ(next, chunks.size());
}

TEST(V6mKernels, AreForSpeedOnTheirCoresAlone) {
    Dice dice(14);
    const KernelCase c = random_conv(dice);
    EXPECT_EQ(KernelHarness("cortex-m0").reason(c, "conv2d_pairs_s8"), "");
    EXPECT_NE(KernelHarness("cortex-m4").reason(c, "conv2d_pairs_s8"), "");
    EXPECT_NE(KernelHarness("generic").reason(c, "conv2d_pairs_s8"), "");
}

}  // namespace
}  // namespace gw
