/* SPDX-License-Identifier: 0BSD */
/* LSTM, int8 or int16 with an int16 cell: T steps of c = f * c + i * g, h = o * tanh(c); the gates i, o, f and g are functions of x and h.
 *
 * x        [T][N][I]
 * h0, c0   [N][H]: the state before
 * y        row of N * H at each Y_STEP elements: h after each step; Y_STEP 0 keeps the last alone, for a y that nobody reads
 * h, c     [N][H]: the state after the last step
 * w, r     [H][I][4], [H][H][4]: the weights that one unit's gates i, o, f, g give to one number lie side by side
 * x_bias, h_bias  [H][4]: biases, and what the zero points of x and h give
 * table    [256]: logistic(i / 24) in Q0.16
 * elem, sum, bias: types of x, h and y, of the sums and of the biases; 64 bits where int16 needs them
 * X_M*, X_S*, H_M*, H_S*  multiplier and shift of each gate's sums over x and over h, to Q3.12; FORM says how (gw_requant_sum)
 * F_*, I_*  of f * c and of i * g (gw_rescale_twice), to the cell's scale 2^(SHIFT - 12), or 2^(-DOWN - 12); C_LO, C_HI: clamp of the cell
 * Y_*      of o * tanh(c); Y_ZERO the zero point of h
 * REVERSE: from the last step to the first.
 *
 * Order: h0 and c0 are copied upward to h and c, element by element, before anything else is touched. */
#include "gw_kernel.h"

typedef int8_t lstm_s8_elem;   // @type
typedef int32_t lstm_s8_sum;   // @type
typedef int32_t lstm_s8_bias;  // @type

/* Adds k products to four accumulators. */
GW_INLINE void lstm_s8_products(lstm_s8_sum *acc, const lstm_s8_elem *v, const int8_t *w, const int32_t k)
{
    lstm_s8_sum a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    const lstm_s8_elem *end = v + k;
    do {
        const int32_t x = *v++;
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

/* A gate's sum of products, rescaled to Q3.12. */
static inline int32_t lstm_s8_scaled(lstm_s8_sum acc, int32_t multiplier, int32_t shift)
{
    enum { FORM = 3 };  // @constants
    return FORM == GW_WIDE ? gw_requant_sum(FORM, acc, 0, multiplier, shift, 0, -32768, 32767) : gw_gate16((int32_t)acc, multiplier, shift);
}

/* One gate's sum in Q3.12, times 3 as the table's functions want it. */
static inline int32_t lstm_s8_gate(lstm_s8_sum from_x, int32_t x_mult, int32_t x_shift, lstm_s8_sum from_h, int32_t h_mult, int32_t h_shift)
{
    return 3 * gw_clamp(lstm_s8_scaled(from_x, x_mult, x_shift) + lstm_s8_scaled(from_h, h_mult, h_shift), -32768, 32767);
}

/* One step of one of the batch; the new h goes to y, h itself stays. */
static GW_NOINLINE void lstm_s8_step(const lstm_s8_elem *x, const lstm_s8_elem *h, gw_i16 *c, lstm_s8_elem *y, const int8_t *w,
                                     const int8_t *r, const lstm_s8_bias *x_bias, const lstm_s8_bias *h_bias, const uint16_t *table)
{
    enum { I = 4, H = 8, SHIFT = 1, DOWN = 0, C_LO = -32768, C_HI = 32767 };              // @constants
    enum { X_M0 = 1073741824, X_M1 = 1073741824, X_M2 = 1073741824, X_M3 = 1073741824 };  // @constants
    enum { X_S0 = -3, X_S1 = -3, X_S2 = -3, X_S3 = -3 };                                  // @constants
    enum { H_M0 = 1073741824, H_M1 = 1073741824, H_M2 = 1073741824, H_M3 = 1073741824 };  // @constants
    enum { H_S0 = -3, H_S1 = -3, H_S2 = -3, H_S3 = -3 };                                  // @constants
    enum { F_MULT = 1073741824, F_SHIFT = -14, I_MULT = 1073741824, I_SHIFT = -18 };      // @constants
    enum { Y_MULT = 1073741824, Y_SHIFT = -21, Y_ZERO = 0, Y_LO = -128, Y_HI = 127 };     // @constants
    int32_t j;
    for (j = 0; j < H; ++j) {
        lstm_s8_sum a[4], b[4];
        int32_t i, o, f, g, cell, k;
        for (k = 0; k < 4; ++k) {
            a[k] = *x_bias++;
            b[k] = *h_bias++;
        }
        lstm_s8_products(a, x, w, I);
        lstm_s8_products(b, h, r, H);
        w += 4 * I;
        r += 4 * H;
        i = gw_logistic16(lstm_s8_gate(a[0], X_M0, X_S0, b[0], H_M0, H_S0), table);
        o = gw_logistic16(lstm_s8_gate(a[1], X_M1, X_S1, b[1], H_M1, H_S1), table);
        f = gw_logistic16(lstm_s8_gate(a[2], X_M2, X_S2, b[2], H_M2, H_S2), table);
        g = gw_tanh16(lstm_s8_gate(a[3], X_M3, X_S3, b[3], H_M3, H_S3), table);
        cell = gw_clamp(gw_rescale_twice(f * c[j], F_MULT, F_SHIFT), -32768, 32767) +
               gw_clamp(gw_rescale_twice(i * g, I_MULT, I_SHIFT), -32768, 32767);
        cell = gw_clamp(cell, C_LO, C_HI);
        c[j] = (gw_i16)cell;
        cell = DOWN > 0 ? (3 * cell + ((1 << DOWN) >> 1)) >> DOWN : cell * (3 << SHIFT);
        y[j] = (lstm_s8_elem)gw_clamp(gw_rescale_twice(gw_tanh16(cell, table) * o, Y_MULT, Y_SHIFT) + Y_ZERO, Y_LO, Y_HI);
    }
}

void lstm_s8(const lstm_s8_elem *x, const lstm_s8_elem *h0, const gw_i16 *c0, lstm_s8_elem *y, lstm_s8_elem *h, gw_i16 *c, const int8_t *w,
             const int8_t *r, const lstm_s8_bias *x_bias, const lstm_s8_bias *h_bias, const uint16_t *table)
{
    enum { T = 3, N = 1, I = 4, H = 8, Y_STEP = 8, REVERSE = 0 };  // @constants
    int32_t k, n, j;
    for (j = 0; j < N * H; ++j) h[j] = h0[j];
    for (j = 0; j < N * H; ++j) c[j] = c0[j];
    for (k = 0; k < T; ++k) {
        const int32_t t = REVERSE ? T - 1 - k : k;
        for (n = 0; n < N; ++n) {
            lstm_s8_elem *row = y + t * Y_STEP + n * H;
            lstm_s8_step(x + (t * N + n) * I, h + n * H, c + n * H, row, w, r, x_bias, h_bias, table);
            for (j = 0; j < H; ++j) h[n * H + j] = row[j];
        }
    }
}
