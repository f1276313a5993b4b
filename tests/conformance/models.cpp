// Reading the test models. The node tests state as inputs what models in use hold as constants: shapes, axes, pads, bounds, weights. The
// reader asks for constants there, so an input that feeds such an operand directly becomes an initializer that holds the value of the
// test's data set; frozen_operands is the whole list. Nothing else of a model is touched.
#include "models.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "base/diagnostics.h"
#include "frontend/onnx/tensor_reader.h"

namespace gw::conformance {
namespace {

namespace fs = std::filesystem;

constexpr FrozenOperand frozen_table[] = {
    {"BatchNormalization", 1, "scale"},
    {"BatchNormalization", 2, "B"},
    {"BatchNormalization", 3, "input_mean"},
    {"BatchNormalization", 4, "input_var"},
    {"Clip", 1, "min"},
    {"Clip", 2, "max"},
    {"ConstantOfShape", 0, "input"},
    {"Conv", 1, "W"},
    {"Conv", 2, "B"},
    {"ConvInteger", 1, "w"},
    {"ConvTranspose", 1, "W"},
    {"ConvTranspose", 2, "B"},
    {"CumSum", 1, "axis"},
    {"DequantizeLinear", 1, "x_scale"},
    {"DequantizeLinear", 2, "x_zero_point"},
    {"Dropout", 1, "ratio"},
    {"Dropout", 2, "training_mode"},
    {"Expand", 1, "shape"},
    {"GRU", 1, "W"},
    {"GRU", 2, "R"},
    {"GRU", 3, "B"},
    {"GRU", 4, "sequence_lens"},
    {"If", 0, "cond"},
    {"LSTM", 1, "W"},
    {"LSTM", 2, "R"},
    {"LSTM", 3, "B"},
    {"LSTM", 4, "sequence_lens"},
    {"LSTM", 7, "P"},
    {"OneHot", 1, "depth"},
    {"OneHot", 2, "values"},
    {"Pad", 1, "pads"},
    {"Pad", 2, "constant_value"},
    {"Pad", 3, "axes"},
    {"QLinearConv", 1, "x_scale"},
    {"QLinearConv", 2, "x_zero_point"},
    {"QLinearConv", 3, "w"},
    {"QLinearConv", 4, "w_scale"},
    {"QLinearConv", 5, "w_zero_point"},
    {"QLinearConv", 6, "y_scale"},
    {"QLinearConv", 7, "y_zero_point"},
    {"QLinearMatMul", 1, "a_scale"},
    {"QLinearMatMul", 2, "a_zero_point"},
    {"QLinearMatMul", 4, "b_scale"},
    {"QLinearMatMul", 5, "b_zero_point"},
    {"QLinearMatMul", 6, "y_scale"},
    {"QLinearMatMul", 7, "y_zero_point"},
    {"QuantizeLinear", 1, "y_scale"},
    {"QuantizeLinear", 2, "y_zero_point"},
    {"Range", 0, "start"},
    {"Range", 1, "limit"},
    {"RNN", 1, "W"},
    {"RNN", 2, "R"},
    {"RNN", 3, "B"},
    {"RNN", 4, "sequence_lens"},
    {"Range", 2, "delta"},
    {"ReduceSum", 1, "axes"},
    {"Reshape", 1, "shape"},
    {"Resize", 1, "roi"},
    {"Resize", 2, "scales"},
    {"Resize", 3, "sizes"},
    {"Slice", 1, "starts"},
    {"Slice", 2, "ends"},
    {"Slice", 3, "axes"},
    {"Slice", 4, "steps"},
    {"Split", 1, "split"},
    {"Squeeze", 1, "axes"},
    {"Tile", 1, "repeats"},
    {"TopK", 1, "K"},
    {"Trilu", 1, "k"},
    {"Unsqueeze", 1, "axes"},
    {"Upsample", 1, "scales"},
};

std::string bytes_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string kind_of(const onnx::TypeProto& type) {
    if (type.has_sequence_type()) return "a sequence";
    if (type.has_map_type()) return "a map";
    if (type.has_optional_type()) return "an optional value";
    if (type.has_sparse_tensor_type()) return "a sparse tensor";
    if (type.has_tensor_type()) return "";
    return "of no type";
}

void collect_operators(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, std::set<std::string>& names) {
    for (const auto& node : nodes) {
        names.insert((node.domain().empty() ? "" : node.domain() + ".") + node.op_type());
        for (const auto& a : node.attribute())
            if (a.has_g()) collect_operators(a.g().node(), names);
    }
}

// Input names that feed an operand of the table, with the operand's name.
std::map<std::string, std::string> inputs_to_freeze(const onnx::GraphProto& graph) {
    std::map<std::string, std::string> freeze;
    for (const auto& node : graph.node())
        for (const FrozenOperand& row : frozen_table)
            if (node.op_type() == row.op && row.operand < node.input_size() && !node.input(row.operand).empty())
                freeze.emplace(node.input(row.operand), fmt::format("{}.{}", row.op, row.name));
    return freeze;
}

class Loader {
public:
    explicit Loader(const fs::path& folder) : folder_(folder), reader_(folder) {
        t_.name = folder.parent_path().filename().string() + "/" + folder.filename().string();
    }

    TestModel run() {
        onnx::ModelProto model;
        if (!model.ParseFromString(bytes_of(folder_ / "model.onnx"))) {
            t_.refused = "the model cannot be read";
            return t_;
        }
        std::set<std::string> names;
        collect_operators(model.graph().node(), names);
        t_.operators.assign(names.begin(), names.end());
        check_types(model.graph());
        if (t_.refused.empty()) read_data(*model.mutable_graph());
        t_.model = model.SerializeAsString();
        return t_;
    }

private:
    void refuse(const std::string& why) {
        if (t_.refused.empty()) t_.refused = why;
    }

    void check_types(const onnx::GraphProto& graph) {
        for (const auto* list : {&graph.input(), &graph.output()}) {
            for (const auto& v : *list) {
                if (const std::string kind = kind_of(v.type()); !kind.empty()) return refuse("an input or output is " + kind);
                const int type = v.type().tensor_type().elem_type();
                if (type == onnx::TensorProto::STRING) return refuse("strings");
                if (!dtype_of_onnx(type)) return refuse("element type " + std::string(onnx_type_name(type)));
            }
        }
    }

    Tensor tensor(const onnx::TensorProto& proto) {
        Diagnostics diag;
        auto t = reader_.read(proto, {}, diag);
        if (t) return *t;
        refuse("its test data cannot be read: " + diag.all().front().message);
        return {};
    }

    void read_data(onnx::GraphProto& graph) {
        const fs::path data = folder_ / "test_data_set_0";
        const auto freeze = inputs_to_freeze(graph);
        std::set<std::string> initialized;
        for (const auto& i : graph.initializer()) initialized.insert(i.name());
        google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> left;
        int number = 0;
        for (const auto& input : graph.input()) {
            if (initialized.count(input.name()) != 0) {
                *left.Add() = input;
                continue;
            }
            onnx::TensorProto proto;
            const fs::path file = data / fmt::format("input_{}.pb", number++);
            if (!proto.ParseFromString(bytes_of(file))) return refuse("its test data cannot be read");
            proto.set_name(input.name());
            if (const auto found = freeze.find(input.name()); found != freeze.end()) {
                *graph.add_initializer() = proto;
                t_.frozen.push_back(found->second);
                continue;
            }
            *left.Add() = input;
            t_.inputs.push_back(tensor(proto));
        }
        *graph.mutable_input() = left;
        for (int i = 0; i < graph.output_size(); ++i) {
            onnx::TensorProto proto;
            if (!proto.ParseFromString(bytes_of(data / fmt::format("output_{}.pb", i)))) return refuse("its test data cannot be read");
            t_.outputs.push_back(tensor(proto));
            t_.output_types.emplace_back(onnx_type_name(proto.data_type()));
        }
    }

    fs::path folder_;
    TensorReader reader_;
    TestModel t_;
};

}  // namespace

std::vector<FrozenOperand> frozen_operands() { return {std::begin(frozen_table), std::end(frozen_table)}; }

std::vector<fs::path> model_folders(const fs::path& root) {
    std::vector<fs::path> all;
    std::error_code ec;
    for (const auto& entry : fs::recursive_directory_iterator(root, ec))
        if (entry.path().filename() == "model.onnx") all.push_back(entry.path().parent_path());
    std::sort(all.begin(), all.end());
    return all;
}

TestModel read_test_model(const fs::path& folder) { return Loader(folder).run(); }

}  // namespace gw::conformance
