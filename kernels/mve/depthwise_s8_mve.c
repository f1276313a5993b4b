/* SPDX-License-Identifier: 0BSD */
/* Depthwise convolution, int8, for cores with Helium: each channel has its own window; y = requant(bias + sum of (x - X_ZERO) * w).
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C]
 * w      for each 16 channels [PAIRS][2][16]: taps in pairs, zeros where a pair has one tap or a channel is not there. No channel has -128
 *        twice in a pair, so that the sum of a pair's products fits 16 bits
 * table  for each 16 channels four vectors, of channels 0 4 8 12, 1 5 9 13, 2 6 10 14, 3 7 11 15: four elements each of bias, left shift,
 *        multiplier, right shift (GW_LANES). The bias is less X_ZERO times the sum of the channel's weights
 * shape  IH IW C OH OW KH KW SH SW DH DW PT PL X_ZERO PAIRS: kernel, stride, dilation, padding above and left. Layers whose constants are
 *        equal share the code
 * taps   [2][PAIRS][2]: where the taps lie, in bytes from the window's first, in x and in the patch
 * patch  [KH][KW][C up to a multiple of 16]: scratch
 * FORM, Y_ZERO, LO, HI  rounding form, zero point and clamp of y
 *
 * Windows that hang over the picture's edge are copied together, X_ZERO outside; so are all where C is no multiple of 16.
 *
 * Order: output pixels row by row, left to right; BACKWARD 1: from the last pixel to the first. Of a pixel 16 channels at a time: their
 * windows are read, then they are written. */
#include "gw_kernel.h"

typedef struct {
    const int8_t *x;
    const int32_t *taps;
    const int8_t *w;
    int8_t *y;
    int32_t pairs, blocks, lo, hi, zero;
    const int32_t *t;
} depthwise_s8_mve_pixel;

/* q4 to q7: sums of the table's four vectors. Byte products as even and odd lanes of 16 bits, a pair's added, then even and odd again. */
#define depthwise_s8_mve_BLOCKS(FORM) \
    __asm__ volatile("push {r1-r12}\n\tldm r0, {r1-r10}\n\t"                                                                  \
                     "2: vldrw.u32 q4, [r10]\n\tvldrw.u32 q5, [r10, #64]\n\tvldrw.u32 q6, [r10, #128]\n\t"                    \
                     "vldrw.u32 q7, [r10, #192]\n\tmov r11, r2\n\tdls lr, r5\n\t"                                             \
                     "1: ldrd r0, r12, [r11], #8\n\tadd r0, r0, r1\n\tadd r12, r12, r1\n\t"                                   \
                     "vldrb.u8 q0, [r0]\n\tvldrb.u8 q1, [r3], #16\n\tvmullb.s8 q2, q0, q1\n\tvmullt.s8 q0, q0, q1\n\t"        \
                     "vldrb.u8 q1, [r12]\n\tvldrb.u8 q3, [r3]\n\tvmullt.s8 q3, q1, q3\n\tvadd.i16 q0, q0, q3\n\t"             \
                     "vldrb.u8 q3, [r3], #16\n\tvmullb.s8 q3, q1, q3\n\tvadd.i16 q2, q2, q3\n\t"                              \
                     "vmovlb.s16 q1, q2\n\tvadd.i32 q4, q4, q1\n\tvmovlt.s16 q1, q2\n\tvadd.i32 q6, q6, q1\n\t"               \
                     "vmovlb.s16 q1, q0\n\tvadd.i32 q5, q5, q1\n\tvmovlt.s16 q1, q0\n\tvadd.i32 q7, q7, q1\n\t"               \
                     "le lr, 1b\n\t"                                                                                          \
                     "add r10, r10, #16\n\t" GW_LANES(FORM, "q4", "q0", "q1", "r9") "add r10, r10, #16\n\t"                   \
                     GW_LANES(FORM, "q5", "q0", "q1", "r9") "add r10, r10, #16\n\t" GW_LANES(FORM, "q6", "q0", "q1", "r9")    \
                     "add r10, r10, #16\n\t" GW_LANES(FORM, "q7", "q0", "q1", "r9")                                           \
                     "vqmovnb.s32 q4, q4\n\tvqmovnt.s32 q4, q6\n\tvqmovnb.s32 q5, q5\n\tvqmovnt.s32 q5, q7\n\t"               \
                     "vqmovnb.s16 q4, q4\n\tvqmovnt.s16 q4, q5\n\tvdup.8 q0, r7\n\tvmax.s8 q4, q4, q0\n\tvdup.8 q0, r8\n\t"   \
                     "vmin.s8 q4, q4, q0\n\tvstrb.8 q4, [r4], #16\n\tadd r1, r1, #16\n\tsubs r6, r6, #1\n\tbne 2b\n\t"        \
                     "pop {r1-r12}"                                                                                           \
                     : "+r"(p)                                                                                                \
                     :                                                                                                        \
                     : "lr", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "cc", "memory")

/* Blocks of 16 channels of one pixel, at least one. */
GW_INLINE void depthwise_s8_mve_blocks(const depthwise_s8_mve_pixel *pixel)
{
    enum { FORM = 3 };  // @constants
#if GW_HAS_MVE
    register const depthwise_s8_mve_pixel *p __asm__("r0") = pixel;
    if (FORM == GW_NARROW)
        depthwise_s8_mve_BLOCKS(GW_LANES_NARROW);
    else if (FORM == GW_SINGLE)
        depthwise_s8_mve_BLOCKS(GW_LANES_SINGLE);
    else
        depthwise_s8_mve_BLOCKS(GW_LANES_TWICE);
#else
    const int8_t *w = pixel->w, *x = pixel->x;
    const int32_t *t = pixel->t;
    int32_t block, c, i;
    for (block = 0; block < pixel->blocks; ++block, x += 16, w += 32 * pixel->pairs, t += 64) {
        int8_t results[16];
        for (c = 0; c < 16; ++c) {
            const int32_t *lane = t + c % 4 * 16 + c / 4;
            int32_t acc = *lane;
            for (i = 0; i < 2 * pixel->pairs; ++i) acc = (int32_t)((uint32_t)acc + (uint32_t)(x[pixel->taps[i] + c] * w[16 * i + c]));
            results[c] = gw_requant_lane(FORM, acc, lane + 4, pixel->zero, pixel->lo, pixel->hi);
        }
        memcpy(pixel->y + 16 * block, results, 16);
    }
#endif
}

/* The window whose first tap is at row iy, column ix of x. */
static GW_NOINLINE void depthwise_s8_mve_gather(int8_t *patch, const int8_t *x, int32_t iy, int32_t ix, const int32_t *shape)
{
    const int32_t width = shape[1], channels = shape[2];
    int32_t ky, kx;
    for (ky = 0; ky < shape[5]; ++ky, iy += shape[9]) {
        int32_t column = ix;
        for (kx = 0; kx < shape[6]; ++kx, column += shape[10], patch += (channels + 15) & ~15) {
            if (iy < 0 || iy >= shape[0] || column < 0 || column >= width)
                gw_fill_bytes(patch, shape[13], channels);
            else
                gw_copy_bytes(patch, x + (iy * width + column) * channels, channels);
        }
    }
}

void depthwise_s8_mve(const int8_t *x, int8_t *y, const int8_t *w, const int32_t *table, const int32_t *shape, const int32_t *taps,
                      int8_t *patch)
{
    enum { Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    enum { BACKWARD = 0 };                        // @constants
    const int32_t channels = shape[2], rows = shape[3], columns = shape[4], pairs = shape[14], full = channels / 16;
    const int32_t down = (shape[5] - 1) * shape[9], right = (shape[6] - 1) * shape[10]; /* to a window's last tap */
    int32_t row, column;
    if (BACKWARD) y += (rows * columns - 1) * channels;
    for (row = 0; row < rows; ++row) {
        const int32_t iy = (BACKWARD ? rows - 1 - row : row) * shape[7] - shape[11];
        for (column = 0; column < columns; ++column) {
            const int32_t ix = (BACKWARD ? columns - 1 - column : column) * shape[8] - shape[12];
            depthwise_s8_mve_pixel pixel = {patch, taps + 2 * pairs, w, y, pairs, full, LO, HI, Y_ZERO, table};
            if (channels % 16 == 0 && iy >= 0 && ix >= 0 && iy + down < shape[0] && ix + right < shape[1]) {
                pixel.x = x + (iy * shape[1] + ix) * channels;
                pixel.taps = taps;
            } else {
                depthwise_s8_mve_gather(patch, x, iy, ix, shape);
            }
            if (full > 0) depthwise_s8_mve_blocks(&pixel);
            if (channels % 16 != 0) {
                int8_t last[16];
                pixel.x = patch + 16 * full;
                pixel.w = w + full * 32 * pairs;
                pixel.t = table + full * 64;
                pixel.y = last;
                pixel.blocks = 1;
                depthwise_s8_mve_blocks(&pixel);
                gw_copy_bytes(y + 16 * full, last, channels % 16);
            }
            y += BACKWARD ? -channels : channels;
        }
    }
}
