// What conv2d and dense declare about channels. Their weights are known, so the accumulator of each output channel has an exact range:
// each tap adds w·(x − x_zero) for some x in its channel's range, or nothing where the tap may lie outside x. Requantization is monotone,
// so the ends of that range give the ends of the result's; a channel whose ends agree is constant. An input channel that is constant, and
// whose taps always lie inside x (or add 0 anyway), is a term of the bias.
//
// Float sums round, so a float channel counts as constant only where every product is 0.
#include <algorithm>
#include <cmath>

#include "ops/channels.h"

namespace gw {
namespace {

// Both ops in one shape: w [outputs][taps][inputs of a group], taps = 1 for dense.
struct Linear {
    int64_t outputs = 0, taps = 1, inputs = 0;  // inputs: channels of x in one group
    int64_t group_outputs = 0;
    std::vector<bool> clipped;  // a tap: whether it may lie outside x
    int32_t x_zero = 0, w_zero = 0;
    float act_lo = 0, act_hi = 0;
    const Requant* requant = nullptr;
    const Tensor* w = nullptr;
    const Tensor* bias = nullptr;
    bool real = false;  // float data; the weights may be integers with scales
    bool is_float() const { return real; }
    DType bias_type() const { return real ? DType::float32 : requant->rounding == Rounding::wide ? DType::int64 : DType::int32; }
    double weight(int64_t o, int64_t tap, int64_t i) const { return w->at((o * taps + tap) * inputs + i) - w_zero; }
    double bias_of(int64_t o) const { return bias != nullptr ? bias->at(o) : 0; }
    int64_t channel(int64_t o, int64_t i) const { return o / group_outputs * inputs + i; }  // of x
};

// Whether all but x is constant, and the results are not sums that leave the layer as they are.
bool known(const ChannelNode& node) {
    const bool sums = node.in[0]->dtype != DType::float32 && node.out->dtype == DType::int32;
    return !sums && node.value[1] != nullptr && (node.value.size() < 3 || node.in[2] == nullptr || node.value[2] != nullptr);
}

template <class T>
Linear common(const T& op, const ChannelNode& node) {
    Linear l;
    l.real = gw::is_float(node.in[0]->dtype);
    l.w = node.value[1], l.bias = node.value.size() > 2 ? node.value[2] : nullptr;
    l.x_zero = op.x_zero, l.w_zero = op.w_zero, l.act_lo = op.act_lo, l.act_hi = op.act_hi, l.requant = &op.requant;
    l.outputs = l.w->shape()[0], l.inputs = l.w->shape().back(), l.group_outputs = l.outputs;
    return l;
}

Linear linear_of(const Dense& op, const ChannelNode& node) {
    Linear l = common(op, node);
    l.clipped = {false};
    return l;
}

Linear linear_of(const Conv2D& op, const ChannelNode& node) {
    Linear l = common(op, node);
    const Shape &w = l.w->shape(), &x = node.in[0]->shape, &y = node.out->shape;
    l.taps = w[1] * w[2], l.group_outputs = l.outputs / op.groups;
    // Output 0 reads furthest left, the last output furthest right.
    const auto leaves = [&](size_t d, int64_t k) {
        const auto axis = static_cast<int64_t>(d) + 1;
        const int64_t first = k * op.dilation[d] - op.pad[d];
        return first < 0 || first + (y[axis] - 1) * op.stride[d] >= x[axis];
    };
    for (int64_t ky = 0; ky < w[1]; ++ky)
        for (int64_t kx = 0; kx < w[2]; ++kx) l.clipped.push_back(leaves(0, ky) || leaves(1, kx));
    return l;
}

// What tap (o, tap, i) adds.
ChannelRange product(const Linear& l, const ChannelRanges& x, int64_t o, int64_t tap, int64_t i) {
    const double w = l.weight(o, tap, i);
    if (w == 0) return {0, 0};
    const ChannelRange& r = x[static_cast<size_t>(l.channel(o, i))];
    if (l.is_float()) return r.lo == 0 && r.hi == 0 ? ChannelRange{0, 0} : ChannelRange{};
    const double a = w * (r.lo - l.x_zero), b = w * (r.hi - l.x_zero);
    ChannelRange p{std::min(a, b), std::max(a, b)};
    if (l.clipped[static_cast<size_t>(tap)]) p = {std::min(p.lo, 0.0), std::max(p.hi, 0.0)};
    return p;
}

ChannelRange accumulator(const Linear& l, const ChannelRanges& x, int64_t o) {
    ChannelRange acc{l.bias_of(o), l.bias_of(o)};
    for (int64_t tap = 0; tap < l.taps; ++tap) {
        for (int64_t i = 0; i < l.inputs; ++i) {
            const ChannelRange p = product(l, x, o, tap, i);
            acc.lo += p.lo, acc.hi += p.hi;
        }
    }
    return acc;
}

ChannelRanges ranges(const Linear& l, const ChannelNode& node) {
    ChannelRanges out;
    for (int64_t o = 0; o < l.outputs; ++o) {
        const ChannelRange acc = accumulator(l, node.range[0], o);
        if (!l.is_float())
            out.push_back(rescaled(*l.requant, acc, o));
        else
            out.push_back({std::clamp<double>(acc.lo, l.act_lo, l.act_hi), std::clamp<double>(acc.hi, l.act_lo, l.act_hi)});
    }
    return out;
}

// What channel i of x, constant, adds to result o; nothing where it is not constant or not the same at every position.
std::optional<double> fixed_part(const Linear& l, const ChannelRanges& x, int64_t o, int64_t i) {
    double sum = 0;
    const ChannelRange& r = x[static_cast<size_t>(l.channel(o, i))];
    for (int64_t tap = 0; tap < l.taps; ++tap) {
        const double w = l.weight(o, tap, i);
        if (w == 0 || (r.constant() && r.lo == l.x_zero)) continue;
        if (!r.constant() || l.clipped[static_cast<size_t>(tap)]) return std::nullopt;
        sum += w * (r.lo - l.x_zero);
    }
    return sum;
}

// The bias of result o with all that is constant in it, and which channels are not. No channel is folded when the bias leaves its type.
double fold(const Linear& l, const ChannelRanges& x, int64_t o, std::vector<bool>& read) {
    double bias = l.bias_of(o);
    std::vector<bool> own(static_cast<size_t>(l.inputs));
    for (int64_t i = 0; i < l.inputs; ++i) {
        const std::optional<double> part = fixed_part(l, x, o, i);
        own[static_cast<size_t>(i)] = !part;
        bias += part.value_or(0);
    }
    if (!l.is_float() && std::abs(bias) > std::numeric_limits<int32_t>::max()) own.assign(own.size(), true), bias = l.bias_of(o);
    for (size_t i = 0; i < own.size(); ++i) read[i] = read[i] || own[i];
    return bias;
}

std::vector<bool> reads(const Linear& l, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted) {
    std::vector<bool> read(static_cast<size_t>(channels_of(*node.in[0])), !known(node));
    for (size_t o = 0; o < wanted.size(); ++o)
        if (wanted[o] && !range[o].constant()) fold(l, node.range[0], static_cast<int64_t>(o), read);
    return read;
}

// Whether result o is computed from its bias alone, and from which.
std::optional<double> constant_bias(const Linear& l, const ChannelNode& node, const ChannelRanges& range, int64_t o) {
    if (!range[static_cast<size_t>(o)].constant()) return std::nullopt;
    return l.is_float() ? range[static_cast<size_t>(o)].lo : accumulator(l, node.range[0], o).lo;
}

template <class T>
Selected select(const T& op, const Linear& l, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept, bool mixes) {
    T result = op;
    Selected s{op, std::vector<Tensor>(node.in.size())};
    Tensor w = take(*l.w, 0, kept.result);
    if (mixes) w = take(w, w.shape().rank() - 1, kept.operand[0]);
    Tensor bias = l.bias != nullptr ? take(*l.bias, 0, kept.result)
                                    : Tensor::zeros({l.bias_type(), Shape{static_cast<int64_t>(kept.result.size())}, {}});
    const int64_t row = w.elements() / static_cast<int64_t>(kept.result.size());
    bool has_bias = l.bias != nullptr;
    for (size_t k = 0; mixes && k < kept.result.size(); ++k) {
        const int64_t o = kept.result[k];
        double value = 0;
        if (const std::optional<double> alone = constant_bias(l, node, range, o)) {
            value = *alone;
            for (int64_t i = 0; i < row; ++i) w.set(static_cast<int64_t>(k) * row + i, l.w_zero);
        } else {
            value = l.bias_of(o);
            for (int64_t i = 0; i < l.inputs; ++i)
                if (!std::binary_search(kept.operand[0].begin(), kept.operand[0].end(), i))
                    value += fixed_part(l, node.range[0], o, i).value();
        }
        has_bias = has_bias || value != 0;
        bias.set(static_cast<int64_t>(k), l.is_float() ? static_cast<double>(static_cast<float>(value)) : value);
    }
    s.constants[1] = std::move(w);
    if (has_bias) {
        s.constants.resize(3);
        s.constants[2] = std::move(bias);
    }
    const auto of = [&](std::vector<int32_t>& v) {
        if (v.size() <= 1) return;
        std::vector<int32_t> part;
        for (const int64_t o : kept.result) part.push_back(v[static_cast<size_t>(o)]);
        v = std::move(part);
    };
    of(result.requant.multiplier), of(result.requant.shift);
    s.op = result;
    return s;
}

bool depthwise(const Conv2D& op, const ChannelNode& node) { return op.groups > 1 && op.groups == node.in[0]->shape[3]; }

}  // namespace

ChannelRange rescaled(const Requant& r, ChannelRange acc, int64_t channel) {
    const ChannelRange clamped{static_cast<double>(r.lo), static_cast<double>(r.hi)};
    const double most = r.rounding == Rounding::wide ? std::ldexp(1.0, 47) : std::numeric_limits<int32_t>::max();
    const double size = std::max(std::abs(acc.lo), std::abs(acc.hi));
    if (r.empty() || !(size <= most)) return clamped;
    const size_t c = r.multiplier.size() == 1 ? 0 : static_cast<size_t>(channel);
    const int32_t shift = r.shift[c];
    if (r.multiplier[c] < 0) return clamped;
    if (r.rounding == Rounding::narrow && (size + 1) * r.multiplier[c] + std::ldexp(1.0, shift) > most) return clamped;
    if (r.rounding == Rounding::twice && std::ldexp(size, std::max(shift, 0)) > most) return clamped;
    return {static_cast<double>(r.apply(static_cast<int64_t>(acc.lo), channel)),
            static_cast<double>(r.apply(static_cast<int64_t>(acc.hi), channel))};
}

ChannelRanges linear_ranges(const Conv2D& op, const ChannelNode& node) {
    return known(node) ? ranges(linear_of(op, node), node) : any_values(*node.out);
}
ChannelRanges linear_ranges(const Dense& op, const ChannelNode& node) {
    return known(node) ? ranges(linear_of(op, node), node) : any_values(*node.out);
}
std::vector<bool> linear_reads(const Conv2D& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted) {
    return reads(linear_of(op, node), node, range, wanted);
}
std::vector<bool> linear_reads(const Dense& op, const ChannelNode& node, const ChannelRanges& range, const std::vector<bool>& wanted) {
    return reads(linear_of(op, node), node, range, wanted);
}
bool linear_selects(const Conv2D& op, const ChannelNode& node) { return known(node) && (op.groups == 1 || depthwise(op, node)); }
bool linear_selects(const Dense&, const ChannelNode& node) { return known(node); }
Selected linear_select(const Conv2D& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept) {
    Conv2D fewer = op;
    const bool each = depthwise(op, node);
    if (each) fewer.groups = static_cast<int64_t>(kept.operand[0].size());
    return select(fewer, linear_of(op, node), node, range, kept, !each);
}
Selected linear_select(const Dense& op, const ChannelNode& node, const ChannelRanges& range, const KeptChannels& kept) {
    return select(op, linear_of(op, node), node, range, kept, true);
}

}  // namespace gw
