/* SPDX-License-Identifier: 0BSD */
/* Element by element one of two tensors: y = c ? a : b, elements of any type.
 *
 * y [D0][D1][D2][D3]; A0 to A3, B0 to B3, C0 to C3: how far a, b and c move for one step of each dimension, 0 where they are broadcast.
 *
 * Order: results one after the other; each reads its condition and one operand, then is written. */
#include "gw_kernel.h"

typedef uint8_t select_elem;  // @type

void select(const uint8_t *c, const select_elem *a, const select_elem *b, select_elem *y)
{
    enum { D0 = 1, D1 = 1, D2 = 4, D3 = 8, C0 = 0, C1 = 0, C2 = 1, C3 = 0 };  // @constants
    enum { A0 = 0, A1 = 0, A2 = 8, A3 = 1, B0 = 0, B1 = 0, B2 = 0, B3 = 1 };  // @constants
    int32_t i0, i1, i2, i3;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                const uint8_t *pc = c + i0 * C0 + i1 * C1 + i2 * C2;
                const select_elem *pa = a + i0 * A0 + i1 * A1 + i2 * A2, *pb = b + i0 * B0 + i1 * B1 + i2 * B2;
                for (i3 = 0; i3 < D3; ++i3) {
                    *y++ = *pc != 0 ? *pa : *pb;
                    pc += C3;
                    pa += A3;
                    pb += B3;
                }
            }
        }
    }
}
