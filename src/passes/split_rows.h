// Row-wise execution of a part of the graph: less memory for the same arithmetic.
#pragma once
#include <optional>
#include <vector>

#include "graph/graph.h"

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
// buffers). Nothing is computed twice, so the work stays the same and the result is equal byte for byte.
// Nothing where one strip would be all, or would read no row at all.
std::optional<Graph> split_rows(const Graph& graph, const RowRegion& region, int32_t driver, int64_t height);

}  // namespace gw
