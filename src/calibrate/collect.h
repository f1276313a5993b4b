// Running a float model over samples and recording every value.
#pragma once
#include <functional>

#include "calibrate/profile.h"
#include "graph/graph.h"
#include "samples/samples.h"

namespace gw {

// The name under which each value of the graph stands in a profile, by value index: the tensor's name in the model; for values that passes
// made, "NODE#RESULT" with the last source node's name; further values of the same name get "~2", "~3" … in the graph's order. Constants
// and values that are not float32 have none ("").
std::vector<std::string> value_keys(const Graph& graph);

// Runs the module's main graph over the samples, given in the model's own order, and records each float value that is not constant.
// `progress(done, total)` is called after each sample. Infinities and NaN are counted apart, with a warning that names the tensor.
// A state is kept over `sequence` samples in a row (0: over all), then it is reset.
// Errors: samples_invalid when a sample does not have the types of the graph's inputs.
Expected<Profile> collect(const Module& module, const SampleSet& samples, const Preprocess& preprocess, Diagnostics& diag,
                          const std::function<void(int64_t, int64_t)>& progress = {}, int64_t sequence = 1);

// What read_samples needs to know of the graph's inputs: names, the model's own shapes and order, types and scales.
std::vector<SampleSpec> sample_specs(const Graph& graph);

}  // namespace gw
