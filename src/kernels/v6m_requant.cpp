// Rescaling on Armv6-M, exactly and without a product of 64 bits.
//
// The core multiplies 32 × 32 bits and keeps the lower 32; the reference's 64-bit product costs a library call, over a hundred cycles a
// result. But the result has only 256 values: each rounding form is a monotone step function of the accumulator with at most 255 steps. The
// compiler knows where they are. Between the first step and the last, a window of the accumulator of some 2^18 values, a line u·M + A must
// pass each step at the same accumulator. u has 18 bits and M needs about 28, so M is cut in two: u·(upper part) + (u·(lower part) >> low)
// is the exact floor of u·M / 2^low, and each product fits 32 bits. The scale is such that the result is the sum's top byte. Accumulators
// outside the window are held at its ends, which is the clamp that the result needs anyway.
//
// Each step bounds the addend from below (u at the step must reach the value) and from above (u − 1 must not). A multiplier is good when
// the bounds leave room. TFLite rounds halves away from zero, twice: the steps of negative results lie a little off the line of the
// positive ones, so such layers have two addends and a place where one takes over.
#include "kernels/v6m.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <ranges>

#include "kernels/row_help.h"

namespace gw {
namespace {

constexpr int64_t unit = int64_t{1} << 24;  // one output step

struct Bounds {
    int64_t low = std::numeric_limits<int64_t>::min() / 4, high = std::numeric_limits<int64_t>::max() / 4;
    bool empty() const { return low > high; }
    int64_t middle() const { return low + (high - low) / 2; }
};

// One channel: u of each step from result `first` on; the results go up by one a step.
struct StepWindow {
    int64_t base = 0, width = 0, turn = 0;
    int32_t first = 0;        // result at u = 0
    std::vector<int64_t> at;  // of results first + 1, first + 2, …
};

// Whether the reference is a step function over the whole interval: nothing wraps.
bool is_sound(const Requant& r, size_t c, Interval i) {
    const int64_t m = r.multiplier[r.multiplier.size() == 1 ? 0 : c];
    const int32_t s = r.shift[r.shift.size() == 1 ? 0 : c];
    const int64_t most = std::max(std::abs(i.lo), std::abs(i.hi));
    if (most >= int64_t{1} << 30 || m < 0) return false;
    if (r.rounding == Rounding::narrow) return ((most >> r.pre_shift) + 1) * m + (int64_t{1} << (s - 1)) <= INT32_MAX;
    if (r.rounding == Rounding::twice) return s <= 0 || most < int64_t{1} << (31 - s);
    return true;
}

StepWindow window_of(const Requant& r, size_t c, Interval i) {
    StepWindow w;
    w.first = r.apply(static_cast<int32_t>(i.lo), static_cast<int64_t>(c));
    const int32_t last = r.apply(static_cast<int32_t>(i.hi), static_cast<int64_t>(c));
    w.base = i.lo;
    if (w.first == last) return w;
    const std::vector<int64_t> steps = requant_steps(r, static_cast<int64_t>(c), i);
    for (int32_t v = w.first + 1; v <= last; ++v) w.at.push_back(steps[static_cast<size_t>(v - r.lo - 1)]);
    w.base = w.at.front() - 1;
    for (int64_t& at : w.at) at -= w.base;
    w.width = w.at.back();
    w.turn = -w.base;  // accumulator 0
    return w;
}

// u·M / 2^low, rounded down, as the kernel has it.
int64_t scaled(int64_t u, int64_t multiplier, int low) {
    const int64_t mask = (int64_t{1} << low) - 1;
    return u * (multiplier >> low) + ((u * (multiplier & mask)) >> low);
}

// The addends that put every step in its place: [0] of u below the turn, [1] of the others.
std::array<Bounds, 2> addends(const StepWindow& w, int64_t multiplier, int low) {
    std::array<Bounds, 2> b;
    const auto side = [&](int64_t u) -> Bounds& { return b[u >= w.turn ? 1 : 0]; };
    for (size_t i = 0; i < w.at.size(); ++i) {
        const int64_t u = w.at[i], value = (static_cast<int64_t>(i) + 1) * unit;
        Bounds &here = side(u), &before = side(u - 1);
        here.low = std::max(here.low, value - scaled(u, multiplier, low));
        before.high = std::min(before.high, value - 1 - scaled(u - 1, multiplier, low));
    }
    Bounds &start = side(0), &end = side(w.width);
    start.low = std::max(start.low, int64_t{0});
    end.high = std::min(end.high, (static_cast<int64_t>(w.at.size()) + 1) * unit - 1 - scaled(w.width, multiplier, low));
    return b;
}

// A line for one channel; `turns`: the addend may differ below the turn.
std::optional<WindowRequant::Line> find_line(const StepWindow& w, double slope, int low, bool turns) {
    WindowRequant::Line line;
    line.base = w.base, line.width = static_cast<uint32_t>(w.width);
    const auto first = static_cast<uint32_t>(w.first) << 24;
    line.addend = first + (uint32_t{1} << 24) - 1;  // near the next step, like the others: packed_window
    if (w.at.empty()) return line;
    StepWindow one = w;
    if (!turns) one.turn = std::numeric_limits<int64_t>::min();
    const double nearest = std::ldexp(slope, 24 + low);
    // Neighbours tilt the line a little. How much the last step may move for it, an accumulator's fraction, sets their distance.
    const auto step = std::max<int64_t>(1, std::llround(nearest / (2048.0 * static_cast<double>(w.width))));
    for (int64_t i = 0; i < 161; ++i) {
        const int64_t multiplier = std::llround(nearest) + step * (i % 2 != 0 ? (i + 1) / 2 : -i / 2);
        if (multiplier <= 0 || multiplier > UINT32_MAX) continue;
        const std::array<Bounds, 2> b = addends(one, multiplier, low);
        if (b[0].empty() || b[1].empty()) continue;
        const bool below = one.turn > 0, above = one.turn <= w.width;  // which sides there are
        const int64_t upper = above ? b[1].middle() : b[0].middle();
        line.multiplier = static_cast<uint32_t>(multiplier);
        line.addend = first + static_cast<uint32_t>(upper);
        if (turns) {
            line.turn = std::clamp<int64_t>(w.turn, 0, w.width);
            line.bend = below && above ? static_cast<uint32_t>(upper - b[0].middle()) : 0;
        }
        return line;
    }
    return std::nullopt;
}

int64_t sum_at(const WindowRequant::Line& l, int64_t u, int low) { return scaled(u, l.multiplier, low) + l.addend; }

// Whether both lines give the same result at every u up to the first one's width, and the second one's last result is the first one's.
bool same_results(const WindowRequant::Line& a, const WindowRequant::Line& b, int low) {
    const auto result = [&](const WindowRequant::Line& l, int64_t u) { return sum_at(l, u, low) >> 24; };
    if (result(a, a.width) != result(b, b.width) || result(a, 0) != result(b, 0)) return false;
    for (int64_t value = result(a, 0) + 1; value <= result(a, a.width); ++value) {
        int64_t below = 0, at = a.width;  // where line a comes to the value
        while (at - below > 1) {
            const int64_t middle = below + (at - below) / 2;
            (result(a, middle) < value ? below : at) = middle;
        }
        if (result(b, at) < value || result(b, at - 1) >= value) return false;
    }
    return true;
}

// The line with a width that is a multiple of 2^width_shift and an addend that lies such a multiple of 2^addend_shift below `top`, and its
// lower word.
std::optional<std::pair<WindowRequant::Line, uint32_t>> packed_line(const WindowRequant::Line& l, int low, int64_t top, int width_shift,
                                                                    int addend_shift) {
    const int64_t width = (l.width + (int64_t{1} << width_shift) - 1) >> width_shift;
    for (const int64_t up : {0, 1}) {
        const int64_t distance = ((top - l.addend) >> addend_shift) + up;
        if (width > 65535 || distance < 0 || distance > 65535) continue;
        WindowRequant::Line packed = l;
        packed.width = static_cast<uint32_t>(width << width_shift);
        packed.addend = static_cast<uint32_t>(top - (distance << addend_shift));
        if (std::bit_width(packed.width) > static_cast<unsigned>(32 - low) || !same_results(l, packed, low)) continue;
        return std::pair(packed, static_cast<uint32_t>(width << 16 | distance));
    }
    return std::nullopt;
}

double factor_of(const Requant& r, size_t c) {
    const double m = r.multiplier[r.multiplier.size() == 1 ? 0 : c];
    const int32_t s = r.shift[r.shift.size() == 1 ? 0 : c];
    if (r.rounding == Rounding::twice) return std::ldexp(m, s - 31);
    return std::ldexp(m, -s - (r.rounding == Rounding::narrow ? r.pre_shift : 0));
}

}  // namespace

int8_t WindowRequant::apply(int32_t acc, int64_t channel) const {
    const Line& l = lines[static_cast<size_t>(channel)];
    const int64_t u = std::clamp<int64_t>(acc - l.base, 0, l.width);
    const int64_t sum = scaled(u, l.multiplier, low) + l.addend - (turns && acc - l.base < l.turn ? l.bend : 0);
    return static_cast<int8_t>(static_cast<uint8_t>(static_cast<uint32_t>(sum) >> 24));
}

std::optional<WindowRequant> window_requant(const Requant& requant, std::span<const Interval> intervals) {
    if (requant.empty()) return std::nullopt;
    std::vector<StepWindow> windows;
    int64_t widest = 1;
    double steepest = 0;
    for (size_t c = 0; c < intervals.size(); ++c) {
        if (!is_sound(requant, c, intervals[c])) return std::nullopt;
        windows.push_back(window_of(requant, c, intervals[c]));
        widest = std::max(widest, windows.back().width);
        if (!windows.back().at.empty()) steepest = std::max(steepest, factor_of(requant, c));
    }
    WindowRequant out;
    // The lower part as wide as its product allows, and the whole multiplier in a word.
    out.low = std::min(16, 32 - static_cast<int>(std::bit_width(static_cast<uint64_t>(widest))));
    while (out.low > 0 && std::ldexp(steepest, 24 + out.low) * 1.001 >= 4294967295.0) --out.low;
    if (out.low < 1) return std::nullopt;
    for (const bool turns : {false, true}) {
        out.turns = turns;
        out.lines.clear();
        for (size_t c = 0; c < windows.size(); ++c) {
            const auto line = find_line(windows[c], factor_of(requant, c), out.low, turns);
            if (!line) break;
            out.lines.push_back(*line);
        }
        if (out.lines.size() == windows.size()) return out;
    }
    return std::nullopt;
}

Tensor less_bases(const Tensor& bias, const std::optional<WindowRequant>& window) {
    Tensor less = Tensor::from_bytes(bias.type, bias.bytes());
    for (size_t c = 0; window && c < window->lines.size(); ++c)
        less.mutable_data<int32_t>()[c] = static_cast<int32_t>(bias.data<int32_t>()[c] - window->lines[c].base);
    return less;
}

std::optional<PackedWindow> packed_window(const WindowRequant& window) {
    if (window.turns || window.lines.empty()) return std::nullopt;
    PackedWindow out;
    const auto addend_of = [](const WindowRequant::Line& l) { return int64_t{l.addend}; };
    const int64_t highest = std::ranges::max(window.lines | std::views::transform(addend_of));
    const int64_t lowest = std::ranges::min(window.lines | std::views::transform(addend_of));
    const int64_t top = (highest + unit - 1) / unit * unit;
    out.first = static_cast<int32_t>(top / unit) - 1;
    uint32_t widest = 0;
    for (const WindowRequant::Line& l : window.lines) widest = std::max(widest, l.width);
    out.width_shift = std::max(0, static_cast<int32_t>(std::bit_width(widest)) - 16);
    out.addend_shift = std::max(0, static_cast<int32_t>(std::bit_width(static_cast<uint64_t>(top - lowest))) - 16);
    for (const WindowRequant::Line& l : window.lines) {
        const auto packed = packed_line(l, window.low, top, out.width_shift, out.addend_shift);
        if (!packed) return std::nullopt;
        out.words.insert(out.words.end(), {static_cast<int32_t>(l.multiplier), static_cast<int32_t>(packed->second)});
    }
    return out;
}

void add_v6m_requant(Candidate& c, const Requant& r, int64_t channels, const std::optional<WindowRequant>& window) {
    if (!window) {
        add_channel_requant(c, r, channels);
        return;
    }
    std::vector<int32_t> table;
    for (const WindowRequant::Line& l : window->lines) {
        table.insert(table.end(), {static_cast<int32_t>(l.width), static_cast<int32_t>(l.multiplier), static_cast<int32_t>(l.addend)});
        if (window->turns) table.insert(table.end(), {static_cast<int32_t>(l.turn), static_cast<int32_t>(l.bend)});
    }
    c.arguments.push_back(typed_table(Tensor::of<int32_t>(Shape{channels, window->turns ? 5 : 3}, table), "mult"));
    c.arguments.push_back(typed_table(Tensor::of<int8_t>(Shape{1}, {0}), "shift"));
    c.types.emplace_back("mult", "int32_t");
    c.constants.insert(c.constants.end(), {{"FORM", window->turns ? 7 : 6},
                                           {"PRE", window->low},
                                           {"MULT_N", channels},
                                           {"SHIFT_N", 1},
                                           {"Y_ZERO", r.zero_point},
                                           {"LO", r.lo},
                                           {"HI", r.hi}});
}

void pack_lines(Candidate& candidate, const std::optional<WindowRequant>& window, bool wanted) {
    const std::optional<PackedWindow> packed = wanted && window ? packed_window(*window) : std::nullopt;
    if (packed) {
        const auto mult = std::ranges::find(candidate.arguments, "mult", &KernelArgument::role);
        *mult = typed_table(Tensor::of<int32_t>(Shape{static_cast<int64_t>(packed->words.size() / 2), 2}, packed->words), "mult");
    }
    const PackedWindow p = packed.value_or(PackedWindow{});
    candidate.constants.insert(
        candidate.constants.end(),
        {{"PACKED", packed ? 1 : 0}, {"WIDTH_SHIFT", p.width_shift}, {"ADDEND_SHIFT", p.addend_shift}, {"FIRST", p.first}});
}

int64_t v6m_requant_cycles(const Core& core, const Requant& requant, const std::optional<WindowRequant>& window) {
    if (window) return window->turns ? 44 : 36;
    return requant_cycles(core, requant.rounding);
}

}  // namespace gw
