// Operators that the user supplies: types from the model or the command line, attributes as text, and what cannot be handed over.
#include <gmock/gmock.h>

#include "support/onnx_builder.h"

namespace gw {
namespace {
using testing::HasSubstr;
using Ints = std::vector<int64_t>;

OnnxBuilder model() {
    OnnxBuilder b;
    b.input("x", Names{"N", "3"}).output("y").floats("w", {3}, {1, 2, 3});
    b.node("Relu", {"x"}, {"r"})
        .node("MyOwn", {"r", "", "w"}, {"s", "t"}, {attr("mode", "fast"), attr("k", 3), attr("alpha", 0.1f), attr("axes", Ints{1, -1})},
              "mine");
    b.node("Add", {"s", "w"}, {"y"});
    b.model.mutable_graph()->mutable_node(1)->set_domain("com.example");
    return b;
}

void state_type(OnnxBuilder& b, const std::string& name, int type, const Ints& dims) {
    auto& info = *b.model.mutable_graph()->add_value_info();
    info.set_name(name);
    auto& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    for (int64_t d : dims) tensor.mutable_shape()->add_dim()->set_dim_value(d);
}

const Node& only_custom(const Graph& g) {
    for (const Node& n : g.nodes)
        if (get_if<Custom>(n.op) != nullptr) return n;
    ADD_FAILURE() << print(g);
    return g.nodes.front();
}

TEST(OnnxCustom, IsReadWithTheTypesThatTheModelStates) {
    OnnxBuilder b = model();
    state_type(b, "s", onnx::TensorProto::FLOAT, {1, 3});
    state_type(b, "t", onnx::TensorProto::INT64, {2});
    Diagnostics diag;
    const auto module = b.import(diag, {.custom = {{"MyOwn", {}}}});
    ASSERT_TRUE(module) << (diag.all().empty() ? "" : diag.all().back().text());
    const Node& n = only_custom(module->main());
    const Custom& op = *get_if<Custom>(n.op);
    EXPECT_EQ(op.function, "MyOwn");
    EXPECT_EQ(op.results, (std::vector<Type>{{DType::float32, {1, 3}, {}}, {DType::int64, {2}, {}}}));
    const std::string options(op.options.begin(), op.options.end());
    EXPECT_EQ(options, std::string("mode=fast\nk=3\nalpha=0.1\naxes=1,-1\n") + '\0');
    ASSERT_EQ(n.inputs.size(), 3u);
    EXPECT_FALSE(n.inputs[1].valid());
    EXPECT_EQ(n.sources.front().name, "mine");
}

TEST(OnnxCustom, TheCommandLineStatesTypesToo) {
    Diagnostics diag;
    const auto module = model().import(diag, {.custom = {{"MyOwn", {{DType::float32, {1, 3}, {}}, {DType::int8, {1}, {}}}}}});
    ASSERT_TRUE(module);
    EXPECT_EQ(module->main().type(only_custom(module->main()).outputs[1]).dtype, DType::int8);
}

void expect_error(const OnnxBuilder& b, const std::map<std::string, std::vector<Type>>& custom, const std::string& text) {
    Diagnostics diag;
    EXPECT_FALSE(b.import(diag, {.custom = custom}));
    ASSERT_GE(diag.errors(), 1);
    std::string all;
    for (const Diagnostic& d : diag.all()) all += d.text() + "\n";
    EXPECT_THAT(all, HasSubstr(text));
}

TEST(OnnxCustom, WhatIsMissingIsNamed) {
    expect_error(model(), {}, "--custom MyOwn makes it a call of yours");
    expect_error(model(), {{"MyOwn", {}}}, "`s`");
    expect_error(model(), {{"MyOwn", {}}}, "--custom MyOwn=TYPE does");
    expect_error(model(), {{"MyOwn", {{DType::float32, {1, 3}, {}}}}}, "states 1 results, and the node has 2");
    OnnxBuilder b = model();
    b.model.mutable_graph()->mutable_node(1)->mutable_attribute(0)->set_s("two\nlines");
    expect_error(b, {{"MyOwn", {{DType::float32, {1, 3}, {}}, {DType::int8, {1}, {}}}}}, "attribute `mode` cannot be given");
}

}  // namespace
}  // namespace gw
