/* SPDX-License-Identifier: 0BSD */
/* Maximum or average over windows, int8, for cores with Helium. Positions outside x never win a maximum.
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C]
 * shape  IH IW C OH OW KH KW SH SW DH DW PT PL: kernel, stride, dilation, padding above and left; every window has a position inside x.
 *        Layers whose constants are equal share the code
 * AVERAGE    0: maximum. 1: average, rounded half away from zero: at most 255 positions, whose sum and half their number stay below 2^15
 * COUNT_PAD  of an average. 0: the sum of the positions inside x divided by their number. 1: divided by KH * KW, positions outside count
 *            as X_ZERO
 * LO, HI     clamp of y
 *
 * Order: output pixels row by row, left to right; BACKWARD 1: from the last pixel to the first. Of a pixel 16 channels at a time (averages:
 * 8): their windows are read, then they are written. */
#include "gw_kernel.h"

/* One pixel: `rows` by `columns` positions from x on. `step` bytes lie between columns, `down` between rows. An average begins with
 * `first`; of the sum's absolute value s, (2 * s + half) * reciprocal >> (16 - shift) is the quotient: 15 bits of s take a reciprocal of
 * 16, rounded up. */
typedef struct {
    const int8_t *x;
    int8_t *y;
    int32_t channels, rows, columns, step, down, lo, hi, first, reciprocal, half, shift, zero;
} pool_s8_mve_pixel;

/* Before the loop constants become vectors; r10 and r11 hold further fields. In q0 comes what the positions at r0 make. */
#define pool_s8_mve_LOOP(BITS, BEFORE, POSITION, RESULTS) \
    __asm__ volatile("push {r1-r12}\n\tldm r0!, {r1-r9}\n\t" BEFORE "dlstp." BITS \
                     " lr, r3\n\t" \
                     "1: vmov q0, q2\n\tmov r10, r1\n\tmov r11, r4\n\t" \
                     "2: mov r0, r10\n\tmov r12, r5\n\t" \
                     "3: " POSITION \
                     "add r0, r0, r6\n\tsubs r12, r12, #1\n\tbne 3b\n\t" \
                     "add r10, r10, r7\n\tsubs r11, r11, #1\n\tbne 2b\n\t" RESULTS "letp lr, 1b\n\tpop {r1-r12}" \
                     : "+r"(p) \
                     : \
                     : "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "cc", "memory")

GW_INLINE void pool_s8_mve_channels(const pool_s8_mve_pixel *pixel)
{
    enum { AVERAGE = 0 };  // @constants
#if GW_HAS_MVE
    register const pool_s8_mve_pixel *p __asm__("r0") = pixel;
    if (AVERAGE)
        pool_s8_mve_LOOP("16",
                         "vdup.16 q3, r8\n\tvdup.16 q4, r9\n\tldm r0, {r8-r12}\n\tvdup.16 q2, r8\n\tvdup.16 q5, r9\n\tvdup.16 q6, r10\n\t"
                         "vdup.16 q7, r12\n\tmov r8, r11\n\t",
                         "vldrb.s16 q1, [r0]\n\tvadd.i16 q0, q0, q1\n\t",
                         "vabs.s16 q1, q0\n\tvshl.i16 q1, q1, #1\n\tvadd.i16 q1, q1, q6\n\tvmulh.u16 q1, q1, q5\n\tvshl.u16 q1, r8\n\t"
                         "vshr.s16 q0, q0, #15\n\tveor q1, q1, q0\n\tvsub.i16 q1, q1, q0\n\tvadd.i16 q1, q1, q7\n\t"
                         "vmax.s16 q1, q1, q3\n\tvmin.s16 q1, q1, q4\n\tvstrb.16 q1, [r2], #8\n\tadd r1, r1, #8\n\t");
    else
        pool_s8_mve_LOOP("8", "vdup.8 q2, r8\n\tvdup.8 q3, r9\n\t", "vldrb.u8 q1, [r0]\n\tvmax.s8 q0, q0, q1\n\t",
                         "vmin.s8 q0, q0, q3\n\tvstrb.8 q0, [r2], #16\n\tadd r1, r1, #16\n\t");
#else
    const int32_t lanes = AVERAGE ? 8 : 16;
    int32_t from, c, row, column;
    for (from = 0; from < pixel->channels; from += lanes) {
        const int32_t some = gw_min(pixel->channels - from, lanes);
        int8_t results[16];
        for (c = 0; c < some; ++c) {
            int32_t v = AVERAGE ? pixel->first : pixel->lo;
            for (row = 0; row < pixel->rows; ++row) {
                for (column = 0; column < pixel->columns; ++column) {
                    const int32_t position = pixel->x[row * pixel->down + column * pixel->step + from + c];
                    v = AVERAGE ? v + position : gw_max(v, position);
                }
            }
            if (AVERAGE) {
                const uint32_t twice = 2u * (uint32_t)(v < 0 ? -v : v) + (uint32_t)pixel->half;
                const int32_t quotient = (int32_t)(twice * (uint32_t)pixel->reciprocal >> 16 >> -pixel->shift);
                v = (v < 0 ? -quotient : quotient) + pixel->zero;
            }
            results[c] = (int8_t)gw_clamp(v, pixel->lo, pixel->hi);
        }
        memcpy(pixel->y + from, results, (size_t)some);
    }
#endif
}

/* What divides sums by n, 1 to 255. */
GW_INLINE void pool_s8_mve_divide_by(pool_s8_mve_pixel *pixel, int32_t n)
{
    int32_t bits = 0;
    while (1 << bits < n) ++bits;
    pixel->reciprocal = ((32768 << bits) + n - 1) / n;
    pixel->half = n & ~1;
    pixel->shift = -bits;
}

/* The positions of a window's row or column that lie inside x; `at` is the first one's place, and moves there. */
GW_INLINE int32_t pool_s8_mve_inside(int32_t *at, int32_t count, int32_t step, int32_t size)
{
    for (; *at < 0; *at += step) --count;
    while (*at + (count - 1) * step >= size) --count;
    return count;
}

void pool_s8_mve(const int8_t *x, int8_t *y, const int32_t *shape)
{
    enum { AVERAGE = 0, COUNT_PAD = 0, X_ZERO = 0, LO = -128, HI = 127, BACKWARD = 0 };  // @constants
    const int32_t width = shape[1], c = shape[2], rows = shape[3], columns = shape[4], window = shape[5] * shape[6];
    const int32_t zero = COUNT_PAD ? X_ZERO : 0;
    pool_s8_mve_pixel pixel = {x, y, c, 0, 0, shape[10] * c, shape[9] * width * c, LO, HI, 0, 0, 0, 0, zero};
    int32_t row, column, n = 0;
    if (BACKWARD) pixel.y += (rows * columns - 1) * c;
    for (row = 0; row < rows; ++row) {
        int32_t iy = (BACKWARD ? rows - 1 - row : row) * shape[7] - shape[11];
        pixel.rows = pool_s8_mve_inside(&iy, shape[5], shape[9], shape[0]);
        for (column = 0; column < columns; ++column) {
            int32_t ix = (BACKWARD ? columns - 1 - column : column) * shape[8] - shape[12], inside;
            pixel.columns = pool_s8_mve_inside(&ix, shape[6], shape[10], width);
            pixel.x = x + (iy * width + ix) * c;
            inside = pixel.rows * pixel.columns;
            pixel.first = -zero * inside;
            if (AVERAGE && n != (COUNT_PAD ? window : inside)) {
                n = COUNT_PAD ? window : inside;
                pool_s8_mve_divide_by(&pixel, n);
            }
            pool_s8_mve_channels(&pixel);
            pixel.y += BACKWARD ? -c : c;
        }
    }
}
