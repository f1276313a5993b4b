/* A Cortex-M without an operating system: vector table, start-up, and files by Arm semihosting (Arm's "Semihosting for AArch32 and
 * AArch64"), all of it in C with a few lines of assembly. The emulator's ELF loader places .data and clears .bss, so nothing is copied
 * here.
 *
 * A fault is reported through the failure file with the address where it happened. The stack lies at the bottom of RAM, so that one which
 * overflows eats no data: there is unmapped memory below, which faults, or, on the older boards, memory that reads as zero, where the first
 * return ends at address zero. Either way the lowest word of the stack has lost its paint. */
#include "gw_runtime.h"

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { OPEN_RB = 1, OPEN_WB = 5 };

extern uint32_t gw_stack_top[];
uint32_t* gw_stack_pointer;

/* The paint is there while the first samples run; a stack that is deep enough for those is so for all. */
int gw_stack_overflowed(void) { return gw_stack_pointer != 0 && gw_sample < GW_STACK_SAMPLES && gw_stack_bottom[0] != GW_PAINT; }

static uint32_t semihost(uint32_t operation, const void* arguments) {
    register uint32_t r0 __asm("r0") = operation;
    register const void* r1 __asm("r1") = arguments;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static size_t length(const char* text) {
    size_t n = 0;
    while (text[n] != 0) ++n;
    return n;
}

int gw_open(const char* path, int write) {
    uint32_t arguments[3];
    arguments[0] = (uint32_t)path, arguments[1] = write ? OPEN_WB : OPEN_RB, arguments[2] = (uint32_t)length(path);
    return (int)semihost(SYS_OPEN, arguments);
}

/* Both calls return the number of bytes NOT transferred. */
static int transfer(uint32_t operation, int file, const void* bytes, size_t count) {
    uint32_t arguments[3];
    if (count == 0) return 0;
    arguments[0] = (uint32_t)file, arguments[1] = (uint32_t)bytes, arguments[2] = (uint32_t)count;
    return semihost(operation, arguments) == 0 ? 0 : -1;
}

int gw_read(int file, void* bytes, size_t count) { return transfer(SYS_READ, file, bytes, count); }
int gw_write(int file, const void* bytes, size_t count) { return transfer(SYS_WRITE, file, bytes, count); }

int gw_close(int file) {
    uint32_t argument = (uint32_t)file;
    return (int)semihost(SYS_CLOSE, &argument);
}

static void __attribute__((noreturn)) leave(int code) {
    uint32_t arguments[2];
    arguments[0] = 0x20026u, arguments[1] = (uint32_t)code; /* ADP_Stopped_ApplicationExit */
    for (;;) semihost(SYS_EXIT_EXTENDED, arguments);
}

/* `frame`: what the core stacked: r0-r3, r12, lr, pc, psr. It is only looked at when it lies in the stack. */
void __attribute__((noreturn, used)) gw_fault(const uint32_t* frame) {
    gw_failure f;
    int file;
    f.kind = GW_FAIL_FAULT, f.sample = gw_sample, f.index = 0, f.value = 0, f.address = 0;
    if (frame >= gw_stack_bottom && frame + 8 <= gw_stack_top) f.address = frame[6];
    if (f.address == 0 || gw_stack_overflowed()) f.index = 1;
#if __ARM_ARCH >= 7
    f.value = *(volatile int32_t*)0xE000ED28; /* CFSR */
#endif
    file = gw_open("failure.bin", 1);
    if (file >= 0) gw_write(file, &f, sizeof f);
    if (file >= 0) gw_close(file);
    leave(1);
}

/* The faulting stack pointer may be useless, so the handler takes a fresh one. */
static void __attribute__((naked, used)) fault(void) {
    __asm volatile(
        "mrs r0, msp\n"
        "ldr r1, =gw_stack_top\n"
        "mov sp, r1\n"
        "ldr r1, =gw_fault\n"
        "bx r1\n"
        ".ltorg\n");
}

static void __attribute__((noreturn, used)) reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t*)0xE000ED88 |= 0xFu << 20; /* CPACR: full access to the floating-point and vector registers */
    __asm volatile("dsb\nisb" ::: "memory");
#endif
    leave(gw_main("samples.bin", "results.bin", "failure.bin"));
}

typedef void (*handler)(void);
typedef union {
    handler function;
    const void* pointer;
} vector;

/* Only the system exceptions: no interrupt is ever enabled. */
__attribute__((section(".vectors"), used)) const vector gw_vectors[16] = {
    {.pointer = gw_stack_top}, {.function = reset}, {.function = fault}, {.function = fault}, {.function = fault}, {.function = fault},
    {.function = fault},       {.function = fault}, {.function = fault}, {.function = fault}, {.function = fault}, {.function = fault},
    {.function = fault},       {.function = fault}, {.function = fault}, {.function = fault},
};
