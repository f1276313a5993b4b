/* SPDX-License-Identifier: 0BSD */
/* Product of two matrices of activations, int8 or int16: y = requant(sum of (a - A_ZERO) * (b - B_ZERO)), or those sums.
 *
 * a [M][K], b [K][N], y [M][N]; FORM, PRE, MULT, SHIFT, Y_ZERO, LO, HI: the requantization (gw_requant_sum).
 * elem, out, sum: types of a and b, of y and of the sums. FORM 9: y holds the sums, int32.
 *
 * Order: rows of y one after the other, in each up to four neighbouring columns at a time: their operands are read, then they are written.
 */
#include "gw_kernel.h"

typedef int8_t matmul_s8_elem;  // @type
typedef int8_t matmul_s8_out;   // @type
typedef int32_t matmul_s8_sum;  // @type

/* acc[0 .. n-1] = the products of one row of a with n columns of b. */
GW_INLINE void matmul_s8_products(const int32_t n, matmul_s8_sum *acc, const matmul_s8_elem *a, const matmul_s8_elem *b)
{
    enum { K = 16, N = 6, A_ZERO = 0, B_ZERO = 0 };  // @constants
    const matmul_s8_elem *end = a + K;
    matmul_s8_sum a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    do {
        const int32_t v = *a++ - A_ZERO;
        a0 += v * (b[0] - B_ZERO);
        if (n > 1) a1 += v * (b[1] - B_ZERO);
        if (n > 2) a2 += v * (b[2] - B_ZERO);
        if (n > 3) a3 += v * (b[3] - B_ZERO);
        b += N;
    } while (a != end);
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

void matmul_s8(const matmul_s8_elem *a, const matmul_s8_elem *b, matmul_s8_out *y)
{
    enum { M = 4, K = 16, N = 6 };                                                          // @constants
    enum { FORM = 1, PRE = 0, MULT = 16384, SHIFT = 22, Y_ZERO = 0, LO = -128, HI = 127 };  // @constants
    enum { TAIL = N % 4 };
    int32_t row, column, i;
    for (row = 0; row < M; ++row) {
        for (column = 0; column < N - TAIL; column += 4) {
            matmul_s8_sum acc[4];
            matmul_s8_products(4, acc, a, b + column);
            for (i = 0; i < 4; ++i) *y++ = (matmul_s8_out)gw_requant_sum(FORM, acc[i], PRE, MULT, SHIFT, Y_ZERO, LO, HI);
        }
        if (TAIL > 0) {
            matmul_s8_sum acc[4];
            matmul_s8_products(TAIL, acc, a, b + column);
            for (i = 0; i < TAIL; ++i) *y++ = (matmul_s8_out)gw_requant_sum(FORM, acc[i], PRE, MULT, SHIFT, Y_ZERO, LO, HI);
        }
        a += K;
    }
}
