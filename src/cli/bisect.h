// Which pass changed what a graph computes: the interpreter after every pass.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "passes/passes.h"

namespace gw {

struct BisectOptions {
    double tolerance = 1e-4;  // of float outputs, as a part of the output's range; integers must be equal
    double min_sqnr_db = 10;  // of the pass that quantizes
};

// What one pass did to the outputs, compared with the graph before it.
struct BisectStage {
    int number = 0;
    std::string pass;
    double largest_difference = 0;
    double sqnr_db = 200;
    bool changed = false;  // beyond what the options allow
    // The worst place, when anything differs.
    std::string output;
    size_t sample = 0;
    int64_t element = -1;
    double before = 0, after = 0;
};

// Runs passes on a graph through the PassRunner that it is given: the compiler's pipeline, or a test's with a wrong pass in it.
using Pipeline = std::function<Expected<Graph>(const Graph& graph, PassRunner& run, Diagnostics& diag)>;

// One stage a pass, in order, up to and including the first that changed the answer. Samples are in the model's own order and types.
Expected<std::vector<BisectStage>> bisect(const Graph& start, const Pipeline& pipeline, const std::vector<std::vector<Tensor>>& samples,
                                          const BisectOptions& options, Diagnostics& diag);

}  // namespace gw
