// Equal ops on equal operands give equal results; so do equal constants. The first stands for all.
#include <map>

#include "passes/passes.h"

namespace gw {
namespace {

// Constants with the same type and bytes get one representative.
std::vector<ValueId> merge_constants(const Graph& graph) {
    std::map<std::string, ValueId> seen;
    std::vector<ValueId> representative(graph.values.size());
    for (size_t i = 0; i < graph.values.size(); ++i) {
        const ValueId id{static_cast<int32_t>(i)};
        representative[i] = id;
        const Tensor* t = graph.constant(id);
        if (t == nullptr) continue;
        std::string key = t->type.text() + "\n" + std::string(t->bytes());
        representative[i] = seen.emplace(std::move(key), id).first->second;
    }
    return representative;
}

}  // namespace

Graph merge_common(const Graph& graph) {
    Rewriter r(graph);
    const std::vector<ValueId> representative = merge_constants(graph);
    std::map<std::string, std::vector<ValueId>> seen;
    for (const Node& node : graph.nodes) {
        Node merged = node;
        std::string key = std::string(op_name(node.op)) + " " + print_fields(node.op);
        for (ValueId& id : merged.inputs) {
            if (id.valid()) id = representative[static_cast<size_t>(id.index)];
            key += " " + std::to_string(r.map(id).index);
        }
        for (ValueId id : node.outputs) key += " " + graph.type(id).quant.text();
        const auto it = seen.find(key);
        if (it != seen.end()) {
            for (size_t i = 0; i < node.outputs.size(); ++i) r.replace(node.outputs[i], it->second[i]);
            continue;
        }
        r.copy(merged);
        std::vector<ValueId> made;
        for (ValueId id : node.outputs) made.push_back(r.map(id));
        seen.emplace(std::move(key), std::move(made));
    }
    return r.finish();
}

}  // namespace gw
