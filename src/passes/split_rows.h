// Execution of a part of the graph by rows, and by bands of columns: less memory for the same arithmetic, or for a little more of it.
#pragma once
#include <optional>
#include <vector>

#include "passes/row_plan.h"

namespace gw {

// Nodes [first, last] in the graph's order, through which everything flows: one value goes in, one comes out, and each node can be computed
// for some rows of its result alone.
struct RowRegion {
    int32_t first = 0, last = 0;  // node indices
    ValueId in, out;
    bool operator==(const RowRegion&) const = default;
};

// The largest such regions, in order, disjoint, and the points inside each where it may be cut: values that alone carry everything.
struct RowChain {
    RowRegion region;
    std::vector<int32_t> cuts;  // last nodes of the pieces, ascending; the last one is region.last
};
std::vector<RowChain> row_chains(const Graph& graph);
// Nodes [first, last] of a chain as a region of its own. Both borders must be the chain's own or cuts.
RowRegion sub_region(const Graph& graph, int32_t first, int32_t last);

// The same graph with the region computed strip by strip: `height` rows of node `driver`'s result at a time, from the top. In each strip
// what lies before the driver makes the rows that it needs, and what lies behind makes all rows that it can. Every value inside exists only
// as the few rows that the next nodes still read: a strip makes its new rows, and copies those that it shares with the strip before (line
// buffers). With one band nothing is computed twice, so the work stays the same; with more, columns that bands share are computed for each
// (as Cut tells). The result is equal byte for byte.
// Nothing where all would be one strip of one band, where a strip would read no row or column, or where bands are asked for and a node of
// the region cannot compute some columns alone.
std::optional<Graph> split_rows(const Graph& graph, const RowRegion& region, const Cut& cut);
// Multiply-accumulates that this computes more than once.
int64_t recomputed_macs(const Graph& graph, const RowRegion& region, const Cut& cut);

}  // namespace gw
