// Data movement, resize and changes of element type on hand-computed cases, for every element size.
#include <cmath>
#include <limits>

#include "unit/ops/run.h"

namespace gw::test {
namespace {
using Floats = std::vector<float>;
using Longs = std::vector<int64_t>;

// 0, 1, 2 … of a type (they fit every type here).
Tensor counting(DType t, Shape shape, Quant q = {}) {
    Tensor r = Tensor::zeros({t, std::move(shape), std::move(q)});
    for (int64_t i = 0; i < r.elements(); ++i) r.set(i, t == DType::boolean ? static_cast<double>(i % 2) : static_cast<double>(i));
    return r;
}
Longs expected_in(DType t, Longs v) {
    if (t == DType::boolean)
        for (int64_t& x : v) x %= 2;
    return v;
}
const std::vector<DType> all_types{DType::boolean, DType::uint4,  DType::int8,  DType::uint8,   DType::int16,   DType::uint16,
                                   DType::int32,   DType::uint32, DType::int64, DType::float16, DType::float32, DType::float64};
}  // namespace

TEST(Movement, EveryElementSize) {
    for (DType t : all_types) {
        SCOPED_TRACE(dtype_name(t));
        const Tensor x = counting(t, {2, 3});
        EXPECT_EQ(run(Op{Transpose{{1, 0}}}, {x}).ints(), expected_in(t, {0, 3, 1, 4, 2, 5}));
        EXPECT_EQ(run(Op{Reshape{{3, 2}}}, {x}).ints(), expected_in(t, {0, 1, 2, 3, 4, 5}));
        EXPECT_EQ(run(Op{Concat{1}}, {x, counting(t, {2, 1})}).ints(), expected_in(t, {0, 1, 2, 0, 3, 4, 5, 1}));
        EXPECT_EQ(run(Op{Slice{{1, 2}, {2, 2}, {-1, -2}}}, {x}).ints(), expected_in(t, {5, 3, 2, 0}));
        EXPECT_EQ(run(Op{Gather{1}}, {x, Tensor::of<int64_t>({2}, {-1, 0})}).ints(), expected_in(t, {2, 0, 5, 3}));
        EXPECT_EQ(run(Op{Pad{{0, 1}, {1, 0}, PadMode::constant, 1}}, {x}).ints(), expected_in(t, {1, 0, 1, 2, 1, 3, 4, 5, 1, 1, 1, 1}));
        EXPECT_EQ(run(Op{Pad{{1, 0}, {0, 2}, PadMode::reflect, 0}}, {x}).ints(),
                  expected_in(t, {3, 4, 5, 4, 3, 0, 1, 2, 1, 0, 3, 4, 5, 4, 3}));
        EXPECT_EQ(run(Op{Pad{{1, 0}, {0, 2}, PadMode::edge, 0}}, {x}).ints(),
                  expected_in(t, {0, 1, 2, 2, 2, 0, 1, 2, 2, 2, 3, 4, 5, 5, 5}));
    }
}

TEST(Movement, ThreeDimensionalTransposeAndGather) {
    const Tensor x = counting(DType::int8, {2, 2, 3});
    const Tensor y = run(Op{Transpose{{2, 0, 1}}}, {x});
    EXPECT_EQ(y.shape(), (Shape{3, 2, 2}));
    EXPECT_EQ(y.ints(), (Longs{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}));
    const Tensor scalar = run(Op{Gather{1}}, {x, Tensor::of<int64_t>({}, {1})});
    EXPECT_EQ(scalar.shape(), (Shape{2, 3}));
    EXPECT_EQ(scalar.ints(), (Longs{3, 4, 5, 9, 10, 11}));
}

TEST(Movement, QuantizationFollowsTheData) {
    const Quant rows{{1, 2}, {0, 0}, 0, 0};
    const Quant tensor = Quant::tensor(0.5f, 7);
    const Tensor x = counting(DType::int8, {2, 3}, rows);
    const Tensor t = counting(DType::int8, {2, 3}, tensor);
    EXPECT_EQ(run(Op{Transpose{{1, 0}}}, {x}).type.quant.axis, 1);
    EXPECT_EQ(run(Op{Reshape{{1, 2, 3}}}, {x}).type.quant.axis, 1);
    EXPECT_NE(infer_error(Op{Reshape{{3, 2}}}, {x}), "");
    EXPECT_EQ(run(Op{Slice{{1, 0}, {1, 3}, {1, 1}}}, {x}).type.quant, (Quant{{2}, {0}, 0, 0}));
    EXPECT_EQ(run(Op{Concat{1}}, {x, x}).type.quant, rows);
    EXPECT_NE(infer_error(Op{Concat{0}}, {x, x}), "");
    EXPECT_NE(infer_error(Op{Concat{0}}, {t, x}), "");
    EXPECT_EQ(run(Op{Pad{{0, 1}, {0, 0}}}, {x}).type.quant, rows);
    EXPECT_NE(infer_error(Op{Pad{{1, 0}, {0, 0}}}, {x}), "");
    for (const Op& op : {Op{Transpose{{1, 0}}}, Op{Reshape{{6}}}, Op{Slice{{0, 1}, {1, 1}, {1, 1}}}, Op{Pad{{1, 1}, {1, 1}}}})
        EXPECT_EQ(run(op, {t}).type.quant, tensor) << op_name(op);
}

TEST(Movement, EmptyShapeLists) {
    const Tensor x = Tensor::of<int64_t>({3}, {5, 6, 7});
    const Tensor none = run(Op{Slice{{0}, {0}, {1}}}, {x});
    EXPECT_EQ(none.elements(), 0);
    EXPECT_EQ(run(Op{Concat{0}}, {none, x}).ints(), (Longs{5, 6, 7}));
    // One element with a step as large as exporters write it.
    EXPECT_EQ(run(Op{Slice{{2}, {1}, {std::numeric_limits<int64_t>::min()}}}, {x}).ints(), (Longs{7}));
    EXPECT_NE(infer_error(Op{Slice{{2}, {2}, {std::numeric_limits<int64_t>::min()}}}, {x}), "");
    EXPECT_NE(infer_error(Op{Slice{{0}, {0}, {1}}}, {floats({3}, {1, 2, 3})}), "");
}

TEST(Resize, NearestByCoordinatesAndRounding) {
    const Tensor x = floats({1, 1, 3, 1}, {10, 20, 30});
    const auto result = [&](int64_t size, ResizeCoordinates c, ResizeRounding r) {
        Resize op;
        op.size = {1, size}, op.scale = {1, static_cast<float>(size) / 3}, op.coordinates = c, op.rounding = r;
        return values<float>(run(Op{op}, {x}));
    };
    EXPECT_EQ(result(6, ResizeCoordinates::half_pixel, ResizeRounding::round_prefer_floor), (Floats{10, 10, 20, 20, 30, 30}));
    EXPECT_EQ(result(6, ResizeCoordinates::asymmetric, ResizeRounding::floor), (Floats{10, 10, 20, 20, 30, 30}));
    EXPECT_EQ(result(6, ResizeCoordinates::asymmetric, ResizeRounding::ceil), (Floats{10, 20, 20, 30, 30, 30}));
    EXPECT_EQ(result(6, ResizeCoordinates::asymmetric, ResizeRounding::round_prefer_floor), (Floats{10, 10, 20, 20, 30, 30}));
    EXPECT_EQ(result(6, ResizeCoordinates::asymmetric, ResizeRounding::round_prefer_ceil), (Floats{10, 20, 20, 30, 30, 30}));
    EXPECT_EQ(result(5, ResizeCoordinates::align_corners, ResizeRounding::round_prefer_floor), (Floats{10, 10, 20, 20, 30}));
    EXPECT_EQ(result(1, ResizeCoordinates::pytorch_half_pixel, ResizeRounding::floor), (Floats{10}));
}

TEST(Resize, LinearFloatAndInt8) {
    Resize op;
    op.size = {1, 4}, op.scale = {1, 2}, op.mode = ResizeMode::linear;
    EXPECT_EQ(values<float>(run(Op{op}, {floats({1, 1, 2, 1}, {0, 8})})), (Floats{0, 2, 6, 8}));
    op.size = {4, 1}, op.scale = {2, 1}, op.coordinates = ResizeCoordinates::asymmetric;
    EXPECT_EQ(values<float>(run(Op{op}, {floats({1, 2, 1, 1}, {0, 8})})), (Floats{0, 4, 8, 8}));
    // 1 and 2 half way: (128·1 + 128·2)·256 = 98304; + 2^15 = 131072 = 2·2^16: a half goes up, also below zero.
    EXPECT_EQ(run(Op{op}, {bytes({1, 2, 1, 1}, {1, 2})}).ints(), (Longs{1, 2, 2, 2}));
    EXPECT_EQ(run(Op{op}, {bytes({1, 2, 1, 1}, {-2, -1})}).ints(), (Longs{-2, -1, -1, -1}));
    EXPECT_EQ(run(Op{op}, {bytes({1, 2, 1, 1}, {-128, 127})}).ints(), (Longs{-128, 0, 127, 127}));
}

TEST(Cast, SaturatesFloatsAndWrapsIntegers) {
    const auto cast = [](const Tensor& x, DType to) { return run(Op{Cast{to}}, {x}); };
    const Tensor f = floats({6}, {-1e10, -1.9, 0.9, 300, INFINITY, NAN});
    EXPECT_EQ(cast(f, DType::int8).ints(), (Longs{-128, -1, 0, 127, 127, 0}));
    EXPECT_EQ(cast(f, DType::uint8).ints(), (Longs{0, 0, 0, 255, 255, 0}));
    EXPECT_EQ(cast(f, DType::int64).ints(), (Longs{-10000000000, -1, 0, 300, std::numeric_limits<int64_t>::max(), 0}));
    EXPECT_EQ(cast(f, DType::boolean).ints(), (Longs{1, 1, 1, 1, 1, 1}));
    const Tensor l = Tensor::of<int64_t>({3}, {-1, 511, (int64_t{1} << 60) + 1});
    EXPECT_EQ(cast(l, DType::uint8).ints(), (Longs{255, 255, 1}));
    EXPECT_EQ(cast(l, DType::int4).ints(), (Longs{-1, -1, 1}));
    EXPECT_EQ(cast(l, DType::int64).ints(), l.ints());
    // 2^24 + 1 rounds to even; by way of double it would be the same, (2^60 + 2^36 + 1) would not.
    EXPECT_EQ(cast(Tensor::of<int64_t>({1}, {(int64_t{1} << 60) + (int64_t{1} << 36) + 1}), DType::float32).at(0),
              static_cast<double>((int64_t{1} << 60) + (int64_t{1} << 37)));
    for (DType from : all_types)
        for (DType to : all_types)
            EXPECT_EQ(cast(counting(from, {2}), to).ints(), (Longs{0, 1})) << dtype_name(from) << " " << dtype_name(to);
}

TEST(Quantize, RoundsHalfToEvenAndSaturates) {
    Quantize op{DType::int8, Quant::tensor(0.5f, 10)};
    const Tensor y = run(Op{op}, {floats({7}, {0.25, 0.75, -0.25, -0.75, 1000, -INFINITY, NAN})});
    EXPECT_EQ(y.ints(), (Longs{10, 12, 10, 8, 127, -128, 10}));
    EXPECT_EQ(y.type.quant, op.quant);
    const Tensor back = run(Op{Dequantize{}}, {y});
    EXPECT_EQ(values<float>(back), (Floats{0, 1, 0, -1, 58.5, -69, 0}));
    Quantize rows{DType::uint8, {{1, 2}, {0, 100}, 0, 0}};
    EXPECT_EQ(run(Op{rows}, {floats({2, 2}, {3, -3, 4, -4})}).ints(), (Longs{3, 0, 102, 98}));
}

}  // namespace gw::test
