// What the rows for Armv6-M share: rescaling exactly without a product of 64 bits.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "kernels/dsp.h"

namespace gw {

// gw_requant_window: the accumulator, counted from `base` and held in [0, width], is multiplied in two parts; the sum's top byte is the
// result.
//     u = clamp(acc − base, 0, width);  result = (u·(multiplier >> low) + (u·(multiplier mod 2^low) >> low) + addend) >> 24, mod 2^32
// A layer with `turns` takes `bend` off the addend where u < turn: TFLite's two roundings go opposite ways below zero.
struct WindowRequant {
    struct Line {
        int64_t base = 0;
        uint32_t width = 0, multiplier = 0, addend = 0;
        int64_t turn = 0;
        uint32_t bend = 0;
    };
    int32_t low = 0;
    bool turns = false;
    std::vector<Line> lines;  // one a channel
    int8_t apply(int32_t acc, int64_t channel) const;
};
// The one that gives requant.apply(acc, c) for every acc of every channel's interval; nothing where none was found.
std::optional<WindowRequant> window_requant(const Requant& requant, std::span<const Interval> intervals);

// The requantization of a kernel that takes the window form beside the others: adds the arguments "mult" and "shift", the type "mult" and
// FORM, PRE, MULT_N, SHIFT_N, Y_ZERO, LO, HI. With a window the kernel's bias is that of less_bases.
void add_v6m_requant(Candidate& candidate, const Requant& requant, int64_t channels, const std::optional<WindowRequant>& window);
// A window's lines in two words a channel (gw_unpack_line): the multiplier; width >> width_shift above (unit·(first + 1) − addend) >>
// addend_shift, of 16 bits each. A width may grow as far as the last result's step is long, and an addend moves a little: the layer's
// results stay what they are.
struct PackedWindow {
    int32_t width_shift = 0, addend_shift = 0, first = 0;
    std::vector<int32_t> words;
};
// Nothing where the lines turn, or some channel's does not fit.
std::optional<PackedWindow> packed_window(const WindowRequant& window);
// For kernels that read packed lines, after add_v6m_requant: packs "mult" if that is `wanted` and possible, and adds PACKED, WIDTH_SHIFT,
// ADDEND_SHIFT, FIRST.
void pack_lines(Candidate& candidate, const std::optional<WindowRequant>& window, bool wanted);
// The bias with the channels' bases taken off.
Tensor less_bases(const Tensor& bias, const std::optional<WindowRequant>& window);
// Cycles of one result.
int64_t v6m_requant_cycles(const Core& core, const Requant& requant, const std::optional<WindowRequant>& window);

}  // namespace gw
