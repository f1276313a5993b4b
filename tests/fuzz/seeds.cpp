// Writes seed models for the fuzzers of the model readers: one small file for each operator that is read, some with constants that shape
// arithmetic computes with. What a fuzzer needs is not sense but reach: bytes from which few mutations lead into every importer.
//   fuzz_seeds FOLDER    makes FOLDER/onnx_model/*.onnx and FOLDER/tflite_model/*.tflite (run by tests/fuzz/campaign)
#include <filesystem>
#include <fstream>

#include "frontend/tflite/tflite.h"
#include "support/onnx_builder.h"
#include "support/tflite_builder.h"

namespace gw {
namespace {

namespace fs = std::filesystem;

void save(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

// ---- ONNX. Inputs are [1,4,4,4] or [4,4] floats; constants follow.
struct OnnxSeed {
    const char* op;
    int opset;
    int inputs;
    std::vector<std::vector<int64_t>> floats, ints;  // shapes of float constants, values of integer ones
    Attributes attributes;
    std::vector<int64_t> input_shape = {1, 4, 4, 4};
};

std::string onnx_seed(const OnnxSeed& s) {
    OnnxBuilder b(s.opset);
    Names operands;
    for (int i = 0; i < s.inputs; ++i) b.input("x" + std::to_string(i), s.input_shape), operands.push_back("x" + std::to_string(i));
    for (size_t i = 0; i < s.floats.size(); ++i) {
        int64_t n = 1;
        for (int64_t d : s.floats[i]) n *= d;
        operands.push_back("w" + std::to_string(i));
        b.floats(operands.back(), s.floats[i], std::vector<float>(static_cast<size_t>(n), 0.5f));
    }
    for (size_t i = 0; i < s.ints.size(); ++i) {
        operands.push_back("i" + std::to_string(i));
        b.ints(operands.back(), {static_cast<int64_t>(s.ints[i].size())}, s.ints[i]);
    }
    b.node(s.op, operands, {"y"}, s.attributes).output("y");
    return b.model.SerializeAsString();
}

std::vector<OnnxSeed> onnx_seeds() {
    const auto i64 = [](std::vector<int64_t> v) { return v; };
    std::vector<OnnxSeed> all = {
        {"Conv", 13, 1, {{2, 4, 3, 3}, {2}}, {}, {attr("pads", i64({1, 1, 1, 1})), attr("strides", i64({2, 2}))}},
        {"Conv", 11, 1, {{4, 1, 3, 3}}, {}, {attr("group", 4), attr("auto_pad", "SAME_UPPER"), attr("dilations", i64({2, 2}))}},
        {"MaxPool", 12, 1, {}, {}, {attr("kernel_shape", i64({2, 2})), attr("ceil_mode", 1)}},
        {"AveragePool", 19, 1, {}, {}, {attr("kernel_shape", i64({3, 3})), attr("pads", i64({1, 1, 1, 1})), attr("count_include_pad", 1)}},
        {"BatchNormalization", 15, 1, {{4}, {4}, {4}, {4}}, {}, {attr("epsilon", 1e-5f)}},
        {"InstanceNormalization", 13, 1, {{4}, {4}}, {}, {}},
        {"LayerNormalization", 17, 1, {{4}, {4}}, {}, {attr("axis", -1)}},
        {"Gemm", 13, 1, {{4, 3}, {3}}, {}, {attr("transA", 1), attr("alpha", 0.5f)}, {4, 4}},
        {"MatMul", 13, 1, {{4, 3}}, {}, {}, {4, 4}},
        {"Clip", 13, 1, {{}, {}}, {}, {}},
        {"Cast", 13, 1, {}, {}, {attr("to", 6)}},
        {"Concat", 13, 2, {}, {}, {attr("axis", 1)}},
        {"ConstantOfShape", 9, 0, {}, {{2, 3}}, {}},
        {"DepthToSpace", 13, 1, {}, {}, {attr("blocksize", 2), attr("mode", "CRD")}},
        {"SpaceToDepth", 13, 1, {}, {}, {attr("blocksize", 2)}},
        {"DequantizeLinear", 13, 0, {{4}, {}}, {}, {}},
        {"QuantizeLinear", 13, 1, {{}}, {}, {}},
        {"Expand", 13, 1, {}, {{2, 4, 4, 4}}, {}},
        {"Flatten", 13, 1, {}, {}, {attr("axis", 2)}},
        {"Gather", 13, 1, {}, {{0, 2}}, {attr("axis", 1)}},
        {"Gelu", 20, 1, {}, {}, {attr("approximate", "tanh")}},
        {"LeakyRelu", 13, 1, {}, {}, {attr("alpha", 0.1f)}},
        {"Mod", 13, 2, {}, {}, {attr("fmod", 1)}},
        {"Pad", 13, 1, {}, {{0, 0, 1, 1, 0, 0, 1, 1}}, {attr("mode", "reflect")}},
        {"PRelu", 13, 1, {{4, 1, 1}}, {}, {}},
        {"Range", 11, 0, {}, {{0}, {5}, {2}}, {}},
        {"Reshape", 13, 1, {}, {{0, -1, 2}}, {}},
        {"Resize", 13, 1, {{0}, {4}}, {}, {attr("mode", "linear"), attr("coordinate_transformation_mode", "align_corners")}},
        {"Upsample", 9, 1, {{4}}, {}, {attr("mode", "nearest")}},
        {"Shape", 15, 1, {}, {}, {attr("start", 1)}},
        {"Slice", 13, 1, {}, {{1}, {-1}, {2}, {2}}, {}},
        {"Softmax", 11, 1, {}, {}, {attr("axis", 1)}},
        {"Split", 13, 1, {}, {{1, 3}}, {attr("axis", 1)}},
        {"Squeeze", 13, 1, {}, {{0}}, {}},
        {"Unsqueeze", 13, 1, {}, {{0, 2}}, {}},
        {"Tile", 13, 1, {}, {{1, 2, 1, 3}}, {}},
        {"Transpose", 13, 1, {}, {}, {attr("perm", i64({0, 3, 1, 2}))}},
        {"Where", 9, 2, {}, {}, {}},
        {"Dropout", 12, 1, {}, {}, {}},
        {"Constant", 13, 0, {}, {}, {attr("value_ints", i64({1, 2, 3}))}},
    };
    for (const SupportedOp& op : supported_onnx_ops()) {
        const std::string name(op.name);
        if (name.starts_with("Reduce"))
            all.push_back({op.name.data(), 11, 1, {}, {}, {attr("axes", i64({1, -1})), attr("keepdims", 0)}});
        else if (std::none_of(all.begin(), all.end(), [&](const OnnxSeed& s) { return name == s.op; }))
            all.push_back({op.name.data(), std::max(13, op.min_opset), op.note.empty() && name.size() < 4 ? 2 : 1, {}, {}, {}});
    }
    return all;
}

// Shape arithmetic, a function, a branch and external data: what no single operator has.
std::string onnx_shape_arithmetic() {
    OnnxBuilder b;
    b.input("x", Names{"N", "4", "2"});
    b.ints("two", {1}, {2}).ints("axis", {1}, {0}).ints("minus", {1}, {-1});
    b.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "axis"}, {"n"}).node("Mul", {"n", "two"}, {"m"});
    b.node("Concat", {"m", "minus"}, {"to"}, {attr("axis", 0)}).node("Reshape", {"x", "to"}, {"y"}).output("y");
    return b.model.SerializeAsString();
}
std::string onnx_function() {
    OnnxBuilder b(16);
    auto& f = *b.model.add_functions();
    f.set_name("F"), f.set_domain("d"), f.add_input("a"), f.add_output("b"), f.add_attribute("slope");
    f.add_opset_import()->set_version(16);
    *f.add_node() = make_node("LeakyRelu", {"a"}, {"b"}, {attr_reference("alpha", "slope")});
    b.model.add_opset_import()->set_domain("d");
    b.input("x", std::vector<int64_t>{2}).node("F", {"x"}, {"y"}, {attr("slope", 0.25f)}).output("y");
    b.model.mutable_graph()->mutable_node(0)->set_domain("d");
    return b.model.SerializeAsString();
}
std::string onnx_branch() {
    OnnxBuilder b;
    b.input("x", std::vector<int64_t>{2}).initializer(raw_tensor<uint8_t>("c", onnx::TensorProto::BOOL, {}, {1}));
    b.node("If", {"c"}, {"y"}).output("y");
    auto& node = *b.model.mutable_graph()->mutable_node(0);
    for (const char* name : {"then_branch", "else_branch"}) {
        auto& a = *node.add_attribute();
        a.set_name(name), a.set_type(onnx::AttributeProto::GRAPH);
        *a.mutable_g()->add_node() = make_node("Relu", {"x"}, {"r"});
        a.mutable_g()->add_output()->set_name("r");
    }
    return b.model.SerializeAsString();
}
std::string onnx_external() {
    OnnxBuilder b;
    b.input("x", std::vector<int64_t>{2}).floats("w", {2}, {1, 2});
    auto& t = *b.model.mutable_graph()->mutable_initializer(0);
    t.clear_raw_data(), t.set_data_location(onnx::TensorProto::EXTERNAL);
    auto& e = *t.add_external_data();
    e.set_key("location"), e.set_value("../w.bin");
    b.node("Add", {"x", "w"}, {"y"}).output("y");
    return b.model.SerializeAsString();
}

// ---- TFLite. x int8 or float [1,4,4,4], results of the same shape unless given.
using tfl::ElementType;

struct TfliteSeed {
    int32_t op;
    ElementType type;
    int data_inputs = 1;
    std::vector<std::vector<int32_t>> weights, ints;  // shapes of constants of the data's type, values of int32 ones
    std::vector<int32_t> result = {1, 4, 4, 4};
};

std::string tflite_seed(const TfliteSeed& s, tfl::Options kind, flatbuffers::Offset<void> (*options)(flatbuffers::FlatBufferBuilder&)) {
    TfliteBuilder m;
    const bool quantized = s.type == ElementType::int8;
    const TfliteScales q = quantized ? TfliteScales{{0.5f}, {0}, 0} : TfliteScales{};
    std::vector<int32_t> operands;
    for (int i = 0; i < s.data_inputs; ++i) operands.push_back(m.tensor("x" + std::to_string(i), s.type, {1, 4, 4, 4}, q));
    m.inputs = operands;
    for (const auto& shape : s.weights) {
        size_t n = quantized ? 1 : 4;
        for (int32_t d : shape) n *= static_cast<size_t>(d);
        operands.push_back(m.tensor("w", s.type, shape, q, std::string(n, '\1')));
    }
    for (const auto& values : s.ints) operands.push_back(m.ints("i", values));
    const int32_t y = m.tensor("y", s.type, s.result, q);
    m.outputs = {y};
    m.op(s.op, operands, {y}, kind, options == nullptr ? 0 : options(m.b));
    return m.finish();
}

template <class F>
void tflite_seeds(F&& keep) {
    using B = flatbuffers::FlatBufferBuilder;
    using tfl::Options;
    for (const ElementType t : {ElementType::int8, ElementType::float32}) {
        keep(tflite_seed({3, t, 1, {{2, 3, 3, 4}}, {}, {1, 4, 4, 2}}, Options::ConvOptions,
                         [](B& b) { return tfl::CreateConvOptions(b, tfl::Padding::same, 1, 1, tfl::Activation::relu6).Union(); }));
        keep(tflite_seed({4, t, 1, {{1, 3, 3, 4}}, {}, {1, 2, 2, 4}}, Options::DepthwiseConvOptions,
                         [](B& b) { return tfl::CreateDepthwiseConvOptions(b, tfl::Padding::valid, 1, 1, 1).Union(); }));
        for (const int32_t pool : {1, 17})
            keep(tflite_seed({pool, t, 1, {}, {}, {1, 2, 2, 4}}, Options::PoolOptions,
                             [](B& b) { return tfl::CreatePoolOptions(b, tfl::Padding::valid, 2, 2, 2, 2).Union(); }));
        keep(tflite_seed({9, t, 1, {{3, 64}}, {}, {1, 3}}, Options::FullyConnectedOptions,
                         [](B& b) { return tfl::CreateFullyConnectedOptions(b).Union(); }));
        keep(tflite_seed({25, t}, Options::SoftmaxOptions, [](B& b) { return tfl::CreateSoftmaxOptions(b, 1.0f).Union(); }));
        keep(tflite_seed({2, t, 2, {}, {}, {1, 4, 8, 4}}, Options::ConcatenationOptions,
                         [](B& b) { return tfl::CreateConcatenationOptions(b, 2).Union(); }));
        keep(tflite_seed({22, t, 1, {}, {{1, 64}}, {1, 64}}, Options::NONE, nullptr));
        keep(tflite_seed({34, t, 1, {}, {{0, 0, 1, 1, 1, 1, 0, 0}}, {1, 6, 6, 4}}, Options::NONE, nullptr));
        keep(tflite_seed({36, t, 1, {}, {{0, 2}}, {1, 2, 4, 4}}, Options::GatherOptions,
                         [](B& b) { return tfl::CreateGatherOptions(b, 1).Union(); }));
        keep(tflite_seed({39, t, 1, {}, {{0, 3, 1, 2}}}, Options::NONE, nullptr));
        for (const int32_t reduce : {40, 74, 82, 89})
            keep(tflite_seed({reduce, t, 1, {}, {{1, 2}}, {1, 4}}, Options::ReducerOptions,
                             [](B& b) { return tfl::CreateReducerOptions(b).Union(); }));
        keep(tflite_seed({45, t, 1, {}, {{0, 0, 0, 0}, {1, 4, 2, 4}, {1, 1, 1, 2}}, {1, 4, 2, 2}}, Options::StridedSliceOptions,
                         [](B& b) { return tfl::CreateStridedSliceOptions(b, 1, 1).Union(); }));
        keep(tflite_seed({65, t, 1, {}, {{0, 0, 0, 0}, {1, 4, 2, -1}}, {1, 4, 2, 4}}, Options::NONE, nullptr));
        keep(tflite_seed({69, t, 1, {}, {{1, 2, 1, 1}}, {1, 8, 4, 4}}, Options::NONE, nullptr));
        keep(tflite_seed({83, t, 2, {}, {}, {2, 1, 4, 4, 4}}, Options::PackOptions,
                         [](B& b) { return tfl::CreatePackOptions(b, 2).Union(); }));
        keep(tflite_seed({26, t, 1, {}, {}, {1, 2, 2, 16}}, Options::SpaceToDepthOptions,
                         [](B& b) { return tfl::CreateSpaceToDepthOptions(b, 2).Union(); }));
        keep(tflite_seed({37, t, 1, {}, {{1, 1}, {0, 0, 0, 0}}}, Options::NONE, nullptr));
        keep(tflite_seed({97, t, 1, {}, {{8, 8}}, {1, 8, 8, 4}}, Options::ResizeNearestOptions,
                         [](B& b) { return tfl::CreateResizeNearestOptions(b).Union(); }));
        keep(tflite_seed({126, t, 2}, Options::BatchMatMulOptions, [](B& b) { return tfl::CreateBatchMatMulOptions(b).Union(); }));
        for (const int32_t op : {0, 18, 41, 42, 55, 57, 58, 71, 99}) keep(tflite_seed({op, t, 2}, Options::NONE, nullptr));
        for (const int32_t op : {6, 8, 11, 14, 19, 21, 28, 50, 53, 77, 98, 100, 114, 117})
            keep(tflite_seed({op, t}, Options::NONE, nullptr));
    }
}

}  // namespace
}  // namespace gw

int main(int argc, char** argv) {
    if (argc != 2) return 1;
    const std::filesystem::path onnx = std::filesystem::path(argv[1]) / "onnx_model",
                                tflite = std::filesystem::path(argv[1]) / "tflite_model";
    std::filesystem::create_directories(onnx), std::filesystem::create_directories(tflite);
    int n = 0;
    const auto name = [&](const char* suffix) { return fmt::format("seed{:03}.{}", n++, suffix); };
    for (const auto& seed : gw::onnx_seeds()) gw::save(onnx / name("onnx"), gw::onnx_seed(seed));
    for (const auto& bytes : {gw::onnx_shape_arithmetic(), gw::onnx_function(), gw::onnx_branch(), gw::onnx_external()})
        gw::save(onnx / name("onnx"), bytes);
    n = 0;
    gw::tflite_seeds([&](const std::string& bytes) { gw::save(tflite / name("tflite"), bytes); });
    return 0;
}
