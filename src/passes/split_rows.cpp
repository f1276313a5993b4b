// Between two layers a tensor is alive as a whole, though the second layer reads only a few rows of it at a time. Here a chain of layers is
// cut into strips of rows: strip k of every layer is computed before strip k + 1 of any, so that of each tensor inside the chain only a few
// rows exist at once.
//
// One node, the driver, sets the pace: a strip is some rows of its result. Going backwards from it, each op's `needs` tells which rows of
// its operands a strip reads; going forwards, everything is computed as far as its operands are there. Neighbouring strips share rows where
// windows overlap; those are kept, not computed again: the rows of a value that strip k reads are the last rows of what strip k − 1 read,
// followed by new ones. In the graph this is a slice (the rows that are kept), the layer on fewer rows, and a concat of
// both. Lowering turns the slices of the region's input and the concat of its output into views, and a kept part into one copy; the planner
// sees when each row dies. Before: any graph. After: a graph with the same outputs, byte for byte.
#include "passes/split_rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "passes/row_plan.h"

namespace gw {
namespace {

bool is_image(const Type& t) { return t.shape.rank() == 4 && t.shape[0] == 1; }

// The window of a spatial op in the vertical direction.
struct Vertical {
    int64_t kernel, stride, dilation;
};
// The op for rows `r` of its result, given exactly the rows `x` of an operand of `height` rows: the padding that lies above and below them.
template <class T>
Op with_padding(const T& op, const Vertical& v, const Rows& r, const Rows& x, int64_t height) {
    T part = op;
    const int64_t first = r.begin * v.stride - op.pad[0];
    const int64_t end = (r.end - 1) * v.stride - op.pad[0] + (v.kernel - 1) * v.dilation + 1;
    part.pad[0] = std::max<int64_t>(0, x.begin - first);
    part.pad[2] = std::max<int64_t>(0, end - height);
    return part;
}
Op part_of(const Graph& g, const Node& n, const Rows& r, const Rows& x) {
    if (const Conv2D* op = get_if<Conv2D>(n.op))
        return with_padding(*op, {g.type(n.inputs[1]).shape[1], op->stride[0], op->dilation[0]}, r, x, g.type(n.inputs[0]).shape[1]);
    if (const Pool2D* op = get_if<Pool2D>(n.op))
        return with_padding(*op, {op->kernel[0], op->stride[0], op->dilation[0]}, r, x, g.type(n.inputs[0]).shape[1]);
    return n.op;
}

// Points after which one value alone carries everything that is still needed: (node, value), ascending.
std::map<int32_t, ValueId> single_values(const Graph& g) {
    std::vector<int32_t> last(g.values.size(), -1);  // node that reads a value last
    for (size_t k = 0; k < g.nodes.size(); ++k)
        for (ValueId id : g.nodes[k].inputs)
            if (id.valid()) last[static_cast<size_t>(id.index)] = static_cast<int32_t>(k);
    for (const Port& p : g.outputs) last[static_cast<size_t>(p.value.index)] = static_cast<int32_t>(g.nodes.size());
    for (const State& s : g.states) last[static_cast<size_t>(s.next.index)] = static_cast<int32_t>(g.nodes.size());
    std::set<ValueId> live;
    for (const State& s : g.states)
        if (last[static_cast<size_t>(s.value.index)] >= 0) live.insert(s.value);
    for (const Port& p : g.inputs)
        if (last[static_cast<size_t>(p.value.index)] >= 0) live.insert(p.value);
    std::map<int32_t, ValueId> points;
    if (live.size() == 1) points[-1] = *live.begin();
    for (size_t k = 0; k < g.nodes.size(); ++k) {
        const auto now = static_cast<int32_t>(k);
        for (ValueId id : g.nodes[k].outputs)
            if (last[static_cast<size_t>(id.index)] > now) live.insert(id);
        for (ValueId id : g.nodes[k].inputs)
            if (id.valid() && last[static_cast<size_t>(id.index)] <= now) live.erase(id);
        if (live.size() == 1) points[now] = *live.begin();
    }
    return points;
}

class Splitter {
public:
    Splitter(const Graph& g, const RowRegion& region, int32_t driver, int64_t height)
        : g_(g), region_(region), table_(g, region.first, region.last), driver_(driver), height_(height), r_(g) {}

    std::optional<Graph> run() {
        const auto strips = plan_strips(table_, region_.first, region_.last, driver_, height_);
        if (!strips) return std::nullopt;
        for (int32_t k = 0; k < region_.first; ++k) r_.copy(g_.nodes[static_cast<size_t>(k)]);
        std::vector<ValueId> parts;
        for (const std::vector<StripRows>& rows : *strips)
            if (const ValueId part = strip(rows); part.valid()) parts.push_back(part);
        const ValueId whole = parts.size() == 1 ? parts[0] : typed(r_.add(Concat{1}, parts, sources_of(region_.out)), region_.out);
        r_.replace(region_.out, whole);
        for (size_t k = static_cast<size_t>(region_.last) + 1; k < g_.nodes.size(); ++k) r_.copy(g_.nodes[k]);
        return r_.finish();
    }

private:
    // The rows of an old value that exist at the moment, as a value of the new graph.
    struct Held {
        Rows rows;
        ValueId value;
    };

    // Makes a strip; returns its rows of the region's result, an invalid id when it has none.
    ValueId strip(const std::vector<StripRows>& wanted) {
        ValueId result;
        for (int32_t k = region_.first; k <= region_.last; ++k) {
            const Node& n = g_.nodes[static_cast<size_t>(k)];
            const ValueId y = n.outputs[0];
            const StripRows& w = wanted[static_cast<size_t>(k - region_.first)];
            if (w.rows.empty()) continue;
            std::vector<ValueId> parts;
            const Rows kept{w.rows.begin, w.fresh.empty() ? w.rows.end : w.fresh.begin};
            if (!kept.empty()) parts.push_back(rows_of(y, kept));
            if (!w.fresh.empty()) parts.push_back(compute(k, w.fresh));
            const ValueId value = parts.size() == 1 ? parts[0] : typed(r_.add(Concat{1}, parts, n.sources), y);
            held_[y] = {w.rows, value};
            if (y == region_.out) result = value;
        }
        return result;
    }

    ValueId compute(int32_t k, const Rows& fresh) {
        const Node& n = g_.nodes[static_cast<size_t>(k)];
        std::vector<ValueId> in;
        for (ValueId id : n.inputs) in.push_back(id.valid() && g_[id].is_constant() ? r_.map(id) : ValueId{});
        Rows x;
        for (const RowTable::Operand& o : table_.entry(k).operands) {
            const Rows needed = table_.needed(o, fresh);
            if (o.input == 0) x = needed;
            in[o.input] = rows_of(n.inputs[o.input], needed);
        }
        return typed(r_.add(part_of(g_, n, fresh, x), std::move(in), n.sources), n.outputs[0]);
    }

    // Those rows of an old value: all that is held of it, a slice of that, or (the region's input) a slice of the whole.
    ValueId rows_of(ValueId old_value, const Rows& rows) {
        Held held = old_value == region_.in ? Held{{0, g_.type(old_value).shape[1]}, r_.map(old_value)} : held_.at(old_value);
        if (held.rows == rows) return held.value;
        std::vector<int64_t> size = g_.type(old_value).shape.dims();
        size[1] = rows.size();
        return typed(r_.add(Slice{{0, rows.begin - held.rows.begin, 0, 0}, size, {1, 1, 1, 1}}, {held.value}, sources_of(old_value)),
                     old_value);
    }

    std::vector<Source> sources_of(ValueId old_value) const {
        const Node* producer = g_.producer(old_value);
        return producer != nullptr ? producer->sources : std::vector<Source>{};
    }
    ValueId typed(ValueId made, ValueId old_value) {
        Value& v = r_.out[made];
        v.type.quant = g_.type(old_value).quant;
        if (v.source.empty()) v.source = g_[old_value].source;
        return made;
    }

    const Graph& g_;
    const RowRegion& region_;
    const RowTable table_;
    const int32_t driver_;
    const int64_t height_;
    Rewriter r_;
    std::map<ValueId, Held> held_;
};

}  // namespace

std::vector<RowChain> row_chains(const Graph& g) {
    std::vector<RowChain> chains;
    const std::map<int32_t, ValueId> points = single_values(g);
    for (auto at = points.begin(); at != points.end(); ++at) {
        const auto next = std::next(at);
        if (next == points.end()) break;
        bool by_rows = is_image(g.type(at->second));
        for (int32_t k = at->first + 1; k <= next->first; ++k) by_rows = by_rows && works_by_rows(g, g.nodes[static_cast<size_t>(k)]);
        if (!by_rows) continue;
        if (chains.empty() || chains.back().region.last != at->first) chains.push_back({{at->first + 1, 0, at->second, {}}, {}});
        RowChain& chain = chains.back();
        chain.region.last = next->first;
        chain.region.out = next->second;
        chain.cuts.push_back(next->first);
    }
    return chains;
}

RowRegion sub_region(const Graph& g, int32_t first, int32_t last) {
    const std::map<int32_t, ValueId> points = single_values(g);
    return {first, last, points.at(first - 1), points.at(last)};
}

std::optional<Graph> split_rows(const Graph& graph, const RowRegion& region, int32_t driver, int64_t height) {
    const ValueId driven = graph.nodes[static_cast<size_t>(driver)].outputs[0];
    if (height < 1 || height >= graph.type(driven).shape[1]) return std::nullopt;
    return Splitter(graph, region, driver, height).run();
}

}  // namespace gw
