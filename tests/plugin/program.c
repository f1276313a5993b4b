/* A small program of the kind the tool emits and a little beyond: integer and float loops, 64-bit arithmetic, divisions, a
 * switch, byte copies. What it costs is nobody's business; that the cost does not depend on how it is run is the test's. */
#include <stdint.h>

#define NOINLINE __attribute__((noinline))

static int8_t data[256], weights[256], out[64];
static float real[32];
volatile int32_t sink;
int32_t root(int32_t turns);

static NOINLINE int32_t dot(const int8_t* x, const int8_t* w, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) sum += x[i] * w[i];
    return sum;
}

static NOINLINE int8_t scale(int32_t sum, int32_t multiplier, int shift) {
    int64_t product = (int64_t)sum * multiplier + ((int64_t)1 << (shift - 1));
    int32_t value = (int32_t)(product >> shift);
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

NOINLINE void step_dot(void) {
    for (int32_t i = 0; i < 64; i++) out[i] = scale(dot(data + i, weights + i, 64), 1234567 + i, 20);
}

NOINLINE void step_switch(int32_t turns) {
    for (int32_t i = 0; i < 64; i++) {
        switch ((out[i] + turns) & 7) {
            case 0:
                out[i] = (int8_t)(out[i] / (turns + 3));
                break;
            case 1:
                out[i] = (int8_t)(out[i] * 3);
                break;
            case 2:
                out[i] = (int8_t)(out[i] > 5 ? data[i] : weights[i]);
                break;
            case 3:
                sink = out[i];
                break;
            case 4:
                out[i] ^= 0x55;
                break;
            case 5:
                out[i] = (int8_t)((uint32_t)out[i] % 7u);
                break;
            default:
                data[i] = out[i] < data[i] ? out[i] : data[i];
                break;
        }
    }
}

NOINLINE void step_float(void) {
    for (int32_t i = 0; i < 32; i++) {
        float x = (float)out[i] * 0.125f + real[i];
        real[i] = x > 1.0f ? 1.0f / x : x < 0.0f ? 0.0f : x * x;
    }
}

NOINLINE int32_t root(int32_t turns) {
    for (int32_t i = 0; i < turns; i++) {
        step_dot();
        step_switch(i);
        step_float();
    }
    return out[turns];
}

void test_main(void);
void test_main(void) {
    for (int32_t i = 0; i < 256; i++) {
        data[i] = (int8_t)(i * 7);
        weights[i] = (int8_t)(i * 13);
    }
    for (int32_t turns = 1; turns < 4; turns++) sink = root(turns);
}
