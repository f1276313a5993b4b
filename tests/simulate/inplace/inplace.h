/* SPDX-License-Identifier: 0BSD */
/* Input and output in the arena: running destroys the input. */
#ifndef INPLACE_H
#define INPLACE_H
#include <stdint.h>
int inplace_run(void* arena);
int8_t* inplace_input(void* arena);
const int8_t* inplace_output(const void* arena);
#endif
