/* SPDX-License-Identifier: 0BSD */
/* Plain recurrent layer, float: T steps of h = f(w * x + r * h + bias).
 *
 * x      [T][N][I]
 * h0     [N][H]: the state before
 * y      row of N * H at each Y_STEP elements: h after each step; Y_STEP 0 keeps the last alone, for a y that nobody reads
 * h      [N][H]: the state after the last step
 * w, r   [H][I], [H][H]
 * bias   [H]
 * REVERSE: from the last step to the first.
 *
 * Order: h0 is copied upward to h, element by element, before anything else is touched. */
#include <math.h>  // @libm
#include "gw_kernel.h"

static inline float rnn_f32_scalar(int32_t which, float x) { return which == 0 ? tanhf(x) : x; }  // @scalar

GW_INLINE float rnn_f32_dot(float sum, const gw_f32 *v, const gw_f32 *w, const int32_t k)
{
    int32_t i;
    for (i = 0; i < k; ++i) sum += v[i] * w[i];
    return sum;
}

void rnn_f32(const gw_f32 *x, const gw_f32 *h0, gw_f32 *y, gw_f32 *h, const gw_f32 *w, const gw_f32 *r, const gw_f32 *bias)
{
    enum { T = 3, N = 1, I = 4, H = 8, Y_STEP = 8, REVERSE = 0 };  // @constants
    int32_t k, n, j;
    for (j = 0; j < N * H; ++j) h[j] = h0[j];
    for (k = 0; k < T; ++k) {
        const int32_t t = REVERSE ? T - 1 - k : k;
        for (n = 0; n < N; ++n) {
            gw_f32 *row = y + t * Y_STEP + n * H;
            for (j = 0; j < H; ++j) {
                const float s = rnn_f32_dot(rnn_f32_dot(bias[j], x + (t * N + n) * I, w + j * I, I), h + n * H, r + j * H, H);
                row[j] = rnn_f32_scalar(0, rnn_f32_scalar(3, s));
            }
            for (j = 0; j < H; ++j) h[n * H + j] = row[j];
        }
    }
}
