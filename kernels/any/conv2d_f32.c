/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, float: y = act(bias + sum of x * w over the taps that lie inside x).
 *
 * x      [IH][IW][G * IC], IC input channels a group
 * y      [OH][OW][G * OC], OC output channels a group
 * w      each group: OC / 4 blocks [KH][KW][IC][4], then one block [KH][KW][IC][OC % 4]: the weights that meet one activation lie side by
 *        side
 * bias   [G * OC]; with SCALED, where w are integers of a scale a channel: bias / scale [G * OC], then scale [G * OC]
 * KH, KW kernel, SH, SW stride, DH, DW dilation, PT, PL padding above and left
 *
 * Order: output pixels row by row, left to right. For each block of channels (up to 4) all of its taps are read, then its results are
 * written; with one block and one group a pixel is thus read whole before it is written. Nothing outside x and w is read. */
#include "gw_kernel.h"

typedef float conv2d_f32_weight;  // @type

static inline float conv2d_f32_act(float v) { return gw_clamp_f32(v, 0.0f, 6.0f); }  // @scalar

/* Adds the taps of one output pixel to the accumulators of n channels: `rows` rows of `runs` runs of `length` activations each. x, w: the
 * first tap; the other arguments: steps from one run and row to the next. */
GW_INLINE void conv2d_f32_taps(const int32_t n, float *acc, const gw_f32 *x, const conv2d_f32_weight *w, int32_t rows, const int32_t runs,
                               const int32_t length, const int32_t x_run, const int32_t x_row, const int32_t w_row)
{
    float a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    for (; rows > 0; --rows) {
        const gw_f32 *xp = x;
        const conv2d_f32_weight *wp = w;
        int32_t run = runs;
        do {
            const gw_f32 *end = xp + length;
            do {
                const float v = *xp++;
                a0 += v * (float)wp[0];
                if (n > 1) a1 += v * (float)wp[1];
                if (n > 2) a2 += v * (float)wp[2];
                if (n > 3) a3 += v * (float)wp[3];
                wp += n;
            } while (xp != end);
            xp += x_run - length;
        } while (--run > 0);
        x += x_row;
        w += w_row;
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

void conv2d_f32(const gw_f32 *x, gw_f32 *y, const conv2d_f32_weight *w, const gw_f32 *bias)
{
    enum { IH = 8, IW = 8, IC = 3, OH = 8, OW = 8, OC = 6, G = 1 };           // @constants
    enum { KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1, PT = 1, PL = 1 };  // @constants
    enum { SCALED = 0 };                                                      // @constants
    enum {
        XC = G * IC,
        TAIL = OC % 4,                                   /* channels of a group's last block */
        ONE_RUN = G == 1 && DW == 1,                     /* a row's taps lie side by side in x */
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH, /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW /* the right one */
    };
    int32_t oy, ox;
    for (oy = 0; oy < OH; ++oy) {
        int32_t iy = oy * SH - PT, rows = KH, ky = 0; /* ky: first tap inside, iy: its row of x */
        if (PT > 0) {
            for (; iy < 0; iy += DH) ++ky, --rows;
        }
        if (DOWN) {
            while (rows > 0 && iy + (rows - 1) * DH >= IH) --rows;
        }
        for (ox = 0; ox < OW; ++ox) {
            int32_t ix = ox * SW - PL, columns = KW, kx = 0, g, block;
            if (PL > 0) {
                for (; ix < 0; ix += DW) ++kx, --columns;
            }
            if (RIGHT) {
                while (columns > 0 && ix + (columns - 1) * DW >= IW) --columns;
            }
            {
                const int32_t used_rows = columns > 0 && rows > 0 ? rows : 0;
                const int32_t runs = ONE_RUN ? 1 : columns, length = ONE_RUN ? columns * IC : IC;
                const int32_t corner = used_rows > 0 ? (iy * IW + ix) * XC : 0, tap = used_rows > 0 ? (ky * KW + kx) * IC : 0;
                const conv2d_f32_weight *wb = w;
                int32_t c = 0;
                for (g = 0; g < G; ++g) {
                    for (block = 0; block < OC / 4; ++block) {
                        float acc[4];
                        int32_t i;
                        for (i = 0; i < 4; ++i) acc[i] = bias[c + i];
                        conv2d_f32_taps(4, acc, x + corner + g * IC, wb + tap * 4, used_rows, runs, length, DW * XC, DH * IW * XC,
                                        KW * IC * 4);
                        for (i = 0; i < 4; ++i) *y++ = conv2d_f32_act(SCALED ? acc[i] * bias[SCALED * G * OC + c + i] : acc[i]);
                        c += 4;
                        wb += KH * KW * IC * 4;
                    }
                    if (TAIL > 0) {
                        float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
                        int32_t i;
                        for (i = 0; i < TAIL; ++i) acc[i] = bias[c + i];
                        conv2d_f32_taps(TAIL, acc, x + corner + g * IC, wb + tap * TAIL, used_rows, runs, length, DW * XC, DH * IW * XC,
                                        KW * IC * TAIL);
                        for (i = 0; i < TAIL; ++i) *y++ = conv2d_f32_act(SCALED ? acc[i] * bias[SCALED * G * OC + c + i] : acc[i]);
                        c += TAIL;
                        wb += KH * KW * IC * TAIL;
                    }
                }
            }
        }
    }
}
