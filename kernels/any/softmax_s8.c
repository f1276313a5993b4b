/* SPDX-License-Identifier: 0BSD */
/* Softmax, int8 to a scale of 1/256 and zero point -128: y = min(127, (e * 256 + sum / 2) / sum - 128), e = table[max - x].
 *
 * x, y [OUTER][N][INNER], over the middle; table u32 [256], made so that no sum of N entries reaches 2^31.
 *
 * Order: line by line; a line is read whole, then again element by element, each read before its result is written. */
#include "gw_kernel.h"

void softmax_s8(const int8_t *x, int8_t *y, const uint32_t *table)
{
    enum { OUTER = 1, N = 10, INNER = 1 };  // @constants
    int32_t o, i, k;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            int32_t highest = x[i];
            uint32_t sum = 0;
            for (k = 1; k < N; ++k) highest = gw_max(highest, x[k * INNER + i]);
            for (k = 0; k < N; ++k) sum += table[highest - x[k * INNER + i]];
            for (k = 0; k < N; ++k) {
                const uint32_t e = table[highest - x[k * INNER + i]];
                const uint32_t q = sum == 0 ? 0 : (e * 256 + sum / 2) / sum;
                y[k * INNER + i] = (int8_t)gw_min(127, (int32_t)q - 128);
            }
        }
        x += N * INNER;
        y += N * INNER;
    }
}
