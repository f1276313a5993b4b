// Limits on RAM, flash and cycles: the verdict on a compiled bundle, and what would help.
#pragma once
#include <functional>
#include <map>

#include "cli/cli.h"

namespace gw {

struct Limits {
    int64_t ram = -1, flash = -1, cycles = -1;  // -1: none
    std::string board;                          // whose memories ram and flash are, as far as the command does not say them itself
    bool ram_of_board = false, flash_of_board = false;
};

using OptionChanges = std::map<std::string, std::string>;  // "optimize" → "ram"
// The report of the same model compiled with other options, measured or only planned; null when it cannot be had.
using Recompile = std::function<Json(const OptionChanges& changes, bool measured)>;

// exit_done; exit_verdict_no when a figure passes its limit, with a diagnostic that says by how much, which options would fit (found by
// compiling with them) and which layer is to blame; exit_wrong when a figure that has a limit was not measured. `report` is the bundle's;
// the same goes into `s.result["limits"]`.
int check_limits(const Limits& limits, const Program& program, const Json& report, const Recompile& recompile, Session& s);

}  // namespace gw
