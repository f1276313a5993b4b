// Building and running an emitted bundle: on this machine and on emulated Cortex-M cores, many samples at a time; and measuring the flash
// it takes. All of it drives the user's own compilers; a tool that is missing is a diagnostic.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "glowworm_custom.h"
#include "target/core.h"

namespace gw {

// An input or output of the bundle. The caller holds it, aligned to `align`, unless it lies at `offset` in the arena (--input arena) or in
// the block of all inputs and outputs (--api glow).
struct BundleTensor {
    enum class Home { own, arena, placeholders };
    std::string name, c_name;
    int64_t bytes = 0, align = 1;
    Home home = Home::own;
    int64_t offset = 0;
};

// Memory that the caller passes beside inputs, outputs and arena.
struct BundleMemory {
    int64_t bytes = 0, align = 1;
};

// Bytes that hold a step's output once the step is done: in the arena, in input or output number `index`, or in the state.
struct BundleRange {
    enum class Where { arena, input, output, state };
    Where where = Where::arena;
    int index = 0;
    int64_t offset = 0, bytes = 0;
};

struct BundleStep {
    std::string name, function;  // function: the C symbol, "digits_step_3"
    std::vector<BundleRange> outputs;
};

// What one must know to call a bundle. Step k is announced by NAME_HOOK(k); there is one entry in `steps` for each.
struct BundleInfo {
    std::filesystem::path folder;
    std::string name, upper_name;      // "digits", "DIGITS"
    std::vector<std::string> sources;  // C files in the folder
    std::vector<BundleTensor> inputs, outputs;
    int64_t arena_bytes = 0, arena_align = 1;
    int64_t state_bytes = 0, state_align = 1;  // 0: NAME_run takes no state
    int64_t state_offset = -1;                 // --api glow: where it lies among the inputs and outputs
    std::vector<BundleStep> steps;
    // The caller passes the constants, the bytes of NAME.weights.bin; so many of them are tables.
    std::optional<BundleMemory> weights;
    int64_t tables_bytes = 0;
    std::optional<BundleMemory> placeholders;  // --api glow: inputs and outputs lie there
    std::vector<std::string> custom;           // functions that the user supplies: glowworm_custom_<name>
    std::string function() const { return placeholders ? name : name + "_run"; }
};

struct BuildOptions {
    std::string toolchain = "gcc";  // or "clang"; for cores it compiles the bundle, while start-up code and link are always GCC's
    std::string cc;                 // the compiler's path; empty: found in PATH. The host uses it too, unless it is a cross-compiler.
    std::vector<std::string>
        cflags;  // in place of the recommended ones; flags that select the core are always added (-m… never on the host)
    std::string optimize = "speed";                     // speed, size or ram: which flags are recommended
    std::string float_abi;                              // soft, softfp, hard; empty: the core's default
    std::vector<std::filesystem::path> custom_sources;  // C files of the user that define the bundle's custom operators
};

struct RunOptions {
    bool capture_steps = false;  // the bytes of every step's outputs; the stack is not measured then
    bool price = false;          // count instructions and, where the core's timings are published, cycles (cores only)
    bool count_loads = false;    // with `price`: of each constant as well, which takes longer
    // So many samples in a row are one sequence: the state is reset before it and kept within it. 0: all samples are one.
    int64_t sequence = 1;
    double timeout_seconds = 0;  // 0: two minutes and 20 seconds a sample
};

// Of one inference (the mean over the samples, rounded to nearest); -1: not measured.
struct StepCost {
    std::string name;
    int64_t cycles = -1, instructions = -1, loads = -1, stores = -1, multiplies = -1;
};

struct RunResult {
    std::vector<std::string> outputs;             // per sample: all outputs' bytes, concatenated
    std::vector<std::vector<std::string>> steps;  // [sample][step]: the bytes of the step's ranges; empty without capture_steps
    int64_t cycles = -1, cycles_min = -1, cycles_max = -1, instructions = -1;  // per inference
    int64_t stack_bytes = -1;                     // below the call of NAME_run, the deepest of the first 16 samples; by painting
    std::vector<StepCost> step_costs, functions;  // step_costs are inclusive and in the order of BundleInfo.steps; functions are exclusive
    std::map<std::string, int64_t> loads_of;      // count_loads: constant's C symbol → words and parts of words loaded an inference
    std::string cycles_reason;                    // why cycles is -1; empty when it is measured
};

// Functions glowworm_custom_<name> of the user's C files, compiled for this machine and loaded into this process, where they are trusted.
struct CustomLibrary {
    std::shared_ptr<void> handle;  // keeps the functions
    std::map<std::string, void (*)(const glowworm_call*)> functions;
};
// `header` is the text of glowworm_custom.h, which they include.
Expected<CustomLibrary> load_custom(const std::vector<std::string>& names, std::string_view header, const BuildOptions& build,
                                    Diagnostics& diag);

// A sample is the concatenation of all inputs' bytes in order. Both check guard bytes around arena and outputs, that caller-owned inputs
// are not written, and the status of NAME_run; each violation is a diagnostic. The host runs it in a child process, so a crash is one as
// well.
Expected<RunResult> run_on_host(const BundleInfo& bundle, std::span<const std::string> samples, const BuildOptions& build,
                                const RunOptions& options, Diagnostics& diag);
Expected<RunResult> run_on_core(const BundleInfo& bundle, const Core& core, std::span<const std::string> samples, const BuildOptions& build,
                                const RunOptions& options, Diagnostics& diag);

// Bytes that the bundle adds to a linked image (unused sections dropped, libgcc and libc included): the image with NAME_run (and
// NAME_reset) as its roots, less an empty one with the same start-up. Symbols NAME_w_* are weights, NAME_t_* tables, all the rest
// (alignment too) is code.
struct Flash {
    int64_t weights = 0, tables = 0, code = 0, total = 0;
    std::map<std::string, int64_t> code_by_function;  // "NAME_step_3" and whatever the libraries bring; clones count for their function
};
// Weights that the caller passes are counted as their bytes.
Expected<Flash> measure_flash(const BundleInfo& bundle, const Core& core, const BuildOptions& build, Diagnostics& diag);

// The flags a bundle's sources are compiled with for that core, without include paths: for reports and generated CMake files.
Expected<std::vector<std::string>> bundle_flags(const Core& core, const BuildOptions& build, Diagnostics& diag);

// The bundle as one relocatable object, each function and datum in a section of its own: the bytes of NAME.o. For a core, or for this
// machine when the core is `host`.
Expected<std::string> build_object(const BundleInfo& bundle, const Core& core, const BuildOptions& build, Diagnostics& diag);

struct Tool {
    std::filesystem::path path;  // empty: missing
    std::string version;         // the first line that it prints for --version
};
struct Tools {
    Tool arm_gcc, clang, qemu, host_cc;
    std::vector<std::string> missing;  // one line each: what is missing and what for
};
Tools find_tools();

}  // namespace gw
