// Writes ONNX models of one operator on quantized tensors for the oracle: QLinearConv and its kin, those of onnxruntime's own domain, the
// integer products, and the dynamic quantization around them. Each rounds its float32 inputs (QuantizeLinear), and gives float32
// (DequantizeLinear or Cast), so that arrays of floats go in and out. Shapes, scales, zero points, attributes, what has a scale a channel
// and what is left out are random. The name ends with what one step of the result is. Weights that meet int8, or are int8, stay within 7
// bits: onnxruntime adds pairs of such products in 16 bits, saturating, on processors without VNNI. The same seed gives the same bytes.
//
//   quantized_operators FOLDER FIRST COUNT     makes FOLDER/OPERATOR-TYPE-SEED@STEP.onnx, each operator with each seed, uint8 and int8
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <random>

#include "support/onnx_builder.h"

namespace gw {
namespace {
using Dims = std::vector<int64_t>;
using Onnx = onnx::TensorProto;

int64_t product(const Dims& dims) {
    int64_t n = 1;
    for (const int64_t d : dims) n *= d;
    return n;
}

class OneOperator {
public:
    OneOperator(uint32_t seed, bool with_sign) : random_(seed * 2 + (with_sign ? 1 : 0)), signed_(with_sign), b_(13) {
        b_.model.mutable_graph()->set_name("operator");
        auto& own = *b_.model.add_opset_import();
        own.set_domain("com.microsoft"), own.set_version(1);
        picture_ = {1, pick(1, 6), pick(3, 9), pick(3, 9)};
    }

    // The writers, one a model; each returns the step of its result. They end in a value named "y".
    float qlinear_conv() {
        const Convolution c = convolution();
        Names in = rounded("x", c.data);
        append(in, weights(c.weights, maybe() ? c.weights[0] : 1, 0, true));
        const float step = x_scale_ * w_scales_[0] * 0.1f * std::sqrt(static_cast<float>(product(c.weights) / c.weights[0])) * 40;
        append(in, result(step, zero()));
        if (maybe()) in.push_back(bias(c.weights[0]));
        return finish("QLinearConv", in, c.attributes, step);
    }
    float qlinear_matmul() {
        const int64_t k = pick(1, 20), n = pick(1, 9);
        const Dims rows = maybe() ? Dims{1, pick(1, 5), k} : Dims{1, 2, pick(1, 5), k};
        Names in = rounded("x", rows);
        append(in, maybe() ? weights({k, n}, maybe() ? n : 1, 1, false) : rounded("b", {1, k, n}));
        const float step = x_scale_ * w_scales_[0] * std::sqrt(static_cast<float>(k)) * 4;
        append(in, result(step, zero()));
        return finish("QLinearMatMul", in, {}, step);
    }
    float qgemm() {
        const int64_t m = pick(1, 5), k = pick(1, 20), n = pick(1, 9);
        const bool a_turned = maybe(), b_turned = maybe();
        const float alpha = maybe() ? 1.0f : 0.5f + 0.2f * uniform();
        Names in = rounded("x", {1, m * k});
        const Dims a = a_turned ? Dims{k, m} : Dims{m, k};
        b_.ints("a_dims", {2}, a).node("Reshape", {in[0], "a_dims"}, {"a_q"}, {}, "a_q");
        in[0] = "a_q";
        append(in, weights(b_turned ? Dims{n, k} : Dims{k, n}, maybe() ? n : 1, b_turned ? 0 : 1, false));
        in.push_back(maybe() ? bias(n) : "");
        const float step = x_scale_ * w_scales_[0] * std::sqrt(static_cast<float>(k)) * 4;
        append(in, result(step, zero()));
        return finish("QGemm", in, {attr("transA", a_turned), attr("transB", b_turned), attr("alpha", alpha)}, step, {1, m, n});
    }
    float qlinear_two(const char* op) {
        Names in = rounded("x", picture_);
        Dims other = picture_;
        for (size_t d = 1; d < 4; ++d)
            if (pick(0, 3) == 0) other[d] = 1;
        append(in, maybe() ? rounded("b", other) : bytes("b", {other[1], other[2], other[3]}));
        const float step = 0.012f + 0.004f * uniform();
        append(in, result(step, zero()));
        return finish(op, in, {}, step);
    }
    float qlinear_add() { return qlinear_two("QLinearAdd"); }
    float qlinear_mul() { return qlinear_two("QLinearMul"); }
    float qlinear_concat() {
        const int64_t axis = pick(1, 3);
        const float step = 0.008f + 0.003f * uniform();
        Names in = result(step, zero());
        for (int64_t i = pick(2, 4); i > 0; --i) {
            Dims part = picture_;
            part[static_cast<size_t>(axis)] = pick(1, 4);
            append(in, rounded("x" + std::to_string(i), part));
        }
        return finish("QLinearConcat", in, {attr("axis", maybe() ? axis : axis - 4)}, step);
    }
    float qlinear_one(const char* op, const Attributes& attributes, float step, int32_t y_zero) {
        Names in = rounded("x", picture_);
        append(in, result(step, y_zero));
        return finish(op, in, attributes, step);
    }
    float qlinear_sigmoid() {
        reach_ = 6;
        return maybe() ? qlinear_one("QLinearSigmoid", {}, 1.0f / 256, lowest()) : qlinear_one("QLinearSigmoid", {}, 0.004f, zero());
    }
    float qlinear_leaky_relu() {
        const Attributes slope = maybe() ? Attributes{} : Attributes{attr("alpha", 0.3f * (1 + uniform()))};
        return qlinear_one("QLinearLeakyRelu", slope, 0.006f + 0.002f * uniform(), zero());
    }
    // A share of all or nearly all, 256 steps, is 255 in uint8; in int8 onnxruntime lets it wrap to none. Its shares stay below that here.
    float qlinear_softmax() {
        reach_ = signed_ ? 1.5f : 6;
        const int64_t axis = pick(picture_[1] == 1 ? 2 : 1, 3);
        return qlinear_one("QLinearSoftmax", {attr("axis", maybe() ? axis : axis - 4), attr("opset", 13)}, 1.0f / 256, lowest());
    }
    // onnxruntime takes data with the channels last in this operator, by an attribute.
    float qlinear_average_pool() {
        const bool last = maybe();
        Dims kernel, strides, pads(4);
        for (size_t a = 0; a < 2; ++a) {
            const int64_t size = picture_[(last ? 1 : 2) + a];
            kernel.push_back(pick(1, std::min<int64_t>(4, size))), strides.push_back(pick(1, 2));
            pads[a] = pick(0, kernel[a] - 1), pads[2 + a] = pick(0, kernel[a] - 1);
        }
        const Attributes attributes{attr("kernel_shape", kernel),          attr("strides", strides),      attr("pads", pads),
                                    attr("count_include_pad", pick(0, 1)), attr("ceil_mode", pick(0, 1)), attr("channels_last", last)};
        return qlinear_one("QLinearAveragePool", attributes, 0.005f + 0.002f * uniform(), zero());
    }
    float qlinear_global_average_pool() {
        return qlinear_one("QLinearGlobalAveragePool", {attr("channels_last", pick(0, 1))}, 0.003f + 0.001f * uniform(), zero());
    }

    // Exact: the sums themselves, a step of 1.
    float conv_integer() {
        unsigned_weights_ = true;
        const Convolution c = convolution();
        const Names x = rounded("x", c.data), w = weights(c.weights, 1, 0, true);
        b_.node("ConvInteger", with_zeros(x, w), {"q"}, c.attributes, "it");
        return cast("q", "y");
    }
    float matmul_integer() {
        const int64_t k = pick(1, 20), n = pick(1, 9);
        const Names x = rounded("x", maybe() ? Dims{1, pick(1, 5), k} : Dims{1, 2, pick(1, 5), k});
        const Names w = pick(0, 2) > 0 ? weights({k, n}, maybe() ? n : 1, 1, false) : rounded("b", {1, k, n});
        b_.node("MatMulInteger", with_zeros(x, w), {"q"}, {}, "it");
        return cast("q", "y");
    }
    float dynamic_quantize() {
        b_.input("x", picture_).node("DynamicQuantizeLinear", {"x"}, {"x_q", "x_s", "x_z"}, {}, "it");
        cast("x_z", "zero");
        b_.output("zero").output("x_s");
        for (auto& o : *b_.model.mutable_graph()->mutable_output()) o.mutable_type()->mutable_tensor_type()->set_elem_type(Onnx::FLOAT);
        cast("x_q", "y");
        return 1e-9f;  // far below a scale's last bit: exact
    }
    // As onnxruntime's dynamic quantizer writes a layer: sums of bytes, then a float32 scale and bias.
    float dynamic_layer(const char* op, const Dims& data, const Dims& of, int64_t columns, int64_t axis, const Dims& bias_shape,
                        const Attributes& attributes) {
        b_.input("x", data).node("DynamicQuantizeLinear", {"x"}, {"x_q", "x_s", "x_z"}, {}, "dynamic");
        const Names w = weights(of, columns, axis, std::string(op) == "ConvInteger");
        b_.node(op, {"x_q", w[0], "x_z", w[2]}, {"q"}, attributes, "it");
        b_.node("Cast", {"q"}, {"f"}, {attr("to", Onnx::FLOAT)}, "f").node("Mul", {"x_s", w[1]}, {"scale"}, {}, "scale");
        std::vector<float> values(static_cast<size_t>(product(bias_shape)));
        for (float& v : values) v = uniform();
        b_.node("Mul", {"f", "scale"}, {"s"}, {}, "s").floats("bias", bias_shape, values).node("Add", {"s", "bias"}, {"y"}, {}, "y");
        return 1e-5f;
    }
    float dynamic_matmul() {
        const int64_t k = pick(1, 20), n = pick(1, 9);
        return dynamic_layer("MatMulInteger", {1, pick(1, 5), k}, {k, n}, maybe() ? n : 1, 1, {n}, {});
    }
    float dynamic_conv() {
        unsigned_weights_ = true;
        const Convolution c = convolution();
        Dims bias_shape(c.data.size(), 1);
        bias_shape[1] = c.weights[0];
        return dynamic_layer("ConvInteger", c.data, c.weights, 1, 0, bias_shape, c.attributes);
    }

    // The model's bytes; its results are float32.
    std::string take() {
        b_.output("y");
        b_.model.mutable_graph()->mutable_output()->rbegin()->mutable_type()->mutable_tensor_type()->set_elem_type(Onnx::FLOAT);
        return b_.model.SerializeAsString();
    }

private:
    int64_t pick(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(random_() % static_cast<uint64_t>(hi - lo + 1)); }
    bool maybe() { return pick(0, 1) == 1; }
    float uniform() { return static_cast<float>(random_()) / 2147483648.0f - 1; }  // the generator's own bits: the same on every host
    int32_t lowest() const { return signed_ ? -128 : 0; }
    int32_t zero() { return static_cast<int32_t>(pick(90, 166)) + lowest(); }
    static void append(Names& to, const Names& more) { to.insert(to.end(), more.begin(), more.end()); }

    struct Convolution {
        Dims data, weights;
        Attributes attributes;
    };
    // One or two spatial dimensions, in groups or not, padded in one of ONNX's ways.
    Convolution convolution() {
        Convolution c{picture_, {}, {}};
        if (pick(0, 3) == 0) c.data.pop_back();
        const size_t axes = c.data.size() - 2;
        const int64_t groups = maybe() ? 1 : maybe() ? c.data[1] : c.data[1] % 2 == 0 ? 2 : 1;
        c.weights = {groups * pick(1, 4), c.data[1] / groups};
        Dims strides, dilations, pads(2 * axes);
        const char* automatic[] = {"NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
        const std::string padding = automatic[pick(0, 4)];
        for (size_t a = 0; a < axes; ++a) {
            const int64_t size = c.data[2 + a], k = pick(1, std::min<int64_t>(4, size));
            c.weights.push_back(k), strides.push_back(pick(1, 2));
            dilations.push_back(padding == "NOTSET" && k > 1 && size >= 2 * k - 1 ? pick(1, 2) : 1);
            pads[a] = pick(0, k - 1), pads[axes + a] = pick(0, k - 1);
        }
        c.attributes = {attr("group", groups), attr("strides", strides), attr("dilations", dilations)};
        c.attributes.push_back(padding == "NOTSET" ? attr("pads", pads) : attr("auto_pad", padding.c_str()));
        return c;
    }

    // NAME and the constants NAME_s and NAME_z.
    Names scheme(const std::string& name, float scale, int32_t zero_point) {
        b_.floats(name + "_s", {}, {scale});
        b_.initializer(
            raw_tensor(name + "_z", signed_ ? Onnx::INT8 : Onnx::UINT8, {}, std::vector<int8_t>{static_cast<int8_t>(zero_point)}));
        return {name, name + "_s", name + "_z"};
    }
    // The result's scale and zero point.
    Names result(float scale, int32_t zero_point) {
        scheme("y", scale, zero_point);
        return {"y_s", "y_z"};
    }
    // An input, rounded: samples lie within the reach, which most schemes here clip a little.
    Names rounded(const std::string& name, const Dims& dims) {
        b_.input(name, dims);
        x_scale_ = reach_ * (0.006f + 0.003f * uniform());
        w_scales_ = {x_scale_};
        const Names all = scheme(name, x_scale_, zero());
        b_.node("QuantizeLinear", all, {name + "_q"}, {}, name + "_q");
        return {name + "_q", all[1], all[2]};
    }
    // A constant of the data's type.
    Names bytes(const std::string& name, const Dims& dims) {
        std::vector<int8_t> v(static_cast<size_t>(product(dims)));
        for (int8_t& b : v) b = static_cast<int8_t>(pick(0, 255));
        b_.initializer(raw_tensor(name, signed_ ? Onnx::INT8 : Onnx::UINT8, dims, v));
        return scheme(name, 0.006f + 0.003f * uniform(), zero());
    }
    // Weights with one scale or as many as `channels`, along `axis`. int8 weights around 0 or a little beside it; uint8 data may have uint8
    // weights, of which some with one zero point use all 8 bits around it. `shared`: all channels have one zero point.
    Names weights(const Dims& dims, int64_t channels, int64_t axis, bool shared) {
        const bool is_signed = !unsigned_weights_ && (signed_ || maybe()), wide = !is_signed && (shared || channels == 1) && maybe(),
                   shifted = !is_signed || maybe();
        const size_t n = static_cast<size_t>(product(dims));
        const Dims list = channels > 1 ? Dims{channels} : Dims{};
        std::vector<int8_t> v(n), zeros;
        std::vector<int64_t> zero_points;
        w_scales_.clear();
        for (int64_t c = 0; c < channels; ++c) {
            w_scales_.push_back(0.006f + 0.003f * uniform());
            const int64_t own = !shifted ? 0 : wide ? pick(1, 254) : is_signed ? pick(-20, 20) : pick(90, 166);
            zero_points.push_back(shared && c > 0 ? zero_points[0] : own);
            zeros.push_back(static_cast<int8_t>(zero_points.back()));
        }
        const size_t inner = static_cast<size_t>(product({dims.begin() + axis + 1, dims.end()}));
        for (size_t i = 0; i < n; ++i) {
            const size_t c = channels > 1 ? i / inner % static_cast<size_t>(channels) : 0;
            v[i] = static_cast<int8_t>(wide ? pick(0, 255) : is_signed ? pick(-63, 63) : zero_points[c] + pick(-63, 63));
        }
        const int type = is_signed ? Onnx::INT8 : Onnx::UINT8;
        b_.initializer(raw_tensor("w", type, dims, v)).floats("w_s", list, w_scales_).initializer(raw_tensor("w_z", type, list, zeros));
        return {"w", "w_s", "w_z"};
    }
    std::string bias(int64_t channels) {
        std::vector<int32_t> v(static_cast<size_t>(channels));
        for (int32_t& i : v) i = static_cast<int32_t>(pick(-3000, 3000));
        b_.initializer(raw_tensor("bias", Onnx::INT32, {channels}, v));
        return "bias";
    }
    // The operands of an integer product: both zero points, the first alone, or none.
    Names with_zeros(const Names& x, const Names& w) {
        const int64_t zeros = pick(0, 3);
        return zeros == 0 ? Names{x[0], w[0]} : zeros == 1 ? Names{x[0], w[0], x[2]} : Names{x[0], w[0], x[2], w[2]};
    }
    float cast(const std::string& from, const std::string& to) {
        b_.node("Cast", {from}, {to}, {attr("to", Onnx::FLOAT)}, to);
        return 1;
    }
    // The operator, and its result as float32, of another shape if one is given.
    float finish(const char* op, const Names& in, const Attributes& attributes, float step, const Dims& as = {}) {
        b_.node(op, in, {"q"}, attributes, "it");
        const std::string name = op;
        if (name != "QLinearConv" && name != "QLinearMatMul")
            b_.model.mutable_graph()->mutable_node()->rbegin()->set_domain("com.microsoft");
        b_.node("DequantizeLinear", {"q", "y_s", "y_z"}, {as.empty() ? "y" : "f"}, {}, "y");
        if (!as.empty()) b_.ints("y_dims", {static_cast<int64_t>(as.size())}, as).node("Reshape", {"f", "y_dims"}, {"y"}, {}, "r");
        return step;
    }

    std::mt19937 random_;
    bool signed_, unsigned_weights_ = false;
    OnnxBuilder b_;
    Dims picture_;
    float reach_ = 1, x_scale_ = 1;
    std::vector<float> w_scales_{1};
};

constexpr struct {
    const char* name;
    float (OneOperator::*write)();
    bool unsigned_only = false;
} operators[] = {
    {"QLinearConv", &OneOperator::qlinear_conv},
    {"QLinearMatMul", &OneOperator::qlinear_matmul},
    {"QGemm", &OneOperator::qgemm},
    {"QLinearAdd", &OneOperator::qlinear_add},
    {"QLinearMul", &OneOperator::qlinear_mul},
    {"QLinearConcat", &OneOperator::qlinear_concat},
    {"QLinearSigmoid", &OneOperator::qlinear_sigmoid},
    {"QLinearLeakyRelu", &OneOperator::qlinear_leaky_relu},
    {"QLinearSoftmax", &OneOperator::qlinear_softmax},
    {"QLinearAveragePool", &OneOperator::qlinear_average_pool},
    {"QLinearGlobalAveragePool", &OneOperator::qlinear_global_average_pool},
    {"ConvInteger", &OneOperator::conv_integer, true},  // onnxruntime has it for uint8 alone
    {"MatMulInteger", &OneOperator::matmul_integer},
    {"DynamicQuantizeLinear", &OneOperator::dynamic_quantize, true},
    {"DynamicMatMul", &OneOperator::dynamic_matmul, true},
    {"DynamicConv", &OneOperator::dynamic_conv, true},
};

}  // namespace
}  // namespace gw

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: quantized_operators FOLDER FIRST COUNT\n";
        return 2;
    }
    const auto first = static_cast<uint32_t>(std::stoul(argv[2])), count = static_cast<uint32_t>(std::stoul(argv[3]));
    for (uint32_t seed = first; seed < first + count; ++seed)
        for (const auto& op : gw::operators)
            for (const bool with_sign : {false, true}) {
                if (op.unsigned_only && with_sign) continue;
                gw::OneOperator model(seed, with_sign);
                const float step = (model.*op.write)();
                const std::string name = fmt::format("{}-{}-{}@{}.onnx", op.name, with_sign ? "int8" : "uint8", seed, step);
                std::ofstream(std::filesystem::path(argv[1]) / name, std::ios::binary) << model.take();
            }
    return 0;
}
