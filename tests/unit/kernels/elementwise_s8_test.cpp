// The other int8 kernels against evaluate: pooling by average, reductions, elementwise ops, matmul, conversions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "unit/kernels/cases.h"
#include "unit/kernels/compilers.h"

namespace gw {
namespace {

Shape random_shape(Dice& dice, int64_t rank, int64_t most) {
    std::vector<int64_t> dims;
    for (int64_t i = 0; i < rank; ++i) dims.push_back(dice.between(1, most));
    return Shape(dims);
}

// `s` with some dimensions cut to 1 or, in front, left away.
Shape narrowed(Dice& dice, Shape s) {
    for (int64_t i = 0; i < s.rank(); ++i)
        if (dice.chance(35)) s[i] = 1;
    std::vector<int64_t> dims = s.dims();
    if (dice.chance(30)) dims.erase(dims.begin(), dims.begin() + dice.between(0, s.rank() - 1));
    return Shape(dims);
}

KernelCase one_input(Dice& dice, const Op& op, const Shape& shape, const Quant& quant, std::string label) {
    KernelCase c;
    c.label = std::move(label);
    const ValueId x = c.graph.add_input("x", {DType::int8, shape, quant});
    c.graph.add_output("y", c.graph.must_add(op, {x}, {}));
    c.inputs.push_back(dice.bytes(shape, quant));
    return c;
}

TEST(ElementwiseKernels, BinaryWithBroadcasting) {
    Dice dice(11);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    const BinaryKind kinds[] = {BinaryKind::add, BinaryKind::sub, BinaryKind::mul, BinaryKind::min, BinaryKind::max};
    int lines = 0;
    for (int i = 0; i < 80; ++i) {
        const Shape full = random_shape(dice, dice.between(1, 4), 5);
        const Shape as = dice.chance(50) ? full : narrowed(dice, full), bs = dice.chance(50) ? full : narrowed(dice, full);
        Binary op;
        op.kind = kinds[dice.between(0, 4)];
        Quant quant;
        if (op.kind == BinaryKind::min || op.kind == BinaryKind::max) {
            quant = Quant::tensor(0.5F, dice.zero());
        } else {
            op.a_zero = dice.zero(), op.b_zero = dice.zero();
            if (op.kind != BinaryKind::mul) {
                op.a_multiplier = static_cast<int32_t>(dice.between(1, 100)), op.b_multiplier = static_cast<int32_t>(dice.between(1, 100));
            }
            op.requant = dice.requant(1, op.kind == BinaryKind::mul ? 255 * 255 : 255 * (op.a_multiplier + op.b_multiplier));
        }
        KernelCase c;
        c.label = fmt::format("{} {} {}", enum_name(op.kind), as.text(), bs.text());
        const ValueId a = c.graph.add_input("a", {DType::int8, as, quant});
        c.inputs.push_back(dice.bytes(as, quant));
        ValueId b;
        if (dice.chance(25)) {
            b = c.graph.add_constant(dice.bytes(bs, quant));
        } else {
            b = c.graph.add_input("b", {DType::int8, bs, quant});
            c.inputs.push_back(dice.bytes(bs, quant));
        }
        c.graph.add_output("y", c.graph.must_add(op, {a, b}, {}));
        // One general kernel, and for most sums of equal shapes the one by lines.
        const std::vector<std::string> matched = harness.add(c);
        const bool line = std::count(matched.begin(), matched.end(), "add_line_s8") > 0;
        EXPECT_EQ(matched.size(), line ? 2u : 1u) << c.label;
        EXPECT_TRUE(!line || (as == bs && (op.kind == BinaryKind::add || op.kind == BinaryKind::sub))) << c.label;
        lines += line ? 1 : 0;
    }
    EXPECT_GT(lines, 5);
    expect_clean(harness, 120);
    compilers.expect_quiet();
}

TEST(ElementwiseKernels, LookupAndSoftmax) {
    Dice dice(12);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 30; ++i) {
        const Shape shape = random_shape(dice, dice.between(1, 3), 9);
        KernelCase c;
        c.label = "lookup " + shape.text();
        const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
        c.graph.add_output("y", c.graph.must_add(Lookup{}, {x, c.graph.add_constant(dice.bytes({256}))}, {}));
        c.inputs.push_back(dice.bytes(shape));
        EXPECT_THAT(harness.add(c), testing::ElementsAre("lookup_s8"));
    }
    for (int i = 0; i < 40; ++i) {
        const Shape shape = random_shape(dice, dice.between(1, 3), 12);
        Softmax op;
        op.axis = dice.chance(60) ? shape.rank() - 1 : dice.between(0, shape.rank() - 1);
        // The largest entry that is allowed, down to tables whose tail is all zero, so that sums are as small and as large as they can be.
        const double top = std::min(8388608.0, std::floor(2147483647.0 / static_cast<double>(shape[op.axis])));
        const double slope = static_cast<double>(dice.between(0, 200)) / 100.0;
        std::vector<uint32_t> table;
        for (int d = 0; d < 256; ++d) table.push_back(static_cast<uint32_t>(top * std::exp(-slope * d)));
        KernelCase c;
        c.label = fmt::format("softmax {} axis {}", shape.text(), op.axis);
        const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
        c.graph.add_output("y", c.graph.must_add(op, {x, c.graph.add_constant(Tensor::of<uint32_t>({256}, table))}, {}));
        c.inputs.push_back(dice.bytes(shape));
        EXPECT_THAT(harness.add(c), testing::ElementsAre("softmax_s8"));
    }
    expect_clean(harness, 120);
    compilers.expect_quiet();
}

TEST(ElementwiseKernels, Reduce) {
    Dice dice(13);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    const ReduceKind kinds[] = {ReduceKind::sum, ReduceKind::mean, ReduceKind::max, ReduceKind::min};
    for (int i = 0; i < 90; ++i) {
        const Shape shape = random_shape(dice, dice.between(1, 6), 5);
        Reduce op;
        op.kind = kinds[dice.between(0, 3)];
        const int64_t every = dice.between(1, 3);
        for (int64_t a = dice.between(0, shape.rank() - 1); a < shape.rank(); a += every) op.axes.push_back(a);
        int64_t reduced = 1;
        for (int64_t a : op.axes) reduced *= shape[a];
        op.keep_dims = dice.chance(50);
        Quant quant = Quant::tensor(0.25F, 0);
        if (op.kind == ReduceKind::sum || op.kind == ReduceKind::mean) {
            op.x_zero = dice.zero();
            op.requant = dice.requant(1, 255 * reduced);
        }
        const KernelCase c = one_input(dice, op, shape, quant, fmt::format("reduce {} {}", shape.text(), print_fields(op)));
        EXPECT_THAT(harness.add(c), testing::ElementsAre("reduce_s8")) << c.label;
    }
    expect_clean(harness, 120);
    compilers.expect_quiet();
    Reduce apart;
    apart.kind = ReduceKind::max;
    apart.axes = {1, 3, 5, 7};
    EXPECT_EQ(harness.reason(one_input(dice, apart, {2, 2, 2, 2, 2, 2, 2, 2}, {}, "apart"), "reduce_s8"),
              "more than three separate runs of dimensions to keep or to reduce");
}

TEST(ElementwiseKernels, MatMul) {
    Dice dice(14);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 50; ++i) {
        const int64_t m = dice.between(1, 6), k = dice.between(1, 12), n = dice.between(1, 9), batch = dice.between(1, 3);
        const int which = static_cast<int>(dice.between(0, 2));
        MatMul op;
        op.a_zero = dice.zero(), op.b_zero = dice.zero();
        op.requant = dice.requant(1, k * 255 * 255);
        KernelCase c;
        c.label = fmt::format("matmul {} of {}x{}x{}", batch, m, k, n);
        const Shape as = which == 1 ? Shape{m, k} : Shape{batch, m, k}, bs = which == 2 ? Shape{k, n} : Shape{batch, k, n};
        const ValueId a = c.graph.add_input("a", {DType::int8, as, {}}), b = c.graph.add_input("b", {DType::int8, bs, {}});
        c.graph.add_output("y", c.graph.must_add(op, {a, b}, {}));
        c.inputs = {dice.bytes(as), dice.bytes(bs)};
        EXPECT_THAT(harness.add(c), testing::ElementsAre("matmul_s8"));
    }
    expect_clean(harness, 50);
    compilers.expect_quiet();
}

// Ties, values next to ties, the largest finite ones, infinities and not-a-number.
TEST(ElementwiseKernels, QuantizeAndDequantize) {
    Dice dice(15);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 20; ++i) {
        const float scale = i % 2 ? 0.25F : static_cast<float>(dice.between(1, 100000)) / 77777.0F;
        std::vector<float> values = {0.0F, -0.0F, 3.4e38F, -3.4e38F, 1e-40F, INFINITY, -INFINITY, NAN};
        for (int k = 0; k < 60; ++k) {
            const float tie = (static_cast<float>(dice.between(-300, 300)) + 0.5F) * scale;
            values.insert(values.end(), {tie, std::nextafter(tie, INFINITY), std::nextafter(tie, -INFINITY)});
        }
        const auto n = static_cast<int64_t>(values.size());
        KernelCase q;
        q.label = fmt::format("quantize by {}", scale);
        const ValueId x = q.graph.add_input("x", {DType::float32, Shape{n}, {}});
        q.graph.add_output(
            "y", q.graph.must_add(Quantize{DType::int8, Quant::tensor(scale, dice.zero()), i % 4 < 2 ? Ties::even : Ties::away}, {x}, {}));
        q.inputs = {Tensor::of<float>({n}, values)};
        EXPECT_THAT(harness.add(q, "quantize_s8"), testing::ElementsAre("quantize_s8"));
        const KernelCase d = one_input(dice, Dequantize{}, {dice.between(1, 300)}, Quant::tensor(scale, dice.zero()), "dequantize");
        EXPECT_THAT(harness.add(d, "dequantize_s8"), testing::ElementsAre("dequantize_s8"));
    }
    expect_clean(harness, 80);
    compilers.expect_quiet();
}

}  // namespace
}  // namespace gw
