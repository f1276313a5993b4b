/* The plugin's books: symbols, shadow call stack, sums by function and by step, faults, and the JSON they end in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "thumb.h"

#pragma GCC visibility push(hidden) /* QEMU exports thousands of names of its own: ours must not bind to them */

/* Everything that is counted. */
typedef struct {
    int64_t cycles, instructions, loads, stores, multiplies;
} Counts;

static inline void counts_add(Counts* to, const Counts* c, int64_t times) {
    to->cycles += c->cycles * times;
    to->instructions += c->instructions * times;
    to->loads += c->loads * times;
    to->stores += c->stores * times;
    to->multiplies += c->multiplies * times;
}

typedef struct {
    uint32_t address, size;
    bool step;
    char* name;
    int family;       /* the first symbol whose name is equal up to a dot: compilers split a function into NAME.part.0 … */
    Counts exclusive; /* what ran inside the function itself */
    /* The rest is kept for steps only, and for the parts of one step together, in the first of their family. */
    Counts inclusive; /* entry to return */
    int64_t calls;
    int depth;     /* frames now open: a step that calls itself or its parts is counted once */
    Counts opened; /* the totals when the outermost open frame began */
} Symbol;

/* One call that has not returned yet. */
typedef struct {
    uint32_t returns_to;
    int step;  /* the step (first of its family) that runs in this frame, or -1 */
    bool root; /* the region of interest began with this frame */
} Frame;

typedef struct {
    char kind[16];
    uint32_t address;
    int64_t count;
} Fault;

/* A constant, and how often it was loaded from. */
typedef struct {
    uint32_t address, size;
    char* name;
    int64_t loads;
} Datum;

enum { GW_MAX_FAULTS = 64, GW_MAX_FRAMES = 4096 };

typedef struct {
    Symbol* symbols; /* sorted by address; the last one stands for code outside every symbol */
    int symbol_count;
    int root;
    Datum* data; /* sorted by address */
    int data_count;
    Frame* frames; /* frames[0] is the reset handler's and never returns */
    int frame_count;
    bool active; /* between entry to and return from the root */
    Counts total;
    Counts root_opened;
    int64_t calls, min_cycles, max_cycles;
    Fault faults[GW_MAX_FAULTS];
    int fault_count;
    bool priced;
} Account;

/* Reads the symbol file (lines `hexaddr hexsize kind name`, kind step, func or data) and finds the root. False, with a message on stderr,
 * if not. */
bool account_open(Account* a, const char* symbols_path, const char* root);

/* The symbol that covers `address`; never fails (see Account::symbols). */
int account_symbol(const Account* a, uint32_t address);

/* Counts a load of so many words if `address` lies in a datum. */
void account_load(Account* a, uint32_t address, int64_t words);

/* Follows a jump that was taken, or a fall into the next block. `entry` is the symbol that begins at `target`, or -1. */
void account_follow(Account* a, ThumbFlow flow, uint32_t target, int entry, uint32_t returns_to);

void account_fault(Account* a, const char* kind, uint32_t address);

/* Writes the report. False if the file cannot be written. */
bool account_write(const Account* a, const char* path);

#pragma GCC visibility pop
