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
#define GW_INLINE static inline __attribute__((always_inline)) /* for helpers whose arguments are constants: they must vanish */
#else
#define GW_MAY_ALIAS
#define GW_NOINLINE
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

/* Rescaling, zero point and clamp: a whole requantization. */
static inline int8_t gw_requant(int32_t form, int32_t acc, int32_t pre_shift, int32_t multiplier, int32_t shift, int32_t zero, int32_t lo,
                                int32_t hi)
{
    int32_t v;
    if (form == GW_NARROW) { /* zero point and rounding in one addition */
        v = ((((acc >> pre_shift) * multiplier) >> (shift - 1)) + (2 * zero + 1)) >> 1;
    } else {
        v = gw_rescale(form, acc, pre_shift, multiplier, shift) + zero;
    }
    return (int8_t)gw_clamp(v, lo, hi);
}

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

/* a * b >> 32, rounded half up. */
GW_INLINE int32_t gw_smmulr(int32_t a, int32_t b)
{
#if GW_HAS_DSP
    int32_t r;
    __asm__("smmulr %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
#else
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
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

/* A fourth rounding form, which stands for any of the three: for each channel the compiler finds a multiplier and an addend that give the
 * same result for every accumulator that the weights allow, or does not use it. */
#define GW_HIGH 4
/* A fifth, the same as twice for right shifts of 1 to 22 and accumulators below 2^30. */
#define GW_DOUBLE 5

/* high: ((acc >> pre) << left) * multiplier, its upper word plus addend, shifted right by post; then the clamp. double: `addend` is the
 * right shift. Others: gw_requant, with the shift in the addend's place. */
GW_INLINE int8_t gw_requant_high(const int32_t form, int32_t acc, const int32_t pre, const int32_t left, int32_t multiplier, int32_t addend,
                                 const int32_t post, const int32_t zero, const int32_t lo, const int32_t hi)
{
    int32_t v;
    if (form == GW_HIGH) {
        v = gw_ssat8_asr(gw_smmla((int32_t)((uint32_t)(acc >> pre) << left), multiplier, addend), post);
    } else if (form == GW_DOUBLE) {
        v = gw_smmulr(acc * 2, multiplier);
        v = v + (v >> 31) + (int32_t)((uint32_t)(2 * zero + 1) << (addend - 1)); /* half away from zero, and the zero point */
        v = gw_ssat8_asr(v >> addend, 0);
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

#endif /* GW_KERNEL_H */
