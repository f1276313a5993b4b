/* SPDX-License-Identifier: 0BSD */
/* Product of two activations, float: for each leading index y [M][N] = a [M][K] * b [K][N].
 *
 * D0, D1, D2 leading dimensions of y; A0.., B0.. elements from one index to the next in a and b (0: the operand repeats).
 *
 * Order: rows of y one after the other; up to four results of a row share one walk along the row of a. */
#include "gw_kernel.h"

/* n results: a row of k elements times n columns of b, whose rows are `pitch` apart. */
GW_INLINE void matmul_f32_columns(const int32_t n, gw_f32 *y, const gw_f32 *a, const gw_f32 *b, const int32_t k, const int32_t pitch)
{
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    int32_t i;
    for (i = 0; i < k; ++i) {
        const float v = a[i];
        const gw_f32 *row = b + i * pitch;
        s0 += v * row[0];
        if (n > 1) s1 += v * row[1];
        if (n > 2) s2 += v * row[2];
        if (n > 3) s3 += v * row[3];
    }
    y[0] = s0;
    if (n > 1) y[1] = s1;
    if (n > 2) y[2] = s2;
    if (n > 3) y[3] = s3;
}

void matmul_f32(const gw_f32 *a, const gw_f32 *b, gw_f32 *y)
{
    enum { M = 4, K = 8, N = 6, D0 = 1, D1 = 1, D2 = 2 };       // @constants
    enum { A0 = 0, A1 = 0, A2 = 32, B0 = 0, B1 = 0, B2 = 48 };  // @constants
    enum { TAIL = N % 4 };
    int32_t i0, i1, i2, m, n;
    for (i0 = 0; i0 < D0; ++i0) {
        for (i1 = 0; i1 < D1; ++i1) {
            for (i2 = 0; i2 < D2; ++i2) {
                const gw_f32 *row = a + i0 * A0 + i1 * A1 + i2 * A2;
                const gw_f32 *matrix = b + i0 * B0 + i1 * B1 + i2 * B2;
                for (m = 0; m < M; ++m) {
                    for (n = 0; n + 4 <= N; n += 4) {
                        matmul_f32_columns(4, y, row, matrix + n, K, N);
                        y += 4;
                    }
                    if (TAIL > 0) {
                        matmul_f32_columns(TAIL, y, row, matrix + n, K, N);
                        y += TAIL;
                    }
                    row += K;
                }
            }
        }
    }
}
