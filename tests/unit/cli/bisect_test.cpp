// bisect names a wrong pass. The wrong passes are planted here, in pipelines of the test's own; the tool has no way to run one.
#include "cli/bisect.h"

#include "run.h"
#include "support/random_graph.h"

namespace gw {
namespace {

using testing::RandomGraph;

std::vector<std::vector<Tensor>> samples_of(const Graph& g) { return {testing::random_inputs(g, 1), testing::random_inputs(g, 2)}; }

// Every weight is off by a half: what a pass that folds a wrong constant does.
Graph spoil_the_weights(const Graph& g) {
    Graph out = g;
    for (Value& v : out.values)
        if (v.is_constant() && v.type.dtype == DType::float32)
            for (int64_t i = 0; i < v.constant.elements(); ++i) v.constant.set(i, v.constant.at(i) + 0.5);
    return out;
}

Expected<Graph> plant(PassRunner& run, const char* name, Graph (*pass)(const Graph&), const Graph& g, Diagnostics& diag) {
    return run(
        name, [&](const Graph& x) -> Expected<Graph> { return pass(x); }, g, diag);
}

TEST(Bisect, TheCompilersPassesKeepTheAnswer) {
    for (uint32_t seed = 1; seed <= 5; ++seed) {
        const Graph g = RandomGraph(seed, {}).make();
        Diagnostics diag;
        const auto stages = bisect(
            g, [](const Graph& x, PassRunner& run, Diagnostics& d) { return optimise(x, false, run, d); }, samples_of(g), {}, diag);
        ASSERT_TRUE(stages.ok());
        EXPECT_GE(stages->size(), 8u);
        EXPECT_FALSE(stages->back().changed) << seed << ": " << stages->back().pass;
    }
}

TEST(Bisect, AWrongPassInTheMiddleIsNamed) {
    const Graph g = RandomGraph(3, {}).make();
    Diagnostics diag;
    const auto stages = bisect(
        g,
        [](const Graph& x, PassRunner& run, Diagnostics& d) -> Expected<Graph> {
            GW_TRY(const Graph folded, plant(run, "fold-constants", fold_constants, x, d));
            GW_TRY(const Graph spoiled, plant(run, "planted", spoil_the_weights, folded, d));
            return optimise(spoiled, false, run, d);
        },
        samples_of(g), {}, diag);
    ASSERT_TRUE(stages.ok());
    ASSERT_EQ(stages->size(), 2u);
    EXPECT_FALSE((*stages)[0].changed);
    EXPECT_TRUE((*stages)[1].changed);
    EXPECT_EQ((*stages)[1].pass, "planted");
    EXPECT_NE((*stages)[1].before, (*stages)[1].after);
    EXPECT_FALSE((*stages)[1].output.empty());
}

// Behind quantization the answer is int8, and one unit is a difference.
TEST(Bisect, AWrongPassBehindQuantizationIsNamed) {
    const Graph g = RandomGraph(4, {}).make();
    const Profile profile = testing::profile_of(testing::optimised(g));
    Diagnostics diag;
    static constexpr auto shift_an_output = [](const Graph& x) {
        Graph out = x;
        for (size_t n = out.nodes.size(); n-- > 0;)
            if (auto* dense = get_if<Dense>(out.nodes[n].op)) {
                dense->requant.zero_point += 1;
                return out;
            }
        ADD_FAILURE() << "no dense layer to spoil";
        return out;
    };
    const auto stages = bisect(
        g,
        [&](const Graph& x, PassRunner& run, Diagnostics& d) -> Expected<Graph> {
            GW_TRY(const Graph f, optimise(x, false, run, d));
            GW_TRY(const Graph q, quantise(f, profile, {}, run, d));
            return plant(run, "planted", shift_an_output, q, d);
        },
        samples_of(g), {}, diag);
    ASSERT_TRUE(stages.ok());
    EXPECT_EQ(stages->back().pass, "planted");
    EXPECT_TRUE(stages->back().changed);
    for (size_t k = 0; k + 1 < stages->size(); ++k) EXPECT_FALSE((*stages)[k].changed) << (*stages)[k].pass;
}

// The command says the same of the embedded model, float and through quantization.
TEST(Bisect, TheCommandFindsNothingWrongInTheDigitModel) {
    const auto s =
        testing::glowworm({"bisect", testing::digits(), testing::pictures() + "[:3]", "--image-range", "0..1", "--quantize", "--json"});
    ASSERT_EQ(s.status, 0) << s.out;
    bool quantized = false;
    const auto result = s.json();
    for (const auto& stage : result["stages"]) quantized = quantized || stage["pass"] == "quantize";
    EXPECT_TRUE(quantized);
    EXPECT_GT(s.json()["stages"].size(), testing::glowworm({"bisect", testing::digits(), "--json"}).json()["stages"].size());
    EXPECT_TRUE(s.json()["first_wrong"].is_null());
    // A quantization that must not lose anything is a verdict.
    const auto strict = testing::glowworm(
        {"bisect", testing::digits(), testing::pictures() + "[:3]", "--image-range", "0..1", "--quantize", "--min-sqnr", "150", "--json"});
    EXPECT_EQ(strict.status, 3) << strict.out;
    EXPECT_EQ(strict.json()["first_wrong"], "quantize");
}

}  // namespace
}  // namespace gw
