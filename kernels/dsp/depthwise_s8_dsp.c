/* SPDX-License-Identifier: 0BSD */
/* Depthwise 3 x 3 convolution, int8, for cores with DSP instructions: y = requant(bias + sum of x * w), taps outside x being X_ZERO.
 *
 * x      [IH][IW][C]
 * y      [OH][OW][C]
 * w      [C][3]: a word for each column of taps, from low to high its first, second, second and third weight
 * table  [C][3]: bias, less X_ZERO times the sum of the channel's weights; multiplier; addend or shift. FORM, PRE, POST say how
 *        (gw_requant_high)
 * shape  IH IW C OH OW PT PL X_ZERO: PT, PL padding above and left. Layers whose constants are equal share the code
 * scratch [(OW - 1) * S + 3][PAIRS][4] words: four channels of some rows of the padded picture, two rows in a word, the upper one in the
 *        low lane
 * S      stride, 1 or 2, down and across; PAIRS  pairs of rows in scratch, one more than a band of results needs
 * Y_ZERO, LO, HI  zero point and clamp of y; with PLAIN FORM is high, PRE 0 and the clamp is int8's
 *
 * Order: bands of 2 * (PAIRS - 1) rows of y with S 1, of PAIRS - 1 with S 2, top down or, with BACKWARD, bottom up. For each four channels
 * (the last four may overlap the ones before) the rows of x that the band needs are read, then the band's results are written. */
#include "gw_kernel.h"

/* What one, two, three or four channels of a band need; the assembler knows the order. It keeps a copy on the stack, whose first three
 * words are the channel's line of the table. */
typedef struct {
    int32_t line[3];
    int32_t pixel, row; /* bytes from one result to the next, and to the one below */
    int32_t across;     /* bytes of the plane that full pairs of columns take */
    const gw_u32 *end;
    int32_t rows, left; /* of results: pairs with S 1 */
    int32_t single;     /* a column is left */
    const gw_u32 *plane;
    int8_t *y;
    const uint32_t *w;
    const int32_t *table;
    int32_t channels;
} depthwise_s8_dsp_band;

enum {
    depthwise_s8_dsp_IH,
    depthwise_s8_dsp_IW,
    depthwise_s8_dsp_C,
    depthwise_s8_dsp_OH,
    depthwise_s8_dsp_OW,
    depthwise_s8_dsp_PT,
    depthwise_s8_dsp_PL,
    depthwise_s8_dsp_X_ZERO
};

/* Four channels from `from` on, or the few that there are. */
GW_INLINE uint32_t depthwise_s8_dsp_load(const int8_t *from, int32_t channels)
{
    enum { FEW = 0 };  // @constants
    uint32_t v = 0;
    if (!FEW) return gw_load_4(from);
    while (channels-- > 0) v = v << 8 | (uint8_t)from[channels];
    return v;
}

/* The words of `pairs` pairs of rows, the first of which is row iy of x, between the columns that are padded; x: its first channel. */
static GW_NOINLINE void depthwise_s8_dsp_plane(gw_u32 *plane, const int8_t *x, int32_t iy, int32_t pairs, const int32_t *shape)
{
    enum { S = 1, PAIRS = 6 };  // @constants
    const int32_t ih = shape[depthwise_s8_dsp_IH], pitch = shape[depthwise_s8_dsp_IW] * shape[depthwise_s8_dsp_C];
    const int32_t c = shape[depthwise_s8_dsp_C], zero = shape[depthwise_s8_dsp_X_ZERO], pl = shape[depthwise_s8_dsp_PL];
    const int32_t columns = gw_min(shape[depthwise_s8_dsp_IW], (shape[depthwise_s8_dsp_OW] - 1) * S + 3 - pl);
    const uint32_t outside = gw_lanes(zero, zero) & 0xFF00FFu;
    uint32_t none[1];
    gw_u32 *const end = plane + 4 * pairs;
    none[0] = outside | outside << 8;
    plane += 4 * PAIRS * pl;
    for (x += iy * pitch; plane != end + 4 * PAIRS * pl; iy += 2, plane += 4, x += 2 * pitch) {
        const int32_t has_upper = iy >= 0 && iy < ih, has_lower = iy >= -1 && iy < ih - 1;
        const int32_t upper_step = has_upper ? c : 0, lower_step = has_lower ? c : 0;
        const int8_t *upper = has_upper ? x : (const int8_t *)none, *lower = has_lower ? x + pitch : (const int8_t *)none;
        gw_u32 *p = plane;
        gw_u32 *const last = plane + 4 * PAIRS * columns;
        for (; p != last; p += 4 * PAIRS, upper += upper_step, lower += lower_step) {
            const uint32_t a = depthwise_s8_dsp_load(upper, c), b = depthwise_s8_dsp_load(lower, c);
            const uint32_t a_odd = gw_sxtb16_odd(a), a_even = gw_sxtb16(a), b_odd = gw_sxtb16_odd(b), b_even = gw_sxtb16(b);
            p[0] = gw_low_lanes(a_even, b_even);
            p[1] = gw_low_lanes(a_odd, b_odd);
            p[2] = gw_high_lanes(a_even, b_even);
            p[3] = gw_high_lanes(a_odd, b_odd);
        }
    }
}

/* The columns of the plane from `from` to `end` - 1, which lie outside x. */
static void depthwise_s8_dsp_pad(gw_u32 *plane, int32_t from, int32_t end, int32_t zero)
{
    enum { PAIRS = 6 };  // @constants
    for (from *= 4 * PAIRS; from < end * 4 * PAIRS; ++from) plane[from] = gw_lanes(zero, zero);
}

#if GW_ALL_REGISTERS
/* A channel: its weights, its line of the table, the end of the first row. Registers: r0 plane, r1 y, r2 to r4 first and second weights of
 * the columns, r5 to r7 second and third, r8 to r11 sums, r12, lr words of the plane; the rest on the stack. */
#define depthwise_s8_dsp_START \
    "sub sp, #60\n\tldm r0!, {r1-r8}\n\tstm sp, {r1-r8}\n\tldm r0, {r1-r7}\n\tadd r0, sp, #32\n\tstm r0, {r1-r7}\n" \
    "1:\n\tldr r12, [sp, #48]\n\tldr lr, [sp, #52]\n\tldr r0, [sp, #40]\n\tldr r1, [sp, #44]\n\tldr r11, [sp, #28]\n\t" \
    "ldm r12!, {r2-r4}\n\tldm lr!, {r8-r10}\n\tstr r12, [sp, #48]\n\tstr lr, [sp, #52]\n\tstr r11, [sp, #32]\n\tstm sp, {r8-r10}\n\t" \
    "adds r0, #4\n\tstr r0, [sp, #40]\n\tsubs r0, #4\n\tadds r1, #1\n\tstr r1, [sp, #44]\n\tsubs r1, #1\n\t" \
    "sxtb16 r5, r2, ror #8\n\tsxtb16 r6, r3, ror #8\n\tsxtb16 r7, r4, ror #8\n\tsxtb16 r2, r2\n\tsxtb16 r3, r3\n\tsxtb16 r4, r4\n" \
    "2:\n\tldr r12, [sp, #20]\n\tcmp r12, #0\n\tadd r12, r0\n\tstr r12, [sp, #24]\n\tbeq.w 4f\n"
/* The next row or pair of rows, the next channel, the end. */
#define depthwise_s8_dsp_NEXT \
    "5:\n\tldr lr, [sp, #20]\n\tldr r11, [sp, #32]\n\tsub r0, lr\n\tadds r0, #16\n\tsubs r11, #1\n\tstr r11, [sp, #32]\n\tbne.w 2b\n\t" \
    "ldr r11, [sp, #56]\n\tsubs r11, #1\n\tstr r11, [sp, #56]\n\tbne.w 1b\n\tadd sp, #60"
#define depthwise_s8_dsp_USED "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"
#endif

/* One result: its window's first word is p, whose lane `lower` (0: both rows of the pair, 1: from the second row on). */
GW_INLINE int32_t depthwise_s8_dsp_sum(const gw_u32 *p, const int32_t lower, const uint32_t *w, int32_t acc)
{
    enum { PAIRS = 6 };  // @constants
    int32_t k;
    for (k = 0; k < 3; ++k, p += 4 * PAIRS) {
        const uint32_t u = gw_sxtb16(w[k]), v = gw_sxtb16_odd(w[k]);
        acc = lower ? gw_smlatb(p[0], u, acc) : gw_smlad(p[0], u, acc);
        acc = lower ? gw_smlad(p[4], v, acc) : gw_smlabt(p[4], v, acc);
    }
    return acc;
}

/* The channels of a band. */
static GW_NOINLINE void depthwise_s8_dsp_results(const depthwise_s8_dsp_band *band)
{
    enum { S = 1, PAIRS = 6, FORM = 4, PRE = 0, POST = 4, Y_ZERO = -128, LO = -128, HI = 127, PLAIN = 1 };  // @constants
    enum { C1 = 16 * PAIRS }; /* bytes from a column of the plane to the next */
#if GW_ALL_REGISTERS
    if (PLAIN && S == 1) {
        register const depthwise_s8_dsp_band *b __asm__("r0") = band;
        __asm__ volatile(
            depthwise_s8_dsp_START /* two columns of two rows: r8, r10 above, r9, r11 below */
            "3:\n\tldr r12, [r0]\n\tldr lr, [r0, %[c1]]\n\tldr r11, [sp]\n\tsmlatb r9, r12, r2, r11\n\tsmlad r8, r12, r2, r11\n\t"
            "smlad r10, lr, r2, r11\n\tsmlatb r11, lr, r2, r11\n\tsmlad r8, lr, r3, r8\n\tsmlatb r9, lr, r3, r9\n\t"
            "ldr r12, [r0, %[c2]]\n\tldr lr, [r0, %[c3]]\n\tsmlad r8, r12, r4, r8\n\tsmlatb r9, r12, r4, r9\n\tsmlad r10, r12, r3, r10\n\t"
            "smlatb r11, r12, r3, r11\n\tsmlad r10, lr, r4, r10\n\tsmlatb r11, lr, r4, r11\n\t"
            "ldr r12, [r0, #16]\n\tldr lr, [r0, %[d1]]\n\tsmlabt r8, r12, r5, r8\n\tsmlad r9, r12, r5, r9\n\tsmlabt r10, lr, r5, r10\n\t"
            "smlad r11, lr, r5, r11\n\tsmlabt r8, lr, r6, r8\n\tsmlad r9, lr, r6, r9\n\t"
            "ldr r12, [r0, %[d2]]\n\tldr lr, [r0, %[d3]]\n\tsmlabt r8, r12, r7, r8\n\tsmlad r9, r12, r7, r9\n\t"
            "smlabt r10, r12, r6, r10\n\tsmlad r11, r12, r6, r11\n\tsmlabt r10, lr, r7, r10\n\tsmlad r11, lr, r7, r11\n\t"
            "ldr r12, [sp, #4]\n\tldr lr, [sp, #8]\n\tsmmla r8, r8, r12, lr\n\tsmmla r9, r9, r12, lr\n\tsmmla r10, r10, r12, lr\n\t"
            "smmla r11, r11, r12, lr\n\tssat r8, #8, r8, asr %[post]\n\tssat r9, #8, r9, asr %[post]\n\tssat r10, #8, r10, asr %[post]\n\t"
            "ssat r11, #8, r11, asr %[post]\n\tldr r12, [sp, #12]\n\tldr lr, [sp, #16]\n\tadd lr, r1\n\tstrb r9, [lr]\n\tstrb r11, [lr, "
            "r12]\n\t"
            "strb r8, [r1]\n\tstrb r10, [r1, r12]\n\tadd r0, r0, %[c2]\n\tadd r1, r1, r12, lsl #1\n\tldr r12, [sp, #24]\n\tcmp r0, r12\n\t"
            "bne.w 3b\n"
            "4:\n\tldr r12, [sp, #36]\n\tcmp r12, #0\n\tbeq.n 6f\n\t" /* one column */
            "ldr r12, [r0]\n\tldr lr, [r0, %[c1]]\n\tldr r10, [r0, %[c2]]\n\tldr r11, [sp]\n\tsmlatb r9, r12, r2, r11\n\t"
            "smlad r8, r12, r2, r11\n\tsmlad r8, lr, r3, r8\n\tsmlatb r9, lr, r3, r9\n\tsmlad r8, r10, r4, r8\n\tsmlatb r9, r10, r4, r9\n\t"
            "ldr r12, [r0, #16]\n\tldr lr, [r0, %[d1]]\n\tldr r10, [r0, %[d2]]\n\tldr r11, [sp, #4]\n\tsmlabt r8, r12, r5, r8\n\t"
            "smlad r9, r12, r5, r9\n\tsmlabt r8, lr, r6, r8\n\tsmlad r9, lr, r6, r9\n\tsmlabt r8, r10, r7, r8\n\tsmlad r9, r10, r7, r9\n\t"
            "ldr r12, [sp, #8]\n\tldr lr, [sp, #16]\n\tldr r10, [sp, #12]\n\tsmmla r8, r8, r11, r12\n\tsmmla r9, r9, r11, r12\n\t"
            "ssat r8, #8, r8, asr %[post]\n\tssat r9, #8, r9, asr %[post]\n\tadd lr, r1\n\tstrb r9, [lr]\n\tstrb r8, [r1]\n\tadd r1, r10\n"
            "6:\n\tldr r12, [sp, #16]\n\tadd r1, r12\n" depthwise_s8_dsp_NEXT
            : "+r"(b)
            : [c1] "i"(C1), [c2] "i"(2 * C1), [c3] "i"(3 * C1), [d1] "i"(C1 + 16), [d2] "i"(2 * C1 + 16), [d3] "i"(3 * C1 + 16),
              [post] "i"(POST)
            : depthwise_s8_dsp_USED);
        return;
    }
    if (PLAIN) {
        register const depthwise_s8_dsp_band *b __asm__("r0") = band;
        __asm__ volatile(
            depthwise_s8_dsp_START /* two columns: r8, r9 */
            "3:\n\tldr r12, [r0]\n\tldr lr, [r0, %[c1]]\n\tldr r10, [r0, %[c2]]\n\tldr r9, [sp]\n\tsmlad r8, r12, r2, r9\n\t"
            "smlad r9, r10, r2, r9\n\tsmlad r8, lr, r3, r8\n\tsmlad r8, r10, r4, r8\n\t"
            "ldr r12, [r0, %[c3]]\n\tldr lr, [r0, %[c4]]\n\tldr r10, [r0, #16]\n\tldr r11, [r0, %[d1]]\n\tsmlad r9, r12, r3, r9\n\t"
            "smlad r9, lr, r4, r9\n\tsmlabt r8, r10, r5, r8\n\tsmlabt r8, r11, r6, r8\n\t"
            "ldr r12, [r0, %[d2]]\n\tldr lr, [r0, %[d3]]\n\tldr r10, [r0, %[d4]]\n\tldr r11, [sp, #4]\n\tsmlabt r8, r12, r7, r8\n\t"
            "smlabt r9, r12, r5, r9\n\tsmlabt r9, lr, r6, r9\n\tsmlabt r9, r10, r7, r9\n\t"
            "ldr r12, [sp, #8]\n\tldr lr, [sp, #12]\n\tldr r10, [sp, #24]\n\tsmmla r8, r8, r11, r12\n\tsmmla r9, r9, r11, r12\n\t"
            "ssat r8, #8, r8, asr %[post]\n\tssat r9, #8, r9, asr %[post]\n\tstrb r8, [r1]\n\tstrb r9, [r1, lr]\n\tadd r0, r0, %[c4]\n\t"
            "add r1, r1, lr, lsl #1\n\tcmp r0, r10\n\tbne.w 3b\n"
            "4:\n\tldr r12, [sp, #36]\n\tcmp r12, #0\n\tbeq.n 5f\n\t" /* one column */
            "ldr r12, [r0]\n\tldr lr, [r0, %[c1]]\n\tldr r10, [r0, %[c2]]\n\tldr r9, [sp]\n\tsmlad r8, r12, r2, r9\n\tsmlad r8, lr, r3, "
            "r8\n\t"
            "smlad r8, r10, r4, r8\n\tldr r12, [r0, #16]\n\tldr lr, [r0, %[d1]]\n\tldr r10, [r0, %[d2]]\n\tldr r11, [sp, #4]\n\t"
            "smlabt r8, r12, r5, r8\n\tsmlabt r8, lr, r6, r8\n\tsmlabt r8, r10, r7, r8\n\tldr r12, [sp, #8]\n\tldr lr, [sp, #12]\n\t"
            "smmla r8, r8, r11, r12\n\tssat r8, #8, r8, asr %[post]\n\tstrb r8, [r1]\n\tadd r1, lr\n" depthwise_s8_dsp_NEXT
            : "+r"(b)
            : [c1] "i"(C1), [c2] "i"(2 * C1), [c3] "i"(3 * C1), [c4] "i"(4 * C1), [d1] "i"(C1 + 16), [d2] "i"(2 * C1 + 16),
              [d3] "i"(3 * C1 + 16), [d4] "i"(4 * C1 + 16), [post] "i"(POST)
            : depthwise_s8_dsp_USED);
        return;
    }
#endif
    {
        const int32_t columns = band->across / (2 * S * 16 * PAIRS) * 2 + band->single;
        int32_t c, row, column;
        for (c = 0; c < band->channels; ++c) {
            const uint32_t *w = band->w + 3 * c;
            const int32_t *line = band->table + 3 * c;
            for (row = 0; row < band->rows; ++row) {
                const gw_u32 *p = band->plane + c + 4 * row;
                int8_t *y = band->y + c + row * band->row * (S == 1 ? 2 : 1);
                for (column = 0; column < columns; ++column, p += 4 * S * PAIRS, y += band->pixel) {
                    if (S == 1)
                        y[band->row] =
                            gw_requant_high(FORM, depthwise_s8_dsp_sum(p, 1, w, line[0]), PRE, line[1], line[2], POST, Y_ZERO, LO, HI);
                    y[0] = gw_requant_high(FORM, depthwise_s8_dsp_sum(p, 0, w, line[0]), PRE, line[1], line[2], POST, Y_ZERO, LO, HI);
                }
            }
        }
    }
}

void depthwise_s8_dsp(const int8_t *x, int8_t *y, const uint32_t *w, const int32_t *table, const int32_t *shape, uint8_t *scratch)
{
    enum { S = 1, PAIRS = 6, BACKWARD = 0 };  // @constants
    const int32_t c = shape[depthwise_s8_dsp_C], oh = shape[depthwise_s8_dsp_OH], ow = shape[depthwise_s8_dsp_OW];
    gw_u32 *const plane = (gw_u32 *)(void *)scratch;
    const int32_t most = (PAIRS - 1) * (S == 1 ? 2 : 1);
    const int32_t width = (ow - 1) * S + 3, pl = shape[depthwise_s8_dsp_PL];
    depthwise_s8_dsp_band band;
    int32_t left, first;
    depthwise_s8_dsp_pad(plane, 0, pl, shape[depthwise_s8_dsp_X_ZERO]);
    depthwise_s8_dsp_pad(plane, pl + shape[depthwise_s8_dsp_IW], width, shape[depthwise_s8_dsp_X_ZERO]);
    band.pixel = c;
    band.across = ow / 2 * (2 * S * 16 * PAIRS);
    band.single = ow & 1;
    for (left = (oh - 1) / most * most; left >= 0; left -= most) {
        const int32_t oy = BACKWARD ? left : (oh - 1) / most * most - left;
        const int32_t rows = gw_min(most, oh - oy), pairs = S == 1 ? (rows + 1) / 2 : rows;
        for (first = 0; first < c; first += 4) {
            /* The last channels lie in the upper ones of the last four. */
            const int32_t skipped = first + 4 > c && c > 4 ? first + 4 - c : 0;
            depthwise_s8_dsp_plane(plane, x + first - skipped, oy * S - shape[depthwise_s8_dsp_PT], pairs + 1, shape);
            band.plane = plane + skipped;
            band.y = y + oy * ow * c + first;
            band.w = w + 3 * first;
            band.table = table + 3 * first;
            band.channels = gw_min(4, c - first);
            band.row = ow * c;
            band.rows = S == 1 ? rows / 2 : rows;
            if (band.rows > 0) depthwise_s8_dsp_results(&band);
            if (S == 1 && rows % 2 != 0) { /* a single row: the one below it is written first, in the same place */
                band.plane += 4 * band.rows;
                band.y += 2 * band.rows * band.row;
                band.row = 0;
                band.rows = 1;
                depthwise_s8_dsp_results(&band);
            }
        }
    }
}
