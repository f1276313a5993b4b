/* SPDX-License-Identifier: 0BSD */
#include "inplace.h"

#ifndef INPLACE_OUTPUT_OFFSET
#define INPLACE_OUTPUT_OFFSET 2
#endif

int8_t* inplace_input(void* arena) { return (int8_t*)arena + 4; }
const int8_t* inplace_output(const void* arena) { return (const int8_t*)arena + INPLACE_OUTPUT_OFFSET; }

int inplace_run(void* arena) {
    int8_t* a = (int8_t*)arena;
    int i;
    for (i = 0; i < 6; ++i) a[2 + i] = (int8_t)(a[4 + i] / 2 + i);
    return 0;
}
