/* SPDX-License-Identifier: 0BSD */
/* Joins operands along an axis: for each of OUTER indices before it, L0, L1, ... bytes of each operand one after the other.
 *
 * An operand that is not there has length 0. */
#include "gw_kernel.h"

void concat2(const uint8_t *x0, const uint8_t *x1, uint8_t *y)
{
    enum { OUTER = 4, L0 = 8, L1 = 8 };  // @constants
    int32_t o;
    for (o = 0; o < OUTER; ++o) {
        memcpy(y, x0, L0);
        x0 += L0;
        y += L0;
        memcpy(y, x1, L1);
        x1 += L1;
        y += L1;
    }
}
