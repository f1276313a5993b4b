/* SPDX-License-Identifier: 0BSD */
/* Steps: a 64-bit scaled copy into the arena, a dense layer to int32 in the arena, requantization and a lookup table into the output.
 * TINY_BREAK_… are the faults that the tests switch on, one at a time. */
#include "tiny.h"

#include <string.h>

#include "tiny_private.h"

typedef struct {
    const int8_t* input;
    int8_t* output;
    unsigned char* arena;
} tiny_ctx;

#if defined(__GNUC__)
#define TINY_NOINLINE __attribute__((noinline))
#else
#define TINY_NOINLINE
#endif

static TINY_NOINLINE int tiny_step_0(const tiny_ctx* c) {
    int i;
    for (i = 0; i < 16; ++i) {
        const int64_t product = (int64_t)c->input[i] * 1518500250;
        c->arena[i] = (unsigned char)(int8_t)((product + (1 << 30)) >> 31);
    }
#ifdef TINY_BREAK_GUARD
    *(volatile unsigned char*)(c->arena + TINY_ARENA_BYTES) = 0;
#endif
#ifdef TINY_BREAK_OUTPUT
    *(volatile int8_t*)(c->output - 1) = 0;
#endif
#ifdef TINY_BREAK_INPUT
    *(volatile int8_t*)(uintptr_t)(c->input + 3) = (int8_t)(c->input[3] + 1);
#endif
#ifdef TINY_BREAK_HANG
    while (*(volatile const int8_t*)c->input == c->input[0]) continue;
#endif
#ifdef TINY_BREAK_CRASH
    *(volatile int*)(uintptr_t)0xF0000000u = 1;
#endif
#ifdef TINY_BREAK_STACK
    {
        volatile char deep[100000];
        int k;
        for (k = 99999; k >= 0; --k) deep[k] = c->input[0];
        c->arena[48] = (unsigned char)deep[0];
    }
#endif
#ifdef TINY_BREAK_UNALIGNED
    c->arena[48] = (unsigned char)*(volatile int32_t*)(void*)(c->arena + 1);
#endif
#ifdef TINY_BREAK_OPCODE
    __asm volatile(".short 0xfbb0, 0xf0f1" ::: "r0"); /* udiv r0, r0, r1 */
#endif
    return TINY_OK;
}

static TINY_NOINLINE int tiny_step_1(const tiny_ctx* c) {
    int o, i;
    for (o = 0; o < 8; ++o) {
        int32_t sum = 100 * o;
        for (i = 0; i < 16; ++i) sum += (int8_t)c->arena[i] * tiny_w_dense[16 * o + i];
        memcpy(c->arena + 16 + 4 * o, &sum, sizeof sum);
    }
    return TINY_OK;
}

static TINY_NOINLINE int tiny_step_2(const tiny_ctx* c) {
    volatile int32_t scratch[16]; /* 64 bytes of stack, so that its depth has a lower bound */
    int o;
    for (o = 0; o < 8; ++o) {
        int32_t sum;
        memcpy(&sum, c->arena + 16 + 4 * o, sizeof sum);
        scratch[2 * o] = (int32_t)(((int64_t)sum * tiny_t_multiplier[o]) >> 36);
        scratch[2 * o + 1] = sum / (o + 3);
    }
    for (o = 0; o < 8; ++o) c->output[o] = tiny_t_curve[(uint8_t)(scratch[2 * o] + scratch[2 * o + 1])];
    return TINY_OK;
}

int tiny_run(const int8_t* input, int8_t* output, void* arena) {
    tiny_ctx c;
    if (input == 0 || output == 0 || arena == 0) return TINY_ERR_NULL;
    if (((uintptr_t)arena & (TINY_ARENA_ALIGN - 1u)) != 0) return TINY_ERR_ALIGN;
#ifdef TINY_BREAK_STATUS
    if (input[0] == 7) return -3;
#endif
    c.input = input, c.output = output, c.arena = (unsigned char*)arena;
    TINY_HOOK(0);
    if (tiny_step_0(&c) != TINY_OK) return 1;
    TINY_HOOK(1);
    if (tiny_step_1(&c) != TINY_OK) return 1;
    TINY_HOOK(2);
    return tiny_step_2(&c);
}
