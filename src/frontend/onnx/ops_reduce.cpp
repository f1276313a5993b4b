// Reductions, softmax and normalisations. Normalisations over known statistics (BatchNormalization) become a multiplication and an addition
// a channel, which a later pass folds into the convolution before them; those over the data's own statistics are spelled with reductions.
#include <cmath>
#include <numeric>

#include "frontend/onnx/constants.h"
#include "frontend/onnx/operators.h"

namespace gw::onnx_ops {

namespace {
Expected<ValueId> reduce_over(NodeContext& n, ReduceKind kind, ValueId x, std::vector<int64_t> axes, bool keep = true) {
    Reduce op;
    op.kind = kind;
    op.axes = std::move(axes);
    op.keep_dims = keep;
    return n.emit(op, {x});
}

std::vector<int64_t> axes_from(int64_t first, int64_t rank) {
    std::vector<int64_t> axes;
    for (int64_t i = first; i < rank; ++i) axes.push_back(i);
    return axes;
}

// x − mean over `axes`, and 1/√(variance + ε).
struct Centred {
    ValueId mean, difference, factor;
};
Expected<Centred> centre(NodeContext& n, ValueId x, const std::vector<int64_t>& axes, float epsilon) {
    Centred c;
    GW_TRY(c.mean, reduce_over(n, ReduceKind::mean, x, axes));
    GW_TRY(c.difference, n.binary(BinaryKind::sub, x, c.mean));
    GW_TRY(ValueId square, n.binary(BinaryKind::mul, c.difference, c.difference));
    GW_TRY(ValueId variance, reduce_over(n, ReduceKind::mean, square, axes));
    GW_TRY(ValueId sum, n.unary(UnaryKind::affine, variance, 1, epsilon));
    GW_TRY(c.factor, n.unary(UnaryKind::rsqrt, sum));
    return c;
}

// [C] → [C, 1, 1…] as it broadcasts over [N, C, …] of `rank`.
std::vector<int64_t> per_channel(int64_t channels, int64_t rank) {
    std::vector<int64_t> dims(static_cast<size_t>(std::max<int64_t>(1, rank - 1)), 1);
    dims[0] = channels;
    return dims;
}

Status import_softmax(NodeContext& n, bool log) {
    const ValueId x = n.in(0);
    const Shape s = n.shape(x);
    if (s.rank() == 0) return n.bad_operand("input", "a scalar");
    GW_TRY(int64_t axis, n.axis(n.integer("axis", n.opset < 13 ? 1 : -1), s.rank()));
    if (n.opset >= 13 || axis == s.rank() - 1) return n.result(n.emit(Softmax{axis, log}, {x}));
    // Before opset 13 all dimensions from `axis` on are one.
    int64_t rows = 1, columns = 1;
    for (int64_t i = 0; i < s.rank(); ++i) (i < axis ? rows : columns) *= s[i];
    GW_TRY(ValueId flat, n.reshape(x, {rows, columns}));
    GW_TRY(ValueId y, n.emit(Softmax{1, log}, {flat}));
    return n.result(n.reshape(y, s.dims()));
}
}  // namespace

namespace {
// The axes of a reduction: an attribute before opset `input_from`, an operand from then on; none are all, or nothing.
Expected<std::vector<int64_t>> reduced_axes(NodeContext& n, int input_from) {
    const int64_t rank = n.rank(n.in(0));
    std::vector<int64_t> axes;
    if (n.opset < input_from) {
        axes = n.integers("axes");
    } else if (n.has(1)) {
        GW_TRY(axes, n.need_ints(1, "axes"));
    }
    const bool all = axes.empty() && n.integer("noop_with_empty_axes", 0) == 0;
    GW_TRY(axes, n.axes(std::move(axes), rank));
    return all ? axes_from(0, rank) : axes;
}
}  // namespace

Status import_reduce(NodeContext& n, ReduceKind kind, ReduceForm form, int axes_input_from) {
    ValueId x = n.in(0);
    GW_TRY(std::vector<int64_t> axes, reduced_axes(n, axes_input_from));
    const bool keep = n.integer("keepdims", 1) != 0;
    if (form == ReduceForm::absolute) {
        GW_TRY(x, n.unary(UnaryKind::abs, x));
    } else if (form == ReduceForm::square || form == ReduceForm::root_of_squares) {
        GW_TRY(x, n.binary(BinaryKind::mul, x, x));
    }
    if (!axes.empty()) {
        GW_TRY(x, reduce_over(n, kind, x, std::move(axes), keep));
    }
    if (form == ReduceForm::root_of_squares) {
        GW_TRY(x, n.unary(UnaryKind::sqrt, x));
    } else if (form == ReduceForm::log_of_sum) {
        GW_TRY(x, n.unary(UnaryKind::log, x));
    }
    return n.result(x);
}

// log Σ exp(x) = m + log Σ exp(x − m) with the greatest x as m: nothing overflows.
Status reduce_log_sum_exp(NodeContext& n) {
    const ValueId x = n.in(0);
    GW_TRY(std::vector<int64_t> axes, reduced_axes(n, 18));
    if (axes.empty()) return n.result(x);
    GW_TRY(ValueId most, reduce_over(n, ReduceKind::max, x, axes));
    GW_TRY(ValueId below, n.binary(BinaryKind::sub, x, most));
    GW_TRY(ValueId powers, n.unary(UnaryKind::exp, below));
    GW_TRY(ValueId sum, reduce_over(n, ReduceKind::sum, powers, axes));
    GW_TRY(ValueId log_sum, n.unary(UnaryKind::log, sum));
    GW_TRY(ValueId y, n.binary(BinaryKind::add, log_sum, most));
    if (n.integer("keepdims", 1) != 0) return n.result(y);
    std::vector<int64_t> dims;
    for (int64_t d = 0; d < n.rank(x); ++d)
        if (std::find(axes.begin(), axes.end(), d) == axes.end()) dims.push_back(n.shape(x)[d]);
    return n.result(n.reshape(y, dims));
}

Status softmax(NodeContext& n) { return import_softmax(n, false); }
Status log_softmax(NodeContext& n) { return import_softmax(n, true); }

Status batch_normalization(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    if (s.rank() < 2) return n.bad_operand("X", "rank {}, expected at least 2", s.rank());
    if (n.integer("training_mode", 0) != 0) return n.unsupported("training mode is not supported");
    if (n.opset < 9 && n.integer("spatial", 1) == 0) return n.unsupported("statistics an element (spatial = 0) are not supported");
    if (!is_float(n.dtype(n.in(0)))) return n.bad_operand("X", "type {}", dtype_long_name(n.dtype(n.in(0))));
    const double epsilon = n.number("epsilon", 1e-5f);
    const int64_t channels = s[1];
    constexpr std::string_view names[] = {"", "scale", "B", "mean", "var"};
    Tensor t[5];
    for (size_t i = 1; i < 5; ++i) {
        GW_TRY(t[i], n.need_constant(i, names[i]));
        if (t[i].shape() != Shape{channels}) return n.bad_operand(names[i], "shape {}, expected [{}]", t[i].shape().text(), channels);
    }
    const Shape shape(per_channel(channels, s.rank()));
    Tensor factor = filled(n.dtype(n.in(0)), shape, 0), offset = filled(n.dtype(n.in(0)), shape, 0);
    for (int64_t c = 0; c < channels; ++c) {
        const double variance = t[4].at(c) + epsilon;
        if (!(variance > 0)) return n.bad_operand("var", "variance {} of channel {}", t[4].at(c), c);
        const double f = t[1].at(c) / std::sqrt(variance);
        factor.set(c, f);
        offset.set(c, t[2].at(c) - t[3].at(c) * f);
    }
    GW_TRY(ValueId product, n.binary(BinaryKind::mul, n.in(0), n.add(std::move(factor))));
    return n.result(n.binary(BinaryKind::add, product, n.add(std::move(offset))));
}

Status instance_normalization(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    if (s.rank() < 3) return n.bad_operand("input", "rank {}, expected at least 3", s.rank());
    for (size_t i = 1; i < 3; ++i)
        if (n.shape(n.in(i)) != Shape{s[1]})
            return n.bad_operand(i == 1 ? "scale" : "B", "shape {}, expected [{}]", n.shape(n.in(i)).text(), s[1]);
    GW_TRY(Centred c, centre(n, n.in(0), axes_from(2, s.rank()), n.number("epsilon", 1e-5f)));
    GW_TRY(ValueId scale, n.reshape(n.in(1), per_channel(s[1], s.rank())));
    GW_TRY(ValueId bias, n.reshape(n.in(2), per_channel(s[1], s.rank())));
    GW_TRY(ValueId normal, n.binary(BinaryKind::mul, c.difference, c.factor));
    GW_TRY(ValueId scaled_value, n.binary(BinaryKind::mul, normal, scale));
    return n.result(n.binary(BinaryKind::add, scaled_value, bias));
}

Status layer_normalization(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    GW_TRY(int64_t axis, n.axis(n.integer("axis", -1), s.rank()));
    GW_TRY(Centred c, centre(n, n.in(0), axes_from(axis, s.rank()), n.number("epsilon", 1e-5f)));
    GW_TRY(ValueId y, n.binary(BinaryKind::mul, c.difference, c.factor));
    GW_TRY(y, n.binary(BinaryKind::mul, y, n.in(1)));
    if (n.has(2)) {
        GW_TRY(y, n.binary(BinaryKind::add, y, n.in(2)));
    }
    if (n.shape(y) != s) return n.bad_operand("Scale", "shape {} does not broadcast to {}", n.shape(n.in(1)).text(), s.text());
    n.set(0, y);
    if (n.wants(1)) n.set(1, c.mean);
    if (n.wants(2)) n.set(2, c.factor);
    return {};
}

// (x − mean) / (standard deviation + 1e-9) over `axes`.
Status mean_variance_normalization(NodeContext& n) {
    GW_TRY(std::vector<int64_t> axes, n.axes(n.integers("axes", {0, 2, 3}), n.rank(n.in(0))));
    GW_TRY(ValueId mean, reduce_over(n, ReduceKind::mean, n.in(0), axes));
    GW_TRY(ValueId difference, n.binary(BinaryKind::sub, n.in(0), mean));
    GW_TRY(ValueId square, n.binary(BinaryKind::mul, difference, difference));
    GW_TRY(ValueId variance, reduce_over(n, ReduceKind::mean, square, axes));
    GW_TRY(ValueId deviation, n.unary(UnaryKind::sqrt, variance));
    GW_TRY(ValueId divisor, n.unary(UnaryKind::affine, deviation, 1, 1e-9f));
    return n.result(n.binary(BinaryKind::div, difference, divisor));
}

// x / (bias + alpha/size · Σ x²)^beta, the sum over `size` neighbouring channels: an average over a window of channels, whose padding
// counts.
Status lrn(NodeContext& n) {
    const Shape s = n.shape(n.in(0));
    if (s.rank() < 2) return n.bad_operand("X", "rank {}, expected at least 2", s.rank());
    const int64_t size = n.integer("size", 0);
    if (size < 1 || size > 1 << 16) return n.bad_attribute("attribute `size`: {}", size);
    int64_t positions = 1;
    for (int64_t d = 2; d < s.rank(); ++d) positions *= s[d];
    GW_TRY(ValueId square, n.binary(BinaryKind::mul, n.in(0), n.in(0)));
    GW_TRY(ValueId lines, n.reshape(square, {s[0], s[1], positions, 1}));
    Pool2D window;
    window.kind = PoolKind::average, window.count_pad = true;
    window.kernel = {size, 1};
    window.pad = {(size - 1) / 2, 0, size - 1 - (size - 1) / 2, 0};
    GW_TRY(ValueId mean, n.emit(window, {lines}));
    GW_TRY(mean, n.reshape(mean, s.dims()));
    GW_TRY(ValueId sum, n.unary(UnaryKind::affine, mean, n.number("alpha", 0.0001f), n.number("bias", 1.0f)));
    GW_TRY(ValueId factor, n.unary(UnaryKind::power, sum, -n.number("beta", 0.75f)));
    return n.result(n.binary(BinaryKind::mul, n.in(0), factor));
}

}  // namespace gw::onnx_ops
