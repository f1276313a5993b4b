// glowworm verify: the interpreter on NAME.gw, the C on this machine and the C on an emulated core must give the same numbers at the end of
// every layer; the first layer that does not is named. Integers byte for byte, floats within 1e-4 of the tensor's range.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "cli/cli.h"
#include "cli/expect.h"
#include "interp/interp.h"

namespace gw {
namespace {

struct VerifyOptions : CommonOptions {
    std::vector<std::string> cores;
    std::string expect;
    Tolerance tolerance;
    uint32_t seed = 1;
};

// Two pseudo-random samples, one of all least and one of all largest values.
std::vector<std::vector<Tensor>> edge_samples(const Graph& g, uint32_t seed) {
    std::vector<std::vector<Tensor>> all;
    std::mt19937 random(seed);
    for (int kind = 0; kind < 4; ++kind) {
        std::vector<Tensor> sample;
        for (const Port& port : g.inputs) {
            const Type& type = g.type(port.value);
            Tensor t = Tensor::zeros(type);
            const bool real = is_float(type.dtype);
            const double lo = real ? -1 : bits(type.dtype) > 16 ? 0 : static_cast<double>(lowest(type.dtype));
            const double hi = real ? 1 : bits(type.dtype) > 16 ? 1 : static_cast<double>(highest(type.dtype));
            for (int64_t i = 0; i < t.elements(); ++i) {
                const double u = static_cast<double>(random()) / 4294967296.0;
                const double v = kind == 2 ? lo : kind == 3 ? hi : lo + u * (hi - lo + (real ? 0 : 1));
                t.set(i, real ? v : std::floor(v));
            }
            sample.push_back(std::move(t));
        }
        all.push_back(std::move(sample));
    }
    return all;
}

struct Difference {
    size_t sample = 0, step = 0, output = 0;
    int64_t element = 0;
    double expected = 0, seen = 0;
};

// First element of `bytes` that does not agree with `t`.
std::optional<int64_t> first_difference(const Tensor& t, std::string_view bytes) {
    if (t.type.dtype != DType::float32) {
        if (bytes == t.bytes()) return std::nullopt;
        size_t i = 0;
        while (i < bytes.size() && i < t.bytes().size() && bytes[i] == t.bytes()[i]) ++i;
        return static_cast<int64_t>(i) * 8 / bits(t.type.dtype);
    }
    float lo = 0, hi = 0;
    for (float v : t.data<float>())
        if (std::isfinite(v)) lo = std::min(lo, v), hi = std::max(hi, v);
    const float tolerance = 1e-4f * std::max(hi - lo, 1e-30f);
    for (int64_t i = 0; i < t.elements(); ++i) {
        float seen = 0;
        std::memcpy(&seen, bytes.data() + 4 * i, 4);
        const float expected = t.data<float>()[static_cast<size_t>(i)];
        const bool same = (std::isnan(expected) && std::isnan(seen)) || expected == seen || std::fabs(expected - seen) <= tolerance;
        if (!same) return i;
    }
    return std::nullopt;
}

std::optional<Difference> compare(const Bundle& bundle, const std::vector<std::vector<Tensor>>& values, const RunResult& result) {
    for (size_t k = 0; k < values.size(); ++k) {
        for (size_t s = 0; s < bundle.info.steps.size(); ++s) {
            size_t at = 0;
            const std::string& all = result.steps[k][s];
            for (size_t o = 0; o < bundle.info.steps[s].outputs.size() && o < bundle.step_values[s].size(); ++o) {
                const Tensor& t = values[k][static_cast<size_t>(bundle.step_values[s][o])];
                const auto size = static_cast<size_t>(bundle.info.steps[s].outputs[o].bytes);
                const std::string_view bytes = std::string_view(all).substr(at, size);
                at += size;
                if (const auto element = first_difference(t, bytes)) {
                    Tensor seen = t;
                    if (bytes.size() == t.bytes().size()) seen = Tensor::from_bytes(t.type, bytes);
                    return Difference{k, s, o, *element, t.at(*element), seen.at(*element)};
                }
            }
        }
    }
    return std::nullopt;
}

// The bundle's outputs, of which `values` are the interpreter's, against --expect.
int against_reference(const VerifyOptions& o, const Graph& g, const std::vector<std::vector<Tensor>>& values, Session& s) {
    const auto expected = read_expected(o.expect, g, values.size(), s.diag);
    if (!expected) return exit_wrong;
    std::vector<std::vector<Tensor>> outputs;
    for (const auto& of_sample : values) {
        std::vector<Tensor> raw;
        for (const Port& port : g.outputs) raw.push_back(of_sample[static_cast<size_t>(port.value.index)]);
        outputs.push_back(model_outputs(g, raw, true));
    }
    return within(o.tolerance, *expected, outputs, g, o.expect, s.diag) ? exit_done : exit_verdict_no;
}

int verify_bundle(VerifyOptions o, Session& s) {
    if (!o.expect.empty() && o.samples.empty()) {
        s.diag.error(DiagId::bad_option, {.file = o.expect}, "--expect needs SAMPLES: the inputs that its outputs belong to");
        return exit_wrong;
    }
    auto bundle = load_bundle(o.model, s.diag);
    if (!bundle || !bind_custom(bundle->module.main(), o, s.diag) || !check_custom(bundle->module.main(), s.diag)) return exit_wrong;
    const Graph& g = bundle->module.main();
    std::vector<std::vector<Tensor>> inputs;
    if (o.samples.empty()) {
        o.sequence = 0;  // the state is kept over all of them
        inputs = edge_samples(g, o.seed);
    } else {
        const auto runner = Runner::open(o, s.diag);
        if (!runner) return exit_wrong;
        const auto samples = samples_for(*runner, o, s.diag);
        if (!samples) return exit_wrong;
        for (const auto& sample : samples->samples) inputs.push_back(graph_inputs(g, sample));
    }
    // All values of all samples by the interpreter.
    std::vector<std::vector<Tensor>> values;
    std::vector<std::string> bytes;
    std::vector<Tensor> states;
    for (const auto& in : inputs) {
        begin_sample(g, o.sequence, values.size(), states);
        values.emplace_back(g.values.size());
        for (size_t i = 0; i < g.values.size(); ++i)
            if (g.values[i].is_constant()) values.back()[i] = g.values[i].constant;
        interpret(
            g, in, [&](ValueId id, const Tensor& t) { values.back()[static_cast<size_t>(id.index)] = t; }, &states);
        bytes.push_back(sample_bytes(in));
    }
    if (!o.expect.empty())
        if (const int verdict = against_reference(o, g, values, s); verdict != exit_done) return verdict;
    std::vector<std::string> places = {"host"};
    const std::string target = bundle->report["target"]["cpu"].get<std::string>();
    if (o.cores.empty()) {
        const Core* core = find_core(target);
        if (core != nullptr && core->emulated()) places.push_back(target);
    } else {
        places = o.cores;
    }
    BuildOptions build = build_options(o);
    build.optimize = bundle->report["options"].value("optimize", "speed");
    s.result = Json{{"layers", bundle->info.steps.size()}, {"samples", inputs.size()}, {"verified", Json::array()}};
    const auto progress = s.progress("verifying");
    const auto total = static_cast<int64_t>(places.size());
    for (const std::string& place : places) {
        progress(static_cast<int64_t>(&place - places.data()), total);
        RunOptions run;
        run.capture_steps = true;
        run.sequence = o.sequence;
        Expected<RunResult> result = failure;
        if (place == "host") {
            result = run_on_host(bundle->info, bytes, build, run, s.diag);
        } else {
            const auto core = core_named(place, s.diag);
            if (!core) return exit_wrong;
            run.price = core->isa == Isa::v6m;  // with its check of opcodes and alignment
            result = run_on_core(bundle->info, *core, bytes, build, run, s.diag);
        }
        if (!result) return exit_wrong;
        if (const auto d = compare(*bundle, values, *result)) {
            const BundleStep& step = bundle->info.steps[d->step];
            s.diag.error(
                DiagId::verify_mismatch,
                {.file = bundle->info.name,
                 .op = bundle->report["steps"][d->step]["op"].get<std::string>(),
                 .node = static_cast<int64_t>(d->step),
                 .node_name = step.name},
                "layer {} (function {}) is the first that differs on {}: sample {}, element {}: the interpreter gives {}, the C {}",
                d->step, step.function, place, d->sample, d->element, d->expected, d->seen);
            s.result["first_difference"] =
                Json{{"on", place},           {"layer", d->step},        {"name", step.name}, {"sample", d->sample},
                     {"element", d->element}, {"expected", d->expected}, {"seen", d->seen}};
            return exit_verdict_no;
        }
        s.result["verified"].push_back(place);
        s.say(fmt::format("{}: {} layers of {} samples agree with the interpreter", place, bundle->info.steps.size(), inputs.size()));
    }
    return exit_done;
}

}  // namespace

void add_verify(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<VerifyOptions>();
    CLI::App* sub = app.add_subcommand("verify", "interpreter = host C = emulated C, layer by layer");
    sub->add_option("BUNDLE", o->model, "a bundle's folder")->required();
    sub->add_option("SAMPLES", o->samples, "samples to run; default: pseudo-random, all-minimum and all-maximum inputs");
    sub->add_option("--on", o->cores, "where to run: host and cores; default: host and the bundle's core")->delimiter(',');
    sub->add_option("--expect", o->expect, "reference outputs")->type_name("REF.npz");
    sub->add_option("--atol", o->tolerance.atol, "absolute tolerance of --expect");
    sub->add_option("--rtol", o->tolerance.rtol, "relative tolerance of --expect");
    sub->add_option("--seed", o->seed, "of the pseudo-random inputs");
    add_preprocess_options(*sub, *o);
    add_sequence_option(*sub, *o);
    add_toolchain_options(*sub, *o);
    add_custom_source_option(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return verify_bundle(*o, s); }; });
}

}  // namespace gw
