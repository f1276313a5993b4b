/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, int8, two output channels at a time: y = requant(bias + sum of (x - X_ZERO) * w over the taps that lie inside x).
 *
 * Two weights stand in one 32-bit word, w0 + 65536 * w1, made from the bytes when the layer begins, and meet an activation in one
 * multiplication. The sums of a few such products fit 16 bits each: of how many, the compiler has proved from the weights (CUT). Then both
 * sums are taken apart and added to accumulators of 32 bits.
 *
 * x      [IH][IW][IC]
 * y      [OH][OW][OC], OC a multiple of 4
 * w      OC / 4 blocks [KH][RUN][4], RUN = KW * IC <= 12 taps side by side in x, KH * RUN <= 64
 * bias   [OC], with -X_ZERO * (sum of the channel's weights) in it: the sums are of x itself, and padding is X_ZERO
 * mult, shift  [MULT_N], [SHIFT_N]: one a channel, or one element for all; FORM and PRE say how (gw_rescale), or
 *        that mult holds lines of gw_requant_window, whose start is taken off the bias
 * scratch  OC / 4 blocks [KH][RUN] of two words: channels 0 and 1, 2 and 3
 * CUT    bit k: sums are taken apart after tap k of a run; the last one's is set. For each channel, each run and the taps between two cuts,
 *        with x anywhere in int8: -32768 <= sum of x * w <= 32767
 * KH, KW kernel, SH, SW stride, DH dilation, PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: output pixels row by row, left to right. For each block of four channels all of its taps are read, then its results are written.
 *
 * The sums are in assembler for Armv6-M, where compilers know little to do with the high registers. The C next to it computes the same. */
#include "gw_kernel.h"

typedef int16_t conv2d_words_s8_mult;  // @type

/* What the pixels of one call have in common. */
typedef struct {
    const gw_u32 *words;
    const int32_t *bias;
    const conv2d_words_s8_mult *mult;
    const int8_t *shift;
    int8_t *y;        /* next result */
    int32_t pixels;   /* side by side */
    int32_t row_step; /* from a run to the next */
} conv2d_words_s8_place;

/* clang does not give the high registers to assembler. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_ARCH_6M__)
#define GW_ASSEMBLER 1
#else
#define GW_ASSEMBLER 0
#endif

#if !GW_ASSEMBLER
#define GW_CUT(word, first, second) \
    do { \
        const int32_t part = (int16_t)(word); \
        (first) += part; \
        (second) += (int32_t)((word) - (uint32_t)part) >> 16; \
    } while (0)
#define GW_TAP(k) \
    if (RUN > (k)) { \
        const uint32_t v = (uint32_t)xp[k]; \
        const int32_t anew = ((1 + 2 * CUT) >> (k)&1) != 0; \
        low = (anew ? 0 : low) + v * w[2 * (k)]; \
        high = (anew ? 0 : high) + v * w[2 * (k) + 1]; \
        if ((CUT >> (k)&1) != 0) { \
            GW_CUT(low, a0, a1); \
            GW_CUT(high, a2, a3); \
        } \
    }
#endif

static GW_NOINLINE void conv2d_words_s8_pixels(const int8_t *x, conv2d_words_s8_place *p)
{
    enum { IC = 1, OC = 8, KH = 3, SW = 1, RUN = 3, CUT = 6 };                                // @constants
    enum { FORM = 1, PRE = 0, MULT_N = 8, SHIFT_N = 8, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    enum { MS = GW_LINE(FORM, MULT_N), SS = SHIFT_N > 1 };
    int32_t pixels = p->pixels;
    do {
        const gw_u32 *w = p->words;
        int32_t c = 0;
        do {
            const int32_t *bias = p->bias + c;
            int32_t a0 = bias[0], a1 = bias[1], a2 = bias[2], a3 = bias[3];
#if GW_ASSEMBLER
            const gw_u32 *const end = w + 2 * KH * RUN;
            register const int8_t *r0 __asm__("r0") = x;
            register const gw_u32 *r1 __asm__("r1") = w;
            register int32_t r8 __asm__("r8") = a0;
            register int32_t r9 __asm__("r9") = a1;
            register int32_t r10 __asm__("r10") = a2;
            register int32_t r11 __asm__("r11") = a3;
            register int32_t r12 __asm__("r12") = p->row_step;
            register const gw_u32 *r14 __asm__("lr") = end;
            /* A run after the other, tap by tap: r0 x, r1 words, r2 and r3 sums, r4 activation. */
            __asm__ volatile(
                ".syntax unified\n 1:\n .irp k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n .if %c[run] > \\k\n"
                "ldrb r4, [r0, #\\k]\n sxtb r4, r4\n"
                ".if ((1 + 2 * %c[cut]) >> \\k) & 1\n ldm r1!, {r2, r3}\n muls r2, r4, r2\n muls r3, r4, r3\n"
                ".else\n ldm r1!, {r5, r6}\n muls r5, r4, r5\n muls r6, r4, r6\n adds r2, r2, r5\n adds r3, r3, r6\n .endif\n"
                ".if (%c[cut] >> \\k) & 1\n"
                "sxth r5, r2\n subs r2, r2, r5\n asrs r2, r2, #16\n add r8, r8, r5\n add r9, r9, r2\n"
                "sxth r5, r3\n subs r3, r3, r5\n asrs r3, r3, #16\n add r10, r10, r5\n add r11, r11, r3\n .endif\n .endif\n .endr\n"
                "add r0, r0, r12\n cmp r1, lr\n .if %c[run] < 5\n bne 1b\n .else\n beq 2f\n b 1b\n 2:\n .endif\n"
                : "+r"(r0), "+r"(r1), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r11)
                : "r"(r12), "r"(r14), [run] "i"(RUN), [cut] "i"(CUT)
                : "r2", "r3", "r4", "r5", "r6", "cc", "memory");
            a0 = r8;
            a1 = r9;
            a2 = r10;
            a3 = r11;
            w = end;
#else
            const int8_t *xp = x;
            int32_t rows = KH;
            do {
                uint32_t low = 0, high = 0;
                GW_TAP(0)
                GW_TAP(1)
                GW_TAP(2)
                GW_TAP(3)
                GW_TAP(4)
                GW_TAP(5)
                GW_TAP(6)
                GW_TAP(7)
                GW_TAP(8)
                GW_TAP(9)
                GW_TAP(10)
                GW_TAP(11)
                xp += p->row_step;
                w += 2 * RUN;
            } while (--rows > 0);
#endif
            {
                const conv2d_words_s8_mult *mult = p->mult + c * MS;
                const int8_t *shift = p->shift + c * SS;
                int8_t *y = p->y;
                const int32_t s0 = shift[0], s1 = shift[SS], s2 = shift[2 * SS], s3 = shift[3 * SS];
                if (FORM >= GW_WINDOW) {
                    const int32_t *line = (const int32_t *)(const void *)mult;
                    y[0] = gw_requant_window(FORM, a0, line, PRE);
                    y[1] = gw_requant_window(FORM, a1, line + MS, PRE);
                    y[2] = gw_requant_window(FORM, a2, line + 2 * MS, PRE);
                    y[3] = gw_requant_window(FORM, a3, line + 3 * MS, PRE);
                } else {
                    y[0] = gw_requant(FORM, a0, PRE, mult[0], s0, Y_ZERO, LO, HI);
                    y[1] = gw_requant(FORM, a1, PRE, mult[MS], s1, Y_ZERO, LO, HI);
                    y[2] = gw_requant(FORM, a2, PRE, mult[2 * MS], s2, Y_ZERO, LO, HI);
                    y[3] = gw_requant(FORM, a3, PRE, mult[3 * MS], s3, Y_ZERO, LO, HI);
                }
                p->y = y + 4;
            }
            c += 4;
        } while (c < OC);
        x += SW * IC;
    } while (--pixels > 0);
}
#undef GW_TAP
#undef GW_CUT
#undef GW_ASSEMBLER

void conv2d_words_s8(const int8_t *x, int8_t *y, const int8_t *w, const int32_t *bias, const conv2d_words_s8_mult *mult,
                     const int8_t *shift, uint8_t *scratch)
{
    enum { IH = 8, IW = 8, IC = 1, OH = 8, OW = 8, OC = 8, X_ZERO = -128, RUN = 3 };  // @constants
    enum { KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, PT = 1, PL = 1 };                  // @constants
    enum {
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH, /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + KW > IW,            /* the right one */
        LAST = RIGHT ? (IW - KW + PL) / SW : OW - 1      /* the last column whose windows do not, if there is one */
    };
    gw_u32 *words = (gw_u32 *)(void *)scratch;
    conv2d_words_s8_place p;
    int32_t oy, ox, i;
    for (i = 0; i < OC / 2 * KH * RUN; ++i) words[i] = (uint32_t)w[2 * i] + ((uint32_t)w[2 * i + 1] << 16);
    p.words = words;
    p.bias = bias;
    p.mult = mult;
    p.shift = shift;
    p.y = y;
    for (oy = 0; oy < OH; ++oy) {
        const int32_t iy = oy * SH - PT;
        const int32_t rows_inside = (PT == 0 || iy >= 0) && (!DOWN || iy + (KH - 1) * DH < IH);
        for (ox = 0; ox < OW; ox += p.pixels) {
            const int32_t ix = ox * SW - PL;
            if (rows_inside && (PL == 0 || ix >= 0) && (!RIGHT || ix + KW <= IW)) {
                p.pixels = LAST + 1 - ox;
                p.row_step = DH * IW * IC;
                conv2d_words_s8_pixels(x + (iy * IW + ix) * IC, &p);
            } else {
                /* The window with its padding. One loop over a run on purpose: of three, compilers make calls of memset and memcpy. */
                int8_t window[KH * RUN], *to = window;
                int32_t row = iy;
                do {
                    const int8_t *const stop = to + RUN;
                    const int8_t *from = x + (row * IW + ix) * IC;
                    uint32_t column = row >= 0 && row < IH ? (uint32_t)(ix * IC) : (uint32_t)(IW * IC);
                    do {
                        *to++ = column < (uint32_t)(IW * IC) ? *from : X_ZERO;
                        ++from;
                        ++column;
                    } while (to != stop);
                    row += DH;
                } while (to != window + KH * RUN);
                p.pixels = 1;
                p.row_step = RUN;
                conv2d_words_s8_pixels(window, &p);
            }
        }
    }
}
