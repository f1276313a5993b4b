/* SPDX-License-Identifier: 0BSD */
/* A bundle with two inputs of different types and two outputs, so the call goes through a struct. */
#ifndef TWIN_H
#define TWIN_H
#include <stdint.h>
typedef struct {
    const float* signal;
    const int8_t* mask;
    float* sum;
    int8_t* count;
} twin_io;
int twin_run(const twin_io* io, void* arena);
#endif
