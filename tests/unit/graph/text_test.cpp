// The graph's text form: reading is the inverse of printing, and what does not fit is refused with its line.
#include <gtest/gtest.h>

#include "support/random_graph.h"

namespace gw {
namespace {

using testing::RandomGraph;

void expect_round_trip(const Graph& g) {
    Module module;
    module.graphs = {g};
    module.file = g.file, module.sha256 = "abc";
    const std::string text = print(module);
    Diagnostics diag;
    const auto back = parse_module(text, "t.gw", diag);
    ASSERT_TRUE(back.ok()) << diag.all().front().text() << "\n" << text;
    EXPECT_EQ(print(*back), text);
    const Graph& b = back->main();
    ASSERT_EQ(b.values.size(), g.values.size());
    ASSERT_EQ(b.nodes.size(), g.nodes.size());
    for (size_t i = 0; i < g.values.size(); ++i) {
        EXPECT_EQ(b.values[i].type, g.values[i].type) << i;
        if (g.values[i].is_constant()) EXPECT_EQ(b.values[i].constant.bytes(), g.values[i].constant.bytes()) << i;
    }
    for (size_t i = 0; i < g.nodes.size(); ++i) {
        EXPECT_TRUE(b.nodes[i].op == g.nodes[i].op) << op_name(g.nodes[i].op);
        EXPECT_EQ(b.nodes[i].inputs, g.nodes[i].inputs);
        EXPECT_EQ(b.nodes[i].sources, g.nodes[i].sources);
    }
    for (size_t i = 0; i < g.outputs.size(); ++i) {
        EXPECT_EQ(b.outputs[i].name, g.outputs[i].name);
        EXPECT_EQ(b.outputs[i].perm, g.outputs[i].perm);
        EXPECT_EQ(b.outputs[i].model_shape, g.outputs[i].model_shape);
        EXPECT_EQ(b.outputs[i].model_dtype, g.outputs[i].model_dtype);
    }
}

TEST(GraphText, RandomGraphsComeBackAsTheyWere) {
    for (uint32_t seed = 1; seed <= 25; ++seed) {
        const Graph model =
            RandomGraph(seed, {.blocks = 6, .inputs = 1 + static_cast<int>(seed % 2), .extra_output = seed % 3 == 0}).make();
        const Graph best = testing::optimised(model);
        Diagnostics diag;
        expect_round_trip(model);
        expect_round_trip(best);
        expect_round_trip(testing::quantized(best, diag));
        if (HasFailure()) return;
    }
}

TEST(GraphText, ConstantsOfEveryTypeAndAwkwardNames) {
    Graph g;
    g.file = "a \"b\"\\ \n.onnx";
    const ValueId x = g.add_input("x \"quoted\" \\ \t\n\x01 ü", {DType::float32, Shape{2}, {}});
    g.add_constant(Tensor::of<float>(Shape{5}, {0.1f, -0.0f, infinity, -infinity, 1e-42f}), "f");
    g.add_constant(Tensor::of<double>(Shape{2}, {0.1, 1e300}), "d");
    g.add_constant(Tensor::of<int64_t>(Shape{2}, {INT64_MIN, INT64_MAX}), "i64");
    g.add_constant(Tensor::of<uint32_t>(Shape{1}, {UINT32_MAX}), "u32");
    g.add_constant(Tensor::of<int16_t>(Shape{2}, {-32768, 32767}), "i16");
    for (DType t : {DType::boolean, DType::int4, DType::uint4, DType::int8, DType::uint8, DType::float16}) {
        for (int64_t n : {0, 1, 3, 77}) {
            Tensor c = Tensor::zeros({t, Shape{n}, {}});
            for (int64_t i = 0; i < n; ++i) c.set(i, static_cast<double>(i % 2));
            g.add_constant(std::move(c), "c");
        }
    }
    Tensor per_axis = Tensor::of<int8_t>(Shape{2, 2}, {1, 2, 3, 4}, Quant{{0.5f, 0.1f}, {0, 0}, 0, 0});
    g.add_constant(per_axis, "q");
    g.add_output("y\"", g.must_add(Unary{UnaryKind::abs, 0, 0}, {x}, {{"n \"1\"", "Abs\\", 3}}));
    expect_round_trip(g);
}

TEST(GraphText, MalformedTextIsRefusedWithItsLine) {
    const std::string head = "graph main {\n  input %x \"x\": f32[1,4]\n";
    const struct {
        const char* what;
        std::string text;
        int line;  // 0: any
    } cases[] = {
        {"nothing", "", 1},
        {"no graph", "module \"m\" sha256 \"s\"\n", 0},
        {"cut short", head, 0},
        {"no output", head + "}\n", 0},
        {"unknown op", head + "  %y = frobnicate(%x)\n", 3},
        {"unknown value", head + "  %y = unary(%z) kind=abs\n", 3},
        {"unknown field", head + "  %y = unary(%x) flavour=abs\n", 3},
        {"unknown enumerator", head + "  %y = unary(%x) kind=nonsense\n", 3},
        {"field without value", head + "  %y = unary(%x) kind=\n", 0},
        {"value twice", head + "  %x = unary(%x) kind=abs\n", 0},
        {"wrong type stated", head + "  %y: f32[1,5] = unary(%x) kind=abs\n  output %y \"y\"\n}\n", 0},
        {"too few operands", head + "  %y = binary(%x)\n", 0},
        {"too many results", head + "  %y, %z = unary(%x) kind=abs\n", 0},
        {"bad element type", "graph main {\n  input %x: f31[1]\n", 2},
        {"negative dimension", "graph main {\n  input %x: f32[-1]\n", 2},
        {"huge type", "graph main {\n  input %x: f32[100000,100000]\n", 2},
        {"constant too short", head + "  const %c: i8[3] = [1,2]\n", 3},
        {"constant out of range", head + "  const %c: i8[1] = [300]\n", 3},
        {"base64 of another size", head + "  const %c: i8[4] = base64\"AA==\"\n", 3},
        {"broken base64", head + "  const %c: i8[4] = base64\"!!\"\n", 3},
        {"base64 without end", head + "  const %c: i8[4] = base64\"AA", 3},
        {"string without end", head + "  output %x \"abc", 3},
        {"escape at the end", head + "  %y = unary(%x) kind=\"\\", 0},
        {"bracket without end", head + "  %y = transpose(%x) perm=[1,", 0},
        {"perm of another rank", "graph main {\n  input %x: f32[1,4] perm [0]\n  output %x\n}\n", 0},
        {"perm that is none", "graph main {\n  input %x: f32[1,4] perm [0,0]\n  output %x\n}\n", 2},
        {"negative scale", "graph main {\n  input %x: i8[1,4] q(-1,0)\n  output %x\n}\n", 0},
        {"quantization axis", "graph main {\n  input %x: i8[1,4] q(axis=7,[1],[0])\n  output %x\n}\n", 0},
        {"transpose by nonsense", head + "  %y = transpose(%x) perm=[0,9]\n  output %y\n}\n", 0},
        {"huge number", head + "  %y = transpose(%x) perm=[0,99999999999999999999]\n", 0},
        {"sources", head + "  %y = unary(%x) kind=abs from \"a\":3\n", 3},
    };
    for (const auto& c : cases) {
        Diagnostics diag;
        EXPECT_FALSE(parse_module(c.text, "t.gw", diag).ok()) << c.what;
        ASSERT_GE(diag.errors(), 1) << c.what;
        if (c.line > 0)
            EXPECT_NE(diag.all()[0].text().find("t.gw:" + std::to_string(c.line)), std::string::npos)
                << c.what << ": " << diag.all()[0].text();
    }
}

// Every beginning of a good text is refused or read, and never more than that.
TEST(GraphText, EveryBeginningOfATextEndsWell) {
    Diagnostics diag;
    const std::string text = print(testing::quantized(testing::optimised(RandomGraph(7, {.blocks = 2}).make()), diag));
    for (size_t n = 0; n<text.size(); n += text.size()> 6000 ? 7 : 1) {
        Diagnostics d;
        const auto m = parse_module(std::string_view(text).substr(0, n), "t.gw", d);
        EXPECT_EQ(m.ok(), !d.has_errors()) << n;
    }
}

TEST(GraphVerify, PlantedFaultsAreFound) {
    const Graph good = testing::optimised(RandomGraph(9, {.blocks = 3}).make());
    Diagnostics none;
    ASSERT_TRUE(verify(good, none).ok());
    const struct {
        const char* what;
        std::function<void(Graph&)> plant;
    } cases[] = {
        {"operand from below", [](Graph& g) { g.nodes[0].inputs[0] = g.nodes.back().outputs[0]; }},
        {"operand that is not there", [](Graph& g) { g.nodes[0].inputs[0] = {9999}; }},
        {"another type", [](Graph& g) { g[g.nodes[0].outputs[0]].type.dtype = DType::int8; }},
        {"value with two origins", [](Graph& g) { g[g.nodes[0].outputs[0]].input = 0; }},
        {"no outputs", [](Graph& g) { g.outputs.clear(); }},
        {"output of nothing", [](Graph& g) { g.outputs[0].value = {}; }},
        {"output beyond the values", [](Graph& g) { g.outputs[0].value = {9999}; }},
        {"scales without zero points", [](Graph& g) { g[g.nodes[0].outputs[0]].type.quant.scales = {1}; }},
        {"permutation of another rank", [](Graph& g) { g.inputs[0].perm = {0}; }},
    };
    for (const auto& c : cases) {
        Graph g = good;
        c.plant(g);
        Diagnostics diag;
        EXPECT_FALSE(verify(g, diag).ok()) << c.what;
        ASSERT_EQ(diag.errors(), 1) << c.what;
    }
}

}  // namespace
}  // namespace gw
