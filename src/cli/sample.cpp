// glowworm sample: a picture, or any other sample, as the numbers that the bundle's input wants: a text to include between the braces of a
// C array, for firmware that has no camera yet and for tests on the board.
#include <CLI/CLI.hpp>

#include "base/files.h"
#include "base/text.h"
#include "calibrate/range.h"
#include "cli/cli.h"

namespace gw {
namespace {

struct SampleOptions : CommonOptions {
    std::string output, profile, precision, range = "mse";
};

// The graph whose inputs the sample is for: a bundle's, a quantized model's, or a float model's after quantization.
Expected<Graph> target_graph(const SampleOptions& o, const Runner& runner, Diagnostics& diag) {
    const Graph& g = runner.graph();
    const bool floats = std::any_of(g.inputs.begin(), g.inputs.end(), [&](const Port& p) { return is_float(g.type(p.value).dtype); });
    if (runner.is_bundle() || !floats || o.precision == "float32") return g;
    if (o.profile.empty())
        return diag.error(DiagId::needs_ranges, {.file = g.file},
                          "is a float model, so its quantized input is not known: give the bundle's folder, --profile FILE as for compile, "
                          "or --precision float32");
    GW_TRY(const Profile profile, read_profile(o.profile, diag));
    QuantizeOptions q;
    GW_TRY(q.range, parse_range_method(o.range, diag));
    PassRunner run;
    return quantise(g, profile, q, run, diag);
}

std::string comment_text(std::string text) {
    for (size_t at = text.find("*/"); at != std::string::npos; at = text.find("*/", at)) text.replace(at, 2, "* /");
    return text;
}

// Twelve values a line, a comment on top that says what they are and how to use them.
std::string include_text(const Tensor& t, const Port& port, const std::string& sample, const std::string& file, const std::string& model) {
    std::string meaning;
    if (!t.type.quant.empty() && t.type.quant.scales.size() == 1)
        meaning = fmt::format(", real = {} * (value - {})", format_float(t.type.quant.scales[0]),
                              t.type.quant.zero_points.empty() ? 0 : t.type.quant.zero_points[0]);
    const bool packed = bits(t.type.dtype) < 8;  // several elements a byte
    const int64_t values = packed ? t.type.bytes() : t.elements();
    const char* order = port.perm.empty() ? "in the model's own order" : t.shape().rank() == 4 ? "NHWC" : "channels last";
    std::string s = comment_text(fmt::format("`{}` as input `{}` of {}: {} {} {}{}", sample, port.name, model,
                                             dtype_long_name(t.type.dtype), t.shape().text(), order, meaning));
    s = fmt::format(
        "/* {}.\n   static const {} sample[{}] = {{\n   #include \"{}\"\n   }};\n   Made by glowworm {}. SPDX-License-Identifier: 0BSD "
        "*/\n",
        s, dtype_c_name(t.type.dtype), values, comment_text(file), version());
    for (int64_t i = 0; i < values; ++i) {
        s += is_float(t.type.dtype) ? c_float_literal(static_cast<float>(t.at(i)))
             : packed               ? std::to_string(static_cast<uint8_t>(t.bytes()[static_cast<size_t>(i)]))
                                    : std::to_string(t.int_at(i));
        s += i + 1 == values ? "\n" : i % 12 == 11 ? ",\n" : ", ";
    }
    return s;
}

int sample_command(const SampleOptions& o, Session& s) {
    const auto runner = Runner::open(o, s.diag);
    if (!runner) return exit_wrong;
    const auto graph = target_graph(o, *runner, s.diag);
    if (!graph) return exit_wrong;
    const auto samples = samples_for(*runner, o, s.diag);
    if (!samples) return exit_wrong;
    if (samples->samples.size() != 1) {
        s.diag.error(DiagId::samples_invalid, {.file = o.samples}, "holds {} samples; choose one, such as {}[0:1]", samples->samples.size(),
                     o.samples);
        return exit_wrong;
    }
    const std::vector<Tensor> inputs = graph_inputs(*graph, samples->samples[0]);
    const std::string model = runner->is_bundle() ? runner->bundle().info.name : graph->file;
    s.result["files"] = Json::array();
    for (size_t i = 0; i < inputs.size(); ++i) {
        std::filesystem::path path = o.output;
        // One file an input: NAME.inc, or NAME.INPUT.inc where there are several.
        if (inputs.size() > 1)
            path.replace_filename(path.stem().string() + "." + c_identifier(graph->inputs[i].name) + path.extension().string());
        const std::string text = include_text(inputs[i], graph->inputs[i], samples->names[0], path.filename().string(), model);
        if (!write_file(path, text, s.diag)) return exit_wrong;
        s.result["files"].push_back({{"file", path.string()},
                                     {"input", graph->inputs[i].name},
                                     {"dtype", dtype_long_name(inputs[i].type.dtype)},
                                     {"count", inputs[i].elements()}});
        s.say(fmt::format("{}: {} values, {}", path.string(), inputs[i].elements(), dtype_long_name(inputs[i].type.dtype)));
    }
    return exit_done;
}

}  // namespace

void add_sample(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<SampleOptions>();
    CLI::App* sub = app.add_subcommand("sample", "write a picture as the quantized input, as the contents of a C array");
    sub->add_option("MODEL", o->model, "a bundle's folder, or a model")->required();
    sub->add_option("PICTURE", o->samples, "a picture, or SAMPLES of one sample")->required();
    sub->add_option("-o,--output", o->output, "the file; with several inputs one a name: FILE.INPUT.inc")
        ->required()
        ->type_name("FILE.inc");
    sub->add_option("--profile", o->profile, "ranges of a float model, as for compile")->type_name("FILE");
    sub->add_option("--range", o->range, "how ranges follow from the profile: mse (default), minmax, percentile:P, kl");
    sub->add_option("--precision", o->precision, "of a float model: int8 (default) or float32")->check(CLI::IsMember({"int8", "float32"}));
    add_define_option(*sub, *o);
    add_preprocess_options(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return sample_command(*o, s); }; });
}

}  // namespace gw
