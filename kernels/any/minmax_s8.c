/* SPDX-License-Identifier: 0BSD */
/* Larger or smaller of two tensors of one scale, element by element, int8 or int16.
 *
 * y [D0][D1][D2][D3]; A0 to A3 and B0 to B3: how far a and b move for one step of each dimension, 0 where they are broadcast.
 * The scalar function says which.
 *
 * Order: results one after the other; each reads its two operands, then is written. */
#include "gw_kernel.h"

typedef int8_t minmax_s8_elem;  // @type

static inline int32_t minmax_s8_scalar(int32_t a, int32_t b) { return gw_max(a, b); }  // @scalar

void minmax_s8(const minmax_s8_elem *a, const minmax_s8_elem *b, minmax_s8_elem *y)
{
    enum { D0 = 1, D1 = 1, D2 = 4, D3 = 8, A0 = 0, A1 = 0, A2 = 8, A3 = 1, B0 = 0, B1 = 0, B2 = 0, B3 = 1 };  // @constants
    int32_t i0, i1, i2, i3;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                const minmax_s8_elem *pa = a + i0 * A0 + i1 * A1 + i2 * A2, *pb = b + i0 * B0 + i1 * B1 + i2 * B2;
                for (i3 = 0; i3 < D3; ++i3) {
                    const int32_t va = *pa, vb = *pb;
                    pa += A3;
                    pb += B3;
                    *y++ = (minmax_s8_elem)minmax_s8_scalar(va, vb);
                }
            }
        }
    }
}
