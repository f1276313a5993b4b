// Boards that we name. Numbers are the makers' (data sheets and, for the five Cortex-M0+ boards, NXP's application note AN13438); the clock
// is the one that code runs at there, not always the highest possible. RAM is what one linear region offers at most, all banks together.
#include "target/board.h"

#include <algorithm>
#include <array>

#include "target/core.h"

namespace gw {
namespace {

constexpr int64_t kib = 1024;
constexpr int64_t mib = 1024 * kib;
constexpr int64_t mhz = 1'000'000;

constexpr std::array<Board, 15> table = {{
    {"lpcxpresso845", "LPC845", "cortex-m0plus", 30 * mhz, 64 * kib, 16 * kib, "AN13438; its SDK examples start at 18 MHz"},
    {"frdm-ke16z", "MKE16Z64", "cortex-m0plus", 48 * mhz, 64 * kib, 8 * kib, "AN13438"},
    {"frdm-ke02z40m", "MKE02Z64", "cortex-m0plus", 40 * mhz, 64 * kib, 4 * kib, "AN13438"},
    {"frdm-k32l2b", "K32L2B31", "cortex-m0plus", 48 * mhz, 256 * kib, 32 * kib, "AN13438"},
    {"hvp-kv11z75m", "MKV11Z128", "cortex-m0plus", 75 * mhz, 128 * kib, 16 * kib, "AN13438"},
    {"mimxrt1060-evk", "MIMXRT1062", "cortex-m7", 600 * mhz, 8 * mib, 1 * mib, "AN13438; flash is external"},
    {"nucleo-l4r5zi", "STM32L4R5ZI", "cortex-m4", 120 * mhz, 2 * mib, 640 * kib, "MLPerf Tiny's reference board"},
    {"nucleo-h7a3zi", "STM32H7A3ZI", "cortex-m7", 280 * mhz, 2 * mib, 1 * mib, "MLPerf Tiny"},
    {"nucleo-u575zi", "STM32U575ZI", "cortex-m33", 160 * mhz, 2 * mib, 768 * kib, "MLPerf Tiny"},
    {"nucleo-f446re", "STM32F446RE", "cortex-m4", 180 * mhz, 512 * kib, 128 * kib, ""},
    {"nucleo-l053r8", "STM32L053R8", "cortex-m0plus", 32 * mhz, 64 * kib, 8 * kib, ""},
    {"stm32f746g-disco", "STM32F746NG", "cortex-m7", 216 * mhz, 1 * mib, 320 * kib, "TinyEngine's and MCUNet's board"},
    {"raspberry-pi-pico", "RP2040", "cortex-m0plus", 125 * mhz, 2 * mib, 264 * kib, "flash is external"},
    {"nrf52840-dk", "nRF52840", "cortex-m4", 64 * mhz, 1 * mib, 256 * kib, ""},
    {"bbc-microbit", "nRF51822", "cortex-m0", 16 * mhz, 256 * kib, 16 * kib, "first version"},
}};

}  // namespace

std::span<const Board> boards() { return table; }

const Board* find_board(std::string_view name) {
    const auto* board = std::find_if(table.begin(), table.end(), [&](const Board& b) { return b.name == name; });
    return board == table.end() ? nullptr : board;
}

Expected<Board> board_named(std::string_view name, Diagnostics& diag) {
    if (const Board* board = find_board(name)) return *board;
    return diag.error(DiagId::unknown_board, {}, "no board is called \"{}\"; `glowworm boards` lists them", name);
}

}  // namespace gw
