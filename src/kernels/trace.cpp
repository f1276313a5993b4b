// Tile traces: how far a kernel's output may lie over its input.
//
// A kernel that walks upward over its output and, for each step, over a window of its input can share memory with that input when it never
// writes a byte that is still to be read. Each row describes its traversal as tiles; the least distance of the two addresses follows.
// Nothing here knows a kernel: rows promise the order, and the overlap tests hold the C to it.
#include <algorithm>

#include "kernels/kernel.h"

namespace gw {

int64_t minimum_gap(const TileTrace& trace) {
    // From the last tile back: `still` is the lowest byte that a later tile reads.
    constexpr int64_t none = std::numeric_limits<int64_t>::max();
    int64_t gap = std::numeric_limits<int64_t>::min(), still = none;
    for (auto tile = trace.tiles.rbegin(); tile != trace.tiles.rend(); ++tile) {
        const int64_t with_this = std::min(still, tile->read_begin);
        const int64_t guarded = trace.reads_first ? still : with_this;
        if (guarded != none) gap = std::max(gap, tile->written_end - guarded);
        still = with_this;
    }
    // Nothing that is read after a write: any distance at which the output does not begin above the input does; 0 is the plainest.
    return gap == std::numeric_limits<int64_t>::min() ? 0 : gap;
}

TileTrace window_trace(int64_t out_h, int64_t out_w, int64_t out_pixel_bytes, int64_t in_h, int64_t in_w, int64_t in_pixel_bytes,
                       Pair stride, Pads pad, bool reads_first) {
    TileTrace trace;
    trace.reads_first = reads_first;
    trace.tiles.reserve(static_cast<size_t>(out_h * out_w));
    for (int64_t oy = 0; oy < out_h; ++oy) {
        const int64_t iy = std::clamp<int64_t>(oy * stride[0] - pad[0], 0, in_h - 1);
        for (int64_t ox = 0; ox < out_w; ++ox) {
            const int64_t ix = std::clamp<int64_t>(ox * stride[1] - pad[1], 0, in_w - 1);
            trace.tiles.push_back({(oy * out_w + ox + 1) * out_pixel_bytes, (iy * in_w + ix) * in_pixel_bytes});
        }
    }
    return trace;
}

TileTrace elementwise_trace(int64_t elements, int64_t in_bytes, int64_t out_bytes) {
    TileTrace trace;
    trace.reads_first = true;
    trace.tiles.reserve(static_cast<size_t>(elements));
    for (int64_t i = 0; i < elements; ++i) trace.tiles.push_back({(i + 1) * out_bytes, i * in_bytes});
    return trace;
}

}  // namespace gw
