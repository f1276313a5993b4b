// glowworm analyze: what a model asks for, before anything is compiled: layers, MACs, weights, planned RAM and its lower bounds, and the
// boards that it fits. No toolchain is needed, so code size is said not to be measured, and cycles are not given at all.
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/planned.h"
#include "lower/fit.h"

namespace gw {
namespace {

struct AnalyzeOptions : CommonOptions {
    std::string cpu = "generic", precision = "int8";
    bool frontier = false;
    std::string input = "arena", output = "arena";
};

// What the layers keep alive at the worst moment when no two tensors share a byte and kernels need no scratch: "plain liveness".
int64_t plain_liveness(const Graph& g) {
    std::vector<int32_t> root(g.values.size());
    std::vector<int64_t> last(g.values.size(), -1);
    for (size_t v = 0; v < root.size(); ++v) root[v] = static_cast<int32_t>(v);
    for (size_t n = 0; n < g.nodes.size(); ++n) {
        const Node& node = g.nodes[n];
        // A reshape gives the same bytes another shape.
        if (get_if<Reshape>(node.op)) root[static_cast<size_t>(node.outputs[0].index)] = root[static_cast<size_t>(node.inputs[0].index)];
        for (const ValueId v : node.inputs)
            if (v.valid()) last[static_cast<size_t>(root[static_cast<size_t>(v.index)])] = static_cast<int64_t>(n);
    }
    for (const Port& port : g.outputs)
        last[static_cast<size_t>(root[static_cast<size_t>(port.value.index)])] = static_cast<int64_t>(g.nodes.size());
    int64_t alive = 0, peak = 0;
    for (const Port& port : g.inputs) alive += g.type(port.value).bytes();
    for (size_t n = 0; n < g.nodes.size(); ++n) {
        for (const ValueId v : g.nodes[n].outputs)
            if (root[static_cast<size_t>(v.index)] == v.index) alive += g.type(v).bytes();
        peak = std::max(peak, alive);
        for (size_t v = 0; v < last.size(); ++v)
            if (last[v] == static_cast<int64_t>(n) && !g.values[v].is_constant() && root[v] == static_cast<int32_t>(v))
                alive -= g.values[v].type.bytes();
    }
    return std::max(peak, alive);
}

// The layers as planned. Weights are those that the layer reads, packed as its kernel wants them; shared ones count for the first.
Json layers_json(const SizedModel& m, const Planned& p) {
    const std::vector<StepUsage> usage = arena_usage(p.program);
    std::vector<bool> counted(p.program.data.size(), false);
    Json layers = Json::array();
    for (size_t k = 0; k < p.program.steps.size(); ++k) {
        const Step& step = p.program.steps[k];
        int64_t weights = 0;
        std::string kernel;
        for_each_call(std::vector<Step>{step}, [&](const Call& call, int64_t) {
            kernel = call.kernel;
            for (const Argument& a : call.arguments) {
                if (a.kind != Argument::Kind::data || counted[static_cast<size_t>(a.index)]) continue;
                counted[static_cast<size_t>(a.index)] = true;
                weights += p.program.data[static_cast<size_t>(a.index)].tensor.type.bytes();
            }
        });
        Json shape = nullptr;
        if (!step.values.empty()) shape = m.graph.values[static_cast<size_t>(step.values.back())].type.shape.dims();
        layers.push_back({{"id", k},
                          {"name", step.name},
                          {"op", step.op},
                          {"kernel", kernel},
                          {"output_shape", std::move(shape)},
                          {"macs", step.macs},
                          {"macs_executed", step.macs_executed},
                          {"weights_bytes", weights},
                          {"arena_in_use_bytes", usage[k].bytes}});
    }
    return layers;
}

Json plan_json(const Planned& p) {
    const Region& arena = p.program.regions[0];
    const int64_t outside = io_outside_arena(p.program);
    const int64_t state = p.program.state_bytes();
    return {{"total_bytes", p.ram},
            {"arena_bytes", arena.bytes},
            {"io_outside_arena_bytes", outside},
            {"state_bytes", state},
            {"lower_bound_bytes", arena.lower_bound + outside + state},
            {"proved_optimal", arena.optimal}};
}

void say_layers(const Json& layers, Session& s) {
    s.say(fmt::format("\n  {:>3}  {:<40} {:<12} {:<16} {:>12} {:>12} {:>12}", "id", "layer", "op", "output", "MACs", "weights B",
                      "arena used B"));
    for (const Json& l : layers) {
        const std::string name = short_name(l["name"].get<std::string>());
        s.say(fmt::format("  {:>3}  {:<40} {:<12} {:<16} {:>12} {:>12} {:>12}", l["id"].get<int64_t>(), name, l["op"].get<std::string>(),
                          l["output_shape"].dump(), with_commas(l["macs"].get<int64_t>()), with_commas(l["weights_bytes"].get<int64_t>()),
                          with_commas(l["arena_in_use_bytes"].get<int64_t>())));
    }
}

void say_summary(const AnalyzeOptions& o, const SizedModel& m, const Planned& plain, const Planned& least, int64_t liveness, Session& s) {
    const std::string precision = m.made_up_ranges   ? "int8, planned with the ranges of one pseudo-random input"
                                  : m.model.is_float ? "float32"
                                                     : "as the model is quantized";
    s.say(fmt::format("{} for {}: {}", m.model.module.file, o.cpu, precision));
    s.say(fmt::format("\n  parameters    {:>12}", with_commas(m.model.parameters)));
    s.say(fmt::format("  MACs          {:>12}", with_commas(m.model.macs)));
    s.say(fmt::format("  flash         {:>12} B for weights, {} B for tables{}; code is not measured: compile the model to know it",
                      with_commas(plain.weights), with_commas(plain.tables), m.made_up_ranges ? " (some bytes depend on the ranges)" : ""));
    const Region& arena = plain.program.regions[0];
    const int64_t state = plain.program.state_bytes(), fixed = io_outside_arena(plain.program) + state;
    s.say(fmt::format("  RAM           {:>12} B   arena {}, {}inputs and outputs outside it {}; lower bound {}", with_commas(plain.ram),
                      with_commas(arena.bytes), state > 0 ? fmt::format("state {}, ", with_commas(state)) : "", with_commas(fixed - state),
                      with_commas(arena.lower_bound + fixed)));
    const Region& small = least.program.regions[0];
    s.say(fmt::format("  least RAM     {:>12} B   with --optimize ram --input arena --output arena; lower bound {}{}",
                      with_commas(least.ram), with_commas(small.lower_bound + state), small.optimal ? ", reached" : ""));
    s.say(fmt::format("  plain liveness{:>12} B   what the tensors alone would take if none shared memory with another",
                      with_commas(liveness)));
    const std::vector<StepUsage> usage = arena_usage(least.program);
    if (const int64_t k = busiest_step(usage); k >= 0)
        s.say(fmt::format("  busiest layer             {} `{}`: {} B ({})", k, short_name(least.program.steps[static_cast<size_t>(k)].name),
                          with_commas(usage[static_cast<size_t>(k)].bytes), usage_text(least.program, usage[static_cast<size_t>(k)])));
}

// The curve of RAM against time: the programs among which `compile --ram-limit` chooses.
int analyze_frontier(const AnalyzeOptions& o, const Core& core, const SizedModel& m, Session& s) {
    LowerOptions options;
    options.name = "net";
    options.input_in_arena = o.input == "arena";
    options.output_in_arena = o.output == "arena";
    const auto points = frontier(m.graph, core, options, 0, fit_effort, s.diag, s.progress("fitting"));
    if (!points) return exit_wrong;
    Json list = Json::array();
    s.say(fmt::format("{} for {}: programs that no other beats in both RAM and time", m.model.module.file, core.name));
    s.say(fmt::format("\n  {:>10}  {:>14}  {:>6}  {:>12}  {:>12}  {:>6}  {}", "RAM B", "cycles, est.", "times", "MACs", "recomputed",
                      "times", "strips of rows: first to last layer, rows a strip, bands of columns"));
    for (const Fitted& f : *points) {
        Json strips = Json::array();
        std::string text;
        for (const Split& split : f.splits) {
            const auto name = [&](int32_t index) {
                const Node& node = m.graph.nodes[static_cast<size_t>(index)];
                return short_name(node.sources.empty() ? std::string(op_name(node.op)) : node.sources.front().name);
            };
            strips.push_back({{"first", name(split.first)},
                              {"last", name(split.last)},
                              {"driver", name(split.cut.driver)},
                              {"rows", split.cut.height},
                              {"bands", split.cut.bands},
                              {"keep_rows", split.cut.keep}});
            text += fmt::format("{}{} to {}, {}", text.empty() ? "" : "; ", name(split.first), name(split.last), split.cut.height);
            if (split.cut.bands > 1) text += fmt::format(" in {} {}", split.cut.bands, split.cut.keep ? "bands" : "tiles");
        }
        int64_t executed = 0;
        for (const Step& step : f.program.steps) executed += step.macs_executed;
        const double times = static_cast<double>(f.cycles) / static_cast<double>(std::max<int64_t>(1, points->front().cycles));
        // How often a multiplication of the network is made, on average.
        const double factor = 1 + static_cast<double>(f.recomputed_macs) / static_cast<double>(std::max<int64_t>(1, m.graph.macs()));
        s.say(fmt::format("  {:>10}  {:>14}  {:>6.2f}  {:>12}  {:>12}  {:>6.3f}  {}", with_commas(f.ram), with_commas(f.cycles), times,
                          with_commas(executed), with_commas(f.recomputed_macs), factor, text.empty() ? "none" : text));
        list.push_back({{"ram_bytes", f.ram},
                        {"estimated_cycles", f.cycles},
                        {"macs_executed", executed},
                        {"recomputed_macs", f.recomputed_macs},
                        {"mac_factor", std::round(factor * 1000) / 1000},
                        {"strips", std::move(strips)}});
    }
    s.say(fmt::format("\n`glowworm compile --input {} --output {} --ram-limit BYTES` makes a program within the bytes of a row", o.input,
                      o.output));
    s.say("cycles are by formula: compile measures them");
    s.result = Json{{"cpu", core.name}, {"macs", m.model.macs}, {"frontier", std::move(list)}};
    return exit_done;
}

int analyze(const AnalyzeOptions& o, Session& s) {
    const auto core = core_named(o.cpu, s.diag);
    if (!core) return exit_wrong;
    const auto model = sized_model(o, o.precision == "float32", s);
    if (!model) return exit_wrong;
    if (o.frontier) return analyze_frontier(o, *core, *model, s);
    const auto plain = plan_for(*model, *core, {}, s.diag);
    const auto least = plan_for(*model, *core, {"ram", true}, s.diag);
    if (!plain || !least) return exit_wrong;
    const auto verdicts = board_verdicts(*model, s);
    if (!verdicts) return exit_wrong;
    const Json layers = layers_json(*model, *plain);
    const int64_t liveness = plain_liveness(model->graph);
    int64_t executed = 0;
    for (const Step& step : plain->program.steps) executed += step.macs_executed;
    s.result = Json{{"model",
                     {{"file", model->model.module.file},
                      {"sha256", model->model.module.sha256},
                      {"parameters", model->model.parameters},
                      {"macs", model->model.macs},
                      {"macs_executed", executed}}},
                    {"cpu", core->name},
                    {"made_up_ranges", model->made_up_ranges},
                    {"layers", layers}};
    s.result["ram"] = plan_json(*plain);
    s.result["least_ram"] = plan_json(*least);
    s.result["plain_liveness_bytes"] = liveness;
    s.result["flash"] = {{"weights_bytes", plain->weights},
                         {"tables_bytes", plain->tables},
                         {"code_bytes", nullptr},
                         {"reason", "analyze uses no compiler; `glowworm compile` measures it"}};
    s.result["boards"] = verdicts_json(*verdicts);
    say_summary(o, *model, *plain, *least, liveness, s);
    say_layers(layers, s);
    s.say("");
    say_verdicts(*verdicts, s);
    return exit_done;
}

}  // namespace

void add_analyze(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<AnalyzeOptions>();
    CLI::App* sub = app.add_subcommand("analyze", "layers, MACs, weights, planned RAM and its bounds, boards that fit; needs no toolchain");
    sub->add_option("MODEL", o->model, "an ONNX or TFLite model, or a graph as text (.gw)")->required();
    sub->add_option("--cpu", o->cpu, "core to plan for; default: generic")->type_name("CORE");
    sub->add_option("--precision", o->precision, "of a float model: int8 (default) or float32")->check(CLI::IsMember({"int8", "float32"}));
    sub->add_flag("--frontier", o->frontier, "RAM against time instead: the programs that --ram-limit chooses among");
    sub->add_option("--input", o->input, "with --frontier: inputs lie in the arena (default) or in the caller's memory")
        ->check(CLI::IsMember({"caller", "arena"}));
    sub->add_option("--output", o->output, "with --frontier: outputs lie in the arena (default) or in the caller's memory")
        ->check(CLI::IsMember({"caller", "arena"}));
    add_define_option(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return analyze(*o, s); }; });
}

}  // namespace gw
