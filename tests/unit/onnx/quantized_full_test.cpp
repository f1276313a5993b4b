// Models that are quantized by their author: QDQ pairs and QLinear operators become integer ops with nothing left float, and their results
// are those of the float graph with its roundings, at most one step apart. The emitted C gives the interpreter's bytes.
#include <gmock/gmock.h>

#include <random>

#include "passes/passes.h"
#include "support/bundle.h"
#include "support/onnx_builder.h"

namespace gw {
namespace {
using Onnx = onnx::TensorProto;

class Quantized {
public:
    explicit Quantized(bool with_sign, uint32_t seed) : signed_(with_sign), random_(seed) {
        b.model.add_opset_import()->set_domain("com.microsoft");
    }
    OnnxBuilder b;

    int type() const { return signed_ ? Onnx::INT8 : Onnx::UINT8; }
    int32_t zero() { return static_cast<int32_t>(random_() % 256) - (signed_ ? 128 : 0); }
    float scale() { return 0.01f + static_cast<float>(random_() % 1000) / 20000; }
    // NAME_s and NAME_z.
    Names scheme(const std::string& name, float scale, int32_t zero) {
        b.floats(name + "_s", {}, {scale});
        b.initializer(raw_tensor(name + "_z", type(), {}, std::vector<int8_t>{static_cast<int8_t>(zero)}));
        return {name, name + "_s", name + "_z"};
    }
    Names scheme(const std::string& name) { return scheme(name, scale(), zero()); }
    std::string rounded(const std::string& name) {
        scheme(name);
        b.node("QuantizeLinear", {name, name + "_s", name + "_z"}, {name + "_q"});
        b.node("DequantizeLinear", {name + "_q", name + "_s", name + "_z"}, {name + "_dq"});
        return name + "_dq";
    }
    // int8 weights with one scale an index of `axis`.
    std::string weights(const std::string& name, const std::vector<int64_t>& dims, int64_t axis) {
        integers(name + "_i", dims);
        std::vector<float> scales(static_cast<size_t>(dims[static_cast<size_t>(axis)]));
        for (float& s : scales) s = scale() / 4;
        b.floats(name + "_s", {static_cast<int64_t>(scales.size())}, scales);
        b.initializer(raw_tensor(name + "_z", Onnx::INT8, {static_cast<int64_t>(scales.size())}, std::vector<int8_t>(scales.size(), 0)));
        b.node("DequantizeLinear", {name + "_i", name + "_s", name + "_z"}, {name}, {attr("axis", axis)});
        return name;
    }
    void integers(const std::string& name, const std::vector<int64_t>& dims) {
        int64_t n = 1;
        for (int64_t d : dims) n *= d;
        std::vector<int8_t> v(static_cast<size_t>(n));
        for (int8_t& i : v) i = static_cast<int8_t>(static_cast<int32_t>(random_() % 255) - 127);
        b.initializer(raw_tensor(name, Onnx::INT8, dims, v));
    }

    // `steps`: how far apart float and integer results may be, in steps of the result.
    void check(const std::string& what, int steps = 1) {
        Diagnostics diag;
        auto module = b.import(diag);
        for (const auto& d : diag.all())
            if (d.severity == Severity::error) ADD_FAILURE() << what << ": " << d.text();
        ASSERT_TRUE(module) << what;
        PassRunner runner;
        auto optimised = optimise(module->main(), false, runner, diag);
        ASSERT_TRUE(optimised) << what;
        ASSERT_TRUE(is_quantized_model(*optimised)) << what;
        QuantizeOptions options;
        options.rounding = Rounding::even;
        Diagnostics notes;
        auto folded = integerise(*optimised, options, runner, notes);
        ASSERT_TRUE(folded) << what;
        EXPECT_TRUE(notes.all().empty()) << what << ": " << notes.all().front().text() << "\n" << print(*folded);
        const Graph g = integer_edges(*folded);
        for (const Node& n : g.nodes) EXPECT_NE(g.type(n.outputs[0]).dtype, DType::float32) << what << "\n" << print(g);
        compare(*optimised, *folded, what, steps);
        testing::expect_right(g, testing::make_bundle(g), what);
    }

private:
    void compare(const Graph& real, const Graph& folded, const std::string& what, int steps) {
        int64_t elements = 0, equal = 0;
        for (const auto& sample : testing::graph_samples(real, 4)) {
            const auto a = interpret(real, sample), c = interpret(folded, sample);
            ASSERT_EQ(a.size(), c.size());
            for (size_t i = 0; i < a.size(); ++i) {
                ASSERT_EQ(a[i].shape(), c[i].shape()) << what;
                const float step = is_float(a[i].type.dtype) ? step_of(folded, folded.outputs[i].value) : 1;
                for (int64_t k = 0; k < a[i].elements(); ++k) {
                    const double apart = std::abs(a[i].at(k) - c[i].at(k)) / static_cast<double>(step);
                    ASSERT_LE(apart, steps + 0.01) << what << ", element " << k << "\n" << print(folded);
                    ++elements, equal += apart < 0.5;
                }
            }
        }
        EXPECT_GE(equal, elements * 97 / 100) << what;
    }
    static float step_of(const Graph& g, ValueId id) {
        const Node* n = g.producer(id);
        return n != nullptr && get_if<Dequantize>(n->op) ? g.type(n->inputs[0]).quant.scale() : 1.0f;
    }

    bool signed_;
    std::mt19937 random_;
};

class QuantizedOnnx : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Types, QuantizedOnnx, ::testing::Values(false, true), [](const auto& p) { return p.param ? "int8" : "uint8"; });

TEST_P(QuantizedOnnx, NetOfPairs) {
    Quantized q(GetParam(), 5);
    OnnxBuilder& b = q.b;
    b.input("x", std::vector<int64_t>{1, 3, 8, 8});
    const std::string x = q.rounded("x");
    b.node("Conv", {x, q.weights("w", {6, 3, 3, 3}, 0)}, {"c"}, {attr("pads", std::vector<int64_t>{1, 1, 1, 1})});
    b.node("Relu", {"c"}, {"r"});
    const std::string r = q.rounded("r");
    b.node("MaxPool", {r}, {"m"}, {attr("kernel_shape", std::vector<int64_t>{2, 2}), attr("strides", std::vector<int64_t>{2, 2})});
    b.node("Sigmoid", {"m"}, {"s"});
    b.node("Add", {q.rounded("s"), q.rounded("m")}, {"a"});
    b.node("AveragePool", {q.rounded("a")}, {"p"},
           {attr("kernel_shape", std::vector<int64_t>{2, 2}), attr("strides", std::vector<int64_t>{2, 2})});
    b.node("Flatten", {q.rounded("p")}, {"f"});
    b.node("Gemm", {"f", q.weights("v", {24, 5}, 1)}, {"g"});
    b.node("Softmax", {q.rounded("g")}, {"y"}, {attr("axis", 1)});
    b.node("Identity", {q.rounded("y")}, {"out"});
    b.output("out");
    q.check("net", 2);
}

TEST_P(QuantizedOnnx, EveryOperatorBetweenPairs) {
    const struct {
        const char* op;
        int operands;
        Attributes attributes;
    } cases[] = {{"Add", 2, {}},
                 {"Mul", 2, {}},
                 {"Relu", 1, {}},
                 {"Sigmoid", 1, {}},
                 {"Tanh", 1, {}},
                 {"LeakyRelu", 1, {attr("alpha", 0.1f)}},
                 {"HardSwish", 1, {}},
                 {"GlobalAveragePool", 1, {}},
                 {"AveragePool", 1, {attr("kernel_shape", std::vector<int64_t>{3, 3})}},
                 {"MaxPool", 1, {attr("kernel_shape", std::vector<int64_t>{2, 2})}},
                 {"Concat", 2, {attr("axis", 1)}},
                 {"Transpose", 1, {attr("perm", std::vector<int64_t>{0, 2, 3, 1})}},
                 {"ReduceMean", 1, {attr("axes", std::vector<int64_t>{2, 3})}},
                 {"MatMul", 2, {}}};
    for (const auto& c : cases) {
        Quantized q(GetParam(), 6);
        q.b.model.mutable_opset_import(0)->set_version(std::string(c.op) == "HardSwish" ? 14 : 13);
        Names in;
        for (int i = 0; i < c.operands; ++i) {
            const std::string name = "x" + std::to_string(i);
            q.b.input(name, std::vector<int64_t>{1, 4, 6, 6});
            in.push_back(q.rounded(name));
        }
        q.b.node(c.op, in, {"y"}, c.attributes);
        q.b.node("Identity", {q.rounded("y")}, {"out"});
        q.b.output("out");
        q.check(c.op);
    }
}

TEST_P(QuantizedOnnx, QLinearOperators) {
    const auto operands = [](std::vector<Names> lists) {
        Names all;
        for (const Names& l : lists) all.insert(all.end(), l.begin(), l.end());
        return all;
    };
    const auto tail = [](const Names& n) { return Names(n.begin() + 1, n.end()); };
    struct Case {
        std::string op;
        int data;
        Attributes attributes;
    };
    for (const Case& c :
         {Case{"QLinearAdd", 2, {}}, Case{"QLinearMul", 2, {}}, Case{"QLinearSigmoid", 1, {}},
          Case{"QLinearLeakyRelu", 1, {attr("alpha", 0.1f)}}, Case{"QLinearGlobalAveragePool", 1, {attr("channels_last", 0)}},
          Case{"QLinearAveragePool", 1, {attr("kernel_shape", std::vector<int64_t>{3, 3}), attr("channels_last", 0)}},
          Case{"QLinearSoftmax", 1, {attr("axis", 3), attr("opset", 13)}}, Case{"QLinearConcat", 2, {attr("axis", 1)}},
          Case{"QLinearMatMul", 2, {}}}) {
        Quantized q(GetParam(), 7);
        std::vector<Names> lists;
        for (int i = 0; i < c.data; ++i) {
            const std::string name = "x" + std::to_string(i);
            q.b.input(name, std::vector<int64_t>{1, 4, 6, 6}, q.type());
            lists.push_back(q.scheme(name));
        }
        if (c.op == "QLinearConcat")
            lists.insert(lists.begin(), tail(q.scheme("y")));
        else
            lists.push_back(tail(c.op == "QLinearSoftmax" ? q.scheme("y", 1.0f / 256, GetParam() ? -128 : 0)
                                                          : q.scheme("y", c.op == "QLinearMatMul" ? 0.2f : 0.05f, q.zero())));
        q.b.node(c.op, operands(lists), {"y"}, c.attributes);
        if (c.op != "QLinearMatMul") q.b.model.mutable_graph()->mutable_node(0)->set_domain("com.microsoft");
        q.b.output("y");
        q.check(c.op);
    }
    for (const bool gemm : {false, true}) {
        Quantized q(GetParam(), 8);
        q.b.input("x", gemm ? std::vector<int64_t>{2, 12} : std::vector<int64_t>{1, 3, 7, 7}, q.type());
        const std::vector<int64_t> dims = gemm ? std::vector<int64_t>{5, 12} : std::vector<int64_t>{5, 3, 3, 3};
        q.integers("w", dims);
        q.b.floats("w_s", {5}, {0.01f, 0.02f, 0.004f, 0.03f, 0.007f});
        q.b.initializer(raw_tensor("w_z", Onnx::INT8, {5}, std::vector<int8_t>(5, 0)));
        q.b.initializer(raw_tensor("bias", Onnx::INT32, {5}, std::vector<int32_t>{10, -2000, 3000, 0, 77}));
        const Names w{"w", "w_s", "w_z"};
        if (gemm) {
            q.b.node("QGemm", operands({q.scheme("x"), w, {"bias"}, tail(q.scheme("y", 0.2f, 3))}), {"y"}, {attr("transB", 1)});
            q.b.model.mutable_graph()->mutable_node(0)->set_domain("com.microsoft");
        } else {
            q.b.node("QLinearConv", operands({q.scheme("x"), w, tail(q.scheme("y", 0.2f, 3)), {"bias"}}), {"y"},
                     {attr("pads", std::vector<int64_t>{1, 0, 1, 2}), attr("strides", std::vector<int64_t>{2, 1})});
        }
        q.b.output("y");
        q.check(gemm ? "QGemm" : "QLinearConv");
    }
}

// Weights of uint8 around a zero point are int8 around 0.
TEST_P(QuantizedOnnx, WeightsWithAZeroPoint) {
    Quantized q(GetParam(), 9);
    q.b.input("x", std::vector<int64_t>{1, 2, 5, 5}, q.type());
    std::vector<int8_t> w;
    for (int i = 0; i < 3 * 2 * 3 * 3; ++i) w.push_back(static_cast<int8_t>(static_cast<uint8_t>(30 + (i * 37) % 180)));
    q.b.initializer(raw_tensor("w", Onnx::UINT8, {3, 2, 3, 3}, w));
    q.b.floats("w_s", {}, {0.01f});
    q.b.initializer(raw_tensor("w_z", Onnx::UINT8, {}, std::vector<int8_t>{100}));
    const Names x = q.scheme("x", 0.05f, q.zero()), y = q.scheme("y", 0.2f, q.zero());
    q.b.node("QLinearConv", {x[0], x[1], x[2], "w", "w_s", "w_z", y[1], y[2]}, {"y"});
    q.b.output("y");
    q.check("QLinearConv with a zero point of the weights");
}

// One that leaves int8, and one that all channels share while each has a scale of its own.
TEST_P(QuantizedOnnx, WeightsThatStayAroundAZeroPoint) {
    for (const bool dense : {false, true}) {
        Quantized q(GetParam(), 10);
        q.b.input("x", dense ? std::vector<int64_t>{1, 3, 6} : std::vector<int64_t>{1, 2, 5, 5}, q.type());
        std::vector<int8_t> w;
        for (int i = 0; i < 4 * 2 * 3; ++i) w.push_back(static_cast<int8_t>(static_cast<uint8_t>((i * 37) % 256)));
        q.b.initializer(raw_tensor("w", Onnx::UINT8, dense ? std::vector<int64_t>{6, 4} : std::vector<int64_t>{4, 2, 3, 1}, w));
        q.b.floats("w_s", {4}, {0.01f, 0.02f, 0.004f, 0.03f});
        q.b.initializer(raw_tensor("w_z", Onnx::UINT8, {4}, std::vector<int8_t>(4, 40)));
        const Names x = q.scheme("x", 0.05f, q.zero()), y = q.scheme("y", 0.2f, q.zero());
        q.b.node(dense ? "QLinearMatMul" : "QLinearConv", {x[0], x[1], x[2], "w", "w_s", "w_z", y[1], y[2]}, {"y"});
        q.b.output("y");
        q.check(dense ? "QLinearMatMul" : "QLinearConv");
    }
}

// A share of the result's scale that is part of the weights', and windows that count only what lies inside.
TEST_P(QuantizedOnnx, OnnxruntimesOwnAttributes) {
    Quantized gemm(GetParam(), 11);
    gemm.b.input("x", std::vector<int64_t>{2, 12}, gemm.type());
    gemm.integers("w", {12, 5});
    gemm.b.initializer(raw_tensor("bias", Onnx::INT32, {5}, std::vector<int32_t>{10, -2000, 3000, 0, 77}));
    const Names x = gemm.scheme("x"), w = gemm.scheme("w", 0.01f, 0), y = gemm.scheme("y", 0.2f, 3);
    gemm.b.initializer(raw_tensor("zero", Onnx::INT8, {}, std::vector<int8_t>{0}));
    gemm.b.node("QGemm", {x[0], x[1], x[2], "w", w[1], "zero", "bias", y[1], y[2]}, {"y"}, {attr("alpha", 0.4f)});
    gemm.b.model.mutable_graph()->mutable_node(0)->set_domain("com.microsoft");
    gemm.b.output("y");
    gemm.check("QGemm");
    for (const int last : {0, 1}) {
        Quantized pool(GetParam(), 12);
        pool.b.input("x", std::vector<int64_t>{1, 5, 6, 7}, pool.type());
        const Names in = pool.scheme("x", 0.03f, pool.zero()), out = pool.scheme("y", 0.0217f, pool.zero());
        pool.b.node("QLinearAveragePool", {in[0], in[1], in[2], out[1], out[2]}, {"y"},
                    {attr("kernel_shape", std::vector<int64_t>{3, 2}), attr("pads", std::vector<int64_t>{1, 0, 2, 1}),
                     attr("channels_last", last)});
        pool.b.model.mutable_graph()->mutable_node(0)->set_domain("com.microsoft");
        pool.b.output("y");
        pool.check(last ? "QLinearAveragePool of channels last" : "QLinearAveragePool");
    }
}

// Scales that are only known at run time: float, and right.
TEST(QuantizedOnnxDynamic, IntegerProducts) {
    OnnxBuilder b;
    b.input("x", std::vector<int64_t>{2, 3});
    b.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
    b.initializer(raw_tensor("w", Onnx::INT8, {3, 2}, std::vector<int8_t>{1, -2, 3, 4, -5, 6}));
    b.node("MatMulInteger", {"q", "w", "z"}, {"i"});
    b.output("q").output("s").output("z").output("i");
    // The example of the operator's document: range −3 to 2, scale 5/255, zero point 153.
    const auto out = b.run({Tensor::of<float>({2, 3}, {0, 2, -3, -2.5f, 1.34f, 0.5f})});
    ASSERT_EQ(out.size(), 4u);
    EXPECT_THAT(out[0].ints(), ::testing::ElementsAre(153, 255, 0, 26, 221, 179));
    EXPECT_NEAR(out[1].at(0), 0.0196078438f, 1e-8);
    EXPECT_EQ(out[2].int_at(0), 153);
    EXPECT_THAT(out[3].ints(),
                ::testing::ElementsAre(0 + 3 * 102 + 5 * 153, 4 * 102 - 6 * 153, -127 + 3 * 68 - 5 * 26, 2 * 127 + 4 * 68 + 6 * 26));
}

TEST(QuantizedOnnxDynamic, ConvInteger) {
    OnnxBuilder b;
    b.input("x", std::vector<int64_t>{1, 1, 3, 3}, Onnx::UINT8);
    b.initializer(raw_tensor("w", Onnx::UINT8, {1, 1, 2, 2}, std::vector<int8_t>{1, 2, 3, 4}));
    b.initializer(raw_tensor("xz", Onnx::UINT8, {}, std::vector<int8_t>{1}));
    b.initializer(raw_tensor("wz", Onnx::UINT8, {}, std::vector<int8_t>{2}));
    b.node("ConvInteger", {"x", "w", "xz", "wz"}, {"y"}, {attr("pads", std::vector<int64_t>{0, 0, 1, 1})});
    b.output("y");
    // Data 1 to 8 and a 200, less 1; weights -1 0 1 2; padding stands for the zero point.
    const auto out = b.run({Tensor::of<uint8_t>({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 201})});
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].type.dtype, DType::int32);
    EXPECT_THAT(out[0].ints(),
                ::testing::ElementsAre(4 + 2 * 5 - 1, 5 + 2 * 6 - 2, 6 - 3, 7 + 2 * 8 - 4, 8 + 2 * 200 - 5, 200 - 6, -7, -8, -200));
}

// A layer as onnxruntime's dynamic quantizer writes it: what lies between the bytes and their sums is a kernel of integers, on every core.
TEST(QuantizedOnnxDynamic, LayersAreIntegerKernels) {
    for (const int weights : {0, 1, 2, 3}) {  // of a convolution, of a product: around 0, around a zero point, with one a column
        const bool conv = weights == 0;
        OnnxBuilder b;
        b.input("x", conv ? std::vector<int64_t>{1, 2, 5, 4} : std::vector<int64_t>{1, 3, 8});
        b.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
        std::vector<int8_t> w;
        for (int i = 0; i < 48; ++i) w.push_back(static_cast<int8_t>((i * 37) % 256));
        b.initializer(raw_tensor("w", weights == 1 ? Onnx::INT8 : Onnx::UINT8,
                                 conv ? std::vector<int64_t>{4, 2, 3, 2} : std::vector<int64_t>{8, 6}, w));
        const std::vector<int8_t> columns{0, 1, 80, -128, -1, 100};
        if (weights == 3)
            b.initializer(raw_tensor("wz", Onnx::UINT8, {6}, columns));
        else
            b.initializer(raw_tensor("wz", weights == 1 ? Onnx::INT8 : Onnx::UINT8, {},
                                     std::vector<int8_t>(1, weights == 1 ? int8_t{0} : int8_t{77})));
        b.node(conv ? "ConvInteger" : "MatMulInteger", {"q", "w", "z", "wz"}, {"i"},
               conv ? Attributes{attr("pads", std::vector<int64_t>{1, 0, 2, 1})} : Attributes{});
        b.node("Cast", {"i"}, {"f"}, {attr("to", Onnx::FLOAT)});
        b.floats("ws", {}, {0.01f}).node("Mul", {"s", "ws"}, {"scale"}).node("Mul", {"f", "scale"}, {"y"}).output("y");
        Diagnostics diag;
        auto module = b.import(diag);
        ASSERT_TRUE(module) << (diag.all().empty() ? "" : diag.all().front().text());
        PassRunner runner;
        auto g = optimise(module->main(), false, runner, diag);
        ASSERT_TRUE(g);
        bool sums = false;
        for (const Node& n : g->nodes) {
            const bool layer = get_if<Conv2D>(n.op) || get_if<Dense>(n.op) || get_if<MatMul>(n.op);
            EXPECT_TRUE(!layer || g->type(n.outputs[0]).dtype == DType::int32) << print(*g);
            sums = sums || layer;
        }
        EXPECT_TRUE(sums) << print(*g);
        testing::expect_right(*g, testing::make_bundle(*g), fmt::format("dynamic layer {}", weights));
    }
}

// What has no such form is refused where it stands.
TEST(QuantizedOnnxDynamic, Refusals) {
    const auto refused = [](const char* op, int x_type, int w_type, const std::vector<int8_t>& x_zero, const std::vector<int8_t>& w_zero) {
        OnnxBuilder b;
        const bool conv = std::string(op) == "ConvInteger";
        b.input("x", conv ? std::vector<int64_t>{1, 2, 3, 3} : std::vector<int64_t>{3, 2}, x_type);
        b.initializer(raw_tensor("w", w_type, conv ? std::vector<int64_t>{2, 2, 1, 1} : std::vector<int64_t>{2, 2},
                                 w_type == Onnx::FLOAT ? std::vector<int8_t>(16) : std::vector<int8_t>{1, -1, 127, -128}));
        const auto list = [](const std::vector<int8_t>& v) { return std::vector<int64_t>{static_cast<int64_t>(v.size())}; };
        b.initializer(raw_tensor("xz", Onnx::UINT8, list(x_zero), x_zero)).initializer(raw_tensor("wz", w_type, list(w_zero), w_zero));
        b.node(op, {"x", "w", "xz", "wz"}, {"y"}).output("y");
        Diagnostics diag;
        EXPECT_FALSE(b.import(diag).ok());
        return diag.all().empty() ? std::string() : diag.all().front().text();
    };
    using ::testing::HasSubstr;
    EXPECT_THAT(refused("MatMulInteger", Onnx::FLOAT, Onnx::UINT8, {0}, {0}),
                HasSubstr("operand `A`: type float32, expected int8 or uint8"));
    EXPECT_THAT(refused("MatMulInteger", Onnx::INT8, Onnx::UINT8, {0}, {0}), HasSubstr("operand `A_zero_point`: type uint8, A has int8"));
    EXPECT_THAT(refused("MatMulInteger", Onnx::UINT8, Onnx::UINT8, {0}, {0, 1, 2}), HasSubstr("zero points of shape [3] do not fit [2,2]"));
    EXPECT_THAT(refused("ConvInteger", Onnx::UINT8, Onnx::UINT8, {0, 1}, {0}),
                HasSubstr("operand `x_zero_point`: 2 numbers, expected one"));
    EXPECT_THAT(refused("ConvInteger", Onnx::UINT8, Onnx::UINT8, {0}, {0, 100}), HasSubstr("fit int8 around their zero points"));
}

}  // namespace
}  // namespace gw
