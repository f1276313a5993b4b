// Kernels, order of rows and memory chosen together: the program that needs the fewest bytes, or the fastest one within a limit.
#pragma once
#include <functional>
#include <vector>

#include "lower/lower.h"
#include "lower/squeeze.h"
#include "passes/split_rows.h"

namespace gw {

// A part of the graph computed strip by strip and band by band (passes/split_rows.h). Node numbers are those of the graph that was given.
struct Split {
    int32_t first = 0, last = 0;
    Cut cut;
    auto operator<=>(const Split&) const = default;
};

struct Fitted {
    Graph graph;      // with the splits made
    Program program;  // placed
    std::vector<Split> splits;
    int64_t ram = 0;              // bytes: the arena, and inputs and outputs outside it
    int64_t recomputed_macs = 0;  // multiply-accumulates beyond the first of each
    int64_t cycles = 0;           // by the rows' static formulas or as measured (LowerOptions::choices), for comparison only
};

// The graph as it is, lowered and placed; with options.optimize == "ram", kernels that need less memory are preferred to fast ones where
// that makes the whole smaller.
Expected<Fitted> fit_whole(const Graph& graph, const Core& core, const LowerOptions& options, Diagnostics& diag);

// Programs that are lowered and placed in a search, pieces of the graph among them, unless somebody wants another bound.
inline constexpr int fit_effort = 4000;

// Programs from the fastest to the smallest: each needs fewer bytes and more cycles than the one before it. The first is the fastest that
// options.optimize allows. With `enough` > 0 the last is the fastest found that needs at most so many bytes, or the smallest of all; with 0
// it is the smallest, and there are some between. Where strips alone do not get there, bands of columns compute some values more than once,
// but never with options.optimize == "ram". `effort` bounds how many programs are lowered and placed.
Expected<std::vector<Fitted>> frontier(const Graph& graph, const Core& core, const LowerOptions& options, int64_t enough, int effort,
                                       Diagnostics& diag, const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace gw
