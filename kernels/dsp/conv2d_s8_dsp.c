/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, int8, for cores with DSP instructions: y = requant(bias + sum of x * w over all taps, those outside x being X_ZERO).
 *
 * x      [IH][IW][IC]
 * y      [OH][OW][OC]
 * w      blocks of four output channels [WORDS][2], then, for what is left, blocks of two [WORDS]. A word holds two taps of two channels:
 *        bytes 0 and 2 the even channel's, bytes 1 and 3 the odd one's. With MIXED each halfword is 256 * odd + even. Missing taps and
 *        channels are 0.
 * table  for each four output channels, the last ones filled up: four biases, less X_ZERO times the sum of the channel's weights (with
 *        MIXED 256 * odd + even in the odd channel's place); four pairs of multiplier and addend or shift; with FORM double also the four
 *        right shifts in the bytes of a word. FORM, PRE, POST say how (gw_requant_high)
 * shape  IH IW IC OH OW OC KH KW SH SW DH DW PT PL X_ZERO WORDS: kernel, stride, dilation, padding above and left. Layers whose constants
 *        are equal share the code
 * scratch [WORDS][2]: the taps of two pixels as int16, two in a word
 * WORDS  words that hold a pixel's taps. Taps that lie side by side in x make a run, of whole words: bytes 0 and 2 of each four in one,
 *        1 and 3 in the next; of a rest of two, both in one.
 * RUN    taps of a run where that is a constant; 0: KW * IC, or IC with a dilation across
 * POINT  1 by 1 in steps of 1, nothing padded; DILATED  with a dilation across, SPLIT  without one and IC a multiple of 4
 * Y_ZERO, LO, HI  zero point and clamp of y; with PLAIN the clamp is int8's and the form holds the zero point
 *
 * Order: output pixels row by row, left to right, two at a time: all of their taps are read, then all of their results are written.
 *
 * MIXED: A sums x * (256 * odd + even), S sums x * even, so A - S is 256 times the odd channel's sum, exact while that fits 24 bits. It
 * takes one unpacking instruction for two channels instead of two, and where PRE is 0 the factor of 256 stays: POST is 8 larger there. */
#include "gw_kernel.h"

/* What the channels of two pixels need; the assembler knows the order. Blocks: four output channels each. */
typedef struct {
    const uint32_t *w;
    const gw_u32 *x;
    const int32_t *table;
    int32_t skipped; /* of the inner loop's eight steps, in its first round */
    int32_t step;    /* from a block's last weights to the next block's, in bytes */
    const gw_u32 *x_end;
    int8_t *y, *y2;
    const int32_t *table_end;
    int32_t rest; /* channels behind the full blocks, and their weights */
    const uint32_t *rest_w;
} conv2d_s8_dsp_pair;

enum {
    conv2d_s8_dsp_IH,
    conv2d_s8_dsp_IW,
    conv2d_s8_dsp_IC,
    conv2d_s8_dsp_OH,
    conv2d_s8_dsp_OW,
    conv2d_s8_dsp_OC,
    conv2d_s8_dsp_KH,
    conv2d_s8_dsp_KW,
    conv2d_s8_dsp_SH,
    conv2d_s8_dsp_SW,
    conv2d_s8_dsp_DH,
    conv2d_s8_dsp_DW,
    conv2d_s8_dsp_PT,
    conv2d_s8_dsp_PL,
    conv2d_s8_dsp_X_ZERO,
    conv2d_s8_dsp_WORDS
};

/* Channel i of a block of four, odd or not, whose sum is acc; even: the sum of the channel before. */
GW_INLINE int8_t conv2d_s8_dsp_result(const int32_t odd, int32_t i, int32_t acc, int32_t even, const int32_t *table)
{
    enum { MIXED = 1, FORM = 4, PRE = 0, POST = 6, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    const int32_t multiplier = table[4 + 2 * i], addend = table[5 + 2 * i];
    const int32_t wide = MIXED && odd;
    if (wide) acc = (int32_t)((uint32_t)acc - (uint32_t)even);
    if (wide && FORM == GW_HIGH && PRE == 0) return gw_requant_high(FORM, acc, 0, multiplier, addend, POST + 8, Y_ZERO, LO, HI);
    if (wide) acc >>= 8;
    if (FORM == GW_DOUBLE)
        return (int8_t)gw_clamp(gw_requant_double(acc, multiplier, addend, (int32_t)((uint32_t)table[12] >> (8 * i) & 255u)), LO, HI);
    return gw_requant_high(FORM, acc, PRE, multiplier, addend, POST, Y_ZERO, LO, HI);
}

#if GW_ALL_REGISTERS
/* The start of a block and its sums. Eight steps: two taps of both pixels meet four channels' weights, 16 products in 15 cycles. The odd
 * channels' sums are left times 256. */
#define conv2d_s8_dsp_PRODUCTS \
    "smlad r3, r10, r12, r3\n\tsmlad r7, r11, r12, r7\n\tsxtb16 r12, r12\n\tsmlad r2, r10, r12, r2\n\tsmlad r6, r11, r12, r6\n\t" \
    "smlad r5, r10, lr, r5\n\tsmlad r9, r11, lr, r9\n\tsxtb16 lr, lr\n\tsmlad r4, r10, lr, r4\n\tsmlad r8, r11, lr, r8\n\t"
#define conv2d_s8_dsp_SUMS \
    "ldm r0, {r1-r9}\n\tsubs r1, #8\n\tsubs r2, #8\n\tsub r2, r2, r4, lsl #3\n\tsubs r6, #8\n\tmov r10, #56\n\tadr r11, 2f\n\t" \
    "mla r4, r4, r10, r11\n\tadds r4, #1\n\tpush {r2-r9}\n" \
    "1:\n\tldr r12, [sp, #4]\n\tldr r0, [sp]\n\tldr lr, [sp, #8]\n\tldr r11, [sp, #12]\n\tldm r12!, {r2-r5}\n\t" \
    "str r12, [sp, #4]\n\tadd r1, r11\n\tmov r6, r2\n\tmov r7, r3\n\tmov r8, r4\n\tmov r9, r5\n\tbx lr\n\t.balign 4\n" \
    "2:\n\t.irp at, 8, 16, 24, 32, 40, 48, 56\n\tldr.w r10, [r0, #\\at]\n\tldr.w r11, [r0, #\\at+4]\n\t" \
    "ldr.w r12, [r1, #\\at]\n\tldr.w lr, [r1, #\\at+4]\n\t" conv2d_s8_dsp_PRODUCTS \
    ".endr\n\t" \
    "ldr.w r10, [r0, #64]!\n\tldr.w r12, [r1, #64]!\n\tldr.w r11, [r0, #4]\n\tldr.w lr, [r1, #4]\n\t" conv2d_s8_dsp_PRODUCTS \
    "ldr lr, [sp, #16]\n\tcmp r0, lr\n\tbne.w 2b\n\t" \
    "subs r3, r3, r2\n\tsubs r5, r5, r4\n\tsubs r7, r7, r6\n\tsub r9, r9, r8\n\tldr r12, [sp, #4]\n\t"
/* Results of two channels, sums a and b, c and d; then of one with both roundings, its shift in the lowest byte of lr. */
#define conv2d_s8_dsp_HIGH(a, b, c, d) \
    "ldm r12!, {r0, r10, r11, lr}\n\tsmmla " a ", " a ", r0, r10\n\tsmmla " b ", " b ", r0, r10\n\tsmmla " c ", " c \
    ", r11, lr\n\t" \
    "smmla " d ", " d ", r11, lr\n\tssat " a ", #8, " a ", asr %[post]\n\tssat " b ", #8, " b ", asr %[post]\n\tssat " c ", #8, " c \
    ", asr %[odd_post]\n\tssat " d ", #8, " d ", asr %[odd_post]\n\t"
#define conv2d_s8_dsp_DOUBLE(a, b) \
    "ldm r12!, {r10, r11}\n\tsmmlar r0, " a ", r10, r11\n\tadd r0, r0, " a ", asr #31\n\tasr r0, r0, lr\n\tssat " a \
    ", #8, r0\n\tsmmlar r0, " b ", r10, r11\n\tadd r0, r0, " b ", asr #31\n\tasr r0, r0, lr\n\tssat " b ", #8, r0\n\t"
#define conv2d_s8_dsp_STORE \
    "ldr r0, [sp, #20]\n\tldr r10, [sp, #24]\n\tldr r11, [sp, #28]\n\tstr r12, [sp, #4]\n\tcmp r12, r11\n\tstrb r2, [r0], #1\n\t" \
    "strb r3, [r0], #1\n\tstrb r4, [r0], #1\n\tstrb r5, [r0], #1\n\tstrb r6, [r10], #1\n\tstrb r7, [r10], #1\n\t" \
    "strb r8, [r10], #1\n\tstrb r9, [r10], #1\n\tstr r0, [sp, #20]\n\tstr r10, [sp, #24]\n\tbne.w 1b\n\tadd sp, #32"
#define conv2d_s8_dsp_USED "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"
#endif

/* A block at both pixels. */
GW_INLINE void conv2d_s8_dsp_block(const conv2d_s8_dsp_pair *p, const uint32_t *w, const int32_t *table, int8_t *y, int8_t *y2)
{
    enum { MIXED = 1 };  // @constants
    const gw_u32 *x;
    int32_t acc[8], i;
    for (i = 0; i < 4; ++i) acc[i] = acc[4 + i] = table[i];
    for (x = p->x; x != p->x_end; x += 2) {
        for (i = 0; i < 4; i += 2) {
            uint32_t v = *w++;
            const uint32_t odd = MIXED ? v : gw_sxtb16_odd(v);
            acc[i + 1] = gw_smlad(x[0], odd, acc[i + 1]);
            acc[i + 5] = gw_smlad(x[1], odd, acc[i + 5]);
            v = gw_sxtb16(v);
            acc[i] = gw_smlad(x[0], v, acc[i]);
            acc[i + 4] = gw_smlad(x[1], v, acc[i + 4]);
        }
    }
    for (i = 0; i < 4; ++i) {
        y[i] = conv2d_s8_dsp_result(i % 2, i, acc[i], i % 2 != 0 ? acc[i - 1] : 0, table);
        y2[i] = conv2d_s8_dsp_result(i % 2, i, acc[4 + i], i % 2 != 0 ? acc[3 + i] : 0, table);
    }
}

/* All full blocks. The assembler is written out: the inner loop needs every register, and compilers that schedule it lose some. Registers:
 * r0 taps, r1 weights, r2 to r5 sums of the first pixel, r6 to r9 of the second, r10, r11 taps, r12, lr weights; the rest on the stack. The
 * inner loop is entered behind the steps that its first round skips. */
static GW_NOINLINE void conv2d_s8_dsp_blocks(const conv2d_s8_dsp_pair *pair)
{
    enum { MIXED = 1, FORM = 4, PRE = 0, POST = 6, PLAIN = 1 };  // @constants
    enum { TABLE = FORM == GW_DOUBLE ? 13 : 12 };
#if GW_ALL_REGISTERS
    if (MIXED && PLAIN) {
        register const conv2d_s8_dsp_pair *p __asm__("r0") = pair;
        if (FORM == GW_HIGH && PRE == 0) {
            __asm__ volatile(conv2d_s8_dsp_SUMS conv2d_s8_dsp_HIGH("r2", "r6", "r3", "r7") conv2d_s8_dsp_HIGH("r4", "r8", "r5", "r9")
                                 conv2d_s8_dsp_STORE
                             : "+r"(p)
                             : [post] "i"(POST), [odd_post] "i"(POST + 8)
                             : conv2d_s8_dsp_USED);
        } else if (FORM == GW_HIGH) {
            __asm__ volatile(
                conv2d_s8_dsp_SUMS
                "asr r2, r2, %[pre]\n\tasr r3, r3, %[odd_pre]\n\tasr r4, r4, %[pre]\n\tasr r5, r5, %[odd_pre]\n\tasr r6, r6, %[pre]\n\t"
                "asr r7, r7, %[odd_pre]\n\tasr r8, r8, %[pre]\n\tasr r9, r9, %[odd_pre]\n\t" conv2d_s8_dsp_HIGH("r2", "r6", "r3", "r7")
                    conv2d_s8_dsp_HIGH("r4", "r8", "r5", "r9") conv2d_s8_dsp_STORE
                : "+r"(p)
                : [post] "i"(POST), [odd_post] "i"(POST), [pre] "i"(PRE), [odd_pre] "i"(PRE + 8)
                : conv2d_s8_dsp_USED);
        } else {
            __asm__ volatile(
                conv2d_s8_dsp_SUMS
                "lsls r2, r2, #1\n\tasrs r3, r3, #7\n\tlsls r4, r4, #1\n\tasrs r5, r5, #7\n\tlsls r6, r6, #1\n\tasrs r7, r7, #7\n\t"
                "lsl r8, r8, #1\n\tasr r9, r9, #7\n\tldr lr, [r12, #32]\n\t" conv2d_s8_dsp_DOUBLE("r2", "r6") "lsr lr, #8\n\t"
                conv2d_s8_dsp_DOUBLE("r3", "r7") "lsr lr, #8\n\t" conv2d_s8_dsp_DOUBLE("r4", "r8") "lsr lr, #8\n\t"
                conv2d_s8_dsp_DOUBLE("r5", "r9") "add r12, #4\n\t" conv2d_s8_dsp_STORE
                : "+r"(p)
                :
                : conv2d_s8_dsp_USED);
        }
        return;
    }
#endif
    {
        const int32_t words = (int32_t)(pair->x_end - pair->x) / 2;
        const uint32_t *w = pair->w;
        const int32_t *table = pair->table;
        int8_t *y = pair->y, *y2 = pair->y2;
        for (; table != pair->table_end; table += TABLE, w += 2 * words, y += 4, y2 += 4) conv2d_s8_dsp_block(pair, w, table, y, y2);
    }
}

/* Two channels of the last block, or one; `first` is 0 or 2. */
static GW_NOINLINE void conv2d_s8_dsp_two(const conv2d_s8_dsp_pair *p, const uint32_t *w, const int32_t *table, int32_t first, int32_t one)
{
    enum { MIXED = 1 };  // @constants
    const gw_u32 *x;
    int32_t i, even[2], odd[2];
    even[0] = even[1] = table[first];
    odd[0] = odd[1] = table[first + 1];
    for (x = p->x; x != p->x_end; x += 2) {
        uint32_t v = *w++;
        const uint32_t u = MIXED ? v : gw_sxtb16_odd(v);
        odd[0] = gw_smlad(x[0], u, odd[0]);
        odd[1] = gw_smlad(x[1], u, odd[1]);
        v = gw_sxtb16(v);
        even[0] = gw_smlad(x[0], v, even[0]);
        even[1] = gw_smlad(x[1], v, even[1]);
    }
    for (i = 0; i < 2; ++i) {
        int8_t *const y = (i == 0 ? p->y : p->y2) + first;
        y[0] = conv2d_s8_dsp_result(0, first, even[i], 0, table);
        if (!one) y[1] = conv2d_s8_dsp_result(1, first + 1, odd[i], even[i], table);
    }
}

/* What is the same for all pixels; column: where their taps will lie. */
static void conv2d_s8_dsp_prepare(conv2d_s8_dsp_pair *pair, const gw_u32 *column, const uint32_t *w, const int32_t *table,
                                  const int32_t *shape)
{
    enum { FORM = 4 };  // @constants
    const int32_t words = shape[conv2d_s8_dsp_WORDS], full = shape[conv2d_s8_dsp_OC] / 4;
    pair->w = w;
    pair->x = column;
    pair->table = table;
    pair->skipped = -words & 7;
    pair->step = -8 * pair->skipped;
    pair->x_end = column + 2 * words;
    pair->table_end = table + full * (FORM == GW_DOUBLE ? 13 : 12);
    pair->rest = shape[conv2d_s8_dsp_OC] % 4;
    pair->rest_w = w + full * words * 2;
}

/* All channels of two pixels. */
static void conv2d_s8_dsp_channels(conv2d_s8_dsp_pair *pair, int8_t *y, int8_t *y2)
{
    const int32_t *const table = pair->table_end;
    pair->y = y;
    pair->y2 = y2;
    if (pair->table != table) conv2d_s8_dsp_blocks(pair);
    if (pair->rest > 0) {
        const int32_t words = (int32_t)(pair->x_end - pair->x) / 2, done = (int32_t)(pair->rest_w - pair->w) / words * 2;
        pair->y = y + done;
        pair->y2 = y2 + done;
        conv2d_s8_dsp_two(pair, pair->rest_w, table, 0, pair->rest == 1);
        if (pair->rest == 3) conv2d_s8_dsp_two(pair, pair->rest_w + words, table, 2, 1);
    }
}

/* The 1 to 3 bytes of x that are left of a run, as lanes of every other word of `column`; returns where it goes on. */
GW_INLINE gw_u32 *conv2d_s8_dsp_widen_rest(gw_u32 *column, const int8_t *x, const int32_t rest)
{
    if (rest > 0) {
        column[0] = gw_lanes(x[0], rest > 1 ? x[rest - 1] : 0);
        column += 2;
    }
    if (rest == 3) {
        column[0] = gw_lanes(x[1], 0);
        column += 2;
    }
    return column;
}

/* Four bytes of x. */
GW_INLINE void conv2d_s8_dsp_four(gw_u32 *column, uint32_t v)
{
    column[0] = gw_sxtb16(v);
    column[2] = gw_sxtb16_odd(v);
}

/* n bytes of x as lanes of every other word of `column`. */
GW_INLINE gw_u32 *conv2d_s8_dsp_widen(gw_u32 *column, const int8_t *x, const int32_t n)
{
    const int8_t *const end = x + (n & ~15);
    for (; x != end; x += 16, column += 16) {
        const uint32_t a = gw_load_4(x), b = gw_load_4(x + 4), c = gw_load_4(x + 8), d = gw_load_4(x + 12);
        conv2d_s8_dsp_four(column, a);
        conv2d_s8_dsp_four(column + 4, b);
        conv2d_s8_dsp_four(column + 8, c);
        conv2d_s8_dsp_four(column + 12, d);
    }
    if ((n & 8) != 0) {
        const uint32_t a = gw_load_4(x), b = gw_load_4(x + 4);
        conv2d_s8_dsp_four(column, a);
        conv2d_s8_dsp_four(column + 4, b);
        column += 8;
        x += 8;
    }
    if ((n & 4) != 0) {
        conv2d_s8_dsp_four(column, gw_load_4(x));
        column += 4;
        x += 4;
    }
    return conv2d_s8_dsp_widen_rest(column, x, n & 3);
}

/* n taps, a multiple of 4, that lie outside x. */
GW_INLINE gw_u32 *conv2d_s8_dsp_fill(gw_u32 *column, int32_t n, int32_t zero)
{
    const uint32_t lanes = gw_lanes(zero, zero);
    for (; n > 0; n -= 4, column += 4) column[0] = column[2] = lanes;
    return column;
}

/* A run of n taps of which only elements from to end - 1 lie inside x. */
static gw_u32 *conv2d_s8_dsp_edge(gw_u32 *column, const int8_t *x, int32_t n, int32_t from, int32_t end, int32_t zero)
{
    int32_t e, i;
    for (e = 0; e < n; e += 4) {
        int8_t v[4];
        const int32_t rest = n - e;
        for (i = 0; i < 4; ++i) v[i] = (int8_t)(e + i >= from && e + i < end && i < rest ? x[e + i] : zero);
        column[0] = gw_lanes(v[0], rest == 2 ? v[1] : v[2]);
        column += 2;
        if (rest > 2) {
            *column = gw_lanes(v[1], v[3]);
            column += 2;
        }
    }
    return column;
}

/* What is the same for all pixels of a row of y. */
typedef struct {
    const int32_t *shape;
    int32_t top, bottom; /* rows of the window that lie above x, and the first one below it */
    int32_t last;        /* greatest column at which a window lies inside x */
    int32_t step, run;   /* bytes from one row of the window to the next, taps of a run */
} conv2d_s8_dsp_view;

/* Some rows of a window, n taps of each, all of them inside x. */
static GW_NOINLINE gw_u32 *conv2d_s8_dsp_rows(gw_u32 *column, const int8_t *x, int32_t n, int32_t rows, const conv2d_s8_dsp_view *v)
{
    enum { RUN = 0, SPLIT = 1 };  // @constants
    const int32_t step = v->step, taps = RUN > 0 ? RUN : SPLIT ? n & ~3 : n;
    for (; rows > 0; --rows, x += step) column = conv2d_s8_dsp_widen(column, x, taps);
    return column;
}

/* The taps of the pixel whose window begins at column ix; x: its first tap, which may lie outside. */
static void conv2d_s8_dsp_column(gw_u32 *column, const int8_t *x, int32_t ix, const conv2d_s8_dsp_view *v)
{
    enum { RUN = 0, DILATED = 0, SPLIT = 1 };  // @constants
    const int32_t kh = v->shape[conv2d_s8_dsp_KH], run = RUN > 0 ? RUN : v->run;
    const int32_t inside = ix >= 0 && ix <= v->last;
    int32_t ky, lead = 0, within = run;
    if (!DILATED && inside && v->top <= 0 && v->bottom >= kh) { /* nothing to ask row by row */
        conv2d_s8_dsp_rows(column, x, run, kh, v);
        return;
    }
    if (SPLIT && !inside) {
        const int32_t ic = v->shape[conv2d_s8_dsp_IC], end = gw_clamp((v->shape[conv2d_s8_dsp_IW] - ix) * ic, 0, run);
        lead = gw_clamp(-ix * ic, 0, run);
        within = gw_max(end - lead, 0);
    }
    for (ky = 0; ky < kh; ++ky, x += v->step) {
        const int32_t down = ky >= v->top && ky < v->bottom;
        if (DILATED) {
            const int32_t dw = v->shape[conv2d_s8_dsp_DW], iw = v->shape[conv2d_s8_dsp_IW];
            int32_t k, at = ix;
            for (k = 0; k < v->shape[conv2d_s8_dsp_KW]; ++k, at += dw)
                column = conv2d_s8_dsp_edge(column, x + k * dw * run, run, 0, down && at >= 0 && at < iw ? run : 0,
                                            v->shape[conv2d_s8_dsp_X_ZERO]);
        } else if (SPLIT) { /* a part left of x, one inside, one right of it */
            const int32_t zero = v->shape[conv2d_s8_dsp_X_ZERO];
            if (!down) {
                column = conv2d_s8_dsp_fill(column, run, zero);
                continue;
            }
            column = conv2d_s8_dsp_fill(column, lead, zero);
            column = conv2d_s8_dsp_rows(column, x + lead, within, 1, v);
            column = conv2d_s8_dsp_fill(column, run - lead - within, zero);
        } else if (down && inside) {
            column = conv2d_s8_dsp_rows(column, x, run, 1, v);
        } else {
            const int32_t ic = v->shape[conv2d_s8_dsp_IC];
            column = conv2d_s8_dsp_edge(column, x, run, -ix * ic, down ? (v->shape[conv2d_s8_dsp_IW] - ix) * ic : 0,
                                        v->shape[conv2d_s8_dsp_X_ZERO]);
        }
    }
}

/* The same for two pixels of one tap of n channels each. */
GW_INLINE void conv2d_s8_dsp_points(gw_u32 *column, const int8_t *x, const int8_t *x2, int32_t n)
{
    const int8_t *const end = x + (n & ~7);
    for (; x != end; x += 8, x2 += 8, column += 8) {
        const uint32_t a = gw_load_4(x), b = gw_load_4(x + 4), c = gw_load_4(x2), d = gw_load_4(x2 + 4);
        column[0] = gw_sxtb16(a);
        column[1] = gw_sxtb16(c);
        column[2] = gw_sxtb16_odd(a);
        column[3] = gw_sxtb16_odd(c);
        column[4] = gw_sxtb16(b);
        column[5] = gw_sxtb16(d);
        column[6] = gw_sxtb16_odd(b);
        column[7] = gw_sxtb16_odd(d);
    }
    if ((n & 7) != 0) {
        conv2d_s8_dsp_widen(column, x, n & 7);
        conv2d_s8_dsp_widen(column + 1, x2, n & 7);
    }
}

void conv2d_s8_dsp(const int8_t *x, int8_t *y, const uint32_t *w, const int32_t *table, const int32_t *shape, uint8_t *scratch)
{
    enum { POINT = 0, DILATED = 0 };  // @constants
    const int32_t oh = shape[conv2d_s8_dsp_OH], ow = shape[conv2d_s8_dsp_OW], oc = shape[conv2d_s8_dsp_OC], ic = shape[conv2d_s8_dsp_IC];
    gw_u32 *const column = (gw_u32 *)(void *)scratch;
    conv2d_s8_dsp_pair pair;
    conv2d_s8_dsp_prepare(&pair, column, w, table, shape);
    if (POINT) {
        int32_t left = oh * ow;
        for (; left > 0; left -= 2, x += 2 * ic, y += 2 * oc) { /* the last of an odd number of pixels meets itself */
            conv2d_s8_dsp_points(column, x, left > 1 ? x + ic : x, ic);
            conv2d_s8_dsp_channels(&pair, y, left > 1 ? y + oc : y);
        }
    } else {
        const int32_t iw = shape[conv2d_s8_dsp_IW], kw = shape[conv2d_s8_dsp_KW], dh = shape[conv2d_s8_dsp_DH];
        const int32_t sw = shape[conv2d_s8_dsp_SW], pl = shape[conv2d_s8_dsp_PL];
        int32_t oy, odd = 0, iy = -shape[conv2d_s8_dsp_PT];
        conv2d_s8_dsp_view view;
        view.shape = shape;
        view.last = iw - 1 - (kw - 1) * shape[conv2d_s8_dsp_DW];
        view.step = dh * iw * ic;
        view.run = DILATED ? ic : kw * ic;
        for (oy = 0; oy < oh; ++oy, iy += shape[conv2d_s8_dsp_SH]) {
            const int8_t *from = x + (iy * iw - pl) * ic;
            int32_t ox, ix = -pl;
            view.top = iy < 0 ? (dh - 1 - iy) / dh : 0;
            view.bottom = (shape[conv2d_s8_dsp_IH] - iy + dh - 1) / dh;
            for (ox = 0; ox < ow; ++ox, ix += sw, from += sw * ic) {
                conv2d_s8_dsp_column(column + odd, from, ix, &view);
                if (odd) {
                    conv2d_s8_dsp_channels(&pair, y, y + oc);
                    y += 2 * oc;
                } else if (oy == oh - 1 && ox == ow - 1) { /* the last of an odd number of pixels meets itself */
                    conv2d_s8_dsp_column(column + 1, from, ix, &view);
                    conv2d_s8_dsp_channels(&pair, y, y);
                }
                odd ^= 1;
            }
        }
    }
}
