// Shrinking a failing graph: any subset of nodes is a graph that computes the same values, and what is left is minimal.
#include "graph/reduce.h"

#include "interp/interp.h"
#include "support/random_graph.h"

namespace gw {
namespace {

// A chain of `n` unary nodes, of which `bad` is a tanh and the others are sigmoids.
Graph chain(int n, int bad) {
    Graph g;
    ValueId x = g.add_input("x", {DType::float32, Shape{1, 4}, {}});
    for (int i = 0; i < n; ++i) {
        x = g.must_add(Unary{i == bad ? UnaryKind::tanh : UnaryKind::sigmoid}, {x}, {{"node_" + std::to_string(i), "Unary", i}});
        g[x].source = "v" + std::to_string(i);
    }
    g.add_output("y", x);
    return g;
}

int count(const Graph& g, UnaryKind kind) {
    int n = 0;
    for (const Node& node : g.nodes) n += get_if<Unary>(node.op) && get_if<Unary>(node.op)->kind == kind ? 1 : 0;
    return n;
}

TEST(Reduce, OneBadNodeOfFortyIsLeftAlone) {
    for (const int bad : {0, 17, 39}) {
        const Graph g = chain(40, bad);
        const Reduction r = reduce(g, [](const Graph& c) { return count(c, UnaryKind::tanh) > 0; });
        ASSERT_EQ(r.graph.nodes.size(), 1u) << bad;
        EXPECT_EQ(r.graph.nodes[0].sources[0].name, "node_" + std::to_string(bad));
        EXPECT_LT(r.tries, 100);
        Diagnostics diag;
        EXPECT_TRUE(verify(r.graph, diag).ok());
        // It reads back.
        Module m;
        m.graphs = {r.graph};
        EXPECT_TRUE(parse_module(print(m), "small.gw", diag).ok()) << (diag.all().empty() ? "" : diag.all()[0].text());
    }
}

TEST(Reduce, NodesThatFailOnlyTogetherStayTogether) {
    const Graph g = chain(33, 20);
    // A tanh that reads a sigmoid which reads a sigmoid.
    const auto fails = [](const Graph& c) {
        for (const Node& node : c.nodes) {
            const auto* u = get_if<Unary>(node.op);
            const Node* one = u != nullptr && u->kind == UnaryKind::tanh ? c.producer(node.inputs[0]) : nullptr;
            if (one != nullptr && c.producer(one->inputs[0]) != nullptr) return true;
        }
        return false;
    };
    const Reduction r = reduce(g, fails);
    EXPECT_EQ(r.graph.nodes.size(), 3u);
    EXPECT_TRUE(fails(r.graph));
}

// What a subset computes is what the whole computes there.
TEST(Reduce, ASubsetComputesTheSameValues) {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
        const Graph g = testing::RandomGraph(seed, {.inputs = 1 + static_cast<int>(seed % 2)}).make();
        std::vector<Tensor> values(g.values.size());
        std::vector<Tensor> in;
        const std::vector<Tensor> model_inputs = testing::random_inputs(g, seed);
        for (size_t i = 0; i < model_inputs.size(); ++i) in.push_back(to_graph_order(g.inputs[i], model_inputs[i]));
        interpret(g, in, [&](ValueId id, const Tensor& t) { values[static_cast<size_t>(id.index)] = t; });
        std::map<std::string, std::vector<size_t>> by_source;
        for (size_t v = 0; v < g.values.size(); ++v)
            if (!g.values[v].source.empty()) by_source[g.values[v].source].push_back(v);
        std::mt19937 random(seed);
        std::vector<bool> keep;
        for (size_t n = 0; n < g.nodes.size(); ++n) keep.push_back(random() % 3 != 0);
        Diagnostics diag;
        const auto part = extract(g, keep, diag);
        ASSERT_TRUE(part.ok()) << diag.all()[0].text();
        EXPECT_EQ(part->nodes.size(), static_cast<size_t>(std::count(keep.begin(), keep.end(), true)));
        // Feed each cut with the value that the whole had there; cuts without a name of their own cannot be found again.
        std::vector<Tensor> cut;
        for (const Port& port : part->inputs) {
            const std::string& source = (*part)[port.value].source;
            const auto it = by_source.find(source);
            if (it == by_source.end() || it->second.size() != 1) break;
            cut.push_back(values[it->second[0]]);
        }
        if (cut.size() != part->inputs.size()) continue;
        const std::vector<Tensor> out = interpret(*part, cut);
        for (size_t o = 0; o < out.size(); ++o) {
            const auto it = by_source.find((*part)[part->outputs[o].value].source);
            if (it == by_source.end() || it->second.size() != 1) continue;
            EXPECT_EQ(out[o].bytes(), values[it->second[0]].bytes()) << "seed " << seed << ", output " << part->outputs[o].name;
        }
    }
}

}  // namespace
}  // namespace gw
