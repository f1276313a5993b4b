/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer, float: y = act(bias + sum of x * w).
 *
 * x      [M][K]: M rows, each one a call of the layer
 * y      [M][O]
 * w      O / 4 blocks [K][4], then one block [K][O % 4]: the weights that meet one activation lie side by side
 * bias   [O]; with SCALED, where w are integers of a scale an output: bias / scale [O], then scale [O]
 *
 * Order: for each row and each block of outputs (up to 4) the row of x is read whole, then the block's results are written. */
#include "gw_kernel.h"

typedef float dense_f32_weight;  // @type

static inline float dense_f32_act(float v) { return gw_clamp_f32(v, 0.0f, 6.0f); }  // @scalar

/* Adds k products to the accumulators of n outputs. */
GW_INLINE void dense_f32_products(const int32_t n, float *acc, const gw_f32 *x, const dense_f32_weight *w, const int32_t k)
{
    float a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    const gw_f32 *end = x + k;
    do {
        const float v = *x++;
        a0 += v * (float)w[0];
        if (n > 1) a1 += v * (float)w[1];
        if (n > 2) a2 += v * (float)w[2];
        if (n > 3) a3 += v * (float)w[3];
        w += n;
    } while (x != end);
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

void dense_f32(const gw_f32 *x, gw_f32 *y, const dense_f32_weight *w, const gw_f32 *bias)
{
    enum { M = 1, K = 36, O = 10, SCALED = 0 };  // @constants
    enum { TAIL = O % 4 };
    int32_t row, block;
    for (row = 0; row < M; ++row) {
        const dense_f32_weight *wb = w;
        int32_t c = 0;
        for (block = 0; block < O / 4; ++block) {
            float acc[4];
            int32_t i;
            for (i = 0; i < 4; ++i) acc[i] = bias[c + i];
            dense_f32_products(4, acc, x, wb, K);
            for (i = 0; i < 4; ++i) *y++ = dense_f32_act(SCALED ? acc[i] * bias[SCALED * O + c + i] : acc[i]);
            c += 4;
            wb += K * 4;
        }
        if (TAIL > 0) {
            float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            int32_t i;
            for (i = 0; i < TAIL; ++i) acc[i] = bias[c + i];
            dense_f32_products(TAIL, acc, x, wb, K);
            for (i = 0; i < TAIL; ++i) *y++ = dense_f32_act(SCALED ? acc[i] * bias[SCALED * O + c + i] : acc[i]);
        }
        x += K;
    }
}
