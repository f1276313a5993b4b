/* SPDX-License-Identifier: 0BSD */
/* Resizes a picture by taking the nearest pixel; elements of any type.
 *
 * x [IH][IW][C], y [OH][OW][C]; row [OH], column [OW]: the row and column of x that each of y shows. */
#include "gw_kernel.h"

typedef uint8_t resize_nearest_elem;  // @type

void resize_nearest(const resize_nearest_elem *x, resize_nearest_elem *y, const gw_i16 *row, const gw_i16 *column)
{
    enum { IW = 4, C = 3, OH = 8, OW = 8 };  // @constants
    int32_t oy, ox, c;
    for (oy = 0; oy < OH; ++oy) {
        for (ox = 0; ox < OW; ++ox) {
            const resize_nearest_elem *from = x + (row[oy] * IW + column[ox]) * C;
            for (c = 0; c < C; ++c) *y++ = from[c];
        }
    }
}
