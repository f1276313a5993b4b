// Fixed-point arithmetic: how an int32 accumulator becomes a small integer again. docs/arithmetic.md is the law; this is its one
// implementation in the compiler, and kernels/gw_kernel.h its one implementation in C.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace gw {

// none     there is no rescaling (float ops, or integer ops whose scales agree)
// narrow   r = ((acc >> pre_shift) · multiplier + 2^(shift−1)) >> shift, all in 32 bits; multiplier in [0, 32767]. The compiler proves
//          from the known weights that nothing overflows. Glowworm's own form: 3 to 5 cycles on every Cortex-M.
// single   r = (int64(acc) · multiplier + 2^(shift−1)) >> shift, 64-bit product, floor: round half up; multiplier in [0, 2^31), shift in
// [1, 62] twice    TFLite's: saturating rounding doubling high multiplication by multiplier (Q31), then rounding right shift, half away
// from zero;
//          `shift` is TFLite's: left when positive, right when negative.
// even     as single, but halves go to the even number, as ONNX has it
// wide     TFLite's for accumulators of 64 bits: r = (acc · multiplier + 2^(shift−1)) >> shift, saturated to int32; |acc| < 2^47,
//          multiplier in [0, 2^15), shift in [1, 62]. Only this form sees more than the low 32 bits of an accumulator.
enum class Rounding : uint8_t { none, narrow, single, twice, even, wide };
std::string_view rounding_name(Rounding r);

// The rescaling of one op: as many multipliers and shifts as output channels, or one for all.
struct Requant {
    Rounding rounding = Rounding::none;
    int32_t pre_shift = 0;  // narrow only
    std::vector<int32_t> multiplier;
    std::vector<int32_t> shift;
    int32_t zero_point = 0;  // added after rescaling
    int32_t lo = -128;       // then clamped to [lo, hi]; a fused activation narrows these
    int32_t hi = 127;

    bool empty() const { return rounding == Rounding::none; }
    // Rescales `acc` of channel c, adds the zero point and clamps.
    int32_t apply(int64_t acc, int64_t channel) const;
    // Rescaling alone.
    int32_t rescale(int64_t acc, int64_t channel) const;
    bool operator==(const Requant&) const = default;
};

int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b);
int32_t rounding_divide_by_power_of_two(int32_t x, int exponent);
// TFLite's MultiplyByQuantizedMultiplier, double rounding.
int32_t multiply_by_quantized_multiplier(int32_t x, int32_t multiplier, int shift);
// real ≈ multiplier · 2^(shift − 31), multiplier in [2^30, 2^31); real 0 gives 0, 0. As TFLite's QuantizeMultiplier.
void quantize_multiplier(double real, int32_t& multiplier, int& shift);
// The form `wide` of a multiplier and shift of the form `twice`, as TFLite makes it: 15 of the multiplier's bits, rounded half up.
void widen_multiplier(int32_t& multiplier, int32_t& shift);

// Builds the rescaling acc → acc · real[c] for accumulators with |acc| ≤ max_abs[c] (one or as many as channels).
// `narrow` is taken when its worst error on the output, in output steps, stays below 1/16 for every channel, otherwise `single`; `wanted`
// single or twice are taken as asked.
Requant make_requant(Rounding wanted, const std::vector<double>& real, const std::vector<int64_t>& max_abs, int32_t zero_point, int32_t lo,
                     int32_t hi);

}  // namespace gw
