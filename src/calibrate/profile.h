// A profile: what values every tensor of a float model took over a set of samples. It is independent of any quantization scheme: it says
// what was seen, choose_range (range.h) says what to make of it.
//
// Histogram bins are fixed once and for all: a float32's sign, exponent and top four mantissa bits, so a bin spans 1/16 of a power of two,
// and one profile can be added to another bin by bin, exactly. Exact zeros (either sign) have a bin of their own.
#pragma once
#include <bit>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "samples/samples.h"

namespace gw {

inline constexpr int bin_count = 1 << 13;
inline constexpr int zero_bin = bin_count;  // the key of exact zeros
inline int bin_of(float v) { return v == 0 ? zero_bin : static_cast<int>(std::bit_cast<uint32_t>(v) >> 19); }
// The interval of a bin, low ≤ high; values of the bin lie between, the end nearer to zero included. Both 0 for zero_bin.
struct BinBounds {
    double low = 0, high = 0;
};
BinBounds bin_bounds(int bin);

struct TensorProfile {
    std::string name;                  // the tensor's name in the model, see value_keys in collect.h
    float min = 0, max = 0;            // of finite values; never −0; both 0 when there are none
    int64_t count = 0;                 // finite values
    int64_t nonfinite = 0;             // infinities and NaN, which are nowhere else
    std::map<int, int64_t> histogram;  // bin → count, no zero counts; adds up to `count`
    bool operator==(const TensorProfile&) const = default;
};

struct Profile {
    std::string model_file, model_sha256;
    Preprocess preprocess;  // as used
    int64_t samples = 0;
    std::vector<TensorProfile> tensors;  // in the graph's order

    const TensorProfile* find(std::string_view name) const;
    bool operator==(const Profile&) const = default;
};

// Counts one tensor's values. A table of all bins, not a map: hundreds of millions of values a second.
class Recorder {
public:
    Recorder() : table_(bin_count, 0) {}
    void add(std::span<const float> values);
    TensorProfile profile(std::string name) const;

private:
    void add_block(const float* values, size_t n);
    std::vector<int64_t> table_;
    int64_t zeros_ = 0, count_ = 0, nonfinite_ = 0;
    int32_t lowest_ = INT32_MAX, highest_ = INT32_MIN;  // as keys that order like the values
};

// The profile of all samples of all parts. They must be of one model (by hash), preprocessed alike, with the same tensors:
// profile_mismatch. merge({collect(A), collect(B)}) equals collect(A ∪ B) exactly, in any order.
Expected<Profile> merge(std::span<const Profile> parts, Diagnostics& diag);

// profile.yaml. The text depends on the profile alone, and reads back to an equal one; floats are the shortest that do.
std::string profile_yaml(const Profile& profile);
// Errors (profile_invalid) name `file` and the line. Counts that do not add up, bins outside min … max and unknown keys are errors.
Expected<Profile> parse_profile(const std::string& text, const std::string& file, Diagnostics& diag);
Expected<Profile> read_profile(const std::filesystem::path& path, Diagnostics& diag);
Status write_profile(const std::filesystem::path& path, const Profile& profile, Diagnostics& diag);

}  // namespace gw
