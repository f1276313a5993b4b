// Linear layers absorb constant multiplications and additions next to them. Behind the layer, y·m + a with a constant m and a for each
// output channel scales the rows of w and changes the bias. In front, x·m scales the columns of w, and x + a adds w·a to the bias, unless
// padding would have been 0 and not a. Batch normalization arrives here as a multiplication and an addition.
#include <cmath>
#include <optional>

#include "passes/passes.h"

namespace gw {
namespace {

// `t` as one value a channel (the last dimension of `shape`), if it is constant over all others.
std::optional<std::vector<float>> per_channel(const Tensor& t, const Shape& shape) {
    if (t.type.dtype != DType::float32 || shape.rank() == 0 || t.shape().rank() > shape.rank()) return std::nullopt;
    const int64_t channels = shape.back();
    const int64_t n = t.elements();
    if (n != 1 && (n != channels || t.shape().rank() == 0 || t.shape().back() != channels)) return std::nullopt;
    std::vector<float> v(static_cast<size_t>(channels));
    for (int64_t i = 0; i < channels; ++i) v[static_cast<size_t>(i)] = t.data<float>()[static_cast<size_t>(n == 1 ? 0 : i)];
    return v;
}

// A binary op that is x·m + a a channel, with x its variable operand.
struct Affine {
    ValueId x;
    std::vector<float> multiply, add;
};
std::optional<Affine> affine_of(const Graph& g, const Node& node) {
    if (const Unary* u = get_if<Unary>(node.op); u != nullptr && u->kind == UnaryKind::affine && g.type(node.inputs[0]).shape.rank() > 0) {
        const auto n = static_cast<size_t>(g.type(node.inputs[0]).shape.back());
        return Affine{node.inputs[0], std::vector<float>(n, u->alpha), std::vector<float>(n, u->beta)};
    }
    const Binary* b = get_if<Binary>(node.op);
    if (b == nullptr || b->act_lo != -infinity || b->act_hi != infinity) return std::nullopt;
    const Type& type = g.type(node.outputs[0]);
    if (type.dtype != DType::float32) return std::nullopt;
    const bool second = g.constant(node.inputs[1]) != nullptr;
    const Tensor* c = second ? g.constant(node.inputs[1]) : g.constant(node.inputs[0]);
    const ValueId x = node.inputs[second ? 0 : 1];
    if (c == nullptr || g.constant(x) != nullptr || g.type(x).shape != type.shape) return std::nullopt;
    auto v = per_channel(*c, type.shape);
    if (!v) return std::nullopt;
    const size_t n = v->size();
    Affine a{x, std::vector<float>(n, 1.0f), std::vector<float>(n, 0.0f)};
    switch (b->kind) {
        case BinaryKind::add:
            a.add = *v;
            break;
        case BinaryKind::mul:
            a.multiply = *v;
            break;
        case BinaryKind::sub:
            for (size_t i = 0; i < n; ++i) a.add[i] = second ? -(*v)[i] : (*v)[i];
            if (!second) a.multiply.assign(n, -1.0f);
            break;
        case BinaryKind::div:
            if (!second) return std::nullopt;
            for (size_t i = 0; i < n; ++i) {
                if ((*v)[i] == 0) return std::nullopt;
                a.multiply[i] = 1.0f / (*v)[i];
            }
            break;
        default:
            return std::nullopt;
    }
    return a;
}

struct Linear {
    ValueId x;
    Tensor w, bias;  // bias always present here
};

bool is_free_linear(const Graph& g, const Node& node) {
    const Conv2D* c = get_if<Conv2D>(node.op);
    const Dense* d = get_if<Dense>(node.op);
    if (c == nullptr && d == nullptr) return false;
    return g.constant(node.inputs[1]) != nullptr && g.type(node.inputs[1]).dtype == DType::float32 &&
           (!node.inputs[2].valid() || g.constant(node.inputs[2]) != nullptr);
}

std::optional<Linear> linear_of(const Graph& g, const Node& node) {
    if (node.inputs.size() < 2) return std::nullopt;
    Node padded = node;
    padded.inputs.resize(3);
    if (!is_free_linear(g, padded)) return std::nullopt;
    Linear l{node.inputs[0], *g.constant(padded.inputs[1]), {}};
    const Tensor* bias = g.constant(padded.inputs[2]);
    l.bias = bias != nullptr ? *bias : Tensor::zeros({DType::float32, Shape{l.w.shape()[0]}, {}});
    return l;
}

Tensor copy_of(const Tensor& t) { return Tensor::from_bytes(t.type, t.bytes()); }

// w [O, …], bias [O]: y = (w·x + bias)·m + a.
void scale_rows(Linear& l, const std::vector<float>& m, const std::vector<float>& a) {
    l.w = copy_of(l.w), l.bias = copy_of(l.bias);
    auto w = l.w.mutable_data<float>();
    auto bias = l.bias.mutable_data<float>();
    const size_t row = w.size() / bias.size();
    for (size_t o = 0; o < bias.size(); ++o) {
        for (size_t k = 0; k < row; ++k) w[o * row + k] *= m[o];
        bias[o] = bias[o] * m[o] + a[o];
    }
}

// y = w·(x·m + a) + bias, m and a a channel of x.
void scale_columns(Linear& l, int64_t groups, const std::vector<float>& m, const std::vector<float>& a) {
    l.w = copy_of(l.w), l.bias = copy_of(l.bias);
    auto w = l.w.mutable_data<float>();
    auto bias = l.bias.mutable_data<float>();
    const size_t row = w.size() / bias.size();
    const auto channels = static_cast<size_t>(l.w.shape().back());  // of one group
    const size_t rows_a_group = bias.size() / static_cast<size_t>(groups);
    for (size_t o = 0; o < bias.size(); ++o) {
        const size_t base = o / rows_a_group * channels;
        double sum = 0;
        for (size_t k = 0; k < row; ++k) {
            const size_t i = base + k % channels;
            sum += static_cast<double>(w[o * row + k]) * static_cast<double>(a[i]);
            w[o * row + k] *= m[i];
        }
        bias[o] = static_cast<float>(static_cast<double>(bias[o]) + sum);
    }
}

bool all_zero(const std::vector<float>& v) {
    for (float f : v)
        if (f != 0) return false;
    return true;
}

}  // namespace

Graph fold_arithmetic(const Graph& graph) {
    Rewriter r(graph);
    const std::vector<int> uses = graph.use_counts();
    auto add_linear = [&](const Node& like, const Linear& l, ValueId old_result, std::vector<Source> sources) {
        const ValueId w = r.out.add_constant(l.w, graph[like.inputs[1]].source);
        const ValueId b = r.out.add_constant(l.bias, like.inputs.size() > 2 && like.inputs[2].valid() ? graph[like.inputs[2]].source : "");
        r.replace(old_result, r.add(like.op, {r.map(l.x), w, b}, std::move(sources)));
    };
    for (const Node& node : graph.nodes) {
        // Behind: the linear layer was copied already; the folded one takes its place and drop_dead removes the other.
        if (auto affine = affine_of(graph, node)) {
            const ValueId x = r.map(affine->x);
            const Node* producer = r.out.producer(x);
            const Conv2D* c = producer != nullptr ? get_if<Conv2D>(producer->op) : nullptr;
            const Dense* d = producer != nullptr ? get_if<Dense>(producer->op) : nullptr;
            const bool free = (c != nullptr && c->act_lo == -infinity && c->act_hi == infinity) ||
                              (d != nullptr && d->act_lo == -infinity && d->act_hi == infinity);
            if (free && uses[static_cast<size_t>(affine->x.index)] == 1) {
                const Node like = *producer;
                if (auto l = linear_of(r.out, like)) {
                    scale_rows(*l, affine->multiply, affine->add);
                    const ValueId w = r.out.add_constant(l->w, r.out[like.inputs[1]].source);
                    const ValueId b =
                        r.out.add_constant(l->bias, like.inputs.size() > 2 && like.inputs[2].valid() ? r.out[like.inputs[2]].source : "");
                    r.replace(node.outputs[0], r.add(like.op, {l->x, w, b}, join(like.sources, node.sources)));
                    continue;
                }
            }
        }
        // In front.
        const Node* before = node.inputs.empty() ? nullptr : graph.producer(node.inputs[0]);
        if (before != nullptr && uses[static_cast<size_t>(node.inputs[0].index)] == 1) {
            auto l = linear_of(graph, node);
            auto affine = l ? affine_of(graph, *before) : std::nullopt;
            const Conv2D* c = get_if<Conv2D>(node.op);
            const bool padded = c != nullptr && c->pad != Pads{0, 0, 0, 0};
            if (affine && (!padded || all_zero(affine->add))) {
                scale_columns(*l, c != nullptr ? c->groups : 1, affine->multiply, affine->add);
                l->x = affine->x;
                add_linear(node, *l, node.outputs[0], join(before->sources, node.sources));
                continue;
            }
        }
        r.copy(node);
    }
    return r.finish();
}

}  // namespace gw
