/* SPDX-License-Identifier: 0BSD */
/* Place of the greatest (or least) element along an axis: y [OUTER][INNER] from x [OUTER][N][INNER]. Of equal ones the first, or the last.
 *
 * Order: for each element of y, upward, all it needs is read, then it is written. */
#include "gw_kernel.h"

typedef gw_f32 argmax_in;   // @type
typedef gw_i64 argmax_out;  // @type

static inline int32_t argmax_better(argmax_in v, argmax_in top) { return v > top; }  // @scalar

void argmax(const argmax_in *x, argmax_out *y)
{
    enum { OUTER = 1, N = 10, INNER = 1 };  // @constants
    int32_t o, i, k;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            const argmax_in *from = x + i;
            argmax_in top = *from;
            int32_t best = 0;
            for (k = 1; k < N; ++k) {
                from += INNER;
                if (argmax_better(*from, top)) {
                    top = *from;
                    best = k;
                }
            }
            *y++ = best;
        }
        x += N * INNER;
    }
}
