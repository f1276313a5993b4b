/* SPDX-License-Identifier: 0BSD */
/* Average pooling of windows that lie inside x, int8, for cores with DSP instructions: y = round(sum / (KH * KW)), half away from zero.
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C]
 * shape  IW C OH OW KH KW SH SW: kernel, stride. At most 255 positions a window, so that the sums fit 16 bits; C at least 4. Layers
 *        whose constants are equal share the code
 * LO, HI  clamp of y
 *
 * Order: output pixels row by row, left to right; of a pixel four channels at a time (the last four may overlap the ones before): their
 * windows are read, then they are written. */
#include "gw_kernel.h"

GW_INLINE int8_t avg_pool_s8_dsp_result(int32_t sum, int32_t n)
{
    enum { LO = -128, HI = 127 };  // @constants
    const int32_t half = n / 2;
    return (int8_t)gw_clamp((sum >= 0 ? sum + half : sum - half) / n, LO, HI);
}

void avg_pool_s8_dsp(const int8_t *x, int8_t *y, const int32_t *shape)
{
    const int32_t c = shape[1], kh = shape[4], kw = shape[5], row = shape[0] * c;
    int32_t oy, ox, first;
    for (oy = 0; oy < shape[2]; ++oy) {
        const int8_t *window = x + oy * shape[6] * row;
        for (ox = 0; ox < shape[3]; ++ox, window += shape[7] * c) {
            for (first = 0; first < c; first += 4) {
                const int32_t from = gw_min(first, c - 4);
                const int8_t *line = window + from, *const bottom = line + kh * row;
                uint32_t even = 0, odd = 0;
                for (; line != bottom; line += row) {
                    const int8_t *p = line, *const end = line + kw * c;
                    do {
                        const uint32_t v = gw_load_4(p);
                        even = gw_sxtab16(even, v);
                        odd = gw_sxtab16_odd(odd, v);
                        p += c;
                    } while (p != end);
                }
                y[from] = avg_pool_s8_dsp_result(gw_low_lane(even), kh * kw);
                y[from + 1] = avg_pool_s8_dsp_result(gw_low_lane(odd), kh * kw);
                y[from + 2] = avg_pool_s8_dsp_result(gw_high_lane(even), kh * kw);
                y[from + 3] = avg_pool_s8_dsp_result(gw_high_lane(odd), kh * kw);
            }
            y += c;
        }
    }
}
