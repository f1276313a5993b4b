// Quantization: int8 networks stay close to the float ones, every node form comes up, groups share scales only where that costs nothing.
#include <gtest/gtest.h>

#include <random>

#include "calibrate/collect.h"
#include "interp/interp.h"
#include "passes/quantize_ranges.h"
#include "support/random_graph.h"

namespace gw {
namespace {

using testing::RandomGraph;

template <class T>
const Node* find(const Graph& g) {
    for (const Node& node : g.nodes)
        if (get_if<T>(node.op) != nullptr) return &node;
    return nullptr;
}

struct Both {
    Graph real, integer;
    Diagnostics diag;
};
Both quantize_model(const Graph& model, QuantizeOptions options = {}) {
    Both b;
    b.real = testing::optimised(model);
    b.integer = testing::quantized(b.real, b.diag, options);
    return b;
}
double quality(const Both& b, size_t output = 0) {
    double signal = 0, noise = 1e-30;
    for (uint32_t k = 0; k < 4; ++k) {
        const auto in = testing::random_inputs(b.real, 1000 + k);
        const Tensor a = testing::run_model(b.real, in)[output], y = testing::run_model(b.integer, in)[output];
        for (int64_t i = 0; i < a.elements(); ++i) signal += a.at(i) * a.at(i), noise += (a.at(i) - y.at(i)) * (a.at(i) - y.at(i));
    }
    return 10 * std::log10(signal / noise);
}

TEST(Quantize, RandomNetworksKeepTheirQuality) {
    double worst = 200, sum = 0;
    int n = 0;
    for (uint32_t seed = 1; seed <= 60; ++seed) {
        const Graph model =
            RandomGraph(seed, {.batch = 1 + seed % 2, .blocks = 2 + static_cast<int>(seed % 3), .inputs = 1 + static_cast<int>(seed % 2)})
                .make();
        for (const Rounding rounding : {Rounding::narrow, Rounding::single, Rounding::twice}) {
            QuantizeOptions o;
            o.rounding = rounding;
            const Both b = quantize_model(model, o);
            const double db = quality(b);
            EXPECT_GT(db, 20) << "seed " << seed << "\n" << print(b.real);
            worst = std::min(worst, db), sum += db, ++n;
            if (HasFailure()) return;
        }
    }
    EXPECT_GT(sum / n, 30) << "worst " << worst;
}

TEST(Quantize, NothingFloatIsLeftInOrdinaryNetworks) {
    for (uint32_t seed = 1; seed <= 40; ++seed) {
        const Both b = quantize_model(RandomGraph(seed, {.blocks = 4}).make());
        for (const Node& node : b.integer.nodes)
            for (ValueId id : node.outputs)
                EXPECT_NE(b.integer.type(id).dtype, DType::float32) << "seed " << seed << " " << op_name(node.op);
        EXPECT_EQ(b.integer.type(b.integer.inputs[0].value).dtype, DType::int8);
        EXPECT_EQ(b.integer.type(b.integer.outputs[0].value).dtype, DType::int8);
        EXPECT_TRUE(b.diag.all().empty());
    }
}

Graph two_inputs(Op op, Shape a, Shape b) {
    Graph g;
    const ValueId x = g.add_input("a", {DType::float32, std::move(a), {}}), y = g.add_input("b", {DType::float32, std::move(b), {}});
    g.add_output("y", g.must_add(std::move(op), {x, g.must_add(Unary{UnaryKind::affine, 3, 0.5f}, {y}, {})}, {{"n", "Op", 0}}));
    return g;
}

TEST(Quantize, EachFormOfTwoOperands) {
    const struct {
        const char* what;
        Graph g;
    } cases[] = {
        {"matmul", two_inputs(MatMul{}, {2, 3, 8}, {2, 8, 4})},
        {"add", two_inputs(Binary{BinaryKind::add}, {1, 4, 4, 2}, {1, 1, 1, 2})},
        {"sub", two_inputs(Binary{BinaryKind::sub}, {1, 4, 4, 2}, {1, 4, 4, 2})},
        {"mul", two_inputs(Binary{BinaryKind::mul}, {1, 4, 4, 2}, {1, 4, 4, 2})},
        {"max", two_inputs(Binary{BinaryKind::max}, {1, 4, 4, 2}, {1, 4, 4, 2})},
        {"min", two_inputs(Binary{BinaryKind::min}, {1, 4, 4, 2}, {1, 4, 4, 2})},
        {"concat", two_inputs(Concat{3}, {1, 4, 4, 2}, {1, 4, 4, 3})},
        {"add with a clamp", two_inputs(Binary{BinaryKind::add, 0, 1}, {1, 4, 4, 2}, {1, 4, 4, 2})},
        {"mul with a clamp", two_inputs(Binary{BinaryKind::mul, 0, 1}, {1, 4, 4, 2}, {1, 4, 4, 2})},
    };
    for (const auto& c : cases) {
        const Both b = quantize_model(c.g);
        EXPECT_GT(quality(b), 30) << c.what;
        EXPECT_TRUE(b.diag.all().empty()) << c.what;
        for (const Node& node : b.integer.nodes) EXPECT_EQ(b.integer.type(node.outputs[0]).dtype, DType::int8) << c.what;
    }
}

Graph one_input(Op op, Shape shape) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, std::move(shape), {}});
    g.add_output("y", g.must_add(std::move(op), {x}, {{"n", "Op", 0}}));
    return g;
}

TEST(Quantize, EachFormOfOneOperand) {
    Resize linear, nearest;
    linear.size = {7, 6}, linear.scale = {1.75f, 1.5f}, linear.mode = ResizeMode::linear;
    nearest.size = {7, 6}, nearest.scale = {1.75f, 1.5f};
    Pool2D average{PoolKind::average, {2, 2}, {2, 2}};
    const struct {
        const char* what;
        Op op;
    } cases[] = {
        {"pool", average},
        {"max pool", Pool2D{PoolKind::max, {2, 2}, {1, 1}}},
        {"mean", Reduce{ReduceKind::mean, {1, 2}, true, 0, {}}},
        {"sum", Reduce{ReduceKind::sum, {3}, true, 0, {}}},
        {"max", Reduce{ReduceKind::max, {1, 2}, true, 0, {}}},
        {"min", Reduce{ReduceKind::min, {2}, false, 0, {}}},
        {"softmax", Softmax{3, false}},
        {"pad", Pad{{0, 1, 1, 0}, {0, 1, 0, 0}, PadMode::constant, 0}},
        {"pad with a value", Pad{{0, 1, 1, 0}, {0, 1, 0, 0}, PadMode::constant, 2.5f}},
        {"pad by reflection", Pad{{0, 1, 1, 0}, {0, 1, 0, 0}, PadMode::reflect, 0}},
        {"slice", Slice{{0, 1, 0, 0}, {1, 3, 2, 4}, {1, 1, 2, 1}}},
        {"transpose", Transpose{{0, 2, 1, 3}}},
        {"resize linear", linear},
        {"resize nearest", nearest},
        {"sigmoid", Unary{UnaryKind::sigmoid, 0, 0}},
        {"gelu", Unary{UnaryKind::gelu, 0, 0}},
    };
    for (const auto& c : cases) {
        const Both b = quantize_model(one_input(c.op, {1, 4, 4, 4}));
        EXPECT_GT(quality(b), 30) << c.what;
        EXPECT_TRUE(b.diag.all().empty()) << c.what;
        for (const Node& node : b.integer.nodes) EXPECT_EQ(b.integer.type(node.outputs[0]).dtype, DType::int8) << c.what;
    }
}

// A recurrent layer over 20 steps of one operand, with random weights and biases: [T, 1, I] to the hidden states and the last one.
Graph recurrent_layer(Recurrent op, uint32_t seed, bool state_given) {
    constexpr int64_t steps = 20, inputs = 6, hidden = 8;
    const int64_t gh = op.gates() * hidden;
    std::mt19937 random(seed);
    auto floats = [&](Shape shape, float most) {
        std::vector<float> v;
        for (int64_t i = 0; i < shape.elements(); ++i) v.push_back(most * (static_cast<float>(random() % 20001) / 10000.0f - 1.0f));
        return Tensor::of<float>(std::move(shape), v);
    };
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{steps, 1, inputs}, {}});
    const Shape state{1, hidden};
    const ValueId h = state_given ? g.add_input("h", {DType::float32, state, {}}) : g.add_constant(floats(state, 0.5f));
    ValueId c;
    if (op.kind == RecurrentKind::lstm)
        c = state_given ? g.add_input("c", {DType::float32, state, {}}) : g.add_constant(floats(state, 0.5f));
    Diagnostics diag;
    const auto y = g.add(op,
                         {x, g.add_constant(floats({gh, inputs}, 0.8f)), g.add_constant(floats({gh, hidden}, 0.6f)), h, c,
                          g.add_constant(floats({2 * gh}, 0.5f))},
                         {{"layer", "GRU", 0}}, diag);
    EXPECT_TRUE(y.ok()) << (diag.all().empty() ? "" : diag.all().front().text());
    g.add_output("y", (*y)[0]);
    g.add_output("last", (*y)[1]);
    if (op.kind == RecurrentKind::lstm) g.add_output("cell", (*y)[2]);
    return g;
}

TEST(Quantize, RecurrentLayersHaveAnIntegerForm) {
    for (const RecurrentKind kind : {RecurrentKind::rnn, RecurrentKind::gru, RecurrentKind::lstm}) {
        for (uint32_t seed = 0; seed < 8; ++seed) {
            Recurrent op;
            op.kind = kind;
            op.reverse = seed % 2 == 1;
            op.linear_before_reset = kind == RecurrentKind::gru && seed % 4 < 2;
            if (kind == RecurrentKind::rnn) op.f = UnaryKind::tanh;
            if (kind == RecurrentKind::lstm && seed % 4 == 3) op.cell_clip = 0.75f;
            const Both b = quantize_model(recurrent_layer(op, seed + 1, seed >= 4));
            EXPECT_TRUE(b.diag.all().empty()) << b.diag.all().front().text();
            const Node* node = find<Recurrent>(b.integer);
            ASSERT_NE(node, nullptr);
            EXPECT_EQ(b.integer.type(node->outputs[0]).dtype, DType::int8);
            for (size_t output = 0; output < b.real.outputs.size(); ++output)
                EXPECT_GT(quality(b, output), 25) << enum_name(kind) << " seed " << seed << " output " << output;
        }
    }
}

// What a model that adds up, divides (in floats) and runs an lstm keeps between calls: 8 bits where integers are kept, 16 for the cell, and
// floats where a float layer writes. Over a sequence it stays close to the float model.
TEST(Quantize, StatesAreKeptInWhatTheyAreGiven) {
    constexpr int64_t hidden = 5;
    std::mt19937 random(3);
    auto floats = [&](Shape shape, float most) {
        std::vector<float> v;
        for (int64_t i = 0; i < shape.elements(); ++i) v.push_back(most * (static_cast<float>(random() % 20001) / 10000.0f - 1.0f));
        return Tensor::of<float>(std::move(shape), v);
    };
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, hidden}, {}});
    const ValueId average = g.add_state("average", floats({1, hidden}, 0.5f)), h = g.add_state("h", floats({1, hidden}, 0.5f)),
                  c = g.add_state("c", floats({1, hidden}, 0.5f)), ratio = g.add_state("ratio", floats({1, hidden}, 0.5f));
    const ValueId half = g.must_add(Unary{UnaryKind::affine, 0.5f, 0}, {average}, {{"half", "Mul", 0}});
    const ValueId sum = g.must_add(Binary{BinaryKind::add}, {half, x}, {{"sum", "Add", 1}});
    const ValueId steps = g.must_add(Reshape{{1, 1, hidden}}, {sum}, {{"steps", "Reshape", 2}});
    Diagnostics diag;
    const auto lstm = g.add(
        Recurrent{}, {steps, g.add_constant(floats({4 * hidden, hidden}, 0.6f)), g.add_constant(floats({4 * hidden, hidden}, 0.6f)), h, c},
        {{"lstm", "LSTM", 3}}, diag);
    ASSERT_TRUE(lstm.ok());
    const ValueId more = g.must_add(Unary{UnaryKind::affine, 1, 3}, {(*lstm)[1]}, {{"more", "Add", 4}});
    const ValueId part = g.must_add(Binary{BinaryKind::div}, {ratio, more}, {{"part", "Div", 5}});
    const ValueId y = g.must_add(Binary{BinaryKind::add}, {(*lstm)[1], part}, {{"y", "Add", 6}});
    g.states[0].next = sum, g.states[1].next = (*lstm)[1], g.states[2].next = (*lstm)[2], g.states[3].next = part;
    g.add_output("y", y);
    const Graph real = testing::optimised(g);
    Profile profile;
    {
        Module module;
        module.graphs = {real};
        SampleSet set;
        for (uint32_t k = 0; k < 60; ++k) set.samples.push_back(testing::random_inputs(real, k));
        auto p = collect(module, set, {}, diag, {}, 10);
        ASSERT_TRUE(p.ok());
        profile = *p;
    }
    PassRunner run;
    const auto integer = quantise(real, profile, {}, run, diag);
    ASSERT_TRUE(integer.ok());
    std::vector<DType> types;
    for (const State& s : integer->states) types.push_back(integer->type(s.value).dtype);
    EXPECT_EQ(types, (std::vector<DType>{DType::int8, DType::int8, DType::int16, DType::float32})) << print(*integer);
    std::vector<Tensor> left = initial_states(real), kept = initial_states(*integer);
    double signal = 0, noise = 1e-30;
    for (uint32_t k = 0; k < 10; ++k) {
        const std::vector<Tensor> in = testing::random_inputs(real, 5000 + k);
        const Type& type = integer->type(integer->inputs[0].value);
        std::vector<Tensor> q{Tensor::zeros(type)};
        const Tensor* from[] = {in.data()};
        evaluate(Quantize{type.dtype, type.quant}, from, q);
        const Tensor a = interpret(real, in, {}, &left)[0];
        Tensor b = interpret(*integer, q, {}, &kept)[0];
        b.type.quant = integer->type(integer->outputs[0].value).quant;
        b = b.dequantized();
        for (int64_t i = 0; i < a.elements(); ++i) signal += a.at(i) * a.at(i), noise += (a.at(i) - b.at(i)) * (a.at(i) - b.at(i));
    }
    EXPECT_GT(10 * std::log10(signal / noise), 25);
}

TEST(Quantize, ARecurrentLayerWithOtherFunctionsStaysFloat) {
    Recurrent op;
    op.kind = RecurrentKind::gru;
    op.g = UnaryKind::softplus;
    const Both b = quantize_model(recurrent_layer(op, 5, false));
    ASSERT_EQ(b.diag.all().size(), 1u);
    EXPECT_EQ(b.diag.all()[0].id, DiagId::quantize_left_float);
    EXPECT_GT(quality(b), 25);
}

// HardSwish in four pieces, and a second function of the same value: two tables, whatever lies between.
TEST(Quantize, RegionsOfElementwiseOpsAreOneTable) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 40}, {}});
    auto scalar = [&](float v) { return g.add_constant(Tensor::of<float>(Shape{}, {v})); };
    const ValueId shifted = g.must_add(Binary{BinaryKind::add}, {x, scalar(0.5f)}, {{"add", "Add", 0}});
    const ValueId clipped = g.must_add(Unary{UnaryKind::clamp, 0, 1}, {shifted}, {{"clip", "Clip", 1}});
    const ValueId product = g.must_add(Binary{BinaryKind::mul}, {x, clipped}, {{"mul", "Mul", 2}});
    const ValueId swish = g.must_add(Binary{BinaryKind::div}, {product, scalar(2)}, {{"div", "Div", 3}});
    const ValueId other = g.must_add(Unary{UnaryKind::sin, 0, 0}, {shifted}, {{"sin", "Sin", 4}});
    g.add_output("swish", swish);
    g.add_output("sin", other);
    const Both b = quantize_model(g);
    EXPECT_EQ(b.integer.nodes.size(), 2u) << print(b.integer);
    ASSERT_NE(find<Lookup>(b.integer), nullptr);
    std::vector<std::string> from;
    for (const Source& s : b.integer.nodes[0].sources) from.push_back(s.op);
    for (const char* op : {"Add", "Clip", "Mul", "Div"}) EXPECT_NE(std::find(from.begin(), from.end(), op), from.end()) << op;
    EXPECT_GT(quality(b, 0), 35);
    EXPECT_GT(quality(b, 1), 35);
}

TEST(Quantize, WhatHasNoIntegerFormStaysFloatAndSaysSo) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 6}, {}}), z = g.add_input("z", {DType::float32, Shape{1, 6}, {}});
    const ValueId big = g.must_add(Unary{UnaryKind::affine, 1, 4}, {z}, {});
    const ValueId y = g.must_add(Binary{BinaryKind::div}, {x, big}, {{"quotient", "Div", 3}});
    g.add_output("y", g.must_add(Unary{UnaryKind::tanh, 0, 0}, {y}, {}));
    const Both b = quantize_model(g);
    ASSERT_EQ(b.diag.all().size(), 1u);
    EXPECT_EQ(b.diag.all()[0].id, DiagId::quantize_left_float);
    EXPECT_EQ(b.diag.all()[0].severity, Severity::note);
    EXPECT_EQ(b.diag.all()[0].location.node_name, "quotient");
    EXPECT_NE(find<Dequantize>(b.integer), nullptr);
    EXPECT_NE(find<Quantize>(b.integer), nullptr);
    EXPECT_EQ(b.integer.type(b.integer.outputs[0].value).dtype, DType::int8);
    EXPECT_GT(quality(b), 30);
}

TEST(Quantize, FloatEdgeOnRequest) {
    QuantizeOptions o;
    o.float_io = true;
    const Both b = quantize_model(RandomGraph(12, {.blocks = 3, .inputs = 2, .extra_output = true}).make(), o);
    for (const auto* ports : {&b.integer.inputs, &b.integer.outputs})
        for (const Port& port : *ports) EXPECT_EQ(b.integer.type(port.value).dtype, DType::float32);
    EXPECT_GT(quality(b), 20);
}

// Softmax fixes its scale to 1/256. What is concatenated with it must not be cut down to [0, 1).
TEST(Quantize, ConcatWithASoftmaxKeepsTheOtherPartsRange) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 8}, {}});
    const ValueId p = g.must_add(Softmax{1, false}, {x}, {{"softmax", "Softmax", 0}});
    const ValueId wide = g.must_add(Unary{UnaryKind::affine, 9, 0}, {x}, {{"wide", "Mul", 1}});
    g.add_output("y", g.must_add(Concat{1}, {p, wide}, {{"concat", "Concat", 2}}));
    EXPECT_GT(quality(quantize_model(g)), 30);
}

TEST(Quantize, EveryValueNeedsARange) {
    const Graph g = testing::optimised(RandomGraph(4, {.blocks = 2}).make());
    Profile profile = testing::profile_of(g);
    const std::string name = profile.tensors.back().name;
    profile.tensors.pop_back();
    PassRunner run;
    Diagnostics diag;
    EXPECT_FALSE(quantise(g, profile, {}, run, diag).ok());
    ASSERT_EQ(diag.all().size(), 1u);
    EXPECT_EQ(diag.all()[0].id, DiagId::profile_missing_tensor);
    EXPECT_EQ(diag.all()[0].location.operand, name);
}

TEST(Quantize, ZeroIsExactWhateverTheRange) {
    for (const auto& [lo, hi] : {std::pair(-3.0, 1.0), {0.0, 6.0}, {2.0, 5.0}, {-7.0, -1.0}, {0.0, 0.0}, {-1e-20, 1e-20}, {-0.001, 4.0}}) {
        const Quant q = activation_quant(lo, hi);
        EXPECT_GE(q.zero_point(), -128);
        EXPECT_LE(q.zero_point(), 127);
        EXPECT_GT(q.scale(), 0);
        if (hi - lo < 1e-12) continue;
        const double least = q.scale() * static_cast<double>(-128 - q.zero_point()),
                     most = q.scale() * static_cast<double>(127 - q.zero_point());
        EXPECT_LE(least, std::min(lo, 0.0) + q.scale());
        EXPECT_GE(most, std::max(hi, 0.0) - q.scale());
    }
}

// A bias far larger than the weights' own products must not overflow the accumulator.
TEST(Quantize, AHugeBiasFitsTheAccumulator) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 16}, {}});
    RandomGraph maker(3, {});
    const ValueId w = g.add_constant(maker.constant(Shape{2, 16}, 1e-7f)), bias = g.add_constant(Tensor::of<float>(Shape{2}, {100, -37}));
    g.add_output("y", g.must_add(Dense{}, {x, w, bias}, {}));
    const Both b = quantize_model(g);
    EXPECT_GT(quality(b), 40);
}

}  // namespace
}  // namespace gw
