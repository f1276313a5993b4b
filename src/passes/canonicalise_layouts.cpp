// Exporters and readers wrap spatial ops in transposes. Here each value is carried as "transpose of something else" for as long as
// possible: an op on transposed operands becomes the op on what lies underneath, and its result is again such a transpose. Two that meet
// cancel. What is left at a dense layer goes into the order of its weights, at a model input or output into the port's permutation; only a
// transpose that nothing absorbs becomes a node.
#include <algorithm>

#include "passes/passes.h"

namespace gw {
namespace {

using Perm = std::vector<int64_t>;
const Perm to_nhwc{0, 2, 3, 1}, to_nchw{0, 3, 1, 2}, swap_last{0, 2, 1};

Perm inverse(const Perm& p) {
    Perm q(p.size());
    for (size_t i = 0; i < p.size(); ++i) q[static_cast<size_t>(p[i])] = static_cast<int64_t>(i);
    return q;
}
bool is_identity(const Perm& p) {
    for (size_t i = 0; i < p.size(); ++i)
        if (p[i] != static_cast<int64_t>(i)) return false;
    return true;
}
template <class T>
std::vector<T> permuted(const std::vector<T>& v, const Perm& p) {
    std::vector<T> r;
    for (int64_t i : p) r.push_back(v[static_cast<size_t>(i)]);
    return r;
}
Tensor transposed(const Tensor& t, const Perm& p) {
    Type type = t.type;
    type.shape = Shape(permuted(t.shape().dims(), p));
    std::vector<Tensor> out{Tensor::zeros(type)};
    const Tensor* in[] = {&t};
    evaluate(Transpose{p}, in, out);
    return out[0];
}

// What an old value is in the new graph: transpose(base, perm), then seen as `shape` when it is not empty (a flatten).
struct Lazy {
    ValueId base;
    Perm perm;  // empty: none
    std::optional<Shape> shape;
    bool plain() const { return perm.empty() && !shape; }
};

class Layouts {
public:
    Layouts(const Graph& graph, bool keep_io_order)
        : g_(graph), r_(graph), keep_io_(keep_io_order), users_(graph.users()), lazy_(graph.values.size()), made_(graph.values.size()) {}

    Graph run() {
        for (size_t i = 0; i < g_.inputs.size(); ++i) input(i);
        for (const Node& node : g_.nodes)
            if (!absorb(node)) materialise_and_copy(node);
        // Outputs: a transposed 4-D (or 3-D) output of the usual kind is told to the port.
        std::vector<Port> ports = g_.outputs;
        for (Port& port : ports) {
            const Lazy l = lazy(port.value);
            const bool strip = !keep_io_ && !l.shape && (l.perm == to_nchw || l.perm == swap_last);
            if (strip) {
                // graph dim i = model dim perm[i]: the graph holds the base, model = transpose(base, l.perm).
                const Perm from_base = inverse(l.perm);
                port.perm = port.perm.empty() ? from_base : permuted(port.perm, from_base);
                port.value = l.base;
            } else {
                port.value = plain(port.value);
            }
        }
        r_.out.outputs = std::move(ports);
        for (size_t i = 0; i < g_.states.size(); ++i) r_.out.states[i].next = plain(g_.states[i].next);
        return drop_dead(r_.out);
    }

private:
    Lazy& lazy(ValueId id) {
        Lazy& l = lazy_[static_cast<size_t>(id.index)];
        if (!l.base.valid()) l.base = r_.map(id);
        return l;
    }
    void set(ValueId old_value, Lazy l) {
        if (is_identity(l.perm)) l.perm.clear();
        Value& v = r_.out[l.base];
        if (v.source.empty()) v.source = g_[old_value].source;
        if (l.plain()) r_.replace(old_value, l.base);
        lazy_[static_cast<size_t>(old_value.index)] = std::move(l);
    }

    // The old value as a value of its own; the transpose is made at the first use and kept.
    ValueId plain(ValueId id) {
        if (!id.valid()) return id;
        const Lazy l = lazy(id);
        if (l.plain()) return l.base;
        ValueId& made = made_[static_cast<size_t>(id.index)];
        if (!made.valid()) {
            made = l.base;
            const std::vector<Source> sources =
                r_.out.producer(l.base) != nullptr ? r_.out.producer(l.base)->sources : std::vector<Source>{};
            if (!l.perm.empty()) made = with_quant(r_.add(Transpose{l.perm}, {made}, sources), l.base);
            if (l.shape) made = with_quant(r_.add(Reshape{l.shape->dims()}, {made}, sources), l.base);
            r_.out[made].source = g_[id].source;
        }
        return made;
    }
    ValueId with_quant(ValueId y, ValueId like) {
        r_.out[y].type.quant = r_.out.type(like).quant;
        return y;
    }

    void materialise_and_copy(const Node& node) {
        for (ValueId id : node.inputs)
            if (id.valid()) r_.replace(id, plain(id));
        r_.copy(node);
    }

    // The transpose to NHWC (NLC) that a value goes into, directly or through ops that do not care for the order (a normalization of the
    // picture, a pad); null when there is none.
    const Transpose* channels_last(ValueId value, int depth = 0) const {
        for (NodeId id : users_[static_cast<size_t>(value.index)]) {
            const Node& node = g_[id];
            const Transpose* t = get_if<Transpose>(node.op);
            if (t != nullptr && (t->perm == to_nhwc || t->perm == swap_last)) return t;
            const bool indifferent = get_if<Unary>(node.op) || get_if<Binary>(node.op) || get_if<Pad>(node.op) || get_if<Slice>(node.op) ||
                                     get_if<Concat>(node.op) || get_if<Cast>(node.op) || get_if<Quantize>(node.op) ||
                                     get_if<Dequantize>(node.op);
            if (!indifferent || depth > 16 || g_.type(node.outputs[0]).shape.rank() != g_.type(value).shape.rank()) continue;
            if (const Transpose* found = channels_last(node.outputs[0], depth + 1)) return found;
        }
        return nullptr;
    }

    // An input that is transposed to NHWC is NHWC from now on.
    void input(size_t i) {
        const Port& port = g_.inputs[i];
        if (keep_io_) return;
        const Transpose* t = channels_last(port.value);
        if (t == nullptr) return;
        Port& mine = r_.out.inputs[i];
        Type& type = r_.out[mine.value].type;
        type.shape = Shape(permuted(type.shape.dims(), t->perm));
        mine.perm = port.perm.empty() ? t->perm : permuted(port.perm, t->perm);
        lazy_[static_cast<size_t>(port.value.index)] = {mine.value, inverse(t->perm), {}};
    }

    bool absorb(const Node& node) {
        if (const Transpose* t = get_if<Transpose>(node.op)) return transpose(node, *t);
        if (const Reshape* s = get_if<Reshape>(node.op)) return reshape(node, *s);
        if (get_if<Dense>(node.op) != nullptr) return dense(node);
        if (node.inputs.empty() || node.outputs.size() != 1) return false;
        if (get_if<Unary>(node.op) != nullptr || get_if<Lookup>(node.op) != nullptr || get_if<Cast>(node.op) != nullptr ||
            get_if<Dequantize>(node.op) != nullptr || get_if<Quantize>(node.op) != nullptr || get_if<Rescale>(node.op) != nullptr ||
            get_if<Sigmoid16>(node.op) != nullptr)
            return elementwise(node);
        if (const Binary* b = get_if<Binary>(node.op)) return binary(node, *b);
        if (const Concat* c = get_if<Concat>(node.op)) return concat(node, *c);
        const Lazy l = lazy(node.inputs[0]);
        if (l.perm.empty() || l.shape) return false;
        if (const Reduce* d = get_if<Reduce>(node.op)) return reduce(node, *d, l);
        Op op = node.op;
        const Perm back = inverse(l.perm);  // base dim j is dim back[j] of the old operand
        if (Slice* s = get_if<Slice>(op)) {
            s->start = permuted(s->start, back), s->size = permuted(s->size, back), s->step = permuted(s->step, back);
        } else if (Pad* p = get_if<Pad>(op)) {
            p->before = permuted(p->before, back), p->after = permuted(p->after, back);
        } else if (Softmax* m = get_if<Softmax>(op)) {
            m->axis = l.perm[static_cast<size_t>(m->axis)];
        } else {
            return false;
        }
        std::vector<ValueId> in = {l.base};
        for (size_t i = 1; i < node.inputs.size(); ++i) in.push_back(plain(node.inputs[i]));
        result(node, std::move(op), std::move(in), l.perm);
        return true;
    }

    void result(const Node& node, Op op, std::vector<ValueId> in, const Perm& perm, std::optional<Shape> shape = {}) {
        const ValueId y = r_.add(std::move(op), std::move(in), node.sources);
        if (r_.out.type(y).quant.empty() && g_.type(node.outputs[0]).quant.per_tensor())
            r_.out[y].type.quant = g_.type(node.outputs[0]).quant;
        set(node.outputs[0], {y, perm, std::move(shape)});
    }

    bool transpose(const Node& node, const Transpose& t) {
        const Lazy l = lazy(node.inputs[0]);
        if (l.shape) return false;
        // dims: old[i] = base[l.perm[i]], new[i] = old[t.perm[i]].
        set(node.outputs[0], {l.base, l.perm.empty() ? t.perm : permuted(l.perm, t.perm), {}});
        return true;
    }

    bool reshape(const Node& node, const Reshape& s) {
        const Lazy l = lazy(node.inputs[0]);
        const Shape shape(s.shape);
        if (l.perm.empty()) return false;
        // Only a flatten that leaves the first dimension alone can be carried on; a second reshape restarts it.
        set(node.outputs[0], {l.base, l.perm, shape});
        return true;
    }

    bool elementwise(const Node& node) {
        const Lazy l = lazy(node.inputs[0]);
        if (l.plain()) return false;
        const Type& x = r_.out.type(l.base);
        if (const Quantize* q = get_if<Quantize>(node.op))
            if (!q->quant.per_tensor()) return false;
        if (!x.quant.empty() && !x.quant.per_tensor()) return false;
        std::vector<ValueId> in = {l.base};
        for (size_t i = 1; i < node.inputs.size(); ++i) in.push_back(plain(node.inputs[i]));
        result(node, node.op, std::move(in), l.perm, l.shape);
        return true;
    }

    // The constant c of a binary op whose other operand is transpose(base, perm), in base's order; of base's rank.
    std::optional<Tensor> constant_under(const Tensor& c, const Perm& perm) {
        const auto rank = static_cast<int64_t>(perm.size());
        if (c.shape().rank() > rank) return std::nullopt;
        std::vector<int64_t> dims(static_cast<size_t>(rank - c.shape().rank()), 1);
        dims.insert(dims.end(), c.shape().dims().begin(), c.shape().dims().end());
        return transposed(c.reshaped(Shape(dims)), inverse(perm));
    }

    bool binary(const Node& node, const Binary& b) {
        Lazy l[2] = {lazy(node.inputs[0]), lazy(node.inputs[1])};
        if (l[0].shape || l[1].shape) return false;
        const Tensor* c[2] = {g_.constant(node.inputs[0]), g_.constant(node.inputs[1])};
        const Perm perm = l[0].perm.empty() ? l[1].perm : l[0].perm;
        if (perm.empty()) return false;
        std::vector<ValueId> in(2);
        for (size_t i = 0; i < 2; ++i) {
            if (l[i].perm == perm) {
                in[i] = l[i].base;
            } else if (c[i] != nullptr) {
                auto t = constant_under(*c[i], perm);
                if (!t) return false;
                in[i] = r_.out.add_constant(std::move(*t), g_[node.inputs[i]].source);
            } else if (l[i].perm.empty() && r_.out.type(l[i].base).elements() == 1 &&
                       r_.out.type(l[i].base).shape.rank() <= static_cast<int64_t>(perm.size())) {
                in[i] = l[i].base;  // one element broadcasts in any order
            } else if (l[i].perm.empty() && r_.out.type(l[i].base).shape.rank() == static_cast<int64_t>(perm.size())) {
                // One operand lies in the other order: bring it over, once.
                in[i] = with_quant(r_.add(Transpose{inverse(perm)}, {l[i].base}, node.sources), l[i].base);
            } else {
                return false;
            }
        }
        result(node, b, std::move(in), perm);
        return true;
    }

    bool concat(const Node& node, const Concat& c) {
        Perm perm;
        for (ValueId id : node.inputs) {
            const Lazy l = lazy(id);
            if (l.shape) return false;
            if (!l.perm.empty()) perm = l.perm;
        }
        if (perm.empty()) return false;
        std::vector<ValueId> in;
        for (ValueId id : node.inputs) {
            const Lazy l = lazy(id);
            if (l.perm == perm)
                in.push_back(l.base);
            else if (const Tensor* t = g_.constant(id))
                in.push_back(r_.out.add_constant(transposed(*t, inverse(perm))));
            else if (l.perm.empty())
                in.push_back(with_quant(r_.add(Transpose{inverse(perm)}, {l.base}, node.sources), l.base));
            else
                return false;
        }
        result(node, Concat{perm[static_cast<size_t>(c.axis)]}, std::move(in), perm);
        return true;
    }

    bool reduce(const Node& node, const Reduce& d, const Lazy& l) {
        Reduce under = d;
        for (int64_t& a : under.axes) a = l.perm[static_cast<size_t>(a)];
        std::sort(under.axes.begin(), under.axes.end());
        Perm perm = l.perm;
        if (!d.keep_dims) {
            // Dimensions that stay, in the old order, numbered as they stay in the base.
            perm.clear();
            for (size_t i = 0; i < l.perm.size(); ++i) {
                if (std::find(d.axes.begin(), d.axes.end(), static_cast<int64_t>(i)) != d.axes.end()) continue;
                const int64_t j = l.perm[i];
                perm.push_back(j - std::count_if(under.axes.begin(), under.axes.end(), [&](int64_t a) { return a < j; }));
            }
        }
        result(node, under, {l.base}, perm);
        return true;
    }

    // dense(flatten(transpose(base))): the columns of w take base's order instead.
    bool dense(const Node& node) {
        const Lazy l = lazy(node.inputs[0]);
        // Weights that the model gives as integers stand behind a Dequantize.
        const Node* behind = g_.producer(node.inputs[1]);
        const bool integers = behind != nullptr && get_if<Dequantize>(behind->op) != nullptr;
        const ValueId weights = integers ? behind->inputs[0] : node.inputs[1];
        const Tensor* w = g_.constant(weights);
        if (integers && w != nullptr && w->type.quant.axis > 0) return false;
        if (l.plain() || w == nullptr || !l.shape) return false;
        const Shape base = r_.out.type(l.base).shape;
        const int64_t k = l.shape->back();
        // The last dimension of the flattened shape must hold whole trailing dimensions of the transposed one, and the transpose must leave
        // the dimensions before them in place.
        const Shape outer(permuted(base.dims(), l.perm));
        int64_t split = outer.rank(), product = 1;
        while (split > 0 && product < k) product *= outer[--split];
        if (product != k) return false;
        for (int64_t i = 0; i < split; ++i)
            if (l.perm[static_cast<size_t>(i)] != i) return false;
        Perm tail{0};  // of w seen as [O, trailing dims in the old order]
        Perm tail_perm;
        for (int64_t i = split; i < outer.rank(); ++i) tail_perm.push_back(l.perm[static_cast<size_t>(i)] - split);
        for (int64_t p : inverse(tail_perm)) tail.push_back(p + 1);
        std::vector<int64_t> wide{w->shape()[0]};
        for (int64_t i = split; i < outer.rank(); ++i) wide.push_back(outer[i]);
        const Tensor reordered = transposed(w->reshaped(Shape(wide)), tail).reshaped(w->shape());
        const ValueId flat = with_quant(r_.add(Reshape{l.shape->dims()}, {l.base}, node.sources), l.base);
        ValueId turned = r_.out.add_constant(reordered, g_[weights].source);
        if (integers) turned = r_.add(Dequantize{}, {turned}, behind->sources);
        std::vector<ValueId> in = {flat, turned};
        for (size_t i = 2; i < node.inputs.size(); ++i) in.push_back(plain(node.inputs[i]));
        const ValueId y = r_.add(node.op, std::move(in), node.sources);
        r_.out[y].type.quant = g_.type(node.outputs[0]).quant;
        set(node.outputs[0], {y, {}, {}});
        return true;
    }

    const Graph& g_;
    Rewriter r_;
    bool keep_io_;
    std::vector<std::vector<NodeId>> users_;
    std::vector<Lazy> lazy_;
    std::vector<ValueId> made_;
};

}  // namespace

Graph canonicalise_layouts(const Graph& graph, bool keep_io_order) { return Layouts(graph, keep_io_order).run(); }

}  // namespace gw
