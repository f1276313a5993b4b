// pool2d, reduce, binary, unary, lookup, softmax on hand-computed cases.
#include <cmath>
#include <limits>

#include "unit/ops/run.h"

namespace gw::test {
namespace {
using Floats = std::vector<float>;
using Bytes = std::vector<int8_t>;
using Longs = std::vector<int64_t>;

Tensor longs(const Longs& v) { return Tensor::of<int64_t>({static_cast<int64_t>(v.size())}, v); }
Tensor row(const Floats& v) { return floats({static_cast<int64_t>(v.size())}, v); }
Binary binary(BinaryKind k) {
    Binary b;
    b.kind = k;
    return b;
}
}  // namespace

TEST(Pool2D, MaxIgnoresPaddingAndAverageDividesByWhatItSaw) {
    // 1 2 / 3 4 with a frame of one: 3×3 windows, stride 3 → one window at the top left corner (1 2 3 4 inside), stride 1 gives four.
    const Tensor x = floats({1, 2, 2, 1}, {-1, -2, -3, -4});
    Pool2D op;
    op.kernel = {2, 2}, op.pad = {1, 1, 0, 0};
    EXPECT_EQ(values<float>(run(Op{op}, {x})), (Floats{-1, -1, -1, -1}));
    op.kind = PoolKind::average;
    EXPECT_EQ(values<float>(run(Op{op}, {x})), (Floats{-1, -1.5, -2, -2.5}));
    op.count_pad = true;
    EXPECT_EQ(values<float>(run(Op{op}, {x})), (Floats{-0.25, -0.75, -1, -2.5}));
    op.act_lo = -1, op.act_hi = -0.5;
    EXPECT_EQ(values<float>(run(Op{op}, {x})), (Floats{-0.5, -0.75, -1, -1}));
}

TEST(Unary, FunctionsOfTrigonometryAndThresholds) {
    const auto at = [&](UnaryKind k, float x, float alpha = 0, float beta = 0) { return apply_unary({k, alpha, beta}, x); };
    const float pi = 3.14159265f;
    EXPECT_NEAR(at(UnaryKind::tan, pi / 4), 1, 1e-6);
    EXPECT_NEAR(at(UnaryKind::asin, 0.5f), pi / 6, 1e-6);
    EXPECT_NEAR(at(UnaryKind::acos, 0.5f), pi / 3, 1e-6);
    EXPECT_NEAR(at(UnaryKind::atan, -1), -pi / 4, 1e-6);
    EXPECT_NEAR(at(UnaryKind::sinh, 1), 1.17520119, 1e-6);
    EXPECT_NEAR(at(UnaryKind::cosh, 1), 1.54308063, 1e-6);
    EXPECT_NEAR(at(UnaryKind::asinh, 1), 0.88137359, 1e-6);
    EXPECT_NEAR(at(UnaryKind::acosh, 2), 1.31695790, 1e-6);
    EXPECT_NEAR(at(UnaryKind::atanh, 0.5f), 0.54930614, 1e-6);
    EXPECT_EQ(at(UnaryKind::shrink, -3, 1, 0.5f), -2.5f);
    EXPECT_EQ(at(UnaryKind::shrink, 1, 1, 0.5f), 0);
    EXPECT_EQ(at(UnaryKind::shrink, 2, 1, 0.5f), 1.5f);
    EXPECT_EQ(at(UnaryKind::thresholded_relu, 2, 2), 0);
    EXPECT_EQ(at(UnaryKind::thresholded_relu, 2.5f, 2), 2.5f);
}

TEST(Pool2D, Int8RoundsHalfAwayFromZero) {
    Pool2D op;
    op.kind = PoolKind::average, op.kernel = {1, 2}, op.stride = {1, 2};
    const Quant q = Quant::tensor(0.5f, 3);
    const Tensor y = run(Op{op}, {bytes({1, 1, 8, 1}, {1, 2, -1, -2, 127, 127, -128, -127}, q)});
    EXPECT_EQ(values<int8_t>(y), (Bytes{2, -2, 127, -128}));  // 1.5 → 2, −1.5 → −2, −127.5 → −128
    EXPECT_EQ(y.type.quant, q);
    // count_pad: padding is real 0, that is the zero point 3: ((5 − 3) + 0)/2 + 3 = 4; without it 5.
    op.pad = {0, 1, 0, 0}, op.stride = {1, 1}, op.x_zero = 3;
    EXPECT_EQ(values<int8_t>(run(Op{op}, {bytes({1, 1, 1, 1}, {5}, q)})), (Bytes{5}));
    op.count_pad = true;
    EXPECT_EQ(values<int8_t>(run(Op{op}, {bytes({1, 1, 1, 1}, {5}, q)})), (Bytes{4}));
    Pool2D max;
    max.kernel = {1, 2}, max.dilation = {1, 2}, max.hi = 6;
    EXPECT_EQ(values<int8_t>(run(Op{max}, {bytes({1, 1, 4, 1}, {9, -5, 2, -7})})), (Bytes{6, -5}));
}

TEST(Reduce, KindsAxesAndKeptDimensions) {
    const Tensor x = floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
    Reduce op;
    op.axes = {0, 2};
    const auto result = [&](ReduceKind k, bool keep) {
        op.kind = k, op.keep_dims = keep;
        const Tensor y = run(Op{op}, {x});
        EXPECT_EQ(y.shape(), keep ? (Shape{1, 2, 1}) : (Shape{2}));
        return values<float>(y);
    };
    EXPECT_EQ(result(ReduceKind::sum, true), (Floats{14, 22}));
    EXPECT_EQ(result(ReduceKind::mean, false), (Floats{3.5, 5.5}));
    EXPECT_EQ(result(ReduceKind::max, true), (Floats{6, 8}));
    EXPECT_EQ(result(ReduceKind::min, false), (Floats{1, 3}));
    EXPECT_EQ(result(ReduceKind::product, true), (Floats{60, 672}));
}

TEST(Reduce, IntegersAreExactAndInt8IsRescaled) {
    Reduce op;
    op.kind = ReduceKind::product, op.axes = {0}, op.keep_dims = false;
    EXPECT_EQ(run(Op{op}, {longs({3000000000, 2, 1})}).ints(), (Longs{6000000000}));
    op.kind = ReduceKind::mean;
    op.x_zero = 1;
    op.requant = make_requant(Rounding::single, {1.0 / 3}, {1000}, 5, -128, 127);
    EXPECT_EQ(values<int8_t>(run(Op{op}, {bytes({3}, {1, 4, 7})})), (Bytes{8}));  // (0 + 3 + 6)/3 + 5
    Reduce max;
    max.kind = ReduceKind::max, max.axes = {0};
    EXPECT_EQ(values<int8_t>(run(Op{max}, {bytes({3}, {-128, -4, -7})})), (Bytes{-4}));
}

TEST(Binary, FloatBroadcastsAndClamps) {
    const Tensor a = floats({2, 1}, {1, 10});
    const Tensor b = floats({3}, {1, 2, 4});
    EXPECT_EQ(values<float>(run(Op{binary(BinaryKind::sub)}, {a, b})), (Floats{0, -1, -3, 9, 8, 6}));
    EXPECT_EQ(values<float>(run(Op{binary(BinaryKind::div)}, {a, b})), (Floats{1, 0.5, 0.25, 10, 5, 2.5}));
    EXPECT_EQ(values<float>(run(Op{binary(BinaryKind::pow)}, {b, row({2})})), (Floats{1, 4, 16}));
    EXPECT_EQ(values<float>(run(Op{binary(BinaryKind::mod)}, {row({5.5, -5.5}), row({2})})), (Floats{1.5, -1.5}));
    Binary add;
    add.act_lo = 3, add.act_hi = 12;
    EXPECT_EQ(values<float>(run(Op{add}, {a, b})), (Floats{3, 3, 5, 11, 12, 12}));
    const Tensor less = run(Op{binary(BinaryKind::less)}, {a, b});
    EXPECT_EQ(less.type.dtype, DType::boolean);
    EXPECT_EQ(less.ints(), (Longs{0, 1, 1, 0, 0, 0}));
    EXPECT_EQ(values<float>(run(Op{binary(BinaryKind::max)}, {a, b})), (Floats{1, 2, 4, 10, 10, 10}));
}

TEST(Binary, IntegersAreExact) {
    const auto result = [](BinaryKind k, const Longs& a, const Longs& b) { return run(Op{binary(k)}, {longs(a), longs(b)}).ints(); };
    EXPECT_EQ(result(BinaryKind::add, {(int64_t{1} << 53) + 1}, {1}), (Longs{(int64_t{1} << 53) + 2}));
    EXPECT_EQ(result(BinaryKind::div, {7, -7, 7, -7}, {2, 2, -2, -2}), (Longs{3, -3, -3, 3}));
    EXPECT_EQ(result(BinaryKind::mod, {7, -7, 7, -7, 6}, {4, 4, -4, -4, 3}), (Longs{3, 1, -1, -3, 0}));
    EXPECT_EQ(result(BinaryKind::pow, {3, -1, 2}, {4, -3, -1}), (Longs{81, -1, 0}));
    EXPECT_EQ(result(BinaryKind::equal, {1, 2}, {1, 3}), (Longs{1, 0}));
    EXPECT_EQ(result(BinaryKind::div, {std::numeric_limits<int64_t>::min(), 5}, {-1, 0}), (Longs{std::numeric_limits<int64_t>::min(), 0}));
}

TEST(Binary, Int8HasItsOwnArithmetic) {
    Binary op;
    op.a_zero = 1, op.b_zero = -2, op.a_multiplier = 3, op.b_multiplier = 2;
    op.requant = {Rounding::single, 0, {1}, {2}, 10, -128, 127};
    const Tensor a = bytes({2}, {5, -128});
    const Tensor b = bytes({2}, {0, 127});
    // (4·3 + 2·2 + 2) >> 2 = 4; (−129·3 + 129·2 + 2) >> 2 = −127 >> 2 = −32.
    EXPECT_EQ(values<int8_t>(run(Op{op}, {a, b})), (Bytes{14, -22}));
    op.kind = BinaryKind::sub;
    EXPECT_EQ(values<int8_t>(run(Op{op}, {a, b})), (Bytes{12, -128}));  // (12 − 4 + 2) >> 2 = 2
    op.kind = BinaryKind::mul;
    op.requant.shift = {1};
    EXPECT_EQ(values<int8_t>(run(Op{op}, {a, b})), (Bytes{14, -128}));  // (4·2 + 1) >> 1 = 4
    EXPECT_EQ(values<int8_t>(run(Op{binary(BinaryKind::min)}, {a, b})), (Bytes{0, -128}));
}

TEST(Unary, EveryFunctionAgainstItsDefinition) {
    const Floats xs{-7, -1.5, -0.5, 0, 0.25, 0.5, 2.5, 9};
    const auto check = [&](UnaryKind k, float alpha, float beta, auto f) {
        const Tensor y = run(Op{Unary{k, alpha, beta}}, {row(xs)});
        for (size_t i = 0; i < xs.size(); ++i) {
            const double expected = f(static_cast<double>(xs[i]));
            if (!std::isfinite(expected)) continue;
            EXPECT_NEAR(y.at(static_cast<int64_t>(i)), expected, 2e-6 * (1 + std::abs(expected))) << enum_name(k) << " of " << xs[i];
        }
    };
    const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
    check(UnaryKind::clamp, -1, 2, [](double x) { return std::clamp(x, -1.0, 2.0); });
    check(UnaryKind::sigmoid, 0, 0, logistic);
    check(UnaryKind::tanh, 0, 0, [](double x) { return std::tanh(x); });
    check(UnaryKind::erf, 0, 0, [](double x) { return std::erf(x); });
    check(UnaryKind::exp, 0, 0, [](double x) { return std::exp(x); });
    check(UnaryKind::log, 0, 0, [](double x) { return std::log(x); });
    check(UnaryKind::sqrt, 0, 0, [](double x) { return std::sqrt(x); });
    check(UnaryKind::rsqrt, 0, 0, [](double x) { return 1 / std::sqrt(x); });
    check(UnaryKind::reciprocal, 0, 0, [](double x) { return 1 / x; });
    check(UnaryKind::abs, 0, 0, [](double x) { return std::abs(x); });
    check(UnaryKind::neg, 0, 0, [](double x) { return -x; });
    check(UnaryKind::floor, 0, 0, [](double x) { return std::floor(x); });
    check(UnaryKind::ceil, 0, 0, [](double x) { return std::ceil(x); });
    check(UnaryKind::round, 0, 0, [](double x) { return std::remainder(x, 1.0) == 0 ? x : x - std::remainder(x, 1.0); });
    check(UnaryKind::sign, 0, 0, [](double x) { return (x > 0) - (x < 0); });
    check(UnaryKind::sin, 0, 0, [](double x) { return std::sin(x); });
    check(UnaryKind::cos, 0, 0, [](double x) { return std::cos(x); });
    check(UnaryKind::leaky_relu, 0.125, 0, [](double x) { return x >= 0 ? x : x / 8; });
    check(UnaryKind::elu, 2, 0, [](double x) { return x >= 0 ? x : 2 * (std::exp(x) - 1); });
    check(UnaryKind::hard_sigmoid, 0.25, 0.5, [](double x) { return std::max(0.0, std::min(1.0, x / 4 + 0.5)); });
    check(UnaryKind::hard_swish, 0, 0, [](double x) { return x * std::max(0.0, std::min(1.0, x / 6 + 0.5)); });
    check(UnaryKind::softplus, 0, 0, [](double x) { return std::log(1 + std::exp(x)); });
    check(UnaryKind::gelu, 0, 0, [](double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; });
    check(UnaryKind::silu, 0, 0, [&](double x) { return x * logistic(x); });
    check(UnaryKind::affine, 3, -1, [](double x) { return 3 * x - 1; });
    check(UnaryKind::power, 2, 0, [](double x) { return x * x; });
    EXPECT_EQ(values<float>(run(Op{Unary{UnaryKind::round, 0, 0}}, {row({0.5, 1.5, 2.5, -0.5})})), (Floats{0, 2, 2, 0}));
    EXPECT_EQ(values<float>(run(Op{Unary{UnaryKind::softplus, 0, 0}}, {row({1000})})), (Floats{1000}));  // no overflow on the way
}

TEST(Unary, IntegersAndBool) {
    EXPECT_EQ(run(Op{Unary{UnaryKind::neg, 0, 0}}, {longs({(int64_t{1} << 60) + 1})}).ints(), (Longs{-(int64_t{1} << 60) - 1}));
    EXPECT_EQ(run(Op{Unary{UnaryKind::clamp, -1.5, infinity}}, {longs({-9, -1, int64_t{1} << 62})}).ints(),
              (Longs{-1, -1, int64_t{1} << 62}));
    EXPECT_EQ(run(Op{Unary{UnaryKind::sign, 0, 0}}, {longs({-9, 0, 3})}).ints(), (Longs{-1, 0, 1}));
    Tensor t = Tensor::zeros({DType::boolean, {2}, {}});
    t.set(1, 1);
    EXPECT_EQ(run(Op{Unary{UnaryKind::logical_not, 0, 0}}, {t}).ints(), (Longs{1, 0}));
}

TEST(Lookup, ReadsTheTableFromItsMiddle) {
    Bytes table(256);
    for (int i = 0; i < 256; ++i) table[static_cast<size_t>(i)] = static_cast<int8_t>(127 - i);  // x → −1 − x
    EXPECT_EQ(values<int8_t>(run(Op{Lookup{}}, {bytes({4}, {-128, -1, 0, 127}), bytes({256}, table)})), (Bytes{127, 0, -1, -128}));
}

TEST(Softmax, FloatOverAnyAxisWithoutOverflow) {
    Softmax op;
    op.axis = 0;
    const Tensor y = run(Op{op}, {floats({2, 2}, {1000, 0, 1000, std::log(3.0f)})});
    EXPECT_FLOAT_EQ(static_cast<float>(y.at(0)), 0.5f);
    EXPECT_FLOAT_EQ(static_cast<float>(y.at(1)), 0.25f);
    EXPECT_FLOAT_EQ(static_cast<float>(y.at(3)), 0.75f);
    op.log = true;
    EXPECT_FLOAT_EQ(static_cast<float>(run(Op{op}, {floats({2, 1}, {5, 5})}).at(1)), -std::log(2.0f));
}

TEST(Softmax, Int8FromItsTable) {
    // e = 2^(20 − difference): differences 0 1 2 give weights 4/7, 2/7, 1/7 of 256: 146.29, 73.14, 36.57.
    std::vector<uint32_t> table(256, 0);
    for (int i = 0; i <= 20; ++i) table[static_cast<size_t>(i)] = 1u << (20 - i);
    Softmax op;
    op.axis = 1;
    const Tensor y = run(Op{op}, {bytes({2, 3}, {5, 4, 3, -128, 127, -128}), Tensor::of<uint32_t>({256}, table)});
    EXPECT_EQ(values<int8_t>(y), (Bytes{18, -55, -91, -128, 127, -128}));
    EXPECT_EQ(y.type.quant, Quant::tensor(1.0f / 256, -128));
}

}  // namespace gw::test
