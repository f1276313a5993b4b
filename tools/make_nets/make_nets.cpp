// make_nets FOLDER: writes networks of well-known architectures with pseudo-random weights, for benchmarks of memory and speed, where only
// shapes count. The bytes come out equal on every machine.
//
// mobilenet_v2_w35_r144.onnx: MobileNetV2 (Sandler and others, "Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2) of width
// 0.35 for 144x144 pictures, with channels rounded down: the network whose memory the msf-CNN paper (arXiv 2505.11483) reports.
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

class Net {
public:
    Net(const std::string& name, int64_t channels, int64_t side) : channels_(channels) {
        model_.set_ir_version(8);
        model_.add_opset_import()->set_version(13);
        graph().set_name(name);
        auto& input = *graph().add_input();
        input.set_name(value_ = "picture");
        auto& type = *input.mutable_type()->mutable_tensor_type();
        type.set_elem_type(onnx::TensorProto::FLOAT);
        for (const int64_t d : {int64_t{1}, channels, side, side}) type.mutable_shape()->add_dim()->set_dim_value(d);
    }

    // Uniform weights whose variance keeps that of the activations.
    void convolution(int64_t outputs, int64_t kernel, int64_t stride, bool depthwise, bool relu6) {
        const int64_t in = depthwise ? 1 : channels_, taps = in * kernel * kernel;
        const std::string name = "conv" + std::to_string(count_++);
        auto& node = add("Conv",
                         {value_, weights(name + ".w", {outputs, in, kernel, kernel}, std::sqrt(6.0F / static_cast<float>(taps))),
                          weights(name + ".b", {outputs}, 0.1F)},
                         name);
        integers(node, "kernel_shape", {kernel, kernel});
        integers(node, "strides", {stride, stride});
        const int64_t pad = kernel / 2, before = stride == 1 ? pad : 0;
        integers(node, "pads", {before, before, pad, pad});
        auto& group = *node.add_attribute();
        group.set_name("group"), group.set_type(onnx::AttributeProto::INT), group.set_i(depthwise ? channels_ : 1);
        channels_ = outputs;
        if (relu6) add("Clip", {value_, scalar("zero", 0), scalar("six", 6)}, name + ".relu6");
    }
    void inverted_residual(int64_t outputs, int64_t stride, int64_t expansion) {
        const std::string before = value_;
        const int64_t inputs = channels_;
        if (expansion > 1) convolution(inputs * expansion, 1, 1, false, true);
        convolution(channels_, 3, stride, true, true);
        convolution(outputs, 1, 1, false, false);
        if (stride == 1 && inputs == outputs) add("Add", {value_, before}, "add" + std::to_string(count_++));
    }
    void classes(int64_t n) {
        add("GlobalAveragePool", {value_}, "average");
        add("Flatten", {value_}, "flat");
        const float bound = std::sqrt(6.0F / static_cast<float>(channels_));
        auto& node = add("Gemm", {value_, weights("classes.w", {n, channels_}, bound), weights("classes.b", {n}, 0.1F)}, "scores");
        auto& transposed = *node.add_attribute();
        transposed.set_name("transB"), transposed.set_type(onnx::AttributeProto::INT), transposed.set_i(1);
    }
    bool write(const std::string& path) {
        auto& output = *graph().add_output();
        output.set_name(value_);
        output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
        std::ofstream file(path, std::ios::binary);
        return model_.SerializeToOstream(&file) && file.flush().good();
    }

private:
    onnx::GraphProto& graph() { return *model_.mutable_graph(); }
    onnx::NodeProto& add(const char* op, const std::vector<std::string>& inputs, const std::string& name) {
        auto& node = *graph().add_node();
        node.set_op_type(op), node.set_name(name);
        for (const std::string& input : inputs) node.add_input(input);
        node.add_output(value_ = name + ".y");
        return node;
    }
    static void integers(onnx::NodeProto& node, const char* name, const std::vector<int64_t>& values) {
        auto& attribute = *node.add_attribute();
        attribute.set_name(name), attribute.set_type(onnx::AttributeProto::INTS);
        for (const int64_t v : values) attribute.add_ints(v);
    }
    std::string weights(const std::string& name, const std::vector<int64_t>& dims, float bound) {
        auto& tensor = *graph().add_initializer();
        tensor.set_name(name), tensor.set_data_type(onnx::TensorProto::FLOAT);
        int64_t n = 1;
        for (const int64_t d : dims) tensor.add_dims(d), n *= d;
        for (int64_t i = 0; i < n; ++i) {
            state_ = state_ * 1664525U + 1013904223U;  // Knuth and Lewis
            tensor.add_float_data(bound * (static_cast<float>(state_ >> 8) / 8388608.0F - 1));
        }
        return name;
    }
    std::string scalar(const std::string& name, float value) {
        for (const auto& known : graph().initializer())
            if (known.name() == name) return name;
        auto& tensor = *graph().add_initializer();
        tensor.set_name(name), tensor.set_data_type(onnx::TensorProto::FLOAT), tensor.add_float_data(value);
        return name;
    }

    onnx::ModelProto model_;
    std::string value_;
    int64_t channels_;
    int count_ = 0;
    uint32_t state_ = 1;
};

bool mobilenet_v2(const std::string& path) {
    constexpr double width = 0.35;
    const auto scaled = [](int channels) { return static_cast<int64_t>(channels * width); };
    struct Stage {
        int expansion, channels, repeats, stride;
    };
    constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    Net net("mobilenet_v2_w35_r144", 3, 144);
    net.convolution(scaled(32), 3, 2, false, true);
    for (const Stage& s : stages)
        for (int i = 0; i < s.repeats; ++i) net.inverted_residual(scaled(s.channels), i == 0 ? s.stride : 1, s.expansion);
    net.convolution(scaled(1280), 1, 1, false, true);
    net.classes(10);
    return net.write(path);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: make_nets FOLDER\n", stderr);
        return 1;
    }
    const std::string path = std::string(argv[1]) + "/mobilenet_v2_w35_r144.onnx";
    if (mobilenet_v2(path)) return 0;
    std::fprintf(stderr, "make_nets: cannot write %s\n", path.c_str());
    return 1;
}
