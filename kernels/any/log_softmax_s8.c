/* SPDX-License-Identifier: 0BSD */
/* Logarithm of a softmax as TFLite computes it, int8 to a scale of 1/16 and zero point 127: one fixed-point logarithm a line.
 *
 * x, y [OUTER][N][INNER], over the middle, N at most 4095; table u32 [2][256]: exponentials of -(max - x) in Q0.31, then max - x in Q5.26.
 * The sum of the exponentials is taken in Q12.19. Its logarithm is that of a power of two, plus a rational function of what is left,
 * about 2^(-1/4).
 *
 * Order: line by line; a line is read whole, then again element by element, each read before its result is written. */
#include "gw_kernel.h"

/* a * b / 2^31, rounded half away from zero; not both are -2^31. */
static inline int32_t log_softmax_s8_mul(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    return (int32_t)((product + (product >= 0 ? (1 << 30) : 1 - (1 << 30))) / ((int64_t)1 << 31));
}

/* v * 2^shift, saturating. */
static inline int32_t log_softmax_s8_up(int32_t v, int32_t shift)
{
    const int32_t limit = (int32_t)((1u << (31 - shift)) - 1u);
    return v > limit ? INT32_MAX : v < -limit ? INT32_MIN : v * (1 << shift);
}

/* v / 2^shift, rounded half away from zero. */
static inline int32_t log_softmax_s8_down(int32_t v, int32_t shift) { return (v + (1 << (shift - 1)) - (v < 0 ? 1 : 0)) >> shift; }

/* 2^31 / (1 + v / 2^31) for v in [0, 2^31), by three steps of Newton's iteration. */
static inline int32_t log_softmax_s8_invert(int32_t v)
{
    const int32_t d = (int32_t)(((uint32_t)v >> 1) + (1u << 30));
    int32_t r = 1515870810 + log_softmax_s8_mul(d, -1010580540); /* 48/17, -32/17 */
    int32_t i;
    for (i = 0; i < 3; ++i) r += log_softmax_s8_up(log_softmax_s8_mul(r, (1 << 29) - log_softmax_s8_mul(d, r)), 2);
    return log_softmax_s8_up(r, 1);
}

static inline int32_t log_softmax_s8_zeros(int32_t v)
{
    int32_t n = 0;
    for (; v < 0x40000000; v *= 2) ++n;
    return n + 1;
}

/* Natural logarithm in Q5.26 of v > 0 in Q12.19. */
static inline int32_t log_softmax_s8_log(int32_t v)
{
    const int32_t zeros = log_softmax_s8_zeros(v), zeros_b = log_softmax_s8_zeros(log_softmax_s8_mul(v, 1518500250)) - 1;
    const int32_t r_a = log_softmax_s8_up(log_softmax_s8_mul(v * (1 << (zeros - 1)), 1518500250), 1); /* 2^(-1/2) */
    const int32_t r = gw_min(r_a, log_softmax_s8_up(v, zeros_b));
    const int32_t exponent = gw_max((12 - zeros) * (1 << 25) + (1 << 23), (12 - zeros_b) * (1 << 25) - (1 << 23)); /* Q6.25 */
    const int32_t p = (int32_t)(((uint32_t)r + 1805811301u + 1u) >> 1);                                            /* 2^(-1/4) */
    const int32_t q = 2 * (r - 1805811301), q2 = log_softmax_s8_mul(q, q);
    const int32_t above = log_softmax_s8_mul(q, r) + log_softmax_s8_mul(log_softmax_s8_mul(q, q2), 117049297);
    const int32_t below = log_softmax_s8_mul(p, 1057819769 + q + log_softmax_s8_mul(127690142, q2)) + log_softmax_s8_mul(638450708, q);
    const int32_t f = log_softmax_s8_mul(log_softmax_s8_down(above, 6), log_softmax_s8_invert(below));
    return log_softmax_s8_up(log_softmax_s8_mul(exponent, 1488522236) + f, 1); /* log 2 */
}

void log_softmax_s8(const int8_t *x, int8_t *y, const uint32_t *table)
{
    enum { OUTER = 1, N = 10, INNER = 1 };  // @constants
    int32_t o, i, k;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            int32_t highest = x[i], log_sum;
            uint32_t sum = 0;
            for (k = 1; k < N; ++k) highest = gw_max(highest, x[k * INNER + i]);
            for (k = 0; k < N; ++k) sum += (table[highest - x[k * INNER + i]] + 2048u) >> 12;
            log_sum = log_softmax_s8_log(sum == 0 ? 1 : (int32_t)sum);
            for (k = 0; k < N; ++k) {
                const int32_t below = -(int32_t)table[256 + highest - x[k * INNER + i]] - log_sum;
                y[k * INNER + i] = (int8_t)gw_max(-128, gw_min(127, 127 + log_softmax_s8_down(below, 22)));
            }
        }
        x += N * INNER;
        y += N * INNER;
    }
}
