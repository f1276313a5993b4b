/* SPDX-License-Identifier: 0BSD */
/* What Glowworm's kernels share. Plain C99; every kernel file includes only this. In a bundle it becomes part of NAME_private.h with the
 * prefixes gw_ and GW_ replaced by the model's own, so several models live in one program. */
#ifndef GW_KERNEL_H
#define GW_KERNEL_H

#include <stdint.h>
#include <string.h>

/* Arenas are byte arrays of the user's: whatever wider type a kernel keeps in them is reached through types that may alias anything. */
#if defined(__GNUC__) || defined(__clang__)
#define GW_MAY_ALIAS __attribute__((may_alias))
#define GW_NOINLINE __attribute__((noinline))
/* In each step: gcc 12 at -O2 merges equal steps, then takes the result for a function without effects and leaves out a call of it. */
#define GW_STEP_DONE __asm__ volatile("" ::: "memory")
#define GW_INLINE static inline __attribute__((always_inline)) /* for helpers whose arguments are constants: they must vanish */
#else
#define GW_MAY_ALIAS
#define GW_NOINLINE
#define GW_STEP_DONE ((void)0)
#define GW_INLINE static inline
#endif
typedef float GW_MAY_ALIAS gw_f32;
typedef int16_t GW_MAY_ALIAS gw_i16;
typedef uint16_t GW_MAY_ALIAS gw_u16;
typedef int32_t GW_MAY_ALIAS gw_i32;
typedef uint32_t GW_MAY_ALIAS gw_u32;
typedef int64_t GW_MAY_ALIAS gw_i64;

static inline int32_t gw_min(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t gw_max(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t gw_clamp(int32_t v, int32_t lo, int32_t hi) { return v < lo ? lo : v > hi ? hi : v; }
/* What is not a number stays so. */
static inline float gw_clamp_f32(float v, float lo, float hi) { return v < lo ? lo : v > hi ? hi : v; }

/* Rescaling of an accumulator; docs/arithmetic.md. Right shifts of negative numbers are arithmetic on every compiler we know; a build
 * where they are not stops here. */
typedef char gw_shift_is_arithmetic[((-2) >> 1) == -1 ? 1 : -1];

/* Rounding forms, as the compiler numbers them. */
#define GW_EVEN 0
#define GW_NARROW 1
#define GW_SINGLE 2
#define GW_TWICE 3

/* narrow: everything fits 32 bits, proved by the compiler. (p + 2^(s-1)) >> s, in a form that needs no power of two. */
static inline int32_t gw_rescale_narrow(int32_t acc, int32_t pre_shift, int32_t multiplier, int32_t shift)
{
    return ((((acc >> pre_shift) * multiplier) >> (shift - 1)) + 1) >> 1;
}

/* single: 64-bit product, round half up. */
static inline int32_t gw_rescale_single(int32_t acc, int32_t multiplier, int32_t shift)
{
    return (int32_t)(((int64_t)acc * multiplier + ((int64_t)1 << (shift - 1))) >> shift);
}

/* even: as single, but halves go to the even number. */
static inline int32_t gw_rescale_even(int32_t acc, int32_t multiplier, int32_t shift)
{
    const int64_t product = (int64_t)acc * multiplier;
    return (int32_t)((product + (((int64_t)1 << (shift - 1)) - 1) + ((product >> shift) & 1)) >> shift);
}

/* twice: TFLite's two roundings. shift > 0 shifts left before, shift < 0 right after. */
static inline int32_t gw_rescale_twice(int32_t acc, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int64_t product = (int64_t)((int32_t)((uint32_t)acc << left)) * multiplier;
    const int32_t nudge = product >= 0 ? (1 << 30) : 1 - (1 << 30);
    const int32_t high = (int32_t)((product + nudge) / ((int64_t)1 << 31));
    const int32_t mask = (int32_t)((1u << right) - 1u);
    const int32_t rest = high & mask;
    const int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> right) + (rest > threshold ? 1 : 0);
}

/* By form; `form` is a constant, so the others vanish. */
static inline int32_t gw_rescale(int32_t form, int32_t acc, int32_t pre_shift, int32_t multiplier, int32_t shift)
{
    return form == GW_NARROW   ? gw_rescale_narrow(acc, pre_shift, multiplier, shift)
           : form == GW_SINGLE ? gw_rescale_single(acc, multiplier, shift)
           : form == GW_EVEN   ? gw_rescale_even(acc, multiplier, shift)
                               : gw_rescale_twice(acc, multiplier, shift);
}

/* Rescaling, zero point and clamp: a whole requantization, to the 8 or 16 bits that lo and hi leave. */
static inline int32_t gw_requant_int(int32_t form, int32_t acc, int32_t pre_shift, int32_t multiplier, int32_t shift, int32_t zero,
                                     int32_t lo, int32_t hi)
{
    int32_t v;
    if (form == GW_NARROW) { /* zero point and rounding in one addition */
        v = ((((acc >> pre_shift) * multiplier) >> (shift - 1)) + (2 * zero + 1)) >> 1;
    } else {
        v = gw_rescale(form, acc, pre_shift, multiplier, shift) + zero;
    }
    return gw_clamp(v, lo, hi);
}
static inline int8_t gw_requant(int32_t form, int32_t acc, int32_t pre_shift, int32_t multiplier, int32_t shift, int32_t zero, int32_t lo,
                                int32_t hi)
{
    return (int8_t)gw_requant_int(form, acc, pre_shift, multiplier, shift, zero, lo, hi);
}

/* wide: TFLite's form for accumulators of 64 bits, below 2^47; the multiplier has 15 bits. Half up. */
#define GW_WIDE 8
/* sum: there is no rescaling; the result is the accumulator's lower 32 bits. */
#define GW_SUM 9
/* Of a sum of 32 or 64 bits; other forms than wide see its lower 32. */
static inline int32_t gw_requant_sum(int32_t form, int64_t acc, int32_t pre_shift, int32_t multiplier, int32_t shift, int32_t zero,
                                     int32_t lo, int32_t hi)
{
    if (form == GW_WIDE) {
        const int64_t v = ((acc * multiplier + ((int64_t)1 << (shift - 1))) >> shift) + zero;
        return v < lo ? lo : v > hi ? hi : (int32_t)v;
    }
    if (form == GW_SUM) return (int32_t)acc;
    return gw_requant_int(form, (int32_t)acc, pre_shift, multiplier, shift, zero, lo, hi);
}

/* --- Functions of int16 by a table, interpolated: table[i] is logistic(i / 24) in Q0.16, at most 65535; docs/arithmetic.md -------------
 */
/* logistic(x / (3 * 2^12)) in Q0.15. */
static inline int32_t gw_logistic16(int32_t x, const uint16_t *table)
{
    const uint32_t size = (uint32_t)(x < 0 ? -x : x), i = size >> 9;
    uint32_t y = 0x7FFFu << 10;
    if (i < 255u) y = ((uint32_t)table[i] << 9) + (size & 511u) * ((uint32_t)table[i + 1] - (uint32_t)table[i]);
    y = x >= 0 ? y + 512u : (1u << 25) - y + 511u;
    return (int32_t)(y >> 10);
}

/* tanh(x / (3 * 2^12)) in Q0.15, as 2 * logistic(2 * x) - 1. */
static inline int32_t gw_tanh16(int32_t x, const uint16_t *table)
{
    const uint32_t size = (uint32_t)(x < 0 ? -x : x), i = size >> 8;
    int32_t y = 0xFFFF << 8;
    if (i < 255u) y = (int32_t)(((uint32_t)table[i] << 8) + (size & 255u) * ((uint32_t)table[i + 1] - (uint32_t)table[i]));
    return (x >= 0 ? y - (1 << 23) + 128 : -y + (1 << 23) + 127) >> 8;
}

/* A gate's sum of products, rescaled to Q3.12. */
static inline int32_t gw_gate16(int32_t acc, int32_t multiplier, int32_t shift)
{
    return gw_clamp(gw_rescale_twice(acc, multiplier, shift), -32768, 32767);
}

/* Q0.15 as Q0.7. */
static inline int8_t gw_q7(int32_t v) { return (int8_t)gw_clamp((v + 128) >> 8, -128, 127); }

/* --- Cores with DSP instructions (Armv7E-M, Armv8-M with DSP): two int16 lanes in a word -----------------------------------------------
 * Each operation twice: the instruction, and what it means in plain C for every other compiler, so that the same kernels run anywhere.
 * A word holds lane 0 in bits 0 to 15, lane 1 above. Sums wrap. */
#if defined(__ARM_FEATURE_DSP) && (defined(__GNUC__) || defined(__clang__))
#define GW_HAS_DSP 1
#else
#define GW_HAS_DSP 0
#endif
/* Whether a kernel may write out steps that keep all 14 registers busy, in an order that the compiler must keep. GW_FEW_REGISTERS leaves
 * the order to the compiler, as clang always has it. */
#if GW_HAS_DSP && defined(__OPTIMIZE__) && !defined(__clang__) && !defined(GW_FEW_REGISTERS)
#define GW_ALL_REGISTERS 1
#else
#define GW_ALL_REGISTERS 0
#endif

/* Four bytes from any address, the first in the lowest bits. */
static inline uint32_t gw_load_4(const int8_t *p)
{
#if GW_HAS_DSP /* such cores load words from any address */
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
#else
    return (uint32_t)(uint8_t)p[0] | (uint32_t)(uint8_t)p[1] << 8 | (uint32_t)(uint8_t)p[2] << 16 | (uint32_t)(uint8_t)p[3] << 24;
#endif
}

/* Two int16 lanes in a word. */
static inline uint32_t gw_lanes(int32_t low, int32_t high) { return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16; }
static inline int32_t gw_low_lane(uint32_t v) { return (int16_t)(uint16_t)(v & 0xFFFFu); }
static inline int32_t gw_high_lane(uint32_t v) { return (int16_t)(uint16_t)(v >> 16); }

/* Bytes 0 and 2 as signed lanes. */
GW_INLINE uint32_t gw_sxtb16(uint32_t v)
{
#if GW_HAS_DSP
    uint32_t r;
    __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(v));
    return r;
#else
    return gw_lanes((int8_t)(uint8_t)(v & 255u), (int8_t)(uint8_t)(v >> 16 & 255u));
#endif
}

/* Bytes 1 and 3 as signed lanes. */
GW_INLINE uint32_t gw_sxtb16_odd(uint32_t v)
{
#if GW_HAS_DSP
    uint32_t r;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(v));
    return r;
#else
    return gw_sxtb16(v >> 8);
#endif
}

/* Lanes of acc plus bytes 0 and 2 of v, plus bytes 1 and 3. */
GW_INLINE uint32_t gw_sxtab16(uint32_t acc, uint32_t v)
{
#if GW_HAS_DSP
    uint32_t r;
    __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(acc), "r"(v));
    return r;
#else
    return gw_lanes(gw_low_lane(acc) + (int8_t)(uint8_t)(v & 255u), gw_high_lane(acc) + (int8_t)(uint8_t)(v >> 16 & 255u));
#endif
}

GW_INLINE uint32_t gw_sxtab16_odd(uint32_t acc, uint32_t v)
{
#if GW_HAS_DSP
    uint32_t r;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(acc), "r"(v));
    return r;
#else
    return gw_sxtab16(acc, v >> 8);
#endif
}

/* acc + both products of lanes. */
GW_INLINE int32_t gw_smlad(uint32_t a, uint32_t b, int32_t acc)
{
#if GW_HAS_DSP
    int32_t r;
    __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(acc));
    return r;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(gw_low_lane(a) * gw_low_lane(b)) + (uint32_t)(gw_high_lane(a) * gw_high_lane(b)));
#endif
}

/* acc + lane of a times lane of b: low low, low high, high low. */
GW_INLINE int32_t gw_smlabb(uint32_t a, uint32_t b, int32_t acc)
{
#if GW_HAS_DSP
    int32_t r;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(acc));
    return r;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(gw_low_lane(a) * gw_low_lane(b)));
#endif
}

GW_INLINE int32_t gw_smlabt(uint32_t a, uint32_t b, int32_t acc)
{
#if GW_HAS_DSP
    int32_t r;
    __asm__("smlabt %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(acc));
    return r;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(gw_low_lane(a) * gw_high_lane(b)));
#endif
}

GW_INLINE int32_t gw_smlatb(uint32_t a, uint32_t b, int32_t acc)
{
#if GW_HAS_DSP
    int32_t r;
    __asm__("smlatb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(acc));
    return r;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(gw_high_lane(a) * gw_low_lane(b)));
#endif
}

/* acc + (a * b >> 32). */
GW_INLINE int32_t gw_smmla(int32_t a, int32_t b, int32_t acc)
{
#if GW_HAS_DSP
    int32_t r;
    __asm__("smmla %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(acc));
    return r;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)((int64_t)a * b >> 32));
#endif
}

/* acc + (a * b >> 32, rounded half up). */
GW_INLINE int32_t gw_smmlar(int32_t a, int32_t b, int32_t acc)
{
#if GW_HAS_DSP
    int32_t r;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(acc));
    return r;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32));
#endif
}

/* Low lanes of a and b; high lanes of a and b. */
GW_INLINE uint32_t gw_low_lanes(uint32_t a, uint32_t b)
{
#if GW_HAS_DSP
    uint32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
    return r;
#else
    return (a & 0xFFFFu) | b << 16;
#endif
}

GW_INLINE uint32_t gw_high_lanes(uint32_t a, uint32_t b)
{
#if GW_HAS_DSP
    uint32_t r;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(b), "r"(a));
    return r;
#else
    return a >> 16 | (b & 0xFFFF0000u);
#endif
}

/* v >> shift as a signed byte, saturated; shift is a constant from 0 to 31. */
GW_INLINE int32_t gw_ssat8_asr(int32_t v, const int32_t shift)
{
#if GW_HAS_DSP && defined(__OPTIMIZE__)
    int32_t r;
    if (shift == 0)
        __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(v));
    else
        __asm__("ssat %0, #8, %1, asr %2" : "=r"(r) : "r"(v), "i"(shift));
    return r;
#else
    return gw_clamp(v >> shift, -128, 127);
#endif
}

/* A fourth rounding form, which stands for any of the three: for each channel the compiler finds an offset of the accumulator, which the
 * bias takes, a multiplier and an addend that give the same result for every accumulator that the weights allow, or does not use it. */
#define GW_HIGH 4
/* A fifth, the same as twice for right shifts of 1 to 22 and accumulators below 2^30. */
#define GW_DOUBLE 5

/* double: both of TFLite's roundings in one; addend is 2 * zero + 1 shifted left by shift - 1. The first rounding is SMMLAR's; half away
 * from zero takes 1 off negative accumulators. */
GW_INLINE int8_t gw_requant_double(int32_t acc, int32_t multiplier, int32_t addend, int32_t shift)
{
    return (int8_t)gw_ssat8_asr((gw_smmlar(acc * 2, multiplier, addend) + (acc >> 31)) >> shift, 0);
}

/* high: (acc >> pre) * multiplier, its upper word plus addend, shifted right by post; then the clamp. double: `addend` is the right shift.
 * Others: gw_requant, with the shift in the addend's place. */
GW_INLINE int8_t gw_requant_high(const int32_t form, int32_t acc, const int32_t pre, int32_t multiplier, int32_t addend, const int32_t post,
                                 const int32_t zero, const int32_t lo, const int32_t hi)
{
    int32_t v;
    if (form == GW_HIGH) {
        v = gw_ssat8_asr(gw_smmla(acc >> pre, multiplier, addend), post);
    } else if (form == GW_DOUBLE) {
        v = gw_requant_double(acc, multiplier, (int32_t)((uint32_t)(2 * zero + 1) << (addend - 1)), addend);
    } else {
        return gw_requant(form, acc, pre, multiplier, addend, zero, lo, hi);
    }
    if (lo > -128) v = gw_max(v, lo);
    if (hi < 127) v = gw_min(v, hi);
    return (int8_t)v;
}

/* --- Armv6-M: no product of 64 bits --------------------------------------------------------------------------------------------------
 * A sixth and a seventh form, each standing for any of the first three: for each channel the compiler finds a window of the accumulator and
 * a line through it that give the same results. */
#define GW_WINDOW 6
#define GW_BENT_WINDOW 7
/* Elements of a channel in the table of multipliers; n: how many channels' they are. */
#define GW_LINE(form, n) ((form) == GW_WINDOW ? 3 : (form) == GW_BENT_WINDOW ? 5 : (n) > 1)

/* window: `u`, the accumulator from the window's start, is held inside it (line[0]). Its product with the multiplier (line[1]) is taken in
 * two parts, the lower of `low` bits; the top byte of the sum with an addend (line[2]) is the result. Bent: less line[4] below line[3]. */
static inline int8_t gw_requant_window(const int32_t form, int32_t u, const int32_t *line, const int32_t low)
{
    const uint32_t m = (uint32_t)line[1];
    uint32_t v = (uint32_t)(u & ~(u >> 31)), sum = (uint32_t)line[2];
    if (form == GW_BENT_WINDOW && u < line[3]) sum -= (uint32_t)line[4];
    if (v > (uint32_t)line[0]) v = (uint32_t)line[0];
    sum += v * (m >> low);
    sum += (v * (m & ((1u << low) - 1u))) >> low;
    return (int8_t)(uint8_t)(sum >> 24);
}

/* A line from two words: the multiplier; above, the width without its width_shift lowest bits, below, how far the addend lies under
 * first + 1 result steps, without its addend_shift lowest bits. */
static inline void gw_unpack_line(const int32_t *packed, const int32_t width_shift, const int32_t addend_shift, const int32_t first,
                                  int32_t *line)
{
    const uint32_t below = (uint32_t)packed[1];
    line[0] = (int32_t)(below >> 16 << width_shift);
    line[1] = packed[0];
    line[2] = (int32_t)(((uint32_t)(first + 1) << 24) - ((below & 0xFFFFu) << addend_shift));
}

/* Two results of one channel at a time: of the accumulators *u0 and *u1, which become them (as bytes 0 to 255). */
GW_INLINE void gw_requant_windows(const int32_t form, int32_t *u0, int32_t *u1, const int32_t *line, const int32_t low)
{
#if defined(__GNUC__) && defined(__OPTIMIZE__) && defined(__ARM_ARCH_6M__)
    if (form == GW_WINDOW) { /* gcc finds no registers for it */
        int32_t a = *u0, b = *u1;
        uint32_t m = (uint32_t)line[1], upper, sum;
        const uint32_t width = (uint32_t)line[0], addend = (uint32_t)line[2];
        __asm__(
            ".syntax unified\n"
            "lsrs %[h], %[m], %[low]\n lsls %[m], %[m], %[rest]\n lsrs %[m], %[m], %[rest]\n"
            "cmp %[a], %[w]\n bls 1f\n asrs %[s], %[a], #31\n mov %[a], %[w]\n bics %[a], %[a], %[s]\n 1:\n"
            "movs %[s], %[h]\n muls %[s], %[a], %[s]\n muls %[a], %[m], %[a]\n lsrs %[a], %[a], %[low]\n adds %[a], %[a], %[s]\n"
            "add %[a], %[c]\n lsrs %[a], %[a], #24\n"
            "cmp %[b], %[w]\n bls 2f\n asrs %[s], %[b], #31\n mov %[b], %[w]\n bics %[b], %[b], %[s]\n 2:\n"
            "muls %[h], %[b], %[h]\n muls %[b], %[m], %[b]\n lsrs %[b], %[b], %[low]\n adds %[b], %[b], %[h]\n"
            "add %[b], %[c]\n lsrs %[b], %[b], #24\n"
            : [a] "+l"(a), [b] "+l"(b), [m] "+l"(m), [h] "=&l"(upper), [s] "=&l"(sum)
            : [w] "r"(width), [c] "r"(addend), [low] "i"(low), [rest] "i"(32 - low)
            : "cc");
        *u0 = a;
        *u1 = b;
        return;
    }
#endif
    *u0 = (uint8_t)gw_requant_window(form, *u0, line, low);
    *u1 = (uint8_t)gw_requant_window(form, *u1, line, low);
}

/* --- Cores with Helium (Armv8.1-M with MVE): 16 bytes in a vector ---------------------------------------------------------------------
 * Each step twice, as above. Vectors live inside one asm statement each, which saves the registers it uses: no compiler has to know their
 * types, none has to find registers, and gcc 12, which fails on some of the intrinsics, never sees one. Loops by DLSTP and LETP leave out
 * the lanes behind the last element. */
#if defined(__ARM_FEATURE_MVE) && (defined(__GNUC__) || defined(__clang__))
#define GW_HAS_MVE 1
#else
#define GW_HAS_MVE 0
#endif

/* n bytes, from s or all v. */
GW_INLINE void gw_copy_bytes(int8_t *d, const int8_t *s, int32_t n)
{
#if GW_HAS_MVE
    __asm__ volatile(
        "wlstp.8 lr, %[n], 2f\n\t"
        "1: vldrb.u8 q0, [%[s]], #16\n\tvstrb.8 q0, [%[d]], #16\n\tletp lr, 1b\n\t"
        "2:"
        : [d] "+r"(d), [s] "+r"(s)
        : [n] "r"(n)
        : "lr", "q0", "cc", "memory");
#else
    memcpy(d, s, (size_t)n);
#endif
}

GW_INLINE void gw_fill_bytes(int8_t *d, int32_t v, int32_t n)
{
#if GW_HAS_MVE
    __asm__ volatile(
        "vdup.8 q0, %[v]\n\twlstp.8 lr, %[n], 2f\n\t"
        "1: vstrb.8 q0, [%[d]], #16\n\tletp lr, 1b\n\t"
        "2:"
        : [d] "+r"(d)
        : [v] "r"(v), [n] "r"(n)
        : "lr", "q0", "cc", "memory");
#else
    memset(d, v & 255, (size_t)n);
#endif
}

/* Rescaling of four accumulators: any of the first three forms, each exactly, from four left shifts (negative: to the right), four
 * multipliers and four right shifts (0 or negative) at r10, which moves on. Narrow: the lower word of the product. Single: the upper word,
 * of an accumulator whose left shift saturates. Twice: the doubled upper word rounded half up, then a right shift that rounds half away
 * from zero: 1 less for negative values makes that of one that rounds half up. A: the accumulators, S and F are lost, Z: zero point. */
#define GW_LANES_NARROW(A, S, F) \
    "vshl.s32 " A "," A "," S "\n\tvldrw.u32 " S ",[r10],#16\n\tvmul.i32 " A "," A "," S "\n\tvldrw.u32 " S ",[r10],#16\n\t"
#define GW_LANES_SINGLE(A, S, F) \
    "vqshl.s32 " A "," A "," S "\n\tvldrw.u32 " S ",[r10],#16\n\tvmulh.s32 " A "," A "," S "\n\tvldrw.u32 " S ",[r10],#16\n\t"
#define GW_LANES_TWICE(A, S, F) \
    "vshl.s32 " A "," A "," S "\n\tvldrw.u32 " S ",[r10],#16\n\tvqrdmulh.s32 " A "," A "," S "\n\tvldrw.u32 " S \
    ",[r10],#16\n\t" \
    "vand " F "," A "," S "\n\tvshr.s32 " F "," F ",#31\n\tvqadd.s32 " A "," A "," F "\n\t"
#define GW_LANES(FORM, A, S, F, Z) \
    "vldrw.u32 " S ",[r10],#16\n\t" FORM(A, S, F) "vrshl.s32 " A "," A "," S "\n\tvqadd.s32 " A "," A "," Z "\n\t"

#if !GW_HAS_MVE
/* (v + 2^(-right - 1)) >> -right, as if in more than 32 bits. */
static inline int32_t gw_round_shift(int32_t v, int32_t right)
{
    return right == 0 ? v : (int32_t)(((int64_t)v + ((int64_t)1 << (-right - 1))) >> -right);
}

static inline int32_t gw_saturate_32(int64_t v) { return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v; }

/* One lane of the above, then the clamp. Lane i of a table's block: t[i] left shift, t[i + 4] multiplier, t[i + 8] right shift. */
static inline int8_t gw_requant_lane(int32_t form, int32_t acc, const int32_t *t, int32_t zero, int32_t lo, int32_t hi)
{
    const int32_t left = t[0], multiplier = t[4], right = t[8];
    int32_t v;
    if (form == GW_NARROW) {
        v = (int32_t)((uint32_t)(acc >> -left) * (uint32_t)multiplier);
    } else if (form == GW_SINGLE) {
        v = (int32_t)((int64_t)gw_saturate_32((int64_t)acc * ((int64_t)1 << left)) * multiplier >> 32);
    } else {
        v = (int32_t)(((int64_t)(int32_t)((uint32_t)acc << left) * multiplier + ((int64_t)1 << 30)) >> 31);
        if (v < 0 && right < 0) v = gw_saturate_32((int64_t)v - 1);
    }
    return (int8_t)gw_clamp(gw_saturate_32((int64_t)gw_round_shift(v, right) + zero), lo, hi);
}
#endif

/* y[i] = requant(bias[i] + sum of x[j] * w[i][j], j < k), i < 4 * blocks. t: for each four outputs four elements each of bias, left shift,
 * multiplier, right shift. pad: what k lacks to a multiple of 16. k and blocks at least 1. */
typedef struct {
    const int8_t *w;
    int8_t *y;
    const int8_t *x;
    int32_t k;
    const int32_t *t;
    int32_t blocks, pad, zero, lo, hi;
} gw_outputs;

#define GW_OUTPUTS(FORM) \
    __asm__ volatile("push {r1-r12}\n\tldm r0!, {r1, r7, r8, r9, r10, r12}\n\tldm r0, {r2, r3, r4, r5}\n\tpush {r2, r8}\n\t"         \
                     "vdup.32 q3, r3\n\tvdup.32 q4, r4\n\tvdup.32 q5, r5\n\t"                                                       \
                     "2: ldm r10!, {r0, r2, r4, r6}\n\tldr r8, [sp, #4]\n\tadd r3, r1, r9\n\tadd r5, r3, r9\n\tadd r11, r5, r9\n\t" \
                     "dlstp.8 lr, r9\n\t"                                                                                           \
                     "1: vldrb.u8 q0, [r8], #16\n\tvldrb.u8 q1, [r1], #16\n\tvmladava.s8 r0, q0, q1\n\t"                            \
                     "vldrb.u8 q2, [r3], #16\n\tvmladava.s8 r2, q0, q2\n\tvldrb.u8 q1, [r5], #16\n\tvmladava.s8 r4, q0, q1\n\t"     \
                     "vldrb.u8 q2, [r11], #16\n\tvmladava.s8 r6, q0, q2\n\tletp lr, 1b\n\t"                                         \
                     "vmov q0[2], q0[0], r0, r4\n\tvmov q0[3], q0[1], r2, r6\n\t" GW_LANES(                                         \
                         FORM, "q0", "q1", "q2", "q3") "vmax.s32 q0, q0, q4\n\tvmin.s32 q0, q0, q5\n\tvstrb.32 q0, [r7], #4\n\t"    \
                     "ldr r0, [sp]\n\tsub r1, r11, r0\n\tsubs r12, r12, #1\n\tbne 2b\n\t"                                           \
                     "add sp, sp, #8\n\tpop {r1-r12}"                                                                               \
                     : "+r"(p)                                                                                                      \
                     :                                                                                                              \
                     : "lr", "q0", "q1", "q2", "q3", "q4", "q5", "cc", "memory")

GW_INLINE void gw_blocks_of_outputs(const int32_t form, const gw_outputs *row)
{
#if GW_HAS_MVE
    register const gw_outputs *p __asm__("r0") = row;
    if (form == GW_NARROW)
        GW_OUTPUTS(GW_LANES_NARROW);
    else if (form == GW_SINGLE)
        GW_OUTPUTS(GW_LANES_SINGLE);
    else
        GW_OUTPUTS(GW_LANES_TWICE);
#else
    const int8_t *w = row->w;
    const int32_t *t = row->t;
    int32_t block, i, j;
    for (block = 0; block < row->blocks; ++block, t += 16) {
        int8_t four[4];
        for (i = 0; i < 4; ++i) {
            int32_t acc = t[i];
            for (j = 0; j < row->k; ++j) acc = (int32_t)((uint32_t)acc + (uint32_t)(row->x[j] * *w++));
            four[i] = gw_requant_lane(form, acc, t + 4 + i, row->zero, row->lo, row->hi);
        }
        memcpy(row->y + 4 * block, four, 4);
    }
#endif
}

/* All n outputs of one row of k inputs: y [n]; w [n][k] and t filled up to a multiple of four outputs. */
GW_INLINE void gw_row_of_outputs(const int32_t form, const int8_t *x, const int8_t *w, int32_t k, const int32_t *t, const int32_t zero,
                                 const int32_t lo, const int32_t hi, int32_t n, int8_t *y)
{
    gw_outputs row = {w, y, x, k, t, n / 4, -k & 15, zero, lo, hi};
    if (row.blocks > 0) gw_blocks_of_outputs(form, &row);
    if ((n & 3) != 0) {
        int8_t last[4];
        int32_t i;
        row.w = w + (n & ~3) * k;
        row.t = t + (n & ~3) * 4;
        row.y = last;
        row.blocks = 1;
        gw_blocks_of_outputs(form, &row);
        for (i = 0; i < (n & 3); ++i) y[(n & ~3) + i] = last[i];
    }
}

#endif /* GW_KERNEL_H */
