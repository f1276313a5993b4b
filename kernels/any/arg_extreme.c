/* SPDX-License-Identifier: 0BSD */
/* The place of the largest or smallest element of each line: the first of equal ones, or the last.
 *
 * x [OUTER][N][INNER], y [OUTER][INNER], over the middle. The scalar function says whether a later element takes the place of the best so
 * far.
 *
 * Order: results one after the other; each reads its whole line, then is written. */
#include "gw_kernel.h"

typedef int8_t arg_extreme_elem;   // @type
typedef gw_i32 arg_extreme_place;  // @type

static inline int arg_extreme_wins(arg_extreme_elem v, arg_extreme_elem best) { return v > best; }  // @scalar

void arg_extreme(const arg_extreme_elem *x, arg_extreme_place *y)
{
    enum { OUTER = 1, N = 10, INNER = 1 };  // @constants
    int32_t o, i, k;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            int32_t place = 0;
            for (k = 1; k < N; ++k) {
                if (arg_extreme_wins(x[k * INNER + i], x[place * INNER + i])) place = k;
            }
            *y++ = place;
        }
        x += N * INNER;
    }
}
