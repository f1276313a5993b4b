// Cores: what a Cortex-M (or the host) can do, how to compile for it and where to emulate it.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"

namespace gw {

// What kernels may rely on. `unaligned`: halfword and word accesses at any address. `divide`: SDIV and UDIV.
struct CoreFeatures {
    bool dsp = false;
    bool fpu = false;  // single precision at least
    bool mve = false;  // integer vectors (Helium)
    bool mve_float = false;
    bool unaligned = false;
    bool divide = false;
};

enum class Isa { portable, v6m, v7m, v7em, v8m_main, v8_1m_main };

struct Core {
    std::string name;          // GCC's spelling with its suffixes: "cortex-m33+nodsp"
    std::string base_name;     // without suffixes: "cortex-m33"
    std::string architecture;  // "Armv6-M"; empty for generic and host
    Isa isa = Isa::portable;
    CoreFeatures features;
    std::string float_abi;                 // "soft", "softfp" or "hard"; empty for generic and host
    std::vector<std::string> gcc_flags;    // everything that selects core and float ABI, for arm-none-eabi-gcc
    std::vector<std::string> clang_flags;  // the same for clang, with its --target
    std::string machine;                   // QEMU board that has this core, or one that runs all of its code; empty: cannot be emulated
    std::string price_document;            // the published table of instruction timings; empty: there is none
    bool priced() const { return !price_document.empty(); }
    bool emulated() const { return !machine.empty(); }
};

// The core of that name, or null. Names: generic, host, cortex-m0, -m0plus, -m3, -m4, -m7, -m33, -m55, in any number of the suffixes that
// the core knows: +nofp, +nomve, +nodsp. On the M4 and M7, which cannot be had without DSP instructions, +nodsp only stops Glowworm from
// using them; the compiler still may. The result lives as long as the program.
const Core* find_core(std::string_view name);
// find_core, or a diagnostic that lists the names.
Expected<Core> core_named(std::string_view name, Diagnostics& diag);
// Names without suffixes, in the order of their power.
std::vector<std::string> core_names();

// The core with another float ABI: features and flags follow ("soft" gives up the FPU, and on the M55 the vectors as well, because GCC ties
// them together). "" keeps the core as it is. An ABI that the core cannot have is a diagnostic.
Expected<Core> with_float_abi(const Core& core, std::string_view abi, Diagnostics& diag);

// The one place that says which optimisation flags we recommend. optimize: "speed", "size" or "ram"; toolchain: "gcc" or "clang".
std::vector<std::string> recommended_flags(const Core& core, std::string_view optimize, std::string_view toolchain = "gcc");

}  // namespace gw
