/* SPDX-License-Identifier: 0BSD */
/* A bundle as the emitter writes them, by hand: 16 int8 in, 8 int8 out, three steps. */
#ifndef TINY_H
#define TINY_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define TINY_ARENA_BYTES 49u
#define TINY_ARENA_ALIGN 4u
#define TINY_INPUT_BYTES 16u
#define TINY_OUTPUT_BYTES 8u
#define TINY_OK 0
#define TINY_ERR_NULL (-1)
#define TINY_ERR_ALIGN (-2)
int tiny_run(const int8_t* input, int8_t* output, void* arena);
#ifdef __cplusplus
}
#endif
#endif
