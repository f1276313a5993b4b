// glowworm compile: a model file becomes a bundle. Read, optimise, quantize, lower, place, emit, measure, write; nothing is written unless
// all of it went well.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <set>

#include "base/files.h"
#include "base/replace_folder.h"
#include "base/text.h"
#include "calibrate/range.h"
#include "cli/cli.h"
#include "cli/limits.h"
#include "interp/interp.h"
#include "lower/fit.h"
#include "program/weights_in_ram.h"
#include "target/board.h"
#include "tune/tune.h"

namespace gw {
namespace {

struct CompileOptions : CommonOptions {
    std::string output, cpu, board, name, profile, precision, io = "int8", input = "caller", output_place = "caller", range = "mse",
                                                              measure = "auto", emit = "c", api = "plain", weights = "const",
                                                              io_layout = "nhwc", tune = "none", choices;
    int64_t io_align = 1, selftest = 0, weights_ram = 0;
    Limits limits;
};

// Everything that compile makes on its way.
struct Compilation {
    CompileOptions o;
    Core core;
    std::string name;  // of the bundle, a C identifier
    int64_t clock_hz = 0;
    LoadedModel model;  // optimised
    Graph unsplit;      // quantized
    Graph graph;        // as lowered: with strips of rows where memory asked for them
    Preprocess preprocess;
    std::string profile_text;
    SampleSet samples;  // of --calibrate
    std::optional<Choices> choices;
    Program program;
    std::vector<int64_t> loads;  // --weights-ram: from each datum, in one inference
    bool loads_measured = false;
    int64_t recomputed_macs = 0;
    Emitted emitted;
    std::string object;  // --emit object: NAME.o
};

// The form of the bundle: what its options say together.
Status choose_form(Compilation& c, Diagnostics& diag) {
    CompileOptions& o = c.o;
    if (o.io_align < 1 || o.io_align > 4096 || (o.io_align & (o.io_align - 1)) != 0)
        return diag.error(DiagId::bad_option, {}, "--io-align {}: expected a power of two up to 4096", o.io_align);
    if (o.api == "glow" && (o.input == "arena" || o.output_place == "arena"))
        return diag.error(DiagId::bad_option, {},
                          "--api glow has inputs and outputs in mutableWeight: --input arena and --output arena contradict it");
    if (o.api == "glow") o.io_layout = "model", o.weights = "pointer";
    o.model_layout = o.io_layout == "model";
    if (o.weights_ram > 0 && o.weights == "pointer")
        return diag.error(DiagId::bad_option, {}, "--weights-ram {}: with {} the caller decides where the weights lie", o.weights_ram,
                          o.api == "glow" ? "--api glow" : "--weights pointer");
    if (o.tune != "none" && !o.choices.empty())
        return diag.error(DiagId::bad_option, {}, "--tune {} measures anew and --choices {} takes what was measured: give one of them",
                          o.tune, o.choices);
    if (o.emit == "object" && c.core.isa == Isa::portable && c.core.base_name != "host")
        return diag.error(DiagId::bad_option, {}, "--emit object needs a core to compile for: give --cpu or --board (or --cpu host)");
    return {};
}

Status choose_core(Compilation& c, Diagnostics& diag) {
    std::string cpu = c.o.cpu;
    if (!c.o.board.empty()) {
        const Board* board = find_board(c.o.board);
        if (board == nullptr)
            return diag.error(DiagId::bad_option, {}, "--board {}: there is no such board; `glowworm boards` lists them", c.o.board);
        if (!cpu.empty() && cpu != board->core)
            return diag.error(DiagId::bad_option, {}, "--cpu {} contradicts --board {}, which has a {}", cpu, c.o.board, board->core);
        cpu = board->core;
        c.clock_hz = board->clock_hz;
        Limits& l = c.o.limits;
        l.board = c.o.board;
        if (l.ram < 0) l.ram = board->ram_bytes, l.ram_of_board = true;
        if (l.flash < 0) l.flash = board->flash_bytes, l.flash_of_board = true;
    }
    GW_TRY(Core core, core_named(cpu.empty() ? "generic" : cpu, diag));
    GW_TRY(c.core, with_float_abi(core, c.o.float_abi, diag));
    return {};
}

Expected<Profile> ranges(Compilation& c, Session& s) {
    Diagnostics& diag = s.diag;
    if (!c.o.profile.empty()) {
        GW_TRY(c.profile_text, read_file(c.o.profile, diag));
        GW_TRY(Profile p, parse_profile(c.profile_text, c.o.profile, diag));
        if (p.model_sha256 != c.model.module.sha256)
            return diag.error(DiagId::profile_mismatch, {.file = c.o.profile}, "was made from another model ({}); calibrate {} again",
                              p.model_file, c.model.module.file);
        GW_TRY(c.preprocess, preprocess_with(p.preprocess, c.o, c.o.profile, diag));
        return p;
    }
    GW_TRY(const Preprocess given, preprocess_of(c.o, diag));
    c.preprocess = given;
    GW_TRY_DO(check_preprocess(given, diag));
    GW_TRY(c.samples, read_samples(c.o.samples, sample_specs(c.model.module.main()), given, {}, diag));
    GW_TRY_DO(check_custom(c.model.module.main(), diag));
    GW_TRY(Profile p, collect(c.model.module, c.samples, given, diag, s.progress("calibrating"), c.o.sequence));
    c.profile_text = profile_yaml(p);
    return p;
}

bool has_quantized_values(const Graph& g) {
    return std::any_of(g.values.begin(), g.values.end(), [](const Value& v) { return !v.type.quant.empty(); });
}

Status make_graph(Compilation& c, PassRunner& run, Session& s) {
    c.graph = c.model.module.main();
    const bool floats = c.o.precision == "float32";
    if (floats && (c.model.folded || (!c.model.is_float && has_quantized_values(c.graph))))
        return s.diag.error(DiagId::bad_option, {.file = c.model.module.file},
                            "--precision float32 contradicts the model, which its author quantized: it computes in int8");
    if (c.model.folded && c.o.io == "int8") c.graph = integer_edges(c.graph);
    if (!c.model.folded && !c.model.is_float && c.o.io == "float") c.graph = float_edges(c.graph);
    if (floats || !c.model.is_float) {
        GW_TRY(c.preprocess, preprocess_of(c.o, s.diag));
        return {};
    }
    if (c.o.samples.empty() && c.o.profile.empty())
        return s.diag.error(
            DiagId::needs_ranges, {.file = c.model.module.file},
            "is a float model: give --calibrate SAMPLES or --profile FILE to quantize it to int8, or --precision float32 to keep it float");
    GW_TRY(Profile profile, ranges(c, s));
    QuantizeOptions q;
    GW_TRY(q.range, parse_range_method(c.o.range, s.diag));
    q.float_io = c.o.io == "float";
    q.rounding = c.o.numerics == "tflite" ? Rounding::twice : c.o.numerics == "onnx" ? Rounding::even : Rounding::narrow;
    GW_TRY(c.graph, quantise(c.graph, profile, q, run, s.diag));
    return {};
}

Json options_json(const Compilation& c) {
    Json j{{"cpu", c.core.name},
           {"optimize", c.o.optimize},
           {"api", c.o.api},
           {"io", c.o.io},
           {"input", c.o.input},
           {"output", c.o.output_place},
           {"precision", c.o.precision.empty() ? "int8" : c.o.precision},
           {"range", c.o.range},
           {"numerics", !c.o.numerics.empty() ? c.o.numerics
                        : c.model.folded      ? "onnx"
                                              : "fast"}};
    if (c.o.weights != "const") j["weights"] = c.o.weights;
    if (c.o.weights_ram > 0) j["weights-ram"] = c.o.weights_ram;
    if (c.o.io_layout != "nhwc") j["io-layout"] = c.o.io_layout;
    if (c.o.io_align != 1) j["io-align"] = c.o.io_align;
    if (c.o.selftest > 0) j["selftest"] = c.o.selftest;
    if (c.o.emit != "c") j["emit"] = c.o.emit;
    if (c.choices) j["choices"] = sha256_hex(choices_text(*c.choices)).substr(0, 16);
    if (!c.o.board.empty()) j["board"] = c.o.board;
    if (c.o.no_fusion) j["no-fusion"] = true;
    if (!c.o.defines.empty()) j["define"] = c.o.defines;
    if (!c.o.custom.empty()) j["custom"] = c.o.custom;
    return j;
}

std::string options_line(const Json& options) {
    std::string line;
    for (const auto& [key, value] : options.items()) {
        if ((key == "api" && value == "plain") || (value.is_string() && value.get<std::string>().empty())) continue;
        line += fmt::format("{}--{} {}", line.empty() ? "" : " ", key, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return line;
}

// The fastest program within --ram-limit, or the smallest there is; without a limit the fastest, or with --optimize ram the smallest that
// computes nothing twice.
Status fit_program(Compilation& c, const LowerOptions& options, Session& s) {
    const bool smallest = c.o.optimize == "ram";
    if (!smallest && c.o.limits.ram < 0) {
        GW_TRY(Fitted f, fit_whole(c.graph, c.core, options, s.diag));
        c.program = std::move(f.program);
        return {};
    }
    const int64_t limit = std::max<int64_t>(c.o.limits.ram - c.o.weights_ram, 1), enough = smallest ? 0 : limit;
    GW_TRY(std::vector<Fitted> points, frontier(c.graph, c.core, options, enough, fit_effort, s.diag, s.progress("fitting")));
    if (smallest && c.o.limits.ram >= 0 && points.back().ram > limit) {
        // A limit that is out of reach without computing anything twice.
        LowerOptions again = options;
        again.optimize = "speed";
        GW_TRY(std::vector<Fitted> more, frontier(c.graph, c.core, again, limit, fit_effort, s.diag, s.progress("fitting")));
        if (more.back().ram < points.back().ram) points.push_back(std::move(more.back()));
    }
    auto best = std::find_if(points.begin(), points.end(), [&](const Fitted& f) { return !smallest && f.ram <= enough; });
    if (best == points.end()) best = points.end() - 1;
    c.graph = std::move(best->graph);
    c.program = std::move(best->program);
    c.recomputed_macs = best->recomputed_macs;
    return {};
}

// The form of the bundle that has no place for a state: its reset function would need the weights.
Status check_states(const Compilation& c, Diagnostics& diag) {
    if (c.program.states.empty()) return {};
    const bool from_data = std::any_of(c.program.states.begin(), c.program.states.end(),
                                       [&](int32_t b) { return c.program.buffers[static_cast<size_t>(b)].init >= 0; });
    const char* option = c.o.api != "glow" && c.o.weights == "pointer" && from_data ? "--weights pointer" : nullptr;
    if (option == nullptr) return {};
    return diag.error(DiagId::bad_option, {.file = c.model.module.file}, "{} cannot be used with a model that keeps state between calls",
                      option);
}

LowerOptions lower_options(const Compilation& c) {
    LowerOptions l;
    l.name = c.name;
    l.optimize = c.o.optimize;
    l.input_in_arena = c.o.input == "arena";
    l.output_in_arena = c.o.output_place == "arena";
    l.io_align = c.o.io_align;
    l.weights_passed = c.o.weights == "pointer";
    // Weights become code for speed alone, and only in flash that the user named: by --flash-limit or by a board.
    if (c.o.optimize == "speed" && c.o.limits.flash > 0) l.flash_bytes = c.o.limits.flash * 15 / 16;
    l.fusion = !c.o.no_fusion;
    if (c.choices) l.choices = &*c.choices;
    return l;
}

// A sample to measure with: of the calibration set, or pseudo-random bytes that are the same everywhere.
std::vector<std::string> measuring_sample(const Compilation& c) {
    if (!c.samples.samples.empty()) return {sample_bytes(graph_inputs(c.graph, c.samples.samples.front()))};
    return {sample_bytes(pseudo_random_inputs(c.graph))};
}

// What kernels cost, as --tune measures it or --choices tells it.
Status choose_by_measurement(Compilation& c, Session& s) {
    if (!c.o.choices.empty()) {
        GW_TRY(const std::string text, read_file(c.o.choices, s.diag));
        GW_TRY(c.choices, parse_choices(text, c.o.choices, s.diag));
        if (c.choices->core != c.core.name || c.choices->optimize != c.o.optimize)
            return s.diag.error(DiagId::choices_invalid, {.file = c.o.choices},
                                "was measured for {} with --optimize {}, and the bundle is for {} with --optimize {}", c.choices->core,
                                c.choices->optimize, c.core.name, c.o.optimize);
    } else if (c.o.tune != "none") {
        TuneCache cache(tune_cache_file());
        const TuneEffort effort = c.o.tune == "full" ? TuneEffort::full : TuneEffort::quick;
        GW_TRY(c.choices, tune(c.graph, c.core, lower_options(c), effort, build_options(c.o), measuring_sample(c).front(), cache, s.diag,
                               s.progress("tuning")));
    }
    return {};
}

void choose_name(Compilation& c, Session& s) {
    std::vector<std::string> taken;
    const std::string wanted = !c.o.name.empty() ? c.o.name : std::filesystem::path(c.o.model).stem().string();
    c.name = c_name(wanted, taken);
    if (!c.o.name.empty() && c.name != wanted)
        s.diag.warning(DiagId::bad_option, {}, "--name {} is not a name that C accepts here; the bundle is called {}", c.o.name, c.name);
    else if (c.name != wanted)
        s.diag.note(DiagId::bad_option, {.file = c.model.module.file},
                    "the bundle is called {}, because C does not take \"{}\" for a name; --name gives it another", c.name, wanted);
}

// --weights-ram: the constants that are loaded from most, as --tune counts it, --choices tells it, or by an estimate.
Status place_weights(Compilation& c, Session& s) {
    if (c.o.weights_ram == 0) return {};
    if (c.choices && c.o.tune != "none") {
        const TemporaryFolder folder;
        const Emitted emitted = emit(c.program, c.graph, {});
        GW_TRY_DO(write_files(folder.path(), emitted.files, s.diag));
        GW_TRY(c.choices->loads, count_loads(bundle_info(folder.path(), c.program, emitted), c.core, build_options(c.o),
                                             measuring_sample(c).front(), s.diag));
    }
    c.loads.clear();
    for (const Data& d : c.program.data)
        if (c.choices && c.choices->loads.count(d.name) > 0) c.loads.push_back(c.choices->loads.at(d.name));
    c.loads_measured = c.loads.size() == c.program.data.size();
    if (!c.loads_measured) c.loads = estimated_loads(c.program);
    place_in_ram(c.program, c.o.weights_ram, c.loads);
    return {};
}

Status make_program(Compilation& c, Session& s) {
    GW_TRY_DO(fit_program(c, lower_options(c), s));
    GW_TRY_DO(place_weights(c, s));
    GW_TRY_DO(check_states(c, s.diag));
    Diagnostics broken;
    GW_CHECK(verify(c.program, broken).ok(), broken.all().empty() ? "program" : broken.all().front().text());
    Module module = c.model.module;
    module.graphs = {c.graph};
    EmitOptions e;
    e.tool = "glowworm " + version();
    e.model_file = c.model.module.file;
    e.model_sha256 = c.model.module.sha256;
    e.options = options_line(options_json(c));
    e.graph_text = print(module);
    e.glow = c.o.api == "glow";
    e.weights_pointer = c.o.weights == "pointer";
    if (c.o.selftest > 0) {
        GW_TRY_DO(check_custom(c.graph, s.diag));
        GW_TRY(e.selftest, selftest_of(c.graph, c.program, c.o.selftest, s.diag));
    }
    c.emitted = emit(c.program, c.graph, e);
    for (const std::string& name : c.emitted.renamed) s.diag.note(DiagId::bad_option, {.file = c.model.module.file}, "{}", name);
    return {};
}

// Float values and their int8 counterparts have the same source name: the quality of each layer follows from a few samples.
std::vector<std::optional<double>> layer_sqnr(const Compilation& c) {
    std::vector<std::optional<double>> result(c.program.steps.size());
    if (c.samples.samples.empty() || c.o.precision == "float32") return result;
    const Graph &f = c.model.module.main(), &q = c.graph;
    std::map<std::string, ValueId> float_values;
    for (size_t i = 0; i < f.values.size(); ++i)
        if (f.values[i].node.valid() && !f.values[i].source.empty()) float_values[f.values[i].source] = {static_cast<int32_t>(i)};
    std::map<int32_t, std::pair<double, double>> power;  // value of q → (signal, noise)
    const size_t n = std::min<size_t>(c.samples.samples.size(), 2);
    for (size_t k = 0; k < n; ++k) {
        std::map<int32_t, Tensor> reference;
        interpret(f, graph_inputs(f, c.samples.samples[k]), [&](ValueId id, const Tensor& t) { reference[id.index] = t; });
        interpret(q, graph_inputs(q, c.samples.samples[k]), [&](ValueId id, const Tensor& t) {
            const auto it = float_values.find(q[id].source);
            if (it == float_values.end() || q[id].is_input() || f.type(it->second).shape != t.shape()) return;
            Tensor approximation = t;
            approximation.type.quant = q.type(id).quant;
            const Tensor a = reference[it->second.index].dequantized(), b = approximation.dequantized();
            auto& [signal, noise] = power[id.index];
            for (int64_t i = 0; i < a.elements(); ++i) {
                const double x = a.at(i), d = x - b.at(i);
                signal += x * x, noise += d * d;
            }
        });
    }
    for (size_t k = 0; k < result.size(); ++k) {
        for (int32_t v : c.program.steps[k].values) {
            const auto it = power.find(v);
            if (it == power.end() || it->second.first <= 0) continue;
            result[k] = it->second.second <= 0 ? 200.0 : std::clamp(10 * std::log10(it->second.first / it->second.second), -200.0, 200.0);
        }
    }
    return result;
}

// Compiles and runs the bundle for the core if its tools are here; otherwise says what is missing.
void measure(Compilation& c, ReportData& data, const std::filesystem::path& folder, Session& s) {
    if (c.o.measure == "none") {
        data.not_measured = "--measure none";
        return;
    }
    if (!c.emitted.custom.empty() && c.o.custom_sources.empty()) {
        data.not_measured = "custom operators without --custom-source";
        return;
    }
    if (!c.core.emulated()) {
        data.not_measured = fmt::format("{} cannot be emulated", c.core.name);
        return;
    }
    const Tools tools = find_tools();
    const Tool& compiler = c.o.toolchain == "clang" ? tools.clang : tools.arm_gcc;
    if (tools.arm_gcc.path.empty() || compiler.path.empty() || tools.qemu.path.empty()) {
        for (const std::string& m : tools.missing) data.not_measured += (data.not_measured.empty() ? "" : "; ") + m;
        if (compiler.path.empty() && c.o.toolchain == "clang")
            data.not_measured += (data.not_measured.empty() ? "" : "; ") + std::string("clang");
        s.diag.note(DiagId::tool_missing, {}, "flash, stack and cycles are not measured, because these are missing: {}", data.not_measured);
        return;
    }
    data.compiler = compiler.version;
    const BuildOptions build = build_options(c.o);
    Diagnostics trouble;
    if (auto flags = bundle_flags(c.core, build, trouble); flags.ok()) data.cflags = *flags;
    const BundleInfo info = bundle_info(folder, c.program, c.emitted);
    if (auto flash = measure_flash(info, c.core, build, trouble); flash.ok()) data.flash = *flash;
    RunOptions run;
    run.price = true;
    if (auto result = run_on_core(info, c.core, measuring_sample(c), build, run, trouble); result.ok()) data.run = *result;
    for (const Diagnostic& d : trouble.all()) {
        data.not_measured += (data.not_measured.empty() ? "" : "; ") + d.message;
        s.diag.warning(d.id, d.location, "measuring failed: {}", d.message);
    }
}

// The report of what has been compiled. With `measured` the object file is built, if it is wanted, and the bundle is built and run.
Expected<Json> make_report(Compilation& c, bool measured, Session& s) {
    ReportData data;
    data.module = &c.model.module, data.graph = &c.graph, data.program = &c.program, data.emitted = &c.emitted, data.core = &c.core;
    data.options = options_json(c);
    data.preprocess = preprocess_json(c.preprocess);
    data.profile_sha256 = c.profile_text.empty() ? "" : sha256_hex(c.profile_text);
    data.clock_hz = c.clock_hz;
    data.model_macs = c.model.macs, data.model_parameters = c.model.parameters, data.recomputed_macs = c.recomputed_macs;
    data.sqnr_db = layer_sqnr(c);
    data.loads = c.loads, data.loads_measured = c.loads_measured;
    if (measured) {
        const TemporaryFolder folder;
        GW_TRY_DO(write_files(folder.path(), c.emitted.files, s.diag));
        if (c.o.emit == "object") {
            data.object_file = c.program.name + ".o";
            GW_TRY(c.object, build_object(bundle_info(folder.path(), c.program, c.emitted), c.core, build_options(c.o), s.diag));
        }
        const auto progress = s.progress("measuring");
        progress(0, 1);
        measure(c, data, folder.path(), s);
        progress(1, 1);
    } else {
        data.not_measured = "only planned";
    }
    return report_json(data);
}

// For advice: the same graph lowered with other options. Null when that does not work out.
Json recompile(const Compilation& made, const OptionChanges& changes, bool measured) {
    // The Glow interface has places of its own for inputs and outputs.
    if (made.o.api == "glow" && changes.count("input") + changes.count("output") > 0) return nullptr;
    Compilation c = made;
    Session quiet;
    quiet.json = true;
    c.o.emit = "c", c.o.selftest = 0;
    c.graph = c.unsplit;
    c.samples.samples.resize(std::min<size_t>(c.samples.samples.size(), 1));
    for (const auto& [option, value] : changes)
        (option == "optimize" ? c.o.optimize : option == "input" ? c.o.input : c.o.output_place) = value;
    if (!make_program(c, quiet)) return nullptr;
    const auto report = make_report(c, measured, quiet);
    return report ? *report : Json();
}

int compile(const CompileOptions& options, Session& s) {
    Compilation c;
    c.o = options;
    if (!choose_core(c, s.diag) || !choose_form(c, s.diag)) return exit_wrong;
    PassRunner run = stage_runner(c.o, s);
    auto model = load_model(c.o.model, c.o, run, s.diag);
    if (!model) return exit_wrong;
    c.model = std::move(*model);
    if (!make_graph(c, run, s)) return exit_wrong;
    c.unsplit = c.graph;
    choose_name(c, s);
    if (!choose_by_measurement(c, s) || !make_program(c, s)) return exit_wrong;

    const auto made = make_report(c, true, s);
    if (!made) return exit_wrong;
    Json report = *made;
    std::map<std::string, std::string> files = c.emitted.files;
    if (c.o.emit == "object") files[c.program.name + ".o"] = c.object;
    if (c.choices) files[c.program.name + ".choices"] = choices_text(*c.choices);
    files["report.txt"] = report_text(report);
    if (!c.profile_text.empty() && c.o.profile.empty()) files["profile.yaml"] = c.profile_text;
    files["report.json"];
    for (const auto& [name, content] : files) report["bundle"]["files"].push_back(name);
    files["report.json"] = report.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
    const int status = check_limits(
        c.o.limits, c.program, report, [&](const OptionChanges& changes, bool measured) { return recompile(c, changes, measured); }, s);
    if (status == exit_wrong) return status;
    // Files of an older bundle go with it, but not its profile, which --profile may be reading.
    std::set<std::string> outdated = bundle_files(c.o.output);
    outdated.erase("profile.yaml");
    if (!replace_folder(c.o.output, files, outdated, s.diag)) return exit_wrong;
    s.result["bundle"] = c.o.output;
    s.result["name"] = c.program.name;
    s.result["report"] = report;
    s.say(report_text(report));
    s.say(fmt::format("bundle written to {}", c.o.output));
    return status;
}

}  // namespace

void add_compile(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<CompileOptions>();
    CLI::App* sub = app.add_subcommand("compile", "make a bundle of a model");
    sub->add_option("MODEL", o->model, "an ONNX or TFLite model, or a graph as text (.gw)")->required();
    sub->add_option("-o,--output-folder", o->output, "the bundle's folder")->required()->type_name("DIR");
    sub->add_option("--cpu", o->cpu, "core, in GCC's spelling: cortex-m0plus, cortex-m4+nofp, generic …")->type_name("CORE");
    sub->add_option("--board", o->board, "board: sets core, clock and limits");
    sub->add_option("--name", o->name, "prefix of every symbol; default: the model file's name");
    auto* samples = sub->add_option("--calibrate", o->samples, "samples to take ranges from")->type_name("SAMPLES");
    sub->add_option("--profile", o->profile, "ranges made by `glowworm calibrate`")->type_name("FILE")->excludes(samples);
    sub->add_option("--precision", o->precision, "int8 (default) or float32")->check(CLI::IsMember({"int8", "float32"}));
    sub->add_option("--range", o->range, "how ranges follow from samples: mse (default), minmax, percentile:P, kl");
    sub->add_option("--optimize", o->optimize, "speed (default), size or ram")->check(CLI::IsMember({"speed", "size", "ram"}));
    sub->add_option(
           "--tune", o->tune,
           "choose kernels by measuring them on the emulated core: none (default: by formula), quick, or full; writes NAME.choices")
        ->check(CLI::IsMember({"none", "quick", "full"}));
    sub->add_option("--choices", o->choices, "choose kernels by the NAME.choices of an earlier --tune")->type_name("FILE");
    sub->add_option("--emit", o->emit, "c (default), or object: NAME.o beside the C, all of it in one relocatable object")
        ->check(CLI::IsMember({"c", "object"}));
    sub->add_option("--api", o->api, "plain (default), or glow: header and function of a Glow bundle")
        ->check(CLI::IsMember({"plain", "glow"}));
    sub->add_option("--weights", o->weights, "const (default): in NAME_weights.c; pointer: the caller passes NAME.weights.bin")
        ->check(CLI::IsMember({"const", "pointer"}));
    sub->add_option("--weights-ram", o->weights_ram,
                    "put constants into initialised RAM, within so many bytes those that are loaded from most: for flash that is slower")
        ->type_name("BYTES")
        ->check(CLI::Range(int64_t{0}, int64_t{1} << 32));
    sub->add_option("--io-layout", o->io_layout, "order of dimensions in C: nhwc (default) or model, the model file's own")
        ->check(CLI::IsMember({"nhwc", "model"}));
    sub->add_option("--io-align", o->io_align, "align inputs and outputs to at least so many bytes")->type_name("BYTES");
    sub->add_option("--selftest", o->selftest, "add NAME_selftest.c, which checks every layer on so many pseudo-random inputs")
        ->type_name("N")
        ->check(CLI::Range(int64_t{0}, int64_t{1000}));
    sub->add_option("--io", o->io, "type at the model's edge: int8 (default: an integer model's own types) or float")
        ->check(CLI::IsMember({"int8", "float"}));
    sub->add_option("--input", o->input, "inputs lie in the caller's memory (default) or in the arena")
        ->check(CLI::IsMember({"caller", "arena"}));
    sub->add_option("--output", o->output_place, "outputs lie in the caller's memory (default) or in the arena")
        ->check(CLI::IsMember({"caller", "arena"}));
    sub->add_option("--numerics", o->numerics,
                    "rounding of requantization: fast (default for float models), tflite or onnx (default for quantized ONNX models)")
        ->check(CLI::IsMember({"tflite", "onnx", "fast"}));
    sub->add_flag("--no-fusion", o->no_fusion, "a kernel for each operator of the model, none for several: to look for a fault");
    sub->add_option("--ram-limit", o->limits.ram, "exit 3 if arena, inputs and outputs need more")->type_name("BYTES");
    sub->add_option("--flash-limit", o->limits.flash, "exit 3 if the bundle needs more")->type_name("BYTES");
    sub->add_option("--cycle-limit", o->limits.cycles, "exit 3 if one inference takes more")->type_name("N");
    sub->add_option("--measure", o->measure, "auto (default): compile and emulate when the tools are there; none")
        ->check(CLI::IsMember({"auto", "none"}));
    add_stage_options(*sub, *o);
    add_define_option(*sub, *o);
    add_preprocess_options(*sub, *o);
    add_sequence_option(*sub, *o);
    add_toolchain_options(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return compile(*o, s); }; });
}

}  // namespace gw
