// Operators on quantized tensors: QLinearConv and its kin, those of the domain com.microsoft that onnxruntime's quantizer writes, and the
// integer products. The idea: each is a short function of operators that are read anyway. What stands between DequantizeLinear and
// QuantizeLinear becomes one integer kernel later (fold_quantization), so nothing is lost by spelling it that way.
#include <fmt/format.h>

#include "frontend/onnx/importer.h"

namespace gw {
namespace {

class Body {
public:
    explicit Body(const onnx::NodeProto& call) : call_(call) {
        function_.set_name(call.op_type());
        for (int i = 0; i < call.input_size(); ++i) function_.add_input(in(i));
        for (int i = 0; i < call.output_size(); ++i) function_.add_output(fmt::format("y{}", i));
    }
    // Operand i; empty when the call has none.
    std::string in(int i) const { return i < call_.input_size() ? fmt::format("x{}", i) : std::string(); }
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
    // The call's own attributes, but one.
    void attributes(const std::string& without = {}) {
        for (const auto& a : call_.attribute())
            if (a.name() != without) *last().add_attribute() = a;
    }
    std::string number(float value) {
        const std::string name = add("Constant", {});
        onnx::AttributeProto& a = *last().add_attribute();
        a.set_name("value_float"), a.set_type(onnx::AttributeProto::FLOAT), a.set_f(value);
        return name;
    }
    // Operands i, i + 1, i + 2: integers, scale, zero point. Several scales lie along `axis`.
    std::string dequantized(int i, int64_t axis = 1) {
        const std::string y = add("DequantizeLinear", {in(i), in(i + 1), in(i + 2)});
        attribute("axis", axis);
        return y;
    }
    // An int32 bias counts in products of two scales.
    std::string bias(int i, const std::string& scale, const std::string& other) {
        if (!has(i)) return {};
        const std::string step = add("Mul", {scale, other});
        const std::string y = add("DequantizeLinear", {in(i), step});
        attribute("axis", 0);
        return y;
    }
    void quantized(const std::string& x, int scale) { add("QuantizeLinear", {x, in(scale), in(scale + 1)}, "y0"); }
    int64_t integer(const std::string& name, int64_t otherwise) const {
        for (const auto& a : call_.attribute())
            if (a.name() == name && a.type() == onnx::AttributeProto::INT) return a.i();
        return otherwise;
    }
    const onnx::NodeProto& call() const { return call_; }
    onnx::FunctionProto take() { return std::move(function_); }

private:
    onnx::NodeProto& last() { return *function_.mutable_node(function_.node_size() - 1); }
    const onnx::NodeProto& call_;
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

void qgemm(Body& b) {
    const std::string x = b.dequantized(0), w = b.dequantized(3, b.integer("transB", 0) != 0 ? 0 : 1), c = b.bias(6, b.in(1), b.in(4));
    const std::string y = b.add("Gemm", {x, w, c}, b.has(7) ? "" : "y0");
    b.attributes();
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
void qlinear_average_pool(Body& b) { qlinear_one(b, "AveragePool", "channels_last"); }
void qlinear_global_average_pool(Body& b) { qlinear_one(b, "GlobalAveragePool", "channels_last"); }

// Scale and zero point of the result come first, then three operands each.
void qlinear_concat(Body& b) {
    std::vector<std::string> parts;
    for (int i = 2; i + 2 < b.call().input_size(); i += 3) parts.push_back(b.dequantized(i));
    const std::string y = b.add("Concat", parts);
    b.attributes();
    b.quantized(y, 0);
}

// Sums in float32 are exact while they stay within 2^24.
void integer_product(Body& b, const char* op) {
    const auto operand = [&](int i) {
        const std::string x = b.add("Cast", {b.in(i)});
        b.attribute("to", onnx::TensorProto::FLOAT);
        if (!b.has(i + 2)) return x;
        const std::string zero = b.add("Cast", {b.in(i + 2)});
        b.attribute("to", onnx::TensorProto::FLOAT);
        return b.add("Sub", {x, zero});
    };
    const std::string x = operand(0), w = operand(1);
    const std::string y = b.add(op, {x, w});
    b.attributes();
    b.add("Cast", {y}, "y0");
    b.attribute("to", onnx::TensorProto::INT32);
}
void conv_integer(Body& b) { integer_product(b, "Conv"); }
void matmul_integer(Body& b) { integer_product(b, "MatMul"); }

// uint8 over the range of this very tensor, 0 included.
void dynamic_quantize(Body& b) {
    const auto saturated = [&](const std::string& steps, const std::string& to) {
        const std::string inside = b.add("Clip", {steps, b.number(0), b.number(255)});
        if (to.empty()) return inside;
        const std::string bytes = b.add("Cast", {inside}, to);
        b.attribute("to", onnx::TensorProto::UINT8);
        return bytes;
    };
    const auto extreme = [&](const char* reduce, const char* against) {
        const std::string value = b.add(reduce, {b.in(0)});
        b.attribute("keepdims", 0);
        return b.add(against, {value, b.number(0)});
    };
    const std::string high = extreme("ReduceMax", "Max"), low = extreme("ReduceMin", "Min");
    const std::string range = b.add("Sub", {high, low});
    constexpr float least = 1.17549435e-38f;  // nothing but zeros has no range
    const std::string scale = b.add("Max", {b.add("Div", {range, b.number(255)}), b.number(least)}, "y1");
    const std::string zero = saturated(b.add("Round", {b.add("Div", {b.add("Neg", {low}), scale})}), {});
    saturated(zero, "y2");
    saturated(b.add("Add", {b.add("Round", {b.add("Div", {b.in(0), scale})}), zero}), "y0");
}

constexpr struct {
    std::string_view domain, name;
    int least_inputs;
    void (*write)(Body&);
} bodies[] = {
    {"", "QLinearConv", 8, qlinear_conv},
    {"", "QLinearMatMul", 8, qlinear_matmul},
    {"", "ConvInteger", 2, conv_integer},
    {"", "MatMulInteger", 2, matmul_integer},
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

std::optional<onnx::FunctionProto> quantized_operator(const onnx::NodeProto& node, std::string_view domain) {
    for (const auto& b : bodies) {
        if (b.domain != domain || b.name != node.op_type()) continue;
        if (node.input_size() < b.least_inputs) return std::nullopt;
        Body body(node);
        b.write(body);
        return body.take();
    }
    return std::nullopt;
}

}  // namespace gw
