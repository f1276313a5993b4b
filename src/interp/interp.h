// The interpreter: runs a Graph by its ops' evaluate. It is the oracle of everything that comes after it.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace gw {

// What the graph's states hold before the first run and after a reset, one tensor a state.
std::vector<Tensor> initial_states(const Graph& graph);
// Before sample number `i` is run: the initial states where a sequence of `sequence` samples begins (0: all samples are one), else what the
// sample before left.
void begin_sample(const Graph& graph, int64_t sequence, size_t i, std::vector<Tensor>& states);

// Runs `graph` on `inputs` (one tensor a graph input, of the input's dtype and shape) and returns its outputs. `observe` sees every
// value that a node made, the inputs and the states, in the order they come to be. `states`: one tensor a state, which the run begins with
// and replaces by what it leaves to the next one; without it the run begins with the initial states.
std::vector<Tensor> interpret(const Graph& graph, std::span<const Tensor> inputs,
                              const std::function<void(ValueId, const Tensor&)>& observe = {}, std::vector<Tensor>* states = nullptr);

// Between the model's own dimension order and the graph's, as the port says (identity when the port has no permutation).
Tensor to_graph_order(const Port& port, const Tensor& in_model_order);
Tensor to_model_order(const Port& port, const Tensor& in_graph_order);

}  // namespace gw
