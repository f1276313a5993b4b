/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer, int8 or int16: y = requant(bias + sum of (x - X_ZERO) * w), or those sums themselves.
 *
 * x      [M][K]: M rows, each one a call of the layer
 * y      [M][O]
 * w      O / 4 blocks [K][4], then one block [K][O % 4]: the weights that meet one activation lie side by side. W_ZERO is added to each:
 * 128 makes them unsigned, for cores whose signed byte loads have no immediate offset (Armv6-M). The sum of the activations, which all
 *        outputs share, takes it out again, and a zero point of the weights with it.
 * bias   [O]
 * mult, shift  [MULT_N], [SHIFT_N]: one an output, or one element for all; FORM and PRE say how (gw_requant_sum)
 * elem, out, sum, bias: types of x, of y, of the sums and of the biases; 64 bits where int16 needs them. FORM 9: y holds the sums, int32
 * Y_ZERO, LO, HI  zero point and clamp of y
 *
 * Order: for each row and each block of outputs (up to 4) the row of x is read whole, then the block's results are written. */
#include "gw_kernel.h"

typedef int16_t dense_s8_mult;    // @type
typedef uint8_t dense_s8_weight;  // @type
typedef int8_t dense_s8_elem;     // @type
typedef int8_t dense_s8_out;      // @type
typedef int32_t dense_s8_sum;     // @type
typedef int32_t dense_s8_bias;    // @type

/* Adds k products to the accumulators of n outputs. */
GW_INLINE void dense_s8_products(const int32_t n, dense_s8_sum *acc, const dense_s8_elem *x, const dense_s8_weight *w, const int32_t k,
                                 const int32_t x_zero, const int32_t w_zero)
{
    dense_s8_sum a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3], sum = 0;
    const dense_s8_elem *end = x + k;
    do {
        const int32_t v = *x++ - x_zero;
        a0 += v * w[0];
        if (n > 1) a1 += v * w[1];
        if (n > 2) a2 += v * w[2];
        if (n > 3) a3 += v * w[3];
        if (w_zero != 0) sum += v;
        w += n;
    } while (x != end);
    sum *= w_zero;
    acc[0] = a0 - sum;
    acc[1] = a1 - sum;
    acc[2] = a2 - sum;
    acc[3] = a3 - sum;
}

void dense_s8(const dense_s8_elem *x, dense_s8_out *y, const dense_s8_weight *w, const dense_s8_bias *bias, const dense_s8_mult *mult,
              const int8_t *shift)
{
    enum { M = 1, K = 36, O = 10, X_ZERO = -128, W_ZERO = 128 };                                // @constants
    enum { FORM = 1, PRE = 0, MULT_N = 10, SHIFT_N = 10, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    enum { TAIL = O % 4 };
    int32_t row, block;
    for (row = 0; row < M; ++row) {
        const dense_s8_weight *wb = w;
        int32_t c = 0;
        for (block = 0; block < O / 4; ++block) {
            dense_s8_sum acc[4];
            int32_t i;
            for (i = 0; i < 4; ++i) acc[i] = bias[c + i];
            dense_s8_products(4, acc, x, wb, K, X_ZERO, W_ZERO);
            for (i = 0; i < 4; ++i, ++c)
                *y++ =
                    (dense_s8_out)gw_requant_sum(FORM, acc[i], PRE, mult[MULT_N > 1 ? c : 0], shift[SHIFT_N > 1 ? c : 0], Y_ZERO, LO, HI);
            wb += K * 4;
        }
        if (TAIL > 0) {
            dense_s8_sum acc[4] = {0, 0, 0, 0};
            int32_t i;
            for (i = 0; i < TAIL; ++i) acc[i] = bias[c + i];
            dense_s8_products(TAIL, acc, x, wb, K, X_ZERO, W_ZERO);
            for (i = 0; i < TAIL; ++i, ++c)
                *y++ =
                    (dense_s8_out)gw_requant_sum(FORM, acc[i], PRE, mult[MULT_N > 1 ? c : 0], shift[SHIFT_N > 1 ? c : 0], Y_ZERO, LO, HI);
        }
        x += K;
    }
}
