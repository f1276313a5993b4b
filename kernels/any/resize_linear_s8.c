/* SPDX-License-Identifier: 0BSD */
/* Resizes a picture by linear interpolation, int8; weights in units of 1/ONE.
 *
 * x [IH][IW][C], y [OH][OW][C]; row [OH][3]: the two rows of x that a row of y lies between and the weight of the second; column [OW][3]:
 * the same for columns. ONE 256: rounded half up; 1024: half away from zero, and weights of positions at the edge may lie outside [0, ONE].
 */
#include "gw_kernel.h"

void resize_linear_s8(const int8_t *x, int8_t *y, const gw_i16 *row, const gw_i16 *column)
{
    enum { IW = 4, C = 3, OH = 8, OW = 8, ONE = 256 };  // @constants
    int32_t oy, ox, c;
    for (oy = 0; oy < OH; ++oy) {
        const int8_t *top = x + row[3 * oy] * (IW * C);
        const int8_t *bottom = x + row[3 * oy + 1] * (IW * C);
        const int32_t v = row[3 * oy + 2];
        for (ox = 0; ox < OW; ++ox) {
            const int32_t left = column[3 * ox] * C, right = column[3 * ox + 1] * C, h = column[3 * ox + 2];
            for (c = 0; c < C; ++c) {
                const int32_t upper = top[left + c] * (ONE - h) + top[right + c] * h;
                const int32_t lower = bottom[left + c] * (ONE - h) + bottom[right + c] * h;
                const int32_t sum = upper * (ONE - v) + lower * v;
                *y++ = (int8_t)(ONE == 256 ? (sum + (1 << 15)) >> 16 : (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
            }
        }
    }
}
