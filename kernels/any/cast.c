/* SPDX-License-Identifier: 0BSD */
/* Numbers as another element type.
 *
 * x, y [N]. Order: upward; each element is read, then written. */
#include "gw_kernel.h"

typedef gw_f32 cast_in;   // @type
typedef gw_i32 cast_out;  // @type

static inline cast_out cast_scalar(cast_in x) { return (gw_i32)x; }  // @scalar

void cast(const cast_in *x, cast_out *y)
{
    enum { N = 16 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) y[i] = cast_scalar(x[i]);
}
