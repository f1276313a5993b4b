// Values live from the node that makes them to the last node that reads them; everything else is the ops' own evaluate.
#include "interp/interp.h"

namespace gw {

std::vector<Tensor> initial_states(const Graph& graph) {
    std::vector<Tensor> all;
    for (const State& state : graph.states) all.push_back(state.init);
    return all;
}

void begin_sample(const Graph& graph, int64_t sequence, size_t i, std::vector<Tensor>& states) {
    if (i == 0 || (sequence > 0 && i % static_cast<size_t>(sequence) == 0)) states = initial_states(graph);
}

std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs,
                              const std::function<void(ValueId, const Tensor&)>& observe, std::vector<Tensor>* states) {
    GW_CHECK(states == nullptr || states->size() == graph.states.size(), "one tensor a state");
    GW_CHECK(inputs.size() == graph.inputs.size(), "one tensor an input");
    std::vector<Tensor> values(graph.values.size());
    std::vector<int> uses = graph.use_counts();
    for (size_t i = 0; i < inputs.size(); ++i) {
        const ValueId id = graph.inputs[i].value;
        GW_CHECK(inputs[i].type.dtype == graph.type(id).dtype && inputs[i].type.shape == graph.type(id).shape, "input of the graph's type");
        values[static_cast<size_t>(id.index)] = inputs[i];
        if (observe) observe(id, inputs[i]);
    }
    for (size_t i = 0; i < graph.states.size(); ++i) {
        const State& state = graph.states[i];
        values[static_cast<size_t>(state.value.index)] = states == nullptr ? state.init : (*states)[i];
        if (observe) observe(state.value, values[static_cast<size_t>(state.value.index)]);
    }
    for (const Node& node : graph.nodes) {
        std::vector<const Tensor*> in;
        for (ValueId id : node.inputs) {
            const Tensor* t = nullptr;
            if (id.valid()) t = graph[id].is_constant() ? &graph[id].constant : &values[static_cast<size_t>(id.index)];
            in.push_back(t);
        }
        std::vector<Tensor> out;
        for (ValueId id : node.outputs) out.push_back(Tensor::zeros(graph.type(id)));
        evaluate(node.op, in, out);
        for (size_t i = 0; i < out.size(); ++i) {
            if (observe) observe(node.outputs[i], out[i]);
            values[static_cast<size_t>(node.outputs[i].index)] = std::move(out[i]);
        }
        for (ValueId id : node.inputs)
            if (id.valid() && --uses[static_cast<size_t>(id.index)] == 0) values[static_cast<size_t>(id.index)] = {};
    }
    auto held = [&](ValueId id) { return graph[id].is_constant() ? graph[id].constant : values[static_cast<size_t>(id.index)]; };
    std::vector<Tensor> results, left;
    for (const Port& port : graph.outputs) results.push_back(held(port.value));
    for (const State& state : graph.states) left.push_back(held(state.next));
    if (states != nullptr) *states = std::move(left);
    return results;
}

namespace {
Tensor permuted(const Tensor& x, const std::vector<int64_t>& perm) {
    Transpose op{perm};
    Type type = x.type;
    for (size_t i = 0; i < perm.size(); ++i) type.shape[static_cast<int64_t>(i)] = x.shape()[perm[i]];
    std::vector<Tensor> out{Tensor::zeros(std::move(type))};
    const Tensor* in[] = {&x};
    evaluate(op, in, out);
    return out[0];
}
}  // namespace

Tensor to_graph_order(const Port& port, const Tensor& in_model_order) {
    return port.perm.empty() ? in_model_order : permuted(in_model_order, port.perm);
}

Tensor to_model_order(const Port& port, const Tensor& in_graph_order) {
    if (port.perm.empty()) return in_graph_order;
    std::vector<int64_t> inverse(port.perm.size());
    for (size_t i = 0; i < port.perm.size(); ++i) inverse[static_cast<size_t>(port.perm[i])] = static_cast<int64_t>(i);
    return permuted(in_graph_order, inverse);
}

}  // namespace gw
