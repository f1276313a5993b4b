/* SPDX-License-Identifier: 0BSD */
#include "tiny_private.h"

#define ROW(a) a, -a, a + 3, 7 - a, 2 * a, 5 - 2 * a, a - 9, 1, -3 * a, 11 - a, 4, a, 6 + a, -8, a - 1, 2 - a
const int8_t tiny_w_dense[128] = {ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8)};
const int32_t tiny_t_multiplier[8] = {1073741824, 1195000000, 1300000007, 1400000000, 1500000001, 1600000000, 1700000003, 2147483647};
#define C4(a) (int8_t)((a) * (a) / 200 - 100), (int8_t)((a) / 3 - 40), (int8_t)(60 - (a) / 2), (int8_t)((a) % 17)
#define C16(a) C4(a), C4((a) + 4), C4((a) + 8), C4((a) + 12)
#define C64(a) C16(a), C16((a) + 16), C16((a) + 32), C16((a) + 48)
const int8_t tiny_t_curve[256] = {C64(0), C64(64), C64(128), C64(192)};
