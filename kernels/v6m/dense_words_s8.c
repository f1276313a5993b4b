/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer, int8, four outputs at a time: y = requant(bias + sum of (x - X_ZERO) * w).
 *
 * Four weights stand in one 32-bit word, bytes b0 to b3. Its even bytes, b0 + 65536 * b2, meet an activation in one multiplication, and so
 * does the word without its lowest byte, b1 + 256 * b2 + 65536 * b3. The sums of a few such products fit 16 bits each: of how many, the
 * compiler has proved from the weights. After so many (a chunk) the sums are taken apart and added to accumulators of 32 bits; what b2
 * added to the second sum is known from the first.
 *
 * x      [M][K]
 * y      [M][O]
 * w      (O + 3) / 4 blocks of four outputs [K], a word a tap, the last block filled up with outputs of weight 0. 128 is added to each
 * weight, so that bytes are unsigned; the sum of a chunk's activations takes it out again chunks for each block a byte a chunk, 16 - n for
 * one of n taps, 1 <= n <= 16, and then 255. For each output of each chunk, with u anywhere in [0, 255]: -32768 <= sum of u * w <= 32767
 * bias   [4 * blocks], with -(X_ZERO + 128) * (sum of the output's weights) in it: the sums are of x + 128
 * mult, shift  [MULT_N], [SHIFT_N]: one an output, or one element for all; FORM and PRE say how (gw_rescale), or that mult holds lines of
 *        gw_requant_window, whose start is taken off the bias
 * scratch  K bytes, a row of x with 128 added
 * Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: for each row of x, all of it is read, then its results are written.
 *
 * The sums are in assembler for Armv6-M: all registers are then the kernel's; a chunk's byte is the distance of a jump into the row of its
 * taps. The C next to it computes the same. */
#include "gw_kernel.h"

typedef int16_t dense_words_s8_mult;  // @type

/* What the blocks of a row have in common. The assembler knows where its members stand. */
typedef struct {
    const uint32_t *w;
    const uint8_t *chunks;
    const int32_t *bias;
} dense_words_s8_place;

#if defined(__GNUC__) && defined(__ARM_ARCH_6M__)
/* One block. Moves p on. */
static GW_NOINLINE void dense_words_s8_sums(const uint8_t *x, dense_words_s8_place *p, int32_t *sums)
{
    register const uint8_t *r0 __asm__("r0") = x;
    register dense_words_s8_place *r1 __asm__("r1") = p;
    register int32_t *r2 __asm__("r2") = sums;
    /* r0 x, r1 weights, r2 mask of even bytes, r3 and r4 the chunk's sums, r5 to r7 a tap; r8 to r11 accumulators, r12 sum of the
     * activations; [sp, #20] p, [sp, #24] sums, [sp, #28] next chunk */
#define GW_TAP(k) \
    "ldm r1!, {r6}\n ldrb r7, [r0, #" #k \
    "]\n movs r5, r6\n ands r5, r5, r2\n muls r5, r7, r5\n adds r3, r3, r5\n lsrs r6, r6, #8\n" \
    "muls r6, r7, r6\n adds r4, r4, r6\n add r12, r12, r7\n"
    __asm__ volatile(
        ".syntax unified\n"
        "push {r0-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"
        "ldr r7, [r1, #8]\n ldm r7!, {r3-r6}\n str r7, [r1, #8]\n mov r8, r3\n mov r9, r4\n mov r10, r5\n mov r11, r6\n"
        "ldr r5, [r1, #4]\n ldr r1, [r1]\n movs r2, #255\n lsls r7, r2, #16\n orrs r2, r2, r7\n ldrb r6, [r5]\n"
        "1:\n adds r5, r5, #1\n str r5, [sp, #28]\n"
        "subs r0, r0, r6\n movs r5, #20\n muls r5, r6, r5\n" /* a tap has 20 bytes of code */
        "movs r3, #0\n movs r4, #0\n mov r12, r3\n"
        "add pc, r5\n nop\n"
        GW_TAP(0) GW_TAP(1) GW_TAP(2) GW_TAP(3) GW_TAP(4) GW_TAP(5) GW_TAP(6) GW_TAP(7)
        GW_TAP(8) GW_TAP(9) GW_TAP(10) GW_TAP(11) GW_TAP(12) GW_TAP(13) GW_TAP(14) GW_TAP(15)
        "adds r0, r0, #16\n"
        "mov r7, r12\n lsls r6, r7, #7\n lsls r5, r7, #23\n adds r6, r6, r5\n lsls r7, r7, #15\n"
        "subs r3, r3, r6\n subs r4, r4, r6\n subs r4, r4, r7\n"
        "sxth r5, r3\n add r8, r8, r5\n subs r3, r3, r5\n asrs r3, r3, #16\n add r10, r10, r3\n"
        "lsls r3, r3, #8\n subs r4, r4, r3\n"
        "sxth r5, r4\n add r9, r9, r5\n subs r4, r4, r5\n asrs r4, r4, #16\n add r11, r11, r4\n"
        "ldr r5, [sp, #28]\n ldrb r6, [r5]\n cmp r6, #255\n beq 2f\n b 1b\n"
        "2:\n adds r5, r5, #1\n ldr r0, [sp, #20]\n str r1, [r0]\n str r5, [r0, #4]\n"
        "ldr r0, [sp, #24]\n mov r2, r8\n mov r3, r9\n mov r4, r10\n mov r5, r11\n stm r0!, {r2-r5}\n"
        "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r0-r7}\n pop {r3}\n mov lr, r3\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
#undef GW_TAP
}
#else
static GW_NOINLINE void dense_words_s8_sums(const uint8_t *x, dense_words_s8_place *p, int32_t *sums)
{
    const uint32_t *w = p->w;
    int32_t c;
    for (c = 0; c < 4; ++c) sums[c] = p->bias[c];
    for (; *p->chunks != 255; ++p->chunks) {
        const uint8_t *const end = x + (16 - *p->chunks);
        uint32_t even = 0, upper = 0, all = 0;
        int32_t part;
        do {
            const uint32_t v = *x++, word = *w++;
            even += v * (word & 0x00FF00FFu);
            upper += v * (word >> 8);
            all += v;
        } while (x != end);
        even -= all * 0x00800080u;
        upper -= all * 0x00808080u;
        part = (int16_t)(uint16_t)(even & 0xFFFFu);
        sums[0] += part;
        part = (int32_t)(even - (uint32_t)part) >> 16;
        sums[2] += part;
        upper -= (uint32_t)part << 8;
        part = (int16_t)(uint16_t)(upper & 0xFFFFu);
        sums[1] += part;
        sums[3] += (int32_t)(upper - (uint32_t)part) >> 16;
    }
    ++p->chunks;
    p->w = w;
    p->bias += 4;
}
#endif

void dense_words_s8(const int8_t *x, int8_t *y, const uint32_t *w, const int32_t *bias, const dense_words_s8_mult *mult,
                    const int8_t *shift, const uint8_t *chunks, uint8_t *scratch)
{
    enum { M = 1, K = 36, O = 10 };                                                             // @constants
    enum { FORM = 1, PRE = 0, MULT_N = 10, SHIFT_N = 10, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    int32_t row, k, o;
    for (row = 0; row < M; ++row) {
        dense_words_s8_place p;
        const dense_words_s8_mult *line = mult;
        p.w = w;
        p.chunks = chunks;
        p.bias = bias;
        for (k = 0; k < K; ++k) scratch[k] = (uint8_t)(*x++ + 128);
        for (o = 0; o < O; o += 4) {
            int32_t sums[4], c;
            dense_words_s8_sums(scratch, &p, sums);
            for (c = 0; c < 4 && (O % 4 == 0 || o + c < O); ++c) {
                *y++ = FORM >= GW_WINDOW ? gw_requant_window(FORM, sums[c], (const int32_t *)(const void *)line, PRE)
                                         : gw_requant(FORM, sums[c], PRE, *line, shift[SHIFT_N > 1 ? o + c : 0], Y_ZERO, LO, HI);
                line += GW_LINE(FORM, MULT_N);
            }
        }
    }
}
