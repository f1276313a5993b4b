// Everything that is wrong with a model is reported once, located in the model's own terms, and never ends the process: each identifier of
// the reader has a test here (external data: import_test.cpp).
#include <gmock/gmock.h>

#include <functional>
#include <random>

#include "support/onnx_builder.h"

namespace gw {
namespace {
using testing::HasSubstr;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

void expect_error(const OnnxBuilder& b, DiagId id, const std::string& text) {
    Diagnostics diag;
    EXPECT_FALSE(b.import(diag));
    std::vector<std::string> errors;
    for (const auto& d : diag.all())
        if (d.severity == Severity::error) errors.push_back(d.text());
    ASSERT_EQ(errors.size(), 1u) << testing::PrintToString(errors);
    for (const auto& d : diag.all())
        if (d.severity == Severity::error) {
            EXPECT_EQ(diag_name(d.id), diag_name(id)) << d.text();
        }
    EXPECT_THAT(errors[0], HasSubstr(text));
}

OnnxBuilder one_node(const std::string& op, const Names& more, const Attributes& attributes, const Ints& shape = {1, 2, 4, 4},
                     int opset = 13) {
    OnnxBuilder b(opset);
    Names in{"x"};
    in.insert(in.end(), more.begin(), more.end());
    b.input("x", shape).output("y").node(op, in, {"y"}, attributes, "it");
    return b;
}

TEST(OnnxErrors, EveryUnsupportedNodeIsReportedInOneGo) {
    OnnxBuilder b;
    b.input("x", Ints{1, 4}).output("y").floats("k", {1}, {1});
    b.node("Loop", {"", "", "x"}, {"a"}, {}, "loop").node("Relu", {"a"}, {"b"}).node("Det", {"b"}, {"c"}, {}, "best");
    b.node("Fancy", {"c"}, {"d"}, {}, "own").node("TopK", {"x", "k"}, {"e", "f"}).node("Add", {"d", "e"}, {"y"});
    b.model.mutable_graph()->mutable_node(3)->set_domain("com.example");
    Diagnostics diag;
    EXPECT_FALSE(b.import(diag));
    ASSERT_EQ(diag.errors(), 4);
    EXPECT_EQ(diag.all()[0].text(), "model.onnx: error: `Loop` #0 \"loop\": opset 13: loops are not supported [onnx-unsupported-op]");
    EXPECT_EQ(diag.all()[1].text(), "model.onnx: error: `Det` #2 \"best\": opset 13: the operator is not supported [onnx-unsupported-op]");
    EXPECT_THAT(diag.all()[2].text(), HasSubstr("domain `com.example`"));
    EXPECT_THAT(diag.all()[3].text(), HasSubstr("`TopK` #4 \"e\""));
}

TEST(OnnxErrors, UnsupportedForms) {
    const DiagId id = DiagId::onnx_unsupported_op;
    expect_error(one_node("HardSwish", {}, {}), id, "exists from opset 14 on");
    expect_error(one_node("Upsample", {}, {}), id, "exists up to opset 9 only");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", Ints{2, 2, 2})}, {1, 1, 4, 4, 4}), id, "three spatial dimensions");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", Ints{2, 2}), attr("pads", Ints{2, 0, 0, 0})}), id, "as wide as the window");
    expect_error(one_node("Conv", {"w"}, {}).input("w", Ints{1, 2, 1, 1}), id, "computed at run time");
    expect_error(one_node("Reshape", {"s"}, {}).input("s", Ints{2}, onnx::TensorProto::INT64), id,
                 "operand `shape` is computed at run time");
    expect_error(one_node("Resize", {"", "s"}, {attr("mode", "cubic")}).floats("s", {4}, {1, 1, 2, 2}), id, "cubic");
    expect_error(one_node("Resize", {"", "s"}, {}).floats("s", {4}, {1, 2, 2, 2}), id, "only the spatial dimensions");
    expect_error(
        one_node("Resize", {"", "s"}, {attr("coordinate_transformation_mode", "tf_crop_and_resize")}).floats("s", {4}, {1, 1, 2, 2}), id,
        "tf_crop_and_resize");
    expect_error(one_node("Resize", {"", "s"}, {attr("coordinate_transformation_mode", "align_corners")}).floats("s", {4}, {1, 1, 0.6f, 1}),
                 id, "makes 2.4 positions of 4");
    expect_error(one_node("ConvTranspose", {"w"}, {}).input("w", Ints{2, 1, 1, 1}), id, "operand `W` is computed at run time");
    expect_error(one_node("Pad", {"p"}, {attr("mode", "wrap")}).ints("p", {8}, Ints(8, 0)), id, "wrap");
    expect_error(one_node("If", {}, {}, {1}), id, "branches on values that are only known at run time");
    expect_error(one_node("DequantizeLinear", {"s"}, {attr("block_size", 2)}, {2}, 21).floats("s", {}, {1}), DiagId::onnx_operand,
                 "expected integers");
    expect_error(one_node("QuantizeLinear", {"s"}, {attr("block_size", 2)}, {2}, 21).floats("s", {}, {1}), id, "scales a block");
    OnnxBuilder indices;
    indices.input("x", Ints{1, 1, 4, 4}).output("y").output("i").node("MaxPool", {"x"}, {"y", "i"}, {attr("kernel_shape", Ints{2, 2})});
    expect_error(indices, id, "result 1 (`i`) is not supported");
}

TEST(OnnxErrors, Attributes) {
    const DiagId id = DiagId::onnx_attribute;
    expect_error(one_node("MaxPool", {}, {}), id, "`kernel_shape` is missing");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", Ints{-2, 2})}), id, "-2 is out of range");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", Ints{2})}), id, "has 1 numbers, expected 2");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", Ints{9, 9})}), id, "covers 9 positions");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", "2x2")}), id, "must be a list of integers");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", Ints{2, 2}), attr("pads", Ints{1, 1, 1, int64_t{1} << 60})}), id,
                 "out of range");
    expect_error(one_node("MaxPool", {}, {attr("kernel_shape", Ints{2, 2}), attr("auto_pad", "SOME")}), id, "`SOME` is unknown");
    expect_error(one_node("Conv", {"w"}, {attr("group", 3)}).floats("w", {3, 1, 1, 1}, {1, 1, 1}), id, "3 groups");
    expect_error(one_node("Softmax", {}, {attr("axis", 4)}), id, "axis 4 of a tensor of rank 4");
    expect_error(one_node("Transpose", {}, {attr("perm", Ints{0, 1, 1, 2})}), id, "no permutation");
    expect_error(one_node("ReduceMax", {}, {attr("axes", Ints{1, -3})}), id, "named twice");
    expect_error(one_node("Cast", {}, {}), id, "`to` is missing");
    expect_error(one_node("LeakyRelu", {}, {attr_reference("alpha", "a")}), id, "outside a function");
}

TEST(OnnxErrors, Operands) {
    const DiagId id = DiagId::onnx_operand;
    expect_error(one_node("Add", {}, {}), id, "operand 1 is missing");
    expect_error(one_node("Relu", {"x"}, {}), id, "takes at most 1");
    expect_error(one_node("Add", {"nowhere"}, {}), id, "operand `nowhere`: no earlier node");
    expect_error(one_node("Gemm", {"x"}, {}), id, "operand `A`: rank 4, expected 2");
    expect_error(one_node("Conv", {"w"}, {}).floats("w", {1, 3, 1, 1}, {1, 1, 1}), id, "operand `W`");
    expect_error(one_node("Conv", {"w"}, {}).floats("w", {1, 2, 1}, {1, 1}), id, "rank 3, expected 4");
    expect_error(one_node("Reshape", {"s"}, {}).ints("s", {2}, {5, -1}), id, "does not hold the 32 elements");
    expect_error(one_node("Reshape", {"s"}, {}).ints("s", {2}, {-1, -1}), id, "more than one");
    expect_error(one_node("Slice", {"s", "s", "a", "t"}, {}).ints("s", {1}, {0}).ints("a", {1}, {0}).ints("t", {1}, {0}), id, "step 0");
    expect_error(one_node("Gather", {"i"}, {}).ints("i", {1}, {1}), id, "index 1 of a dimension of size 1");
    expect_error(one_node("Pad", {"p"}, {}).ints("p", {8}, {0, 0, -9, 0, 0, 0, 0, 0}), id, "cut more than");
    expect_error(one_node("QuantizeLinear", {"s"}, {}).floats("s", {}, {0}), id, "scale 0");
    expect_error(one_node("QuantizeLinear", {"s"}, {}).floats("s", {3}, {1, 1, 1}), id, "expected [2]");
    OnnxBuilder output;
    output.input("x", Ints{1}).output("gone");
    expect_error(output, id, "operand `gone`: no node makes the output");
}

TEST(OnnxErrors, TypesOfOperands) {
    expect_error(one_node("Add", {"i"}, {}).ints("i", {1}, {1}), DiagId::op_types, "`Add` #0 \"it\"");
    OnnxBuilder bytes;
    bytes.input("x", std::vector<int64_t>{1, 2, 2, 2}, onnx::TensorProto::INT8).output("y");
    for (const char* name : {"s", "b", "m", "v"}) bytes.floats(name, {2}, {1e30f, 1});
    bytes.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"});
    expect_error(bytes, DiagId::onnx_operand, "type int8");
    OnnxBuilder mixed;
    mixed.ints("i", {}, {0}).floats("f", {}, {1e12f}).ints("d", {}, {1}).output("y").node("Range", {"i", "f", "d"}, {"y"});
    expect_error(mixed, DiagId::onnx_operand, "of different types");
}

TEST(OnnxErrors, Files) {
    TemporaryFolder folder;
    const auto import = [&](const std::string& bytes) {
        std::ofstream(folder.path() / "m.onnx", std::ios::binary) << bytes;
        Diagnostics diag;
        EXPECT_FALSE(read_onnx(folder.path() / "m.onnx", {}, diag));
        EXPECT_EQ(diag.errors(), 1);
        return diag.all().at(0);
    };
    EXPECT_EQ(import("").id, DiagId::onnx_malformed);
    EXPECT_EQ(import("this is no model").id, DiagId::onnx_malformed);
    const std::string whole = one_node("Relu", {}, {}).model.SerializeAsString();
    EXPECT_EQ(import(whole.substr(0, whole.size() / 2)).id, DiagId::onnx_malformed);
    onnx::ModelProto empty;
    empty.set_ir_version(8);
    EXPECT_THAT(import(empty.SerializeAsString()).text(), HasSubstr("holds no graph"));
    Diagnostics diag;
    EXPECT_FALSE(read_onnx(folder.path() / "none.onnx", {}, diag));
    EXPECT_EQ(diag.all().at(0).id, DiagId::file_unreadable);
    auto no_output = one_node("Relu", {}, {});
    no_output.model.mutable_graph()->clear_output();
    expect_error(no_output, DiagId::onnx_malformed, "no outputs");
    expect_error(one_node("Relu", {}, {}).node("Neg", {"x"}, {"y"}), DiagId::onnx_malformed, "`y` is defined twice");
}

TEST(OnnxErrors, Versions) {
    expect_error(one_node("Relu", {}, {}, {1}, 5), DiagId::onnx_version, "operator set 5");
    expect_error(one_node("Relu", {}, {}, {1}, 25), DiagId::onnx_version, "operator set 25");
    auto old = one_node("Relu", {}, {});
    old.model.set_ir_version(2);
    expect_error(old, DiagId::onnx_version, "IR version 2");
    old.model.set_ir_version(8), old.model.clear_opset_import();
    expect_error(old, DiagId::onnx_version, "names no version");
    auto young = one_node("Relu", {}, {}, {1}, 23);
    young.model.set_ir_version(11);
    Diagnostics diag;
    EXPECT_TRUE(young.import(diag));
    ASSERT_EQ(diag.all().size(), 2u);
    for (const auto& d : diag.all()) EXPECT_TRUE(d.id == DiagId::onnx_version && d.severity == Severity::warning);
}

TEST(OnnxErrors, TensorsAndTypes) {
    const auto with = [](const onnx::TensorProto& t) {
        OnnxBuilder b;
        return b.initializer(t).output("y").node("Identity", {"t"}, {"y"});
    };
    auto t = float_tensor("t", {3}, {1, 2});
    expect_error(with(t), DiagId::onnx_tensor, "operand `t`: f32[3] holds 8 bytes, 12 needed");
    t.clear_raw_data();
    expect_error(with(t), DiagId::onnx_tensor, "holds 0 values");
    for (int i = 0; i < 4; ++i) t.add_float_data(1);
    expect_error(with(t), DiagId::onnx_tensor, "not as many");
    t.set_dims(0, -3);
    expect_error(with(t), DiagId::onnx_tensor, "dimension -3");
    t.set_dims(0, int64_t{1} << 62), t.add_dims(int64_t{1} << 62);
    expect_error(with(t), DiagId::onnx_too_large, "too large");
    t.set_data_type(onnx::TensorProto::STRING);
    expect_error(with(t), DiagId::onnx_type, "string is not supported");
    OnnxBuilder sparse = one_node("Relu", {}, {});
    sparse.model.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("s");
    expect_error(sparse, DiagId::onnx_type, "operand `s`: sparse");
    OnnxBuilder sequence = one_node("Relu", {}, {});
    sequence.model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type();
    expect_error(sequence, DiagId::onnx_type, "is no tensor");
}

TEST(OnnxErrors, DynamicShapes) {
    OnnxBuilder b;
    b.input("x", Names{"N", "T"}).output("y").node("Relu", {"x"}, {"y"});
    expect_error(b, DiagId::onnx_dynamic_shape, "operand `x`: dimension 1, `T`, has no size; give one with --define T=SIZE");
    OnnxBuilder none;
    none.input("x", Names{"1", ""}).output("y").node("Relu", {"x"}, {"y"});
    expect_error(none, DiagId::onnx_dynamic_shape, "dimension 1 has no size");
    none.model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
    expect_error(none, DiagId::onnx_dynamic_shape, "has no shape");
}

TEST(OnnxErrors, TooLarge) {
    expect_error(one_node("Relu", {}, {}, {1 << 20, 1 << 20}), DiagId::onnx_too_large, "[1048576,1048576]");
    OnnxBuilder filled;
    filled.ints("s", {2}, {1 << 20, 1 << 20}).output("y").node("ConstantOfShape", {"s"}, {"y"});
    expect_error(filled, DiagId::onnx_too_large, "too large");
    // Each alone would do.
    OnnxBuilder many;
    many.ints("s", {2}, {1 << 11, 1 << 10}).output("y");
    for (const char* name : {"a", "b", "c"}) many.node("ConstantOfShape", {"s"}, {name});
    many.node("Concat", {"a", "b", "c"}, {"y"}, {attr("axis", 0)});
    expect_error(many, DiagId::onnx_too_large, "constants computed so far and one of shape [2048,1024]");
    expect_error(one_node("Trilu", {}, {}, {1 << 14, 1 << 14}, 14), DiagId::onnx_too_large, "one of shape [16384,16384]");
    expect_error(one_node("Hardmax", {}, {}, {1, 1 << 24}), DiagId::onnx_too_large, "one of shape [1,16777216]");
    expect_error(one_node("Pad", {"p"}, {}).ints("p", {8}, {0, 0, 1 << 30, 1 << 30, 0, 0, 0, 0}), DiagId::onnx_too_large, "too large");
}

TEST(OnnxErrors, Functions) {
    OnnxBuilder b = one_node("F", {}, {});
    b.model.mutable_graph()->mutable_node(0)->set_domain("mine");
    auto& f = *b.model.add_functions();
    f.set_name("F"), f.set_domain("mine"), f.add_input("a"), f.add_output("r");
    *f.add_node() = make_node("F", {"a"}, {"r"});
    f.mutable_node(0)->set_domain("mine");
    expect_error(b, DiagId::onnx_function, "without end");
    *f.mutable_node(0) = make_node("Relu", {"a"}, {"other"});
    expect_error(b, DiagId::onnx_function, "no node of the function makes its result `r`");
    f.clear_input();
    expect_error(b, DiagId::onnx_function, "the call has 1 operands");
}

TEST(OnnxErrors, AStatedOutputShapeThatDiffersIsAWarning) {
    OnnxBuilder b = one_node("Relu", {}, {});
    b.model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(3);
    Diagnostics diag;
    EXPECT_TRUE(b.import(diag));
    ASSERT_EQ(diag.all().size(), 1u);
    EXPECT_EQ(diag.all()[0].id, DiagId::onnx_output_shape);
}

// Flipped bytes and cut files: whatever comes out, it comes as diagnostics or as a graph that verifies.
TEST(OnnxErrors, DamagedModelsNeverEndTheProcess) {
    OnnxBuilder b;
    b.input("x", Names{"N", "1", "8", "8"})
        .output("y")
        .floats("w", {2, 1, 3, 3}, Floats(18, 0.5))
        .ints("shape", {2}, {0, -1})
        .floats("m", {18, 4}, Floats(72, 1));
    b.floats("s", {}, {0.5}).ints("starts", {1}, {1}).ints("ends", {1}, {9}).ints("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1});
    b.node("Pad", {"x", "pads"}, {"p"}).node("Conv", {"p", "w"}, {"c"}, {attr("strides", Ints{2, 2}), attr("pads", Ints{0, 0, 0, 0})});
    b.node("MaxPool", {"c"}, {"q"}, {attr("kernel_shape", Ints{2, 2}), attr("ceil_mode", 1)}).node("QuantizeLinear", {"q", "s"}, {"qq"});
    b.node("DequantizeLinear", {"qq", "s"}, {"d"}).node("Reshape", {"d", "shape"}, {"r"}).node("MatMul", {"r", "m"}, {"z"});
    b.node("Slice", {"z", "starts", "ends", "starts"}, {"v"}).node("Softmax", {"v"}, {"y"});
    const std::string whole = b.model.SerializeAsString();
    TemporaryFolder folder;
    std::mt19937 random(7);
    int imported = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = whole;
        for (unsigned k = random() % 4 + 1; k > 0; --k) bytes[random() % bytes.size()] = static_cast<char>(random());
        if (round % 10 == 0) bytes.resize(random() % bytes.size());
        std::ofstream(folder.path() / "m.onnx", std::ios::binary) << bytes;
        Diagnostics diag;
        auto m = read_onnx(folder.path() / "m.onnx", {}, diag);
        EXPECT_EQ(m.ok(), !diag.has_errors());
        if (!m) continue;
        ++imported;
        EXPECT_TRUE(verify(m->main(), diag)) << diag.all().back().text();
    }
    EXPECT_GT(imported, 100);
}

}  // namespace
}  // namespace gw
