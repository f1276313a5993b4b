// glowworm bisect: the passes of the compiler one by one, and the interpreter on the graph after each. A pass keeps the answer: integers
// exactly, floats up to rounding; only quantization may change it, also that which the model's author wrote down, and then not beyond a
// signal-to-noise ratio. The first pass that does not is named, with the place where it shows most.
#include "cli/bisect.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "cli/cli.h"
#include "interp/interp.h"

namespace gw {
namespace {

using Outputs = std::vector<std::vector<Tensor>>;  // [sample][output], in the model's order, not dequantized

Outputs outputs_of(const Graph& g, const Outputs& samples) {
    Outputs all;
    for (const auto& sample : samples) all.push_back(model_outputs(g, interpret(g, graph_inputs(g, sample)), false));
    return all;
}

// Adds output `o` of sample `k` to the stage's figures; true when it changed beyond what is allowed.
bool compare(BisectStage& stage, const Tensor& before, const Tensor& after, const std::string& name, size_t k,
             const BisectOptions& options) {
    const bool quantizing = before.type.dtype != after.type.dtype || stage.pass == "fold-quantization";
    const Tensor a = quantizing ? before.dequantized() : before, b = quantizing ? after.dequantized() : after;
    if (a.elements() != b.elements()) {
        stage.output = name, stage.sample = k;
        return true;
    }
    double lo = 0, hi = 0, worst = 0;
    for (int64_t i = 0; i < a.elements(); ++i) {
        const double x = a.at(i), y = b.at(i);
        if (std::isfinite(x)) lo = std::min(lo, x), hi = std::max(hi, x);
        if (x == y || (std::isnan(x) && std::isnan(y))) continue;
        const double d = std::isnan(x - y) ? INFINITY : std::fabs(x - y);
        worst = std::max(worst, d);
        if (d <= stage.largest_difference) continue;
        stage.largest_difference = d;
        stage.output = name, stage.sample = k, stage.element = i, stage.before = x, stage.after = y;
    }
    if (quantizing) {
        stage.sqnr_db = std::min(stage.sqnr_db, sqnr_db(a, b));
        return stage.sqnr_db < options.min_sqnr_db;
    }
    return is_float(a.type.dtype) ? worst > options.tolerance * std::max(hi - lo, 1e-30) : worst > 0;
}

struct BisectCommand : CommonOptions {
    std::string profile;
    bool quantize = false;
    BisectOptions options;
};

Expected<Pipeline> pipeline_of(const BisectCommand& o, const Module& module, const SampleSet& samples, Session& s) {
    if (o.profile.empty() && !o.quantize)
        return Pipeline([](const Graph& g, PassRunner& run, Diagnostics& diag) -> Expected<Graph> {
            GW_TRY(const Graph optimised, optimise(g, false, run, diag));
            if (!is_quantized_model(optimised)) return optimised;
            return integerise(optimised, {.rounding = Rounding::even}, run, diag);
        });
    Profile profile;
    if (!o.profile.empty()) {
        GW_TRY(profile, read_profile(o.profile, s.diag));
    } else {
        PassRunner quiet;
        Module optimised = module;
        GW_TRY(optimised.main(), optimise(module.main(), false, quiet, s.diag));
        GW_TRY(profile, collect(optimised, samples, {}, s.diag));
    }
    return Pipeline([profile](const Graph& g, PassRunner& run, Diagnostics& diag) -> Expected<Graph> {
        GW_TRY(const Graph optimised, optimise(g, false, run, diag));
        return quantise(optimised, profile, {}, run, diag);
    });
}

Json stage_json(const BisectStage& t) {
    Json j{{"number", t.number}, {"pass", t.pass}, {"changed", t.changed}, {"largest_difference", t.largest_difference}};
    if (t.sqnr_db < 200) j["sqnr_db"] = t.sqnr_db;
    return j;
}

int bisect_command(const BisectCommand& o, Session& s) {
    const auto module = read_model(o.model, o, s.diag);
    if (!module) return exit_wrong;
    const Graph& g = module->main();
    const auto preprocess = preprocess_of(o, s.diag);
    if (!preprocess || !check_custom(g, s.diag)) return exit_wrong;
    SampleSet samples;
    if (o.samples.empty()) {
        samples.samples.emplace_back();
        const std::vector<Tensor> inputs = pseudo_random_inputs(g);
        for (size_t i = 0; i < inputs.size(); ++i) samples.samples[0].push_back(to_model_order(g.inputs[i], inputs[i]));
        samples.names = {"pseudo-random"};
    } else {
        auto read = read_samples(o.samples, sample_specs(g), *preprocess, {}, s.diag);
        if (!read) return exit_wrong;
        samples = std::move(*read);
    }
    const auto pipeline = pipeline_of(o, *module, samples, s);
    if (!pipeline) return exit_wrong;
    const auto stages = bisect(g, *pipeline, samples.samples, o.options, s.diag);
    if (!stages) return exit_wrong;
    s.result = Json{{"samples", samples.samples.size()}, {"stages", Json::array()}, {"first_wrong", nullptr}};
    s.say(fmt::format("{:>3}  {:<24} {:>20} {:>10}", "", "pass", "largest difference", "SQNR dB"));
    for (const BisectStage& t : *stages) {
        s.result["stages"].push_back(stage_json(t));
        s.say(fmt::format("{:>3}  {:<24} {:>20.6g} {:>10}", t.number, t.pass, t.largest_difference,
                          t.sqnr_db < 200 ? fmt::format("{:.1f}", t.sqnr_db) : "-"));
    }
    if (stages->empty() || !stages->back().changed) {
        s.say("no pass changed the answer");
        return exit_done;
    }
    const BisectStage& t = stages->back();
    s.result["first_wrong"] = t.pass;
    s.diag.error(DiagId::verify_mismatch, {.file = module->file},
                 "pass {} `{}` is the first that changed the answer: output `{}`, sample {}, element {}: {} before, {} after", t.number,
                 t.pass, t.output, t.sample, t.element, t.before, t.after);
    return exit_verdict_no;
}

}  // namespace

Expected<std::vector<BisectStage>> bisect(const Graph& start, const Pipeline& pipeline, const Outputs& samples,
                                          const BisectOptions& options, Diagnostics& diag) {
    std::vector<BisectStage> stages;
    Outputs before = outputs_of(start, samples);
    PassRunner run;
    run.after = [&](int number, std::string_view pass, const Graph& g) {
        if (!stages.empty() && stages.back().changed) return;
        BisectStage stage;
        stage.number = number;
        stage.pass = pass;
        Outputs after = outputs_of(g, samples);
        for (size_t k = 0; k < samples.size(); ++k)
            for (size_t o = 0; o < g.outputs.size(); ++o)
                stage.changed = compare(stage, before[k][o], after[k][o], g.outputs[o].name, k, options) || stage.changed;
        before = std::move(after);
        stages.push_back(std::move(stage));
    };
    GW_TRY_DO(pipeline(start, run, diag));
    return stages;
}

void add_bisect(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<BisectCommand>();
    CLI::App* sub = app.add_subcommand("bisect", "developers: name the first pass after which the interpreter gives another answer");
    sub->add_option("MODEL", o->model, "an ONNX or TFLite model, or a graph as text (.gw)")->required();
    sub->add_option("SAMPLES", o->samples, "samples to run; default: one of pseudo-random numbers");
    sub->add_option("--profile", o->profile, "go on through quantization, with these ranges")->type_name("FILE");
    sub->add_flag("--quantize", o->quantize, "go on through quantization, with ranges of the samples themselves");
    sub->add_option("--tolerance", o->options.tolerance, "of float outputs, as a part of their range; default 1e-4");
    sub->add_option("--min-sqnr", o->options.min_sqnr_db, "that quantization must keep, default 10")->type_name("DB");
    add_define_option(*sub, *o);
    add_preprocess_options(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return bisect_command(*o, s); }; });
}

}  // namespace gw
