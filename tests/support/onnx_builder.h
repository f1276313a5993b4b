// Builds ONNX models in memory for the tests: inputs, initializers and nodes in the order given, and imports them by way of a file.
#pragma once
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "frontend/onnx/onnx.h"
#include "interp/interp.h"

namespace gw {

inline onnx::AttributeProto attr(const std::string& name, int64_t v) {
    onnx::AttributeProto a;
    a.set_name(name), a.set_type(onnx::AttributeProto::INT), a.set_i(v);
    return a;
}
inline onnx::AttributeProto attr(const std::string& name, int v) { return attr(name, int64_t{v}); }
inline onnx::AttributeProto attr(const std::string& name, float v) {
    onnx::AttributeProto a;
    a.set_name(name), a.set_type(onnx::AttributeProto::FLOAT), a.set_f(v);
    return a;
}
inline onnx::AttributeProto attr(const std::string& name, const char* v) {
    onnx::AttributeProto a;
    a.set_name(name), a.set_type(onnx::AttributeProto::STRING), a.set_s(v);
    return a;
}
inline onnx::AttributeProto attr(const std::string& name, const std::vector<int64_t>& v) {
    onnx::AttributeProto a;
    a.set_name(name), a.set_type(onnx::AttributeProto::INTS);
    for (int64_t i : v) a.add_ints(i);
    return a;
}
// Refers to an attribute of the function that the node is in.
inline onnx::AttributeProto attr_reference(const std::string& name, const std::string& of) {
    onnx::AttributeProto a;
    a.set_name(name), a.set_type(onnx::AttributeProto::FLOAT), a.set_ref_attr_name(of);
    return a;
}

template <class T>
onnx::TensorProto raw_tensor(const std::string& name, int type, const std::vector<int64_t>& dims, const std::vector<T>& values) {
    onnx::TensorProto t;
    t.set_name(name), t.set_data_type(type);
    for (int64_t d : dims) t.add_dims(d);
    t.set_raw_data(values.data(), values.size() * sizeof(T));
    return t;
}
inline onnx::TensorProto float_tensor(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& v) {
    return raw_tensor(name, onnx::TensorProto::FLOAT, dims, v);
}

using Names = std::vector<std::string>;
using Attributes = std::vector<onnx::AttributeProto>;

inline onnx::NodeProto make_node(const std::string& op, const Names& in, const Names& out, const Attributes& attributes = {}) {
    onnx::NodeProto n;
    n.set_op_type(op);
    for (const auto& s : in) n.add_input(s);
    for (const auto& s : out) n.add_output(s);
    for (const auto& a : attributes) *n.add_attribute() = a;
    return n;
}

class OnnxBuilder {
public:
    explicit OnnxBuilder(int opset = 13) {
        model.set_ir_version(8);
        model.add_opset_import()->set_version(opset);
    }
    // Dimensions are numbers or symbols; "" is a dimension without either.
    OnnxBuilder& input(const std::string& name, const Names& dims, int type = onnx::TensorProto::FLOAT) {
        auto& v = *model.mutable_graph()->add_input();
        v.set_name(name);
        auto& t = *v.mutable_type()->mutable_tensor_type();
        t.set_elem_type(type);
        t.mutable_shape();
        for (const auto& d : dims) {
            auto& dim = *t.mutable_shape()->add_dim();
            if (d.empty()) continue;
            if (isdigit(d[0]))
                dim.set_dim_value(std::stoll(d));
            else
                dim.set_dim_param(d);
        }
        return *this;
    }
    OnnxBuilder& input(const std::string& name, const std::vector<int64_t>& dims, int type = onnx::TensorProto::FLOAT) {
        Names text;
        for (int64_t d : dims) text.push_back(std::to_string(d));
        return input(name, text, type);
    }
    OnnxBuilder& output(const std::string& name) {
        model.mutable_graph()->add_output()->set_name(name);
        return *this;
    }
    OnnxBuilder& initializer(const onnx::TensorProto& t) {
        *model.mutable_graph()->add_initializer() = t;
        return *this;
    }
    OnnxBuilder& floats(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& v) {
        return initializer(float_tensor(name, dims, v));
    }
    OnnxBuilder& ints(const std::string& name, const std::vector<int64_t>& dims, const std::vector<int64_t>& v) {
        return initializer(raw_tensor(name, onnx::TensorProto::INT64, dims, v));
    }
    OnnxBuilder& node(const std::string& op, const Names& in, const Names& out, const Attributes& attributes = {},
                      const std::string& name = {}) {
        auto& n = *model.mutable_graph()->add_node();
        n = make_node(op, in, out, attributes);
        n.set_name(name);
        return *this;
    }
    Expected<Module> import(Diagnostics& diag, const ImportOptions& options = {}) const {
        TemporaryFolder folder;
        const auto path = folder.path() / "model.onnx";
        std::ofstream(path, std::ios::binary) << model.SerializeAsString();
        return read_onnx(path, options, diag);
    }
    // Imports, verifies and runs; the test fails with the diagnostics when that does not work.
    std::vector<Tensor> run(const std::vector<Tensor>& inputs, const ImportOptions& options = {}) const {
        Diagnostics diag;
        auto module = import(diag, options);
        if (module) (void)verify(module->main(), diag);
        for (const auto& d : diag.all())
            if (d.severity == Severity::error) ADD_FAILURE() << d.text();
        if (!module || diag.has_errors()) return {};
        return interpret(module->main(), inputs);
    }

    onnx::ModelProto model;
};

}  // namespace gw
