/* SPDX-License-Identifier: 0BSD */
/* GRU, float: T steps of h = (1 - z) * n + z * h; z and r (update, reset) are functions of x and h, n is one of x and of h times r.
 *
 * x        [T][N][I]
 * h0       [N][H]: the state before
 * y        row of N * H at each Y_STEP elements: h after each step; Y_STEP 0 keeps the last alone, for a y that nobody reads
 * h        [N][H]: the state after the last step
 * w        [H][I][3]: the weights that one unit's gates z, r, n give to one number of x lie side by side
 * r        [H][H][2]: those of z and r for h
 * rn       [H][H]: those of n
 * bias     [H][4]: of z, of r, of n for x, of n for h
 * scratch  [3][H]
 * LINEAR: r is multiplied after the product with h (ONNX's linear_before_reset), else before. REVERSE: from the last step to the first.
 * The scalar function is number `which`: 0 and 1 the functions f (of z and r) and g (of n), 3 the clip of what they get.
 *
 * Order: h0 is copied upward to h, element by element, before anything else is touched. */
#include <math.h>  // @libm
#include "gw_kernel.h"

static inline float gru_f32_scalar(int32_t which, float x) { return which == 0 ? 1.0f / (1.0f + expf(-x)) : tanhf(x); }  // @scalar

/* Adds k products to n accumulators. */
GW_INLINE void gru_f32_products(const int32_t n, float *acc, const gw_f32 *v, const gw_f32 *w, const int32_t k)
{
    float a0 = acc[0], a1 = acc[1], a2 = acc[2];
    const gw_f32 *end = v + k;
    do {
        const float x = *v++;
        a0 += x * w[0];
        if (n > 1) a1 += x * w[1];
        if (n > 2) a2 += x * w[2];
        w += n;
    } while (v != end);
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
}

static inline float gru_f32_gate(int32_t which, float s) { return gru_f32_scalar(which, gru_f32_scalar(3, s)); }

/* One step of one of the batch; the new h goes to y, h itself stays. */
static GW_NOINLINE void gru_f32_step(const gw_f32 *x, const gw_f32 *h, gw_f32 *y, const gw_f32 *w, const gw_f32 *r, const gw_f32 *rn,
                                     const gw_f32 *bias, gw_f32 *scratch)
{
    enum { I = 4, H = 8, LINEAR = 1 };  // @constants
    gw_f32 *z = scratch, *from_x = scratch + H, *reset = scratch + 2 * H;
    int32_t j;
    for (j = 0; j < H; ++j) {
        float acc[3], gate;
        acc[0] = bias[4 * j];
        acc[1] = bias[4 * j + 1];
        acc[2] = bias[4 * j + 2];
        gru_f32_products(3, acc, x, w + j * 3 * I, I);
        from_x[j] = acc[2];
        gru_f32_products(2, acc, h, r + j * 2 * H, H);
        z[j] = gru_f32_gate(0, acc[0]);
        gate = gru_f32_gate(0, acc[1]);
        reset[j] = LINEAR ? gate : gate * h[j];
    }
    for (j = 0; j < H; ++j) {
        float acc[3], n;
        acc[0] = bias[4 * j + 3];
        acc[1] = 0.0f;
        acc[2] = 0.0f;
        gru_f32_products(1, acc, LINEAR ? h : reset, rn + j * H, H);
        n = gru_f32_gate(1, from_x[j] + (LINEAR ? reset[j] * acc[0] : acc[0]));
        y[j] = (1.0f - z[j]) * n + z[j] * h[j];
    }
}

void gru_f32(const gw_f32 *x, const gw_f32 *h0, gw_f32 *y, gw_f32 *h, const gw_f32 *w, const gw_f32 *r, const gw_f32 *rn,
             const gw_f32 *bias, gw_f32 *scratch)
{
    enum { T = 3, N = 1, I = 4, H = 8, Y_STEP = 8, REVERSE = 0 };  // @constants
    int32_t k, n, j;
    for (j = 0; j < N * H; ++j) h[j] = h0[j];
    for (k = 0; k < T; ++k) {
        const int32_t t = REVERSE ? T - 1 - k : k;
        for (n = 0; n < N; ++n) {
            gw_f32 *row = y + t * Y_STEP + n * H;
            gru_f32_step(x + (t * N + n) * I, h + n * H, row, w, r, rn, bias, scratch);
            for (j = 0; j < H; ++j) h[n * H + j] = row[j];
        }
    }
}
