// Constants as bytes. The bytes are little-endian, as every core is that we compile for; kernels read them through pointers to their
// element type, so each datum starts at a multiple of its element's size, and the whole at a multiple of the largest.
#include "emit/weights.h"

#include <algorithm>

#include "base/text.h"

namespace gw {

WeightsBlob weights_blob(const Program& program, bool passed) {
    WeightsBlob blob;
    auto pad = [&](int64_t align) {
        const auto a = static_cast<size_t>(align);
        blob.bytes.resize((blob.bytes.size() + a - 1) / a * a);
        blob.align = std::max(blob.align, align);
    };
    for (const Data& d : program.data) {
        pad(std::max(1, bits(d.tensor.type.dtype) / 8));
        blob.offsets.push_back(static_cast<int64_t>(blob.bytes.size()));
        blob.bytes += d.tensor.bytes();
    }
    if (passed) {
        if (blob.bytes.empty()) blob.bytes.resize(1);
        pad(std::max<int64_t>(blob.align, 4));
    }
    return blob;
}

std::string weights_text(const std::string& bytes) {
    std::string text;
    for (size_t i = 0; i < bytes.size(); ++i)
        text += fmt::format("0x{:02X},{}", static_cast<unsigned char>(bytes[i]), i % 16 == 15 ? "\n" : " ");
    if (!text.empty() && text.back() != '\n') text.back() = '\n';
    return text;
}

int64_t data_count(const Data& data) {
    return bits(data.tensor.type.dtype) < 8 ? data.tensor.type.bytes() : std::max<int64_t>(data.tensor.elements(), 1);
}

}  // namespace gw
