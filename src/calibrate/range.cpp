// Choosing ranges from the fixed bins of a profile.
//
// Values are taken as spread evenly inside a bin (1/16 of a power of two wide, cut at min and max), exact zeros as a lump at 0 that every
// range represents exactly and that therefore takes no part in a comparison. KL and MSE search over the edges of bins: first one end with
// the other at its extreme, then the other, then both once more, which finds the same answer as all pairs wherever the two tails do not
// interact.
//
// KL: S. Migacz, "8-bit Inference with TensorRT", GTC 2017 (calibration by minimal information loss): P is the seen distribution with what
// lies outside clipped into the outermost cells, Q the same without the clipped values, averaged over each quantized value's cell. There it
// is one threshold for |x|; here both ends of an asymmetric range. MSE: E[(x − Q(x))²] over the same search, as described in M. Nagel et
// al., "A White Paper on Neural Network Quantization", 2021, section 3.1.
#include "calibrate/range.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include "base/text.h"

namespace gw {
namespace {

using Kind = RangeMethod::Kind;
constexpr std::array<std::string_view, 4> kind_names = {"minmax", "percentile", "kl", "mse"};

// Values spread over [low, high]; one value repeated when low == high. Evenly, or with a density that rises by `slope` (KL only).
struct Piece {
    double low, high, count, slope = 0;
    double width() const { return high - low; }
    double density() const { return count / width(); }
    // Values between a and b, both inside.
    double mass(double a, double b) const {
        const double middle = (low + high) / 2;
        return density() * (b - a) + slope * ((b - middle) * (b - middle) - (a - middle) * (a - middle)) / 2;
    }
};

// The pieces of a profile without its zeros, from the lowest to the highest.
std::vector<Piece> pieces_of(const TensorProfile& p) {
    std::vector<Piece> pieces;
    for (const auto& [bin, n] : p.histogram) {
        if (bin == zero_bin) continue;
        const BinBounds b = bin_bounds(bin);
        pieces.push_back({std::max<double>(b.low, p.min), std::min<double>(b.high, p.max), static_cast<double>(n), 0});
    }
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.low < b.low; });
    return pieces;
}

// --- percentile -------------------------------------------------------------------------------------------------------------------
Range percentile_range(const TensorProfile& p, double percentile) {
    // All values in order, zeros included; `cut` values may fall outside at either end.
    std::vector<std::pair<int, int64_t>> bins(p.histogram.begin(), p.histogram.end());
    std::sort(bins.begin(), bins.end(), [](const auto& a, const auto& b) { return bin_bounds(a.first).low < bin_bounds(b.first).low; });
    const double cut = static_cast<double>(p.count) * (100.0 - percentile) / 200.0;
    auto first_beyond = [&](auto begin, auto end) {
        int64_t passed = 0;
        for (auto it = begin; it != end; ++it) {
            passed += it->second;
            if (static_cast<double>(passed) > cut) return it->first;
        }
        return zero_bin;
    };
    const double lo = bin_bounds(first_beyond(bins.begin(), bins.end())).low,
                 hi = bin_bounds(first_beyond(bins.rbegin(), bins.rend())).high;
    return {static_cast<float>(std::max<double>(lo, p.min)), static_cast<float>(std::min<double>(hi, p.max))};
}

// Gives each piece the slope of its neighbours' densities, the lesser of both sides (so none where they turn), never below zero density.
// Without it a distribution is a staircase, and a quantized cell narrower than a stair looks as if it lost nothing.
void set_slopes(std::vector<Piece>& pieces) {
    auto density = [&](size_t i, double edge) {
        const bool touches = i < pieces.size() && pieces[i].width() > 0 && (pieces[i].low == edge || pieces[i].high == edge);
        return touches ? pieces[i].density() : 0.0;
    };
    auto middle_distance = [&](size_t i, const Piece& p) { return i < pieces.size() ? (pieces[i].width() + p.width()) / 2 : p.width(); };
    std::vector<double> slopes(pieces.size(), 0.0);
    for (size_t i = 0; i < pieces.size(); ++i) {
        const Piece& p = pieces[i];
        if (p.width() <= 0) continue;
        // Before the first piece and after the last (i − 1 wraps around) the density is 0.
        const double left = (p.density() - density(i - 1, p.low)) / middle_distance(i - 1, p);
        const double right = (density(i + 1, p.high) - p.density()) / middle_distance(i + 1, p);
        if (left * right <= 0) continue;
        const double most = 2 * p.density() / p.width();
        slopes[i] = std::copysign(std::min({std::fabs(left), std::fabs(right), most}), left);
    }
    for (size_t i = 0; i < pieces.size(); ++i) pieces[i].slope = slopes[i];
}

// --- KL ---------------------------------------------------------------------------------------------------------------------------
// How many fine cells make one quantized value's cell: Migacz's 2048 over 256 levels.
constexpr int64_t fine_per_level = 8;

// Counts of each of `cells` equal cells of [lo, hi], values outside left out.
void rebin(const std::vector<Piece>& pieces, double lo, double hi, std::vector<double>& cells) {
    std::fill(cells.begin(), cells.end(), 0.0);
    const double width = (hi - lo) / static_cast<double>(cells.size());
    const auto last = static_cast<int64_t>(cells.size()) - 1;
    auto cell_of = [&](double x) { return std::clamp(static_cast<int64_t>((x - lo) / width), int64_t{0}, last); };
    for (const Piece& p : pieces) {
        const double a = std::max(p.low, lo), b = std::min(p.high, hi);
        if (a > b || (a == b && p.low < p.high)) continue;
        const int64_t first = cell_of(a), end = cell_of(b);
        if (first == end) {
            cells[static_cast<size_t>(first)] += p.low < p.high ? p.mass(a, b) : p.count;
            continue;
        }
        for (int64_t c = first; c <= end; ++c) {
            const double from = std::max(a, lo + static_cast<double>(c) * width), to = std::min(b, lo + static_cast<double>(c + 1) * width);
            if (to > from) cells[static_cast<size_t>(c)] += p.mass(from, to);
        }
    }
}

double divergence(const std::vector<Piece>& pieces, double lo, double hi, int64_t levels, std::vector<double>& cells) {
    cells.resize(static_cast<size_t>(levels * fine_per_level));
    rebin(pieces, lo, hi, cells);
    double inside = 0, total = 0, below = 0;
    for (const double c : cells) inside += c;
    for (const Piece& p : pieces) {
        total += p.count;
        if (p.low >= lo) continue;
        below += p.high <= lo ? p.count : p.mass(p.low, lo);
    }
    if (inside <= 0) return std::numeric_limits<double>::infinity();
    const double above = std::max(0.0, total - inside - below);
    double kl = 0;
    for (size_t start = 0; start < cells.size(); start += fine_per_level) {
        double sum = 0, holes = 0;
        for (size_t i = start; i < start + fine_per_level; ++i) sum += cells[i], holes += cells[i] <= 0;
        for (size_t i = start; i < start + fine_per_level; ++i) {
            const double p = cells[i] + (i == 0 ? below : 0) + (i + 1 == cells.size() ? above : 0);
            if (p <= 0) continue;
            // A cell that only clipped values fall into has no Q of its own; a ten-thousandth of what is there keeps the sum finite.
            const double q = cells[i] > 0 ? sum / (fine_per_level - holes) : std::max(p * 1e-4, 1e-9 * total);
            kl += p / total * std::log(p / total * inside / q);
        }
    }
    return kl;
}

// --- MSE --------------------------------------------------------------------------------------------------------------------------
// ∫ from 0 to x of the squared rounding error to multiples of `step`: 0 is always one of the quantized values.
double rounding_integral(double x, double step) {
    const double n = std::nearbyint(x / step), r = x - n * step;
    return n * step * step * step / 12.0 + r * r * r / 3.0;
}

double squared_error(const std::vector<Piece>& pieces, double lo, double hi, int64_t levels) {
    const double step = (hi - lo) / static_cast<double>(levels - 1);
    double error = 0;
    for (const Piece& p : pieces) {
        if (p.low == p.high) {
            const double x = p.low, q = std::clamp(std::nearbyint(x / step) * step, lo, hi);
            error += p.count * (x - q) * (x - q);
            continue;
        }
        const double density = p.count / (p.high - p.low);
        const double a = std::clamp(p.low, lo, hi), b = std::clamp(p.high, lo, hi);
        if (b > a) error += density * (rounding_integral(b, step) - rounding_integral(a, step));
        auto cube = [](double v) { return v * v * v; };
        if (p.low < lo) error += density * (cube(lo - p.low) - cube(std::max(0.0, lo - p.high))) / 3;
        if (p.high > hi) error += density * (cube(p.high - hi) - cube(std::max(0.0, p.low - hi))) / 3;
    }
    return error;
}

// --- search -----------------------------------------------------------------------------------------------------------------------
// Ends worth trying on the side of `extreme`: it, and the edges of bins down to 1/256 of it.
std::vector<double> candidates(double extreme) {
    std::vector<double> c{extreme};
    if (extreme == 0) return c;
    const double magnitude = std::fabs(extreme);
    for (int bin = bin_of(static_cast<float>(magnitude)); bin > 0; --bin) {
        const double edge = bin_bounds(bin).low;
        if (edge < magnitude / 256) break;
        if (edge < magnitude) c.push_back(std::copysign(edge, extreme));
    }
    return c;
}

// Coordinate descent; among equal costs the widest range wins, as candidates come from wide to narrow.
Range search(double lo, double hi, const std::function<double(double, double)>& cost) {
    const std::vector<double> los = candidates(lo), his = candidates(hi);
    double best = cost(lo, hi);
    for (int round = 0; round < 2; ++round) {
        for (const bool upper : {true, false}) {
            for (const double c : upper ? his : los) {
                const double a = upper ? lo : c, b = upper ? c : hi;
                if (a == b || (a == lo && b == hi)) continue;
                const double k = cost(a, b);
                if (k < best - 1e-12 * std::fabs(best)) best = k, lo = a, hi = b;
            }
        }
    }
    return {static_cast<float>(lo), static_cast<float>(hi)};
}

}  // namespace

Expected<RangeMethod> parse_range_method(const std::string& text, Diagnostics& diag) {
    const size_t colon = text.find(':');
    const std::string_view name = std::string_view(text).substr(0, colon);
    RangeMethod m;
    for (size_t i = 0; i < kind_names.size(); ++i) {
        if (name != kind_names[i]) continue;
        m.kind = static_cast<Kind>(i);
        if (colon == std::string::npos) return m;
        const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), m.percentile);
        if (m.kind == Kind::percentile && error == std::errc() && end == text.data() + text.size() && m.percentile > 0 &&
            m.percentile <= 100)
            return m;
    }
    return diag.error(DiagId::bad_option, {}, "range method `{}`: minmax, percentile, percentile:P (0 < P ≤ 100), kl or mse was expected",
                      text);
}

std::string range_method_text(const RangeMethod& m) {
    if (m.kind != Kind::percentile) return std::string(kind_names[static_cast<size_t>(m.kind)]);
    return "percentile:" + format_double(m.percentile);
}

Range choose_range(const TensorProfile& profile, const RangeMethod& method, int64_t levels) {
    GW_CHECK(levels >= 2, "a quantized type has two values at least");
    Range r{std::min(profile.min, 0.0f), std::max(profile.max, 0.0f)};
    if (profile.count == 0 || r.lo == r.hi || method.kind == Kind::minmax) return r;
    if (method.kind == Kind::percentile) {
        const Range p = percentile_range(profile, method.percentile);
        return {std::min(p.lo, 0.0f), std::max(p.hi, 0.0f)};
    }
    std::vector<Piece> pieces = pieces_of(profile);
    if (method.kind == Kind::kl) set_slopes(pieces);
    std::vector<double> cells;
    if (method.kind == Kind::kl) return search(r.lo, r.hi, [&](double lo, double hi) { return divergence(pieces, lo, hi, levels, cells); });
    return search(r.lo, r.hi, [&](double lo, double hi) { return squared_error(pieces, lo, hi, levels); });
}

}  // namespace gw
