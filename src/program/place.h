// place_buffers (program/program.h) with a bound on the planner's search, for who places many programs.
#pragma once
#include "program/planner.h"
#include "program/program.h"

namespace gw {

Status place_buffers(Program& program, bool overlap, const PlanOptions& options, Diagnostics& diag);

}  // namespace gw
