// Files, digests and atomic output.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/diagnostics.h"

namespace gw {

Expected<std::string> read_file(const std::filesystem::path& path, Diagnostics& diag);
// Writes all of `files` (name → content) into `folder`, each whole or not at all: every file is written under a temporary name in the
// same folder first, and renamed only when all are complete. On failure the old files are as they were.
Status write_files(const std::filesystem::path& folder, const std::map<std::string, std::string>& files, Diagnostics& diag);
Status write_file(const std::filesystem::path& path, std::string_view content, Diagnostics& diag);

std::string sha256_hex(std::string_view bytes);
uint32_t crc32(std::string_view bytes, uint32_t seed = 0);  // IEEE 802.3, reflected, as zlib's
std::string base64_encode(std::string_view bytes);
bool base64_decode(std::string_view text, std::string& out);

// A folder that vanishes with this object.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace gw
