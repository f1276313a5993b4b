/* SPDX-License-Identifier: 0BSD */
/* Quotient of two tensors as TFLite computes it, int8: y = clamp(Y_ZERO + (a - A_ZERO) / (b - B_ZERO) rescaled by MULT and SHIFT).
 *
 * inverse [256]: 2^62 / d', rounded, for the divisor d = 1 to 255 shifted to d' in [2^31, 2^32). A divisor 0 gives Y_ZERO.
 *
 * y [D0][D1][D2][D3]; A0 to A3 and B0 to B3: how far a and b move for one step of each dimension, 0 where they are broadcast.
 *
 * Order: results one after the other; each reads its two operands, then is written. */
#include "gw_kernel.h"

/* a * b / 2^31, rounded half away from zero; not both are -2^31. */
static inline int32_t div_s8_mul(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    return (int32_t)((product + (product >= 0 ? (1 << 30) : 1 - (1 << 30))) / ((int64_t)1 << 31));
}

void div_s8(const int8_t *a, const int8_t *b, int8_t *y, const int32_t *inverse)
{
    enum { D0 = 1, D1 = 1, D2 = 4, D3 = 8, A0 = 0, A1 = 0, A2 = 8, A3 = 1, B0 = 0, B1 = 0, B2 = 0, B3 = 1 };  // @constants
    enum { A_ZERO = 0, B_ZERO = 0 };                                                                          // @constants
    enum { MULT = 1073741824, SHIFT = 1, Y_ZERO = 0, LO = -128, HI = 127 };                                   // @constants
    int32_t i0, i1, i2, i3;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                const int8_t *pa = a + i0 * A0 + i1 * A1 + i2 * A2, *pb = b + i0 * B0 + i1 * B1 + i2 * B2;
                for (i3 = 0; i3 < D3; ++i3) {
                    int32_t va = *pa - A_ZERO, vb = *pb - B_ZERO, right = -(SHIFT), v = 0;
                    pa += A3;
                    pb += B3;
                    if (va != 0 && vb != 0) {
                        int32_t d;
                        if (vb < 0) {
                            va = -va;
                            vb = -vb;
                        }
                        for (d = vb; d > 1; d >>= 1) ++right;
                        while (va >= 0 ? va < (1 << 30) : va >= -(1 << 30)) {
                            va *= 2;
                            ++right;
                        }
                        if (right <= 31) v = gw_rescale_twice(div_s8_mul(va, inverse[vb]), MULT, -right);
                    }
                    *y++ = (int8_t)gw_clamp(v + Y_ZERO, LO, HI);
                }
            }
        }
    }
}
