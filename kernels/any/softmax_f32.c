/* SPDX-License-Identifier: 0BSD */
/* Softmax, float: exp(x - max) / sum, or its logarithm with LOG.
 *
 * x, y [OUTER][N][INNER], over the middle dimension. Order: line by line; a line is read for its maximum, then again from its begin on,
 * each element written after it was read. */
#include <math.h>  // @libm
#include "gw_kernel.h"

void softmax_f32(const gw_f32 *x, gw_f32 *y)
{
    enum { OUTER = 1, N = 10, INNER = 1, LOG = 0 };  // @constants
    int32_t o, i, k;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            const gw_f32 *from = x + o * N * INNER + i;
            gw_f32 *to = y + o * N * INNER + i;
            float highest = from[0], sum = 0.0f;
            for (k = 1; k < N; ++k) {
                if (highest < from[k * INNER]) highest = from[k * INNER];
            }
            if (LOG) {
                for (k = 0; k < N; ++k) sum += expf(from[k * INNER] - highest);
                sum = logf(sum);
                for (k = 0; k < N; ++k) to[k * INNER] = from[k * INNER] - highest - sum;
            } else {
                for (k = 0; k < N; ++k) {
                    const float e = expf(from[k * INNER] - highest);
                    to[k * INNER] = e;
                    sum += e;
                }
                for (k = 0; k < N; ++k) to[k * INNER] /= sum;
            }
        }
    }
}
