// What each op declares about channels, and the defaults. Every declaration is an overload for the op's own struct next to a template for
// all others, whose answer is always right: any value of the type, everything is read, no channel can be taken out.
#include "ops/channels.h"

#include <algorithm>
#include <cmath>

#include "ops/support.h"

namespace gw {
namespace {

ChannelRange hull(const ChannelRange& a, const ChannelRange& b) { return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)}; }

ChannelRange hull(const ChannelRanges& all) {
    ChannelRange r = all.front();
    for (const ChannelRange& one : all) r = hull(r, one);
    return r;
}

// What operand k can hold where channel c of the result reads it.
ChannelRange seen(const ChannelNode& node, size_t k, size_t c) {
    if (!node.link[k].linked) return hull(node.range[k]);
    const int64_t source = node.link[k].source[c];
    return source < 0 ? ChannelRange{} : node.range[k][static_cast<size_t>(source)];
}

// --- values -------------------------------------------------------------------------------------------------------------------------
// Results that are operands' elements, moved or the extreme of some.
ChannelRanges moved(const ChannelNode& node) {
    ChannelRanges out;
    for (size_t c = 0; c < static_cast<size_t>(channels_of(*node.out)); ++c) {
        std::optional<ChannelRange> r;
        for (size_t k = 0; k < node.in.size(); ++k) {
            if (node.in[k] == nullptr || (node.link[k].linked && node.link[k].source[c] < 0)) continue;
            r = r ? hull(*r, seen(node, k, c)) : seen(node, k, c);
        }
        out.push_back(r.value_or(ChannelRange{}));
    }
    return out;
}

// An elementwise op at the corners of its operands' ranges, by its own evaluate. `monotone`: between them it has no extremes; otherwise
// only constant operands say something.
template <class T>
ChannelRanges corners(const T& op, const ChannelNode& node, bool monotone) {
    ChannelRanges out = any_values(*node.out);
    const size_t operands = node.in.size(), count = size_t{1} << operands;
    const auto channels = static_cast<int64_t>(out.size());
    std::vector<Tensor> in;
    std::vector<bool> use(out.size(), true);
    for (size_t k = 0; k < operands; ++k) {
        if (node.in[k] == nullptr) return out;
        in.push_back(Tensor::zeros({node.in[k]->dtype, Shape{static_cast<int64_t>(count), channels}, node.in[k]->quant}));
        for (size_t c = 0; c < out.size(); ++c) {
            const ChannelRange r = seen(node, k, c);
            use[c] = use[c] && (r.constant() || (monotone && std::isfinite(r.lo) && std::isfinite(r.hi)));
            if (!use[c]) continue;
            for (size_t corner = 0; corner < count; ++corner)
                in.back().set(static_cast<int64_t>(corner) * channels + static_cast<int64_t>(c), (corner >> k & 1) != 0 ? r.hi : r.lo);
        }
    }
    std::vector<Tensor> result{Tensor::zeros({node.out->dtype, Shape{static_cast<int64_t>(count), channels}, node.out->quant})};
    std::vector<const Tensor*> operand;
    for (const Tensor& t : in) operand.push_back(&t);
    evaluate(op, operand, result);
    for (size_t c = 0; c < out.size(); ++c) {
        if (!use[c]) continue;
        for (size_t corner = 0; corner < count; ++corner) {
            const double v = result[0].at(static_cast<int64_t>(corner) * channels + static_cast<int64_t>(c));
            out[c] = corner == 0 ? ChannelRange{v, v} : hull(out[c], {v, v});
        }
    }
    return out;
}

bool is_real(const ChannelNode& node) { return is_float(node.out->dtype); }

template <class T>
ChannelRanges ranges(const T&, const ChannelNode& node) {
    return any_values(*node.out);
}
ChannelRanges ranges(const Conv2D& op, const ChannelNode& node) { return linear_ranges(op, node); }
ChannelRanges ranges(const Dense& op, const ChannelNode& node) { return linear_ranges(op, node); }
ChannelRanges ranges(const Unary& op, const ChannelNode& node) { return corners(op, node, op.kind == UnaryKind::clamp); }
ChannelRanges ranges(const Binary& op, const ChannelNode& node) {
    // Products have no extremes inside a box either. Float overflow and equality do not concern constants.
    const bool monotone = op.kind == BinaryKind::add || op.kind == BinaryKind::sub || op.kind == BinaryKind::mul ||
                          op.kind == BinaryKind::min || op.kind == BinaryKind::max;
    return corners(op, node, monotone && !is_real(node));
}
ChannelRanges ranges(const Dequantize& op, const ChannelNode& node) {
    return node.in[0]->quant.per_tensor() ? corners(op, node, true) : any_values(*node.out);
}
ChannelRanges ranges(const Quantize& op, const ChannelNode& node) {
    return op.quant.per_tensor() ? corners(op, node, true) : any_values(*node.out);
}
ChannelRanges ranges(const Rescale& op, const ChannelNode& node) { return corners(op, node, op.below.empty() && !op.magnitude); }
ChannelRanges ranges(const Sigmoid16& op, const ChannelNode& node) { return corners(op, node, false); }
ChannelRanges ranges(const Lookup&, const ChannelNode& node) {
    ChannelRanges out = any_values(*node.out);
    if (node.value[1] == nullptr || node.in[0]->dtype != DType::int8 || node.out->dtype != DType::int8) return out;
    const auto table = node.value[1]->data<int8_t>();
    for (size_t c = 0; c < out.size(); ++c) {
        const ChannelRange x = seen(node, 0, c);
        const auto first = table.begin() + static_cast<int64_t>(x.lo) + 128, last = table.begin() + static_cast<int64_t>(x.hi) + 129;
        const auto [lo, hi] = std::minmax_element(first, last);
        out[c] = {static_cast<double>(*lo), static_cast<double>(*hi)};
    }
    return out;
}
ChannelRanges ranges(const Pool2D& op, const ChannelNode& node) {
    if (is_real(node) && op.kind == PoolKind::average) return any_values(*node.out);  // sums round
    ChannelRanges out = moved(node);
    const double lo = is_real(node) ? static_cast<double>(op.act_lo) : op.lo, hi = is_real(node) ? static_cast<double>(op.act_hi) : op.hi;
    for (ChannelRange& r : out) {
        if (op.count_pad) r = hull(r, {static_cast<double>(op.x_zero), static_cast<double>(op.x_zero)});
        r = {std::clamp(r.lo, lo, hi), std::clamp(r.hi, lo, hi)};
    }
    return out;
}
ChannelRanges ranges(const Reduce& op, const ChannelNode& node) {
    const bool sum = op.kind == ReduceKind::sum || op.kind == ReduceKind::mean;
    if (op.kind == ReduceKind::max || op.kind == ReduceKind::min) return moved(node);
    if (!sum || is_real(node) || node.out->dtype != DType::int8 || node.out->elements() == 0) return any_values(*node.out);
    const double n = static_cast<double>(node.in[0]->elements()) / static_cast<double>(node.out->elements());
    ChannelRanges out = moved(node);
    for (size_t c = 0; c < out.size(); ++c) out[c] = rescaled(op.requant, {n * (out[c].lo - op.x_zero), n * (out[c].hi - op.x_zero)}, 0);
    return out;
}
ChannelRanges ranges(const Reshape&, const ChannelNode& node) { return moved(node); }
ChannelRanges ranges(const Transpose&, const ChannelNode& node) { return moved(node); }
ChannelRanges ranges(const Concat&, const ChannelNode& node) { return moved(node); }
ChannelRanges ranges(const Slice&, const ChannelNode& node) { return moved(node); }
ChannelRanges ranges(const Pad& op, const ChannelNode& node) {
    ChannelRanges out = moved(node);
    if (op.mode != PadMode::constant) return out;
    const auto value = static_cast<double>(op.value);
    const size_t last = op.before.empty() ? 0 : op.before.size() - 1;
    const bool only_outside = op.before.empty() || op.before[last] != 0 || op.after[last] != 0;  // new channels have no source
    for (ChannelRange& r : out) r = only_outside ? any_values(*node.out).front() : hull(r, {value, value});
    return out;
}
ChannelRanges ranges(const Resize& op, const ChannelNode& node) {
    return is_real(node) && op.mode == ResizeMode::linear ? any_values(*node.out) : moved(node);  // float weights round
}

// --- the op without some channels ---------------------------------------------------------------------------------------------------
// Ops that treat every channel alike and do not say how many there are stay as they are.
template <class T>
std::optional<T> fewer(const T&, const ChannelNode&, const KeptChannels*) {
    return std::nullopt;
}
std::optional<Unary> fewer(const Unary& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Binary> fewer(const Binary& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Rescale> fewer(const Rescale& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Sigmoid16> fewer(const Sigmoid16& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Lookup> fewer(const Lookup& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Cast> fewer(const Cast& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Pool2D> fewer(const Pool2D& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Resize> fewer(const Resize& op, const ChannelNode&, const KeptChannels*) { return op; }
std::optional<Quantize> fewer(const Quantize& op, const ChannelNode&, const KeptChannels*) {
    return op.quant.per_tensor() ? std::optional(op) : std::nullopt;
}
std::optional<Dequantize> fewer(const Dequantize& op, const ChannelNode& node, const KeptChannels*) {
    return node.in[0]->quant.per_tensor() ? std::optional(op) : std::nullopt;
}
std::optional<Reduce> fewer(const Reduce& op, const ChannelNode& node, const KeptChannels*) {
    const int64_t last = node.in[0]->shape.rank() - 1;
    const bool over_channels = op.axes.empty() || std::find(op.axes.begin(), op.axes.end(), last) != op.axes.end();
    return over_channels ? std::nullopt : std::optional(op);
}
std::optional<Transpose> fewer(const Transpose& op, const ChannelNode&, const KeptChannels*) {
    const bool stays = !op.perm.empty() && op.perm.back() == static_cast<int64_t>(op.perm.size()) - 1;
    return stays ? std::optional(op) : std::nullopt;
}
std::optional<Reshape> fewer(const Reshape& op, const ChannelNode& node, const KeptChannels* kept) {
    if (!node.link[0].linked) return std::nullopt;
    Reshape r = op;
    if (kept != nullptr) r.shape.back() = static_cast<int64_t>(kept->result.size());
    return r;
}
std::optional<Concat> fewer(const Concat& op, const ChannelNode& node, const KeptChannels*) {
    const bool linked = std::all_of(node.link.begin(), node.link.end(), [](const ChannelLink& l) { return l.linked; });
    return linked ? std::optional(op) : std::nullopt;
}
std::optional<Slice> fewer(const Slice& op, const ChannelNode&, const KeptChannels* kept) {
    if (op.step.empty() || op.step.back() != 1) return std::nullopt;
    Slice s = op;
    if (kept != nullptr) {
        const auto& in = kept->operand[0];
        s.start.back() = std::lower_bound(in.begin(), in.end(), op.start.back()) - in.begin();
        s.size.back() = static_cast<int64_t>(kept->result.size());
    }
    return s;
}
std::optional<Pad> fewer(const Pad& op, const ChannelNode&, const KeptChannels*) {
    return !op.before.empty() && op.before.back() == 0 && op.after.back() == 0 ? std::optional(op) : std::nullopt;
}

template <class T>
bool selects(const T& op, const ChannelNode& node) {
    return fewer(op, node, nullptr).has_value();
}
bool selects(const Conv2D& op, const ChannelNode& node) { return linear_selects(op, node); }
bool selects(const Dense& op, const ChannelNode& node) { return linear_selects(op, node); }

template <class T>
Selected select(const T& op, const ChannelNode& node, const ChannelRanges&, const KeptChannels& kept) {
    Selected s{*fewer(op, node, &kept), std::vector<Tensor>(node.in.size())};
    for (size_t k = 0; k < node.in.size(); ++k) {
        const bool part = node.value[k] != nullptr && node.link[k].linked;
        if (part) s.constants[k] = take(*node.value[k], node.in[k]->shape.rank() - 1, kept.operand[k]);
    }
    return s;
}
Selected select(const Conv2D& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept) {
    return linear_select(op, node, range, kept);
}
Selected select(const Dense& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept) {
    return linear_select(op, node, range, kept);
}

template <class T>
std::vector<bool> reads(const T&, const ChannelNode& node, const ChannelRanges&, const std::vector<bool>&) {
    return std::vector<bool>(static_cast<size_t>(channels_of(*node.in[0])), true);
}
std::vector<bool> reads(const Conv2D& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted) {
    return linear_reads(op, node, range, wanted);
}
std::vector<bool> reads(const Dense& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted) {
    return linear_reads(op, node, range, wanted);
}

// EndOfOps has no declarations.
template <class F>
auto with_op(const Op& op, F f) {
    return std::visit(
        [&](const auto& o) -> decltype(f(Reshape{})) {
            if constexpr (std::is_same_v<std::decay_t<decltype(o)>, EndOfOps>) {
                GW_CHECK(false, "no op");
                return {};
            } else {
                return f(o);
            }
        },
        op);
}

}  // namespace

int64_t channels_of(const Type& type) { return type.shape.rank() == 0 ? 1 : type.shape.back(); }

ChannelRanges any_values(const Type& type) {
    ChannelRange all;
    if (!is_float(type.dtype)) all = {static_cast<double>(lowest(type.dtype)), static_cast<double>(highest(type.dtype))};
    return ChannelRanges(static_cast<size_t>(channels_of(type)), all);
}

ChannelRanges values_of(const Tensor& tensor) {
    const auto channels = static_cast<size_t>(channels_of(tensor.type));
    ChannelRanges r = any_values(tensor.type);
    for (int64_t i = 0; i < tensor.elements(); ++i) {
        const double v = tensor.at(i);
        ChannelRange& of = r[static_cast<size_t>(i) % channels];
        of = static_cast<size_t>(i) < channels ? ChannelRange{v, v} : hull(of, {v, v});
    }
    return r;
}

std::vector<ChannelLink> channel_links(const Op& op, std::span<const Type* const> in, const Type& out) {
    std::vector<ChannelLink> links(in.size());
    if (out.shape.rank() == 0) return links;
    const size_t last = static_cast<size_t>(out.shape.rank()) - 1;
    for (size_t k = 0; k < in.size(); ++k) {
        if (in[k] == nullptr || in[k]->shape.rank() == 0 || in[k]->shape.back() == 1) continue;
        ChannelLink link{true, {}};
        Box box = detail::whole(out.shape);
        for (int64_t c = 0; c < out.shape.back() && link.linked; ++c) {
            box.begin[last] = c, box.end[last] = c + 1;
            const std::optional<Box> read = needs(op, in, out, box, k);
            const int64_t from = read ? read->begin.back() : 0, to = read ? read->end.back() : in[k]->shape.back();
            link.linked = to - from <= 1;
            link.source.push_back(to > from ? from : -1);
        }
        if (link.linked) links[k] = std::move(link);
    }
    return links;
}

ChannelRanges result_ranges(const Op& op, const ChannelNode& node) {
    return with_op(op, [&](const auto& o) { return ranges(o, node); });
}

std::vector<bool> channels_read(const Op& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted) {
    return with_op(op, [&](const auto& o) { return reads(o, node, range, wanted); });
}

bool selects_channels(const Op& op, const ChannelNode& node) {
    return with_op(op, [&](const auto& o) { return selects(o, node); });
}

Selected select_channels(const Op& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept) {
    return with_op(op, [&](const auto& o) { return select(o, node, range, kept); });
}

Tensor take(const Tensor& t, int64_t axis, const std::vector<int64_t>& indices) {
    Type type = t.type;
    type.shape[axis] = static_cast<int64_t>(indices.size());
    if (type.quant.axis == axis && type.quant.scales.size() > 1 && type.quant.block == 0) {
        Quant part{{}, {}, axis, 0};
        for (const int64_t i : indices) {
            part.scales.push_back(t.type.quant.scale(i));
            part.zero_points.push_back(t.type.quant.zero_point(i));
        }
        type.quant = std::move(part);
    }
    Tensor out = Tensor::zeros(std::move(type));
    const int64_t inner = detail::product(t.shape(), axis + 1, t.shape().rank()), size = t.shape()[axis];
    const int64_t outer = t.elements() / std::max<int64_t>(1, inner * size);
    int64_t to = 0;
    for (int64_t o = 0; o < outer; ++o)
        for (const int64_t i : indices)
            for (int64_t k = 0; k < inner; ++k) out.set(to++, t.at((o * size + i) * inner + k));
    return out;
}

}  // namespace gw
