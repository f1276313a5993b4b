/* SPDX-License-Identifier: 0BSD */
/* Custom operators: what a function that you supply for an operator of a model sees of its call. The same file in every bundle. */
#ifndef GLOWWORM_CUSTOM_H
#define GLOWWORM_CUSTOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Element types. */
enum {
    GLOWWORM_FLOAT32 = 1,
    GLOWWORM_INT8 = 2,
    GLOWWORM_UINT8 = 3,
    GLOWWORM_INT16 = 4,
    GLOWWORM_UINT16 = 5,
    GLOWWORM_INT32 = 6,
    GLOWWORM_UINT32 = 7,
    GLOWWORM_INT64 = 8,
    GLOWWORM_BOOL = 9 /* a byte, 0 or 1 */
};

/* Elements lie in row-major order, the last dimension together. A quantized element q stands for scale * (q - zero_point); a scale of 0
 * says that it stands for itself. */
typedef struct {
    int32_t type, rank;
    const int32_t *dims; /* rank of them */
    float scale;
    int32_t zero_point;
} glowworm_type;

/* One call. Operands are only read; results overlap neither each other nor operands; each is aligned to its elements. An operand that the
 * model leaves out is NULL, with the type 0. Nothing may be kept between calls: the compiler may leave out, repeat or reorder them. */
typedef struct {
    const void *const *inputs;
    void *const *outputs;
    const glowworm_type *input_types, *output_types;
    int32_t input_count, output_count;
    const uint8_t *options; /* as the model has them; NULL when there are none */
    uint32_t options_bytes;
} glowworm_call;

#ifdef __cplusplus
}
#endif

#endif /* GLOWWORM_CUSTOM_H */
