// Pricing a run. The emulator's plugin interface changes between releases and its header is seldom installed, so the plugin's sources
// travel in our executable and are compiled here, by the host's compiler, for the interface of the emulator that is found. What the plugin
// counted over all samples is divided by the number of calls it saw.
#include "simulate/pricing.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/embedded.h"
#include "base/files.h"
#include "base/process.h"
#include "simulate/build.h"

namespace gw::simulate {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

// A folder for things that can be made again; empty when there is none that we may write.
fs::path cache_folder() {
    std::error_code ec;
    fs::path base;
    if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg == '/')
        base = xdg;
    else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
        base = fs::path(home) / ".cache";
    if (base.empty()) return {};
    const fs::path folder = base / "glowworm";
    fs::create_directories(folder, ec);
    if (ec || ::access(folder.c_str(), W_OK) != 0) return {};
    return folder;
}

// The text at `key`; numbers as hexadecimal, anything else as "?". Json::value would throw on a type it does not expect.
std::string text_at(const Json& json, const char* key) {
    const auto it = json.find(key);
    if (it != json.end() && it->is_string()) return it->get<std::string>();
    if (it != json.end() && it->is_number_integer()) return fmt::format("{:#010x}", it->get<uint64_t>());
    return "?";
}

int64_t mean(const Json& json, const char* key, int64_t calls) {
    const auto it = json.find(key);
    if (it == json.end() || !it->is_number() || calls <= 0) return -1;
    return (it->get<int64_t>() + calls / 2) / calls;
}

StepCost read_cost(const Json& json, int64_t calls) {
    return {.name = text_at(json, "name"),
            .cycles = mean(json, "cycles", calls),
            .instructions = mean(json, "instructions", calls),
            .loads = mean(json, "loads", calls),
            .stores = mean(json, "stores", calls),
            .multiplies = mean(json, "multiplies", calls)};
}

std::vector<StepCost> read_costs(const Json& json, const char* key, int64_t calls) {
    std::vector<StepCost> costs;
    const auto it = json.find(key);
    if (it == json.end() || !it->is_array()) return costs;
    for (const Json& item : *it)
        if (item.is_object()) costs.push_back(read_cost(item, calls));
    return costs;
}

// A clone (.constprop, .isra) counts for its function.
void merge(std::vector<StepCost>& costs, StepCost cost) {
    cost.name = without_clone_suffix(cost.name);
    const auto it = std::find_if(costs.begin(), costs.end(), [&](const StepCost& c) { return c.name == cost.name; });
    if (it == costs.end()) {
        costs.push_back(std::move(cost));
        return;
    }
    for (int64_t StepCost::*field :
         {&StepCost::cycles, &StepCost::instructions, &StepCost::loads, &StepCost::stores, &StepCost::multiplies})
        (*it).*field = (*it).*field < 0 || cost.*field < 0 ? -1 : (*it).*field + cost.*field;
}

}  // namespace

int plugin_interface(std::string_view line) {
    const size_t at = line.find("version ");
    if (at == std::string_view::npos) return 0;
    int major = 0, minor = 0;
    const char* end = line.data() + line.size();
    auto [p, error] = std::from_chars(line.data() + at + 8, end, major);
    if (error != std::errc() || p == end || *p != '.' || std::from_chars(p + 1, end, minor).ec != std::errc()) return 0;
    // QEMU's include/qemu/qemu-plugin.h. What lies between two versions is not always only new: qemu_plugin_insn_data changed in 3.
    // From 9.0 on, QEMU loads anything from version 2 on, so 4 also serves the releases after 9.2.
    const int release = 100 * major + minor;
    if (release < 600) return 0;
    if (release <= 802) return 1;
    if (release <= 900) return 2;
    return release <= 901 ? 3 : 4;
}

Plugin find_plugin(const fs::path& qemu, const fs::path& folder) {
    const ProcessResult version = run_process({qemu.string(), "--version"}, {.timeout_seconds = 60});
    const int interface = version.ok() ? plugin_interface(version.out) : 0;
    const std::string line = version.out.substr(0, version.out.find('\n'));
    if (interface == 0) return {{}, fmt::format("no pricing plugin for the emulator \"{}\"", line)};
    std::map<std::string, std::string> files;
    std::vector<std::string> sources;
    for (const EmbeddedFile& file : embedded_simulate()) {
        if (!file.name.starts_with("plugin/")) continue;
        const std::string name(file.name.substr(7));
        files[name] = std::string(file.content);
        if (name.ends_with(".c")) sources.push_back(name);
    }
    if (sources.empty()) return {{}, "this executable was built without the pricing plugin"};
    Diagnostics ignored;
    const Expected<std::string> cc = host_compiler({}, ignored);
    if (!cc) return {{}, "the pricing plugin needs a C compiler for this machine"};
    std::string text = fmt::format("{}\n{}\n", interface, *cc);
    for (const auto& [name, content] : files) text += name + "\n" + content;
    const std::string object = "pricing-" + sha256_hex(text).substr(0, 24) + ".so";
    const fs::path cache = cache_folder();
    std::error_code ec;
    if (!cache.empty() && fs::exists(cache / object, ec)) return {cache / object, ""};
    const fs::path work = folder / "plugin";
    fs::create_directories(work, ec);
    if (ec || !write_files(work, files, ignored)) return {{}, "the pricing plugin's sources cannot be written"};
    std::vector<std::string> arguments = {
        *cc, "-std=gnu11", "-O2", "-fPIC", "-shared", fmt::format("-DGW_QEMU_PLUGIN_VERSION={}", interface), "-I."};
    arguments.insert(arguments.end(), sources.begin(), sources.end());
    arguments.insert(arguments.end(), {"-o", object});
    Diagnostics problems;
    if (!run_compiler(arguments, work, problems)) return {{}, "the pricing plugin does not compile: " + problems.all().front().message};
    if (cache.empty()) return {work / object, ""};
    // Copied beside its place first: another process may be doing the same.
    const fs::path temporary = cache / fmt::format("{}.{}.tmp", object, ::getpid());
    fs::copy_file(work / object, temporary, fs::copy_options::overwrite_existing, ec);
    if (!ec) fs::rename(temporary, cache / object, ec);
    if (!ec) return {cache / object, ""};
    fs::remove(temporary, ec);
    return {work / object, ""};
}

std::string plugin_argument(const Plugin& plugin, const Core& core, const BundleInfo& bundle) {
    std::string path;
    for (char c : plugin.path.string()) path += c == ',' ? std::string(",,") : std::string(1, c);
    return fmt::format("file={},core={},isa={},syms=symbols.txt,root={},out=prices.json", path, core.base_name,
                       core.isa == Isa::v6m ? "v6m" : "v7m", bundle.function());
}

std::string symbol_file(const Elf& elf, const BundleInfo& bundle, bool data) {
    std::string text;
    for (const ElfSymbol& s : functions_of(elf)) {
        const std::string plain = without_clone_suffix(s.name);
        const bool step = std::any_of(bundle.steps.begin(), bundle.steps.end(), [&](const BundleStep& b) { return b.function == plain; });
        text += fmt::format("{:x} {:x} {} {}\n", s.address, s.size, step ? "step" : "func", s.name);
    }
    for (const ElfSymbol& s : elf.symbols)
        if (data && s.object && is_constant(bundle.name, s.name)) text += fmt::format("{:x} {:x} data {}\n", s.address, s.size, s.name);
    return text;
}

Status read_prices(std::string_view text, const Core& core, const BundleInfo& bundle, RunResult& result, Diagnostics& diag) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("calls") || !json["calls"].is_number())
        return diag.error(DiagId::run_crashed, {}, "the pricing plugin wrote no result");
    if (const auto faults = json.find("faults"); faults != json.end() && faults->is_array() && !faults->empty()) {
        for (const Json& f : *faults) {
            if (!f.is_object()) continue;
            diag.error(DiagId::price_fault, {.file = bundle.name}, "{} cannot do this: {} at {} in {}", core.name, text_at(f, "kind"),
                       text_at(f, "address"), text_at(f, "symbol"));
        }
        return failure;
    }
    const int64_t calls = json["calls"].get<int64_t>();
    if (calls <= 0) return diag.error(DiagId::run_crashed, {}, "the pricing plugin saw no call of {}", bundle.function());
    result.instructions = mean(json, "instructions", calls);
    if (const auto cycles = json.find("cycles"); cycles != json.end() && cycles->is_object()) {
        result.cycles = mean(*cycles, "total", calls);
        result.cycles_min = mean(*cycles, "min", 1);
        result.cycles_max = mean(*cycles, "max", 1);
    } else {
        result.cycles_reason = fmt::format("Arm publishes no instruction timings for the {}", core.base_name);
    }
    for (StepCost& cost : read_costs(json, "functions", calls)) merge(result.functions, std::move(cost));
    if (const auto data = json.find("data"); data != json.end() && data->is_array())
        for (const Json& d : *data)
            if (d.is_object()) result.loads_of[text_at(d, "name")] = mean(d, "loads", calls);
    std::vector<StepCost> steps;
    for (StepCost& cost : read_costs(json, "steps", calls)) merge(steps, std::move(cost));
    for (const BundleStep& step : bundle.steps) {
        const auto it = std::find_if(steps.begin(), steps.end(), [&](const StepCost& c) { return c.name == step.function; });
        result.step_costs.push_back(it != steps.end() ? *it : StepCost{.name = step.function});
    }
    return {};
}

}  // namespace gw::simulate
