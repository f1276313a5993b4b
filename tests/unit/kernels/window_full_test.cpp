// Convolution, dense and pooling kernels against evaluate: random shapes, strides, dilations, pads, groups and requantizations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/cases.h"
#include "unit/kernels/compilers.h"

namespace gw {
namespace {

struct Geometry {
    int64_t h, w;
    Pair kernel, stride, dilation;
    Pads pad;
    std::string text() const {
        return fmt::format("{}x{} kernel {}x{} stride {},{} dilation {},{} pad {},{},{},{}", h, w, kernel[0], kernel[1], stride[0],
                           stride[1], dilation[0], dilation[1], pad[0], pad[1], pad[2], pad[3]);
    }
};

// A window that fits; pads now and then as large as the whole kernel, so that some windows lie outside.
Geometry geometry(Dice& dice) {
    for (;;) {
        Geometry g{dice.between(1, 9),
                   dice.between(1, 9),
                   {dice.between(1, 4), dice.between(1, 4)},
                   {dice.between(1, 3), dice.between(1, 3)},
                   {dice.between(1, 2), dice.between(1, 2)},
                   {0, 0, 0, 0}};
        const int64_t most = dice.chance(15) ? 4 : dice.chance(50) ? 1 : 0;
        for (int64_t& p : g.pad) p = dice.between(0, most);
        if (g.dilation[0] * (g.kernel[0] - 1) + 1 <= g.h + g.pad[0] + g.pad[2] &&
            g.dilation[1] * (g.kernel[1] - 1) + 1 <= g.w + g.pad[1] + g.pad[3]) {
            return g;
        }
    }
}

// Whether every window has a position inside the picture: pooling asks for it.
bool all_inside(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t before, int64_t after) {
    for (int64_t first = -before; first + dilation * (kernel - 1) < in + after; first += stride) {
        bool found = false;
        for (int64_t k = 0; k < kernel; ++k) found = found || (first + k * dilation >= 0 && first + k * dilation < in);
        if (!found) return false;
    }
    return true;
}

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

KernelCase pool_case(Dice& dice, PoolKind kind) {
    Geometry g = geometry(dice);
    while (!all_inside(g.h, g.kernel[0], g.stride[0], g.dilation[0], g.pad[0], g.pad[2]) ||
           !all_inside(g.w, g.kernel[1], g.stride[1], g.dilation[1], g.pad[1], g.pad[3])) {
        g = geometry(dice);
    }
    const int64_t channels = dice.between(1, 9), batch = dice.chance(15) ? 2 : 1;
    KernelCase c;
    Pool2D op;
    op.kind = kind, op.kernel = g.kernel, op.stride = g.stride, op.dilation = g.dilation, op.pad = g.pad;
    op.x_zero = dice.zero(), op.count_pad = dice.chance(50);
    if (dice.chance(30)) op.lo = static_cast<int32_t>(dice.between(-128, 20)), op.hi = static_cast<int32_t>(dice.between(op.lo, 127));
    c.label = fmt::format("pool n{} c{} {}{}", batch, channels, g.text(), op.count_pad ? " counting pads" : "");
    const Shape shape{batch, g.h, g.w, channels};
    const Quant quant = Quant::tensor(0.5F, op.x_zero);
    const ValueId x = c.graph.add_input("x", {DType::int8, shape, quant});
    c.graph.add_output("y", c.graph.must_add(op, {x}, {}));
    c.inputs.push_back(dice.bytes(shape, quant));
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
    for (int i = 0; i < 70; ++i) EXPECT_THAT(harness.add(pool_case(dice, PoolKind::max)), testing::ElementsAre("max_pool_s8"));
    expect_clean(harness, 100);
    compilers.expect_quiet();
}

TEST(WindowKernels, AveragePool) {
    Dice dice(5);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 70; ++i) EXPECT_THAT(harness.add(pool_case(dice, PoolKind::average)), testing::ElementsAre("avg_pool_s8"));
    expect_clean(harness, 120);
    compilers.expect_quiet();
}

}  // namespace
}  // namespace gw
