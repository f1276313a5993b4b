// ONNX conformance: every model of ONNX's own backend tests through the reader, the interpreter, and the emitted C on this machine.
//
// A model is claimed when the reader takes it and a kernel takes each of its nodes; what is not claimed is refused by the tool with an
// error, and the reason is counted. A claimed model must give the expected outputs twice: the graph as read, by the interpreter, and the
// optimised graph as C (kernels for plain C, float stays float), compiled and run here. Tolerance: ONNX's own, |seen − expected| ≤ 1e-7 +
// 1e-3·|expected|.
//
//   conformance DATA_FOLDER DOCUMENT     prints the counts; status 1 when a claimed model fails, fewer than `bar` pass or DOCUMENT is not
//   what
//                                        the run gives; GLOWWORM_UPDATE=1 rewrites DOCUMENT; 77 when DATA_FOLDER is not there
//   conformance DATA_FOLDER --model node/test_add    one model, with all that the reader says
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <set>

#include "base/files.h"
#include "frontend/onnx/onnx.h"
#include "interp/interp.h"
#include "models.h"
#include "passes/passes.h"
#include "support/bundle_batch.h"

namespace gw::conformance {
namespace {

constexpr double absolute_tolerance = 1e-7, relative_tolerance = 1e-3;
constexpr int64_t bar = 350;
constexpr size_t batch_size = 80;

struct Verdict {
    std::string name;
    std::vector<std::string> operators, frozen;
    bool claimed = false;
    std::string reason;   // not claimed: why
    std::string failure;  // claimed, but wrong
    bool passed() const { return claimed && failure.empty(); }
};

std::string difference(const Tensor& expected, const Tensor& seen) {
    if (expected.shape() != seen.shape()) return fmt::format("shape {} instead of {}", seen.shape().text(), expected.shape().text());
    const bool widths_only =
        is_float(expected.type.dtype) && is_float(seen.type.dtype);  // half and double are computed in single precision
    if (expected.type.dtype != seen.type.dtype && !widths_only)
        return fmt::format("{} instead of {}", dtype_long_name(seen.type.dtype), dtype_long_name(expected.type.dtype));
    for (int64_t i = 0; i < expected.elements(); ++i) {
        // A double beyond the range of single precision is infinite there.
        const double e = widths_only ? static_cast<double>(static_cast<float>(expected.at(i))) : expected.at(i), s = seen.at(i);
        if (std::isnan(e) != std::isnan(s)) return fmt::format("element {} is {} instead of {}", i, s, e);
        if (std::isnan(e) || e == s) continue;
        if (!is_float(expected.type.dtype) || !(std::fabs(e - s) <= absolute_tolerance + relative_tolerance * std::fabs(e)))
            return fmt::format("element {} is {} instead of {}", i, s, e);
    }
    return "";
}

std::string compare(const std::vector<Tensor>& expected, const std::vector<Tensor>& seen, const char* who) {
    if (expected.size() != seen.size()) return fmt::format("{}: {} outputs instead of {}", who, seen.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
        if (const std::string d = difference(expected[i], seen[i]); !d.empty()) return fmt::format("{}: output {}: {}", who, i, d);
    return "";
}

// Inputs of the element type that the graph computes with, in the graph's own order.
std::vector<Tensor> graph_inputs(const Graph& g, const std::vector<Tensor>& inputs) {
    std::vector<Tensor> all;
    for (size_t i = 0; i < g.inputs.size(); ++i) {
        const Type& type = g.type(g.inputs[i].value);
        const Tensor& t = inputs[i];
        all.push_back(
            to_graph_order(g.inputs[i], is_float(t.type.dtype) && t.type.dtype != type.dtype ? t.dequantized() : t).with_type(type));
    }
    return all;
}

// Numbers in messages differ from model to model; for the counts they are one.
std::string general(const Diagnostic& d) {
    std::string m = d.message;
    if (m.rfind("opset ", 0) == 0) m = m.substr(m.find(": ") + 2);
    return m;
}

class Run {
public:
    explicit Run(bool loud) : loud_(loud) {}

    void add(const std::filesystem::path& folder) {
        TestModel m = read_test_model(folder);
        Verdict v{m.name, m.operators, m.frozen, false, m.refused, ""};
        if (v.reason.empty()) examine(m, v);
        verdicts_.push_back(std::move(v));
        if (pending_.size() == batch_size) flush();
    }

    std::vector<Verdict> finish() {
        flush();
        return std::move(verdicts_);
    }

private:
    struct Pending {
        size_t verdict;
        Graph graph;
        std::vector<Tensor> inputs, expected;
    };

    void refuse(Verdict& v, const Diagnostics& diag) const {
        for (const Diagnostic& d : diag.all()) {
            if (d.severity != Severity::error) continue;
            if (v.reason.empty()) v.reason = (d.location.op.empty() ? "" : "`" + d.location.op + "`: ") + general(d);
            if (loud_) std::printf("  %s\n", d.text().c_str());
        }
    }

    void examine(const TestModel& m, Verdict& v) {
        const TemporaryFolder folder;
        const auto file = folder.path() / "model.onnx";
        std::ofstream(file, std::ios::binary) << m.model;
        Diagnostics diag;
        auto module = read_onnx(file, {}, diag);
        if (!module) return refuse(v, diag);
        const Graph& g = module->main();
        if (g.inputs.size() != m.inputs.size()) {
            v.reason = "an input that is also an initializer";
            return;
        }
        for (size_t i = 0; i < g.inputs.size(); ++i) {
            if (g.inputs[i].model_shape == m.inputs[i].shape()) continue;
            v.reason = "a dynamic dimension that the data give another size than 1";
            return;
        }
        PassRunner run;
        auto optimised = optimise(g, false, run, diag);
        if (optimised && is_quantized_model(*optimised)) optimised = integerise(*optimised, {.rounding = Rounding::even}, run, diag);
        if (optimised) optimised = prune(*optimised, run, diag);
        if (!optimised) return refuse(v, diag);
        const std::vector<Tensor> inputs = graph_inputs(*optimised, m.inputs);
        if (!batch_.add(*optimised, "speed", {inputs}, diag).ok()) return refuse(v, diag);
        v.claimed = true;
        std::vector<Tensor> seen = interpret(g, graph_inputs(g, m.inputs));
        for (size_t i = 0; i < seen.size(); ++i) seen[i] = to_model_order(g.outputs[i], seen[i]);
        v.failure = compare(m.outputs, seen, "interpreter");
        pending_.push_back({verdicts_.size(), *optimised, inputs, m.outputs});
    }

    void flush() {
        if (pending_.empty()) return;
        Diagnostics diag;
        const auto results = batch_.run("host", {"-O0"}, diag);
        for (size_t i = 0; i < pending_.size(); ++i) {
            const Pending& p = pending_[i];
            std::string& failure = verdicts_[p.verdict].failure;
            if (!failure.empty()) continue;
            if (!results) {
                failure = "C: " + (diag.all().empty() ? std::string("no result") : diag.all().front().text());
                continue;
            }
            const testing::BatchResult& r = (*results)[i];
            failure = r.fault.empty() ? "" : "C: " + r.fault;
            if (!failure.empty()) continue;
            std::vector<Tensor> seen;
            for (size_t k = 0; k < r.outputs[0].size(); ++k)
                seen.push_back(
                    to_model_order(p.graph.outputs[k], Tensor::from_bytes(p.graph.type(p.graph.outputs[k].value), r.outputs[0][k])));
            failure = compare(p.expected, seen, "C");
        }
        pending_.clear();
        batch_ = testing::BundleBatch("generic");
    }

    bool loud_;
    std::vector<Verdict> verdicts_;
    std::vector<Pending> pending_;
    testing::BundleBatch batch_{"generic"};
};

struct Counts {
    int64_t models = 0, claimed = 0, passed = 0;
};

std::string document(const std::vector<Verdict>& verdicts) {
    Counts all;
    std::map<std::string, Counts> operators;
    std::map<std::string, int64_t> reasons, frozen;
    for (const Verdict& v : verdicts) {
        const auto count = [&](Counts& c) {
            ++c.models;
            c.claimed += v.claimed ? 1 : 0;
            c.passed += v.passed() ? 1 : 0;
        };
        count(all);
        for (const std::string& op : v.operators) count(operators[op]);
        if (!v.claimed) ++reasons[v.reason];
        if (v.claimed)
            for (const std::string& f : std::set<std::string>(v.frozen.begin(), v.frozen.end())) ++frozen[f];
    }
    std::string s = fmt::format(
        "# ONNX conformance\n\n"
        "Written by `tools/conformance` (`GLOWWORM_UPDATE=1 tools/conformance` rewrites it; the test `onnx_conformance` fails when it is "
        "stale).\n\n"
        "The models are ONNX's own backend tests as Debian ships them (package libonnx-testdata), {0} in all.\n\n"
        "| | models |\n|---|---|\n| all | {0} |\n| claimed | {1} |\n| passed | {2} |\n| failed | {3} |\n| not claimed | {4} |\n\n",
        all.models, all.claimed, all.passed, all.claimed - all.passed, all.models - all.claimed);
    s +=
        "A model is *claimed* when the tool takes it: the reader reads all of it and a kernel computes every node. What is not claimed is "
        "refused\nwith an error that names node and reason; nothing is left out by name. A claimed model *passes* when the interpreter on "
        "the graph as\nread **and** the emitted C of the optimised graph (kernels for plain C, compiled and run on this machine) both give "
        "the expected\noutputs within ONNX's tolerance, |seen - expected| <= 1e-7 + 1e-3 |expected|; integers and booleans must be "
        "equal.\n\n"
        "How the models are changed before they are read:\n\n"
        "- **Frozen inputs.** The node tests pass as inputs what models in use hold as constants. Where such an input feeds one of the "
        "operands\n  below directly, it becomes an initializer with the value of the test's data. Claimed models that this concerned are "
        "counted.\n"
        "- Nothing else. Half and double precision are computed in single precision, and their expected results are rounded to it before "
        "they are\n  compared; a few models hold doubles that are infinite there, on both sides.\n\n"
        "| frozen operand | claimed models |\n|---|---|\n";
    for (const auto& [operand, n] : frozen) s += fmt::format("| {} | {} |\n", operand, n);
    s += "\n## Operators\n\nA model counts for each operator in it.\n\n| operator | models | claimed | passed |\n|---|---|---|---|\n";
    for (const auto& [op, c] : operators) s += fmt::format("| {} | {} | {} | {} |\n", op, c.models, c.claimed, c.passed);
    s += "\n## Not claimed\n\nThe first reason of each model.\n\n| reason | models |\n|---|---|\n";
    for (const auto& [reason, n] : reasons) s += fmt::format("| {} | {} |\n", reason, n);
    return s;
}

int all_models(const std::filesystem::path& data, const std::string& document_path) {
    const auto folders = model_folders(data);
    if (folders.empty()) {
        std::printf("SKIPPED: no models in %s (Debian: libonnx-testdata)\n", data.c_str());
        return 77;
    }
    Run run(false);
    for (const auto& folder : folders) run.add(folder);
    const std::vector<Verdict> verdicts = run.finish();
    int64_t claimed = 0, passed = 0;
    for (const Verdict& v : verdicts) {
        claimed += v.claimed ? 1 : 0;
        passed += v.passed() ? 1 : 0;
        if (v.claimed && !v.passed()) std::printf("FAILED %s: %s\n", v.name.c_str(), v.failure.c_str());
    }
    std::printf("%zu models: %lld claimed, %lld passed, %lld failed, %lld not claimed\n", verdicts.size(), static_cast<long long>(claimed),
                static_cast<long long>(passed), static_cast<long long>(claimed - passed),
                static_cast<long long>(static_cast<int64_t>(verdicts.size()) - claimed));
    int status = claimed == passed && passed >= bar ? 0 : 1;
    const std::string text = document(verdicts);
    Diagnostics diag;
    if (const char* update = std::getenv("GLOWWORM_UPDATE"); update != nullptr && *update == '1') {
        if (!write_file(document_path, text, diag).ok()) status = 1;
    } else if (const auto old = read_file(document_path, diag); !old.ok() || *old != text) {
        std::printf("%s is stale: GLOWWORM_UPDATE=1 tools/conformance rewrites it\n", document_path.c_str());
        status = 1;
    }
    return status;
}

int one_model(const std::filesystem::path& folder) {
    Run run(true);
    run.add(folder);
    const Verdict v = run.finish().front();
    std::printf("%s: %s\n", v.name.c_str(),
                !v.claimed          ? ("not claimed: " + v.reason).c_str()
                : v.failure.empty() ? "passed"
                                    : ("FAILED: " + v.failure).c_str());
    return v.claimed && !v.passed() ? 1 : 0;
}

}  // namespace
}  // namespace gw::conformance

int main(int argc, char** argv) {
    if (argc == 4 && std::strcmp(argv[2], "--model") == 0) return gw::conformance::one_model(std::filesystem::path(argv[1]) / argv[3]);
    if (argc != 3) {
        std::fprintf(stderr, "usage: conformance DATA_FOLDER DOCUMENT | DATA_FOLDER --model FAMILY/NAME\n");
        return 2;
    }
    return gw::conformance::all_models(argv[1], argv[2]);
}
