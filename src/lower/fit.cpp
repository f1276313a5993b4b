// Searches for programs that need less memory. Three means, none of which changes a byte of the result: kernels that need less scratch or
// may overlap more (lower/squeeze.cpp); strips of rows with line buffers, which compute nothing twice, and bands of columns, which do
// (passes/split_rows.cpp); and, below both, the planner.
//
// A chain of layers falls into pieces that do not share memory (lower/pieces.cpp). For a limit of bytes the cheapest sequence of pieces
// that fit is a shortest path. It is sought with estimates; what it wants and is not known yet is lowered and placed, which replaces the
// estimate, and the path is sought again, until all of it is known. As estimates seldom say too much, little is missed. Then the whole is
// put together. Where that needs more than its pieces (borders that do not meet), the pieces to blame are charged with it, and the search
// goes on. Effort is counted in programs placed, so the answer is the same everywhere.
#include "lower/fit.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "lower/pieces.h"

namespace gw {
namespace {

// Graphs of more nodes are placed with less effort, and what gave way in them is not tried again.
constexpr size_t large = 600;
constexpr int64_t nodes_where_large = 5000;
constexpr int64_t unlimited = std::numeric_limits<int64_t>::max() / 2;

// `original`: the graph before it was split.
Fitted fitted(const Graph& original, Graph graph, Squeezed s, std::vector<Split> splits) {
    int64_t recomputed = 0;
    for (const Split& split : splits) recomputed += recomputed_macs(original, sub_region(original, split.first, split.last), split.cut);
    return {std::move(graph), std::move(s.program), std::move(splits), s.ram, recomputed, s.cycles};
}

std::optional<Graph> with_splits(const Graph& graph, const std::vector<Split>& splits) {
    Graph g = graph;
    for (auto s = splits.rbegin(); s != splits.rend(); ++s) {  // from the last to the first: node numbers before a split stay as they are
        auto split = split_rows(g, sub_region(g, s->first, s->last), s->cut);
        if (!split) return std::nullopt;
        g = std::move(*split);
    }
    return g;
}

// Those that no other beats in both bytes and cycles, from fast to small.
std::vector<Fitted> pareto(std::vector<Fitted> points) {
    std::stable_sort(points.begin(), points.end(),
                     [](const Fitted& a, const Fitted& b) { return std::pair(a.cycles, a.ram) < std::pair(b.cycles, b.ram); });
    std::vector<Fitted> best;
    for (Fitted& f : points)
        if (best.empty() || f.ram < best.back().ram) best.push_back(std::move(f));
    return best;
}

class Search {
public:
    // `all_forms`: of kernels, as LowerOptions::all_forms.
    Search(const Graph& graph, const Core& core, const LowerOptions& options, bool all_forms, int64_t enough, int effort, Diagnostics& diag,
           const std::function<void(int64_t, int64_t)>& progress)
        : g_(graph),
          core_(core),
          options_(options),
          enough_(enough),
          effort_(effort),
          diag_(diag),
          progress_(progress),
          chains_(row_chains(graph)) {
        options_.all_forms = all_forms;
    }

    Expected<std::vector<Fitted>> run() {
        GW_TRY_DO(begin());
        const bool found = enough_ > 0 && points_.front().ram <= enough_;
        if (!found && !chains_.empty()) {
            GW_TRY(const std::vector<NodeCost> costs, node_costs(g_, core_, options_, cache_, diag_));
            for (const RowChain& chain : chains_) chain_pieces_.emplace_back(g_, chain, core_, options_, costs, cache_);
            if (enough_ > 0)
                within(enough_);
            else
                curve();
        }
        return points_;
    }

private:
    // What a limit chooses: the pieces of each chain, in order.
    struct Choice {
        std::vector<std::pair<size_t, size_t>> pieces;  // chain, piece
        int64_t cycles = 0, bytes = 0;
    };

    // The graph as it is, with fast kernels and with small ones.
    Status begin() {
        LowerOptions plain = options_;
        plain.all_forms = options_.all_forms && options_.optimize == "ram";
        int placed = 0;
        GW_TRY(std::vector<Squeezed> fast, squeeze(g_, core_, plain, unlimited, {}, diag_, nullptr, placed));
        points_.push_back(fitted(g_, g_, std::move(fast.front()), {}));
        outside_ = points_.front().ram - points_.front().program.regions[0].bytes;
        if (enough_ > 0 && points_.front().ram <= enough_) return {};
        GW_TRY(std::vector<Squeezed> small, squeeze(g_, core_, options_, enough_ - outside_, {}, diag_, &cache_, placed));
        for (Squeezed& s : small) points_.push_back(fitted(g_, g_, std::move(s), {}));
        return {};
    }

    int64_t least_ram() const {
        int64_t least = unlimited;
        for (const Fitted& f : points_) least = std::min(least, f.ram);
        return least;
    }

    // The smallest number of bytes that a path needs, as far as is known.
    int64_t least_bytes() const {
        int64_t most = 0;
        for (const Pieces& pieces : chain_pieces_) {
            std::vector<int64_t> least(pieces.borders().size(), unlimited);
            least[0] = 0;
            for (size_t j = 1; j < least.size(); ++j)
                for (const Pieces::Ending& e : pieces.ending_at(j))
                    least[j] = std::min(least[j], std::max(least[e.after], pieces[e.piece].least_bytes()));
            most = std::max(most, least.back());
        }
        return most;
    }

    // The cheapest sequence of pieces of each chain within the limit, of all or of those that need no estimate.
    std::optional<Choice> path(int64_t limit, bool known) const {
        Choice choice;
        for (size_t c = 0; c < chain_pieces_.size(); ++c) {
            const Pieces& pieces = chain_pieces_[c];
            struct Best {
                int64_t cycles = unlimited, bytes = 0;
                Pieces::Ending from{};
            };
            std::vector<Best> best(pieces.borders().size());
            best[0].cycles = 0;
            for (size_t j = 1; j < best.size(); ++j) {
                for (const Pieces::Ending& e : pieces.ending_at(j)) {
                    if (best[e.after].cycles == unlimited) continue;
                    const Piece::Variant* way = pieces[e.piece].within(limit, known);
                    if (way == nullptr || best[e.after].cycles + way->cycles >= best[j].cycles) continue;
                    best[j] = {best[e.after].cycles + way->cycles, std::max(best[e.after].bytes, way->bytes), e};
                }
            }
            if (best.back().cycles == unlimited) return std::nullopt;
            choice.cycles += best.back().cycles;
            choice.bytes = std::max(choice.bytes, best.back().bytes);
            std::vector<std::pair<size_t, size_t>> list;
            for (size_t j = best.size() - 1; j > 0; j = best[j].from.after) list.emplace_back(c, best[j].from.piece);
            choice.pieces.insert(choice.pieces.end(), list.rbegin(), list.rend());
        }
        return choice;
    }

    bool open() const { return spent_ < effort_; }

    // Finds out about what the path of a limit wants until all of it is known, or until a path that is known costs hardly more than the
    // estimates promise. `limit` is asked anew each time: it may follow what is known.
    template <class Limit>
    std::optional<Choice> settle(const Limit& limit) {
        while (open()) {
            const int64_t now = limit();
            std::optional<Choice> choice = path(now, false);
            if (!choice) return std::nullopt;
            if (std::optional<Choice> good = path(now, true); good && good->cycles - choice->cycles <= choice->cycles / 100) return good;
            // The greediest first: if it turns out to be too much, the others need not be looked at.
            const Piece::Variant* greediest = nullptr;
            std::pair<size_t, size_t> at;
            for (const auto& [c, i] : choice->pieces) {
                const Piece::Variant* v = chain_pieces_[c][i].within(now);
                if (v->estimate && (greediest == nullptr || v->bytes > greediest->bytes)) greediest = v, at = {c, i};
            }
            if (greediest == nullptr) return choice;
            chain_pieces_[at.first].find_out(at.second, now, spent_);
            if (progress_) progress_(std::min(spent_, effort_), effort_);
        }
        return std::nullopt;
    }

    // The whole program of a choice that was made for a limit of `chosen_for`. Its kernels give way further if that is what it takes to
    // stay within `limit`.
    std::optional<Fitted> put_together(const Choice& choice, int64_t chosen_for, int64_t limit, const SqueezeEffort& effort) {
        std::vector<Split> splits;
        LowerOptions options = options_;
        int64_t node = 0;  // of the graph with splits
        int32_t done = 0;  // nodes of the graph as it is
        for (const auto& [c, i] : choice.pieces) {
            const Piece& p = chain_pieces_[c][i];
            node += p.first - done;
            if (const Piece::Variant* variant = p.within(chosen_for, true))
                for (const auto& [at, form] : variant->avoid) options.avoid.emplace(static_cast<int32_t>(node) + at, form);
            node += p.nodes;
            done = p.last + 1;
            if (!p.whole()) splits.push_back({p.first, p.last, p.cut});
        }
        std::optional<Graph> g = with_splits(g_, splits);
        if (!g) return std::nullopt;
        if (node + static_cast<int64_t>(g_.nodes.size()) - done != static_cast<int64_t>(g->nodes.size())) options.avoid.clear();
        Diagnostics trouble;
        if (effort.small) options.avoid.clear();
        SqueezeEffort bounded = effort;
        if (g->nodes.size() > large) bounded.nodes = std::min(bounded.nodes, nodes_where_large), bounded.forgive = false;
        auto made = squeeze(*g, core_, options, limit, bounded, trouble, &cache_, spent_);
        if (!made) return std::nullopt;
        return fitted(g_, std::move(*g), std::move(made->back()), std::move(splits));
    }

    // Charges the pieces during which the arena is fullest with what the whole needs.
    void blame(const Choice& choice, const Fitted& f, int64_t limit) {
        std::set<std::string> names;
        for (size_t k : fullest_steps(f.program))
            for (const auto& source : f.program.steps[k].sources) names.insert(source.first);
        for (const auto& [c, i] : choice.pieces) {
            Piece& p = chain_pieces_[c][i];
            bool to_blame = false;
            for (int32_t k = p.first; k <= p.last; ++k)
                for (const Source& s : g_.nodes[static_cast<size_t>(k)].sources) to_blame = to_blame || names.count(s.name) != 0;
            if (!to_blame) continue;
            for (Piece::Variant& v : p.variants)
                if (v.bytes <= limit) v.bytes = std::max(v.bytes, f.program.regions[0].bytes);
        }
    }

    // One program for a limit of the arena; false when there is nothing to try. Whatever is made becomes a point.
    template <class Limit>
    bool step(const Limit& limit) {
        const std::optional<Choice> choice = settle(limit);
        if (!choice) return false;
        const int64_t bytes = std::max(choice->bytes, limit());
        std::optional<Fitted> f = put_together(*choice, bytes, bytes, {});
        if (!f) {
            for (const auto& [c, i] : choice->pieces)
                if (!chain_pieces_[c][i].whole()) chain_pieces_[c][i].variants.clear();
            return open();
        }
        if (f->program.regions[0].bytes > bytes) {
            auto small = put_together(*choice, bytes, bytes, {.small = true});
            if (small) add(std::move(*small), *choice);
            if (small && points_.back().program.regions[0].bytes > bytes) blame(*choice, *f, bytes);
        }
        add(std::move(*f), *choice);
        return true;
    }

    void add(Fitted f, const Choice& choice) {
        if (f.ram < least_ram()) best_choice_ = choice;
        points_.push_back(std::move(f));
    }

    void within(int64_t enough) {
        constexpr int tries = 8;
        for (int k = 0; k < tries && open() && least_ram() > enough; ++k)
            if (!step([&] { return enough - outside_; })) break;
        least_ram() > enough ? least(enough) : faster(enough);
    }

    // By itself a piece may need more than within the whole, where its borders are no inputs and outputs: what a larger limit wants may
    // fit.
    void faster(int64_t enough) {
        const int64_t limit = enough - outside_;
        for (const int64_t part : {8, 16, 32}) {
            const int64_t larger = limit + limit / part;
            const std::optional<Choice> choice = settle([&] { return larger; });
            if (!choice || choice->bytes <= limit) continue;
            std::optional<Fitted> f = put_together(*choice, larger, limit, {});
            const bool fits = f && f->ram <= enough;
            if (f) points_.push_back(std::move(*f));
            if (fits) return;
        }
    }

    // The smallest program: as small as the pieces allow, and again as long as blaming some may lead to a smaller one.
    void least(int64_t enough) {
        constexpr int tries = 8;
        for (int k = 0; k < tries && open(); ++k) {
            const int64_t now = least_ram();
            if (now <= enough || least_bytes() + outside_ >= now) break;
            if (!step([&] { return least_bytes(); })) break;
        }
    }

    // Programs an eighth smaller each, and the smallest.
    void curve() {
        for (int64_t arena = points_.front().ram - outside_; open();) {
            const int64_t limit = arena - std::max<int64_t>(1, arena / 8);
            if (limit < least_bytes() || !step([&] { return limit; })) break;
            arena = std::min(limit, points_.back().ram - outside_);
        }
        least(0);
        // Estimates are on the safe side where strips are concerned. What they rule out may be smaller still.
        for (Pieces& pieces : chain_pieces_) pieces.hope();
        least(0);
        if (options_.optimize != "ram") return;
        for (Pieces& pieces : chain_pieces_) pieces.doubt(100000);
        least(0);
        neighbours();
    }

    // Strips of other heights in the place of the smallest program's own, one region at a time: where the planner's search ends without a
    // proof, another problem of about the same size may end lower.
    void neighbours() {
        constexpr int tries = 24;
        const Choice best = best_choice_;
        int64_t least = least_ram();
        std::optional<Choice> better;
        int done = 0;
        for (size_t k = 0; k < best.pieces.size(); ++k) {
            const auto [c, i] = best.pieces[k];
            const Pieces& pieces = chain_pieces_[c];
            for (size_t other = 0; other < pieces.size() && done < tries; ++other) {
                const bool same = pieces[other].first == pieces[i].first && pieces[other].last == pieces[i].last;
                if (!same || other == i || pieces[i].whole() || pieces[other].whole() || pieces[other].within(least - outside_) == nullptr)
                    continue;
                Choice changed = best;
                changed.pieces[k].second = other;
                ++done;
                const auto f = put_together(changed, 0, 0, {.forgive = false, .small = true});
                if (!f || f->ram >= least) continue;
                least = f->ram;
                better = changed;
            }
        }
        if (!better) return;
        if (auto f = put_together(*better, least - outside_, least - outside_, {.small = true})) points_.push_back(std::move(*f));
    }

    const Graph& g_;
    const Core& core_;
    LowerOptions options_;
    const int64_t enough_;
    const int effort_;
    Diagnostics& diag_;
    const std::function<void(int64_t, int64_t)>& progress_;
    const std::vector<RowChain> chains_;
    OfferCache cache_;
    std::vector<Pieces> chain_pieces_;
    std::vector<Fitted> points_;
    Choice best_choice_;   // of the smallest point that has strips
    int64_t outside_ = 0;  // bytes besides the arena
    int spent_ = 0;
};

}  // namespace

Expected<Fitted> fit_whole(const Graph& graph, const Core& core, const LowerOptions& options, Diagnostics& diag) {
    LowerOptions forms = options;
    const bool small = options.optimize == "ram";
    forms.all_forms = small;
    OfferCache cache;
    int placed = 0;
    GW_TRY(std::vector<Squeezed> found, squeeze(graph, core, forms, small ? 0 : unlimited, {}, diag, &cache, placed));
    return fitted(graph, graph, std::move(found.back()), {});
}

Expected<std::vector<Fitted>> frontier(const Graph& graph, const Core& core, const LowerOptions& options, int64_t enough, int effort,
                                       Diagnostics& diag, const std::function<void(int64_t, int64_t)>& progress) {
    GW_TRY(std::vector<Fitted> points, Search(graph, core, options, true, enough, effort, diag, progress).run());
    points = pareto(std::move(points));
    if (enough > 0 && points.back().ram > enough) {  // what the whole curve ends with may still be small enough
        GW_TRY(std::vector<Fitted> curve, Search(graph, core, options, true, 0, effort, diag, progress).run());
        points.insert(points.end(), std::make_move_iterator(curve.begin()), std::make_move_iterator(curve.end()));
        points = pareto(std::move(points));
    }
    if (enough > 0)
        while (points.size() > 1 && points[points.size() - 2].ram <= enough) points.pop_back();  // smaller than need be, and slower
    if (options.optimize != "ram" || enough > 0) return points;
    // With plain kernels alone the search takes other ways, some of which end lower; fast kernels come back there where they cost nothing.
    GW_TRY(std::vector<Fitted> plain, Search(graph, core, options, false, 0, effort, diag, progress).run());
    Fitted least = std::move(pareto(std::move(plain)).back());
    LowerOptions forms = options;
    forms.all_forms = true;
    OfferCache cache;
    int placed = 0;
    auto small = squeeze(least.graph, core, forms, least.program.regions[0].bytes, {.small = true}, diag, &cache, placed);
    if (small) points.push_back(fitted(graph, least.graph, std::move(small->back()), least.splits));
    points.push_back(std::move(least));
    return pareto(std::move(points));
}

}  // namespace gw
