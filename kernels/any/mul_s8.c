/* SPDX-License-Identifier: 0BSD */
/* Product of two tensors, int8 or int16: y = requant((a - A_ZERO) * (b - B_ZERO)).
 *
 * y [D0][D1][D2][D3]; A0 to A3 and B0 to B3: how far a and b move for one step of each dimension, 0 where they are broadcast.
 * FORM, PRE, MULT, SHIFT, Y_ZERO, LO, HI: the requantization (gw_requant_int).
 *
 * Order: results one after the other; each reads its two operands, then is written. */
#include "gw_kernel.h"

typedef int8_t mul_s8_elem;  // @type

void mul_s8(const mul_s8_elem *a, const mul_s8_elem *b, mul_s8_elem *y)
{
    enum { D0 = 1, D1 = 1, D2 = 4, D3 = 8, A0 = 0, A1 = 0, A2 = 8, A3 = 1, B0 = 0, B1 = 0, B2 = 0, B3 = 1 };  // @constants
    enum { A_ZERO = 0, B_ZERO = 0 };                                                                          // @constants
    enum { FORM = 1, PRE = 0, MULT = 16384, SHIFT = 15, Y_ZERO = 0, LO = -128, HI = 127 };                    // @constants
    int32_t i0, i1, i2, i3;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                const mul_s8_elem *pa = a + i0 * A0 + i1 * A1 + i2 * A2, *pb = b + i0 * B0 + i1 * B1 + i2 * B2;
                for (i3 = 0; i3 < D3; ++i3) {
                    const int32_t va = *pa - A_ZERO, vb = *pb - B_ZERO;
                    pa += A3;
                    pb += B3;
                    *y++ = (mul_s8_elem)gw_requant_int(FORM, va * vb, PRE, MULT, SHIFT, Y_ZERO, LO, HI);
                }
            }
        }
    }
}
