/* SPDX-License-Identifier: 0BSD */
/* Reduction over some axes, int8 or int16: sum and mean (the multiplier holds 1 / elements) rescaled, maximum and minimum as they are.
 *
 * y [K0][K1][K2]; K0S to K2S elements of x from one kept index to the next. R0 to R2 reduced dimensions, R0S to R2S their steps in x. KIND
 * 0: y = requant(sum of x - X_ZERO) by FORM, PRE, MULT, SHIFT, Y_ZERO, LO, HI (gw_requant_int); 1: maximum, 2: minimum, and those are not
 * used.
 *
 * Order: results one after the other; each reads all of its elements, then is written. */
#include "gw_kernel.h"

typedef int8_t reduce_s8_elem;  // @type

void reduce_s8(const reduce_s8_elem *x, reduce_s8_elem *y)
{
    enum { K0 = 1, K1 = 2, K2 = 4, R0 = 1, R1 = 3, R2 = 5, KIND = 0, X_ZERO = 3 };          // @constants
    enum { K0S = 0, K1S = 60, K2S = 5, R0S = 0, R1S = 20, R2S = 1 };                        // @constants
    enum { FORM = 1, PRE = 0, MULT = 16384, SHIFT = 18, Y_ZERO = 3, LO = -128, HI = 127 };  // @constants
    int32_t k0, k1, k2, r0, r1, r2;
    for (k0 = 0; k0 < K0; ++k0) {
        for (k1 = 0; k1 < K1; ++k1) {
            for (k2 = 0; k2 < K2; ++k2) {
                const reduce_s8_elem *from = x + k0 * K0S + k1 * K1S + k2 * K2S;
                int32_t acc = KIND == 0 ? 0 : *from;
                for (r0 = 0; r0 < R0; ++r0) {
                    for (r1 = 0; r1 < R1; ++r1) {
                        for (r2 = 0; r2 < R2; ++r2) {
                            const int32_t v = from[r0 * R0S + r1 * R1S + r2 * R2S];
                            acc = KIND == 0 ? acc + (v - X_ZERO) : KIND == 1 ? gw_max(acc, v) : gw_min(acc, v);
                        }
                    }
                }
                *y++ = (reduce_s8_elem)(KIND == 0 ? gw_requant_int(FORM, acc, PRE, MULT, SHIFT, Y_ZERO, LO, HI) : acc);
            }
        }
    }
}
