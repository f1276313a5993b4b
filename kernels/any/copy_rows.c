/* SPDX-License-Identifier: 0BSD */
/* Copies ROWS runs of RUN bytes: the first from x + FIRST to y, each other one FROM bytes after the one before it in x and TO bytes in y.
 *
 * Some columns are cut out of a picture so, or laid down in one. The two places do not overlap. */
#include "gw_kernel.h"

void copy_rows(const uint8_t *x, uint8_t *y)
{
    enum { ROWS = 4, RUN = 8, FIRST = 4, FROM = 24, TO = 8 };  // @constants
    int32_t r;
    for (r = 0; r < ROWS; ++r) memcpy(y + r * TO, x + (FIRST + r * FROM), RUN);
}
