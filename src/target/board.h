// Boards: a core with a clock and its memories.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/diagnostics.h"

namespace gw {

struct Board {
    std::string_view name;  // "frdm-ke16z"
    std::string_view chip;  // "MKE16Z64"
    std::string_view core;  // a name for find_core
    int64_t clock_hz;       // the clock that the board's examples run at
    int64_t flash_bytes;
    int64_t ram_bytes;
    std::string_view source;  // where the figures come from
    std::string_view note;
};

std::span<const Board> boards();
// By name, case-sensitive; null when unknown.
const Board* find_board(std::string_view name);
Expected<Board> board_named(std::string_view name, Diagnostics& diag);

}  // namespace gw
