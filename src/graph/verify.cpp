// The rules of the graph language, checked after every pass and after parsing. A broken rule in a parsed file is the file's fault; in a
// pass it is ours, and the pass runner says which pass.
#include "graph/graph.h"

namespace gw {
namespace {

bool same_but_quant(const Type& a, const Type& b) { return a.dtype == b.dtype && a.shape == b.shape; }

Status check_quant(const Graph& g, const Value& v, size_t index, Diagnostics& diag) {
    const Quant& q = v.type.quant;
    if (q.empty()) return {};
    const Location where{.file = g.file, .operand = "%" + std::to_string(index)};
    if (q.scales.size() != q.zero_points.size())
        return diag.error(DiagId::graph_invalid, where, "{} scales but {} zero points", q.scales.size(), q.zero_points.size());
    if (q.axis >= v.type.shape.rank())
        return diag.error(DiagId::graph_invalid, where, "quantization axis {} of a rank-{} value", q.axis, v.type.shape.rank());
    if (q.axis < 0 && q.scales.size() != 1) return diag.error(DiagId::graph_invalid, where, "{} scales without an axis", q.scales.size());
    if (q.axis >= 0) {
        const int64_t n = v.type.shape[q.axis];
        const int64_t expected = q.block > 0 ? (n + q.block - 1) / q.block : n;
        if (static_cast<int64_t>(q.scales.size()) != expected)
            return diag.error(DiagId::graph_invalid, where, "{} scales on axis {} of size {}", q.scales.size(), q.axis, n);
    }
    for (float s : q.scales)
        if (!(s > 0) || s == infinity) return diag.error(DiagId::graph_invalid, where, "scale {} is not positive and finite", s);
    return {};
}

Status check_node(const Graph& g, size_t k, Diagnostics& diag) {
    const Node& node = g.nodes[k];
    const Location where = g.where(node);
    const auto count = static_cast<int32_t>(g.values.size());
    std::vector<Operand> operands;
    for (ValueId id : node.inputs) {
        if (!id.valid()) {
            operands.push_back({});
            continue;
        }
        if (id.index >= count) return diag.error(DiagId::graph_invalid, where, "operand %{} does not exist", id.index);
        const Value& v = g[id];
        if (v.node.valid() && v.node.index >= static_cast<int32_t>(k))
            return diag.error(DiagId::graph_invalid, where, "operand %{} is used before it is made", id.index);
        operands.push_back({&v.type, g.constant(id)});
    }
    GW_TRY(std::vector<Type> types, infer(node.op, operands, {where, &diag}));
    if (types.size() != node.outputs.size())
        return diag.error(DiagId::graph_invalid, where, "has {} results, expected {}", node.outputs.size(), types.size());
    for (size_t i = 0; i < types.size(); ++i) {
        const ValueId id = node.outputs[i];
        if (!id.valid() || id.index >= count) return diag.error(DiagId::graph_invalid, where, "result {} does not exist", i);
        const Value& v = g[id];
        if (v.node.index != static_cast<int32_t>(k) || v.result != static_cast<int32_t>(i))
            return diag.error(DiagId::graph_invalid, where, "result %{} does not know its node", id.index);
        if (!same_but_quant(v.type, types[i]))
            return diag.error(DiagId::graph_invalid, where, "result %{} is {}, expected {}", id.index, v.type.text(), types[i].text());
    }
    return {};
}

Status check_state(const Graph& g, size_t i, Diagnostics& diag) {
    const State& state = g.states[i];
    const Location where{.file = g.file, .operand = state.name};
    const auto count = static_cast<int32_t>(g.values.size());
    if (!state.value.valid() || state.value.index >= count || g[state.value].state != static_cast<int32_t>(i))
        return diag.error(DiagId::graph_invalid, where, "state has no value");
    if (!state.next.valid() || state.next.index >= count) return diag.error(DiagId::graph_invalid, where, "state has no line `next`");
    const Type& type = g.type(state.value);
    if (!state.init.valid() || !same_but_quant(state.init.type, type))
        return diag.error(DiagId::graph_invalid, where, "state is {}, but begins with {}", type.text(), state.init.type.text());
    if (!same_but_quant(g.type(state.next), type))
        return diag.error(DiagId::graph_invalid, where, "state is {}, but its next is {}", type.text(), g.type(state.next).text());
    return {};
}

}  // namespace

Status verify(const Graph& g, Diagnostics& diag) {
    const Location where{.file = g.file};
    const auto count = static_cast<int32_t>(g.values.size());
    for (size_t i = 0; i < g.values.size(); ++i) {
        const Value& v = g.values[i];
        const int origins = (v.is_constant() ? 1 : 0) + (v.is_input() ? 1 : 0) + (v.is_state() ? 1 : 0) + (v.node.valid() ? 1 : 0);
        if (origins != 1) return diag.error(DiagId::graph_invalid, where, "value %{} has {} origins, expected one", i, origins);
        if (v.is_constant() && v.constant.type.bytes() != v.type.bytes())
            return diag.error(DiagId::graph_invalid, where, "constant %{} does not have the bytes of its type", i);
        GW_TRY_DO(check_quant(g, v, i, diag));
    }
    for (size_t k = 0; k < g.nodes.size(); ++k) GW_TRY_DO(check_node(g, k, diag));
    for (size_t i = 0; i < g.states.size(); ++i) GW_TRY_DO(check_state(g, i, diag));
    for (const auto* ports : {&g.inputs, &g.outputs}) {
        for (const Port& port : *ports) {
            if (!port.value.valid() || port.value.index >= count)
                return diag.error(DiagId::graph_invalid, where, "port \"{}\" has no value", port.name);
            if (!port.perm.empty() && static_cast<int64_t>(port.perm.size()) != g.type(port.value).shape.rank())
                return diag.error(DiagId::graph_invalid, where, "port \"{}\" has a permutation of another rank", port.name);
        }
    }
    if (g.outputs.empty()) return diag.error(DiagId::graph_invalid, where, "graph has no outputs");
    return {};
}

}  // namespace gw
