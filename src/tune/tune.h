// Choice by measurement: what each candidate kernel of each layer costs on the emulated core, with priced instructions.
#pragma once
#include <functional>
#include <string>

#include "emit/emit.h"
#include "lower/lower.h"
#include "simulate/simulate.h"
#include "tune/cache.h"

namespace gw {

enum class TuneEffort : uint8_t {
    quick,  // candidates within twice the cheapest by their formula
    full,   // all of them, and the forms that --optimize size would take
};

// Measures on `core`, for `sample` (all inputs' bytes), whole models at a time: each round takes candidates that have no figure yet, one a
// layer. `info_of` says how to call what was emitted into a folder. The result depends on nothing but graph, options, sample and compiler;
// the cache only saves time. Errors: a tool that is missing (tool_missing), a compiler or a run that fails.
Expected<Choices> tune(const Graph& graph, const Core& core, const LowerOptions& options, TuneEffort effort, const BuildOptions& build,
                       const std::string& sample, TuneCache& cache, Diagnostics& diag,
                       const std::function<void(int64_t, int64_t)>& progress = {});

// The words and parts of words that one inference of the bundle in `bundle.folder` loads from each of its constants on the emulated core,
// by the constants' names without the bundle's. Errors: as tune, but any emulated core will do.
Expected<std::map<std::string, int64_t>> count_loads(const BundleInfo& bundle, const Core& core, const BuildOptions& build,
                                                     const std::string& sample, Diagnostics& diag);

}  // namespace gw
