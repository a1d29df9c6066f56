/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - the software CPU: its state, and how an instruction ends
 *
 * Registers are those of struct x86_state itself, so that nothing has to be converted when somebody looks.
 * An instruction is executed by a function that returns true when it is done, or false when it is not:
 * then `stop` says whether an exception is to be delivered or the monitor is needed. Until an instruction
 * is done it changes nothing that a second execution would see, so both cases simply start over at rip.
 *
 * A device access is one of those cases. Its answer is kept in `access`, and the instruction is executed
 * again: the accesses made so far are then answered from there (see mem.h).
 */
#ifndef ENGINE_SOFT_CPU_H
#define ENGINE_SOFT_CPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "core/machine.h"
#include "engine/soft/msr.h"
#include "engine/soft/points.h"
#include "engine/soft/sys.h"
#include "engine/soft/watch.h"
#include "x86/state.h"
#include "x86/walk.h"

/* Exceptions, SDM 3A "Exception and Interrupt Reference". */
enum soft_vector {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_BR = 5,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_AC = 17,
    VEC_MC = 18,
    VEC_XM = 19,
};

/* Page-fault error code bits. */
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };

enum soft_stop_kind {
    SOFT_GOES_ON,
    SOFT_FAULT, /* deliver `vector`; rip is still the instruction's */
    SOFT_EXIT,  /* cpu->exit is filled: the monitor is needed */
};

struct soft_stop {
    enum soft_stop_kind kind;
    uint8_t vector;
    bool has_error;
    uint32_t error;
    uint64_t cr2; /* VEC_PF */
    uint64_t dr6; /* VEC_DB: bits to set */
    bool before;  /* VEC_DB: raised before the instruction, a fault */
};

/* One device access of the instruction under way, with its answer once it has one. */
struct soft_access {
    uint64_t addr, data;
    uint8_t width; /* bytes: 1, 2, 4, 8 */
    bool port, write;
};

enum {
    SOFT_ACCESSES = 128, /* an XSAVE area, eight bytes at a time, and some */
    SOFT_TLB = 16384,
    SOFT_CODE = 16384,
};

/* Bits of x86_events.shadow. After MOV SS and POP SS traps and breakpoints wait too. */
enum soft_shadow { SHADOW_STI = 1, SHADOW_MOV_SS = 2 };

/* Who accesses; indexes soft_tlb_entry.allow. */
enum soft_bank { BANK_SUPER, BANK_SUPER_AC, BANK_USER, BANKS };

enum soft_how { HOW_READ = 1, HOW_WRITE = 2, HOW_FETCH = 4 };

struct soft_tlb_entry {
    uint64_t tag;         /* linear page number << 12 | generation; 0 is never valid */
    uint64_t gpa;         /* of the page */
    uint8_t *host;        /* NULL: not memory, or it must be looked at each time */
    uint8_t allow[BANKS]; /* enum soft_how, of what needs no further look */
    uint8_t held[BANKS];  /* allowed too, but a watchpoint or the translator wants to know */
    uint8_t watched;      /* enum soft_how of the watchpoints on the page (watch.h) */
    bool global;          /* stays when another CR3 is loaded */
};

struct soft_code; /* a decoded instruction; run.c */
struct trans;     /* trans/trans.h */
struct soft_world;

struct soft_cpu {
    struct x86_state s; /* the registers; rip is that of the instruction under way */
    uint64_t zero;      /* always 0: what an address has instead of a register (fast.h) */
    struct vcpu *vcpu;

    /* derived from s by soft_mode_changed() */
    enum x86_mode mode;
    uint8_t cpl;
    uint8_t code_bits;  /* 16, 32, 64: default operand and address size */
    uint8_t stack_bits; /* 16, 32, 64: width of the stack pointer */
    enum soft_bank bank;

    /* the instruction under way */
    uint64_t next_rip; /* where execution goes on; an offset in CS */
    struct soft_stop stop;
    struct soft_access access[SOFT_ACCESSES]; /* those answered already, in order */
    unsigned naccesses, access_at; /* answered; how many of them this execution has passed */
    uint8_t shadow_next; /* enum soft_shadow: holds interrupts off for the next instruction */
    bool waiting;        /* vcpu->exit is a device access of this instruction */
    bool keep_rf;        /* it loaded RF (IRET, task switch), which stays */
    bool no_step;        /* it took TF away (INT n, SYSCALL): no single-step trap */
    bool repeats;        /* an iteration of a string instruction is done, and more are to come */
    uint64_t trap_dr6;   /* bits of a #DB that follows it */
    uint64_t held_dr6; /* of one that MOV SS or POP SS has met: it waits for the next instruction */
    bool frozen;   /* the HLT in vcpu->exit is none: FERR# holds the CPU before an instruction */
    bool ferr_on;  /* FERR# may be asserted */
    bool inherits; /* s.events has some that another engine began to deliver */
    bool watches_tables; /* stores to page tables are told to the vCPU */
    int raised;          /* vector of the exception that it ended in; -1: none */
    bool exit_ready;     /* `ready` is the exit that the next run begins with */
    struct cpu_exit ready;

    uint64_t insns; /* completed since the CPU was made */
    uint64_t
        delivered; /* one more than there were when the last exception or interrupt was delivered */
    uint64_t limit; /* run returns when so many are completed */

    struct soft_msrs msrs; /* those without a place in s */
    struct soft_sys sys;   /* model, time, random numbers */

    /* set by other threads */
    _Atomic bool kicked;

    struct soft_world *world; /* NULL: there is no other vCPU */
    _Atomic bool inside;      /* world.h; sequentially consistent */
    bool was_inside;          /* before it wanted to be alone */

    struct cpu_debug debug;
    bool at_break; /* the last exit was a stop before the instruction at break_rip */
    uint64_t break_rip;
    struct soft_watch_hit hit;

    struct soft_tlb_entry tlb[SOFT_TLB];
    uint32_t tlb_generation; /* 1..0xfff */
    uint64_t flushes;        /* of tlb, ever */
    /* global pages once more: what tlb is filled from after a flush that leaves them */
    struct soft_tlb_entry tlb_global[SOFT_TLB];
    uint32_t global_generation; /* 1..0xfff */
    bool global_low;            /* one of them has an address that programs use */
    uint64_t global_flushes;    /* of both, ever */
    uint64_t
        large; /* of each region of linear addresses, by its number modulo 64: large pages are in either */

    struct soft_code *code;    /* SOFT_CODE decoded instructions, by physical address */
    struct trans *trans;       /* NULL: everything is interpreted */
    struct soft_points points; /* of `debug` and s.dr; see soft_points_stale */
};

/* Recomputes what is derived; after any change of CS, SS, CR0, EFER, rflags.VM or rflags.AC. */
void soft_mode_changed(struct soft_cpu *c);

/* Each sets c->stop and returns false. */
bool soft_raise(struct soft_cpu *c, enum soft_vector vector);
bool soft_raise_error(struct soft_cpu *c, enum soft_vector vector, uint32_t error);
bool soft_raise_page_fault(struct soft_cpu *c, uint64_t linear, uint32_t error);

/* General registers. width 1, 2, 4, 8 bytes; a 4-byte write clears the upper half. */
static inline uint64_t soft_gpr(const struct soft_cpu *c, unsigned reg, unsigned width)
{
    return c->s.gpr[reg] & ones(width);
}

static inline void soft_set_gpr(struct soft_cpu *c, unsigned reg, unsigned width, uint64_t val)
{
    uint64_t keep = width == 1 ? ~UINT64_C(0xff) : width == 2 ? ~UINT64_C(0xffff) : 0;

    c->s.gpr[reg] = (c->s.gpr[reg] & keep) | (val & ones(width));
}

#endif
