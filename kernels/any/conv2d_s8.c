/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, int8 or int16: y = requant(bias + sum of (x - X_ZERO) * w over the taps that lie inside x), or those sums themselves.
 *
 * x      [IH][IW][G * IC], IC input channels a group
 * y      [OH][OW][G * OC], OC output channels a group
 * w      each group: OC / 4 blocks [KH][KW][IC][4], then one block [KH][KW][IC][OC % 4]: the weights that meet one activation lie side by
 *        side. W_ZERO is added to each: 128 makes them unsigned, for cores whose signed byte loads have no immediate offset (Armv6-M).
 *        The sum of the activations, which all channels share, takes it out again, and a zero point of the weights with it.
 * bias   [G * OC]
 * mult, shift  [MULT_N], [SHIFT_N]: one a channel, or one element for all; FORM and PRE say how (gw_requant_sum)
 * elem, out, sum, bias: types of x, of y, of the sums and of the biases; 64 bits where int16 needs them. FORM 9: y holds the sums, int32
 * KH, KW kernel, SH, SW stride, DH, DW dilation, PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 * UNROLL taps (1 to 4) are written out in the inner loop
 *
 * Order: output pixels row by row, left to right; BACKWARD 1: from the last pixel to the first. For each block of channels (up to 4) of a
 * pixel all of its taps are read, then its results are written; with one block and one group a pixel is thus read whole before it is
 * written. Nothing outside x and w is read.
 *
 * The innermost loops stand in a function of their own that is not inlined: on cores with eight low registers the compiler else gives those
 * to the outer loops. */
#include "gw_kernel.h"

typedef int16_t conv2d_s8_mult;    // @type
typedef uint8_t conv2d_s8_weight;  // @type
typedef int8_t conv2d_s8_elem;     // @type
typedef int8_t conv2d_s8_out;      // @type
typedef int32_t conv2d_s8_sum;     // @type
typedef int32_t conv2d_s8_bias;    // @type

/* What the pixels of one call have in common. */
typedef struct {
    const conv2d_s8_bias *bias;
    const conv2d_s8_mult *mult;
    const int8_t *shift;
    conv2d_s8_out *y;        /* next result */
    int32_t rows, columns;   /* taps that lie inside x */
    int32_t pixels, channel; /* how many pixels, first output channel */
} conv2d_s8_place;

/* acc[0 .. n-1] += x[0] * w[.], acc[4]: sum of the activations. */
GW_INLINE void conv2d_s8_tap(const int32_t n, conv2d_s8_sum *acc, const conv2d_s8_elem *x, const conv2d_s8_weight *w)
{
    enum { X_ZERO = -128, W_ZERO = 128 };  // @constants
    const int32_t v = *x - X_ZERO;
    acc[0] += v * w[0];
    if (n > 1) acc[1] += v * w[1];
    if (n > 2) acc[2] += v * w[2];
    if (n > 3) acc[3] += v * w[3];
    if (W_ZERO != 0) acc[4] += v;
}

/* p->pixels pixels side by side with the same taps inside, `blocks` blocks of n channels each. x, w: the first tap inside. */
GW_INLINE void conv2d_s8_pixels(const int32_t n, const int32_t blocks, const conv2d_s8_elem *x, const conv2d_s8_weight *w,
                                conv2d_s8_place *p)
{
    enum { IW = 8, IC = 3, G = 1, KH = 3, KW = 3, SW = 1, DH = 1, DW = 1, W_ZERO = 128, UNROLL = 3 };  // @constants
    enum { FORM = 1, PRE = 0, MULT_N = 6, SHIFT_N = 6, Y_ZERO = -128, LO = -128, HI = 127 };           // @constants
    enum { XC = G * IC, ONE_RUN = G == 1 && DW == 1 /* a row's taps lie side by side in x */ };
    const int32_t length = ONE_RUN ? p->columns * IC : IC;
    const int32_t runs = ONE_RUN ? 1 : p->columns;
    const int32_t x_skip = (DH * IW - DW * p->columns) * XC, w_skip = (KW - p->columns) * IC * n; /* from the end of a row to the next */
    int32_t pixels = p->pixels;
    do {
        const conv2d_s8_weight *wb = w;
        int32_t c = p->channel, block = blocks;
        do {
            conv2d_s8_sum acc[5];
            int32_t rows = p->rows;
            const conv2d_s8_elem *xp = x;
            const conv2d_s8_weight *wp = wb;
            const conv2d_s8_bias *bias = p->bias + c;
            acc[0] = bias[0];
            acc[1] = n > 1 ? bias[1] : 0;
            acc[2] = n > 2 ? bias[2] : 0;
            acc[3] = n > 3 ? bias[3] : 0;
            acc[4] = 0;
            for (; rows > 0; --rows) {
                int32_t run = runs;
                do {
                    const conv2d_s8_elem *end = xp + length;
                    if (UNROLL > 1) {
                        for (; end - xp >= UNROLL; xp += UNROLL, wp += UNROLL * n) {
                            conv2d_s8_tap(n, acc, xp, wp);
                            conv2d_s8_tap(n, acc, xp + 1, wp + n);
                            if (UNROLL > 2) conv2d_s8_tap(n, acc, xp + 2, wp + 2 * n);
                            if (UNROLL > 3) conv2d_s8_tap(n, acc, xp + 3, wp + 3 * n);
                        }
                    }
                    if (IC % UNROLL != 0) {
                        for (; xp != end; ++xp, wp += n) conv2d_s8_tap(n, acc, xp, wp);
                    } else if (UNROLL == 1) {
                        do {
                            conv2d_s8_tap(n, acc, xp, wp);
                            ++xp;
                            wp += n;
                        } while (xp != end);
                    }
                    xp += DW * XC - IC;
                } while (--run > 0);
                xp += x_skip;
                wp += w_skip;
            }
            acc[4] *= W_ZERO;
            {
                const conv2d_s8_mult *mult = p->mult + (MULT_N > 1 ? c : 0);
                const int8_t *shift = p->shift + (SHIFT_N > 1 ? c : 0);
                enum { MS = MULT_N > 1, SS = SHIFT_N > 1 };
                conv2d_s8_out *y = p->y;
                y[0] = (conv2d_s8_out)gw_requant_sum(FORM, acc[0] - acc[4], PRE, mult[0], shift[0], Y_ZERO, LO, HI);
                if (n > 1) y[1] = (conv2d_s8_out)gw_requant_sum(FORM, acc[1] - acc[4], PRE, mult[MS], shift[SS], Y_ZERO, LO, HI);
                if (n > 2) y[2] = (conv2d_s8_out)gw_requant_sum(FORM, acc[2] - acc[4], PRE, mult[2 * MS], shift[2 * SS], Y_ZERO, LO, HI);
                if (n > 3) y[3] = (conv2d_s8_out)gw_requant_sum(FORM, acc[3] - acc[4], PRE, mult[3 * MS], shift[3 * SS], Y_ZERO, LO, HI);
                p->y = y + n;
            }
            c += n;
            wb += KH * KW * IC * n;
        } while (--block > 0);
        x += SW * XC;
    } while (--pixels > 0);
}

static GW_NOINLINE void conv2d_s8_blocks(const conv2d_s8_elem *x, const conv2d_s8_weight *w, conv2d_s8_place *p)
{
    enum { OC = 6 };  // @constants
    conv2d_s8_pixels(4, OC / 4, x, w, p);
}

static GW_NOINLINE void conv2d_s8_tail(const conv2d_s8_elem *x, const conv2d_s8_weight *w, conv2d_s8_place *p)
{
    enum { OC = 6 };  // @constants
    conv2d_s8_pixels(OC % 4, 1, x, w, p);
}

void conv2d_s8(const conv2d_s8_elem *x, conv2d_s8_out *y, const conv2d_s8_weight *w, const conv2d_s8_bias *bias, const conv2d_s8_mult *mult,
               const int8_t *shift)
{
    enum { IH = 8, IW = 8, IC = 3, OH = 8, OW = 8, OC = 6, G = 1 };           // @constants
    enum { KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1, PT = 1, PL = 1 };  // @constants
    enum { BACKWARD = 0 };                                                    // @constants
    enum {
        XC = G * IC,
        FULL = OC / 4,                                   /* blocks of four channels a group, */
        TAIL = OC % 4,                                   /* channels of its last block */
        ONE_CALL = G == 1 && (FULL == 0 || TAIL == 0),   /* a pixel's channels all come from one call */
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH, /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW /* the right one */
    };
    conv2d_s8_place p;
    int32_t row, column, g;
    p.bias = bias;
    p.mult = mult;
    p.shift = shift;
    p.y = y;
    for (row = 0; row < OH; ++row) {
        const int32_t oy = BACKWARD ? OH - 1 - row : row;
        int32_t iy = oy * SH - PT, rows = KH, ky = 0; /* ky: first tap inside, iy: its row of x */
        if (PT > 0) {
            for (; iy < 0; iy += DH) ++ky, --rows;
        }
        if (DOWN) {
            while (rows > 0 && iy + (rows - 1) * DH >= IH) --rows;
        }
        for (column = 0; column < OW; column += p.pixels) {
            const int32_t ox = BACKWARD ? OW - 1 - column : column;
            int32_t ix = ox * SW - PL, columns = KW, kx = 0;
            if (PL > 0) {
                for (; ix < 0; ix += DW) ++kx, --columns;
            }
            if (RIGHT) {
                while (columns > 0 && ix + (columns - 1) * DW >= IW) --columns;
            }
            p.rows = columns > 0 ? rows : 0;
            p.columns = columns;
            p.channel = 0;
            p.pixels = 1;
            if (BACKWARD) p.y = y + (oy * OW + ox) * G * OC;
            if (!BACKWARD && ONE_CALL && columns == KW) {
                /* all pixels up to the last whose window ends inside x */
                enum { LAST = RIGHT ? (IW - 1 - (KW - 1) * DW + PL) / SW : OW - 1 };
                p.pixels = LAST + 1 - ox;
            }
            {
                const conv2d_s8_elem *corner = x + (iy * IW + ix) * XC;
                const conv2d_s8_weight *tap = w;
                const int32_t skipped = (ky * KW + kx) * IC;
                for (g = 0; g < G; ++g) {
                    if (FULL > 0) {
                        conv2d_s8_blocks(corner, tap + skipped * 4, &p);
                        tap += FULL * KH * KW * IC * 4;
                        p.channel += FULL * 4;
                    }
                    if (TAIL > 0) {
                        conv2d_s8_tail(corner, tap + skipped * TAIL, &p);
                        tap += KH * KW * IC * TAIL;
                        p.channel += TAIL;
                    }
                    corner += IC;
                }
            }
        }
    }
}
