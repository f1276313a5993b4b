// Files in, files out. Output is atomic per call of write_files: temporary names in the same folder, flushed, then renamed.
#include "base/files.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace gw {
namespace fs = std::filesystem;

Expected<std::string> read_file(const fs::path& path, Diagnostics& diag) {
    std::error_code ec;
    const fs::file_status kind = fs::status(path, ec);
    if (fs::is_directory(kind)) return diag.error(DiagId::file_unreadable, {.file = path.string()}, "is a folder, a file was expected");
    // /dev/zero has no end.
    if (fs::is_character_file(kind) || fs::is_block_file(kind))
        return diag.error(DiagId::file_unreadable, {.file = path.string()}, "is a device, a file was expected");
    std::FILE* f = std::fopen(path.c_str(), "rb");
    if (f == nullptr) return diag.error(DiagId::file_unreadable, {.file = path.string()}, "cannot be opened: {}", std::strerror(errno));
    std::string bytes;
    std::array<char, 65536> buffer;
    size_t n = 0;
    while ((n = std::fread(buffer.data(), 1, buffer.size(), f)) > 0) bytes.append(buffer.data(), n);
    const bool bad = std::ferror(f) != 0;
    const int error = errno;
    std::fclose(f);
    if (bad) return diag.error(DiagId::file_unreadable, {.file = path.string()}, "cannot be read: {}", std::strerror(error));
    return bytes;
}

Status write_files(const fs::path& folder, const std::map<std::string, std::string>& files, Diagnostics& diag) {
    std::error_code ec;
    fs::create_directories(folder.empty() ? fs::path(".") : folder, ec);
    if (ec) return diag.error(DiagId::file_unwritable, {.file = folder.string()}, "cannot be created: {}", ec.message());
    std::vector<std::pair<fs::path, fs::path>> renames;
    auto undo = [&] {
        for (const auto& r : renames) fs::remove(r.first, ec);
    };
    for (const auto& [name, content] : files) {
        const fs::path target = folder / name;
        const fs::path temporary = folder / ("." + name + "." + std::to_string(::getpid()) + ".tmp");
        renames.emplace_back(temporary, target);
        std::FILE* f = std::fopen(temporary.c_str(), "wb");
        bool good = f != nullptr;
        if (good) {
            good = std::fwrite(content.data(), 1, content.size(), f) == content.size();
            good = std::fflush(f) == 0 && good;
            good = std::fclose(f) == 0 && good;
        }
        if (!good) {
            const int error = errno;
            undo();
            return diag.error(DiagId::file_unwritable, {.file = target.string()}, "cannot be written: {}", std::strerror(error));
        }
    }
    for (const auto& [temporary, target] : renames) {
        fs::rename(temporary, target, ec);
        if (ec) {
            const std::string why = ec.message();
            undo();
            return diag.error(DiagId::file_unwritable, {.file = target.string()}, "cannot be written: {}", why);
        }
    }
    return {};
}

Status write_file(const fs::path& path, std::string_view content, Diagnostics& diag) {
    return write_files(path.parent_path().empty() ? fs::path(".") : path.parent_path(), {{path.filename().string(), std::string(content)}},
                       diag);
}

// FIPS 180-4.
std::string sha256_hex(std::string_view bytes) {
    static constexpr std::array<uint32_t, 64> k = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
        0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
        0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
        0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
        0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
        0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    std::array<uint32_t, 8> h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    auto rotr = [](uint32_t v, int n) { return (v >> n) | (v << (32 - n)); };
    auto block = [&](const unsigned char* p) {
        std::array<uint32_t, 64> w{};
        for (size_t i = 0; i < 16; ++i)
            w[i] = uint32_t{p[4 * i]} << 24 | uint32_t{p[4 * i + 1]} << 16 | uint32_t{p[4 * i + 2]} << 8 | uint32_t{p[4 * i + 3]};
        for (size_t i = 16; i < 64; ++i) {
            const uint32_t s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
            const uint32_t s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
        auto s = h;
        for (size_t i = 0; i < 64; ++i) {
            const uint32_t t1 = s[7] + (rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
            const uint32_t t2 = (rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            s = {t1 + t2, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
        }
        for (size_t i = 0; i < 8; ++i) h[i] += s[i];
    };
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    size_t left = bytes.size();
    for (; left >= 64; left -= 64, data += 64) block(data);
    std::array<unsigned char, 128> tail{};
    std::memcpy(tail.data(), data, left);
    tail[left] = 0x80;
    const size_t total = left < 56 ? 64 : 128;
    const uint64_t bits = uint64_t{bytes.size()} * 8;
    for (size_t i = 0; i < 8; ++i) tail[total - 1 - i] = static_cast<unsigned char>(bits >> (8 * i));
    block(tail.data());
    if (total == 128) block(tail.data() + 64);
    std::string hex;
    for (uint32_t v : h) hex += fmt::format("{:08x}", v);
    return hex;
}

uint32_t crc32(std::string_view bytes, uint32_t seed) {
    static const auto table = [] {
        std::array<uint32_t, 256> t{};
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t c = i;
            for (int j = 0; j < 8; ++j) c = (c & 1) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
            t[i] = c;
        }
        return t;
    }();
    uint32_t c = ~seed;
    for (char b : bytes) c = table[(c ^ static_cast<unsigned char>(b)) & 0xff] ^ (c >> 8);
    return ~c;
}

static constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64_encode(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t v = 0;
        for (size_t j = 0; j < 3; ++j) v = v << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        for (size_t j = 0; j < 4; ++j) out += i + j > bytes.size() ? '=' : base64_digits[v >> (18 - 6 * j) & 63];
    }
    return out;
}

bool base64_decode(std::string_view text, std::string& out) {
    static const auto value = [] {
        std::array<int8_t, 256> t;
        t.fill(-1);
        for (size_t i = 0; i < 64; ++i) t[static_cast<unsigned char>(base64_digits[i])] = static_cast<int8_t>(i);
        return t;
    }();
    out.clear();
    if (text.size() % 4 != 0) return false;
    out.reserve(text.size() / 4 * 3);
    for (size_t i = 0; i < text.size(); i += 4) {
        const bool last = i + 4 == text.size();
        const int pad = last ? (text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0) : 0;
        uint32_t v = 0;
        for (size_t j = 0; j < 4; ++j) {
            const int d = j >= 4 - static_cast<size_t>(pad) ? 0 : value[static_cast<unsigned char>(text[i + j])];
            if (d < 0) return false;
            v = v << 6 | static_cast<uint32_t>(d);
        }
        for (int j = 0; j < 3 - pad; ++j) out += static_cast<char>(v >> (16 - 8 * j));
    }
    return true;
}

TemporaryFolder::TemporaryFolder() {
    std::error_code ec;
    const fs::path parent = fs::temp_directory_path(ec);
    std::string pattern = ((ec ? fs::path("/tmp") : parent) / "glowworm-XXXXXX").string();
    // Where none can be made there is none of this name, and whoever writes into it gets the error.
    if (::mkdtemp(pattern.data()) == nullptr) pattern += std::to_string(::getpid());
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ec;
    fs::remove_all(path_, ec);
}

}  // namespace gw
