// How a placed program uses its arena over time, and which boards a program fits: what advice is made of.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "program/program.h"
#include "target/board.h"

namespace gw {

// The arena while one step runs.
struct StepUsage {
    int64_t bytes = 0;             // addresses that hold live data, those that two buffers share counted once
    std::vector<int32_t> buffers;  // live ones that have a place of their own, the largest first
};
// One entry a step of the outermost level. A buffer lives from its first to its last use; inputs in the arena from the start, outputs to
// the end.
std::vector<StepUsage> arena_usage(const Program& placed);
// The step that uses most of the arena (the first of them); -1 for a program without steps.
int64_t busiest_step(const std::vector<StepUsage>& usage);
// A tensor's or layer's name for a line of text: converters fuse names with ';' until they fill a screen; the first of them, cut if need
// be.
std::string short_name(std::string_view name);
// "input 4,096, conv1 3,136, scratch 128": the three largest of what lives there.
std::string usage_text(const Program& placed, const StepUsage& usage);

// What a bundle asks of a board. RAM is arena + state + tensors outside the arena; -1: not known.
struct Needs {
    int64_t ram = 0, weights_and_tables = 0, code = -1, stack = -1;
};
struct Fit {
    bool fits = false;
    int64_t ram_left = 0, flash_left = 0;  // negative: so many too many; flash is without code where that is not known
};
// A part that fills a memory to its last byte does not count as fitting when the stack or the code, as far as known, goes beyond it.
Fit fit(const Board& board, const Needs& needs);

}  // namespace gw
