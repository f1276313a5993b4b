// The plan of strips and bands, as numbers. Going backwards from a strip's last node, what each node's new rows read tells which rows of
// its operands are wanted; those that an earlier strip has made are kept, the others are fresh. Columns are simpler: what a band's columns
// read, going backwards, is what is made for it. A search looks at thousands of regions and heights, so this is apart from the rewrite of
// the graph (split_rows.cpp), and the rows that a row reads are looked up in a table.
#include "passes/row_plan.h"

#include <algorithm>
#include <array>

namespace gw {
namespace {

// Whether an operand is one for all rows (axis 1) or columns (axis 2): a constant whose size there, as the result sees it, is 1.
bool same_along(const Graph& g, ValueId id, int64_t axis) {
    const Tensor* t = g.constant(id);
    if (t == nullptr) return false;
    const Shape& s = t->shape();
    return s.rank() < 4 - axis || s[s.rank() - 4 + axis] == 1;
}

// Rows (axis 1) or columns (axis 2) of operand `i` that those of the node's result read.
Rows needed_along(size_t axis, const Node& n, const std::vector<const Type*>& in, const Type& out, size_t i, const Rows& r) {
    Box box{std::vector<int64_t>(4, 0), out.shape.dims()};
    box.begin[axis] = r.begin, box.end[axis] = r.end;
    const auto needed = needs(n.op, in, out, box, i);
    if (!needed) return {0, in[i]->shape[static_cast<int64_t>(axis)]};
    return {needed->begin[axis], needed->end[axis]};
}

std::vector<const Type*> operand_types(const Graph& g, const Node& n) {
    std::vector<const Type*> in;
    for (ValueId id : n.inputs) in.push_back(id.valid() ? &g.type(id) : nullptr);
    return in;
}

// The window of a spatial op along rows (axis 0) or columns (axis 1).
struct Window {
    size_t axis;
    int64_t kernel, stride, dilation;
};
// Gives an op for positions `r` of its result, which is given exactly positions `x` of its operand, the padding that lies before and behind
// them. Positions of the operand between those and the padding are read by no window.
template <class T>
void set_padding(T& op, const Window& w, const Rows& r, const Rows& x) {
    const int64_t pad = op.pad[w.axis];
    const int64_t first = r.begin * w.stride - pad;
    const int64_t end = (r.end - 1) * w.stride - pad + (w.kernel - 1) * w.dilation + 1;
    op.pad[w.axis] = std::max<int64_t>(0, x.begin - first);
    op.pad[w.axis + 2] = std::max<int64_t>(0, end - x.end);
}

class Planner {
public:
    Planner(const RowTable& table, int32_t first, int32_t last, const Cut& cut)
        : table_(table),
          first_(first),
          last_(last),
          driver_(cut.driver),
          height_(cut.height),
          keep_(cut.keep),
          made_(static_cast<size_t>(last - first + 1)),
          wanted_(made_.size()) {}

    std::optional<std::vector<std::vector<StripRows>>> run() {
        std::vector<std::vector<StripRows>> strips;
        const int64_t rows = table_.entry(driver_).rows;
        for (int64_t end = height_; end < rows + height_; end += height_) {
            set_targets(std::min(end, rows));
            if (!plan()) return std::nullopt;
            strips.push_back(wanted_);
            for (size_t k = 0; k < made_.size(); ++k)
                if (!wanted_[k].rows.empty() && (keep_ || k + 1 == made_.size())) made_[k] = wanted_[k].rows.end;
        }
        return strips;
    }

private:
    static constexpr int64_t none = -1;
    bool inside(const RowTable::Operand& o) const { return o.producer >= first_; }
    size_t at(int32_t node) const { return static_cast<size_t>(node - first_); }

    // When the driver has made `end` rows: how many each value behind it can have.
    void set_targets(int64_t end) {
        targets_.assign(made_.size(), none);
        targets_[at(driver_)] = end;
        for (int32_t k = driver_ + 1; k <= last_; ++k) {
            const RowTable::Entry& e = table_.entry(k);
            int64_t possible = e.rows;
            bool behind = false;
            for (const RowTable::Operand& o : e.operands) {
                if (!inside(o) || targets_[at(o.producer)] == none) continue;
                behind = true;
                const int64_t there = targets_[at(o.producer)];
                if (there == table_.entry(o.producer).rows) continue;
                while (possible > 0 && table_.needed(o, {0, possible}).end > there) --possible;
            }
            if (behind) targets_[at(k)] = end == table_.entry(driver_).rows ? e.rows : possible;
        }
    }

    // Which rows each value is to have in this strip, from the last node backwards.
    bool plan() {
        std::fill(wanted_.begin(), wanted_.end(), StripRows{});
        for (int32_t k = last_; k >= first_; --k) {
            const RowTable::Entry& e = table_.entry(k);
            StripRows& w = wanted_[at(k)];
            const int64_t done = made_[at(k)];
            if (targets_[at(k)] != none) w.rows = hull(w.rows, {done, targets_[at(k)]});
            if (!w.rows.empty()) {
                w.rows.end = std::max(w.rows.end, done);
                w.fresh = {std::max(w.rows.begin, done), w.rows.end};
            }
            for (const RowTable::Operand& o : e.operands) {
                if (!w.fresh.empty()) {
                    const Rows needed = table_.needed(o, w.fresh);
                    if (needed.empty()) return false;
                    if (inside(o)) wanted_[at(o.producer)].rows = hull(wanted_[at(o.producer)].rows, needed);
                } else if (done < e.rows && inside(o) && made_[at(o.producer)] > 0) {
                    // Nothing to do in this strip, but what is there must stay for the next.
                    Rows& operand = wanted_[at(o.producer)].rows;
                    operand = hull(operand, {table_.needed(o, {done, done + 1}).begin, made_[at(o.producer)]});
                }
            }
        }
        return true;
    }

    const RowTable& table_;
    const int32_t first_, last_, driver_;
    const int64_t height_;
    const bool keep_;
    std::vector<int64_t> made_;  // rows so far that are kept
    std::vector<int64_t> targets_;
    std::vector<StripRows> wanted_;
};

}  // namespace

bool is_picture(const Type& t) { return t.shape.rank() == 4 && t.shape[0] == 1; }

Rows hull(const Rows& a, const Rows& b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

std::vector<size_t> row_operands(const Graph& g, const Node& n) {
    std::vector<size_t> operands;
    for (size_t i = 0; i < n.inputs.size(); ++i)
        if (n.inputs[i].valid() && !g[n.inputs[i]].is_constant()) operands.push_back(i);
    return operands;
}

namespace {

bool works_along(int64_t axis, const Graph& g, const Node& n) {
    if (n.outputs.size() != 1 || !is_picture(g.type(n.outputs[0]))) return false;
    const std::vector<size_t> operands = row_operands(g, n);
    if (operands.empty()) return false;
    for (size_t i : operands)
        if (!is_picture(g.type(n.inputs[i]))) return false;
    const int64_t size = g.type(n.outputs[0]).shape[axis];
    const auto keeps = [&] {  // element by element: each operand has the result's rows (or columns), or is the same for all
        for (size_t i = 0; i < n.inputs.size(); ++i) {
            if (!n.inputs[i].valid()) continue;
            const bool given = g[n.inputs[i]].is_constant();
            if (given ? !same_along(g, n.inputs[i], axis) : g.type(n.inputs[i]).shape[axis] != size) return false;
        }
        return true;
    };
    if (get_if<Conv2D>(n.op) != nullptr) return operands == std::vector<size_t>{0};
    if (get_if<Pool2D>(n.op) != nullptr) return true;
    if (get_if<Unary>(n.op) != nullptr || get_if<Lookup>(n.op) != nullptr || get_if<Quantize>(n.op) != nullptr ||
        get_if<Dequantize>(n.op) != nullptr || get_if<Cast>(n.op) != nullptr || get_if<Rescale>(n.op) != nullptr ||
        get_if<Sigmoid16>(n.op) != nullptr)
        return operands == std::vector<size_t>{0};
    if (get_if<Binary>(n.op) != nullptr) return keeps();
    if (const Concat* c = get_if<Concat>(n.op)) return c->axis > axis && keeps();
    return false;
}

}  // namespace

bool works_by_rows(const Graph& g, const Node& n) { return works_along(1, g, n); }
bool works_by_columns(const Graph& g, const Node& n) { return works_along(1, g, n) && works_along(2, g, n); }

Columns columns_needed(const Graph& g, const Node& n, size_t i, const Columns& c) {
    return needed_along(2, n, operand_types(g, n), g.type(n.outputs[0]), i, c);
}

Patch patch_needed(const Graph& g, const Node& n, size_t i, const Patch& tile) {
    const std::vector<const Type*> in = operand_types(g, n);
    const Type& out = g.type(n.outputs[0]);
    return {needed_along(1, n, in, out, i, tile.rows), needed_along(2, n, in, out, i, tile.columns)};
}

Op part_of(const Graph& g, const Node& n, const Patch& r, const Patch& x) {
    const auto part = [&](auto op, auto kernel) -> Op {
        set_padding(op, {0, kernel[0], op.stride[0], op.dilation[0]}, r.rows, x.rows);
        set_padding(op, {1, kernel[1], op.stride[1], op.dilation[1]}, r.columns, x.columns);
        return op;
    };
    if (const Conv2D* op = get_if<Conv2D>(n.op)) {
        const Shape& w = g.type(n.inputs[1]).shape;
        return part(*op, std::array{w[1], w[2]});
    }
    if (const Pool2D* op = get_if<Pool2D>(n.op)) return part(*op, op->kernel);
    return n.op;
}

Columns band_of(int64_t width, int64_t bands, int64_t band) { return {width * band / bands, width * (band + 1) / bands}; }

std::optional<std::vector<Columns>> plan_columns(const Graph& g, int32_t first, int32_t last, const Columns& wanted) {
    std::vector<Columns> columns(static_cast<size_t>(last - first + 1));
    columns.back() = wanted;
    for (int32_t k = last; k >= first; --k) {
        const Node& n = g.nodes[static_cast<size_t>(k)];
        for (size_t i : row_operands(g, n)) {
            const Columns needed = columns_needed(g, n, i, columns[static_cast<size_t>(k - first)]);
            if (needed.empty()) return std::nullopt;
            const int32_t producer = g[n.inputs[i]].node.index;
            if (producer >= first)
                columns[static_cast<size_t>(producer - first)] = hull(columns[static_cast<size_t>(producer - first)], needed);
        }
    }
    return columns;
}

RowTable::RowTable(const Graph& g, int32_t first, int32_t last) : first_(first) {
    for (int32_t k = first; k <= last; ++k) {
        const Node& n = g.nodes[static_cast<size_t>(k)];
        const Type& out = g.type(n.outputs[0]);
        Entry e{out.shape[1], out.bytes() / out.shape[1], {}};
        const std::vector<const Type*> in = operand_types(g, n);
        for (size_t i : row_operands(g, n)) {
            Operand o{i, g[n.inputs[i]].node.index, {}};
            for (int64_t r = 0; r < e.rows; ++r) o.need.push_back(needed_along(1, n, in, out, i, {r, r + 1}));
            e.operands.push_back(std::move(o));
        }
        entries_.push_back(std::move(e));
    }
}

Rows RowTable::needed(const Operand& operand, const Rows& r) const {
    // Windows move down with the rows, so the first and the last that read anything are enough.
    int64_t first = r.begin, last = r.end - 1;
    while (first <= last && operand.need[static_cast<size_t>(first)].empty()) ++first;
    while (last > first && operand.need[static_cast<size_t>(last)].empty()) --last;
    if (first > last) return {};
    return {operand.need[static_cast<size_t>(first)].begin, operand.need[static_cast<size_t>(last)].end};
}

RowTable RowTable::narrowed(const Graph& g, int32_t first, const std::vector<Columns>& columns) const {
    RowTable t = *this;
    t.first_ = first;
    const auto begin = entries_.begin() + (first - first_);
    t.entries_.assign(begin, begin + static_cast<std::ptrdiff_t>(columns.size()));
    for (size_t k = 0; k < columns.size(); ++k) {
        const Node& n = g.nodes[static_cast<size_t>(first) + k];
        Entry& e = t.entries_[k];
        e.row_bytes = e.row_bytes * columns[k].size() / g.type(n.outputs[0]).shape[2];
        for (Operand& o : e.operands) {
            const Type& x = g.type(n.inputs[o.input]);
            const Columns needed = columns_needed(g, n, o.input, columns[k]);
            const Columns there = o.producer >= first ? columns[static_cast<size_t>(o.producer - first)] : Columns{0, x.shape[2]};
            if (needed != there) o.copied_row = x.bytes() / x.shape[1] * needed.size() / x.shape[2];
        }
    }
    return t;
}

std::optional<std::vector<std::vector<StripRows>>> plan_strips(const RowTable& table, int32_t first, int32_t last, const Cut& cut) {
    if (!cut.keep && cut.driver != last) return std::nullopt;
    return Planner(table, first, last, cut).run();
}

namespace {

// Bytes that are live from one node of a strip to the next.
class Ledger {
public:
    Ledger(const RowTable& table, int32_t first, int32_t last, const std::vector<std::vector<StripRows>>& strips, int64_t input_rows,
           int64_t input_row, int64_t output_row, std::span<const KernelBytes> kernels)
        : table_(table),
          first_(first),
          last_(last),
          strips_(strips),
          input_rows_(input_rows),
          input_row_(input_row),
          output_row_(output_row),
          kernels_(kernels),
          now_(static_cast<size_t>(last - first + 1)) {
        find_kept();
        find_input_rows();
    }

    // Without the region's input, and each strip's result leaves at once.
    StripCost run_band() {
        for (std::vector<int64_t>& strip : kept_) strip.back() = 0;
        walk();
        cost_.floor = cost_.bytes;
        return cost_;
    }

    StripCost run() {
        walk();
        cost_.floor = cost_.bytes;
        if (strips_.size() == 1) return cost_;
        const int64_t between = span();
        input_row_ = output_row_ = 0;
        walk();
        cost_.bytes += between;
        return cost_;
    }

    // Bytes that the region's input and result take together: each lies in one run of bytes, so that what lies between the rows that are
    // there is of no use to others, but the result may follow the input as its rows die.
    int64_t span() const {
        int64_t bytes = std::max(input_rows_ * input_row_, table_.entry(last_).rows * output_row_);
        for (size_t s = 0; s < strips_.size(); ++s) {
            const int64_t done = strips_[s].back().rows.empty() ? (s == 0 ? 0 : kept_[s - 1].back()) : strips_[s].back().rows.end;
            bytes = std::max(bytes, done * output_row_ + (input_rows_ - input_from_[s + 1]) * input_row_);
        }
        return bytes;
    }

private:
    size_t at(int32_t node) const { return static_cast<size_t>(node - first_); }
    int64_t row_bytes(int32_t k) const { return k == last_ ? output_row_ : table_.entry(k).row_bytes; }

    // kept_[s][k]: rows of node k's result that a strip after s still wants. The region's own result stays whole.
    void find_kept() {
        kept_.assign(strips_.size(), std::vector<int64_t>(now_.size(), 0));
        for (size_t k = 0; k < now_.size(); ++k) {
            std::vector<int64_t> done(strips_.size());  // rows made so far
            for (size_t s = 0; s < strips_.size(); ++s)
                done[s] = std::max(s == 0 ? 0 : done[s - 1], strips_[s][k].rows.empty() ? 0 : strips_[s][k].rows.end);
            int64_t next = -1;  // where the next strip that wants any begins
            for (size_t s = strips_.size(); s-- > 0;) {
                kept_[s][k] = k + 1 == now_.size() ? done[s] : next < 0 ? 0 : std::max<int64_t>(0, done[s] - next);
                if (!strips_[s][k].rows.empty()) next = strips_[s][k].rows.begin;
            }
        }
    }

    // input_from_[s]: the first row of the region's input that strip s or a later one reads.
    void find_input_rows() {
        input_from_.assign(strips_.size() + 1, input_rows_);
        for (size_t s = strips_.size(); s-- > 0;) {
            input_from_[s] = input_from_[s + 1];
            for (int32_t k = first_; k <= last_; ++k)
                for (const RowTable::Operand& o : table_.entry(k).operands)
                    if (o.producer < first_ && !strips_[s][at(k)].fresh.empty())
                        input_from_[s] = std::min(input_from_[s], table_.needed(o, strips_[s][at(k)].fresh).begin);
        }
    }

    void walk() {
        const int64_t floor = cost_.floor;
        cost_ = {};
        cost_.floor = floor;
        live_ = input_rows_ * input_row_;
        cost_.bytes = live_;
        std::fill(now_.begin(), now_.end(), 0);
        for (size_t s = 0; s < strips_.size(); ++s) strip(s);
    }

    void strip(size_t s) {
        std::vector<int32_t> last_reader(now_.size(), -1);
        int32_t input_reader = -1;
        for (int32_t k = first_; k <= last_; ++k) {
            if (strips_[s][at(k)].fresh.empty()) continue;
            for (const RowTable::Operand& o : table_.entry(k).operands)
                (o.producer >= first_ ? last_reader[at(o.producer)] : input_reader) = k;
        }
        for (int32_t k = first_; k <= last_; ++k) {
            const StripRows& w = strips_[s][at(k)];
            if (w.rows.empty()) continue;
            const int64_t kept = w.rows.size() - w.fresh.size();
            if (k != last_ && kept > 0 && !w.fresh.empty()) ++cost_.copies, cost_.copied_bytes += kept * row_bytes(k);
            if (w.fresh.empty()) continue;
            ++cost_.calls;
            const KernelBytes& kernel = kernels_[at(k)];
            const int64_t result = w.fresh.size() * row_bytes(k);
            int64_t operands = 0;  // copies of some of their columns
            for (const RowTable::Operand& o : table_.entry(k).operands) {
                if (o.copied_row == 0) continue;
                const int64_t copy = table_.needed(o, w.fresh).size() * o.copied_row;
                operands += copy, cost_.copied_bytes += copy, ++cost_.copies;
            }
            cost_.bytes = std::max(cost_.bytes, live_ + operands + std::min(result, kernel.spread) + kernel.scratch);
            live_ += result;
            now_[at(k)] += w.fresh.size();
            for (const RowTable::Operand& o : table_.entry(k).operands)
                if (o.producer >= first_ && last_reader[at(o.producer)] == k) settle(s, o.producer);
            if (input_reader == k) live_ -= (input_from_[s + 1] - input_from_[s]) * input_row_;
            if (k == last_) cost_.bytes = std::max(cost_.bytes, live_ + kernel.scratch);
            if (last_reader[at(k)] < 0) settle(s, k);
            cost_.bytes = std::max(cost_.bytes, live_ + kernel.scratch);
        }
    }
    // Only what later strips want of a result is left.
    void settle(size_t s, int32_t k) {
        live_ += (kept_[s][at(k)] - now_[at(k)]) * row_bytes(k);
        now_[at(k)] = kept_[s][at(k)];
    }

    const RowTable& table_;
    const int32_t first_, last_;
    const std::vector<std::vector<StripRows>>& strips_;
    const int64_t input_rows_;
    int64_t input_row_, output_row_;
    const std::span<const KernelBytes> kernels_;
    std::vector<int64_t> now_;  // rows of each result that are there
    std::vector<std::vector<int64_t>> kept_;
    std::vector<int64_t> input_from_;
    int64_t live_ = 0;
    StripCost cost_;
};

}  // namespace

StripCost strip_cost(const RowTable& table, int32_t first, int32_t last, const std::vector<std::vector<StripRows>>& strips,
                     int64_t input_rows, int64_t input_row, int64_t output_row, std::span<const KernelBytes> kernels) {
    return Ledger(table, first, last, strips, input_rows, input_row, output_row, kernels).run();
}

StripCost band_cost(const RowTable& table, int32_t first, int32_t last, const std::vector<std::vector<StripRows>>& strips,
                    int64_t input_rows, std::span<const KernelBytes> kernels) {
    return Ledger(table, first, last, strips, input_rows, 0, table.entry(last).row_bytes, kernels).run_band();
}

int64_t border_bytes(const RowTable& table, int32_t first, int32_t last, const std::vector<std::vector<StripRows>>& strips,
                     int64_t input_rows, int64_t input_row, int64_t output_row) {
    return Ledger(table, first, last, strips, input_rows, input_row, output_row, {}).span();
}

}  // namespace gw
