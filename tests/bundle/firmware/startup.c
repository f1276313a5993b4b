/* The least a Cortex-M needs to run a firmware of the tests in QEMU: vectors, the FPU where there is one, main, and text and the end of the
 * run by semihosting. The emulator's loader fills .data and clears .bss. */
#include <stddef.h>
#include <stdint.h>

int main(void);
void say(const char* text);
extern uint32_t stack_top[];

static uint32_t semihost(uint32_t operation, const void* argument) {
    register uint32_t r0 __asm("r0") = operation;
    register const void* r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void say(const char* text) { semihost(0x04, text); } /* SYS_WRITE0 */

static void leave(uint32_t status) {
    uint32_t block[2];
    block[0] = 0x20026u, block[1] = status; /* ADP_Stopped_ApplicationExit */
    for (;;) semihost(0x20, block);
}

static void fault(void) { leave(99); }

static void reset(void) {
#ifdef __ARM_FP
    *(volatile uint32_t*)0xE000ED88 |= 0xFu << 20;
    __asm volatile("dsb\nisb" ::: "memory");
#endif
    leave((uint32_t)main());
}

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) const handler vectors[16] = {
    (handler)(uintptr_t)stack_top, reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault};
