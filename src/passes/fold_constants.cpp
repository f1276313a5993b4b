// A node whose operands are all constant always gives the same result: compute it now, by the op's own evaluate.
#include "passes/passes.h"

namespace gw {

Graph fold_constants(const Graph& graph) {
    Rewriter r(graph);
    const bool keep_integers = is_quantized_model(graph);
    for (const Node& node : graph.nodes) {
        // All operands are mapped before any is looked at: mapping adds values, which moves those that are there.
        std::vector<ValueId> operands;
        for (ValueId id : node.inputs) operands.push_back(r.map(id));
        std::vector<const Tensor*> in;
        bool constant = get_if<Custom>(node.op) == nullptr;  // only the user's code knows what it computes
        for (ValueId id : operands) {
            in.push_back(r.out.constant(id));
            constant = constant && (!id.valid() || in.back() != nullptr);
        }
        if (!constant || (keep_integers && get_if<Dequantize>(node.op) != nullptr)) {
            r.copy(node);
            continue;
        }
        std::vector<Tensor> out;
        for (ValueId id : node.outputs) out.push_back(Tensor::zeros(graph.type(id)));
        evaluate(node.op, in, out);
        for (size_t i = 0; i < out.size(); ++i) r.replace(node.outputs[i], r.out.add_constant(std::move(out[i])));
    }
    return r.finish();
}

}  // namespace gw
