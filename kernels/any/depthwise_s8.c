/* SPDX-License-Identifier: 0BSD */
/* Depthwise convolution, int8 or int16: each output channel sees one input channel, y = requant(bias + sum of (x - X_ZERO) * w inside x).
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C * M], output channel o reads input channel o / M
 * w      C * M / 4 blocks [KH][KW][4], then one block [KH][KW][C * M % 4]
 * bias   [C * M]
 * mult, shift  [MULT_N], [SHIFT_N]: one a channel, or one element for all; FORM and PRE say how (gw_requant_sum)
 * elem, sum, bias: types of x and y, of the sums and of the biases; 64 bits where int16 needs them
 * KH, KW kernel, SH, SW stride, DH, DW dilation, PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: output pixels row by row, left to right; BACKWARD 1: from the last pixel to the first. For each block of channels (up to 4) of a
 * pixel all of its taps are read, then its results are written. */
#include "gw_kernel.h"

typedef int16_t depthwise_s8_mult;  // @type
typedef int8_t depthwise_s8_elem;   // @type
typedef int32_t depthwise_s8_sum;   // @type
typedef int32_t depthwise_s8_bias;  // @type

/* Adds the taps of one output pixel to the accumulators of n channels; x_d: where channel d of the block finds its input, from x. */
GW_INLINE void depthwise_s8_taps(const int32_t n, depthwise_s8_sum *acc, const depthwise_s8_elem *x, const int8_t *w, int32_t rows,
                                 const int32_t columns, const int32_t x_1, const int32_t x_2, const int32_t x_3, const int32_t x_column,
                                 const int32_t x_row, const int32_t w_row, const int32_t x_zero)
{
    depthwise_s8_sum a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    for (; rows > 0; --rows) {
        const depthwise_s8_elem *xp = x;
        const int8_t *wp = w;
        int32_t column = columns;
        do {
            a0 += (xp[0] - x_zero) * wp[0];
            if (n > 1) a1 += (xp[x_1] - x_zero) * wp[1];
            if (n > 2) a2 += (xp[x_2] - x_zero) * wp[2];
            if (n > 3) a3 += (xp[x_3] - x_zero) * wp[3];
            wp += n;
            xp += x_column;
        } while (--column > 0);
        x += x_row;
        w += w_row;
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

void depthwise_s8(const depthwise_s8_elem *x, depthwise_s8_elem *y, const int8_t *w, const depthwise_s8_bias *bias,
                  const depthwise_s8_mult *mult, const int8_t *shift)
{
    enum { IH = 8, IW = 8, C = 6, M = 1, OH = 8, OW = 8, X_ZERO = -128 };                     // @constants
    enum { KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1, PT = 1, PL = 1 };                  // @constants
    enum { FORM = 1, PRE = 0, MULT_N = 6, SHIFT_N = 6, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    enum { BACKWARD = 0 };                                                                    // @constants
    enum {
        O = C * M,
        TAIL = O % 4,                                    /* channels of the last block */
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH, /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW /* the right one */
    };
    depthwise_s8_elem *const first_y = y;
    int32_t row, column;
    for (row = 0; row < OH; ++row) {
        const int32_t oy = BACKWARD ? OH - 1 - row : row;
        int32_t iy = oy * SH - PT, rows = KH, ky = 0; /* ky: first tap inside, iy: its row of x */
        if (PT > 0) {
            for (; iy < 0; iy += DH) ++ky, --rows;
        }
        if (DOWN) {
            while (rows > 0 && iy + (rows - 1) * DH >= IH) --rows;
        }
        for (column = 0; column < OW; ++column) {
            const int32_t ox = BACKWARD ? OW - 1 - column : column;
            int32_t ix = ox * SW - PL, columns = KW, kx = 0;
            if (PL > 0) {
                for (; ix < 0; ix += DW) ++kx, --columns;
            }
            if (RIGHT) {
                while (columns > 0 && ix + (columns - 1) * DW >= IW) --columns;
            }
            {
                const int32_t used_rows = columns > 0 ? rows : 0;
                const int32_t corner = (iy * IW + ix) * C, tap = ky * KW + kx;
                const int8_t *wb = w;
                int32_t c = 0, i;
                if (BACKWARD) y = first_y + (oy * OW + ox) * O;
                while (c < O - TAIL) {
                    const int32_t first = c / M;
                    depthwise_s8_sum acc[4];
                    for (i = 0; i < 4; ++i) acc[i] = bias[c + i];
                    depthwise_s8_taps(4, acc, x + corner + first, wb + tap * 4, used_rows, columns, (c + 1) / M - first,
                                      (c + 2) / M - first, (c + 3) / M - first, DW * C, DH * IW * C, KW * 4, X_ZERO);
                    for (i = 0; i < 4; ++i, ++c)
                        *y++ = (depthwise_s8_elem)gw_requant_sum(FORM, acc[i], PRE, mult[MULT_N > 1 ? c : 0], shift[SHIFT_N > 1 ? c : 0],
                                                                 Y_ZERO, LO, HI);
                    wb += KH * KW * 4;
                }
                if (TAIL > 0) {
                    enum { FIRST = (O - TAIL) / M };
                    depthwise_s8_sum acc[4] = {0, 0, 0, 0};
                    for (i = 0; i < TAIL; ++i) acc[i] = bias[c + i];
                    depthwise_s8_taps(TAIL, acc, x + corner + FIRST, wb + tap * TAIL, used_rows, columns, (O - TAIL + 1) / M - FIRST,
                                      (O - TAIL + 2) / M - FIRST, (O - TAIL + 3) / M - FIRST, DW * C, DH * IW * C, KW * TAIL, X_ZERO);
                    for (i = 0; i < TAIL; ++i, ++c)
                        *y++ = (depthwise_s8_elem)gw_requant_sum(FORM, acc[i], PRE, mult[MULT_N > 1 ? c : 0], shift[SHIFT_N > 1 ? c : 0],
                                                                 Y_ZERO, LO, HI);
                }
            }
        }
    }
}
