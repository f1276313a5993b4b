/* SPDX-License-Identifier: 0BSD */
/* Depthwise 2-D convolution, float: each input channel makes M output channels of its own.
 *
 * x [IH][IW][C], y [OH][OW][C * M], w [KH][KW][C * M], bias [C * M]; output channel o reads input channel o / M.
 * With SCALED w are integers of a scale a channel, and bias holds bias / scale [C * M], then scale [C * M].
 * KH, KW kernel, SH, SW stride, DH, DW dilation, PT, PL padding above and left
 *
 * Order: output pixels row by row, left to right; for each channel of a pixel its taps are read, then its result is written. */
#include "gw_kernel.h"

typedef float depthwise_f32_weight;  // @type

static inline float depthwise_f32_act(float v) { return gw_clamp_f32(v, 0.0f, 6.0f); }  // @scalar

void depthwise_f32(const gw_f32 *x, gw_f32 *y, const depthwise_f32_weight *w, const gw_f32 *bias)
{
    enum { IH = 8, IW = 8, C = 3, M = 1, OH = 8, OW = 8 };                    // @constants
    enum { KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1, PT = 1, PL = 1 };  // @constants
    enum { SCALED = 0 };                                                      // @constants
    enum {
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH, /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW /* the right one */
    };
    int32_t oy, ox, c, m, ky, kx;
    for (oy = 0; oy < OH; ++oy) {
        int32_t iy = oy * SH - PT, rows = KH, first_row = 0;
        if (PT > 0) {
            for (; iy < 0; iy += DH) ++first_row, --rows;
        }
        if (DOWN) {
            while (rows > 0 && iy + (rows - 1) * DH >= IH) --rows;
        }
        for (ox = 0; ox < OW; ++ox) {
            int32_t ix = ox * SW - PL, columns = KW, first_column = 0;
            if (PL > 0) {
                for (; ix < 0; ix += DW) ++first_column, --columns;
            }
            if (RIGHT) {
                while (columns > 0 && ix + (columns - 1) * DW >= IW) --columns;
            }
            for (c = 0; c < C; ++c) {
                for (m = 0; m < M; ++m) {
                    const int32_t o = c * M + m;
                    const int32_t corner = (iy * IW + ix) * C + c, tap = (first_row * KW + first_column) * C * M + o;
                    float acc = bias[o];
                    for (ky = 0; ky < rows; ++ky) {
                        for (kx = 0; kx < columns; ++kx)
                            acc += x[corner + (ky * DH * IW + kx * DW) * C] * (float)w[tap + (ky * KW + kx) * C * M];
                    }
                    *y++ = depthwise_f32_act(SCALED ? acc * bias[SCALED * C * M + o] : acc);
                }
            }
        }
    }
}
