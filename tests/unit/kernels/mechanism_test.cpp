// Traces, specialisation, and the harness itself: a wrong gap or a wrong kernel must be noticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/kernels/cases.h"

namespace gw {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Trace, Elementwise) {
    EXPECT_EQ(minimum_gap(elementwise_trace(10, 1, 1)), 0);
    EXPECT_EQ(minimum_gap(elementwise_trace(10, 4, 1)), -3);
    EXPECT_EQ(minimum_gap(elementwise_trace(10, 1, 4)), 27);  // nine results, 36 bytes, before the tenth element, at 9, is read
}

TEST(Trace, Windows) {
    // 14×14×1 to 14×14×4 by 3×3 with a border of 1. Before the last row but one's... last pixel that reads input row 11 (pixel (12, 13),
    // number 181 of 196) everything up to pixel 180 is written; later ones read from row 12 on.
    const TileTrace conv = window_trace(14, 14, 4, 14, 14, 1, {1, 1}, {1, 1, 1, 1}, true);
    int64_t expected = -1000000;
    for (int64_t p = 0; p < 196; ++p) {
        for (int64_t later = p + 1; later < 196; ++later) {
            const int64_t row = std::max<int64_t>(0, later / 14 - 1), column = std::max<int64_t>(0, later % 14 - 1);
            expected = std::max(expected, (p + 1) * 4 - (row * 14 + column));
        }
    }
    EXPECT_EQ(minimum_gap(conv), expected);
    EXPECT_EQ(expected, 780 - 180);
    // A 2×2 pool of one channel reads at least as far ahead as it writes.
    EXPECT_LE(minimum_gap(window_trace(14, 14, 1, 28, 28, 1, {2, 2}, {0, 0, 0, 0}, true)), 0);
    // A tile that reads after it writes needs its own first byte to survive.
    EXPECT_EQ(minimum_gap(window_trace(1, 1, 8, 1, 1, 8, {1, 1}, {0, 0, 0, 0}, false)), 8);
}

KernelCase conv_3x3() {
    Dice dice(21);
    KernelCase c;
    c.label = "conv";
    Conv2D op;
    op.pad = {1, 1, 1, 1};
    op.x_zero = -3;
    op.requant = make_requant(Rounding::single, {0.002}, {200000}, 0, -128, 127);
    const ValueId x = c.graph.add_input("x", {DType::int8, Shape{1, 14, 14, 1}, {}});
    c.graph.add_output(
        "y", c.graph.must_add(op,
                              {x, c.graph.add_constant(Tensor::of<int8_t>({4, 3, 3, 1},
                                                                          [&] {
                                                                              std::vector<int8_t> w;
                                                                              for (int i = 0; i < 36; ++i)
                                                                                  w.push_back(static_cast<int8_t>(dice.between(1, 100)));
                                                                              return w;
                                                                          }()))},
                              {}));
    std::vector<int8_t> values;
    for (int i = 0; i < 196; ++i) values.push_back(static_cast<int8_t>(dice.between(-60, 60)));
    c.inputs = {Tensor::of<int8_t>({1, 14, 14, 1}, values)};
    return c;
}

TEST(Harness, AcceptsARightKernelAndGap) {
    KernelHarness harness;
    harness.add(conv_3x3(), "conv2d_s8");
    EXPECT_EQ(harness.runs(), 3u);  // apart, and overlapping in either direction
    EXPECT_THAT(harness.run(), testing::IsEmpty());
}

TEST(Harness, NoticesAGapOneTileShort) {
    KernelHarness harness("cortex-m0plus", 0, {-4, {}});
    harness.add(conv_3x3(), "conv2d_s8");
    EXPECT_THAT(harness.run(), testing::ElementsAre(HasSubstr("walking down"), HasSubstr("a gap of")));
}

std::vector<std::string> with_edit(const std::string& from, const std::string& to) {
    bool found = false;
    KernelHarness harness("cortex-m0plus", 0, {0, [&](std::string text) {
                                                   const size_t at = text.find(from);
                                                   found = at != std::string::npos;
                                                   return found ? text.replace(at, from.size(), to) : text;
                                               }});
    harness.add(conv_3x3(), "conv2d_s8");
    EXPECT_TRUE(found) << "the kernel has no text \"" << from << "\" any more";
    return harness.run();
}

TEST(Harness, NoticesAWrongResult) { EXPECT_THAT(with_edit("X_ZERO = -3", "X_ZERO = -2"), testing::Contains(HasSubstr("expected"))); }

TEST(Harness, NoticesAReadOutside) {
    EXPECT_THAT(with_edit("p.y = y;", "p.y = y; (void)*(const volatile int8_t *)(x + IH * IW * XC);"),
                testing::ElementsAre(HasSubstr("heap-buffer-overflow")));
}

TEST(Harness, NoticesMisalignedAccess) {
    EXPECT_THAT(with_edit("p.y = y;", "p.y = y; if (*(const gw_i32 *)(const void *)x == 7) p.y = y;"),
                testing::ElementsAre(HasSubstr("misaligned")));
}

TEST(Harness, NoticesAChangedInput) {
    EXPECT_THAT(with_edit("p.y = y;", "p.y = y; { int8_t *z = (int8_t *)(uintptr_t)x; z[195] ^= 1; z[195] ^= 3; }"),
                testing::Contains(HasSubstr("was changed")));
}

Call call_of(const Candidate& offer, std::string_view row) {
    return {std::string(row), offer.constants, offer.types, offer.scalar, {}, {}};
}

TEST(Specialise, PutsInWhatTheRowGives) {
    const KernelHarness harness;
    const Call call = call_of(harness.candidate(conv_3x3(), "conv2d_s8"), "conv2d_s8");
    const std::string text = specialise(row_by_name("conv2d_s8"), call, "digits_conv_1");
    EXPECT_THAT(text, testing::StartsWith("/* 2-D convolution, int8"));
    EXPECT_THAT(text,
                HasSubstr("\nstatic void digits_conv_1(const digits_conv_1_elem *x, digits_conv_1_out *y, const digits_conv_1_weight *w"));
    EXPECT_THAT(text, HasSubstr("typedef int32_t digits_conv_1_mult;"));
    EXPECT_THAT(text, HasSubstr("typedef int8_t digits_conv_1_elem;"));
    EXPECT_THAT(text, HasSubstr("enum { IH = 14, IW = 14, IC = 1,"));
    for (const char* gone : {"conv2d_s8", "// @", "SPDX", "#include"}) EXPECT_THAT(text, Not(HasSubstr(gone)));
    EXPECT_EQ(text, specialise(row_by_name("conv2d_s8"), call, "digits_conv_1"));
}

TEST(SpecialiseDeathTest, IsStrict) {
    const KernelHarness harness;
    const KernelRow& row = row_by_name("conv2d_s8");
    const Call good = call_of(harness.candidate(conv_3x3(), "conv2d_s8"), "conv2d_s8");
    Call bad = good;
    bad.constants.emplace_back("NOVEL", 1);
    EXPECT_DEATH(specialise(row, bad, "k"), "the file has no enumerator NOVEL");
    bad = good;
    bad.constants.erase(bad.constants.begin());
    EXPECT_DEATH(specialise(row, bad, "k"), "the row gives no value for the enumerator IH");
    bad = good;
    bad.types.emplace_back("extra", "int8_t");
    EXPECT_DEATH(specialise(row, bad, "k"), "the file has no type extra");
    bad = good;
    bad.types.clear();
    EXPECT_DEATH(specialise(row, bad, "k"), "the row gives no type for mult");
    bad = good;
    bad.constants.front().second = int64_t{1} << 40;
    EXPECT_DEATH(specialise(row, bad, "k"), "does not fit an enumerator");
    bad = good;
    bad.scalar = "a + b";
    EXPECT_DEATH(specialise(row, bad, "k"), "the file has no @scalar line");
}

TEST(Rows, AskForEveryWeightOnce) {
    const KernelHarness harness;
    const Candidate offer = harness.candidate(conv_3x3(), "conv2d_s8");
    EXPECT_EQ(offer.macs_executed, 40 * 40 * 4);  // 14·3 − 2 taps inside in each direction
    EXPECT_EQ(offer.arguments[2].data.type.bytes(), 36);
    EXPECT_EQ(offer.arguments[3].data.type.bytes(), 16);
    EXPECT_EQ(offer.arguments[3].align, 4);
    const Candidate portable = KernelHarness("cortex-m4").candidate(conv_3x3(), "conv2d_s8");
    EXPECT_EQ(portable.arguments[2].data.type.dtype, DType::int8);
    EXPECT_EQ(offer.arguments[2].data.type.dtype, DType::uint8);
}

}  // namespace
}  // namespace gw
