/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer, int8, for cores with DSP instructions: y = requant(bias + sum of x * w).
 *
 * x      [M][K]: M rows, each one a call of the layer
 * y      [M][O]
 * w      blocks of four outputs [words][2], then, for what is left, blocks of two [words]. A word holds two weights of two outputs: bytes 0
 *        and 2 the even output's, bytes 1 and 3 the odd one's. With MIXED each halfword is 256 * odd + even. Of each four weights the first
 *        and third are in one word, the second and fourth in the next; of a rest of two, both in one.
 * table  as conv2d_s8_dsp's: for each four outputs four biases, four pairs of multiplier and addend or shift, with FORM double four shifts
 * shape  M K O. Layers whose constants are equal share the code
 * FORM, PRE, POST, Y_ZERO, LO, HI  the requantization; with PLAIN the clamp is int8's and the form holds the zero point
 * FOURS  whether K is a multiple of 4
 *
 * Order: for each row and each block of outputs (four, then two) the row of x is read whole, then the block's results are written.
 *
 * MIXED: A sums x * (256 * odd + even), S sums x * even, so A - S is 256 times the odd output's sum, exact while that fits 24 bits. */
#include "gw_kernel.h"

/* What the blocks of four outputs need; the assembler knows the order. */
typedef struct {
    const uint32_t *w;
    const int8_t *x;
    const int32_t *table;
    int32_t skipped; /* of the inner loop's four steps, in its first round */
    const int8_t *x_end;
    int8_t *y;
    const int32_t *table_end;
} dense_s8_dsp_row;

/* Output i of a block of four, whose sum is acc; even: the sum of the output before. */
GW_INLINE int8_t dense_s8_dsp_result(const int32_t i, int32_t acc, int32_t even, const int32_t *table)
{
    enum { MIXED = 1, FORM = 4, PRE = 0, POST = 6, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    const int32_t multiplier = table[4 + 2 * i], addend = table[5 + 2 * i];
    const int32_t wide = MIXED && i % 2 != 0;
    if (wide) acc = (int32_t)((uint32_t)acc - (uint32_t)even);
    if (wide && FORM == GW_HIGH && PRE == 0) return gw_requant_high(FORM, acc, 0, multiplier, addend, POST + 8, Y_ZERO, LO, HI);
    if (wide) acc >>= 8;
    if (FORM == GW_DOUBLE)
        return (int8_t)gw_clamp(gw_requant_double(acc, multiplier, addend, (int32_t)((uint32_t)table[12] >> (8 * i) & 255u)), LO, HI);
    return gw_requant_high(FORM, acc, PRE, multiplier, addend, POST, Y_ZERO, LO, HI);
}

#if GW_ALL_REGISTERS
/* The start of a block and its sums. Four steps: four elements of x meet four outputs' weights, 16 products in 20 cycles. The odd outputs'
 * sums are left times 256. */
#define dense_s8_dsp_SUMS \
    "ldm r0, {r1-r7}\n\tadr r8, 2f\n\tmov r9, #76\n\tmla r4, r4, r9, r8\n\tadds r4, #1\n\tmov lr, r3\n\tmov r12, r5\n\t" \
    "push {r2, r4, r6, r7}\n" \
    "1:\n\tldr r0, [sp]\n\tldr r6, [sp, #4]\n\tldm lr!, {r2-r5}\n\tbx r6\n\t.balign 4\n" \
    "2:\n\t.rept 4\n\tldr.w r6, [r0], #4\n\tldr.w r9, [r1, #4]\n\tldr.w r10, [r1, #8]\n\tldr.w r11, [r1, #12]\n\t" \
    "ldr.w r8, [r1], #16\n\tsxtb16 r7, r6, ror #8\n\tsxtb16 r6, r6\n\tsmlad r3, r6, r8, r3\n\tsxtb16 r8, r8\n\t" \
    "smlad r2, r6, r8, r2\n\tsmlad r5, r6, r9, r5\n\tsxtb16 r9, r9\n\tsmlad r4, r6, r9, r4\n\tsmlad r3, r7, r10, r3\n\t" \
    "sxtb16 r10, r10\n\tsmlad r2, r7, r10, r2\n\tsmlad r5, r7, r11, r5\n\tsxtb16 r11, r11\n\tsmlad r4, r7, r11, r4\n\t.endr\n\t" \
    "cmp r0, r12\n\tbne.w 2b\n\tsubs r3, r3, r2\n\tsubs r5, r5, r4\n\t"
#define dense_s8_dsp_STORE \
    "ldr r6, [sp, #8]\n\tldr r7, [sp, #12]\n\tstrb r2, [r6], #1\n\tstrb r3, [r6], #1\n\tstrb r4, [r6], #1\n\tstrb r5, [r6], #1\n\t" \
    "str r6, [sp, #8]\n\tcmp lr, r7\n\tbne.w 1b\n\tadd sp, #16"
#define dense_s8_dsp_HIGH \
    "ldm lr!, {r6-r11}\n\tsmmla r2, r2, r6, r7\n\tsmmla r3, r3, r8, r9\n\tsmmla r4, r4, r10, r11\n\tldm lr!, {r6, r7}\n\t" \
    "smmla r5, r5, r6, r7\n\tssat r2, #8, r2, asr %[post]\n\tssat r3, #8, r3, asr %[odd_post]\n\tssat r4, #8, r4, asr %[post]\n\t" \
    "ssat r5, #8, r5, asr %[odd_post]\n\t"
#define dense_s8_dsp_DOUBLE(a) \
    "ldm lr!, {r6, r7}\n\tsmmlar r8, " a ", r6, r7\n\tadd r8, r8, " a ", asr #31\n\tasr r8, r8, r0\n\tssat " a \
    ", #8, r8\n\tlsr r0, r0, #8\n\t"
#define dense_s8_dsp_USED "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"
#endif

/* Adds the products of two lanes of x with n outputs' weights. */
GW_INLINE void dense_s8_dsp_lanes(const int32_t n, int32_t *acc, uint32_t x, const uint32_t *w)
{
    enum { MIXED = 1 };  // @constants
    int32_t i;
    for (i = 0; i < n; i += 2) {
        const uint32_t v = w[i / 2];
        acc[i + 1] = gw_smlad(x, MIXED ? v : gw_sxtb16_odd(v), acc[i + 1]);
        acc[i] = gw_smlad(x, gw_sxtb16(v), acc[i]);
    }
}

/* n outputs, 4 or 2, the block's from `first` on; only `written` of them are. Returns their weights' end. */
GW_INLINE const uint32_t *dense_s8_dsp_block(const int32_t n, const int32_t written, const int8_t *x, int32_t k, const uint32_t *w,
                                             const int32_t *table, const int32_t first, int8_t *y)
{
    const int8_t *const end = x + k / 4 * 4;
    const int32_t rest = k % 4;
    int32_t acc[4], i;
    for (i = 0; i < n; ++i) acc[i] = table[first + i];
    for (; x != end; x += 4, w += n) {
        const uint32_t v = gw_load_4(x);
        dense_s8_dsp_lanes(n, acc, gw_sxtb16(v), w);
        dense_s8_dsp_lanes(n, acc, gw_sxtb16_odd(v), w + n / 2);
    }
    if (rest > 0) {
        dense_s8_dsp_lanes(n, acc, gw_lanes(x[0], rest > 1 ? x[rest - 1] : 0), w);
        w += n / 2;
    }
    if (rest == 3) {
        dense_s8_dsp_lanes(n, acc, gw_lanes(x[1], 0), w);
        w += n / 2;
    }
    y[0] = dense_s8_dsp_result(first, acc[0], 0, table);
    if (written > 1) y[1] = dense_s8_dsp_result(first + 1, acc[1], acc[0], table);
    if (written > 2) y[2] = dense_s8_dsp_result(2, acc[2], 0, table);
    if (written > 3) y[3] = dense_s8_dsp_result(3, acc[3], acc[2], table);
    return w;
}

/* All full blocks of a row. The assembler is written out, so that loads stand together. Registers: r0 x, r1 weights, r2 to r5 sums, r6, r7
 * lanes of x, r8 to r11 weights, r12 the end of x, lr table; the rest on the stack. */
static GW_NOINLINE void dense_s8_dsp_blocks(const dense_s8_dsp_row *row)
{
    enum { MIXED = 1, FORM = 4, PRE = 0, POST = 6, PLAIN = 1, FOURS = 1 };  // @constants
    enum { TABLE = FORM == GW_DOUBLE ? 13 : 12 };
#if GW_ALL_REGISTERS
    if (MIXED && PLAIN && FOURS) {
        register const dense_s8_dsp_row *p __asm__("r0") = row;
        if (FORM == GW_HIGH && PRE == 0) {
            __asm__ volatile(dense_s8_dsp_SUMS dense_s8_dsp_HIGH dense_s8_dsp_STORE
                             : "+r"(p)
                             : [post] "i"(POST), [odd_post] "i"(POST + 8)
                             : dense_s8_dsp_USED);
        } else if (FORM == GW_HIGH) {
            __asm__ volatile(
                dense_s8_dsp_SUMS
                "asr r2, r2, %[pre]\n\tasr r3, r3, %[odd_pre]\n\tasr r4, r4, %[pre]\n\tasr r5, r5, %[odd_pre]\n\t" dense_s8_dsp_HIGH
                    dense_s8_dsp_STORE
                : "+r"(p)
                : [post] "i"(POST), [odd_post] "i"(POST), [pre] "i"(PRE), [odd_pre] "i"(PRE + 8)
                : dense_s8_dsp_USED);
        } else {
            __asm__ volatile(
                dense_s8_dsp_SUMS
                "lsls r2, r2, #1\n\tasrs r3, r3, #7\n\tlsls r4, r4, #1\n\tasrs r5, r5, #7\n\tldr r0, [lr, #32]\n\t" dense_s8_dsp_DOUBLE(
                    "r2") dense_s8_dsp_DOUBLE("r3") dense_s8_dsp_DOUBLE("r4") dense_s8_dsp_DOUBLE("r5") "add lr, #4\n\t" dense_s8_dsp_STORE
                : "+r"(p)
                :
                : dense_s8_dsp_USED);
        }
        return;
    }
#endif
    {
        const uint32_t *w = row->w;
        const int32_t *table = row->table;
        int8_t *y = row->y;
        for (; table != row->table_end; table += TABLE, y += 4)
            w = dense_s8_dsp_block(4, 4, row->x, (int32_t)(row->x_end - row->x), w, table, 0, y);
    }
}

void dense_s8_dsp(const int8_t *x, int8_t *y, const uint32_t *w, const int32_t *table, const int32_t *shape)
{
    enum { FORM = 4 };  // @constants
    const int32_t k = shape[1], rest = shape[2] % 4, words = k / 4 * 2 + (k % 4 + 1) / 2;
    int32_t left;
    dense_s8_dsp_row row;
    row.w = w;
    row.table = table;
    row.table_end = table + shape[2] / 4 * (FORM == GW_DOUBLE ? 13 : 12);
    row.skipped = -(k / 4) & 3;
    w += shape[2] / 4 * 2 * words;
    for (left = shape[0]; left > 0; --left) {
        row.x = x;
        row.x_end = x + k;
        row.y = y;
        if (shape[2] >= 4) dense_s8_dsp_blocks(&row);
        y += shape[2] - rest;
        if (rest > 1) dense_s8_dsp_block(2, 2, x, k, w, row.table_end, 0, y);
        if (rest == 1) dense_s8_dsp_block(2, 1, x, k, w, row.table_end, 0, y);
        if (rest == 3) dense_s8_dsp_block(2, 1, x, k, w + words, row.table_end, 2, y + 2);
        y += rest;
        x += k;
    }
}
