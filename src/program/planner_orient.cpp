// Exact search for a placement within a limit by deciding, pair by pair, which block lies above the other. It shines on chains and residual
// nets: there propagation alone decides nearly everything, however long the net.
//
// The idea is that of disjunctive scheduling (Carlier and Pinson 1989; difference constraints by bound propagation): every block has an
// interval [lo, hi] for its offset; every pair has a list of permitted intervals for the difference of its offsets ("q below p by at least
// …", "q above by at least …", and with views pieces in between). A bound that no permitted interval supports moves to the next value that
// one does. Where the conflicts form a forest and each pair has the usual two sides, the fixed point is empty exactly when there is no
// placement, so a chain of a hundred layers is decided without search. Otherwise an undecided pair is split and both parts are tried. When
// every pair has one interval left, the vector of lower bounds is a solution of the difference constraints; it is tested, with the vector
// of upper bounds, at every node.
#include <algorithm>
#include <deque>
#include <limits>

#include "program/planner_internal.h"

namespace gw::plan_detail {
namespace {

constexpr int64_t infinite = std::numeric_limits<int64_t>::max() / 4;

struct Pair {
    size_t p, q;
    std::vector<Span> permitted;  // of x(q) − x(p), ascending
};

struct Domain {
    int64_t lo, hi;
};

// Of each pair the permitted intervals that are still possible: [first, last] as indices.
struct Choice {
    size_t first, last;
};

struct State {
    std::vector<Domain> domain;
    std::vector<Choice> choice;
};

class OrientationSearch {
public:
    OrientationSearch(const Model& model, int64_t limit, int64_t max_nodes) : model_(model), limit_(limit), max_nodes_(max_nodes) {
        touching_.resize(model.blocks.size());
        for (size_t q = 0; q < model.blocks.size(); ++q) {
            for (const Neighbour& n : model.neighbours[q]) {
                if (n.block > q) continue;
                Pair pair{n.block, q, {}};
                int64_t from = -infinite;
                for (const Span& s : n.forbidden) {
                    pair.permitted.push_back({from, s.first - 1});
                    from = s.last + 1;
                }
                pair.permitted.push_back({from, infinite});
                touching_[pair.p].push_back(pairs_.size());
                touching_[pair.q].push_back(pairs_.size());
                pairs_.push_back(std::move(pair));
            }
        }
        queued_.assign(pairs_.size(), 0);
    }

    Answer run() {
        State state;
        for (const Block& b : model_.blocks) {
            Domain d{b.up(0), b.down(limit_ - b.size)};
            if (b.pinned) d = {*b.pinned, *b.pinned + b.size <= limit_ ? *b.pinned : -1};
            state.domain.push_back(d);
        }
        for (const Pair& pair : pairs_) state.choice.push_back({0, pair.permitted.size() - 1});
        Answer answer;
        std::vector<size_t> all(pairs_.size());
        for (size_t k = 0; k < all.size(); ++k) all[k] = k;
        const bool found = search(state, all);
        if (found) answer.found = solution_;
        answer.refuted = !found && !out_of_nodes_;
        answer.at_least = limit_ + 1;
        answer.nodes = nodes_;
        return answer;
    }

private:
    // Shrinks the domain of one side of a pair to what the other side supports. `sign` +1: side q, else side p. False: empty.
    // For side q, v is supported when some permitted [l, h] has lo(p) + l ≤ v ≤ hi(p) + h; for side p with [−h, −l] likewise.
    bool shrink(const Block& block, Domain& mine, const Domain& other, const Pair& pair, const Choice& choice, int sign) const {
        auto low = [&](size_t k) { return other.lo + (sign > 0 ? pair.permitted[k].first : -pair.permitted[k].last); };
        auto high = [&](size_t k) { return other.hi + (sign > 0 ? pair.permitted[k].last : -pair.permitted[k].first); };
        while (mine.lo <= mine.hi) {
            int64_t next = infinite;
            for (size_t k = choice.first; k <= choice.last; ++k)
                if (high(k) >= mine.lo) next = std::min(next, std::max(mine.lo, low(k)));
            if (next == mine.lo) break;
            if (next > mine.hi) return false;
            mine.lo = block.up(next);
        }
        while (mine.lo <= mine.hi) {
            int64_t next = -infinite;
            for (size_t k = choice.first; k <= choice.last; ++k)
                if (low(k) <= mine.hi) next = std::max(next, std::min(mine.hi, high(k)));
            if (next == mine.hi) break;
            if (next < mine.lo) return false;
            mine.hi = block.down(next);
        }
        return mine.lo <= mine.hi;
    }

    bool narrow(State& s, size_t k) const {
        const Pair& pair = pairs_[k];
        const Domain &p = s.domain[pair.p], &q = s.domain[pair.q];
        Choice& c = s.choice[k];
        auto possible = [&](size_t i) { return pair.permitted[i].first <= q.hi - p.lo && pair.permitted[i].last >= q.lo - p.hi; };
        while (c.first < c.last && !possible(c.first)) ++c.first;
        while (c.first < c.last && !possible(c.last)) --c.last;
        return possible(c.first) || c.first < c.last;
    }

    bool propagate(State& s, const std::vector<size_t>& start) {
        std::deque<size_t> queue(start.begin(), start.end());
        for (size_t k : start) queued_[k] = 1;
        bool consistent = true;
        int64_t steps = 0;
        while (!queue.empty()) {
            const size_t k = queue.front();
            queue.pop_front();
            queued_[k] = 0;
            if (!consistent) continue;          // only empties queued_
            if (++steps % 1024 == 0) ++nodes_;  // long propagation is effort too
            const Pair& pair = pairs_[k];
            const Domain old_p = s.domain[pair.p], old_q = s.domain[pair.q];
            consistent = narrow(s, k) && shrink(model_.blocks[pair.q], s.domain[pair.q], s.domain[pair.p], pair, s.choice[k], 1) &&
                         shrink(model_.blocks[pair.p], s.domain[pair.p], s.domain[pair.q], pair, s.choice[k], -1);
            auto wake = [&](size_t block, const Domain& old) {
                if (s.domain[block].lo == old.lo && s.domain[block].hi == old.hi) return;
                for (size_t other : touching_[block]) {
                    if (queued_[other] != 0) continue;
                    queued_[other] = 1;
                    queue.push_back(other);
                }
            };
            if (consistent) wake(pair.p, old_p), wake(pair.q, old_q);
        }
        return consistent;
    }

    // In each section the loads that cannot overlap must fit between the lowest lo and the limit, and between 0 and the highest end.
    bool sections_fit(const State& s) const {
        for (const Section& section : model_.sections) {
            int64_t lowest = infinite, highest = 0;
            for (const Load& load : section.strict) {
                lowest = std::min(lowest, s.domain[load.block].lo + load.first);
                highest = std::max(highest, s.domain[load.block].hi + model_.blocks[load.block].size);
            }
            if (!section.strict.empty() && highest - lowest < section.strict_bytes) return false;
        }
        return true;
    }

    bool legal(const State& s, bool low) {
        for (const Pair& pair : pairs_) {
            const Domain &p = s.domain[pair.p], &q = s.domain[pair.q];
            const int64_t d = low ? q.lo - p.lo : q.hi - p.hi;
            const bool fine = std::any_of(pair.permitted.begin(), pair.permitted.end(),
                                          [&](const Span& span) { return span.first <= d && d <= span.last; });
            if (!fine) return false;
        }
        solution_.clear();
        for (const Domain& d : s.domain) solution_.push_back(low ? d.lo : d.hi);
        return true;
    }

    // The undecided pair whose two sides leave the least room together; pairs_.size() when all are decided.
    size_t choose(const State& s) const {
        size_t best = pairs_.size();
        int64_t least = infinite;
        for (size_t k = 0; k < pairs_.size(); ++k) {
            if (s.choice[k].first == s.choice[k].last || entailed(s, k)) continue;
            const int64_t room = below_room(s, k) + above_room(s, k);
            if (room < least) least = room, best = k;
        }
        return best;
    }
    bool entailed(const State& s, size_t k) const {
        const Pair& pair = pairs_[k];
        const int64_t least = s.domain[pair.q].lo - s.domain[pair.p].hi, most = s.domain[pair.q].hi - s.domain[pair.p].lo;
        for (size_t i = s.choice[k].first; i <= s.choice[k].last; ++i)
            if (pair.permitted[i].first <= least && most <= pair.permitted[i].last) return true;
        return false;
    }
    int64_t below_room(const State& s, size_t k) const {  // q far below p: how much freedom remains
        const Pair& pair = pairs_[k];
        return s.domain[pair.p].hi - s.domain[pair.q].lo + pair.permitted[s.choice[k].first].last;
    }
    int64_t above_room(const State& s, size_t k) const {
        const Pair& pair = pairs_[k];
        return s.domain[pair.q].hi - s.domain[pair.p].lo - pair.permitted[s.choice[k].last].first;
    }

    bool search(State& s, const std::vector<size_t>& changed) {
        nodes_ += 1 + static_cast<int64_t>(pairs_.size()) / 64;  // a node costs time and memory by the pairs
        if (nodes_ > max_nodes_) {
            out_of_nodes_ = true;
            return false;
        }
        for (const Domain& d : s.domain)
            if (d.lo > d.hi) return false;
        if (!propagate(s, changed) || !sections_fit(s)) return false;
        if (legal(s, true) || legal(s, false)) return true;
        const size_t k = choose(s);
        if (k == pairs_.size()) return false;  // all decided or entailed, yet the lower bounds are illegal: cannot be, after propagation
        const Choice whole = s.choice[k];
        const size_t middle = (whole.first + whole.last) / 2;
        const bool below_first = below_room(s, k) >= above_room(s, k);
        for (bool below : {below_first, !below_first}) {
            State child = s;
            child.choice[k] = below ? Choice{whole.first, middle} : Choice{middle + 1, whole.last};
            if (search(child, {k})) return true;
            if (out_of_nodes_) return false;
        }
        return false;
    }

    const Model& model_;
    const int64_t limit_, max_nodes_;
    std::vector<Pair> pairs_;
    std::vector<std::vector<size_t>> touching_;  // pairs of each block
    std::vector<char> queued_;
    Offsets solution_;
    int64_t nodes_ = 0;
    bool out_of_nodes_ = false;
};

}  // namespace

Answer search_orientations(const Model& model, int64_t limit, int64_t max_nodes) {
    return OrientationSearch(model, limit, max_nodes).run();
}

}  // namespace gw::plan_detail
