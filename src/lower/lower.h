// Lowering: covers a graph with kernels and makes a program of it, unplaced.
#pragma once
#include <set>
#include <string>
#include <utility>

#include "graph/graph.h"
#include "kernels/kernel.h"
#include "lower/choices.h"
#include "program/program.h"
#include "target/core.h"

namespace gw {

struct LowerOptions {
    std::string name;  // C identifier prefix of the bundle
    std::string optimize = "speed";
    bool input_in_arena = false, output_in_arena = false;
    int64_t io_align = 1;                             // bytes, a power of two: inputs and outputs are at least so aligned
    bool weights_passed = false;                      // the caller passes the weights, so they cannot be code
    std::set<std::pair<int32_t, std::string>> avoid;  // (node, row): not to be taken where another row offers itself
    // Flash that weights, tables and code may take, by estimate, when weights become instructions; 0: they never do.
    int64_t flash_bytes = 0;
    bool fusion = true;                // false: a kernel for each node, and every result in a buffer of its own
    const Choices* choices = nullptr;  // measured cycles: they go before the rows' formulas; null: there are none
    // For measuring: candidates without measured cycles are taken first. `near`: those that cost at most twice the cheapest by their
    // formula; `all`: the others as well, and those that --optimize size would take.
    enum class Explore : uint8_t { none, near, all } explore = Explore::none;
};

// Why a row may not be taken, whatever the node is; empty when it may.
std::string refusal(const KernelRow& row, const LowerOptions& options);

// Fails with one diagnostic for each node that no kernel takes, with the rows' reasons.
Expected<Program> lower(const Graph& graph, const Core& core, const LowerOptions& options, Diagnostics& diag);

}  // namespace gw
