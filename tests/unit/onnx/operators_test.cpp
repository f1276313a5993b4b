// Every operator group against numbers worked out by hand: a model of one node is built, imported, verified and run by the interpreter.
#include <gmock/gmock.h>

#include <cmath>

#include "support/kit.h"
#include "support/onnx_builder.h"

namespace gw {
namespace {
using testing::ElementsAreArray;
using testing::FloatNear;
using testing::Pointwise;
using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;

Tensor f32(Shape shape, const Floats& v) { return Tensor::of<float>(std::move(shape), v); }
Floats iota(int n, float from = 1) {
    Floats v;
    for (int i = 0; i < n; ++i) v.push_back(from + static_cast<float>(i));
    return v;
}

// Expects output `y` of the model to have this shape and these values.
void expect_values(const Tensor& y, const Shape& shape, const Floats& values) {
    ASSERT_TRUE(y.valid());
    EXPECT_EQ(y.shape().text(), shape.text());
    Floats got;
    for (int64_t i = 0; i < y.elements(); ++i) got.push_back(static_cast<float>(y.at(i)));
    EXPECT_THAT(got, Pointwise(FloatNear(1e-5f), values));
}

struct Given {
    Shape shape;
    Floats x;
};

// One node over input x; `constants` become initializers and its further operands.
struct Case {
    const char* op;
    int opset;
    Given in;
    std::vector<onnx::TensorProto> constants;  // one without a name: an operand left out
    Attributes attributes;
    Shape shape;
    Floats expected;
};
void check(const Case& c) {
    SCOPED_TRACE(std::string(c.op) + " of opset " + std::to_string(c.opset));
    OnnxBuilder b(c.opset);
    b.input("x", c.in.shape.dims()).output("y");
    Names operands{"x"};
    for (const auto& t : c.constants) {
        operands.push_back(t.name());
        if (!t.name().empty()) b.initializer(t);
    }
    b.node(c.op, operands, {"y"}, c.attributes);
    const auto out = b.run({f32(c.in.shape, c.in.x)});
    ASSERT_EQ(out.size(), 1u);
    expect_values(out[0], c.shape, c.expected);
}
onnx::TensorProto absent() { return {}; }
onnx::TensorProto ints(const std::string& name, const Ints& v) {
    return raw_tensor(name, onnx::TensorProto::INT64, {static_cast<int64_t>(v.size())}, v);
}
onnx::TensorProto scalar(const std::string& name, float v) { return float_tensor(name, {}, {v}); }

TEST(OnnxOperators, Conv) {
    const auto ones = float_tensor("w", {1, 1, 2, 2}, {1, 1, 1, 1});
    check({"Conv", 13, {{1, 1, 3, 3}, iota(9)}, {ones, float_tensor("b", {1}, {10})}, {}, {1, 1, 2, 2}, {22, 26, 34, 38}});
    check({"Conv",
           13,
           {{1, 1, 3, 3}, iota(9)},
           {ones},
           {attr("pads", Ints{1, 0, 0, 1}), attr("strides", Ints{2, 1})},
           {1, 1, 2, 3},
           {3, 5, 3, 24, 28, 15}});
    check({"Conv", 13, {{1, 1, 3, 3}, iota(9)}, {ones}, {attr("dilations", Ints{2, 2})}, {1, 1, 1, 1}, {20}});
    check(
        {"Conv", 13, {{1, 1, 3, 3}, iota(9)}, {ones}, {attr("auto_pad", "SAME_UPPER")}, {1, 1, 3, 3}, {12, 16, 9, 24, 28, 15, 15, 17, 9}});
    check({"Conv", 13, {{1, 1, 3, 3}, iota(9)}, {ones}, {attr("auto_pad", "SAME_LOWER")}, {1, 1, 3, 3}, {1, 3, 5, 5, 12, 16, 11, 24, 28}});
    // Two groups of one channel each (depthwise), two outputs each; weights OIHW.
    check({"Conv",
           13,
           {{1, 2, 1, 2}, {1, 2, 3, 4}},
           {float_tensor("w", {4, 1, 1, 2}, {1, 0, 0, 1, 1, 1, 2, -1})},
           {attr("group", 2)},
           {1, 4, 1, 1},
           {1, 2, 7, 2}});
    // Weights whose every position differs: OIHW must become OHWI.
    check({"Conv", 13, {{1, 2, 2, 2}, iota(8)}, {float_tensor("w", {1, 2, 2, 2}, iota(8))}, {}, {1, 1, 1, 1}, {204}});
    // One spatial dimension.
    check({"Conv",
           13,
           {{1, 2, 3}, iota(6)},
           {float_tensor("w", {1, 2, 2}, {1, 2, 3, 4})},
           {attr("pads", Ints{1, 0})},
           {1, 1, 3},
           {18, 37, 47}});
}

TEST(OnnxOperators, Pools) {
    check({"MaxPool", 13, {{1, 1, 3, 3}, iota(9)}, {}, {attr("kernel_shape", Ints{2, 2})}, {1, 1, 2, 2}, {5, 6, 8, 9}});
    check({"MaxPool",
           13,
           {{1, 1, 3, 3}, iota(9)},
           {},
           {attr("kernel_shape", Ints{2, 2}), attr("strides", Ints{2, 2}), attr("ceil_mode", 1)},
           {1, 1, 2, 2},
           {5, 6, 8, 9}});
    check(
        {"MaxPool", 13, {{1, 1, 3, 3}, iota(9)}, {}, {attr("kernel_shape", Ints{2, 2}), attr("dilations", Ints{2, 2})}, {1, 1, 1, 1}, {9}});
    check({"MaxPool", 13, {{1, 2, 3}, {1, 5, 2, 4, 3, 6}}, {}, {attr("kernel_shape", Ints{2})}, {1, 2, 2}, {5, 5, 4, 6}});
    const Attributes average{attr("kernel_shape", Ints{2, 2}), attr("pads", Ints{1, 1, 0, 0})};
    check({"AveragePool", 13, {{1, 1, 2, 2}, {4, 8, 12, 16}}, {}, average, {1, 1, 2, 2}, {4, 6, 8, 10}});
    Attributes counted = average;
    counted.push_back(attr("count_include_pad", 1));
    check({"AveragePool", 13, {{1, 1, 2, 2}, {4, 8, 12, 16}}, {}, counted, {1, 1, 2, 2}, {1, 3, 4, 10}});
    // The last window hangs over the end: what is beyond the padding never counts, the padding does when asked.
    const Attributes ceil{attr("kernel_shape", Ints{3}), attr("strides", Ints{2}), attr("pads", Ints{1, 1}), attr("ceil_mode", 1),
                          attr("count_include_pad", 1)};
    check({"AveragePool", 13, {{1, 1, 4}, {3, 6, 9, 12}}, {}, ceil, {1, 1, 3}, {3, 9, 6}});
    // A window that would start beyond the data and their padding does not exist.
    check({"MaxPool",
           13,
           {{1, 1, 3}, {1, 2, 3}},
           {},
           {attr("kernel_shape", Ints{1}), attr("strides", Ints{4}), attr("ceil_mode", 1)},
           {1, 1, 1},
           {1}});
    check({"GlobalAveragePool", 13, {{1, 2, 2, 2}, iota(8)}, {}, {}, {1, 2, 1, 1}, {2.5, 6.5}});
    check({"GlobalMaxPool", 13, {{1, 2, 3}, {1, 9, 3, 4, 5, 6}}, {}, {}, {1, 2, 1}, {9, 6}});
}

TEST(OnnxOperators, Gemm) {
    const auto b = float_tensor("b", {2, 3}, iota(6));
    check({"Gemm", 13, {{1, 2}, {1, 2}}, {b, float_tensor("c", {3}, {10, 20, 30})}, {}, {1, 3}, {19, 32, 45}});
    check({"Gemm", 13, {{1, 2}, {1, 2}}, {b, scalar("c", 4)}, {attr("alpha", 2.0f), attr("beta", 0.5f)}, {1, 3}, {20, 26, 32}});
    check(
        {"Gemm", 13, {{2, 1}, {1, 2}}, {float_tensor("b", {3, 2}, iota(6))}, {attr("transA", 1), attr("transB", 1)}, {1, 3}, {5, 11, 17}});
    // A bias for each row cannot be a dense layer's.
    check({"Gemm", 13, {{2, 2}, {1, 0, 0, 1}}, {b, float_tensor("c", {2, 1}, {10, 20})}, {}, {2, 3}, {11, 12, 13, 24, 25, 26}});
    // B from another node, and a bias of one number a model input.
    OnnxBuilder m;
    m.input("a", Ints{1, 2}).input("b", Ints{3, 2}).output("y").floats("c", {1, 3}, {1, 1, 1});
    m.node("Gemm", {"a", "b", "c"}, {"y"}, {attr("transB", 1), attr("alpha", 2.0f), attr("beta", 3.0f)});
    expect_values(m.run({f32({1, 2}, {1, 2}), f32({3, 2}, iota(6))}).at(0), {1, 3}, {13, 25, 37});
}

TEST(OnnxOperators, MatMul) {
    const auto b = float_tensor("b", {2, 3}, iota(6));
    check({"MatMul", 13, {{2, 1, 2}, {1, 2, 3, 4}}, {b}, {}, {2, 1, 3}, {9, 12, 15, 19, 26, 33}});
    check({"MatMul", 13, {{2}, {1, 2}}, {b}, {}, {3}, {9, 12, 15}});
    check({"MatMul", 13, {{2, 2}, {1, 2, 3, 4}}, {float_tensor("b", {2}, {10, 1})}, {}, {2}, {12, 34}});
    check({"MatMul", 13, {{2}, {1, 2}}, {float_tensor("b", {2}, {3, 4})}, {}, {}, {11}});
    check({"MatMul", 13, {{2, 1, 2}, {1, 2, 3, 4}}, {float_tensor("b", {2, 2, 1}, {1, 1, 2, 2})}, {}, {2, 1, 1}, {3, 14}});
}

TEST(OnnxOperators, Binary) {
    const auto c = float_tensor("c", {2}, {2, 4});
    const Given x{{2, 2}, {1, 2, 3, 5}};
    check({"Add", 13, x, {c}, {}, {2, 2}, {3, 6, 5, 9}});
    check({"Sub", 13, x, {c}, {}, {2, 2}, {-1, -2, 1, 1}});
    check({"Mul", 13, x, {c}, {}, {2, 2}, {2, 8, 6, 20}});
    check({"Div", 13, x, {c}, {}, {2, 2}, {0.5, 0.5, 1.5, 1.25}});
    check({"Pow", 13, x, {c}, {}, {2, 2}, {1, 16, 9, 625}});
    check({"Pow", 13, x, {scalar("c", 2)}, {}, {2, 2}, {1, 4, 9, 25}});
    check({"Pow", 13, x, {scalar("c", 0.5)}, {}, {2, 2}, {1, std::sqrt(2.0f), std::sqrt(3.0f), std::sqrt(5.0f)}});
    check({"Mod", 13, {{2}, {-5, 5}}, {scalar("c", 3)}, {attr("fmod", 1)}, {2}, {-2, 2}});
    check({"Max", 13, x, {c, scalar("d", 2.5)}, {}, {2, 2}, {2.5, 4, 3, 5}});
    check({"Min", 13, x, {c, scalar("d", 2.5)}, {}, {2, 2}, {1, 2, 2, 2.5}});
    check({"Sum", 13, x, {c, scalar("d", 1)}, {}, {2, 2}, {4, 7, 6, 10}});
    check({"Mean", 13, x, {c, scalar("d", 3)}, {}, {2, 2}, {2, 3, 8.0f / 3, 4}});
    check({"PRelu", 13, {{1, 2, 2}, {-1, 2, -3, 4}}, {float_tensor("c", {2, 1}, {0.5, 0.1f})}, {}, {1, 2, 2}, {-0.5, 2, -0.3f, 4}});
    check({"PRelu", 13, {{2}, {-1, 2}}, {float_tensor("c", {1}, {0.25})}, {}, {2}, {-0.25, 2}});
    for (const auto& [op, expected] : std::vector<std::pair<const char*, Floats>>{
             {"Equal", {0, 1, 0}}, {"Less", {1, 0, 0}}, {"Greater", {0, 0, 1}}, {"LessOrEqual", {1, 1, 0}}, {"GreaterOrEqual", {0, 1, 1}}})
        check({op, 16, {{3}, {1, 2, 3}}, {scalar("c", 2)}, {}, {3}, expected});
}

TEST(OnnxOperators, Unary) {
    const Given x{{3}, {-2, 0.5, 4}};
    const auto each = [&](float (*f)(float)) { return Floats{f(-2), f(0.5), f(4)}; };
    check({"Relu", 13, x, {}, {}, {3}, {0, 0.5, 4}});
    check({"LeakyRelu", 13, x, {}, {attr("alpha", 0.25f)}, {3}, {-0.5, 0.5, 4}});
    check({"LeakyRelu", 13, x, {}, {}, {3}, {-0.02f, 0.5, 4}});
    check({"Elu", 13, x, {}, {}, {3}, each([](float v) { return v < 0 ? std::exp(v) - 1 : v; })});
    check({"Celu", 13, x, {}, {attr("alpha", 2.0f)}, {3}, each([](float v) { return v < 0 ? 2 * (std::exp(v / 2) - 1) : v; })});
    check({"Selu", 13, x, {}, {}, {3}, each([](float v) { return 1.0507010f * (v < 0 ? 1.6732632f * (std::exp(v) - 1) : v); })});
    check({"Sigmoid", 13, x, {}, {}, {3}, each([](float v) { return 1 / (1 + std::exp(-v)); })});
    check({"Tanh", 13, x, {}, {}, {3}, each([](float v) { return std::tanh(v); })});
    check({"Erf", 13, x, {}, {}, {3}, each([](float v) { return std::erf(v); })});
    check({"Exp", 13, {{2}, {0, 1}}, {}, {}, {2}, {1, 2.7182818f}});
    check({"Log", 13, {{2}, {1, 4}}, {}, {}, {2}, {0, 1.3862944f}});
    check({"Sqrt", 13, {{2}, {9, 2}}, {}, {}, {2}, {3, 1.4142136f}});
    check({"Reciprocal", 13, {{2}, {4, -2}}, {}, {}, {2}, {0.25, -0.5}});
    check({"Abs", 13, x, {}, {}, {3}, {2, 0.5, 4}});
    check({"Neg", 13, x, {}, {}, {3}, {2, -0.5, -4}});
    check({"Sign", 13, {{3}, {-2, 0, 4}}, {}, {}, {3}, {-1, 0, 1}});
    check({"Floor", 13, {{2}, {-1.5, 1.5}}, {}, {}, {2}, {-2, 1}});
    check({"Ceil", 13, {{2}, {-1.5, 1.5}}, {}, {}, {2}, {-1, 2}});
    check({"Round", 13, {{4}, {0.5, 1.5, 2.5, -1.2f}}, {}, {}, {4}, {0, 2, 2, -1}});
    check({"Sin", 13, {{1}, {1}}, {}, {}, {1}, {std::sin(1.0f)}});
    check({"Cos", 13, {{1}, {1}}, {}, {}, {1}, {std::cos(1.0f)}});
    check({"Softplus", 13, x, {}, {}, {3}, each([](float v) { return std::log1p(std::exp(v)); })});
    check({"Softsign", 13, x, {}, {}, {3}, each([](float v) { return v / (1 + std::fabs(v)); })});
    check({"HardSigmoid", 13, x, {}, {}, {3}, {0.1f, 0.6f, 1}});
    check({"HardSwish", 14, x, {}, {}, {3}, {-1.0f / 3, 0.5f * (0.5f / 6 + 0.5f), 4}});
    check({"Mish", 18, x, {}, {}, {3}, each([](float v) { return v * std::tanh(std::log1p(std::exp(v))); })});
    check({"Gelu", 20, x, {}, {}, {3}, each([](float v) { return 0.5f * v * (1 + std::erf(v / std::sqrt(2.0f))); })});
    check({"Gelu", 20, x, {}, {attr("approximate", "tanh")}, {3}, each([](float v) {
               return 0.5f * v * (1 + std::tanh(0.7978845608f * (v + 0.044715f * v * v * v)));
           })});
    check({"Clip", 7, x, {}, {attr("min", -1.0f), attr("max", 1.0f)}, {3}, {-1, 0.5, 1}});
    check({"Clip", 13, x, {scalar("lo", -1)}, {}, {3}, {-1, 0.5, 4}});
    check({"Clip", 13, x, {absent(), scalar("hi", 1)}, {}, {3}, {-2, 0.5, 1}});
    check({"Identity", 13, x, {}, {}, {3}, {-2, 0.5, 4}});
    check({"Dropout", 13, x, {scalar("ratio", 0.5)}, {}, {3}, {-2, 0.5, 4}});
    check({"Cast", 13, x, {}, {attr("to", onnx::TensorProto::INT32)}, {3}, {-2, 0, 4}});
}

TEST(OnnxOperators, Softmax) {
    // Before opset 13 all dimensions from the axis on are one.
    const Given zeros{{1, 2, 2}, {0, 0, 0, 0}};
    check({"Softmax", 11, zeros, {}, {}, {1, 2, 2}, {0.25, 0.25, 0.25, 0.25}});
    check({"Softmax", 13, zeros, {}, {}, {1, 2, 2}, {0.5, 0.5, 0.5, 0.5}});
    const float e = std::exp(1.0f);
    check({"Softmax", 13, {{2, 2}, {0, 5, 1, 5}}, {}, {attr("axis", 0)}, {2, 2}, {1 / (1 + e), 0.5, e / (1 + e), 0.5}});
    check({"LogSoftmax", 13, {{1, 2}, {0, 1}}, {}, {}, {1, 2}, {-std::log(1 + e), 1 - std::log(1 + e)}});
}

TEST(OnnxOperators, Reductions) {
    const Given x{{2, 3}, iota(6)};
    check({"ReduceMean", 13, x, {}, {attr("axes", Ints{-1})}, {2, 1}, {2, 5}});
    check({"ReduceMean", 18, x, {ints("a", {0})}, {attr("keepdims", 0)}, {3}, {2.5, 3.5, 4.5}});
    check({"ReduceSum", 11, x, {}, {attr("axes", Ints{0, 1})}, {1, 1}, {21}});
    check({"ReduceSum", 13, x, {ints("a", {1})}, {}, {2, 1}, {6, 15}});
    check({"ReduceSum", 13, x, {}, {attr("keepdims", 0)}, {}, {21}});
    check({"ReduceSum", 13, x, {}, {attr("noop_with_empty_axes", 1)}, {2, 3}, iota(6)});
    check({"ReduceMax", 13, x, {}, {attr("axes", Ints{0})}, {1, 3}, {4, 5, 6}});
    check({"ReduceMin", 13, x, {}, {attr("axes", Ints{0})}, {1, 3}, {1, 2, 3}});
    check({"ReduceProd", 13, x, {}, {attr("axes", Ints{1})}, {2, 1}, {6, 120}});
    check({"ReduceL1", 13, {{2}, {-3, 4}}, {}, {}, {1}, {7}});
    check({"ReduceL2", 13, {{2}, {-3, 4}}, {}, {}, {1}, {5}});
    check({"ReduceSumSquare", 13, {{2}, {-3, 4}}, {}, {}, {1}, {25}});
    check({"ReduceLogSum", 13, {{2}, {1, 1}}, {}, {}, {1}, {std::log(2.0f)}});
}

TEST(OnnxOperators, Normalisations) {
    const auto four = [](const char* name, float v) { return float_tensor(name, {2}, {v, 2 * v}); };
    check({"BatchNormalization",
           9,
           {{1, 2, 1, 2}, iota(4)},
           {four("s", 1), four("b", 10), four("m", 1), four("v", 4)},
           {attr("epsilon", 0.0f)},
           {1, 2, 1, 2},
           {10, 10.5, 20 + 1 / std::sqrt(2.0f), 20 + 2 / std::sqrt(2.0f)}});
    check({"BatchNormalization",
           9,
           {{2, 2}, iota(4)},
           {four("s", 1), four("b", 0), four("m", 0), four("v", 1)},
           {attr("epsilon", 0.0f)},
           {2, 2},
           {1, 2 * std::sqrt(2.0f), 3, 4 * std::sqrt(2.0f)}});
    check({"InstanceNormalization",
           13,
           {{1, 2, 2}, {1, 3, 10, 30}},
           {float_tensor("s", {2}, {1, 2}), float_tensor("b", {2}, {0, 5})},
           {attr("epsilon", 0.0f)},
           {1, 2, 2},
           {-1, 1, 3, 7}});
    check({"LayerNormalization",
           17,
           {{2, 2}, {1, 3, 10, 30}},
           {float_tensor("s", {2}, {1, 2}), float_tensor("b", {2}, {0, 5})},
           {attr("epsilon", 0.0f)},
           {2, 2},
           {-1, 7, -1, 7}});
}

TEST(OnnxOperators, Shapes) {
    const Given x{{2, 3, 1}, iota(6)};
    check({"Reshape", 13, x, {ints("s", {0, -1})}, {}, {2, 3}, iota(6)});
    check({"Flatten", 13, x, {}, {attr("axis", 2)}, {6, 1}, iota(6)});
    check({"Flatten", 13, x, {}, {attr("axis", 0)}, {1, 6}, iota(6)});
    check({"Squeeze", 11, x, {}, {attr("axes", Ints{-1})}, {2, 3}, iota(6)});
    check({"Squeeze", 13, x, {}, {}, {2, 3}, iota(6)});
    check({"Unsqueeze", 11, x, {}, {attr("axes", Ints{0, 4})}, {1, 2, 3, 1, 1}, iota(6)});
    check({"Unsqueeze", 13, x, {ints("a", {-1})}, {}, {2, 3, 1, 1}, iota(6)});
    check({"Expand", 13, {{2, 1}, {1, 2}}, {ints("s", {2, 1, 3})}, {}, {2, 2, 3}, {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}});
    check({"Transpose", 13, x, {}, {attr("perm", Ints{1, 0, 2})}, {3, 2, 1}, {1, 4, 2, 5, 3, 6}});
    check({"Transpose", 13, {{2, 3}, iota(6)}, {}, {}, {3, 2}, {1, 4, 2, 5, 3, 6}});
}

TEST(OnnxOperators, Movement) {
    const Given x{{2, 3}, iota(6)};
    check({"Concat", 13, x, {float_tensor("c", {2, 1}, {7, 8})}, {attr("axis", -1)}, {2, 4}, {1, 2, 3, 7, 4, 5, 6, 8}});
    check({"Slice", 9, x, {}, {attr("starts", Ints{1}), attr("ends", Ints{1000}), attr("axes", Ints{1})}, {2, 2}, {2, 3, 5, 6}});
    check({"Slice",
           13,
           x,
           {ints("s", {-1}), ints("e", {std::numeric_limits<int64_t>::min()}), ints("a", {1}), ints("t", {-2})},
           {},
           {2, 2},
           {3, 1, 6, 4}});
    check({"Slice", 13, x, {ints("s", {0, 0}), ints("e", {-1, 3}), absent(), ints("t", {1, 2})}, {}, {1, 2}, {1, 3}});
    check({"Gather", 13, x, {raw_tensor<int64_t>("i", onnx::TensorProto::INT64, {}, {-1})}, {attr("axis", 1)}, {2}, {3, 6}});
    check({"Gather", 13, x, {ints("i", {2, 0})}, {attr("axis", 1)}, {2, 2}, {3, 1, 6, 4}});
    check({"Pad", 10, {{1, 2}, {1, 2}}, {}, {attr("pads", Ints{1, 0, 0, 1}), attr("value", 9.0f)}, {2, 3}, {9, 9, 9, 1, 2, 9}});
    check({"Pad", 13, {{1, 3}, {1, 2, 3}}, {ints("p", {0, 2, 0, 1})}, {attr("mode", "reflect")}, {1, 6}, {3, 2, 1, 2, 3, 2}});
    check({"Pad", 13, {{1, 3}, {1, 2, 3}}, {ints("p", {0, 1, 0, -1})}, {attr("mode", "edge")}, {1, 3}, {1, 1, 2}});
    check({"Pad", 18, {{1, 2}, {1, 2}}, {ints("p", {1, 0}), absent(), ints("a", {-1})}, {}, {1, 3}, {0, 1, 2}});
    check({"Tile", 13, {{1, 2}, {1, 2}}, {ints("r", {2, 2})}, {}, {2, 4}, {1, 2, 1, 2, 1, 2, 1, 2}});
    check({"DepthToSpace", 13, {{1, 4, 1, 1}, iota(4)}, {}, {attr("blocksize", 2)}, {1, 1, 2, 2}, iota(4)});
    check({"DepthToSpace", 13, {{1, 8, 1, 1}, iota(8)}, {}, {attr("blocksize", 2)}, {1, 2, 2, 2}, {1, 3, 5, 7, 2, 4, 6, 8}});
    check({"DepthToSpace", 13, {{1, 8, 1, 1}, iota(8)}, {}, {attr("blocksize", 2), attr("mode", "CRD")}, {1, 2, 2, 2}, iota(8)});
    check({"SpaceToDepth", 13, {{1, 1, 2, 4}, iota(8)}, {}, {attr("blocksize", 2)}, {1, 4, 1, 2}, {1, 3, 2, 4, 5, 7, 6, 8}});
}

TEST(OnnxOperators, Split) {
    const auto split = [](int opset, const Attributes& attributes, const Names& operands, const std::vector<Floats>& expected) {
        OnnxBuilder b(opset);
        b.input("x", Ints{1, 5}).ints("s", {2}, {1, 4}).output("y").output("z").node("Split", operands, {"y", "z"}, attributes);
        const auto out = b.run({f32({1, 5}, iota(5))});
        ASSERT_EQ(out.size(), 2u);
        for (size_t i = 0; i < 2; ++i) expect_values(out[i], {1, static_cast<int64_t>(expected[i].size())}, expected[i]);
    };
    split(11, {attr("axis", 1), attr("split", Ints{2, 3})}, {"x"}, {{1, 2}, {3, 4, 5}});
    split(13, {attr("axis", -1)}, {"x", "s"}, {{1}, {2, 3, 4, 5}});
    split(18, {attr("axis", 1), attr("num_outputs", 2)}, {"x"}, {{1, 2, 3}, {4, 5}});
}

TEST(OnnxOperators, Resize) {
    const Given x{{1, 1, 1, 2}, {0, 8}};
    const auto scales = float_tensor("s", {4}, {1, 1, 1, 2});
    const auto mode = attr("mode", "linear");
    check({"Upsample", 9, x, {scales}, {}, {1, 1, 1, 4}, {0, 0, 8, 8}});
    check({"Resize", 10, x, {scales}, {mode}, {1, 1, 1, 4}, {0, 4, 8, 8}});
    check({"Resize", 13, x, {absent(), scales}, {mode}, {1, 1, 1, 4}, {0, 2, 6, 8}});
    check({"Resize", 13, x, {absent(), scales}, {mode, attr("coordinate_transformation_mode", "asymmetric")}, {1, 1, 1, 4}, {0, 4, 8, 8}});
    check({"Resize",
           13,
           {{1, 1, 1, 2}, {0, 6}},
           {absent(), scales},
           {mode, attr("coordinate_transformation_mode", "align_corners")},
           {1, 1, 1, 4},
           {0, 2, 4, 6}});
    check({"Resize",
           13,
           {{1, 1, 1, 3}, {1, 2, 3}},
           {absent(), absent(), ints("z", {1, 1, 1, 1})},
           {mode, attr("coordinate_transformation_mode", "pytorch_half_pixel")},
           {1, 1, 1, 1},
           {1}});
    check(
        {"Resize", 13, {{1, 1, 2, 2}, iota(4)}, {absent(), absent(), ints("z", {1, 1, 4, 2})}, {}, {1, 1, 4, 2}, {1, 2, 1, 2, 3, 4, 3, 4}});
    check({"Resize",
           18,
           {{1, 1, 2, 2}, iota(4)},
           {absent(), absent(), ints("z", {4})},
           {attr("axes", Ints{2})},
           {1, 1, 4, 2},
           {1, 2, 1, 2, 3, 4, 3, 4}});
    check({"Resize", 13, {{1, 1, 2}, {0, 8}}, {absent(), float_tensor("s", {3}, {1, 1, 2})}, {mode}, {1, 1, 4}, {0, 2, 6, 8}});
}

TEST(OnnxOperators, QuantizeAndDequantize) {
    const auto byte = [](const char* name, int type, std::vector<uint8_t> v) {
        return raw_tensor(name, type, {static_cast<int64_t>(v.size())}, v);
    };
    OnnxBuilder b;
    b.input("x", Ints{1, 2})
        .floats("s", {}, {0.5})
        .initializer(raw_tensor<int8_t>("z", onnx::TensorProto::INT8, {}, {-3}))
        .output("y")
        .output("q");
    b.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).node("DequantizeLinear", {"q", "s", "z"}, {"y"});
    const auto out = b.run({f32({1, 2}, {1.3f, 1000})});
    ASSERT_EQ(out.size(), 2u);
    expect_values(out[1], {1, 2}, {0, 127});
    expect_values(out[0], {1, 2}, {1.5, 65});
    // Per axis, on a weight: the constant keeps its integers, and the convolution's weights their scales along the output channels.
    OnnxBuilder w;
    w.input("x", Ints{1, 1, 1, 1}).output("y").floats("s", {2}, {0.5, 0.25}).initializer(byte("z", onnx::TensorProto::INT8, {0, 0}));
    w.initializer(raw_tensor<int8_t>("w8", onnx::TensorProto::INT8, {2, 1, 1, 1}, {4, -4}));
    w.node("DequantizeLinear", {"w8", "s", "z"}, {"w"}, {attr("axis", 0)}).node("Conv", {"x", "w"}, {"y"});
    Diagnostics diag;
    auto module = w.import(diag);
    ASSERT_TRUE(module);
    int dequantized = 0;
    for (const Node& node : module->main().nodes) {
        if (!std::holds_alternative<Dequantize>(node.op)) continue;
        const Tensor* t = module->main().constant(node.inputs[0]);
        ASSERT_NE(t, nullptr);
        EXPECT_EQ(t->type.dtype, DType::int8);
        EXPECT_EQ(t->type.quant.axis, 0);
        EXPECT_EQ(t->type.quant.scales, (Floats{0.5, 0.25}));
        ++dequantized;
    }
    EXPECT_EQ(dequantized, 1);
    expect_values(w.run({f32({1, 1, 1, 1}, {10})}).at(0), {1, 2, 1, 1}, {20, -10});
    // Integers that come from where no quantization is known are spelled in float.
    OnnxBuilder i;
    i.input("x", Ints{2}).floats("s", {}, {0.5}).output("y").initializer(byte("z", onnx::TensorProto::UINT8, {2}));
    i.node("Cast", {"x"}, {"q"}, {attr("to", onnx::TensorProto::UINT8)}).node("DequantizeLinear", {"q", "s", "z"}, {"y"});
    i.model.mutable_graph()->mutable_initializer(1)->clear_dims();
    expect_values(i.run({f32({2}, {4, 0})}).at(0), {2}, {1, -1});
}

TEST(OnnxOperators, ShapeArithmeticIsFolded) {
    // The chain that exporters write for x.view(x.size(0), -1), and ranges, choices and logic over constants.
    OnnxBuilder b;
    b.input("x", Ints{2, 3, 4}).ints("zero", {}, {0}).ints("axes", {1}, {0}).ints("minus", {1}, {-1}).output("y");
    b.node("Shape", {"x"}, {"shape"}).node("Gather", {"shape", "zero"}, {"n"}).node("Unsqueeze", {"n", "axes"}, {"n1"});
    b.node("Concat", {"n1", "minus"}, {"to"}, {attr("axis", 0)}).node("Cast", {"to"}, {"to_f"}, {attr("to", onnx::TensorProto::FLOAT)});
    b.node("Cast", {"to_f"}, {"to_i"}, {attr("to", onnx::TensorProto::INT64)}).node("Reshape", {"x", "to_i"}, {"y"});
    Diagnostics diag;
    auto module = b.import(diag);
    ASSERT_TRUE(module);
    EXPECT_EQ(module->main().nodes.size(), 1u);
    EXPECT_EQ(module->main().type(module->main().outputs[0].value).shape, (Shape{2, 12}));

    OnnxBuilder c(15);
    c.input("x", Ints{2, 3, 4})
        .ints("one", {}, {1})
        .ints("nine", {}, {9})
        .ints("three", {}, {3})
        .output("out")
        .output("size")
        .output("logic")
        .output("tail")
        .output("filled");
    c.node("Range", {"one", "nine", "three"}, {"r"}).node("Greater", {"r", "three"}, {"g"}).node("Not", {"g"}, {"less"});
    c.node("Where", {"g", "r", "nine"}, {"out"})
        .node("Size", {"x"}, {"size"})
        .node("And", {"g", "less"}, {"a"})
        .node("Or", {"a", "g"}, {"o"});
    c.node("Xor", {"o", "less"}, {"logic"}).node("Shape", {"x"}, {"tail"}, {attr("start", -2), attr("end", 9)});
    onnx::AttributeProto value;
    value.set_name("value"), value.set_type(onnx::AttributeProto::TENSOR);
    *value.mutable_t() = float_tensor("", {1}, {7});
    c.node("ConstantOfShape", {"tail"}, {"filled"}, {value});
    const auto out = c.run({f32({2, 3, 4}, Floats(24, 0))});
    ASSERT_EQ(out.size(), 5u);
    EXPECT_THAT(out[0].ints(), ElementsAreArray({9, 4, 7}));
    EXPECT_THAT(out[1].ints(), ElementsAreArray({24}));
    EXPECT_THAT(out[2].ints(), ElementsAreArray({1, 1, 1}));
    EXPECT_THAT(out[3].ints(), ElementsAreArray({3, 4}));
    expect_values(out[4], {3, 4}, Floats(12, 7));
}

TEST(OnnxOperators, IntegersAreExact) {
    const int64_t big = std::numeric_limits<int64_t>::max();
    OnnxBuilder b;
    b.ints("v", {4}, {-7, 7, big, 0})
        .ints("lo", {}, {-5})
        .ints("hi", {}, {big - 1})
        .ints("three", {}, {3})
        .output("c")
        .output("m")
        .output("n")
        .output("d");
    b.node("Clip", {"v", "lo", "hi"}, {"c"})
        .node("Mod", {"v", "three"}, {"m"})
        .node("Neg", {"v"}, {"n"})
        .node("Div", {"v", "three"}, {"d"});
    const auto out = b.run({});
    ASSERT_EQ(out.size(), 4u);
    EXPECT_THAT(out[0].ints(), ElementsAreArray({int64_t{-5}, int64_t{7}, big - 1, int64_t{0}}));
    EXPECT_THAT(out[1].ints(), ElementsAreArray({2, 1, 1, 0}));
    EXPECT_THAT(out[2].ints(), ElementsAreArray({int64_t{7}, int64_t{-7}, -big, int64_t{0}}));
    EXPECT_THAT(out[3].ints(), ElementsAreArray({int64_t{-2}, int64_t{2}, big / 3, int64_t{0}}));
}

TEST(OnnxOperators, ConstantInEveryForm) {
    onnx::AttributeProto tensor, list;
    tensor.set_name("value"), tensor.set_type(onnx::AttributeProto::TENSOR);
    *tensor.mutable_t() = float_tensor("", {2}, {1, 2});
    list.set_name("value_floats"), list.set_type(onnx::AttributeProto::FLOATS), list.add_floats(3), list.add_floats(4);
    for (const auto& [a, expected] : std::vector<std::pair<onnx::AttributeProto, Floats>>{{tensor, {1, 2}},
                                                                                          {list, {3, 4}},
                                                                                          {attr("value_float", 5.0f), {5}},
                                                                                          {attr("value_int", 6), {6}},
                                                                                          {attr("value_ints", Ints{7, 8}), {7, 8}}}) {
        OnnxBuilder b;
        b.output("y").node("Constant", {}, {"y"}, {a});
        const auto out = b.run({});
        ASSERT_EQ(out.size(), 1u);
        Floats got;
        for (int64_t i = 0; i < out[0].elements(); ++i) got.push_back(static_cast<float>(out[0].at(i)));
        EXPECT_EQ(got, expected);
    }
}

TEST(OnnxOperators, Trigonometry) {
    const float pi = 3.14159265f;
    const struct {
        const char* op;
        float x, y;
    } cases[] = {{"Tan", pi / 4, 1},        {"Asin", 0.5f, pi / 6},    {"Acos", 0.5f, pi / 3},
                 {"Atan", 1, pi / 4},       {"Sinh", 1, 1.17520119f},  {"Cosh", 1, 1.54308063f},
                 {"Asinh", 1, 0.88137359f}, {"Acosh", 2, 1.31695790f}, {"Atanh", 0.5f, 0.54930614f}};
    for (const auto& c : cases) check({c.op, 13, {{1}, {c.x}}, {}, {}, {1}, {c.y}});
    check({"Shrink", 9, {{3}, {-3, 1, 2}}, {}, {attr("lambd", 1.0f), attr("bias", 0.5f)}, {3}, {-2.5f, 0, 1.5f}});
    check({"ThresholdedRelu", 10, {{3}, {0.5f, 1, 2}}, {}, {}, {3}, {0, 0, 2}});
}

TEST(OnnxOperators, Choices) {
    const Given x{{2, 3}, {1, 7, 7, -2, -2, -5}};
    check({"ArgMax", 13, x, {}, {attr("axis", 1)}, {2, 1}, {1, 0}});
    check({"ArgMax", 13, x, {}, {attr("axis", -1), attr("keepdims", 0), attr("select_last_index", 1)}, {2}, {2, 1}});
    check({"ArgMin", 13, x, {}, {}, {1, 3}, {1, 1, 1}});
    check({"Hardmax", 13, x, {}, {}, {2, 3}, {0, 1, 0, 1, 0, 0}});
    check({"Hardmax", 11, {{1, 2, 2}, {1, 2, 4, 3}}, {}, {}, {1, 2, 2}, {0, 0, 1, 0}});
    check({"Trilu", 14, {{2, 3}, iota(6)}, {}, {}, {2, 3}, {1, 2, 3, 0, 5, 6}});
    check({"Trilu", 14, {{2, 3}, iota(6)}, {ints("k", {-1})}, {attr("upper", 0)}, {2, 3}, {0, 0, 0, 4, 0, 0}});
    // The third class, the last by a negative number, none.
    check({"OneHot",
           11,
           {{3}, {2, -1, 5}},
           {ints("depth", {3}), float_tensor("v", {2}, {-1, 1})},
           {},
           {3, 3},
           {-1, -1, 1, -1, -1, 1, -1, -1, -1}});
    check({"OneHot", 11, {{2}, {0, 1}}, {ints("depth", {2}), float_tensor("v", {2}, {0, 5})}, {attr("axis", 0)}, {2, 2}, {5, 0, 0, 5}});
}

TEST(OnnxOperators, WhereChoosesAtRunTime) {
    OnnxBuilder b(13);
    b.input("c", Ints{2, 1}, onnx::TensorProto::BOOL).input("x", Ints{3}).input("z", Ints{2, 3}).output("y");
    b.node("Where", {"c", "x", "z"}, {"y"});
    const Tensor c = Tensor::of<uint8_t>({2, 1}, {0, 1}).with_type({DType::boolean, {2, 1}, {}});
    expect_values(b.run({c, f32({3}, {1, 2, 3}), f32({2, 3}, iota(6, 10))}).at(0), {2, 3}, {10, 11, 12, 1, 2, 3});
}

TEST(OnnxOperators, SumsOfPowersAndNeighbours) {
    check({"ReduceLogSumExp",
           13,
           {{2, 2}, {1000, 1000, 0, 0}},
           {},
           {attr("axes", Ints{1}), attr("keepdims", 0)},
           {2},
           {1000.6931472f, 0.6931472f}});
    check({"MeanVarianceNormalization", 13, {{1, 1, 1, 4}, {1, 1, 3, 3}}, {}, {}, {1, 1, 1, 4}, {-1, -1, 1, 1}});
    // Squares 1 4 9, of two neighbours each (itself and the next): 1/(1 + (1 + 4)/2·2) and so on.
    check({"LRN",
           13,
           {{1, 3, 1, 1}, {1, 2, 3}},
           {},
           {attr("size", 2), attr("alpha", 2.0f), attr("beta", 1.0f)},
           {1, 3, 1, 1},
           {1.0f / 6, 2.0f / 14, 3.0f / 10}});
}

TEST(OnnxOperators, ConvTranspose) {
    const auto ones = float_tensor("w", {1, 1, 2, 2}, {1, 2, 3, 4});
    // Each pixel stamps the kernel; stride 2 leaves the stamps apart, stride 1 adds where they overlap.
    check(
        {"ConvTranspose", 11, {{1, 1, 1, 2}, {1, 10}}, {ones}, {attr("strides", Ints{2, 2})}, {1, 1, 2, 4}, {1, 2, 10, 20, 3, 4, 30, 40}});
    check({"ConvTranspose",
           11,
           {{1, 1, 1, 2}, {1, 10}},
           {ones, float_tensor("b", {1}, {100})},
           {},
           {1, 1, 2, 3},
           {101, 112, 120, 103, 134, 140}});
    check({"ConvTranspose", 11, {{1, 1, 1, 2}, {1, 10}}, {ones}, {attr("pads", Ints{1, 0, 0, 1})}, {1, 1, 1, 2}, {3, 34}});
    check({"ConvTranspose",
           11,
           {{1, 1, 1, 1}, {2}},
           {ones},
           {attr("strides", Ints{3, 3}), attr("output_padding", Ints{1, 0})},
           {1, 1, 3, 2},
           {2, 4, 6, 8, 0, 0}});
    check({"ConvTranspose",
           11,
           {{1, 1, 1, 2}, {1, 10}},
           {ones},
           {attr("auto_pad", "SAME_UPPER"), attr("strides", Ints{1, 1})},
           {1, 1, 1, 2},
           {1, 12}});
    // Two groups of one channel, in one dimension.
    check({"ConvTranspose",
           11,
           {{1, 2, 2}, {1, 2, 3, 4}},
           {float_tensor("w", {2, 1, 2}, {1, 1, 0, 1})},
           {attr("group", 2)},
           {1, 2, 3},
           {1, 3, 2, 0, 3, 4}});
}

TEST(OnnxOperators, OldBroadcastingOfOpset6) {
    const auto both = attr("broadcast", 1);
    check({"Add", 6, {{1, 2, 1, 2}, iota(4)}, {float_tensor("b", {2}, {10, 20})}, {both, attr("axis", 1)}, {1, 2, 1, 2}, {11, 12, 23, 24}});
    check({"Add", 6, {{1, 2, 1, 2}, iota(4)}, {float_tensor("b", {2}, {10, 20})}, {both}, {1, 2, 1, 2}, {11, 22, 13, 24}});
    check({"PRelu", 6, {{1, 2, 1, 2}, {-1, -2, -3, -4}}, {float_tensor("s", {2}, {1, 10})}, {}, {1, 2, 1, 2}, {-1, -2, -30, -40}});
}

// No row of the table may go without a test: each operator's name is quoted in this folder's tests.
TEST(OnnxOperators, EveryRowOfTheTableIsTested) {
    Diagnostics diag;
    std::string tests;
    for (const char* file : {"operators_test.cpp", "import_test.cpp", "quantized_full_test.cpp", "recurrent_test.cpp"}) {
        auto text = read_file(source_file("tests/unit/onnx") / file, diag);
        ASSERT_TRUE(text);
        tests += *text;
    }
    const auto ops = supported_onnx_ops();
    for (const auto& op : ops) {
        const std::string_view name = op.name.substr(op.name.rfind('.') + 1);  // without its domain
        EXPECT_NE(tests.find(fmt::format("\"{}\"", name)), std::string::npos) << op.name;
    }
    for (size_t i = 0; i < ops.size(); ++i) {
        EXPECT_TRUE(i == 0 || ops[i - 1].name < ops[i].name);
        EXPECT_GE(ops[i].min_opset, 7);
        EXPECT_LE(ops[i].min_opset, ops[i].max_opset);
    }
}

}  // namespace
}  // namespace gw
