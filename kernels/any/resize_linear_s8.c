/* SPDX-License-Identifier: 0BSD */
/* Resizes a picture by linear interpolation, int8; weights in units of 1/256.
 *
 * x [IH][IW][C], y [OH][OW][C]; row [OH][3]: the two rows of x that a row of y lies between and the weight of the second; column [OW][3]:
 * the same for columns. */
#include "gw_kernel.h"

void resize_linear_s8(const int8_t *x, int8_t *y, const gw_i16 *row, const gw_i16 *column)
{
    enum { IW = 4, C = 3, OH = 8, OW = 8 };  // @constants
    int32_t oy, ox, c;
    for (oy = 0; oy < OH; ++oy) {
        const int8_t *top = x + row[3 * oy] * (IW * C);
        const int8_t *bottom = x + row[3 * oy + 1] * (IW * C);
        const int32_t v = row[3 * oy + 2];
        for (ox = 0; ox < OW; ++ox) {
            const int32_t left = column[3 * ox] * C, right = column[3 * ox + 1] * C, h = column[3 * ox + 2];
            for (c = 0; c < C; ++c) {
                const int32_t upper = top[left + c] * (256 - h) + top[right + c] * h;
                const int32_t lower = bottom[left + c] * (256 - h) + bottom[right + c] * h;
                *y++ = (int8_t)((upper * (256 - v) + lower * v + (1 << 15)) >> 16);
            }
        }
    }
}
