// The TFLite reader: a .tflite file becomes a Module.
//
// What holds for the result: activations are NHWC and weights OHWI as in the file, so ports keep the model's own order; every tensor has a
// fixed shape; quantized operators carry TFLite Micro's integer arithmetic (double rounding), so the graph gives its bytes; values have the
// names of the model's tensors, nodes that of their first result, with the operator's index.
#pragma once
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace gw {

struct TfliteOptions {
    int64_t batch = 1;             // size of leading dimensions that the model leaves open
    std::set<std::string> custom;  // custom operators that become calls of the user's functions
};

// Reads the first subgraph of a model. Other dimensions that the model leaves open become 1. Everything that is not supported is reported
// in one go, one error an operator.
Expected<Module> read_tflite(const std::filesystem::path& model, Diagnostics& diag, const TfliteOptions& options = {});
// The same for the bytes of a file; `file` is its name for messages.
Expected<Module> read_tflite_bytes(std::string_view bytes, const std::string& file, Diagnostics& diag, const TfliteOptions& options = {});

struct SupportedTfliteOp {
    std::string_view name;
    std::string_view types;  // element types of the data: "int8 float32"
    std::string_view note;   // what of it is not supported; may be empty
};
std::span<const SupportedTfliteOp> supported_tflite_ops();  // in the order of the format's numbers

}  // namespace gw
