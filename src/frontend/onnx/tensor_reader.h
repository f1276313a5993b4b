// Reads the tensors of an ONNX file: initializers, Constant values and data in files beside the model.
#pragma once
#include <onnx/onnx_pb.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "tensor/tensor.h"

namespace gw {

// The most elements that any tensor of a model may have.
inline constexpr int64_t max_elements = int64_t{1} << 31;

// Product of `dims`, or nothing when one is negative or the product exceeds max_elements.
std::optional<int64_t> checked_elements(const std::vector<int64_t>& dims);

// Element type for TensorProto's number, or nothing when there is none (strings, complex numbers, bfloat16, 8-bit floats).
std::optional<DType> dtype_of_onnx(int data_type);
std::string onnx_type_name(int data_type);

class TensorReader {
public:
    // `folder` is the model's; external data may lie in it and below it only.
    explicit TensorReader(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // The tensor with the shape and values that `proto` states. Errors: onnx_type, onnx_tensor, onnx_external_data, onnx_too_large.
    Expected<Tensor> read(const onnx::TensorProto& proto, const Location& where, Diagnostics& diag);
    // Contents of the external files read so far, by location.
    const std::map<std::string, std::string>& files() const { return files_; }

private:
    Expected<std::string_view> external(const onnx::TensorProto& proto, int64_t bytes, const Location& where, Diagnostics& diag);
    std::filesystem::path folder_;
    std::map<std::string, std::string> files_;
};

}  // namespace gw
