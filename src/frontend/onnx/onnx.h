// The ONNX reader: a model file becomes a Module.
//
// What holds for the result: every tensor has a fixed shape; spatial ops are NHWC with OHWI weights, each between two transposes that keep
// the model's NCHW outside (a pass cancels them); initializers and everything computed from constants alone are constants; ports have the
// model's names, shapes and dimension order; values and nodes carry the model's names.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace gw {

struct ImportOptions {
    std::map<std::string, int64_t> defines;  // sizes of symbolic dimensions: --define N=1
    // Operators that become calls of the user's functions, by name, with the types of their results where value_info does not tell them.
    std::map<std::string, std::vector<Type>> custom;
    std::string io_layout;  // kept for the layout pass; the reader leaves ports as the model has them
};

// Reads a model with opset 6 to 21 (22 to 24 with a warning: their versions of these operators add element types only) and IR version
// 3 to 10 (newer: a warning). External data are looked for in the model's folder and nowhere above it.
// A symbolic or unknown first dimension that `defines` leaves open becomes 1, with a note; any other is an error that names the symbol.
// Everything that is not supported is reported in one go, one error a node.
Expected<Module> read_onnx(const std::filesystem::path& path, const ImportOptions& options, Diagnostics& diag);
// The same for the bytes of a file; `path` is its path for messages and for the place of external data.
Expected<Module> read_onnx_bytes(std::string_view bytes, const std::filesystem::path& path, const ImportOptions& options,
                                 Diagnostics& diag);

// One row of the import table: an operator of the domain ai.onnx and the opsets in which it exists and is read.
struct SupportedOp {
    std::string_view name;
    int min_opset, max_opset;
    std::string_view note;  // what of it is not supported, or how it is read; may be empty
};
std::span<const SupportedOp> supported_onnx_ops();  // sorted by name

}  // namespace gw
