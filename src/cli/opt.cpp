// glowworm opt: a developer's tool. Reads a graph as text (or a model, or a program as text), runs passes on it and prints the result; or
// goes on to the program or to the C of it.
#include <CLI/CLI.hpp>

#include "base/files.h"
#include "base/text.h"
#include "cli/cli.h"
#include "lower/lower.h"

namespace gw {
namespace {

struct OptOptions : CommonOptions {
    std::vector<std::string> passes;
    std::string cpu = "generic", emit, profile, name = "net", io = "int8", input = "caller", output = "caller", api = "plain",
                weights = "const";
    bool import_only = false, to_program = false;
};

Expected<Module> read(const OptOptions& o, PassRunner& run, Diagnostics& diag) {
    if (o.model.size() > 3 && o.model.substr(o.model.size() - 3) == ".gw") {
        GW_TRY(std::string text, read_file(o.model, diag));
        return parse_module(text, std::filesystem::path(o.model).filename().string(), diag);
    }
    if (o.import_only) return read_model(o.model, o, diag);
    GW_TRY(LoadedModel m, load_model(o.model, o, run, diag));
    return m.module;
}

Status run_pass(const std::string& name, Graph& g, const OptOptions& o, PassRunner& run, Diagnostics& diag) {
    if (name == "all") {
        GW_TRY(g, optimise(g, false, run, diag));
        return {};
    }
    if (name == "quantize") {
        GW_TRY(Profile profile, read_profile(o.profile, diag));
        GW_TRY(g, run(
                      name, [&](const Graph& x) { return quantize(x, profile, {}, diag); }, g, diag));
        return {};
    }
    for (const NamedPass& pass : named_passes()) {
        if (pass.name != name) continue;
        GW_TRY(g, run(
                      name, [&](const Graph& x) -> Expected<Graph> { return pass.function(x); }, g, diag));
        return {};
    }
    std::string names = "all, quantize";
    for (const NamedPass& pass : named_passes()) names += ", " + std::string(pass.name);
    return diag.error(DiagId::bad_option, {}, "--pass {}: there is no such pass; there are {}", name, names);
}

// Program text is checked and printed again.
int program_text(const OptOptions& o, Session& s) {
    const auto text = read_file(o.model, s.diag);
    if (!text) return exit_wrong;
    auto program = parse_program(*text, std::filesystem::path(o.model).filename().string(), s.diag);
    if (!program) return exit_wrong;
    if (o.to_program && !place_buffers(*program, true, s.diag)) return exit_wrong;
    s.print(print(*program));
    return exit_done;
}

int opt(const OptOptions& o, Session& s) {
    if (o.model.size() > 4 && o.model.substr(o.model.size() - 4) == ".gwp") return program_text(o, s);
    PassRunner run = stage_runner(o, s);
    auto module = read(o, run, s.diag);
    if (!module) return exit_wrong;
    Graph& g = module->main();
    for (const std::string& pass : o.passes)
        if (!run_pass(pass, g, o, run, s.diag)) return exit_wrong;
    if (!o.to_program && o.emit.empty()) {
        // With --print-after the developer has said which graphs to print.
        if (o.print_after.empty()) s.print(print(g));
        return exit_done;
    }
    const auto core = core_named(o.cpu, s.diag);
    if (!core) return exit_wrong;
    EmitOptions e{"glowworm", module->file, module->sha256, "", print(*module)};
    e.glow = o.api == "glow", e.weights_pointer = o.weights == "pointer";
    LowerOptions lower_options{o.name, o.optimize, o.input == "arena", o.output == "arena"};
    lower_options.weights_passed = e.weights_passed();
    auto program = lower(g, *core, lower_options, s.diag);
    if (!program || !place_buffers(*program, true, s.diag)) return exit_wrong;
    if (o.emit.empty()) {
        s.print(print(*program));
        return exit_done;
    }
    const Emitted emitted = emit(*program, g, e);
    const auto file = emitted.files.find(o.emit);
    if (file == emitted.files.end()) {
        std::string names;
        for (const auto& [name, content] : emitted.files) names += (names.empty() ? "" : ", ") + name;
        s.diag.error(DiagId::bad_option, {}, "--emit {}: the bundle has no such file; it has {}", o.emit, names);
        return exit_wrong;
    }
    s.print(file->second);
    return exit_done;
}

}  // namespace

void add_opt(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<OptOptions>();
    CLI::App* sub = app.add_subcommand("opt", "developers: run passes on a graph and print it");
    sub->add_option("GRAPH", o->model, "a graph (.gw) or program (.gwp) as text, or an ONNX model")->required();
    sub->add_option("--pass", o->passes, "a pass, or `all`; may be given several times")->delimiter(',');
    sub->add_option("--profile", o->profile, "ranges for the pass `quantize`");
    sub->add_flag("--import-only", o->import_only, "an ONNX model as it was read, before any pass");
    sub->add_flag("--program", o->to_program, "lower, plan and print the program");
    sub->add_option("--emit", o->emit, "print this file of the bundle")->type_name("FILE");
    sub->add_option("--cpu", o->cpu, "core to lower for");
    sub->add_option("--name", o->name, "prefix of the bundle's symbols");
    sub->add_option("--input", o->input, "caller or arena")->check(CLI::IsMember({"caller", "arena"}));
    sub->add_option("--output", o->output, "caller or arena")->check(CLI::IsMember({"caller", "arena"}));
    sub->add_option("--api", o->api, "plain or glow")->check(CLI::IsMember({"plain", "glow"}));
    sub->add_option("--weights", o->weights, "const or pointer")->check(CLI::IsMember({"const", "pointer"}));
    add_define_option(*sub, *o);
    add_stage_options(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return opt(*o, s); }; });
}

}  // namespace gw
