/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, int8, two pixels at a time: y = requant(bias + sum of (x - X_ZERO) * w over the taps that lie inside x).
 *
 * Two activations stand in one 32-bit word, x0 + 65536 * x1, and meet a weight in one multiplication. The sums of a few such products fit
 * 16 bits each: of how many, the compiler has proved from the weights. After so many (a chunk) both sums are taken apart and added to
 * accumulators of 32 bits.
 *
 * x      [IH][IW][IC]
 * y      [OH][OW][OC]
 * w      blocks of three output channels, then blocks of two (at most two of those), each [KH * KW * IC][channels of the block].
 *        128 is added to each weight: unsigned byte loads have more addressing forms. The sum of a chunk's words takes it out again
 * chunks for each block a byte a chunk, 10 - n (blocks of three) or 15 - n (blocks of two) for one of n taps, 1 <= n, and then 255.
 *        For each channel of each chunk, with x anywhere in int8: -32768 <= sum of x * w <= 32767
 * bias   [OC], with -X_ZERO * (sum of the channel's weights) in it: the sums are of x itself, and padding is X_ZERO
 * mult, shift  [MULT_N], [SHIFT_N]: one a channel, or one element for all; FORM and PRE say how (gw_rescale), or that mult holds
 *        lines of gw_requant_window, whose start is taken off the bias, PACKED those of gw_unpack_line
 * CODE   weights are instructions: a routine for each three channels and for those that are left; chunks says where each begins
 * scratch  KH * KW * IC words
 * KH, KW kernel, SH, SW stride, DH, DW dilation, PT, PL padding above and left; Y_ZERO, LO, HI zero point and clamp of y
 *
 * Order: output pixels row by row, left to right, two at a time (the last of an odd row alone). All taps of the two are read, then their
 * results are written.
 *
 * The sums are in assembler for Armv6-M: compilers keep the accumulators of 32 bits on the stack there and lose what the words gain. All
 * registers are then the kernel's; a chunk's byte is the distance of a jump into the row of its taps. The C next to it computes the same.
 */
#include "gw_kernel.h"

typedef int16_t conv2d_pairs_s8_mult;    // @type
typedef uint8_t conv2d_pairs_s8_weight;  // @type
typedef uint8_t conv2d_pairs_s8_chunk;   // @type

/* What the pixels of a call have in common. The assembler knows the order. */
typedef struct {
    const conv2d_pairs_s8_weight *w;
    const conv2d_pairs_s8_chunk *chunks;
    const int32_t *bias;
    const conv2d_pairs_s8_mult *mult;
    int8_t *y;     /* first pixel's next result */
    int32_t other; /* from it to the second pixel's; 0: there is none */
    const int8_t *shift;
} conv2d_pairs_s8_place;

#if defined(__GNUC__) && defined(__ARM_ARCH_6M__)
#define GW_ASSEMBLER 1
/* A block of three: r0 next word, r1 weights, r2 to r4 the chunk's sums, r5 word, r6 weight, r7 sum of the words; r8 to r12, lr
 * accumulators, of channel 0 of the first pixel, of the second pixel, of channel 1 of the first ... From the biases in r3 to r5 on; `next`:
 * where the stack keeps the next chunk, which ends in r5. */
#define GW_TAP3(a, b, c) \
    "ldm r0!, {r5}\n ldrb r6, [r1, #" #a "]\n muls r6, r5, r6\n adds r2, r2, r6\n ldrb r6, [r1, #" #b \
    "]\n muls r6, r5, r6\n" \
    "adds r3, r3, r6\n ldrb r6, [r1, #" #c "]\n muls r6, r5, r6\n adds r4, r4, r6\n adds r7, r7, r5\n"
#define GW_START3 "mov r8, r3\n mov r9, r3\n mov r10, r4\n mov r11, r4\n mov r12, r5\n mov lr, r5\n"
#define GW_CHUNKS3(next) \
    "1:\n adds r5, r5, #1\n str r5, [sp, #" #next \
    "]\n" \
    "lsls r5, r6, #1\n adds r5, r5, r6\n subs r1, r1, r5\n movs r5, #22\n muls r5, r6, r5\n" /* a tap: 3 weights, 22 bytes of code */ \
    "movs r2, #0\n movs r3, #0\n movs r4, #0\n movs r7, #0\n" \
    "add pc, r5\n nop\n" GW_TAP3(0, 1, 2) GW_TAP3(3, 4, 5) GW_TAP3(6, 7, 8) GW_TAP3(9, 10, 11) GW_TAP3(12, 13, 14) \
        GW_TAP3(15, 16, 17) GW_TAP3(18, 19, 20) GW_TAP3(21, 22, 23) GW_TAP3(24, 25, 26) GW_TAP3( \
            27, 28, 29) "adds r1, r1, #30\n lsls r7, r7, #7\n" \
                        "subs r2, r2, r7\n sxth r6, r2\n subs r2, r2, r6\n asrs r2, r2, #16\n add r8, r8, r6\n add r9, r9, r2\n" \
                        "subs r3, r3, r7\n sxth r6, r3\n subs r3, r3, r6\n asrs r3, r3, #16\n add r10, r10, r6\n add r11, r11, r3\n" \
                        "subs r4, r4, r7\n sxth r6, r4\n subs r4, r4, r6\n asrs r4, r4, #16\n add r12, r12, r6\n add lr, lr, r4\n" \
                        "ldr r5, [sp, #" #next "]\n ldrb r6, [r5]\n cmp r6, #255\n beq 2f\n b 1b\n 2:\n adds r5, r5, #1\n"
#define GW_SAVE "push {r0-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"
#define GW_RESTORE "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r0-r7}\n pop {r3}\n mov lr, r3\n"

/* One block of three. Moves p->w, chunks, bias on. */
static GW_NOINLINE void conv2d_pairs_s8_sums3(const gw_u32 *pairs, conv2d_pairs_s8_place *p, int32_t *sums)
{
    register const gw_u32 *r0 __asm__("r0") = pairs;
    register conv2d_pairs_s8_place *r1 __asm__("r1") = p;
    register int32_t *r2 __asm__("r2") = sums;
    /* [sp, #20] p, [sp, #24] sums, [sp, #28] next chunk */
    __asm__ volatile(
        ".syntax unified\n" GW_SAVE
        "ldr r7, [r1, #8]\n ldm r7!, {r3-r5}\n str r7, [r1, #8]\n" GW_START3
        "ldr r5, [r1, #4]\n ldr r1, [r1]\n ldrb r6, [r5]\n" GW_CHUNKS3(28)
        "ldr r0, [sp, #20]\n str r1, [r0]\n str r5, [r0, #4]\n"
        "ldr r0, [sp, #24]\n mov r2, r8\n mov r3, r9\n mov r4, r10\n mov r5, r11\n mov r6, r12\n mov r7, lr\n stm r0!, {r2-r7}\n" GW_RESTORE
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

/* Blocks of three and their results by gw_requant_window, which here stay in registers: channel `at` of a block, whose accumulators are
 * `first` and `second`. r0 next line, r7 and [sp, #20] where the results go; r1 to r3 the line, r4 and r2 both parts of its multiplier,
 * r5 and r6 a result. */
#define GW_CLAMPED(acc) "mov r5, " acc "\n cmp r5, r1\n bls 3f\n asrs r6, r5, #31\n movs r5, r1\n bics r5, r5, r6\n 3:\n"
#define GW_READ \
    ".if %c[packed]\n ldm r0!, {r2, r3}\n lsrs r1, r3, #16\n lsls r1, r1, #%c[width]\n uxth r3, r3\n lsls r3, r3, #%c[addend]\n" \
    ".else\n ldm r0!, {r1-r3}\n .endif\n"
#define GW_TOP \
    ".if %c[packed]\n subs r5, r5, r3\n lsrs r5, r5, #24\n adds r5, #%c[first]\n .else\n adds r5, r5, r3\n lsrs r5, r5, #24\n .endif\n"
#define GW_RESULT(at, first, second) \
    GW_READ "lsrs r4, r2, %[low]\n lsls r2, r2, %[rest]\n lsrs r2, r2, %[rest]\n" GW_CLAMPED( \
        first) "movs r6, r4\n muls r6, r5, r6\n muls r5, r2, r5\n lsrs r5, r5, %[low]\n adds r5, r5, r6\n" GW_TOP "strb r5, [r7, #" #at \
               "]\n" GW_CLAMPED(second) "muls r4, r5, r4\n muls r5, r2, r5\n lsrs r5, r5, %[low]\n adds r5, r5, r4\n" GW_TOP \
                                        "ldr r6, [sp, #20]\n strb r5, [r6, #" #at "]\n"
/* The stack: a copy of what p holds up to y, then y of the second pixel, the words, p, and how many blocks are left. */
#define GW_ENTER ".syntax unified\n" GW_SAVE "push {r0-r2}\n ldm r1!, {r2-r7}\n adds r7, r7, r6\n push {r2-r7}\n"
#define GW_LEAVE "pop {r2-r7}\n ldr r0, [sp, #4]\n stm r0!, {r2-r6}\n add sp, #12\n" GW_RESTORE
/* n channels. */
#define GW_BLOCK(sums, results, n) \
    "ldr r7, [sp, #8]\n ldm r7!, {r3-r5}\n str r7, [sp, #8]\n" sums "ldr r0, [sp, #12]\n ldr r7, [sp, #16]\n" results \
    "str r0, [sp, #12]\n adds r7, r7, #" #n "\n adds r6, r6, #" #n "\n str r7, [sp, #16]\n str r6, [sp, #20]\n"
#define GW_BLOCKS(sums) \
    "7:\n" GW_BLOCK(sums, GW_RESULT3, 3) "ldr r6, [sp, #32]\n subs r6, r6, #1\n str r6, [sp, #32]\n beq 8f\n b 7b\n 8:\n"
#define GW_CODE \
    "movs r1, r3\n movs r2, r4\n movs r3, r5\n ldr r7, [sp, #4]\n ldm r7!, {r6}\n str r7, [sp, #4]\n" \
    "lsls r6, r6, #1\n adds r6, r6, #1\n ldr r5, [sp]\n adds r6, r6, r5\n ldr r0, [sp, #24]\n blx r6\n"
#define GW_TABLE \
    GW_START3 "ldr r0, [sp, #24]\n ldr r1, [sp]\n ldr r5, [sp, #4]\n ldrb r6, [r5]\n" GW_CHUNKS3(4) "str r5, [sp, #4]\n str r1, [sp]\n"
#define GW_RESULT1 GW_RESULT(0, "r8", "r9")
#define GW_RESULT2 GW_RESULT1 GW_RESULT(1, "r10", "r11")
#define GW_RESULT3 GW_RESULT2 GW_RESULT(2, "r12", "lr")
#define GW_DO(text) \
    __asm__ volatile(GW_ENTER text GW_LEAVE \
                     : "+r"(r0), "+r"(r1), "+r"(r2) \
                     : [low] "i"(LOW), [rest] "i"(32 - LOW), [packed] "i"(PACKED), [width] "i"(WIDTH_SHIFT), [addend] "i"(ADDEND_SHIFT), \
                       [first] "i"((FIRST + 1) & 255) \
                     : "r3", "r12", "cc", "memory")

/* `blocks` blocks of three and, where weights are instructions, the channels that are left. */
static GW_NOINLINE void conv2d_pairs_s8_blocks(const gw_u32 *pairs, conv2d_pairs_s8_place *p, int32_t blocks)
{
    enum { OC = 7, FORM = 1, PRE = 0, CODE = 0 };                       // @constants
    enum { PACKED = 0, WIDTH_SHIFT = 0, ADDEND_SHIFT = 0, FIRST = 0 };  // @constants
    enum { LOW = FORM == GW_WINDOW ? PRE : 16 };
    register const gw_u32 *r0 __asm__("r0") = pairs;
    register conv2d_pairs_s8_place *r1 __asm__("r1") = p;
    register int32_t r2 __asm__("r2") = blocks;
    if (!CODE) {
        GW_DO(GW_BLOCKS(GW_TABLE));
    } else if (OC % 3 == 0) {
        GW_DO(GW_BLOCKS(GW_CODE));
    } else if (OC % 3 == 1) {
        GW_DO(GW_BLOCKS(GW_CODE) GW_BLOCK(GW_CODE, GW_RESULT1, 1));
    } else {
        GW_DO(GW_BLOCKS(GW_CODE) GW_BLOCK(GW_CODE, GW_RESULT2, 2));
    }
}

/* The same for a block of two. */
static GW_NOINLINE void conv2d_pairs_s8_sums2(const gw_u32 *pairs, conv2d_pairs_s8_place *p, int32_t *sums)
{
    register const gw_u32 *r0 __asm__("r0") = pairs;
    register conv2d_pairs_s8_place *r1 __asm__("r1") = p;
    register int32_t *r2 __asm__("r2") = sums;
#define GW_TAP2(a, b) \
    "ldm r0!, {r5}\n ldrb r6, [r1, #" #a "]\n muls r6, r5, r6\n adds r2, r2, r6\n ldrb r6, [r1, #" #b \
    "]\n muls r6, r5, r6\n" \
    "adds r3, r3, r6\n adds r7, r7, r5\n"
    __asm__ volatile(
        ".syntax unified\n"
        "push {r0-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"
        "ldr r7, [r1, #8]\n ldm r7!, {r3, r4}\n str r7, [r1, #8]\n mov r8, r3\n mov r9, r3\n mov r10, r4\n mov r11, r4\n"
        "ldr r5, [r1, #4]\n ldr r1, [r1]\n ldrb r6, [r5]\n"
        "1:\n adds r5, r5, #1\n str r5, [sp, #28]\n"
        "lsls r5, r6, #1\n subs r1, r1, r5\n lsls r5, r6, #4\n" /* a tap has 2 weights and 16 bytes of code */
        "movs r2, #0\n movs r3, #0\n movs r7, #0\n"
        "add pc, r5\n nop\n"
        GW_TAP2(0, 1) GW_TAP2(2, 3) GW_TAP2(4, 5) GW_TAP2(6, 7) GW_TAP2(8, 9)
        GW_TAP2(10, 11) GW_TAP2(12, 13) GW_TAP2(14, 15) GW_TAP2(16, 17) GW_TAP2(18, 19)
        GW_TAP2(20, 21) GW_TAP2(22, 23) GW_TAP2(24, 25) GW_TAP2(26, 27) GW_TAP2(28, 29)
        "adds r1, r1, #30\n lsls r7, r7, #7\n"
        "subs r2, r2, r7\n sxth r6, r2\n subs r2, r2, r6\n asrs r2, r2, #16\n add r8, r8, r6\n add r9, r9, r2\n"
        "subs r3, r3, r7\n sxth r6, r3\n subs r3, r3, r6\n asrs r3, r3, #16\n add r10, r10, r6\n add r11, r11, r3\n"
        "ldr r5, [sp, #28]\n ldrb r6, [r5]\n cmp r6, #255\n beq 2f\n b 1b\n"
        "2:\n adds r5, r5, #1\n ldr r0, [sp, #20]\n str r1, [r0]\n str r5, [r0, #4]\n"
        "ldr r0, [sp, #24]\n mov r2, r8\n mov r3, r9\n mov r4, r10\n mov r5, r11\n stm r0!, {r2-r5}\n"
        "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r0-r7}\n pop {r3}\n mov lr, r3\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
#undef GW_TAP2
}

/* One block whose weights are instructions. */
static GW_NOINLINE void conv2d_pairs_s8_call(const gw_u32 *pairs, const conv2d_pairs_s8_weight *code, int32_t *sums, const int32_t *bias)
{
    register const gw_u32 *r0 __asm__("r0") = pairs;
    register const conv2d_pairs_s8_weight *r1 __asm__("r1") = code;
    register int32_t *r2 __asm__("r2") = sums;
    register const int32_t *r3 __asm__("r3") = bias;
    __asm__ volatile(
        ".syntax unified\n"
        "push {r0-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"
        "movs r7, #1\n orrs r7, r7, r1\n ldm r3, {r1-r3}\n blx r7\n"
        "ldr r0, [sp, #24]\n mov r2, r8\n mov r3, r9\n mov r4, r10\n mov r5, r11\n mov r6, r12\n mov r7, lr\n stm r0!, {r2-r7}\n"
        "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r0-r7}\n pop {r3}\n mov lr, r3\n"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "cc", "memory");
}
#undef GW_TAP3
#undef GW_START3
#undef GW_CHUNKS3
#undef GW_SAVE
#undef GW_RESTORE
#undef GW_CLAMPED
#undef GW_READ
#undef GW_TOP
#undef GW_RESULT
#undef GW_ENTER
#undef GW_LEAVE
#undef GW_BLOCK
#undef GW_BLOCKS
#undef GW_CODE
#undef GW_TABLE
#undef GW_RESULT1
#undef GW_RESULT2
#undef GW_RESULT3
#undef GW_DO
#else
#define GW_ASSEMBLER 0
/* The same by reading the instructions, as far as such code has them. */
static GW_NOINLINE void conv2d_pairs_s8_call(const gw_u32 *pairs, const conv2d_pairs_s8_weight *code, int32_t *sums, const int32_t *bias)
{
    uint32_t r[16] = {0}; /* of r0 there is `pairs` */
    int32_t i;
    for (i = 0; i < 3; ++i) r[1 + i] = (uint32_t)bias[i];
    for (;;) {
        const uint32_t op = *code++, d = op & 7u, n = op >> 3 & 7u, m = op >> 6 & 7u, by = op >> 6 & 31u;
        if (op == 0xBD00u) break;    /* pop {pc} */
        if (op == 0xB500u) continue; /* push {lr} */
        if (op >> 11 == 0)
            r[d] = r[n] << by;    /* lsls */
        else if (op >> 11 == 2) { /* asrs */
            r[d] = (uint32_t)((int32_t)r[n] >> by);
        } else if (op >> 9 == 0xC)
            r[d] = r[n] + r[m]; /* adds */
        else if (op >> 9 == 0xD)
            r[d] = r[n] - r[m]; /* subs */
        else if (op >> 11 == 4)
            r[op >> 8 & 7u] = op & 255u; /* movs */
        else if (op >> 11 == 6)
            pairs += (op & 255u) / 4; /* adds r0, #bytes */
        else if (op >> 6 == 0x109)
            r[d] = 0u - r[n]; /* rsbs */
        else if (op >> 6 == 0x10D)
            r[d] *= r[n]; /* muls */
        else if (op >> 6 == 0x112)
            r[8 + d] += r[n]; /* add to a high register */
        else if (op >> 6 == 0x11A)
            r[8 + d] = r[n];         /* mov to one */
        else if (op >> 6 == 0x2C8) { /* sxth */
            r[d] = (uint32_t)(int32_t)(int16_t)(uint16_t)(r[n] & 0xFFFFu);
        } else { /* ldm r0! */
            for (i = 0; i < 8; ++i)
                if (op >> i & 1u) r[i] = *pairs++;
        }
    }
    for (i = 0; i < 5; ++i) sums[i] = (int32_t)r[8 + i];
    sums[5] = (int32_t)r[14];
}

/* One block of n. sums: of channel 0 of the first pixel, of the second pixel, of channel 1 of the first ... Moves p->w, chunks, bias on. */
GW_INLINE void conv2d_pairs_s8_sums(const int32_t n, const gw_u32 *x, conv2d_pairs_s8_place *p, int32_t *sums)
{
    const int32_t most = n == 3 ? 10 : 15;
    const conv2d_pairs_s8_weight *w = p->w;
    int32_t c;
    for (c = 0; c < n; ++c) sums[2 * c] = sums[2 * c + 1] = *p->bias++;
    for (; *p->chunks != 255; ++p->chunks) {
        const gw_u32 *end = x + (most - (int32_t)*p->chunks);
        uint32_t chunk[3] = {0, 0, 0}, all = 0;
        do {
            const uint32_t word = *x++;
            for (c = 0; c < n; ++c) chunk[c] += word * *w++;
            all += word;
        } while (x != end);
        for (c = 0; c < n; ++c) {
            const uint32_t both = chunk[c] - (all << 7);
            const int32_t first = (int16_t)both;
            sums[2 * c] += first;
            sums[2 * c + 1] += (int32_t)(both - (uint32_t)first) >> 16;
        }
    }
    p->w = w;
    ++p->chunks;
}

static GW_NOINLINE void conv2d_pairs_s8_sums3(const gw_u32 *pairs, conv2d_pairs_s8_place *p, int32_t *sums)
{
    conv2d_pairs_s8_sums(3, pairs, p, sums);
}

static GW_NOINLINE void conv2d_pairs_s8_sums2(const gw_u32 *pairs, conv2d_pairs_s8_place *p, int32_t *sums)
{
    conv2d_pairs_s8_sums(2, pairs, p, sums);
}
#endif

/* Results of both pixels for `blocks` blocks of n channels. */
GW_INLINE void conv2d_pairs_s8_channels(const int32_t n, int32_t blocks, const gw_u32 *pairs, conv2d_pairs_s8_place *p)
{
    enum { FORM = 1, PRE = 0, MULT_N = 6, SHIFT_N = 6, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    enum { CODE = 0 };                                                                        // @constants
    enum { PACKED = 0, WIDTH_SHIFT = 0, ADDEND_SHIFT = 0, FIRST = 0 };                        // @constants
    enum { MS = PACKED ? 2 : GW_LINE(FORM, MULT_N), SS = SHIFT_N > 1 };
#if GW_ASSEMBLER
    if (n == 3 && FORM == GW_WINDOW) {
        conv2d_pairs_s8_blocks(pairs, p, blocks);
        return;
    }
#endif
    do {
        int32_t sums[6], c;
        if (CODE) {
            conv2d_pairs_s8_call(pairs, p->w + *p->chunks, sums, p->bias);
            ++p->chunks;
            p->bias += n;
        } else if (n == 3)
            conv2d_pairs_s8_sums3(pairs, p, sums);
        else
            conv2d_pairs_s8_sums2(pairs, p, sums);
        for (c = 0; c < n; ++c) {
            const conv2d_pairs_s8_mult *mult = p->mult;
            int8_t *to = p->y;
            if (FORM >= GW_WINDOW) {
                int32_t first = sums[2 * c], second = sums[2 * c + 1], unpacked[3];
                const int32_t *line = (const int32_t *)(const void *)mult;
                if (PACKED) {
                    gw_unpack_line(line, WIDTH_SHIFT, ADDEND_SHIFT, FIRST, unpacked);
                    line = unpacked;
                }
                gw_requant_windows(FORM, &first, &second, line, PRE);
                if (p->other != 0) to[p->other] = (int8_t)(uint8_t)second;
                *to = (int8_t)(uint8_t)first;
            } else {
                const int32_t shift = *p->shift;
                if (p->other != 0) to[p->other] = gw_requant(FORM, sums[2 * c + 1], PRE, *mult, shift, Y_ZERO, LO, HI);
                *to = gw_requant(FORM, sums[2 * c], PRE, *mult, shift, Y_ZERO, LO, HI);
            }
            p->mult = mult + MS;
            p->shift += SS;
            p->y = to + 1;
        }
    } while (--blocks > 0);
}

/* Words of some rows of a window from activations `other` bytes apart. Returns their end. */
static GW_NOINLINE gw_u32 *conv2d_pairs_s8_run(gw_u32 *to, const int8_t *x, int32_t other, int32_t rows)
{
    enum { IW = 8, IC = 1, KW = 3, DH = 1 };  // @constants
    enum { N = KW * IC, THREES = N / 3 * 3 };
    do {
        const int8_t *const x1 = x + other;
        int32_t i = 0;
#if GW_ASSEMBLER
        if (THREES > 0) { /* three words at a time */
            register gw_u32 *r0 __asm__("r0") = to;
            register const int8_t *r1 __asm__("r1") = x;
            register const int8_t *r2 __asm__("r2") = x1;
            register int32_t r3 __asm__("r3") = THREES;
            __asm__ volatile(
                ".syntax unified\n push {r4-r7}\n mov r12, r3\n movs r3, #0\n 1:\n"
                "ldrsb r4, [r1, r3]\n ldrsb r7, [r2, r3]\n adds r3, r3, #1\n lsls r7, r7, #16\n adds r4, r4, r7\n"
                "ldrsb r5, [r1, r3]\n ldrsb r7, [r2, r3]\n adds r3, r3, #1\n lsls r7, r7, #16\n adds r5, r5, r7\n"
                "ldrsb r6, [r1, r3]\n ldrsb r7, [r2, r3]\n adds r3, r3, #1\n lsls r7, r7, #16\n adds r6, r6, r7\n"
                "stm r0!, {r4-r6}\n cmp r3, r12\n bne 1b\n pop {r4-r7}\n"
                : "+r"(r0), "+r"(r3)
                : "r"(r1), "r"(r2)
                : "r12", "cc", "memory");
            to = r0;
            i = THREES;
        }
#endif
        for (; i != N; ++i) *to++ = (uint32_t)x[i] + ((uint32_t)x1[i] << 16);
        x += DH * IW * IC;
    } while (--rows > 0);
    return to;
}

/* n words, activations outside x being X_ZERO; in0, in1: whether the first, the second is inside. */
static GW_NOINLINE gw_u32 *conv2d_pairs_s8_edge(gw_u32 *to, const int8_t *x0, const int8_t *x1, int32_t n)
{
    enum { X_ZERO = -128 };  // @constants
    int32_t i;
    for (i = 0; i < n; ++i) {
        const int32_t first = x0 ? x0[i] : X_ZERO, second = x1 ? x1[i] : X_ZERO;
        *to++ = (uint32_t)first + ((uint32_t)second << 16);
    }
    return to;
}

void conv2d_pairs_s8(const int8_t *x, int8_t *y, const conv2d_pairs_s8_weight *w, const int32_t *bias, const conv2d_pairs_s8_mult *mult,
                     const int8_t *shift, const conv2d_pairs_s8_chunk *chunks, uint8_t *scratch)
{
    enum { IH = 8, IW = 8, IC = 1, OH = 8, OW = 8, OC = 7 };                  // @constants
    enum { KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1, PT = 1, PL = 1 };  // @constants
    enum { CODE = 0, FORM = 1 };                                              // @constants
    enum {
        TWOS = CODE || OC % 3 == 0 ? 0 : 3 - OC % 3,
        REST = CODE ? OC % 3 : 0,
        THREES = (OC - 2 * TWOS) / 3,                                /* CODE: rounded down */
        DOWN = (OH - 1) * SH - PT + (KH - 1) * DH >= IH,             /* some windows hang over the lower edge, */
        RIGHT = (OW - 1) * SW - PL + (KW - 1) * DW >= IW,            /* the right one */
        WITH_REST = GW_ASSEMBLER && FORM == GW_WINDOW && THREES > 0, /* the blocks of three bring it along */
        EDGES = PT > 0 || PL > 0 || DOWN || RIGHT
    };
    gw_u32 *pairs = (gw_u32 *)(void *)scratch;
    conv2d_pairs_s8_place p;
    int32_t oy, ox, ky, kx;
    p.y = y;
    for (oy = 0; oy < OH; ++oy) {
        for (ox = 0; ox < OW; ox += 2) {
            const int32_t two = OW % 2 == 0 || ox + 1 < OW;
            const int32_t ix = ox * SW - PL, other = two ? SW : 0; /* a lone pixel is its own neighbour */
            const int32_t inside = (PL == 0 || ix >= 0) && (!RIGHT || ix + other + (KW - 1) * DW < IW);
            gw_u32 *to = pairs;
            int32_t iy = oy * SH - PT;
            const int32_t whole = DW == 1 && (!EDGES || (inside && iy >= 0 && iy + (KH - 1) * DH < IH));
            if (whole) conv2d_pairs_s8_run(to, x + (iy * IW + ix) * IC, other * IC, KH);
            for (ky = whole ? KH : 0; ky < KH; ++ky, iy += DH) {
                const int32_t row_inside = (PT == 0 || iy >= 0) && (!DOWN || iy < IH);
                const int8_t *row = x + (iy * IW + ix) * IC;
                if (DW == 1 && inside && row_inside) {
                    to = conv2d_pairs_s8_run(to, row, other * IC, 1);
                } else {
                    for (kx = 0; kx < KW; ++kx) {
                        const int32_t at0 = ix + kx * DW, at1 = at0 + other;
                        to = conv2d_pairs_s8_edge(to, row_inside && at0 >= 0 && at0 < IW ? row + kx * DW * IC : 0,
                                                  row_inside && at1 >= 0 && at1 < IW ? row + (kx * DW + other) * IC : 0, IC);
                    }
                }
            }
            p.w = w;
            p.chunks = chunks;
            p.bias = bias;
            p.mult = mult;
            p.shift = shift;
            p.other = two ? OC : 0;
            if (THREES > 0) conv2d_pairs_s8_channels(3, THREES, pairs, &p);
            if (TWOS > 0) conv2d_pairs_s8_channels(2, TWOS, pairs, &p);
            if (REST > 0 && !WITH_REST) conv2d_pairs_s8_channels(REST, 1, pairs, &p);
            p.y += p.other;
        }
    }
}
#undef GW_ASSEMBLER
