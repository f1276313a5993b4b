/* SPDX-License-Identifier: 0BSD */
/* Copies BYTES bytes; the two places do not overlap. */
#include "gw_kernel.h"

void copy_bytes(const uint8_t *from, uint8_t *to)
{
    enum { BYTES = 16 };  // @constants
    memcpy(to, from, BYTES);
}
