// glowworm evaluate: how often a model or bundle is right, or how far it is from a reference.
#include <CLI/CLI.hpp>
#include <cmath>

#include "base/files.h"
#include "cli/cli.h"
#include "cli/expect.h"
#include "samples/labels.h"

namespace gw {
namespace {

struct EvaluateOptions : CommonOptions {
    std::string labels, expect;
    std::optional<double> min_accuracy;
    Tolerance tolerance;
};

int64_t argmax(const Tensor& t) {
    int64_t best = 0;
    for (int64_t i = 1; i < t.elements(); ++i)
        if (t.at(i) > t.at(best)) best = i;
    return best;
}

// Wilson's interval for a proportion, 95 %.
std::pair<double, double> wilson(double right, double n) {
    const double z = 1.959964, p = right / n, d = 1 + z * z / n;
    const double centre = (p + z * z / (2 * n)) / d, half = z / d * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return {centre - half, centre + half};
}

struct Closeness {
    double signal = 0, noise = 0, largest = 0;
    int64_t same_top1 = 0, samples = 0;
};

Closeness compare(const std::vector<Tensor>& expected, const std::vector<std::vector<Tensor>>& outputs) {
    Closeness c;
    for (size_t i = 0; i < expected.size(); ++i) {
        for (size_t k = 0; k < outputs.size(); ++k) {
            const Tensor& y = outputs[k][i];
            const int64_t each = y.elements(), first = static_cast<int64_t>(k) * each;
            int64_t best = 0;
            for (int64_t e = 0; e < each; ++e) {
                const double a = expected[i].at(first + e), d = a - y.at(e);
                c.signal += a * a, c.noise += d * d;
                c.largest = std::max(c.largest, std::fabs(d));
                if (a > expected[i].at(first + best)) best = e;
            }
            if (i == 0) c.same_top1 += argmax(y) == best ? 1 : 0;
        }
    }
    c.samples = static_cast<int64_t>(outputs.size());
    return c;
}

// --expect: how close the outputs are, and with --atol or --rtol whether that is close enough.
int against_reference(const EvaluateOptions& o, const Graph& g, const std::vector<std::vector<Tensor>>& outputs, Session& s) {
    const auto expected = read_expected(o.expect, g, outputs.size(), s.diag);
    if (!expected) return exit_wrong;
    const Closeness c = compare(*expected, outputs);
    const double sqnr = c.noise > 0 ? 10 * std::log10(c.signal / c.noise) : 200;
    s.result["sqnr_db"] = sqnr;
    s.result["largest_difference"] = c.largest;
    s.result["same_top1"] = c.same_top1;
    s.say(fmt::format("against {}: SQNR {:.2f} dB, largest difference {:.6g}, same top-1 in {} of {}", o.expect, sqnr, c.largest,
                      c.same_top1, c.samples));
    return !o.tolerance.given() || within(o.tolerance, *expected, outputs, g, o.expect, s.diag) ? exit_done : exit_verdict_no;
}

// A text file whose lines are `path label`, and not labels alone.
bool is_list_file(const std::string& path) {
    Diagnostics unread;
    const auto text = path.ends_with(".txt") ? read_file(path, unread) : Expected<std::string>(failure);
    if (!text) return false;
    const std::vector<ListEntry> lines = list_lines(*text);
    return !lines.empty() && lines.front().path.find_first_of(" \t") != std::string::npos;
}

int evaluate_command(const EvaluateOptions& o, Session& s) {
    auto runner = Runner::open(o, s.diag);
    if (!runner) return exit_wrong;
    // A list file as labels brings its own samples' names; everything else is a list of integers.
    CommonOptions sample_options = o;
    std::error_code ec;
    const bool list = std::filesystem::is_directory(o.samples, ec) && is_list_file(o.labels);
    if (list) sample_options.samples = o.labels;
    const auto samples = samples_for(*runner, sample_options, s.diag);
    if (!samples) return exit_wrong;
    std::vector<int64_t> labels = samples->labels;
    if (!list && !o.labels.empty() && !std::filesystem::is_directory(o.labels, ec)) {
        auto read = read_labels(o.labels, s.diag);
        if (!read) return exit_wrong;
        labels = std::move(*read);
    }
    if (o.expect.empty() && labels.empty()) {
        s.diag.error(DiagId::bad_option, {.file = o.samples},
                     "there are no labels: give --labels, class subfolders, a list file with labels, or --expect");
        return exit_wrong;
    }
    if (!labels.empty() && labels.size() != samples->samples.size()) {
        s.diag.error(DiagId::labels_invalid, {.file = o.labels}, "{} labels for {} samples", labels.size(), samples->samples.size());
        return exit_wrong;
    }
    const auto outputs = runner->run(*samples, true, s, s.diag);
    if (!outputs || outputs->empty()) return exit_wrong;
    s.result = Json{{"on", runner->on()}, {"samples", outputs->size()}};
    int status = exit_done;
    if (!labels.empty()) {
        int64_t right = 0;
        for (size_t k = 0; k < labels.size(); ++k) right += argmax((*outputs)[k][0]) == labels[k] ? 1 : 0;
        const double n = static_cast<double>(labels.size()), accuracy = static_cast<double>(right) / n;
        const auto [low, high] = wilson(static_cast<double>(right), n);
        s.result["correct"] = right;
        s.result["accuracy"] = accuracy;
        s.result["interval95"] = {low, high};
        s.say(fmt::format("{} of {} right on {}: {:.2f} % (95 % interval {:.2f} to {:.2f})", right, labels.size(), runner->on(),
                          100 * accuracy, 100 * low, 100 * high));
        if (o.min_accuracy && accuracy < *o.min_accuracy) {
            s.diag.error(DiagId::accuracy_low, {.file = o.model}, "accuracy {:.4f} is below --min-accuracy {:.4f}", accuracy,
                         *o.min_accuracy);
            status = exit_verdict_no;
        }
    }
    if (!o.expect.empty()) {
        const int verdict = against_reference(o, runner->graph(), *outputs, s);
        if (verdict == exit_wrong || status == exit_done) status = verdict;
    }
    return status;
}

}  // namespace

void add_evaluate(CLI::App& app, Command& chosen) {
    auto o = std::make_shared<EvaluateOptions>();
    CLI::App* sub = app.add_subcommand("evaluate", "measure accuracy on labelled samples, or closeness to a reference");
    sub->add_option("MODEL", o->model, "an ONNX or TFLite model, a .gw graph, or a bundle's folder")->required();
    sub->add_option("SAMPLES", o->samples, "samples to run")->required();
    sub->add_option("--labels", o->labels, "an .npy or text of integers, or a list file (`path label` a line)");
    sub->add_option("--expect", o->expect, "reference outputs")->type_name("REF.npz");
    sub->add_option("--atol", o->tolerance.atol, "exit 3 where an output is farther from --expect than A + R·|reference|")->type_name("A");
    sub->add_option("--rtol", o->tolerance.rtol, "R of --atol")->type_name("R");
    sub->add_option("--min-accuracy", o->min_accuracy, "exit 3 below this fraction")->type_name("P");
    sub->add_option("--on", o->on, "interpreter, host (a bundle's default) or a core to emulate");
    add_define_option(*sub, *o);
    add_preprocess_options(*sub, *o);
    add_sequence_option(*sub, *o);
    add_toolchain_options(*sub, *o);
    sub->callback([o, &chosen] { chosen = [o](Session& s) { return evaluate_command(*o, s); }; });
}

}  // namespace gw
