// Operators that keep something between calls: what becomes a state, what it begins with, what later readers and later calls see.
#include <gmock/gmock.h>

#include "frontend/tflite/tflite.h"
#include "interp/interp.h"
#include "support/tflite_builder.h"

namespace gw {
namespace {
using tfl::ElementType;
using tfl::Options;

Graph read(const std::string& bytes) {
    Diagnostics diag;
    auto module = read_tflite_bytes(bytes, "m.tflite", diag);
    for (const Diagnostic& d : diag.all()) ADD_FAILURE() << d.text();
    if (!module) return {};
    EXPECT_TRUE(verify(module->main(), diag)) << (diag.all().empty() ? "" : diag.all().back().text());
    return module->main();
}

std::string error_of(const std::string& bytes) {
    Diagnostics diag;
    EXPECT_FALSE(read_tflite_bytes(bytes, "m.tflite", diag));
    return diag.all().empty() ? "" : diag.all().front().text();
}

std::vector<float> numbers(const Tensor& t) { return {t.data<float>().begin(), t.data<float>().end()}; }

// VAR_HANDLE, READ_VARIABLE, y = variable + x, ASSIGN_VARIABLE(y), z = READ_VARIABLE + x. With `once`, a subgraph assigns {10, 20} before.
struct Counter {
    bool once = false;
    int32_t subgraph = 1;
    std::string build() {
        TfliteBuilder m;
        const int32_t x = m.tensor("x", ElementType::float32, {2}), h = m.tensor("handle", ElementType::resource, {}),
                      v = m.tensor("v", ElementType::float32, {2}), y = m.tensor("y", ElementType::float32, {2}),
                      w = m.tensor("w", ElementType::float32, {2}), z = m.tensor("z", ElementType::float32, {2});
        m.inputs = {x}, m.outputs = {y, z};
        if (once) m.op(129, {}, {}, Options::CallOnceOptions, tfl::CreateCallOnceOptions(m.b, subgraph).Union());
        handle(m, h);
        m.op(143, {h}, {v});
        m.op(0, {v, x}, {y}, Options::AddOptions, tfl::CreateAddOptions(m.b).Union());
        m.op(144, {h, y}, {});
        m.op(143, {h}, {w});
        m.op(0, {w, x}, {z}, Options::AddOptions, tfl::CreateAddOptions(m.b).Union());
        if (once) {
            m.end_subgraph();
            const int32_t other = m.tensor("other", ElementType::resource, {}),
                          c = m.tensor("c", ElementType::float32, {2}, {}, m.bytes<float>({5, 10})),
                          d = m.tensor("d", ElementType::float32, {2});
            handle(m, other);
            m.op(0, {c, c}, {d}, Options::AddOptions, tfl::CreateAddOptions(m.b).Union());
            m.op(144, {other, d}, {});
        }
        return m.finish();
    }
    static void handle(TfliteBuilder& m, int32_t h) {
        m.op(142, {}, {h}, Options::VarHandleOptions, tfl::CreateVarHandleOptionsDirect(m.b, "box", "sum").Union());
    }
};

TEST(TfliteState, AVariableIsAStateAndAssignmentIsSeenByWhatFollows) {
    const Graph g = read(Counter{}.build());
    ASSERT_EQ(g.states.size(), 1u);
    EXPECT_EQ(g.states[0].name, "sum");
    std::vector<Tensor> states = initial_states(g);
    const std::vector<Tensor> in{Tensor::of<float>({2}, {1, 2})};
    for (float k = 1; k < 4; ++k) {
        const std::vector<Tensor> out = interpret(g, in, {}, &states);
        EXPECT_THAT(numbers(out.at(0)), testing::ElementsAre(k, 2 * k));
        EXPECT_THAT(numbers(out.at(1)), testing::ElementsAre(k + 1, 2 * k + 2));
    }
}

TEST(TfliteState, WhatRunsOnceIsFoldedIntoTheFirstValue) {
    const Graph g = read(Counter{.once = true}.build());
    ASSERT_EQ(g.states.size(), 1u);
    EXPECT_THAT(numbers(g.states[0].init), testing::ElementsAre(10, 20));
    EXPECT_THAT(error_of(Counter{.once = true, .subgraph = 2}.build()), testing::HasSubstr("calls subgraph 2 of 2"));
    EXPECT_THAT(error_of(Counter{.once = true, .subgraph = 0}.build()), testing::HasSubstr("calls subgraph 0 of 2"));
}

TEST(TfliteState, AnSvdfIsTheReferencesIntegers) {
    for (const bool words : {false, true}) {
        TfliteBuilder m;
        const ElementType memory = words ? ElementType::int16 : ElementType::int8;
        const int32_t x = m.tensor("x", ElementType::int8, {1, 2}, {{0.5f}, {-4}, 0}),
                      f = m.tensor("f", ElementType::int8, {2, 2}, {{0.25f}, {0}, 0}, m.bytes<int8_t>({1, 2, 3, -4})),
                      t = m.tensor("t", memory, {2, 3}, {{0.125f}, {0}, 0},
                                   words ? m.bytes<int16_t>({1, 2, 3, 4, 5, 6}) : m.bytes<int8_t>({1, 2, 3, 4, 5, 6})),
                      bias = m.tensor("b", ElementType::int32, {1}, {}, m.bytes<int32_t>({7})),
                      s = m.tensor("s", memory, {1, 6}, {{0.75f}, {words ? 0 : 9}, 0}, {}, true),
                      y = m.tensor("y", ElementType::int8, {1, 1}, {{0.1f}, {3}, 0});
        m.inputs = {x}, m.outputs = {y};
        m.op(27, {x, f, t, bias, s}, {y}, Options::SvdfOptions, tfl::CreateSvdfOptions(m.b, 2, tfl::Activation::relu).Union());
        const Graph g = read(m.finish());
        ASSERT_EQ(g.states.size(), 1u);
        const Svdf* op = nullptr;
        for (const Node& n : g.nodes) op = get_if<Svdf>(n.op) != nullptr ? get_if<Svdf>(n.op) : op;
        ASSERT_NE(op, nullptr);
        int32_t multiplier = 0;
        int shift = 0;
        quantize_multiplier(static_cast<double>(0.5f * 0.25f / 0.75f), multiplier, shift);
        EXPECT_THAT(op->feature_requant.multiplier, testing::ElementsAre(multiplier));
        EXPECT_EQ(op->feature_requant.zero_point, words ? 0 : 9);
        EXPECT_EQ(op->feature_requant.hi, words ? 32767 : 127);
        EXPECT_EQ(op->requant.lo, -128) << "the reference clamps to int8 alone";
        EXPECT_EQ(g.states[0].init.int_at(5), words ? 0 : 9) << "real zeros";
        // Two calls: the first leaves its features in the memory.
        std::vector<Tensor> states = initial_states(g);
        const std::vector<Tensor> in{Tensor::of<int8_t>({1, 2}, {8, -10})};
        (void)interpret(g, in, {}, &states);
        EXPECT_EQ(states[0].int_at(2), op->feature_requant.apply(12 * 1 - 6 * 2, 0));
        EXPECT_EQ(states[0].int_at(5), op->feature_requant.apply(12 * 3 + 6 * 4, 0));
        (void)interpret(g, in, {}, &states);
        EXPECT_EQ(states[0].int_at(4), states[0].int_at(5));
    }
}

TEST(TfliteState, WhatTheLstmCannotIsRefused) {
    for (const int which : {0, 9, 16, 20}) {
        TfliteBuilder m;
        const int32_t x = m.tensor("x", ElementType::float32, {1, 3, 2}), y = m.tensor("y", ElementType::float32, {1, 3, 2});
        std::vector<int32_t> in(24, -1);
        in[0] = x;
        for (size_t i = 1; i < 9; ++i) in[i] = m.tensor("w", ElementType::float32, {2, 2}, {}, m.bytes<float>({1, 2, 3, 4}));
        for (size_t i = 12; i < 16; ++i) in[i] = m.tensor("b", ElementType::float32, {2}, {}, m.bytes<float>({1, 2}));
        for (size_t i = 18; i < 20; ++i) in[i] = m.tensor("s", ElementType::float32, {1, 2}, {}, {}, true);
        if (which > 0) in[static_cast<size_t>(which)] = m.tensor("p", ElementType::float32, {2}, {}, m.bytes<float>({1, 2}));
        m.inputs = {x}, m.outputs = {y};
        m.op(44, in, {y}, Options::SequenceLstmOptions, tfl::CreateSequenceLstmOptions(m.b, tfl::Activation::tanh, 0, 0, false).Union());
        const std::string bytes = m.finish();
        if (which == 0) {
            EXPECT_EQ(read(bytes).states.size(), 2u);
        } else {
            EXPECT_THAT(error_of(bytes), testing::HasSubstr(which == 9 ? "peephole" : which == 16 ? "projection" : "layer normalization"));
        }
    }
}

// Time-major data and a batch: each of the batch has a state of its own.
TEST(TfliteState, LayoutsOfTheLstmAgree) {
    std::vector<std::vector<float>> results;
    for (const bool time_major : {false, true}) {
        TfliteBuilder m;
        const std::vector<int32_t> shape = time_major ? std::vector<int32_t>{3, 2, 1} : std::vector<int32_t>{2, 3, 1};
        const int32_t x = m.tensor("x", ElementType::float32, shape), y = m.tensor("y", ElementType::float32, shape);
        std::vector<int32_t> in(24, -1);
        in[0] = x;
        for (size_t i = 1; i < 9; ++i)
            in[i] = m.tensor("w", ElementType::float32, {1, 1}, {}, m.bytes<float>({0.1f * static_cast<float>(i)}));
        for (size_t i = 12; i < 16; ++i) in[i] = m.tensor("b", ElementType::float32, {1}, {}, m.bytes<float>({0.3f}));
        for (size_t i = 18; i < 20; ++i) in[i] = m.tensor("s", ElementType::float32, {2, 1}, {}, {}, true);
        m.inputs = {x}, m.outputs = {y};
        m.op(44, in, {y}, Options::SequenceLstmOptions,
             tfl::CreateSequenceLstmOptions(m.b, tfl::Activation::tanh, 0, 0, time_major).Union());
        const Graph g = read(m.finish());
        // Sample n, step t is 10·n + t.
        Tensor data = Tensor::zeros(g.type(g.inputs.at(0).value));
        for (int n = 0; n < 2; ++n)
            for (int t = 0; t < 3; ++t) data.set(time_major ? t * 2 + n : n * 3 + t, 10 * n + t);
        const std::vector<Tensor> inputs{data};
        const Tensor out = interpret(g, inputs).at(0);
        std::vector<float> by_sample;
        for (int n = 0; n < 2; ++n)
            for (int t = 0; t < 3; ++t) by_sample.push_back(static_cast<float>(out.at(time_major ? t * 2 + n : n * 3 + t)));
        results.push_back(by_sample);
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_NE(results[0][0], results[0][3]);
}

}  // namespace
}  // namespace gw
