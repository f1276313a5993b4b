/* SPDX-License-Identifier: 0BSD */
/* Any function of one int8 value, by table: y[i] = table[x[i] + 128].
 *
 * x [N], y [N], table [256]. Order: element by element, each read before it is written. */
#include "gw_kernel.h"

void lookup_s8(const int8_t *x, int8_t *y, const int8_t *table)
{
    enum { N = 64 };  // @constants
    const int8_t *end = x + N;
    table += 128;
    do *y++ = table[*x++];
    while (x != end);
}
