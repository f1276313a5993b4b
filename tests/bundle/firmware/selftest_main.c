/* Calls a bundle's self-test; its result is the exit status. WEIGHTS: the caller passes them, with the byte CORRUPT changed. */
#include <stdint.h>
#include <string.h>

#include "net.h"

static uint64_t arena[NET_ARENA_BYTES / 8u + 2u];
#ifdef WEIGHTS
static uint64_t weights[NET_WEIGHTS_BYTES / 8u + 1u];
static const unsigned char stored[NET_WEIGHTS_BYTES] = {
#include "net.weights.txt"
};
#endif

#if NET_STATE_BYTES > 0
static uint64_t state[NET_STATE_BYTES / 8u + 1u];
#endif

#ifndef CORRUPT
#define CORRUPT (-1)
#endif

int main(void) {
#ifdef WEIGHTS
    memcpy(weights, stored, sizeof stored);
    if (CORRUPT >= 0) ((unsigned char*)weights)[CORRUPT >= 0 ? CORRUPT : 0] ^= 0x80u;
    if (net_check_weights(weights) != (CORRUPT >= 0 ? NET_ERR_WEIGHTS : NET_OK)) return 98;
    return net_selftest(weights, arena);
#else
#if NET_STATE_BYTES > 0
    return net_selftest(arena, state);
#else
    return net_selftest(arena);
#endif
#endif
}
