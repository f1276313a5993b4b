/* SPDX-License-Identifier: 0BSD */
#include "twin.h"

#ifndef TWIN_HOOK
#define TWIN_HOOK(layer) ((void)0)
#endif

static __attribute__((noinline)) int twin_step_0(const twin_io* io, void* arena) {
    float* scaled = (float*)arena;
    int i;
    for (i = 0; i < 5; ++i) scaled[i] = io->mask[i] != 0 ? io->signal[i] * 1.7f + 0.3f : 0.0f;
    return 0;
}

static __attribute__((noinline)) int twin_step_1(const twin_io* io, const void* arena) {
    const float* scaled = (const float*)arena;
    int i;
    io->sum[0] = 0.0f;
    io->count[0] = 0;
    for (i = 0; i < 5; ++i) {
        io->sum[0] += scaled[i] / (float)(i + 3);
        io->count[0] = (int8_t)(io->count[0] + (io->mask[i] != 0));
    }
    return 0;
}

int twin_run(const twin_io* io, void* arena) {
    TWIN_HOOK(0);
    twin_step_0(io, arena);
    TWIN_HOOK(1);
    return twin_step_1(io, arena);
}
