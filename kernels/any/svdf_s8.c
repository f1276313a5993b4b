/* SPDX-License-Identifier: 0BSD */
/* SVDF, int8: each filter's memory moves up by one and takes a product of the features as its last; a unit is the weighted sum of the
 * memories of its RANK filters.
 *
 * x        [N][I]
 * old, memory  [N][F][M]: the memory before and after
 * y        [N][F / RANK]
 * feature  [F][I]
 * time     [F][M]
 * bias     [F / RANK]
 * X_ZERO, M_ZERO  zero points of x and of the memory
 * MEM_*    from products of features to the memory (gw_rescale), clamped to its type
 * FORM, MULT, SHIFT, Y_ZERO, LO, HI  from sums to y
 *
 * Order: filter after filter, the old memory is read upward, each number before the one below it is written; then the unit is written. */
#include "gw_kernel.h"

typedef gw_i16 svdf_s8_memory;   // @type
typedef int16_t svdf_s8_weight;  // @type

void svdf_s8(const int8_t *x, const svdf_s8_memory *old, int8_t *y, svdf_s8_memory *memory, const int8_t *feature,
             const svdf_s8_weight *time, const int32_t *bias)
{
    enum { N = 1, I = 8, F = 4, M = 3, RANK = 2, X_ZERO = 0, M_ZERO = 0 };                          // @constants
    enum { MEM_FORM = 3, MEM_MULT = 1073741824, MEM_SHIFT = -6, MEM_LO = -32768, MEM_HI = 32767 };  // @constants
    enum { FORM = 3, PRE = 0, MULT = 1073741824, SHIFT = -12, Y_ZERO = 0, LO = -128, HI = 127 };    // @constants
    int32_t n, u, f, i, m;
    for (n = 0; n < N; ++n) {
        const int8_t *wf = feature;
        const svdf_s8_weight *wt = time;
        for (u = 0; u < F / RANK; ++u) {
            int32_t sum = bias[u];
            for (f = 0; f < RANK; ++f) {
                int32_t dot = 0, last;
                for (i = 0; i < I; ++i) dot += (x[i] - X_ZERO) * *wf++;
                for (m = 0; m < M - 1; ++m) {
                    const int32_t v = old[m + 1];
                    memory[m] = (svdf_s8_memory)v;
                    sum += (v - M_ZERO) * *wt++;
                }
                last = gw_clamp(gw_rescale(MEM_FORM, dot, 0, MEM_MULT, MEM_SHIFT) + M_ZERO, MEM_LO, MEM_HI);
                memory[M - 1] = (svdf_s8_memory)last;
                sum += (last - M_ZERO) * *wt++;
                old += M;
                memory += M;
            }
            *y++ = gw_requant(FORM, sum, PRE, MULT, SHIFT, Y_ZERO, LO, HI);
        }
        x += I;
    }
}
