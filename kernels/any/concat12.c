/* SPDX-License-Identifier: 0BSD */
/* Joins operands along an axis: for each of OUTER indices before it, L0, L1, ... bytes of each operand one after the other.
 *
 * An operand that is not there has length 0. */
#include "gw_kernel.h"

void concat12(const uint8_t *x0, const uint8_t *x1, const uint8_t *x2, const uint8_t *x3, const uint8_t *x4, const uint8_t *x5,
              const uint8_t *x6, const uint8_t *x7, const uint8_t *x8, const uint8_t *x9, const uint8_t *x10, const uint8_t *x11,
              uint8_t *y)
{
    enum { OUTER = 4, L0 = 8, L1 = 8, L2 = 8, L3 = 8, L4 = 8, L5 = 8 };  // @constants
    enum { L6 = 8, L7 = 8, L8 = 8, L9 = 8, L10 = 8, L11 = 8 };           // @constants
    int32_t o;
    for (o = 0; o < OUTER; ++o) {
        memcpy(y, x0, L0);
        x0 += L0;
        y += L0;
        memcpy(y, x1, L1);
        x1 += L1;
        y += L1;
        if (L2 > 0) {
            memcpy(y, x2, L2);
            x2 += L2;
            y += L2;
        }
        if (L3 > 0) {
            memcpy(y, x3, L3);
            x3 += L3;
            y += L3;
        }
        if (L4 > 0) {
            memcpy(y, x4, L4);
            x4 += L4;
            y += L4;
        }
        if (L5 > 0) {
            memcpy(y, x5, L5);
            x5 += L5;
            y += L5;
        }
        if (L6 > 0) {
            memcpy(y, x6, L6);
            x6 += L6;
            y += L6;
        }
        if (L7 > 0) {
            memcpy(y, x7, L7);
            x7 += L7;
            y += L7;
        }
        if (L8 > 0) {
            memcpy(y, x8, L8);
            x8 += L8;
            y += L8;
        }
        if (L9 > 0) {
            memcpy(y, x9, L9);
            x9 += L9;
            y += L9;
        }
        if (L10 > 0) {
            memcpy(y, x10, L10);
            x10 += L10;
            y += L10;
        }
        if (L11 > 0) {
            memcpy(y, x11, L11);
            x11 += L11;
            y += L11;
        }
    }
}
