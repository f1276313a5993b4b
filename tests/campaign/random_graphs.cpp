// The random graphs campaign: the interpreter, the C on this machine and the C on emulated Cortex-M0+ and Cortex-M4 cores must give the
// same bytes, and every pass must keep what a graph computes.
//
// A seed makes a graph: explicit int8 arithmetic in any of the three roundings, int16 arithmetic, a float network that the quantize stage
// turns into int8, or a float network that stays float. It goes through the pipeline; after each pass the interpreter's answer is compared
// with the answer of the graph as made (integers exactly; float networks within float_pass_bound of the output's range). Parts of it are
// cut into strips and bands at random, which must keep the answer too; for --optimize ram one such graph takes its place. Then many graphs
// at a time become one program (support/bundle_batch.h) for each execution. The kernels are chosen for --optimize speed, size and ram in
// turn; the host runs what was lowered for plain C, for the Cortex-M0+ and for the Cortex-M4 in turn, so that the portable twins of
// instructions are seen too. Integer results must be equal bit for bit; floats within float_run_bound of the range.
//
//   random_graphs --first 1 --graphs 100 [--batch 64]      prints one line a fault and a summary; status 1 when there was a fault
//   random_graphs --first SEED --graphs 1                  repeats one; a failing graph is written to random-SEED.gw
//   random_graphs --passes-only …                          the interpreter alone: nothing is compiled
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/files.h"
#include "base/process.h"
#include "passes/split_rows.h"
#include "support/bundle_batch.h"
#include "support/random_graph.h"
#include "support/random_int16.h"
#include "support/random_int8.h"

namespace gw::testing {
namespace {

constexpr double float_pass_bound = 1e-4;  // of the output's range: passes reorder sums
constexpr double float_run_bound = 1e-4;   // of the output's range: cores have other libm functions
constexpr int samples_each = 3;
constexpr std::string_view optimizes[] = {"speed", "size", "ram"};
constexpr std::string_view cores[] = {"cortex-m0plus", "cortex-m4"};

struct Options {
    uint32_t first = 1;
    int64_t graphs = 100;
    size_t batch = 64;
    bool execute = true, emulate = true;
    uint32_t plant = 0;  // this seed's results are falsified, for the test of the test
    std::string cflag;   // in place of the levels in turn
};

// One seed on its way.
struct Subject {
    uint32_t seed = 0;
    std::string kind, optimize;
    Graph model;                                // as made
    Graph graph;                                // as lowered
    std::vector<std::vector<Tensor>> samples;   // in the graph's order
    std::vector<std::vector<Tensor>> expected;  // the interpreter's outputs for them
};

struct Tally {
    int64_t graphs = 0, faults = 0, runs = 0, pass_checks = 0, cuts = 0;
    std::map<std::string, int64_t> kinds, kernels;
};

std::vector<Tensor> draw_inputs(const Graph& model, uint32_t seed, int number) {
    std::mt19937 random(seed * 16 + static_cast<uint32_t>(number));
    std::vector<Tensor> all;
    for (const Port& port : model.inputs) {
        Tensor t = Tensor::zeros(model.type(port.value));
        for (int64_t i = 0; i < t.elements(); ++i) {
            const uint32_t bits = static_cast<uint32_t>(random());
            if (t.type.dtype == DType::float32)
                t.set(i, static_cast<double>(static_cast<float>(bits) / 2147483648.0f - 1));
            else  // the first two samples are the extremes
                t.set(i, number == 0                    ? static_cast<double>(lowest(t.type.dtype))
                         : number == 1                  ? static_cast<double>(highest(t.type.dtype))
                         : t.type.dtype == DType::int16 ? static_cast<double>(static_cast<int16_t>(bits >> 16))
                                                        : static_cast<double>(static_cast<int8_t>(bits >> 24)));
        }
        all.push_back(std::move(t));
    }
    return all;
}

// Outputs for inputs in the graph's order, bytes as they are. The samples run one after the other, and states are kept from one to the
// next.
std::vector<std::vector<Tensor>> answers_in_graph_order(const Graph& g, const std::vector<std::vector<Tensor>>& samples) {
    std::vector<std::vector<Tensor>> all;
    std::vector<Tensor> states = initial_states(g);
    for (const std::vector<Tensor>& in : samples) all.push_back(interpret(g, in, {}, &states));
    return all;
}
// The same for inputs and outputs in the model's own order.
std::vector<std::vector<Tensor>> answers(const Graph& g, std::vector<std::vector<Tensor>> samples) {
    for (std::vector<Tensor>& in : samples)
        for (size_t i = 0; i < in.size(); ++i) in[i] = to_graph_order(g.inputs[i], in[i]);
    std::vector<std::vector<Tensor>> all = answers_in_graph_order(g, samples);
    for (std::vector<Tensor>& out : all)
        for (size_t i = 0; i < out.size(); ++i) out[i] = to_model_order(g.outputs[i], out[i]);
    return all;
}

std::string compare(const Tensor& expected, const Tensor& seen, double float_bound) {
    if (expected.type.dtype != seen.type.dtype || expected.shape() != seen.shape())
        return fmt::format("{} instead of {}", seen.type.text(), expected.type.text());
    if (expected.type.dtype == DType::float32) {
        const double off = relative_difference(expected, seen);
        return off <= float_bound ? "" : fmt::format("off by {} of the range", off);
    }
    for (int64_t i = 0; i < expected.elements(); ++i)
        if (expected.int_at(i) != seen.int_at(i))
            return fmt::format("element {} is {} instead of {}", i, seen.int_at(i), expected.int_at(i));
    return "";
}

class Campaign {
public:
    explicit Campaign(Options o) : o_(o) {}

    int run() {
        std::vector<Subject> subjects;
        for (int64_t i = 0; i < o_.graphs; ++i) {
            Subject s;
            if (make(o_.first + static_cast<uint32_t>(i), s)) subjects.push_back(std::move(s));
            if (subjects.size() == o_.batch || (i + 1 == o_.graphs && !subjects.empty())) {
                execute(subjects);
                subjects.clear();
                if (executed_ % 10 == 0) {
                    std::printf("%lld graphs, %lld faults so far\n", static_cast<long long>(tally_.graphs),
                                static_cast<long long>(tally_.faults));
                    std::fflush(stdout);
                }
            }
        }
        std::string kinds;
        for (const auto& [kind, n] : tally_.kinds) kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", n, kind);
        std::printf("seeds %u to %u: %lld graphs (%s), %lld pass checks, %lld cuts into strips, %lld runs on %s, %lld faults\n", o_.first,
                    o_.first + static_cast<uint32_t>(o_.graphs) - 1, static_cast<long long>(tally_.graphs), kinds.c_str(),
                    static_cast<long long>(tally_.pass_checks), static_cast<long long>(tally_.cuts), static_cast<long long>(tally_.runs),
                    o_.emulate ? "host, cortex-m0plus and cortex-m4" : "the host", static_cast<long long>(tally_.faults));
        if (o_.execute) say_kernels();
        return tally_.faults == 0 ? 0 : 1;
    }

private:
    // Which kernels' code has run, and which rows were never chosen.
    void say_kernels() const {
        std::string ran, never;
        for (const KernelRow* row : kernel_rows()) {
            const auto found = tally_.kernels.find(std::string(row->name));
            if (found != tally_.kernels.end())
                ran += fmt::format(" {} {}", row->name, found->second);
            else
                never += fmt::format(" {}", row->name);
        }
        std::printf("kernel calls:%s\nnever chosen:%s\n", ran.c_str(), never.empty() ? " none" : never.c_str());
    }

    void fault(const Subject& s, const std::string& what) {
        ++tally_.faults;
        const std::string file = fmt::format("random-{}.gw", s.seed);
        std::printf("FAULT seed %u (%s, %s): %s; again: random_graphs --first %u --graphs 1; graph: %s\n", s.seed, s.kind.c_str(),
                    s.optimize.c_str(), what.c_str(), s.seed, file.c_str());
        std::fflush(stdout);
        Diagnostics diag;
        (void)write_file(file, print(s.graph.nodes.empty() ? s.model : s.graph), diag);
    }

    // Seed → graph → pipeline, each pass checked. False when there is nothing to run.
    bool make(uint32_t seed, Subject& s) {
        s.seed = seed;
        s.optimize = optimizes[seed % 3];
        std::mt19937 random(seed);
        const auto form = random() % 10;
        const int blocks = 1 + static_cast<int>(random() % (seed % 8 == 0 ? 6 : 3));
        const bool rare = seed % 4 == 2;  // recurrent layers, states and ops that few networks have
        ++tally_.graphs;
        if (seed % 6 == 1) {
            s.kind = "int16";
            s.model = RandomInt16(seed, 1 + blocks).make();
        } else if (form < 7) {
            const Rounding roundings[] = {Rounding::twice, Rounding::twice,  Rounding::twice, Rounding::none,
                                          Rounding::none,  Rounding::narrow, Rounding::single};
            s.kind = form < 3 ? "int8 as TFLite" : "int8";
            s.model = RandomInt8(seed, roundings[form], blocks, rare).make();
        } else {
            s.kind = form < 9 ? "quantized float" : "float";
            s.model = RandomGraph(seed, {.batch = seed % 7 == 0 ? 2 : 1,
                                         .blocks = blocks,
                                         .inputs = seed % 5 == 0 ? 2 : 1,
                                         .extra_output = seed % 4 == 0,
                                         .smooth = seed % 2 == 0,
                                         .recurrent = rare})
                          .make();
        }
        ++tally_.kinds[s.kind];
        if (!pipeline(s)) return false;
        for (int k = 0; k < samples_each; ++k) s.samples.push_back(draw_inputs(s.graph, s.seed, k));
        s.expected = answers_in_graph_order(s.graph, s.samples);
        return in_strips(s) && o_.execute;
    }

    // Some parts of the graph in strips and bands of random sizes.
    bool in_strips(Subject& s) {
        constexpr size_t most_nodes = 120;  // to be compiled: each strip of each band has its own
        std::mt19937 random(s.seed ^ 0x57A1u);
        const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint32_t>(n)); };
        std::optional<Graph> small;
        for (const RowChain& chain : row_chains(s.graph)) {
            for (int k = 0; k < 4; ++k) {
                const int32_t last = chain.cuts[static_cast<size_t>(below(static_cast<int64_t>(chain.cuts.size())))];
                const RowRegion region = sub_region(s.graph, chain.region.first, last);
                const int32_t driver = region.first + static_cast<int32_t>(below(region.last - region.first + 1));
                const Cut cut{driver, 1 + below(3), 1 + below(4), below(2) == 0};
                std::optional<Graph> split = split_rows(s.graph, region, cut);
                if (!split) continue;
                ++tally_.cuts;
                const std::string what = fmt::format("nodes {} to {} cut by node {}, {} rows, {} bands{}", region.first, region.last,
                                                     driver, cut.height, cut.bands, cut.keep ? "" : ", rows computed again");
                Diagnostics diag;
                if (!verify(*split, diag).ok()) return fault(s, what + ": " + diag.all().front().text()), false;
                const std::vector<std::vector<Tensor>> seen = answers_in_graph_order(*split, s.samples);
                for (size_t n = 0; n < seen.size(); ++n)
                    for (size_t i = 0; i < seen[n].size(); ++i)
                        if (const std::string d = compare(s.expected[n][i], seen[n][i], float_pass_bound); !d.empty())
                            return fault(s, fmt::format("{}: sample {}, output {}: {}", what, n, i, d)), false;
                if (split->nodes.size() <= most_nodes) small = std::move(split);
            }
        }
        if (s.optimize == "ram" && small) s.graph = std::move(*small);
        return true;
    }

    bool pipeline(Subject& s) {
        std::vector<std::vector<Tensor>> inputs, wanted;
        for (int k = 1; k < samples_each; ++k) inputs.push_back(draw_inputs(s.model, s.seed, k));
        wanted = answers(s.model, inputs);
        bool good = true;
        const auto check = [&](std::string_view name, const Graph& g) {
            const std::vector<std::vector<Tensor>> seen = answers(g, inputs);
            for (size_t k = 0; k < seen.size() && good; ++k) {
                for (size_t i = 0; i < seen[k].size() && good; ++i) {
                    ++tally_.pass_checks;
                    const std::string d = compare(wanted[k][i], seen[k][i], float_pass_bound);
                    if (!d.empty()) fault(s, fmt::format("pass {}: output {}: {}", name, i, d)), good = false;
                }
            }
        };
        PassRunner run;
        run.after = [&](int, std::string_view name, const Graph& g) { check(name, g); };
        Diagnostics diag;
        auto optimised_graph = optimise(s.model, false, run, diag);
        if (!optimised_graph) return fault(s, "optimise: " + diag.all().front().text()), false;
        auto pruned = prune(*optimised_graph, run, diag);
        if (!pruned) return fault(s, "prune: " + diag.all().front().text()), false;
        s.graph = *pruned;
        if (!good || s.kind != "quantized float") return good;
        QuantizeOptions options;
        options.rounding = static_cast<Rounding>(1 + s.seed % 3);
        options.float_io = s.seed % 11 == 0;
        Profile profile = profile_of(s.graph, 2);
        widen(profile, s.seed);
        // The answer of the quantized graph is the new reference for the passes behind it.
        run.after = [&](int, std::string_view name, const Graph& g) {
            if (name == "quantize") {
                inputs.clear();
                for (int k = 0; k < samples_each; ++k) inputs.push_back(draw_inputs(g, s.seed, k));
                for (auto& in : inputs)
                    for (size_t i = 0; i < in.size(); ++i) in[i] = to_model_order(g.inputs[i], in[i]);
                wanted = answers(g, inputs);
            }
            check(name, g);
        };
        auto q = quantise(s.graph, profile, options, run, diag);
        if (!q) return fault(s, "quantise: " + diag.all().front().text()), false;
        s.graph = *q;
        return good;
    }

    // Ranges other than those seen: scaled by a power of two between 1/2 and 2, so that results saturate or leave most codes unused.
    static void widen(Profile& profile, uint32_t seed) {
        std::mt19937 random(seed ^ 0x5A17u);
        for (TensorProfile& t : profile.tensors) {
            const float factor = std::exp2(static_cast<float>(static_cast<int32_t>(random() % 5) - 2) / 2.0f);
            std::vector<float> ends{t.min * factor, t.max * factor};
            Recorder recorder;
            recorder.add(ends);
            t = recorder.profile(t.name);
        }
    }

    void execute(const std::vector<Subject>& subjects) {
        constexpr std::string_view lowered_for[] = {"generic", "cortex-m0plus", "cortex-m4"};
        on("host", lowered_for[executed_ % 3], subjects);
        if (o_.emulate)
            for (std::string_view core : cores) on(core, core, subjects);
        ++executed_;
    }

    void on(std::string_view where, std::string_view lowered_for, const std::vector<Subject>& subjects) {
        BundleBatch batch(lowered_for);
        std::vector<const Subject*> in_batch;
        for (const Subject& s : subjects) {
            Diagnostics diag;
            if (batch.add(s.graph, s.optimize, s.samples, diag).ok())
                in_batch.push_back(&s);
            else
                fault(s, fmt::format("lowering for {}: {}", lowered_for, diag.all().front().text()));
        }
        if (in_batch.empty()) return;
        for (const auto& [kernel, n] : batch.kernels()) tally_.kernels[kernel] += n;
        Diagnostics diag;
        auto results = batch.run(where, {optimisation()}, diag);
        if (!results) {  // one of them takes the others with it: each by itself
            const std::string why = diag.all().empty() ? "no result" : diag.all().front().text();
            if (subjects.size() == 1) return fault(subjects[0], fmt::format("on {}: {}", where, why));
            for (const Subject& s : subjects) on(where, lowered_for, {s});
            return;
        }
        const std::string place = fmt::format("on {}, lowered for {}, {}", where, lowered_for, optimisation());
        for (size_t i = 0; i < in_batch.size(); ++i) judge(*in_batch[i], place, (*results)[i]);
    }

    // Compiling is what a campaign costs, and the bits may not depend on it: most batches are compiled as fast as can be.
    std::string optimisation() const {
        if (!o_.cflag.empty()) return o_.cflag;
        return executed_ % 8 == 0 ? "-O2" : executed_ % 8 == 4 ? "-O1" : "-O0";
    }

    void judge(const Subject& s, const std::string& where, const BatchResult& result) {
        ++tally_.runs;
        if (!result.fault.empty()) return fault(s, fmt::format("{}: {}", where, result.fault));
        for (size_t k = 0; k < s.expected.size(); ++k) {
            for (size_t i = 0; i < s.expected[k].size(); ++i) {
                const Tensor& expected = s.expected[k][i];
                std::string bytes = result.outputs[k][i];
                if (s.seed == o_.plant) bytes[0] = static_cast<char>(bytes[0] ^ 1), bytes.back() = static_cast<char>(bytes.back() ^ 1);
                const std::string d = compare(expected, Tensor::from_bytes(expected.type, bytes), float_run_bound);
                if (!d.empty()) return fault(s, fmt::format("{}: sample {}, output {}: {}", where, k, i, d));
            }
        }
    }

    Options o_;
    Tally tally_;
    int executed_ = 0;
};

int usage() {
    std::fprintf(
        stderr,
        "usage: random_graphs [--first SEED] [--graphs N] [--batch N] [--host-only | --passes-only] [--cflag -O2] [--plant SEED]\n");
    return 2;
}

}  // namespace
}  // namespace gw::testing

int main(int argc, char** argv) {
    using namespace gw::testing;
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string_view a = argv[i];
        const auto number = [&] { return i + 1 < argc ? std::strtoll(argv[++i], nullptr, 10) : 0; };
        if (a == "--first") {
            o.first = static_cast<uint32_t>(number());
        } else if (a == "--graphs") {
            o.graphs = number();
        } else if (a == "--batch") {
            o.batch = static_cast<size_t>(std::max(1LL, number()));
        } else if (a == "--host-only") {
            o.emulate = false;
        } else if (a == "--passes-only") {
            o.execute = o.emulate = false;
        } else if (a == "--plant") {
            o.plant = static_cast<uint32_t>(number());
        } else if (a == "--cflag" && i + 1 < argc) {
            o.cflag = argv[++i];
        } else {
            return usage();
        }
    }
    if (o.graphs < 1) return usage();
    if (o.emulate && (gw::find_program("arm-none-eabi-gcc").empty() || gw::find_program("qemu-system-arm").empty())) {
        std::printf("SKIPPED: the emulated cores (no cross-compiler or no emulator); the host alone\n");
        o.emulate = false;
    }
    return Campaign(o).run();
}
