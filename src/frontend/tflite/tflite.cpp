// Reads the file, has flatbuffers check all of its offsets, tables, vectors and strings, and hands it to the importer. Nothing of the file
// is touched before the check: the importer may then follow every pointer, and has only the meaning left to doubt.
#include "frontend/tflite/tflite.h"

#include <cstring>

#include "base/files.h"
#include "frontend/tflite/importer.h"

namespace gw {

Expected<Module> read_tflite_bytes(std::string_view bytes, const std::string& file, Diagnostics& diag, const TfliteOptions& options) {
    const Location where{.file = file};
    constexpr size_t most = size_t{1} << 30;
    if (bytes.size() >= most)
        return diag.error(DiagId::tflite_too_large, where, "the file has {} bytes; 2^30 are the most that is read", bytes.size());
    // A copy whose address is as aligned as the format's widest field.
    std::vector<uint64_t> aligned(bytes.size() / 8 + 1);
    if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
    const auto* data = reinterpret_cast<const uint8_t*>(aligned.data());
    flatbuffers::Verifier verifier(data, bytes.size());
    if (bytes.size() < 8 || !tfl::ModelBufferHasIdentifier(data) || !tfl::VerifyModelBuffer(verifier))
        return diag.error(DiagId::tflite_malformed, where, "this is not a TFLite model, or it is cut short");
    const int before = diag.errors();
    TfliteImporter importer(*tfl::GetModel(data), {reinterpret_cast<const char*>(data), bytes.size()}, file, diag);
    importer.options = options;
    auto graph = importer.run();
    if (!graph || diag.errors() > before) return failure;
    Module module;
    module.file = file;
    module.sha256 = sha256_hex(bytes);
    module.graphs.push_back(*std::move(graph));
    return module;
}

Expected<Module> read_tflite(const std::filesystem::path& path, Diagnostics& diag, const TfliteOptions& options) {
    GW_TRY(std::string bytes, read_file(path, diag));
    return read_tflite_bytes(bytes, path.filename().string(), diag, options);
}

}  // namespace gw
