// Constants in RAM: where flash is slower than RAM, the constants that are loaded most are worth a place there.
#pragma once
#include <cstdint>
#include <vector>

#include "program/program.h"

namespace gw {

// For each datum about how many loads (words or parts of words) one inference makes from it: every multiplication needs a weight, of which
// a load brings four bytes' worth; biases and tables are looked into once for each element of the result.
std::vector<int64_t> estimated_loads(const Program& program);

// Marks the data that shall lie in RAM: those that, of all sets that take at most `budget` bytes, are loaded from most (a 0/1 knapsack,
// solved exactly). A datum takes its bytes, rounded up to whole words. `loads`: one a datum; data without loads stay in flash.
void place_in_ram(Program& program, int64_t budget, const std::vector<int64_t>& loads);

// Bytes of RAM that the marked data take.
int64_t bytes_in_ram(const Program& program);

}  // namespace gw
