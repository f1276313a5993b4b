/* SPDX-License-Identifier: 0BSD */
/* float to int8: y = clamp(round(x / scale) + ZERO), round half to even, or with AWAY away from zero; what is not a number gives ZERO.
 *
 * x [N] float, y [N]; the scalar function divides by the scale. No library function is used, and the rounding mode does not matter: values
 * are cut toward zero, and the exact rest decides.
 *
 * Order: element by element, each read before it is written. */
#include "gw_kernel.h"

static inline float quantize_s8_scalar(float x) { return x / 0.5f; }  // @scalar

void quantize_s8(const gw_f32 *x, int8_t *y)
{
    enum { N = 64, ZERO = -128, AWAY = 0 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) {
        const float steps = quantize_s8_scalar(x[i]);
        int32_t q = 0;
        if (steps >= 512.0f) {
            q = 512; /* beyond every int8, whatever the zero point */
        } else if (steps <= -512.0f) {
            q = -512;
        } else if (steps == steps) {
            float rest;
            q = (int32_t)steps;
            rest = steps - (float)q;
            if (rest > 0.5f || (rest == 0.5f && (AWAY != 0 || (q & 1) != 0))) ++q;
            if (rest < -0.5f || (rest == -0.5f && (AWAY != 0 || (q & 1) != 0))) --q;
        }
        y[i] = (int8_t)gw_clamp(q + ZERO, -128, 127);
    }
}
