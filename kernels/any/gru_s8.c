/* SPDX-License-Identifier: 0BSD */
/* GRU, int8: T steps of h = (1 - z) * n + z * h, with 16 bits for h inside; z and r (update, reset) are functions of x and h, n is one of x
 * and of h times r.
 *
 * x        [T][N][I]
 * h0       [N][H]: the state before, in Q0.7
 * y        row of N * H at each Y_STEP elements: h after each step; Y_STEP 0 keeps the last alone, for a y that nobody reads
 * h        [N][H]: the state after the last step
 * w        [H][I][3]: the weights that one unit's gates z, r, n give to one number of x lie side by side
 * r        [H][H][2]: those of z and r for h
 * rn       [H][H]: those of n
 * x_bias, h_bias  [H][3]: biases of z, r, n, and what the zero point of x gives
 * table    [256]: logistic(i / 24) in Q0.16
 * scratch  [N + 3][H] of int16: h in Q0.15; then z, n's sum over x, and r (LINEAR) or h times r in Q0.7
 * X_M*, X_S*, H_M*, H_S*  multiplier and shift of each gate's sums over x and over h (gw_rescale_twice): to Q3.12
 * LINEAR: r is multiplied after the product with h (ONNX's linear_before_reset), else before. REVERSE: from the last step to the first.
 *
 * Order: h0 is copied upward to h, element by element, before anything else is touched. */
#include "gw_kernel.h"

/* Adds k products to n accumulators. */
GW_INLINE void gru_s8_products(const int32_t n, int32_t *acc, const int8_t *v, const int8_t *w, const int32_t k)
{
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2];
    const int8_t *end = v + k;
    do {
        const int32_t x = *v++;
        a0 += x * w[0];
        if (n > 1) a1 += x * w[1];
        if (n > 2) a2 += x * w[2];
        w += n;
    } while (v != end);
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
}

/* A gate's sum in Q3.12, times 3 as the table's functions want it. */
static inline int32_t gru_s8_sum(int32_t a, int32_t b) { return 3 * gw_clamp(a + b, -32768, 32767); }

/* One step of one of the batch; the new h goes to y and, with 16 bits, to wide; h itself stays. */
static GW_NOINLINE void gru_s8_step(const int8_t *x, const int8_t *h, int8_t *y, const int8_t *w, const int8_t *r, const int8_t *rn,
                                    const int32_t *x_bias, const int32_t *h_bias, const uint16_t *table, gw_i16 *wide, gw_i16 *scratch)
{
    enum { I = 4, H = 8, LINEAR = 1 };                                          // @constants
    enum { X_M0 = 1073741824, X_M1 = 1073741824, X_M2 = 1073741824 };           // @constants
    enum { X_S0 = -3, X_S1 = -3, X_S2 = -3, H_S0 = -3, H_S1 = -3, H_S2 = -3 };  // @constants
    enum { H_M0 = 1073741824, H_M1 = 1073741824, H_M2 = 1073741824 };           // @constants
    gw_i16 *z = scratch, *from_x = scratch + H, *reset = scratch + 2 * H;
    int8_t *kept = (int8_t *)reset;
    int32_t j;
    for (j = 0; j < H; ++j) {
        int32_t a[3], b[3], gate;
        a[0] = x_bias[3 * j];
        a[1] = x_bias[3 * j + 1];
        a[2] = x_bias[3 * j + 2];
        b[0] = h_bias[3 * j];
        b[1] = h_bias[3 * j + 1];
        b[2] = 0;
        gru_s8_products(3, a, x, w + j * 3 * I, I);
        gru_s8_products(2, b, h, r + j * 2 * H, H);
        z[j] = (gw_i16)gw_logistic16(gru_s8_sum(gw_gate16(a[0], X_M0, X_S0), gw_gate16(b[0], H_M0, H_S0)), table);
        gate = gw_logistic16(gru_s8_sum(gw_gate16(a[1], X_M1, X_S1), gw_gate16(b[1], H_M1, H_S1)), table);
        from_x[j] = (gw_i16)gw_gate16(a[2], X_M2, X_S2);
        if (LINEAR) {
            reset[j] = (gw_i16)gate;
        } else {
            kept[j] = (int8_t)gw_clamp((gate * wide[j] + (1 << 22)) >> 23, -128, 127);
        }
    }
    for (j = 0; j < H; ++j) {
        int32_t b[3], n;
        b[0] = h_bias[3 * j + 2];
        b[1] = 0;
        b[2] = 0;
        gru_s8_products(1, b, LINEAR ? h : kept, rn + j * H, H);
        n = gw_gate16(b[0], H_M2, H_S2);
        if (LINEAR) n = (reset[j] * n + (1 << 14)) >> 15;
        n = gw_tanh16(gru_s8_sum(from_x[j], n), table);
        n = (z[j] * wide[j] + (32768 - z[j]) * n + (1 << 14)) >> 15;
        wide[j] = (gw_i16)n;
        y[j] = gw_q7(n);
    }
}

void gru_s8(const int8_t *x, const int8_t *h0, int8_t *y, int8_t *h, const int8_t *w, const int8_t *r, const int8_t *rn,
            const int32_t *x_bias, const int32_t *h_bias, const uint16_t *table, gw_i16 *scratch)
{
    enum { T = 3, N = 1, I = 4, H = 8, Y_STEP = 8, REVERSE = 0 };  // @constants
    int32_t k, n, j;
    for (j = 0; j < N * H; ++j) h[j] = h0[j];
    for (j = 0; j < N * H; ++j) scratch[j] = (gw_i16)(h[j] * 256);
    for (k = 0; k < T; ++k) {
        const int32_t t = REVERSE ? T - 1 - k : k;
        for (n = 0; n < N; ++n) {
            int8_t *row = y + t * Y_STEP + n * H;
            gru_s8_step(x + (t * N + n) * I, h + n * H, row, w, r, rn, x_bias, h_bias, table, scratch + n * H, scratch + N * H);
            for (j = 0; j < H; ++j) h[n * H + j] = row[j];
        }
    }
}
