/* Runs a model over all samples of a file and writes what it gave. Every check that needs the model's memory is here: guards are written
 * before and looked at after each run, inputs must come out as they went in, and the arena holds another pattern each time, so that a model
 * which counts on what an earlier run left there gives other bytes and is found out.
 *
 * The state is reset before each sequence of samples, from memory that holds another pattern each time, and is kept within the sequence.
 *
 * samples: uint32 count, uint32 samples in a sequence (0: all), then per sample the bytes of all inputs. results: per sample the captured
 * ranges of all steps in order, the bytes of all outputs, uint32 stack. All little-endian. */
#include "gw_runtime.h"

#include <string.h>

uint32_t gw_sample;
uint32_t gw_stack_used = 0xFFFFFFFFu;

static const char* failure_path;
static int results_file;
static int next_step;
static int capture_failed;

static unsigned char guard_byte(size_t i) { return (unsigned char)(0xB5u ^ (i * 29u)); }

static void set_guards(gw_range r) {
    size_t i;
    for (i = 0; i < GW_GUARD_BYTES; ++i) {
        gw_memory[r.offset - GW_GUARD_BYTES + i] = guard_byte(i);
        gw_memory[r.offset + r.bytes + i] = guard_byte(i);
    }
}

/* -1 when both are whole, else 0 (before) or 1 (after). */
static int broken_guard(gw_range r) {
    size_t i;
    for (i = 0; i < GW_GUARD_BYTES; ++i) {
        if (gw_memory[r.offset - GW_GUARD_BYTES + i] != guard_byte(i)) return 0;
        if (gw_memory[r.offset + r.bytes + i] != guard_byte(i)) return 1;
    }
    return -1;
}

static uint32_t hash(gw_range r) { /* FNV-1a */
    uint32_t h = 2166136261u;
    size_t i;
    for (i = 0; i < r.bytes; ++i) h = (h ^ gw_memory[r.offset + i]) * 16777619u;
    return h;
}

static int fail(uint32_t kind, uint32_t index, int32_t value) {
    gw_failure f;
    int file = gw_open(failure_path, 1);
    f.kind = kind, f.sample = gw_sample, f.index = index, f.value = value, f.address = 0;
    if (file < 0 || gw_write(file, &f, sizeof f) != 0 || gw_close(file) != 0) return 2;
    return 1;
}

static void capture_until(int step) {
    for (; next_step < step && next_step < gw_step_count; ++next_step) {
        int r = next_step == 0 ? 0 : gw_step_end[next_step - 1];
        for (; r < gw_step_end[next_step]; ++r)
            if (gw_write(results_file, gw_memory + gw_step_ranges[r].offset, gw_step_ranges[r].bytes) != 0) capture_failed = 1;
    }
}

void gw_hook(int layer) { capture_until(layer); }

/* Guards of everything in order; 0, or the result of fail(). */
static int check_guards(void) {
    int i;
    for (i = 0; i < gw_block_count; ++i) {
        const int side = broken_guard(gw_blocks[i]);
        if (side >= 0) return fail(GW_FAIL_GUARD, (uint32_t)(2 * i + side), 0);
    }
    return 0;
}

static int run_sample(int samples_file, int first_of_sequence) {
    uint32_t before = 0, after = 0;
    int i, status;
    for (i = 0; i < gw_block_count; ++i) {
        if (i != gw_state_block || first_of_sequence)
            memset(gw_memory + gw_blocks[i].offset, (int)((i == 0 ? 0xA7u : 0x39u) + gw_sample * (i == 0 ? 53u : 31u)) & 0xFF,
                   gw_blocks[i].bytes);
        set_guards(gw_blocks[i]);
    }
    if (first_of_sequence) {
        status = gw_reset();
        if (status != 0) return fail(GW_FAIL_RESET, 0, status);
    }
    for (i = 0; i < gw_input_count; ++i) {
        if (gw_read(samples_file, gw_memory + gw_inputs[i].range.offset, gw_inputs[i].range.bytes) != 0) return fail(GW_FAIL_FILE, 0, 0);
        if (gw_inputs[i].caller) before += hash(gw_inputs[i].range) * (uint32_t)(2 * i + 1);
    }
    next_step = 0;
    status = gw_call();
    if (gw_stack_overflowed()) return fail(GW_FAIL_STACK, 0, 0);
    if (status != 0) return fail(GW_FAIL_STATUS, 0, status);
    capture_until(gw_step_count);
    for (i = 0; i < gw_input_count; ++i)
        if (gw_inputs[i].caller) after += hash(gw_inputs[i].range) * (uint32_t)(2 * i + 1);
    status = check_guards();
    if (status != 0) return status;
    if (before != after) return fail(GW_FAIL_INPUT, 0, 0);
    for (i = 0; i < gw_output_count; ++i)
        if (gw_write(results_file, gw_memory + gw_outputs[i].range.offset, gw_outputs[i].range.bytes) != 0) return fail(GW_FAIL_FILE, 1, 0);
    if (capture_failed || gw_write(results_file, &gw_stack_used, sizeof gw_stack_used) != 0) return fail(GW_FAIL_FILE, 1, 0);
    return 0;
}

int gw_main(const char* samples, const char* results, const char* failure) {
    uint32_t count = 0, sequence = 0;
    int status = 0;
    int samples_file = gw_open(samples, 0);
    failure_path = failure;
    results_file = gw_open(results, 1);
    if (samples_file < 0 || gw_read(samples_file, &count, sizeof count) != 0 || gw_read(samples_file, &sequence, sizeof sequence) != 0)
        return fail(GW_FAIL_FILE, 0, 0);
    if (results_file < 0) return fail(GW_FAIL_FILE, 1, 0);
    if (gw_places_differ()) return fail(GW_FAIL_PLACE, 0, 0);
    for (gw_sample = 0; gw_sample < count && status == 0; ++gw_sample)
        status = run_sample(samples_file, gw_sample == 0 || (sequence > 0 && gw_sample % sequence == 0));
    gw_close(samples_file);
    if (gw_close(results_file) != 0 && status == 0) status = fail(GW_FAIL_FILE, 1, 0);
    return status;
}
