/* Firmware as it is written for a Glow bundle named mnist_nxp with the input max_pooling_1_input and the output dense_2 (NXP AN13438's
 * model): from what the header's macros are documented to mean, and from nothing else. WEIGHTS_IN_RAM makes the other of that note's
 * variants. */
#include <stdint.h>
#include <string.h>

#include "mnist_nxp.h"

void say(const char* text);

#ifdef WEIGHTS_IN_RAM
#define WEIGHTS_MEMORY
#else
#define WEIGHTS_MEMORY const
#endif

GLOW_MEM_ALIGN(MNIST_NXP_MEM_ALIGN)
WEIGHTS_MEMORY uint8_t constantWeight[MNIST_NXP_CONSTANT_MEM_SIZE] = {
#include "mnist_nxp.weights.txt"
};

GLOW_MEM_ALIGN(MNIST_NXP_MEM_ALIGN)
uint8_t mutableWeight[MNIST_NXP_MUTABLE_MEM_SIZE];

GLOW_MEM_ALIGN(MNIST_NXP_MEM_ALIGN)
uint8_t activations[MNIST_NXP_ACTIVATIONS_MEM_SIZE];

static const int8_t imageData[] = {
#include "image.inc"
};

static uint8_t weightsBefore[MNIST_NXP_CONSTANT_MEM_SIZE];

static void sayNumber(int value) {
    char text[12], *p = text + sizeof text - 1;
    unsigned u = value < 0 ? 0u - (unsigned)value : (unsigned)value;
    *p = 0;
    do *--p = (char)('0' + u % 10u);
    while ((u /= 10u) != 0);
    if (value < 0) *--p = '-';
    say(p);
    say(" ");
}

int main(void) {
    uint8_t* inputAddr = GLOW_GET_ADDR(mutableWeight, MNIST_NXP_max_pooling_1_input);
    uint8_t* outputAddr = GLOW_GET_ADDR(mutableWeight, MNIST_NXP_dense_2__1);
    const int8_t* out = (const int8_t*)outputAddr;
    int i, best = 0, run, status;
    memcpy(weightsBefore, constantWeight, sizeof weightsBefore);
    memcpy(inputAddr, imageData, sizeof imageData);
    for (run = 0; run < 2; ++run) {
        /* Twice: the input is kept, and nothing else is asked of the caller between two calls. */
        status = mnist_nxp((uint8_t*)(uintptr_t)constantWeight, mutableWeight, activations);
        if (status != GLOW_SUCCESS) return 2;
        if (memcmp(inputAddr, imageData, sizeof imageData) != 0) return 3;
        if (memcmp(weightsBefore, constantWeight, sizeof weightsBefore) != 0) return 4;
    }
    for (i = 0; i < 10; ++i) {
        sayNumber(out[i]);
        if (out[i] > out[best]) best = i;
    }
    say("best ");
    sayNumber(best);
    return 0;
}
