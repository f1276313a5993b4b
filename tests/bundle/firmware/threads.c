/* Two threads run one bundle at the same time, each with an arena of its own; ThreadSanitizer watches. SHARED gives both the same arena:
 * the race that must be seen, so that silence means something. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "net.h"

enum { ROUNDS = 200 };
static NET_INPUT_TYPE input[NET_INPUT_COUNT];
static uint64_t arenas[2][NET_ARENA_BYTES / 8u + 2u];
static NET_OUTPUT_TYPE outputs[2][NET_OUTPUT_COUNT];
static int statuses[2];

static void* work(void* number) {
    const int n = (int)(intptr_t)number;
    int round;
#ifdef SHARED
    void* arena = arenas[0];
#else
    void* arena = arenas[n];
#endif
    for (round = 0; round < ROUNDS; ++round)
        if (net_run(input, outputs[n], arena) != NET_OK) statuses[n] = 1;
    return NULL;
}

int main(void) {
    pthread_t threads[2];
    NET_OUTPUT_TYPE alone[NET_OUTPUT_COUNT];
    uint32_t i;
    for (i = 0; i < NET_INPUT_COUNT; ++i) input[i] = (NET_INPUT_TYPE)(i * 37u % 251u);
    if (net_run(input, alone, arenas[0]) != NET_OK) return 1;
    for (i = 0; i < 2; ++i)
        if (pthread_create(&threads[i], NULL, work, (void*)(intptr_t)i) != 0) return 2;
    for (i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
    for (i = 0; i < 2; ++i)
        if (statuses[i] != 0 || memcmp(outputs[i], alone, sizeof alone) != 0) return 3;
    return 0;
}
