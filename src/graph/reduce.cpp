// Any subset of a graph's nodes is a graph again: cut edges become inputs and outputs, and every value keeps its type. So nothing has to be
// guessed about which cuts are legal, and plain delta debugging over the list of nodes is enough: try without a run of nodes, keep what
// still fails, halve the run. Cutting to inputs on both sides isolates a bad node wherever it stands.
#include "graph/reduce.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace gw {
namespace {

class Extractor {
public:
    Extractor(const Graph& from, const std::vector<bool>& keep, Diagnostics& diag) : from_(from), keep_(keep), diag_(diag) {
        out_.name = from.name;
        out_.file = from.file;
        map_.resize(from.values.size());
        for (const Port& port : from.inputs) names_.insert(port.name);
        for (const Port& port : from.outputs) names_.insert(port.name);
    }

    Expected<Graph> run() {
        for (size_t n = 0; n < from_.nodes.size(); ++n) {
            if (!keep_[n]) continue;
            const Node& node = from_.nodes[n];
            std::vector<ValueId> inputs;
            for (const ValueId v : node.inputs) inputs.push_back(operand(v));
            GW_TRY(const std::vector<ValueId> results, out_.add(node.op, inputs, node.sources, diag_));
            for (size_t r = 0; r < results.size(); ++r) {
                map_[static_cast<size_t>(node.outputs[r].index)] = results[r];
                out_[results[r]].source = from_[node.outputs[r]].source;
                if (out_.type(results[r]).dtype == from_.type(node.outputs[r]).dtype)
                    out_[results[r]].type.quant = from_.type(node.outputs[r]).quant;
            }
        }
        add_outputs();
        GW_TRY_DO(verify(out_, diag_));
        return std::move(out_);
    }

private:
    ValueId operand(ValueId v) {
        if (!v.valid()) return v;
        ValueId& mapped = map_[static_cast<size_t>(v.index)];
        if (mapped.valid()) return mapped;
        const Value& value = from_[v];
        if (value.is_constant()) return mapped = out_.add_constant(value.constant, value.source);
        if (value.is_input()) {
            Port port = from_.inputs[static_cast<size_t>(value.input)];
            mapped = out_.add_input(port.name, value.type);
            port.value = mapped;
            out_.inputs.back() = port;
        } else {
            mapped = out_.add_input(fresh(value.source), value.type);
        }
        out_[mapped].source = value.source;
        return mapped;
    }

    void add_outputs() {
        std::vector<bool> read(out_.values.size(), false), listed(out_.values.size(), false);
        for (const Node& node : out_.nodes)
            for (const ValueId v : node.inputs)
                if (v.valid()) read[static_cast<size_t>(v.index)] = true;
        for (const Port& old : from_.outputs) {
            const ValueId v = map_[static_cast<size_t>(old.value.index)];
            if (!v.valid() || out_.producer(v) == nullptr) continue;
            Port port = old;
            port.value = v;
            out_.outputs.push_back(port);
            listed[static_cast<size_t>(v.index)] = true;
        }
        for (size_t i = 0; i < read.size(); ++i) {
            const ValueId v{static_cast<int32_t>(i)};
            if (!read[i] && !listed[i] && out_.producer(v) != nullptr) out_.add_output(fresh(out_[v].source), v);
        }
    }

    std::string fresh(const std::string& wanted) {
        const std::string stem = wanted.empty() ? "cut" : wanted;
        std::string name = stem;
        for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", stem, i);
        return name;
    }

    const Graph& from_;
    const std::vector<bool>& keep_;
    Diagnostics& diag_;
    Graph out_;
    std::vector<ValueId> map_;
    std::set<std::string> names_;
};

}  // namespace

Expected<Graph> extract(const Graph& graph, const std::vector<bool>& keep, Diagnostics& diag) { return Extractor(graph, keep, diag).run(); }

Reduction reduce(const Graph& graph, const std::function<bool(const Graph&)>& fails, const std::function<void(size_t)>& progress) {
    Reduction best{graph, 0};
    std::vector<size_t> nodes(graph.nodes.size());
    std::iota(nodes.begin(), nodes.end(), size_t{0});
    // Keeps all but nodes[from, to) if that still fails.
    auto try_without = [&](size_t from, size_t to) {
        std::vector<size_t> rest(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(from));
        rest.insert(rest.end(), nodes.begin() + static_cast<std::ptrdiff_t>(to), nodes.end());
        if (rest.empty()) return false;
        std::vector<bool> keep(graph.nodes.size(), false);
        for (const size_t n : rest) keep[n] = true;
        Diagnostics unfit;
        const auto candidate = extract(graph, keep, unfit);
        if (!candidate) return false;
        ++best.tries;
        if (!fails(*candidate)) return false;
        best.graph = *candidate;
        nodes = std::move(rest);
        if (progress) progress(nodes.size());
        return true;
    };
    for (size_t run = std::max<size_t>(1, nodes.size() / 2);;) {
        bool removed = false;
        // From the end, so that what follows a removed run keeps its place.
        for (size_t to = nodes.size(); to > 0;) {
            const size_t from = to > run ? to - run : 0;
            removed = try_without(from, to) || removed;
            to = from;
        }
        if (run == 1 && !removed) return best;
        if (run > 1) run = (run + 1) / 2;
    }
}

}  // namespace gw
