/* SPDX-License-Identifier: 0BSD */
/* One of two values, element by element, with broadcasting: y = condition ? a : b.
 *
 * y [D0][D1][D2][D3][D4]; C0.., A0.., B0.. elements from one index to the next in condition, a and b (0: the operand repeats).
 *
 * Order: y upward; each element's operands are read, then it is written. */
#include "gw_kernel.h"

typedef gw_i32 choose_elem;  // @type

void choose(const uint8_t *condition, const choose_elem *a, const choose_elem *b, choose_elem *y)
{
    enum { D0 = 1, D1 = 1, D2 = 1, D3 = 1, D4 = 16, C0 = 0, C1 = 0, C2 = 0, C3 = 0, C4 = 1 };  // @constants
    enum { A0 = 0, A1 = 0, A2 = 0, A3 = 0, A4 = 1, B0 = 0, B1 = 0, B2 = 0, B3 = 0, B4 = 1 };   // @constants
    int32_t i0, i1, i2, i3, i4;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                for (i3 = 0; i3 < D3; ++i3) {
                    const uint8_t *pc = condition + i0 * C0 + i1 * C1 + i2 * C2 + i3 * C3;
                    const choose_elem *pa = a + i0 * A0 + i1 * A1 + i2 * A2 + i3 * A3;
                    const choose_elem *pb = b + i0 * B0 + i1 * B1 + i2 * B2 + i3 * B3;
                    for (i4 = 0; i4 < D4; ++i4) *y++ = pc[i4 * C4] ? pa[i4 * A4] : pb[i4 * B4];
                }
            }
        }
    }
}
