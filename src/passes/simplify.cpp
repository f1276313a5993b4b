// Local simplifications that need no more than a node and its producer.
#include <algorithm>
#include <cmath>

#include "passes/passes.h"

namespace gw {
namespace {

bool is_identity_perm(const std::vector<int64_t>& perm) {
    for (size_t i = 0; i < perm.size(); ++i)
        if (perm[i] != static_cast<int64_t>(i)) return false;
    return true;
}

// A transpose that only moves dimensions of size 1 leaves the order of the elements as it is.
bool moves_no_data(const std::vector<int64_t>& perm, const Shape& shape) {
    int64_t last = -1;
    for (int64_t p : perm) {
        if (shape[p] == 1) continue;
        if (p < last) return false;
        last = p;
    }
    return true;
}

std::optional<float> scalar(const Tensor* t) {
    if (t == nullptr || t->type.dtype != DType::float32 || t->elements() != 1) return std::nullopt;
    return t->data<float>()[0];
}

class Simplifier {
public:
    explicit Simplifier(const Graph& graph) : g_(graph), r_(graph) {}
    Graph run() {
        for (const Node& node : g_.nodes)
            if (!simpler(node)) r_.copy(node);
        return r_.finish();
    }

private:
    bool same(const Node& node, ValueId x) {
        // The result is the operand itself: users read that.
        r_.replace(node.outputs[0], x);
        return true;
    }

    bool reshape_to(const Node& node, ValueId x, const Shape& shape) {
        if (r_.out.type(x).shape == shape) return same(node, x);
        const Node* producer = r_.out.producer(x);
        if (producer != nullptr && get_if<Reshape>(producer->op) != nullptr) {
            const ValueId inner = producer->inputs[0];
            if (r_.out.type(inner).shape == shape) return same(node, inner);
            x = inner;
        }
        const ValueId y = r_.add(Reshape{shape.dims()}, {x}, node.sources);
        r_.replace(node.outputs[0], y);
        return true;
    }

    bool simpler(const Node& node) {
        const Type& type = g_.type(node.outputs[0]);
        if (node.inputs.empty() || !node.inputs[0].valid()) return false;
        const ValueId x = r_.map(node.inputs[0]);
        if (const Transpose* t = get_if<Transpose>(node.op)) {
            if (is_identity_perm(t->perm)) return same(node, x);
            return moves_no_data(t->perm, r_.out.type(x).shape) && reshape_to(node, x, type.shape);
        }
        if (get_if<Reshape>(node.op) != nullptr) return reshape_to(node, x, type.shape);
        if (const Cast* c = get_if<Cast>(node.op)) return c->to == r_.out.type(x).dtype && same(node, x);
        if (get_if<Slice>(node.op) != nullptr) {
            const Slice& s = *get_if<Slice>(node.op);
            const bool whole = std::all_of(s.step.begin(), s.step.end(), [](int64_t v) { return v == 1; });
            return whole && type.shape == r_.out.type(x).shape && same(node, x);
        }
        if (const Pad* p = get_if<Pad>(node.op))
            return std::all_of(p->before.begin(), p->before.end(), [](int64_t v) { return v == 0; }) &&
                   std::all_of(p->after.begin(), p->after.end(), [](int64_t v) { return v == 0; }) && same(node, x);
        if (get_if<Concat>(node.op) != nullptr) return node.inputs.size() == 1 && same(node, x);
        if (const Pool2D* p = get_if<Pool2D>(node.op)) return pool(node, *p, x);
        if (const Unary* u = get_if<Unary>(node.op)) return unary(node, *u, x);
        if (const Binary* b = get_if<Binary>(node.op)) return binary(node, *b);
        if (const Reduce* d = get_if<Reduce>(node.op)) return reduce(node, *d, x);
        if (const Softmax* m = get_if<Softmax>(node.op)) return softmax(node, *m, x);
        if (const ArgMax* a = get_if<ArgMax>(node.op)) return argmax(node, *a, x);
        return false;
    }

    // A softmax or its logarithm along the same axis keeps the order. Not in integers, where it rounds different values to one.
    bool argmax(const Node& node, const ArgMax& a, ValueId x) {
        const Node* producer = r_.out.producer(x);
        const Softmax* m = producer != nullptr ? get_if<Softmax>(producer->op) : nullptr;
        if (m == nullptr || m->axis != a.axis || r_.out.type(x).dtype != DType::float32) return false;
        const ValueId inner = producer->inputs[0];
        r_.replace(node.outputs[0], r_.add(a, {inner}, join(producer->sources, node.sources)));
        return true;
    }

    // Softmax kernels know the last axis only.
    bool softmax(const Node& node, const Softmax& m, ValueId x) {
        const int64_t last = g_.type(node.outputs[0]).shape.rank() - 1;
        if (m.axis == last || node.inputs.size() > 1) return false;
        std::vector<int64_t> swap(static_cast<size_t>(last + 1));
        for (size_t i = 0; i < swap.size(); ++i) swap[i] = static_cast<int64_t>(i);
        std::swap(swap[static_cast<size_t>(m.axis)], swap.back());
        const ValueId t = r_.add(Transpose{swap}, {x}, node.sources);
        Softmax of_last = m;
        of_last.axis = last;
        const ValueId y = r_.add(of_last, {t}, node.sources);
        r_.replace(node.outputs[0], r_.add(Transpose{swap}, {y}, node.sources));
        return true;
    }

    bool pool(const Node& node, const Pool2D& p, ValueId x) {
        const Shape& in = r_.out.type(x).shape;
        const bool integer = r_.out.type(x).dtype != DType::float32;
        const DType t = r_.out.type(x).dtype;
        const bool unclamped = integer ? p.lo == lowest(t) && p.hi == highest(t) : p.act_lo == -infinity && p.act_hi == infinity;
        if (p.kernel == Pair{1, 1} && p.stride == Pair{1, 1} && p.pad == Pads{0, 0, 0, 0} && unclamped) return same(node, x);
        if (p.kind != PoolKind::average || p.pad != Pads{0, 0, 0, 0} || p.kernel[0] != in[1] || p.kernel[1] != in[2] ||
            p.dilation != Pair{1, 1} || !unclamped || r_.out.type(x).dtype != DType::float32)
            return false;
        r_.replace(node.outputs[0], r_.add(Reduce{ReduceKind::mean, {1, 2}, true, 0, {}}, {x}, node.sources));
        return true;
    }

    bool unary(const Node& node, const Unary& u, ValueId x) {
        if (u.kind == UnaryKind::affine && u.alpha == 1 && u.beta == 0) return same(node, x);
        if (u.kind == UnaryKind::power && u.alpha == 1) return same(node, x);
        if (u.kind == UnaryKind::clamp && u.alpha == -infinity && u.beta == infinity) return same(node, x);
        // Two affine steps are one.
        const Node* producer = r_.out.producer(x);
        const Unary* first = producer != nullptr ? get_if<Unary>(producer->op) : nullptr;
        if (u.kind == UnaryKind::affine && first != nullptr && first->kind == UnaryKind::affine) {
            const Unary both{UnaryKind::affine, first->alpha * u.alpha, first->beta * u.alpha + u.beta};
            const ValueId inner = producer->inputs[0];
            r_.replace(node.outputs[0], r_.add(both, {inner}, join(producer->sources, node.sources)));
            return true;
        }
        return false;
    }

    // With a scalar constant a binary op is a unary one.
    bool binary(const Node& node, const Binary& b) {
        const ValueId a = r_.map(node.inputs[0]), c = r_.map(node.inputs[1]);
        const auto right = scalar(r_.out.constant(c)), left = scalar(r_.out.constant(a));
        const ValueId x = right ? a : c;
        const Type& type = g_.type(node.outputs[0]);
        if ((!right && !left) || type.dtype != DType::float32 || r_.out.type(x).shape != type.shape) return recognise(node, b, a, c);
        Unary u;
        const float v = right ? *right : *left;
        switch (b.kind) {
            case BinaryKind::add:
                u = {UnaryKind::affine, 1, v};
                break;
            case BinaryKind::sub:
                u = right ? Unary{UnaryKind::affine, 1, -v} : Unary{UnaryKind::affine, -1, v};
                break;
            case BinaryKind::mul:
                u = {UnaryKind::affine, v, 0};
                break;
            case BinaryKind::div:
                if (right && v != 0)
                    u = {UnaryKind::affine, 1 / v, 0};
                else if (left && v == 1)
                    u = {UnaryKind::reciprocal, 0, 0};
                else
                    return false;
                break;
            case BinaryKind::pow:
                if (!right) return false;
                u = {UnaryKind::power, v, 0};
                break;
            case BinaryKind::min:
                u = {UnaryKind::clamp, -infinity, v};
                break;
            case BinaryKind::max:
                u = {UnaryKind::clamp, v, infinity};
                break;
            default:
                return false;
        }
        ValueId y = r_.add(u, {x}, node.sources);
        if (b.act_lo != -infinity || b.act_hi != infinity) y = r_.add(Unary{UnaryKind::clamp, b.act_lo, b.act_hi}, {y}, node.sources);
        r_.replace(node.outputs[0], y);
        return true;
    }

    // x·sigmoid(x) and x·hard_sigmoid(x; 1/6, 1/2), as exporters write SiLU and HardSwish.
    bool recognise(const Node& node, const Binary& b, ValueId a, ValueId c) {
        if (b.kind != BinaryKind::mul || b.act_lo != -infinity || b.act_hi != infinity) return false;
        for (const auto& [x, f] : {std::pair(a, c), std::pair(c, a)}) {
            const Node* producer = r_.out.producer(f);
            const Unary* u = producer != nullptr ? get_if<Unary>(producer->op) : nullptr;
            if (u == nullptr || producer->inputs[0] != x) continue;
            const bool hard = u->kind == UnaryKind::hard_sigmoid && std::fabs(u->alpha - 1.0f / 6.0f) < 1e-6f && u->beta == 0.5f;
            if (u->kind != UnaryKind::sigmoid && !hard) continue;
            const std::vector<Source> sources = join(producer->sources, node.sources);
            r_.replace(node.outputs[0], r_.add(Unary{hard ? UnaryKind::hard_swish : UnaryKind::silu, 0, 0}, {x}, sources));
            return true;
        }
        return false;
    }

    // Without keep_dims a reduction is one with keep_dims and a reshape: one kernel serves both.
    bool reduce(const Node& node, const Reduce& d, ValueId x) {
        if (d.keep_dims || d.axes.empty()) return false;
        Reduce kept = d;
        kept.keep_dims = true;
        const ValueId y = r_.add(kept, {x}, node.sources);
        r_.out[y].source = g_[node.outputs[0]].source;
        r_.out[y].type.quant = g_.type(node.outputs[0]).quant;
        r_.replace(node.outputs[0], r_.add(Reshape{g_.type(node.outputs[0]).shape.dims()}, {y}, node.sources));
        return true;
    }

    const Graph& g_;
    Rewriter r_;
};

}  // namespace

Graph simplify(const Graph& graph) { return Simplifier(graph).run(); }

}  // namespace gw
