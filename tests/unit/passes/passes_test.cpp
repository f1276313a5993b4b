// Every pass, and the whole pipeline, keeps what random networks compute; and leaves the graph in the state that it promises.
#include <gtest/gtest.h>

#include "support/random_graph.h"

namespace gw {
namespace {

using testing::RandomGraph;

template <class T>
int count(const Graph& g) {
    int n = 0;
    for (const Node& node : g.nodes) n += get_if<T>(node.op) != nullptr ? 1 : 0;
    return n;
}

void expect_same(const Graph& model, const Graph& result, const std::string& what) {
    Diagnostics diag;
    ASSERT_TRUE(verify(result, diag).ok()) << what << ": " << diag.all().front().text();
    const std::vector<Tensor> inputs = testing::random_inputs(model, 7);
    const std::vector<Tensor> expected = testing::run_model(model, inputs), seen = testing::run_model(result, inputs);
    ASSERT_EQ(expected.size(), seen.size()) << what;
    for (size_t i = 0; i < expected.size(); ++i)
        EXPECT_LE(testing::relative_difference(expected[i], seen[i]), 1e-5) << what << ", output " << i << "\n" << print(model);
}

RandomGraph::Options options_of(uint32_t seed) {
    return {.batch = seed % 5 == 0 ? 2 : 1,
            .blocks = 3 + static_cast<int>(seed % 5),
            .inputs = seed % 4 == 0 ? 2 : 1,
            .extra_output = seed % 3 == 0};
}

TEST(Passes, EachKeepsTheMeaningOfRandomNetworks) {
    for (uint32_t seed = 1; seed <= 60; ++seed) {
        const Graph model = RandomGraph(seed, options_of(seed)).make();
        Graph chained = model;
        for (const NamedPass& pass : named_passes()) {
            const std::string what = "seed " + std::to_string(seed) + ", pass " + std::string(pass.name);
            expect_same(model, pass.function(model), what + " alone");
            chained = pass.function(chained);
            expect_same(model, chained, what + " after those before it");
            if (HasFatalFailure() || HasNonfatalFailure()) return;
        }
    }
}

TEST(Passes, OptimiseKeepsTheMeaningAndTheEdge) {
    for (uint32_t seed = 100; seed < 160; ++seed) {
        const Graph model = RandomGraph(seed, options_of(seed)).make();
        for (const bool keep_order : {false, true}) {
            PassRunner run;
            Diagnostics diag;
            const auto g = optimise(model, keep_order, run, diag);
            ASSERT_TRUE(g.ok());
            expect_same(model, *g, fmt::format("seed {} keep {}", seed, keep_order));
            if (HasFailure()) return;
            for (size_t i = 0; i < model.inputs.size(); ++i) {
                EXPECT_EQ(g->inputs[i].name, model.inputs[i].name);
                EXPECT_EQ(g->inputs[i].model_shape, model.inputs[i].model_shape);
                if (keep_order) EXPECT_TRUE(g->inputs[i].perm.empty());
            }
            for (size_t i = 0; i < model.outputs.size(); ++i) EXPECT_EQ(g->outputs[i].model_shape, model.outputs[i].model_shape);
        }
    }
}

// NCHW patterns of real networks: no transpose is left, whatever the seed puts together.
TEST(Passes, NoTransposeIsLeftInNetworksOfNchw) {
    for (uint32_t seed = 200; seed < 300; ++seed) {
        const Graph model = RandomGraph(seed, options_of(seed)).make();
        const Graph g = testing::optimised(model);
        EXPECT_EQ(count<Transpose>(g), 0) << "seed " << seed << "\n" << print(g);
        if (HasFailure()) return;
    }
}

TEST(Passes, BatchNormScalarsPadsAndClampsDisappear) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 3, 8, 8}, {}});
    RandomGraph maker(5, {});
    auto constant = [&](Shape s, float scale, float offset = 0) { return g.add_constant(maker.constant(std::move(s), scale, offset)); };
    const ValueId scaled = g.must_add(Binary{BinaryKind::mul}, {x, constant(Shape{1, 3, 1, 1}, 0.5f, 1)}, {});
    const ValueId padded = g.must_add(Pad{{0, 0, 1, 1}, {0, 0, 1, 1}, PadMode::constant, 0}, {scaled}, {});
    const ValueId t = g.must_add(Transpose{{0, 2, 3, 1}}, {padded}, {});
    const ValueId c = g.must_add(Conv2D{}, {t, constant(Shape{4, 3, 3, 3}, 0.4f), {}}, {});
    const ValueId n = g.must_add(Transpose{{0, 3, 1, 2}}, {c}, {});
    const ValueId m = g.must_add(Binary{BinaryKind::mul}, {n, constant(Shape{1, 4, 1, 1}, 0.5f, 1)}, {});
    const ValueId a = g.must_add(Binary{BinaryKind::add}, {m, constant(Shape{4, 1, 1}, 0.5f)}, {});
    const ValueId r = g.must_add(Unary{UnaryKind::clamp, 0, infinity}, {a}, {});
    const ValueId r6 = g.must_add(Unary{UnaryKind::clamp, -1, 6}, {r}, {});
    g.add_output("y", r6);
    const Graph o = testing::optimised(g);
    expect_same(g, o, "one convolution");
    ASSERT_EQ(o.nodes.size(), 2u) << print(o);  // the scale in front of the pad, and the convolution
    EXPECT_EQ(count<Conv2D>(o), 1);
    EXPECT_EQ(count<Pad>(o), 0);
    EXPECT_EQ(count<Unary>(o), 0);
}

TEST(Passes, AnAdditionInFrontOfPaddingStays) {
    // conv(pad(x) + a) is not conv with a other bias: the padding is 0, not a.
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 5, 5, 2}, {}});
    RandomGraph maker(6, {});
    const ValueId a = g.must_add(Binary{BinaryKind::add}, {x, g.add_constant(maker.constant(Shape{2}, 1, 2))}, {});
    Conv2D conv;
    conv.pad = {1, 1, 1, 1};
    g.add_output("y", g.must_add(conv, {a, g.add_constant(maker.constant(Shape{3, 3, 3, 2}, 1)), {}}, {}));
    const Graph o = testing::optimised(g);
    expect_same(g, o, "addition before padding");
    EXPECT_EQ(o.nodes.size(), 2u);
}

TEST(Passes, ValuesWithASecondReaderAreNotFoldedAway) {
    // y1 = conv(x), y2 = relu(2·y1): both are wanted.
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 5, 5, 2}, {}});
    RandomGraph maker(8, {});
    const ValueId c = g.must_add(Conv2D{}, {x, g.add_constant(maker.constant(Shape{3, 1, 1, 2}, 1)), {}}, {});
    const ValueId m = g.must_add(Binary{BinaryKind::mul}, {c, g.add_constant(maker.constant(Shape{3}, 1, 2))}, {});
    g.add_output("y1", c);
    g.add_output("y2", g.must_add(Unary{UnaryKind::clamp, 0, infinity}, {m}, {}));
    g.add_output("y3", g.must_add(Unary{UnaryKind::clamp, 0, 1}, {c}, {}));
    expect_same(g, testing::optimised(g), "two readers");
}

TEST(Passes, ConstantsAreComputedAndEqualOpsMerged) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{2, 3}, {}});
    RandomGraph maker(9, {});
    const ValueId c1 = g.add_constant(maker.constant(Shape{3}, 1)), c2 = g.add_constant(maker.constant(Shape{3}, 1));
    const ValueId k = g.must_add(Binary{BinaryKind::mul}, {c1, c2}, {});
    const ValueId a = g.must_add(Binary{BinaryKind::add}, {x, k}, {});
    const ValueId t1 = g.must_add(Unary{UnaryKind::tanh, 0, 0}, {a}, {}), t2 = g.must_add(Unary{UnaryKind::tanh, 0, 0}, {a}, {});
    g.add_output("y", g.must_add(Binary{BinaryKind::sub}, {t1, g.must_add(Unary{UnaryKind::exp, 0, 0}, {t2}, {})}, {}));
    const Graph folded = fold_constants(g);
    EXPECT_EQ(folded.nodes.size(), 5u);
    expect_same(g, folded, "fold");
    const Graph merged = merge_common(folded);
    EXPECT_EQ(merged.nodes.size(), 4u);
    expect_same(g, merged, "merge");
}

TEST(Passes, OpsThatDoNothingGo) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::float32, Shape{1, 4, 4, 2}, {}});
    ValueId y = g.must_add(Transpose{{0, 1, 2, 3}}, {x}, {});
    y = g.must_add(Reshape{{4, 8}}, {y}, {});
    y = g.must_add(Reshape{{1, 4, 4, 2}}, {y}, {});
    y = g.must_add(Cast{DType::float32}, {y}, {});
    y = g.must_add(Slice{{0, 0, 0, 0}, {1, 4, 4, 2}, {1, 1, 1, 1}}, {y}, {});
    y = g.must_add(Pad{{0, 0, 0, 0}, {0, 0, 0, 0}, PadMode::constant, 0}, {y}, {});
    y = g.must_add(Concat{3}, {y}, {});
    y = g.must_add(Pool2D{}, {y}, {});
    y = g.must_add(Unary{UnaryKind::power, 1, 0}, {y}, {});
    y = g.must_add(Unary{UnaryKind::affine, 2, 1}, {y}, {});
    y = g.must_add(Unary{UnaryKind::affine, 0.5f, -0.5f}, {y}, {});
    g.add_output("y", g.must_add(Unary{UnaryKind::abs, 0, 0}, {y}, {}));
    const Graph o = simplify(simplify(g));
    EXPECT_EQ(o.nodes.size(), 1u) << print(o);
    expect_same(g, o, "identities");
}

TEST(Passes, RunnerStopsAtItsLimitAndShowsEachPass) {
    const Graph model = RandomGraph(3, {}).make();
    PassRunner run;
    std::vector<std::string> seen;
    run.after = [&](int, std::string_view name, const Graph&) { seen.emplace_back(name); };
    run.limit = 3;
    Diagnostics diag;
    const auto g = optimise(model, false, run, diag);
    ASSERT_TRUE(g.ok());
    EXPECT_EQ(seen, (std::vector<std::string>{"fold-constants", "canonicalise-layouts", "fold-constants"}));
}

TEST(PassesDeathTest, ABrokenGraphIsOurOwnBugAndNamesThePass) {
    const Graph model = RandomGraph(3, {}).make();
    PassRunner run;
    Diagnostics diag;
    const Pass breaks = [](const Graph& g) -> Expected<Graph> {
        Graph b = g;
        b.values[b.nodes.back().outputs[0].index].type.shape = Shape{77};
        return b;
    };
    EXPECT_DEATH((void)run("breaks-it", breaks, model, diag), "breaks-it");
}

}  // namespace
}  // namespace gw
