/* SPDX-License-Identifier: 0BSD */
/* LSTM, float: T steps of c = f * c + i * g, h = o * k(c); the gates i, o, f and g are functions of x, h and, with a peephole, of c.
 *
 * x        [T][N][I]
 * h0, c0   [N][H]: the state before
 * y        row of N * H at each Y_STEP elements: h after each step; Y_STEP 0 keeps the last alone, for a y that nobody reads
 * h, c     [N][H]: the state after the last step
 * w, r     [H][I][4], [H][H][4]: the weights that one unit's gates i, o, f, g give to one number lie side by side
 * bias     [H][4]
 * peep     [H][3]: of i, o, f; one number that is not looked at when PEEP is 0
 * The scalar function is number `which`: 0 to 2 the functions f, g and k, 3 the clip of what they get, 4 the clip of c.
 * REVERSE: from the last step to the first.
 *
 * Order: h0 and c0 are copied upward to h and c, element by element, before anything else is touched. */
#include <math.h>  // @libm
#include "gw_kernel.h"

static inline float lstm_f32_scalar(int32_t which, float x) { return which == 0 ? 1.0f / (1.0f + expf(-x)) : tanhf(x); }  // @scalar

/* Adds k products to four accumulators. */
GW_INLINE void lstm_f32_products(float *acc, const gw_f32 *v, const gw_f32 *w, const int32_t k)
{
    float a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    const gw_f32 *end = v + k;
    do {
        const float x = *v++;
        a0 += x * w[0];
        a1 += x * w[1];
        a2 += x * w[2];
        a3 += x * w[3];
        w += 4;
    } while (v != end);
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

static inline float lstm_f32_gate(int32_t which, float s) { return lstm_f32_scalar(which, lstm_f32_scalar(3, s)); }

/* One step of one of the batch; the new h goes to y, h itself stays. */
static GW_NOINLINE void lstm_f32_step(const gw_f32 *x, const gw_f32 *h, gw_f32 *c, gw_f32 *y, const gw_f32 *w, const gw_f32 *r,
                                      const gw_f32 *bias, const gw_f32 *peep)
{
    enum { I = 4, H = 8, PEEP = 0 };  // @constants
    int32_t j;
    for (j = 0; j < H; ++j) {
        float acc[4], i, f, g, o, cell = c[j];
        acc[0] = bias[0];
        acc[1] = bias[1];
        acc[2] = bias[2];
        acc[3] = bias[3];
        lstm_f32_products(acc, x, w, I);
        lstm_f32_products(acc, h, r, H);
        i = lstm_f32_gate(0, PEEP ? acc[0] + peep[0] * cell : acc[0]);
        f = lstm_f32_gate(0, PEEP ? acc[2] + peep[2] * cell : acc[2]);
        g = lstm_f32_gate(1, acc[3]);
        cell = lstm_f32_scalar(4, f * cell + i * g);
        o = lstm_f32_gate(0, PEEP ? acc[1] + peep[1] * cell : acc[1]);
        c[j] = cell;
        y[j] = o * lstm_f32_scalar(2, cell);
        w += 4 * I;
        r += 4 * H;
        bias += 4;
        if (PEEP) peep += 3;
    }
}

void lstm_f32(const gw_f32 *x, const gw_f32 *h0, const gw_f32 *c0, gw_f32 *y, gw_f32 *h, gw_f32 *c, const gw_f32 *w, const gw_f32 *r,
              const gw_f32 *bias, const gw_f32 *peep)
{
    enum { T = 3, N = 1, I = 4, H = 8, Y_STEP = 8, REVERSE = 0 };  // @constants
    int32_t k, n, j;
    for (j = 0; j < N * H; ++j) h[j] = h0[j];
    for (j = 0; j < N * H; ++j) c[j] = c0[j];
    for (k = 0; k < T; ++k) {
        const int32_t t = REVERSE ? T - 1 - k : k;
        for (n = 0; n < N; ++n) {
            gw_f32 *row = y + t * Y_STEP + n * H;
            lstm_f32_step(x + (t * N + n) * I, h + n * H, c + n * H, row, w, r, bias, peep);
            for (j = 0; j < H; ++j) h[n * H + j] = row[j];
        }
    }
}
