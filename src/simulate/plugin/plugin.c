/* The QEMU plugin that prices what a Cortex-M image executes.
 *
 * The problem: a network runs 10^8 to 10^9 instructions, and each of them is to be priced, charged to its function and to
 * the step it runs for. The idea: QEMU executes straight runs of instructions ("blocks"). When a block is translated, its
 * instructions are decoded once and their prices summed; when it executes, one callback adds the sums. Only what cannot
 * be known before the run is added on the way:
 *   - whether the branch that ended the previous block was taken: seen from where execution goes on;
 *   - whether a load or store in an IT block was executed: its memory callback fires or does not;
 *   - the penalty of unaligned accesses, and the ARMv6-M guard: memory callbacks again;
 *   - pipelining of loads over the border of two blocks that follow each other without a branch.
 * So the sums depend on the instructions executed alone, not on how QEMU cuts them into blocks.
 *
 * Interface, output and the assumptions behind the prices: README.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "qemu_plugin_v1.h"
#include "thumb.h"

GW_PLUGIN_EXPORT int qemu_plugin_version = GW_QEMU_PLUGIN_VERSION;

enum { kFaultExit = 125 };

/* An instruction whose memory accesses are watched. */
typedef struct {
    ThumbInsn insn;
    int symbol;
    bool conditional; /* in an IT block: only an access proves that it was executed */
    int saving;       /* cycles saved by running after the load before it, if both are executed */
    int next_saving;  /* cycles saved by the unconditional instruction behind it, if this one is executed */
} Access;

/* The part of a block that lies in one symbol. */
typedef struct {
    int symbol;
    Counts counts;
} Segment;

typedef struct {
    uint32_t address, end;
    Counts counts; /* of all segments, at the price of an execution from first to last instruction, no branch taken */
    int64_t runs;  /* executions inside the region of interest */
    Segment* segments;
    int segment_count;
    int entry; /* the symbol that begins at `address`, or -1 */
    int last_symbol;
    ThumbInsn first, last;
    Access* first_access; /* set if the first instruction is conditional and watched */
    Access* last_access;  /* likewise for the last */
    int refill;           /* cycles when the final branch is taken and that is not certain beforehand */
    bool branch_certain;  /* the final instruction always leaves */
    uint32_t* foreign;    /* addresses of instructions that ARMv6-M lacks */
    int foreign_count;
} Block;

/* IT state at an address where a block was cut in the middle of an IT block. */
typedef struct {
    uint32_t address;
    uint8_t state;
} Cut;

static struct {
    CorePrices core;
    bool v6m;
    const char* out;
    Account account;
    Block* previous;
    const Access* executed; /* the conditional access executed last in the current block */
    Block** blocks;
    size_t block_count, block_capacity;
    Cut* cuts;
    size_t cut_count, cut_capacity;
    bool written;
} g;

static void* must(void* memory) {
    if (memory == NULL) {
        fputs("pricing plugin: out of memory\n", stderr);
        _exit(kFaultExit);
    }
    return memory;
}

/* Charges what only the run could tell. */
static void charge(int symbol, int64_t cycles, int64_t loads, int64_t stores) {
    Counts c = {cycles, 0, loads, stores, 0};
    counts_add(&g.account.total, &c, 1);
    counts_add(&g.account.symbols[symbol].exclusive, &c, 1);
}

/* ---- execution ---- */

/* The previous block is over and execution stands at `next`: was its last branch taken, and what does that mean? */
static void leave(const Block* b, Block* next) {
    bool sequel = next->address == b->end;
    bool taken = b->last.flow != THUMB_FLOW_NEXT && (b->branch_certain || !sequel);
    if (taken) {
        if (g.account.active && b->refill != 0) charge(b->last_symbol, b->refill, 0, 0);
        if (b->last.flow != THUMB_FLOW_DIRECT || next->entry >= 0) {
            account_follow(&g.account, b->last.flow, next->address, next->entry, b->end);
        }
        return;
    }
    if (next->entry >= 0) account_follow(&g.account, THUMB_FLOW_NEXT, next->address, next->entry, 0);
    if (!sequel || !g.account.active || b->last.flow != THUMB_FLOW_NEXT) return;
    bool executed = b->last_access == NULL || g.executed == b->last_access;
    int saving = executed ? thumb_pipelining(&g.core, &b->last, &next->first) : 0;
    if (next->first_access != NULL)
        next->first_access->saving = saving; /* granted if the access happens */
    else if (saving != 0)
        charge(next->segments[0].symbol, -saving, 0, 0);
}

static void on_block(unsigned int vcpu, void* data) {
    Block* b = data;
    (void)vcpu;
    if (g.previous != NULL)
        leave(g.previous, b);
    else if (b->entry >= 0)
        account_follow(&g.account, THUMB_FLOW_NEXT, b->address, b->entry, 0);
    g.previous = b;
    g.executed = NULL;
    for (int i = 0; i < b->foreign_count; i++) account_fault(&g.account, "opcode", b->foreign[i]);
    if (g.account.active) {
        b->runs++;
        counts_add(&g.account.total, &b->counts, 1);
    }
}

static void on_access(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data) {
    const Access* a = data;
    unsigned bytes = 1u << qemu_plugin_mem_size_shift(info);
    unsigned offset = (unsigned)address & (bytes - 1);
    (void)vcpu;
    if (offset != 0 && g.v6m) account_fault(&g.account, "unaligned", a->insn.address);
    if (!g.account.active) return;
    /* A word at an odd address takes three accesses, other unaligned ones take two. */
    int cycles = offset == 0 || a->insn.width == 0 ? 0 : (bytes == 4 && (offset & 1) != 0) ? 2 : 1;
    if (!a->conditional) {
        if (cycles != 0) charge(a->symbol, cycles, 0, 0);
        return;
    }
    int words = bytes > 4 ? (int)bytes / 4 : 1;
    bool store = qemu_plugin_mem_is_store(info);
    if (a->insn.width == 0)
        cycles += words; /* 1 + N: the 1 has been charged as for an instruction not executed */
    else
        cycles += thumb_price(&g.core, &a->insn) - 1 - a->saving - a->next_saving;
    charge(a->symbol, cycles, store ? 0 : words, store ? words : 0);
    g.executed = a;
}

/* Where constants are watched: one load, or one word of several. */
static void on_load(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data) {
    unsigned bytes = 1u << qemu_plugin_mem_size_shift(info);
    (void)vcpu;
    (void)data;
    if (g.account.active && !qemu_plugin_mem_is_store(info))
        account_load(&g.account, (uint32_t)address, bytes > 4 ? (int64_t)bytes / 4 : 1);
}

/* ---- translation ---- */

static ThumbInsn read_insn(struct qemu_plugin_insn* handle) {
    uint8_t bytes[4] = {0};
#if GW_QEMU_PLUGIN_VERSION >= 3
    qemu_plugin_insn_data(handle, bytes, sizeof bytes);
#else
    /* The size QEMU 7.2 reports is wrong in front of the last halfword of a 1 KiB page: it has appended the halfword it
     * peeked at. The first halfword always tells the truth. */
    const uint8_t* data = qemu_plugin_insn_data(handle);
    memcpy(bytes, data, (size_t)thumb_size((uint16_t)(data[0] | data[1] << 8)));
#endif
    uint16_t first = (uint16_t)(bytes[0] | bytes[1] << 8), second = (uint16_t)(bytes[2] | bytes[3] << 8);
    return thumb_decode((uint32_t)qemu_plugin_insn_vaddr(handle), first, second);
}

static uint8_t cut_at(uint32_t address) {
    for (size_t i = 0; i < g.cut_count; i++) {
        if (g.cuts[i].address == address) return g.cuts[i].state;
    }
    return 0;
}

static void remember_cut(uint32_t address, uint8_t state) {
    if (cut_at(address) != 0) return;
    if (g.cut_count == g.cut_capacity) {
        g.cut_capacity = g.cut_capacity * 2 + 16;
        g.cuts = must(realloc(g.cuts, g.cut_capacity * sizeof *g.cuts));
    }
    g.cuts[g.cut_count].address = address;
    g.cuts[g.cut_count++].state = state;
}

/* The state of an IT block after one more of its instructions. */
static uint8_t it_advance(uint8_t it) { return (it & 7) == 0 ? 0 : (uint8_t)((it & 0xE0) | ((it << 1) & 0x1F)); }

/* Half- and full-word accesses of instructions whose address can be odd; the stack pointer and literals are aligned. */
static bool watch_alignment(const ThumbInsn* i) {
    if (i->width < 2) return false;
    bool aligned_base = i->size == 2 && (i->address_reads == 1u << 13 || i->address_reads == 1u << 15);
    return !aligned_base && (g.v6m || g.core.priced);
}

/* What instruction `i` costs when nothing about it is left to the run. */
static Counts fixed_counts(const ThumbInsn* i, bool conditional, bool by_access) {
    Counts c = {1, 1, 0, 0, i->multiplies};
    if (by_access) return c; /* the rest is charged when the access happens */
    c.cycles = thumb_price(&g.core, i);
    if (!conditional && !i->conditional) c.cycles += thumb_refill(&g.core, i);
    c.loads = i->loads;
    c.stores = i->stores;
    return c;
}

static void add_counts(Block* b, int symbol, const Counts* c) {
    if (b->segment_count == 0 || b->segments[b->segment_count - 1].symbol != symbol) {
        b->segments = must(realloc(b->segments, (size_t)(b->segment_count + 1) * sizeof *b->segments));
        memset(&b->segments[b->segment_count], 0, sizeof *b->segments);
        b->segments[b->segment_count++].symbol = symbol;
    }
    counts_add(&b->segments[b->segment_count - 1].counts, c, 1);
    counts_add(&b->counts, c, 1);
}

/* Remembers in the block that ARMv6-M lacks this instruction. */
static void add_foreign(Block* b, uint32_t address) {
    b->foreign = must(realloc(b->foreign, (size_t)(b->foreign_count + 1) * sizeof *b->foreign));
    b->foreign[b->foreign_count++] = address;
}

/* Loads pipeline: what the pair saves is granted at once if both surely run, else by the access that proves it. */
static void pair(Block* b, const ThumbInsn* before, Access* before_access, bool same_condition, const ThumbInsn* now, Access* now_access,
                 int symbol) {
    int saving = thumb_pipelining(&g.core, before, now);
    bool before_conditional = before_access != NULL && before_access->conditional;
    bool now_conditional = now_access != NULL && now_access->conditional;
    if (saving == 0) return;
    if (now_conditional) {
        if (!before_conditional || same_condition) now_access->saving = saving;
    } else if (before_conditional) {
        before_access->next_saving = saving;
    } else {
        Counts c = {-saving, 0, 0, 0, 0};
        add_counts(b, symbol, &c);
    }
}

static Block* new_block(uint32_t address) {
    Block* b = must(calloc(1, sizeof *b));
    b->address = address;
    int symbol = account_symbol(&g.account, address);
    b->entry = g.account.symbols[symbol].address == address && symbol != g.account.symbol_count - 1 ? symbol : -1;
    if (g.block_count == g.block_capacity) {
        g.block_capacity = g.block_capacity * 2 + 256;
        g.blocks = must(realloc(g.blocks, g.block_capacity * sizeof *g.blocks));
    }
    return g.blocks[g.block_count++] = b;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
    size_t n = qemu_plugin_tb_n_insns(tb);
    (void)id;
    if (n == 0) return;
    ThumbInsn first = read_insn(qemu_plugin_tb_get_insn(tb, 0)), before = first;
    Block* b = new_block(first.address);
    Access* before_access = NULL;
    uint8_t it = cut_at(first.address), before_condition = 0;
    b->first = first;
    for (size_t k = 0; k < n; k++) {
        struct qemu_plugin_insn* handle = qemu_plugin_tb_get_insn(tb, k);
        ThumbInsn now = read_insn(handle);
        uint8_t condition = it >> 4;
        bool conditional = it != 0 && condition < 14;
        bool moves = now.loads + now.stores > 0;
        int symbol = account_symbol(&g.account, now.address);
        Counts c = fixed_counts(&now, conditional, conditional && moves);
        add_counts(b, symbol, &c);
        Access* access = NULL;
        if ((conditional && moves) || watch_alignment(&now)) {
            access = must(calloc(1, sizeof *access));
            access->insn = now;
            access->symbol = symbol;
            access->conditional = conditional;
            qemu_plugin_register_vcpu_mem_cb(handle, on_access, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, access);
        }
        if (g.account.data_count > 0 && now.loads > 0) /* QEMU 7.2 calls nobody who asks for loads alone */
            qemu_plugin_register_vcpu_mem_cb(handle, on_load, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
        if (k > 0) pair(b, &before, before_access, condition == before_condition, &now, access, symbol);
        if (k == 0 && conditional) b->first_access = access;
        if (g.v6m && !now.v6m) add_foreign(b, now.address);
        b->last_access = conditional ? access : NULL;
        b->branch_certain = !conditional && !now.conditional;
        b->last = now;
        b->last_symbol = symbol;
        it = now.it != 0 ? now.it : it_advance(it);
        before = now;
        before_access = access;
        before_condition = condition;
    }
    b->end = b->last.address + b->last.size;
    b->refill = b->branch_certain ? 0 : thumb_refill(&g.core, &b->last);
    if (it != 0) remember_cut(b->end, it);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, b);
}

/* ---- beginning and end ---- */

static void write_report(void) {
    Account* a = &g.account;
    if (g.written) return;
    g.written = true;
    for (size_t i = 0; i < g.block_count; i++) {
        const Block* b = g.blocks[i];
        for (int k = 0; k < b->segment_count; k++) {
            counts_add(&a->symbols[b->segments[k].symbol].exclusive, &b->segments[k].counts, b->runs);
        }
    }
    /* Figures that look like a measurement and are none must not pass. */
    if (a->active)
        account_fault(a, "unfinished", a->symbols[a->root].address);
    else if (a->calls == 0)
        account_fault(a, "not-called", a->symbols[a->root].address);
    if (!account_write(a, g.out)) {
        fprintf(stderr, "pricing plugin: cannot write %s\n", g.out);
        account_fault(a, "output", 0);
    }
    for (int i = 0; i < a->fault_count; i++) {
        const Fault* f = &a->faults[i];
        fprintf(stderr, "pricing plugin: %s at 0x%08x in %s\n", f->kind, (unsigned)f->address,
                a->symbols[account_symbol(a, f->address)].name);
    }
}

static void on_qemu_exit(qemu_plugin_id_t id, void* data) {
    (void)id;
    (void)data;
    write_report();
}

/* Registered first, so it runs after QEMU's own clean-up: a run with a fault must not end as a success. */
static void on_process_exit(void) {
    write_report();
    if (g.account.fault_count > 0) {
        fflush(NULL);
        _exit(kFaultExit);
    }
}

static int refuse(const char* what, const char* argument) {
    fprintf(stderr, "pricing plugin: %s '%s'\n", what, argument);
    return 1;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv) {
    const char *core = NULL, *symbols = NULL, *root = NULL, *isa = "";
    int refill = 0;
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char* value = strchr(argv[i], '=');
        size_t key = value == NULL ? 0 : (size_t)(value - argv[i]);
        if (key == 4 && strncmp(argv[i], "core", key) == 0)
            core = value + 1;
        else if (key == 3 && strncmp(argv[i], "isa", key) == 0)
            isa = value + 1;
        else if (key == 4 && strncmp(argv[i], "syms", key) == 0)
            symbols = value + 1;
        else if (key == 4 && strncmp(argv[i], "root", key) == 0)
            root = value + 1;
        else if (key == 3 && strncmp(argv[i], "out", key) == 0)
            g.out = value + 1;
        else if (key == 6 && strncmp(argv[i], "refill", key) == 0)
            refill = atoi(value + 1);
        else
            return refuse("unknown argument", argv[i]);
    }
    if (core == NULL || symbols == NULL || root == NULL || g.out == NULL) return refuse("needed: core, isa, syms, root,", "out");
    const CorePrices* prices = core_prices(core);
    if (prices == NULL) return refuse("unknown core", core);
    if (strcmp(isa, "v6m") != 0 && strcmp(isa, "v7m") != 0) return refuse("isa is v6m or v7m, not", isa);
    g.core = *prices;
    if (refill != 0 && g.core.pipelined_loads) {
        if (refill < 1 || refill > 3) return refuse("refill is 1 to 3, not", "another number");
        g.core.refill = g.core.refill_pop = (uint8_t)refill;
        g.core.isb = (uint8_t)(1 + refill);
    }
    g.v6m = strcmp(isa, "v6m") == 0;
    g.account.priced = g.core.priced;
    if (!account_open(&g.account, symbols, root)) return 1;
    atexit(on_process_exit);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, on_qemu_exit, NULL);
    return 0;
}
