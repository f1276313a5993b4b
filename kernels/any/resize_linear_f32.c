/* SPDX-License-Identifier: 0BSD */
/* Resizes a picture by linear interpolation, float.
 *
 * x [IH][IW][C], y [OH][OW][C]; row [OH][2]: the two rows of x that a row of y lies between, row_weight [OH] the weight of the second;
 * column, column_weight [OW]: the same for columns. */
#include "gw_kernel.h"

void resize_linear_f32(const gw_f32 *x, gw_f32 *y, const gw_i16 *row, const gw_f32 *row_weight, const gw_i16 *column,
                       const gw_f32 *column_weight)
{
    enum { IW = 4, C = 3, OH = 8, OW = 8 };  // @constants
    int32_t oy, ox, c;
    for (oy = 0; oy < OH; ++oy) {
        const gw_f32 *top = x + row[2 * oy] * (IW * C);
        const gw_f32 *bottom = x + row[2 * oy + 1] * (IW * C);
        const float v = row_weight[oy];
        for (ox = 0; ox < OW; ++ox) {
            const int32_t left = column[2 * ox] * C, right = column[2 * ox + 1] * C;
            const float h = column_weight[ox];
            for (c = 0; c < C; ++c) {
                const float upper = top[left + c] * (1.0f - h) + top[right + c] * h;
                const float lower = bottom[left + c] * (1.0f - h) + bottom[right + c] * h;
                *y++ = upper * (1.0f - v) + lower * v;
            }
        }
    }
}
