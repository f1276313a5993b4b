/* SPDX-License-Identifier: 0BSD */
/* Depthwise convolution, int8, two pixels of a row at a time: y = requant(bias + sum of (x - X_ZERO) * w over the taps that lie inside x).
 *
 * Two activations of a channel stand in one 32-bit word, x0 + 65536 * x1, and meet a weight in one multiplication. The sums of a few such
 * products fit 16 bits each: of how many, the compiler has proved from the weights (CUT). Then both sums are taken apart and added to
 * accumulators of 32 bits. A channel's rows become words once: all of them where ROWS says so, else in a ring of ROWS = KH rows, where row
 * r of the padded picture takes slot r % KH of each column. So a column of a window lies side by side; what rotates is the order of the
 * weights.
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C]
 * w      [C][KH * KW], KH <= 5, KW <= 5
 * bias   [C], with -X_ZERO * (sum of the channel's weights) in it: the sums are of x itself, and padding is X_ZERO
 * mult, shift  [MULT_N], [SHIFT_N]: one a channel, or one element for all; FORM and PRE say how (gw_rescale), or that mult holds lines of
 *        gw_requant_window, whose start is taken off the bias, PACKED those of gw_unpack_line
 * CUT    bit kx * KH + slot: sums are taken apart after this tap; the last tap's is set. For each channel, in a ring whatever row
 *        is in slot 0, and the taps between two cuts, with x anywhere in int8: -32768 <= sum of x * w <= 32767
 * scratch  W columns of ROWS words, then KW columns of the channel's weights: KH words, and the first KH - 1 of them again
 * KH, KW kernel, SH, SW stride, PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: a channel after the other, each read and written whole, row by row. Input and output may not overlap.
 *
 * For 3 x 3 windows a row's results are in assembler for Armv6-M: six weights stay in high registers, and nothing is spilled. */
#include "gw_kernel.h"

typedef int16_t depthwise_pairs_s8_mult;  // @type

/* On top of `to`, n words ROWS apart: for SW 1 of before[1] and x, x and the next one ...; for SW 2 of before[0] and x, before[1] and the
 * next one, x and the one after ... Leaves the last two activations in `before`. */
static GW_NOINLINE gw_u32 *depthwise_pairs_s8_stream(gw_u32 *to, const int8_t *x, int32_t n, int32_t *before)
{
    enum { C = 6, ROWS = 3, SW = 1 };  // @constants
    int32_t older = before[0], old = before[1];
    if (n % 2 != 0) {
        const int32_t v = *x;
        *to = (uint32_t)(SW == 1 ? old : older) + ((uint32_t)v << 16);
        older = old;
        old = v;
        to += ROWS;
        x += C;
    }
    n /= 2;
    if (n > 0) {
#if defined(__GNUC__) && defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__) /* gcc extends signs twice */
        /* r6 activation, r7 word; all registers are named, because compilers find no eight */
        register gw_u32 *r0 __asm__("r0") = to;
        register const int8_t *r1 __asm__("r1") = x;
        register int32_t r2 __asm__("r2") = older;
        register int32_t r3 __asm__("r3") = old;
        register int32_t r4 __asm__("r4") = n;
        register int32_t r5 __asm__("r5") = C;
        __asm__ volatile(
            ".syntax unified\n push {r4, r6, r7}\n subs r1, r1, r5\n 1:\n"
            "ldrsb r6, [r1, r5]\n adds r1, r1, r5\n lsls r7, r6, #16\n"
            ".if %c[sw] == 1\n adds r7, r7, r3\n .else\n adds r7, r7, r2\n .endif\n mov r2, r6\n str r7, [r0]\n adds r0, #%c[next]\n"
            "ldrsb r6, [r1, r5]\n adds r1, r1, r5\n lsls r7, r6, #16\n"
            ".if %c[sw] == 1\n adds r7, r7, r2\n .else\n adds r7, r7, r3\n .endif\n mov r3, r6\n str r7, [r0]\n adds r0, #%c[next]\n"
            "subs r4, r4, #1\n bne 1b\n pop {r4, r6, r7}\n"
            : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
            : "r"(r4), "r"(r5), [next] "i"(4 * ROWS), [sw] "i"(SW)
            : "cc", "memory");
        to = r0;
        older = r2;
        old = r3;
#else
        do {
            const int32_t v = x[0], next = x[C];
            to[0] = (uint32_t)(SW == 1 ? old : older) + ((uint32_t)v << 16);
            to[ROWS] = (uint32_t)(SW == 1 ? v : old) + ((uint32_t)next << 16);
            older = v;
            old = next;
            to += 2 * ROWS;
            x += 2 * C;
        } while (--n > 0);
#endif
    }
    before[0] = older;
    before[1] = old;
    return to;
}

/* Words of row iy: word j holds columns j - PL and j - PL + SW; outside x there is X_ZERO. x: the channel's first activation. */
static GW_NOINLINE void depthwise_pairs_s8_row(gw_u32 *to, const int8_t *x, int32_t iy)
{
    enum { IH = 8, IW = 8, C = 6, OW = 8, ROWS = 3, KW = 3, SW = 1, PL = 1, X_ZERO = -128 };  // @constants
    enum {
        W = (OW - 1) * SW + KW, /* columns from the first tap to the last */
        INSIDE = W - PL < IW ? W - PL : IW,
        FIRST = PL < SW ? SW - PL : 0 /* activations that begin before the first word's second half */
    };
    int32_t j;
    if (iy < 0 || iy >= IH) {
        for (j = 0; j < W; ++j) to[j * ROWS] = (uint32_t)X_ZERO * 65537u;
        return;
    }
    x += iy * IW * C;
    if (SW <= 2 && INSIDE > FIRST) {
        int32_t before[2];
        before[0] = before[1] = X_ZERO;
        for (j = SW; j < PL; ++j, to += ROWS) *to = (uint32_t)X_ZERO * 65537u;
        for (j = 2 - FIRST; j < 2; ++j, x += C) before[j] = *x;
        to = depthwise_pairs_s8_stream(to, x, INSIDE - FIRST, before);
        for (j = PL + INSIDE; j < W; ++j, to += ROWS) {
            *to = (uint32_t)before[2 - SW] + ((uint32_t)X_ZERO << 16);
            before[0] = before[1];
            before[1] = X_ZERO;
        }
        for (j = 2 - SW; j < 2; ++j, to += ROWS) *to = (uint32_t)before[j];
        return;
    }
    /* Column j is the lower half of word j and the upper half of word j - SW. */
    for (j = 0; j < W; ++j) {
        const int32_t v = j >= PL && j < PL + INSIDE ? x[(j - PL) * C] : X_ZERO;
        to[j * ROWS] = (uint32_t)v;
    }
    for (j = 0; j < W - SW; ++j) to[j * ROWS] += to[(j + SW) * ROWS] << 16;
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

/* What the results of a channel need; the assembler knows the order up to `last`. */
typedef struct {
    const gw_u32 *weights; /* that of slot 0 first */
    uint32_t line[4];      /* width, upper and lower part of the multiplier, addend */
    int32_t bias;
    int8_t *y;
    int32_t step;       /* from a result to the next */
    const gw_u32 *end;  /* of the first row's pairs, */
    const gw_u32 *last; /* of the last one's */
    const depthwise_pairs_s8_mult *mult;
    const int8_t *shift;
} depthwise_pairs_s8_place;

#if defined(__GNUC__) && defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)
#define GW_ASSEMBLER 1
/* A tap whose weight is in register w, or on the stack: r4 its product, r5 the sum, which ends after tap k where CUT says so and which then
 * goes to r6 and r7. */
#define GW_TAP(k, word, weight) \
    ".if (1 + 2 * %c[cut]) >> " #k " & 1\n" weight("r5") "muls r5, " word ", r5\n .else\n" weight( \
        "r4") "muls r4, " word \
              ", r4\n adds r5, r5, r4\n .endif\n" \
              ".if %c[cut] >> " #k \
              " & 1\n sxth r4, r5\n subs r5, r5, r4\n asrs r5, r5, #16\n adds r6, r6, r4\n adds r7, r7, r5\n .endif\n"
#define GW_W0(to) "mov " to ", r8\n"
#define GW_W1(to) "mov " to ", r9\n"
#define GW_W2(to) "mov " to ", r10\n"
#define GW_W3(to) "mov " to ", r11\n"
#define GW_W4(to) "mov " to ", r12\n"
#define GW_W5(to) "mov " to ", lr\n"
#define GW_W6(to) "ldr " to ", [sp, #0]\n"
#define GW_W7(to) "ldr " to ", [sp, #4]\n"
#define GW_W8(to) "ldr " to ", [sp, #8]\n"
#define GW_ON ".if %c[column] > 0\n adds r0, #%c[column]\n .endif\n"
#define GW_CLAMPED(acc) "cmp " acc ", r1\n bls 3f\n asrs r5, " acc ", #31\n movs " acc ", r1\n bics " acc ", " acc ", r5\n 3:\n"

/* Pairs of results of one row after the other, from the one whose window begins at `words` on. */
static GW_NOINLINE void depthwise_pairs_s8_pairs(const gw_u32 *words, const depthwise_pairs_s8_place *p)
{
    enum { OW = 8, ROWS = 3, SH = 1, SW = 1, CUT = 340, FORM = 1, PRE = 0 };  // @constants
    enum {
        LOW = FORM == GW_WINDOW ? PRE : 16,
        COLUMN = 4 * (ROWS - 3),             /* bytes from the end of a window's column to the next column, */
        PAIR = 4 * (2 * ROWS * (SW - 1) - 3) /* from the end of a window to the next pair's */
    };
    register const gw_u32 *r0 __asm__("r0") = words;
    register const depthwise_pairs_s8_place *r1 __asm__("r1") = p;
    /* The stack: three weights, the line, bias, y, step, end, last, first window of the row. */
    __asm__ volatile(
        ".syntax unified\n push {r0, r1, r4-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n push {r0}\n"
        "mov r4, r1\n ldm r4!, {r2}\n adds r4, #16\n ldm r4!, {r1, r3, r5-r7}\n push {r1, r3, r5-r7}\n subs r4, #36\n"
        "ldm r4!, {r1, r3, r5, r6}\n push {r1, r3, r5, r6}\n"
        "ldm r2!, {r3-r5}\n mov r8, r3\n mov r9, r4\n mov r10, r5\n adds r2, #8\n ldm r2!, {r3-r5}\n mov r11, r3\n mov r12, r4\n"
        "mov lr, r5\n adds r2, #8\n ldm r2!, {r3-r5}\n push {r3-r5}\n"
        "7:\n ldr r6, [sp, #28]\n mov r7, r6\n"
        "ldm r0!, {r1-r3}\n" GW_TAP(0, "r1", GW_W0) GW_TAP(1, "r2", GW_W1) GW_TAP(2, "r3", GW_W2) GW_ON
        "ldm r0!, {r1-r3}\n" GW_TAP(3, "r1", GW_W3) GW_TAP(4, "r2", GW_W4) GW_TAP(5, "r3", GW_W5) GW_ON
        "ldm r0!, {r1-r3}\n" GW_TAP(6, "r1", GW_W6) GW_TAP(7, "r2", GW_W7) GW_TAP(8, "r3", GW_W8)
        ".if %c[pair] < 0\n subs r0, #-(%c[pair])\n .else\n adds r0, #%c[pair]\n .endif\n"
        "add r1, sp, #12\n ldm r1, {r1-r4}\n" GW_CLAMPED("r6")
        "movs r5, r2\n muls r5, r6, r5\n muls r6, r3, r6\n lsrs r6, r6, %[low]\n adds r6, r6, r5\n adds r6, r6, r4\n lsrs r6, r6, #24\n"
        GW_CLAMPED("r7")
        "muls r2, r7, r2\n muls r7, r3, r7\n lsrs r7, r7, %[low]\n adds r7, r7, r2\n adds r7, r7, r4\n lsrs r7, r7, #24\n"
        "add r1, sp, #32\n ldm r1, {r1-r3}\n strb r6, [r1]\n strb r7, [r1, r2]\n adds r1, r1, r2\n adds r1, r1, r2\n str r1, [sp, #32]\n"
        "cmp r0, r3\n beq 8f\n b 7b\n"
        "8:\n ldr r1, [sp, #44]\n cmp r0, r1\n beq 9f\n"
        ".if %c[odd]\n ldr r1, [sp, #32]\n ldr r2, [sp, #36]\n subs r1, r1, r2\n str r1, [sp, #32]\n .endif\n ldr r0, [sp, #48]\n adds r0, #%c[down]\n str r0, [sp, #48]\n"
        "adds r3, #%c[down]\n str r3, [sp, #40]\n b 7b\n"
        "9:\n add sp, #52\n pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r0, r1, r4-r7}\n pop {r2}\n mov lr, r2\n"
        : "+r"(r0), "+r"(r1)
        : [cut] "i"(CUT), [column] "i"(COLUMN), [pair] "i"(PAIR), [odd] "i"(OW % 2), [down] "i"(4 * SH), [low] "i"(LOW)
        : "r2", "r3", "r12", "cc", "memory");
}
#undef GW_TAP
#undef GW_W0
#undef GW_W1
#undef GW_W2
#undef GW_W3
#undef GW_W4
#undef GW_W5
#undef GW_W6
#undef GW_W7
#undef GW_W8
#undef GW_ON
#undef GW_CLAMPED
#else
#define GW_ASSEMBLER 0
#endif

#define GW_TAP(kx, slot) \
    if ((slot) < KH) { \
        sum += at[(kx)*ROWS + (slot)] * w[(kx) * (2 * KH - 1) + (slot)]; \
        if (((CUT) >> ((kx)*KH + (slot))) & 1) { \
            depthwise_pairs_s8_cut(sum, &a0, &a1); \
            sum = 0; \
        } \
    }
#define GW_COLUMN(kx) \
    if ((kx) < KW) { \
        GW_TAP(kx, 0) \
        GW_TAP(kx, 1) \
        GW_TAP(kx, 2) \
        GW_TAP(kx, 3) \
        GW_TAP(kx, 4) \
    }

/* Some rows of one channel's results; moves p->y on. */
static GW_NOINLINE void depthwise_pairs_s8_lines(const gw_u32 *words, depthwise_pairs_s8_place *p, int32_t rows)
{
    enum { C = 6, OW = 8, KH = 3, KW = 3, ROWS = 3, SH = 1, SW = 1, CUT = 340, FORM = 1 };  // @constants
    enum { PAIRS = OW / 2, PAIR = 2 * SW * ROWS };
#if GW_ASSEMBLER
    enum { FITS = KH == 3 && KW == 3 && ROWS <= 32 && SW <= 2 && SH <= 60 && FORM == GW_WINDOW && PAIRS > 0 };
    /* With an odd width a row's last pair reaches over to the next row, which comes later; so not in the last row. */
    const int32_t together = OW % 2 == 0 ? rows : rows - 1;
    if (FITS && together > 0) {
        p->end = words + (OW + 1) / 2 * PAIR;
        p->last = p->end + (together - 1) * SH;
        depthwise_pairs_s8_pairs(words, p);
        p->y += together * (OW * C);
        words += together * SH;
        rows -= together;
    }
#endif
    for (; rows > 0; --rows, words += SH) {
        const gw_u32 *at = words, *const w = p->weights;
        const int8_t *const end = p->y + OW * C;
        int8_t *y = p->y;
#if GW_ASSEMBLER
        if (FITS) {
            p->end = p->last = words + PAIRS * PAIR;
            depthwise_pairs_s8_pairs(words, p);
            at = p->end;
            y += PAIRS * 2 * C;
        }
#endif
        for (;;) {
            int32_t a0 = p->bias, a1 = p->bias;
            uint32_t sum = 0;
            GW_COLUMN(0)
            GW_COLUMN(1)
            GW_COLUMN(2)
            GW_COLUMN(3)
            GW_COLUMN(4)
            depthwise_pairs_s8_results(&a0, &a1, p->mult, p->shift);
            *y = (int8_t)(uint8_t)a0;
            y += C;
            if (OW % 2 != 0 && y == end) break;
            *y = (int8_t)(uint8_t)a1;
            y += C;
            if (OW % 2 == 0 && y == end) break;
            at += PAIR;
        }
        p->y = y;
    }
}
#undef GW_TAP
#undef GW_COLUMN
#undef GW_ASSEMBLER

void depthwise_pairs_s8(const int8_t *x, int8_t *y, const int8_t *w, const int32_t *bias, const depthwise_pairs_s8_mult *mult,
                        const int8_t *shift, uint8_t *scratch)
{
    enum { C = 6, OH = 8, OW = 8, KH = 3, KW = 3, ROWS = 3, SH = 1, SW = 1, PT = 1 };  // @constants
    enum { FORM = 1, PRE = 0, MULT_N = 6, SHIFT_N = 6 };                               // @constants
    enum { PACKED = 0, WIDTH_SHIFT = 0, ADDEND_SHIFT = 0, FIRST = 0 };                 // @constants
    enum { W = (OW - 1) * SW + KW, WHOLE = ROWS == (OH - 1) * SH + KH };
    gw_u32 *const words = (gw_u32 *)(void *)scratch, *const weights = words + ROWS * W;
    depthwise_pairs_s8_place p;
    int32_t c, line[3];
    p.shift = shift;
    p.step = C;
    for (c = 0; c < C; ++c) {
        /* next: how many rows are words; slot: of the next one; first: the row of weights that slot 0 meets */
        int32_t oy, k, next = 0, slot = 0, first = 0;
        for (k = 0; k < KW * KH; ++k) {
            const uint32_t v = (uint32_t)*w++;
            gw_u32 *const at = weights + k % KW * (2 * KH - 1) + k / KW;
            at[0] = v;
            if (k / KW < KH - 1) at[KH] = v;
        }
        p.weights = weights;
        p.bias = bias[c];
        p.y = y + c;
        if (PACKED) {
            gw_unpack_line((const int32_t *)(const void *)mult + 2 * c, WIDTH_SHIFT, ADDEND_SHIFT, FIRST, line);
            p.mult = (const depthwise_pairs_s8_mult *)(const void *)line;
        } else {
            p.mult = mult + c * GW_LINE(FORM, MULT_N);
        }
        if (FORM == GW_WINDOW) {
            const int32_t *const of = (const int32_t *)(const void *)p.mult;
            p.line[0] = (uint32_t)of[0];
            p.line[1] = (uint32_t)of[1] >> PRE;
            p.line[2] = (uint32_t)of[1] & ((1u << PRE) - 1u);
            p.line[3] = (uint32_t)of[2];
        }
        if (WHOLE) {
            for (; next < ROWS; ++next) depthwise_pairs_s8_row(words + next, x + c, next - PT);
            depthwise_pairs_s8_lines(words, &p, OH);
        }
        for (oy = 0; !WHOLE && oy < OH; ++oy) {
            for (; next < oy * SH + KH; ++next) {
                if (next >= oy * SH) depthwise_pairs_s8_row(words + slot, x + c, next - PT);
                if (++slot == KH) slot = 0;
            }
            p.weights = weights + first;
            depthwise_pairs_s8_lines(words, &p, 1);
            first -= SH % KH;
            if (first < 0) first += KH;
        }
        p.shift += SHIFT_N > 1;
    }
}
