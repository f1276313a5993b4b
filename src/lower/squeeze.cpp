// Fast kernels take memory: scratch, and results that may lie less far over their operands. Which of them matters is known only once the
// buffers are placed. So the fast ones are placed first, and what is to blame gives way: in each step during which the arena is fullest,
// the forms that ask for as much as the one taken are avoided, as long as there is one that asks for less. Layers of the same origin (the
// strips of one layer) give way together. What gave way without need is tried again at the end.
#include "lower/squeeze.h"

#include <algorithm>
#include <map>

#include "program/place.h"

namespace gw {
namespace {

class Squeezing {
public:
    Squeezing(const Graph& graph, const Core& core, LowerOptions options, const SqueezeEffort& effort, Diagnostics& diag, OfferCache* cache,
              int& placed)
        : g_(graph), core_(core), options_(std::move(options)), effort_(effort), diag_(diag), cache_(cache), placed_(placed) {
        for (size_t k = 0; k < g_.nodes.size(); ++k) alike_[origin(k)].push_back(static_cast<int32_t>(k));
    }

    Expected<std::vector<Squeezed>> run(int64_t enough) {
        std::vector<Squeezed> points;
        if (effort_.small) GW_TRY_DO(begin_small());
        for (int round = 0; round < max_rounds; ++round) {
            GW_TRY(Squeezed s, place());
            const std::vector<Group> groups = fat(s.program);
            if (points.empty() || s.ram < points.back().ram) points.push_back(std::move(s));
            if (points.back().arena() <= enough || groups.empty()) break;
            for (const Group& group : groups) avoid(group);
        }
        if (effort_.forgive) GW_TRY_DO(forgive(points.back()));
        return points;
    }

private:
    static constexpr int max_rounds = 12;
    using Group = std::pair<std::string, std::string>;  // origin of nodes, form

    std::string origin(size_t k) const {
        const Node& n = g_.nodes[k];
        return fmt::format("{} {}", op_name(n.op), n.sources.empty() ? std::to_string(k) : n.sources.front().name);
    }
    void avoid(const Group& group) {
        avoided_.push_back(group);
        for (int32_t node : alike_[group.first]) {
            const std::vector<Form>& offers = offers_[node];  // a form is left for each
            if (std::any_of(offers.begin(), offers.end(), [&](const Form& f) {
                    return f.name != group.second && options_.avoid.count({node, f.name}) == 0;
                }))
                options_.avoid.emplace(node, group.second);
        }
    }

    Expected<Squeezed> place() {
        Squeezed s;
        GW_TRY(s.program, lower(g_, core_, options_, diag_, cache_, &taken_));
        note_offers(s.program);
        PlanOptions plan;
        plan.max_nodes = effort_.nodes;
        GW_TRY_DO(place_buffers(s.program, true, plan, diag_));
        ++placed_;
        s.avoid = options_.avoid;
        s.ram = ram_bytes(s.program);
        s.cycles = static_cycles(s.program);
        return s;
    }

    Status begin_small() {
        GW_TRY(const Program p, lower(g_, core_, options_, diag_, cache_, &taken_));
        note_offers(p);
        // Forms for other options than --optimize ram have this in their name.
        const auto foreign = [](const Form& f) { return f.name.find(", as for ") != std::string::npos; };
        std::set<Group> groups;
        for (const auto& [node, offers] : offers_) {
            const bool own = options_.optimize == "ram" && !std::all_of(offers.begin(), offers.end(), foreign);
            for (const Form& f : offers) {
                const auto leaner = [&](const Form& other) { return other.leaner_than(f); };
                if (own ? !foreign(f) : std::none_of(offers.begin(), offers.end(), leaner)) continue;
                options_.avoid.emplace(node, f.name);
                groups.emplace(origin(static_cast<size_t>(node)), f.name);
            }
        }
        avoided_.assign(groups.begin(), groups.end());
        return {};
    }

    void note_offers(const Program& p) {
        offers_.clear();
        for (size_t k = 0; k < p.steps.size(); ++k)
            if (!p.steps[k].values.empty()) offers_[g_[ValueId{p.steps[k].values.front()}].node.index] = taken_[k].offers;
    }

    // Forms taken where the arena is fullest, with those that ask for as much, where a form is left that asks for less.
    std::vector<Group> fat(const Program& p) const {
        std::set<Group> groups;
        for (size_t k : fullest_steps(p)) {
            if (taken_[k].form.empty() || p.steps[k].values.empty()) continue;
            const auto node = g_[ValueId{p.steps[k].values.front()}].node.index;
            const auto& offers = taken_[k].offers;
            const auto now = std::find_if(offers.begin(), offers.end(), [&](const Form& f) { return f.name == taken_[k].form; });
            const auto left = [&](const Form& f) { return options_.avoid.count({node, f.name}) == 0; };
            if (now == offers.end() ||
                std::none_of(offers.begin(), offers.end(), [&](const Form& f) { return left(f) && f.leaner_than(*now); }))
                continue;
            for (const Form& f : offers)
                if (left(f) && !f.leaner_than(*now)) groups.emplace(origin(static_cast<size_t>(node)), f.name);
        }
        return {groups.begin(), groups.end()};
    }

    // The smallest program with kernels back that do not make it larger, the latest to go first.
    Status forgive(Squeezed& least) {
        std::vector<Group> groups;
        for (const Group& g : avoided_)
            if (std::any_of(alike_[g.first].begin(), alike_[g.first].end(), [&](int32_t n) {
                    return least.avoid.count({n, g.second}) != 0;
                }))
                groups.push_back(g);
        if (groups.size() > max_forgiven) return {};
        for (auto g = groups.rbegin(); g != groups.rend(); ++g) {
            options_.avoid = least.avoid;
            for (int32_t node : alike_[g->first]) options_.avoid.erase({node, g->second});
            GW_TRY(Squeezed s, place());
            if (std::pair(s.ram, s.cycles) < std::pair(least.ram, least.cycles)) least = std::move(s);
        }
        return {};
    }

    static constexpr size_t max_forgiven = 40;
    const Graph& g_;
    const Core& core_;
    LowerOptions options_;
    const SqueezeEffort& effort_;
    Diagnostics& diag_;
    OfferCache* cache_;
    int& placed_;
    std::map<std::string, std::vector<int32_t>> alike_;  // nodes by origin
    std::vector<Group> avoided_;
    std::vector<Taken> taken_;
    std::map<int32_t, std::vector<Form>> offers_;  // of each node that a step computes
};

}  // namespace

Expected<std::vector<Squeezed>> squeeze(const Graph& graph, const Core& core, LowerOptions options, int64_t enough,
                                        const SqueezeEffort& effort, Diagnostics& diag, OfferCache* cache, int& placed) {
    return Squeezing(graph, core, std::move(options), effort, diag, cache, placed).run(enough);
}

int64_t static_cycles(const Program& program) {
    int64_t total = 0;
    for (const Step& step : program.steps) total += step.cycles + cycles_of_a_call;
    return total;
}

int64_t ram_bytes(const Program& program) {
    int64_t bytes = 0;
    for (const Region& r : program.regions) bytes += r.bytes;
    for (const Buffer& b : program.buffers)
        if (b.view_of < 0 && b.region < 0) bytes += b.bytes();
    return bytes;
}

std::vector<size_t> fullest_steps(const Program& p) {
    const std::vector<int64_t> bytes = occupied_bytes(p);
    std::vector<size_t> steps;
    for (size_t k = 0; k < bytes.size(); ++k)
        if (bytes[k] == p.regions[0].bytes) steps.push_back(k);
    return steps;
}

}  // namespace gw
