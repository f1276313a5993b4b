// Decoding and resizing of sample pictures. stb_image does the decoding; sizes are asked for before anything is decoded, so that a header
// that claims a huge picture costs nothing.
#include "samples/picture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
// The decoder shifts negative numbers left, which every compiler we know defines; only its memory accesses are of interest to the fuzzer.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("undefined"))), apply_to = function)
#endif
#include <stb/stb_image.h>
#ifdef __clang__
#pragma clang attribute pop
#endif
#pragma GCC diagnostic pop

namespace gw {
namespace {

// The decoder allocates what a PNG chunk claims before it reads it: whether each chunk lies inside the file is seen here first.
bool png_chunks_fit(std::string_view bytes) {
    if (!bytes.starts_with("\x89PNG\r\n\x1a\n")) return true;
    for (size_t at = 8; at + 8 <= bytes.size();) {
        uint64_t length = 0;
        for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
        if (length + 12 > bytes.size() - at) return false;
        if (bytes.substr(at + 4, 4) == "IEND") return true;
        at += static_cast<size_t>(length) + 12;
    }
    return true;
}

}  // namespace

Expected<Picture> decode_picture(std::string_view bytes, int64_t channels, const std::string& file, Diagnostics& diag) {
    GW_CHECK(channels == 1 || channels == 3 || channels == 4, "pictures have 1, 3 or 4 channels");
    auto bad = [&](const std::string& why) { return diag.error(DiagId::picture_invalid, {.file = file}, "{}", why); };
    if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return bad("the file is larger than 2 GiB");
    const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
    const int size = static_cast<int>(bytes.size());
    int width = 0, height = 0, stored = 0;
    if (!stbi_info_from_memory(data, size, &width, &height, &stored))
        return bad(fmt::format("is not a PNG or JPEG picture that can be decoded: {}", stbi_failure_reason()));
    if (int64_t{width} * height > int64_t{1} << 24) return bad(fmt::format("has {} × {} pixels, more than 2^24", width, height));
    if (!png_chunks_fit(bytes)) return bad("is damaged: a chunk is longer than the file");
    stbi_uc* decoded = stbi_load_from_memory(data, size, &width, &height, &stored, static_cast<int>(channels));
    if (decoded == nullptr) return bad(fmt::format("is damaged: {}", stbi_failure_reason()));
    Picture p{width, height, channels, {}};
    p.pixels.assign(decoded, decoded + p.width * p.height * channels);
    stbi_image_free(decoded);
    return p;
}

Picture resize_picture(const Picture& picture, int64_t width, int64_t height) {
    struct Tap {
        int64_t first, second;
        double weight;  // of the second
    };
    auto taps = [](int64_t from, int64_t to) {
        std::vector<Tap> t;
        for (int64_t i = 0; i < to; ++i) {
            const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
            const double clamped = std::clamp(at, 0.0, static_cast<double>(from - 1));
            const auto first = static_cast<int64_t>(clamped);
            t.push_back({first, std::min(first + 1, from - 1), clamped - static_cast<double>(first)});
        }
        return t;
    };
    const std::vector<Tap> columns = taps(picture.width, width), rows = taps(picture.height, height);
    Picture out{width, height, picture.channels, {}};
    out.pixels.reserve(static_cast<size_t>(width * height * picture.channels));
    auto pixel = [&](int64_t y, int64_t x, int64_t c) -> double {
        return picture.pixels[static_cast<size_t>((y * picture.width + x) * picture.channels + c)];
    };
    for (const Tap& y : rows)
        for (const Tap& x : columns)
            for (int64_t c = 0; c < picture.channels; ++c) {
                const double top = pixel(y.first, x.first, c) * (1 - x.weight) + pixel(y.first, x.second, c) * x.weight;
                const double bottom = pixel(y.second, x.first, c) * (1 - x.weight) + pixel(y.second, x.second, c) * x.weight;
                out.pixels.push_back(static_cast<uint8_t>(std::floor(top * (1 - y.weight) + bottom * y.weight + 0.5)));
            }
    return out;
}

}  // namespace gw
