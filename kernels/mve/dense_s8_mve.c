/* SPDX-License-Identifier: 0BSD */
/* Fully connected layer, int8, for cores with Helium: y = requant(bias + sum of (x - X_ZERO) * w).
 *
 * x      [M][K]: M rows, each one a call of the layer
 * y      [M][O]
 * w      [O][K], O filled up to a multiple of four
 * table  four elements each of bias, left shift, multiplier, right shift for four outputs, then for the next four (gw_outputs). The
 *        bias is less X_ZERO times the sum of the output's weights
 * shape  M K O. Layers whose constants are equal share the code
 * FORM, Y_ZERO, LO, HI  rounding form, zero point and clamp of y
 *
 * Order: for each row and each block of outputs (up to 4) the row of x is read whole, then the block's results are written. */
#include "gw_kernel.h"

void dense_s8_mve(const int8_t *x, int8_t *y, const int8_t *w, const int32_t *table, const int32_t *shape)
{
    enum { FORM = 3, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    const int32_t k = shape[1], outputs = shape[2];
    int32_t rows = shape[0];
    for (; rows > 0; --rows, x += k, y += outputs) gw_row_of_outputs(FORM, x, w, k, table, Y_ZERO, LO, HI, outputs, y);
}
