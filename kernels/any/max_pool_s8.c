/* SPDX-License-Identifier: 0BSD */
/* Maximum over windows, int8; positions outside x never win.
 *
 * x [IH][IW][C], y [OH][OW][C]; KH, KW window, SH, SW stride, DH, DW dilation, PT, PL padding above and left; LO, HI clamp of y. A window
 * that has no position inside x gives LO.
 *
 * Order: output pixels row by row, left to right, channels upward; BACKWARD 1: the other way round, from the last channel of the last
 * pixel. For each channel of a pixel its positions are read, then its result is written. */
#include "gw_kernel.h"

typedef int8_t max_pool_s8_elem;  // @type

void max_pool_s8(const max_pool_s8_elem *x, max_pool_s8_elem *y)
{
    enum { IH = 28, IW = 28, C = 4, OH = 14, OW = 14 };                                                          // @constants
    enum { KH = 2, KW = 2, SH = 2, SW = 2, DH = 1, DW = 1, PT = 0, PL = 0, LO = -128, HI = 127, BACKWARD = 0 };  // @constants
    enum {
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH, /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW /* the right one */
    };
    int32_t row, column, channel, ky, kx;
    if (BACKWARD) y += OH * OW * C;
    for (row = 0; row < OH; ++row) {
        const int32_t oy = BACKWARD ? OH - 1 - row : row;
        int32_t iy = oy * SH - PT, rows = KH;
        if (PT > 0) {
            for (; iy < 0; iy += DH) --rows;
        }
        if (DOWN) {
            while (rows > 0 && iy + (rows - 1) * DH >= IH) --rows;
        }
        for (column = 0; column < OW; ++column) {
            const int32_t ox = BACKWARD ? OW - 1 - column : column;
            int32_t ix = ox * SW - PL, columns = KW;
            if (PL > 0) {
                for (; ix < 0; ix += DW) --columns;
            }
            if (RIGHT) {
                while (columns > 0 && ix + (columns - 1) * DW >= IW) --columns;
            }
            for (channel = 0; channel < C; ++channel) {
                const int32_t c = BACKWARD ? C - 1 - channel : channel;
                const int32_t corner = (iy * IW + ix) * C + c;
                int32_t best = LO;
                for (ky = 0; ky < rows; ++ky) {
                    for (kx = 0; kx < columns; ++kx) best = gw_max(best, x[corner + (ky * DH * IW + kx * DW) * C]);
                }
                if (BACKWARD)
                    *--y = (max_pool_s8_elem)gw_min(best, HI);
                else
                    *y++ = (max_pool_s8_elem)gw_min(best, HI);
            }
        }
    }
}
