/* SPDX-License-Identifier: 0BSD */
/* Sum or difference of two tensors of one shape, int8, for cores that multiply and add in a cycle: y = (a * A + b * B + C) >> SHIFT.
 *
 * a, b, y [N]
 * table  N, A, B, lower and upper word of C. Layers whose constants are equal share the code
 * WIDE   the sum takes 64 bits; LO, HI clamp of y
 *
 * One line for both operands stands for every rescaling: the compiler has tried all 65,536 pairs.
 *
 * Order: four results at a time: their operands are read, then they are written. */
#include "gw_kernel.h"

GW_INLINE int8_t add_s8_dsp_result(int32_t a, int32_t b, const int32_t *table, int64_t constant)
{
    enum { WIDE = 0, SHIFT = 20, LO = -128, HI = 127 };  // @constants
    int32_t v;
    if (WIDE)
        v = gw_ssat8_asr((int32_t)(((int64_t)a * table[1] + ((int64_t)b * table[2] + constant)) >> SHIFT), 0);
    else
        v = gw_ssat8_asr(a * table[1] + (b * table[2] + table[3]), SHIFT);
    if (LO > -128) v = gw_max(v, LO);
    if (HI < 127) v = gw_min(v, HI);
    return (int8_t)v;
}

void add_s8_dsp(const int8_t *a, const int8_t *b, int8_t *y, const int32_t *table)
{
    const int32_t line[4] = {table[0], table[1], table[2], table[3]};
    const int64_t c = (int64_t)table[4] * ((int64_t)1 << 32) + (uint32_t)table[3];
    const int8_t *const end = a + (line[0] & ~3);
    int32_t left = line[0] & 3;
    for (; a != end; a += 4, b += 4, y += 4) {
        const uint32_t va = gw_load_4(a), vb = gw_load_4(b);
        y[0] = add_s8_dsp_result((int8_t)(va & 255u), (int8_t)(vb & 255u), line, c);
        y[1] = add_s8_dsp_result((int8_t)(va >> 8 & 255u), (int8_t)(vb >> 8 & 255u), line, c);
        y[2] = add_s8_dsp_result((int8_t)(va >> 16 & 255u), (int8_t)(vb >> 16 & 255u), line, c);
        y[3] = add_s8_dsp_result((int8_t)(va >> 24), (int8_t)(vb >> 24), line, c);
    }
    for (; left > 0; --left) *y++ = add_s8_dsp_result(*a++, *b++, line, c);
}
