// A bundle's folder read back: report.json says how to call the C, NAME.gw what it must compute, and a hash ties the two together.
#include "base/files.h"
#include "base/text.h"

#include "report/report.h"

namespace gw {

BundleRange buffer_range(const Program& p, int32_t buffer) {
    int64_t offset = 0;
    const Buffer& root = p.buffers[static_cast<size_t>(p.root(buffer, offset))];
    const int64_t bytes = p.buffers[static_cast<size_t>(buffer)].bytes();
    using Where = BundleRange::Where;
    if (root.region == Program::state_region_number) return {Where::state, 0, root.offset + offset, bytes};
    if (root.region >= 0) return {Where::arena, 0, root.offset + offset, bytes};
    return {root.role == BufferRole::input ? Where::input : Where::output, root.port, offset, bytes};
}

BundleInfo bundle_info(const std::filesystem::path& folder, const Program& p, const Emitted& emitted) {
    BundleInfo info;
    info.folder = folder;
    info.name = p.name;
    info.upper_name = to_upper(p.name);
    info.sources = emitted.sources;
    info.custom = emitted.custom;
    info.arena_bytes = p.regions[0].bytes;
    info.arena_align = p.regions[0].align;
    if (const Region* state = p.state_region()) info.state_bytes = state->bytes, info.state_align = state->align;
    info.state_offset = emitted.glow_state;
    auto tensor = [&](const EmittedPort& port) {
        const Buffer& b = p.buffers[static_cast<size_t>(port.buffer)];
        using Home = BundleTensor::Home;
        if (port.placeholder >= 0) return BundleTensor{port.name, port.c_name, b.bytes(), b.align, Home::placeholders, port.placeholder};
        if (b.region < 0) return BundleTensor{port.name, port.c_name, b.bytes(), b.align, Home::own, 0};
        return BundleTensor{port.name, port.c_name, b.bytes(), b.align, Home::arena, p.address(port.buffer)};
    };
    for (const EmittedBlock& b : emitted.blocks) {
        if (b.role == EmittedBlock::Role::weights) info.weights = {b.bytes, b.align};
        if (b.role == EmittedBlock::Role::placeholders) info.placeholders = {b.bytes, b.align};
    }
    if (info.weights)
        for (const Data& d : p.data) info.tables_bytes += d.role == DataRole::table ? d.tensor.type.bytes() : 0;
    for (const EmittedPort& port : emitted.inputs) info.inputs.push_back(tensor(port));
    for (const EmittedPort& port : emitted.outputs) info.outputs.push_back(tensor(port));
    for (size_t k = 0; k < p.steps.size(); ++k) {
        BundleStep step{p.steps[k].name, emitted.step_functions[k], {}};
        for (const int32_t written : written_buffers(p, p.steps[k])) step.outputs.push_back(buffer_range(p, written));
        info.steps.push_back(std::move(step));
    }
    return info;
}

namespace {

BundleInfo info_from_report(const std::filesystem::path& folder, const Json& r, std::vector<std::vector<int32_t>>& values) {
    BundleInfo info;
    info.folder = folder;
    info.name = r.at("bundle").at("name").get<std::string>();
    info.upper_name = to_upper(info.name);
    info.sources = r.at("bundle").at("sources").get<std::vector<std::string>>();
    info.custom = r.at("bundle").value("custom", std::vector<std::string>());
    info.arena_bytes = r.at("ram").at("arena_bytes").get<int64_t>();
    info.state_bytes = r.at("ram").at("state_bytes").get<int64_t>();
    info.state_align = r.at("bundle").value("state_align", int64_t{1});
    info.state_offset = r.at("bundle").value("state_offset", int64_t{-1});
    for (const Json& t : r.at("model").at("tensors")) {
        BundleTensor tensor{t.at("name").get<std::string>(), t.at("c_name").get<std::string>(), t.at("bytes").get<int64_t>(),
                            t.at("align").get<int64_t>(),    BundleTensor::Home::own,           0};
        const bool input = t.at("role") == "input";
        auto& list = input ? info.inputs : info.outputs;
        const std::string home = t.at("place").at("where").get<std::string>();
        tensor.home = home == "arena"          ? BundleTensor::Home::arena
                      : home == "placeholders" ? BundleTensor::Home::placeholders
                                               : BundleTensor::Home::own;
        tensor.offset = t.at("place").at("offset").get<int64_t>();
        list.push_back(std::move(tensor));
    }
    info.arena_align = r.at("bundle").at("arena_align").get<int64_t>();
    auto memory = [&](const char* key) -> std::optional<BundleMemory> {
        if (!r.at("bundle").contains(key)) return std::nullopt;
        const Json& m = r.at("bundle").at(key);
        return BundleMemory{m.at("bytes").get<int64_t>(), m.at("align").get<int64_t>()};
    };
    info.weights = memory("weights");
    info.placeholders = memory("placeholders");
    if (info.weights) info.tables_bytes = r.at("bundle").at("weights").at("tables_bytes").get<int64_t>();
    for (const Json& s : r.at("steps")) {
        BundleStep step{s.at("name").get<std::string>(), s.at("function").get<std::string>(), {}};
        for (const Json& o : s.at("outputs")) {
            const std::string where = o.at("where").get<std::string>();
            using Where = BundleRange::Where;
            step.outputs.push_back({where == "arena"   ? Where::arena
                                    : where == "state" ? Where::state
                                    : where == "input" ? Where::input
                                                       : Where::output,
                                    o.at("index").get<int>(), o.at("offset").get<int64_t>(), o.at("bytes").get<int64_t>()});
        }
        info.steps.push_back(std::move(step));
        values.push_back(s.at("values").get<std::vector<int32_t>>());
    }
    return info;
}

}  // namespace

std::set<std::string> bundle_files(const std::filesystem::path& folder) {
    std::set<std::string> names;
    Diagnostics ignored;
    std::error_code ec;
    if (!std::filesystem::is_regular_file(folder / "report.json", ec)) return names;
    auto text = read_file(folder / "report.json", ignored);
    if (!text) return names;
    const Json report = Json::parse(*text, nullptr, false);
    const Json::json_pointer list("/bundle/files");
    if (report.is_discarded() || !report.is_object() || !report.contains(list) || !report[list].is_array()) return names;
    for (const Json& name : report[list]) {
        // A name is no way out of the folder, whoever wrote the report.
        const std::filesystem::path file = name.is_string() ? name.get<std::string>() : std::string();
        if (!file.empty() && file == file.filename() && file != "." && file != "..") names.insert(file.string());
    }
    return names;
}

Expected<Bundle> load_bundle(const std::filesystem::path& folder, Diagnostics& diag) {
    Bundle bundle;
    const std::filesystem::path report_path = folder / "report.json";
    GW_TRY(std::string text, read_file(report_path, diag));
    // nlohmann-json throws on what does not fit; that ends here.
    try {
        bundle.report = Json::parse(text);
        bundle.info = info_from_report(folder, bundle.report, bundle.step_values);
    } catch (const nlohmann::json::exception& e) {
        return diag.error(DiagId::bundle_invalid, {.file = report_path.string()}, "is not a report of this version of glowworm: {}",
                          e.what());
    }
    const std::filesystem::path graph_path = folder / (bundle.info.name + ".gw");
    GW_TRY(std::string graph, read_file(graph_path, diag));
    GW_TRY(std::string header, read_file(folder / (bundle.info.name + ".h"), diag));
    if (header.find("_GRAPH_SHA256 \"" + sha256_hex(graph) + "\"") == std::string::npos)
        return diag.error(DiagId::bundle_invalid, {.file = graph_path.string()},
                          "is not the graph that {}.h was made from: the bundle's files do not belong together", bundle.info.name);
    GW_TRY(bundle.module, parse_module(graph, graph_path.filename().string(), diag));
    return bundle;
}

}  // namespace gw
