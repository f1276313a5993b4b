/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, int8, for cores with DSP instructions: y = requant(bias + sum of x * w over all taps, those outside x being X_ZERO).
 *
 * x      [IH][IW][IC]
 * y      [OH][OW][OC]
 * w      blocks of four output channels [WORDS][2], then, for what is left, blocks of two [WORDS]. A word holds two taps of two channels:
 *        bytes 0 and 2 the even channel's, bytes 1 and 3 the odd one's. With MIXED each halfword is 256 * odd + even. Missing taps and
 *        channels are 0.
 * table  [OC][3]: bias, less X_ZERO times the sum of the channel's weights (with MIXED 256 * odd + even in the odd channel's place);
 *        multiplier; addend or shift. FORM, PRE, LEFT, POST say how (gw_requant_high)
 * scratch [WORDS][2]: the taps of two pixels as int16, two in a word
 * KH, KW kernel, SH, SW stride, DH, DW dilation, PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 * WORDS  words that hold a pixel's taps. Taps that lie side by side in x make a run, of whole words: bytes 0 and 2 of each four in one,
 *        1 and 3 in the next; of a rest of two, both in one.
 * UNROLL divides WORDS: steps written out in the inner loop, at most 8
 *
 * Order: output pixels row by row, left to right, two at a time: all of their taps are read, then all of their results are written.
 *
 * MIXED: A sums x * (256 * odd + even), S sums x * even, so the odd channel's sum is (A - S) >> 8, exact while it fits 24 bits. It takes
 * one unpacking instruction for two channels instead of two. */
#include "gw_kernel.h"

/* Step `at` of the inner loop: adds a word of taps of one or two pixels to the sums of n channels, acc[0 .. 3] of the first pixel,
 * acc[4 .. 7] of the second. The full step is written out: it needs every register, and compilers that schedule it lose some. */
GW_INLINE void conv2d_s8_dsp_step(const int32_t n, const int32_t pixels, const int32_t at, int32_t *acc, const gw_u32 *x, const uint32_t *w)
{
    enum { MIXED = 1, FORM = 4 };  // @constants
#if GW_ALL_REGISTERS
    if (n == 4 && pixels == 2 && MIXED && FORM >= GW_HIGH) {
        int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3], b0 = acc[4], b1 = acc[5], b2 = acc[6], b3 = acc[7];
        uint32_t xa, xb, v, u;
        __asm__(
            "ldr %[xa], [%[x], %[at]]\n\tldr %[xb], [%[x], %[at4]]\n\tldr %[v], [%[w], %[at]]\n\tldr %[u], [%[w], %[at4]]\n\t"
            "smlad %[a1], %[xa], %[v], %[a1]\n\tsmlad %[b1], %[xb], %[v], %[b1]\n\tsxtb16 %[v], %[v]\n\t"
            "smlad %[a0], %[xa], %[v], %[a0]\n\tsmlad %[b0], %[xb], %[v], %[b0]"
            : [a0] "+&r"(a0), [a1] "+&r"(a1), [b0] "+&r"(b0), [b1] "+&r"(b1), [xa] "=&r"(xa), [xb] "=&r"(xb), [v] "=&r"(v), [u] "=&r"(u)
            : [x] "r"(x), [w] "r"(w), [at] "i"(8 * at), [at4] "i"(8 * at + 4)
            : "memory");
        __asm__(
            "smlad %[a3], %[xa], %[u], %[a3]\n\tsmlad %[b3], %[xb], %[u], %[b3]\n\tsxtb16 %[u], %[u]\n\t"
            "smlad %[a2], %[xa], %[u], %[a2]\n\tsmlad %[b2], %[xb], %[u], %[b2]"
            : [a2] "+&r"(a2), [a3] "+&r"(a3), [b2] "+&r"(b2), [b3] "+&r"(b3), [u] "+&r"(u)
            : [xa] "r"(xa), [xb] "r"(xb));
        acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3, acc[4] = b0, acc[5] = b1, acc[6] = b2, acc[7] = b3;
        return;
    }
#endif
    {
        const uint32_t xa = x[2 * at], xb = pixels > 1 ? x[2 * at + 1] : 0;
        uint32_t v = w[n > 2 ? 2 * at : at], odd = MIXED ? v : gw_sxtb16_odd(v);
        acc[1] = gw_smlad(xa, odd, acc[1]);
        if (pixels > 1) acc[5] = gw_smlad(xb, odd, acc[5]);
        v = gw_sxtb16(v);
        acc[0] = gw_smlad(xa, v, acc[0]);
        if (pixels > 1) acc[4] = gw_smlad(xb, v, acc[4]);
        if (n > 2) {
            v = w[2 * at + 1], odd = MIXED ? v : gw_sxtb16_odd(v);
            acc[3] = gw_smlad(xa, odd, acc[3]);
            if (pixels > 1) acc[7] = gw_smlad(xb, odd, acc[7]);
            v = gw_sxtb16(v);
            acc[2] = gw_smlad(xa, v, acc[2]);
            if (pixels > 1) acc[6] = gw_smlad(xb, v, acc[6]);
        }
    }
}

/* One channel's result at one or two pixels. */
GW_INLINE void conv2d_s8_dsp_write(const int32_t pixels, int32_t a, int32_t b, const int32_t *table, int8_t *y)
{
    enum { OC = 6, FORM = 4, PRE = 0, LEFT = 8, POST = 8, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    const int32_t multiplier = table[1], addend = table[2];
    y[0] = gw_requant_high(FORM, a, PRE, LEFT, multiplier, addend, POST, Y_ZERO, LO, HI);
    if (pixels > 1) y[OC] = gw_requant_high(FORM, b, PRE, LEFT, multiplier, addend, POST, Y_ZERO, LO, HI);
}

/* The odd channel's sum. */
GW_INLINE int32_t conv2d_s8_dsp_odd(int32_t mixed, int32_t even)
{
    enum { MIXED = 1 };  // @constants
    return MIXED ? (int32_t)((uint32_t)mixed - (uint32_t)even) >> 8 : mixed;
}

/* n channels of one or two pixels. */
GW_INLINE void conv2d_s8_dsp_block(const int32_t n, const int32_t pixels, const gw_u32 *x, const uint32_t *w, const int32_t *table,
                                   int8_t *y)
{
    enum { WORDS = 14, UNROLL = 7 };  // @constants
    const gw_u32 *const end = x + 2 * WORDS;
    int32_t acc[8];
    acc[0] = acc[4] = table[0];
    acc[1] = acc[5] = n > 1 ? table[3] : 0;
    acc[2] = acc[6] = n > 2 ? table[6] : 0;
    acc[3] = acc[7] = n > 3 ? table[9] : 0;
    do {
        conv2d_s8_dsp_step(n, pixels, 0, acc, x, w);
        if (UNROLL > 1) conv2d_s8_dsp_step(n, pixels, 1, acc, x, w);
        if (UNROLL > 2) conv2d_s8_dsp_step(n, pixels, 2, acc, x, w);
        if (UNROLL > 3) conv2d_s8_dsp_step(n, pixels, 3, acc, x, w);
        if (UNROLL > 4) conv2d_s8_dsp_step(n, pixels, 4, acc, x, w);
        if (UNROLL > 5) conv2d_s8_dsp_step(n, pixels, 5, acc, x, w);
        if (UNROLL > 6) conv2d_s8_dsp_step(n, pixels, 6, acc, x, w);
        if (UNROLL > 7) conv2d_s8_dsp_step(n, pixels, 7, acc, x, w);
        x += UNROLL * 2;
        w += UNROLL * (n > 2 ? 2 : 1);
    } while (x != end);
    conv2d_s8_dsp_write(pixels, acc[0], acc[4], table, y);
    if (n > 1) conv2d_s8_dsp_write(pixels, conv2d_s8_dsp_odd(acc[1], acc[0]), conv2d_s8_dsp_odd(acc[5], acc[4]), table + 3, y + 1);
    if (n > 2) conv2d_s8_dsp_write(pixels, acc[2], acc[6], table + 6, y + 2);
    if (n > 3) conv2d_s8_dsp_write(pixels, conv2d_s8_dsp_odd(acc[3], acc[2]), conv2d_s8_dsp_odd(acc[7], acc[6]), table + 9, y + 3);
}

/* All channels of one or two pixels. */
GW_INLINE void conv2d_s8_dsp_pixels(const int32_t pixels, const gw_u32 *x, const uint32_t *w, const int32_t *table, int8_t *y)
{
    enum { OC = 6, WORDS = 14 };  // @constants
    enum { FULL = OC / 4, TAIL = OC % 4 };
    if (FULL > 0) {
        const uint32_t *const end = w + FULL * WORDS * 2;
        do {
            conv2d_s8_dsp_block(4, pixels, x, w, table, y);
            w += 2 * WORDS;
            table += 12;
            y += 4;
        } while (w != end);
    }
    if (TAIL > 1) conv2d_s8_dsp_block(2, pixels, x, w, table, y);
    if (TAIL == 1) conv2d_s8_dsp_block(1, pixels, x, w, table, y);
    if (TAIL == 3) conv2d_s8_dsp_block(1, pixels, x, w + WORDS, table + 6, y + 2);
}

/* Not inlined: its full step takes all registers, whatever is around it. */
static GW_NOINLINE void conv2d_s8_dsp_pair(const gw_u32 *x, const uint32_t *w, const int32_t *table, int8_t *y)
{
    conv2d_s8_dsp_pixels(2, x, w, table, y);
}

/* n bytes of x as lanes of every other word of `column`; returns where it goes on. */
GW_INLINE gw_u32 *conv2d_s8_dsp_widen(gw_u32 *column, const int8_t *x, const int32_t n)
{
    const int8_t *const end = x + n / 4 * 4;
    const int32_t rest = n % 4;
    while (x != end) {
        const uint32_t v = gw_load_4(x);
        column[0] = gw_sxtb16(v);
        column[2] = gw_sxtb16_odd(v);
        column += 4;
        x += 4;
    }
    if (rest > 0) {
        column[0] = gw_lanes(x[0], rest > 1 ? x[rest - 1] : 0);
        if (rest == 3) column[2] = gw_lanes(x[1], 0);
        column += rest == 3 ? 4 : 2;
    }
    return column;
}

/* A run outside x. */
GW_INLINE gw_u32 *conv2d_s8_dsp_fill(gw_u32 *column, int32_t words)
{
    enum { X_ZERO = -128 };  // @constants
    for (; words > 0; --words, column += 2) *column = gw_lanes(X_ZERO, X_ZERO);
    return column;
}

/* A run of which only elements from to end - 1 lie inside x. */
static gw_u32 *conv2d_s8_dsp_edge(gw_u32 *column, const int8_t *x, int32_t n, int32_t from, int32_t end)
{
    enum { X_ZERO = -128 };  // @constants
    int32_t e, i;
    for (e = 0; e < n; e += 4) {
        int8_t v[4];
        const int32_t rest = n - e;
        for (i = 0; i < 4; ++i) v[i] = X_ZERO;
        for (i = gw_max(from - e, 0); i < gw_min(end - e, gw_min(rest, 4)); ++i) v[i] = x[e + i];
        column[0] = gw_lanes(v[0], rest == 2 ? v[1] : v[2]);
        column += 2;
        if (rest > 2) {
            *column = gw_lanes(v[1], v[3]);
            column += 2;
        }
    }
    return column;
}

/* The taps of the pixel whose window begins at row iy, column ix of x. */
GW_INLINE void conv2d_s8_dsp_column(gw_u32 *column, const int8_t *x, int32_t iy, int32_t ix)
{
    enum { IH = 8, IW = 8, IC = 3, OH = 8, OW = 8, KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1, PT = 1, PL = 1 };  // @constants
    enum {
        ACROSS = PL > 0 || (OW - 1) * SW - PL + (KW - 1) * DW >= IW, /* some windows hang over the left or right edge, */
        DOWN = PT > 0 || (OH - 1) * SH - PT + (KH - 1) * DH >= IH,   /* the upper or lower one */
        RUN = DW == 1 ? KW * IC : IC,
        RUNS = DW == 1 ? 1 : KW,
        WORDS_A_RUN = RUN / 4 * 2 + (RUN % 4 + 1) / 2
    };
    int32_t ky, kx;
    for (ky = 0; ky < KH; ++ky, iy += DH) {
        if (DOWN && (iy < 0 || iy >= IH)) {
            column = conv2d_s8_dsp_fill(column, WORDS_A_RUN * RUNS);
        } else if (!ACROSS || (ix >= 0 && ix + (KW - 1) * DW < IW)) {
            const int8_t *row = x + (iy * IW + ix) * IC;
            for (kx = 0; kx < RUNS; ++kx) column = conv2d_s8_dsp_widen(column, row + kx * DW * IC, RUN);
        } else if (DW == 1 && IC % 4 != 0) {
            column = conv2d_s8_dsp_edge(column, x + iy * IW * IC + ix * IC, RUN, -ix * IC, (IW - ix) * IC);
        } else {
            for (kx = ix; kx < ix + KW * DW; kx += DW) {
                if (kx >= 0 && kx < IW)
                    column = conv2d_s8_dsp_widen(column, x + (iy * IW + kx) * IC, IC);
                else
                    column = conv2d_s8_dsp_fill(column, IC / 4 * 2 + (IC % 4 + 1) / 2);
            }
        }
    }
}

void conv2d_s8_dsp(const int8_t *x, int8_t *y, const uint32_t *w, const int32_t *table, uint8_t *scratch)
{
    enum { OH = 8, OW = 8, OC = 6, SH = 1, SW = 1, PT = 1, PL = 1 };  // @constants
    gw_u32 *const column = (gw_u32 *)(void *)scratch;
    int32_t oy, ox, odd = 0;
    for (oy = 0; oy < OH; ++oy) {
        for (ox = 0; ox < OW; ++ox) {
            conv2d_s8_dsp_column(column + odd, x, oy * SH - PT, ox * SW - PL);
            if (odd) {
                conv2d_s8_dsp_pair(column, w, table, y);
                y += 2 * OC;
            }
            odd ^= 1;
        }
    }
    if (OH * OW % 2 != 0) conv2d_s8_dsp_pixels(1, column, w, table, y);
}
