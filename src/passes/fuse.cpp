// Fusion of small ops into the op next to them: clamps into what they follow, zero padding into what it precedes.
#include <algorithm>

#include "passes/passes.h"

namespace gw {
namespace {

bool clamp_into(Op& op, float lo, float hi) {
    auto narrow = [&](float& act_lo, float& act_hi) {
        act_lo = std::min(std::max(act_lo, lo), hi);
        act_hi = std::max(std::min(act_hi, hi), lo);
        return true;
    };
    if (Conv2D* c = get_if<Conv2D>(op)) return narrow(c->act_lo, c->act_hi);
    if (Dense* d = get_if<Dense>(op)) return narrow(d->act_lo, d->act_hi);
    if (Pool2D* p = get_if<Pool2D>(op)) return narrow(p->act_lo, p->act_hi);
    if (Binary* b = get_if<Binary>(op)) return narrow(b->act_lo, b->act_hi);
    return false;
}

}  // namespace

Graph fuse_activations(const Graph& graph) {
    // The new graph's own producer is asked, so that chains of clamps go the whole way.
    Rewriter r(graph);
    const std::vector<int> uses = graph.use_counts();
    for (const Node& node : graph.nodes) {
        const Unary* clamp = get_if<Unary>(node.op);
        if (clamp != nullptr && clamp->kind == UnaryKind::clamp && uses[static_cast<size_t>(node.inputs[0].index)] == 1) {
            const ValueId x = r.map(node.inputs[0]);
            if (r.out[x].node.valid() && r.out.type(x).dtype == DType::float32 &&
                clamp_into(r.out[r.out[x].node].op, clamp->alpha, clamp->beta)) {
                Node& producer = r.out[r.out[x].node];
                producer.sources = join(producer.sources, node.sources);
                r.out[x].source.clear();  // the value is now what the clamp gave
                r.replace(node.outputs[0], x);
                continue;
            }
        }
        r.copy(node);
    }
    return r.finish();
}

Graph fuse_pads(const Graph& graph) {
    Rewriter r(graph);
    for (const Node& node : graph.nodes) {
        const Conv2D* conv = get_if<Conv2D>(node.op);
        const Pool2D* pool = get_if<Pool2D>(node.op);
        const Node* before = node.inputs.empty() ? nullptr : graph.producer(node.inputs[0]);
        const Pad* pad = before != nullptr ? get_if<Pad>(before->op) : nullptr;
        const bool average = pool != nullptr && pool->kind == PoolKind::average && (pool->count_pad || pool->pad == Pads{0, 0, 0, 0});
        const bool spatial = pad != nullptr && pad->mode == PadMode::constant && pad->value == 0 && pad->before.size() == 4 &&
                             pad->before[0] == 0 && pad->after[0] == 0 && pad->before[3] == 0 && pad->after[3] == 0 &&
                             graph.type(node.outputs[0]).dtype == DType::float32;
        if (!spatial || (conv == nullptr && !average)) {
            r.copy(node);
            continue;
        }
        Node fused = node;
        Pads& pads = conv != nullptr ? get_if<Conv2D>(fused.op)->pad : get_if<Pool2D>(fused.op)->pad;
        pads[0] += pad->before[1], pads[1] += pad->before[2], pads[2] += pad->after[1], pads[3] += pad->after[2];
        if (average) get_if<Pool2D>(fused.op)->count_pad = true;
        fused.inputs[0] = before->inputs[0];
        fused.sources = join(before->sources, node.sources);
        r.copy(fused);
    }
    return r.finish();
}

}  // namespace gw
