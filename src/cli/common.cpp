// What several commands share: options, loading a model, running samples anywhere.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>

#include "base/files.h"
#include "cli/cli.h"
#include "frontend/onnx/onnx.h"
#include "frontend/tflite/tflite.h"
#include "interp/interp.h"

namespace gw {

void add_define_option(CLI::App& app, CommonOptions& o) {
    app.add_option("--define", o.defines, "SYMBOL=VALUE: size of a symbolic dimension")->type_name("SYMBOL=VALUE");
    app.add_option("--custom", o.custom,
                   "an operator that becomes a call of your function glowworm_custom_NAME; TYPES of its results for ONNX")
        ->type_name("NAME[=TYPES]");
    add_custom_source_option(app, o);
}

void add_preprocess_options(CLI::App& app, CommonOptions& o) {
    app.add_option("--image-range", o.image_range, "what pixels 0..255 become: 0..1, -1..1, 0..255 or -128..127");
    app.add_option("--image-mean", o.image_mean, "subtracted after the range, one number or one a channel");
    app.add_option("--image-std", o.image_std, "divided by after the mean, one number or one a channel");
    app.add_option("--image-order", o.image_order, "channel order of the model: rgb (default) or bgr")
        ->check(CLI::IsMember({"rgb", "bgr"}));
    app.add_flag("--image-resize", o.image_resize, "stretch pictures of other sizes");
    app.add_option("--sample-scale", o.sample_scale, "integer arrays stand for reals: real = S * (q - Z)")->type_name("S");
    app.add_option("--sample-zero", o.sample_zero, "Z of --sample-scale")->type_name("Z");
    app.add_option("--sample-layout", o.sample_layout, "dimension order of sample arrays: model (default), nchw or nhwc")
        ->check(CLI::IsMember({"model", "nchw", "nhwc"}));
}

void add_sequence_option(CLI::App& app, CommonOptions& o) {
    app.add_option(
           "--sequence", o.sequence,
           "of a model with state: so many samples in a row are one sequence, which begins with a reset (default 1); 0: all are one")
        ->check(CLI::Range(int64_t{0}, int64_t{1} << 31))
        ->type_name("N");
}

void add_toolchain_options(CLI::App& app, CommonOptions& o) {
    app.add_option("--toolchain", o.toolchain, "compiler for the core: gcc (default) or clang")->check(CLI::IsMember({"gcc", "clang"}));
    app.add_option("--cc", o.cc, "path of the compiler");
    app.add_option("--cflags", o.cflags, "optimisation flags in place of the recommended ones");
    app.add_option("--float-abi", o.float_abi, "soft, softfp or hard")->check(CLI::IsMember({"soft", "softfp", "hard"}));
}

Expected<Preprocess> preprocess_of(const CommonOptions& o, Diagnostics& diag) {
    Preprocess p;
    if (!o.image_range.empty()) {
        GW_TRY(p.range, parse_image_range(o.image_range, diag));
    }
    if (!o.image_mean.empty()) {
        GW_TRY(p.mean, parse_floats(o.image_mean, "--image-mean", diag));
    }
    if (!o.image_std.empty()) {
        GW_TRY(p.std, parse_floats(o.image_std, "--image-std", diag));
    }
    p.bgr = o.image_order == "bgr";
    p.resize = o.image_resize;
    p.sample_scale = o.sample_scale;
    p.sample_zero = o.sample_zero;
    p.layout = o.sample_layout == "nchw" ? SampleLayout::nchw : o.sample_layout == "nhwc" ? SampleLayout::nhwc : SampleLayout::model;
    return p;
}

Expected<Preprocess> preprocess_with(const Preprocess& recorded, const CommonOptions& o, const std::string& file, Diagnostics& diag) {
    GW_TRY(const Preprocess given, preprocess_of(o, diag));
    GW_TRY(Preprocess p, merge_preprocess(recorded, given, file, diag));
    // In a Preprocess rgb and "nothing said" are the same.
    if (o.image_order == "rgb" && recorded.bgr && p.range)
        return diag.error(DiagId::preprocess_conflict, {.file = file},
                          "was made with --image-order bgr, which --image-order rgb contradicts");
    return p;
}

BuildOptions build_options(const CommonOptions& o) {
    BuildOptions b;
    b.toolchain = o.toolchain;
    b.cc = o.cc;
    b.optimize = o.optimize;
    b.float_abi = o.float_abi;
    b.custom_sources.assign(o.custom_sources.begin(), o.custom_sources.end());
    std::string flag;
    for (char c : o.cflags + " ") {
        if (c != ' ') {
            flag += c;
        } else if (!flag.empty()) {
            b.cflags.push_back(flag);
            flag.clear();
        }
    }
    return b;
}

namespace {

Expected<std::map<std::string, int64_t>> parse_defines(const std::vector<std::string>& defines, Diagnostics& diag) {
    std::map<std::string, int64_t> all;
    for (const std::string& d : defines) {
        const size_t eq = d.find('=');
        int64_t v = 0;
        const char* end = d.data() + d.size();
        if (eq == std::string::npos || eq == 0 || std::from_chars(d.data() + eq + 1, end, v).ptr != end || v < 1)
            return diag.error(DiagId::bad_option, {}, "--define {}: expected SYMBOL=VALUE with a positive value", d);
        all[d.substr(0, eq)] = v;
    }
    return all;
}

bool ends_with(const std::string& s, std::string_view end) {
    return s.size() >= end.size() && s.compare(s.size() - end.size(), end.size(), end) == 0;
}

bool has_float_arithmetic(const Graph& g) {
    for (const Node& n : g.nodes)
        if (get_if<Conv2D>(n.op) || get_if<Dense>(n.op) || get_if<MatMul>(n.op) || get_if<Unary>(n.op) || get_if<Binary>(n.op) ||
            get_if<Pool2D>(n.op) || get_if<Reduce>(n.op) || get_if<Softmax>(n.op) || get_if<Recurrent>(n.op) || get_if<Svdf>(n.op))
            if (g.type(n.outputs[0]).dtype == DType::float32) return true;
    return false;
}

// A TFLite file names no dimensions; its open leading one is `batch`.
Expected<Module> read_tflite_model(const std::string& path, const CommonOptions& o, Diagnostics& diag) {
    GW_TRY(auto defines, parse_defines(o.defines, diag));
    GW_TRY(const auto custom, parse_custom(o.custom, diag));
    TfliteOptions options;
    for (const auto& [name, types] : custom) options.custom.insert(name);
    for (const auto& [symbol, size] : defines) {
        if (symbol != "batch")
            return diag.error(DiagId::bad_option, {}, "--define {}: a TFLite model names no dimensions but its open leading one, `batch`",
                              symbol);
        options.batch = size;
    }
    return read_tflite(path, diag, options);
}

Expected<Module> read_any_model(const std::string& path, const CommonOptions& o, Diagnostics& diag) {
    if (ends_with(path, ".tflite")) return read_tflite_model(path, o, diag);
    if (ends_with(path, ".gw")) {
        GW_TRY(std::string text, read_file(path, diag));
        GW_TRY(Module m, parse_module(text, std::filesystem::path(path).filename().string(), diag));
        if (m.sha256.empty()) m.sha256 = sha256_hex(text);
        return m;
    }
    ImportOptions import;
    GW_TRY(import.defines, parse_defines(o.defines, diag));
    GW_TRY(import.custom, parse_custom(o.custom, diag));
    return read_onnx(path, import, diag);
}

}  // namespace

Expected<Module> read_model(const std::string& path, const CommonOptions& o, Diagnostics& diag) {
    GW_TRY(Module m, read_any_model(path, o, diag));
    GW_TRY_DO(bind_custom(m.main(), o, diag));
    return m;
}

Expected<LoadedModel> load_model(const std::string& path, const CommonOptions& o, PassRunner& run, Diagnostics& diag) {
    LoadedModel m;
    run.fusion = !o.no_fusion;
    GW_TRY(m.module, read_model(path, o, diag));
    Graph& g = m.module.main();
    if (run.after) run.after(0, "import", g);
    GW_TRY(g, optimise(g, o.model_layout, run, diag));
    m.macs = g.macs();
    m.parameters = g.parameters();
    if (is_quantized_model(g)) {
        QuantizeOptions q;
        q.rounding = o.numerics == "tflite" ? Rounding::twice : o.numerics == "fast" ? Rounding::narrow : Rounding::even;
        GW_TRY(g, integerise(g, q, run, diag));
        m.folded = true;
    }
    GW_TRY(g, prune(g, run, diag));
    m.is_float = !m.folded && has_float_arithmetic(g);
    return m;
}

std::vector<Tensor> graph_inputs(const Graph& graph, const std::vector<Tensor>& sample) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < sample.size(); ++i) {
        const Type& type = graph.type(graph.inputs[i].value);
        Tensor t = to_graph_order(graph.inputs[i], sample[i]);
        if (t.type.dtype == DType::float32 && is_integer(type.dtype)) {
            std::vector<Tensor> q{Tensor::zeros(type)};
            const Tensor* in[] = {&t};
            evaluate(Quantize{type.dtype, type.quant}, in, q);
            t = q[0];
        }
        inputs.push_back(t.with_type(type));
    }
    return inputs;
}

std::vector<Tensor> pseudo_random_inputs(const Graph& graph) {
    uint32_t state = selftest_seed;
    return pseudo_random_inputs(graph, state);
}

std::vector<Tensor> pseudo_random_inputs(const Graph& graph, uint32_t& state) {
    std::vector<Tensor> inputs;
    for (const Port& port : graph.inputs) {
        const Type& t = graph.type(port.value);
        Tensor x = Tensor::zeros(t);
        for (int64_t i = 0; i < t.elements(); ++i) {
            state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator; the high byte is good enough here
            const auto byte = static_cast<int>(state >> 24);
            x.set(i, is_float(t.dtype) ? byte / 255.0
                                       : static_cast<double>(lowest(t.dtype) < 0         ? byte - 128
                                                             : t.dtype == DType::boolean ? byte & 1
                                                                                         : byte));
        }
        inputs.push_back(std::move(x));
    }
    return inputs;
}

std::vector<Tensor> model_outputs(const Graph& graph, const std::vector<Tensor>& outputs, bool dequantize) {
    std::vector<Tensor> all;
    for (size_t i = 0; i < outputs.size(); ++i) {
        Tensor t = outputs[i];
        t.type.quant = graph.type(graph.outputs[i].value).quant;
        if (dequantize && !t.type.quant.empty()) t = t.dequantized();
        all.push_back(to_model_order(graph.outputs[i], t));
    }
    return all;
}

std::string sample_bytes(const std::vector<Tensor>& inputs) {
    std::string bytes;
    for (const Tensor& t : inputs) bytes += t.bytes();
    return bytes;
}

std::vector<Tensor> tensors_from_bytes(const Graph& graph, const std::string& bytes) {
    std::vector<Tensor> all;
    size_t at = 0;
    for (const Port& port : graph.outputs) {
        const Type& type = graph.type(port.value);
        all.push_back(Tensor::from_bytes(type, std::string_view(bytes).substr(at, static_cast<size_t>(type.bytes()))));
        at += static_cast<size_t>(type.bytes());
    }
    return all;
}

Expected<Runner> Runner::open(const CommonOptions& o, Diagnostics& diag) {
    Runner r;
    r.on_ = o.on;
    r.sequence_ = o.sequence;
    r.build_ = build_options(o);
    std::error_code ec;
    if (std::filesystem::is_directory(o.model, ec)) {
        GW_TRY(Bundle bundle, load_bundle(o.model, diag));
        r.module_ = bundle.module;
        GW_TRY_DO(bind_custom(r.module_.main(), o, diag));
        const std::string optimize = bundle.report.value("options", Json::object()).value("optimize", "speed");
        r.build_.optimize = optimize;
        r.bundle_ = std::move(bundle);
        if (r.on_.empty()) r.on_ = "host";
        if (r.on_ != "interpreter" && r.on_ != "host") {
            GW_TRY(Core core, core_named(r.on_, diag));
            (void)core;
        }
        return r;
    }
    if (r.on_.empty()) r.on_ = "interpreter";
    if (r.on_ != "interpreter")
        return diag.error(DiagId::bad_option, {.file = o.model},
                          "--on {}: a model runs in the interpreter only; compile it and give the bundle's folder", r.on_);
    PassRunner passes;
    GW_TRY(LoadedModel m, load_model(o.model, o, passes, diag));
    r.module_ = std::move(m.module);
    return r;
}

Preprocess Runner::recorded() const { return bundle_ ? preprocess_from_json(bundle_->report.value("preprocess", Json())) : Preprocess{}; }

Expected<SampleSet> samples_for(const Runner& runner, const CommonOptions& o, Diagnostics& diag) {
    Preprocess p;
    if (runner.is_bundle()) {
        GW_TRY(p, preprocess_with(runner.recorded(), o, "report.json", diag));
    } else {
        GW_TRY(p, preprocess_of(o, diag));
    }
    GW_TRY_DO(check_preprocess(p, diag));
    return read_samples(o.samples, sample_specs(runner.graph()), p, {}, diag);
}

Expected<std::vector<std::vector<Tensor>>> Runner::run(const SampleSet& samples, bool dequantize, const Session& session,
                                                       Diagnostics& diag) {
    std::vector<std::vector<Tensor>> all;
    const auto progress = session.progress("running");
    if (on_ == "interpreter") {
        GW_TRY_DO(check_custom(graph(), diag));
        std::vector<Tensor> states;
        for (const auto& sample : samples.samples) {
            begin_sample(graph(), sequence_, all.size(), states);
            all.push_back(model_outputs(graph(), interpret(graph(), graph_inputs(graph(), sample), {}, &states), dequantize));
            progress(static_cast<int64_t>(all.size()), static_cast<int64_t>(samples.samples.size()));
        }
        return all;
    }
    std::vector<std::string> bytes;
    for (const auto& sample : samples.samples) bytes.push_back(sample_bytes(graph_inputs(graph(), sample)));
    RunOptions options;
    options.sequence = sequence_;
    const auto total = static_cast<int64_t>(samples.samples.size());
    progress(0, total);
    if (on_ == "host") {
        GW_TRY(result_, run_on_host(bundle_->info, bytes, build_, options, diag));
    } else {
        GW_TRY(Core core, core_named(on_, diag));
        options.price = core.isa == Isa::v6m;  // with its check of opcodes and alignment
        GW_TRY(result_, run_on_core(bundle_->info, core, bytes, build_, options, diag));
    }
    progress(total, total);
    for (const std::string& out : result_->outputs) all.push_back(model_outputs(graph(), tensors_from_bytes(graph(), out), dequantize));
    return all;
}

}  // namespace gw
