// A chain of layers has points where one value is all that later layers read. Between two such points a piece is a program of its own: its
// memory is its first and last value and what lies between, whatever the rest of the network does. So a network's memory is the most that a
// piece asks for, its time is their sum, and pieces can be looked at one by one and be combined afterwards.
//
// There are thousands of pieces (regions, drivers, heights). Each gets an estimate from numbers of rows alone (passes/row_plan.cpp), which
// leaves out scratch, alignment and what no placement can reach, so that it seldom says too much. The few that a search wants are cut out
// of the graph, lowered and placed.
#include "lower/pieces.h"

#include <algorithm>

#include "graph/reduce.h"

namespace gw {
namespace {

constexpr int64_t max_strips = 48, max_nodes = 400;  // of a region: each node of a strip is a function of the bundle
constexpr int32_t few_nodes = 4;                     // of a region in which each node is tried as the driver

}  // namespace

const Piece::Variant* Piece::within(int64_t limit) const {
    const Variant* best = nullptr;
    for (const Variant& v : variants)
        if (v.bytes <= limit && (best == nullptr || v.cycles < best->cycles)) best = &v;
    return best;
}

int64_t Piece::least_bytes() const {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (const Variant& v : variants) least = std::min(least, v.bytes);
    return least;
}

Expected<std::vector<NodeCost>> node_costs(const Graph& graph, const Core& core, const LowerOptions& options, OfferCache& cache,
                                           Diagnostics& diag) {
    std::vector<Taken> taken;
    GW_TRY(const Program p, lower(graph, core, options, diag, &cache, &taken));
    std::vector<NodeCost> costs(graph.nodes.size());
    for (size_t k = 0; k < p.steps.size(); ++k) {
        if (p.steps[k].values.empty() || taken[k].offers.empty()) continue;
        NodeCost& c = costs[static_cast<size_t>(graph[ValueId{p.steps[k].values.front()}].node.index)];
        const Form *fast = nullptr, *small = nullptr;
        for (const Form& f : taken[k].offers) {
            if (f.name == taken[k].form) fast = &f;
            if (small == nullptr || f.leaner_than(*small) || (!small->leaner_than(f) && f.cycles < small->cycles)) small = &f;
        }
        if (fast == nullptr) continue;
        c.root = true;
        c.fast_cycles = fast->cycles + cycles_of_a_call, c.small_cycles = small->cycles + cycles_of_a_call;
        c.fast = {fast->scratch, fast->spread}, c.small = {small->scratch, small->spread};
    }
    return costs;
}

Pieces::Pieces(const Graph& graph, const RowChain& chain, const Core& core, const LowerOptions& options, const std::vector<NodeCost>& costs,
               OfferCache& cache)
    : g_(graph), chain_(chain), core_(core), options_(options), cache_(cache), table_(graph, chain.region.first, chain.region.last) {
    borders_ = {chain.region.first - 1};
    borders_.insert(borders_.end(), chain.cuts.begin(), chain.cuts.end());
    ending_.resize(borders_.size());
    for (int32_t k = chain.region.first; k <= chain.region.last; ++k) {
        fast_.push_back(costs[static_cast<size_t>(k)].fast);
        small_.push_back(costs[static_cast<size_t>(k)].small);
    }
    fast_cycles_.assign(borders_.size(), 0);
    small_cycles_.assign(borders_.size(), 0);
    for (size_t j = 1; j < borders_.size(); ++j) {
        fast_cycles_[j] = fast_cycles_[j - 1], small_cycles_[j] = small_cycles_[j - 1];
        for (int32_t k = borders_[j - 1] + 1; k <= borders_[j]; ++k) {
            fast_cycles_[j] += costs[static_cast<size_t>(k)].fast_cycles;
            small_cycles_[j] += costs[static_cast<size_t>(k)].small_cycles;
        }
    }
    // Layers that share a kernel are not cut apart unless strips do it.
    const auto may_end = [&](size_t j) { return j == 0 || j + 1 == borders_.size() || costs[static_cast<size_t>(borders_[j])].root; };
    for (size_t i = 0; i < borders_.size(); ++i) {
        size_t next = i + 1;
        while (next < borders_.size() && !may_end(next)) ++next;
        if (may_end(i) && next < borders_.size()) add(i, next, borders_[next], 0);
        for (size_t j = i + 1; j < borders_.size(); ++j)
            if (borders_[j] > borders_[i] + 1) add_strips(i, j);
    }
}

// Bytes of a border's value that lie in the arena.
int64_t Pieces::bytes_of_border(size_t i) const {
    const ValueId v = i == 0 ? chain_.region.in : g_.nodes[static_cast<size_t>(borders_[i])].outputs[0];
    const bool result = std::any_of(g_.outputs.begin(), g_.outputs.end(), [&](const Port& p) { return p.value == v; });
    if ((g_[v].is_input() && !options_.input_in_arena) || (result && !options_.output_in_arena)) return 0;
    return g_.type(v).bytes();
}

// Adds a piece, if strips of this height make one, with two estimates: of its fastest and of its smallest kernels.
void Pieces::add(size_t i, size_t j, int32_t driver, int64_t height) {
    const int32_t first = borders_[i] + 1, last = borders_[j];
    const ValueId in = i == 0 ? chain_.region.in : g_.nodes[static_cast<size_t>(borders_[i])].outputs[0];
    const int64_t in_rows = g_.type(in).shape[1], out_rows = table_.entry(last).rows;
    const auto plan = plan_strips(table_, first, last, driver, height > 0 ? height : table_.entry(driver).rows);
    if (!plan) return;
    Piece p;
    p.first = first, p.last = last, p.driver = driver, p.height = height;
    for (const auto& [kernels, cycles] : {std::pair(&fast_, &fast_cycles_), std::pair(&small_, &small_cycles_)}) {
        const std::span<const KernelBytes> of_piece = std::span(*kernels).subspan(static_cast<size_t>(first - chain_.region.first));
        const int64_t in_row = bytes_of_border(i) / in_rows, out_row = bytes_of_border(j) / out_rows;
        const StripCost cost = strip_cost(table_, first, last, *plan, in_rows, in_row, out_row, of_piece);
        const int64_t overhead =
            height > 0 ? cycles_of_a_call * (cost.calls - (last - first + 1)) + 60 * cost.copies + cost.copied_bytes / 2 : 0;
        p.variants.push_back({cost.bytes, (*cycles)[j] - (*cycles)[i] + overhead, true, cost.floor, {}});
    }
    p.estimates = p.variants;
    ending_[j].push_back({i, pieces_.size()});
    pieces_.push_back(std::move(p));
}

void Pieces::add_strips(size_t i, size_t j) {
    const int32_t first = borders_[i] + 1, last = borders_[j], nodes = last - first + 1;
    for (int32_t driver = first; driver <= last; ++driver) {
        if (nodes > few_nodes && driver != first && driver != last) continue;
        const int64_t rows = table_.entry(driver).rows;
        for (int64_t height : {1, 2, 3, 4, 6, 8, 12, 16, 24}) {
            const int64_t strips = (rows + height - 1) / height;
            if (strips >= 2 && strips <= max_strips && nodes * strips <= max_nodes) add(i, j, driver, height);
        }
    }
}

Expected<Graph> Pieces::graph_of(const Piece& p, Diagnostics& diag) const {
    std::vector<bool> keep(g_.nodes.size());
    for (int32_t k = p.first; k <= p.last; ++k) keep[static_cast<size_t>(k)] = true;
    GW_TRY(Graph part, extract(g_, keep, diag));
    if (p.whole()) return part;
    auto split = split_rows(part, sub_region(part, 0, p.last - p.first), p.driver - p.first, p.height);
    if (!split) return failure;
    return std::move(*split);
}

void Pieces::find_out(size_t i, int64_t limit, int& placed) {
    Piece& p = pieces_[i];
    std::vector<Piece::Variant> known;
    for (Piece::Variant& v : p.variants)
        if (!v.estimate) known.push_back(std::move(v));
    p.variants = known;
    Diagnostics trouble;  // for example a strip that begins where no kernel can read
    const auto graph = graph_of(p, trouble);
    if (!graph) return;
    p.nodes = static_cast<int64_t>(graph->nodes.size());
    LowerOptions options = options_;
    options.avoid = known.empty() ? Avoided() : known.back().avoid;
    options.flash_bytes = 0;
    const bool begins = p.first == chain_.region.first && g_[chain_.region.in].is_input();
    const bool ends = p.last == chain_.region.last &&
                      std::any_of(g_.outputs.begin(), g_.outputs.end(), [&](const Port& o) { return o.value == chain_.region.out; });
    options.input_in_arena = options.input_in_arena || !begins;
    options.output_in_arena = options.output_in_arena || !ends;
    auto found = squeeze(*graph, core_, options, limit, effort_, trouble, &cache_, placed);
    if (!found) return;
    if (found->back().arena() > limit) {  // all of them small at once
        options.avoid.clear();
        SqueezeEffort small = effort_;
        small.small = true;
        auto least = squeeze(*graph, core_, options, limit, small, trouble, &cache_, placed);
        if (least && least->back().arena() < found->back().arena()) found->push_back(std::move(least->back()));
    }
    const int64_t before = p.variants.empty() ? std::numeric_limits<int64_t>::max() : p.variants.back().bytes;
    for (const Squeezed& s : *found)
        if (s.arena() < before) p.variants.push_back({s.arena(), s.cycles, false, 0, s.avoid});
    // What even smaller kernels would do is not known yet.
    if (found->back().arena() <= limit && p.estimates.back().bytes < found->back().arena()) p.variants.push_back(p.estimates.back());
}

void Pieces::hope() {
    for (Piece& p : pieces_)
        for (std::vector<Piece::Variant>* list : {&p.variants, &p.estimates})
            for (Piece::Variant& v : *list)
                if (v.estimate) v.bytes = std::min(v.bytes, v.floor);
}

void Pieces::doubt(int64_t nodes) {
    effort_.nodes = nodes;
    for (Piece& p : pieces_) p.variants = p.estimates;
}

}  // namespace gw
