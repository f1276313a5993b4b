/* SPDX-License-Identifier: 0BSD */
/* Another scale or a clamp, int8 or int16 to either: y = requant(x - X_ZERO), with BELOW another one for what is less than X_ZERO.
 *
 * x, y [N]. MAGNITUDE: of |x - X_ZERO|. FORM, PRE, MULT, SHIFT, Y_ZERO, LO, HI: the requantization (gw_requant_int), the same with B_ in
 * front: of what is below.
 *
 * Order: element by element, each read before it is written. */
#include "gw_kernel.h"

typedef gw_i16 rescale_in;   // @type
typedef gw_i16 rescale_out;  // @type

void rescale(const rescale_in *x, rescale_out *y)
{
    enum { N = 64, X_ZERO = 0, MAGNITUDE = 0, BELOW = 1 };                                                        // @constants
    enum { FORM = 3, PRE = 0, MULT = 1073741824, SHIFT = 1, Y_ZERO = 0, LO = -32768, HI = 32767 };                // @constants
    enum { B_FORM = 3, B_PRE = 0, B_MULT = 1073741824, B_SHIFT = 0, B_Y_ZERO = 0, B_LO = -32768, B_HI = 32767 };  // @constants
    int32_t i;
    for (i = 0; i < N; ++i) {
        int32_t v = x[i] - X_ZERO;
        if (MAGNITUDE && v < 0) v = -v;
        if (BELOW && v < 0)
            y[i] = (rescale_out)gw_requant_int(B_FORM, v, B_PRE, B_MULT, B_SHIFT, B_Y_ZERO, B_LO, B_HI);
        else
            y[i] = (rescale_out)gw_requant_int(FORM, v, PRE, MULT, SHIFT, Y_ZERO, LO, HI);
    }
}
