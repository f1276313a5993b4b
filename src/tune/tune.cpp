// Static formulas know a kernel's inner loop; what the compiler makes of it, and what a layer's edges cost, only a run tells. A run of one
// layer by itself would need a program, a build and an emulator for every candidate of every layer. Instead whole models are run: each
// round lowers the model so that as many layers as possible take a candidate that has no figure yet, and the profile by layer gives a
// figure to each of them. There are as many rounds as the layer with the most candidates has, and a few more where a kernel covers several
// nodes.
//
// A layer's cycles do not depend on its neighbours: there are no caches and no wait states in the price. (The compiler may share or inline
// code differently, and buffers lie elsewhere; the first figure of a candidate is the one that counts.)
#include "tune/tune.h"

#include "base/embedded.h"
#include "base/files.h"
#include "base/text.h"
#include "report/report.h"

namespace gw {

namespace {

// A hash of all that the cycles of a bundle's steps follow from.
std::string bundle_key(const Emitted& emitted, const Core& core, const std::string& compiler, const std::vector<std::string>& flags,
                       const std::string& sample) {
    std::string all = core.name + "\n" + compiler + "\n";
    for (const std::string& flag : flags) all += flag + "\n";
    for (const auto& [name, content] : emitted.files) all += name + " " + sha256_hex(content) + "\n";
    for (const EmbeddedFile& file : embedded_simulate()) all += sha256_hex(file.content) + "\n";
    return sha256_hex(all + sha256_hex(sample));
}

}  // namespace

Expected<Choices> tune(const Graph& graph, const Core& core, const LowerOptions& options, TuneEffort effort, const BuildOptions& build,
                       const std::string& sample, TuneCache& cache, Diagnostics& diag,
                       const std::function<void(int64_t, int64_t)>& progress) {
    const Tools tools = find_tools();
    const Tool& compiler = build.toolchain == "clang" ? tools.clang : tools.arm_gcc;
    if (!core.priced() || !core.emulated())
        return diag.error(DiagId::bad_option, {}, "--tune: {} has no priced instructions, so there is nothing to choose by", core.name);
    if (tools.arm_gcc.path.empty() || compiler.path.empty() || tools.qemu.path.empty())
        return diag.error(DiagId::tool_missing, {}, "--tune needs a compiler and an emulator; missing: {}", fmt::join(tools.missing, "; "));
    GW_TRY(const std::vector<std::string> flags, bundle_flags(core, build, diag));
    Choices choices;
    choices.core = core.name;
    choices.optimize = options.optimize;
    choices.compiler = compiler.version;
    LowerOptions exploring = options;
    exploring.choices = &choices;
    exploring.explore = effort == TuneEffort::full ? LowerOptions::Explore::all : LowerOptions::Explore::near;
    EmitOptions emit_options;
    emit_options.weights_pointer = options.weights_passed;
    constexpr int64_t most_rounds = 40;
    for (int64_t round = 0; round < most_rounds; ++round) {
        GW_TRY(Program program, lower(graph, core, exploring, diag));
        std::vector<size_t> unknown;
        for (size_t k = 0; k < program.steps.size(); ++k)
            if (!program.steps[k].candidate.empty() && choices.entries.count(program.steps[k].candidate) == 0) unknown.push_back(k);
        if (unknown.empty()) break;
        // Three or four rounds are usual; the bar only shows that something goes on.
        if (progress) progress(round, std::max<int64_t>(round + 1, 4));
        GW_TRY_DO(place_buffers(program, false, diag));
        const Emitted emitted = emit(program, graph, emit_options);
        const std::string key = bundle_key(emitted, core, compiler.version, flags, sample);
        std::optional<std::vector<int64_t>> cycles = cache.find(key);
        if (!cycles || cycles->size() != program.steps.size()) {
            const TemporaryFolder folder;
            GW_TRY_DO(write_files(folder.path(), emitted.files, diag));
            RunOptions run;
            run.price = true;
            const std::vector<std::string> samples = {sample};
            GW_TRY(const RunResult result, run_on_core(bundle_info(folder.path(), program, emitted), core, samples, build, run, diag));
            cycles.emplace();
            for (const StepCost& cost : result.step_costs) cycles->push_back(cost.cycles);
            GW_CHECK(cycles->size() == program.steps.size(), "a profile has a figure for each step");
            cache.keep(key, *cycles);
        }
        for (const size_t k : unknown) {
            const Step& step = program.steps[k];
            std::string kernel;
            for_each_call(std::vector<Step>{step}, [&](const Call& call, int64_t) { kernel = call.kernel; });
            choices.entries.emplace(step.candidate, Choices::Entry{(*cycles)[k], kernel, step.name.substr(0, step.name.find(';'))});
        }
    }
    if (progress) progress(1, 1);
    return choices;
}

Expected<std::map<std::string, int64_t>> count_loads(const BundleInfo& bundle, const Core& core, const BuildOptions& build,
                                                     const std::string& sample, Diagnostics& diag) {
    RunOptions run;
    run.price = run.count_loads = true;
    const std::vector<std::string> samples = {sample};
    GW_TRY(const RunResult result, run_on_core(bundle, core, samples, build, run, diag));
    std::map<std::string, int64_t> loads;
    for (const auto& [symbol, count] : result.loads_of) loads.emplace(symbol.substr(bundle.name.size() + 1), count);
    return loads;
}

}  // namespace gw
