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

constexpr int64_t max_nodes = 800;  // of a region: each node of a strip is a function of the bundle
constexpr int32_t few_nodes = 4;    // of a region in which each node is tried as the driver

}  // namespace

const Piece::Variant* Piece::within(int64_t limit, bool known) const {
    const Variant* best = nullptr;
    for (const Variant& v : variants)
        if (!(known && v.estimate) && v.bytes <= limit && (best == nullptr || v.cycles < best->cycles)) best = &v;
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
        fast_cycles_.push_back(costs[static_cast<size_t>(k)].fast_cycles);
        small_cycles_.push_back(costs[static_cast<size_t>(k)].small_cycles);
    }
    // Layers that share a kernel are not cut apart unless strips do it.
    const auto may_end = [&](size_t j) { return j == 0 || j + 1 == borders_.size() || costs[static_cast<size_t>(borders_[j])].root; };
    for (size_t i = 0; i < borders_.size(); ++i) {
        size_t next = i + 1;
        while (next < borders_.size() && !may_end(next)) ++next;
        if (may_end(i) && next < borders_.size()) add(i, next, {borders_[next], 0}, nullptr);
        for (size_t j = i + 1; j < borders_.size(); ++j) {
            const size_t before = pieces_.size();
            if (borders_[j] > borders_[i] + 1) add_strips(i, j), add_bands(i, j);
            drop_beaten(j, before);
        }
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
void Pieces::add(size_t i, size_t j, const Cut& cut, const Bands* bands) {
    const int32_t first = borders_[i] + 1, last = borders_[j];
    const ValueId in = i == 0 ? chain_.region.in : g_.nodes[static_cast<size_t>(borders_[i])].outputs[0];
    const int64_t in_rows = g_.type(in).shape[1], out_rows = table_.entry(last).rows;
    const int64_t in_row = bytes_of_border(i) / in_rows, out_row = bytes_of_border(j) / out_rows;
    const bool whole = cut.height == 0;
    const auto plan = plan_strips(table_, first, last, {cut.driver, whole ? table_.entry(cut.driver).rows : cut.height, 1, cut.keep});
    if (!plan) return;
    // The border's values: rows of one die as rows of the other come, unless each band reads all of them.
    int64_t border = 0;
    if (bands != nullptr)
        border = cut.keep ? in_rows * in_row + out_rows * out_row : border_bytes(table_, first, last, *plan, in_rows, in_row, out_row);
    std::vector<double> work(static_cast<size_t>(last - first + 1), 1);
    if (bands != nullptr) work = bands->work;
    for (size_t k = 0; k < work.size() && !cut.keep; ++k) {
        int64_t rows = 0;
        for (const std::vector<StripRows>& strip : *plan) rows += strip[k].fresh.size();
        work[k] *= static_cast<double>(rows) / static_cast<double>(table_.entry(first + static_cast<int32_t>(k)).rows);
    }
    Piece p;
    p.first = first, p.last = last, p.cut = cut;
    for (const auto& [kernels, cycles] : {std::pair(&fast_, &fast_cycles_), std::pair(&small_, &small_cycles_)}) {
        const auto from = static_cast<size_t>(first - chain_.region.first);
        const std::span<const KernelBytes> of_piece = std::span(*kernels).subspan(from);
        const StripCost cost = bands == nullptr ? strip_cost(table_, first, last, *plan, in_rows, in_row, out_row, of_piece)
                                                : band_cost(bands->widest, first, last, *plan, in_rows, of_piece);
        const int64_t times = bands == nullptr ? 1 : cut.bands, copying = cost.copied_bytes / 2;
        double spent = 0;
        for (size_t k = 0; k < work.size(); ++k) spent += work[k] * static_cast<double>((*cycles)[from + k]);
        if (!whole)
            spent += static_cast<double>(times * (cycles_of_a_call * cost.calls + 60 * cost.copies + copying) -
                                         cycles_of_a_call * (last - first + 1));
        p.variants.push_back({border + cost.bytes, static_cast<int64_t>(spent), true, border + cost.floor, {}});
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
            if (strips >= 2 && nodes * strips <= max_nodes) add(i, j, {driver, height}, nullptr);
        }
    }
}

// Of the pieces from number `before` on, which all compute the same: those that another beats in bytes and cycles with fast kernels and
// with small ones go.
void Pieces::drop_beaten(size_t j, size_t before) {
    const auto beats = [](const Piece& a, const Piece& b) {
        bool equal = true;
        for (size_t k = 0; k < a.variants.size(); ++k) {
            const Piece::Variant &x = a.variants[k], &y = b.variants[k];
            if (x.bytes > y.bytes || x.cycles > y.cycles || x.floor > y.floor) return false;
            equal = equal && x.bytes == y.bytes && x.cycles == y.cycles && x.floor == y.floor;
        }
        return !equal || &a < &b;
    };
    std::vector<bool> beaten(pieces_.size());
    for (size_t k = before; k < pieces_.size(); ++k)
        for (size_t other = before; other < pieces_.size() && !beaten[k]; ++other)
            beaten[k] = other != k && beats(pieces_[other], pieces_[k]);
    size_t kept = before;
    for (size_t k = before; k < pieces_.size(); ++k)
        if (!beaten[k] && kept++ != k) pieces_[kept - 1] = std::move(pieces_[k]);
    ending_[j].resize(ending_[j].size() - (pieces_.size() - kept));  // their numbers ascend: the last ones go
    pieces_.resize(kept);
}

// Bands, which compute some columns again, and tiles, which compute some rows again as well: not with --optimize ram, which promises that
// nothing is computed twice.
void Pieces::add_bands(size_t i, size_t j) {
    if (options_.optimize == "ram") return;
    const int32_t first = borders_[i] + 1, last = borders_[j], nodes = last - first + 1;
    for (int32_t k = first; k <= last; ++k)
        if (!works_by_columns(g_, g_.nodes[static_cast<size_t>(k)])) return;
    const int64_t rows = table_.entry(last).rows;
    for (int64_t n : {2, 3, 4, 6, 9, 12, 18}) {
        const std::optional<Bands> bands = bands_of(i, j, n);
        if (!bands) return;
        for (int64_t height : {1, 2, 3, 4, 6, 9}) {
            const int64_t strips = (rows + height - 1) / height;
            if (nodes * strips * n > max_nodes || strips < 2) continue;
            add(i, j, {last, height, n, true}, &*bands);
            add(i, j, {last, height, n, false}, &*bands);
        }
    }
}

std::optional<Pieces::Bands> Pieces::bands_of(size_t i, size_t j, int64_t bands) const {
    const int32_t first = borders_[i] + 1, last = borders_[j];
    const int64_t width = g_.type(g_.nodes[static_cast<size_t>(last)].outputs[0]).shape[2];
    if (bands > width) return std::nullopt;
    std::vector<Columns> widest;
    std::vector<double> work(static_cast<size_t>(last - first + 1));
    int64_t most = 0;
    for (int64_t b = 0; b < bands; ++b) {
        const auto columns = plan_columns(g_, first, last, band_of(width, bands, b));
        if (!columns) return std::nullopt;
        int64_t sum = 0;
        for (size_t k = 0; k < work.size(); ++k) {
            const Node& n = g_.nodes[static_cast<size_t>(first) + k];
            work[k] += static_cast<double>((*columns)[k].size()) / static_cast<double>(g_.type(n.outputs[0]).shape[2]);
            sum += (*columns)[k].size();
        }
        if (sum > most) most = sum, widest = *columns;
    }
    return Bands{table_.narrowed(g_, first, widest), std::move(work)};
}

Expected<Graph> Pieces::graph_of(const Piece& p, Diagnostics& diag) const {
    std::vector<bool> keep(g_.nodes.size());
    for (int32_t k = p.first; k <= p.last; ++k) keep[static_cast<size_t>(k)] = true;
    GW_TRY(Graph part, extract(g_, keep, diag));
    if (p.whole()) return part;
    Cut cut = p.cut;
    cut.driver -= p.first;
    auto split = split_rows(part, sub_region(part, 0, p.last - p.first), cut);
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
    if (found->back().arena() <= limit && p.estimates.back().bytes < found->back().arena()) {
        p.variants.push_back(p.estimates.back());  // no faster than what is known, or it would be asked for again
        p.variants.back().cycles = std::max(p.variants.back().cycles, found->back().cycles);
    }
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
