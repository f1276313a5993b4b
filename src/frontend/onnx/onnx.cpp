// Reads the file and hands it to the importer. protobuf stays in this room: it is told to be silent and to accept files up to 2 GiB.
#include "frontend/onnx/onnx.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <limits>

#include "base/files.h"
#include "frontend/onnx/importer.h"

namespace gw {

namespace {
bool parse(std::string_view bytes, onnx::ModelProto& model) {
    if (bytes.empty() || bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return false;
    google::protobuf::LogSilencer silence;
    google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
    stream.SetTotalBytesLimit(std::numeric_limits<int>::max());
    return model.ParseFromCodedStream(&stream) && stream.ConsumedEntireMessage();
}
}  // namespace

Expected<Module> read_onnx(const std::filesystem::path& path, const ImportOptions& options, Diagnostics& diag) {
    GW_TRY(const std::string bytes, read_file(path, diag));
    return read_onnx_bytes(bytes, path, options, diag);
}

Expected<Module> read_onnx_bytes(std::string_view bytes, const std::filesystem::path& path, const ImportOptions& options,
                                 Diagnostics& diag) {
    const Location where{.file = path.filename().string()};
    onnx::ModelProto model;
    if (!parse(bytes, model)) return diag.error(DiagId::onnx_malformed, where, "this is not an ONNX model, or it is cut short");
    const int before = diag.errors();
    Importer importer(model, options, path, diag);
    auto graph = importer.run();
    if (!graph || diag.errors() > before) return failure;
    std::string all(bytes);
    for (const auto& [name, content] : importer.tensors().files()) all += content;
    Module module;
    module.file = where.file;
    module.sha256 = sha256_hex(all);
    module.graphs.push_back(*std::move(graph));
    return module;
}

}  // namespace gw
