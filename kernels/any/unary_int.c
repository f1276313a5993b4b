/* SPDX-License-Identifier: 0BSD */
/* Elementwise function of one integer or boolean operand. Arithmetic wraps.
 *
 * x, y [N]. Order: upward; each element is read, then written. */
#include "gw_kernel.h"

typedef gw_i32 unary_int_elem;  // @type

static inline unary_int_elem unary_int_scalar(unary_int_elem x) { return (gw_i32)(0u - (uint32_t)x); }  // @scalar

void unary_int(const unary_int_elem *x, unary_int_elem *y)
{
    enum { N = 16 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) y[i] = unary_int_scalar(x[i]);
}
