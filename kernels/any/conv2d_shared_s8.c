/* SPDX-License-Identifier: 0BSD */
/* 2-D convolution, int8, in any number of groups: y = requant(bias + sum of (x - X_ZERO) * w over the taps that lie inside x). Small: what
 * tells layers apart is in tables, so that all of a network share the code.
 *
 * x      [IH][IW][G * IC], IC input channels a group
 * y      [OH][OW][G * OC], OC output channels a group
 * w      channels in fours, [KH][KW][IC][4] (of a group, or with OC 1 of all groups), then what is left of them, each [KH][KW][IC]
 * bias   [G * OC]
 * mult, shift  one a channel, or one element for all; FORM and PRE say how (gw_rescale)
 * shape  IH IW IC OH OW OC G KH KW SH SW DH DW PT PL X_ZERO PRE MS SS Y_ZERO LO HI: kernel, stride, dilation, padding above and left; MS,
 *        SS 1 where mult, shift have an element a channel, else 0; zero point and clamp of y
 *
 * Order: output pixels row by row, left to right. For each channel of a pixel, or four at a time, all taps are read, then the results are
 * written. */
#include "gw_kernel.h"

typedef int16_t conv2d_shared_s8_mult;  // @type

enum {
    conv2d_shared_s8_IH,
    conv2d_shared_s8_IW,
    conv2d_shared_s8_IC,
    conv2d_shared_s8_OH,
    conv2d_shared_s8_OW,
    conv2d_shared_s8_OC,
    conv2d_shared_s8_G,
    conv2d_shared_s8_KH,
    conv2d_shared_s8_KW,
    conv2d_shared_s8_SH,
    conv2d_shared_s8_SW,
    conv2d_shared_s8_DH,
    conv2d_shared_s8_DW,
    conv2d_shared_s8_PT,
    conv2d_shared_s8_PL,
    conv2d_shared_s8_X_ZERO,
    conv2d_shared_s8_PRE,
    conv2d_shared_s8_MS,
    conv2d_shared_s8_SS,
    conv2d_shared_s8_Y_ZERO,
    conv2d_shared_s8_LO,
    conv2d_shared_s8_HI
};

/* What the channels of a pixel have in common. */
typedef struct {
    int32_t apart;         /* from the activation of a channel to that of the next */
    int32_t runs, n, step; /* a row's taps: runs of n, activations from one tap of a run to the next */
    int32_t x_run, x_row;  /* from a run to the next, from a row to the next */
    int32_t w_run, w_row;  /* the same of one channel's weights */
    int32_t rows, zero;
} conv2d_shared_s8_place;

/* Adds a run of four channels. */
static GW_NOINLINE void conv2d_shared_s8_four(int32_t *acc, const int8_t *x, const int8_t *w, const conv2d_shared_s8_place *p)
{
    const int32_t apart = p->apart, step = p->step - 3 * apart, zero = p->zero;
    const int8_t *const end = w + 4 * p->n;
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    for (; w != end; w += 4, x += step) {
        a0 += (*x - zero) * w[0];
        x += apart;
        a1 += (*x - zero) * w[1];
        x += apart;
        a2 += (*x - zero) * w[2];
        x += apart;
        a3 += (*x - zero) * w[3];
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

/* Adds a run of one channel. */
static GW_NOINLINE void conv2d_shared_s8_one(int32_t *acc, const int8_t *x, const int8_t *w, const conv2d_shared_s8_place *p)
{
    const int32_t step = p->step, zero = p->zero;
    const int8_t *const end = w + p->n;
    int32_t a = *acc;
    for (; w != end; x += step) a += (*x - zero) * *w++;
    *acc = a;
}

/* The taps of one axis that lie inside: from *first on, *n of them; returns where the first one lies. at: where the window begins. */
static GW_NOINLINE int32_t conv2d_shared_s8_inside(int32_t at, int32_t end, int32_t dilation, int32_t *first, int32_t *n)
{
    for (*first = 0; at < 0 && *n > 0; at += dilation, --*n) ++*first;
    while (*n > 0 && at + (*n - 1) * dilation >= end) --*n;
    return at;
}

void conv2d_shared_s8(const int8_t *x, int8_t *y, const int8_t *w, const int32_t *bias, const conv2d_shared_s8_mult *mult,
                      const int8_t *shift, const int32_t *shape)
{
    enum { FORM = 1 };  // @constants
    const int32_t oh = shape[conv2d_shared_s8_OH], ow = shape[conv2d_shared_s8_OW], oc = shape[conv2d_shared_s8_OC];
    const int32_t ic = shape[conv2d_shared_s8_IC], groups = shape[conv2d_shared_s8_G], kw = shape[conv2d_shared_s8_KW];
    const int32_t dw = shape[conv2d_shared_s8_DW], iw = shape[conv2d_shared_s8_IW], channels = groups * oc, pixel = groups * ic;
    const int32_t one_run = (groups == 1 && dw == 1) || ic == 1; /* a row's taps are one run */
    const int32_t together = oc == 1 ? channels : oc;            /* channels that come in fours */
    conv2d_shared_s8_place p;
    int32_t oy, ox;
    p.apart = oc == 1 ? ic : 0;
    p.step = ic == 1 ? dw * groups : 1;
    p.x_run = dw * pixel;
    p.x_row = shape[conv2d_shared_s8_DH] * iw * pixel;
    p.w_run = ic;
    p.w_row = kw * ic;
    p.zero = shape[conv2d_shared_s8_X_ZERO];
    for (oy = 0; oy < oh; ++oy) {
        int32_t ky, iy;
        p.rows = shape[conv2d_shared_s8_KH];
        iy = conv2d_shared_s8_inside(oy * shape[conv2d_shared_s8_SH] - shape[conv2d_shared_s8_PT], shape[conv2d_shared_s8_IH],
                                     shape[conv2d_shared_s8_DH], &ky, &p.rows);
        for (ox = 0; ox < ow; ++ox) {
            int32_t kx, columns = kw, c = 0, done = 0; /* done: of the channels that come in fours */
            const int32_t ix = conv2d_shared_s8_inside(ox * shape[conv2d_shared_s8_SW] - shape[conv2d_shared_s8_PL], iw, dw, &kx, &columns);
            const int8_t *xc = x + (iy * iw + ix) * pixel, *wc = w;
            p.runs = one_run ? columns > 0 : columns;
            p.n = one_run ? columns * ic : ic;
            while (c < channels) {
                const int32_t width = together - done >= 4 ? 4 : 1;
                const int8_t *xr = xc, *wr = wc + (ky * kw + kx) * ic * width;
                int32_t acc[4], row, run, i;
                for (i = 0; i < width; ++i) acc[i] = bias[c + i];
                for (row = p.rows; row > 0; --row, xr += p.x_row, wr += p.w_row * width) {
                    const int8_t *xp = xr, *wp = wr;
                    for (run = p.runs; run > 0; --run, xp += p.x_run, wp += p.w_run * width) {
                        if (width == 4)
                            conv2d_shared_s8_four(acc, xp, wp, &p);
                        else
                            conv2d_shared_s8_one(acc, xp, wp, &p);
                    }
                }
                for (i = 0; i < width; ++i, ++c) {
                    *y++ = gw_requant(FORM, acc[i], shape[conv2d_shared_s8_PRE], mult[c * shape[conv2d_shared_s8_MS]],
                                      shift[c * shape[conv2d_shared_s8_SS]], shape[conv2d_shared_s8_Y_ZERO], shape[conv2d_shared_s8_LO],
                                      shape[conv2d_shared_s8_HI]);
                    xc += p.apart;
                }
                wc += shape[conv2d_shared_s8_KH] * kw * ic * width;
                done += width;
                if (done == together) {
                    done = 0;
                    if (oc > 1) xc += ic;
                }
            }
        }
    }
}
