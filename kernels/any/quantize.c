/* SPDX-License-Identifier: 0BSD */
/* Float to integers: clamp(round(x / scale) + ZERO, LO, HI), halves to even or with AWAY away from zero; what is not a number gives ZERO.
 *
 * x, y [N]. Order: upward; each element is read, then written. */
#include "gw_kernel.h"

typedef int8_t quantize_out;  // @type

static inline float quantize_steps(float x) { return x / 0.5f; }  // @scalar

void quantize(const gw_f32 *x, quantize_out *y)
{
    enum { N = 16, ZERO = -128, LO = -128, HI = 127, AWAY = 0 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) {
        float v = gw_clamp_f32(quantize_steps(x[i]), (float)(LO - ZERO), (float)(HI - ZERO));
        int32_t q = 0;
        if (v == v) {
            q = (int32_t)v; /* toward zero; what is left decides */
            v -= (float)q;
            if (v > 0.5f || (v == 0.5f && (AWAY != 0 || (q & 1) != 0))) ++q;
            if (v < -0.5f || (v == -0.5f && (AWAY != 0 || (q & 1) != 0))) --q;
        }
        y[i] = (quantize_out)(q + ZERO);
    }
}
