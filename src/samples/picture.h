// Pictures: PNG and JPEG files as bytes of pixels.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"

namespace gw {

// Rows from the top, pixels from the left, channels interleaved: pixels[(y · width + x) · channels + c], 0…255.
struct Picture {
    int64_t width = 0, height = 0, channels = 0;
    std::vector<uint8_t> pixels;
};

// Decodes PNG (any depth; 16 bits are cut to 8) or JPEG into 1 (grey), 3 (RGB) or 4 (RGBA) channels, converting when the file has others:
// grey = (77 R + 150 G + 29 B) / 256, RGB from grey repeats it, alpha is 255 where the file has none and is dropped where none is wanted.
// At most 2^24 pixels. Errors: picture_invalid.
Expected<Picture> decode_picture(std::string_view bytes, int64_t channels, const std::string& file, Diagnostics& diag);

// Stretches to the size by bilinear interpolation between pixel centres: source = (target + 1/2) · old/new − 1/2, clamped to the border, no
// filter before shrinking; rounded to the nearest of 0…255.
Picture resize_picture(const Picture& picture, int64_t width, int64_t height);

}  // namespace gw
