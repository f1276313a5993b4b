// Writes random float ONNX models for the oracles: what onnxruntime and our reader must understand in the same way is not only what the
// kit's exporters write. A model is a chain of blocks over a [1,C,H,W] tensor with branches, in operator set 18; its attributes walk
// through strides, dilations, groups, uneven padding, ceil_mode, broadcasts and axes. The same seed gives the same bytes.
//
//   random_onnx FOLDER FIRST COUNT [quantizable]     makes FOLDER/random-SEED.onnx; `quantizable`: only what quantize_onnx knows
#include <cmath>
#include <filesystem>
#include <iostream>
#include <random>

#include "support/onnx_builder.h"

namespace gw {
namespace {

using Dims = std::vector<int64_t>;

// A tensor of the model so far.
struct Value {
    std::string name;
    Dims dims;
};

class RandomOnnx {
public:
    RandomOnnx(uint32_t seed, bool quantizable) : random_(seed), quantizable_(quantizable), b_(18) {
        b_.model.mutable_graph()->set_name("random");
    }

    std::string make() {
        const Value x{"x", {1, pick(1, 6), pick(5, 12), pick(5, 12)}};
        b_.input(x.name, x.dims);
        Value y = x;
        const int64_t blocks = pick(3, 7);
        for (int64_t k = 0; k < blocks; ++k) y = block(y);
        y = head(y);
        b_.model.mutable_graph()->mutable_node()->rbegin()->set_output(0, "y");
        auto& out = *b_.output("y").model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type();
        out.set_elem_type(onnx::TensorProto::FLOAT);
        for (int64_t d : y.dims) out.mutable_shape()->add_dim()->set_dim_value(d);
        return b_.model.SerializeAsString();
    }

private:
    int64_t pick(int64_t lo, int64_t hi) { return lo + static_cast<int64_t>(random_() % static_cast<uint64_t>(hi - lo + 1)); }
    bool maybe() { return pick(0, 1) == 1; }
    float uniform() { return static_cast<float>(random_()) / 2147483648.0f - 1; }  // the generator's own bits: the same on every host

    std::string constant(const Dims& dims, float scale, float offset = 0) {
        int64_t n = 1;
        for (int64_t d : dims) n *= d;
        std::vector<float> v(static_cast<size_t>(n));
        for (float& f : v) f = offset + scale * uniform();
        const std::string name = "w" + std::to_string(++count_);
        b_.floats(name, dims, v);
        return name;
    }
    std::string integers(const Dims& values) {
        const std::string name = "i" + std::to_string(++count_);
        b_.ints(name, {static_cast<int64_t>(values.size())}, values);
        return name;
    }
    Value node(const std::string& op, const std::vector<Value>& in, const Names& constants, const Attributes& attributes, Dims dims = {}) {
        Names names;
        for (const Value& v : in) names.push_back(v.name);
        names.insert(names.end(), constants.begin(), constants.end());
        const std::string out = op + "_" + std::to_string(++count_);
        b_.node(op, names, {out}, attributes, out);
        return {out, dims.empty() ? in[0].dims : dims};
    }

    // Kernel, stride, dilation and padding along H and W so that at least one position is left.
    struct Window {
        Dims kernel, strides, dilations, pads, out;  // pads: top, left, bottom, right
    };
    Window window(const Value& x, bool dilated, bool ceil) {
        Window w{{}, {}, {}, Dims(4), {}};
        for (size_t a = 0; a < 2; ++a) {
            const int64_t in = x.dims[2 + a];
            const int64_t kernel = std::min<int64_t>(pick(1, 4), in), dilation = dilated && kernel > 1 && in > 2 * kernel ? pick(1, 2) : 1;
            // Less than the kernel, as pools ask for it.
            w.pads[a] = pick(0, kernel - 1), w.pads[2 + a] = pick(0, kernel - 1);
            // With ceil_mode no window may start in the padding behind: there shape inference and kernels of onnxruntime contradict each
            // other.
            const int64_t reach = dilation * (kernel - 1) + 1, stride = std::min(pick(1, 3), ceil ? kernel - w.pads[2 + a] : 3);
            const int64_t room = in + w.pads[a] + w.pads[2 + a] - reach;
            w.kernel.push_back(kernel), w.dilations.push_back(dilation), w.strides.push_back(stride);
            w.out.push_back((room + (ceil ? stride - 1 : 0)) / stride + 1);
        }
        return w;
    }

    Value conv(const Value& x) {
        const Window w = window(x, true, false);
        const int64_t in = x.dims[1], form = pick(0, 3);
        const int64_t groups = form == 0 ? in : form == 1 && in % 2 == 0 ? 2 : 1, out = groups * pick(1, groups == in ? 2 : 5);
        const float scale = 1.5f / std::sqrt(static_cast<float>(in / groups * w.kernel[0] * w.kernel[1]));
        Names operands{constant({out, in / groups, w.kernel[0], w.kernel[1]}, scale)};
        if (maybe()) operands.push_back(constant({out}, 0.3f));
        return node("Conv", {x}, operands,
                    {attr("kernel_shape", w.kernel), attr("strides", w.strides), attr("dilations", w.dilations), attr("pads", w.pads),
                     attr("group", groups)},
                    {1, out, w.out[0], w.out[1]});
    }
    Value conv_transpose(const Value& x) {
        const int64_t out = pick(1, 4), kernel = pick(1, 4), stride = pick(1, 2), pad = pick(0, (kernel - 1) / 2);
        const auto size = [&](int64_t in) { return (in - 1) * stride + kernel - 2 * pad; };
        return node(
            "ConvTranspose", {x}, {constant({x.dims[1], out, kernel, kernel}, 0.4f), constant({out}, 0.3f)},
            {attr("kernel_shape", Dims{kernel, kernel}), attr("strides", Dims{stride, stride}), attr("pads", Dims{pad, pad, pad, pad})},
            {1, out, size(x.dims[2]), size(x.dims[3])});
    }
    Value pool(const Value& x) {
        const bool average = maybe(), ceil = !average && maybe();
        const Window w = window(x, false, ceil);
        Attributes a{attr("kernel_shape", w.kernel), attr("strides", w.strides), attr("pads", w.pads)};
        if (ceil) a.push_back(attr("ceil_mode", 1));
        if (average) a.push_back(attr("count_include_pad", static_cast<int>(pick(0, 1))));
        return node(average ? "AveragePool" : "MaxPool", {x}, {}, a, {1, x.dims[1], w.out[0], w.out[1]});
    }
    Value activation(const Value& x) {
        switch (quantizable_ ? pick(0, 3) : pick(0, 12)) {
            case 0:
                return node("Relu", {x}, {}, {});
            case 1:
                return node("Sigmoid", {x}, {}, {});
            case 2:
                return node("Tanh", {x}, {}, {});
            case 3:
                return node("Clip", {x}, {constant({}, 0, -0.5f), constant({}, 0, 1.5f)}, {});
            case 4:
                return node("LeakyRelu", {x}, {}, {attr("alpha", 0.2f)});
            case 5:
                return node("Elu", {x}, {}, {attr("alpha", 0.7f)});
            case 6:
                return node("HardSigmoid", {x}, {}, {attr("alpha", 0.3f), attr("beta", 0.4f)});
            case 7:
                return node("HardSwish", {x}, {}, {});
            case 8:
                return node("Softplus", {x}, {}, {});
            case 9:
                return node("PRelu", {x}, {constant({x.dims[1], 1, 1}, 0.5f)}, {});
            case 10:
                return node("Selu", {x}, {}, {});
            case 11:
                return node("Softsign", {x}, {}, {});
            default:
                return node("Erf", {x}, {}, {});
        }
    }
    // With a constant that is broadcast, or with another value of the same shape.
    Value binary(const Value& x) {
        const Dims dims = maybe() ? Dims{x.dims[1], 1, 1} : maybe() ? Dims{} : Dims{1, 1, x.dims[2], x.dims[3]};
        switch (quantizable_ ? pick(0, 1) : pick(0, 5)) {
            case 0:
                return node("Add", {x, activation(x)}, {}, {});
            case 1:
                return node("Mul", {x}, {constant(dims, 1)}, {});
            case 2:
                return node("Sub", {x}, {constant(dims, 1)}, {});
            case 3:
                return node("Div", {x}, {constant(dims, 0.5f, 1.2f)}, {});
            case 4:
                return node("Max", {x, activation(x)}, {}, {});
            default:
                return node("Min", {x}, {constant(dims, 0.5f, 0.4f)}, {});
        }
    }
    Value normalization(const Value& x) {
        const Dims c{x.dims[1]};
        if (maybe())
            return node("BatchNormalization", {x}, {constant(c, 0.3f, 1), constant(c, 0.3f), constant(c, 0.3f), constant(c, 0.3f, 0.6f)},
                        {attr("epsilon", 1e-3f)});
        return node("InstanceNormalization", {x}, {constant(c, 0.3f, 1), constant(c, 0.3f)}, {attr("epsilon", 1e-3f)});
    }
    Value resize(const Value& x) {
        const int64_t factor = pick(1, 2);
        const bool linear = !quantizable_ && maybe();
        const std::string scales = "w" + std::to_string(++count_);
        b_.floats(scales, {4}, {1, 1, static_cast<float>(factor), 2});
        return node("Resize", {x}, {"", scales},
                    {attr("mode", linear ? "linear" : "nearest"), attr("nearest_mode", "floor"),
                     attr("coordinate_transformation_mode", linear && maybe() ? "half_pixel" : "asymmetric")},
                    {1, x.dims[1], x.dims[2] * factor, x.dims[3] * 2});
    }
    Value pad(const Value& x) {
        static const char* const modes[] = {"constant", "reflect", "edge"};
        Dims p(8), dims = x.dims;
        for (size_t a = 2; a < 4; ++a) {
            p[a] = pick(0, 2), p[a + 4] = pick(0, 2);
            const int64_t most = x.dims[a] - 1;  // reflection needs that many others
            p[a] = std::min(p[a], most), p[a + 4] = std::min(p[a + 4], most), dims[a] += p[a] + p[a + 4];
        }
        const char* mode = modes[pick(0, 2)];
        Names operands{integers(p)};
        if (mode == modes[0] && maybe()) operands.push_back(constant({}, 1));
        return node("Pad", {x}, operands, {attr("mode", mode)}, dims);
    }
    Value slice(const Value& x) {
        const int64_t axis = pick(1, 3), size = x.dims[static_cast<size_t>(axis)];
        if (size == 1) return activation(x);
        // The first position goes: quantize_onnx asks our reader for the range of every tensor, and a slice of everything is none to it.
        const int64_t from = pick(1, size - 1), to = pick(from + 1, size), step = pick(1, 2);
        Dims dims = x.dims;
        dims[static_cast<size_t>(axis)] = (to - from + step - 1) / step;
        const std::string starts = integers({from}), ends = integers({to == size ? int64_t{1} << 40 : to}),
                          axes = integers({axis - (maybe() ? 4 : 0)});
        return node("Slice", {x}, {starts, ends, axes, integers({step})}, {}, dims);
    }
    Value transpose(const Value& x) {
        const bool turned = maybe();
        const Dims order = turned ? Dims{0, 1, 3, 2} : Dims{0, 2, 3, 1};
        Dims dims;
        for (int64_t a : order) dims.push_back(x.dims[static_cast<size_t>(a)]);
        return node("Transpose", {x}, {}, {attr("perm", order)}, dims);
    }
    Value depth(const Value& x) {
        const Dims& d = x.dims;
        if (d[2] % 2 == 0 && d[3] % 2 == 0) return node("SpaceToDepth", {x}, {}, {attr("blocksize", 2)}, {1, d[1] * 4, d[2] / 2, d[3] / 2});
        if (d[1] % 4 == 0)
            return node("DepthToSpace", {x}, {}, {attr("blocksize", 2), attr("mode", maybe() ? "DCR" : "CRD")},
                        {1, d[1] / 4, d[2] * 2, d[3] * 2});
        return activation(x);
    }
    Value concat(const Value& x) {
        const Value other = maybe() ? activation(x) : binary(x);
        const int64_t axis = pick(1, 3);
        Dims dims = x.dims;
        dims[static_cast<size_t>(axis)] *= 2;
        return node("Concat", {x, other}, {}, {attr("axis", axis - (maybe() ? 4 : 0))}, dims);
    }
    // Squeeze and excitation.
    Value gate(const Value& x) {
        const Dims& d = x.dims;
        const Value mean = node("GlobalAveragePool", {x}, {}, {}, {1, d[1], 1, 1});
        const Value mixed = node("Conv", {mean}, {constant({d[1], d[1], 1, 1}, 0.5f)}, {}, {1, d[1], 1, 1});
        return node("Mul", {x, node("Sigmoid", {mixed}, {}, {})}, {}, {});
    }

    Value block(const Value& x) {
        int64_t elements = 1;
        for (int64_t d : x.dims) elements *= d;
        if (elements > 6000) return pool(conv(x));
        const int64_t kind = pick(0, quantizable_ ? 10 : 15);
        switch (kind) {
            case 0:
            case 1:
            case 2:
                return activation(conv(x));
            case 3:
                return conv(x);
            case 4:
                return pool(x);
            case 5:
                return binary(x);
            case 6:
                return concat(x);
            case 7:
                return gate(x);
            case 8:
                return transpose(x);
            case 9:
                return slice(x);
            case 10:
                return resize(x);
            case 11:
                return conv_transpose(x);
            case 12:
                return normalization(x);
            case 13:
                return pad(x);
            case 14:
                return depth(x);
            default:
                return activation(x);
        }
    }
    Value head(const Value& x) {
        const Dims& d = x.dims;
        const int64_t features = d[1] * d[2] * d[3], classes = pick(2, 10);
        Value y = x;
        if (!quantizable_ && maybe()) {
            const bool keep = maybe();
            static const char* const kinds[] = {"ReduceMean", "ReduceMax", "ReduceSum", "ReduceL2"};
            y = node(kinds[pick(0, 3)], {x}, {integers({2, 3})}, {attr("keepdims", keep ? 1 : 0)},
                     keep ? Dims{1, d[1], 1, 1} : Dims{1, d[1]});
            if (keep) return y;
        } else if (maybe()) {
            y = node("Flatten", {x}, {}, {attr("axis", 1)}, {1, features});
        } else {
            y = node("Reshape", {x}, {integers({1, maybe() ? -1 : features})}, {}, {1, features});
        }
        const float scale = 1.5f / std::sqrt(static_cast<float>(y.dims[1]));
        const bool turned = maybe();
        y = node("Gemm", {y}, {constant(turned ? Dims{classes, y.dims[1]} : Dims{y.dims[1], classes}, scale), constant({classes}, 0.5f)},
                 {attr("transB", turned ? 1 : 0)}, {1, classes});
        if (quantizable_) return maybe() ? node("Softmax", {y}, {}, {attr("axis", -1)}) : y;
        switch (pick(0, 2)) {
            case 0:
                return node("Softmax", {y}, {}, {attr("axis", 1)});
            case 1:
                return node("LogSoftmax", {y}, {}, {attr("axis", -1)});
            default:
                return y;
        }
    }

    std::mt19937 random_;
    bool quantizable_;
    OnnxBuilder b_;
    int count_ = 0;
};

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() < 3) {
        std::cerr << "usage: random_onnx FOLDER FIRST COUNT [quantizable]\n";
        return 2;
    }
    const auto first = static_cast<uint32_t>(std::stoul(arguments[1])), count = static_cast<uint32_t>(std::stoul(arguments[2]));
    for (uint32_t seed = first; seed < first + count; ++seed) {
        const std::string bytes = RandomOnnx(seed, arguments.size() > 3).make();
        std::ofstream to(std::filesystem::path(arguments[0]) / ("random-" + std::to_string(seed) + ".onnx"), std::ios::binary);
        if (!(to << bytes)) return 1;
    }
    return 0;
}

}  // namespace
}  // namespace gw

int main(int argc, char** argv) { return gw::run({argv + 1, argv + argc}); }
