// From what was seen to the range [lo, hi] that a quantized tensor is to hold.
#pragma once
#include <string>

#include "calibrate/profile.h"

namespace gw {

struct RangeMethod {
    enum class Kind : uint8_t {
        minmax,      // all that was seen
        percentile,  // all but (100 − percentile)/2 % at either end
        kl,          // least Kullback-Leibler divergence of the quantized from the seen distribution
        mse          // least expected squared error, rounding and clipping together
    };
    Kind kind = Kind::minmax;
    double percentile = 99.99;
    bool operator==(const RangeMethod&) const = default;
};

// "minmax", "percentile", "percentile:99.9", "kl", "mse".
Expected<RangeMethod> parse_range_method(const std::string& text, Diagnostics& diag);
std::string range_method_text(const RangeMethod& method);

struct Range {
    float lo = 0, hi = 0;
    bool operator==(const Range&) const = default;
};

// lo ≤ 0 ≤ hi, within what was seen (and 0). `levels`: how many values the quantized type has. Both 0 for a tensor that was always 0.
// Percentiles are exact to the bin: the range ends at the outer edge of the bin that holds the percentile, or at min or max when they are
// nearer.
Range choose_range(const TensorProfile& profile, const RangeMethod& method, int64_t levels = 256);

}  // namespace gw
