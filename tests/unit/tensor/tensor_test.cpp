// Tensors: half floats, packed types, element access, dequantization, text of types.
#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace gw {

// Every half value survives the way to float and back; between two neighbours the nearer wins, and the even one at half way.
TEST(Half, RoundTripAndRoundToNearestEven) {
    for (uint32_t h = 0; h < 0x10000; ++h) {
        const float f = half_to_float(static_cast<uint16_t>(h));
        if (std::isnan(f)) continue;
        ASSERT_EQ(float_to_half(f), h) << h;
    }
    for (uint32_t h = 0; h < 0x7bff; ++h) {
        const double a = half_to_float(static_cast<uint16_t>(h));
        const double b = half_to_float(static_cast<uint16_t>(h + 1));
        const auto middle = static_cast<float>((a + b) / 2);
        ASSERT_EQ(float_to_half(middle), h % 2 == 0 ? h : h + 1) << h;
        ASSERT_EQ(float_to_half(std::nextafter(middle, 0.0f)), h) << h;
        ASSERT_EQ(float_to_half(std::nextafter(middle, 1e9f)), h + 1) << h;
    }
    EXPECT_EQ(half_to_float(0x3c00), 1.0f);
    EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0f, -24));
    EXPECT_EQ(float_to_half(65519.996f), 0x7bff);
    EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
    EXPECT_EQ(float_to_half(-INFINITY), 0xfc00);
    EXPECT_TRUE(std::isnan(half_to_float(float_to_half(NAN))));
}

TEST(Tensor, PackedElementsLieLowNibbleFirst) {
    Tensor t = Tensor::zeros({DType::int4, {3}, {}});
    t.set(0, -8), t.set(1, 7), t.set(2, -1);
    EXPECT_EQ(t.type.bytes(), 2);
    EXPECT_EQ(t.bytes(), std::string_view("\x78\x0f", 2));
    EXPECT_EQ(t.ints(), (std::vector<int64_t>{-8, 7, -1}));
    t.set(1, 0);
    EXPECT_EQ(t.ints(), (std::vector<int64_t>{-8, 0, -1}));
}

TEST(Tensor, DequantizesPerTensorAxisAndBlock) {
    const auto real = [](Quant q) {
        const Tensor t = Tensor::of<int8_t>({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7}, std::move(q)).dequantized();
        return std::vector<float>(t.data<float>().begin(), t.data<float>().end());
    };
    EXPECT_EQ(real(Quant::tensor(0.5f, 2)), (std::vector<float>{-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5}));
    EXPECT_EQ(real({{1, 2}, {0, 4}, 0, 0}), (std::vector<float>{0, 1, 2, 3, 0, 2, 4, 6}));
    EXPECT_EQ(real({{1, 10}, {0, 0}, 1, 2}), (std::vector<float>{0, 1, 20, 30, 4, 5, 60, 70}));
}

TEST(Types, TextAndBroadcast) {
    EXPECT_EQ((Type{DType::int8, {1, 2}, Quant::tensor(0.5f, -3)}).text(), "i8[1,2] q(0.5,-3)");
    EXPECT_EQ(broadcast({3, 1, 5}, {4, 1}), (Shape{3, 4, 5}));
    EXPECT_EQ(broadcast({}, {2}), (Shape{2}));
    EXPECT_EQ(broadcast({3}, {2}), std::nullopt);
    for (int i = 0; i <= static_cast<int>(DType::float64); ++i) {
        const auto t = static_cast<DType>(i);
        EXPECT_EQ(dtype_from_name(dtype_name(t)), t);
        EXPECT_EQ(dtype_from_name(dtype_long_name(t)), t);
    }
}

}  // namespace gw
