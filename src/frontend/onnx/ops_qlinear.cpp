// Operators on quantized tensors: QLinearConv and its kin, those of the domain com.microsoft that onnxruntime's quantizer writes, and
// DynamicQuantizeLinear. The idea: each is a short function of operators that are read anyway. What stands between DequantizeLinear and
// QuantizeLinear becomes one integer kernel later (fold_quantization), so nothing is lost by spelling it that way.
#include <fmt/format.h>

#include "frontend/onnx/importer.h"

namespace gw {
namespace {

class Body {
public:
    Body(const onnx::NodeProto& call, int64_t rank) : call_(call), rank_(rank) {
        function_.set_name(call.op_type());
        for (int i = 0; i < call.input_size(); ++i) function_.add_input(in(i));
        for (int i = 0; i < call.output_size(); ++i) function_.add_output(fmt::format("y{}", i));
    }
    // Operand i; empty when the call has none.
    std::string in(int i) const { return i < call_.input_size() ? fmt::format("x{}", i) : std::string(); }
    int64_t rank() const { return rank_; }  // of the first operand
    bool has(int i) const { return i < call_.input_size() && !call_.input(i).empty(); }

    // Adds a node; returns its result's name, which is `to` or a new one.
    std::string add(const std::string& op, const std::vector<std::string>& inputs, const std::string& to = {}) {
        onnx::NodeProto& node = *function_.add_node();
        node.set_op_type(op);
        node.set_name(fmt::format("{}{}", op, function_.node_size()));
        size_t used = inputs.size();
        while (used > 0 && inputs[used - 1].empty()) --used;
        for (size_t i = 0; i < used; ++i) node.add_input(inputs[i]);
        node.add_output(to.empty() ? fmt::format("t{}", function_.node_size()) : to);
        return node.output(0);
    }
    void attribute(const std::string& name, int64_t value) {
        onnx::AttributeProto& a = *last().add_attribute();
        a.set_name(name), a.set_type(onnx::AttributeProto::INT), a.set_i(value);
    }
    void attribute(const std::string& name, const std::vector<int64_t>& values) {
        onnx::AttributeProto& a = *last().add_attribute();
        a.set_name(name), a.set_type(onnx::AttributeProto::INTS);
        for (const int64_t v : values) a.add_ints(v);
    }
    // The call's own attributes, but one.
    void attributes(const std::string& without = {}) {
        for (const auto& a : call_.attribute())
            if (a.name() != without) *last().add_attribute() = a;
    }
    std::string number(float value) {
        std::string name = add("Constant", {});
        onnx::AttributeProto& a = *last().add_attribute();
        a.set_name("value_float"), a.set_type(onnx::AttributeProto::FLOAT), a.set_f(value);
        return name;
    }
    // Operands i, i + 1, i + 2: integers, scale, zero point. Several scales lie along `axis`; `scale` may be another than the operand.
    std::string dequantized(int i, int64_t axis = 1, const std::string& scale = {}) {
        std::string y = add("DequantizeLinear", {in(i), scale.empty() ? in(i + 1) : scale, in(i + 2)});
        attribute("axis", axis);
        return y;
    }
    // An int32 bias counts in products of two scales.
    std::string bias(int i, const std::string& scale, const std::string& other) {
        if (!has(i)) return {};
        const std::string step = add("Mul", {scale, other});
        std::string y = add("DequantizeLinear", {in(i), step});
        attribute("axis", 0);
        return y;
    }
    void quantized(const std::string& x, int scale) { add("QuantizeLinear", {x, in(scale), in(scale + 1)}, "y0"); }
    int64_t integer(const std::string& name, int64_t otherwise) const {
        for (const auto& a : call_.attribute())
            if (a.name() == name && a.type() == onnx::AttributeProto::INT) return a.i();
        return otherwise;
    }
    float real(const std::string& name, float otherwise) const {
        for (const auto& a : call_.attribute())
            if (a.name() == name && a.type() == onnx::AttributeProto::FLOAT) return a.f();
        return otherwise;
    }
    const onnx::NodeProto& call() const { return call_; }
    onnx::FunctionProto take() { return std::move(function_); }

private:
    onnx::NodeProto& last() { return *function_.mutable_node(function_.node_size() - 1); }
    const onnx::NodeProto& call_;
    int64_t rank_;
    onnx::FunctionProto function_;
};

void qlinear_conv(Body& b) {
    const std::string x = b.dequantized(0), w = b.dequantized(3, 0), bias = b.bias(8, b.in(1), b.in(4));
    const std::string y = b.add("Conv", {x, w, bias});
    b.attributes();
    b.quantized(y, 6);
}

void qlinear_matmul(Body& b) {
    const std::string x = b.dequantized(0, -2), w = b.dequantized(3, -1);
    b.quantized(b.add("MatMul", {x, w}), 6);
}

// alpha is part of the weights' scale, and of the bias's.
void qgemm(Body& b) {
    const float alpha = b.real("alpha", 1);
    const std::string scale = alpha == 1 ? b.in(4) : b.add("Mul", {b.in(4), b.number(alpha)});
    const std::string x = b.dequantized(0), w = b.dequantized(3, b.integer("transB", 0) != 0 ? 0 : 1, scale), c = b.bias(6, b.in(1), scale);
    const std::string y = b.add("Gemm", {x, w, c}, b.has(7) ? "" : "y0");
    b.attributes("alpha");
    if (b.has(7)) b.quantized(y, 7);
}

void qlinear_two(Body& b, const char* op) {
    const std::string x = b.dequantized(0), z = b.dequantized(3);
    b.quantized(b.add(op, {x, z}), 6);
}
void qlinear_add(Body& b) { qlinear_two(b, "Add"); }
void qlinear_mul(Body& b) { qlinear_two(b, "Mul"); }

void qlinear_one(Body& b, const char* op, const char* without = "") {
    const std::string x = b.dequantized(0);
    const std::string y = b.add(op, {x});
    b.attributes(without);
    b.quantized(y, 3);
}
void qlinear_sigmoid(Body& b) { qlinear_one(b, "Sigmoid"); }
void qlinear_leaky_relu(Body& b) { qlinear_one(b, "LeakyRelu"); }
void qlinear_softmax(Body& b) { qlinear_one(b, "Softmax", "opset"); }
// Data with the channels last are pooled between two transposes. An average that counts padding is one of the whole window, whatever
// ceil_mode lets hang over.
void qlinear_pool(Body& b, const char* op) {
    const bool last = b.integer("channels_last", 0) != 0 && b.rank() > 2;
    std::vector<int64_t> to{0, b.rank() - 1}, back{0};
    for (int64_t d = 1; d + 1 < b.rank(); ++d) to.push_back(d), back.push_back(d + 1);
    back.push_back(1);
    const auto turned = [&](const std::string& x, const std::vector<int64_t>& perm) {
        if (!last) return x;
        std::string y = b.add("Transpose", {x});
        b.attribute("perm", perm);
        return y;
    };
    const std::string y = b.add(op, {turned(b.dequantized(0), to)});
    b.attributes("channels_last");
    b.attribute("count_overhang", 1);
    b.quantized(turned(y, back), 3);
}
void qlinear_average_pool(Body& b) { qlinear_pool(b, "AveragePool"); }
void qlinear_global_average_pool(Body& b) { qlinear_pool(b, "GlobalAveragePool"); }

// Scale and zero point of the result come first, then three operands each.
void qlinear_concat(Body& b) {
    std::vector<std::string> parts;
    for (int i = 2; i + 2 < b.call().input_size(); i += 3) parts.push_back(b.dequantized(i));
    const std::string y = b.add("Concat", parts);
    b.attributes();
    b.quantized(y, 0);
}

// uint8 over the range of this very tensor, 0 included; a tensor of nothing but zeros has the scale 1, as onnxruntime has it.
void dynamic_quantize(Body& b) {
    const auto bytes = [&](const std::string& inside, const std::string& to) {
        b.add("Cast", {inside}, to);
        b.attribute("to", onnx::TensorProto::UINT8);
    };
    const auto saturated = [&](const std::string& steps) { return b.add("Clip", {steps, b.number(0), b.number(255)}); };
    const auto extreme = [&](const char* reduce, const char* against) {
        const std::string value = b.add(reduce, {b.in(0)});
        b.attribute("keepdims", 0);
        return b.add(against, {value, b.number(0)});
    };
    const std::string high = extreme("ReduceMax", "Max"), low = extreme("ReduceMin", "Min");
    const std::string range = b.add("Sub", {high, low}), nothing = b.add("Equal", {range, b.number(0)});
    // The divisor is no constant, so the division stays one: a product with 1/255 differs in the last bit.
    const std::string steps = b.add("Where", {nothing, b.number(1), b.number(255)});
    const std::string scale = b.add("Div", {b.add("Where", {nothing, b.number(1), range}), steps}, "y1");
    const std::string zero = saturated(b.add("Round", {b.add("Div", {b.add("Neg", {low}), scale})}));
    bytes(zero, "y2");
    bytes(saturated(b.add("Add", {b.add("Round", {b.add("Div", {b.in(0), scale})}), zero})), "y0");
}

constexpr struct {
    std::string_view domain, name;
    int least_inputs;
    void (*write)(Body&);
} bodies[] = {
    {"", "QLinearConv", 8, qlinear_conv},
    {"", "QLinearMatMul", 8, qlinear_matmul},
    {"", "DynamicQuantizeLinear", 1, dynamic_quantize},
    {"com.microsoft", "QGemm", 6, qgemm},
    {"com.microsoft", "QLinearAdd", 8, qlinear_add},
    {"com.microsoft", "QLinearMul", 8, qlinear_mul},
    {"com.microsoft", "QLinearSigmoid", 4, qlinear_sigmoid},
    {"com.microsoft", "QLinearLeakyRelu", 4, qlinear_leaky_relu},
    {"com.microsoft", "QLinearSoftmax", 4, qlinear_softmax},
    {"com.microsoft", "QLinearConcat", 5, qlinear_concat},
    {"com.microsoft", "QLinearAveragePool", 4, qlinear_average_pool},
    {"com.microsoft", "QLinearGlobalAveragePool", 4, qlinear_global_average_pool},
};
}  // namespace

std::optional<onnx::FunctionProto> quantized_operator(const onnx::NodeProto& node, std::string_view domain, int64_t rank) {
    for (const auto& b : bodies) {
        if (b.domain != domain || b.name != node.op_type()) continue;
        if (node.input_size() < b.least_inputs) return std::nullopt;
        Body body(node, rank);
        b.write(body);
        return body.take();
    }
    return std::nullopt;
}

}  // namespace gw
