// Channels that need not be computed are taken out: those that always hold one value, which becomes part of the biases of the layers that
// read them, and those that nobody reads. Trained models have many: a channel whose quantized multiplier became zero, one that an
// activation clamps for every input, filters that regularization drove to zero.
//
// Three steps, each from what the ops declare (ops/channels.h). Forward: the values that each channel can take. Backward: channels of
// values that are linked, because an op makes one from the other alone, stay or go together (a union-find over all of them); a linear op
// wants the channels of its operand that its weights do not ignore and that its bias cannot replace; graph inputs, outputs and states and
// ops that cannot do without a channel want all of theirs. This repeats until nothing is wanted anew. Then the graph is rebuilt on the
// wanted channels. Integer results stay the same bytes; float sums may round otherwise where a constant enters a bias.
#include <algorithm>
#include <numeric>

#include "ops/channels.h"
#include "passes/passes.h"

namespace gw {
namespace {

class ChannelDropper {
public:
    explicit ChannelDropper(const Graph& graph) : g_(graph), first_(graph.values.size()) {
        size_t n = 0;
        for (size_t v = 0; v < graph.values.size(); ++v) {
            first_[v] = n;
            n += static_cast<size_t>(channels_of(graph.values[v].type));
        }
        parent_.resize(n);
        std::iota(parent_.begin(), parent_.end(), size_t{0});
        wanted_.assign(n, false);
    }

    Graph run() {
        find_ranges();
        link();
        want();
        return std::all_of(g_.nodes.begin(), g_.nodes.end(), [&](const Node& node) { return whole(node); }) ? g_ : rebuild();
    }

private:
    struct Known {
        ChannelNode node;
        ChannelRanges range;  // of the result
        bool selects = false;
    };

    size_t find(size_t c) {
        while (parent_[c] != c) c = parent_[c] = parent_[parent_[c]];
        return c;
    }
    size_t at(ValueId value, int64_t channel) const { return first_[static_cast<size_t>(value.index)] + static_cast<size_t>(channel); }
    bool wanted(ValueId value, int64_t channel) { return wanted_[find(at(value, channel))]; }
    void want(ValueId value, int64_t channel) {
        const size_t c = find(at(value, channel));
        changed_ = changed_ || !wanted_[c];
        wanted_[c] = true;
    }
    void want_all(ValueId value) {
        for (int64_t c = 0; c < channels_of(g_.type(value)); ++c) want(value, c);
    }
    std::vector<int64_t> kept(ValueId value) {
        std::vector<int64_t> channels;
        for (int64_t c = 0; c < channels_of(g_.type(value)); ++c)
            if (wanted(value, c)) channels.push_back(c);
        return channels;
    }
    bool is_whole(ValueId value) {
        return g_[value].is_constant() || static_cast<int64_t>(kept(value).size()) == channels_of(g_.type(value));
    }
    bool whole(const Node& node) {
        return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) { return is_whole(v); }) &&
               std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return !v.valid() || is_whole(v); });
    }

    void find_ranges() {
        std::vector<ChannelRanges> of(g_.values.size());
        for (size_t v = 0; v < of.size(); ++v)
            of[v] = g_.values[v].is_constant() ? values_of(g_.values[v].constant) : any_values(g_.values[v].type);
        for (const Node& node : g_.nodes) {
            Known k;
            for (const ValueId id : node.inputs) {
                k.node.in.push_back(id.valid() ? &g_.type(id) : nullptr);
                k.node.value.push_back(g_.constant(id));
                k.node.range.push_back(id.valid() ? of[static_cast<size_t>(id.index)] : ChannelRanges{});
            }
            k.node.out = &g_.type(node.outputs[0]);
            k.node.link = channel_links(node.op, k.node.in, *k.node.out);
            k.range = node.outputs.size() == 1 ? result_ranges(node.op, k.node) : any_values(*k.node.out);
            k.selects = node.outputs.size() == 1 && selects_channels(node.op, k.node);
            of[static_cast<size_t>(node.outputs[0].index)] = k.range;
            known_.push_back(std::move(k));
        }
    }

    void link() {
        for (size_t n = 0; n < g_.nodes.size(); ++n) {
            const Node& node = g_.nodes[n];
            if (!known_[n].selects) continue;
            for (size_t k = 0; k < node.inputs.size(); ++k) {
                const ChannelLink& l = known_[n].node.link[k];
                if (!l.linked || g_[node.inputs[k]].is_constant()) continue;
                for (size_t c = 0; c < l.source.size(); ++c)
                    if (l.source[c] >= 0)
                        parent_[find(at(node.outputs[0], static_cast<int64_t>(c)))] = find(at(node.inputs[k], l.source[c]));
            }
        }
    }

    void want() {
        for (const Port& port : g_.inputs) want_all(port.value);
        for (const Port& port : g_.outputs) want_all(port.value);
        for (const State& state : g_.states) want_all(state.value), want_all(state.next);
        do {
            changed_ = false;
            for (size_t n = g_.nodes.size(); n-- > 0;) want_operands(g_.nodes[n], known_[n]);
        } while (changed_);
    }

    void want_operands(const Node& node, const Known& known) {
        std::vector<bool> results;
        for (int64_t c = 0; c < channels_of(*known.node.out); ++c) results.push_back(wanted(node.outputs[0], c));
        for (size_t k = 0; k < node.inputs.size(); ++k) {
            const ValueId x = node.inputs[k];
            if (!x.valid() || g_[x].is_constant()) continue;
            if (!known.selects) {
                want_all(x);
            } else if (!known.node.link[k].linked) {
                std::vector<bool> read = k == 0 ? channels_read(node.op, known.node, known.range, results)
                                                : std::vector<bool>(static_cast<size_t>(channels_of(g_.type(x))), true);
                for (size_t c = 0; c < read.size(); ++c)
                    if (read[c]) want(x, static_cast<int64_t>(c));
                if (kept(x).empty()) want(x, 0);  // no tensor is empty
            } else if (kept(x).empty()) {
                want(x, 0);
            }
        }
        if (!known.selects)
            for (const ValueId y : node.outputs) want_all(y);
        else if (kept(node.outputs[0]).empty())
            want(node.outputs[0], 0);
    }

    Graph rebuild() {
        Rewriter r(g_);
        for (size_t n = 0; n < g_.nodes.size(); ++n) {
            const Node& node = g_.nodes[n];
            if (whole(node))
                r.copy(node);
            else
                add_selected(r, node, known_[n]);
        }
        return r.finish();
    }

    void add_selected(Rewriter& r, const Node& node, const Known& known) {
        KeptChannels channels{{}, kept(node.outputs[0])};
        for (size_t k = 0; k < node.inputs.size(); ++k) {
            const ValueId x = node.inputs[k];
            std::vector<int64_t> of;
            if (x.valid() && !g_[x].is_constant()) {
                of = kept(x);
            } else if (x.valid() && known.node.link[k].linked) {
                for (const int64_t c : channels.result) of.push_back(known.node.link[k].source[static_cast<size_t>(c)]);
            }
            channels.operand.push_back(std::move(of));
        }
        Selected s = select_channels(node.op, known.node, known.range, channels);
        std::vector<ValueId> operands;
        for (size_t k = 0; k < std::max(node.inputs.size(), s.constants.size()); ++k) {
            const ValueId old = k < node.inputs.size() ? node.inputs[k] : ValueId{};
            const bool changed = k < s.constants.size() && s.constants[k].valid();
            operands.push_back(changed ? r.out.add_constant(std::move(s.constants[k]), old.valid() ? g_[old].source : "") : r.map(old));
        }
        const ValueId y = r.add(std::move(s.op), std::move(operands), node.sources);
        r.out[y].type.quant = g_.type(node.outputs[0]).quant;
        r.replace(node.outputs[0], y);
    }

    const Graph& g_;
    std::vector<size_t> first_, parent_;  // a value's first channel in the list of all; the union-find over it
    std::vector<bool> wanted_;            // of the representatives
    std::vector<Known> known_;            // a node
    bool changed_ = false;
};

}  // namespace

Graph drop_channels(const Graph& graph) {
    const Graph live = drop_dead(graph);
    return ChannelDropper(live).run();
}

}  // namespace gw
