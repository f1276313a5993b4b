// Kernels of the ops that TFLite models brought: comparisons and squared differences whose operands are rescaled each by itself, lines of
// length 1, places of extremes, selection, bytes of either sign through tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/cases.h"
#include "unit/kernels/compilers.h"
#include "unit/kernels/layer_cases.h"

namespace gw {
namespace {

KernelCase case_of(Dice& dice, Op op, const std::vector<Tensor>& operands, const std::string& label) {
    KernelCase c;
    c.label = label;
    std::vector<ValueId> in;
    for (const Tensor& t : operands) {
        if (in.size() == 1 && dice.chance(20)) {
            in.push_back(c.graph.add_constant(t));
            continue;
        }
        in.push_back(c.graph.add_input(fmt::format("x{}", in.size()), t.type));
        c.inputs.push_back(t);
    }
    c.graph.add_output("y", c.graph.must_add(std::move(op), in, {}));
    return c;
}

Shape some_shape(Dice& dice) { return {dice.between(1, 3), dice.between(1, 4), dice.between(1, 5)}; }
Shape smaller(Dice& dice, const Shape& full) { return dice.chance(50) ? full : dice.chance(50) ? Shape{full[2]} : Shape{full[1], 1}; }

TEST(TfliteKernels, ComparisonsAndSquaredDifferences) {
    Dice dice(31);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 60; ++i) {
        const Shape full = some_shape(dice), small = smaller(dice, full);
        const bool squared = i % 2 == 0;
        const Binary op =
            rescaled_binary(dice, squared ? BinaryKind::squared_difference
                                          : static_cast<BinaryKind>(static_cast<int64_t>(BinaryKind::equal) + dice.between(0, 2)));
        EXPECT_THAT(harness.add(case_of(dice, op, {dice.bytes(full), dice.bytes(small)}, std::string(enum_name(op.kind)) + full.text())),
                    testing::ElementsAre(squared ? "squared_difference_s8" : "compare_s8"));
    }
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(TfliteKernels, Lines) {
    Dice dice(32);
    EveryCompiler compilers(25);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 30; ++i) {
        const Shape full = some_shape(dice);
        EXPECT_THAT(harness.add(case_of(dice, L2Norm{dice.zero()}, {dice.bytes(full)}, "l2_norm" + full.text())),
                    testing::ElementsAre("l2_norm_s8"));
    }
    expect_clean(harness, 30);
    compilers.expect_quiet();
}

TEST(TfliteKernels, TablesOfEitherSign) {
    Dice dice(33);
    EveryCompiler compilers(4);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (const DType in : {DType::int8, DType::uint8})
        for (const DType out : {DType::int8, DType::uint8}) {
            const Tensor x = dice.bytes({300}), table = dice.bytes({256});
            KernelCase c;
            c.label = fmt::format("{} to {}", dtype_name(in), dtype_name(out));
            c.inputs.push_back(Tensor::from_bytes({in, {300}, {}}, x.bytes()));
            const ValueId entries = c.graph.add_constant(Tensor::from_bytes({out, {256}, {}}, table.bytes()));
            c.graph.add_output("y", c.graph.must_add(Lookup{}, {c.graph.add_input("x", c.inputs[0].type), entries}, {}));
            EXPECT_THAT(harness.add(c), testing::ElementsAre("lookup_s8"));
        }
    expect_clean(harness, 4);
    compilers.expect_quiet();
}

}  // namespace
}  // namespace gw
