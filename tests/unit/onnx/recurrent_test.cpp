// RNN, GRU and LSTM: directions, layouts, activations and what is refused, against numbers worked out by hand.
#include <gmock/gmock.h>

#include <cmath>

#include "support/onnx_builder.h"

namespace gw {
namespace {
using testing::HasSubstr;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

onnx::AttributeProto texts(const std::string& name, const Names& v) {
    onnx::AttributeProto a;
    a.set_name(name), a.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& s : v) a.add_strings(s);
    return a;
}
onnx::AttributeProto reals(const std::string& name, const Floats& v) {
    onnx::AttributeProto a;
    a.set_name(name), a.set_type(onnx::AttributeProto::FLOATS);
    for (float f : v) a.add_floats(f);
    return a;
}

Floats values(const Tensor& t) { return {t.data<float>().begin(), t.data<float>().end()}; }
float logistic(float v) { return 1 / (1 + std::exp(-v)); }

TEST(OnnxRecurrent, BothDirectionsLieSideBySide) {
    OnnxBuilder b;
    b.input("x", Ints{3, 1, 1}).output("y").output("last").floats("w", {2, 1, 1}, {1, 1}).floats("r", {2, 1, 1}, {2, 2});
    b.node("RNN", {"x", "w", "r"}, {"y", "last"},
           {attr("hidden_size", 1), attr("direction", "bidirectional"), texts("activations", {"Affine", "affine"}),
            reals("activation_alpha", {1, 1})});
    const auto out = b.run({Tensor::of<float>({3, 1, 1}, {1, 10, 100})});
    ASSERT_EQ(out.size(), 2u);
    EXPECT_EQ(out[0].shape(), (Shape{3, 2, 1, 1}));
    EXPECT_EQ(values(out[0]), (Floats{1, 421, 12, 210, 124, 100}));
    EXPECT_EQ(out[1].shape(), (Shape{2, 1, 1}));
    EXPECT_EQ(values(out[1]), (Floats{124, 421}));
}

// Gates z, r, n with biases of W before those of R; the state is given, clip and functions are not the usual ones.
TEST(OnnxRecurrent, GruReadsItsGatesInTheirOrder) {
    OnnxBuilder b(14);
    b.input("x", Ints{1, 1, 1}).input("h", Ints{1, 1, 1}).output("y");
    b.floats("w", {1, 3, 1}, {0.5f, -1, 2})
        .floats("r", {1, 3, 1}, {0.25f, 1, -2})
        .floats("bias", {1, 6}, {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f});
    b.node("GRU", {"x", "w", "r", "bias", "", "h"}, {"", "y"},
           {attr("hidden_size", 1), attr("linear_before_reset", 1), attr("clip", 1.25f), texts("activations", {"HardSigmoid", "Relu"}),
            reals("activation_alpha", {0.25f})});
    const auto out = b.run({Tensor::of<float>({1, 1, 1}, {1}), Tensor::of<float>({1, 1, 1}, {0.5f})});
    ASSERT_EQ(out.size(), 1u);
    const float z = 0.25f * (0.5f + 0.125f + 0.5f) + 0.5f, r = 0.25f * (-1 + 0.5f + 0.7f) + 0.5f,
                n = std::min(1.25f, 2 + 0.3f + r * (-1 + 0.6f));
    EXPECT_NEAR(out[0].at(0), (1 - z) * n + z * 0.5f, 1e-6);
}

TEST(OnnxRecurrent, LstmWithTheBatchFirst) {
    OnnxBuilder b(14);
    b.input("x", Ints{2, 1, 1}).output("y").output("last").output("cell");
    b.floats("w", {1, 4, 1}, {1, 2, 3, 4})
        .floats("r", {1, 4, 1}, {0, 0, 0, 0})
        .floats("h", {2, 1, 1}, {0, 0})
        .floats("c", {2, 1, 1}, {0.5f, -1});
    b.initializer(raw_tensor("lengths", onnx::TensorProto::INT32, {2}, std::vector<int32_t>{1, 1}));
    b.node("LSTM", {"x", "w", "r", "", "lengths", "h", "c"}, {"y", "last", "cell"}, {attr("hidden_size", 1), attr("layout", 1)});
    const auto out = b.run({Tensor::of<float>({2, 1, 1}, {1, -0.5f})});
    ASSERT_EQ(out.size(), 3u);
    EXPECT_EQ(out[0].shape(), (Shape{2, 1, 1, 1}));
    EXPECT_EQ(out[2].shape(), (Shape{2, 1, 1}));
    for (int n = 0; n < 2; ++n) {
        const float x = n == 0 ? 1.0f : -0.5f, c = n == 0 ? 0.5f : -1.0f;
        const float cell = logistic(3 * x) * c + logistic(x) * std::tanh(4 * x);
        EXPECT_NEAR(out[2].at(n), cell, 1e-6);
        EXPECT_NEAR(out[1].at(n), logistic(2 * x) * std::tanh(cell), 1e-6);
        EXPECT_NEAR(out[0].at(n), out[1].at(n), 0);
    }
}

std::string error_of(const char* op, int gates, const Attributes& attributes, const Ints& lengths = {}) {
    OnnxBuilder b;
    b.input("x", Ints{3, 1, 2}).output("y");
    const Floats zeros(static_cast<size_t>(gates * 4), 0.0f);
    b.floats("w", {1, gates * 2, 2}, zeros).floats("r", {1, gates * 2, 2}, zeros);
    Names operands{"x", "w", "r"};
    if (!lengths.empty()) {
        b.initializer(raw_tensor("lengths", onnx::TensorProto::INT32, {1}, std::vector<int32_t>{static_cast<int32_t>(lengths[0])}));
        operands.insert(operands.end(), {"", "lengths"});
    }
    b.node(op, operands, {"y"}, attributes);
    Diagnostics diag;
    EXPECT_FALSE(b.import(diag));
    return diag.all().empty() ? "" : diag.all().back().text();
}

TEST(OnnxRecurrent, WhatIsRefused) {
    EXPECT_THAT(error_of("RNN", 1, {texts("activations", {"Softsign"})}), HasSubstr("the activation Softsign is not supported"));
    EXPECT_THAT(error_of("RNN", 1, {attr("direction", "sideways")}), HasSubstr("direction is `sideways`"));
    EXPECT_THAT(error_of("GRU", 3, {texts("activations", {"Tanh"})}), HasSubstr("activations has 1 names, expected 2"));
    EXPECT_THAT(error_of("LSTM", 4, {attr("input_forget", 1)}), HasSubstr("coupled input and forget gates"));
    EXPECT_THAT(error_of("GRU", 3, {}, {2}), HasSubstr("a sequence of 2 of 3 steps is not supported"));
    EXPECT_THAT(error_of("GRU", 3, {attr("hidden_size", 5)}), HasSubstr("hidden_size is 5, but R has 2"));
    EXPECT_THAT(error_of("GRU", 3, {attr("direction", "bidirectional")}), HasSubstr("1 directions, expected 2"));
}

}  // namespace
}  // namespace gw
