// A pool may leave the last rows and columns of what it reads alone, a strided layer too, and a slice what it cuts off. Nobody needs to
// compute them. Going backwards, each op's `needs` tells which tile of its operands is read; going forwards, layers get the padding with
// which they make that tile and no more.
//
// Rows can be left out anywhere, for a layer before which they stay takes a slice of rows, which is a view. A slice of columns would be a
// copy; so columns are left out only where what the layer reads has no others. That is found out by trying: a layer that would need such a
// copy makes all its columns, and everything is planned anew.
#include <algorithm>

#include "base/check.h"
#include "passes/passes.h"
#include "passes/row_plan.h"

namespace gw {
namespace {

class Trimmer {
public:
    explicit Trimmer(const Graph& graph) : g_(graph), all_columns_(graph.nodes.size()), r_(graph) {}

    Graph run() {
        do plan();
        while (needs_copies());
        for (size_t k = 0; k < g_.nodes.size(); ++k)
            if (!trimmed(k)) r_.copy(g_.nodes[k]);
        return r_.finish();
    }

private:
    bool is_picture(ValueId v) const { return gw::is_picture(g_.type(v)); }
    Patch whole(ValueId v) const { return {{0, g_.type(v).shape[1]}, {0, g_.type(v).shape[2]}}; }
    bool trims(const Node& n) const { return works_by_columns(g_, n); }
    static bool is_slice(const Node& n) { return get_if<Slice>(n.op) != nullptr; }

    // What is made of each value.
    void plan() {
        made_.assign(g_.values.size(), Patch{});
        for (const Port& p : g_.outputs) read(p.value);
        for (const State& s : g_.states) read(s.next);
        for (size_t k = g_.nodes.size(); k-- > 0;) {
            const Node& n = g_.nodes[k];
            for (ValueId y : n.outputs) {
                Patch& tile = made_[static_cast<size_t>(y.index)];
                if (!is_picture(y)) continue;
                if (!trims(n) || tile.rows.empty() || tile.columns.empty()) tile = whole(y);
                if (all_columns_[k]) tile.columns = whole(y).columns;
                if (reads_nothing(n)) tile = whole(y);
            }
            for (size_t i = 0; i < n.inputs.size(); ++i) read_by(n, i);
        }
        for (size_t v = 0; v < g_.values.size(); ++v)
            if (const ValueId id{static_cast<int32_t>(v)}; is_picture(id) && g_.producer(id) == nullptr) made_[v] = whole(id);
    }
    void read(ValueId v) {
        if (is_picture(v)) made_[static_cast<size_t>(v.index)] = whole(v);
    }
    void read_by(const Node& n, size_t i) {
        const ValueId x = n.inputs[i];
        if (!x.valid() || !is_picture(x)) return;
        Patch& tile = made_[static_cast<size_t>(x.index)];
        const Patch wanted = needed(n, i);
        tile = {hull(tile.rows, wanted.rows), hull(tile.columns, wanted.columns)};
    }
    // Whether what is made of the node's result lies in the padding alone: no padding makes that of a picture which begins before it.
    bool reads_nothing(const Node& n) const {
        if (!trims(n)) return false;
        const std::vector<size_t> operands = row_operands(g_, n);
        return std::any_of(operands.begin(), operands.end(), [&](size_t i) {
            const Patch tile = patch_needed(g_, n, i, made(n.outputs[0]));
            return tile.rows.empty() || tile.columns.empty();
        });
    }
    Patch made(ValueId v) const { return made_[static_cast<size_t>(v.index)]; }
    Patch needed(const Node& n, size_t i) const {
        if (!trims(n) && !(is_slice(n) && is_picture(n.outputs[0]))) return whole(n.inputs[i]);
        const Patch tile = patch_needed(g_, n, i, made(n.outputs[0]));
        return tile.rows.empty() || tile.columns.empty() ? whole(n.inputs[i]) : tile;  // reads_nothing
    }

    // Whether the node can read operand `i` along an axis as it is: it has what is needed, or a window just passes over what lies behind.
    bool as_it_is(const Node& n, const Rows& wanted, const Rows& there, size_t axis) const {
        if (wanted == there) return true;
        const Conv2D* conv = get_if<Conv2D>(n.op);
        const Pool2D* pool = get_if<Pool2D>(n.op);
        if (conv == nullptr && pool == nullptr) return false;
        return wanted.begin == there.begin && there.end - wanted.end < (conv != nullptr ? conv->stride : pool->stride)[axis];
    }
    bool needs_copies() {
        bool some = false;
        for (size_t k = 0; k < g_.nodes.size(); ++k) {
            const Node& n = g_.nodes[k];
            if (!trims(n) || all_columns_[k]) continue;
            for (size_t i : row_operands(g_, n))
                all_columns_[k] = all_columns_[k] || !as_it_is(n, needed(n, i).columns, made(n.inputs[i]).columns, 1);
            some = some || all_columns_[k];
        }
        return some;
    }

    // Makes the node anew if it makes or reads less than it did.
    bool trimmed(size_t k) {
        const Node& n = g_.nodes[k];
        const auto less = [&](ValueId v) { return v.valid() && is_picture(v) && made(v) != whole(v); };
        if (!less(n.outputs[0]) && std::none_of(n.inputs.begin(), n.inputs.end(), less)) return false;
        if (is_slice(n)) return slice(n);
        GW_CHECK(trims(n), "an op that reads everything is given less");
        std::vector<ValueId> in;
        for (ValueId x : n.inputs) in.push_back(r_.map(x));
        Patch first;
        for (size_t i : row_operands(g_, n)) {
            const Patch wanted = needed(n, i), there = made(n.inputs[i]);
            GW_CHECK(as_it_is(n, wanted.columns, there.columns, 1), "columns that nobody reads");
            const bool all_rows = as_it_is(n, wanted.rows, there.rows, 0);
            if (!all_rows) in[i] = rows_of(in[i], wanted.rows.begin - there.rows.begin, wanted.rows.size(), n.inputs[i]);
            if (i == 0) first = {all_rows ? there.rows : wanted.rows, there.columns};
        }
        const Patch tile = made(n.outputs[0]);
        const ValueId y = r_.add(part_of(g_, n, tile, first), std::move(in), n.sources);
        GW_CHECK(r_.out.type(y).shape[1] == tile.rows.size() && r_.out.type(y).shape[2] == tile.columns.size(),
                 "another tile than planned");
        put(n, y);
        return true;
    }
    bool slice(const Node& n) {
        Slice op = *get_if<Slice>(n.op);
        const ValueId x = r_.map(n.inputs[0]);
        const Patch there = made(n.inputs[0]);
        op.start[1] -= there.rows.begin, op.start[2] -= there.columns.begin;
        const bool all = std::all_of(op.step.begin(), op.step.end(), [](int64_t s) { return s == 1; }) &&
                         g_.type(n.outputs[0]).shape == r_.out.type(x).shape;
        if (all)
            r_.replace(n.outputs[0], x);
        else
            put(n, r_.add(op, {x}, n.sources));
        return true;
    }
    ValueId rows_of(ValueId x, int64_t begin, int64_t rows, ValueId old_value) {
        const Shape& s = r_.out.type(x).shape;
        const Node* producer = g_.producer(old_value);
        const ValueId part = r_.add(Slice{{0, begin, 0, 0}, {1, rows, s[2], s[3]}, {1, 1, 1, 1}}, {x},
                                    producer != nullptr ? producer->sources : std::vector<Source>{});
        return like(part, old_value);
    }
    ValueId like(ValueId made, ValueId old_value) {
        r_.out[made].type.quant = g_.type(old_value).quant;
        if (r_.out[made].source.empty()) r_.out[made].source = g_[old_value].source;
        return made;
    }
    void put(const Node& n, ValueId y) { r_.replace(n.outputs[0], like(y, n.outputs[0])); }

    const Graph& g_;
    std::vector<bool> all_columns_;  // nodes that make all columns of their result
    std::vector<Patch> made_;        // of pictures
    Rewriter r_;
};

}  // namespace

Graph drop_borders(const Graph& graph) { return Trimmer(graph).run(); }

}  // namespace gw
