// The interpreter: runs a Graph by its ops' evaluate. It is the oracle of everything that comes after it.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace gw {

// Runs `graph` on `inputs` (one tensor a graph input, of the input's dtype and shape) and returns its outputs. `observe` sees every
// value that a node made, and the inputs, in the order they come to be.
std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs,
                              const std::function<void(ValueId, const Tensor&)>& observe = {});

// Between the model's own dimension order and the graph's, as the port says (identity when the port has no permutation).
Tensor to_graph_order(const Port& port, const Tensor& in_model_order);
Tensor to_model_order(const Port& port, const Tensor& in_graph_order);

}  // namespace gw
