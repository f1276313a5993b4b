/* SPDX-License-Identifier: 0BSD */
/* Comparison of two tensors as TFLite computes it, int8 or int16 to bool: each operand is rescaled by itself with two roundings, then the
 * scalar function compares rescale((a - A_ZERO) << LEFT, A_MULT, A_SHIFT) with rescale((b - B_ZERO) << LEFT, B_MULT, B_SHIFT).
 *
 * y [D0][D1][D2][D3]; A0 to A3 and B0 to B3: how far a and b move for one step of each dimension, 0 where they are broadcast.
 *
 * Order: results one after the other; each reads its two operands, then is written. */
#include "gw_kernel.h"

typedef int8_t compare_s8_elem;  // @type

static inline int compare_s8_holds(int32_t a, int32_t b) { return a < b; }  // @scalar

void compare_s8(const compare_s8_elem *a, const compare_s8_elem *b, uint8_t *y)
{
    enum { D0 = 1, D1 = 1, D2 = 4, D3 = 8, A0 = 0, A1 = 0, A2 = 8, A3 = 1, B0 = 0, B1 = 0, B2 = 0, B3 = 1 };  // @constants
    enum { A_ZERO = 0, B_ZERO = 0, LEFT = 8 };                                                                // @constants
    enum { A_MULT = 1073741824, A_SHIFT = 0, B_MULT = 1073741824, B_SHIFT = -1 };                             // @constants
    int32_t i0, i1, i2, i3;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                const compare_s8_elem *pa = a + i0 * A0 + i1 * A1 + i2 * A2, *pb = b + i0 * B0 + i1 * B1 + i2 * B2;
                for (i3 = 0; i3 < D3; ++i3) {
                    const int32_t va = gw_rescale_twice((*pa - A_ZERO) * (1 << LEFT), A_MULT, A_SHIFT);
                    const int32_t vb = gw_rescale_twice((*pb - B_ZERO) * (1 << LEFT), B_MULT, B_SHIFT);
                    pa += A3;
                    pb += B3;
                    *y++ = (uint8_t)compare_s8_holds(va, vb);
                }
            }
        }
    }
}
