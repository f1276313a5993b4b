// The cores. One row says what a core is; suffixes and the float ABI then change features, and the compilers' flags are derived from the
// features at the end, so that flags and features cannot disagree. Facts: Arm's technical reference manuals; flag spellings: GCC 12 and
// clang 14 (checked by the predefined macros __ARM_FEATURE_DSP, __ARM_FEATURE_MVE and __ARM_FP).
#include "target/core.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include "base/text.h"

namespace gw {
namespace {

struct Row {
    const char* name;
    const char* architecture;
    Isa isa;
    CoreFeatures features;
    const char* clang_target;
    const char* fpu;  // clang's and GCC's -mfpu for single precision; "": the default of -mcpu is right
    const char* machine;
    const char* price_document;
};

// QEMU has no board with an M0 or M0+ that has enough memory; its M3 board runs all of their instructions, and the pricing plugin refuses
// what an Armv6-M core would not execute.
constexpr std::array<Row, 9> rows = {{
    {"generic", "", Isa::portable, {}, "", "", "", ""},
    {"host", "", Isa::portable, {.unaligned = true, .divide = true}, "", "", "", ""},
    {"cortex-m0", "Armv6-M", Isa::v6m, {}, "thumbv6m-none-eabi", "", "mps2-an385", "Arm DDI 0432C"},
    {"cortex-m0plus", "Armv6-M", Isa::v6m, {}, "thumbv6m-none-eabi", "", "mps2-an385", "Arm DDI 0484C"},
    {"cortex-m3", "Armv7-M", Isa::v7m, {.unaligned = true, .divide = true}, "thumbv7m-none-eabi", "", "mps2-an385", "Arm DDI 0337"},
    {"cortex-m4",
     "Armv7E-M",
     Isa::v7em,
     {.dsp = true, .fpu = true, .unaligned = true, .divide = true},
     "thumbv7em-none-eabi",
     "fpv4-sp-d16",
     "mps2-an386",
     "Arm 100166"},
    {"cortex-m7",
     "Armv7E-M",
     Isa::v7em,
     {.dsp = true, .fpu = true, .unaligned = true, .divide = true},
     "thumbv7em-none-eabi",
     "fpv5-sp-d16",
     "mps2-an500",
     ""},
    {"cortex-m33",
     "Armv8-M Mainline",
     Isa::v8m_main,
     {.dsp = true, .fpu = true, .unaligned = true, .divide = true},
     "thumbv8m.main-none-eabi",
     "fpv5-sp-d16",
     "mps2-an505",
     ""},
    {"cortex-m55",
     "Armv8.1-M Mainline",
     Isa::v8_1m_main,
     {.dsp = true, .fpu = true, .mve = true, .mve_float = true, .unaligned = true, .divide = true},
     "thumbv8.1m.main-none-eabi",
     "",
     "mps3-an547",
     ""},
}};

struct Suffixes {
    bool nofp = false, nomve = false, nodsp = false;
};

// Fills features, float ABI and flags of a core for its suffixes and ABI.
Core derive(const Row& row, const Suffixes& suffixes, std::string_view abi) {
    Core core{.name = row.name, .base_name = row.name, .architecture = row.architecture, .isa = row.isa, .features = row.features};
    core.machine = row.machine;
    core.price_document = row.price_document;
    if (suffixes.nodsp) core.name += "+nodsp";
    if (suffixes.nofp) core.name += "+nofp";
    if (suffixes.nomve) core.name += "+nomve";
    if (row.isa == Isa::portable) return core;

    CoreFeatures& f = core.features;
    if (suffixes.nodsp) f.dsp = f.mve = f.mve_float = false;  // Helium needs the DSP extension
    if (suffixes.nomve) f.mve = f.mve_float = false;
    if (suffixes.nofp) f.fpu = f.mve_float = false;
    const bool has_registers = f.fpu || f.mve;  // vectors live in the FPU's registers, and take the hard ABI along
    core.float_abi = !abi.empty() ? std::string(abi) : has_registers ? "hard" : "soft";
    if (core.float_abi == "soft") f.fpu = f.mve = f.mve_float = false;

    const bool v8 = row.isa == Isa::v8m_main || row.isa == Isa::v8_1m_main;
    std::string extensions;
    if (v8 && !f.dsp) extensions += "+nodsp";
    if (row.features.fpu && !f.fpu) extensions += "+nofp";
    if (row.features.mve && !f.mve && f.dsp) extensions += "+nomve";
    const std::string cpu = std::string("-mcpu=") + row.name;
    core.gcc_flags = {"-mthumb", cpu + extensions, "-mfloat-abi=" + core.float_abi};
    if (f.fpu && row.fpu[0] != 0) core.gcc_flags.push_back(std::string("-mfpu=") + row.fpu);
    const std::string abi_suffix = core.float_abi == "hard" ? "hf" : "";
    core.clang_flags = {"--target=" + std::string(row.clang_target) + abi_suffix, cpu + (v8 ? extensions : ""),
                        "-mfloat-abi=" + core.float_abi};
    if (!f.fpu && !f.mve) core.clang_flags.push_back("-mfpu=none");
    if (f.fpu && row.fpu[0] != 0) core.clang_flags.push_back(std::string("-mfpu=") + row.fpu);
    return core;
}

const Row* find_row(std::string_view name) {
    const auto* row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return name == r.name; });
    return row == rows.end() ? nullptr : row;
}

// Splits "cortex-m33+nodsp" into its row and its suffixes; null when a part of it is unknown.
const Row* parse_name(std::string_view name, Suffixes& suffixes) {
    const std::vector<std::string> parts = split(name, '+');
    const Row* row = parts.empty() ? nullptr : find_row(parts[0]);
    if (row == nullptr) return nullptr;
    for (size_t i = 1; i < parts.size(); ++i) {
        if (parts[i] == "nofp" && row->features.fpu)
            suffixes.nofp = true;
        else if (parts[i] == "nomve" && row->features.mve)
            suffixes.nomve = true;
        else if (parts[i] == "nodsp" && row->features.dsp)
            suffixes.nodsp = true;
        else
            return nullptr;
    }
    return row;
}

}  // namespace

const Core* find_core(std::string_view name) {
    static std::mutex mutex;
    static std::map<std::string, Core, std::less<>> known;
    const std::lock_guard lock(mutex);
    if (const auto it = known.find(name); it != known.end()) return &it->second;
    Suffixes suffixes;
    const Row* row = parse_name(name, suffixes);
    if (row == nullptr) return nullptr;
    return &known.emplace(std::string(name), derive(*row, suffixes, "")).first->second;
}

Expected<Core> core_named(std::string_view name, Diagnostics& diag) {
    const Core* core = find_core(name);
    if (core != nullptr) return *core;
    return diag.error(DiagId::unknown_core, {}, "no core is called \"{}\"; there are {}, some with +nodsp, +nofp or +nomve", name,
                      fmt::join(core_names(), ", "));
}

std::vector<std::string> core_names() {
    std::vector<std::string> names;
    for (const Row& row : rows) names.emplace_back(row.name);
    return names;
}

Expected<Core> with_float_abi(const Core& core, std::string_view abi, Diagnostics& diag) {
    if (abi.empty() || abi == core.float_abi) return core;
    if (abi != "soft" && abi != "softfp" && abi != "hard")
        return diag.error(DiagId::bad_option, {}, "--float-abi is \"{}\"; it can be soft, softfp or hard", abi);
    if (core.isa == Isa::portable) return diag.error(DiagId::bad_option, {}, "--float-abi needs a Cortex-M core, not {}", core.name);
    if (abi != "soft" && !core.features.fpu && !core.features.mve)
        return diag.error(DiagId::bad_option, {}, "{} has no floating-point registers, so --float-abi {} cannot be", core.name, abi);
    Suffixes suffixes;
    const Row* row = parse_name(core.name, suffixes);
    GW_CHECK(row != nullptr, "a core's own name is unknown");
    return derive(*row, suffixes, abi);
}

std::vector<std::string> recommended_flags(const Core& core, std::string_view optimize, std::string_view toolchain) {
    // Contraction into fused multiply-add would make float results differ between cores.
    std::vector<std::string> flags = {optimize == "size" ? "-Os" : "-O2", "-ffp-contract=off"};
    // Bundles run here as fast as they can: many samples wait.
    if (core.base_name == "host") flags = {"-O3", "-march=native", "-ffp-contract=off"};
    if (core.isa != Isa::portable) flags.insert(flags.end(), {"-ffunction-sections", "-fdata-sections"});
    // With eight low registers gcc's allocation by loops spills more than one for the whole function (7 % of the digit net's cycles).
    if (core.isa == Isa::v6m && optimize == "speed" && toolchain != "clang") flags.emplace_back("-fira-region=one");
    return flags;
}

}  // namespace gw
