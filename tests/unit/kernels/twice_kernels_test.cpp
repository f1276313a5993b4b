// Kernels of the forms that round twice, as TFLite's do: sums whose operands are rescaled each by itself, softmax by a fixed-point
// reciprocal and its logarithm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "unit/kernels/compilers.h"
#include "unit/kernels/layer_cases.h"

namespace gw {
namespace {

TEST(TwiceKernels, Sums) {
    Dice dice(21);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    int64_t plain = 0, lines = 0;
    for (int i = 0; i < 60; ++i) {
        const Shape full{dice.between(1, 3), dice.between(1, 4), dice.between(1, 5)};
        const Shape small = dice.chance(60) ? full : dice.chance(50) ? Shape{full[2]} : Shape{full[1], 1};
        Binary op;
        op.kind = dice.chance(50) ? BinaryKind::add : BinaryKind::sub;
        op.left_shift = static_cast<int32_t>(dice.chance(80) ? 20 : dice.between(1, 21));
        op.a_zero = dice.zero(), op.b_zero = dice.zero();
        // The larger operand is halved; the other is rescaled by anything below.
        op.a_multiplier = 1 << 30, op.a_shift = 0;
        op.b_multiplier = static_cast<int32_t>(dice.between(int64_t{1} << 30, 2147483647)),
        op.b_shift = static_cast<int32_t>(-dice.between(1, 31));
        if (dice.chance(50)) std::swap(op.a_multiplier, op.b_multiplier), std::swap(op.a_shift, op.b_shift);
        const double out = std::ldexp(static_cast<double>(dice.between(1, 4000)) / 1000, -op.left_shift);
        op.requant = make_requant(Rounding::twice, {out}, {1}, dice.zero(),
                                  dice.chance(30) ? static_cast<int32_t>(dice.between(-128, 0)) : -128, 127);
        KernelCase c;
        c.label = fmt::format("{} {} {}", enum_name(op.kind), full.text(), small.text());
        const bool swap = dice.chance(30);
        std::vector<ValueId> operands;
        for (const Shape& s : {swap ? small : full, swap ? full : small}) {
            if (&s != &full && operands.size() == 1 && dice.chance(20)) {
                operands.push_back(c.graph.add_constant(dice.bytes(s)));
                continue;
            }
            operands.push_back(c.graph.add_input(fmt::format("x{}", operands.size()), {DType::int8, s, {}}));
            c.inputs.push_back(dice.bytes(s));
        }
        c.graph.add_output("y", c.graph.must_add(op, operands, {}));
        const std::vector<std::string> matched = harness.add(c);
        EXPECT_THAT(matched, testing::Contains("add_twice_s8")) << c.label;
        plain += std::count(matched.begin(), matched.end(), "add_s8");       // one rounding where that is the same
        lines += std::count(matched.begin(), matched.end(), "add_line_s8");  // one line where there is one
    }
    EXPECT_GT(plain, 20);
    EXPECT_GT(lines, 20);
    expect_clean(harness, 90);
    compilers.expect_quiet();
}

TEST(TwiceKernels, SoftmaxByReciprocal) {
    Dice dice(22);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 40; ++i) {
        // Long lines reach sums of which every share rounds to 0.
        const Shape shape =
            i < 4 ? Shape{1, i == 0 ? 4095 : dice.between(400, 1200)} : Shape{dice.between(1, 4), dice.between(1, 4), dice.between(1, 20)};
        Softmax op;
        op.form = SoftmaxForm::reciprocal;
        op.axis = i < 4 || dice.chance(60) ? shape.rank() - 1 : dice.between(0, shape.rank() - 1);
        const double slope = static_cast<double>(dice.between(0, 300)) / 100.0;
        std::vector<uint32_t> table;
        for (int d = 0; d < 256; ++d) table.push_back(static_cast<uint32_t>(std::floor(2147483647.0 * std::exp(-slope * d))));
        if (dice.chance(20)) std::fill(table.begin() + 100, table.end(), 0);
        KernelCase c;
        c.label = fmt::format("softmax {} axis {}", shape.text(), op.axis);
        const ValueId x = c.graph.add_input("x", {DType::int8, shape, {}});
        c.graph.add_output("y", c.graph.must_add(op, {x, c.graph.add_constant(Tensor::of<uint32_t>({256}, table))}, {}));
        c.inputs.push_back(dice.bytes(shape));
        EXPECT_THAT(harness.add(c), testing::ElementsAre("softmax_reciprocal_s8"));
    }
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(TwiceKernels, LogarithmOfSoftmax) {
    Dice dice(23);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 40; ++i) {
        const Shape shape =
            i < 4 ? Shape{1, i == 0 ? 4095 : dice.between(400, 1200)} : Shape{dice.between(1, 4), dice.between(1, 4), dice.between(1, 20)};
        const int64_t axis = i < 4 || dice.chance(60) ? shape.rank() - 1 : dice.between(0, shape.rank() - 1);
        EXPECT_THAT(harness.add(log_softmax_case(dice, shape, axis)), testing::ElementsAre("log_softmax_s8"));
    }
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

}  // namespace
}  // namespace gw
