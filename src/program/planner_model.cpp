// Folds a planning problem into what the searches work on. The idea: all that the rules say about two buffers i and j that are live
// together is a set of distances offset(j) − offset(i) that are forbidden. Without a rule it is the open interval (−size(j), size(i)); an
// overlap rule cuts a piece from either end of it. A family of views moves as one block, whose forbidden distances to another block are the
// union over its members, each shifted by where the members lie. So views, gaps and plain disjointness are one kind of constraint
// afterwards: every block has one unknown, every pair of blocks a few forbidden intervals of their difference, every block a residue
// (alignment) or a value (pin).
#include <algorithm>
#include <set>

#include "program/planner_internal.h"

namespace gw::plan_detail {

bool live_together(const PlanBuffer& a, const PlanBuffer& b) {
    size_t i = 0, j = 0;
    while (i < a.lifetime.size() && j < b.lifetime.size()) {
        if (a.lifetime[i].end <= b.lifetime[j].begin) {
            ++i;
        } else if (b.lifetime[j].end <= a.lifetime[i].begin) {
            ++j;
        } else {
            return true;
        }
    }
    return false;
}

Resolved resolve(const PlanProblem& problem) {
    Resolved r;
    for (size_t i = 0; i < problem.buffers.size(); ++i) {
        size_t root = i;
        int64_t shift = 0;
        while (problem.buffers[root].view_of >= 0) {
            shift += problem.buffers[root].view_offset;
            root = static_cast<size_t>(problem.buffers[root].view_of);
        }
        r.root.push_back(root);
        r.shift.push_back(shift);
    }
    std::map<StepKey, int> count;
    for (size_t k = 0; k < problem.rules.size(); ++k) {
        const OverlapRule& rule = problem.rules[k];
        const auto a = static_cast<size_t>(rule.a), b = static_cast<size_t>(rule.b);
        const PlanBuffer &in = problem.buffers[a], &out = problem.buffers[b];
        if (r.root[a] == r.root[b] || in.region != out.region || !live_together(in, out)) continue;
        r.rules[std::minmax(a, b)].push_back(k);
        if (++count[{rule.b, rule.step}] > 1) r.shared[{rule.b, rule.step}] = Direction::any_for_each;
    }
    return r;
}

namespace {

// Forbidden offset(j) − offset(i) of two buffers live together: the integers strictly between the two ends.
std::vector<Span> forbidden_between(const PlanProblem& problem, const Resolved& resolved, size_t i, size_t j,
                                    const Directions& directions) {
    const int64_t size_i = problem.buffers[i].size, size_j = problem.buffers[j].size;
    const auto found = resolved.rules.find(std::minmax(i, j));
    if (found == resolved.rules.end()) return {{1 - size_j, size_i - 1}};
    std::vector<Span> spans;
    for (size_t k : found->second) {
        const OverlapRule& rule = problem.rules[k];
        const auto d = directions.find({rule.b, rule.step});
        const Direction direction = d == directions.end() ? Direction::any_for_each : d->second;
        int64_t low = -size_j, high = size_i;
        const bool i_is_input = static_cast<size_t>(rule.a) == i;
        if (rule.gap && direction != Direction::descending) {
            if (i_is_input)
                low = std::max(low, -*rule.gap);
            else
                high = std::min(high, *rule.gap);
        }
        if (rule.gap_descending && direction != Direction::ascending) {
            if (i_is_input)
                high = std::min(high, *rule.gap_descending + size_i - size_j);
            else
                low = std::max(low, size_i - size_j - *rule.gap_descending);
        }
        if (low + 1 <= high - 1) spans.push_back({low + 1, high - 1});
    }
    return spans;
}

void merge(std::vector<Span>& spans) {
    std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.first < b.first; });
    std::vector<Span> merged;
    for (const Span& s : spans) {
        if (!merged.empty() && s.first <= merged.back().last + 1)
            merged.back().last = std::max(merged.back().last, s.last);
        else
            merged.push_back(s);
    }
    spans = std::move(merged);
}

void add_member(const PlanProblem& problem, Block& block, size_t i, int64_t shift) {
    const PlanBuffer& b = problem.buffers[i];
    block.members.push_back(i);
    block.shifts.push_back(shift);
    block.size = std::max(block.size, shift + b.size);
    if (b.alignment > block.alignment) {
        block.alignment = b.alignment;
        block.residue = ((-shift) % b.alignment + b.alignment) % b.alignment;
    }
    if (b.pinned) block.pinned = *b.pinned - shift;
    for (const LiveInterval& l : b.lifetime) {
        block.birth = block.life == 0 ? l.begin : std::min(block.birth, l.begin);
        block.life += l.end - l.begin;
    }
}

// Moments at which something is born, with the buffers live then; stretches whose live set is part of the next or previous one are left
// out.
std::vector<std::pair<int64_t, std::vector<size_t>>> live_sets(const PlanProblem& problem, const std::vector<size_t>& buffers) {
    std::map<int64_t, std::pair<std::vector<size_t>, std::vector<size_t>>> events;  // moment: born, died
    for (size_t i : buffers) {
        for (const LiveInterval& l : problem.buffers[i].lifetime) {
            events[l.begin].first.push_back(i);
            events[l.end].second.push_back(i);
        }
    }
    std::vector<std::pair<int64_t, std::vector<size_t>>> sets;
    std::set<size_t> live;
    for (const auto& [moment, change] : events) {
        for (size_t i : change.second) live.erase(i);
        live.insert(change.first.begin(), change.first.end());
        if (live.empty()) continue;
        std::vector<size_t> now(live.begin(), live.end());
        if (!sets.empty() && std::includes(sets.back().second.begin(), sets.back().second.end(), now.begin(), now.end())) continue;
        while (!sets.empty() && std::includes(now.begin(), now.end(), sets.back().second.begin(), sets.back().second.end()))
            sets.pop_back();
        sets.emplace_back(moment, std::move(now));
    }
    return sets;
}

class Builder {
public:
    Builder(const PlanProblem& problem, const Resolved& resolved, const Directions& directions)
        : problem_(problem), resolved_(resolved), directions_(directions) {}

    Model build(const std::vector<size_t>& buffers) {
        for (size_t i : buffers) {
            auto [it, fresh] = block_of_.try_emplace(resolved_.root[i], model_.blocks.size());
            if (fresh) model_.blocks.emplace_back();
            add_member(problem_, model_.blocks[it->second], i, resolved_.shift[i]);
        }
        connect();
        for (const auto& [moment, live] : live_sets(problem_, buffers)) add_section(moment, live);
        return std::move(model_);
    }

private:
    // A sweep through time: whatever is born meets what is live then. Large programs have short lives, so few pairs meet.
    void connect() {
        struct Life {
            int64_t begin, end;
            size_t block, member;
        };
        std::vector<Life> lives;
        for (size_t b = 0; b < model_.blocks.size(); ++b)
            for (size_t m = 0; m < model_.blocks[b].members.size(); ++m)
                for (const LiveInterval& l : problem_.buffers[model_.blocks[b].members[m]].lifetime)
                    lives.push_back({l.begin, l.end, b, m});
        std::stable_sort(lives.begin(), lives.end(), [](const Life& a, const Life& b) { return a.begin < b.begin; });
        std::map<std::pair<size_t, size_t>, std::vector<Span>> met;  // smaller block first: forbidden distances
        std::vector<Life> live;
        for (const Life& born : lives) {
            live.erase(std::remove_if(live.begin(), live.end(), [&](const Life& l) { return l.end <= born.begin; }), live.end());
            for (const Life& other : live) {
                if (other.block == born.block) continue;
                const Life &p = other.block < born.block ? other : born, &q = other.block < born.block ? born : other;
                add_spans(model_.blocks[p.block], p.member, model_.blocks[q.block], q.member, met[{p.block, q.block}]);
            }
            live.push_back(born);
        }
        model_.neighbours.resize(model_.blocks.size());
        for (auto& [pair, spans] : met) {
            merge(spans);
            if (spans.empty()) continue;
            std::vector<Span> mirrored;
            for (auto s = spans.rbegin(); s != spans.rend(); ++s) mirrored.push_back({-s->last, -s->first});
            model_.neighbours[pair.second].push_back({pair.first, std::move(spans)});
            model_.neighbours[pair.first].push_back({pair.second, std::move(mirrored)});
        }
        for (auto& list : model_.neighbours)
            std::sort(list.begin(), list.end(), [](const Neighbour& a, const Neighbour& b) { return a.block < b.block; });
    }

    void add_spans(const Block& p, size_t i, const Block& q, size_t j, std::vector<Span>& all) const {
        for (Span s : forbidden_between(problem_, resolved_, p.members[i], q.members[j], directions_))
            all.push_back({s.first + p.shifts[i] - q.shifts[j], s.last + p.shifts[i] - q.shifts[j]});
    }

    void add_section(int64_t moment, const std::vector<size_t>& live) {
        Section section;
        section.time = moment;
        std::map<size_t, std::vector<size_t>> by_block;
        for (size_t i : live) by_block[block_of_.at(resolved_.root[i])].push_back(i);
        int64_t grid = 0;  // all loads start at multiples of it
        bool whole = true;
        for (const auto& [block, members] : by_block) {
            std::vector<Span> bytes;
            for (size_t i : members) bytes.push_back({resolved_.shift[i], resolved_.shift[i] + problem_.buffers[i].size - 1});
            merge(bytes);
            int64_t total = 0;
            for (const Span& s : bytes) total += s.last - s.first + 1;
            section.loads.push_back({block, bytes.front().first, total, total});
            const Block& b = model_.blocks[block];
            const int64_t start = (b.residue + bytes.front().first) % b.alignment;
            const int64_t step = start == 0 ? b.alignment : start & -start;
            if (b.pinned || bytes.size() > 1 || (grid != 0 && step != grid) || step != b.alignment) section.plain = false;
            whole = whole && bytes.size() == 1;
            grid = grid == 0 ? step : std::min(grid, step);
        }
        for (Load& load : section.loads)
            if (whole) load.padded = (load.bytes + grid - 1) / grid * grid;
        std::sort(section.loads.begin(), section.loads.end(), [](const Load& a, const Load& b) { return a.bytes > b.bytes; });
        Stack stack;
        for (const Load& load : section.loads) {
            const bool apart = std::none_of(section.strict.begin(), section.strict.end(),
                                            [&](const Load& s) { return any_rule(by_block[s.block], by_block[load.block]); });
            if (apart) {
                section.strict.push_back(load);
                stack.add(load);
            } else {
                section.plain = false;
            }
        }
        section.strict_bytes = stack.bytes();
        model_.sections.push_back(std::move(section));
    }

    bool any_rule(const std::vector<size_t>& p, const std::vector<size_t>& q) const {
        if (resolved_.rules.empty()) return false;
        for (size_t i : p)
            for (size_t j : q)
                if (resolved_.rules.count(std::minmax(i, j)) != 0) return true;
        return false;
    }

    const PlanProblem& problem_;
    const Resolved& resolved_;
    const Directions& directions_;
    Model model_;
    std::map<size_t, size_t> block_of_;
};

}  // namespace

Model build_model(const PlanProblem& problem, const Resolved& resolved, const std::vector<size_t>& buffers, const Directions& directions) {
    return Builder(problem, resolved, directions).build(buffers);
}

bool may_lie(const Model& model, const Offsets& x, size_t block, int64_t at) {
    for (const Neighbour& n : model.neighbours[block]) {
        if (x[n.block] == unplaced) continue;
        const int64_t d = at - x[n.block];
        for (const Span& s : n.forbidden)
            if (d >= s.first && d <= s.last) return false;
    }
    return true;
}

int64_t peak_of(const Model& model, const Offsets& x) {
    int64_t peak = 0;
    for (size_t i = 0; i < x.size(); ++i) peak = std::max(peak, x[i] + model.blocks[i].size);
    return peak;
}

std::optional<Offsets> place_in_order(const Model& model, const std::vector<size_t>& order) {
    Offsets x(model.blocks.size(), unplaced);
    for (size_t i = 0; i < x.size(); ++i) {
        if (!model.blocks[i].pinned) continue;
        if (!may_lie(model, x, i, *model.blocks[i].pinned)) return std::nullopt;
        x[i] = *model.blocks[i].pinned;
    }
    for (size_t i : order) {
        if (x[i] != unplaced) continue;
        int64_t at = model.blocks[i].up(0);
        for (bool moved = true; moved;) {  // jump over one forbidden interval after the other until none holds
            moved = false;
            for (const Neighbour& n : model.neighbours[i]) {
                if (x[n.block] == unplaced) continue;
                for (const Span& s : n.forbidden) {
                    const int64_t d = at - x[n.block];
                    if (d < s.first || d > s.last) continue;
                    at = model.blocks[i].up(x[n.block] + s.last + 1);
                    moved = true;
                }
            }
        }
        x[i] = at;
    }
    return x;
}

}  // namespace gw::plan_detail
