/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer, int8, for cores with DSP instructions: y = requant(bias + sum of x * w).
 *
 * x      [M][K]: M rows, each one a call of the layer
 * y      [M][O]
 * w      blocks of four outputs [WORDS][2], then, for what is left, blocks of two [WORDS]. A word holds two weights of two outputs: bytes 0
 *        and 2 the even output's, bytes 1 and 3 the odd one's. With MIXED each halfword is 256 * odd + even. Of each four weights the first
 * and third are in one word, the second and fourth in the next; of a rest of two, both in one. table  [O][3]: bias, less X_ZERO times the
 * sum of the output's weights (with MIXED 256 * odd + even in the odd output's place); multiplier; addend or shift. FORM, PRE, LEFT, POST
 * say how (gw_requant_high) WORDS  words that hold K weights; Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: for each row and each block of outputs (four, then two) the row of x is read whole, then the block's results are written.
 *
 * MIXED: A sums x * (256 * odd + even), S sums x * even, so the odd output's sum is (A - S) >> 8, exact while it fits 24 bits. */
#include "gw_kernel.h"

/* Adds the products of two lanes of x with n outputs' weights. */
GW_INLINE void dense_s8_dsp_lanes(const int32_t n, int32_t *acc, uint32_t x, const uint32_t *w)
{
    enum { MIXED = 1 };  // @constants
    uint32_t v = w[0];
    acc[1] = gw_smlad(x, MIXED ? v : gw_sxtb16_odd(v), acc[1]);
    v = gw_sxtb16(v);
    acc[0] = gw_smlad(x, v, acc[0]);
    if (n > 2) {
        v = w[1];
        acc[3] = gw_smlad(x, MIXED ? v : gw_sxtb16_odd(v), acc[3]);
        v = gw_sxtb16(v);
        acc[2] = gw_smlad(x, v, acc[2]);
    }
}

/* The same for four elements of x. */
GW_INLINE void dense_s8_dsp_four(const int32_t n, int32_t *acc, const int8_t *x, const uint32_t *w)
{
    const uint32_t v = gw_load_4(x);
    dense_s8_dsp_lanes(n, acc, gw_sxtb16(v), w);
    dense_s8_dsp_lanes(n, acc, gw_sxtb16_odd(v), w + n / 2);
}

/* Output i of a block, whose sum is acc; even: the sum of the output before. */
GW_INLINE void dense_s8_dsp_write(const int32_t i, int32_t acc, int32_t even, const int32_t *table, int8_t *y)
{
    enum { MIXED = 1, FORM = 4, PRE = 0, LEFT = 8, POST = 8, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    if (MIXED && i % 2 != 0) acc = (int32_t)((uint32_t)acc - (uint32_t)even) >> 8;
    y[i] = gw_requant_high(FORM, acc, PRE, LEFT, table[3 * i + 1], table[3 * i + 2], POST, Y_ZERO, LO, HI);
}

/* n outputs of a row, 4 or 2; only `written` of them are. */
GW_INLINE void dense_s8_dsp_block(const int32_t n, const int32_t written, const int8_t *x, const uint32_t *w, const int32_t *table,
                                  int8_t *y)
{
    enum { K = 36 };  // @constants
    enum { REST = K % 4, EIGHTS = K / 8 * 8 };
    const int8_t *const end = x + EIGHTS;
    int32_t acc[4];
    acc[0] = table[0];
    acc[1] = written > 1 ? table[3] : 0;
    acc[2] = written > 2 ? table[6] : 0;
    acc[3] = written > 3 ? table[9] : 0;
    for (; x != end; x += 8, w += 2 * n) {
        dense_s8_dsp_four(n, acc, x, w);
        dense_s8_dsp_four(n, acc, x + 4, w + n);
    }
    if (K % 8 >= 4) {
        dense_s8_dsp_four(n, acc, x, w);
        x += 4;
        w += n;
    }
    if (REST > 0) dense_s8_dsp_lanes(n, acc, gw_lanes(x[0], REST > 1 ? x[REST - 1] : 0), w);
    if (REST == 3) dense_s8_dsp_lanes(n, acc, gw_lanes(x[1], 0), w + n / 2);
    dense_s8_dsp_write(0, acc[0], 0, table, y);
    if (written > 1) dense_s8_dsp_write(1, acc[1], acc[0], table, y);
    if (written > 2) dense_s8_dsp_write(2, acc[2], 0, table, y);
    if (written > 3) dense_s8_dsp_write(3, acc[3], acc[2], table, y);
}

void dense_s8_dsp(const int8_t *x, int8_t *y, const uint32_t *w, const int32_t *table)
{
    enum { M = 1, K = 36, O = 10, WORDS = 18 };  // @constants
    int32_t row;
    for (row = 0; row < M; ++row) {
        const uint32_t *wb = w;
        const int32_t *t = table;
        int32_t left = O;
        for (; left >= 4; left -= 4, y += 4, t += 12, wb += 2 * WORDS) dense_s8_dsp_block(4, 4, x, wb, t, y);
        if (O % 4 > 1) {
            dense_s8_dsp_block(2, 2, x, wb, t, y);
            y += 2;
            t += 6;
            wb += WORDS;
        }
        if (O % 2 != 0) {
            dense_s8_dsp_block(2, 1, x, wb, t, y);
            ++y;
        }
        x += K;
    }
}
