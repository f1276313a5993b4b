// Shrinking a graph that shows a fault: fewer and fewer of its nodes, as long as the fault stays.
#pragma once
#include <functional>
#include <vector>

#include "graph/graph.h"

namespace gw {

// The graph of the nodes with keep[node]: what they read of others becomes an input, what no kept node reads becomes an output (the model's
// own inputs and outputs among them keep their ports). Fails, with diagnostics, when a node needs an operand to be constant and its value
// is no longer.
Expected<Graph> extract(const Graph& graph, const std::vector<bool>& keep, Diagnostics& diag);

struct Reduction {
    Graph graph;
    int tries = 0;  // calls of the predicate
};
// Removes nodes as long as `fails` says that the rest still fails; afterwards no single node can be removed. Delta debugging (Zeller and
// Hildebrandt, "Simplifying and isolating failure-inducing input", 2002) by removal of ever smaller runs of nodes. `fails(graph)` holds.
// `progress` gets the number of nodes left after each success.
Reduction reduce(const Graph& graph, const std::function<bool(const Graph&)>& fails, const std::function<void(size_t)>& progress = {});

}  // namespace gw
