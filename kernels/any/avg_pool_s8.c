/* SPDX-License-Identifier: 0BSD */
/* Average over windows, int8 or int16, rounded half away from zero.
 *
 * x [IH][IW][C], y [OH][OW][C]; KH, KW window, SH, SW stride, DH, DW dilation, PT, PL padding above and left; LO, HI clamp of y.
 * COUNT_PAD 0: the sum of the positions inside x divided by their number. 1: divided by KH * KW, positions outside count as X_ZERO.
 *
 * Order: output pixels row by row, left to right; for each channel of a pixel its positions are read, then its result is written. */
#include "gw_kernel.h"

typedef int8_t avg_pool_s8_elem;  // @type

void avg_pool_s8(const avg_pool_s8_elem *x, avg_pool_s8_elem *y)
{
    enum { IH = 8, IW = 8, OH = 4, OW = 4, C = 4, COUNT_PAD = 0, X_ZERO = 0, LO = -128, HI = 127 };  // @constants
    enum { KH = 2, KW = 2, SH = 2, SW = 2, DH = 1, DW = 1, PT = 0, PL = 0 };                         // @constants
    enum {
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH,  /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW, /* the right one */
        ZERO = COUNT_PAD ? X_ZERO : 0
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
            {
                const int32_t n = COUNT_PAD ? KH * KW : rows * columns;
                for (c = 0; c < C; ++c) {
                    const int32_t corner = (iy * IW + ix) * C + c;
                    int32_t acc = 0;
                    for (ky = 0; ky < rows; ++ky) {
                        for (kx = 0; kx < columns; ++kx) acc += x[corner + (ky * DH * IW + kx * DW) * C] - ZERO;
                    }
                    acc = (acc >= 0 ? acc + n / 2 : acc - n / 2) / n;
                    *y++ = (avg_pool_s8_elem)gw_clamp(acc + ZERO, LO, HI);
                }
            }
        }
    }
}
