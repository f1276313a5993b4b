// Builds .tflite files in memory, right and wrong ones.
#pragma once
#include <string>
#include <vector>

#include "tflite_schema_generated.h"

namespace gw {

// A tensor's quantization.
struct TfliteScales {
    std::vector<float> scale;
    std::vector<int64_t> zero_point;
    int32_t axis = 0;
};

class TfliteBuilder {
public:
    using Scales = TfliteScales;
    flatbuffers::FlatBufferBuilder b;
    uint32_t version = 3;
    std::vector<int32_t> inputs, outputs;

    // Returns the tensor's number. `data` empty: not a constant.
    int32_t tensor(const std::string& name, tfl::ElementType type, const std::vector<int32_t>& shape, const Scales& q = {},
                   const std::string& data = {}, bool variable = false, const std::vector<int32_t>& signature = {}) {
        uint32_t buffer = 0;
        if (!data.empty()) {
            buffer = static_cast<uint32_t>(buffers_.size());
            buffers_.push_back(data);
        }
        flatbuffers::Offset<tfl::Quantization> quant = 0;
        if (!q.scale.empty()) quant = tfl::CreateQuantizationDirect(b, nullptr, nullptr, &q.scale, &q.zero_point, 0, q.axis);
        tensors_.push_back(tfl::CreateTensorDirect(b, shape.empty() ? nullptr : &shape, type, buffer, name.c_str(), quant, variable, 0,
                                                   signature.empty() ? nullptr : &signature));
        return static_cast<int32_t>(tensors_.size()) - 1;
    }
    template <class T>
    static std::string bytes(const std::vector<T>& values) {
        return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
    }
    int32_t ints(const std::string& name, const std::vector<int32_t>& values) {
        return tensor(name, tfl::ElementType::int32, {static_cast<int32_t>(values.size())}, {}, bytes(values));
    }
    void op(int32_t builtin, const std::vector<int32_t>& in, const std::vector<int32_t>& out, tfl::Options type = tfl::Options::NONE,
            flatbuffers::Offset<void> options = 0, const char* custom = nullptr, const std::vector<uint8_t>* custom_options = nullptr) {
        codes_.push_back(tfl::CreateOperatorCodeDirect(b, static_cast<int8_t>(builtin < 127 ? builtin : 127), custom, 1, builtin));
        ops_.push_back(tfl::CreateOperatorDirect(b, static_cast<uint32_t>(codes_.size()) - 1, &in, &out, type, options, custom_options));
    }
    // What was added so far is a subgraph; what follows belongs to the next one. The first runs.
    void end_subgraph() {
        graphs_.push_back(tfl::CreateSubGraphDirect(b, &tensors_, &inputs, &outputs, &ops_));
        tensors_.clear(), ops_.clear(), inputs.clear(), outputs.clear();
    }
    std::string finish() {
        std::vector<flatbuffers::Offset<tfl::Buffer>> buffers;
        for (const std::string& data : buffers_) {
            const std::vector<uint8_t> bytes(data.begin(), data.end());
            buffers.push_back(tfl::CreateBufferDirect(b, bytes.empty() ? nullptr : &bytes));
        }
        end_subgraph();
        tfl::FinishModelBuffer(b, tfl::CreateModelDirect(b, version, &codes_, &graphs_, nullptr, &buffers));
        return {reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()};
    }

private:
    std::vector<std::string> buffers_{""};  // buffer 0 is empty
    std::vector<flatbuffers::Offset<tfl::Tensor>> tensors_;
    std::vector<flatbuffers::Offset<tfl::Operator>> ops_;
    std::vector<flatbuffers::Offset<tfl::OperatorCode>> codes_;
    std::vector<flatbuffers::Offset<tfl::SubGraph>> graphs_;
};

}  // namespace gw
