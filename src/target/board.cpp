// Boards that we name. Figures are the makers' own: data sheets and the boards' user manuals, for the five Cortex-M0+ boards Table 2 of
// NXP's application note AN13438; `source` says which. The clock is the one that code runs at there, not always the highest possible. RAM
// is what one linear region offers at most, banks that follow one another taken together; flash on the board counts where the chip has
// none.
#include "target/board.h"

#include <algorithm>

#include "target/core.h"

namespace gw {
namespace {

constexpr int64_t kib = 1024;
constexpr int64_t mib = 1024 * kib;
constexpr int64_t mhz = 1'000'000;

constexpr Board table[] = {
    // NXP AN13438, Table 2
    {"lpc845breakout", "LPC845", "cortex-m0plus", 30 * mhz, 64 * kib, 16 * kib, "AN13438", "its SDK examples start at 18 MHz"},
    {"frdm-ke16z", "MKE16Z64", "cortex-m0plus", 48 * mhz, 64 * kib, 8 * kib, "AN13438", ""},
    {"frdm-ke02z40m", "MKE02Z64", "cortex-m0plus", 40 * mhz, 64 * kib, 4 * kib, "AN13438", ""},
    {"frdm-k32l2b", "K32L2B31", "cortex-m0plus", 48 * mhz, 256 * kib, 32 * kib, "AN13438", ""},
    {"frdm-kv11z", "MKV11Z128", "cortex-m0plus", 75 * mhz, 128 * kib, 16 * kib, "AN13438", ""},
    // i.MX RT: code and weights in external flash
    {"mimxrt1050-evk", "MIMXRT1052", "cortex-m7", 600 * mhz, 64 * mib, 512 * kib, "NXP data sheet", "flash is external"},
    {"mimxrt1060-evk", "MIMXRT1062", "cortex-m7", 600 * mhz, 8 * mib, 1 * mib, "NXP data sheet", "flash is external"},
    {"mimxrt1170-evk", "MIMXRT1176", "cortex-m7", 996 * mhz, 16 * mib, 2 * mib, "NXP data sheet", "flash is external"},
    {"mimxrt685-evk", "MIMXRT685S", "cortex-m33", 300 * mhz, 64 * mib, 4608 * kib, "NXP data sheet", "flash is external"},
    {"teensy-4.0", "MIMXRT1062", "cortex-m7", 600 * mhz, 2 * mib, 1 * mib, "PJRC, NXP data sheet", "flash is external"},
    // ONNC's demonstration
    {"numaker-pfm-nuc472", "NUC472HI8AE", "cortex-m4", 84 * mhz, 512 * kib, 64 * kib, "Nuvoton data sheet", ""},
    // MLPerf Tiny
    {"nucleo-l4r5zi", "STM32L4R5ZI", "cortex-m4", 120 * mhz, 2 * mib, 640 * kib, "ST data sheet", "MLPerf Tiny's reference board"},
    {"nucleo-h7a3zi", "STM32H7A3ZI", "cortex-m7", 280 * mhz, 2 * mib, 1 * mib, "ST data sheet", "MLPerf Tiny; AXI SRAM"},
    {"nucleo-u575zi", "STM32U575ZI", "cortex-m33", 160 * mhz, 2 * mib, 768 * kib, "ST data sheet", "MLPerf Tiny"},
    {"nucleo-u385rg", "STM32U385RG", "cortex-m33", 96 * mhz, 1 * mib, 256 * kib, "ST data sheet", "MLPerf Tiny"},
    {"cy8cproto-062-4343w", "CY8C624ABZI", "cortex-m4", 150 * mhz, 2 * mib, 1 * mib, "Infineon data sheet", "MLPerf Tiny"},
    {"ek-ra6m4", "R7FA6M4AF", "cortex-m33", 200 * mhz, 1 * mib, 256 * kib, "Renesas data sheet", "MLPerf Tiny"},
    // common boards, by core
    {"nucleo-f030r8", "STM32F030R8", "cortex-m0", 48 * mhz, 64 * kib, 8 * kib, "ST data sheet", ""},
    {"bbc-microbit", "nRF51822", "cortex-m0", 16 * mhz, 256 * kib, 16 * kib, "Nordic data sheet", "first version"},
    {"nucleo-l053r8", "STM32L053R8", "cortex-m0plus", 32 * mhz, 64 * kib, 8 * kib, "ST data sheet", ""},
    {"nucleo-g071rb", "STM32G071RB", "cortex-m0plus", 64 * mhz, 128 * kib, 36 * kib, "ST data sheet", ""},
    {"arduino-zero", "ATSAMD21G18", "cortex-m0plus", 48 * mhz, 256 * kib, 32 * kib, "Microchip data sheet", ""},
    {"raspberry-pi-pico", "RP2040", "cortex-m0plus", 125 * mhz, 2 * mib, 264 * kib, "Raspberry Pi data sheet", "flash is external"},
    {"nucleo-f103rb", "STM32F103RB", "cortex-m3", 72 * mhz, 128 * kib, 20 * kib, "ST data sheet", ""},
    {"arduino-due", "ATSAM3X8E", "cortex-m3", 84 * mhz, 512 * kib, 96 * kib, "Microchip data sheet", ""},
    {"nucleo-f411re", "STM32F411RE", "cortex-m4", 100 * mhz, 512 * kib, 128 * kib, "ST data sheet", ""},
    {"nucleo-f446re", "STM32F446RE", "cortex-m4", 180 * mhz, 512 * kib, 128 * kib, "ST data sheet", ""},
    {"nucleo-l476rg", "STM32L476RG", "cortex-m4", 80 * mhz, 1 * mib, 96 * kib, "ST data sheet", "without the 32 KB of SRAM2"},
    {"stm32f4-discovery", "STM32F407VG", "cortex-m4", 168 * mhz, 1 * mib, 128 * kib, "ST data sheet", "without the 64 KB of CCM"},
    {"nrf52840-dk", "nRF52840", "cortex-m4", 64 * mhz, 1 * mib, 256 * kib, "Nordic data sheet", ""},
    {"arduino-nano-33-ble", "nRF52840", "cortex-m4", 64 * mhz, 1 * mib, 256 * kib, "Arduino, Nordic data sheet", ""},
    {"bbc-microbit-v2", "nRF52833", "cortex-m4", 64 * mhz, 512 * kib, 128 * kib, "Nordic data sheet", ""},
    {"adafruit-feather-m4", "ATSAMD51J19", "cortex-m4", 120 * mhz, 512 * kib, 192 * kib, "Microchip data sheet", ""},
    {"sparkfun-edge", "AMA3B1KK", "cortex-m4", 48 * mhz, 1 * mib, 384 * kib, "Ambiq data sheet", "TensorFlow Lite Micro's first board"},
    {"stm32f746g-disco", "STM32F746NG", "cortex-m7", 216 * mhz, 1 * mib, 320 * kib, "ST data sheet", "TinyEngine's and MCUNet's board"},
    {"nucleo-h743zi", "STM32H743ZI", "cortex-m7", 480 * mhz, 2 * mib, 512 * kib, "ST data sheet", "AXI SRAM"},
    {"nucleo-l552ze", "STM32L552ZE", "cortex-m33", 110 * mhz, 512 * kib, 256 * kib, "ST data sheet", ""},
    {"nrf5340-dk", "nRF5340", "cortex-m33", 128 * mhz, 1 * mib, 512 * kib, "Nordic data sheet", "application core"},
    {"raspberry-pi-pico-2", "RP2350", "cortex-m33", 150 * mhz, 4 * mib, 520 * kib, "Raspberry Pi data sheet", "flash is external"},
    {"ensemble-e7-devkit", "AE722F80", "cortex-m55", 400 * mhz, 5632 * kib, 4 * mib, "Alif data sheet",
     "MRAM; SRAM0; the high-performance core"},
};

}  // namespace

std::span<const Board> boards() { return table; }

const Board* find_board(std::string_view name) {
    const auto* board = std::find_if(std::begin(table), std::end(table), [&](const Board& b) { return b.name == name; });
    return board == std::end(table) ? nullptr : board;
}

Expected<Board> board_named(std::string_view name, Diagnostics& diag) {
    if (const Board* board = find_board(name)) return *board;
    return diag.error(DiagId::unknown_board, {}, "no board is called \"{}\"; `glowworm boards` lists them", name);
}

}  // namespace gw
