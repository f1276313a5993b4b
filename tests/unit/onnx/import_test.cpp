// The structure of an import: ports, symbols, names, layouts, initializers in every form, external data, functions and constant branches.
#include <gmock/gmock.h>

#include "support/onnx_builder.h"

namespace gw {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

Floats values(const Tensor& t) {
    Floats v;
    for (int64_t i = 0; i < t.elements(); ++i) v.push_back(static_cast<float>(t.at(i)));
    return v;
}
Tensor f32(Shape shape, const Floats& v) { return Tensor::of<float>(std::move(shape), v); }

template <class T>
std::vector<const Node*> nodes_of(const Graph& g) {
    std::vector<const Node*> found;
    for (const Node& n : g.nodes)
        if (std::holds_alternative<T>(n.op)) found.push_back(&n);
    return found;
}

TEST(OnnxImport, ConvolutionsAreNhwcBetweenTransposesAndEverythingKeepsItsName) {
    OnnxBuilder b;
    b.input("image", Ints{1, 2, 5, 7}).floats("kernel", {3, 2, 2, 4}, Floats(48, 1)).output("map");
    b.node("Conv", {"image", "kernel"}, {"features"}, {}, "first").node("Relu", {"features"}, {"map"});
    Diagnostics diag;
    auto m = b.import(diag);
    ASSERT_TRUE(m);
    const Graph& g = m->main();
    EXPECT_EQ(m->file, "model.onnx");
    EXPECT_EQ(m->sha256.size(), 64u);
    ASSERT_EQ(nodes_of<Transpose>(g).size(), 2u);
    const Node& conv = *nodes_of<Conv2D>(g).at(0);
    EXPECT_EQ(g.type(conv.inputs[0]).shape, (Shape{1, 5, 7, 2}));
    EXPECT_EQ(g.type(conv.inputs[1]).shape, (Shape{3, 2, 4, 2}));
    EXPECT_EQ(g[conv.inputs[1]].source, "kernel");
    EXPECT_EQ(conv.sources, (std::vector<Source>{{"first", "Conv", 0}}));
    EXPECT_EQ(g[conv.outputs[0]].source, "features");
    const Node& relu = *nodes_of<Unary>(g).at(0);
    EXPECT_EQ(g[relu.inputs[0]].source, "features");  // the NCHW form carries it too
    EXPECT_EQ(relu.sources, (std::vector<Source>{{"map", "Relu", 1}}));
    EXPECT_EQ(g.inputs[0].name, "image");
    EXPECT_EQ(g.inputs[0].model_shape, (Shape{1, 2, 5, 7}));
    EXPECT_TRUE(g.inputs[0].perm.empty());
    EXPECT_EQ(g.outputs[0].name, "map");
    EXPECT_EQ(g.outputs[0].model_shape, (Shape{1, 3, 4, 4}));
}

TEST(OnnxImport, SymbolicDimensions) {
    OnnxBuilder b;
    b.input("x", Names{"N", "L"}).input("z", Names{"", "N"}).output("y").node("Relu", {"x"}, {"y"}).output("w").node("Relu", {"z"}, {"w"});
    Diagnostics diag;
    auto m = b.import(diag, {.defines = {{"L", 5}}});
    ASSERT_TRUE(m);
    // The first dimension becomes 1, with a note, wherever its symbol stands.
    EXPECT_EQ(m->main().inputs[0].model_shape, (Shape{1, 5}));
    EXPECT_EQ(m->main().inputs[1].model_shape, (Shape{1, 1}));
    ASSERT_EQ(diag.all().size(), 2u);
    EXPECT_EQ(diag.all()[0].severity, Severity::note);
    EXPECT_THAT(diag.all()[0].text(), HasSubstr("`N`"));
    Diagnostics defined;
    auto n = b.import(defined, {.defines = {{"L", 5}, {"N", 3}, {"other", 2}}});
    ASSERT_TRUE(n);
    EXPECT_EQ(n->main().inputs[0].model_shape, (Shape{3, 5}));
    EXPECT_THAT(defined.all()[0].text(), HasSubstr("--define other=2"));
}

TEST(OnnxImport, InitializersAmongTheInputsAreNoParameters) {
    OnnxBuilder b;
    b.input("x", Ints{2}).input("w", Ints{2}).floats("w", {2}, {10, 20}).output("y").node("Add", {"x", "w"}, {"y"});
    EXPECT_EQ(values(b.run({f32({2}, {1, 2})}).at(0)), (Floats{11, 22}));
}

TEST(OnnxImport, InitializersOfEveryTypeAndForm) {
    struct Case {
        int type;
        void (*fill)(onnx::TensorProto&);
        Floats expected;
    };
    using T = onnx::TensorProto;
    const Case cases[] = {
        {T::FLOAT, [](T& t) { t.add_float_data(1.5), t.add_float_data(-2); }, {1.5, -2}},
        {T::DOUBLE, [](T& t) { t.add_double_data(1.5), t.add_double_data(-2); }, {1.5, -2}},
        {T::FLOAT16, [](T& t) { t.add_int32_data(0x3e00), t.add_int32_data(0xc000); }, {1.5, -2}},
        {T::INT64, [](T& t) { t.add_int64_data(int64_t{1} << 40), t.add_int64_data(-2); }, {static_cast<float>(int64_t{1} << 40), -2}},
        {T::INT32, [](T& t) { t.add_int32_data(7), t.add_int32_data(-2); }, {7, -2}},
        {T::INT16, [](T& t) { t.add_int32_data(7), t.add_int32_data(-2); }, {7, -2}},
        {T::UINT16, [](T& t) { t.add_int32_data(7), t.add_int32_data(65535); }, {7, 65535}},
        {T::INT8, [](T& t) { t.add_int32_data(7), t.add_int32_data(-2); }, {7, -2}},
        {T::UINT8, [](T& t) { t.add_int32_data(7), t.add_int32_data(200); }, {7, 200}},
        {T::BOOL, [](T& t) { t.add_int32_data(5), t.add_int32_data(0); }, {1, 0}},
        {T::UINT32, [](T& t) { t.add_uint64_data(7), t.add_uint64_data(4000000000u); }, {7, 4000000000.0f}},
        {22, [](T& t) { t.add_int32_data(0xe7); }, {7, -2}},  // int4, two an entry
        {21, [](T& t) { t.set_raw_data("\xe7"); }, {7, 14}},  // uint4
        {T::BOOL, [](T& t) { t.set_raw_data(std::string("\x02\x00", 2)); }, {1, 0}},
        {T::INT16, [](T& t) { t.set_raw_data(std::string("\x07\x00\xfe\xff", 4)); }, {7, -2}},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.type);
        T t;
        t.set_name("c"), t.set_data_type(c.type), t.add_dims(2);
        c.fill(t);
        OnnxBuilder b;
        b.initializer(t).output("y").node("Identity", {"c"}, {"y"});
        const auto out = b.run({});
        ASSERT_EQ(out.size(), 1u);
        EXPECT_EQ(values(out[0]), c.expected);
    }
}

class OnnxExternalData : public testing::Test {
protected:
    OnnxExternalData() {
        std::ofstream(folder_.path() / "weights.data", std::ios::binary).write(reinterpret_cast<const char*>(numbers_), sizeof numbers_);
    }
    // A model whose initializer lies at `location`; its diagnostics go to diag_.
    Expected<Module> import(const std::string& location, const std::string& offset, const std::string& length) {
        onnx::TensorProto t;
        t.set_name("w"), t.set_data_type(onnx::TensorProto::FLOAT), t.add_dims(2), t.set_data_location(onnx::TensorProto::EXTERNAL);
        for (const auto& [key, value] :
             std::map<std::string, std::string>{{"location", location}, {"offset", offset}, {"length", length}}) {
            if (value.empty()) continue;
            auto& entry = *t.add_external_data();
            entry.set_key(key), entry.set_value(value);
        }
        OnnxBuilder b;
        b.initializer(t).output("y").node("Identity", {"w"}, {"y"});
        std::ofstream(folder_.path() / "m.onnx", std::ios::binary) << b.model.SerializeAsString();
        diag_.clear();
        return read_onnx(folder_.path() / "m.onnx", {}, diag_);
    }
    void expect_error(const std::string& location, const std::string& offset, const std::string& length, const char* text) {
        EXPECT_FALSE(import(location, offset, length));
        ASSERT_EQ(diag_.errors(), 1);
        EXPECT_EQ(diag_.all()[0].id, DiagId::onnx_external_data);
        EXPECT_THAT(diag_.all()[0].text(), HasSubstr(text));
    }
    TemporaryFolder folder_;
    const float numbers_[3] = {1, 2, 3};
    Diagnostics diag_;
};

TEST_F(OnnxExternalData, IsReadFromTheModelsFolder) {
    for (const char* length : {"8", ""}) {
        auto m = import("weights.data", "4", length);
        ASSERT_TRUE(m);
        const std::string hash = m->sha256;
        EXPECT_EQ(values(interpret(m->main(), {}).at(0)), (Floats{2, 3}));
        EXPECT_NE(hash, "");
    }
}

TEST_F(OnnxExternalData, MustBeThereAndInsideTheFolder) {
    expect_error("gone.data", "0", "8", "`gone.data` is missing");
    expect_error("../weights.data", "0", "8", "outside the model's folder");
    expect_error((folder_.path() / "weights.data").string(), "0", "8", "outside the model's folder");
    expect_error("weights.data", "8", "8", "has 12 bytes");
    expect_error("weights.data", "9223372036854775807", "8", "has 12 bytes");
    expect_error("weights.data", "0", "12", "8 needed");
    expect_error("weights.data", "-4", "8", "not a size");
    std::filesystem::create_symlink("/proc/self/status", folder_.path() / "link.data");
    expect_error("link.data", "0", "8", "outside the model's folder");
}

TEST(OnnxImport, FunctionsAreInlinedWithTheirAttributes) {
    OnnxBuilder b(15);
    b.input("x", Ints{3}).output("y");
    b.node("Outer", {"x"}, {"y"}, {attr("slope", 0.5f)}, "call");
    b.model.mutable_graph()->mutable_node(0)->set_domain("mine");
    b.model.add_opset_import()->set_domain("mine");
    const auto function = [&](const std::string& name, const Names& in, const std::string& out,
                              const std::string& attribute) -> onnx::FunctionProto& {
        auto& f = *b.model.add_functions();
        f.set_name(name), f.set_domain("mine");
        for (const auto& i : in) f.add_input(i);
        f.add_output(out), f.add_attribute(attribute);
        auto& set = *f.add_opset_import();
        set.set_version(15);
        return f;
    };
    // Outer(x) = Inner(x, absent) − 1; Inner's slope is Outer's; Clip's absent bound stays absent.
    auto& inner = function("Inner", {"a", "bound"}, "r", "slope");
    *inner.add_node() = make_node("LeakyRelu", {"a"}, {"t"}, {attr_reference("alpha", "slope")});
    *inner.add_node() = make_node("Clip", {"t", "bound"}, {"r"});
    auto& outer = function("Outer", {"a"}, "b", "slope");
    *outer.add_node() = make_node("Inner", {"a"}, {"t"}, {attr_reference("slope", "slope")});
    outer.mutable_node(0)->set_domain("mine");
    *outer.add_node() = make_node("Constant", {}, {"one"}, {attr("value_float", 1.0f)});
    *outer.add_node() = make_node("Sub", {"t", "one"}, {"b"});
    EXPECT_EQ(values(b.run({f32({3}, {-4, 0, 4})}).at(0)), (Floats{-3, -1, 3}));
    Diagnostics diag;
    auto m = b.import(diag);
    ASSERT_TRUE(m);
    const Node& leaky = *nodes_of<Unary>(m->main()).at(0);
    EXPECT_EQ(leaky.sources.at(0).name, "call/t/t");
    EXPECT_EQ(leaky.sources.at(0).op, "LeakyRelu");
    EXPECT_EQ(m->main()[m->main().outputs[0].value].source, "y");
    // Left out at the call, a reference is an absent attribute, and the operator's default holds; newer files give the default themselves.
    b.model.mutable_graph()->mutable_node(0)->clear_attribute();
    EXPECT_EQ(values(b.run({f32({3}, {-100, 0, 4})}).at(0)), (Floats{-2, -1, 3}));
    const std::string encoded = attr("slope", 0.25f).SerializeAsString();
    auto& unknown = *outer.GetReflection()->MutableUnknownFields(&outer);
    unknown.AddLengthDelimited(11, encoded);
    EXPECT_EQ(values(b.run({f32({3}, {-4, 0, 4})}).at(0)), (Floats{-2, -1, 3}));
}

TEST(OnnxImport, AConstantBranchIsTakenAndTheOtherIgnored) {
    for (int64_t condition : {0, 1}) {
        OnnxBuilder b;
        b.input("x", Ints{2}).output("y").ints("zero", {}, {0}).ints("c", {}, {condition});
        onnx::AttributeProto taken, other;
        taken.set_name("then_branch"), taken.set_type(onnx::AttributeProto::GRAPH);
        *taken.mutable_g()->add_initializer() = float_tensor("k", {}, {10});
        *taken.mutable_g()->add_node() = make_node("Add", {"x", "k"}, {"t"});
        taken.mutable_g()->add_output()->set_name("t");
        other.set_name("else_branch"), other.set_type(onnx::AttributeProto::GRAPH);
        *other.mutable_g()->add_node() = make_node(condition != 0 ? "NoSuchOperator" : "Neg", {"x"}, {"t"});
        other.mutable_g()->add_output()->set_name("t");
        b.node("Greater", {"c", "zero"}, {"is"}).node("If", {"is"}, {"y"}, {taken, other});
        EXPECT_EQ(values(b.run({f32({2}, {1, 2})}).at(0)), condition != 0 ? (Floats{11, 12}) : (Floats{-1, -2}));
    }
}

TEST(OnnxImport, CastLikeAndHalfPrecisionAreSinglePrecision) {
    OnnxBuilder b(15);
    b.input("x", Ints{2}, onnx::TensorProto::FLOAT16)
        .output("y")
        .initializer(raw_tensor<uint16_t>("h", onnx::TensorProto::FLOAT16, {}, {0x3e00}));
    b.node("CastLike", {"x", "h"}, {"c"}).node("Mul", {"c", "h"}, {"y"});
    EXPECT_EQ(values(b.run({f32({2}, {2, 4})}).at(0)), (Floats{3, 6}));
}

TEST(OnnxImport, ResultsThatNobodyReadsNeedNoSupport) {
    OnnxBuilder b;
    b.input("x", Ints{2}).output("y").node("Dropout", {"x"}, {"y", "mask"});
    EXPECT_EQ(values(b.run({f32({2}, {1, 2})}).at(0)), (Floats{1, 2}));
}

}  // namespace
}  // namespace gw
