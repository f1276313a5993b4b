/* SPDX-License-Identifier: 0BSD */
/* Sum or difference of two tensors of one shape, int8, for cores with Helium: y = (a * A + b * B + C) >> SHIFT.
 *
 * a, b, y [N]
 * table  N, A, B, C, and the lower 16 bits of A, B, C. Layers whose constants are equal share the code
 * SHIFT  with WIDE: less 16
 * WIDE   the sum takes more than 32 bits; A, B, C at 1 to 3 are without their lower 16
 * LO, HI  clamp of y
 *
 * One line for both operands stands for every rescaling: the compiler has tried all 65,536 pairs. A wide sum is shifted by 16 before its
 * upper parts are added, which leaves nothing out: they are multiples of 2^16.
 *
 * Order: four results at a time: their operands are read, then they are written. */
#include "gw_kernel.h"

typedef struct {
    const int8_t *a, *b;
    int8_t *y;
    int32_t n, a_factor, b_factor, constant, shift, lo, hi, a_low, b_low, constant_low;
} add_s8_mve_line;

#define add_s8_mve_LOOP(BEFORE, SUM) \
    __asm__ volatile("push {r1-r11}\n\tldm r0!, {r1-r10}\n\tvdup.32 q3, r9\n\tvdup.32 q4, r10\n\t" BEFORE \
                     "dlstp.32 lr, r4\n\t" \
                     "1: vldrb.s32 q0, [r1], #4\n\tvldrb.s32 q1, [r2], #4\n\t" SUM \
                     "vshl.s32 q0, r8\n\t" \
                     "vmax.s32 q0, q0, q3\n\tvmin.s32 q0, q0, q4\n\tvstrb.32 q0, [r3], #4\n\tletp lr, 1b\n\tpop {r1-r11}" \
                     : "+r"(p) \
                     : \
                     : "lr", "q0", "q1", "q2", "q3", "q4", "q5", "cc", "memory")

void add_s8_mve(const int8_t *a, const int8_t *b, int8_t *y, const int32_t *table)
{
    enum { WIDE = 0, SHIFT = 20, LO = -128, HI = 127 };  // @constants
    const add_s8_mve_line line = {a, b, y, table[0], table[1], table[2], table[3], -SHIFT, LO, HI, table[4], table[5], table[6]};
#if GW_HAS_MVE
    register const add_s8_mve_line *p __asm__("r0") = &line;
    if (WIDE)
        add_s8_mve_LOOP("ldm r0, {r9-r11}\n\tvdup.32 q2, r9\n\t",
                        "vmul.i32 q5, q0, q2\n\tvmla.s32 q5, q1, r10\n\tvadd.i32 q5, q5, r11\n\tvshr.s32 q5, q5, #16\n\t"
                        "vmla.s32 q5, q0, r5\n\tvmla.s32 q5, q1, r6\n\tvadd.i32 q0, q5, r7\n\t");
    else
        add_s8_mve_LOOP("vdup.32 q2, r5\n\t", "vmlas.s32 q0, q2, r7\n\tvmla.s32 q0, q1, r6\n\t");
#else
    int32_t i;
    for (i = 0; i < line.n; ++i) {
        int32_t v = a[i] * line.a_factor + b[i] * line.b_factor + line.constant;
        if (WIDE) v += (a[i] * line.a_low + b[i] * line.b_low + line.constant_low) >> 16;
        y[i] = (int8_t)gw_clamp(v >> -line.shift, line.lo, line.hi);
    }
#endif
}
