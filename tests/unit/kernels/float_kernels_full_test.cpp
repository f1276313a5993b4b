// Float kernels against evaluate: every kind of every family, random shapes and windows, numbers and what is not a number.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "kernels/float_help.h"
#include "unit/kernels/compilers.h"
#include "unit/kernels/layer_cases.h"

namespace gw {
namespace {

constexpr double tolerance = 2e-6;

Tensor some_floats(Dice& dice, const Shape& shape, double lo = -4, double hi = 4) { return dice.floats(shape, lo, hi); }

// Numbers that formulas stumble over.
Tensor hard_floats(const Shape& shape) {
    constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    constexpr float values[] = {0.0F, -0.0F, 1.0F, -1.0F, 0.5F, -0.5F,  1.5F,   2.5F,  -2.5F, 3.0F,
                                6.0F, -3.0F, inf,  -inf,  nan,  1e-38F, -1e30F, 1e30F, 88.0F, -104.0F};
    Tensor t = Tensor::zeros({DType::float32, shape, {}});
    size_t i = 0;
    for (float& v : t.mutable_data<float>()) v = values[i++ % std::size(values)];
    return t;
}

KernelCase one_operand(Op op, Tensor x, std::string label) {
    KernelCase c;
    c.label = std::move(label);
    const ValueId in = c.graph.add_input("x", x.type);
    c.graph.add_output("y", c.graph.must_add(std::move(op), {in}, {}));
    c.inputs.push_back(std::move(x));
    return c;
}

KernelCase two_operands(Op op, Tensor a, Tensor b, std::string label, bool constant_b = false) {
    KernelCase c;
    c.label = std::move(label);
    const ValueId pa = c.graph.add_input("a", a.type);
    c.inputs.push_back(std::move(a));
    ValueId pb;
    if (constant_b) {
        pb = c.graph.add_constant(std::move(b));
    } else {
        pb = c.graph.add_input("b", b.type);
        c.inputs.push_back(std::move(b));
    }
    c.graph.add_output("y", c.graph.must_add(std::move(op), {pa, pb}, {}));
    return c;
}

template <class T>
void some_clamp(Dice& dice, T& op) {
    if (dice.chance(30)) op.act_lo = static_cast<float>(dice.between(-2, 0));
    if (dice.chance(30)) op.act_hi = static_cast<float>(dice.between(1, 6));
}

// int8 weights of a float layer, with one scale or one an output channel.
Tensor scaled_bytes(Dice& dice, Shape shape) {
    Quant q;
    const bool by_channel = dice.chance(70);
    if (by_channel) q.axis = 0;
    for (int64_t i = 0; i < (by_channel ? shape[0] : 1); ++i)
        q.scales.push_back(static_cast<float>(dice.between(1, 100)) / 4000), q.zero_points.push_back(0);
    return dice.bytes(std::move(shape), std::move(q));
}

KernelCase conv_case(Dice& dice, bool depthwise, bool bytes = false) {
    const Geometry g = geometry(dice);
    const int64_t groups = depthwise ? dice.between(2, 9) : dice.chance(25) ? dice.between(2, 3) : 1;
    const int64_t in = depthwise ? 1 : dice.between(1, 9), out = depthwise ? dice.between(1, 3) : dice.between(1, 9);
    const Shape shape{dice.chance(15) ? 2 : 1, g.h, g.w, groups * in};
    Conv2D op;
    op.stride = g.stride, op.dilation = g.dilation, op.pad = g.pad, op.groups = groups;
    some_clamp(dice, op);
    KernelCase c;
    c.label = fmt::format("conv {} groups {} out {} kernel {}x{}", shape.text(), groups, groups * out, g.kernel[0], g.kernel[1]);
    const ValueId x = c.graph.add_input("x", {DType::float32, shape, {}});
    const Shape weights{groups * out, g.kernel[0], g.kernel[1], in};
    std::vector<ValueId> operands{x, c.graph.add_constant(bytes ? scaled_bytes(dice, weights) : some_floats(dice, weights))};
    if (dice.chance(80)) operands.push_back(c.graph.add_constant(some_floats(dice, {groups * out})));
    c.graph.add_output("y", c.graph.must_add(op, operands, {}));
    c.inputs.push_back(some_floats(dice, shape));
    return c;
}

TEST(FloatKernels, Conv2d) {
    Dice dice(11);
    EveryCompiler compilers(10);
    KernelHarness harness("cortex-m4", tolerance, compilers.fault());
    for (int i = 0; i < 50; ++i) EXPECT_THAT(harness.add(conv_case(dice, false)), testing::Contains("conv2d_f32"));
    for (int i = 0; i < 25; ++i)
        EXPECT_THAT(harness.add(conv_case(dice, true)), testing::UnorderedElementsAre("conv2d_f32", "depthwise_f32"));
    expect_clean(harness, 170);
    compilers.expect_quiet();
}

TEST(FloatKernels, Int8Weights) {
    Dice dice(12);
    EveryCompiler compilers(10);
    KernelHarness harness("cortex-m4", tolerance, compilers.fault());
    for (int i = 0; i < 25; ++i) EXPECT_THAT(harness.add(conv_case(dice, false, true)), testing::Contains("conv2d_f32"));
    for (int i = 0; i < 15; ++i)
        EXPECT_THAT(harness.add(conv_case(dice, true, true)), testing::UnorderedElementsAre("conv2d_f32", "depthwise_f32"));
    for (int i = 0; i < 15; ++i) {
        const int64_t m = dice.between(1, 3), k = dice.between(1, 30), o = dice.between(1, 9);
        KernelCase c;
        c.label = fmt::format("dense {} {} {}", m, k, o);
        Dense op;
        some_clamp(dice, op);
        std::vector<ValueId> operands{c.graph.add_input("x", {DType::float32, {m, k}, {}}),
                                      c.graph.add_constant(scaled_bytes(dice, {o, k}))};
        if (dice.chance(80)) operands.push_back(c.graph.add_constant(some_floats(dice, {o})));
        c.graph.add_output("y", c.graph.must_add(op, operands, {}));
        c.inputs.push_back(some_floats(dice, {m, k}));
        EXPECT_THAT(harness.add(c), testing::ElementsAre("dense_f32"));
    }
    expect_clean(harness, 100);
    compilers.expect_quiet();
}

TEST(FloatKernels, Pools) {
    Dice dice(12);
    EveryCompiler compilers(12);
    KernelHarness harness("cortex-m4", tolerance, compilers.fault());
    int made = 0;
    while (made < 100) {
        const Geometry g = geometry(dice);
        Pool2D op;
        op.kind = made % 2 == 0 ? PoolKind::max : PoolKind::average;
        op.kernel = g.kernel, op.stride = g.stride, op.dilation = g.dilation, op.pad = g.pad, op.count_pad = dice.chance(50);
        some_clamp(dice, op);
        KernelCase c;
        const Shape shape{dice.chance(15) ? 2 : 1, g.h, g.w, dice.between(1, 7)};
        const ValueId x = c.graph.add_input("x", {DType::float32, shape, {}});
        Diagnostics refused;  // a window that lies in the padding altogether
        const Expected<ValueId> y = c.graph.add1(op, {x}, {}, refused);
        if (!y) continue;
        c.graph.add_output("y", *y);
        c.label = fmt::format("{} pool {}", enum_name(op.kind), shape.text());
        c.inputs.push_back(dice.chance(10) ? hard_floats(shape) : some_floats(dice, shape));
        const char* row = op.kind == PoolKind::max ? "max_pool_f32" : "avg_pool_f32";
        EXPECT_THAT(harness.add(c), testing::ElementsAre(row));
        ++made;
    }
    expect_clean(harness, 170);
    compilers.expect_quiet();
}

TEST(FloatKernels, DenseAndMatmul) {
    Dice dice(13);
    EveryCompiler compilers(90);
    KernelHarness harness("cortex-m4", tolerance, compilers.fault());
    for (int i = 0; i < 40; ++i) {
        const int64_t k = dice.between(1, 40), o = dice.between(1, 13), m = dice.chance(30) ? dice.between(2, 4) : 1;
        Dense op;
        some_clamp(dice, op);
        KernelCase c;
        c.label = fmt::format("dense {}x{} to {}", m, k, o);
        const ValueId x = c.graph.add_input("x", {DType::float32, Shape{m, k}, {}});
        std::vector<ValueId> operands{x, c.graph.add_constant(some_floats(dice, {o, k}))};
        if (dice.chance(80)) operands.push_back(c.graph.add_constant(some_floats(dice, {o})));
        c.graph.add_output("y", c.graph.must_add(op, operands, {}));
        c.inputs.push_back(some_floats(dice, {m, k}));
        EXPECT_THAT(harness.add(c), testing::ElementsAre("dense_f32"));
    }
    for (int i = 0; i < 40; ++i) {
        const int64_t k = dice.between(1, 9), m = dice.between(1, 6), n = dice.between(1, 9), rank = dice.between(0, 3);
        std::vector<int64_t> a, b;
        for (int64_t d = 0; d < rank; ++d) {
            const int64_t size = dice.between(1, 3);
            a.push_back(dice.chance(30) ? 1 : size);
            b.push_back(dice.chance(30) ? 1 : size);
        }
        if (dice.chance(20)) b.clear();
        a.insert(a.end(), {m, k});
        b.insert(b.end(), {k, n});
        const Shape as(a), bs(b);
        EXPECT_THAT(harness.add(two_operands(MatMul{}, some_floats(dice, as), some_floats(dice, bs), "matmul " + as.text() + bs.text(),
                                             dice.chance(20))),
                    testing::ElementsAre("matmul_f32"));
    }
    expect_clean(harness, 120);
    compilers.expect_quiet();
}

TEST(FloatKernels, ReductionsOfEveryKind) {
    Dice dice(14);
    EveryCompiler compilers(110);
    KernelHarness harness("cortex-m0plus", tolerance, compilers.fault());
    for (int kind = 0; kind <= static_cast<int>(ReduceKind::product); ++kind) {
        for (int i = 0; i < 20; ++i) {
            const int64_t rank = dice.between(1, 4);
            std::vector<int64_t> dims;
            Reduce op;
            op.kind = static_cast<ReduceKind>(kind), op.keep_dims = dice.chance(50);
            for (int64_t d = 0; d < rank; ++d) {
                dims.push_back(dice.between(1, 6));
                if (dice.chance(50)) op.axes.push_back(d);
            }
            if (op.axes.empty()) op.axes.push_back(rank - 1);
            const Shape shape(dims);
            EXPECT_THAT(harness.add(one_operand(op, some_floats(dice, shape, -1.2, 1.5),
                                                fmt::format("{} of {}", enum_name(op.kind), shape.text()))),
                        testing::ElementsAre("reduce_f32"));
        }
    }
    // Long sums of one sign: the error must not grow with their length.
    for (const ReduceKind kind : {ReduceKind::sum, ReduceKind::mean}) {
        Reduce op;
        op.kind = kind, op.axes = {0};
        harness.add(one_operand(op, some_floats(dice, {30000}, 0.5, 1.5), "a long one"));
    }
    expect_clean(harness, 200);
    compilers.expect_quiet();
}

TEST(FloatKernels, UnaryOfEveryKind) {
    Dice dice(15);
    EveryCompiler compilers(400);
    KernelHarness harness("cortex-m4", tolerance, compilers.fault());
    for (int kind = 0; kind < static_cast<int>(UnaryKind::logical_not); ++kind) {
        for (int i = 0; i < 3; ++i) {
            Unary op;
            op.kind = static_cast<UnaryKind>(kind);
            op.alpha = i == 0 ? 0.2F : i == 1 ? -1.25F : 2.0F, op.beta = i == 0 ? 0.5F : 3.0F;
            if (op.kind == UnaryKind::clamp && i == 1) op.alpha = -infinity;
            if (op.kind == UnaryKind::clamp && i == 2) op.beta = infinity;
            const Shape shape{dice.between(1, 3), dice.between(1, 20)};
            Tensor x = i == 2 ? hard_floats({20}) : some_floats(dice, shape, op.kind == UnaryKind::log ? 0.01 : -5, 5);
            EXPECT_THAT(harness.add(one_operand(op, std::move(x), std::string(enum_name(op.kind)))), testing::ElementsAre("unary_f32"));
        }
    }
    expect_clean(harness, 150);
    compilers.expect_quiet();
}

// Shapes that broadcast to one another.
std::array<Shape, 2> broadcast_shapes(Dice& dice) {
    const int64_t rank = dice.between(1, 5);
    std::vector<int64_t> a, b;
    for (int64_t d = 0; d < rank; ++d) {
        const int64_t size = dice.between(1, 4), which = dice.between(0, 5);
        a.push_back(which == 0 ? 1 : size);
        b.push_back(which == 1 ? 1 : size);
    }
    if (dice.chance(20)) b.erase(b.begin(), b.begin() + dice.between(0, rank - 1));
    if (dice.chance(20)) b = a;
    return {Shape(a), Shape(b)};
}

TEST(FloatKernels, BinaryOfEveryKind) {
    Dice dice(16);
    EveryCompiler compilers(200);
    KernelHarness harness("cortex-m4", tolerance, compilers.fault());
    for (int kind = 0; kind <= static_cast<int>(BinaryKind::greater); ++kind) {
        for (int i = 0; i < 16; ++i) {
            Binary op;
            op.kind = static_cast<BinaryKind>(kind);
            const bool comparison = op.kind >= BinaryKind::equal;
            if (!comparison) some_clamp(dice, op);
            const auto [as, bs] = broadcast_shapes(dice);
            Tensor a = op.kind == BinaryKind::pow ? some_floats(dice, as, 0.1, 3) : some_floats(dice, as);
            Tensor b = op.kind == BinaryKind::div || op.kind == BinaryKind::mod ? some_floats(dice, bs, 0.5, 3) : some_floats(dice, bs);
            if (op.kind == BinaryKind::equal)
                for (float& v : b.mutable_data<float>()) v = dice.chance(50) ? a.data<float>()[0] : v;
            if (i == 0) a = hard_floats({20, 20}), b = hard_floats({20, 1});
            EXPECT_THAT(harness.add(two_operands(op, std::move(a), std::move(b), std::string(enum_name(op.kind)), dice.chance(20))),
                        testing::ElementsAre("binary_f32"));
        }
    }
    // The same value twice, and the widest broadcast there is a kernel for.
    KernelCase same;
    same.label = "square";
    const ValueId x = same.graph.add_input("x", {DType::float32, Shape{7}, {}});
    same.graph.add_output("y", same.graph.must_add(Binary{BinaryKind::mul}, {x, x}, {}));
    same.inputs.push_back(some_floats(dice, {7}));
    harness.add(same);
    EXPECT_THAT(harness.reason(two_operands(Binary{}, some_floats(dice, {2, 1, 2, 1, 2, 1}), some_floats(dice, {1, 2, 1, 2, 1, 2}), "six"),
                               "binary_f32"),
                testing::HasSubstr("five dimensions"));
    expect_clean(harness, 250);
    compilers.expect_quiet();
}

TEST(FloatKernels, WideIntegersAndBools) {
    Dice dice(17);
    EveryCompiler compilers(400);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    const auto numbers = [&](DType dtype, const Shape& shape, bool zeros) {
        Tensor t = Tensor::zeros({dtype, shape, {}});
        for (int64_t i = 0; i < t.elements(); ++i) {
            const int64_t small = dice.between(zeros ? -3 : 1, 3);
            if (dtype == DType::boolean)
                t.set(i, static_cast<double>(dice.between(0, 1)));
            else
                t.set(i, static_cast<double>(dice.chance(20)   ? lowest(dtype)
                                             : dice.chance(20) ? (int64_t{1} << (bits(dtype) - 3))
                                                               : small));
        }
        return t;
    };
    for (const DType dtype : {DType::int32, DType::int64, DType::boolean}) {
        for (int kind = 0; kind <= static_cast<int>(BinaryKind::logical_or); ++kind) {
            Binary op;
            op.kind = static_cast<BinaryKind>(kind);
            const bool logical = op.kind == BinaryKind::logical_and || op.kind == BinaryKind::logical_or;
            if (op.kind == BinaryKind::pow ||
                (logical != (dtype == DType::boolean) && !(dtype == DType::boolean && op.kind == BinaryKind::equal)))
                continue;
            for (int i = 0; i < 5; ++i) {
                const auto [as, bs] = broadcast_shapes(dice);
                EXPECT_THAT(
                    harness.add(two_operands(op, numbers(dtype, as, true), numbers(dtype, bs, true), std::string(enum_name(op.kind)))),
                    testing::ElementsAre("binary_int"));
            }
        }
        for (const UnaryKind kind : {UnaryKind::clamp, UnaryKind::abs, UnaryKind::neg, UnaryKind::sign, UnaryKind::logical_not}) {
            if ((kind == UnaryKind::logical_not) != (dtype == DType::boolean)) continue;
            for (const auto& [alpha, beta] : {std::pair{-1.5F, 1.5F},
                                              {-infinity, 2.0F},
                                              {0.0F, infinity},
                                              {1e30F, infinity},
                                              {-infinity, -1e30F},
                                              {-2147483648.0F, 4e9F}}) {
                Unary op;
                op.kind = kind, op.alpha = alpha, op.beta = beta;
                EXPECT_THAT(harness.add(one_operand(op, numbers(dtype, {17}, true), std::string(enum_name(kind)))),
                            testing::ElementsAre("unary_int"));
            }
        }
    }
    expect_clean(harness, 150);
    compilers.expect_quiet();
}

TEST(FloatKernels, Softmax) {
    Dice dice(18);
    EveryCompiler compilers(400);
    KernelHarness harness("cortex-m4", tolerance, compilers.fault());
    for (int i = 0; i < 40; ++i) {
        const Shape shape{dice.between(1, 3), dice.between(1, 12), dice.between(1, 3)};
        Softmax op;
        op.axis = dice.between(0, 2), op.log = dice.chance(50);
        EXPECT_THAT(harness.add(one_operand(op, some_floats(dice, shape, -30, 30), "softmax " + shape.text())),
                    testing::ElementsAre("softmax_f32"));
    }
    expect_clean(harness, 50);
    compilers.expect_quiet();
}

// The overlap tests have teeth: each of these fails when input and output lie one element closer than the row says.
TEST(FloatKernels, OverlapThatIsTooCloseIsCaught) {
    Dice dice(19);
    KernelFault fault;
    fault.gap_change = -4;
    KernelHarness harness("cortex-m4", tolerance, fault);
    Conv2D op;
    op.pad = {1, 1, 1, 1};
    KernelCase c;
    c.label = "conv";
    const ValueId x = c.graph.add_input("x", {DType::float32, Shape{1, 6, 6, 3}, {}});
    c.graph.add_output("y", c.graph.must_add(op, {x, c.graph.add_constant(some_floats(dice, {5, 3, 3, 3}))}, {}));
    c.inputs.push_back(some_floats(dice, {1, 6, 6, 3}));
    harness.add(c, "conv2d_f32");
    Pool2D pool;
    pool.kernel = {3, 3}, pool.pad = {1, 1, 1, 1};
    harness.add(one_operand(pool, some_floats(dice, {1, 6, 6, 3}), "pool"));
    harness.add(one_operand(Unary{UnaryKind::neg}, some_floats(dice, {30}), "unary"));
    harness.add(one_operand(Softmax{1}, some_floats(dice, {3, 8}), "softmax"));
    EXPECT_EQ(harness.run().size(), 4U);
}

TEST(FloatText, LiteralsComeBackExactly) {
    for (const float v :
         {0.0F, -0.0F, 1.0F, 100.0F, 0.1F, -1.0F / 3.0F, 16777217.0F, 3.40282347e+38F, 1.40129846e-45F, 1e-30F, 123456789.0F}) {
        const std::string text = float_literal(v);
        EXPECT_EQ(text.back(), 'f');
        EXPECT_NE(text.find_first_of(".e"), std::string::npos) << text << " would be an integer with a wrong suffix";
        const float back = std::strtof(text.c_str(), nullptr);
        EXPECT_EQ(std::signbit(back), std::signbit(v));
        EXPECT_EQ(back, v) << text;
    }
}

TEST(FloatText, ClampsCostNothingWhereThereIsNoBound) {
    EXPECT_EQ(clamp_text("v", -infinity, infinity), "v");
    EXPECT_EQ(clamp_text("v", 0.0F, infinity), "v < 0.0f ? 0.0f : v");
    EXPECT_EQ(clamp_text("v", -infinity, 6.0F), "v > 6.0f ? 6.0f : v");
    EXPECT_EQ(clamp_text("a + b", -1.0F, 6.0F), "gw_clamp_f32(a + b, -1.0f, 6.0f)");
}

TEST(MergedWalk, JoinsWhatAllOperandsWalkAsOne) {
    // [2,3,4,5] contiguous, against an operand that repeats along the second dimension.
    const Walk walk = merged({2, 3, 4, 5}, {{60, 20, 5, 1}, {20, 0, 5, 1}});
    EXPECT_EQ(walk.dims, (std::vector<int64_t>{2, 3, 20}));
    EXPECT_EQ(walk.strides[0], (std::vector<int64_t>{60, 20, 1}));
    EXPECT_EQ(walk.strides[1], (std::vector<int64_t>{20, 0, 1}));
    Walk ones = merged({1, 1}, {{7, 7}});
    EXPECT_TRUE(ones.dims.empty());
    EXPECT_TRUE(ones.extend(2));
    EXPECT_EQ(ones.dims, (std::vector<int64_t>{1, 1}));
    EXPECT_FALSE(ones.extend(1));
}

}  // namespace
}  // namespace gw
