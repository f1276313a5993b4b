// The generated part of a test image: where a model's arena, state, inputs and outputs lie in memory, and how it is called.
#pragma once
#include <string>
#include <vector>

#include "simulate/simulate.h"

namespace gw::simulate {

struct Placed {
    int64_t offset = 0, bytes = 0;
};
// Memory that the caller passes, by a name for messages. Between its guards the image may write what it likes before a run.
struct Block {
    std::string name;
    Placed place;
};

// Places in the image's one array. Every range of its own has guard bytes on both sides and is aligned to what the bundle asks for and, on
// purpose, to no more.
struct Layout {
    std::vector<Block> blocks;
    Placed arena, placeholders, state;
    int state_block = -1;  // of `blocks`: what a run leaves there the next one finds; -1 none
    std::vector<Placed> inputs, outputs;
    std::vector<std::vector<Placed>> steps;  // empty unless steps are captured
    int64_t bytes = 0, align = 64;
};

// Checks the description too: ranges within their tensors, alignments powers of two.
Expected<Layout> plan_layout(const BundleInfo& bundle, bool capture_steps, Diagnostics& diag);

// Text of gw_driver.c. `section`: where the array goes on a core; empty on the host.
std::string driver_source(const BundleInfo& bundle, const Layout& layout, std::string_view section);

}  // namespace gw::simulate
