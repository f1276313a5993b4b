/* SPDX-License-Identifier: 0BSD */
/* Pads dimensions with a constant, by reflection or by repeating the edge; elements of any type.
 *
 * x [X0][X1][X2][X3][RUN], y [Y0][Y1][Y2][Y3][RUN]; B0..B3 elements before x in each dimension. MODE 0: VALUE, 1: reflected,
 * 2: edge, 3: reflected with the edge repeated. */
#include "gw_kernel.h"

typedef uint8_t pad_elem;  // @type

/* The position in x that position p shows, p counting from x's first; -1 for the constant. */
GW_INLINE int32_t pad_position(const int32_t mode, const int32_t p, const int32_t size)
{
    if (p >= 0 && p < size) return p;
    if (mode == 0) return -1;
    if (mode == 2) return p < 0 ? 0 : size - 1;
    if (mode == 3) return p < 0 ? -p - 1 : 2 * size - 1 - p;
    return p < 0 ? -p : 2 * (size - 1) - p;
}

void pad(const pad_elem *x, pad_elem *y)
{
    enum { X0 = 1, X1 = 1, X2 = 4, X3 = 4, RUN = 3, MODE = 0, VALUE = 0 };    // @constants
    enum { Y0 = 1, Y1 = 1, Y2 = 6, Y3 = 6, B0 = 0, B1 = 0, B2 = 1, B3 = 1 };  // @constants
    int32_t i0, i1, i2, i3, i;
    for (i0 = 0; i0 < Y0; ++i0) {
        const int32_t p0 = pad_position(MODE, i0 - B0, X0);
        for (i1 = 0; i1 < Y1; ++i1) {
            const int32_t p1 = pad_position(MODE, i1 - B1, X1);
            for (i2 = 0; i2 < Y2; ++i2) {
                const int32_t p2 = pad_position(MODE, i2 - B2, X2);
                for (i3 = 0; i3 < Y3; ++i3) {
                    const int32_t p3 = pad_position(MODE, i3 - B3, X3);
                    if (MODE == 0 && (p0 < 0 || p1 < 0 || p2 < 0 || p3 < 0)) {
                        for (i = 0; i < RUN; ++i) *y++ = (pad_elem)VALUE;
                    } else {
                        const pad_elem *from = x + (((p0 * X1 + p1) * X2 + p2) * X3 + p3) * RUN;
                        for (i = 0; i < RUN; ++i) *y++ = from[i];
                    }
                }
            }
        }
    }
}
