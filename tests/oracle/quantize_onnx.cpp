// Quantizes a float ONNX model the way onnxruntime's static quantizer writes it: QuantizeLinear and DequantizeLinear around every float
// tensor that a known operator reads or makes, int8 weights (one scale a channel for convolutions), int32 biases counted in products of the
// input's and the weight's scale, activations of uint8 or int8. Ranges come from our own interpreter on seeded random inputs.
//
//   quantize_onnx MODEL.onnx OUT.onnx uint8|int8 [all|layers] [reduced]
// `all` makes every quantized tensor an output, so that a comparison sees each layer. `layers` cuts the model into its operators besides:
// what an operator reads, T, is an input of its own, T_fed. `reduced` gives weights 7 bits. Prints `name scale` a
// line for each output.
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "frontend/onnx/onnx.h"
#include "interp/interp.h"

namespace gw {
namespace {

struct Range {
    float lo = 0, hi = 0;
    Shape shape;
};
struct Step {
    float scale = 1;
    int32_t zero = 0;
};

// Of every float tensor of the model, by name; 0 is always inside.
std::map<std::string, Range> ranges_of(const Graph& g) {
    std::map<std::string, Range> ranges;
    std::mt19937 random(7);
    for (int k = 0; k < 8; ++k) {
        std::vector<Tensor> in;
        for (const Port& port : g.inputs) {
            in.push_back(Tensor::zeros(g.type(port.value)));
            for (int64_t i = 0; i < in.back().elements(); ++i) in.back().set(i, static_cast<double>(random()) / 2147483648.0 - 1);
        }
        const auto note = [&](const std::string& name, const Tensor& t) {
            if (t.type.dtype != DType::float32) return;
            Range& r = ranges[name];
            r.shape = t.shape();
            for (float v : t.data<float>()) r.lo = std::min(r.lo, v), r.hi = std::max(r.hi, v);
        };
        for (size_t i = 0; i < in.size(); ++i) note(g.inputs[i].name, in[i]);
        interpret(g, in, [&](ValueId id, const Tensor& t) { note(g[id].source, t); });
    }
    return ranges;
}

class Quantizer {
public:
    Quantizer(const onnx::ModelProto& model, std::map<std::string, Range> ranges, bool with_sign, bool all, bool layers, int largest)
        : old_(model.graph()),
          ranges_(std::move(ranges)),
          signed_(with_sign),
          all_(all),
          layers_(layers),
          largest_(largest),
          model_(model) {
        for (const auto& t : old_.initializer()) initializers_[t.name()] = &t;
        for (const auto& n : old_.node())
            for (const auto& i : n.input()) ++uses_[i];
        for (const auto& o : old_.output()) ++uses_[o.name()];
        g_.set_name(old_.name());
        if (!layers_) *g_.mutable_input() = old_.input();
        *g_.mutable_initializer() = old_.initializer();
    }

    onnx::ModelProto run() {
        for (int i = 0; i < old_.node_size(); ++i) {
            if (gone_.count(i) == 0) node(i);
        }
        for (const auto& o : old_.output()) {
            auto& out = *g_.add_output();
            out = o;
            if (const auto q = quantized_.find(o.name()); q != quantized_.end()) out.set_name(q->second);
            std::cout << out.name() << " " << (steps_.count(o.name()) ? steps_[o.name()].scale : 1.0f) << "\n";
            listed_.insert(out.name());
        }
        for (const auto& [name, q] : quantized_) {
            if (!all_ || initializers_.count(name) != 0 || !listed_.insert(q).second) continue;
            auto& out = *g_.add_output();
            out.set_name(q);
            out.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
            std::cout << q << " " << steps_[name].scale << "\n";
        }
        onnx::ModelProto out = model_;
        *out.mutable_graph() = std::move(g_);
        return out;
    }

private:
    // The only reader of a tensor, if it is a Relu: the rounding clamps as it does.
    int relu_behind(const std::string& name) const {
        if (uses_.at(name) != 1) return -1;
        for (int i = 0; i < old_.node_size(); ++i)
            if (old_.node(i).op_type() == "Relu" && old_.node(i).input(0) == name) return i;
        return -1;
    }

    void node(int index) {
        onnx::NodeProto n = old_.node(index);
        const std::string op = n.op_type();
        static const std::set<std::string> computing{"Conv", "Gemm", "MatMul",  "Add",  "Mul",     "GlobalAveragePool",
                                                     "Relu", "Clip", "Sigmoid", "Tanh", "Softmax", "Concat"};
        static const std::set<std::string> keeping{"MaxPool", "AveragePool", "Reshape", "Flatten", "Transpose",
                                                   "Squeeze", "Unsqueeze",   "Slice",   "Resize"};
        if (computing.count(op) == 0 && keeping.count(op) == 0) {
            if (layers_) return;
            for (auto& i : *n.mutable_input())
                if (quantized_.count(i)) i = quantized_[i];
            *g_.add_node() = n;
            return;
        }
        const bool weighted = (op == "Conv" || op == "Gemm" || op == "MatMul") && initializers_.count(n.input(1)) != 0;
        const int operands = keeping.count(op) ? 1 : op == "Clip" ? 1 : weighted ? 1 : n.input_size();
        for (int i = 0; i < operands; ++i) n.set_input(i, read(n.input(i)));
        if (weighted) weights(n, steps_.at(old_.node(index).input(0)));
        std::string result = n.output(0);
        if (const int relu = computing.count(op) ? relu_behind(result) : -1; relu >= 0 && op != "Relu") {
            result = old_.node(relu).output(0);
            gone_.insert(relu);
        }
        n.set_output(0, result + "_before");
        *g_.add_node() = n;
        if (keeping.count(op)) {
            steps_[result] = steps_.at(old_.node(index).input(0));
        } else if (op == "Softmax") {
            steps_[result] = {1.0f / 256, signed_ ? -128 : 0};
        }
        round(result, result + "_before");
    }

    // A tensor as a quantized operator reads it.
    std::string read(const std::string& name) {
        if (layers_ && initializers_.count(name) == 0) return fed(name);
        if (const auto known = quantized_.find(name); known != quantized_.end()) return known->second;
        if (const auto constant = initializers_.find(name); constant != initializers_.end()) {
            const std::vector<float> v = floats(*constant->second);
            for (float f : v) ranges_[name].lo = std::min(ranges_[name].lo, f), ranges_[name].hi = std::max(ranges_[name].hi, f);
        }
        round(name, name);
        return quantized_.at(name);
    }

    Step step_of(const Range& r) const {
        const float scale = std::max(r.hi - r.lo, 1e-6f) / 255;
        const int32_t lowest = signed_ ? -128 : 0;
        return {scale, static_cast<int32_t>(std::nearbyint(static_cast<float>(lowest) - r.lo / scale))};
    }

    // A tensor as an input of its own, with the rounding that it has where it is made.
    std::string fed(const std::string& name) {
        const std::string from = name + "_fed";
        if (!fed_.insert(name).second) return from + "_dq";
        auto& in = *g_.add_input();
        in.set_name(from);
        auto& type = *in.mutable_type()->mutable_tensor_type();
        type.set_elem_type(onnx::TensorProto::FLOAT);
        for (int64_t d : ranges_.at(name).shape.dims()) type.mutable_shape()->add_dim()->set_dim_value(d);
        return rounded(name, from, from);
    }

    // name → Quantize → Dequantize.
    void round(const std::string& name, const std::string& from) { quantized_[name] = rounded(name, from, name); }
    // `from` with the step of `name`; its new tensors are called after `to`.
    std::string rounded(const std::string& name, const std::string& from, const std::string& to) {
        if (steps_.count(name) == 0) steps_[name] = step_of(ranges_.at(name));
        const Step s = steps_[name];
        floats(to + "_scale", {}, {s.scale});
        onnx::TensorProto& zero = *g_.add_initializer();
        zero.set_name(to + "_zero");
        zero.set_data_type(signed_ ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8);
        zero.add_int32_data(s.zero);
        add("QuantizeLinear", {from, to + "_scale", to + "_zero"}, to + "_q");
        add("DequantizeLinear", {to + "_q", to + "_scale", to + "_zero"}, to + "_dq");
        return to + "_dq";
    }

    void weights(onnx::NodeProto& n, const Step& x) {
        const onnx::TensorProto& w = *initializers_.at(n.input(1));
        const std::vector<float> v = floats(w);
        const bool by_channel = n.op_type() == "Conv";
        const int64_t channels = by_channel ? w.dims(0) : 1, row = static_cast<int64_t>(v.size()) / channels;
        std::vector<float> scales;
        std::string bytes;
        for (int64_t c = 0; c < channels; ++c) {
            float largest = 1e-8f;
            for (int64_t k = 0; k < row; ++k) largest = std::max(largest, std::fabs(v[static_cast<size_t>(c * row + k)]));
            scales.push_back(largest / static_cast<float>(largest_));
            for (int64_t k = 0; k < row; ++k)
                bytes += static_cast<char>(static_cast<int8_t>(std::nearbyint(v[static_cast<size_t>(c * row + k)] / scales.back())));
        }
        const std::string name = w.name();
        const std::vector<int64_t> list = by_channel ? std::vector<int64_t>{channels} : std::vector<int64_t>{};
        if (done_.insert(name).second) {
            floats(name + "_scale", list, scales);
            onnx::TensorProto& zero = *g_.add_initializer();
            zero.set_name(name + "_zero"), zero.set_data_type(onnx::TensorProto::INT8);
            for (int64_t d : list) zero.add_dims(d);
            zero.set_raw_data(std::string(static_cast<size_t>(channels), '\0'));
            onnx::TensorProto& q = *g_.add_initializer();
            q = w;
            q.clear_float_data();
            q.set_name(name + "_q"), q.set_data_type(onnx::TensorProto::INT8), q.set_raw_data(bytes);
            add("DequantizeLinear", {name + "_q", name + "_scale", name + "_zero"}, name + "_dq", 0);
        }
        n.set_input(1, name + "_dq");
        if (n.input_size() < 3 || n.input(2).empty()) return;
        const std::vector<float> b = floats(*initializers_.at(n.input(2)));
        std::vector<int32_t> sums;
        std::vector<float> steps;
        for (size_t c = 0; c < b.size(); ++c) {
            const float step = x.scale * scales[by_channel ? c : 0];
            if (by_channel || c == 0) steps.push_back(step);
            sums.push_back(static_cast<int32_t>(std::nearbyint(b[c] / step)));
        }
        const std::string bias = n.input(2);
        floats(bias + "_scale", list, steps);
        onnx::TensorProto& q = *g_.add_initializer();
        q.set_name(bias + "_q"), q.set_data_type(onnx::TensorProto::INT32);
        q.add_dims(static_cast<int64_t>(sums.size()));
        q.set_raw_data(sums.data(), sums.size() * 4);
        add("DequantizeLinear", {bias + "_q", bias + "_scale"}, bias + "_dq", 0);
        n.set_input(2, bias + "_dq");
    }

    std::vector<float> floats(const onnx::TensorProto& t) const {
        if (t.float_data_size() > 0) return {t.float_data().begin(), t.float_data().end()};
        std::vector<float> v(t.raw_data().size() / 4);
        std::copy_n(t.raw_data().data(), v.size() * 4, reinterpret_cast<char*>(v.data()));
        return v;
    }
    void floats(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& v) {
        onnx::TensorProto& t = *g_.add_initializer();
        t.set_name(name), t.set_data_type(onnx::TensorProto::FLOAT);
        for (int64_t d : dims) t.add_dims(d);
        t.set_raw_data(v.data(), v.size() * 4);
    }
    void add(const std::string& op, const std::vector<std::string>& in, const std::string& out, int64_t axis = -100) {
        onnx::NodeProto& n = *g_.add_node();
        n.set_op_type(op), n.set_name(out);
        for (const auto& i : in) n.add_input(i);
        n.add_output(out);
        if (axis == -100) return;
        auto& a = *n.add_attribute();
        a.set_name("axis"), a.set_type(onnx::AttributeProto::INT), a.set_i(axis);
    }

    const onnx::GraphProto& old_;
    std::map<std::string, Range> ranges_;
    bool signed_, all_, layers_;
    int largest_;  // of a weight
    onnx::ModelProto model_;
    onnx::GraphProto g_;
    std::map<std::string, const onnx::TensorProto*> initializers_;
    std::map<std::string, int> uses_;
    std::map<std::string, Step> steps_;
    std::map<std::string, std::string> quantized_;  // name of the rounded tensor
    std::set<std::string> done_, listed_, fed_;
    std::set<int> gone_;
};

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() < 3) {
        std::cerr << "usage: quantize_onnx MODEL.onnx OUT.onnx uint8|int8 [all|layers] [reduced]\n";
        return 2;
    }
    Diagnostics diag;
    auto module = read_onnx(arguments[0], {}, diag);
    onnx::ModelProto model;
    std::ifstream file(arguments[0], std::ios::binary);
    if (!module || !model.ParseFromIstream(&file)) {
        for (const auto& d : diag.all()) std::cerr << d.text() << "\n";
        return 1;
    }
    const auto given = [&](std::string_view word) { return std::find(arguments.begin() + 3, arguments.end(), word) != arguments.end(); };
    // Scales along an axis need opset 13. What it changed of operators in use here, onnxruntime would refuse.
    for (auto& set : *model.mutable_opset_import())
        if (set.domain().empty()) set.set_version(std::max<int64_t>(set.version(), 13));
    const onnx::ModelProto out = Quantizer(model, ranges_of(module->main()), arguments[2] == "int8", given("all") || given("layers"),
                                           given("layers"), given("reduced") ? 63 : 127)
                                     .run();
    std::ofstream to(arguments[1], std::ios::binary);
    return out.SerializeToOstream(&to) ? 0 : 1;
}

}  // namespace
}  // namespace gw

int main(int argc, char** argv) { return gw::run({argv + 1, argv + argc}); }
