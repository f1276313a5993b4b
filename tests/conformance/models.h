// The models of ONNX's own backend tests (Debian: libonnx-testdata): each is a folder with model.onnx and test_data_set_0/input_N.pb,
// output_N.pb.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace gw::conformance {

struct TestModel {
    std::string name;                       // "node/test_add"
    std::vector<std::string> operators;     // distinct, sorted; with the domain in front when it is not ai.onnx
    std::vector<std::string> frozen;        // inputs that became initializers, "Reshape.shape"
    std::string refused;                    // why it cannot be claimed, found before the import: types, sequences; empty: none
    std::string model;                      // serialized, with those inputs frozen
    std::vector<Tensor> inputs, outputs;    // of the inputs that are left, in their order; and what is expected
    std::vector<std::string> output_types;  // element types of the file, "float64"
};

// The operands that are frozen, for the document: operator and operand.
struct FrozenOperand {
    std::string_view op;
    int operand;
    std::string_view name;
};
std::vector<FrozenOperand> frozen_operands();

// All models below `root`, sorted by name.
std::vector<std::filesystem::path> model_folders(const std::filesystem::path& root);
TestModel read_test_model(const std::filesystem::path& folder);

}  // namespace gw::conformance
