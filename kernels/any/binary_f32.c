/* SPDX-License-Identifier: 0BSD */
/* Elementwise function of two float operands with broadcasting; the result is float, or 0 and 1 for comparisons.
 *
 * y [D0][D1][D2][D3][D4]; A0.., B0.. elements from one index to the next in a and b (0: the operand repeats).
 *
 * Order: y upward; each element's operands are read, then it is written. */
#include <math.h>  // @libm
#include "gw_kernel.h"

typedef gw_f32 binary_f32_out;  // @type

static inline binary_f32_out binary_f32_scalar(float a, float b) { return a + b; }  // @scalar

void binary_f32(const gw_f32 *a, const gw_f32 *b, binary_f32_out *y)
{
    enum { D0 = 1, D1 = 1, D2 = 1, D3 = 1, D4 = 16 };                                         // @constants
    enum { A0 = 0, A1 = 0, A2 = 0, A3 = 0, A4 = 1, B0 = 0, B1 = 0, B2 = 0, B3 = 0, B4 = 1 };  // @constants
    int32_t i0, i1, i2, i3, i4;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                for (i3 = 0; i3 < D3; ++i3) {
                    const gw_f32 *pa = a + i0 * A0 + i1 * A1 + i2 * A2 + i3 * A3;
                    const gw_f32 *pb = b + i0 * B0 + i1 * B1 + i2 * B2 + i3 * B3;
                    for (i4 = 0; i4 < D4; ++i4) *y++ = binary_f32_scalar(pa[i4 * A4], pb[i4 * B4]);
                }
            }
        }
    }
}
