// A model planned for a core without any toolchain: what `analyze` and `boards` are made of.
#pragma once
#include "cli/cli.h"
#include "report/usage.h"

namespace gw {

// A model ready to be lowered. A float model becomes int8 with ranges from one pseudo-random sample (`made_up_ranges`): they decide values
// of multipliers, and hardly any size (which channels are constant may depend on them).
struct SizedModel {
    LoadedModel model;
    Graph graph;
    bool made_up_ranges = false;
};
Expected<SizedModel> sized_model(const CommonOptions& o, bool keep_float, Session& s);

struct PlanOptionsOf {
    std::string optimize = "speed";
    bool arena = false;  // inputs and outputs lie in the arena
};
struct Planned {
    Program program;
    int64_t weights = 0, tables = 0, ram = 0;  // bytes; ram: arena and tensors outside it
    Needs needs() const { return {ram, weights + tables, -1, -1}; }
};
Expected<Planned> plan_for(const SizedModel& model, const Core& core, const PlanOptionsOf& options, Diagnostics& diag);

// What a board says to a program: as JSON and as one line of a table.
struct BoardVerdict {
    const Board* board;
    std::string verdict;  // "fits", "fits with OPTIONS" or "does not fit"
    Fit plain;
    Fit best;  // equal to `plain` where there is nothing to try
    Needs needs, least;
    std::string note;  // "for cortex-m4, not cortex-m7"
};
// The program planned for each board's core, as `compile` does it by default and with --optimize ram --input arena --output arena.
Expected<std::vector<BoardVerdict>> board_verdicts(const SizedModel& model, Session& s);
// The same of a compiled bundle, with what was measured for it.
std::vector<BoardVerdict> board_verdicts(const Bundle& bundle);
Json verdicts_json(const std::vector<BoardVerdict>& all);
void say_verdicts(const std::vector<BoardVerdict>& all, Session& s);

}  // namespace gw
