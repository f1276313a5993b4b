/* SPDX-License-Identifier: 0BSD */
/* Reduction of neighbouring axes, int8: sum and mean (the multiplier holds 1 / R) rescaled, maximum and minimum as they are.
 *
 * x [OUTER][R][INNER], y [OUTER][INNER]. KIND 0: y = requant(sum of x - X_ZERO) by FORM, PRE, MULT, SHIFT, Y_ZERO, LO, HI (gw_requant);
 * 1: maximum, 2: minimum, and the others are not used.
 *
 * Order: results one after the other; each reads all of its elements, then is written. */
#include "gw_kernel.h"

void reduce_s8(const int8_t *x, int8_t *y)
{
    enum { OUTER = 1, R = 16, INNER = 4, KIND = 0, X_ZERO = 3 };                            // @constants
    enum { FORM = 1, PRE = 0, MULT = 16384, SHIFT = 18, Y_ZERO = 3, LO = -128, HI = 127 };  // @constants
    int32_t o, i, r;
    for (o = 0; o < OUTER; ++o) {
        for (i = 0; i < INNER; ++i) {
            const int8_t *from = x + i;
            int32_t acc = KIND == 0 ? 0 : *from;
            for (r = 0; r < R; ++r) {
                const int32_t v = *from;
                acc = KIND == 0 ? acc + (v - X_ZERO) : KIND == 1 ? gw_max(acc, v) : gw_min(acc, v);
                from += INNER;
            }
            *y++ = KIND == 0 ? gw_requant(FORM, acc, PRE, MULT, SHIFT, Y_ZERO, LO, HI) : (int8_t)acc;
        }
        x += R * INNER;
    }
}
