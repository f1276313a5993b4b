/* SPDX-License-Identifier: 0BSD */
/* Convolution, depthwise convolution and fully connected layer for the machine that compiles, int8 or float.
 *
 * x      [IH][IW][IC]
 * y      [OH][OW][OC]
 * w      floats. For each 8 * WIDE output channels [KH][KW][IC][8 * WIDE]; DEPTHWISE: for each 8 channels [KH][KW][8]. Zeros fill up
 * table  for each 8 output channels. S8: 8 biases, 8 multipliers, 8 addends (TWICE: right shifts, negative); float: 8 biases
 * plane  [PH][PW][PC]: scratch, x as floats less X_ZERO, zeros around it and behind its channels. COPY 0: x itself serves as it is
 * PT, PL padding above and left; SH, SW stride, DH, DW dilation
 * S8     with acc = (sum + bias) >> PRE and q = acc * multiplier / 2^32, rounded down, y = clamp((q + addend) >> POST, LO, HI); TWICE: both
 *        of TFLite's roundings (gw_rescale_twice), then Y_ZERO. Every sum of some of the products is below 2^24, so that floats hold it
 *        exactly, in any order
 * TILE   pixels that are computed together, up to 5
 *
 * A tile's sums stay in vectors of eight floats.
 *
 * Order: with COPY x is read whole before y is written. Else output pixels row by row for each block of channels in turn. */
#include "gw_kernel.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

typedef int8_t conv2d_host_element;  // @type
typedef int32_t conv2d_host_number;  // @type

static inline float conv2d_host_act(float v) { return gw_clamp_f32(v, 0.0f, 6.0f); }  // @scalar

/* Eight floats; each step twice, with instructions and without. */
#if defined(__AVX2__) && defined(__FMA__)
typedef __m256 conv2d_host_eight;
GW_INLINE void conv2d_host_load(conv2d_host_eight *v, const gw_f32 *p) { *v = _mm256_loadu_ps((const float *)p); }
GW_INLINE void conv2d_host_all(conv2d_host_eight *v, const gw_f32 *p) { *v = _mm256_broadcast_ss((const float *)p); }
GW_INLINE void conv2d_host_add(conv2d_host_eight *sum, const conv2d_host_eight *a, const conv2d_host_eight *b)
{
    *sum = _mm256_fmadd_ps(*a, *b, *sum);
}
GW_INLINE void conv2d_host_zero(conv2d_host_eight *v) { *v = _mm256_setzero_ps(); }
GW_INLINE void conv2d_host_store(float *p, const conv2d_host_eight *v) { _mm256_storeu_ps(p, *v); }
#else
typedef struct {
    float v[8];
} conv2d_host_eight;
GW_INLINE void conv2d_host_load(conv2d_host_eight *v, const gw_f32 *p)
{
    int32_t i;
    for (i = 0; i < 8; ++i) v->v[i] = p[i];
}
GW_INLINE void conv2d_host_all(conv2d_host_eight *v, const gw_f32 *p)
{
    int32_t i;
    for (i = 0; i < 8; ++i) v->v[i] = *p;
}
GW_INLINE void conv2d_host_add(conv2d_host_eight *sum, const conv2d_host_eight *a, const conv2d_host_eight *b)
{
    int32_t i;
    for (i = 0; i < 8; ++i) sum->v[i] += a->v[i] * b->v[i];
}
GW_INLINE void conv2d_host_zero(conv2d_host_eight *v)
{
    int32_t i;
    for (i = 0; i < 8; ++i) v->v[i] = 0.0f;
}
GW_INLINE void conv2d_host_store(float *p, const conv2d_host_eight *v) { memcpy(p, v->v, sizeof v->v); }
#endif

/* Eight clamped integers from the accumulators of a table's eight channels. */
#if defined(__AVX2__) && defined(__FMA__)
GW_INLINE __m256i conv2d_host_rescaled(const conv2d_host_eight *sum, const void *table)
{
    enum { TWICE = 1, PRE = 0, POST = 5, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    const __m256i *const t = (const __m256i *)table;
    const __m256i acc = _mm256_srai_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(*sum), _mm256_loadu_si256(t)), PRE);
    const __m256i multiplier = _mm256_loadu_si256(t + 1), last = _mm256_loadu_si256(t + 2);
    __m256i even = _mm256_mul_epi32(acc, multiplier), odd = _mm256_mul_epi32(_mm256_srli_epi64(acc, 32), _mm256_srli_epi64(multiplier, 32)),
            v;
    if (TWICE) {
        const __m256i half = _mm256_set1_epi64x(1 << 30), right = _mm256_sub_epi32(_mm256_setzero_si256(), last);
        even = _mm256_srli_epi64(_mm256_add_epi64(even, half), 31);
        odd = _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1);
        v = _mm256_blend_epi32(even, odd, 0xAA);
        /* halves away from zero: 1 less for what is negative and shifted, then halves up */
        v = _mm256_add_epi32(v, _mm256_srai_epi32(_mm256_and_si256(v, last), 31));
        v = _mm256_add_epi32(v, _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), right), 1));
        v = _mm256_add_epi32(_mm256_srav_epi32(v, right), _mm256_set1_epi32(Y_ZERO));
    } else {
        v = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
        v = _mm256_srai_epi32(_mm256_add_epi32(v, last), POST);
    }
    return _mm256_max_epi32(_mm256_min_epi32(v, _mm256_set1_epi32(HI)), _mm256_set1_epi32(LO));
}
#endif

GW_INLINE int32_t conv2d_host_rescaled_one(int32_t sum, int32_t bias, int32_t multiplier, int32_t last)
{
    enum { TWICE = 1, PRE = 0, POST = 5, Y_ZERO = -128, LO = -128, HI = 127 };  // @constants
    const int32_t acc = (sum + bias) >> PRE;
    const int32_t v =
        TWICE ? gw_rescale_twice(acc, multiplier, last) + Y_ZERO : ((int32_t)((int64_t)acc * multiplier >> 32) + last) >> POST;
    return gw_clamp(v, LO, HI);
}

/* Eight results from their sums; those that y lacks are left out. */
GW_INLINE void conv2d_host_results(conv2d_host_element *y, int32_t channel, const conv2d_host_eight *sum, const conv2d_host_number *t)
{
    enum { OC = 6, S8 = 1 };  // @constants
    const int32_t n = OC % 8 == 0 ? 8 : gw_min(8, OC - channel);
    int32_t i;
#if defined(__AVX2__) && defined(__FMA__)
    if (S8) {
        const __m256i v = conv2d_host_rescaled(sum, t);
        __m128i bytes = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        int8_t eight[8];
        bytes = _mm_packs_epi16(bytes, bytes);
        if (n == 8) {
            _mm_storel_epi64((__m128i *)(void *)(y + channel), bytes);
        } else {
            _mm_storel_epi64((__m128i *)(void *)eight, bytes);
            for (i = 0; i < n; ++i) y[channel + i] = (conv2d_host_element)eight[i];
        }
        return;
    }
#endif
    {
        float sums[8];
        conv2d_host_store(sums, sum);
        for (i = 0; i < n; ++i) {
            if (S8)
                y[channel + i] =
                    (conv2d_host_element)conv2d_host_rescaled_one((int32_t)sums[i], (int32_t)t[i], (int32_t)t[8 + i], (int32_t)t[16 + i]);
            else
                y[channel + i] = (conv2d_host_element)conv2d_host_act(sums[i] + (float)t[i]);
        }
    }
}

/* DO for each pixel of a tile; `pixels` is a constant where it stands. */
#define conv2d_host_EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4)

/* One more product in each sum of the tile's pixels, `step` floats apart, and in 8 * WIDE channels. */
GW_INLINE void conv2d_host_products(const int32_t pixels, conv2d_host_eight *sum, const gw_f32 *x, const gw_f32 *w, const int32_t step)
{
    enum { WIDE = 2, DEPTHWISE = 0 };  // @constants
    conv2d_host_eight w0, w1, v;
    conv2d_host_load(&w0, w);
    conv2d_host_load(&w1, w + (WIDE > 1 ? 8 : 0));
#if defined(__AVX2__) && defined(__FMA__)
    __asm__("" : "+x"(w0), "+x"(w1)); /* else they are loaded again for every pixel */
#endif
#define conv2d_host_PRODUCTS(P) \
    if (pixels > P) { \
        if (DEPTHWISE) \
            conv2d_host_load(&v, x + P * step); \
        else \
            conv2d_host_all(&v, x + P * step); \
        conv2d_host_add(&sum[2 * P], &v, &w0); \
        if (WIDE > 1) conv2d_host_add(&sum[2 * P + 1], &v, &w1); \
    }
    conv2d_host_EACH(conv2d_host_PRODUCTS)
#undef conv2d_host_PRODUCTS
}

/* `pixels` output pixels side by side from the window at x on, channels from `channel` on. */
GW_INLINE void conv2d_host_tile(const int32_t pixels, const gw_f32 *x, const gw_f32 *w, conv2d_host_element *y, int32_t channel,
                                const conv2d_host_number *t)
{
    enum { PW = 10, PC = 3, OC = 6, S8 = 1, KH = 3, KW = 3, SW = 1, DH = 1, DW = 1, WIDE = 2, DEPTHWISE = 0 };  // @constants
    enum {
        ONE_RUN = !DEPTHWISE && DW == 1, /* a row's taps lie side by side */
        RUNS = ONE_RUN ? 1 : KW,
        LENGTH = DEPTHWISE ? 1
                 : ONE_RUN ? KW * PC
                           : PC
    };
    conv2d_host_eight sum[10];
    int32_t ky, run, i;
#define conv2d_host_ZERO(P) \
    if (pixels > P) { \
        conv2d_host_zero(&sum[2 * P]); \
        conv2d_host_zero(&sum[2 * P + 1]); \
    }
    conv2d_host_EACH(conv2d_host_ZERO)
#undef conv2d_host_ZERO
        for (ky = 0; ky < KH; ++ky)
    {
        for (run = 0; run < RUNS; ++run) {
            const gw_f32 *p = x + (ky * DH * PW + run * DW) * PC;
            for (i = 0; i < LENGTH; ++i, w += 8 * WIDE) conv2d_host_products(pixels, sum, p + i, w, SW * PC);
        }
    }
#if defined(__GNUC__)
    __asm__ volatile("" : "+r"(t)); /* else the compiler fetches the table before the products, and the sums lose their registers */
#endif
#define conv2d_host_RESULTS(P) \
    if (pixels > P) { \
        conv2d_host_results(y + P * OC, channel, &sum[2 * P], t); \
        if (WIDE > 1 && channel + 8 < OC) conv2d_host_results(y + P * OC, channel + 8, &sum[2 * P + 1], t + (S8 ? 24 : 8)); \
    }
    conv2d_host_EACH(conv2d_host_RESULTS)
#undef conv2d_host_RESULTS
}

/* x as floats with its border. */
static GW_NOINLINE void conv2d_host_copy(gw_f32 *plane, const conv2d_host_element *x)
{
    enum { IH = 8, IW = 8, IC = 3, PH = 10, PW = 10, PC = 3, PT = 1, PL = 1, X_ZERO = -128, S8 = 1 };  // @constants
    enum { FIRST = PL < PW ? PL : PW, LAST = PL + IW < PW ? PL + IW : PW };                            /* columns with a pixel of x */
    int32_t row, column, c;
    for (row = 0; row < PH; ++row) {
        const int32_t y = row - PT, inside = y >= 0 && y < IH;
        for (column = 0; column < PW; ++column, plane += PC) {
            const int32_t filled = inside && column >= FIRST && column < LAST ? IC : 0;
            const conv2d_host_element *from = x + (filled > 0 ? (y * IW + column - PL) * IC : 0);
            if (filled > 0) {
                for (c = 0; c < IC; ++c) plane[c] = S8 ? (float)((int32_t)from[c] - X_ZERO) : (float)from[c];
            }
            for (c = filled; c < PC; ++c) plane[c] = 0.0f;
        }
    }
}

void conv2d_host(const conv2d_host_element *x, conv2d_host_element *y, const gw_f32 *w, const conv2d_host_number *table, gw_f32 *plane)
{
    enum { OH = 8, OW = 8, OC = 6, SH = 1, SW = 1, PW = 10, PC = 3, KH = 3, KW = 3 };  // @constants
    enum { S8 = 1, COPY = 1, TILE = 4, WIDE = 2, DEPTHWISE = 0 };                      // @constants
    const gw_f32 *const from = COPY ? plane : (const gw_f32 *)(const void *)x;
    int32_t channel, oy, ox;
    if (COPY) conv2d_host_copy(plane, x);
    for (channel = 0; channel < OC; channel += 8 * WIDE) {
        const gw_f32 *row = from + (DEPTHWISE ? channel : 0);
        conv2d_host_element *to = y;
        for (oy = 0; oy < OH; ++oy, row += SH * PW * PC) {
            const gw_f32 *window = row;
            for (ox = 0; ox + TILE <= OW; ox += TILE, window += TILE * SW * PC, to += TILE * OC)
                conv2d_host_tile(TILE, window, w, to, channel, table);
            if (OW % TILE != 0) {
                conv2d_host_tile(OW % TILE, window, w, to, channel, table);
                to += OW % TILE * OC;
            }
        }
        w += KH * KW * (DEPTHWISE ? 1 : PC) * 8 * WIDE;
        table += WIDE * (S8 ? 24 : 8);
    }
}
