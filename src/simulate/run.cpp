// Running a bundle. Both ways write the samples to a file, let the image's sample loop (runtime/sample_loop.c) run them all, and read
// results back from a file; on the host the image is a shared object that a child process loads, on a core it is an ELF file that QEMU
// runs. The loop reports what went wrong through a failure file; what it cannot report (a crash, a hang) shows in how the process ended.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/files.h"
#include "base/process.h"
#include "simulate/build.h"
#include "simulate/elf.h"
#include "simulate/pricing.h"
#include "simulate/simulate.h"

namespace gw {
namespace fs = std::filesystem;
namespace {

using simulate::Layout;

constexpr uint32_t no_stack = 0xFFFFFFFF;

std::string little_endian(uint32_t v) {
    std::string s;
    for (int i = 0; i < 4; ++i) s += static_cast<char>(v >> (8 * i));
    return s;
}

uint32_t read_u32(std::string_view bytes, size_t at) {
    uint32_t v = 0;
    for (size_t i = 4; i-- > 0;) v = v << 8 | static_cast<unsigned char>(bytes[at + i]);
    return v;
}

double timeout_of(const RunOptions& options, size_t samples) {
    return options.timeout_seconds > 0 ? options.timeout_seconds : 120.0 + 20.0 * static_cast<double>(samples);
}

Status write_samples(const BundleInfo& bundle, std::span<const std::string> samples, int64_t sequence, const fs::path& folder,
                     Diagnostics& diag) {
    int64_t bytes = 0;
    for (const BundleTensor& t : bundle.inputs) bytes += t.bytes;
    std::string text = little_endian(static_cast<uint32_t>(samples.size())) + little_endian(static_cast<uint32_t>(sequence));
    for (size_t i = 0; i < samples.size(); ++i) {
        if (static_cast<int64_t>(samples[i].size()) != bytes)
            return diag.error(DiagId::samples_invalid, {.file = bundle.name}, "sample {} has {} bytes, the inputs take {}", i,
                              samples[i].size(), bytes);
        text += samples[i];
    }
    return write_file(folder / "samples.bin", text, diag);
}

// What the sample loop says about a failed run; see gw_failure in runtime/gw_runtime.h. `where`: "host" or the core's name.
Failure report_failure(const BundleInfo& bundle, const Layout& layout, std::string_view record, std::string_view where,
                       const simulate::Elf* elf, Diagnostics& diag) {
    enum { status = 1, guard = 2, input = 3, file = 4, place = 5, fault = 6, stack = 7, reset = 8 };
    const Location at = {.file = bundle.name};
    const uint32_t kind = read_u32(record, 0), sample = read_u32(record, 4), index = read_u32(record, 8);
    const auto value = static_cast<int32_t>(read_u32(record, 12));
    const uint32_t address = read_u32(record, 16);
    if (kind == status)
        return diag.error(DiagId::run_refused, at, "{} returned {} on {}, sample {}", bundle.function(), value, where, sample);
    if (kind == reset)
        return diag.error(DiagId::run_refused, at, "{}_reset returned {} on {}, sample {}", bundle.name, value, where, sample);
    if (kind == guard) {
        const std::string name = index / 2 < layout.blocks.size() ? layout.blocks[index / 2].name : "?";
        return diag.error(DiagId::run_guard, at, "wrote {} the {} on {}, sample {}", index % 2 == 0 ? "before" : "behind", name, where,
                          sample);
    }
    if (kind == input) return diag.error(DiagId::run_guard, at, "changed an input that it may only read, on {}, sample {}", where, sample);
    if (kind == place)
        return diag.error(DiagId::run_guard, at, "{0}_input or {0}_output names another place than the bundle's description", bundle.name);
    if (kind == stack || (kind == fault && index == 1))
        return diag.error(DiagId::run_crashed, at, "stack overflow on {}, sample {}: more than {} bytes", where, sample,
                          simulate::core_stack_bytes);
    if (kind == fault) {
        const std::string function = elf != nullptr ? simulate::function_at(*elf, address) : "";
        return diag.error(DiagId::run_crashed, at, "fault on {} at {:#010x} in {}, status {:#010x}, sample {}", where, address,
                          function.empty() ? "?" : function, static_cast<uint32_t>(value), sample);
    }
    return diag.error(DiagId::run_crashed, at, "the run on {} could not {} its file", where, index == 0 ? "read" : "write");
}

// How a process ended that should have ended well.
Status check_end(const BundleInfo& bundle, const Layout& layout, const ProcessResult& r, const fs::path& folder, std::string_view where,
                 const simulate::Elf* elf, double timeout, Diagnostics& diag) {
    const Location at = {.file = bundle.name};
    std::error_code ec;
    if (fs::exists(folder / "failure.bin", ec)) {
        GW_TRY(const std::string record, read_file(folder / "failure.bin", diag));
        if (record.size() == 20) return report_failure(bundle, layout, record, where, elf, diag);
    }
    if (!r.started) return diag.error(DiagId::run_crashed, at, "the run on {} cannot be started: {}", where, r.start_error);
    if (r.timed_out) return diag.error(DiagId::run_timeout, at, "the run on {} did not end within {:.0f} s", where, timeout);
    if (r.signal != 0) {
        const std::string line = r.err.substr(0, r.err.find('\n'));
        return diag.error(DiagId::run_crashed, at, "the run on {} was ended by signal {} ({}){}{}", where, r.signal, ::strsignal(r.signal),
                          line.empty() ? "" : ": ", line);
    }
    if (r.exit_code != 0)
        return diag.error(DiagId::run_crashed, at, "the run on {} ended with status {}: {}", where, r.exit_code,
                          r.err.substr(0, r.err.find('\n')));
    return {};
}

Status read_results(const BundleInfo& bundle, const Layout& layout, size_t samples, const fs::path& folder, RunResult& result,
                    Diagnostics& diag) {
    GW_TRY(const std::string bytes, read_file(folder / "results.bin", diag));
    size_t outputs = 0, steps = 0;
    for (const BundleTensor& t : bundle.outputs) outputs += static_cast<size_t>(t.bytes);
    for (const auto& step : layout.steps)
        for (const simulate::Placed& p : step) steps += static_cast<size_t>(p.bytes);
    if (bytes.size() != samples * (steps + outputs + 4))
        return diag.error(DiagId::run_crashed, {.file = bundle.name}, "the run gave {} bytes of results, expected {}", bytes.size(),
                          samples * (steps + outputs + 4));
    size_t at = 0;
    auto take = [&](size_t count) { return bytes.substr(std::exchange(at, at + count), count); };
    for (size_t i = 0; i < samples; ++i) {
        if (!layout.steps.empty()) result.steps.emplace_back();
        for (const auto& step : layout.steps) {
            size_t count = 0;
            for (const simulate::Placed& p : step) count += static_cast<size_t>(p.bytes);
            result.steps.back().push_back(take(count));
        }
        result.outputs.push_back(take(outputs));
        const uint32_t stack = read_u32(bytes, at);
        at += 4;
        if (stack != no_stack && layout.steps.empty()) result.stack_bytes = std::max<int64_t>(result.stack_bytes, stack);
    }
    return {};
}

// In the child process: loads the shared object and lets it run.
int load_and_run(const std::string& object) {
    void* library = ::dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* why = ::dlerror();
        (void)!::write(STDERR_FILENO, why, std::strlen(why));
        return 3;
    }
    using Main = int (*)(const char*, const char*, const char*);
    const auto run = reinterpret_cast<Main>(::dlsym(library, "gw_main"));
    const int status = run == nullptr ? 3 : run("samples.bin", "results.bin", "failure.bin");
    ::dlclose(library);
    return status;
}

// An emulator that was built without plugins, or for other versions of them, ends before it starts anything.
bool refuses_plugin(const ProcessResult& r, const fs::path& folder) {
    std::error_code ec;
    return r.started && !r.timed_out && r.exit_code == 1 && r.err.find("plugin") != std::string::npos &&
           !fs::exists(folder / "results.bin", ec);
}

std::vector<std::string> emulator_command(const fs::path& qemu, const Core& core) {
    return {qemu.string(),
            "-M",
            core.machine,
            "-display",
            "none",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-semihosting-config",
            "enable=on,target=native",
            "-kernel",
            "image.elf"};
}

}  // namespace

Expected<RunResult> run_on_host(const BundleInfo& bundle, std::span<const std::string> samples, const BuildOptions& build,
                                const RunOptions& options, Diagnostics& diag) {
    const TemporaryFolder folder;
    GW_TRY(const Layout layout, simulate::plan_layout(bundle, options.capture_steps, diag));
    GW_TRY(const fs::path object, simulate::build_for_host(bundle, layout, build, folder.path(), diag));
    GW_TRY_DO(write_samples(bundle, samples, options.sequence, folder.path(), diag));
    const double timeout = timeout_of(options, samples.size());
    const std::string object_path = object.string();
    const ProcessResult r = run_in_child([&] { return load_and_run(object_path); }, {.folder = folder.path(), .timeout_seconds = timeout});
    GW_TRY_DO(check_end(bundle, layout, r, folder.path(), "host", nullptr, timeout, diag));
    RunResult result;
    result.cycles_reason = "cycles are not measured on the host";
    GW_TRY_DO(read_results(bundle, layout, samples.size(), folder.path(), result, diag));
    return result;
}

Expected<RunResult> run_on_core(const BundleInfo& bundle, const Core& core, std::span<const std::string> samples, const BuildOptions& build,
                                const RunOptions& options, Diagnostics& diag) {
    const TemporaryFolder folder;
    if (!core.emulated())
        return diag.error(DiagId::bad_option, {}, "{} cannot be emulated; `glowworm cores` lists the cores that can", core.name);
    const fs::path qemu = find_program("qemu-system-arm");
    if (qemu.empty())
        return diag.error(DiagId::tool_missing, {}, "qemu-system-arm is not installed: it runs Cortex-M code (Debian: qemu-system-arm)");
    GW_TRY(const Layout layout, simulate::plan_layout(bundle, options.capture_steps, diag));
    GW_TRY(const fs::path image, simulate::build_for_core(bundle, layout, core, build, folder.path(), diag));
    GW_TRY_DO(write_samples(bundle, samples, options.sequence, folder.path(), diag));
    GW_TRY(const std::string bytes, read_file(image, diag));
    simulate::Elf elf;
    if (!simulate::parse_elf(bytes, elf)) return diag.error(DiagId::compiler_failed, {}, "the linker wrote no ELF32 image");

    RunResult result;
    result.cycles_reason = "pricing was not asked for";
    std::vector<std::string> command = emulator_command(qemu, core);
    simulate::Plugin plugin;
    if (options.price) {
        plugin = simulate::find_plugin(qemu, folder.path());
        result.cycles_reason = plugin.reason;
        GW_TRY_DO(write_file(folder.path() / "symbols.txt", simulate::symbol_file(elf, bundle, options.count_loads), diag));
    }
    const double timeout = timeout_of(options, samples.size());
    const ProcessOptions limits = {.folder = folder.path(), .timeout_seconds = timeout};
    bool priced = !plugin.path.empty();
    std::vector<std::string> priced_command = command;
    priced_command.insert(priced_command.end(), {"-plugin", simulate::plugin_argument(plugin, core, bundle)});
    ProcessResult r = run_process(priced ? priced_command : command, limits);
    if (priced && refuses_plugin(r, folder.path())) {
        result.cycles_reason = "the emulator refused the pricing plugin: " + r.err.substr(0, r.err.find('\n'));
        priced = false;
        r = run_process(command, limits);
    }
    std::error_code ec;
    const bool has_prices = priced && fs::exists(folder.path() / "prices.json", ec);
    std::string prices;
    if (has_prices) {
        GW_TRY(prices, read_file(folder.path() / "prices.json", diag));
        if (r.exit_code == simulate::plugin_fault_exit) GW_TRY_DO(simulate::read_prices(prices, core, bundle, result, diag));
    }
    GW_TRY_DO(check_end(bundle, layout, r, folder.path(), core.name, &elf, timeout, diag));
    GW_TRY_DO(read_results(bundle, layout, samples.size(), folder.path(), result, diag));
    if (!priced || samples.empty()) return result;
    GW_TRY_DO(simulate::read_prices(prices, core, bundle, result, diag));
    return result;
}

}  // namespace gw
