// Models that are quantized already, as QuantizeLinear and DequantizeLinear around float ops or as ops of integers that the reader spelled
// that way. The problem: such a graph computes in float between pairs of roundings, and what is meant are integer kernels. The idea: a pair
// Quantize, Dequantize says nothing but "this float value has so many steps"; taken out of the graph and written down as the value's
// quantization, what is left is a float graph with the model's own ranges in place of profiled ones, and the quantizer makes integer ops of
// it. Weights and biases that the model gives as integers are kept.
//
// Before: a graph after `optimise`. After: every op between quantized values computes in integers; at the model's edge and around what has
// no integer form stand Quantize and Dequantize. uint8 has become int8, 128 lower.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "passes/quantize_ranges.h"

namespace gw {
namespace {

bool is_byte(DType t) { return t == DType::int8 || t == DType::uint8; }

// The int8 quantization of a value of i8 or u8.
Quant as_int8(Quant q, DType from) {
    if (from == DType::uint8)
        for (int32_t& z : q.zero_points) z -= 128;
    return q;
}
Tensor as_int8(const Tensor& t) {
    if (t.type.dtype == DType::int8) return t;
    Tensor out = Tensor::zeros({DType::int8, t.shape(), as_int8(t.type.quant, DType::uint8)});
    for (int64_t i = 0; i < t.elements(); ++i) out.set(i, static_cast<double>(t.int_at(i) - 128));
    return out;
}

// The same numbers with zero points of 0, where that leaves them int8; one scale, or several along the first axis.
Tensor centred(const Tensor& t) {
    Quant q = t.type.quant;
    if (q.block != 0 || (!q.per_tensor() && q.axis != 0)) return t;
    q.zero_points.assign(q.zero_points.size(), 0);
    Tensor out = Tensor::zeros({DType::int8, t.shape(), q});
    const int64_t row = t.elements() / static_cast<int64_t>(q.scales.size());
    for (int64_t i = 0; i < t.elements(); ++i) {
        const int64_t v = t.int_at(i) - t.type.quant.zero_point(i / row);
        if (v < -128 || v > 127) return t;
        out.set(i, static_cast<double>(v));
    }
    return out;
}

class Folder {
public:
    Folder(const Graph& g, const QuantizeOptions& options, Diagnostics& diag)
        : g_(g), options_(options), diag_(diag), r_(g), uses_(g.use_counts()), twin_(g.values.size()) {}

    Expected<Graph> run() {
        for (const Node& node : g_.nodes) {
            if (quantize(node) || dequantize(node) || on_integers(node) || on_constant(node)) continue;
            for (ValueId id : node.inputs) make_integers(id);
            r_.copy(node);
        }
        for (const Port& port : g_.outputs) {
            make_integers(port.value);
            r_.out.outputs.push_back(port);
            r_.out.outputs.back().value = r_.map(port.value);
        }
        for (size_t i = 0; i < g_.states.size(); ++i) {
            make_integers(g_.states[i].next);
            r_.out.states[i].next = r_.map(g_.states[i].next);
        }
        QuantizePlan plan;
        plan.exact = true;
        plan.quants.resize(r_.out.values.size());
        for (const auto& [index, q] : quants_) plan.quants[static_cast<size_t>(index)] = q;
        spread(plan);
        plan.given = std::move(given_);
        plan = complete_plan(r_.out, std::move(plan));
        bool useful = false;
        for (size_t k = 0; k < r_.out.nodes.size(); ++k) useful = useful || computes(r_.out.nodes[k], plan.forms[k], plan);
        if (!useful) return unfolded();
        QuantizeOptions options = options_;
        options.float_io = true;
        return apply_plan(r_.out, std::move(plan), options, diag_);
    }

private:
    // Whether a node's integer form is more than a rounding by itself, which may as well stay as it is.
    static bool computes(const Node& n, IntegerForm form, const QuantizePlan& plan) {
        if (form == IntegerForm::none || form == IntegerForm::copy || form == IntegerForm::given) return false;
        if (form != IntegerForm::movement || get_if<Reshape>(n.op) == nullptr) return true;
        const Quant& from = plan.quants[static_cast<size_t>(n.inputs[0].index)];
        return !from.empty() && from != plan.quants[static_cast<size_t>(n.outputs[0].index)];
    }

    // The graph as it was, its weights as floats.
    Graph unfolded() const {
        Rewriter r(g_);
        for (const Node& node : g_.nodes) {
            const Tensor* c = get_if<Dequantize>(node.op) != nullptr ? g_.constant(node.inputs[0]) : nullptr;
            if (c != nullptr)
                r.replace(node.outputs[0], r.out.add_constant(c->dequantized()));
            else
                r.copy(node);
        }
        return r.finish();
    }

    // Quantize of a float value: the value itself, or a copy of it where others read it unrounded, has that quantization.
    bool quantize(const Node& node) {
        const Quantize* op = get_if<Quantize>(node.op);
        if (op == nullptr || !is_byte(op->to) || !op->quant.per_tensor() || op->ties != Ties::even) return false;
        const Quant q = as_int8(op->quant, op->to);
        ValueId x = r_.map(node.inputs[0]);
        const auto known = quants_.find(x.index);
        if (r_.out[x].is_constant()) return false;
        if (known == quants_.end() && uses_[static_cast<size_t>(node.inputs[0].index)] == 1) {
            quants_[x.index] = q;
        } else if (known == quants_.end() || known->second != q) {
            x = r_.add(Reshape{r_.out.type(x).shape.dims()}, {x}, node.sources);
            quants_[x.index] = q;
        }
        twin_[static_cast<size_t>(node.outputs[0].index)] = x;
        return true;
    }

    bool dequantize(const Node& node) {
        if (get_if<Dequantize>(node.op) == nullptr) return false;
        const ValueId x = node.inputs[0];
        if (const ValueId twin = twin_[static_cast<size_t>(x.index)]; twin.valid()) {
            r_.replace(node.outputs[0], twin);
            return true;
        }
        const Type& type = g_.type(x);
        if (const Tensor* c = g_.constant(x)) {
            const ValueId real = r_.out.add_constant(c->dequantized(), g_[x].source);
            keep(real, *c);
            r_.replace(node.outputs[0], real);
            return true;
        }
        if (!is_byte(type.dtype) || !type.quant.per_tensor()) return false;
        r_.copy(node);  // integers from outside: the quantizer takes them as they are
        quants_[r_.map(node.outputs[0]).index] = as_int8(type.quant, type.dtype);
        return true;
    }

    // Integers of a constant, where the quantizer can use them: bytes that have one scale, or one a row and one zero point, and biases.
    void keep(ValueId real, const Tensor& c) {
        if (c.type.dtype == DType::int32) {
            given_[real.index] = c;
            return;
        }
        if (!is_byte(c.type.dtype)) return;
        Tensor bytes = centred(as_int8(c));
        const Quant& q = bytes.type.quant;
        if (q.per_tensor() || (has_one_zero_point(q) && q.block == 0 && q.axis == 0)) given_[real.index] = std::move(bytes);
    }

    // A constant in another shape or order is a constant with the same steps.
    bool on_constant(const Node& node) {
        if (get_if<Reshape>(node.op) == nullptr && get_if<Transpose>(node.op) == nullptr) return false;
        const auto given = given_.find(r_.map(node.inputs[0]).index);
        if (given == given_.end() || !given->second.type.quant.per_tensor()) return false;
        Tensor moved[] = {Tensor::zeros({given->second.type.dtype, g_.type(node.outputs[0]).shape, given->second.type.quant})};
        const Tensor* in[] = {&given->second};
        evaluate(node.op, in, moved);
        const ValueId real = r_.out.add_constant(moved[0].dequantized(), g_[node.outputs[0]].source);
        given_[real.index] = std::move(moved[0]);
        r_.replace(node.outputs[0], real);
        return true;
    }

    // Ops that only move or compare integers do the same to the floats that these stand for.
    bool on_integers(const Node& node) {
        if (node.inputs.empty() || node.outputs.size() != 1 || !is_byte(g_.type(node.outputs[0]).dtype)) return false;
        const Pool2D* pool = get_if<Pool2D>(node.op);
        const Pad* pad = get_if<Pad>(node.op);
        const bool moves = get_if<Reshape>(node.op) || get_if<Transpose>(node.op) || get_if<Slice>(node.op) || get_if<Gather>(node.op) ||
                           get_if<Concat>(node.op) || (pool != nullptr && pool->kind == PoolKind::max) ||
                           (pad != nullptr && pad->mode != PadMode::constant);
        if (!moves) return false;
        Node real = node;
        const size_t data = get_if<Concat>(node.op) != nullptr ? node.inputs.size() : 1;
        std::optional<Quant> q;
        for (size_t i = 0; i < data; ++i) {
            const ValueId twin = twin_[static_cast<size_t>(node.inputs[i].index)];
            if (!twin.valid() || (q && *q != quants_.at(twin.index))) return false;
            q = quants_.at(twin.index);
            real.inputs[i] = twin;
        }
        for (size_t i = data; i < real.inputs.size(); ++i) real.inputs[i] = r_.map(node.inputs[i]);
        if (pool != nullptr) {
            Pool2D& p = *get_if<Pool2D>(real.op);
            if (p.lo > lowest(DType::int8) || p.hi < highest(DType::int8)) return false;
            p.x_zero = 0;
        }
        const ValueId y = r_.add(real.op, real.inputs, node.sources);
        r_.out[y].source = g_[node.outputs[0]].source;
        quants_[y.index] = *q;
        twin_[static_cast<size_t>(node.outputs[0].index)] = y;
        return true;
    }

    // Something else reads the integers themselves: they are made from the floats.
    void make_integers(ValueId id) {
        if (!id.valid()) return;
        ValueId& twin = twin_[static_cast<size_t>(id.index)];
        if (!twin.valid() || made_.count(id.index) != 0) return;
        made_.insert(id.index);
        r_.replace(id, r_.add(Quantize{g_.type(id).dtype, g_.type(id).quant}, {twin}, {}));
    }

    // What moves values and is not quantized itself takes the quantization of its neighbour: rounding and moving may change places.
    void spread(QuantizePlan& plan) const {
        const auto single = [&](const Node& n) {
            const bool moves = get_if<Reshape>(n.op) || get_if<Transpose>(n.op) || get_if<Slice>(n.op) || get_if<Gather>(n.op) ||
                               (get_if<Pool2D>(n.op) && get_if<Pool2D>(n.op)->kind == PoolKind::max &&
                                get_if<Pool2D>(n.op)->act_lo == -infinity && get_if<Pool2D>(n.op)->act_hi == infinity);
            return moves && r_.out.type(n.inputs[0]).dtype == DType::float32 && r_.out.constant(n.inputs[0]) == nullptr;
        };
        const std::vector<int> uses = r_.out.use_counts();
        const auto quant = [&](ValueId id) -> Quant& { return plan.quants[static_cast<size_t>(id.index)]; };
        for (const Node& n : r_.out.nodes)
            if (single(n) && quant(n.outputs[0]).empty()) quant(n.outputs[0]) = quant(n.inputs[0]);
        for (size_t k = r_.out.nodes.size(); k-- > 0;) {
            const Node& n = r_.out.nodes[k];
            if (single(n) && quant(n.inputs[0]).empty() && uses[static_cast<size_t>(n.inputs[0].index)] == 1)
                quant(n.inputs[0]) = quant(n.outputs[0]);
        }
    }

    const Graph& g_;
    const QuantizeOptions& options_;
    Diagnostics& diag_;
    Rewriter r_;
    std::vector<int> uses_;
    std::vector<ValueId> twin_;        // of an integer value of the old graph: the float value that it stands for
    std::map<int32_t, Quant> quants_;  // of values of the new graph
    std::map<int32_t, Tensor> given_;
    std::set<int32_t> made_;
};

}  // namespace

bool is_quantized_model(const Graph& graph) {
    bool rounds = false;
    for (const Node& node : graph.nodes) {
        const Quantize* q = get_if<Quantize>(node.op);
        rounds = rounds || (q != nullptr && is_byte(q->to) && q->ties == Ties::even);
        const bool arithmetic = get_if<Conv2D>(node.op) != nullptr || get_if<Dense>(node.op) != nullptr ||
                                get_if<MatMul>(node.op) != nullptr || get_if<Lookup>(node.op) != nullptr ||
                                get_if<Softmax>(node.op) != nullptr;
        if (arithmetic && graph.type(node.outputs[0]).dtype == DType::int8) return false;  // it computes in integers already
    }
    return rounds;
}

Expected<Graph> fold_quantization(const Graph& graph, const QuantizeOptions& options, Diagnostics& diag) {
    return Folder(graph, options, diag).run();
}

Graph integer_edges(const Graph& graph) {
    Graph g = graph;
    const auto users = g.users();
    const std::vector<int> uses = g.use_counts();
    for (const Port& port : g.inputs) {
        const auto& readers = users[static_cast<size_t>(port.value.index)];
        if (readers.size() != 1 || uses[static_cast<size_t>(port.value.index)] != 1) continue;
        const Node& node = g[readers[0]];
        const Quantize* q = get_if<Quantize>(node.op);
        if (q == nullptr || q->to != DType::int8 || !q->quant.per_tensor()) continue;
        g[port.value].type = g.type(node.outputs[0]);
        for (Node& n : g.nodes)
            for (ValueId& id : n.inputs)
                if (id == node.outputs[0]) id = port.value;
        for (Port& out : g.outputs)
            if (out.value == node.outputs[0]) out.value = port.value;
        for (State& state : g.states)
            if (state.next == node.outputs[0]) state.next = port.value;
        Node& gone = g[readers[0]];
        gone.op = Reshape{g.type(port.value).shape.dims()};  // nobody reads it
    }
    for (Port& port : g.outputs) {
        const Node* node = g.producer(port.value);
        if (node == nullptr || get_if<Dequantize>(node->op) == nullptr || g.type(node->inputs[0]).dtype != DType::int8) continue;
        g[node->inputs[0]].source = g[port.value].source;
        port.value = node->inputs[0];
    }
    return drop_dead(g);
}

Graph float_edges(const Graph& graph) {
    const auto quantized = [](const Type& t) { return t.quant.per_tensor() && (is_byte(t.dtype) || t.dtype == DType::int16); };
    Rewriter r(graph);
    for (const Port& port : graph.inputs) {
        const Type type = graph.type(port.value);
        if (!quantized(type)) continue;
        const ValueId x = r.map(port.value);
        r.out[x].type = {DType::float32, type.shape, {}};
        r.replace(port.value, r.add(Quantize{type.dtype, type.quant, Ties::away}, {x}, {}));
    }
    for (const Node& node : graph.nodes) r.copy(node);
    Graph g = r.finish();
    for (Port& port : g.outputs) {
        if (!quantized(g.type(port.value))) continue;
        const ValueId y = g.must_add(Dequantize{}, {port.value}, {});
        g[y].source = g[port.value].source;
        g[port.value].source.clear();
        port.value = y;
    }
    return g;
}

}  // namespace gw
