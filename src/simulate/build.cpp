// Driving the compilers. Everything happens in a temporary folder; the bundle's folder is only read. For a core, the bundle's sources are
// compiled by the chosen compiler with the chosen flags, start-up code and driver always by GCC with our own, and GCC links: clang has no C
// library for these cores of its own. Images contain what -ffunction-sections, -fdata-sections and --gc-sections leave.
#include "simulate/build.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "base/embedded.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"

namespace gw {

namespace fs = std::filesystem;

Expected<std::vector<std::string>> bundle_flags(const Core& core, const BuildOptions& build, Diagnostics& diag) {
    GW_TRY(const Core used, with_float_abi(core, build.float_abi, diag));
    std::vector<std::string> flags = {"-std=c99"};
    const auto& select = build.toolchain == "clang" ? used.clang_flags : used.gcc_flags;
    flags.insert(flags.end(), select.begin(), select.end());
    const std::vector<std::string> tuning = build.cflags.empty() ? recommended_flags(used, build.optimize, build.toolchain) : build.cflags;
    flags.insert(flags.end(), tuning.begin(), tuning.end());
    return flags;
}

namespace simulate {
namespace {

constexpr double compile_timeout_seconds = 600;

// Memory of QEMU's boards (hw/arm/mps2.c, mps2-tz.c, armsse.c): code where the vector table is at reset, data with no other RAM below it,
// and the biggest memory for the rest. Boards with TrustZone start in the secure world, so these are secure addresses.
struct Memory {
    std::string_view machine;
    uint32_t code, code_bytes, data, data_bytes, big, big_bytes;
};
constexpr uint32_t mib = 1u << 20;
constexpr std::array<Memory, 5> memories = {{
    {"mps2-an385", 0x00000000, 4 * mib, 0x20000000, 4 * mib, 0x21000000, 16 * mib},
    {"mps2-an386", 0x00000000, 4 * mib, 0x20000000, 4 * mib, 0x21000000, 16 * mib},
    {"mps2-an500", 0x00000000, 4 * mib, 0x20000000, 4 * mib, 0x60000000, 16 * mib},
    {"mps2-an505", 0x10000000, 4 * mib, 0x38000000, 4 * mib, 0x80000000, 16 * mib},
    {"mps3-an547", 0x10000000, mib / 2, 0x31000000, 4 * mib, 0x70000000, 256 * mib},
}};
// Above this the model's memory goes to the big region: the data region also holds stack and libraries' data.
constexpr int64_t data_limit = int64_t{3} * mib;

Expected<Memory> memory_of(const Core& core, Diagnostics& diag) {
    for (const Memory& m : memories)
        if (core.machine == m.machine) return m;
    return diag.error(DiagId::bad_option, {}, "{} cannot be emulated; `glowworm cores` lists the cores that can", core.name);
}

std::string memory_script(const Memory& m) {
    auto region = [](std::string_view name, uint32_t at, uint32_t bytes) {
        return fmt::format("    {} (rwx) : ORIGIN = {:#010x}, LENGTH = {:#x}\n", name, at, bytes);
    };
    return "MEMORY\n{\n" + region("CODE", m.code, m.code_bytes) + region("DATA", m.data, m.data_bytes) + region("BIG", m.big, m.big_bytes) +
           fmt::format("}}\ngw_stack_bytes = {};\n", core_stack_bytes);
}

std::vector<std::string> hook_flags(const BundleInfo& bundle, const Layout& layout) {
    if (layout.steps.empty()) return {};
    return {"-D" + bundle.upper_name + "_HOOK(layer)=gw_hook(layer)", "-include", "gw_hook.h"};
}

Status write_driver(const BundleInfo& bundle, const Layout& layout, std::string_view section, const fs::path& folder, Diagnostics& diag) {
    return write_files(folder, {{"gw_driver.c", driver_source(bundle, layout, section)}, {"gw_hook.h", "void gw_hook(int layer);\n"}},
                       diag);
}

std::vector<std::string> source_paths(const BundleInfo& bundle, const BuildOptions& build) {
    std::vector<std::string> paths;
    std::error_code ec;
    for (const std::string& s : bundle.sources) paths.push_back(fs::absolute(bundle.folder / s, ec).string());
    if (!bundle.custom.empty())
        for (const fs::path& s : build.custom_sources) paths.push_back(fs::absolute(s, ec).string());
    return paths;
}

// An image needs every function that the bundle calls.
Status check_custom(const BundleInfo& bundle, const BuildOptions& build, Diagnostics& diag) {
    if (bundle.custom.empty() || !build.custom_sources.empty()) return {};
    return diag.error(DiagId::custom_missing, {.file = bundle.name},
                      "calls glowworm_custom_{}: give the C file that defines it with --custom-source",
                      fmt::join(bundle.custom, ", glowworm_custom_"));
}

// Object names that a `-c` of these sources leaves in the working folder.
std::vector<std::string> object_names(const std::vector<std::string>& sources) {
    std::vector<std::string> names;
    for (const std::string& s : sources) names.push_back(fs::path(s).stem().string() + ".o");
    return names;
}

template <class... Lists>
std::vector<std::string> join(const Lists&... lists) {
    std::vector<std::string> all;
    (all.insert(all.end(), lists.begin(), lists.end()), ...);
    return all;
}
using Words = std::vector<std::string>;

// The folder of newlib's headers, which clang does not know: beside the library that GCC links.
Expected<std::string> newlib_headers(const std::string& gcc, Diagnostics& diag) {
    const ProcessResult r = run_process({gcc, "-print-file-name=libc.a"}, {.timeout_seconds = 60});
    const fs::path library = fs::path(r.out.substr(0, r.out.find('\n')));
    std::error_code ec;
    const fs::path headers = library.parent_path().parent_path() / "include";
    if (r.ok() && library.is_absolute() && fs::exists(headers / "string.h", ec)) return headers.string();
    return diag.error(DiagId::tool_missing, {}, "newlib, the C library for Cortex-M, is not installed (Debian: libnewlib-arm-none-eabi)");
}

// Compiles the bundle for a core; returns the objects' names in `folder`.
Expected<Words> compile_bundle(const BundleInfo& bundle, const Core& core, const BuildOptions& build, const CoreCompilers& compilers,
                               const Words& extra, const fs::path& folder, Diagnostics& diag) {
    GW_TRY(Words flags, bundle_flags(core, build, diag));
    // Without sections of its own an unused function or table could not be dropped, whatever the user's flags are. Unwind tables, which
    // clang writes for C too, would pull a C++ unwinder into the image.
    flags.insert(flags.end(), {"-ffunction-sections", "-fdata-sections", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"});
    if (compilers.clang) {
        GW_TRY(const std::string headers, newlib_headers(compilers.gcc, diag));
        flags.insert(flags.end(), {"-isystem", headers});
    }
    const Words sources = source_paths(bundle, build);
    GW_TRY_DO(run_compiler(join(Words{compilers.bundle, "-c"}, flags, extra, sources), folder, diag));
    return object_names(sources);
}

// Flags of our own files on a core. Loops that fill memory must stay loops where the stack is painted.
Words runtime_flags(const Core& core) {
    return join(
        Words{"-std=gnu11", "-Os", "-ffreestanding", "-ffunction-sections", "-fno-tree-loop-distribute-patterns", "-fno-unwind-tables"},
        core.gcc_flags);
}

Status link(const CoreCompilers& compilers, const Core& core, const Words& objects, const Words& extra, const std::string& image,
            const fs::path& folder, Diagnostics& diag) {
    return run_compiler(join(Words{compilers.gcc, "-nostartfiles", "-static", "-T", "sections.ld", "-L.", "-Wl,--gc-sections", "-o", image},
                             core.gcc_flags, objects, extra, Words{"-lm", "-lc", "-lgcc"}),
                        folder, diag);
}

}  // namespace

Expected<CoreCompilers> core_compilers(const BuildOptions& build, Diagnostics& diag) {
    CoreCompilers c;
    c.clang = build.toolchain == "clang";
    if (!c.clang && build.toolchain != "gcc")
        return diag.error(DiagId::bad_option, {}, "--toolchain is \"{}\"; it can be gcc or clang", build.toolchain);
    const std::string gcc_name = !c.clang && !build.cc.empty() ? build.cc : "arm-none-eabi-gcc";
    c.gcc = find_program(gcc_name).string();
    if (c.gcc.empty())
        return diag.error(DiagId::tool_missing, {}, "{} is not installed: it builds images for Cortex-M (Debian: gcc-arm-none-eabi)",
                          gcc_name);
    c.bundle = c.gcc;
    if (!c.clang) return c;
    const std::string clang_name = build.cc.empty() ? "clang" : build.cc;
    c.bundle = find_program(clang_name).string();
    if (c.bundle.empty()) return diag.error(DiagId::tool_missing, {}, "{} is not installed (Debian: clang)", clang_name);
    return c;
}

namespace {

// Whether this compiler makes code for Arm's bare-metal cores: then it is the target's, and cannot serve the host.
bool is_cross_compiler(const std::string& cc) {
    const ProcessResult r = run_process({cc, "-dumpmachine"}, {.timeout_seconds = 60});
    return r.ok() && r.out.starts_with("arm-") && r.out.find("-eabi") != std::string::npos;
}

// The user's flags without those that select a target: one command line serves both.
Words host_flags(const Words& flags) {
    Words kept;
    for (const std::string& f : flags)
        if (!f.starts_with("-m") && !f.starts_with("--target")) kept.push_back(f);
    return kept;
}

}  // namespace

Expected<std::string> host_compiler(const BuildOptions& build, Diagnostics& diag) {
    Words names = {"cc", "gcc", "clang"};
    if (build.toolchain == "clang") names = {"clang"};
    if (const char* cc = std::getenv("CC"); cc != nullptr && *cc != 0 && build.toolchain != "clang") names.insert(names.begin(), cc);
    if (!build.cc.empty() && !is_cross_compiler(build.cc)) names = {build.cc};
    for (const std::string& name : names)
        if (const fs::path path = find_program(name); !path.empty()) return path.string();
    return diag.error(DiagId::tool_missing, {}, "no C compiler for this machine: {} not found in PATH (Debian: gcc)",
                      fmt::join(names, ", "));
}

Status run_compiler(const Words& arguments, const fs::path& folder, Diagnostics& diag) {
    const ProcessResult r = run_process(arguments, {.folder = folder, .timeout_seconds = compile_timeout_seconds});
    if (r.ok()) return {};
    if (!r.started) return diag.error(DiagId::tool_missing, {}, "{} cannot be started: {}", arguments[0], r.start_error);
    const std::string program = fs::path(arguments[0]).filename().string();
    if (r.timed_out) return diag.error(DiagId::compiler_failed, {}, "{} did not end within {} s", program, compile_timeout_seconds);
    // The lines that name an error; failing that, the first ones. A linker's lines need not say "error", and the line of the program that
    // called it says nothing.
    Words lines, errors;
    for (const std::string& line : split(r.err, '\n')) {
        const auto has = [&](std::string_view words) { return line.find(words) != std::string::npos; };
        if (!line.empty()) lines.push_back(line);
        const bool linker = has("ld: ") && !has("warning:") && !has("NOTE:") && !has(": in function");
        if (!has("collect2:") && (has("error:") || has("undefined reference") || has("relocation truncated") || linker))
            errors.push_back(line);
    }
    if (errors.empty()) errors = lines;
    if (errors.size() > 3) errors.resize(3);
    return diag.error(DiagId::compiler_failed, {}, "{} failed: {}", program, fmt::join(errors, " | "));
}

Status write_runtime(const fs::path& folder, const std::vector<std::string_view>& names, Diagnostics& diag) {
    std::map<std::string, std::string> files;
    for (std::string_view name : names) {
        const EmbeddedFile* file = find_embedded(embedded_simulate(), fmt::format("runtime/{}", name));
        GW_CHECK(file != nullptr, "a runtime file is not embedded");
        files[std::string(name)] = std::string(file->content);
    }
    return write_files(folder, files, diag);
}

namespace {
Words flags_for_host(const BuildOptions& build) {
    return build.cflags.empty() ? recommended_flags(*find_core("host"), "speed") : host_flags(build.cflags);
}
}  // namespace

Expected<fs::path> build_for_host(const BundleInfo& bundle, const Layout& layout, const BuildOptions& build, const fs::path& folder,
                                  Diagnostics& diag) {
    GW_TRY_DO(check_custom(bundle, build, diag));
    GW_TRY(const std::string cc, host_compiler(build, diag));
    GW_TRY_DO(write_runtime(folder, {"gw_runtime.h", "sample_loop.c", "platform_host.c"}, diag));
    GW_TRY_DO(write_driver(bundle, layout, "", folder, diag));
    const Words flags = flags_for_host(build);
    std::error_code ec;
    const Words fixed = {cc, "-std=c99", "-fPIC", "-shared", "-DGW_HOST", "-I.", "-I" + fs::absolute(bundle.folder, ec).string()};
    const Words ours = {"gw_driver.c", "sample_loop.c", "platform_host.c", "-o", "bundle.so", "-lm"};
    GW_TRY_DO(run_compiler(join(fixed, flags, hook_flags(bundle, layout), source_paths(bundle, build), ours), folder, diag));
    return folder / "bundle.so";
}

Expected<fs::path> build_for_core(const BundleInfo& bundle, const Layout& layout, const Core& chosen, const BuildOptions& build,
                                  const fs::path& folder, Diagnostics& diag) {
    GW_TRY_DO(check_custom(bundle, build, diag));
    GW_TRY(const Core core, with_float_abi(chosen, build.float_abi, diag));
    GW_TRY(const Memory memory, memory_of(core, diag));
    GW_TRY(const CoreCompilers compilers, core_compilers(build, diag));
    GW_TRY_DO(write_runtime(folder, {"gw_runtime.h", "sample_loop.c", "platform_core.c", "sections.ld"}, diag));
    GW_TRY_DO(write_driver(bundle, layout, layout.bytes <= data_limit ? ".gw_memory" : ".gw_big", folder, diag));
    GW_TRY_DO(write_file(folder / "memory.ld", memory_script(memory), diag));
    const Words ours = {"gw_driver.c", "sample_loop.c", "platform_core.c"};
    std::error_code ec;
    const Words include = {"-I.", "-I" + fs::absolute(bundle.folder, ec).string()};
    GW_TRY_DO(run_compiler(join(Words{compilers.gcc, "-c"}, runtime_flags(core), include, ours), folder, diag));
    GW_TRY(const Words objects, compile_bundle(bundle, core, build, compilers, join(include, hook_flags(bundle, layout)), folder, diag));
    GW_TRY_DO(link(compilers, core, join(object_names(ours), objects), {}, "image.elf", folder, diag));
    return folder / "image.elf";
}

Expected<fs::path> build_bare(const BundleInfo& bundle, bool with_bundle, const Core& chosen, const BuildOptions& build,
                              const fs::path& folder, Diagnostics& diag) {
    GW_TRY_DO(check_custom(bundle, build, diag));
    GW_TRY(const Core core, with_float_abi(chosen, build.float_abi, diag));
    GW_TRY(const Memory memory, memory_of(core, diag));
    GW_TRY(const CoreCompilers compilers, core_compilers(build, diag));
    GW_TRY_DO(write_runtime(folder, {"empty_core.c", "sections.ld"}, diag));
    GW_TRY_DO(write_file(folder / "memory.ld", memory_script(memory), diag));
    GW_TRY_DO(run_compiler(join(Words{compilers.gcc, "-c"}, runtime_flags(core), Words{"empty_core.c"}), folder, diag));
    if (!with_bundle) {
        GW_TRY_DO(link(compilers, core, {"empty_core.o"}, {}, "empty.elf", folder, diag));
        return folder / "empty.elf";
    }
    std::error_code ec;
    const Words include = {"-I" + fs::absolute(bundle.folder, ec).string()};
    GW_TRY(const Words objects, compile_bundle(bundle, core, build, compilers, include, folder, diag));
    Words roots = {"-Wl,-u," + bundle.function()};
    if (bundle.state_bytes > 0) roots.push_back("-Wl,-u," + bundle.name + "_reset");
    GW_TRY_DO(link(compilers, core, join(Words{"empty_core.o"}, objects), roots, "bare.elf", folder, diag));
    return folder / "bare.elf";
}

}  // namespace simulate

// The parts are compiled one by one, exactly as they are where figures are measured, and joined by the linker: `-r`.
Expected<std::string> build_object(const BundleInfo& bundle, const Core& chosen, const BuildOptions& options, Diagnostics& diag) {
    using namespace simulate;
    BuildOptions build = options;
    build.custom_sources.clear();  // they are the firmware's
    const TemporaryFolder folder;
    // Not the name of a part: the linker must not read what it writes.
    const std::string joined = bundle.name + "_all.o";
    std::string linker;
    Words objects, machine;
    if (chosen.base_name == "host") {
        GW_TRY(linker, host_compiler(build, diag));
        const Words sources = source_paths(bundle, build);
        GW_TRY_DO(
            run_compiler(join(Words{linker, "-std=c99", "-c", "-ffunction-sections", "-fdata-sections"}, flags_for_host(build), sources),
                         folder.path(), diag));
        objects = object_names(sources);
    } else {
        GW_TRY(const Core core, with_float_abi(chosen, build.float_abi, diag));
        GW_TRY(const CoreCompilers compilers, core_compilers(build, diag));
        linker = compilers.gcc, machine = core.gcc_flags;
        GW_TRY(objects, compile_bundle(bundle, core, build, compilers, {}, folder.path(), diag));
    }
    GW_TRY_DO(run_compiler(join(Words{linker}, machine, Words{"-r", "-nostdlib", "-o", joined}, objects), folder.path(), diag));
    return read_file(folder.path() / joined, diag);
}
}  // namespace gw
