/* Who is charged for what has been counted.
 *
 * The problem: the plugin sees blocks of code execute and knows neither calls nor returns. The idea: a shadow call stack.
 * A taken call pushes the address it will come back to; an indirect jump to an address on the stack is the return that
 * pops it. That needs no register and survives tail calls (the callee comes back to the caller's caller) and the Thumb-1
 * switch helpers of libgcc, which come back elsewhere in the function that called them. Before and after each event
 * `total` holds what ran in the region of interest so far; a step's inclusive cost is the difference between the totals
 * at its return and at its entry, so executing code costs nothing extra however deep the frames are.
 */
#include "account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t kNever = 0xFFFFFFFFu;

static int by_address(const void* x, const void* y) {
    const Symbol *a = x, *b = y;
    if (a->address != b->address) return a->address < b->address ? -1 : 1;
    return (int)b->step - (int)a->step; /* of two names for one place the step comes first */
}

static bool add_symbol(Account* a, int* capacity, uint32_t address, uint32_t size, bool step, const char* name) {
    if (a->symbol_count == *capacity) {
        *capacity = *capacity * 2 + 64;
        Symbol* grown = realloc(a->symbols, (size_t)*capacity * sizeof *grown);
        if (grown == NULL) return false;
        a->symbols = grown;
    }
    Symbol* s = &a->symbols[a->symbol_count];
    memset(s, 0, sizeof *s);
    s->name = malloc(strlen(name) + 1);
    if (s->name == NULL) return false;
    strcpy(s->name, name);
    s->address = address & ~1u; /* bit 0 of a Thumb symbol says Thumb */
    s->size = size;
    s->step = step;
    a->symbol_count++;
    return true;
}

static int by_place(const void* x, const void* y) {
    const Datum *a = x, *b = y;
    return a->address == b->address ? 0 : a->address < b->address ? -1 : 1;
}

static bool add_datum(Account* a, uint32_t address, uint32_t size, const char* name) {
    Datum* grown = realloc(a->data, (size_t)(a->data_count + 1) * sizeof *grown);
    char* copy = malloc(strlen(name) + 1);
    if (grown != NULL) a->data = grown;
    if (grown == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    a->data[a->data_count++] = (Datum){address, size, strcpy(copy, name), 0};
    return true;
}

static bool read_symbols(Account* a, const char* path) {
    FILE* f = fopen(path, "r");
    if (f == NULL) {
        fprintf(stderr, "pricing plugin: cannot read %s\n", path);
        return false;
    }
    char line[1024], kind[8], name[900];
    int capacity = 0, number = 0;
    bool ok = true;
    while (ok && fgets(line, sizeof line, f) != NULL) {
        uint32_t address, size;
        number++;
        if (line[strspn(line, " \t\r\n")] == '\0') continue;
        if (sscanf(line, "%" SCNx32 " %" SCNx32 " %7s %899s", &address, &size, kind, name) != 4 ||
            (strcmp(kind, "step") != 0 && strcmp(kind, "func") != 0 && strcmp(kind, "data") != 0)) {
            fprintf(stderr, "pricing plugin: %s:%d: expected 'hexaddr hexsize step|func|data name'\n", path, number);
            ok = false;
        } else if (strcmp(kind, "data") == 0) {
            ok = add_datum(a, address, size, name);
        } else {
            ok = add_symbol(a, &capacity, address, size, strcmp(kind, "step") == 0, name);
        }
    }
    fclose(f);
    if (!ok) return false;
    if (a->data_count > 0) qsort(a->data, (size_t)a->data_count, sizeof *a->data, by_place);
    if (a->symbol_count > 0) qsort(a->symbols, (size_t)a->symbol_count, sizeof *a->symbols, by_address);
    return add_symbol(a, &capacity, 0, 0, false, "(unknown)");
}

static bool same_family(const char* a, const char* b) {
    size_t n = strcspn(a, ".");
    return n > 0 && n == strcspn(b, ".") && strncmp(a, b, n) == 0;
}

/* Steps are few, so comparing each with each is cheap. */
static void find_families(Account* a) {
    for (int i = 0; i < a->symbol_count; i++) {
        Symbol* s = &a->symbols[i];
        s->family = i;
        for (int k = 0; s->step && k < i && s->family == i; k++) {
            if (a->symbols[k].step && same_family(a->symbols[k].name, s->name)) s->family = k;
        }
    }
}

bool account_open(Account* a, const char* symbols_path, const char* root) {
    if (!read_symbols(a, symbols_path)) return false;
    find_families(a);
    a->root = -1;
    for (int i = 0; i < a->symbol_count - 1; i++) {
        if (strcmp(a->symbols[i].name, root) == 0) a->root = i;
    }
    if (a->root < 0) {
        fprintf(stderr, "pricing plugin: the root symbol %s is not in %s\n", root, symbols_path);
        return false;
    }
    a->frames = calloc(GW_MAX_FRAMES, sizeof *a->frames);
    if (a->frames == NULL) return false;
    a->frames[0].returns_to = kNever;
    a->frames[0].step = -1;
    a->frame_count = 1;
    return true;
}

int account_symbol(const Account* a, uint32_t address) {
    int low = 0, high = a->symbol_count - 1; /* the last one is "(unknown)" */
    while (low < high) {
        int middle = (low + high) / 2;
        if (a->symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return a->symbol_count - 1;
    int found = low - 1;
    while (found > 0 && a->symbols[found - 1].address == a->symbols[found].address) found--;
    uint32_t size = a->symbols[found].size;
    bool inside = size == 0 || address - a->symbols[found].address < size;
    return inside ? found : a->symbol_count - 1;
}

void account_load(Account* a, uint32_t address, int64_t words) {
    int low = 0, high = a->data_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (a->data[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && address - a->data[low - 1].address < a->data[low - 1].size) a->data[low - 1].loads += words;
}

static void close_step(Account* a, Frame* f) {
    Symbol* s = f->step < 0 ? NULL : &a->symbols[f->step];
    f->step = -1;
    if (s == NULL || --s->depth > 0) return;
    counts_add(&s->inclusive, &a->total, 1);
    counts_add(&s->inclusive, &s->opened, -1);
    s->calls++;
}

static void pop_frame(Account* a) {
    Frame* f = &a->frames[--a->frame_count];
    close_step(a, f);
    if (!f->root) return;
    int64_t cycles = a->total.cycles - a->root_opened.cycles;
    if (a->calls == 0 || cycles < a->min_cycles) a->min_cycles = cycles;
    if (a->calls == 0 || cycles > a->max_cycles) a->max_cycles = cycles;
    a->calls++;
    a->active = false;
}

/* Control stands at the first instruction of symbol `entry`, in the topmost frame. */
static void enter(Account* a, int entry) {
    Frame* f = &a->frames[a->frame_count - 1];
    bool at_root = a->symbols[entry].address == a->symbols[a->root].address;
    if (at_root && !a->active) {
        a->active = true;
        a->root_opened = a->total;
        f->root = true;
    }
    int family = a->symbols[entry].family; /* a loop may begin where its function begins: that enters nothing */
    if (!a->active || !a->symbols[entry].step || f->step == family) return;
    close_step(a, f); /* a step that jumps to another step is over */
    f->step = family;
    if (a->symbols[family].depth++ == 0) a->symbols[family].opened = a->total;
}

static void push_frame(Account* a, uint32_t returns_to) {
    if (a->frame_count == GW_MAX_FRAMES) {
        account_fault(a, "call-depth", returns_to);
        return;
    }
    Frame* f = &a->frames[a->frame_count++];
    f->returns_to = returns_to;
    f->step = -1;
    f->root = false;
}

/* True if the jump to `target` ended one or more frames. */
static bool return_to(Account* a, uint32_t target, int entry) {
    int i = a->frame_count - 1;
    while (i > 0 && a->frames[i].returns_to != target) i--;
    if (i > 0) {
        while (a->frame_count > i) pop_frame(a);
        return true;
    }
    /* Not a known return address and not the start of a function: if it lies in the function that called the one now
     * running, then the callee moved its return address (switch helpers do). A jump table stays in its own function. */
    Frame* top = &a->frames[a->frame_count - 1];
    if (entry >= 0 || top->returns_to == kNever) return false;
    int here = account_symbol(a, target);
    if (here == a->symbol_count - 1 || here != account_symbol(a, top->returns_to)) return false;
    pop_frame(a);
    return true;
}

void account_follow(Account* a, ThumbFlow flow, uint32_t target, int entry, uint32_t returns_to) {
    if (flow == THUMB_FLOW_CALL) push_frame(a, returns_to);
    if (flow == THUMB_FLOW_INDIRECT && return_to(a, target, entry)) return;
    if (entry >= 0) enter(a, entry);
}

void account_fault(Account* a, const char* kind, uint32_t address) {
    for (int i = 0; i < a->fault_count; i++) {
        if (a->faults[i].address == address && strcmp(a->faults[i].kind, kind) == 0) {
            a->faults[i].count++;
            return;
        }
    }
    if (a->fault_count == GW_MAX_FAULTS) return;
    Fault* f = &a->faults[a->fault_count++];
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    f->address = address;
    f->count = 1;
}

static void write_text(FILE* f, const char* text) {
    fputc('"', f);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', f);
        if ((unsigned char)*text >= ' ') fputc(*text, f);
    }
    fputc('"', f);
}

static void write_cycles(FILE* f, const Account* a, int64_t cycles) {
    if (a->priced)
        fprintf(f, "%" PRId64, cycles);
    else
        fputs("null", f);
}

static void write_counts(FILE* f, const Account* a, const Symbol* s, const Counts* c) {
    fputs("    {\"name\": ", f);
    write_text(f, s->name);
    fputs(", \"cycles\": ", f);
    write_cycles(f, a, c->cycles);
    fprintf(f, ", \"instructions\": %" PRId64 ", \"loads\": %" PRId64 ", \"stores\": %" PRId64 ", \"multiplies\": %" PRId64,
            c->instructions, c->loads, c->stores, c->multiplies);
    if (s->step && c == &s->inclusive) fprintf(f, ", \"calls\": %" PRId64, s->calls);
    fputc('}', f);
}

static void write_totals(FILE* f, const Account* a) {
    fprintf(f, "{\n  \"calls\": %" PRId64 ",\n  \"cycles\": ", a->calls);
    if (a->priced) {
        fprintf(f, "{\"total\": %" PRId64 ", \"min\": %" PRId64 ", \"max\": %" PRId64 "}", a->total.cycles, a->min_cycles, a->max_cycles);
    } else {
        fputs("null", f);
    }
    fprintf(f, ",\n  \"instructions\": %" PRId64 ",\n  \"loads\": %" PRId64 ",\n  \"stores\": %" PRId64 ",\n  \"multiplies\": %" PRId64,
            a->total.instructions, a->total.loads, a->total.stores, a->total.multiplies);
}

bool account_write(const Account* a, const char* path) {
    FILE* f = fopen(path, "w");
    if (f == NULL) return false;
    write_totals(f, a);
    fputs(",\n  \"functions\": [", f);
    const char* separator = "\n";
    for (int i = 0; i < a->symbol_count; i++) {
        if (a->symbols[i].exclusive.instructions == 0) continue;
        fputs(separator, f);
        write_counts(f, a, &a->symbols[i], &a->symbols[i].exclusive);
        separator = ",\n";
    }
    fputs("\n  ],\n  \"steps\": [", f);
    separator = "\n";
    for (int i = 0; i < a->symbol_count; i++) {
        if (!a->symbols[i].step) continue;
        fputs(separator, f);
        write_counts(f, a, &a->symbols[i], &a->symbols[i].inclusive);
        separator = ",\n";
    }
    fputs("\n  ],\n  \"data\": [", f);
    separator = "\n";
    for (int i = 0; i < a->data_count; i++) {
        fprintf(f, "%s    {\"name\": ", separator);
        write_text(f, a->data[i].name);
        fprintf(f, ", \"loads\": %" PRId64 "}", a->data[i].loads);
        separator = ",\n";
    }
    fputs("\n  ],\n  \"faults\": [", f);
    separator = "\n";
    for (int i = 0; i < a->fault_count; i++) {
        fprintf(f, "%s    {\"kind\": \"%s\", \"address\": \"0x%08" PRIx32 "\", \"symbol\": ", separator, a->faults[i].kind,
                a->faults[i].address);
        write_text(f, a->symbols[account_symbol(a, a->faults[i].address)].name);
        fprintf(f, ", \"count\": %" PRId64 "}", a->faults[i].count);
        separator = ",\n";
    }
    fputs("\n  ]\n}\n", f);
    bool ok = ferror(f) == 0;
    return fclose(f) == 0 && ok;
}
