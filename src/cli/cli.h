// The command line. Only this room prints, and only it decides exit statuses:
//   0 done; 1 the model, the command or the environment is wrong; 2 our own bug; 3 it ran and the verdict is no.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "calibrate/collect.h"
#include "passes/passes.h"
#include "report/report.h"

namespace CLI {
class App;
}

namespace gw {

int run_cli(int argc, char** argv);

enum ExitStatus { exit_done = 0, exit_wrong = 1, exit_bug = 2, exit_verdict_no = 3 };

// What a command works with: where faults go, and what it has to say at the end. In --json mode the result is the one JSON object on
// standard output, errors included; otherwise `say` prints lines there and faults go to standard error.
struct Session {
    Diagnostics diag;
    bool json = false;
    Json result = Json::object();
    void say(const std::string& line) const;
    // What the command was asked to print, such as a graph: on standard output, or `text` of the JSON object.
    void print(const std::string& text);
    // A bar on standard error if that is a terminal and this is not --json: called with (done, total). It vanishes when all is done, and
    // before anything else is printed. Must not outlive the session.
    std::function<void(int64_t, int64_t)> progress(const std::string& what) const;
    void clear_bar() const;

private:
    mutable bool bar_shown_ = false;
};

// Options that several commands share, as given.
struct CommonOptions {
    std::string model, samples;
    std::vector<std::string> defines;
    std::string image_range, image_mean, image_std, image_order, sample_layout;
    bool image_resize = false;
    std::optional<float> sample_scale;
    std::optional<int32_t> sample_zero;
    std::string on;
    std::string toolchain = "gcc", cc, cflags, float_abi;
    std::string optimize = "speed";
    bool model_layout = false;  // --io-layout model: ports keep the model's own order of dimensions
    std::string dump_stages, print_after;
    int64_t sequence = 1;                             // samples in a row that share a state; 0: all of them
    std::vector<std::string> custom, custom_sources;  // --custom NAME[=TYPES], --custom-source FILE.c
    std::string numerics;                             // empty: the reader's own
    bool no_fusion = false;
};
void add_define_option(CLI::App& app, CommonOptions& o);
void add_custom_source_option(CLI::App& app, CommonOptions& o);
// --custom NAME[=TYPE,…] by name.
Expected<std::map<std::string, std::vector<Type>>> parse_custom(const std::vector<std::string>& given, Diagnostics& diag);
void add_preprocess_options(CLI::App& app, CommonOptions& o);
void add_sequence_option(CLI::App& app, CommonOptions& o);
void add_toolchain_options(CLI::App& app, CommonOptions& o);
void add_stage_options(CLI::App& app, CommonOptions& o);
// Shows the graph after each pass as --dump-stages and --print-after ask for it.
PassRunner stage_runner(const CommonOptions& o, Session& session);

Expected<Preprocess> preprocess_of(const CommonOptions& o, Diagnostics& diag);
// What the command says on top of what an earlier one recorded in `file`; a contradiction is preprocess_conflict.
Expected<Preprocess> preprocess_with(const Preprocess& recorded, const CommonOptions& o, const std::string& file, Diagnostics& diag);
BuildOptions build_options(const CommonOptions& o);

// A model as its file has it, before any pass.
Expected<Module> read_model(const std::string& path, const CommonOptions& o, Diagnostics& diag);
// A model as the commands see it: the module as read, its graph optimised in place. A .gw file is taken as it is.
struct LoadedModel {
    Module module;
    bool is_float = true;  // has float arithmetic to quantize
    bool folded = false;   // was quantized by its author, with float32 at its edge
    int64_t macs = 0, parameters = 0;
};
Expected<LoadedModel> load_model(const std::string& path, const CommonOptions& o, PassRunner& run, Diagnostics& diag);

// Compiles and loads --custom-source, so that the interpreter can run the graph's custom operators.
Status bind_custom(Graph& graph, const CommonOptions& o, Diagnostics& diag);
// An error where the graph calls functions that the interpreter does not have.
Status check_custom(const Graph& graph, Diagnostics& diag);

// Something that runs samples: a model in the interpreter, or a bundle in the interpreter, on the host or on an emulated core.
class Runner {
public:
    static Expected<Runner> open(const CommonOptions& o, Diagnostics& diag);
    const Graph& graph() const { return module_.main(); }
    bool is_bundle() const { return bundle_.has_value(); }
    const Bundle& bundle() const { return *bundle_; }
    const std::string& on() const { return on_; }
    Preprocess recorded() const;  // what a bundle was made with
    // Outputs of each sample in the model's own order; reals (dequantized) when `dequantize`.
    Expected<std::vector<std::vector<Tensor>>> run(const SampleSet& samples, bool dequantize, const Session& session, Diagnostics& diag);
    const std::optional<RunResult>& result() const { return result_; }

private:
    Module module_;
    std::optional<Bundle> bundle_;
    std::string on_;
    int64_t sequence_ = 1;
    BuildOptions build_;
    std::optional<RunResult> result_;
};
// Samples for a runner, with the preprocessing that its bundle was made with and what the command says.
Expected<SampleSet> samples_for(const Runner& runner, const CommonOptions& o, Diagnostics& diag);

// From a sample's tensors (model order, model types) to the graph's inputs (graph order; quantized when the graph's input is) and back.
std::vector<Tensor> graph_inputs(const Graph& graph, const std::vector<Tensor>& sample);
std::vector<Tensor> model_outputs(const Graph& graph, const std::vector<Tensor>& outputs, bool dequantize);
// One tensor a graph input, bytes that are the same everywhere: to measure with when there are no samples.
std::vector<Tensor> pseudo_random_inputs(const Graph& graph);
// The same, going on from a state of the generator: what NAME_selftest.c makes.
std::vector<Tensor> pseudo_random_inputs(const Graph& graph, uint32_t& state);
// The checksums of --selftest. Errors: layers that compute in floats.
Expected<Selftest> selftest_of(const Graph& graph, const Program& program, int64_t samples, Diagnostics& diag);
std::string sample_bytes(const std::vector<Tensor>& inputs);
std::vector<Tensor> tensors_from_bytes(const Graph& graph, const std::string& bytes);

// The commands: each adds itself to the application.
using Command = std::function<int(Session&)>;
void add_compile(CLI::App& app, Command& chosen);
void add_calibrate(CLI::App& app, Command& chosen);
void add_run(CLI::App& app, Command& chosen);
void add_evaluate(CLI::App& app, Command& chosen);
void add_verify(CLI::App& app, Command& chosen);
void add_profile(CLI::App& app, Command& chosen);
void add_lists(CLI::App& app, Command& chosen);
void add_opt(CLI::App& app, Command& chosen);
void add_analyze(CLI::App& app, Command& chosen);
void add_boards(CLI::App& app, Command& chosen);
void add_sample(CLI::App& app, Command& chosen);
void add_bisect(CLI::App& app, Command& chosen);
void add_reduce(CLI::App& app, Command& chosen);

}  // namespace gw
