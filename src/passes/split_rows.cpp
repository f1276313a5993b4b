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

namespace gw {
namespace {

struct Rows {
    int64_t begin = 0, end = 0;
    bool empty() const { return begin >= end; }
    int64_t size() const { return end - begin; }
    bool operator==(const Rows&) const = default;
};
Rows hull(const Rows& a, const Rows& b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

bool is_image(const Type& t) { return t.shape.rank() == 4 && t.shape[0] == 1; }

// Whether an operand is one for all rows: a constant whose height, as the result sees it, is 1.
bool same_for_all_rows(const Graph& g, ValueId id) {
    const Tensor* t = g.constant(id);
    if (t == nullptr) return false;
    const Shape& s = t->shape();
    return s.rank() < 3 || s[s.rank() - 3] == 1;
}

// Operands that have rows: those that are not constant.
std::vector<size_t> row_operands(const Graph& g, const Node& n) {
    std::vector<size_t> operands;
    for (size_t i = 0; i < n.inputs.size(); ++i)
        if (n.inputs[i].valid() && !g[n.inputs[i]].is_constant()) operands.push_back(i);
    return operands;
}

bool works_by_rows(const Graph& g, const Node& n) {
    if (n.outputs.size() != 1 || !is_image(g.type(n.outputs[0]))) return false;
    const std::vector<size_t> operands = row_operands(g, n);
    if (operands.empty()) return false;
    for (size_t i : operands)
        if (!is_image(g.type(n.inputs[i]))) return false;
    const int64_t rows = g.type(n.outputs[0]).shape[1];
    const auto keeps_rows = [&] {  // element by element: each operand has the result's rows, or is the same for all
        for (size_t i = 0; i < n.inputs.size(); ++i) {
            if (!n.inputs[i].valid()) continue;
            const bool given = g[n.inputs[i]].is_constant();
            if (given ? !same_for_all_rows(g, n.inputs[i]) : g.type(n.inputs[i]).shape[1] != rows) return false;
        }
        return true;
    };
    if (get_if<Conv2D>(n.op) != nullptr) return operands == std::vector<size_t>{0};
    if (get_if<Pool2D>(n.op) != nullptr) return true;
    if (get_if<Unary>(n.op) != nullptr || get_if<Lookup>(n.op) != nullptr || get_if<Quantize>(n.op) != nullptr ||
        get_if<Dequantize>(n.op) != nullptr || get_if<Cast>(n.op) != nullptr)
        return operands == std::vector<size_t>{0};
    if (get_if<Binary>(n.op) != nullptr) return keeps_rows();
    if (const Concat* c = get_if<Concat>(n.op)) return c->axis >= 2 && keeps_rows();
    return false;
}

// Rows of operand `i` that rows `r` of the node's result read.
Rows rows_needed(const Graph& g, const Node& n, size_t i, const Rows& r) {
    std::vector<const Type*> in;
    for (ValueId id : n.inputs) in.push_back(id.valid() ? &g.type(id) : nullptr);
    const Type& out = g.type(n.outputs[0]);
    Box box{std::vector<int64_t>(4, 0), out.shape.dims()};
    box.begin[1] = r.begin, box.end[1] = r.end;
    const auto needed = needs(n.op, in, out, box, i);
    if (!needed) return {0, g.type(n.inputs[i]).shape[1]};
    return {needed->begin[1], needed->end[1]};
}

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
        : g_(g), region_(region), driver_(driver), height_(height), r_(g) {}

    std::optional<Graph> run() {
        for (int32_t k = 0; k < region_.first; ++k) r_.copy(g_.nodes[static_cast<size_t>(k)]);
        const int64_t rows = rows_of_node(driver_);
        std::vector<ValueId> parts;
        for (int64_t end = height_; end < rows + height_; end += height_) {
            const std::optional<ValueId> part = strip(targets(std::min(end, rows)));
            if (!part) return std::nullopt;
            if (part->valid()) parts.push_back(*part);
        }
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
    struct Wanted {
        Rows rows;   // that this strip reads, or makes for the next
        Rows fresh;  // those of them that no strip has made yet
    };
    using Targets = std::map<ValueId, int64_t>;  // of the driver's result and what depends on it: how many rows are to be there

    int64_t rows_of_node(int32_t k) const { return g_.type(g_.nodes[static_cast<size_t>(k)].outputs[0]).shape[1]; }
    int64_t made(ValueId old_value) const {
        const auto held = held_.find(old_value);
        return held == held_.end() ? 0 : held->second.rows.end;
    }

    // When the driver has made `end` rows: how many each value behind it can have.
    Targets targets(int64_t end) const {
        Targets t;
        const ValueId driven = g_.nodes[static_cast<size_t>(driver_)].outputs[0];
        t[driven] = end;
        for (int32_t k = driver_ + 1; k <= region_.last; ++k) {
            const Node& n = g_.nodes[static_cast<size_t>(k)];
            const int64_t rows = rows_of_node(k);
            int64_t possible = rows;
            bool behind = false;
            for (size_t i : row_operands(g_, n)) {
                const auto operand = t.find(n.inputs[i]);
                if (operand == t.end()) continue;
                behind = true;
                if (operand->second == g_.type(n.inputs[i]).shape[1]) continue;
                while (possible > 0 && rows_needed(g_, n, i, {0, possible}).end > operand->second) --possible;
            }
            if (behind) t[n.outputs[0]] = end == rows_of_node(driver_) ? rows : possible;
        }
        return t;
    }

    // Which rows each value of the region is to have in this strip, from the last node backwards.
    std::optional<std::map<ValueId, Wanted>> plan(const Targets& targets) const {
        std::map<ValueId, Wanted> wanted;
        for (int32_t k = region_.last; k >= region_.first; --k) {
            const Node& n = g_.nodes[static_cast<size_t>(k)];
            const ValueId y = n.outputs[0];
            Wanted& w = wanted[y];
            const int64_t done = made(y);
            if (const auto target = targets.find(y); target != targets.end()) w.rows = hull(w.rows, {done, target->second});
            if (!w.rows.empty()) {
                w.rows.end = std::max(w.rows.end, done);
                w.fresh = {std::max(w.rows.begin, done), w.rows.end};
            }
            for (size_t i : row_operands(g_, n)) {
                Rows& operand = wanted[n.inputs[i]].rows;
                if (!w.fresh.empty()) {
                    const Rows needed = rows_needed(g_, n, i, w.fresh);
                    if (needed.empty()) return std::nullopt;
                    operand = hull(operand, needed);
                } else if (done < g_.type(y).shape[1] && held_.count(n.inputs[i]) != 0) {
                    // Nothing to do in this strip, but what is there must stay for the next.
                    operand = hull(operand, {rows_needed(g_, n, i, {done, done + 1}).begin, made(n.inputs[i])});
                }
            }
        }
        return wanted;
    }

    // Makes a strip; returns its rows of the region's result, an invalid id when it has none.
    std::optional<ValueId> strip(const Targets& targets) {
        const auto wanted = plan(targets);
        if (!wanted) return std::nullopt;
        ValueId result;
        for (int32_t k = region_.first; k <= region_.last; ++k) {
            const Node& n = g_.nodes[static_cast<size_t>(k)];
            const ValueId y = n.outputs[0];
            const Wanted& w = wanted->at(y);
            if (w.rows.empty()) continue;
            std::vector<ValueId> parts;
            const Rows kept{w.rows.begin, w.fresh.empty() ? w.rows.end : w.fresh.begin};
            if (!kept.empty()) parts.push_back(rows_of(y, kept));
            if (!w.fresh.empty()) parts.push_back(compute(n, w.fresh));
            const ValueId value = parts.size() == 1 ? parts[0] : typed(r_.add(Concat{1}, parts, n.sources), y);
            held_[y] = {w.rows, value};
            if (y == region_.out) result = value;
        }
        return result;
    }

    ValueId compute(const Node& n, const Rows& fresh) {
        std::vector<ValueId> in;
        Rows x;
        const std::vector<size_t> operands = row_operands(g_, n);
        for (size_t i = 0; i < n.inputs.size(); ++i) {
            if (std::find(operands.begin(), operands.end(), i) == operands.end()) {
                in.push_back(r_.map(n.inputs[i]));
                continue;
            }
            const Rows needed = rows_needed(g_, n, i, fresh);
            if (i == 0) x = needed;
            in.push_back(rows_of(n.inputs[i], needed));
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
