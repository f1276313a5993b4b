// Checks a memory plan against the problem, straight from the definition in planner.h: bytes and moments of every pair of buffers, one by
// one, with none of the solver's reductions (families folded to blocks, rules folded to forbidden distances). Slow on purpose; a mistake in
// the solver's cleverness must not be repeated here.
#include "program/plan_validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace gw {
namespace {

class Validator {
public:
    Validator(const PlanProblem& problem, const std::vector<int64_t>& offsets) : problem_(problem), offsets_(offsets) {}

    std::vector<std::string> run() {
        if (offsets_.size() != problem_.buffers.size()) {
            say("{} offsets given for {} buffers", offsets_.size(), problem_.buffers.size());
            return std::move(found_);
        }
        for (size_t i = 0; i < problem_.buffers.size(); ++i) check_alone(i);
        for (size_t i = 0; i < problem_.buffers.size(); ++i)
            for (size_t j = i + 1; j < problem_.buffers.size(); ++j) check_pair(i, j);
        check_traversals();
        return std::move(found_);
    }

private:
    template <class... Args>
    void say(fmt::format_string<Args...> format, Args&&... args) {
        found_.push_back(fmt::format(format, std::forward<Args>(args)...));
    }
    int64_t start(size_t i) const { return offsets_[i]; }
    int64_t end(size_t i) const { return offsets_[i] + problem_.buffers[i].size; }
    std::string who(size_t i) const { return fmt::format("buffer {} \"{}\" at [{}, {})", i, problem_.buffers[i].name, start(i), end(i)); }

    void check_alone(size_t i) {
        const PlanBuffer& b = problem_.buffers[i];
        if (start(i) < 0) say("{} starts below 0", who(i));
        if (start(i) % b.alignment != 0) say("{} is not aligned to {}", who(i), b.alignment);
        const PlanRegion& region = problem_.regions[static_cast<size_t>(b.region)];
        if (region.capacity && end(i) > *region.capacity)
            say("{} exceeds the {} bytes of region {}", who(i), *region.capacity, region.name);
        if (b.pinned && start(i) != *b.pinned) say("{} is pinned to {}", who(i), *b.pinned);
        if (b.view_of >= 0) {
            const auto u = static_cast<size_t>(b.view_of);
            if (start(i) != start(u) + b.view_offset) say("{} is a view at {} of {}", who(i), b.view_offset, who(u));
        }
    }

    size_t family(size_t i) const {
        while (problem_.buffers[i].view_of >= 0) i = static_cast<size_t>(problem_.buffers[i].view_of);
        return i;
    }

    bool live_together(size_t i, size_t j) const {
        for (const LiveInterval& p : problem_.buffers[i].lifetime)
            for (const LiveInterval& q : problem_.buffers[j].lifetime)
                if (p.begin < q.end && q.begin < p.end) return true;
        return false;
    }

    bool share_bytes(size_t i, size_t j) const { return start(i) < end(j) && start(j) < end(i); }
    bool conflict(size_t i, size_t j) const {
        return problem_.buffers[i].region == problem_.buffers[j].region && family(i) != family(j) && live_together(i, j) &&
               share_bytes(i, j);
    }

    int64_t ascending_gap(const OverlapRule& r) const { return start(static_cast<size_t>(r.a)) - start(static_cast<size_t>(r.b)); }
    int64_t descending_gap(const OverlapRule& r) const { return end(static_cast<size_t>(r.b)) - end(static_cast<size_t>(r.a)); }
    bool ascending(const OverlapRule& r) const { return r.gap && ascending_gap(r) >= *r.gap; }
    bool descending(const OverlapRule& r) const { return r.gap_descending && descending_gap(r) >= *r.gap_descending; }

    void check_pair(size_t i, size_t j) {
        if (!conflict(i, j)) return;
        bool any_rule = false;
        for (const OverlapRule& r : problem_.rules) {
            const auto a = static_cast<size_t>(r.a), b = static_cast<size_t>(r.b);
            if (!((a == i && b == j) || (a == j && b == i))) continue;
            any_rule = true;
            if (ascending(r) || descending(r)) continue;
            std::string needs;
            if (r.gap) needs += fmt::format(", gap {} where {} is needed", ascending_gap(r), *r.gap);
            if (r.gap_descending) needs += fmt::format(", descending gap {} where {} is needed", descending_gap(r), *r.gap_descending);
            say("{} and {} overlap with too small a gap{}", who(a), who(b), needs);
        }
        if (!any_rule) say("{} and {} overlap while both are live", who(i), who(j));
    }

    // One step, one direction: among the rules of one output and step whose buffers do overlap, one alternative satisfies all.
    void check_traversals() {
        struct Seen {
            bool up = true, down = true, each = true;
        };
        std::map<std::pair<int64_t, int64_t>, Seen> steps;
        for (const OverlapRule& r : problem_.rules) {
            if (!conflict(static_cast<size_t>(r.a), static_cast<size_t>(r.b))) continue;
            Seen& s = steps[{r.b, r.step}];
            s.up = s.up && ascending(r);
            s.down = s.down && descending(r);
            s.each = s.each && (ascending(r) || descending(r));
        }
        for (const auto& [key, s] : steps)
            if (s.each && !s.up && !s.down)
                say("{} overlaps some inputs of step {} for an ascending and others for a descending traversal",
                    who(static_cast<size_t>(key.first)), key.second);
    }

    const PlanProblem& problem_;
    const std::vector<int64_t>& offsets_;
    std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> plan_violations(const PlanProblem& problem, const std::vector<int64_t>& offsets) {
    return Validator(problem, offsets).run();
}

}  // namespace gw
