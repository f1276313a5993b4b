/* SPDX-License-Identifier: 0BSD */
/* A run of bytes cut out of x: y = x[FIRST .. FIRST + BYTES - 1]. The two places may overlap in any way. */
#include "gw_kernel.h"

void slice_run(const uint8_t *x, uint8_t *y)
{
    enum { FIRST = 4, BYTES = 16 };  // @constants
    memmove(y, x + FIRST, BYTES);
}
