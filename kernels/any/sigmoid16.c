/* SPDX-License-Identifier: 0BSD */
/* Logistic or hyperbolic tangent of int16 in Q0.15, by a table, interpolated.
 *
 * x, y [N]; table [256]: logistic(i / 24) in Q0.16. The function's argument, in units of 1 / (3 * 2^12), is x * MULT / 2^SHIFT, rounded
 * half up.
 *
 * Order: element by element, each read before it is written. */
#include "gw_kernel.h"

static inline int32_t sigmoid16_scalar(int32_t v, const uint16_t *table) { return gw_logistic16(v, table); }  // @scalar

void sigmoid16(const gw_i16 *x, gw_i16 *y, const uint16_t *table)
{
    enum { N = 64, MULT = 3, SHIFT = 0 };  // @constants
    enum { HALF = SHIFT > 0 ? 1 << (SHIFT > 0 ? SHIFT - 1 : 0) : 0 };
    int32_t i;
    for (i = 0; i < N; ++i) y[i] = (int16_t)sigmoid16_scalar((x[i] * MULT + HALF) >> SHIFT, table);
}
