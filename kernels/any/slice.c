/* SPDX-License-Identifier: 0BSD */
/* A part of each dimension, in steps that may be negative; elements of any type.
 *
 * y [D0][D1][D2][D3][D4][D5]; S0..S5 elements of x from one index of y to the next, FIRST the first element that is read. */
#include "gw_kernel.h"

typedef uint8_t slice_elem;  // @type

void slice(const slice_elem *x, slice_elem *y)
{
    enum { D0 = 1, D1 = 1, D2 = 1, D3 = 1, D4 = 4, D5 = 6, FIRST = 2 };  // @constants
    enum { S0 = 0, S1 = 0, S2 = 0, S3 = 0, S4 = 8, S5 = 1 };             // @constants
    int32_t i0, i1, i2, i3, i4, i5;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                for (i3 = 0; i3 < D3; ++i3) {
                    for (i4 = 0; i4 < D4; ++i4) {
                        const slice_elem *from = x + FIRST + i0 * S0 + i1 * S1 + i2 * S2 + i3 * S3 + i4 * S4;
                        for (i5 = 0; i5 < D5; ++i5) *y++ = from[i5 * S5];
                    }
                }
            }
        }
    }
}
