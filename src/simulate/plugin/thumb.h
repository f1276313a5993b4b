/* What the pricing plugin must know of a Thumb instruction: how long it is, what it does to memory and to the flow of
 * control, which class of the cores' timing tables it belongs to, and whether ARMv6-M has it. And the tables. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden) /* QEMU exports thousands of names of its own: ours must not bind to them */

/* Classes of the timing tables: instructions of one class cost the same on every core. */
typedef enum {
    THUMB_ALU,       /* data processing, moves, extends, saturation, parallel add, NOP, PLD: 1 */
    THUMB_MUL,       /* MUL and the halfword, dual and most-significant-word multiplies of the DSP extension */
    THUMB_MLA,       /* MLA, MLS */
    THUMB_MULL,      /* SMULL, UMULL */
    THUMB_MLAL,      /* SMLAL, UMLAL, UMAAL and the dual long forms */
    THUMB_DIV,       /* SDIV, UDIV */
    THUMB_LOAD,      /* one register, any width; LDREX, STREX */
    THUMB_STORE_IMM, /* one register, base and constant */
    THUMB_STORE_REG, /* one register, base and index register */
    THUMB_MULTIPLE,  /* LDM, STM, PUSH, POP, LDRD, STRD, VLDR, VSTR, VLDM, VSTM: by the number of words */
    THUMB_BRANCH,    /* B, CBZ, BX, BLX register, MOV PC, ADD PC */
    THUMB_BL,        /* BL */
    THUMB_TABLE,     /* TBB, TBH */
    THUMB_LOAD_PC,   /* LDR PC */
    THUMB_POP_PC,    /* POP and LDM with PC in the list */
    THUMB_STATUS,    /* MRS, MSR */
    THUMB_CPS,       /* CPSIE, CPSID */
    THUMB_BARRIER,   /* DMB, DSB */
    THUMB_ISB,
    THUMB_WAIT,    /* WFI, WFE */
    THUMB_FP_MAC,  /* VMLA, VMLS, VNMLA, VNMLS, VFMA, VFMS, VFNMA, VFNMS */
    THUMB_FP_DIV,  /* VDIV, VSQRT */
    THUMB_FP_MOVE2 /* VMOV between two core registers and a D register or two S registers */
} ThumbClass;

/* Where control can go after the instruction. */
typedef enum {
    THUMB_FLOW_NEXT,     /* only to the next instruction */
    THUMB_FLOW_DIRECT,   /* to a place inside the function or, as a tail call, to the start of another */
    THUMB_FLOW_INDIRECT, /* to an address from a register or from memory: a return, a tail call, a jump table */
    THUMB_FLOW_CALL      /* to a function that is expected to come back */
} ThumbFlow;

typedef struct {
    uint32_t address;
    uint8_t size; /* bytes: 2 or 4 */
    ThumbClass kind;
    ThumbFlow flow;
    bool conditional;       /* a branch that decides by itself (Bcc, CBZ), not by an IT block */
    bool v6m;               /* ARMv6-M has this encoding */
    uint8_t it;             /* for IT: the initial state of the block (condition and mask); else 0 */
    uint8_t loads, stores;  /* words, halfwords or bytes transferred; a D register counts two */
    uint8_t multiplies;     /* 1 for every multiplying instruction */
    uint8_t width;          /* bytes of the one access of THUMB_LOAD and THUMB_STORE_*, else 0 */
    uint16_t address_reads; /* core registers that form the address, as a bit mask (only for those classes) */
    uint16_t writes;        /* core registers a load writes, written-back base included */
} ThumbInsn;

/* Prices at zero wait states, in cycles. `refill` is what a taken branch costs on top. */
typedef struct {
    const char* name;
    bool priced;          /* false: the core has no published table; instructions are counted, nothing is priced */
    bool pipelined_loads; /* a load or store right after an independent load costs one less (Cortex-M3 and M4) */
    uint8_t refill;       /* of a branch */
    uint8_t refill_pop;   /* of POP and LDM with PC */
    uint8_t bl, store_imm, mla, mull, mlal, div, status, cps, barrier, isb, wait;
} CorePrices;

/* The prices of `core` ("cortex-m0" …), or NULL for an unknown name. */
const CorePrices* core_prices(const char* core);

/* Reads the instruction at `address`: `first` and `second` are its halfwords (`second` is ignored for a 16-bit one). */
ThumbInsn thumb_decode(uint32_t address, uint16_t first, uint16_t second);

/* Bytes of the instruction that begins with this halfword. */
int thumb_size(uint16_t first);

/* Cycles of the executed instruction without the refill of a taken branch. */
int thumb_price(const CorePrices* core, const ThumbInsn* insn);

/* Cycles that a taken branch adds. */
int thumb_refill(const CorePrices* core, const ThumbInsn* insn);

/* Cycles saved by `second` because it runs directly after `first` (0 or 1). */
int thumb_pipelining(const CorePrices* core, const ThumbInsn* first, const ThumbInsn* second);

#pragma GCC visibility pop
