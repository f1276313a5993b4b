// Recurrent layers and SVDF against numbers worked out by hand; the ONNX project's own cases are in test_onnx, TFLite Micro's in
// test_tflite.
#include <cmath>

#include "tensor/fixed_functions.h"
#include "unit/ops/run.h"

namespace gw::test {
namespace {

float logistic(float v) { return 1 / (1 + std::exp(-v)); }

// The table's ends and the points between its entries, against the functions themselves.
TEST(Recurrent, TheTablesFunctionsAreCloseToTheRealOnes) {
    EXPECT_EQ(logistic_table16()[0], 32768);
    EXPECT_EQ(logistic_table16()[1], 33451);
    EXPECT_EQ(logistic_table16()[255], 65534);
    EXPECT_EQ(fixed_logistic16(0), 1 << 14);
    EXPECT_EQ(fixed_tanh16(0), 0);
    for (int32_t v = -32768; v < 32768; v += 7) {
        const float x = static_cast<float>(v) / 4096;
        EXPECT_NEAR(fixed_logistic16(3 * v), 32768 * logistic(x), 3.0) << v;
        EXPECT_NEAR(fixed_tanh16(3 * v), 32768 * std::tanh(x), 7.0) << v;
        EXPECT_NEAR(fixed_tanh16(tanh16_argument(v, -15)), 32768 * std::tanh(x / 8), 7.0) << v;
        EXPECT_NEAR(fixed_tanh16(tanh16_argument(v, -11)), 32768 * std::tanh(2 * x), 7.0) << v;
    }
}

TEST(Recurrent, AnLstmStepByHand) {
    Recurrent op;
    op.clip = 3;
    op.cell_clip = 0.9f;
    // One unit; gates i o f c.
    const Tensor x = floats({2, 1, 1}, {2, -1}), w = floats({4, 1}, {0.5f, -0.25f, 1, 2}), r = floats({4, 1}, {1, 2, -1, 0.5f}),
                 h = floats({1, 1}, {0.25f}), c = floats({1, 1}, {-0.5f}), bias = floats({8}, {0.1f, 0.2f, 0.3f, 0.4f, 0, 0.5f, 0, 0}),
                 peep = floats({3}, {0.3f, -0.2f, 0.1f});
    const std::vector<Tensor> out = run_all(op, {x, w, r, h, c, bias, peep});
    float hidden = 0.25f, cell = -0.5f;
    for (int t = 0; t < 2; ++t) {
        const float v = t == 0 ? 2.0f : -1.0f;
        const float i = logistic(0.5f * v + hidden + 0.1f + 0.3f * cell), f = logistic(v - hidden + 0.3f + 0.1f * cell),
                    g = std::tanh(std::min(3.0f, 2 * v + 0.5f * hidden + 0.4f));
        const float o_sum = -0.25f * v + 2 * hidden + 0.7f;
        cell = std::min(0.9f, std::max(-0.9f, f * cell + i * g));
        hidden = logistic(o_sum - 0.2f * cell) * std::tanh(cell);
        EXPECT_NEAR(out[0].at(t), hidden, 1e-6);
    }
    EXPECT_NEAR(out[1].at(0), hidden, 1e-6);
    EXPECT_NEAR(out[2].at(0), cell, 1e-6);
}

TEST(Recurrent, ReverseBeginsAtTheEndAndKeepsTheOrderOfTheResults) {
    Recurrent op;
    op.kind = RecurrentKind::rnn;
    op.f = UnaryKind::affine;
    op.alpha[0] = 1;
    op.reverse = true;
    const std::vector<Tensor> out =
        run_all(op, {floats({3, 1, 1}, {1, 10, 100}), floats({1, 1}, {1}), floats({1, 1}, {2}), floats({1, 1}, {0})});
    EXPECT_EQ(values<float>(out[0]), (std::vector<float>{421, 210, 100}));
    EXPECT_EQ(values<float>(out[1]), (std::vector<float>{421}));
}

TEST(Recurrent, GruResetsBeforeOrAfterTheProduct) {
    for (const bool linear : {false, true}) {
        Recurrent op;
        op.kind = RecurrentKind::gru;
        op.linear_before_reset = linear;
        // Gates z r n of two units; only n's bias for h tells the two forms apart here.
        const Tensor x = floats({1, 1, 1}, {1}), w = floats({6, 1}, {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f}),
                     r = floats({6, 2}, {1, 0, 0, 1, 0.5f, 0.5f, -0.5f, 0.5f, 1, 2, 3, -1}), h = floats({1, 2}, {0.5f, -0.25f}),
                     bias = floats({12}, {0, 0, 0, 0, 0.1f, 0.1f, 0, 0, 0, 0, 0.7f, -0.7f});
        const std::vector<Tensor> out = run_all(op, {x, w, r, h, Tensor{}, bias});
        const float z[] = {logistic(0.1f + 0.5f), logistic(0.2f - 0.25f)}, reset[] = {logistic(0.3f + 0.125f), logistic(0.4f - 0.375f)};
        const float hr[] = {linear ? 0.5f : reset[0] * 0.5f, linear ? -0.25f : reset[1] * -0.25f};
        const float from_h[] = {hr[0] + 2 * hr[1] + 0.7f, 3 * hr[0] - hr[1] - 0.7f};
        for (int j = 0; j < 2; ++j) {
            const float n = std::tanh((j == 0 ? 0.5f : 0.6f) + 0.1f + (linear ? reset[j] * from_h[j] : from_h[j]));
            EXPECT_NEAR(out[1].at(j), (1 - z[j]) * n + z[j] * (j == 0 ? 0.5f : -0.25f), 1e-6) << linear << " " << j;
        }
    }
}

Requant to_gates(const std::vector<int32_t>& shifts) {
    Requant r{Rounding::twice, 0, {}, shifts, 0, -32768, 32767};
    r.multiplier.assign(shifts.size(), 1 << 30);
    return r;
}

// One unit: 2·2^12·(0.5·x + h) with x and h in Q0.7 and weights in Q1.6, so that a sum of products stands for 2^-13.
TEST(Recurrent, AnIntegerRnnStepByHand) {
    Recurrent op;
    op.kind = RecurrentKind::rnn;
    op.f = UnaryKind::tanh;
    op.x_zero = 10;
    op.x_requant = op.h_requant = to_gates({0});
    const std::vector<Tensor> out = run_all(op, {bytes({2, 1, 1}, {110, -90}), bytes({1, 1}, {32}), bytes({1, 1}, {64}),
                                                 bytes({1, 1}, {-32}), Tensor{}, Tensor::of<int32_t>({2}, {100, -50})});
    double h = -32.0 / 128;
    for (int t = 0; t < 2; ++t) {
        h = std::tanh(0.5 * (t == 0 ? 100 : -100) / 128 + 100.0 / 8192 + h - 50.0 / 8192);
        EXPECT_NEAR(out[0].at(t), 128 * h, 1.1) << t;
    }
    EXPECT_EQ(out[1].at(0), out[0].at(1));
}

Tensor longs(const Shape& shape, const std::vector<int64_t>& v) { return Tensor::of<int64_t>(shape, v); }

// One unit of int16: x and h in Q0.15, weights in Q1.6, a cell in Q4.11. A sum of products stands for 2^-21, 2^-9 of it is Q3.12.
TEST(Recurrent, AnInt16LstmStepByHand) {
    for (const bool clipped : {false, true}) {
        Recurrent op;
        op.x_requant = op.h_requant = {Rounding::wide, 0, {1 << 14}, {23}, 0, -32768, 32767};
        op.cell_exponent = -11;
        op.cell_requant = {Rounding::twice, 0, {1 << 30, 1 << 30}, {-14, -18}, 0, -32768, 32767};
        op.requant = {Rounding::twice, 0, {1 << 30}, {-14}, 0, -32768, 32767};
        if (clipped) op.cell_clip = 512;  // 1/4
        // Gates i o f c; a bias of f that leaves 32 bits holds it open.
        const std::vector<Tensor> out =
            run_all(op, {Tensor::of<int16_t>({2, 1, 1}, {16384, -8192}), bytes({4, 1}, {64, -32, 0, 127}), bytes({4, 1}, {32, 64, 0, -64}),
                         Tensor::of<int16_t>({1, 1}, {8192}), Tensor::of<int16_t>({1, 1}, {-1024}),
                         longs({8}, {1 << 20, 0, int64_t{1} << 40, 0, 0, 0, 0, 1 << 19})});
        double h = 0.25, c = -0.5;
        for (int t = 0; t < 2; ++t) {
            const double x = t == 0 ? 0.5 : -0.25, i = 1 / (1 + std::exp(-(x + 0.5 + h / 2))), o = 1 / (1 + std::exp(-(-x / 2 + h))),
                         g = std::tanh(127.0 / 64 * x - h + 0.25);
            c = c + i * g;
            if (clipped) c = std::clamp(c, -0.25, 0.25);
            h = o * std::tanh(c);
            EXPECT_NEAR(out[0].at(t), 32768 * h, 24) << clipped << " " << t;
        }
        EXPECT_EQ(out[1].at(0), out[0].at(1));
        EXPECT_NEAR(out[2].at(0), 2048 * c, 2.5) << clipped;
    }
}

// The update gate all but open: what each step adds is below half a unit of the 8 bits that h has outside, and must not be lost.
TEST(Recurrent, AnIntegerGruAddsUpWhatEightBitsCannotHold) {
    for (const bool linear : {false, true}) {
        Recurrent op;
        op.kind = RecurrentKind::gru;
        op.linear_before_reset = linear;
        op.x_requant = op.h_requant = to_gates({0, 0, 0});
        // Weights 0 but n's of x; biases in 2^-13: z = logistic(6), r = logistic(1), n = tanh(x/2 + r·0.25 or + 0.25).
        const int32_t six = 6 * 8192, one = 8192, quarter = 2048;
        const std::vector<Tensor> out =
            run_all(op, {bytes({40, 1, 1}, std::vector<int8_t>(40, 100)), bytes({3, 1}, {0, 0, 32}), bytes({3, 1}, {0, 0, 0}),
                         bytes({1, 1}, {0}), Tensor{}, Tensor::of<int32_t>({6}, {six, one, 0, 0, 0, quarter})});
        const double z = 1 / (1 + std::exp(-6.0)), r = 1 / (1 + std::exp(-1.0)), n = std::tanh(0.5 * 100 / 128 + (linear ? r : 1) * 0.25);
        double h = 0;
        for (int t = 0; t < 40; ++t) {
            h = (1 - z) * n + z * h;
            EXPECT_NEAR(out[0].at(t), 128 * h, 0.6) << linear << " " << t;
        }
        EXPECT_GT(out[1].at(0), 2);
    }
}

TEST(Recurrent, AnIntegerGruResetsTheStateBeforeTheProduct) {
    Recurrent op;
    op.kind = RecurrentKind::gru;
    op.x_requant = op.h_requant = to_gates({0, 0, 0});
    // z = logistic(-6): h' is n; r = logistic(h/2), n = tanh(h·r).
    const std::vector<Tensor> out = run_all(op, {bytes({1, 1, 1}, {0}), bytes({3, 1}, {0, 0, 0}), bytes({3, 1}, {0, 32, 64}),
                                                 bytes({1, 1}, {96}), Tensor{}, Tensor::of<int32_t>({6}, {-6 * 8192, 0, 0, 0, 0, 0})});
    const double h = 0.75, z = 1 / (1 + std::exp(6.0)), r = 1 / (1 + std::exp(-h / 2)), n = std::tanh(h * r);
    EXPECT_NEAR(out[1].at(0), 128 * ((1 - z) * n + z * h), 1.1);
}

TEST(Svdf, MovesEachFiltersMemoryAndSumsTheFiltersOfAUnit) {
    Svdf op;
    op.rank = 2;
    op.act_lo = 0;
    const std::vector<Tensor> out = run_all(
        op, {floats({1, 2}, {3, 5}), floats({4, 2}, {1, 0, 0, 1, 1, 1, -9, 0}), floats({4, 3}, {1, 10, 100, 1, 1, 1, 1, 0, 0, 0, 0, 1}),
             floats({1, 12}, {7, 1, 2, 7, 3, 4, 7, 5, 6, 7, 8, 9}), floats({2}, {0.5f, 0})});
    EXPECT_EQ(values<float>(out[1]), (std::vector<float>{1, 2, 3, 3, 4, 5, 5, 6, 8, 8, 9, -27}));
    EXPECT_EQ(values<float>(out[0]), (std::vector<float>{1 + 20 + 300 + 12 + 0.5f, 0}));
}

TEST(Svdf, IntegersRescaleIntoTheMemoryAndOutOfIt) {
    Svdf op;
    op.x_zero = 2;
    // Halved into the memory, about −5, clamped to int8; a quarter of the sum, about 3.
    op.feature_requant = {Rounding::twice, 0, {1 << 30}, {0}, -5, -128, 127};
    op.requant = {Rounding::twice, 0, {1 << 30}, {-1}, 3, -128, 127};
    const std::vector<Tensor> out = run_all(op, {bytes({1, 2}, {127, -3}), bytes({2, 2}, {1, 1, 127, 0}), bytes({2, 2}, {2, 1, 1, 0}),
                                                 bytes({1, 4}, {9, -7, 9, -1}), Tensor::of<int32_t>({2}, {10, 0})});
    // Filter 0: (125 − 5)/2 = 60, − 5; filter 1: 125·127/2 leaves int8.
    EXPECT_EQ(values<int8_t>(out[1]), (std::vector<int8_t>{-7, 55, -1, 127}));
    // (10 − 2·2 + 60)/4 = 16.5 → 17, + 3; (−1 + 5)/4 + 3.
    EXPECT_EQ(values<int8_t>(out[0]), (std::vector<int8_t>{20, 4}));
}

}  // namespace
}  // namespace gw::test
