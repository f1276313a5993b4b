// conv2d, dense and matmul against naive loops on random shapes: groups, dilation, asymmetric pads, strides, float and int8, weights with a
// zero point, and sums without a requantization.
#include <cmath>

#include "unit/ops/run.h"

namespace gw::test {
namespace {
struct Case {
    Conv2D op;
    Tensor x, w, bias;
};

// `sums`: without a requantization.
Case random_case(Random& r, DType t, bool sums = false) {
    Case c;
    const int64_t shape_kind = r.integer(0, 3);  // plain, grouped, depthwise, depthwise with multiplier
    const int64_t groups = shape_kind == 0 ? 1 : shape_kind == 1 ? r.integer(2, 3) : r.integer(2, 9);
    const int64_t ig = shape_kind <= 1 ? r.integer(1, 9) : 1;
    const int64_t og = shape_kind == 3 ? r.integer(2, 3) : shape_kind == 2 ? 1 : r.integer(1, 9);
    c.op.groups = groups;
    c.op.stride = {r.integer(1, 3), r.integer(1, 3)};
    c.op.dilation = {r.integer(1, 2), r.integer(1, 2)};
    c.op.pad = {r.integer(0, 3), r.integer(0, 3), r.integer(0, 3), r.integer(0, 3)};
    const int64_t kh = r.integer(1, 4);
    const int64_t kw = r.integer(1, 4);
    const Shape x{r.integer(1, 2), c.op.dilation[0] * (kh - 1) + r.integer(1, 6), c.op.dilation[1] * (kw - 1) + r.integer(1, 6),
                  groups * ig};
    c.x = r.tensor(t, x);
    const bool integer = t != DType::float32;
    c.w = r.tensor(integer ? DType::int8 : t, {groups * og, kh, kw, ig});
    if (r.coin()) c.bias = r.tensor(integer ? DType::int32 : DType::float32, {groups * og});
    if (integer && r.coin()) c.op.w_zero = static_cast<int32_t>(r.integer(-128, 127));
    if (integer && t != DType::int16) c.op.x_zero = static_cast<int32_t>(r.integer(lowest(t), highest(t)));
    if (sums) return c;
    if (integer) {
        std::vector<double> real;
        const int64_t multipliers = r.coin() ? 1 : groups * og;
        for (int64_t o = 0; o < multipliers; ++o) real.push_back(r.real(0.0005, 0.01));
        c.op.requant = make_requant(r.pick<Rounding>({Rounding::narrow, Rounding::single, Rounding::twice}), real,
                                    {256 * 256 * kh * kw * ig + 1000}, static_cast<int32_t>(r.integer(-128, 127)), -100, 120);
    } else if (r.coin()) {
        c.op.act_lo = 0, c.op.act_hi = 3;
    }
    return c;
}

// Σ of one output in double, before bias: the definition in op.h, term by term.
double sum_at(const Case& c, int64_t n, int64_t oy, int64_t ox, int64_t o) {
    const Shape& x = c.x.shape();
    const Shape& w = c.w.shape();
    const int64_t g = o / (w[0] / c.op.groups);
    double sum = 0;
    for (int64_t ky = 0; ky < w[1]; ++ky)
        for (int64_t kx = 0; kx < w[2]; ++kx) {
            const int64_t y = oy * c.op.stride[0] + ky * c.op.dilation[0] - c.op.pad[0];
            const int64_t xx = ox * c.op.stride[1] + kx * c.op.dilation[1] - c.op.pad[1];
            if (y < 0 || y >= x[1] || xx < 0 || xx >= x[2]) continue;
            for (int64_t i = 0; i < w[3]; ++i) {
                const double a = c.x.at(((n * x[1] + y) * x[2] + xx) * x[3] + g * w[3] + i) - c.op.x_zero;
                sum += a * (c.w.at(((o * w[1] + ky) * w[2] + kx) * w[3] + i) - c.op.w_zero);
            }
        }
    return sum;
}

void check(const Case& c) {
    const Tensor y = run(Op{c.op}, {c.x, c.w, c.bias});
    const Shape& s = y.shape();
    ASSERT_EQ(s[1], (c.x.shape()[1] + c.op.pad[0] + c.op.pad[2] - c.op.dilation[0] * (c.w.shape()[1] - 1) - 1) / c.op.stride[0] + 1);
    int64_t e = 0;
    for (int64_t n = 0; n < s[0]; ++n)
        for (int64_t oy = 0; oy < s[1]; ++oy)
            for (int64_t ox = 0; ox < s[2]; ++ox)
                for (int64_t o = 0; o < s[3]; ++o, ++e) {
                    const double sum = sum_at(c, n, oy, ox, o) + (c.bias.valid() ? c.bias.at(o) : 0);
                    if (y.type.dtype == DType::int32) {
                        ASSERT_EQ(y.int_at(e), static_cast<int32_t>(static_cast<int64_t>(sum))) << print_fields(Op{c.op});
                    } else if (y.type.dtype == DType::int8) {
                        ASSERT_EQ(y.int_at(e), c.op.requant.apply(static_cast<int32_t>(sum), o)) << print_fields(Op{c.op});
                    } else {
                        const double expected = std::clamp<double>(sum, c.op.act_lo, c.op.act_hi);
                        ASSERT_NEAR(y.at(e), expected, 1e-4) << print_fields(Op{c.op});
                    }
                }
}
}  // namespace

TEST(Conv2D, FloatEqualsNaiveLoops) {
    Random r(11);
    for (int i = 0; i < 120 && !HasFatalFailure(); ++i) check(random_case(r, DType::float32));
}

TEST(Conv2D, Int8EqualsNaiveLoopsExactly) {
    Random r(12);
    for (int i = 0; i < 120 && !HasFatalFailure(); ++i) check(random_case(r, DType::int8));
}

TEST(Conv2D, SumsEqualNaiveLoopsExactly) {
    Random r(16);
    const DType types[] = {DType::int8, DType::uint8, DType::int16};
    for (int i = 0; i < 120 && !HasFatalFailure(); ++i) check(random_case(r, types[i % 3], true));
}

// More positions than one block of gathered rows holds.
TEST(Conv2D, LargePictures) {
    Random r(13);
    for (DType t : {DType::float32, DType::int8}) {
        Case c;
        c.op.pad = {1, 1, 1, 1};
        c.x = r.tensor(t, {1, 40, 40, 3});
        c.w = r.tensor(t, {4, 3, 3, 3});
        if (t == DType::int8) c.op.requant = make_requant(Rounding::narrow, {0.001}, {27 * 256 * 128}, 3, -128, 127);
        check(c);
    }
}

TEST(Conv2D, HandComputed) {
    Conv2D op;
    op.pad = {0, 1, 0, 0};
    op.stride = {1, 2};
    // One row 1 2 3 with one 0 before: windows (0 1) (2 3); w = (10, 1), bias 5.
    const Tensor y = run(Op{op}, {floats({1, 1, 3, 1}, {1, 2, 3}), floats({1, 1, 2, 1}, {10, 1}), floats({1}, {5})});
    EXPECT_EQ(values<float>(y), (std::vector<float>{6, 28}));
    // Int8 with zero point 1: padding counts as 1, so its term is 0. Accumulators (0 + 0·1) + 5 and (1·10 + 2) + 5.
    op.x_zero = 1;
    op.requant = one_to_one();
    const Tensor z = run(Op{op}, {bytes({1, 1, 3, 1}, {1, 2, 3}), bytes({1, 1, 2, 1}, {10, 1}), Tensor::of<int32_t>({1}, {5})});
    EXPECT_EQ(values<int8_t>(z), (std::vector<int8_t>{5, 17}));
}

// Sums that leave 32 bits keep their low ones.
TEST(Conv2D, SumsAreModuloTwoToThe32) {
    const Tensor x = Tensor::of<int16_t>({1, 1, 1, 513}, std::vector<int16_t>(513, -32768));
    const Tensor w = bytes({1, 1, 1, 513}, std::vector<int8_t>(513, -128));
    EXPECT_EQ(values<int32_t>(run(Op{Conv2D{}}, {x, w})), (std::vector<int32_t>{static_cast<int32_t>(int64_t{513} << 22)}));
    EXPECT_EQ(values<int32_t>(run(Op{Dense{}}, {x, w.reshaped({1, 513})})),
              (std::vector<int32_t>{static_cast<int32_t>(int64_t{513} << 22)}));
}

TEST(Conv2D, CountsMacsWithPadding) {
    Conv2D op;
    op.groups = 2;
    op.pad = {1, 1, 1, 1};
    const Type x{DType::float32, {1, 4, 5, 4}, {}};
    const Type w{DType::float32, {6, 3, 3, 2}, {}};
    const Type y{DType::float32, {1, 4, 5, 6}, {}};
    const Type* in[] = {&x, &w};
    const Type* out[] = {&y};
    EXPECT_EQ(work(Op{op}, in, out).macs, 4 * 5 * 6 * 9 * 2);
}

TEST(Dense, EqualsNaiveLoops) {
    Random r(14);
    for (int i = 0; i < 40; ++i) {
        const bool integer = r.coin();
        const int64_t rows = r.integer(1, 4);
        const int64_t k = r.integer(1, 40);
        const int64_t o = r.integer(1, 9);
        const DType t = integer ? DType::int8 : DType::float32;
        const Tensor x = r.tensor(t, {rows, 1, k});
        const Tensor w = r.tensor(t, {o, k});
        const Tensor bias = r.coin() ? r.tensor(integer ? DType::int32 : DType::float32, {o}) : Tensor{};
        Dense op;
        if (integer) {
            op.x_zero = static_cast<int32_t>(r.integer(-128, 127));
            if (r.coin()) op.w_zero = static_cast<int32_t>(r.integer(-128, 127));
            if (r.coin()) op.requant = make_requant(Rounding::single, {0.003}, {k * 256 * 256 + 1000}, -7, -128, 127);
        } else {
            op.act_lo = -1;
        }
        const Tensor y = run(Op{op}, {x, w, bias});
        ASSERT_EQ(y.shape(), (Shape{rows, 1, o}));
        for (int64_t a = 0; a < rows; ++a)
            for (int64_t b = 0; b < o; ++b) {
                double sum = bias.valid() ? bias.at(b) : 0;
                for (int64_t j = 0; j < k; ++j) sum += (x.at(a * k + j) - op.x_zero) * (w.at(b * k + j) - op.w_zero);
                if (integer && op.requant.empty()) {
                    ASSERT_EQ(y.int_at(a * o + b), static_cast<int64_t>(sum));
                } else if (integer) {
                    ASSERT_EQ(y.int_at(a * o + b), op.requant.apply(static_cast<int32_t>(sum), b));
                } else {
                    ASSERT_NEAR(y.at(a * o + b), std::max(sum, -1.0), 1e-4);
                }
            }
    }
}

TEST(MatMul, BroadcastsLeadingDimensions) {
    Random r(15);
    for (DType t : {DType::float32, DType::int8, DType::int16}) {
        const Tensor a = r.tensor(t, {2, 1, 3, 5});
        const Tensor b = r.tensor(t, {4, 5, 2});
        MatMul op;
        if (t == DType::int8) op.a_zero = 3, op.b_zero = -9, op.requant = make_requant(Rounding::twice, {0.002}, {5 * 65536}, 1, -128, 127);
        const Tensor y = run(Op{op}, {a, b});
        ASSERT_EQ(y.shape(), (Shape{2, 4, 3, 2}));
        for (int64_t i = 0; i < 2; ++i)
            for (int64_t j = 0; j < 4; ++j)
                for (int64_t m = 0; m < 3; ++m)
                    for (int64_t n = 0; n < 2; ++n) {
                        double sum = 0;
                        for (int64_t k = 0; k < 5; ++k)
                            sum += (a.at((i * 3 + m) * 5 + k) - op.a_zero) * (b.at((j * 5 + k) * 2 + n) - op.b_zero);
                        const double seen = y.at(((i * 4 + j) * 3 + m) * 2 + n);
                        if (t == DType::int8) {
                            ASSERT_EQ(seen, op.requant.apply(static_cast<int32_t>(sum), 0));
                        } else if (t == DType::int16) {  // sums, modulo 2^32
                            ASSERT_EQ(seen, static_cast<int32_t>(static_cast<int64_t>(sum)));
                        } else {
                            ASSERT_NEAR(seen, sum, 1e-4);
                        }
                    }
    }
}

}  // namespace gw::test
