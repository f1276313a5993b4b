// Functions of fixed-point numbers: exponential, logistic, hyperbolic tangent, reciprocal. They are what the integer kernels of TFLite
// are defined by, bit for bit; docs/arithmetic.md says where. A number in Qm has m integer bits: raw / 2^(31−m), in [−2^m, 2^m).
#pragma once
#include <cstdint>
#include <span>

namespace gw {

// x · 2^exponent: right shifts round half away from zero, left shifts saturate. |exponent| ≤ 31.
int32_t saturating_rounding_multiply_by_power_of_two(int32_t x, int exponent);
// exp(x) in Q0 for x ≤ 0 in Q`integer_bits`, 0 < integer_bits ≤ 5; exp(0) is the largest number below 1.
int32_t fixed_exp_on_negative(int32_t x, int integer_bits);
// 1/(1 + x) in Q0 for x in Q0, x in [0, 1).
int32_t fixed_one_over_one_plus(int32_t x);
// 1/(1 + exp(−x)) in Q0 and tanh(x) in Q0, for x in Q4.
int32_t fixed_logistic(int32_t x);
int32_t fixed_tanh(int32_t x);

// log(x) in Q5 for x > 0 in Q12.
int32_t fixed_log(int32_t x);

// TFLite's functions of int16 by one table, interpolated: entry i is 2^16 · logistic(i/24), rounded to nearest, at most 65535.
std::span<const uint16_t, 256> logistic_table16();
// logistic(x / (3·2^12)) in Q0.15 and tanh(x / (3·2^12)) in Q0.15, for x = 3·v with v in Q3.12, or scaled to that.
int16_t fixed_logistic16(int32_t x);
int16_t fixed_tanh16(int32_t x);
// TFLite's tables of its int16 softmax, 513 entries each in Q0.15: exp(x) over x in [−10, 0] and 1/(1 + x) over x in [0, 1]. An entry is
// moved by half the error that interpolation makes midway to the next.
std::span<const int16_t, 513> exp_table16();
std::span<const int16_t, 513> one_over_one_plus_table16();
// The table at x, which runs from −32768 to 32767 over its range, interpolated and rounded half up.
int16_t interpolated16(std::span<const int16_t, 513> table, int16_t x);
// What fixed_tanh16 takes for v in units of 2^exponent: 3·v·2^(12 + exponent), right shifts rounded half up. |exponent + 12| ≤ 14.
int32_t tanh16_argument(int32_t v, int exponent);

// 1/x of x > 0 in Q`integer_bits`: the result is `scale` / 2^31 · 2^−`bits_over_unit`, scale in [2^30, 2^31).
struct FixedReciprocal {
    int32_t scale;
    int bits_over_unit;
};
FixedReciprocal fixed_reciprocal(int32_t x, int integer_bits);
// 1/√x of an integer x ≥ 0 as a multiplier of the form `twice`: multiplier in Q0.31 and shift, left when positive; 0 counts as 1.
struct FixedInverseSqrt {
    int32_t multiplier;
    int32_t shift;
};
FixedInverseSqrt fixed_inverse_sqrt(int32_t x);

}  // namespace gw
