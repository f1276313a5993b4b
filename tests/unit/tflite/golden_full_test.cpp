// The kit's models against TFLite Micro's reference kernels: final outputs, every operator's output, whole data sets; int8 byte for byte,
// float within a tolerance. As imported, and as the compiler's passes leave the graph.
#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "base/files.h"
#include "frontend/tflite/tflite.h"
#include "interp/interp.h"
#include "passes/passes.h"
#include "samples/npy.h"
#include "support/bundle.h"
#include "support/kit.h"

namespace gw {
namespace {

std::string kit_bytes(const std::string& name) {
    Diagnostics diag;
    auto bytes = read_file(kit_file(name), diag);
    return bytes ? *bytes : std::string();
}

std::optional<Graph> import(const std::string& name) {
    Diagnostics diag;
    auto module = read_tflite(kit_file("models/" + name + ".tflite"), diag);
    for (const auto& d : diag.all()) ADD_FAILURE() << d.text();
    if (!module) return std::nullopt;
    EXPECT_TRUE(verify(module->main(), diag)) << (diag.all().empty() ? "" : diag.all().front().text());
    return module->main();
}

Graph optimised(const Graph& g) {
    Diagnostics diag;
    PassRunner run;
    auto out = optimise(g, false, run, diag);
    EXPECT_TRUE(out);
    return out ? *out : g;
}

std::vector<Tensor> inputs_of(const Graph& g, std::string_view bytes) {
    std::vector<Tensor> in;
    size_t at = 0;
    for (const Port& p : g.inputs) {
        const Type& t = g.type(p.value);
        in.push_back(Tensor::from_bytes(t, bytes.substr(at, static_cast<size_t>(t.bytes()))));
        at += static_cast<size_t>(t.bytes());
    }
    EXPECT_EQ(at, bytes.size());
    return in;
}

std::string output_bytes(const Graph& g, std::string_view bytes) {
    std::string all;
    for (const Tensor& t : interpret(g, inputs_of(g, bytes))) all += t.bytes();
    return all;
}

struct Model {
    const char* name;
    int64_t macs;
};

class TfliteGolden : public ::testing::TestWithParam<Model> {};

TEST_P(TfliteGolden, FinalOutputsAreTheReferencesBytes) {
    const std::string name = GetParam().name;
    GW_REQUIRE_KIT("models/" + name + ".tflite");
    const auto g = import(name);
    ASSERT_TRUE(g);
    EXPECT_EQ(g->macs(), GetParam().macs);
    const Graph after = optimised(*g);
    for (int k = 1; k <= 3; ++k) {
        const std::string stem = "golden/" + name + "." + std::to_string(k);
        const std::string in = kit_bytes(stem + ".in.bin"), expected = kit_bytes(stem + ".out.bin");
        ASSERT_FALSE(expected.empty()) << stem;
        EXPECT_EQ(output_bytes(*g, in), expected) << stem << " as imported";
        EXPECT_EQ(output_bytes(after, in), expected) << stem << " after the passes";
    }
}

TEST_P(TfliteGolden, EveryOperatorsOutputIsTheReferencesBytes) {
    const std::string name = GetParam().name;
    GW_REQUIRE_KIT("models/" + name + ".tflite");
    const auto g = import(name);
    ASSERT_TRUE(g);
    std::map<std::string, std::string> seen;
    interpret(*g, inputs_of(*g, kit_bytes("golden/" + name + ".1.in.bin")),
              [&](ValueId id, const Tensor& t) { seen[(*g)[id].source] = std::string(t.bytes()); });
    std::map<int64_t, std::string> result;  // of an operator
    for (const Node& node : g->nodes) result[node.sources.at(0).index] = node.sources.at(0).name;
    ASSERT_FALSE(result.empty());
    for (const auto& [index, tensor] : result) {
        const std::string file = fmt::format("golden/layers/{}.1.{:03}.0.bin", name, index);
        ASSERT_TRUE(std::filesystem::exists(kit_file(file))) << file;
        EXPECT_EQ(seen[tensor], kit_bytes(file)) << file << " " << tensor;
    }
    EXPECT_FALSE(std::filesystem::exists(kit_file(fmt::format("golden/layers/{}.1.{:03}.0.bin", name, result.rbegin()->first + 1))));
}

// Without fusion each operator is a step of the C, and each step gives the reference's bytes.
TEST_P(TfliteGolden, EveryStepOfAnUnfusedBuildIsTheReferencesBytes) {
    const std::string name = GetParam().name;
    GW_REQUIRE_KIT("models/" + name + ".tflite");
    const auto g = import(name);
    ASSERT_TRUE(g);
    if (!g->states.empty()) GTEST_SKIP() << "a recurrent layer is one step with several results";
    const testing::Made bundle = testing::make_bundle(*g, {.name = "net", .fusion = false});
    RunOptions run;
    run.capture_steps = true;
    Diagnostics diag;
    const std::vector<std::string> inputs{kit_bytes("golden/" + name + ".1.in.bin")};
    const auto result = run_on_host(bundle.info, inputs, {}, run, diag);
    ASSERT_TRUE(result.ok()) << diag.all().front().text();
    size_t compared = 0;
    for (size_t s = 0; s < bundle.program.steps.size(); ++s) {
        const Step& step = bundle.program.steps[s];
        if (step.op == "copy") continue;
        ASSERT_EQ(step.values.size(), 1u);
        const Node* node = g->producer({step.values[0]});
        ASSERT_NE(node, nullptr);
        const std::string file = fmt::format("golden/layers/{}.1.{:03}.0.bin", name, node->sources.at(0).index);
        EXPECT_EQ(result->steps[0][s], kit_bytes(file)) << file << " " << step.name;
        ++compared;
    }
    const auto views = std::count_if(g->nodes.begin(), g->nodes.end(), [](const Node& n) { return get_if<Reshape>(n.op) != nullptr; });
    EXPECT_EQ(compared + static_cast<size_t>(views), g->nodes.size()) << "an operator has no step of its own";
}
INSTANTIATE_TEST_SUITE_P(Kit, TfliteGolden,
                         ::testing::Values(Model{"kws01_int8", 2656768}, Model{"ic01_int8", 12501632}, Model{"vww01_int8", 7489664},
                                           Model{"ad01_int8", 264192}, Model{"sww01_int8", 826368}, Model{"micro_speech_quantized", 336000},
                                           Model{"hello_world_int8", 288}, Model{"mnist_lstm_int8", 113120}),
                         [](const auto& model) { return std::string(model.param.name); });

// A model that keeps state: three inputs one after the other, without a reset; then the first again from the beginning.
TEST(TfliteSequences, TheLstmKeepsItsStateBetweenCalls) {
    GW_REQUIRE_KIT("models/mnist_lstm_int8.tflite");
    const auto g = import("mnist_lstm_int8");
    ASSERT_TRUE(g);
    ASSERT_EQ(g->states.size(), 2u);
    const std::string in = kit_bytes("golden/mnist_lstm_int8.seq.in.bin"), expected = kit_bytes("golden/mnist_lstm_int8.seq.out.bin");
    ASSERT_EQ(in.size(), 3u * 784u);
    for (const Graph& graph : {*g, optimised(*g)}) {
        std::vector<Tensor> states = initial_states(graph);
        std::string seen;
        for (size_t k = 0; k < 3; ++k)
            seen += std::string(interpret(graph, inputs_of(graph, std::string_view(in).substr(k * 784, 784)), {}, &states).at(0).bytes());
        EXPECT_EQ(seen, expected);
        states = initial_states(graph);
        EXPECT_EQ(interpret(graph, inputs_of(graph, std::string_view(in).substr(0, 784)), {}, &states).at(0).bytes(),
                  std::string_view(expected).substr(0, 10));
        EXPECT_NE(std::string_view(expected).substr(10, 10),
                  interpret(graph, inputs_of(graph, std::string_view(in).substr(784, 784))).at(0).bytes())
            << "the sequence does not tell whether state is kept";
    }
}

class TfliteFloatGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(TfliteFloatGolden, OutputsAreTheReferencesWithinRounding) {
    const std::string name = GetParam();
    GW_REQUIRE_KIT("models/" + name + ".tflite");
    const auto g = import(name);
    ASSERT_TRUE(g);
    const Graph after = optimised(*g);
    for (int k = 1; k <= 3; ++k) {
        const std::string stem = "golden/" + name + "." + std::to_string(k);
        const std::string in = kit_bytes(stem + ".in.bin");
        const Tensor expected = Tensor::from_bytes(g->type(g->outputs.at(0).value), kit_bytes(stem + ".out.bin"));
        const Tensor imported = interpret(*g, inputs_of(*g, in)).at(0), passed = interpret(after, inputs_of(after, in)).at(0);
        double largest = 0;
        for (int64_t i = 0; i < expected.elements(); ++i) largest = std::max(largest, std::fabs(expected.at(i)));
        for (int64_t i = 0; i < expected.elements(); ++i) {
            EXPECT_NEAR(imported.at(i), expected.at(i), 1e-4 * largest) << stem << " element " << i;
            EXPECT_NEAR(passed.at(i), expected.at(i), 1e-4 * largest) << stem << " element " << i << " after the passes";
        }
    }
}
INSTANTIATE_TEST_SUITE_P(Kit, TfliteFloatGolden,
                         ::testing::Values("hello_world_float", "ad01_float", "ic01_float", "vww01_float", "mnist_lstm_float"),
                         [](const auto& model) { return std::string(model.param); });

// Float data with int8 weights: TFLite Micro refuses it; the numbers are those of a float run with dequantized weights.
TEST(TfliteHybrid, KeywordSpotting) {
    GW_REQUIRE_KIT("models/kws01_float.tflite");
    Diagnostics diag;
    auto module = read_tflite(kit_file("models/kws01_float.tflite"), diag);
    auto arrays = read_npz(kit_file("models/kws01_float_io.npz"), diag);
    ASSERT_TRUE(module);
    ASSERT_TRUE(arrays);
    EXPECT_FALSE(diag.has_errors());
    const Graph& g = module->main();
    const Tensor &inputs = (*arrays)[0].tensor, &outputs = (*arrays)[1].tensor;
    const int64_t rows = inputs.shape()[0], n = inputs.elements() / rows, m = outputs.elements() / rows;
    ASSERT_GE(rows, 1);
    for (int64_t i = 0; i < rows; ++i) {
        Tensor x = Tensor::zeros(g.type(g.inputs.at(0).value));
        ASSERT_EQ(x.elements(), n);
        for (int64_t k = 0; k < n; ++k) x.set(k, inputs.at(i * n + k));
        const std::vector<Tensor> one{x};
        const Tensor y = interpret(g, one).at(0);
        for (int64_t k = 0; k < m; ++k) EXPECT_NEAR(y.at(k), outputs.at(i * m + k), 1e-3) << i << " " << k;
    }
    // In flash the weights are the file's bytes.
    const Graph after = optimised(g);
    const testing::Made bundle = testing::make_bundle(after);
    int64_t bytes = 0;
    for (const Data& d : bundle.program.data) bytes += d.tensor.type.bytes();
    // The converter leaves weights of less than 1,024 elements as floats: those of the depthwise layers and of the last one.
    const int64_t small = 18944, floats = 4 * 576 + 768, biases = 588, scales = 5 * 64;
    EXPECT_EQ(bytes, small + 4 * (floats + biases + scales));
    testing::expect_right(after, bundle, "kws01_float");
}

// A whole data set: every output byte, and so the number of right answers.
void expect_data_set(const std::string& model, const std::string& inputs, const std::string& labels, const std::string& golden, int offset,
                     int right) {
    GW_REQUIRE_KIT("models/" + model + ".tflite");
    GW_REQUIRE_KIT(inputs);
    const auto imported = import(model);
    ASSERT_TRUE(imported);
    const Graph g = optimised(*imported);
    Diagnostics diag;
    auto x = read_npy(kit_file(inputs), diag), y = read_npy(kit_file(labels), diag);
    ASSERT_TRUE(x);
    ASSERT_TRUE(y);
    const std::string expected = kit_bytes(golden);
    const Type& in = g.type(g.inputs.at(0).value);
    const auto outputs = static_cast<size_t>(g.type(g.outputs.at(0).value).bytes());
    const int64_t n = x->elements() / in.elements();
    ASSERT_EQ(expected.size(), static_cast<size_t>(n) * outputs);
    int hits = 0;
    for (int64_t i = 0; i < n; ++i) {
        Tensor sample = Tensor::zeros(in);
        for (int64_t k = 0; k < in.elements(); ++k) sample.set(k, static_cast<double>(x->int_at(i * in.elements() + k) - offset));
        const std::vector<Tensor> one{sample};
        const std::string got(interpret(g, one).at(0).bytes());
        ASSERT_EQ(got, expected.substr(static_cast<size_t>(i) * outputs, outputs)) << "sample " << i;
        const auto* scores = reinterpret_cast<const int8_t*>(got.data());
        hits += std::max_element(scores, scores + outputs) - scores == y->int_at(i);
    }
    EXPECT_EQ(hits, right);
}

TEST(TfliteDataSets, KeywordSpotting) {
    expect_data_set("kws01_int8", "data/kws01_inputs.npy", "data/kws01_labels.npy", "golden/kws01_int8.data500.out.bin", 0, 449);
}
TEST(TfliteDataSets, ImageClassification200) {
    expect_data_set("ic01_int8", "data/ic01_inputs.npy", "data/ic01_labels.npy", "golden/ic01_int8.data200.out.bin", 128, 173);
}
TEST(TfliteDataSets, ImageClassification2000) {
    expect_data_set("ic01_int8", "data/cifar10_test_images.npy", "data/cifar10_test_labels.npy", "golden/ic01_int8.data2000.out.bin", 128,
                    1737);
}

}  // namespace
}  // namespace gw
