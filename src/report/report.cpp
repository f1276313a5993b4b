// report.json in the contract's form, report.txt made from it. Nothing is estimated: what was not measured is null, with the reason.
#include "report/report.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "program/program.h"
#include "program/weights_in_ram.h"

#ifndef GLOWWORM_VERSION
#define GLOWWORM_VERSION "0.0.0"
#endif
#ifndef GLOWWORM_COMMIT
#define GLOWWORM_COMMIT "unknown"
#endif

namespace gw {
namespace {

Json number_or_null(int64_t v) { return v < 0 ? Json(nullptr) : Json(v); }

Json quant_json(Json j, const Quant& q) {
    if (q.empty()) return j;
    j["scale"] = q.scales;
    j["zero_point"] = q.zero_points;
    return j;
}

Json port_json(const EmittedPort& port, const Port& model, const Program& p, const char* role) {
    const Buffer& b = p.buffers[static_cast<size_t>(port.buffer)];
    Json j{{"name", port.name},
           {"c_name", port.c_name},
           {"role", role},
           {"dtype", dtype_long_name(b.type.dtype)},
           {"shape", b.type.shape.dims()}};
    const int64_t rank = b.type.shape.rank();
    j["layout"] = model.perm.empty() ? "model" : rank == 4 ? "NHWC" : "NLC";
    j["model_shape"] = model.model_shape.dims();
    j["model_dtype"] = dtype_long_name(model.model_dtype);
    if (!model.perm.empty()) j["from_model_dims"] = model.perm;
    j = quant_json(std::move(j), b.type.quant);
    j["align"] = b.align;
    j["bytes"] = b.bytes();
    if (port.placeholder >= 0)
        j["place"] = {{"where", "placeholders"}, {"offset", port.placeholder}};
    else
        j["place"] = {{"where", b.region < 0 ? "caller" : "arena"}, {"offset", b.region < 0 ? 0 : p.address(port.buffer)}};
    return j;
}

const char* role_name(BufferRole r) {
    switch (r) {
        case BufferRole::input:
            return "input";
        case BufferRole::output:
            return "output";
        case BufferRole::scratch:
            return "scratch";
        case BufferRole::activation:
            return "activation";
        case BufferRole::state:
            return "state";
    }
    return "";
}

constexpr const char* where_names[] = {"arena", "input", "output", "state"};

Json range_json(const BundleRange& r) {
    return {{"where", where_names[static_cast<size_t>(r.where)]}, {"index", r.index}, {"offset", r.offset}, {"bytes", r.bytes}};
}

// How the bundle is called: what load_bundle reads back, and more for people.
Json bundle_json(const ReportData& d) {
    const Program& p = *d.program;
    Json j{{"name", p.name}, {"function", d.emitted->function}, {"sources", d.emitted->sources}, {"arena_align", p.regions[0].align}};
    const BundleInfo info = bundle_info({}, p, *d.emitted);
    if (info.weights)
        j["weights"] = {{"bytes", info.weights->bytes},
                        {"align", info.weights->align},
                        {"tables_bytes", info.tables_bytes},
                        {"crc32", fmt::format("{:08x}", d.emitted->weights_crc32)}};
    if (info.placeholders) j["placeholders"] = {{"bytes", info.placeholders->bytes}, {"align", info.placeholders->align}};
    if (!info.custom.empty()) j["custom"] = info.custom;
    if (!d.object_file.empty()) j["object"] = d.object_file;
    if (info.state_bytes > 0) j["state_align"] = info.state_align;
    if (info.state_offset >= 0) j["state_offset"] = info.state_offset;
    return j;
}

Json step_json(const ReportData& d, size_t k) {
    const Program& p = *d.program;
    const Step& step = p.steps[k];
    Json j{{"id", k}, {"name", step.name}, {"function", d.emitted->step_functions[k]}};
    Json nodes = Json::array(), weighed = Json::array(), arena = Json::array(), outputs = Json::array();
    for (const auto& [name, op] : step.sources) nodes.push_back(name);
    j["source_nodes"] = std::move(nodes);
    j["op"] = step.op;
    int64_t scratch = 0, weights = 0;
    std::string kernel;
    std::vector<int32_t> seen_data, seen_buffers;
    for_each_call(std::vector<Step>{step}, [&](const Call& call, int64_t) {
        kernel = call.kernel;
        for (const Argument& a : call.arguments) {
            if (a.kind == Argument::Kind::data) {
                const Data& data = p.data[static_cast<size_t>(a.index)];
                if (data.role == DataRole::weights && std::find(seen_data.begin(), seen_data.end(), a.index) == seen_data.end())
                    weights += data.tensor.type.bytes();
                seen_data.push_back(a.index);
                continue;
            }
            if (std::find(seen_buffers.begin(), seen_buffers.end(), a.index) != seen_buffers.end()) continue;
            seen_buffers.push_back(a.index);
            const Buffer& b = p.buffers[static_cast<size_t>(a.index)];
            if (b.role == BufferRole::scratch) scratch += b.bytes();
            const BundleRange range = buffer_range(p, a.index);
            if (range.where == BundleRange::Where::arena)
                arena.push_back({{"tensor", b.name},
                                 {"offset", range.offset},
                                 {"bytes", b.bytes()},
                                 {"role", b.role == BufferRole::scratch ? "scratch"
                                          : a.written                   ? "output"
                                                                        : "input"}});
            if (a.written && b.role != BufferRole::scratch) outputs.push_back(range_json(range));
        }
    });
    j["kernel"] = kernel;
    for (const Weighed& w : step.weighed) {
        Json c{{"kernel", w.kernel}, {"cycles", number_or_null(w.cycles)}};
        if (!w.reason.empty()) c["reason"] = w.reason;
        if (w.measured) c["measured"] = true;
        weighed.push_back(std::move(c));
    }
    j["candidates"] = std::move(weighed);
    j["macs"] = step.macs;
    j["macs_executed"] = step.macs_executed;
    j["weights_bytes"] = weights;
    const std::string& function = d.emitted->step_functions[k];
    j["code_bytes"] =
        d.flash && d.flash->code_by_function.count(function) != 0 ? Json(d.flash->code_by_function.at(function)) : Json(nullptr);
    const bool priced = d.run && k < d.run->step_costs.size();
    j["cycles"] = priced ? number_or_null(d.run->step_costs[k].cycles) : Json(nullptr);
    j["instructions"] = priced ? number_or_null(d.run->step_costs[k].instructions) : Json(nullptr);
    j["loads"] = priced ? number_or_null(d.run->step_costs[k].loads) : Json(nullptr);
    j["stores"] = priced ? number_or_null(d.run->step_costs[k].stores) : Json(nullptr);
    j["scratch_bytes"] = scratch;
    j["arena"] = std::move(arena);
    j["outputs"] = std::move(outputs);
    j["values"] = step.values;
    j["sqnr_db"] = k < d.sqnr_db.size() && d.sqnr_db[k] ? Json(std::round(*d.sqnr_db[k] * 100) / 100) : Json(nullptr);
    return j;
}

}  // namespace

std::string version() { return GLOWWORM_VERSION; }
std::string commit() { return GLOWWORM_COMMIT; }

int64_t io_outside_arena(const Program& p) {
    int64_t bytes = 0;
    for (const Buffer& b : p.buffers)
        if (b.port >= 0 && b.region < 0) bytes += b.bytes();
    return bytes;
}

double sqnr_db(const Tensor& reference, const Tensor& approximation) {
    const Tensor a = reference.dequantized(), b = approximation.dequantized();
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < a.elements(); ++i) {
        signal += a.at(i) * a.at(i);
        noise += (a.at(i) - b.at(i)) * (a.at(i) - b.at(i));
    }
    if (noise == 0) return 200;
    if (signal == 0) return -200;
    return std::clamp(10 * std::log10(signal / noise), -200.0, 200.0);
}

Json preprocess_json(const Preprocess& p) {
    Json j = Json::object();
    if (p.range) j["image_range"] = {p.range->first, p.range->second};
    if (!p.mean.empty()) j["image_mean"] = p.mean;
    if (!p.std.empty()) j["image_std"] = p.std;
    if (p.bgr) j["image_order"] = "bgr";
    if (p.sample_scale) j["sample_scale"] = *p.sample_scale;
    if (p.sample_zero) j["sample_zero"] = *p.sample_zero;
    return j;
}

Preprocess preprocess_from_json(const Json& j) {
    Preprocess p;
    if (!j.is_object()) return p;
    if (j.contains("image_range")) p.range = {j["image_range"][0].get<float>(), j["image_range"][1].get<float>()};
    if (j.contains("image_mean")) p.mean = j["image_mean"].get<std::vector<float>>();
    if (j.contains("image_std")) p.std = j["image_std"].get<std::vector<float>>();
    p.bgr = j.contains("image_order") && j["image_order"] == "bgr";
    if (j.contains("sample_scale")) p.sample_scale = j["sample_scale"].get<float>();
    if (j.contains("sample_zero")) p.sample_zero = j["sample_zero"].get<int32_t>();
    return p;
}

namespace {
// Which constants lie in RAM, and how many of an inference's loads from constants go there.
Json weights_in_ram_json(const ReportData& d) {
    Json names = Json::array();
    int64_t in_ram = 0, all = 0;
    for (size_t i = 0; i < d.program->data.size(); ++i) {
        all += d.loads[i];
        if (!d.program->data[i].in_ram) continue;
        names.push_back(d.program->data[i].name);
        in_ram += d.loads[i];
    }
    return {
        {"constants", std::move(names)}, {"loads", in_ram}, {"loads_of_all", all}, {"source", d.loads_measured ? "emulator" : "estimate"}};
}
}  // namespace

Json report_json(const ReportData& d) {
    const Program& p = *d.program;
    Json j{{"schema", 1}, {"tool", {{"name", "glowworm"}, {"version", version()}, {"commit", commit()}}}};
    j["options"] = d.options;
    j["preprocess"] = d.preprocess;
    j["profile_sha256"] = d.profile_sha256.empty() ? Json(nullptr) : Json(d.profile_sha256);
    int64_t macs = 0, executed = 0;
    for (const Step& s : p.steps) macs += s.macs, executed += s.macs_executed;
    Json tensors = Json::array();
    for (size_t i = 0; i < p.inputs.size(); ++i) tensors.push_back(port_json(d.emitted->inputs[i], d.graph->inputs[i], p, "input"));
    for (size_t i = 0; i < p.outputs.size(); ++i) tensors.push_back(port_json(d.emitted->outputs[i], d.graph->outputs[i], p, "output"));
    j["model"] = {{"file", d.module->file},       {"sha256", d.module->sha256}, {"parameters", d.model_parameters},
                  {"macs", d.model_macs},         {"macs_executed", executed},  {"macs_recomputed", d.recomputed_macs},
                  {"tensors", std::move(tensors)}};
    j["bundle"] = bundle_json(d);
    const int64_t state = p.state_bytes();
    Json target{{"cpu", d.core->name}, {"compiler", d.compiler.empty() ? Json(nullptr) : Json(d.compiler)}, {"cflags", d.cflags}};
    if (d.clock_hz > 0) target["clock_hz"] = d.clock_hz;
    j["target"] = std::move(target);
    int64_t weights = 0, tables = 0;
    for (const Data& data : p.data) (data.role == DataRole::weights ? weights : tables) += data.tensor.type.bytes();
    if (d.flash)
        j["flash"] = {{"weights_bytes", d.flash->weights},
                      {"tables_bytes", d.flash->tables},
                      {"code_bytes", d.flash->code},
                      {"total_bytes", d.flash->total}};
    else
        j["flash"] = {{"weights_bytes", weights},
                      {"tables_bytes", tables},
                      {"code_bytes", nullptr},
                      {"total_bytes", nullptr},
                      {"reason", d.not_measured}};
    const int64_t outside = io_outside_arena(p);
    const Region& arena = p.regions[0];
    const int64_t constants = bytes_in_ram(p);
    j["ram"] = {{"arena_bytes", arena.bytes},
                {"io_outside_arena_bytes", outside},
                {"state_bytes", state},
                {"weights_bytes", constants},
                {"total_bytes", arena.bytes + outside + state + constants},
                {"stack_bytes", d.run ? number_or_null(d.run->stack_bytes) : Json(nullptr)},
                {"lower_bound_bytes", arena.lower_bound + outside + state + constants},
                {"proved_optimal", arena.optimal}};
    if (!d.loads.empty()) j["ram"]["weights"] = weights_in_ram_json(d);
    if (d.run && d.run->cycles >= 0) {
        j["cycles"] = {{"total", d.run->cycles},
                       {"min", d.run->cycles_min},
                       {"max", d.run->cycles_max},
                       {"core", d.core->name},
                       {"source", "emulator, zero wait states"}};
    } else {
        j["cycles"] = {{"total", nullptr},     {"min", nullptr},    {"max", nullptr},
                       {"core", d.core->name}, {"source", nullptr}, {"reason", d.run ? d.run->cycles_reason : d.not_measured}};
    }
    j["instructions"] = {{"total", d.run ? number_or_null(d.run->instructions) : Json(nullptr)}};
    j["accuracy"] = nullptr;
    j["steps"] = Json::array();
    for (size_t k = 0; k < p.steps.size(); ++k) j["steps"].push_back(step_json(d, k));
    Json buffers = Json::array();
    for (size_t b = 0; b < p.buffers.size(); ++b) {
        Json range = range_json(buffer_range(p, static_cast<int32_t>(b)));
        range["tensor"] = p.buffers[b].name;
        range["role"] = role_name(p.buffers[b].role);
        buffers.push_back(std::move(range));
    }
    j["buffers"] = std::move(buffers);
    return j;
}

namespace {
std::string figure(const Json& j) { return j.is_null() ? "-" : j.is_number_integer() ? with_commas(j.get<int64_t>()) : j.dump(); }
}  // namespace

std::string report_text(const Json& r) {
    std::string s = fmt::format("{} for {}, made by glowworm {}\n", r["model"]["file"].get<std::string>(),
                                r["target"]["cpu"].get<std::string>(), r["tool"]["version"].get<std::string>());
    const Json &flash = r["flash"], &ram = r["ram"], &cycles = r["cycles"];
    const int64_t recomputed = r["model"].value("macs_recomputed", int64_t{0});
    s += fmt::format("\n  parameters  {:>12}\n  MACs        {:>12}   executed {}{}\n", figure(r["model"]["parameters"]),
                     figure(r["model"]["macs"]), figure(r["model"]["macs_executed"]),
                     recomputed > 0 ? fmt::format(", {} of them more than once to save RAM", with_commas(recomputed)) : "");
    s += fmt::format("  flash       {:>12} B   weights {}, tables {}, code {}\n", figure(flash["total_bytes"]),
                     figure(flash["weights_bytes"]), figure(flash["tables_bytes"]), figure(flash["code_bytes"]));
    const std::string state = ram["state_bytes"] == 0 ? "" : fmt::format("state {}, ", figure(ram["state_bytes"]));
    const std::string constants =
        ram.value("weights_bytes", int64_t{0}) == 0 ? "" : fmt::format("constants {}, ", figure(ram["weights_bytes"]));
    s += fmt::format("  RAM         {:>12} B   arena {}, {}{}inputs and outputs outside it {}{}\n", figure(ram["total_bytes"]),
                     figure(ram["arena_bytes"]), state, constants, figure(ram["io_outside_arena_bytes"]),
                     ram["proved_optimal"].get<bool>() ? "; the arena is proved to be the least"
                                                       : fmt::format("; lower bound {}", figure(ram["lower_bound_bytes"])));
    if (const auto weights = ram.find("weights"); weights != ram.end())
        s += fmt::format(
            "  constants   {:>12} B   in RAM, with {} of {} loads from constants ({}): cycles saved a wait state of the flash\n",
            figure(ram["weights_bytes"]), figure((*weights)["loads"]), figure((*weights)["loads_of_all"]),
            (*weights)["source"].get<std::string>());
    s += fmt::format("  stack       {:>12} B\n", figure(ram["stack_bytes"]));
    s += fmt::format("  cycles      {:>12}     {}\n", figure(cycles["total"]),
                     cycles["total"].is_null() ? cycles.value("reason", "") : "one inference, " + cycles["source"].get<std::string>());
    s += fmt::format("  instructions{:>12}\n", figure(r["instructions"]["total"]));
    s += fmt::format("\n  {:>3}  {:<26} {:<22} {:>11} {:>11} {:>9} {:>8} {:>12} {:>8} {:>8}\n", "id", "layer", "kernel", "MACs", "executed",
                     "weights B", "code B", "cycles", "cyc/MAC", "SQNR dB");
    for (const Json& step : r["steps"]) {
        const int64_t macs = step["macs"].get<int64_t>();
        std::string name = step["name"].get<std::string>();
        if (name.size() > 26) name = name.substr(0, 23) + "...";
        const std::string rate =
            macs > 0 && !step["cycles"].is_null() ? fmt::format("{:.2f}", step["cycles"].get<double>() / static_cast<double>(macs)) : "-";
        const std::string sqnr = step["sqnr_db"].is_null() ? "-" : fmt::format("{:.1f}", step["sqnr_db"].get<double>());
        s += fmt::format("  {:>3}  {:<26} {:<22} {:>11} {:>11} {:>9} {:>8} {:>12} {:>8} {:>8}\n", step["id"].get<int64_t>(), name,
                         step["kernel"].get<std::string>(), figure(step["macs"]), figure(step["macs_executed"]),
                         figure(step["weights_bytes"]), figure(step["code_bytes"]), figure(step["cycles"]), rate, sqnr);
    }
    s += fmt::format("\n  arena, {} bytes\n", figure(ram["arena_bytes"]));
    for (const Json& b : r["buffers"])
        if (b["where"] == "arena")
            s += fmt::format("  {:>8} .. {:<8} {} ({})\n", b["offset"].get<int64_t>(),
                             b["offset"].get<int64_t>() + b["bytes"].get<int64_t>(), b["tensor"].get<std::string>(),
                             b["role"].get<std::string>());
    return s;
}

}  // namespace gw
