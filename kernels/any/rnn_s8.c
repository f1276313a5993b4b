/* SPDX-License-Identifier: 0BSD */
/* Plain recurrent layer, int8: T steps of h = tanh(w * x + r * h + bias), h in Q0.7.
 *
 * x        [T][N][I]
 * h0       [N][H]: the state before
 * y        row of N * H at each Y_STEP elements: h after each step; Y_STEP 0 keeps the last alone, for a y that nobody reads
 * h        [N][H]: the state after the last step
 * w, r     [H][I], [H][H]
 * x_bias, h_bias  [H]: biases, and what the zero point of x gives
 * table    [256]: logistic(i / 24) in Q0.16
 * X_MULT, X_SHIFT, H_MULT, H_SHIFT  of the sums over x and over h (gw_rescale_twice): to Q3.12
 * REVERSE: from the last step to the first.
 *
 * Order: h0 is copied upward to h, element by element, before anything else is touched. */
#include "gw_kernel.h"

GW_INLINE int32_t rnn_s8_dot(int32_t sum, const int8_t *v, const int8_t *w, const int32_t k)
{
    int32_t i;
    for (i = 0; i < k; ++i) sum += v[i] * w[i];
    return sum;
}

void rnn_s8(const int8_t *x, const int8_t *h0, int8_t *y, int8_t *h, const int8_t *w, const int8_t *r, const int32_t *x_bias,
            const int32_t *h_bias, const uint16_t *table)
{
    enum { T = 3, N = 1, I = 4, H = 8, Y_STEP = 8, REVERSE = 0 };                   // @constants
    enum { X_MULT = 1073741824, X_SHIFT = -3, H_MULT = 1073741824, H_SHIFT = -3 };  // @constants
    int32_t k, n, j;
    for (j = 0; j < N * H; ++j) h[j] = h0[j];
    for (k = 0; k < T; ++k) {
        const int32_t t = REVERSE ? T - 1 - k : k;
        for (n = 0; n < N; ++n) {
            int8_t *row = y + t * Y_STEP + n * H;
            for (j = 0; j < H; ++j) {
                const int32_t a = gw_gate16(rnn_s8_dot(x_bias[j], x + (t * N + n) * I, w + j * I, I), X_MULT, X_SHIFT);
                const int32_t b = gw_gate16(rnn_s8_dot(h_bias[j], h + n * H, r + j * H, H), H_MULT, H_SHIFT);
                row[j] = gw_q7(gw_tanh16(3 * gw_clamp(a + b, -32768, 32767), table));
            }
            for (j = 0; j < H; ++j) h[n * H + j] = row[j];
        }
    }
}
