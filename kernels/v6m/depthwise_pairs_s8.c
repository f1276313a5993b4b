/* SPDX-License-Identifier: 0BSD */
/* Depthwise convolution, int8, two pixels of a row at a time: y = requant(bias + sum of (x - X_ZERO) * w over the taps that lie inside x).
 *
 * Two activations of a channel stand in one 32-bit word, x0 + 65536 * x1, and meet a weight in one multiplication. The sums of a few such
 * products fit 16 bits each: of how many, the compiler has proved from the weights (CUT). Then both sums are taken apart and added to
 * accumulators of 32 bits. A channel's rows become words once, in a ring of KH rows, and serve KH output rows.
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C]
 * w      [C][KH * KW], KH <= 5, KW <= 5
 * bias   [C], with -X_ZERO * (sum of the channel's weights) in it: the sums are of x itself, and padding is X_ZERO
 * mult, shift  [MULT_N], [SHIFT_N]: one a channel, or one element for all; FORM and PRE say how (gw_rescale), or that mult holds lines of
 *        gw_requant_window, whose start is taken off the bias
 * CUT    bit k: sums are taken apart after tap k; the last tap's is set. For each channel and the taps between two cuts, with x anywhere in
 *        int8: -32768 <= sum of x * w <= 32767
 * scratch  KH rows of W words, then KH * KW words for the channel's weights
 * KH, KW kernel, SH, SW stride, PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: a channel after the other, each read and written whole, row by row. Input and output may not overlap. */
#include "gw_kernel.h"

typedef int16_t depthwise_pairs_s8_mult;  // @type

/* Words of row iy: word j holds columns j - PL and j - PL + SW; outside x there is X_ZERO. x: the channel's first activation. */
static GW_NOINLINE void depthwise_pairs_s8_row(gw_u32 *to, const int8_t *x, int32_t iy)
{
    enum { IH = 8, IW = 8, C = 6, OW = 8, KW = 3, SW = 1, PL = 1, X_ZERO = -128 };  // @constants
    enum {
        W = (OW - 1) * SW + KW, /* columns from the first tap to the last */
        INSIDE = W - PL < IW ? W - PL : IW
    };
    int32_t j;
    if (iy < 0 || iy >= IH) {
        for (j = 0; j < W; ++j) to[j] = (uint32_t)X_ZERO * 65537u;
        return;
    }
    x += iy * IW * C;
    /* Column j is the lower half of word j and the upper half of word j - SW. */
    for (j = 0; j < PL; ++j) to[j] = (uint32_t)X_ZERO;
    for (j = PL; j < PL + INSIDE; ++j) {
        const uint32_t v = (uint32_t)*x;
        to[j] = v;
        x += C;
    }
    for (; j < W; ++j) to[j] = (uint32_t)X_ZERO;
    for (j = 0; j < W - SW; ++j) to[j] += to[j + SW] << 16;
}

/* Two accumulators become their results, as bytes 0 to 255. */
GW_INLINE void depthwise_pairs_s8_results(int32_t *a0, int32_t *a1, const depthwise_pairs_s8_mult *mult, const int8_t *shift)
{
    enum { FORM = 1, PRE = 0, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    if (FORM >= GW_WINDOW) {
        gw_requant_windows(FORM, a0, a1, (const int32_t *)(const void *)mult, PRE);
    } else {
        *a0 = (uint8_t)gw_requant(FORM, *a0, PRE, *mult, *shift, Y_ZERO, LO, HI);
        *a1 = (uint8_t)gw_requant(FORM, *a1, PRE, *mult, *shift, Y_ZERO, LO, HI);
    }
}

/* Takes both halves of a sum apart and adds them to the accumulators. */
GW_INLINE void depthwise_pairs_s8_cut(uint32_t sum, int32_t *a0, int32_t *a1)
{
#if defined(__GNUC__) && defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__) /* gcc would keep many sums and spill them */
    int32_t low, first = *a0, second = *a1;
    __asm__(".syntax unified\n sxth %[l], %[s]\n subs %[s], %[s], %[l]\n asrs %[s], %[s], #16\n add %[a], %[l]\n add %[b], %[s]\n"
            : [s] "+l"(sum), [l] "=&l"(low), [a] "+r"(first), [b] "+r"(second)
            :
            : "cc");
    *a0 = first;
    *a1 = second;
#else
    const int32_t low = (int16_t)(uint16_t)(sum & 0xFFFFu);
    *a0 += low;
    *a1 += (int32_t)(sum - (uint32_t)low) >> 16;
#endif
}

#define GW_TAP(ky, kx) \
    if ((kx) < KW) { \
        sum += row[kx] * w[(ky)*KW + (kx)]; \
        if (((CUT) >> ((ky)*KW + (kx))) & 1) { \
            depthwise_pairs_s8_cut(sum, &a0, &a1); \
            sum = 0; \
        } \
    }
#define GW_ROW(ky) \
    if ((ky) < KH) { \
        const gw_u32 *row = rows[(ky) < KH ? (ky) : 0] + at; \
        GW_TAP(ky, 0) \
        GW_TAP(ky, 1) \
        GW_TAP(ky, 2) \
        GW_TAP(ky, 3) \
        GW_TAP(ky, 4) \
    }

/* A row of one channel's results. */
static GW_NOINLINE void depthwise_pairs_s8_line(const gw_u32 *const *rows, const gw_u32 *w, int32_t bias,
                                                const depthwise_pairs_s8_mult *mult, const int8_t *shift, int8_t *y)
{
    enum { C = 6, OW = 8, KH = 3, KW = 3, SW = 1, CUT = 340 };  // @constants
    int32_t at = 0;
    const int8_t *const end = y + OW * C;
    for (;;) {
        int32_t a0 = bias, a1 = bias;
        uint32_t sum = 0;
        GW_ROW(0)
        GW_ROW(1)
        GW_ROW(2)
        GW_ROW(3)
        GW_ROW(4)
        depthwise_pairs_s8_results(&a0, &a1, mult, shift);
        *y = (int8_t)(uint8_t)a0;
        y += C;
        if (OW % 2 != 0 && y == end) break;
        *y = (int8_t)(uint8_t)a1;
        y += C;
        if (OW % 2 == 0 && y == end) break;
        at += 2 * SW;
    }
}
#undef GW_TAP
#undef GW_ROW

void depthwise_pairs_s8(const int8_t *x, int8_t *y, const int8_t *w, const int32_t *bias, const depthwise_pairs_s8_mult *mult,
                        const int8_t *shift, uint8_t *scratch)
{
    enum { C = 6, OH = 8, OW = 8, KH = 3, KW = 3, SH = 1, SW = 1, PT = 1 };  // @constants
    enum { FORM = 1, MULT_N = 6, SHIFT_N = 6 };                              // @constants
    enum { W = (OW - 1) * SW + KW };
    gw_u32 *const words = (gw_u32 *)(void *)scratch, *const weights = words + KH * W;
    int32_t c;
    for (c = 0; c < C; ++c) {
        const gw_u32 *rows[KH];
        int32_t oy, k, next = 0; /* next: how many rows are words */
        for (k = 0; k < KH * KW; ++k) {
            const uint32_t v = (uint32_t)*w++;
            weights[k] = v;
        }
        for (k = 0; k < KH; ++k) rows[k] = words + k * W;
        for (oy = 0; oy < OH; ++oy) {
            for (; next < oy * SH + KH; ++next) {
                if (next >= KH) { /* the oldest row makes room */
                    const gw_u32 *const first = rows[0];
                    for (k = 1; k < KH; ++k) rows[k - 1] = rows[k];
                    rows[KH - 1] = first;
                }
                depthwise_pairs_s8_row(words + (rows[next < KH ? next : KH - 1] - words), x, next - PT);
            }
            depthwise_pairs_s8_line(rows, weights, bias[c], mult, shift, y + oy * OW * C);
        }
        mult += GW_LINE(FORM, MULT_N);
        shift += SHIFT_N > 1;
        ++x;
        ++y;
    }
}
