// Kernels that move elements or change their type, against evaluate: every element size, every mode.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "unit/kernels/cases.h"
#include "unit/kernels/compilers.h"

namespace gw {
namespace {

constexpr DType element_types[] = {DType::int8, DType::int16, DType::float32, DType::int64, DType::boolean, DType::uint16, DType::int32};

// Distinct where the type has room for it.
Tensor counted(DType dtype, const Shape& shape, Quant quant = {}) {
    Tensor t = Tensor::zeros({dtype, shape, std::move(quant)});
    for (int64_t i = 0; i < t.elements(); ++i)
        t.set(i, static_cast<double>(dtype == DType::boolean                                        ? i % 3 == 0
                                     : i % 125 - 60 < lowest(is_float(dtype) ? DType::int8 : dtype) ? i % 125
                                                                                                    : i % 125 - 60));
    return t;
}

KernelCase one_operand(Op op, Tensor x, std::string label) {
    KernelCase c;
    c.label = std::move(label) + " of " + x.type.text();
    const ValueId in = c.graph.add_input("x", x.type);
    c.graph.add_output("y", c.graph.must_add(std::move(op), {in}, {}));
    c.inputs.push_back(std::move(x));
    return c;
}

Shape some_shape(Dice& dice, int64_t rank) {
    std::vector<int64_t> dims;
    for (int64_t i = 0; i < rank; ++i) dims.push_back(dice.between(1, rank > 4 ? 3 : 5));
    return Shape(dims);
}

DType some_type(Dice& dice) { return element_types[static_cast<size_t>(dice.between(0, std::size(element_types) - 1))]; }

TEST(MovementKernels, Transpose) {
    Dice dice(21);
    EveryCompiler compilers(100);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 60; ++i) {
        const Shape shape = some_shape(dice, dice.between(1, 6));
        Transpose op;
        op.perm.resize(shape.dims().size());
        std::iota(op.perm.begin(), op.perm.end(), 0);
        for (size_t k = op.perm.size(); k > 1; --k)
            std::swap(op.perm[k - 1], op.perm[static_cast<size_t>(dice.between(0, static_cast<int64_t>(k) - 1))]);
        EXPECT_THAT(harness.add(one_operand(op, counted(some_type(dice), shape), "transpose")), testing::ElementsAre("transpose"));
    }
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(MovementKernels, SliceInStepsOfEitherSign) {
    Dice dice(22);
    EveryCompiler compilers(100);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 60; ++i) {
        const Shape shape = some_shape(dice, dice.between(1, 6));
        Slice op;
        for (int64_t d : shape.dims()) {
            const int64_t step = dice.chance(40) ? 1 : dice.chance(50) ? -1 : dice.chance(50) ? 2 : -2;
            const int64_t start = step > 0 ? dice.between(0, d - 1) : dice.between(0, d - 1);
            const int64_t room = (step > 0 ? d - 1 - start : start) / std::abs(step) + 1;
            op.start.push_back(start), op.step.push_back(step), op.size.push_back(dice.between(1, room));
        }
        EXPECT_THAT(harness.add(one_operand(op, counted(some_type(dice), shape), "slice")), testing::Contains("slice"));
    }
    expect_clean(harness, 60);
    compilers.expect_quiet();
}

TEST(MovementKernels, ColumnsOfAPicture) {
    Dice dice(25);
    EveryCompiler compilers(100);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 40; ++i) {
        const Shape shape{1, dice.between(2, 7), dice.between(2, 9), dice.between(1, 5)};
        const int64_t rows = dice.between(2, shape[1]), columns = dice.between(1, shape[2] - 1);
        const Slice op{
            {0, dice.between(0, shape[1] - rows), dice.between(0, shape[2] - columns), 0}, {1, rows, columns, shape[3]}, {1, 1, 1, 1}};
        EXPECT_THAT(harness.add(one_operand(op, counted(some_type(dice), shape), "columns")),
                    testing::UnorderedElementsAre("copy_rows", "slice"));
    }
    const Slice row{{0, 1, 2, 0}, {1, 1, 3, 2}, {1, 1, 1, 1}}, apart{{0, 0, 0, 0}, {1, 2, 2, 1}, {1, 1, 1, 1}};
    const Slice stepped{{0, 0, 0, 0}, {1, 2, 2, 2}, {1, 1, 2, 1}};
    const auto refused = [&](const Slice& op) {
        return harness.reason(one_operand(op, counted(DType::int8, Shape{1, 3, 6, 2}), "refused"), "copy_rows");
    };
    EXPECT_EQ(refused(row), "what is cut out lies in one piece");
    EXPECT_EQ(refused(apart), "what is cut out lies in more than one row of pieces");
    EXPECT_EQ(refused(stepped), "takes every index");
    expect_clean(harness, 80);
    compilers.expect_quiet();
}

TEST(MovementKernels, Concat) {
    Dice dice(23);
    EveryCompiler compilers(30);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 60; ++i) {
        const int64_t rank = dice.between(1, 4), axis = dice.between(0, rank - 1),
                      parts = dice.chance(60) ? dice.between(1, 4) : dice.between(1, 12);
        const DType dtype = some_type(dice);
        const Shape base = some_shape(dice, rank);
        KernelCase c;
        std::vector<ValueId> operands;
        for (int64_t k = 0; k < parts; ++k) {
            Shape s = base;
            s[axis] = dice.between(1, 4);
            if (dice.chance(15)) {
                operands.push_back(c.graph.add_constant(counted(dtype, s)));
            } else {
                operands.push_back(c.graph.add_input(fmt::format("x{}", k), {dtype, s, {}}));
                c.inputs.push_back(counted(dtype, s));
            }
        }
        c.label = fmt::format("concat of {} on axis {} of {}", parts, axis, base.text());
        c.graph.add_output("y", c.graph.must_add(Concat{axis}, operands, {}));
        const std::vector<std::string> rows = harness.add(c);
        EXPECT_EQ(rows.size(), parts <= 2 ? 3U : parts <= 4 ? 2U : 1U);
    }
    expect_clean(harness, 100);
    compilers.expect_quiet();
}

TEST(MovementKernels, PadInEveryMode) {
    Dice dice(24);
    EveryCompiler compilers(30);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 84; ++i) {
        const Shape shape = some_shape(dice, dice.between(1, 5));
        Pad op;
        op.mode = static_cast<PadMode>(i % 3);
        const DType dtype = some_type(dice);
        const bool whole = dtype == DType::boolean;
        op.value = op.mode != PadMode::constant ? 0.0F
                   : whole                      ? 1.0F
                   : dtype == DType::float32    ? -1.75F
                   : dtype == DType::uint16     ? 65535.0F
                                                : -100.0F;
        int padded = 0;
        for (int64_t d : shape.dims()) {
            const int64_t most = op.mode == PadMode::reflect ? std::min<int64_t>(d - 1, 3) : 3;
            const bool here = padded < 4 && dice.chance(60);
            padded += here ? 1 : 0;
            op.before.push_back(here ? dice.between(0, most) : 0), op.after.push_back(here ? dice.between(0, most) : 0);
        }
        if (whole && op.mode == PadMode::constant) op.value = 0.0F;
        const KernelCase c = one_operand(op, counted(dtype, shape), fmt::format("{} pad", enum_name(op.mode)));
        const std::string reason = harness.reason(c, "pad");
        if (shape.rank() == 5 && !reason.empty()) {
            EXPECT_THAT(reason, testing::HasSubstr("more than four dimensions"));
            continue;
        }
        EXPECT_THAT(harness.add(c), testing::ElementsAre("pad"));
    }
    expect_clean(harness, 75);
    compilers.expect_quiet();
}

TEST(MovementKernels, GatherByConstantAndByRunTimeIndices) {
    Dice dice(25);
    EveryCompiler compilers(100);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    for (int i = 0; i < 60; ++i) {
        const int64_t rank = dice.between(1, 4), axis = dice.between(0, rank - 1);
        const Shape shape = some_shape(dice, rank);
        const bool constant = dice.chance(40), wide = dice.chance(50);
        Tensor indices = Tensor::zeros({wide ? DType::int64 : DType::int32, some_shape(dice, dice.between(0, 2)), {}});
        for (int64_t k = 0; k < indices.elements(); ++k) {
            const int64_t size = shape[axis];
            const bool far = !constant && dice.chance(25);
            indices.set(k, static_cast<double>(far ? (dice.chance(50) ? (wide ? -(int64_t{1} << 50) : -70000) : 70000)
                                                   : dice.between(-size, size - 1)));
        }
        KernelCase c;
        c.label = fmt::format("gather {} axis {} by {}", shape.text(), axis, indices.type.text());
        const DType dtype = some_type(dice);
        const ValueId x = c.graph.add_input("x", {dtype, shape, {}});
        c.inputs.push_back(counted(dtype, shape));
        ValueId by;
        if (constant) {
            by = c.graph.add_constant(indices);
        } else {
            by = c.graph.add_input("indices", indices.type);
            c.inputs.push_back(indices);
        }
        c.graph.add_output("y", c.graph.must_add(Gather{axis}, {x, by}, {}));
        EXPECT_THAT(harness.add(c), testing::ElementsAre("gather"));
    }
    // An embedding table too long for 16-bit indices.
    KernelCase c;
    c.label = "long table";
    const ValueId table = c.graph.add_constant(counted(DType::int8, {40000, 1}));
    const ValueId by = c.graph.add_input("indices", {DType::int32, Shape{3}, {}});
    c.graph.add_output("y", c.graph.must_add(Gather{0}, {table, by}, {}));
    c.inputs.push_back(Tensor::of<int32_t>({3}, {39999, -1, 33000}));
    harness.add(c);
    KernelCase fixed;
    fixed.label = "long table, constant indices";
    const ValueId x = fixed.graph.add_input("x", {DType::int8, Shape{40000}, {}});
    fixed.graph.add_output(
        "y", fixed.graph.must_add(Gather{0}, {x, fixed.graph.add_constant(Tensor::of<int32_t>({3}, {39999, -1, 33000}))}, {}));
    fixed.inputs.push_back(counted(DType::int8, {40000}));
    harness.add(fixed);
    expect_clean(harness, 62);
    compilers.expect_quiet();
}

TEST(MovementKernels, ResizeInEveryMode) {
    Dice dice(26);
    EveryCompiler compilers(100);
    KernelHarness harness("cortex-m4", 2e-6, compilers.fault());
    for (int coordinates = 0; coordinates <= static_cast<int>(ResizeCoordinates::pytorch_half_pixel); ++coordinates) {
        for (int rounding = 0; rounding <= static_cast<int>(ResizeRounding::ceil); ++rounding) {
            for (int i = 0; i < 4; ++i) {
                Resize op;
                op.coordinates = static_cast<ResizeCoordinates>(coordinates), op.rounding = static_cast<ResizeRounding>(rounding);
                op.mode = i % 2 == 0 ? ResizeMode::nearest : ResizeMode::linear;
                const Shape shape{dice.chance(20) ? 2 : 1, dice.between(1, 6), dice.between(1, 6), dice.between(1, 4)};
                op.size = {dice.between(1, 9), dice.between(1, 9)};
                for (size_t d = 0; d < 2; ++d)
                    op.scale[d] = static_cast<float>(op.size[d]) / static_cast<float>(shape[static_cast<int64_t>(d + 1)]);
                const DType dtype = op.mode == ResizeMode::nearest ? some_type(dice) : i == 1 ? DType::int8 : DType::float32;
                Tensor x = dtype == DType::int8 ? dice.bytes(shape) : counted(dtype, shape);
                const char* row = op.mode == ResizeMode::nearest ? "resize_nearest" : i == 1 ? "resize_linear_s8" : "resize_linear_f32";
                EXPECT_THAT(
                    harness.add(one_operand(
                        op, std::move(x), fmt::format("{} {} {}", enum_name(op.mode), enum_name(op.coordinates), enum_name(op.rounding)))),
                    testing::ElementsAre(row));
            }
        }
    }
    expect_clean(harness, 64);
    compilers.expect_quiet();
}

TEST(MovementKernels, CastBetweenAllTypes) {
    Dice dice(27);
    EveryCompiler compilers(100);
    KernelHarness harness("cortex-m0plus", 0, compilers.fault());
    constexpr DType types[] = {DType::boolean, DType::int8,   DType::uint8, DType::int16,  DType::uint16,
                               DType::int32,   DType::uint32, DType::int64, DType::float32};
    for (const DType from : types) {
        for (const DType to : types) {
            Tensor x = Tensor::zeros({from, Shape{24}, {}});
            constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
            constexpr float hard[] = {0.0F,           -0.0F,         nan,     inf,      -inf,          0.5F,      -0.5F,    1.99F,
                                      -1.99F,         127.5F,        -128.5F, 255.5F,   32768.0F,      -32769.0F, 65536.0F, 2147483648.0F,
                                      -2147483904.0F, 4294967296.0F, 9.3e18F, -9.3e18F, 2147483520.0F, 1e-40F,    100.7F,   -100.7F};
            for (int64_t i = 0; i < 24; ++i) {
                if (is_float(from))
                    x.set(i, static_cast<double>(hard[i]));
                else if (from == DType::boolean)
                    x.set(i, static_cast<double>(i % 2));
                else
                    x.set(i, static_cast<double>(i == 0 ? lowest(from)
                                                 : i == 1 && from != DType::int64
                                                     ? highest(from)
                                                     : dice.between(std::max<int64_t>(lowest(from), -100000),
                                                                    std::min<int64_t>(highest(from), 5000000000))));
            }
            EXPECT_THAT(harness.add(one_operand(Cast{to}, std::move(x), fmt::format("cast to {}", dtype_name(to)))),
                        testing::ElementsAre("cast"));
        }
    }
    expect_clean(harness, 2 * std::size(types) * std::size(types));
    compilers.expect_quiet();
}

TEST(MovementKernels, QuantizeAndDequantize) {
    Dice dice(28);
    EveryCompiler compilers(100);
    KernelHarness harness("cortex-m0plus", 1e-7, compilers.fault());
    for (const DType type : {DType::int8, DType::uint8, DType::int16, DType::uint16}) {
        for (const double scale : {0.5, 0.0078125, 0.1, 3.7e-3, 17.0}) {
            const auto zero = static_cast<int32_t>(dice.between(lowest(type), highest(type)));
            const Quant quant = Quant::tensor(static_cast<float>(scale), zero);
            Tensor x = dice.floats({60}, -300 * scale, 300 * scale);
            constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
            const float hard[] = {nan, inf, -inf, 0.0F, -0.0F, 1e30F, -1e30F, 1e-40F};
            for (int64_t i = 0; i < 8; ++i) x.set(i, static_cast<double>(hard[i]));
            for (int64_t i = 8; i < 30; ++i)
                x.set(i, static_cast<double>(static_cast<float>((static_cast<double>(i) - 19.5) * scale)));  // ties
            EXPECT_THAT(harness.add(one_operand(Quantize{type, quant}, std::move(x),
                                                fmt::format("quantize to {} {}", dtype_name(type), quant.text()))),
                        testing::ElementsAre(type == DType::int8 ? "quantize_s8" : "quantize"));
            Tensor q = Tensor::zeros({type, Shape{50}, quant});
            for (int64_t i = 0; i < 50; ++i)
                q.set(i, static_cast<double>(i == 0 ? lowest(type) : i == 1 ? highest(type) : dice.between(lowest(type), highest(type))));
            EXPECT_THAT(harness.add(one_operand(Dequantize{}, std::move(q), "dequantize")),
                        testing::ElementsAre(type == DType::int8 ? "dequantize_s8" : "dequantize"));
        }
    }
    expect_clean(harness, 80);
    compilers.expect_quiet();
}

TEST(MovementKernels, CopyBytesIsFoundByName) {
    const KernelRow& row = row_by_name("copy_bytes");
    Call call;
    call.kernel = "copy_bytes";
    call.constants = {{"BYTES", 40}};
    const std::string text = specialise(row, call, "net_copy");
    EXPECT_THAT(text, testing::HasSubstr("BYTES = 40"));
    EXPECT_THAT(text, testing::HasSubstr("static void net_copy(const uint8_t *from, uint8_t *to)"));
    EXPECT_FALSE(needs_libm(row));
    EXPECT_TRUE(needs_libm(row_by_name("softmax_f32")));
}

}  // namespace
}  // namespace gw
