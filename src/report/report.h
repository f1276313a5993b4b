// What a compilation found out, as report.json and report.txt; and reading a bundle's folder back.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "emit/emit.h"
#include "samples/samples.h"
#include "simulate/simulate.h"

namespace gw {

using Json = nlohmann::ordered_json;

std::string version();  // "0.1.0"
std::string commit();   // of the sources, or "unknown"

// Everything a report is made of. What was not measured is absent, with the reason.
struct ReportData {
    const Module* module = nullptr;  // of the model file
    const Graph* graph = nullptr;    // as compiled (NAME.gw)
    const Program* program = nullptr;
    const Emitted* emitted = nullptr;
    const Core* core = nullptr;
    Json options = Json::object();
    Json preprocess;
    std::string profile_sha256;
    std::string object_file;  // of --emit object
    std::string compiler;
    std::vector<std::string> cflags;
    int64_t clock_hz = 0;  // of the board, 0 none
    std::optional<Flash> flash;
    std::optional<RunResult> run;
    std::string not_measured;                    // why flash and run are absent
    std::vector<std::optional<double>> sqnr_db;  // one a step, or empty
    int64_t model_macs = 0, model_parameters = 0;
    std::vector<int64_t> loads;   // --weights-ram: an inference's loads from each datum, by which some were put into RAM
    bool loads_measured = false;  // in the emulator; else estimated
    int64_t recomputed_macs = 0;  // of the executed ones, those that bands of columns compute more than once
};

Json report_json(const ReportData& data);
// A person's table of the same.
std::string report_text(const Json& report);

// Bytes of inputs and outputs that lie outside the arena.
int64_t io_outside_arena(const Program& program);

// Where a placed buffer's bytes lie: in the arena, or in an input or output of the caller's.
BundleRange buffer_range(const Program& program, int32_t buffer);

// How to call the bundle that `emitted` describes, once its files are in `folder`.
BundleInfo bundle_info(const std::filesystem::path& folder, const Program& program, const Emitted& emitted);

// A bundle read back from its folder: NAME.gw, and what report.json says.
struct Bundle {
    BundleInfo info;
    Module module;  // main(): the graph the C was made from
    Json report;
    std::vector<std::vector<int32_t>> step_values;  // one list a step: values of the graph that its outputs hold
};
// The names of the files that the bundle in a folder is made of, as its report.json says; none where there is no such report.
std::set<std::string> bundle_files(const std::filesystem::path& folder);
// Errors: missing or malformed files; NAME.gw is not the one that NAME.h was made from.
Expected<Bundle> load_bundle(const std::filesystem::path& folder, Diagnostics& diag);

// Preprocessing as JSON and back.
Json preprocess_json(const Preprocess& preprocess);
Preprocess preprocess_from_json(const Json& json);

// 10·log10(Σ a² / Σ (a − b)²) of a reference a and its approximation b; +200 at most.
double sqnr_db(const Tensor& reference, const Tensor& approximation);

}  // namespace gw
