// What operators become: the integers that TFLite Micro would compute with, windows, layouts.
#include <gmock/gmock.h>

#include <cmath>

#include "frontend/tflite/builtin_names.h"
#include "frontend/tflite/importer.h"
#include "frontend/tflite/tflite.h"
#include "interp/interp.h"
#include "support/tflite_builder.h"

namespace gw {
namespace {
using tfl::ElementType;
using tfl::Options;
using Scales = TfliteBuilder::Scales;

Graph read(const std::string& bytes) {
    Diagnostics diag;
    auto module = read_tflite_bytes(bytes, "m.tflite", diag);
    for (const Diagnostic& d : diag.all())
        if (d.severity == Severity::error) ADD_FAILURE() << d.text();
    if (!module) return {};
    EXPECT_TRUE(verify(module->main(), diag)) << (diag.all().empty() ? "" : diag.all().back().text());
    return module->main();
}

template <class T>
const T& only(const Graph& g) {
    const T* found = nullptr;
    for (const Node& n : g.nodes)
        if (const T* op = get_if<T>(n.op)) found = op;
    EXPECT_NE(found, nullptr);
    static const T none{};
    return found != nullptr ? *found : none;
}

std::string dense(std::vector<float> weight_scales, tfl::Activation activation) {
    TfliteBuilder m;
    const auto n = static_cast<int32_t>(weight_scales.size());
    const int32_t rows = std::max(n, 2);
    const int32_t x = m.tensor("x", ElementType::int8, {2, 4}, {{0.0123f}, {-7}, 0}),
                  w = m.tensor("w", ElementType::int8, {rows, 4}, {weight_scales, std::vector<int64_t>(weight_scales.size(), 0), 0},
                               std::string(static_cast<size_t>(rows) * 4, '\3')),
                  y = m.tensor("y", ElementType::int8, {2, rows}, {{0.05f}, {-10}, 0});
    m.inputs = {x}, m.outputs = {y};
    m.op(9, {x, w}, {y}, Options::FullyConnectedOptions, tfl::CreateFullyConnectedOptions(m.b, activation).Union());
    return m.finish();
}

// One weight scale: input scale · weight scale is rounded to float before the division; one a channel: all in double.
TEST(TfliteOperators, MultipliersAreMadeInTheReferencesPrecision) {
    const float scale = 0.0357f;
    const Dense one = only<Dense>(read(dense({scale}, tfl::Activation::none)));
    const auto in_float = static_cast<double>(0.0123f * scale);
    const double in_double = static_cast<double>(0.0123f) * static_cast<double>(scale);
    int32_t expected = 0, other = 0;
    int shift = 0;
    quantize_multiplier(in_double / static_cast<double>(0.05f), other, shift);
    quantize_multiplier(in_float / static_cast<double>(0.05f), expected, shift);
    ASSERT_NE(expected, other) << "the scales do not tell the precisions apart";
    EXPECT_THAT(one.requant.multiplier, testing::ElementsAre(expected));
    EXPECT_EQ(one.requant.rounding, Rounding::twice);
    EXPECT_EQ(one.x_zero, -7);
    EXPECT_EQ(one.requant.zero_point, -10);
    const Dense two = only<Dense>(read(dense({scale, 1e-20f}, tfl::Activation::none)));
    EXPECT_THAT(two.requant.multiplier, testing::ElementsAre(other, 0)) << "the second is below 2^-31: flushed to zero";
    EXPECT_EQ(two.requant.shift[1], 0);
}

TEST(TfliteOperators, FusedActivationsBecomeClamps) {
    EXPECT_EQ(only<Dense>(read(dense({0.1f}, tfl::Activation::none))).requant.lo, -128);
    const Requant relu = only<Dense>(read(dense({0.1f}, tfl::Activation::relu))).requant;
    EXPECT_EQ(relu.lo, -10);
    EXPECT_EQ(relu.hi, 127);
    EXPECT_EQ(only<Dense>(read(dense({0.1f}, tfl::Activation::relu6))).requant.hi, 110);  // −10 + 6/0.05
    const Requant unit = only<Dense>(read(dense({0.1f}, tfl::Activation::relu_n1_to_1))).requant;
    EXPECT_EQ(unit.lo, -30);
    EXPECT_EQ(unit.hi, 10);
}

std::string convolution(bool depthwise, tfl::Padding padding, std::vector<int32_t> out) {
    TfliteBuilder m;
    const std::vector<int32_t> weights = depthwise ? std::vector<int32_t>{1, 3, 3, 4} : std::vector<int32_t>{4, 3, 3, 2};
    std::vector<float> values(static_cast<size_t>(weights[0] * weights[1] * weights[2] * weights[3]));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const int32_t x = m.tensor("x", ElementType::float32, {1, 4, 6, 2}),
                  w = m.tensor("w", ElementType::float32, weights, {}, m.bytes(values)), y = m.tensor("y", ElementType::float32, out);
    m.inputs = {x}, m.outputs = {y};
    if (depthwise) {
        m.op(4, {x, w}, {y}, Options::DepthwiseConvOptions,
             tfl::CreateDepthwiseConvOptions(m.b, padding, 2, 1, 2, tfl::Activation::relu6).Union());
    } else {
        m.op(3, {x, w}, {y}, Options::ConvOptions, tfl::CreateConvOptions(m.b, padding, 2, 1).Union());
    }
    return m.finish();
}

TEST(TfliteOperators, WindowsOfConvolutions) {
    // Rows: stride 1, 4 results, one row of padding at each end. Columns: stride 2, 3 results over 6, 1 column, at the end.
    const Graph same = read(convolution(false, tfl::Padding::same, {1, 4, 3, 4}));
    EXPECT_EQ(only<Conv2D>(same).pad, (Pads{1, 0, 1, 1}));
    EXPECT_EQ(only<Conv2D>(same).stride, (Pair{1, 2}));
    const Graph valid = read(convolution(false, tfl::Padding::valid, {1, 2, 2, 4}));
    EXPECT_EQ(only<Conv2D>(valid).pad, (Pads{0, 0, 0, 0}));
    EXPECT_EQ(only<Conv2D>(valid).groups, 1);
}

TEST(TfliteOperators, DepthwiseWeightsAreRearranged) {
    const Graph g = read(convolution(true, tfl::Padding::valid, {1, 2, 2, 4}));
    EXPECT_EQ(only<Conv2D>(g).groups, 2);
    EXPECT_EQ(only<Conv2D>(g).act_hi, 6);
    for (const Node& n : g.nodes)
        if (get_if<Conv2D>(n.op)) {
            const Tensor* w = g.constant(n.inputs[1]);
            ASSERT_NE(w, nullptr);
            EXPECT_EQ(w->shape(), (Shape{4, 3, 3, 1}));
            EXPECT_EQ(w->at(1 * 9 + 5), 5 * 4 + 1) << "channel 1, tap 5";
        }
}

TEST(TfliteOperators, NamesAndPortsAreTheModels) {
    const Graph g = read(dense({0.1f}, tfl::Activation::none));
    ASSERT_EQ(g.inputs.size(), 1u);
    EXPECT_EQ(g.inputs[0].name, "x");
    EXPECT_EQ(g.inputs[0].model_dtype, DType::int8);
    EXPECT_EQ(g.type(g.inputs[0].value).quant, Quant::tensor(0.0123f, -7));
    EXPECT_EQ(g.type(g.outputs[0].value).quant, Quant::tensor(0.05f, -10));
    EXPECT_EQ(g.nodes.back().sources, (std::vector<Source>{{"y", "FULLY_CONNECTED", 0}}));
}

TEST(TfliteOperators, HalfPrecisionAndInt4WeightsAreWidened) {
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::int8, {1, 2}, {{0.5f}, {0}, 0}),
                  w = m.tensor("w", ElementType::int4, {2, 2}, {{1.0f}, {0}, 0}, std::string("\x7f\x18", 2)),  // −1 7, −8 1
        y = m.tensor("y", ElementType::int8, {1, 2}, {{0.5f}, {0}, 0});
    m.inputs = {x}, m.outputs = {y};
    m.op(9, {x, w}, {y}, Options::FullyConnectedOptions, tfl::CreateFullyConnectedOptions(m.b).Union());
    const Graph g = read(m.finish());
    const std::vector<Tensor> in{Tensor::of<int8_t>({1, 2}, {3, 2})};
    EXPECT_THAT(interpret(g, in).at(0).ints(), testing::ElementsAre(11, -22));
}

TEST(TfliteOperators, HybridWeightsStayInt8) {
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::float32, {1, 2}),
                  w = m.tensor("w", ElementType::int8, {2, 2}, {{0.5f, 2.0f}, {0, 0}, 0}, TfliteBuilder::bytes<int8_t>({1, -2, 3, 4})),
                  y = m.tensor("y", ElementType::float32, {1, 2});
    m.inputs = {x}, m.outputs = {y};
    m.op(9, {x, w}, {y}, Options::FullyConnectedOptions, tfl::CreateFullyConnectedOptions(m.b).Union());
    Diagnostics diag;
    auto module = read_tflite_bytes(m.finish(), "m.tflite", diag);
    ASSERT_TRUE(module);
    EXPECT_TRUE(diag.all().empty());
    for (const Node& n : module->main().nodes) {
        if (get_if<Dense>(n.op) != nullptr) {
            EXPECT_EQ(module->main().type(n.inputs[1]).dtype, DType::int8);
        }
    }
    const std::vector<Tensor> in{Tensor::of<float>({1, 2}, {10, 1})};
    const Tensor out = interpret(module->main(), in).at(0);
    EXPECT_EQ(out.at(0), 4);
    EXPECT_EQ(out.at(1), 68);
}

TEST(TfliteOperators, OpenLeadingDimensionsAreBound) {
    TfliteBuilder m;
    const std::vector<int32_t> open{-1, 3};
    for (const char* name : {"x", "y"}) m.tensor(name, ElementType::float32, {1, 3}, {}, {}, false, open);
    m.inputs = {0}, m.outputs = {1};
    m.op(101, {0}, {1});
    const std::string bytes = m.finish();
    for (const int64_t batch : {1, 4}) {
        Diagnostics diag;
        auto module = read_tflite_bytes(bytes, "m.tflite", diag, {.batch = batch, .custom = {}});
        ASSERT_TRUE(module);
        EXPECT_EQ(module->main().type(module->main().outputs[0].value).shape, (Shape{batch, 3}));
    }
}

// --- operators of one byte --------------------------------------------------------------------------------------------------------------
struct OneByte {
    const char* name;
    int32_t code;
    Scales x, y;
    double (*real)(double);
    double tolerance;  // in steps of the result; two roundings miss by up to 3/4
};

class TfliteOneByte : public testing::TestWithParam<OneByte> {};

// All 256 bytes: the table stays within rounding of the real function, and most entries are its nearest.
TEST_P(TfliteOneByte, IsTheRealFunctionRounded) {
    const OneByte& c = GetParam();
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::int8, {256}, c.x), y = m.tensor("y", ElementType::int8, {256}, c.y);
    m.inputs = {x}, m.outputs = {y};
    if (c.code == 98) {
        m.op(c.code, {x}, {y}, Options::LeakyReluOptions, tfl::CreateLeakyReluOptions(m.b, 0.1f).Union());
    } else {
        m.op(c.code, {x}, {y});
    }
    const Graph g = read(m.finish());
    Tensor in = Tensor::zeros(g.type(g.inputs.at(0).value));
    for (int i = 0; i < 256; ++i) in.set(i, i - 128);
    const std::vector<Tensor> one{in};
    const Tensor out = interpret(g, one).at(0);
    int nearest = 0;
    for (int i = 0; i < 256; ++i) {
        const double real = c.real(static_cast<double>(c.x.scale[0]) * static_cast<double>(i - 128 - c.x.zero_point[0]));
        const double expected =
            std::clamp(real / static_cast<double>(c.y.scale[0]) + static_cast<double>(c.y.zero_point[0]), -128.0, 127.0);
        EXPECT_NEAR(static_cast<double>(out.int_at(i)), expected, c.tolerance) << "byte " << i - 128;
        nearest += out.int_at(i) == std::llround(expected);
    }
    EXPECT_GT(nearest, 200);
}
const OneByte one_byte[] = {
    {"relu", 19, {{0.07f}, {-20}, 0}, {{0.05f}, {-128}, 0}, [](double v) { return std::max(v, 0.0); }, 0.51},
    {"relu6", 21, {{0.07f}, {-20}, 0}, {{0.07f}, {-20}, 0}, [](double v) { return std::clamp(v, 0.0, 6.0); }, 0.51},
    {"relu_n1_to_1", 20, {{0.02f}, {5}, 0}, {{0.01f}, {3}, 0}, [](double v) { return std::clamp(v, -1.0, 1.0); }, 0.51},
    {"logistic", 14, {{0.06f}, {11}, 0}, {{1.0f / 256}, {-128}, 0}, [](double v) { return 1 / (1 + std::exp(-v)); }, 0.51},
    {"logistic_steep", 14, {{0.5f}, {-30}, 0}, {{1.0f / 256}, {-128}, 0}, [](double v) { return 1 / (1 + std::exp(-v)); }, 0.51},
    {"tanh", 28, {{0.03f}, {-4}, 0}, {{1.0f / 128}, {0}, 0}, [](double v) { return std::tanh(v); }, 0.51},
    {"hard_swish", 117, {{0.05f}, {-10}, 0}, {{0.04f}, {-100}, 0}, [](double v) { return v * std::clamp(v / 6 + 0.5, 0.0, 1.0); }, 0.75},
    {"leaky_relu", 98, {{0.05f}, {-10}, 0}, {{0.04f}, {20}, 0}, [](double v) { return v >= 0 ? v : static_cast<double>(0.1f) * v; }, 0.76},
    {"elu", 111, {{0.05f}, {7}, 0}, {{0.04f}, {-90}, 0}, [](double v) { return v >= 0 ? v : std::expm1(v); }, 0.51},
    {"quantize", 114, {{0.05f}, {7}, 0}, {{0.09f}, {-9}, 0}, [](double v) { return v; }, 0.51},
};
INSTANTIATE_TEST_SUITE_P(Functions, TfliteOneByte, testing::ValuesIn(one_byte), [](const auto& c) { return std::string(c.param.name); });

// --- arithmetic of two and many
// ------------------------------------------------------------------------------------------------------------
TEST(TfliteOperators, SumsAndProductsOfBytes) {
    for (int32_t code : {0, 41, 18}) {
        TfliteBuilder m;
        const int32_t a = m.tensor("a", ElementType::int8, {5, 7}, {{0.03f}, {-11}, 0}),
                      b = m.tensor("b", ElementType::int8, {7}, {{0.08f}, {20}, 0}),
                      y = m.tensor("y", ElementType::int8, {5, 7}, {{0.12f}, {4}, 0});
        m.inputs = {a, b}, m.outputs = {y};
        m.op(code, {a, b}, {y});
        const Graph g = read(m.finish());
        Tensor ta = Tensor::zeros(g.type(g.inputs.at(0).value)), tb = Tensor::zeros(g.type(g.inputs.at(1).value));
        for (int i = 0; i < 35; ++i) ta.set(i, i * 7 % 256 - 128);
        for (int i = 0; i < 7; ++i) tb.set(i, i * 41 % 256 - 128);
        const std::vector<Tensor> in{ta, tb};
        const Tensor out = interpret(g, in).at(0);
        for (int i = 0; i < 35; ++i) {
            const double p = 0.03 * static_cast<double>(ta.int_at(i) + 11), q = 0.08 * static_cast<double>(tb.int_at(i % 7) - 20);
            const double real = code == 0 ? p + q : code == 41 ? p - q : p * q;
            EXPECT_NEAR(static_cast<double>(out.int_at(i)), std::clamp(real / 0.12 + 4, -128.0, 127.0), 0.51) << code << " " << i;
        }
    }
}

TEST(TfliteOperators, MeanHoldsItsDivisorInTheMultiplier) {
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::int8, {1, 3, 7, 2}, {{0.5f}, {-3}, 0}),
                  y = m.tensor("y", ElementType::int8, {1, 2}, {{0.25f}, {9}, 0}), axes = m.ints("axes", {1, -2});
    m.inputs = {x}, m.outputs = {y};
    m.op(40, {x, axes}, {y}, Options::ReducerOptions, tfl::CreateReducerOptions(m.b, false).Union());
    const Graph g = read(m.finish());
    const Reduce op = only<Reduce>(g);
    EXPECT_THAT(op.axes, testing::ElementsAre(1, 2));
    // 2 = 2^30 · 2^(2 − 31); over 21 elements: 4 more bits, then divided.
    EXPECT_THAT(op.requant.multiplier, testing::ElementsAre((int64_t{1} << 34) / 21));
    EXPECT_THAT(op.requant.shift, testing::ElementsAre(2 - 4));
    Tensor in = Tensor::zeros(g.type(g.inputs.at(0).value));
    double sums[2] = {0, 0};
    for (int i = 0; i < 42; ++i) {
        in.set(i, i * 11 % 100 - 60);
        sums[i % 2] += static_cast<double>(in.int_at(i) + 3);
    }
    const std::vector<Tensor> one{in};
    const Tensor out = interpret(g, one).at(0);
    for (int c = 0; c < 2; ++c) EXPECT_NEAR(static_cast<double>(out.int_at(c)), sums[c] / 21 * 2 + 9, 0.51);
    EXPECT_EQ(g.type(g.outputs[0].value).quant, Quant::tensor(0.25f, 9));
}

// --- data movement: element k of every operand is the number k, so a result says where each of its elements came from
// -----------------------
std::vector<int64_t> places(TfliteBuilder& m, const std::vector<int32_t>& out, size_t result = 0) {
    m.outputs = out;
    const Graph g = read(m.finish());
    Tensor in = Tensor::zeros(g.type(g.inputs.at(0).value));
    for (int64_t i = 0; i < in.elements(); ++i) in.set(i, static_cast<double>(i));
    const std::vector<Tensor> one{in};
    return interpret(g, one).at(result).ints();
}

TEST(TfliteOperators, MovesOfElements) {
    const auto start = [](TfliteBuilder& m, const std::vector<int32_t>& shape) {
        const int32_t x = m.tensor("x", ElementType::int32, shape);
        m.inputs = {x};
        return x;
    };
    {
        TfliteBuilder m;
        const int32_t x = start(m, {2, 3}), y = m.tensor("y", ElementType::int32, {3, 2}), perm = m.ints("perm", {1, 0});
        m.op(39, {x, perm}, {y});
        EXPECT_THAT(places(m, {y}), testing::ElementsAre(0, 3, 1, 4, 2, 5));
    }
    {
        TfliteBuilder m;  // rows from the last, columns 1 and 3, the row axis kept
        const int32_t x = start(m, {2, 4}), y = m.tensor("y", ElementType::int32, {2, 2}), b = m.ints("b", {1, 1}), e = m.ints("e", {0, 4}),
                      s = m.ints("s", {-1, 2});
        m.op(45, {x, b, e, s}, {y}, Options::StridedSliceOptions, tfl::CreateStridedSliceOptions(m.b, 0, 1).Union());
        EXPECT_THAT(places(m, {y}), testing::ElementsAre(5, 7, 1, 3));
    }
    {
        TfliteBuilder m;  // row −1 alone, its axis dropped
        const int32_t x = start(m, {2, 4}), y = m.tensor("y", ElementType::int32, {4}), b = m.ints("b", {-1}), e = m.ints("e", {0}),
                      s = m.ints("s", {1});
        m.op(45, {x, b, e, s}, {y}, Options::StridedSliceOptions, tfl::CreateStridedSliceOptions(m.b, 0, 0, 0, 0, 1).Union());
        EXPECT_THAT(places(m, {y}), testing::ElementsAre(4, 5, 6, 7));
    }
    {
        TfliteBuilder m;
        const int32_t x = start(m, {2, 4}), a = m.tensor("a", ElementType::int32, {2, 1}), c = m.tensor("c", ElementType::int32, {2, 3}),
                      sizes = m.ints("sizes", {1, -1}), axis = m.tensor("axis", ElementType::int32, {}, {}, m.bytes<int32_t>({1}));
        m.op(102, {x, sizes, axis}, {a, c}, Options::SplitVOptions, tfl::CreateSplitVOptions(m.b, 2).Union());
        EXPECT_THAT(places(m, {a, c}, 1), testing::ElementsAre(1, 2, 3, 5, 6, 7));
    }
    {
        TfliteBuilder m;
        const int32_t x = start(m, {2, 3}), a = m.tensor("a", ElementType::int32, {2}), b = m.tensor("b", ElementType::int32, {2}),
                      c = m.tensor("c", ElementType::int32, {2}), y = m.tensor("y", ElementType::int32, {2, 3});
        m.op(88, {x}, {a, b, c}, Options::UnpackOptions, tfl::CreateUnpackOptions(m.b, 3, 1).Union());
        m.op(83, {c, a, b}, {y}, Options::PackOptions, tfl::CreatePackOptions(m.b, 3, -1).Union());
        EXPECT_THAT(places(m, {y}), testing::ElementsAre(2, 0, 1, 5, 3, 4));
    }
    {
        TfliteBuilder m;
        const int32_t x = start(m, {1, 2, 2, 4}), y = m.tensor("y", ElementType::int32, {1, 4, 4, 1}),
                      z = m.tensor("z", ElementType::int32, {1, 2, 2, 4});
        m.op(5, {x}, {y}, Options::DepthToSpaceOptions, tfl::CreateDepthToSpaceOptions(m.b, 2).Union());
        m.op(26, {y}, {z}, Options::SpaceToDepthOptions, tfl::CreateSpaceToDepthOptions(m.b, 2).Union());
        EXPECT_THAT(places(m, {y, z}, 0), testing::ElementsAre(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
        EXPECT_EQ(places(m, {y, z}, 1)[7], 7);
    }
}

TEST(TfliteOperators, BatchesOfSpace) {
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::int32, {1, 3, 4, 1}), y = m.tensor("y", ElementType::int32, {4, 2, 2, 1}),
                  z = m.tensor("z", ElementType::int32, {1, 3, 4, 1}), block = m.ints("block", {2, 2}),
                  pads = m.tensor("pads", ElementType::int32, {2, 2}, {}, m.bytes<int32_t>({1, 0, 0, 0}));
    m.inputs = {x};
    m.op(38, {x, block, pads}, {y});
    m.op(37, {y, block, pads}, {z});
    EXPECT_THAT(places(m, {y, z}, 0), testing::ElementsAre(0, 0, 4, 6, 0, 0, 5, 7, 0, 2, 8, 10, 1, 3, 9, 11));
}

TEST(TfliteOperators, PaddingOfBytesIsTheZeroPoint) {
    TfliteBuilder m;
    const int32_t x = m.tensor("x", ElementType::int8, {2}, {{0.5f}, {-7}, 0}),
                  y = m.tensor("y", ElementType::int8, {5}, {{0.5f}, {-7}, 0}),
                  pads = m.tensor("pads", ElementType::int32, {1, 2}, {}, m.bytes<int32_t>({2, 1}));
    m.inputs = {x};
    m.op(34, {x, pads}, {y});
    EXPECT_THAT(places(m, {y}), testing::ElementsAre(-7, -7, 0, 1, -7));
}

TEST(TfliteOperators, NearestRowsAreTheReferences) {
    for (const bool align : {false, true}) {
        for (const bool half : {false, true}) {
            for (int32_t out = 1; out <= 23; ++out) {
                TfliteBuilder m;
                const int32_t x = m.tensor("x", ElementType::int32, {1, 7, 1, 1}), y = m.tensor("y", ElementType::int32, {1, out, 1, 1}),
                              size = m.ints("size", {out, 1});
                m.inputs = {x};
                m.op(97, {x, size}, {y}, Options::ResizeNearestOptions, tfl::CreateResizeNearestOptions(m.b, align, half).Union());
                std::vector<int64_t> expected;
                const float scale = align && out > 1 ? 6.0f / static_cast<float>(out - 1) : 7.0f / static_cast<float>(out);
                for (int32_t i = 0; i < out; ++i) {
                    const float place = (static_cast<float>(i) + (half ? 0.5f : 0.0f)) * scale;
                    expected.push_back(std::min<int64_t>(6, static_cast<int64_t>(align ? std::round(place) : std::floor(place))));
                }
                EXPECT_EQ(places(m, {y}), expected) << out << (align ? " aligned" : "") << (half ? " half" : "");
            }
        }
    }
}

TEST(TfliteOperators, EveryRowIsInOrderAndNamed) {
    int64_t last = -1;
    for (const TfliteOpRow& row : tflite_op_rows()) {
        EXPECT_GT(row.code, last);
        EXPECT_EQ(row.op.name, tflite_builtin_name(row.code));
        last = row.code;
    }
}

}  // namespace
}  // namespace gw
