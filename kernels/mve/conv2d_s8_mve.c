/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, int8, for cores with Helium: y = requant(bias + sum of (x - X_ZERO) * w).
 *
 * x      [IH][IW][IC]
 * y      [OH][OW][OC]
 * w      [OC][KH][KW][IC], OC filled up to a multiple of four
 * table  four elements each of bias, left shift, multiplier, right shift for four channels, then for the next four (gw_outputs). The
 *        bias is less X_ZERO times the sum of the channel's weights
 * shape  IH IW IC OH OW KH KW SH SW DH DW PT PL X_ZERO OC: kernel, stride, dilation, padding above and left. Layers whose constants are
 *        equal share the code
 * patch  [KH][KW][IC]: scratch
 * FORM, Y_ZERO, LO, HI  rounding form, zero point and clamp of y
 *
 * A pixel's window is copied together, X_ZERO where it hangs over the picture's edge. Then every output channel is one product of two rows
 * of bytes, without a border or a zero point.
 *
 * Order: output pixels row by row, left to right; BACKWARD 1: from the last pixel to the first. A pixel's window is read whole before the
 * pixel is written. */
#include "gw_kernel.h"

/* One row of a window: `taps` taps from column ix of `row` on, which has `width`. Gives the patch's end. */
GW_INLINE int8_t *conv2d_s8_mve_run(int8_t *patch, const int8_t *row, int32_t ix, int32_t taps, int32_t width, int32_t channels,
                                    int32_t zero)
{
    const int32_t left = gw_clamp(-ix, 0, taps), right = gw_clamp(ix + taps - width, 0, taps - left), inside = taps - left - right;
    if (left > 0) gw_fill_bytes(patch, zero, left * channels);
    patch += left * channels;
    if (inside > 0) gw_copy_bytes(patch, row + (ix + left) * channels, inside * channels);
    patch += inside * channels;
    if (right > 0) gw_fill_bytes(patch, zero, right * channels);
    return patch + right * channels;
}

/* The window whose first tap is at row iy, column ix of x. */
static GW_NOINLINE void conv2d_s8_mve_gather(int8_t *patch, const int8_t *x, int32_t iy, int32_t ix, const int32_t *shape)
{
    const int32_t width = shape[1], channels = shape[2], kw = shape[6], dw = shape[10], zero = shape[13];
    int32_t ky, kx;
    for (ky = 0; ky < shape[5]; ++ky, iy += shape[9]) {
        if (iy < 0 || iy >= shape[0]) {
            gw_fill_bytes(patch, zero, kw * channels);
            patch += kw * channels;
        } else {
            const int8_t *row = x + iy * width * channels;
            if (dw == 1) {
                patch = conv2d_s8_mve_run(patch, row, ix, kw, width, channels, zero);
            } else {
                for (kx = 0; kx < kw; ++kx) patch = conv2d_s8_mve_run(patch, row, ix + kx * dw, 1, width, channels, zero);
            }
        }
    }
}

void conv2d_s8_mve(const int8_t *x, int8_t *y, const int8_t *w, const int32_t *table, const int32_t *shape, int8_t *patch)
{
    enum { FORM = 3, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    enum { BACKWARD = 0 };                                  // @constants
    const int32_t rows = shape[3], columns = shape[4], channels = shape[14], k = shape[5] * shape[6] * shape[2];
    int32_t row, column;
    if (BACKWARD) y += (rows * columns - 1) * channels;
    for (row = 0; row < rows; ++row) {
        const int32_t iy = (BACKWARD ? rows - 1 - row : row) * shape[7] - shape[11];
        for (column = 0; column < columns; ++column) {
            const int32_t ix = (BACKWARD ? columns - 1 - column : column) * shape[8] - shape[12];
            conv2d_s8_mve_gather(patch, x, iy, ix, shape);
            gw_row_of_outputs(FORM, patch, w, k, table, Y_ZERO, LO, HI, channels, y);
            y += BACKWARD ? -channels : channels;
        }
    }
}
