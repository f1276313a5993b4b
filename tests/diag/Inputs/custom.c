/* For tests/diag/custom.test: y = x * factor - w, factor the first byte of the options; z = the number of elements that are above 0. And an
 * int8 function that halves what its operand stands for. */
#include "glowworm_custom.h"

void glowworm_custom_scale_and_count(const glowworm_call *call)
{
    const float *x = (const float *)call->inputs[0], *w = (const float *)call->inputs[2];
    float *y = (float *)call->outputs[0];
    int32_t *z = (int32_t *)call->outputs[1];
    const int32_t n = call->input_types[0].dims[1];
    int32_t i;
    *z = call->inputs[1] == 0 && call->input_types[1].type == 0 && call->options_bytes == 2 ? 0 : -1000;
    for (i = 0; i < n; ++i) {
        *z += x[i] > 0.0f;
        y[i] = x[i] * (float)call->options[0] - w[i];
    }
}

void glowworm_custom_halve(const glowworm_call *call)
{
    const glowworm_type *from = call->input_types, *to = call->output_types;
    const int8_t *x = (const int8_t *)call->inputs[0];
    int8_t *y = (int8_t *)call->outputs[0];
    int32_t i, d, n = 1;
    for (d = 0; d < from->rank; ++d) n *= from->dims[d];
    for (i = 0; i < n; ++i) {
        const int32_t half = (x[i] - from->zero_point) / 2;
        y[i] = (int8_t)(from->type == GLOWWORM_INT8 && to->scale == from->scale ? half + to->zero_point : 99);
    }
}
