// Convolutions and pools. The problem: ONNX is NCHW with OIHW weights in one, two or three spatial dimensions and several ways to state the
// padding; the graph is NHWC with OHWI weights, two dimensions and explicit pads. The idea: read the window once for all of them, resolve
// auto_pad and ceil_mode into pads, re-lay the weights, and put the op between two transposes that a later pass cancels.
// ceil_mode follows the rule that a window may not start beyond the input and its begin padding; what hangs over the end counts neither for
// a maximum nor for an average's divisor.
#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
constexpr int64_t max_window = 1 << 16;  // of kernels, strides, dilations and pads

struct Window {
    Pair kernel{1, 1}, stride{1, 1}, dilation{1, 1};
    Pads stated{0, 0, 0, 0};  // the model's padding
    Pads pad{0, 0, 0, 0};     // with what ceil_mode adds at the end
};

// Copies a list of `spatial` numbers into the last entries of a pair.
Status read_pair(NodeContext& n, std::string_view name, const std::vector<int64_t>& list, size_t spatial, Pair& pair) {
    if (list.empty()) return {};
    if (list.size() != spatial) return n.bad_attribute("attribute `{}` has {} numbers, expected {}", name, list.size(), spatial);
    for (size_t i = 0; i < spatial; ++i) {
        if (list[i] < 1 || list[i] > max_window) return n.bad_attribute("attribute `{}`: {} is out of range", name, list[i]);
        pair[2 - spatial + i] = list[i];
    }
    return {};
}

// SAME: as many outputs as strides fit into the input, the padding split evenly, an odd one at the end (upper) or the beginning (lower).
void pad_same(Window& w, const Pair& in, bool upper) {
    for (size_t i = 0; i < 2; ++i) {
        const int64_t out = (in[i] + w.stride[i] - 1) / w.stride[i];
        const int64_t total = std::max<int64_t>(0, (out - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1 - in[i]);
        const int64_t less = total / 2;
        w.stated[i] = upper ? less : total - less;
        w.stated[i + 2] = total - w.stated[i];
    }
}

Status read_pads(NodeContext& n, Window& w, const Pair& in, size_t spatial) {
    const std::string automatic = n.text("auto_pad", "NOTSET");
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
        pad_same(w, in, automatic == "SAME_UPPER");
        return {};
    }
    if (automatic == "VALID") return {};
    if (automatic != "NOTSET" && !automatic.empty()) return n.bad_attribute("attribute `auto_pad`: `{}` is unknown", automatic);
    const std::vector<int64_t> pads = n.integers("pads", std::vector<int64_t>(2 * spatial, 0));
    if (pads.size() != 2 * spatial) return n.bad_attribute("attribute `pads` has {} numbers, expected {}", pads.size(), 2 * spatial);
    for (size_t i = 0; i < pads.size(); ++i) {
        if (pads[i] < 0 || pads[i] > max_window) return n.bad_attribute("attribute `pads`: {} is out of range", pads[i]);
        w.stated[i < spatial ? 2 - spatial + i : 4 - spatial + (i - spatial)] = pads[i];
    }
    return {};
}

// The window of a node whose data are [N,C,spatial…] of shape `x`; `kernel` is the weight's or kernel_shape.
Expected<Window> read_window(NodeContext& n, const Shape& x, const std::vector<int64_t>& kernel) {
    const auto spatial = static_cast<size_t>(x.rank() - 2);
    const Pair in = spatial == 2 ? Pair{x[2], x[3]} : Pair{1, x[2]};
    Window w;
    GW_TRY_DO(read_pair(n, "kernel_shape", kernel, spatial, w.kernel));
    GW_TRY_DO(read_pair(n, "strides", n.integers("strides"), spatial, w.stride));
    GW_TRY_DO(read_pair(n, "dilations", n.integers("dilations"), spatial, w.dilation));
    GW_TRY_DO(read_pads(n, w, in, spatial));
    const bool ceil_mode = n.integer("ceil_mode", 0) != 0;
    w.pad = w.stated;
    for (size_t i = 0; i < 2; ++i) {
        const int64_t effective = (w.kernel[i] - 1) * w.dilation[i] + 1, padded = in[i] + w.stated[i] + w.stated[i + 2];
        if (padded < effective) return n.bad_attribute("the window covers {} positions, the padded input has {}", effective, padded);
        if (!ceil_mode) continue;
        int64_t out = (padded - effective + w.stride[i] - 1) / w.stride[i] + 1;
        if ((out - 1) * w.stride[i] >= in[i] + w.stated[i]) --out;
        w.pad[i + 2] = std::max(w.pad[i + 2], (out - 1) * w.stride[i] + effective - in[i] - w.stated[i]);
    }
    return w;
}

Status check_rank(NodeContext& n, const Shape& x) {
    if (x.rank() == 3 || x.rank() == 4) return {};
    if (x.rank() == 5) return n.unsupported("three spatial dimensions are not supported");
    return n.bad_operand("X", "rank {}, expected 3 or 4", x.rank());
}

// A pool's window: every position of it must see the input, so that no maximum and no average is of nothing.
Expected<Window> pool_window(NodeContext& n) {
    const Shape x = n.shape(n.in(0));
    GW_TRY_DO(check_rank(n, x));
    const std::vector<int64_t> kernel = n.integers("kernel_shape");
    if (kernel.empty()) return n.bad_attribute("attribute `kernel_shape` is missing");
    GW_TRY(Window w, read_window(n, x, kernel));
    for (size_t i = 0; i < 2; ++i) {
        const int64_t effective = (w.kernel[i] - 1) * w.dilation[i] + 1;
        if (w.stated[i] >= effective || w.stated[i + 2] >= effective)
            return n.unsupported("the padding is as wide as the window, so that some windows see nothing but padding");
    }
    return w;
}

Status emit_pool(NodeContext& n, ValueId x, Pool2D op) {
    GW_TRY(ValueId y, n.emit(op, {x}));
    return n.result(n.from_nhwc(y, n.rank(n.in(0))));
}

// Reduction over all spatial dimensions.
Status global_pool(NodeContext& n, ReduceKind kind) {
    const int64_t rank = n.rank(n.in(0));
    if (rank < 3) return n.bad_operand("X", "rank {}, expected at least 3", rank);
    Reduce op;
    op.kind = kind;
    if (rank == 4) {
        op.axes = {1, 2};
        GW_TRY(ValueId x, n.to_nhwc(n.in(0)));
        GW_TRY(ValueId y, n.emit(op, {x}));
        return n.result(n.from_nhwc(y, 4));
    }
    for (int64_t i = 2; i < rank; ++i) op.axes.push_back(i);
    return n.result(n.emit(op, {n.in(0)}));
}
}  // namespace

Status conv(NodeContext& n) {
    const auto weight = n.weight(n.in(1));
    if (!weight) return n.unsupported("weights that are computed at run time are not supported");
    return convolve(n, n.in(0), *weight, n.in(2), {});
}

Status convolve(NodeContext& n, ValueId data, Weight weight, ValueId bias, Conv2D op) {
    const Shape x = n.shape(data), k = weight.tensor.shape();
    GW_TRY_DO(check_rank(n, x));
    if (k.rank() != x.rank()) return n.bad_operand("W", "rank {}, expected {}", k.rank(), x.rank());
    for (int64_t d : k.dims())
        if (d < 1) return n.bad_operand("W", "shape {} is empty", k.text());
    const int64_t groups = n.integer("group", 1);
    if (groups < 1 || k[0] % groups != 0 || x[1] % groups != 0)
        return n.bad_attribute("{} groups of {} input and {} output channels", groups, x[1], k[0]);
    if (k[1] != x[1] / groups) return n.bad_operand("W", "shape {} does not fit {} channels in {} groups", k.text(), x[1], groups);
    const std::vector<int64_t> kernel(k.dims().begin() + 2, k.dims().end());
    if (n.integers("kernel_shape", kernel) != kernel) return n.bad_attribute("attribute `kernel_shape` is not the weight's");
    if (bias.valid() && n.shape(bias) != Shape{k[0]}) return n.bad_operand("B", "shape {}, expected [{}]", n.shape(bias).text(), k[0]);
    GW_TRY(Window w, read_window(n, x, kernel));
    if (k.rank() == 3) {
        weight.tensor = permuted(weight.tensor, {0, 2, 1});
        weight.tensor = reshaped_axis(weight.tensor, {k[0], 1, k[2], k[1]}, 0);
    } else {
        weight.tensor = permuted(weight.tensor, {0, 2, 3, 1});
    }
    if (weight.tensor.type.quant.axis > 0) return n.unsupported("weights quantized along an axis other than the output channels");
    GW_TRY(ValueId weights, n.add(std::move(weight)));
    GW_TRY(data, n.to_nhwc(data));
    op.stride = w.stride, op.dilation = w.dilation, op.pad = w.pad, op.groups = groups;
    GW_TRY(ValueId y, n.emit(op, {data, weights, bias}));
    return n.result(n.from_nhwc(y, x.rank()));
}

Status max_pool(NodeContext& n) {
    GW_TRY(Window w, pool_window(n));
    Pool2D op;
    op.kind = PoolKind::max;
    op.kernel = w.kernel, op.stride = w.stride, op.dilation = w.dilation, op.pad = w.pad;
    GW_TRY(ValueId x, n.to_nhwc(n.in(0)));
    return emit_pool(n, x, op);
}

Status average_pool(NodeContext& n) {
    GW_TRY(Window w, pool_window(n));
    Pool2D op;
    op.kind = PoolKind::average;
    op.kernel = w.kernel, op.stride = w.stride, op.dilation = w.dilation, op.pad = w.pad;
    // onnxruntime's own average pool takes what ceil_mode adds for padding too (ops_qlinear.cpp).
    const bool overhang = n.integer("count_overhang", 0) != 0;
    op.count_pad = n.integer("count_include_pad", 0) != 0 && (overhang ? w.pad : w.stated) != Pads{0, 0, 0, 0};
    GW_TRY(ValueId x, n.to_nhwc(n.in(0)));
    if (op.count_pad && !overhang && w.pad != w.stated) {
        // The stated padding counts, what hangs over the end does not: make the former part of the data.
        GW_TRY(x, n.emit(Pad{{0, w.stated[0], w.stated[1], 0}, {0, w.stated[2], w.stated[3], 0}, PadMode::constant, 0}, {x}));
        op.count_pad = false;
        op.pad = {0, 0, w.pad[2] - w.stated[2], w.pad[3] - w.stated[3]};
    }
    return emit_pool(n, x, op);
}

Status global_average_pool(NodeContext& n) { return global_pool(n, ReduceKind::mean); }
Status global_max_pool(NodeContext& n) { return global_pool(n, ReduceKind::max); }

}  // namespace gw::onnx_ops
