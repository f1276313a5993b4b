/* SPDX-License-Identifier: 0BSD */
/* int8 to float: y = scale * (x - ZERO).
 *
 * x [N], y [N] float; the scalar function multiplies by the scale. Order: element by element, each read before it is written. */
#include "gw_kernel.h"

static inline float dequantize_s8_scalar(float x) { return x * 0.5f; }  // @scalar

void dequantize_s8(const int8_t *x, gw_f32 *y)
{
    enum { N = 64, ZERO = -128 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) y[i] = dequantize_s8_scalar((float)(x[i] - ZERO));
}
