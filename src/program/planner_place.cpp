// Exact search for a placement within a limit, block by block at ascending offsets. It shines where memory is full nearly all the time
// (problems cut from a full rectangle).
//
// The idea, after minimalloc (Moffitt, "MiniMalloc: A Lightweight Memory Allocator for Hardware-Accelerated Machine Learning", ASPLOS
// 2023), whose canonical ascending order, section bound and dominance it takes over, extended here to signed gaps: among all legal plans
// look at one whose sum of offsets is least. No block of it can move down, so each unpinned block lies at its lowest permitted offset, or
// exactly where a forbidden interval towards some other block ends ("tight above" it). An interval may end at a distance of zero or less
// (an output under its input), then the block above does not have the larger offset; but there are potentials φ (shortest paths,
// Bellman-Ford) such that x·(n+1) + φ strictly grows from a block to those tight above it. So it is enough to place blocks in ascending
// order of that key, each at the end of a forbidden interval of one placed before. When a set of rules admits no potentials (a cycle of
// gaps that adds up to nothing) the search may still find a placement but refutes nothing.
//
// Cuts at a node: (1) in every section, the blocks still to come that cannot overlap must fit between the lowest of their earliest offsets
// and the limit; (2) a block that missed a place which no later block can dispute any more could move down there: not the plan with the
// least sum; (3) for the same reason a candidate offset is skipped when a lower one is beyond dispute; (4) of equal blocks the first comes
// first. A refutation also tells the smallest limit for which some cut would not have been made, as in iterative deepening (Korf 1985).
#include <algorithm>
#include <limits>
#include <numeric>

#include "program/planner_internal.h"

namespace gw::plan_detail {
namespace {

constexpr int64_t infinite = std::numeric_limits<int64_t>::max() / 4;

struct Candidate {
    int64_t key;
    size_t rank, block;
    int64_t at;
};

class PlacementSearch {
public:
    PlacementSearch(const Model& model, int64_t limit, int64_t max_nodes, int preference)
        : model_(model), limit_(limit), max_nodes_(max_nodes), scale_(static_cast<int64_t>(model.blocks.size()) + 1) {
        x_.assign(model.blocks.size(), unplaced);
        int64_t links = 0;
        for (const auto& list : model.neighbours) links += static_cast<int64_t>(list.size());
        cost_ += links / 1024;
        find_potentials();
        rank_blocks(preference);
        find_twins();
    }

    Answer run() {
        Answer answer;
        bool possible = true;
        for (size_t i = 0; i < x_.size(); ++i) {
            if (!model_.blocks[i].pinned) {
                ++left_;
                continue;
            }
            const int64_t at = *model_.blocks[i].pinned;
            if (!may_lie(model_, x_, i, at)) possible = false;
            x_[i] = at;
            if (at + model_.blocks[i].size > limit_) require(at + model_.blocks[i].size), possible = false;
        }
        const bool found = possible && descend(-infinite, 0);
        if (found) answer.found = x_;
        answer.refuted = !found && !out_of_nodes_ && exact_;
        answer.at_least = std::max(required_, limit_ + 1);
        answer.nodes = nodes_;
        return answer;
    }

private:
    void require(int64_t limit) { required_ = std::min(required_, limit); }
    int64_t key(size_t block, int64_t at) const { return at * scale_ + potential_[block]; }
    bool passed(int64_t k, size_t block, int64_t last_key, size_t last_rank) const {
        return k < last_key || (k == last_key && rank_[block] <= last_rank);
    }

    void find_potentials() {
        const size_t n = model_.blocks.size();
        potential_.assign(n, 0);
        for (size_t round = 0; round <= n; ++round) {
            bool changed = false;
            for (size_t q = 0; q < n; ++q) {
                for (const Neighbour& p : model_.neighbours[q]) {
                    const int64_t rise = (p.forbidden.front().last + 1) * scale_ - 1;  // least key distance of q tight above p, less one
                    if (model_.blocks[q].pinned || model_.blocks[p.block].pinned || potential_[p.block] <= potential_[q] + rise) continue;
                    potential_[p.block] = potential_[q] + rise;
                    changed = true;
                }
            }
            if (!changed) return;
        }
        exact_ = false;
        potential_.assign(n, 0);
    }

    void rank_blocks(int preference) {
        std::vector<size_t> order(model_.blocks.size());
        std::iota(order.begin(), order.end(), size_t{0});
        auto weight = [&](size_t i) {
            const Block& b = model_.blocks[i];
            return preference == 0 ? -b.birth : preference == 1 ? b.size * b.life : b.size;
        };
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
            return weight(a) != weight(b) ? weight(a) > weight(b) : model_.blocks[a].size > model_.blocks[b].size;
        });
        rank_.resize(order.size());
        for (size_t r = 0; r < order.size(); ++r) rank_[order[r]] = r;
    }

    // twin_[i]: the block equal to i in everything that matters that has to be placed just before it.
    void find_twins() {
        const size_t n = model_.blocks.size();
        twin_.assign(n, n);
        for (size_t i = 0; i < n; ++i) {
            for (size_t j = 0; j < n; ++j) {
                if (rank_[j] >= rank_[i] || !equal(i, j)) continue;
                if (twin_[i] == n || rank_[j] > rank_[twin_[i]]) twin_[i] = j;
            }
        }
    }

    bool equal(size_t i, size_t j) const {
        const Block &a = model_.blocks[i], &b = model_.blocks[j];
        if (a.members.size() != 1 || b.members.size() != 1 || a.pinned || b.pinned || a.size != b.size || a.alignment != b.alignment ||
            a.birth != b.birth || a.life != b.life || potential_[i] != potential_[j])
            return false;
        auto others = [&](size_t self, size_t twin) {
            std::vector<std::pair<size_t, std::vector<std::pair<int64_t, int64_t>>>> all;
            for (const Neighbour& n : model_.neighbours[self]) {
                if (n.block == twin) continue;
                all.emplace_back(n.block, std::vector<std::pair<int64_t, int64_t>>{});
                for (const Span& s : n.forbidden) all.back().second.emplace_back(s.first, s.last);
            }
            return all;
        };
        for (const Neighbour& n : model_.neighbours[i])  // the pair itself must be symmetric too
            if (n.block == j && (n.forbidden.size() != 1 || n.forbidden[0].first != -n.forbidden[0].last)) return false;
        return others(i, j) == others(j, i);
    }

    // No block still to come, at a key ≥ k, can forbid `block` the offset `at`.
    bool beyond_dispute(size_t block, int64_t at, int64_t k) const {
        for (const Neighbour& n : model_.neighbours[block]) {
            if (x_[n.block] != unplaced) continue;
            const int64_t above = 1 - n.forbidden.front().first;  // x(n) ≥ at + above is clear of every forbidden interval
            const int64_t room = k - potential_[n.block];
            const int64_t lowest = room <= 0 ? 0 : (room + scale_ - 1) / scale_;
            if (lowest < at + above) return false;
        }
        return true;
    }

    // All legal offsets of `block` that are its lowest or the end of a forbidden interval, ascending.
    void legal_offsets(size_t block, std::vector<int64_t>& out) const {
        const Block& b = model_.blocks[block];
        out.clear();
        out.push_back(b.up(0));
        for (const Neighbour& n : model_.neighbours[block]) {
            if (x_[n.block] == unplaced) continue;
            for (const Span& s : n.forbidden) {
                const int64_t at = b.up(x_[n.block] + s.last + 1);
                if (at > 0) out.push_back(at);
            }
        }
        std::sort(out.begin(), out.end());
        out.erase(std::unique(out.begin(), out.end()), out.end());
        out.erase(std::remove_if(out.begin(), out.end(), [&](int64_t at) { return !may_lie(model_, x_, block, at); }), out.end());
    }

    // Adds the candidates of one block; false: the node can be cut.
    bool candidates_of(size_t block, int64_t last_key, size_t last_rank, std::vector<Candidate>& out) {
        legal_offsets(block, offsets_);
        earliest_[block] = infinite;  // a lower bound on where it will lie
        bool missed = false;
        const int64_t size = model_.blocks[block].size;
        for (size_t c = 0; c < offsets_.size(); ++c) {
            const int64_t at = offsets_[c], k = key(block, at);
            bool redundant = false;
            for (size_t lower = 0; lower < c && !redundant; ++lower)
                redundant = beyond_dispute(block, offsets_[lower], std::max(k, last_key));
            if (redundant) break;
            if (passed(k, block, last_key, last_rank)) {
                if (beyond_dispute(block, at, last_key)) return false;
                missed = true;
                continue;
            }
            if (earliest_[block] == infinite) earliest_[block] = at;
            if (at + size > limit_) break;
            out.push_back({k, rank_[block], block, at});
        }
        if (missed) {  // blocks to come may push it up from there to any offset that its key still allows
            const int64_t room = last_key - potential_[block];
            earliest_[block] = std::min(earliest_[block], room <= 0 ? 0 : (room + scale_ - 1) / scale_);
        }
        if (earliest_[block] + size <= limit_) return true;
        require(earliest_[block] + size);
        return false;
    }

    bool sections_fit() {
        for (const Section& section : model_.sections) {
            int64_t lowest = infinite;
            Stack stack;
            for (const Load& load : section.strict) {
                if (x_[load.block] != unplaced) continue;
                lowest = std::min(lowest, earliest_[load.block] + load.first);
                stack.add(load);
            }
            if (lowest != infinite && lowest + stack.bytes() > limit_) {
                require(lowest + stack.bytes());
                return false;
            }
        }
        return true;
    }

    bool descend(int64_t last_key, size_t last_rank) {
        if (left_ == 0) return true;
        nodes_ += cost_;
        if (nodes_ > max_nodes_) {
            out_of_nodes_ = true;
            return false;
        }
        earliest_.resize(x_.size());
        std::vector<Candidate> candidates;
        for (size_t i = 0; i < x_.size(); ++i)
            if (x_[i] == unplaced && !candidates_of(i, last_key, last_rank, candidates)) return false;
        if (!sections_fit()) return false;
        std::sort(candidates.begin(), candidates.end(),
                  [](const Candidate& a, const Candidate& b) { return a.key != b.key ? a.key < b.key : a.rank < b.rank; });
        for (const Candidate& c : candidates) {
            if (twin_[c.block] < x_.size() && x_[twin_[c.block]] == unplaced) continue;
            x_[c.block] = c.at;
            --left_;
            if (descend(c.key, c.rank)) return true;
            ++left_;
            x_[c.block] = unplaced;
            if (out_of_nodes_) return false;
        }
        return false;
    }

    const Model& model_;
    const int64_t limit_, max_nodes_, scale_;
    Offsets x_;
    std::vector<int64_t> potential_, earliest_, offsets_;
    std::vector<size_t> rank_, twin_;
    size_t left_ = 0;
    int64_t cost_ = 1;  // of a node, by the work in it
    int64_t nodes_ = 0, required_ = infinite;
    bool out_of_nodes_ = false, exact_ = true;
};

}  // namespace

Answer search_placements(const Model& model, int64_t limit, int64_t max_nodes, int preference) {
    return PlacementSearch(model, limit, max_nodes, preference).run();
}

}  // namespace gw::plan_detail
