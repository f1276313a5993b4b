// A graph lowered and placed with other kernels where memory is short.
#pragma once
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "lower/lower.h"

namespace gw {

using Avoided = std::set<std::pair<int32_t, std::string>>;  // as LowerOptions::avoid

struct Squeezed {
    Program program;  // placed
    Avoided avoid;    // what made it
    int64_t ram = 0, cycles = 0;
    int64_t arena() const { return program.regions[0].bytes; }
};

// Programs of the graph from fast to small, each smaller than the one before. The first takes the kernels that cost least (but for
// options.avoid); then, round by round, the steps during which the arena is fullest take kernels that ask for less. Stops at the first that
// needs at most `enough` bytes of the arena.
struct SqueezeEffort {
    int64_t nodes = 200000;  // of the planner's search for each program
    bool forgive = true;     // the last one gets kernels back that turn out not to matter
    bool small = false;      // begins with the kernels that ask for the least everywhere
};
// `placed` counts the programs that were placed.
Expected<std::vector<Squeezed>> squeeze(const Graph& graph, const Core& core, LowerOptions options, int64_t enough,
                                        const SqueezeEffort& effort, Diagnostics& diag, OfferCache* cache, int& placed);

inline constexpr int64_t cycles_of_a_call = 40;
// Static cycles of a program, and the RAM that it needs outside its state: arena, and inputs and outputs outside it.
int64_t static_cycles(const Program& program);
int64_t ram_bytes(const Program& program);

// Steps during which the arena is filled to its end.
std::vector<size_t> fullest_steps(const Program& program);

}  // namespace gw
