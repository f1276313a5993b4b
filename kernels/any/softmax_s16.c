/* SPDX-License-Identifier: 0BSD */
/* Softmax as TFLite computes it, int16 to Q0.15: exponentials and the reciprocal of their sum come from tables, interpolated.
 *
 * x, y [OUTER][N][INNER], over the middle, N at most 65535; exponential, reciprocal [513] in Q0.15: exp over [-10, 0], 1 / (1 + v) over
 * [0, 1]. MULT, SHIFT: the rescaling by `twice` that takes a difference of 10 / 65535 to 1.
 *
 * Order: line by line; a line is read whole, then again element by element, each read before its exponential is written; then the
 * exponentials become results. */
#include "gw_kernel.h"

/* The table at v, -32768 to 32767 over its range; v beyond is held there. */
static inline int32_t softmax_s16_interpolated(const int16_t *table, int32_t v)
{
    const int32_t x = gw_clamp(v, -32768, 32767), i = 256 + (x >> 7);
    return table[i] + (((table[i + 1] - table[i]) * (x & 127) + 64) >> 7);
}

void softmax_s16(const gw_i16 *x, gw_i16 *y, const int16_t *exponential, const int16_t *reciprocal)
{
    enum { OUTER = 1, N = 10, INNER = 1, MULT = 1073741824, SHIFT = 1 };  // @constants
    int32_t o, i, k;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            int32_t highest = x[i], sum = 0, headroom = 0, scale;
            for (k = 1; k < N; ++k) highest = gw_max(highest, x[k * INNER + i]);
            for (k = 0; k < N; ++k) {
                const int32_t d = gw_rescale_twice(x[k * INNER + i] - highest, MULT, SHIFT);
                const int32_t e = softmax_s16_interpolated(exponential, d + 32767);
                y[k * INNER + i] = (int16_t)e;
                sum += e;
            }
            for (; sum < 1 << 30; sum *= 2) ++headroom;
            scale = softmax_s16_interpolated(reciprocal, (int32_t)(((uint32_t)sum + (1u << 13)) >> 14) - 98304);
            for (k = 0; k < N; ++k) {
                const int32_t v = (y[k * INNER + i] * scale + (1 << (29 - headroom))) >> (30 - headroom);
                y[k * INNER + i] = (int16_t)gw_clamp(v, 0, 32767);
            }
        }
        x += N * INNER;
        y += N * INNER;
    }
}
