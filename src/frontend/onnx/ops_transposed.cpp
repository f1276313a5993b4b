// ConvTranspose. The problem: the graph has no transposed convolution. The idea: it is an ordinary one with stride 1 over data with
// stride − 1 zeros behind each position, its kernel turned round and its groups' input and output channels exchanged. The zeros are
// multiplied too, stride² times the work; what it takes is right, and small upsampling layers are.
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
constexpr int64_t max_window = 1 << 16;

struct Geometry {
    Pair in{1, 1}, kernel{1, 1}, stride{1, 1}, dilation{1, 1}, extra{0, 0};  // extra: output_padding
    Pads pad{0, 0, 0, 0};
    int64_t effective(size_t i) const { return (kernel[i] - 1) * dilation[i] + 1; }
    // The result without any padding taken off.
    int64_t full(size_t i) const { return stride[i] * (in[i] - 1) + extra[i] + effective(i); }
};

// A list of `spatial` numbers in [least, max_window] into the last entries of a pair.
Status take(NodeContext& n, std::string_view name, const std::vector<int64_t>& list, size_t spatial, int64_t least, Pair& pair) {
    if (list.empty()) return {};
    if (list.size() != spatial) return n.bad_attribute("attribute `{}` has {} numbers, expected {}", name, list.size(), spatial);
    for (size_t i = 0; i < spatial; ++i) {
        if (list[i] < least || list[i] > max_window) return n.bad_attribute("attribute `{}`: {} is out of range", name, list[i]);
        pair[2 - spatial + i] = list[i];
    }
    return {};
}

Status read_padding(NodeContext& n, Geometry& g, size_t spatial) {
    const std::string automatic = n.text("auto_pad", "NOTSET");
    const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
    std::vector<int64_t> wanted = n.integers("output_shape");
    if (wanted.size() == spatial + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
    if (!wanted.empty() && wanted.size() != spatial)
        return n.bad_attribute("attribute `output_shape` has {} numbers, expected {}", wanted.size(), spatial);
    if (!wanted.empty() || same) {
        for (size_t i = 2 - spatial; i < 2; ++i) {
            const int64_t out = wanted.empty() ? g.in[i] * g.stride[i] : wanted[i + spatial - 2];
            const int64_t total = g.full(i) - out;
            if (out < 1 || total < 0) return n.unsupported("a result of {} positions, the layer makes {}", out, g.full(i));
            const int64_t less = total / 2;
            g.pad[i] = automatic == "SAME_UPPER" ? less : total - less;
            g.pad[i + 2] = total - g.pad[i];
        }
        return {};
    }
    if (automatic != "NOTSET" && automatic != "VALID") return n.bad_attribute("attribute `auto_pad`: `{}` is unknown", automatic);
    const std::vector<int64_t> pads = n.integers("pads", std::vector<int64_t>(2 * spatial, 0));
    if (pads.size() != 2 * spatial) return n.bad_attribute("attribute `pads` has {} numbers, expected {}", pads.size(), 2 * spatial);
    for (size_t i = 0; i < pads.size(); ++i) {
        if (pads[i] < 0 || pads[i] > max_window) return n.bad_attribute("attribute `pads`: {} is out of range", pads[i]);
        g.pad[i < spatial ? 2 - spatial + i : 4 - spatial + (i - spatial)] = pads[i];
    }
    for (size_t i = 0; i < 2; ++i)
        if (g.full(i) - g.pad[i] - g.pad[i + 2] < 1) return n.bad_attribute("the padding leaves nothing of the result");
    return {};
}

// [C, M/groups, H, W] turned round, as [M, H, W, C/groups].
Tensor turned(const Tensor& w, int64_t groups, const Pair& kernel) {
    const int64_t in = w.shape()[0] / groups, out = w.shape()[1];
    Tensor t = Tensor::zeros({DType::float32, {groups * out, kernel[0], kernel[1], in}, {}});
    int64_t to = 0;
    for (int64_t o = 0; o < groups * out; ++o)
        for (int64_t y = kernel[0]; y-- > 0;)
            for (int64_t x = kernel[1]; x-- > 0;)
                for (int64_t i = 0; i < in; ++i) {
                    const int64_t channel = o / out * in + i;
                    t.set(to++, w.at(((channel * out + o % out) * kernel[0] + y) * kernel[1] + x));
                }
    return t;
}

// NHWC data with stride − 1 zeros behind each position, then zeros before and after (negative: cut off).
Expected<ValueId> spread(NodeContext& n, ValueId x, const Geometry& g) {
    const Shape s = n.shape(x);
    const int64_t sh = g.stride[0], sw = g.stride[1];
    if (sh > 1 || sw > 1) {
        GW_TRY_DO(n.check_size({s[0], s[1], sh, s[2], sw, s[3]}));
        GW_TRY(x, n.reshape(x, {s[0], s[1], 1, s[2], 1, s[3]}));
        GW_TRY(x, n.emit(Pad{{0, 0, 0, 0, 0, 0}, {0, 0, sh - 1, 0, sw - 1, 0}, PadMode::constant, 0}, {x}));
        GW_TRY(x, n.reshape(x, {s[0], s[1] * sh, s[2] * sw, s[3]}));
    }
    Pad pad{{0, 0, 0, 0}, {0, 0, 0, 0}, PadMode::constant, 0};
    std::vector<int64_t> start(4, 0), size = n.shape(x).dims();
    for (size_t i = 0; i < 2; ++i) {
        const int64_t before = g.effective(i) - 1 - g.pad[i];
        const int64_t after = g.effective(i) - 1 - g.pad[i + 2] + g.extra[i] - (g.stride[i] - 1);
        pad.before[i + 1] = std::max<int64_t>(0, before), pad.after[i + 1] = std::max<int64_t>(0, after);
        start[i + 1] = std::max<int64_t>(0, -before);
        size[i + 1] -= start[i + 1] + std::max<int64_t>(0, -after);
        if (size[i + 1] < 1) return n.unsupported("padding that leaves nothing of the data");
    }
    GW_TRY(x, n.slice(x, start, size, std::vector<int64_t>(4, 1)));
    if (pad.before == pad.after && pad.before == std::vector<int64_t>(4, 0)) return x;
    return n.emit(pad, {x});
}
}  // namespace

Status conv_transpose(NodeContext& n) {
    const Shape x = n.shape(n.in(0)), k = n.shape(n.in(1));
    if (x.rank() == 5) return n.unsupported("three spatial dimensions are not supported");
    if (x.rank() != 3 && x.rank() != 4) return n.bad_operand("X", "rank {}, expected 3 or 4", x.rank());
    if (k.rank() != x.rank()) return n.bad_operand("W", "rank {}, expected {}", k.rank(), x.rank());
    const int64_t groups = n.integer("group", 1);
    if (k[0] != x[1] || groups < 1 || k[0] % groups != 0)
        return n.bad_operand("W", "shape {} does not fit {} channels in {} groups", k.text(), x[1], groups);
    const auto spatial = static_cast<size_t>(x.rank() - 2);
    const std::vector<int64_t> kernel(k.dims().begin() + 2, k.dims().end());
    if (n.integers("kernel_shape", kernel) != kernel) return n.bad_attribute("attribute `kernel_shape` is not the weight's");
    Geometry g;
    g.in = spatial == 2 ? Pair{x[2], x[3]} : Pair{1, x[2]};
    GW_TRY_DO(take(n, "kernel_shape", kernel, spatial, 1, g.kernel));
    GW_TRY_DO(take(n, "strides", n.integers("strides"), spatial, 1, g.stride));
    GW_TRY_DO(take(n, "dilations", n.integers("dilations"), spatial, 1, g.dilation));
    GW_TRY_DO(take(n, "output_padding", n.integers("output_padding"), spatial, 0, g.extra));
    GW_TRY_DO(read_padding(n, g, spatial));
    GW_TRY(const Tensor w, n.need_constant(1, "W"));
    if (!is_float(w.type.dtype)) return n.bad_operand("W", "type {}", dtype_long_name(w.type.dtype));
    GW_TRY(ValueId data, n.to_nhwc(n.in(0)));
    GW_TRY(data, spread(n, data, g));
    Conv2D op;
    op.dilation = g.dilation, op.groups = groups;
    GW_TRY(ValueId y, n.emit(op, {data, n.add(turned(w, groups, g.kernel)), n.in(2)}));
    return n.result(n.from_nhwc(y, x.rank()));
}

}  // namespace gw::onnx_ops
