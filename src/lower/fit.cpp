// Searches for programs that need less memory. Three means, none of which changes a byte of the result or computes anything twice: kernels
// that need less scratch or may overlap more; strips of rows with line buffers (passes/split_rows.cpp); and, below both, the planner.
//
// The search looks at what is to blame: the steps during which the arena is fullest. It proposes splits of regions around them, estimates
// each proposal by the bytes that are live at once (cheap: no lowering), and lowers and places the most promising. Whatever was placed is a
// point; the points that no other beats in both bytes and cycles are the frontier. Effort is counted in programs placed, so the answer is
// the same everywhere.
#include "lower/fit.h"

#include <algorithm>
#include <map>

namespace gw {
namespace {

const Call& call_of(const Step& step) {
    const Step* s = &step;
    while (const Loop* loop = std::get_if<Loop>(&s->what)) s = &loop->body.front();
    return std::get<Call>(s->what);
}

Expected<Fitted> placed(const Graph& graph, const Core& core, const LowerOptions& options, Diagnostics& diag) {
    Fitted f;
    f.graph = graph;
    GW_TRY(f.program, lower(graph, core, options, diag));
    GW_TRY_DO(place_buffers(f.program, true, diag));
    f.ram = ram_bytes(f.program);
    f.cycles = static_cycles(f.program);
    return f;
}

// The node of the program's graph that a step computes, or -1 for a copy that lowering added.
int32_t node_of(const Fitted& f, const Step& step) { return step.values.empty() ? -1 : f.graph[ValueId{step.values.front()}].node.index; }

// Steps during which the arena is filled to its end.
std::vector<size_t> fullest_steps(const Program& p) {
    const std::vector<int64_t> bytes = occupied_bytes(p);
    std::vector<size_t> steps;
    for (size_t k = 0; k < bytes.size(); ++k)
        if (bytes[k] == p.regions[0].bytes) steps.push_back(k);
    return steps;
}

// Tries other rows for the steps that are to blame, as long as the whole gets smaller.
Expected<Fitted> with_small_kernels(Fitted best, const Core& core, LowerOptions options, Diagnostics& diag) {
    std::set<std::pair<int32_t, std::string>> tried;
    for (bool better = true; better;) {
        better = false;
        for (size_t k : fullest_steps(best.program)) {
            const Step& step = best.program.steps[k];
            const int32_t node = node_of(best, step);
            const auto offers = std::count_if(step.weighed.begin(), step.weighed.end(), [](const Weighed& w) { return w.reason.empty(); });
            if (node < 0 || offers < 2) continue;
            if (!tried.emplace(node, call_of(step).kernel).second) continue;
            LowerOptions other = options;
            other.avoid.emplace(node, call_of(step).kernel);
            GW_TRY(Fitted f, placed(best.graph, core, other, diag));
            if (f.ram >= best.ram) continue;
            options = std::move(other);
            best = std::move(f);
            better = true;
            break;
        }
    }
    return best;
}

// --- proposals ------------------------------------------------------------------------------------------------------------------------
// Bytes that are live at once, the most over the nodes: slices and parts of concats lie in their whole, and a result may lie over an
// operand that dies, as far as rows allow.
int64_t estimate(const Graph& g) {
    const size_t n = g.nodes.size();
    std::vector<int64_t> root(g.values.size());
    for (size_t v = 0; v < root.size(); ++v) root[v] = static_cast<int64_t>(v);
    const std::vector<std::vector<NodeId>> users = g.users();
    const auto in_concat = [&](ValueId id) {
        const auto& u = users[static_cast<size_t>(id.index)];
        return u.size() == 1 && get_if<Concat>(g[u[0]].op) != nullptr && get_if<Concat>(g[u[0]].op)->axis == 1;
    };
    for (const Node& node : g.nodes) {
        const bool view = get_if<Reshape>(node.op) != nullptr || (get_if<Slice>(node.op) != nullptr && !in_concat(node.outputs[0]));
        if (view) root[static_cast<size_t>(node.outputs[0].index)] = root[static_cast<size_t>(node.inputs[0].index)];
    }
    std::vector<size_t> birth(g.values.size(), n + 1), death(g.values.size(), 0);
    const auto touch = [&](ValueId id, size_t t) {
        const auto r = static_cast<size_t>(root[static_cast<size_t>(id.index)]);
        birth[r] = std::min(birth[r], t), death[r] = std::max(death[r], t);
    };
    for (const Port& p : g.inputs) touch(p.value, 0);
    for (size_t k = 0; k < n; ++k) {
        for (ValueId id : g.nodes[k].inputs)
            if (id.valid() && !g[id].is_constant()) touch(id, k);
        for (ValueId id : g.nodes[k].outputs) touch(id, k);
    }
    for (const Port& p : g.outputs) touch(p.value, n);
    for (size_t k = n; k-- > 0;) {  // parts last as long as the whole, which itself takes no room besides them
        const Node& node = g.nodes[k];
        if (get_if<Concat>(node.op) == nullptr || get_if<Concat>(node.op)->axis != 1) continue;
        const auto whole = static_cast<size_t>(node.outputs[0].index);
        for (ValueId id : node.inputs) touch(id, death[whole]);
        birth[whole] = n + 1, death[whole] = 0;
    }
    std::vector<int64_t> live(n + 1);
    for (size_t v = 0; v < g.values.size(); ++v)
        for (size_t k = birth[v]; k <= std::min(death[v], n); ++k) live[k] += g.values[v].type.bytes();
    for (size_t k = 0; k < n; ++k) {  // in place, a row or two apart
        const Node& node = g.nodes[k];
        const ValueId x = node.inputs.empty() ? ValueId{} : node.inputs[0];
        if (!x.valid() || g[x].is_constant() || death[static_cast<size_t>(x.index)] != k) continue;
        const Type &in = g.type(x), &out = g.type(node.outputs[0]);
        const int64_t row = in.shape.rank() == 4 ? in.bytes() / in.shape[1] : in.bytes();
        live[k] -= std::max<int64_t>(0, std::min(in.bytes(), out.bytes()) - row);
    }
    return *std::max_element(live.begin(), live.end());
}

std::optional<Graph> with_splits(const Graph& graph, std::vector<Split> splits) {
    std::sort(splits.begin(), splits.end());
    Graph g = graph;
    for (auto s = splits.rbegin(); s != splits.rend(); ++s) {  // from the last to the first: node numbers before a split stay as they are
        auto split = split_rows(g, sub_region(g, s->first, s->last), s->driver, s->height);
        if (!split) return std::nullopt;
        g = std::move(*split);
    }
    return g;
}

class Search {
public:
    Search(const Graph& graph, const Core& core, const LowerOptions& options, int64_t enough, int effort, Diagnostics& diag,
           const std::function<void(int64_t, int64_t)>& progress)
        : g_(graph),
          core_(core),
          options_(options),
          enough_(enough),
          effort_(effort),
          diag_(diag),
          progress_(progress),
          chains_(row_chains(graph)) {}

    Expected<std::vector<Fitted>> run() {
        GW_TRY(Fitted whole, fit_whole(g_, core_, options_, diag_));
        points_.push_back(std::move(whole));
        std::vector<bool> expanded;
        while (spent_ < effort_) {  // always from the smallest point that has not been looked at
            expanded.resize(points_.size());
            size_t at = points_.size();
            for (size_t i = 0; i < points_.size(); ++i)
                if (!expanded[i] &&
                    (at == points_.size() || std::pair(points_[i].ram, points_[i].cycles) < std::pair(points_[at].ram, points_[at].cycles)))
                    at = i;
            if (at == points_.size() || points_[at].ram <= enough_) break;
            expanded[at] = true;
            GW_TRY_DO(improve(Fitted(points_[at])));
        }
        return pareto();
    }

private:
    struct Proposal {
        std::vector<Split> splits;
        int64_t bytes = 0;
        size_t copies = 0;  // nodes of the graph with splits: a measure of code and of rows that are copied
    };

    // Nodes of the given graph that are computed when the arena is fullest.
    std::vector<int32_t> blamed(const Fitted& f) const {
        // Splits keep names and order; a node's place follows from the splits before it.
        std::vector<int32_t> nodes;
        for (size_t k : fullest_steps(f.program)) {
            const Step& step = f.program.steps[k];
            for (size_t i = 0; i < g_.nodes.size(); ++i) {
                const Node& n = g_.nodes[i];
                if (n.sources.empty() || step.sources.empty() || n.sources.front().name != step.sources.front().first) continue;
                nodes.push_back(static_cast<int32_t>(i));
            }
        }
        std::sort(nodes.begin(), nodes.end());
        nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
        return nodes;
    }

    Status improve(const Fitted& from) {
        std::vector<Proposal> proposals;
        for (int32_t node : blamed(from)) propose(from.splits, node, proposals);
        std::sort(proposals.begin(), proposals.end(), [](const Proposal& a, const Proposal& b) {
            return std::tie(a.bytes, a.copies, a.splits) < std::tie(b.bytes, b.copies, b.splits);
        });
        proposals.erase(
            std::unique(proposals.begin(), proposals.end(), [](const Proposal& a, const Proposal& b) { return a.splits == b.splits; }),
            proposals.end());
        // The smallest by estimate, and the shortest of those that seem to be enough.
        std::vector<Proposal> chosen(proposals.begin(), proposals.begin() + static_cast<int64_t>(std::min<size_t>(proposals.size(), 4)));
        for (const int64_t share : {2, 4}) {  // steps between, for the curve
            const auto between = std::min_element(proposals.begin(), proposals.end(), [&](const Proposal& a, const Proposal& b) {
                const auto key = [&](const Proposal& p) { return std::pair(p.bytes > from.ram - from.ram / share, p.copies); };
                return key(a) < key(b);
            });
            if (between != proposals.end()) chosen.push_back(*between);
        }
        for (const Proposal& p : chosen) {
            if (spent_ >= effort_) break;
            const auto known = std::find_if(tried_.begin(), tried_.end(), [&](const auto& t) { return t == p.splits; });
            if (known != tried_.end()) continue;
            tried_.push_back(p.splits);
            ++spent_;
            if (progress_) progress_(spent_, effort_);
            Diagnostics trouble;
            auto f = placed(*with_splits(g_, p.splits), core_, options_, trouble);
            if (!f) continue;  // for example a strip that begins where no kernel can read
            f->splits = p.splits;
            points_.push_back(std::move(*f));
        }
        return {};
    }

    // Regions of the chain around `node`, in several heights, instead of the splits that they touch.
    void propose(const std::vector<Split>& now, int32_t node, std::vector<Proposal>& proposals) const {
        for (const RowChain& chain : chains_) {
            if (node < chain.region.first || node > chain.region.last) continue;
            std::vector<int32_t> borders = {chain.region.first - 1};
            borders.insert(borders.end(), chain.cuts.begin(), chain.cuts.end());
            for (size_t i = 0; i < borders.size(); ++i) {
                for (size_t j = i + 1; j < borders.size(); ++j) {
                    const int32_t first = borders[i] + 1, last = borders[j];
                    if (node < first - 1 || node > last + 1 || last == first) continue;
                    add(now, sub_region(g_, first, last), proposals);
                }
            }
        }
    }
    void add(const std::vector<Split>& now, const RowRegion& region, std::vector<Proposal>& proposals) const {
        std::vector<Split> kept;
        for (const Split& s : now)
            if (s.last < region.first || s.first > region.last) kept.push_back(s);
        const int32_t nodes = region.last - region.first + 1;
        for (int32_t driver = region.first; driver <= region.last; ++driver) {
            if (nodes > few_nodes && driver != region.first && driver != region.last) continue;
            const int64_t rows = g_.type(g_.nodes[static_cast<size_t>(driver)].outputs[0]).shape[1];
            for (int64_t height : {1, 2, 3, 4, 6, 8, 12, 16, 24}) {
                const int64_t strips = (rows + height - 1) / height;
                if (strips < 2 || strips > max_strips || nodes * strips > max_nodes) continue;
                Proposal p{kept, 0, 0};
                p.splits.push_back({region.first, region.last, driver, height});
                std::sort(p.splits.begin(), p.splits.end());
                const auto g = with_splits(g_, p.splits);
                if (!g || p.splits == now) continue;
                p.bytes = estimate(*g);
                p.copies = g->nodes.size();
                proposals.push_back(std::move(p));
            }
        }
    }

    std::vector<Fitted> pareto() {
        std::sort(points_.begin(), points_.end(),
                  [](const Fitted& a, const Fitted& b) { return std::pair(a.cycles, a.ram) < std::pair(b.cycles, b.ram); });
        std::vector<Fitted> best;
        for (Fitted& f : points_)
            if (best.empty() || f.ram < best.back().ram) best.push_back(std::move(f));
        return best;
    }

    static constexpr int64_t max_strips = 48, max_nodes = 400;  // of a region: each node of a strip is a function of the bundle
    static constexpr int32_t few_nodes = 4;                     // of a region in which each node is tried as the driver
    const Graph& g_;
    const Core& core_;
    const LowerOptions& options_;
    const int64_t enough_;
    const int effort_;
    Diagnostics& diag_;
    const std::function<void(int64_t, int64_t)>& progress_;
    const std::vector<RowChain> chains_;
    std::vector<Fitted> points_;
    std::vector<std::vector<Split>> tried_;
    int spent_ = 0;
};

}  // namespace

int64_t static_cycles(const Program& program) {
    constexpr int64_t step_overhead = 40;
    int64_t total = 0;
    for (const Step& step : program.steps) total += step.cycles + step_overhead;
    return total;
}

int64_t ram_bytes(const Program& program) {
    int64_t bytes = 0;
    for (const Region& r : program.regions) bytes += r.bytes;
    for (const Buffer& b : program.buffers)
        if (b.view_of < 0 && b.region < 0) bytes += b.bytes();
    return bytes;
}

Expected<Fitted> fit_whole(const Graph& graph, const Core& core, const LowerOptions& options, Diagnostics& diag) {
    GW_TRY(Fitted f, placed(graph, core, options, diag));
    if (options.optimize != "ram") return f;
    return with_small_kernels(std::move(f), core, options, diag);
}

Expected<std::vector<Fitted>> frontier(const Graph& graph, const Core& core, const LowerOptions& options, int64_t enough, int effort,
                                       Diagnostics& diag, const std::function<void(int64_t, int64_t)>& progress) {
    return Search(graph, core, options, enough, effort, diag, progress).run();
}

}  // namespace gw
