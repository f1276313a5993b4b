// Counting values into fixed bins, and adding counts. Everything here is integers, minima and maxima, so the result does not depend on the
// order of samples, on how they were split or on how many runs they came from.
#include "calibrate/profile.h"

#include <algorithm>
#include <limits>
#include <set>

namespace gw {
namespace {

constexpr uint32_t sign_bit = 0x80000000u, infinity_bits = 0x7f800000u;

// Signed integers that order as the floats do: negative ones have their magnitude bits turned over.
int32_t order_key(uint32_t bits) {
    const auto s = static_cast<int32_t>(bits);
    return s ^ static_cast<int32_t>(static_cast<uint32_t>(s >> 31) >> 1);
}

float value_of_key(int32_t key) {
    const float v = std::bit_cast<float>(key ^ static_cast<int32_t>(static_cast<uint32_t>(key >> 31) >> 1));
    return v == 0 ? 0.0f : v;  // −0 and +0 compare equal, so which one came first must not show
}

}  // namespace

BinBounds bin_bounds(int bin) {
    if (bin == zero_bin) return {};
    const uint32_t magnitude = static_cast<uint32_t>(bin) << 19 & ~sign_bit;
    const double inner = std::bit_cast<float>(magnitude);
    const uint32_t next = magnitude + (1u << 19);
    // The bin below infinity ends at 2^128, which float32 has no number for.
    const double outer = next == infinity_bits ? 0x1p128 : static_cast<double>(std::bit_cast<float>(next));
    return (bin & bin_count / 2) != 0 ? BinBounds{-outer, -inner} : BinBounds{inner, outer};
}

const TensorProfile* Profile::find(std::string_view name) const {
    const auto it = std::find_if(tensors.begin(), tensors.end(), [&](const TensorProfile& t) { return t.name == name; });
    return it == tensors.end() ? nullptr : &*it;
}

// In blocks that stay in the first-level cache: one pass for extremes and zeros, which the compiler turns into vector code, one for the
// table.
void Recorder::add(std::span<const float> values) {
    constexpr size_t block = 2048;
    for (size_t at = 0; at < values.size(); at += block) add_block(values.data() + at, std::min(block, values.size() - at));
}

void Recorder::add_block(const float* values, size_t n) {
    int32_t low = lowest_, high = highest_;
    uint32_t largest = 0;
    int32_t plus_zeros = 0, minus_zeros = 0;
    for (size_t i = 0; i < n; ++i) {
        const uint32_t bits = std::bit_cast<uint32_t>(values[i]), magnitude = bits & ~sign_bit;
        const int32_t key = order_key(bits);
        low = key < low ? key : low;
        high = key > high ? key : high;
        largest = magnitude > largest ? magnitude : largest;
        plus_zeros += bits == 0;
        minus_zeros += bits == sign_bit;
    }
    if (largest >= infinity_bits) {
        // Rare: leave out what is not finite and count the rest again.
        std::vector<float> finite;
        for (size_t i = 0; i < n; ++i)
            if ((std::bit_cast<uint32_t>(values[i]) & ~sign_bit) < infinity_bits) finite.push_back(values[i]);
        nonfinite_ += static_cast<int64_t>(n - finite.size());
        if (!finite.empty()) add_block(finite.data(), finite.size());
        return;
    }
    lowest_ = low;
    highest_ = high;
    for (size_t i = 0; i < n; ++i) ++table_[std::bit_cast<uint32_t>(values[i]) >> 19];
    // Zeros went to the bins of the smallest subnormals; take them out.
    table_[0] -= plus_zeros;
    table_[bin_count / 2] -= minus_zeros;
    zeros_ += plus_zeros + minus_zeros;
    count_ += static_cast<int64_t>(n);
}

TensorProfile Recorder::profile(std::string name) const {
    TensorProfile p;
    p.name = std::move(name);
    p.count = count_;
    p.nonfinite = nonfinite_;
    if (count_ > 0) p.min = value_of_key(lowest_), p.max = value_of_key(highest_);
    for (int b = 0; b < bin_count; ++b)
        if (table_[static_cast<size_t>(b)] > 0) p.histogram[b] = table_[static_cast<size_t>(b)];
    if (zeros_ > 0) p.histogram[zero_bin] = zeros_;
    return p;
}

Expected<Profile> merge(std::span<const Profile> parts, Diagnostics& diag) {
    GW_CHECK(!parts.empty(), "profiles to merge");
    Profile sum = parts[0];
    const Location where{.file = sum.model_file};
    for (const Profile& part : parts.subspan(1)) {
        if (part.model_sha256 != sum.model_sha256)
            return diag.error(DiagId::profile_mismatch, where, "a profile of this model ({}…) cannot be merged with one of {} ({}…)",
                              sum.model_sha256.substr(0, 12), part.model_file, part.model_sha256.substr(0, 12));
        // How the sample files were laid out and resized is not part of what the numbers mean.
        Preprocess a = sum.preprocess, b = part.preprocess;
        a.layout = b.layout = SampleLayout::model;
        a.resize = b.resize = false;
        if (a != b) return diag.error(DiagId::profile_mismatch, where, "profiles made with different preprocessing cannot be merged");
        if (part.tensors.size() != sum.tensors.size() || !std::equal(part.tensors.begin(), part.tensors.end(), sum.tensors.begin(),
                                                                     [](const auto& x, const auto& y) { return x.name == y.name; }))
            return diag.error(DiagId::profile_mismatch, where,
                              "profiles of different tensors cannot be merged; make them with one version of glowworm");
        sum.samples += part.samples;
        for (size_t i = 0; i < sum.tensors.size(); ++i) {
            TensorProfile& t = sum.tensors[i];
            const TensorProfile& p = part.tensors[i];
            if (p.count > 0) {
                t.min = t.count > 0 ? std::min(t.min, p.min) : p.min;
                t.max = t.count > 0 ? std::max(t.max, p.max) : p.max;
            }
            t.count += p.count;
            t.nonfinite += p.nonfinite;
            for (const auto& [bin, n] : p.histogram) t.histogram[bin] += n;
        }
    }
    return sum;
}

}  // namespace gw
