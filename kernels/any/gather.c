/* SPDX-License-Identifier: 0BSD */
/* Picks slices along an axis by index: y [OUTER][COUNT][INNER] from x [OUTER][SIZE][INNER], INNER in bytes.
 *
 * indices [COUNT]; negative ones count from the end, others outside x are clamped. */
#include "gw_kernel.h"

typedef gw_i32 gather_index;  // @type

void gather(const uint8_t *x, const gather_index *indices, uint8_t *y)
{
    enum { OUTER = 1, SIZE = 10, INNER = 8, COUNT = 4 };  // @constants
    int32_t o, k;
    for (o = 0; o < OUTER; ++o) {
        for (k = 0; k < COUNT; ++k) {
            const gather_index v = indices[k];
            int32_t i = v < -SIZE ? -SIZE : v > SIZE - 1 ? SIZE - 1 : (int32_t)v;
            if (i < 0) i += SIZE;
            memcpy(y, x + i * INNER, INNER);
            y += INNER;
        }
        x += SIZE * INNER;
    }
}
