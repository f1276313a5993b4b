// The bands of a region (passes/split_rows.cpp) are made one after the other, each from top to bottom, and a concat of columns joins them.
// A kernel for that concat would need all bands at once, and the whole picture besides. Instead each strip of each band is copied to its
// place as soon as it is there: the concat of columns, and the concats of rows that make the bands, become copies of their parts. Any
// concat of columns of one picture is computed so, wherever it comes from.
#include "lower/column_joins.h"

#include <algorithm>

namespace gw {
namespace {

// Whether a node joins values along an axis of one picture; no constants, and bytes at least.
bool joins(const Graph& g, const Node& n, int64_t axis) {
    const Concat* c = get_if<Concat>(n.op);
    if (c == nullptr || c->axis != axis) return false;
    const Type& y = g.type(n.outputs[0]);
    return y.shape.rank() == 4 && y.shape[0] == 1 && bits(y.dtype) >= 8 &&
           std::none_of(n.inputs.begin(), n.inputs.end(), [&](ValueId id) { return g[id].is_constant(); });
}

bool is_result(const Graph& g, ValueId id) {
    return std::any_of(g.outputs.begin(), g.outputs.end(), [&](const Port& p) { return p.value == id; }) ||
           std::any_of(g.states.begin(), g.states.end(), [&](const State& s) { return s.next == id; });
}

}  // namespace

ColumnJoins::ColumnJoins(const Graph& graph, bool wanted) : g_(graph), joined_(graph.nodes.size()), ready_after_(graph.nodes.size()) {
    if (!wanted) return;
    const std::vector<int> uses = graph.use_counts();
    for (size_t k = 0; k < graph.nodes.size(); ++k) {
        const Node& n = graph.nodes[k];
        const ValueId whole = n.outputs[0];
        // A picture of one row is its columns one after the other: a view.
        if (!joins(graph, n, 2) || graph.type(whole).shape[1] == 1) continue;
        joined_[k] = true;
        std::vector<Part> parts;
        int64_t column = 0;
        for (const ValueId band : n.inputs) {
            const Node* maker = graph.producer(band);
            if (maker != nullptr && joins(graph, *maker, 1) && uses[static_cast<size_t>(band.index)] == 1 && !is_result(graph, band)) {
                joined_[static_cast<size_t>(graph[band].node.index)] = true;
                int64_t row = 0;
                for (const ValueId strip : maker->inputs) {
                    parts.push_back({strip, whole, row, column});
                    row += graph.type(strip).shape[1];
                }
            } else {
                parts.push_back({band, whole, 0, column});
            }
            column += graph.type(band).shape[2];
        }
        const auto made_at = [&](const Part& p) { return graph[p.part].node.valid() ? static_cast<size_t>(graph[p.part].node.index) : k; };
        std::stable_sort(parts.begin(), parts.end(), [&](const Part& a, const Part& b) { return made_at(a) < made_at(b); });
        parts.back().last = true;
        for (const Part& p : parts) ready_after_[made_at(p)].push_back(p);
    }
}

bool ColumnJoins::is_picture(size_t k) const { return joined_[k] && get_if<Concat>(g_.nodes[k].op)->axis == 2; }

}  // namespace gw
