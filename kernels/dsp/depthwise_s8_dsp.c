/* SPDX-License-Identifier: 0BSD */
/* Depthwise 3 x 3 convolution, int8, for cores with DSP instructions: y = requant(bias + sum of x * w), taps outside x being X_ZERO.
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C]
 * w      [C][3]: a word for each column of taps, from low to high its first, second, second and third weight
 * table  [C][3]: bias, less X_ZERO times the sum of the channel's weights; multiplier; addend or shift. FORM, PRE, LEFT, POST say how
 *        (gw_requant_high)
 * scratch  two buffers [(BLOCK + 3) / 4][4][(OW - 1) * S + 3] of words: a pair of rows of the padded picture, one channel after the other,
 * the upper row in the low lanes S      stride, 1 or 2, down and across; PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp
 * of y BLOCK  channels that are done together, a multiple of 4 or C
 *
 * Order: for each block, top down: a pair of rows of the padded picture is read for four channels, then with the pair above it their
 * results are written, two rows with S 1, one with S 2; then the next four channels. With BLOCK C each pair of rows is thus done with for
 * good. */
#include "gw_kernel.h"

/* Words of n channels of a pair of rows whose upper one is row iy of x; x: its first channel. */
GW_INLINE void depthwise_s8_dsp_pair(const int32_t n, gw_u32 *plane, const int8_t *x, int32_t iy)
{
    enum { IH = 8, IW = 8, C = 8, OW = 8, S = 1, PL = 1, X_ZERO = -128 };  // @constants
    enum {
        WIDTH = (OW - 1) * S + 3,
        LEFT_OUT = PL < WIDTH ? PL : WIDTH,     /* columns left of x, */
        END = PL + IW < WIDTH ? PL + IW : WIDTH /* first column right of it */
    };
    const int8_t outside[4] = {X_ZERO, X_ZERO, X_ZERO, X_ZERO};
    const uint32_t zero = gw_lanes(X_ZERO, X_ZERO);
    const int32_t has_upper = iy >= 0 && iy < IH, has_lower = iy >= -1 && iy < IH - 1;
    const int8_t *upper = has_upper ? x + iy * IW * C : outside, *lower = has_lower ? x + (iy + 1) * IW * C : outside;
    const int32_t upper_step = has_upper ? C : 0, lower_step = has_lower ? C : 0;
    const gw_u32 *end = plane + (END - LEFT_OUT);
    int32_t i;
    for (i = 0; i < n; ++i) {
        int32_t column;
        for (column = 0; column < LEFT_OUT; ++column) plane[i * WIDTH + column] = zero;
        for (column = END; column < WIDTH; ++column) plane[i * WIDTH + column] = zero;
    }
    plane += LEFT_OUT;
    end += LEFT_OUT;
    for (; plane != end; ++plane, upper += upper_step, lower += lower_step) {
        uint32_t a, b, a_odd, b_odd;
        if (n == 4) {
            a = gw_load_4(upper);
            b = gw_load_4(lower);
        } else {
            a = (uint8_t)upper[0], b = (uint8_t)lower[0];
            if (n > 1) a |= (uint32_t)(uint8_t)upper[1] << 8, b |= (uint32_t)(uint8_t)lower[1] << 8;
            if (n > 2) a |= (uint32_t)(uint8_t)upper[2] << 16, b |= (uint32_t)(uint8_t)lower[2] << 16;
        }
        a_odd = gw_sxtb16_odd(a), a = gw_sxtb16(a);
        b_odd = gw_sxtb16_odd(b), b = gw_sxtb16(b);
        plane[0] = (a & 0xFFFFu) | b << 16;
        if (n > 1) plane[WIDTH] = (a_odd & 0xFFFFu) | b_odd << 16;
        if (n > 2) plane[2 * WIDTH] = a >> 16 | (b & 0xFFFF0000u);
        if (n > 3) plane[3 * WIDTH] = a_odd >> 16 | (b_odd & 0xFFFF0000u);
    }
}

/* One channel's results in one or two rows; p, q: the two pairs of rows under it. */
GW_INLINE void depthwise_s8_dsp_rows(const int32_t rows, const gw_u32 *p, const gw_u32 *q, const uint32_t *w, const int32_t *table,
                                     int8_t *y)
{
    enum { C = 8, OW = 8, S = 1, FORM = 4, PRE = 0, LEFT = 8, POST = 8, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    const uint32_t u0 = gw_sxtb16(w[0]), u1 = gw_sxtb16(w[1]), u2 = gw_sxtb16(w[2]);             /* first and second weights */
    const uint32_t v0 = gw_sxtb16_odd(w[0]), v1 = gw_sxtb16_odd(w[1]), v2 = gw_sxtb16_odd(w[2]); /* second and third */
    const int32_t bias = table[0], multiplier = table[1], addend = table[2];
    const gw_u32 *const end = p + OW * S;
    for (; p != end; p += S, q += S, y += C) {
        int32_t a, b = bias;
        uint32_t x = p[0];
        a = gw_smlad(x, u0, bias);
        if (rows > 1) b = gw_smlatb(x, u0, bias);
        x = p[1];
        a = gw_smlad(x, u1, a);
        if (rows > 1) b = gw_smlatb(x, u1, b);
        x = p[2];
        a = gw_smlad(x, u2, a);
        if (rows > 1) b = gw_smlatb(x, u2, b);
        x = q[0];
        a = gw_smlabt(x, v0, a);
        if (rows > 1) b = gw_smlad(x, v0, b);
        x = q[1];
        a = gw_smlabt(x, v1, a);
        if (rows > 1) b = gw_smlad(x, v1, b);
        x = q[2];
        a = gw_smlabt(x, v2, a);
        if (rows > 1) b = gw_smlad(x, v2, b);
        y[0] = gw_requant_high(FORM, a, PRE, LEFT, multiplier, addend, POST, Y_ZERO, LO, HI);
        if (rows > 1) y[OW * C] = gw_requant_high(FORM, b, PRE, LEFT, multiplier, addend, POST, Y_ZERO, LO, HI);
    }
}

/* n channels' results in one or two rows. */
GW_INLINE void depthwise_s8_dsp_channels(const int32_t n, const int32_t rows, const gw_u32 *p, const gw_u32 *q, const uint32_t *w,
                                         const int32_t *table, int8_t *y)
{
    enum { OW = 8, S = 1 };  // @constants
    enum { WIDTH = (OW - 1) * S + 3 };
    int32_t i;
    for (i = 0; i < n; ++i) {
        depthwise_s8_dsp_rows(rows, p, q, w, table, y);
        p += WIDTH;
        q += WIDTH;
        w += 3;
        table += 3;
        ++y;
    }
}

void depthwise_s8_dsp(const int8_t *x, int8_t *y, const uint32_t *w, const int32_t *table, uint8_t *scratch)
{
    enum { C = 8, OH = 8, OW = 8, S = 1, PT = 1, BLOCK = 8 };  // @constants
    enum { WIDTH = (OW - 1) * S + 3, BUFFER = (BLOCK + 3) / 4 * 4 * WIDTH, ROWS = S == 1 ? 2 : 1, TAIL = C % 4 };
    int32_t first, oy, c;
    for (first = 0; first < C; first += BLOCK) {
        const int32_t end = first + BLOCK < C ? first + BLOCK : C, full = end - first - (end - first) % 4;
        gw_u32 *p = (gw_u32 *)(void *)scratch, *q = p + BUFFER;
        for (oy = -ROWS; oy < OH; oy += ROWS) { /* one round more, to read the first pair */
            int8_t *const row = y + oy * OW * C + first;
            for (c = 0; c < full; c += 4) {
                depthwise_s8_dsp_pair(4, q + c * WIDTH, x + first + c, (oy + ROWS) * S - PT);
                if (oy < 0) continue;
                if (ROWS == 2 && (OH % 2 == 0 || oy + 1 < OH)) {
                    depthwise_s8_dsp_channels(4, 2, p + c * WIDTH, q + c * WIDTH, w + (first + c) * 3, table + (first + c) * 3, row + c);
                } else {
                    depthwise_s8_dsp_channels(4, 1, p + c * WIDTH, q + c * WIDTH, w + (first + c) * 3, table + (first + c) * 3, row + c);
                }
            }
            if (TAIL > 0 && end == C) {
                depthwise_s8_dsp_pair(TAIL, q + c * WIDTH, x + first + c, (oy + ROWS) * S - PT);
                if (oy >= 0 && ROWS == 2 && (OH % 2 == 0 || oy + 1 < OH)) {
                    depthwise_s8_dsp_channels(TAIL, 2, p + c * WIDTH, q + c * WIDTH, w + (first + c) * 3, table + (first + c) * 3, row + c);
                } else if (oy >= 0) {
                    depthwise_s8_dsp_channels(TAIL, 1, p + c * WIDTH, q + c * WIDTH, w + (first + c) * 3, table + (first + c) * 3, row + c);
                }
            }
            {
                gw_u32 *const swap = p;
                p = q;
                q = swap;
            }
        }
    }
}
