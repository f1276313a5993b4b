/* SPDX-License-Identifier: 0BSD */
#ifndef TINY_PRIVATE_H
#define TINY_PRIVATE_H
#include <stdint.h>
#ifndef TINY_HOOK
#define TINY_HOOK(layer) ((void)0)
#endif
extern const int8_t tiny_w_dense[128];
extern const int32_t tiny_t_multiplier[8];
extern const int8_t tiny_t_curve[256];
#endif
