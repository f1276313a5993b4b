// Between two layers a tensor is alive as a whole, though the second layer reads only a few rows of it at a time. Here a chain of layers is
// cut into strips of rows: strip k of every layer is computed before strip k + 1 of any, so that of each tensor inside the chain only a few
// rows exist at once.
//
// One node, the driver, sets the pace: a strip is some rows of its result. Going backwards from it, each op's `needs` tells which rows of
// its operands a strip reads; going forwards, everything is computed as far as its operands are there. Neighbouring strips share rows where
// windows overlap; those are kept, not computed again: the rows of a value that strip k reads are the last rows of what strip k − 1 read,
// followed by new ones. In the graph this is a slice (the rows that are kept), the layer on fewer rows, and a concat of
// both. Lowering turns the slices of the region's input and the concat of its output into views, and a kept part into one copy; the planner
// sees when each row dies.
//
// Where the line buffers of a wide picture are still too much, the region is computed in bands of columns one after the other, each by
// itself in strips. Windows reach over a band's edges, so a band makes each value as wide as what lies behind it reads, and columns near an
// edge are made for both bands. In the graph a band is the same layers on fewer columns: slices cut them out, and a concat joins the
// results. Before: any graph. After: a graph with the same outputs, byte for byte.
#include "passes/split_rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "passes/row_plan.h"

namespace gw {
namespace {

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
    Splitter(const Graph& g, const RowRegion& region, const Cut& cut)
        : g_(g), region_(region), table_(g, region.first, region.last), cut_(cut), width_(g.type(region.out).shape[2]), r_(g) {}

    std::optional<Graph> run() {
        const auto strips = plan_strips(table_, region_.first, region_.last, cut_);
        if (!strips || !plan_bands()) return std::nullopt;
        for (int32_t k = 0; k < region_.first; ++k) r_.copy(g_.nodes[static_cast<size_t>(k)]);
        r_.replace(region_.out, cut_.keep ? by_bands(*strips) : by_strips(*strips));
        for (size_t k = static_cast<size_t>(region_.last) + 1; k < g_.nodes.size(); ++k) r_.copy(g_.nodes[k]);
        return r_.finish();
    }

private:
    // The part of an old value that exists at the moment, as a value of the new graph.
    struct Held {
        Patch tile;
        ValueId value;
    };

    bool plan_bands() {
        if (cut_.bands == 1) {  // whatever the nodes are
            std::vector<Columns> all;
            for (int32_t k = region_.first; k <= region_.last; ++k)
                all.push_back({0, g_.type(g_.nodes[static_cast<size_t>(k)].outputs[0]).shape[2]});
            bands_.push_back(std::move(all));
            return true;
        }
        for (int32_t k = region_.first; k <= region_.last; ++k)
            if (!works_by_columns(g_, g_.nodes[static_cast<size_t>(k)])) return false;
        for (int64_t b = 0; b < cut_.bands; ++b) {
            auto columns = plan_columns(g_, region_.first, region_.last, band_of(width_, cut_.bands, b));
            if (!columns) return false;
            bands_.push_back(std::move(*columns));
        }
        return true;
    }

    ValueId by_bands(const std::vector<std::vector<StripRows>>& strips) {
        std::vector<ValueId> bands;
        for (const std::vector<Columns>& band : bands_) {
            held_.clear();
            std::vector<ValueId> parts;
            for (const std::vector<StripRows>& rows : strips)
                if (const ValueId part = strip(rows, band); part.valid()) parts.push_back(part);
            bands.push_back(joined(1, parts));
        }
        return joined(2, bands);
    }
    ValueId by_strips(const std::vector<std::vector<StripRows>>& strips) {
        std::vector<ValueId> all;
        for (const std::vector<StripRows>& rows : strips) {
            std::vector<ValueId> parts;
            for (const std::vector<Columns>& band : bands_) {
                held_.clear();
                if (const ValueId part = strip(rows, band); part.valid()) parts.push_back(part);
            }
            if (!parts.empty()) all.push_back(joined(2, parts));
        }
        return joined(1, all);
    }
    // Parts of the region's result, one below the other (axis 1) or beside it (axis 2).
    ValueId joined(int64_t axis, const std::vector<ValueId>& parts) {
        return parts.size() == 1 ? parts[0] : typed(r_.add(Concat{axis}, parts, sources_of(region_.out)), region_.out);
    }

    // Makes a strip of a band; returns its rows of the region's result, an invalid id when it has none.
    ValueId strip(const std::vector<StripRows>& wanted, const std::vector<Columns>& band) {
        ValueId result;
        for (int32_t k = region_.first; k <= region_.last; ++k) {
            const Node& n = g_.nodes[static_cast<size_t>(k)];
            const ValueId y = n.outputs[0];
            const StripRows& w = wanted[static_cast<size_t>(k - region_.first)];
            const Columns& columns = band[static_cast<size_t>(k - region_.first)];
            if (w.rows.empty()) continue;
            std::vector<ValueId> parts;
            const Rows kept{w.rows.begin, w.fresh.empty() ? w.rows.end : w.fresh.begin};
            if (!kept.empty()) parts.push_back(tile_of(y, {kept, columns}));
            if (!w.fresh.empty()) parts.push_back(compute(k, {w.fresh, columns}));
            const ValueId value = parts.size() == 1 ? parts[0] : typed(r_.add(Concat{1}, parts, n.sources), y);
            held_[y] = {{w.rows, columns}, value};
            if (y == region_.out) result = value;
        }
        return result;
    }

    ValueId compute(int32_t k, const Patch& fresh) {
        const Node& n = g_.nodes[static_cast<size_t>(k)];
        std::vector<ValueId> in;
        for (ValueId id : n.inputs) in.push_back(id.valid() && g_[id].is_constant() ? r_.map(id) : ValueId{});
        Patch x;
        for (const RowTable::Operand& o : table_.entry(k).operands) {
            const int64_t width = g_.type(n.inputs[o.input]).shape[2];
            const Patch needed{table_.needed(o, fresh.rows),
                               cut_.bands == 1 ? Columns{0, width} : columns_needed(g_, n, o.input, fresh.columns)};
            if (o.input == 0) x = needed;
            in[o.input] = tile_of(n.inputs[o.input], needed);
        }
        const ValueId y = r_.add(part_of(g_, n, fresh, x), std::move(in), n.sources);
        GW_CHECK(r_.out.type(y).shape[1] == fresh.rows.size() && r_.out.type(y).shape[2] == fresh.columns.size(),
                 "another tile than planned");
        return typed(y, n.outputs[0]);
    }

    // That part of an old value: all that is held of it, a slice of that, or (the region's input) a slice of the whole. Rows are cut first:
    // they lie in one piece.
    ValueId tile_of(ValueId old_value, const Patch& tile) {
        const Shape& whole = g_.type(old_value).shape;
        const Held held = old_value == region_.in ? Held{{{0, whole[1]}, {0, whole[2]}}, r_.map(old_value)} : held_.at(old_value);
        const ValueId rows = slice(old_value, held.value, 1, held.tile.rows, tile.rows);
        return slice(old_value, rows, 2, held.tile.columns, tile.columns);
    }
    ValueId slice(ValueId old_value, ValueId from, int64_t axis, const Rows& there, const Rows& wanted) {
        if (there == wanted) return from;
        std::vector<int64_t> start(4, 0), size = r_.out.type(from).shape.dims();
        start[static_cast<size_t>(axis)] = wanted.begin - there.begin;
        size[static_cast<size_t>(axis)] = wanted.size();
        return typed(r_.add(Slice{start, size, {1, 1, 1, 1}}, {from}, sources_of(old_value)), old_value);
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
    const Cut cut_;
    const int64_t width_;  // of the region's result
    std::vector<std::vector<Columns>> bands_;
    Rewriter r_;
    std::map<ValueId, Held> held_;
};

int64_t node_macs(const Graph& g, const Node& n) {
    std::vector<const Type*> in;
    for (ValueId id : n.inputs) in.push_back(id.valid() ? &g.type(id) : nullptr);
    const std::vector<const Type*> out = {&g.type(n.outputs[0])};
    return work(n.op, in, out).macs;
}

// How many rows or columns are computed, and how many different ones.
struct Counted {
    explicit Counted(int64_t size) : seen(static_cast<size_t>(size)) {}
    void add(const Rows& r) {
        for (int64_t i = r.begin; i < r.end; ++i) {
            ++computed;
            distinct += seen[static_cast<size_t>(i)] ? 0 : 1;
            seen[static_cast<size_t>(i)] = true;
        }
    }
    std::vector<bool> seen;
    int64_t computed = 0, distinct = 0;
};

}  // namespace

std::vector<RowChain> row_chains(const Graph& g) {
    std::vector<RowChain> chains;
    const std::map<int32_t, ValueId> points = single_values(g);
    for (auto at = points.begin(); at != points.end(); ++at) {
        const auto next = std::next(at);
        if (next == points.end()) break;
        bool by_rows = is_picture(g.type(at->second));
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

std::optional<Graph> split_rows(const Graph& graph, const RowRegion& region, const Cut& cut) {
    const ValueId driven = graph.nodes[static_cast<size_t>(cut.driver)].outputs[0];
    const int64_t rows = graph.type(driven).shape[1];
    if (cut.height < 1 || cut.bands < 1 || cut.bands > graph.type(region.out).shape[2] || (cut.bands == 1 && cut.height >= rows))
        return std::nullopt;
    return Splitter(graph, region, cut).run();
}

int64_t recomputed_macs(const Graph& graph, const RowRegion& region, const Cut& cut) {
    if (cut.bands == 1 && cut.keep) return 0;
    const auto strips = plan_strips(RowTable(graph, region.first, region.last), region.first, region.last, cut);
    if (!strips) return 0;
    std::vector<std::vector<Columns>> bands;
    for (int64_t b = 0; b < cut.bands; ++b) {
        auto columns = plan_columns(graph, region.first, region.last, band_of(graph.type(region.out).shape[2], cut.bands, b));
        if (!columns) return 0;
        bands.push_back(std::move(*columns));
    }
    // Every band makes the same rows.
    int64_t macs = 0;
    for (int32_t k = region.first; k <= region.last; ++k) {
        const Node& n = graph.nodes[static_cast<size_t>(k)];
        const auto at = static_cast<size_t>(k - region.first);
        const Shape& s = graph.type(n.outputs[0]).shape;
        Counted rows(s[1]), columns(s[2]);
        for (const std::vector<StripRows>& strip : *strips) rows.add(strip[at].fresh);
        for (const std::vector<Columns>& band : bands) columns.add(band[at]);
        macs += node_macs(graph, n) / (s[1] * s[2]) * (rows.computed * columns.computed - rows.distinct * columns.distinct);
    }
    return macs;
}

}  // namespace gw
