/* SPDX-License-Identifier: 0BSD */
/* Elementwise function of one float operand.
 *
 * x, y [N]. Order: upward; each element is read, then written. */
#include <math.h>  // @libm
#include "gw_kernel.h"

static inline float unary_f32_scalar(float x) { return 1.0f / (1.0f + expf(-x)); }  // @scalar

void unary_f32(const gw_f32 *x, gw_f32 *y)
{
    enum { N = 16 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) y[i] = unary_f32_scalar(x[i]);
}
