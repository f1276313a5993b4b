/* SPDX-License-Identifier: 0BSD */
/* Integers to the reals they stand for: scale * (x - ZERO).
 *
 * x, y [N]. Order: upward; each element is read, then written. */
#include "gw_kernel.h"

typedef int8_t dequantize_in;  // @type

static inline float dequantize_real(float steps) { return steps * 0.5f; }  // @scalar

void dequantize(const dequantize_in *x, gw_f32 *y)
{
    enum { N = 16, ZERO = -128 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) y[i] = dequantize_real((float)(x[i] - ZERO));
}
