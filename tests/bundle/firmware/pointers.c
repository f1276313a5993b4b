/* Wrong pointers: each is refused with its own error, before a byte of output or arena was written. Made for --weights pointer
 * --io-align 8. */
#include <stdint.h>
#include <string.h>

#include "net.h"

static uint64_t arena[NET_ARENA_BYTES / 8u + 2u], before[NET_ARENA_BYTES / 8u + 2u];
static uint64_t input[NET_INPUT_BYTES / 8u + 2u], output[NET_OUTPUT_BYTES / 8u + 2u];
static uint64_t weights[NET_WEIGHTS_BYTES / 8u + 2u];
static const unsigned char stored[NET_WEIGHTS_BYTES] = {
#include "net.weights.txt"
};

static int failures;

static void expect(int status, const void* w, const void* in, void* out, void* scratch) {
    size_t i;
    if (net_run(w, (const NET_INPUT_TYPE*)in, (NET_OUTPUT_TYPE*)out, scratch) != status) ++failures;
    for (i = 0; i < sizeof output / sizeof output[0]; ++i)
        if (output[i] != 0x5555555555555555u) ++failures;
    if (memcmp(arena, before, sizeof arena) != 0) ++failures;
}

int main(void) {
    memcpy(weights, stored, sizeof stored);
    memset(arena, 0x55, sizeof arena);
    memset(before, 0x55, sizeof before);
    memset(output, 0x55, sizeof output);
    expect(NET_ERR_NULL, NULL, input, output, arena);
    expect(NET_ERR_NULL, weights, NULL, output, arena);
    expect(NET_ERR_NULL, weights, input, NULL, arena);
    expect(NET_ERR_NULL, weights, input, output, NULL);
    expect(NET_ERR_ALIGN, (unsigned char*)weights + 1, input, output, arena);
    expect(NET_ERR_ALIGN, weights, (unsigned char*)input + 4, output, arena);
    expect(NET_ERR_ALIGN, weights, input, (unsigned char*)output + 4, arena);
    ((unsigned char*)weights)[NET_WEIGHTS_BYTES - 1u] ^= 1u;
    expect(NET_ERR_WEIGHTS, weights, input, output, arena);
    ((unsigned char*)weights)[NET_WEIGHTS_BYTES - 1u] ^= 1u;
    if (net_run(weights, (const NET_INPUT_TYPE*)(const void*)input, (NET_OUTPUT_TYPE*)(void*)output, arena) != NET_OK) ++failures;
    return failures;
}
