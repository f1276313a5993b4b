// drop-channels on int8 networks whose layers got dead and constant channels in every way that trained models show: the same bytes, fewer
// multiplications.
#include <gtest/gtest.h>

#include "support/random_graph.h"
#include "support/random_int16.h"

namespace gw {
namespace {

using testing::RandomGraph;

// The graph's raw results for raw inputs.
std::vector<Tensor> raw_results(const Graph& g, int64_t (*value)(std::mt19937&), uint32_t seed) {
    std::mt19937 random(seed);
    std::vector<Tensor> in;
    for (const Port& port : g.inputs) {
        Tensor t = Tensor::zeros(g.type(port.value));
        // Values are bytes; what has 16 bits is drawn 256 times as far.
        const int64_t step = t.type.dtype == DType::int16 ? 257 : 1;
        for (int64_t i = 0; i < t.elements(); ++i) t.set(i, std::clamp<double>(static_cast<double>(value(random) * step), -32768, 32767));
        in.push_back(std::move(t));
    }
    return interpret(g, in);
}

void expect_same_bytes(const Graph& a, const Graph& b, const std::string& what) {
    Diagnostics diag;
    ASSERT_TRUE(verify(b, diag).ok()) << what << ": " << diag.all().front().text() << print(b);
    constexpr int64_t (*values[])(std::mt19937&) = {[](std::mt19937& r) { return static_cast<int64_t>(r() % 256) - 128; },
                                                    [](std::mt19937& r) { return r() % 2 == 0 ? int64_t{-128} : int64_t{127}; },
                                                    [](std::mt19937&) { return int64_t{-128}; },
                                                    [](std::mt19937&) { return int64_t{127}; }};
    for (auto* value : values) {
        const std::vector<Tensor> before = raw_results(a, value, 5), after = raw_results(b, value, 5);
        for (size_t i = 0; i < before.size(); ++i) ASSERT_EQ(before[i].bytes(), after[i].bytes()) << what << ", output " << i << print(a);
    }
}

// Channels die: by a multiplier of 0, a bias far beyond the clamp, weights of 0, or because the next layer's weights for them are 0.
void kill_channels(Graph& g, std::mt19937& random) {
    for (Node& node : g.nodes) {
        Conv2D* conv = get_if<Conv2D>(node.op);
        Dense* dense = get_if<Dense>(node.op);
        if ((conv == nullptr && dense == nullptr) || g.constant(node.inputs[1]) == nullptr) continue;
        Requant& requant = conv != nullptr ? conv->requant : dense->requant;
        if (requant.empty()) continue;
        Tensor w = Tensor::from_bytes(g.type(node.inputs[1]), g.constant(node.inputs[1])->bytes());
        Tensor bias = node.inputs.size() > 2 && node.inputs[2].valid()
                          ? Tensor::from_bytes(g.type(node.inputs[2]), g.constant(node.inputs[2])->bytes())
                          : Tensor();
        const int64_t outputs = w.shape()[0], inputs = w.shape().back(), row = w.elements() / outputs;
        for (int64_t o = 0; o < outputs; ++o) {
            const uint32_t way = random() % 8;
            if (way == 0 && requant.multiplier.size() > 1) requant.multiplier[static_cast<size_t>(o)] = 0;
            if (way == 1 && bias.valid()) bias.set(o, random() % 2 == 0 ? -20000000 : 20000000);
            if (way == 2)
                for (int64_t i = 0; i < row; ++i) w.set(o * row + i, 0);
        }
        for (int64_t i = 0; i < inputs; ++i)
            if (random() % 5 == 0)
                for (int64_t k = i; k < w.elements(); k += inputs) w.set(k, 0);
        g[node.inputs[1]].constant = std::move(w);
        if (bias.valid()) g[node.inputs[2]].constant = std::move(bias);
    }
}

TEST(DropChannels, TheSameBytesFromRandomInt8Networks) {
    int64_t before = 0, after = 0;
    for (uint32_t seed = 1; seed <= 150; ++seed) {
        const Graph model = RandomGraph(seed, {.batch = seed % 7 == 0 ? 2 : 1,
                                               .blocks = 3 + static_cast<int>(seed % 4),
                                               .inputs = seed % 4 == 0 ? 2 : 1,
                                               .extra_output = seed % 5 == 0})
                                .make();
        const Graph real = testing::optimised(model);
        Diagnostics diag;
        QuantizeOptions options;
        options.rounding = static_cast<Rounding>(1 + seed % 3);
        auto quantized = quantize(real, testing::profile_of(real, 3), options, diag);
        ASSERT_TRUE(quantized.ok());
        std::mt19937 random(seed);
        kill_channels(*quantized, random);
        const Graph fewer = drop_channels(*quantized);
        expect_same_bytes(*quantized, fewer, "seed " + std::to_string(seed));
        if (HasFatalFailure()) return;
        before += quantized->macs(), after += fewer.macs();
        // What is left has nothing more to drop.
        EXPECT_EQ(drop_channels(fewer).macs(), fewer.macs()) << "seed " << seed;
    }
    EXPECT_LT(static_cast<double>(after), 0.75 * static_cast<double>(before));
}

TEST(DropChannels, TheSameBytesFromRandomInt16Networks) {
    int64_t before = 0, after = 0;
    for (uint32_t seed = 1; seed <= 100; ++seed) {
        const Graph g = testing::RandomInt16(seed, 4).make();
        const Graph fewer = drop_channels(g);
        expect_same_bytes(g, fewer, "int16 seed " + std::to_string(seed));
        if (HasFatalFailure()) return;
        before += g.macs(), after += fewer.macs();
    }
    EXPECT_LT(after, before);
}

// A chain conv → depthwise → conv → mean → dense in which channel 1 of the first layer is constant.
struct Chain {
    Graph g;
    Chain(int32_t constant_value, int64_t pad, int32_t x_zero, int32_t w_zero) {
        const auto i8 = [](Shape s, uint32_t seed) {
            std::mt19937 random(seed);
            Tensor t = Tensor::zeros({DType::int8, std::move(s), {}});
            for (int64_t i = 0; i < t.elements(); ++i) t.set(i, static_cast<double>(static_cast<int64_t>(random() % 21)) - 10);
            return t;
        };
        const auto requant = [](size_t channels) {
            Requant r;
            r.rounding = Rounding::twice;
            r.multiplier.assign(channels, 1 << 30), r.shift.assign(channels, -3);
            return r;
        };
        const ValueId x = g.add_input("x", {DType::int8, Shape{1, 5, 5, 2}, Quant::tensor(1, 0)});
        Conv2D first;
        first.requant = requant(3), first.requant.multiplier[1] = 0, first.requant.zero_point = constant_value;
        const ValueId a = g.must_add(first, {x, g.add_constant(i8(Shape{3, 1, 1, 2}, 1)), {}}, {});
        Conv2D second;
        second.pad = {pad, pad, pad, pad}, second.x_zero = x_zero, second.w_zero = w_zero, second.requant = requant(4);
        const ValueId b = g.must_add(second, {a, g.add_constant(i8(Shape{4, 3, 3, 3}, 2)), {}}, {});
        g.add_output("y", b);
    }
    int64_t first_layer() const { return g.type(g.nodes[0].outputs[0]).shape.back(); }
};

TEST(DropChannels, AConstantIsPartOfTheBiasOnlyWherePaddingIsTheSame) {
    for (const auto& [value, pad, zero, kept] : {std::tuple{3, 0, 0, 2}, {3, 1, 0, 3}, {3, 1, 3, 2}, {-7, 2, -7, 2}, {-7, 1, 3, 3}}) {
        for (const int32_t w_zero : {0, 30}) {
            const Chain chain(value, pad, zero, w_zero);
            const Graph fewer = drop_channels(chain.g);
            const std::string what = fmt::format("value {} pad {} zero {} of weights {}", value, pad, zero, w_zero);
            expect_same_bytes(chain.g, fewer, what);
            EXPECT_EQ(fewer.type(fewer.nodes[0].outputs[0]).shape.back(), kept) << what << print(fewer);
        }
    }
}

}  // namespace
}  // namespace gw
