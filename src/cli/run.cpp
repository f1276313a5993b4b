// glowworm run: a model or bundle over samples, results to an .npz or to the screen.
#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "samples/npy.h"

namespace gw {
namespace {

struct RunCommand : CommonOptions {
    std::string output;
    bool dequantize = false;
};

// Tensors of all samples, one under the other: the first dimension becomes the sample's.
Tensor stack(const std::vector<std::vector<Tensor>>& all, size_t output) {
    Type type = all.front()[output].type;
    std::vector<int64_t> dims = type.shape.dims();
    if (!dims.empty() && dims[0] == 1)
        dims[0] = static_cast<int64_t>(all.size());
    else
        dims.insert(dims.begin(), static_cast<int64_t>(all.size()));
    std::string bytes;
    for (const auto& outputs : all) bytes += outputs[output].bytes();
    return Tensor::from_bytes({type.dtype, Shape(dims), {}}, bytes);
}

int run(const RunCommand& o, Session& s) {
    auto runner = Runner::open(o, s.diag);
    if (!runner) return exit_wrong;
    const auto samples = samples_for(*runner, o, s.diag);
    if (!samples) return exit_wrong;
    const auto outputs = runner->run(*samples, o.dequantize, s, s.diag);
    if (!outputs || outputs->empty()) return exit_wrong;
    const Graph& g = runner->graph();
    std::vector<NamedTensor> arrays;
    for (size_t i = 0; i < g.outputs.size(); ++i) arrays.push_back({g.outputs[i].name, stack(*outputs, i)});
    s.result = Json{{"samples", outputs->size()}, {"on", runner->on()}};
    if (!o.output.empty()) {
        if (!write_npz(o.output, arrays, s.diag)) return exit_wrong;
        s.result["output"] = o.output;
        s.say(fmt::format("{}: outputs of {} samples", o.output, outputs->size()));
        return exit_done;
    }
    for (size_t k = 0; k < outputs->size(); ++k) {
        for (size_t i = 0; i < g.outputs.size(); ++i) {
            std::string line = fmt::format("{} {}:", samples->names[k], g.outputs[i].name);
            const Tensor& t = (*outputs)[k][i];
            for (int64_t e = 0; e < t.elements(); ++e) line += fmt::format(" {}", static_cast<float>(t.at(e)));
            s.say(line);
        }
    }
    return exit_done;
}

}  // namespace

void add_run(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<RunCommand>();
    CLI::App* sub = app.add_subcommand("run", "run a model or a bundle on samples");
    sub->add_option("MODEL", o->model, "an ONNX or TFLite model, a .gw graph, or a bundle's folder")->required();
    sub->add_option("SAMPLES", o->samples, "samples to run")->required();
    sub->add_option("--on", o->on, "interpreter, host (a bundle's default) or a core to emulate");
    sub->add_flag("--dequantize", o->dequantize, "give reals instead of the quantized integers");
    sub->add_option("-o,--output", o->output, "write the outputs there")->type_name("OUT.npz");
    add_define_option(*sub, *o);
    add_preprocess_options(*sub, *o);
    add_sequence_option(*sub, *o);
    add_toolchain_options(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return run(*o, s); }; });
}

}  // namespace gw
