/* SPDX-License-Identifier: 0BSD */
/* Any function of one byte, by table: y[i] = table[x[i] - lowest].
 *
 * x [N], y [N], table [256]; FIRST is the lowest value that x may have, negated. Order: element by element, each read before it is written.
 */
#include "gw_kernel.h"

typedef int8_t lookup_s8_in;   // @type
typedef int8_t lookup_s8_out;  // @type

void lookup_s8(const lookup_s8_in *x, lookup_s8_out *y, const lookup_s8_out *table)
{
    enum { N = 64, FIRST = 128 };  // @constants
    const lookup_s8_in *end = x + N;
    table += FIRST;
    do *y++ = table[*x++];
    while (x != end);
}
