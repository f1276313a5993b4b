// glowworm reduce: a graph that shows a fault becomes the smallest graph that still shows it, as text. The fault is what a command of one's
// own says, or one of the three that we know how to look for: the C differs from the interpreter, the compiler dies, an error is printed.
// These run this same tool in a child process, since a fault may well take its process with it.
#include "graph/reduce.h"

#include <CLI/CLI.hpp>

#include "base/files.h"
#include "base/process.h"
#include "cli/cli.h"

namespace gw {
namespace {

struct ReduceOptions : CommonOptions {
    std::string output, command, when, cpu = "generic", profile;
    double timeout = 60;
};

// This tool in a child process: how it ended, and what it printed.
ProcessResult tool(std::vector<std::string> arguments, double timeout) {
    arguments.insert(arguments.begin(), "glowworm");
    return run_in_child(
        [&] {
            std::vector<char*> argv;
            for (std::string& a : arguments) argv.push_back(a.data());
            return run_cli(static_cast<int>(argv.size()), argv.data());
        },
        {.timeout_seconds = timeout});
}

std::string shell_quoted(const std::string& text) {
    std::string s = "'";
    for (const char c : text) s += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return s + "'";
}

std::string with_file(std::string command, const std::string& file) {
    size_t at = command.find("{}");
    if (at == std::string::npos) return command + " " + shell_quoted(file);
    for (; at != std::string::npos; at = command.find("{}", at)) {
        command.replace(at, 2, shell_quoted(file));
        at += file.size();
    }
    return command;
}

// What `compile` says to a graph as it stands, and to the bundle `verify`.
class Trial {
public:
    Trial(const ReduceOptions& o, const Module& module, const std::filesystem::path& folder) : o_(o), module_(module), folder_(folder) {}

    bool fails(const Graph& graph) const {
        Module m = module_;
        m.graphs.front() = graph;
        Diagnostics diag;
        const std::string file = (folder_ / "candidate.gw").string();
        if (!write_file(file, print(m), diag)) return false;
        if (!o_.command.empty()) return run_process({"sh", "-c", with_file(o_.command, file)}, {.timeout_seconds = o_.timeout}).ok();
        const std::string bundle = (folder_ / "bundle").string();
        std::vector<std::string> compile = {"compile", file, "-o", bundle, "--name", "net", "--cpu", o_.cpu, "--measure", "none"};
        if (o_.profile.empty() && !is_quantized_model(graph)) compile.insert(compile.end(), {"--precision", "float32"});
        const ProcessResult made = tool(compile, o_.timeout);
        if (o_.when == "crash") return made.timed_out || made.signal != 0 || made.exit_code == exit_bug;
        if (o_.when.starts_with("error:")) return made.err.find(o_.when.substr(6)) != std::string::npos;
        if (!made.ok()) return false;
        const std::string on = o_.on.empty() ? "host" : o_.on;
        return tool({"verify", bundle, "--on", on}, o_.timeout).exit_code == exit_verdict_no;
    }

private:
    const ReduceOptions& o_;
    const Module& module_;
    std::filesystem::path folder_;
};

Expected<Module> module_to_reduce(const ReduceOptions& o, Session& s) {
    if (o.profile.empty()) return read_model(o.model, o, s.diag);
    PassRunner run;
    GW_TRY(LoadedModel m, load_model(o.model, o, run, s.diag));
    GW_TRY(const Profile profile, read_profile(o.profile, s.diag));
    GW_TRY(m.module.main(), quantise(Graph(m.module.main()), profile, {}, run, s.diag));
    return m.module;
}

int reduce_command(const ReduceOptions& o, Session& s) {
    if (o.command.empty() == o.when.empty()) {
        s.diag.error(DiagId::bad_option, {}, "reduce needs either --command or --when, which say what a failure is");
        return exit_wrong;
    }
    if (o.command.empty() && o.when != "mismatch" && o.when != "crash" && !o.when.starts_with("error:")) {
        s.diag.error(DiagId::bad_option, {}, "--when {}: it can be mismatch, crash or error:TEXT", o.when);
        return exit_wrong;
    }
    const auto module = module_to_reduce(o, s);
    if (!module) return exit_wrong;
    const TemporaryFolder folder;
    const Trial trial(o, *module, folder.path());
    const Graph& g = module->main();
    if (!trial.fails(g)) {
        s.diag.error(DiagId::bad_option, {.file = module->file}, "does not fail in the way that {} says, so there is nothing to reduce",
                     o.command.empty() ? "--when " + o.when : "--command");
        return exit_wrong;
    }
    const auto total = static_cast<int64_t>(g.nodes.size());
    const auto progress = s.progress("nodes removed");
    progress(0, total);
    const Reduction r = reduce(
        g, [&](const Graph& candidate) { return trial.fails(candidate); },
        [&](size_t left) { progress(std::min(total - static_cast<int64_t>(left), total - 1), total); });
    progress(total, total);
    Module small = *module;
    small.graphs.front() = r.graph;
    const std::string text = print(small);
    s.result = Json{{"nodes_before", g.nodes.size()}, {"nodes", r.graph.nodes.size()}, {"tries", r.tries}};
    if (o.output.empty()) {
        s.print(text);
        return exit_done;
    }
    if (!write_file(o.output, text, s.diag)) return exit_wrong;
    s.result["output"] = o.output;
    s.say(fmt::format("{}: {} of {} nodes still fail ({} tries)", o.output, r.graph.nodes.size(), g.nodes.size(), r.tries));
    return exit_done;
}

}  // namespace

void add_reduce(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<ReduceOptions>();
    CLI::App* sub = app.add_subcommand("reduce", "developers: shrink a graph that shows a fault to the few nodes that matter");
    sub->add_option("MODEL", o->model, "an ONNX or TFLite model as it is read, or a graph as text (.gw)")->required();
    sub->add_option("--command", o->command, "a shell command that exits 0 while the graph in the file {} still fails")->type_name("CMD");
    sub->add_option("--when", o->when,
                    "a failure to look for: mismatch (verify on --on), crash, or error:TEXT (TEXT is in what compile prints)")
        ->type_name("WHAT");
    sub->add_option("--cpu", o->cpu, "core that --when compiles for; default: generic")->type_name("CORE");
    sub->add_option("--on", o->on, "where --when mismatch runs the C; default: host")->type_name("PLACE");
    sub->add_option("--profile", o->profile, "reduce the graph after quantization, with these ranges")->type_name("FILE");
    sub->add_option("--timeout", o->timeout, "seconds that one try may take; default: 60")->type_name("S");
    sub->add_option("-o,--output", o->output, "the reduced graph; default: standard output")->type_name("FILE.gw");
    add_define_option(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return reduce_command(*o, s); }; });
}

}  // namespace gw
