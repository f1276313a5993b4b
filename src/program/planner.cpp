// The memory planner. Problem: dynamic storage allocation, NP-hard, with three additions: signed gaps by which an output may overlap an
// input, views, pinned buffers. planner_model.cpp folds all of them into forbidden distances between blocks. What happens here:
//
//   1. Regions do not know each other, nor do components of the graph of conflicts: each is solved alone.
//   2. First-fit over several orders, then moving the blocks at the peak to the front of the order and trying again (squeaky wheel
//      optimization, Joslin and Clements 1999), gives a first plan; the bytes that must be live at once give a first lower bound. Where
//      gaps, pins or alignments blur that sum, the blocks of the moment are planned alone, exactly: a relaxation, so its bound holds for
//      the whole.
//   3. Two exact searches (planner_place.cpp, planner_orient.cpp) are asked in turn whether a given limit can be met, with node budgets
//   that
//      double: a yes lowers the plan, a no raises the bound, until they meet or the nodes run out. That two unlike searches
//      share the work is TelaMalloc's lesson (Maas et al., ASPLOS 2023).
//   4. A step with several overlap rules runs in one direction. Plans are first sought as if each rule could choose; where the answer
//      mixes directions, both are tried for that step (branch and bound over the few steps concerned).
#include "program/planner.h"

#include <algorithm>
#include <numeric>

#include "program/planner_internal.h"

namespace gw {
namespace plan_detail {
namespace {

struct Outcome {
    Offsets x;
    int64_t peak = 0, lower = 0;
};

using Order = std::vector<size_t>;

std::vector<Order> first_fit_orders(const Model& model) {
    std::vector<Order> orders(4, Order(model.blocks.size()));
    for (Order& order : orders) std::iota(order.begin(), order.end(), size_t{0});
    auto by = [&](Order& order, auto weight) {
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return weight(model.blocks[a]) > weight(model.blocks[b]); });
    };
    by(orders[0], [](const Block& b) { return b.size; });
    by(orders[1], [](const Block& b) { return b.size * b.life; });
    by(orders[2], [](const Block& b) { return -b.birth; });
    by(orders[3], [](const Block& b) { return b.life; });
    return orders;
}

std::optional<Offsets> best_first_fit(const Model& model, std::vector<Order>* orders = nullptr) {
    std::optional<Offsets> best;
    int64_t peak = 0;
    for (const Order& order : first_fit_orders(model)) {
        std::optional<Offsets> x = place_in_order(model, order);
        if (!x) return std::nullopt;
        if (orders != nullptr) orders->push_back(order);
        if (!best || peak_of(model, *x) < peak) peak = peak_of(model, *x), best = std::move(x);
    }
    return best;
}

// Live bytes of the fullest section: a lower bound whatever the rules say.
int64_t strict_bound(const Model& model) {
    int64_t most = 0;
    for (const Section& s : model.sections) most = std::max(most, s.strict_bytes);
    for (const Block& b : model.blocks) most = std::max(most, b.pinned.value_or(b.up(0)) + b.size);
    return most;
}

// Blocks at the peak and what they stand on come earlier in the order; a fixed number of rounds from each first-fit order.
void squeaky_wheel(const Model& model, Order order, int64_t enough, Outcome& best) {
    const int rounds = model.blocks.size() > 400 ? 8 : 40;
    for (int round = 0; round < rounds && best.peak > enough; ++round) {
        const Offsets x = *place_in_order(model, order);
        const int64_t peak = peak_of(model, x);
        if (peak < best.peak) best.peak = peak, best.x = x;
        std::vector<char> blamed(x.size(), 0);
        for (size_t i = 0; i < x.size(); ++i) {
            if (x[i] + model.blocks[i].size < peak) continue;
            blamed[i] = 1;
            if (round % 2 == 0) continue;
            for (const Neighbour& n : model.neighbours[i])
                blamed[n.block] |= static_cast<char>(model.blocks[n.block].size >= model.blocks[i].size);
        }
        std::stable_partition(order.begin(), order.end(), [&](size_t i) { return blamed[i] != 0; });
    }
}

std::vector<std::vector<size_t>> components(const Model& model, const std::vector<size_t>& buffers, const Resolved& resolved) {
    const size_t n = model.blocks.size();
    std::vector<size_t> leader(n);
    std::iota(leader.begin(), leader.end(), size_t{0});
    auto find = [&](size_t i) {
        while (leader[i] != i) i = leader[i] = leader[leader[i]];
        return i;
    };
    for (size_t i = 0; i < n; ++i)
        for (const Neighbour& neighbour : model.neighbours[i]) leader[find(i)] = find(neighbour.block);
    std::map<size_t, size_t> block_of_root;
    for (size_t i = 0; i < n; ++i) block_of_root[resolved.root[model.blocks[i].members.front()]] = i;
    std::map<size_t, std::vector<size_t>> parts;
    for (size_t b : buffers) parts[find(block_of_root.at(resolved.root[b]))].push_back(b);
    std::vector<std::vector<size_t>> out;
    for (auto& [key, part] : parts) out.push_back(std::move(part));
    return out;
}

class Solver {
public:
    Solver(const PlanProblem& problem, const Resolved& resolved, int64_t max_nodes)
        : problem_(problem), resolved_(resolved), nodes_left_(max_nodes) {}

    int64_t nodes_left() const { return nodes_left_; }

    // A model's best placement; stops as soon as the peak is ≤ enough. Absent: pinned blocks collide.
    std::optional<Outcome> solve(const Model& model, const Directions& directions, int64_t enough, int64_t budget, bool whole) {
        Outcome out;
        std::vector<Order> orders;
        std::optional<Offsets> start = best_first_fit(model, &orders);
        if (!start) return std::nullopt;
        out.x = std::move(*start);
        out.peak = peak_of(model, out.x);
        out.lower = strict_bound(model);
        if (whole) bound_by_sections(model, directions, out);
        enough = std::max(enough, out.lower);
        for (const Order& order : orders) squeaky_wheel(model, order, enough, out);
        search(model, enough, budget, out);
        return out;
    }

    // A region under fixed directions, component by component.
    std::optional<Outcome> solve_region(const std::vector<size_t>& buffers, const Directions& directions, int64_t enough, int64_t budget,
                                        std::vector<int64_t>& offsets) {
        const Model model = build_model(problem_, resolved_, buffers, directions);
        std::vector<Model> parts;
        for (const auto& part : components(model, buffers, resolved_)) parts.push_back(build_model(problem_, resolved_, part, directions));
        std::vector<int64_t> bounds;
        std::vector<size_t> order(parts.size());
        std::iota(order.begin(), order.end(), size_t{0});
        for (const Model& part : parts) bounds.push_back(strict_bound(part));
        std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return bounds[a] > bounds[b]; });
        Outcome all;
        for (size_t k : order) {
            // The most demanding part first; the others need not be better than what it needs anyway.
            const std::optional<Outcome> part = solve(parts[k], directions, std::max(enough, all.peak), budget, true);
            if (!part) return std::nullopt;
            all.peak = std::max(all.peak, part->peak);
            all.lower = std::max(all.lower, part->lower);
            for (size_t b = 0; b < parts[k].blocks.size(); ++b) {
                const Block& block = parts[k].blocks[b];
                for (size_t m = 0; m < block.members.size(); ++m) offsets[block.members[m]] = part->x[b] + block.shifts[m];
            }
        }
        return all;
    }

private:
    // Plans each unclear moment alone, the most loaded ones first, as long as that can raise the bound.
    void bound_by_sections(const Model& model, const Directions& directions, Outcome& out) {
        for (const Section& section : model.sections) {
            if (section.plain || out.lower >= out.peak || nodes_left_ <= 0) continue;
            std::vector<size_t> live;
            for (const Block& block : model.blocks)
                for (size_t i : block.members)
                    for (const LiveInterval& l : problem_.buffers[i].lifetime)
                        if (l.begin <= section.time && section.time < l.end) live.push_back(i);
            const Model moment = build_model(problem_, resolved_, live, directions);
            const std::optional<Outcome> alone = solve(moment, directions, out.lower, 2000, false);
            if (alone) out.lower = std::max(out.lower, std::min(alone->lower, out.peak));
        }
    }

    void take(const Model& model, const Answer& answer, int64_t limit, Outcome& out) {
        nodes_left_ -= answer.nodes;
        if (answer.found) {
            out.x = *answer.found;
            out.peak = peak_of(model, out.x);
            GW_CHECK(out.peak <= limit, "a search returned a plan above its limit");
        } else if (answer.refuted) {
            out.lower = std::min(std::max(out.lower, answer.at_least), out.peak);
        }
    }

    void search(const Model& model, int64_t enough, int64_t budget, Outcome& out) {
        budget = std::min(budget, nodes_left_);
        const int64_t floor = nodes_left_ - budget;
        int64_t share = 64;
        auto open = [&] { return out.peak > std::max(enough, out.lower) && nodes_left_ > floor; };
        auto room = [&] { return std::min(share, nodes_left_ - floor); };
        for (int round = 0; open(); ++round, share *= 2) {
            int64_t limit = std::max(enough, out.lower);
            take(model, search_orientations(model, limit, room()), limit, out);
            if (!open()) break;
            limit = std::max(enough, out.lower);
            take(model, search_placements(model, limit, room(), round % 3), limit, out);
            if (!open()) break;
            limit = std::max(enough, out.lower) + (out.peak - std::max(enough, out.lower)) / 2;
            take(model, search_orientations(model, limit, room()), limit, out);
            if (!open()) break;
            limit = out.peak - 1;
            take(model, search_placements(model, limit, room(), (round + 1) % 3), limit, out);
        }
    }

    const PlanProblem& problem_;
    const Resolved& resolved_;
    int64_t nodes_left_;
};

// One region: branch and bound over the directions of steps with several rules.
class RegionPlanner {
public:
    RegionPlanner(const PlanProblem& problem, const Resolved& resolved, std::vector<size_t> buffers, Solver& solver)
        : problem_(problem), resolved_(resolved), buffers_(std::move(buffers)), solver_(solver) {
        for (const auto& [key, any] : resolved.shared)
            if (problem.buffers[static_cast<size_t>(key.first)].region == problem.buffers[buffers_.front()].region) shared_[key] = any;
    }

    // Fills offsets of the region's buffers; absent: pins leave no legal plan.
    std::optional<Outcome> plan(std::vector<int64_t>& offsets) {
        offsets_.assign(problem_.buffers.size(), 0);
        for (Direction direction : {Direction::ascending, Direction::descending}) {
            if (shared_.empty()) break;
            Directions all = shared_;
            for (auto& [key, d] : all) d = direction;
            std::vector<int64_t> found = offsets_;
            const Model model = build_model(problem_, resolved_, buffers_, all);
            if (std::optional<Offsets> x = best_first_fit(model)) {
                for (size_t b = 0; b < model.blocks.size(); ++b)
                    for (size_t m = 0; m < model.blocks[b].members.size(); ++m)
                        found[model.blocks[b].members[m]] = (*x)[b] + model.blocks[b].shifts[m];
                keep(found, peak_of(model, *x));
            }
        }
        explore(shared_, 0, 0);
        if (!best_peak_) return std::nullopt;
        for (size_t i : buffers_) offsets[i] = offsets_[i];
        return Outcome{{}, *best_peak_, std::min(lower_, *best_peak_)};
    }

private:
    void keep(const std::vector<int64_t>& offsets, int64_t peak) {
        if (best_peak_ && *best_peak_ <= peak) return;
        best_peak_ = peak;
        offsets_ = offsets;
    }

    void explore(const Directions& directions, int64_t lower, int depth) {
        std::vector<int64_t> offsets(problem_.buffers.size(), 0);
        const int64_t budget = depth == 0 && !shared_.empty() ? solver_.nodes_left() / 2 : solver_.nodes_left();
        const std::optional<Outcome> outcome = solver_.solve_region(buffers_, directions, lower, budget, offsets);
        if (!outcome) return;  // nothing legal down here
        lower = std::max(lower, outcome->lower);
        if (best_peak_ && lower >= *best_peak_) {
            lower_ = std::min(lower_, lower);
            return;
        }
        const std::optional<StepKey> mixed = mixed_step(directions, offsets);
        if (!mixed) keep(offsets, outcome->peak);
        if (!mixed || solver_.nodes_left() <= 0 || ++explored_ > max_explored_) {
            lower_ = std::min(lower_, lower);
            return;
        }
        for (Direction direction : {Direction::ascending, Direction::descending}) {
            Directions child = directions;
            child[*mixed] = direction;
            explore(child, lower, depth + 1);
        }
    }

    // The first undecided step some of whose overlaps hold in one direction only and others in the other only.
    std::optional<StepKey> mixed_step(const Directions& directions, const std::vector<int64_t>& offsets) const {
        std::map<StepKey, std::pair<bool, bool>> good;
        for (const auto& [pair, rules] : resolved_.rules) {
            for (size_t k : rules) {
                const OverlapRule& r = problem_.rules[k];
                const auto step = directions.find({r.b, r.step});
                if (step == directions.end() || step->second != Direction::any_for_each) continue;
                const auto a = static_cast<size_t>(r.a), b = static_cast<size_t>(r.b);
                const int64_t end_a = offsets[a] + problem_.buffers[a].size, end_b = offsets[b] + problem_.buffers[b].size;
                if (offsets[a] >= end_b || offsets[b] >= end_a) continue;
                auto& [up, down] = good.try_emplace({r.b, r.step}, true, true).first->second;
                up = up && r.gap && offsets[a] - offsets[b] >= *r.gap;
                down = down && r.gap_descending && end_b - end_a >= *r.gap_descending;
            }
        }
        for (const auto& [key, directions_left] : good)
            if (!directions_left.first && !directions_left.second) return key;
        return std::nullopt;
    }

    const PlanProblem& problem_;
    const Resolved& resolved_;
    const std::vector<size_t> buffers_;
    Solver& solver_;
    Directions shared_;
    std::vector<int64_t> offsets_;
    std::optional<int64_t> best_peak_;
    int64_t lower_ = max_plan_bytes * static_cast<int64_t>(max_plan_buffers) * 2;  // least bound of the leaves seen
    // Each try plans the region anew, which takes long where it is large.
    const size_t max_explored_ = std::clamp<size_t>(60000 / std::max<size_t>(1, buffers_.size()), 8, 200);
    size_t explored_ = 0;
};

std::vector<std::vector<size_t>> buffers_by_region(const PlanProblem& problem) {
    std::vector<std::vector<size_t>> out(problem.regions.size());
    for (size_t i = 0; i < problem.buffers.size(); ++i) out[static_cast<size_t>(problem.buffers[i].region)].push_back(i);
    return out;
}

Failure pins_collide(const PlanRegion& region, Diagnostics& diag) {
    return diag.error(DiagId::plan_invalid, {}, "the pinned buffers of region {} collide", region.name);
}

}  // namespace
}  // namespace plan_detail

Expected<Plan> plan_memory(const PlanProblem& problem, const PlanOptions& options, Diagnostics& diag) {
    using namespace plan_detail;
    GW_TRY_DO(check_plan_problem(problem, diag));
    const Resolved resolved = resolve(problem);
    Solver solver(problem, resolved, std::max<int64_t>(0, options.max_nodes));
    Plan plan;
    plan.offsets.assign(problem.buffers.size(), 0);
    plan.optimal = true;
    bool fits = true;
    const auto by_region = buffers_by_region(problem);
    for (size_t r = 0; r < problem.regions.size(); ++r) {
        std::optional<Outcome> outcome = Outcome{};
        if (!by_region[r].empty()) outcome = RegionPlanner(problem, resolved, by_region[r], solver).plan(plan.offsets);
        if (!outcome) return pins_collide(problem.regions[r], diag);
        plan.peaks.push_back(outcome->peak);
        plan.lower_bounds.push_back(outcome->lower);
        plan.optimal = plan.optimal && outcome->peak == outcome->lower;
        const std::optional<int64_t>& capacity = problem.regions[r].capacity;
        if (!capacity || outcome->peak <= *capacity) continue;
        fits = false;
        diag.error(DiagId::plan_capacity, {}, "region {} holds {} bytes, but the buffers need {} ({})", problem.regions[r].name, *capacity,
                   outcome->peak,
                   outcome->lower > *capacity ? fmt::format("at least {} is proved to be needed", outcome->lower)
                                              : fmt::format("the best plan found; no plan below {} exists", outcome->lower));
    }
    plan.nodes = std::max<int64_t>(0, options.max_nodes) - solver.nodes_left();
    if (!fits) return failure;
    return plan;
}

Expected<Plan> first_fit(const PlanProblem& problem, Diagnostics& diag) {
    using namespace plan_detail;
    GW_TRY_DO(check_plan_problem(problem, diag));
    const Resolved resolved = resolve(problem);
    Directions ascending = resolved.shared;
    for (auto& [key, direction] : ascending) direction = Direction::ascending;
    Plan plan;
    plan.offsets.assign(problem.buffers.size(), 0);
    plan.optimal = true;
    const auto by_region = buffers_by_region(problem);
    for (size_t r = 0; r < problem.regions.size(); ++r) {
        const Model model = build_model(problem, resolved, by_region[r], ascending);
        const std::optional<Offsets> x = best_first_fit(model);
        if (!x) return pins_collide(problem.regions[r], diag);
        for (size_t b = 0; b < model.blocks.size(); ++b)
            for (size_t m = 0; m < model.blocks[b].members.size(); ++m)
                plan.offsets[model.blocks[b].members[m]] = (*x)[b] + model.blocks[b].shifts[m];
        plan.peaks.push_back(peak_of(model, *x));
        plan.lower_bounds.push_back(strict_bound(model));
        plan.optimal = plan.optimal && plan.peaks.back() == plan.lower_bounds.back();
    }
    return plan;
}

}  // namespace gw
