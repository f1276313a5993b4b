/* SPDX-License-Identifier: 0BSD */
/* Softmax as TFLite computes it, int8 to a scale of 1/256 and zero point -128: one fixed-point reciprocal a line.
 *
 * x, y [OUTER][N][INNER], over the middle, N at most 4095; table u32 [256]: exponentials of -(max - x) in Q0.31.
 * The sum of the exponentials is taken in Q12.19. Its reciprocal, of the sum shifted into [1, 2), comes from three steps of Newton's
 * iteration r += r * (1 - d * r) with d in Q0.31, r in Q2.29.
 *
 * Order: line by line; a line is read whole, then again element by element, each read before its result is written. */
#include "gw_kernel.h"

/* a * b / 2^31, rounded half away from zero; not both are -2^31. */
static inline int32_t softmax_reciprocal_s8_mul(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    return (int32_t)((product + (product >= 0 ? (1 << 30) : 1 - (1 << 30))) / ((int64_t)1 << 31));
}

/* v * 2^shift, saturating. */
static inline int32_t softmax_reciprocal_s8_up(int32_t v, int32_t shift)
{
    const int32_t limit = (int32_t)((1u << (31 - shift)) - 1u);
    return v > limit ? INT32_MAX : v < -limit ? INT32_MIN : v * (1 << shift);
}

/* 2^62 / (1 + v / 2^31) / 2^31 for v in [0, 2^31). */
static inline int32_t softmax_reciprocal_s8_invert(int32_t v)
{
    const int32_t d = (int32_t)(((uint32_t)v >> 1) + (1u << 30));
    int32_t r = 1515870810 + softmax_reciprocal_s8_mul(d, -1010580540); /* 48/17, -32/17 */
    int32_t i;
    for (i = 0; i < 3; ++i) {
        r += softmax_reciprocal_s8_up(softmax_reciprocal_s8_mul(r, (1 << 29) - softmax_reciprocal_s8_mul(d, r)), 2);
    }
    return softmax_reciprocal_s8_up(r, 1);
}

void softmax_reciprocal_s8(const int8_t *x, int8_t *y, const uint32_t *table)
{
    enum { OUTER = 1, N = 10, INNER = 1 };  // @constants
    int32_t o, i, k;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            int32_t highest = x[i], shift = 35, scale;
            uint32_t sum = 0, rounding;
            for (k = 1; k < N; ++k) highest = gw_max(highest, x[k * INNER + i]);
            for (k = 0; k < N; ++k) sum += (table[highest - x[k * INNER + i]] + 2048u) >> 12;
            sum = sum == 0 ? 1 : sum;
            for (; sum < 0x80000000u; sum <<= 1) --shift;
            scale = softmax_reciprocal_s8_invert((int32_t)(sum - 0x80000000u));
            rounding = shift <= 31 ? 1u << (shift - 1) : 0;
            for (k = 0; k < N; ++k) {
                const uint32_t e = (uint32_t)softmax_reciprocal_s8_mul(scale, (int32_t)table[highest - x[k * INNER + i]]);
                const uint32_t q = shift > 31 ? 0 : (e + rounding) >> shift;
                y[k * INNER + i] = (int8_t)gw_min(127, (int32_t)q - 128);
            }
        }
        x += N * INNER;
        y += N * INNER;
    }
}
