/* SPDX-License-Identifier: 0BSD */
/* Sum or difference of two tensors of one shape, int8: y = (a * A + b * B + C) >> SHIFT.
 *
 * a, b, y [N]
 * table  N, A, B, C, and the lower 16 bits of A, B, C. Layers whose constants are equal share the code
 * WIDE   the sum takes more than 32 bits; A, B, C at 1 to 3 are without their lower 16, SHIFT is less 16. What the lower bits come to is
 *        shifted before the upper parts, multiples of 2^16, are added: nothing is lost
 * LO, HI  clamp of y
 *
 * One line for both operands stands for every rescaling: the compiler has tried all 65,536 pairs.
 *
 * Order: results one after the other; each reads its two operands, then is written. */
#include "gw_kernel.h"

void add_line_s8(const int8_t *a, const int8_t *b, int8_t *y, const int32_t *table)
{
    enum { WIDE = 0, SHIFT = 20, LO = -128, HI = 127 };  // @constants
    const int32_t n = table[0], a_factor = table[1], b_factor = table[2], constant = table[3];
    const int32_t a_low = table[4], b_low = table[5], low = table[6];
    int32_t i;
    for (i = 0; i < n; ++i) {
        const int32_t va = a[i], vb = b[i];
        int32_t v = va * a_factor + vb * b_factor + constant;
        if (WIDE) v += (va * a_low + vb * b_low + low) >> 16;
        y[i] = (int8_t)gw_clamp(v >> SHIFT, LO, HI);
    }
}
