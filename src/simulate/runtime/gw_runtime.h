/* What the parts of a test image share: the generated tables (gw_driver.c), the sample loop (sample_loop.c) and a platform (platform_host.c
 * or platform_core.c). The same loop runs on the host and on the emulated core.
 *
 * All memory that a model sees lies in one array, gw_memory: arena, state, inputs and outputs, each with guard bytes on both sides. */
#ifndef GW_RUNTIME_H
#define GW_RUNTIME_H
#include <stddef.h>
#include <stdint.h>

enum { GW_GUARD_BYTES = 32 };

/* Part of gw_memory. */
typedef struct {
    size_t offset, bytes;
} gw_range;

/* An input or output; `caller`: the caller holds it, so a run must not change it if it is an input; else it lies in the arena. */
typedef struct {
    gw_range range;
    int caller;
} gw_tensor;

/* Generated. gw_step_end[k]: the ranges of step k are those from gw_step_end[k - 1] on, up to it. No steps: nothing is captured. */
extern unsigned char gw_memory[];
/* What the caller passes: the arena first, then what the inputs and outputs lie in, then the state. Each has guards of its own. The state
 * alone keeps what a run left there; gw_state_block is its number, -1 without one. */
extern const gw_range gw_blocks[];
extern const int gw_block_count, gw_state_block;
extern const gw_tensor gw_inputs[], gw_outputs[];
extern const int gw_input_count, gw_output_count;
extern const gw_range gw_step_ranges[];
extern const int gw_step_end[];
extern const int gw_step_count;
/* Runs the model once; its status. */
int gw_call(void);
/* Resets the model's state; the status of that. 0 without a state. */
int gw_reset(void);
/* 0, or 1 when the model's own functions name other places for its tensors in the arena than the bundle's description. */
int gw_places_differ(void);

/* Why a run failed: written to the failure file, which exists only then. */
enum {
    GW_FAIL_STATUS = 1,
    GW_FAIL_GUARD = 2,
    GW_FAIL_INPUT = 3,
    GW_FAIL_FILE = 4,
    GW_FAIL_PLACE = 5,
    GW_FAIL_FAULT = 6,
    GW_FAIL_STACK = 7,
    GW_FAIL_RESET = 8
};
/* index: for a guard, twice the number of the block plus 0 before or 1 behind it; for a fault, 1 when the
 * stack had overflowed; for a file, 0 reading or 1 writing. value: the model's status, or the core's fault status. address: of a fault. */
typedef struct {
    uint32_t kind, sample, index;
    int32_t value;
    uint32_t address;
} gw_failure;

/* The sample loop. Exit code: 0, or 1 after a failure file was written, or 2 when not even that could be. */
int gw_main(const char* samples, const char* results, const char* failure);
/* Called by the model before each layer when steps are captured. */
void gw_hook(int layer);
/* The sample that runs now. */
extern uint32_t gw_sample;

/* Platform: files. Handles are >= 0; read and write return 0 when all bytes went through. */
int gw_open(const char* path, int write);
int gw_read(int file, void* bytes, size_t count);
int gw_write(int file, const void* bytes, size_t count);
int gw_close(int file);
/* Whether the last call needed more stack than there is, as far as that can be seen. */
int gw_stack_overflowed(void);

#ifdef GW_HOST
#define GW_STACK_BEFORE() ((void)0)
#define GW_STACK_AFTER() ((void)0)
#else
/* The stack's depth, by painting: both must be used in the very function that calls the model, whose stack pointer is the zero line. They
 * are macros of plain loops so that nothing of their own lands in the painted part. */
#define GW_PAINT 0x5CA1AB1Eu
/* Only for so many samples: generated code takes the same path each time, and painting takes as long as a small model. */
#define GW_STACK_SAMPLES 16u
extern uint32_t gw_stack_bottom[];
extern uint32_t* gw_stack_pointer;
#define GW_STACK_BEFORE() \
    do { \
        uint32_t* sp_; \
        volatile uint32_t* word_ = gw_stack_bottom; \
        if (gw_sample >= GW_STACK_SAMPLES) break; \
        __asm volatile("mov %0, sp" : "=r"(sp_)); \
        gw_stack_pointer = sp_; \
        while (word_ < sp_) *word_++ = GW_PAINT; \
    } while (0)
#define GW_STACK_AFTER() \
    do { \
        volatile uint32_t* word_ = gw_stack_bottom; \
        if (gw_sample >= GW_STACK_SAMPLES) break; \
        while (word_ < gw_stack_pointer && *word_ == GW_PAINT) ++word_; \
        gw_stack_used = (uint32_t)((char*)gw_stack_pointer - (char*)word_); \
    } while (0)
#endif
/* Bytes of the last gw_call that was measured; 0xFFFFFFFF when there is none. */
extern uint32_t gw_stack_used;

#endif
