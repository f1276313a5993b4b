// Graphs are built in topological order and typed as they grow: `add` runs infer at once, so an untyped value cannot exist. Constants
// share their bytes, so copying a graph costs little, and a pass simply builds a new one.
#include "graph/graph.h"

#include <algorithm>

#include "base/check.h"

namespace gw {

Location Graph::where(const Node& node) const {
    Location l{.file = file, .op = std::string(op_name(node.op))};
    if (!node.sources.empty()) {
        l.op = node.sources.front().op;
        l.node = node.sources.front().index;
        l.node_name = node.sources.front().name;
    }
    return l;
}

ValueId Graph::add_input(std::string input_name, Type type) {
    const ValueId id{static_cast<int32_t>(values.size())};
    Value v;
    v.type = type;
    v.source = input_name;
    v.input = static_cast<int32_t>(inputs.size());
    values.push_back(std::move(v));
    inputs.push_back({std::move(input_name), id, {}, type.shape, type.dtype});
    return id;
}

ValueId Graph::add_constant(Tensor tensor, std::string source) {
    const ValueId id{static_cast<int32_t>(values.size())};
    Value v;
    v.type = tensor.type;
    v.source = std::move(source);
    v.constant = std::move(tensor);
    values.push_back(std::move(v));
    return id;
}

ValueId Graph::add_state(std::string state_name, Tensor init) {
    const ValueId id{static_cast<int32_t>(values.size())};
    Value v;
    v.type = init.type;
    v.source = state_name;
    v.state = static_cast<int32_t>(states.size());
    values.push_back(std::move(v));
    states.push_back({std::move(state_name), id, std::move(init), {}});
    return id;
}

void Graph::add_output(std::string output_name, ValueId value) {
    outputs.push_back({std::move(output_name), value, {}, type(value).shape, type(value).dtype});
}

Expected<std::vector<ValueId>> Graph::add(Op op, std::vector<ValueId> node_inputs, std::vector<Source> sources, Diagnostics& diag) {
    Node node{std::move(op), std::move(node_inputs), {}, std::move(sources)};
    std::vector<Operand> operands;
    for (ValueId id : node.inputs) {
        Operand o;
        if (id.valid()) {
            GW_CHECK(id.index < static_cast<int32_t>(values.size()), "operand of a node does not exist yet");
            o = {&(*this)[id].type, constant(id)};
        }
        operands.push_back(o);
    }
    GW_TRY(std::vector<Type> types, infer(node.op, operands, {where(node), &diag}));
    const NodeId node_id{static_cast<int32_t>(nodes.size())};
    for (size_t i = 0; i < types.size(); ++i) {
        Value v;
        v.type = std::move(types[i]);
        v.node = node_id;
        v.result = static_cast<int32_t>(i);
        node.outputs.push_back({static_cast<int32_t>(values.size())});
        values.push_back(std::move(v));
    }
    std::vector<ValueId> results = node.outputs;
    nodes.push_back(std::move(node));
    return results;
}

Expected<ValueId> Graph::add1(Op op, std::vector<ValueId> node_inputs, std::vector<Source> sources, Diagnostics& diag) {
    GW_TRY(std::vector<ValueId> results, add(std::move(op), std::move(node_inputs), std::move(sources), diag));
    GW_CHECK(results.size() == 1, "op with one result expected");
    return results[0];
}

ValueId Graph::must_add(Op op, std::vector<ValueId> node_inputs, std::vector<Source> sources) {
    Diagnostics diag;
    auto id = add1(std::move(op), std::move(node_inputs), std::move(sources), diag);
    GW_CHECK(id.ok(), diag.all().empty() ? "infer failed" : diag.all().front().text());
    return *id;
}

std::vector<int> Graph::use_counts() const {
    std::vector<int> n(values.size());
    for (const Node& node : nodes)
        for (ValueId id : node.inputs)
            if (id.valid()) ++n[static_cast<size_t>(id.index)];
    for (const Port& port : outputs) ++n[static_cast<size_t>(port.value.index)];
    for (const State& state : states)
        if (state.next.valid()) ++n[static_cast<size_t>(state.next.index)];
    return n;
}

std::vector<std::vector<NodeId>> Graph::users() const {
    std::vector<std::vector<NodeId>> u(values.size());
    for (size_t k = 0; k < nodes.size(); ++k)
        for (ValueId id : nodes[k].inputs)
            if (id.valid()) u[static_cast<size_t>(id.index)].push_back({static_cast<int32_t>(k)});
    return u;
}

int64_t Graph::macs() const {
    int64_t total = 0;
    for (const Node& node : nodes) {
        std::vector<const Type*> in, out;
        for (ValueId id : node.inputs) in.push_back(id.valid() ? &type(id) : nullptr);
        for (ValueId id : node.outputs) out.push_back(&type(id));
        total += work(node.op, in, out).macs;
    }
    return total;
}

int64_t Graph::parameters() const {
    std::vector<bool> counted(values.size());
    int64_t total = 0;
    for (const Node& node : nodes) {
        if (get_if<Lookup>(node.op) != nullptr || get_if<Softmax>(node.op) != nullptr || get_if<Gather>(node.op) != nullptr) continue;
        for (ValueId id : node.inputs) {
            if (!id.valid() || !(*this)[id].is_constant() || counted[static_cast<size_t>(id.index)]) continue;
            counted[static_cast<size_t>(id.index)] = true;
            total += type(id).elements();
        }
    }
    return total;
}

std::vector<Source> join(const std::vector<Source>& a, const std::vector<Source>& b) {
    std::vector<Source> all = a;
    for (const Source& s : b)
        if (std::find(all.begin(), all.end(), s) == all.end()) all.push_back(s);
    return all;
}

Rewriter::Rewriter(const Graph& graph) : old(graph), map_(graph.values.size()) {
    out.name = graph.name;
    out.file = graph.file;
    for (const Port& port : graph.inputs) {
        const ValueId id = out.add_input(port.name, graph.type(port.value));
        out.inputs.back() = port;
        out.inputs.back().value = id;
        out[id].source = graph[port.value].source;
        map_[static_cast<size_t>(port.value.index)] = id;
    }
    for (const State& state : graph.states) {
        const ValueId id = out.add_state(state.name, state.init);
        out[id].type = graph.type(state.value);
        map_[static_cast<size_t>(state.value.index)] = id;
    }
}

ValueId Rewriter::map(ValueId old_value) {
    if (!old_value.valid()) return {};
    ValueId& mapped = map_[static_cast<size_t>(old_value.index)];
    if (!mapped.valid()) {
        GW_CHECK(old[old_value].is_constant(), "operand used before the node that makes it was copied");
        mapped = out.add_constant(old[old_value].constant, old[old_value].source);
    }
    return mapped;
}

void Rewriter::replace(ValueId old_value, ValueId new_value) {
    map_[static_cast<size_t>(old_value.index)] = new_value;
    Value& v = out[new_value];
    if (v.source.empty()) v.source = old[old_value].source;
}

void Rewriter::copy(const Node& node) {
    std::vector<ValueId> in;
    for (ValueId id : node.inputs) in.push_back(map(id));
    Diagnostics diag;
    auto results = out.add(node.op, std::move(in), node.sources, diag);
    GW_CHECK(results.ok(), diag.all().empty() ? "infer failed" : diag.all().front().text());
    for (size_t i = 0; i < results->size(); ++i) {
        Value& v = out[(*results)[i]];
        v.source = old[node.outputs[i]].source;
        if (v.type.dtype == old.type(node.outputs[i]).dtype) v.type.quant = old.type(node.outputs[i]).quant;
        map_[static_cast<size_t>(node.outputs[i].index)] = (*results)[i];
    }
}

Graph Rewriter::finish() {
    for (const Port& port : old.outputs) {
        const ValueId id = map(port.value);
        out.outputs.push_back(port);
        out.outputs.back().value = id;
    }
    for (size_t i = 0; i < old.states.size(); ++i) out.states[i].next = map(old.states[i].next);
    return drop_dead(out);
}

namespace {
// Values that an output depends on, in this run or, through states, in a later one.
std::vector<bool> live_values(const Graph& graph, std::vector<bool>& keep) {
    std::vector<bool> live(graph.values.size());
    for (const Port& port : graph.outputs) live[static_cast<size_t>(port.value.index)] = true;
    for (bool grown = true; grown;) {
        grown = false;
        for (size_t k = graph.nodes.size(); k-- > 0;) {
            const Node& node = graph.nodes[k];
            for (ValueId id : node.outputs) keep[k] = keep[k] || live[static_cast<size_t>(id.index)];
            if (!keep[k]) continue;
            for (ValueId id : node.inputs)
                if (id.valid()) live[static_cast<size_t>(id.index)] = true;
        }
        // A state that is read keeps what the next run will read.
        for (const State& state : graph.states) {
            if (!live[static_cast<size_t>(state.value.index)] || live[static_cast<size_t>(state.next.index)]) continue;
            live[static_cast<size_t>(state.next.index)] = true;
            grown = true;
        }
    }
    return live;
}
}  // namespace

Graph drop_dead(const Graph& graph) {
    std::vector<bool> keep(graph.nodes.size());
    const std::vector<bool> live = live_values(graph, keep);
    Graph out;
    out.name = graph.name;
    out.file = graph.file;
    std::vector<ValueId> map(graph.values.size());
    auto move = [&](ValueId id) {
        map[static_cast<size_t>(id.index)] = {static_cast<int32_t>(out.values.size())};
        out.values.push_back(graph[id]);
        return map[static_cast<size_t>(id.index)];
    };
    for (const Port& port : graph.inputs) {
        out.inputs.push_back(port);
        out.inputs.back().value = move(port.value);
    }
    for (const State& state : graph.states) {
        if (!live[static_cast<size_t>(state.value.index)]) continue;
        const ValueId id = move(state.value);
        out[id].state = static_cast<int32_t>(out.states.size());
        out.states.push_back(state);
        out.states.back().value = id;
    }
    auto use = [&](ValueId id) {
        if (!id.valid()) return id;
        const ValueId known = map[static_cast<size_t>(id.index)];
        return known.valid() ? known : move(id);  // a constant, at its first use
    };
    for (size_t k = 0; k < graph.nodes.size(); ++k) {
        if (!keep[k]) continue;
        Node node = graph.nodes[k];
        for (ValueId& id : node.inputs) id = use(id);
        for (ValueId& id : node.outputs) {
            id = move(id);
            out[id].node = {static_cast<int32_t>(out.nodes.size())};
        }
        out.nodes.push_back(std::move(node));
    }
    for (const Port& port : graph.outputs) {
        out.outputs.push_back(port);
        out.outputs.back().value = use(port.value);
    }
    for (State& state : out.states) state.next = use(state.next);
    return out;
}

}  // namespace gw
