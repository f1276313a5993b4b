/* SPDX-License-Identifier: 0BSD */
/* Each line divided by the root of the sum of its squares, int8 to a scale of 1/128 and zero point 0, as TFLite computes it.
 *
 * x, y [OUTER][N]. The inverse root comes from five steps of Newton's iteration r = r * (3/2 - d/2 * r * r) in Q3.28, from 1, with the sum
 * shifted by pairs of bits to d in [1/4, 1).
 *
 * Order: line by line; a line is read whole, then again element by element, each read before its result is written. */
#include "gw_kernel.h"

/* a * b / 2^31, rounded half away from zero; not both are -2^31. */
static inline int32_t l2_norm_s8_mul(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    return (int32_t)((product + (product >= 0 ? (1 << 30) : 1 - (1 << 30))) / ((int64_t)1 << 31));
}

/* v * 2^shift, saturating. */
static inline int32_t l2_norm_s8_up(int32_t v, int32_t shift)
{
    const int32_t limit = (int32_t)((1u << (31 - shift)) - 1u);
    return v > limit ? INT32_MAX : v < -limit ? INT32_MIN : v * (1 << shift);
}

void l2_norm_s8(const int8_t *x, int8_t *y)
{
    enum { OUTER = 1, N = 10, X_ZERO = 3 };  // @constants
    int32_t o, k;
    for (o = 0; o < OUTER; ++o) {
        int32_t sum = 0, right = 11, multiplier = INT32_MAX, shift = 0;
        for (k = 0; k < N; ++k) sum += (x[k] - X_ZERO) * (x[k] - X_ZERO);
        if (sum > 1) {
            int32_t r = 1 << 28, half;
            for (; sum >= (1 << 29); sum /= 4) ++right;
            for (; sum < (1 << 27); sum *= 4) --right;
            half = ((sum >> 1) + 1) >> 1;
            for (k = 0; k < 5; ++k) {
                const int32_t cube = l2_norm_s8_up(l2_norm_s8_mul(l2_norm_s8_mul(r, r), r), 6);
                r = l2_norm_s8_up(l2_norm_s8_mul(402653184, r) - l2_norm_s8_mul(half, cube), 3);
            }
            multiplier = l2_norm_s8_mul(r, 1518500250); /* the root of 1/2 */
            if (right < 0) {
                multiplier *= 1 << -right;
                right = 0;
            }
            shift = -right;
        }
        for (k = 0; k < N; ++k) {
            const int32_t v = gw_rescale_twice(x[k] - X_ZERO, multiplier, shift + 7);
            y[k] = (int8_t)gw_clamp(v, -128, 127);
        }
        x += N;
        y += N;
    }
}
