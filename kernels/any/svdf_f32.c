/* SPDX-License-Identifier: 0BSD */
/* SVDF, float: each filter's memory moves up by one and takes a product of the features as its last; a unit is the weighted sum of the
 * memories of its RANK filters.
 *
 * x        [N][I]
 * old, memory  [N][F][M]: the memory before and after
 * y        [N][F / RANK]
 * feature  [F][I]
 * time     [F][M]
 * bias     [F / RANK]
 *
 * Order: filter after filter, the old memory is read upward, each number before the one below it is written; then the unit is written. */
#include "gw_kernel.h"

static inline float svdf_f32_act(float v) { return v < 0.0f ? 0.0f : v; }  // @scalar

void svdf_f32(const gw_f32 *x, const gw_f32 *old, gw_f32 *y, gw_f32 *memory, const gw_f32 *feature, const gw_f32 *time, const gw_f32 *bias)
{
    enum { N = 1, I = 8, F = 4, M = 3, RANK = 2 };  // @constants
    int32_t n, u, f, i, m;
    for (n = 0; n < N; ++n) {
        const gw_f32 *wf = feature, *wt = time;
        for (u = 0; u < F / RANK; ++u) {
            float sum = bias[u];
            for (f = 0; f < RANK; ++f) {
                float dot = 0.0f;
                for (i = 0; i < I; ++i) dot += x[i] * *wf++;
                for (m = 0; m < M - 1; ++m) {
                    memory[m] = old[m + 1];
                    sum += memory[m] * *wt++;
                }
                memory[M - 1] = dot;
                sum += dot * *wt++;
                old += M;
                memory += M;
            }
            *y++ = svdf_f32_act(sum);
        }
        x += I;
    }
}
