/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution and the greatest of each 2 x 2 of its results, int8: y = requant(max of bias + sum of (x - X_ZERO) * w).
 *
 * Rescaling never turns an order around, so the greatest sum gives the greatest result, and only that one is rescaled. What the pool would
 * not read is not computed.
 *
 * Two activations side by side stand in one 32-bit word, x0 + 65536 * x1, and meet a weight in one multiplication: two results of the
 * convolution, which the pool puts together. The sums of a few such products fit 16 bits each: of how many, the compiler has proved from
 * the weights (CUT0, CUT1). Then both sums are taken apart and added to accumulators of 32 bits. The rows of x that a row of y needs become
 * words once, padding included.
 *
 * x      [IH][IW][IC]
 * y      [OH][OW][OC], each from 2 x 2 results
 * w      [OC][KW][IC][KH], as words
 * bias   [OC], with -X_ZERO * (sum of the channel's weights) in it: the sums are of x itself, and padding is X_ZERO
 * mult, shift  [MULT_N], [SHIFT_N]: one a channel, or one element for all; FORM and PRE say how (gw_rescale), or
 *        that mult holds lines of gw_requant_window, whose start is taken off the bias
 * scratch  2 * OW - 1 + KW columns of [IC][KH + 1] words, then OC words
 * CUT0, CUT1  bit k: sums are taken apart after tap k of a channel's w, k < 24, and after tap 24 + k; the last tap's is set. For
 *        each channel and the taps between two cuts, with x anywhere in int8: -32768 <= sum of x * w <= 32767
 * KH, KW kernel, in steps of 1; KW * IC * KH <= 48; PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: rows of y. All of x that a row needs is read, then its results are written.
 *
 * The sums are in assembler for Armv6-M, where compilers know little to do with the high registers. The C next to it computes the same. */
#include "gw_kernel.h"

typedef int16_t conv2d_max_s8_mult;  // @type

/* clang does not give the high registers to assembler. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_ARCH_6M__)
#define GW_ASSEMBLER 1
#else
#define GW_ASSEMBLER 0
#endif

/* A row of one channel: word j holds columns j - PL and j - PL + 1; outside x, where `inside` is 0 or beyond the row, there is X_ZERO. */
static GW_NOINLINE void conv2d_max_s8_row(gw_u32 *to, const int8_t *x, int32_t inside)
{
    enum { IW = 8, IC = 1, OW = 4, KH = 3, KW = 3, PL = 1, X_ZERO = -128 };  // @constants
    enum {
        W = 2 * OW - 1 + KW,
        LEFT = PL < W ? PL : W,                   /* columns before the first activation, */
        LAST = PL + IW < W + 1 ? PL + IW : W + 1, /* before the end of the row */
        STEP = IC * (KH + 1)
    };
    int32_t before = X_ZERO, j = LEFT;
    for (; j > 1; --j, to += STEP) *to = (uint32_t)X_ZERO * 65537u;
    j = LEFT;
    if (inside) {
        if (LEFT == 0) {
            before = *x;
            x += IC;
            ++j;
        }
        for (; j < LAST; ++j, to += STEP) {
            const int32_t v = *x;
            *to = (uint32_t)before + ((uint32_t)v << 16);
            before = v;
            x += IC;
        }
    }
    if (j == 0) j = 1;
    for (; j <= W; ++j, to += STEP) {
        *to = (uint32_t)before + ((uint32_t)X_ZERO << 16);
        before = X_ZERO;
    }
}

#if GW_ASSEMBLER
/* One tap of both rows of results, whose words are in `cur` and `next`, which is read here. */
#define GW_TAP(cur, next) \
    "ldm r0!, {" next "}\n ldm r1!, {r6}\n .if .Lanew\n movs r2, r6\n muls r2, " cur ", r2\n movs r3, r6\n muls r3, " next \
    ", r3\n .else\n movs r7, r6\n muls r7, " cur ", r7\n adds r2, r2, r7\n muls r6, " next ", r6\n adds r3, r3, r6\n .endif\n"
#define GW_CUT(sum, first, second) \
    "sxth r7, " sum "\n subs " sum ", " sum ", r7\n asrs " sum ", " sum ", #16\n add " first ", r7\n add " second ", " sum "\n"
#define GW_GREATER(acc) "mov r3, " acc "\n cmp r2, r3\n bge 1f\n movs r2, r3\n 1:\n"

/* The greatest sum of each channel, of the four windows that begin at `words`. */
static GW_NOINLINE void conv2d_max_s8_sums(const gw_u32 *words, const int32_t *w, const int32_t *bias, gw_i32 *greatest)
{
    enum { IC = 1, OC = 4, KH = 3, KW = 3, CUT0 = 340, CUT1 = 0 };  // @constants
    register const gw_u32 *r0 __asm__("r0") = words;
    register const int32_t *r1 __asm__("r1") = w;
    register const int32_t *r2 __asm__("r2") = bias;
    register gw_i32 *r3 __asm__("r3") = greatest;
    register gw_i32 *r12 __asm__("r12") = greatest + OC;
    /* r0 next word, r1 next weight, r2 and r3 sums of the upper and the lower row, r4 and r5 words, r6 weight, r7 product; r8 to r11
     * accumulators; the stack: bias, words, greatest, its end */
    __asm__ volatile(
        ".syntax unified\n"
        "push {r0-r7}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n mov r4, r2\n mov r5, r0\n mov r6, r3\n"
        "mov r7, r12\n push {r4-r7}\n"
        "7:\n ldr r4, [sp, #0]\n ldm r4!, {r5}\n str r4, [sp, #0]\n mov r8, r5\n mov r9, r5\n mov r10, r5\n mov r11, r5\n ldr r0, [sp, #4]\n"
        ".set .Lcut, %c[cut0]\n .set .Lanew, 1\n .set .Lat, 0\n"
        ".rept %c[columns]\n ldm r0!, {r4}\n .set .Lky, 0\n"
        ".rept %c[kh]\n .if .Lat == 24\n .set .Lcut, %c[cut1]\n .endif\n"
        ".if .Lky & 1\n" GW_TAP("r5", "r4") ".else\n" GW_TAP("r4", "r5") ".endif\n"
        ".if .Lcut & 1\n" GW_CUT("r2", "r8", "r9") GW_CUT("r3", "r10", "r11") ".endif\n"
        ".set .Lanew, .Lcut & 1\n .set .Lcut, .Lcut >> 1\n .set .Lky, .Lky + 1\n .set .Lat, .Lat + 1\n"
        ".endr\n .endr\n"
        "mov r2, r8\n" GW_GREATER("r9") GW_GREATER("r10") GW_GREATER("r11")
        "ldr r4, [sp, #8]\n stm r4!, {r2}\n str r4, [sp, #8]\n ldr r5, [sp, #12]\n cmp r4, r5\n beq 8f\n b 7b\n 8:\n"
        "add sp, #16\n pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r0-r7}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        : "r"(r12), [columns] "i"(KW * IC), [kh] "i"(KH), [cut0] "i"(CUT0), [cut1] "i"(CUT1)
        : "cc", "memory");
}
#undef GW_TAP
#undef GW_CUT
#undef GW_GREATER
#else
/* Takes both halves of a sum apart and adds them to the accumulators. */
GW_INLINE void conv2d_max_s8_cut(uint32_t sum, int32_t *acc)
{
    const int32_t low = (int16_t)(uint16_t)(sum & 0xFFFFu);
    acc[0] += low;
    acc[1] += (int32_t)(sum - (uint32_t)low) >> 16;
}

static GW_NOINLINE void conv2d_max_s8_sums(const gw_u32 *words, const int32_t *w, const int32_t *bias, gw_i32 *greatest)
{
    enum { IC = 1, OC = 4, KH = 3, KW = 3, CUT0 = 340, CUT1 = 0 };  // @constants
    int32_t c;
    for (c = 0; c < OC; ++c) {
        const gw_u32 *x = words;
        uint32_t upper = 0, lower = 0;
        int32_t acc[4], column, ky, at = 0;
        acc[0] = acc[1] = acc[2] = acc[3] = bias[c];
        for (column = 0; column < KW * IC; ++column, ++x) {
            for (ky = 0; ky < KH; ++ky, ++x, ++w, ++at) {
                upper += x[0] * (uint32_t)*w;
                lower += x[1] * (uint32_t)*w;
                if (((at < 24 ? CUT0 >> at : CUT1 >> (at - 24)) & 1) != 0) {
                    conv2d_max_s8_cut(upper, acc);
                    conv2d_max_s8_cut(lower, acc + 2);
                    upper = lower = 0;
                }
            }
        }
        greatest[c] = gw_max(gw_max(acc[0], acc[1]), gw_max(acc[2], acc[3]));
    }
}
#endif
#undef GW_ASSEMBLER

void conv2d_max_s8(const int8_t *x, int8_t *y, const int32_t *w, const int32_t *bias, const conv2d_max_s8_mult *mult, const int8_t *shift,
                   uint8_t *scratch)
{
    enum { IH = 8, IW = 8, IC = 1, OH = 4, OW = 4, OC = 4, KH = 3, KW = 3, PT = 1 };          // @constants
    enum { FORM = 1, PRE = 0, MULT_N = 4, SHIFT_N = 4, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    enum { W = 2 * OW - 1 + KW, ROWS = KH + 1 };
    gw_u32 *const words = (gw_u32 *)(void *)scratch;
    gw_i32 *const greatest = (gw_i32 *)(void *)(words + W * IC * ROWS);
    int32_t oy, ox, r, c;
    for (oy = 0; oy < OH; ++oy) {
        const gw_u32 *window = words;
        for (r = 0; r < ROWS; ++r) {
            const int32_t iy = 2 * oy - PT + r, inside = iy >= 0 && iy < IH;
            for (c = 0; c < IC; ++c) conv2d_max_s8_row(words + c * ROWS + r, inside ? x + iy * IW * IC + c : x, inside);
        }
        for (ox = 0; ox < OW; ++ox, window += 2 * IC * ROWS) {
            const conv2d_max_s8_mult *m = mult;
            const int8_t *s = shift;
            conv2d_max_s8_sums(window, w, bias, greatest);
            for (c = 0; c < OC; ++c) {
                const int32_t sum = greatest[c];
                *y++ = FORM >= GW_WINDOW ? gw_requant_window(FORM, sum, (const int32_t *)(const void *)m, PRE)
                                         : gw_requant(FORM, sum, PRE, *m, *s, Y_ZERO, LO, HI);
                m += GW_LINE(FORM, MULT_N);
                s += SHIFT_N > 1;
            }
        }
    }
}
