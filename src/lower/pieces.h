// Pieces of a graph that can be computed whole or in strips of rows, each with its own memory and time.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "lower/fit.h"
#include "lower/squeeze.h"
#include "passes/row_plan.h"

namespace gw {

// Nodes [first, last], between two points where one value alone carries everything: nothing else is live, so what a piece asks for does not
// depend on the others.
struct Piece {
    struct Variant {
        int64_t bytes = 0, cycles = 0;
        bool estimate = false;
        int64_t floor = 0;  // of an estimate: bytes that it can hardly be less than
        Avoided avoid;      // by nodes of the piece, from 0
    };
    int32_t first = 0, last = 0;
    Cut cut{0, 0};  // strips of height 0: computed whole
    // Ways to compute it, with fast and with small kernels, first estimates; none: nothing computes it so.
    std::vector<Variant> variants;
    std::vector<Variant> estimates;
    int64_t nodes = 0;  // of the graph that computes it, when it is known
    bool whole() const { return cut.height == 0; }

    // The cheapest variant within a limit, of all or (`known`) of those that are no estimates; null where there is none.
    const Variant* within(int64_t limit, bool known = false) const;
    int64_t least_bytes() const;
};

// What a node of the graph costs with the fastest kernel and with the one that asks for the least memory. Layers that share a kernel count
// with its last node, the root.
struct NodeCost {
    bool root = false;
    int64_t fast_cycles = 0, small_cycles = 0;
    KernelBytes fast, small;
};
Expected<std::vector<NodeCost>> node_costs(const Graph& graph, const Core& core, const LowerOptions& options, OfferCache& cache,
                                           Diagnostics& diag);

// All pieces of one chain of rows, by their ends.
class Pieces {
public:
    // `costs`: what each node of the graph costs.
    Pieces(const Graph& graph, const RowChain& chain, const Core& core, const LowerOptions& options, const std::vector<NodeCost>& costs,
           OfferCache& cache);

    const std::vector<int32_t>& borders() const { return borders_; }  // last nodes of the smallest pieces, after the node before the chain
    // Numbers of the pieces that end at borders()[j], with the number of the border that they begin after.
    struct Ending {
        size_t after, piece;
    };
    const std::vector<Ending>& ending_at(size_t j) const { return ending_[j]; }
    size_t size() const { return pieces_.size(); }
    Piece& operator[](size_t i) { return pieces_[i]; }
    const Piece& operator[](size_t i) const { return pieces_[i]; }

    // Lowers and places a piece with ever smaller kernels until it is within the limit or they are as small as can be. `placed` counts
    // programs.
    void find_out(size_t i, int64_t limit, int& placed);
    // Takes estimates for as low as they may be.
    void hope();
    // Forgets what was found out, so that it is found out anew with more effort, nodes of the planner's search.
    void doubt(int64_t nodes);

private:
    // Bands of the result of a region: the region's table for a widest one, and how much of each node is computed in all of them together,
    // 1 where no column is computed twice.
    struct Bands {
        RowTable widest;
        std::vector<double> work;
    };
    void add(size_t i, size_t j, const Cut& cut, const Bands* bands);
    void add_strips(size_t i, size_t j);
    void add_bands(size_t i, size_t j);
    void drop_beaten(size_t j, size_t before);
    std::optional<Bands> bands_of(size_t i, size_t j, int64_t bands) const;
    int64_t bytes_of_border(size_t i) const;
    Expected<Graph> graph_of(const Piece& piece, Diagnostics& diag) const;

    const Graph& g_;
    const RowChain& chain_;
    const Core& core_;
    const LowerOptions& options_;
    OfferCache& cache_;
    const RowTable table_;
    std::vector<KernelBytes> fast_, small_;            // of the chain's nodes
    std::vector<int64_t> fast_cycles_, small_cycles_;  // likewise
    std::vector<int32_t> borders_;
    std::vector<std::vector<Ending>> ending_;
    std::vector<Piece> pieces_;
    SqueezeEffort effort_{3000, false, false};
};

}  // namespace gw
