// glowworm profile: what each layer of a bundle costs on a core: cycles, instructions, loads, stores, multiplies; and the stack.
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/cli.h"

namespace gw {
namespace {

std::string figure(int64_t v) { return v < 0 ? "-" : with_commas(v); }
Json figure_json(int64_t v) { return v < 0 ? Json(nullptr) : Json(v); }

Json costs_json(const std::vector<StepCost>& costs) {
    Json list = Json::array();
    for (const StepCost& c : costs)
        list.push_back({{"name", c.name},
                        {"cycles", figure_json(c.cycles)},
                        {"instructions", figure_json(c.instructions)},
                        {"loads", figure_json(c.loads)},
                        {"stores", figure_json(c.stores)},
                        {"multiplies", figure_json(c.multiplies)}});
    return list;
}

void say_costs(const Session& s, const char* title, const std::vector<StepCost>& costs) {
    s.say(fmt::format("\n{:<44} {:>13} {:>13} {:>12} {:>12} {:>12}", title, "cycles", "instructions", "loads", "stores", "multiplies"));
    for (const StepCost& c : costs)
        s.say(fmt::format("{:<44} {:>13} {:>13} {:>12} {:>12} {:>12}", c.name, figure(c.cycles), figure(c.instructions), figure(c.loads),
                          figure(c.stores), figure(c.multiplies)));
}

int profile(const CommonOptions& o, Session& s) {
    const auto bundle = load_bundle(o.model, s.diag);
    if (!bundle) return exit_wrong;
    const auto core = core_named(o.on.empty() ? bundle->report["target"]["cpu"].get<std::string>() : o.on, s.diag);
    if (!core) return exit_wrong;
    if (!core->emulated()) {
        s.diag.error(DiagId::bad_option, {.file = o.model}, "{} cannot be emulated: name a core with --on", core->name);
        return exit_wrong;
    }
    std::vector<std::string> samples = {sample_bytes(pseudo_random_inputs(bundle->module.main()))};
    if (!o.samples.empty()) {
        const auto runner = Runner::open(o, s.diag);
        if (!runner) return exit_wrong;
        const auto set = samples_for(*runner, o, s.diag);
        if (!set) return exit_wrong;
        samples.clear();
        for (const auto& x : set->samples) samples.push_back(sample_bytes(graph_inputs(bundle->module.main(), x)));
    }
    BuildOptions build = build_options(o);
    build.optimize = bundle->report["options"].value("optimize", "speed");
    RunOptions run;
    run.price = true;
    run.sequence = o.sequence;
    const auto r = run_on_core(bundle->info, *core, samples, build, run, s.diag);
    if (!r) return exit_wrong;
    s.result = Json{{"cpu", core->name},
                    {"cycles", figure_json(r->cycles)},
                    {"cycles_min", figure_json(r->cycles_min)},
                    {"cycles_max", figure_json(r->cycles_max)},
                    {"instructions", figure_json(r->instructions)},
                    {"stack_bytes", figure_json(r->stack_bytes)},
                    {"reason", r->cycles_reason},
                    {"steps", costs_json(r->step_costs)},
                    {"functions", costs_json(r->functions)}};
    say_costs(s, "layer (with all that it calls)", r->step_costs);
    say_costs(s, "function (by itself)", r->functions);
    s.say(fmt::format("\none inference on {}: {} cycles, {} instructions, {} bytes of stack{}", core->name, figure(r->cycles),
                      figure(r->instructions), figure(r->stack_bytes),
                      r->cycles < 0 ? fmt::format(" (cycles: {})", r->cycles_reason) : ""));
    return exit_done;
}

}  // namespace

void add_profile(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<CommonOptions>();
    CLI::App* sub = app.add_subcommand("profile", "cycles, instructions, loads and stores of each layer; stack");
    sub->add_option("BUNDLE", o->model, "a bundle's folder")->required();
    sub->add_option("SAMPLES", o->samples, "samples to run; default: one of pseudo-random bytes");
    sub->add_option("--on", o->on, "core; default: the bundle's")->type_name("CORE");
    add_preprocess_options(*sub, *o);
    add_sequence_option(*sub, *o);
    add_toolchain_options(*sub, *o);
    add_custom_source_option(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return profile(*o, s); }; });
}

}  // namespace gw
