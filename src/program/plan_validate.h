// The planner's judge: shares no logic with the solver, only the problem's plain data.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "program/planner.h"

namespace gw {

// Every way in which `offsets` (one a buffer) breaks the problem's rules as planner.h words them, one sentence each; empty: the plan is
// legal. Quadratic in the number of buffers.
std::vector<std::string> plan_violations(const PlanProblem& problem, const std::vector<int64_t>& offsets);

}  // namespace gw
