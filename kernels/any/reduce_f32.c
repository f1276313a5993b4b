/* SPDX-License-Identifier: 0BSD */
/* Reduction, float: sum, mean, maximum, minimum or product over some axes.
 *
 * y [K0][K1]; K0S, K1S elements of x from one kept index to the next. R0, R1 reduced dimensions, R0S, R1S their steps in x. The inner
 * dimension is folded first, then its results: sums of many elements lose little that way. MEAN divides by the number of elements.
 *
 * Order: for each element of y, upward, all it needs is read, then it is written. */
#include "gw_kernel.h"

static inline float reduce_f32_fold(float acc, float v) { return acc + v; }  // @scalar

void reduce_f32(const gw_f32 *x, gw_f32 *y)
{
    enum { K0 = 1, K1 = 8, R0 = 7, R1 = 7, MEAN = 1 };  // @constants
    enum { K0S = 0, K1S = 1, R0S = 56, R1S = 8 };       // @constants
    int32_t k0, k1, r0, r1;
    for (k0 = 0; k0 < K0; ++k0) {
        for (k1 = 0; k1 < K1; ++k1) {
            const gw_f32 *from = x + k0 * K0S + k1 * K1S;
            float acc = 0.0f;
            for (r0 = 0; r0 < R0; ++r0) {
                float part = from[r0 * R0S];
                for (r1 = 1; r1 < R1; ++r1) part = reduce_f32_fold(part, from[r0 * R0S + r1 * R1S]);
                acc = r0 == 0 ? part : reduce_f32_fold(acc, part);
            }
            if (MEAN) acc /= (float)(R0 * R1);
            *y++ = acc;
        }
    }
}
