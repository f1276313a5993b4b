/* Decoding and pricing of Thumb instructions.
 *
 * The problem: price every instruction a Cortex-M executes by the table in Arm's reference manual of that core. The
 * idea: the tables know few classes, so decoding only has to find the class, the number of words moved and the few
 * registers that decide whether two neighbouring loads overlap. Everything here is a pure function of the two halfwords;
 * what depends on the run (branches taken, conditions that failed, alignment) is the plugin's business.
 *
 * Sources: DDI0432C table 3.1 (Cortex-M0), DDI0484C table 3.1 (M0+), DDI0337 tables 3.1 and section 3.3.2 (M3), 100166
 * table 3.1 and the FPU's table (M4). Choices where a table leaves a range are explained in README.md.
 */
#include "thumb.h"

#include <stddef.h>
#include <string.h>

#define PC 15

static const CorePrices kCores[] = {
    /* name           priced pipelined refill pop bl st mla mull mlal div mrs cps dmb isb wfi */
    {"cortex-m0", true, false, 2, 3, 2, 2, 1, 1, 1, 1, 4, 1, 4, 4, 2},
    {"cortex-m0plus", true, false, 1, 2, 2, 2, 1, 1, 1, 1, 3, 1, 3, 3, 2},
    {"cortex-m3", true, true, 2, 2, 1, 1, 2, 5, 7, 12, 2, 2, 1, 3, 1},
    {"cortex-m4", true, true, 2, 2, 1, 1, 1, 1, 1, 12, 2, 2, 1, 3, 1},
    {"cortex-m7", false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"cortex-m33", false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"cortex-m55", false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
};

const CorePrices* core_prices(const char* core) {
    for (size_t i = 0; i < sizeof kCores / sizeof kCores[0]; i++) {
        if (strcmp(kCores[i].name, core) == 0) return &kCores[i];
    }
    return NULL;
}

int thumb_size(uint16_t first) { return (first >> 11) >= 0x1D ? 4 : 2; }

static uint16_t bit(unsigned reg) { return (uint16_t)(1u << reg); }

static uint8_t ones(unsigned mask) {
    uint8_t n = 0;
    for (; mask != 0; mask &= mask - 1) n++;
    return n;
}

static void set_load(ThumbInsn* i, int width, unsigned rt, uint16_t address) {
    i->kind = THUMB_LOAD;
    i->width = (uint8_t)width;
    i->loads = 1;
    i->writes = bit(rt);
    i->address_reads = address;
}

static void set_store(ThumbInsn* i, ThumbClass kind, int width, uint16_t address) {
    i->kind = kind;
    i->width = (uint8_t)width;
    i->stores = 1;
    i->address_reads = address;
}

static void set_branch(ThumbInsn* i, ThumbClass kind, ThumbFlow flow) {
    i->kind = kind;
    i->flow = flow;
}

/* A transfer of several words; PC in a load's list makes it a branch. */
static void set_multiple(ThumbInsn* i, bool load, unsigned words, bool pc) {
    i->kind = THUMB_MULTIPLE;
    *(load ? &i->loads : &i->stores) = (uint8_t)words;
    if (load && pc) set_branch(i, THUMB_POP_PC, THUMB_FLOW_INDIRECT);
}

/* 0x4400 to 0x47FF: ADD, CMP, MOV with high registers, BX, BLX. */
static void decode_high_registers(ThumbInsn* i, uint16_t op) {
    unsigned rd = (op & 7u) | ((op >> 4) & 8u);
    switch ((op >> 8) & 3) {
        case 0:
        case 2:
            if (rd == PC) set_branch(i, THUMB_BRANCH, THUMB_FLOW_INDIRECT);
            break;
        case 3:
            set_branch(i, THUMB_BRANCH, (op & 0x80) ? THUMB_FLOW_CALL : THUMB_FLOW_INDIRECT);
            i->v6m = (op & 7) == 0; /* BXNS and BLXNS belong to ARMv8-M */
            break;
        default:
            break;
    }
}

/* 0xB000 to 0xBFFF: stack, extends, CBZ, CPS, hints, IT. */
static void decode_miscellaneous(ThumbInsn* i, uint16_t op) {
    switch ((op >> 8) & 15) {
        case 0x1:
        case 0x3:
        case 0x9:
        case 0xB:
            set_branch(i, THUMB_BRANCH, THUMB_FLOW_DIRECT);
            i->conditional = true;
            i->v6m = false;
            break;
        case 0x4:
        case 0x5:
            set_multiple(i, false, ones(op & 0x1FF), false);
            break;
        case 0xC:
        case 0xD:
            set_multiple(i, true, ones(op & 0x1FF), (op & 0x100) != 0);
            break;
        case 0x6:
            i->kind = THUMB_CPS;
            i->v6m = op == 0xB662 || op == 0xB672; /* CPSIE i and CPSID i */
            break;
        case 0x0:
        case 0x2:
        case 0xE:
            break; /* ADD and SUB SP; extends; BKPT */
        case 0xA:
            i->v6m = ((op >> 6) & 3) != 2; /* REV, REV16, REVSH; HLT is newer */
            break;
        case 0xF:
            if ((op & 15) != 0) {
                i->it = (uint8_t)op;
                i->v6m = false;
            } else if (op == 0xBF20 || op == 0xBF30) {
                i->kind = THUMB_WAIT;
            }
            break;
        default:
            i->v6m = false;
            break;
    }
}

/* 0x5000 to 0x9FFF: single loads and stores. */
static void decode_single16(ThumbInsn* i, uint16_t op) {
    static const uint8_t kRegisterWidth[8] = {4, 2, 1, 1, 4, 2, 1, 2};
    unsigned top = op >> 12;
    bool load = (op & 0x800) != 0;
    uint16_t base = bit((op >> 3) & 7);
    unsigned rt = op & 7;
    if (top == 5) {
        unsigned o = (op >> 9) & 7; /* STR STRH STRB LDRSB LDR LDRH LDRB LDRSH */
        uint16_t address = (uint16_t)(base | bit((op >> 6) & 7));
        if (o >= 3)
            set_load(i, kRegisterWidth[o], rt, address);
        else
            set_store(i, THUMB_STORE_REG, kRegisterWidth[o], address);
        return;
    }
    int width = top == 6 ? 4 : top == 7 ? 1 : top == 8 ? 2 : 4;
    if (top == 9) {
        base = bit(13);
        rt = (op >> 8) & 7;
    }
    if (load)
        set_load(i, width, rt, base);
    else
        set_store(i, THUMB_STORE_IMM, width, base);
}

static void decode16(ThumbInsn* i, uint16_t op) {
    unsigned top = op >> 12;
    if ((op & 0xFC00) == 0x4000) {
        if ((op & 0x03C0) == 0x0340) {
            i->kind = THUMB_MUL;
            i->multiplies = 1;
        }
    } else if ((op & 0xFC00) == 0x4400) {
        decode_high_registers(i, op);
    } else if ((op & 0xF800) == 0x4800) {
        set_load(i, 4, (op >> 8) & 7, bit(PC));
    } else if (top >= 5 && top <= 9) {
        decode_single16(i, op);
    } else if (top == 0xB) {
        decode_miscellaneous(i, op);
    } else if (top == 0xC) {
        set_multiple(i, (op & 0x800) != 0, ones(op & 0xFF), false);
    } else if (top == 0xD && ((op >> 8) & 15) < 14) {
        set_branch(i, THUMB_BRANCH, THUMB_FLOW_DIRECT);
        i->conditional = true;
    } else if ((op & 0xF800) == 0xE000) {
        set_branch(i, THUMB_BRANCH, THUMB_FLOW_DIRECT);
    }
}

/* 1110100: LDM, STM, LDRD, STRD, exclusives, table branches. */
static void decode_multiple32(ThumbInsn* i, uint16_t first, uint16_t second) {
    bool load = (first & 0x10) != 0;
    unsigned rn = first & 15;
    if ((first & 0x40) == 0) {
        set_multiple(i, load, ones(second), (second & 0x8000) != 0);
    } else if ((first & 0x120) != 0) {
        if (first != 0xE97F) set_multiple(i, load, 2, false); /* 0xE97F is SG, a NOP as far as we care */
    } else if ((first & 0x80) == 0) {                         /* LDREX, STREX: priced and pipelined like a load */
        set_load(i, 4, load ? second >> 12 : (second >> 8) & 15, bit(rn));
    } else if (load && (second & 0xE0) == 0) {
        set_branch(i, THUMB_TABLE, THUMB_FLOW_DIRECT);
        i->loads = 1;
        return;
    } else { /* LDREXB, LDREXH, STREXB, STREXH and the acquire/release forms of ARMv8-M */
        unsigned size = (second >> 4) & 3;
        set_load(i, 1 << size, load ? second >> 12 : second & 15, bit(rn));
    }
    if (i->kind == THUMB_LOAD && !load) {
        i->loads = 0;
        i->stores = 1;
    }
}

/* 1111100: single loads and stores, preload hints. */
static void decode_single32(ThumbInsn* i, uint16_t first, uint16_t second) {
    unsigned rn = first & 15, rt = second >> 12;
    int width = 1 << ((first >> 5) & 3);
    bool load = (first & 0x10) != 0;
    bool literal = load && rn == PC;
    bool imm12 = (first & 0x80) != 0;
    bool indexed = !literal && !imm12 && (second & 0x800) == 0;
    bool writeback = !literal && !imm12 && (second & 0x900) == 0x900;
    uint16_t address = bit(rn);
    if (load && rt == PC && width < 4) return; /* PLD, PLI: hints, which these cores execute as NOP */
    if (indexed) address |= bit(second & 15);
    if (!load) {
        set_store(i, indexed ? THUMB_STORE_REG : THUMB_STORE_IMM, width, address);
    } else {
        set_load(i, width, rt, address);
        if (writeback) i->writes |= bit(rn);
        if (rt == PC) set_branch(i, THUMB_LOAD_PC, THUMB_FLOW_INDIRECT);
    }
}

/* 11111011: multiplies and divides. */
static void decode_multiply32(ThumbInsn* i, uint16_t first, uint16_t second) {
    unsigned op1 = (first >> 4) & 7, op2 = (second >> 4) & 15;
    i->multiplies = 1;
    if ((first & 0x80) == 0) {
        i->kind = THUMB_MUL;
        if (op1 == 0 && (op2 == 1 || second >> 12 != 15)) i->kind = THUMB_MLA;
        if (op1 == 7) { /* USAD8, USADA8: sums of absolute differences */
            i->kind = THUMB_ALU;
            i->multiplies = 0;
        }
    } else if (op1 == 1 || op1 == 3) {
        i->kind = THUMB_DIV;
        i->multiplies = 0;
    } else {
        i->kind = op1 == 0 || op1 == 2 ? THUMB_MULL : THUMB_MLAL;
    }
}

/* 111x1110 with coprocessor 10 or 11: floating-point arithmetic. */
static void decode_fp_arithmetic(ThumbInsn* i, uint16_t first, uint16_t second) {
    unsigned op = ((first >> 5) & 4) | ((first >> 4) & 3);
    if ((first & 0x1000) != 0) return; /* VSEL, VMAXNM, VRINT …: not on the priced cores */
    switch (op) {
        case 0:
        case 1:
        case 5:
        case 6:
            i->kind = THUMB_FP_MAC;
            i->multiplies = 1;
            break;
        case 2:
            i->multiplies = 1; /* VMUL, VNMUL */
            break;
        case 4:
            i->kind = THUMB_FP_DIV;
            break;
        case 7:
            if ((first & 15) == 1 && (second & 0xC0) == 0xC0) i->kind = THUMB_FP_DIV; /* VSQRT */
            break;
        default:
            break;
    }
}

/* 111x11: floating point, and the vector extension of ARMv8.1-M. */
static void decode_coprocessor(ThumbInsn* i, uint16_t first, uint16_t second) {
    unsigned coprocessor = (second >> 8) & 15;
    bool fp = coprocessor == 10 || coprocessor == 11;
    bool load = (first & 0x10) != 0;
    if ((first & 0x0E00) == 0x0C00) {
        if ((first & 0x0FE0) == 0x0C40 || (first & 0x0FE0) == 0x0C00) {
            if (fp) i->kind = THUMB_FP_MOVE2;
        } else if (fp) { /* the immediate counts words: one for an S register, two for a D register; VLDR ignores it */
            bool single = (first & 0x0120) == 0x0100;
            unsigned words = single ? (coprocessor == 11 ? 2 : 1) : (second & 0xFF);
            set_multiple(i, load, words & (coprocessor == 11 ? ~1u : ~0u), false);
        } else if (coprocessor >= 14) { /* vector loads and stores: one transfer each, whatever their beats */
            set_multiple(i, load, 1, false);
        }
    } else if ((first & 0x0F00) == 0x0E00 && fp && (second & 0x10) == 0) {
        decode_fp_arithmetic(i, first, second);
    }
}

/* 11110 with bit 15 of the second halfword set: branches and system instructions. */
static void decode_branch32(ThumbInsn* i, uint16_t first, uint16_t second) {
    if ((second & 0xD000) == 0xD000) {
        set_branch(i, THUMB_BL, THUMB_FLOW_CALL);
        i->v6m = true;
    } else if ((second & 0x5000) != 0) {
        set_branch(i, THUMB_BRANCH, THUMB_FLOW_DIRECT); /* B.W; WLS, DLS and LE of ARMv8.1-M */
        i->conditional = (second & 0xC000) == 0xC000;
    } else if ((first & 0x0380) != 0x0380) {
        set_branch(i, THUMB_BRANCH, THUMB_FLOW_DIRECT);
        i->conditional = true;
    } else if ((first & 0x0FE0) == 0x0380) {
        i->kind = THUMB_STATUS; /* MSR */
        i->v6m = true;
    } else if ((first & 0x0FE0) == 0x03E0) {
        i->kind = THUMB_STATUS; /* MRS */
        i->v6m = true;
    } else if (first == 0xF3BF) {
        unsigned op = (second >> 4) & 15;
        i->v6m = op >= 4 && op <= 6;
        if (op == 4 || op == 5) i->kind = THUMB_BARRIER;
        if (op == 6) i->kind = THUMB_ISB;
    } else if (first == 0xF3AF) {
        if ((second & 0x0700) != 0)
            i->kind = THUMB_CPS;
        else if ((second & 0xFF) == 2 || (second & 0xFF) == 3)
            i->kind = THUMB_WAIT;
    } else if ((first & 0x0FF0) == 0x07F0 && (second & 0xF000) == 0xA000) {
        i->v6m = true; /* UDF.W is an undefined instruction there too */
    }
}

ThumbInsn thumb_decode(uint32_t address, uint16_t first, uint16_t second) {
    ThumbInsn i = {0};
    i.address = address;
    i.size = (uint8_t)thumb_size(first);
    i.kind = THUMB_ALU;
    i.v6m = i.size == 2;
    if (i.size == 2) {
        decode16(&i, first);
    } else if ((first & 0xFE00) == 0xE800) {
        decode_multiple32(&i, first, second);
    } else if ((first & 0xEC00) == 0xEC00) {
        decode_coprocessor(&i, first, second);
    } else if ((first & 0xF800) == 0xF000) {
        if ((second & 0x8000) != 0) decode_branch32(&i, first, second);
    } else if ((first & 0xFE00) == 0xF800) {
        decode_single32(&i, first, second);
    } else if ((first & 0xFF00) == 0xFB00) {
        decode_multiply32(&i, first, second);
    }
    return i;
}

int thumb_price(const CorePrices* core, const ThumbInsn* insn) {
    switch (insn->kind) {
        case THUMB_ALU:
        case THUMB_MUL:
        case THUMB_BRANCH:
            return 1;
        case THUMB_MLA:
            return core->mla;
        case THUMB_MULL:
            return core->mull;
        case THUMB_MLAL:
            return core->mlal;
        case THUMB_DIV:
            return core->div;
        case THUMB_LOAD:
        case THUMB_STORE_REG:
        case THUMB_TABLE:
        case THUMB_LOAD_PC:
            return 2;
        case THUMB_STORE_IMM:
            return core->store_imm;
        case THUMB_MULTIPLE:
        case THUMB_POP_PC:
            return 1 + insn->loads + insn->stores;
        case THUMB_BL:
            return core->bl;
        case THUMB_STATUS:
            return core->status;
        case THUMB_CPS:
            return core->cps;
        case THUMB_BARRIER:
            return core->barrier;
        case THUMB_ISB:
            return core->isb;
        case THUMB_WAIT:
            return core->wait;
        case THUMB_FP_MAC:
            return 3;
        case THUMB_FP_DIV:
            return 14;
        case THUMB_FP_MOVE2:
            return 2;
    }
    return 1;
}

int thumb_refill(const CorePrices* core, const ThumbInsn* insn) {
    if (insn->flow == THUMB_FLOW_NEXT) return 0;
    return insn->kind == THUMB_POP_PC ? core->refill_pop : core->refill;
}

int thumb_pipelining(const CorePrices* core, const ThumbInsn* first, const ThumbInsn* second) {
    if (!core->pipelined_loads || first->kind != THUMB_LOAD) return 0;
    if (second->kind != THUMB_LOAD && second->kind != THUMB_STORE_REG) return 0; /* STR with a constant costs 1 anyhow */
    return (first->writes & second->address_reads) == 0;
}
