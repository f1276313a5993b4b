// Convolution, dense and pooling kernels against evaluate: random shapes, strides, dilations, pads, groups and requantizations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/compilers.h"
#include "unit/kernels/layer_cases.h"

namespace gw {
namespace {

KernelCase conv_case(Dice& dice, bool depthwise) {
    const Geometry g = geometry(dice);
    const int64_t groups = depthwise ? dice.between(2, 9) : dice.chance(25) ? dice.between(2, 3) : 1;
    const int64_t in = depthwise ? 1 : dice.between(1, 9), out = depthwise ? dice.between(1, 3) : dice.between(1, 9);
    const int64_t batch = dice.chance(15) ? 2 : 1;
    KernelCase c;
    Conv2D op;
    op.stride = g.stride, op.dilation = g.dilation, op.pad = g.pad, op.groups = groups, op.x_zero = dice.zero();
    op.requant = dice.requant(groups * out, g.kernel[0] * g.kernel[1] * in * 255 * 127 + 5000);
    c.label = fmt::format("conv n{} c{}x{} o{} {} {}", batch, groups, in, groups * out, g.text(), rounding_name(op.requant.rounding));
    const Shape shape{batch, g.h, g.w, groups * in};
    const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
    std::vector<ValueId> operands{x, c.graph.add_constant(dice.bytes({groups * out, g.kernel[0], g.kernel[1], in}))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({groups * out}, -5000, 5000)));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(dice.bytes(shape));
    return c;
}

KernelCase dense_case(Dice& dice) {
    const int64_t k = dice.between(1, 40), o = dice.between(1, 13), m = dice.chance(30) ? dice.between(2, 4) : 1;
    KernelCase c;
    Dense op;
    op.x_zero = dice.zero();
    op.requant = dice.requant(o, k * 255 * 127 + 5000);
    c.label = fmt::format("dense {}x{} to {} {}", m, k, o, rounding_name(op.requant.rounding));
    const ValueId x = c.graph.add_input("x", {DType::int8, Shape{m, k}, {}});
    std::vector<ValueId> operands{x, c.graph.add_constant(dice.bytes({o, k}))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(dice.words({o}, -5000, 5000)));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(dice.bytes(Shape{m, k}));
    return c;
}

TEST(WindowKernels, Conv2d) {
    Dice dice(1);
    for (const char* core : {"cortex-m0plus", "cortex-m4"}) {
        EveryCompiler compilers(20);
        KernelHarness harness(core, 0, compilers.fault());
        for (int i = 0; i < 60; ++i) harness.add(conv_case(dice, false), "conv2d_s8");
        expect_clean(harness, 100);
        compilers.expect_quiet();
    }
}

TEST(WindowKernels, SharedConv2d) {
    Dice dice(6);
    for (const char* core : {"cortex-m0plus", "cortex-m4"}) {
        EveryCompiler compilers(20);
        KernelHarness harness(core, 0, compilers.fault());
        for (int i = 0; i < 60; ++i)
            EXPECT_THAT(harness.add(conv_case(dice, i % 3 == 0), "conv2d_shared_s8"), testing::ElementsAre("conv2d_shared_s8"));
        expect_clean(harness, 60);
        compilers.expect_quiet();
    }
}

// With --optimize size, layers of many kinds share the code; before there are five, each has its own.
TEST(WindowKernels, ConvolutionsShareCodeWhereTheyAreMany) {
    Graph g;
    ValueId x = g.add_input("x", {DType::int8, Shape{1, 12, 12, 1}, {}});
    Dice dice(7);
    const auto reasons = [&](const std::string& optimize) {
        const std::vector<int> uses = g.use_counts();
        const auto users = g.users();
        const MatchContext context{g, uses, users, *find_core("cortex-m4"), optimize};
        const NodeId last{static_cast<int32_t>(g.nodes.size()) - 1};
        std::vector<std::string> all;
        for (const char* name : {"conv2d_s8", "depthwise_s8", "conv2d_shared_s8"})
            all.push_back(row_by_name(name).match(context, g, last).reason);
        return all;
    };
    const std::string shared = "with --optimize size, convolutions of five kinds and more share conv2d_shared_s8";
    for (int64_t n = 1; n <= 5; ++n) {
        Conv2D op;
        op.requant = dice.requant(n + 1, 9 * n * 255 * 127);
        x = g.must_add(op, {x, g.add_constant(dice.bytes({n + 1, 3, 3, n}))}, {});
        if (n < 5) {
            EXPECT_THAT(reasons("size"), testing::ElementsAre("", testing::_, "")) << n;
        } else {
            EXPECT_THAT(reasons("size"), testing::ElementsAre(shared, shared, ""));
        }
        EXPECT_THAT(reasons("speed"), testing::ElementsAre("", testing::_, ""));
    }
}

TEST(WindowKernels, Depthwise) {
    Dice dice(2);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 40; ++i)
        EXPECT_THAT(harness.add(conv_case(dice, true)), testing::IsSupersetOf({"conv2d_s8", "depthwise_s8", "conv2d_shared_s8"}));
    expect_clean(harness, 100);
    compilers.expect_quiet();
}

TEST(WindowKernels, Dense) {
    Dice dice(3);
    for (const char* core : {"cortex-m0plus", "cortex-m4"}) {
        EveryCompiler compilers(20);
        KernelHarness harness(core, 0, compilers.fault());
        for (int i = 0; i < 50; ++i) EXPECT_THAT(harness.add(dense_case(dice), "dense_s8"), testing::ElementsAre("dense_s8"));
        expect_clean(harness, 100);
        compilers.expect_quiet();
    }
}

TEST(WindowKernels, MaxPool) {
    Dice dice(4);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 70; ++i) EXPECT_THAT(harness.add(pool_case(dice, PoolKind::max, 9)), testing::ElementsAre("max_pool_s8"));
    expect_clean(harness, 100);
    compilers.expect_quiet();
}

TEST(WindowKernels, AveragePool) {
    Dice dice(5);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 70; ++i) EXPECT_THAT(harness.add(pool_case(dice, PoolKind::average, 9)), testing::ElementsAre("avg_pool_s8"));
    expect_clean(harness, 120);
    compilers.expect_quiet();
}

}  // namespace
}  // namespace gw
