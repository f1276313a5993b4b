/* SPDX-License-Identifier: 0BSD */
/* Average over windows, float: of the positions inside x, or with COUNT_PAD of the whole window, padding being 0.
 *
 * x [IH][IW][C], y [OH][OW][C]; KH, KW window, SH, SW stride, DH, DW dilation, PT, PL padding above and left.
 *
 * Order: output pixels row by row, left to right; for each channel of a pixel its positions are read, then its result is written. */
#include "gw_kernel.h"

static inline float avg_pool_f32_act(float v) { return gw_clamp_f32(v, 0.0f, 6.0f); }  // @scalar

void avg_pool_f32(const gw_f32 *x, gw_f32 *y)
{
    enum { IH = 28, IW = 28, C = 4, OH = 14, OW = 14, COUNT_PAD = 0 };        // @constants
    enum { KH = 2, KW = 2, SH = 2, SW = 2, DH = 1, DW = 1, PT = 0, PL = 0 };  // @constants
    enum {
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH, /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW /* the right one */
    };
    int32_t oy, ox, c, ky, kx;
    for (oy = 0; oy < OH; ++oy) {
        int32_t iy = oy * SH - PT, rows = KH;
        if (PT > 0) {
            for (; iy < 0; iy += DH) --rows;
        }
        if (DOWN) {
            while (rows > 0 && iy + (rows - 1) * DH >= IH) --rows;
        }
        for (ox = 0; ox < OW; ++ox) {
            int32_t ix = ox * SW - PL, columns = KW;
            if (PL > 0) {
                for (; ix < 0; ix += DW) --columns;
            }
            if (RIGHT) {
                while (columns > 0 && ix + (columns - 1) * DW >= IW) --columns;
            }
            for (c = 0; c < C; ++c) {
                const int32_t corner = (iy * IW + ix) * C + c;
                float sum = 0.0f;
                for (ky = 0; ky < rows; ++ky) {
                    for (kx = 0; kx < columns; ++kx) sum += x[corner + (ky * DH * IW + kx * DW) * C];
                }
                *y++ = avg_pool_f32_act(sum / (float)(COUNT_PAD ? KH * KW : rows * columns));
            }
        }
    }
}
