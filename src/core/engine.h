/* SPDX-License-Identifier: MIT */
/*
 * engine.h - the contract between a machine and whatever executes its instructions
 *
 * Implemented by engine/kvm (the host's KVM) and later by engine/soft (our own CPU). An engine sees
 * core/ and x86/ only: no device, no board, and no other engine.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/exit.h"
#include "x86/state.h"

struct code_ops;
struct machine;
struct mem_slot;
struct vcpu;

/* Parts of struct x86_state, for get and set. */
enum state_part {
    STATE_REGS = 1 << 0,  /* gpr, rip, rflags */
    STATE_SREGS = 1 << 1, /* segments, tables, control registers, EFER, APIC base */
    STATE_REST = 1 << 2,  /* debug registers, MSRs, XSAVE, XCR0, local APIC, events, activity */
    STATE_ALL = STATE_REGS | STATE_SREGS | STATE_REST,
};

/* Stops before the instruction there. */
struct breakpoint {
    uint64_t addr; /* guest-linear */
};

enum watch_how { WATCH_READ = 1 << 0, WATCH_WRITE = 1 << 1 };

/* Stops after an instruction that has accessed any byte of [addr, addr + len). */
struct watchpoint {
    uint64_t addr, len; /* guest-linear; len is 1 at least, and the range does not wrap */
    unsigned how;       /* enum watch_how, OR of any, not 0 */
};

enum { BREAKS_MAX = 32, ENGINE_SEATS = 2 };

/* What the machine's owner wants to be stopped by; replaces what was asked before. */
struct cpu_debug {
    bool step; /* stop after one instruction */
    unsigned nbreaks;
    struct breakpoint brk[BREAKS_MAX];
    const struct watchpoint *watch; /* borrowed until it is replaced */
    unsigned nwatches;
};

static inline bool cpu_debug_on(const struct cpu_debug *dbg)
{
    return dbg->step || dbg->nbreaks > 0 || dbg->nwatches > 0;
}

static inline bool cpu_debug_has_break(const struct cpu_debug *dbg, uint64_t linear)
{
    for (unsigned i = 0; i < dbg->nbreaks; i++) {
        if (dbg->brk[i].addr == linear)
            return true;
    }
    return false;
}

/* How an engine that is software executes. */
enum engine_tier {
    TIER_AUTO,   /* what is executed often is translated, where the host can */
    TIER_INTERP, /* nothing is translated */
    TIER_TRANS,  /* everything is at once */
};

/* What else is done with translated code. OR them. */
enum translate {
    TRANSLATE_CHECK = 1 << 0, /* all of it is interpreted too, and compared */
    TRANSLATE_COUNT = 1 << 1, /* executions of each block are counted */
    TRANSLATE_PERF =
        1 << 2, /* it lies where the host's profiler asks for a map (blocks_perf_map) */
};

/* The memory the engine and the monitor share for a vCPU; for the map. */
struct run_area {
    const void *host;
    uint64_t len;
    uint64_t io_offset; /* of the byte that the last port access carries; 0 when there is none */
    const char *what;   /* "struct kvm_run, mapped from the vCPU's file descriptor" */
};

/*
 * Functions that return int give 0 or a negative errno with err filled: a host failure.
 * Threads: run, get, set and debug belong to the vCPU's thread, or to any one thread while it does not
 * run. kick: any thread at any time between cpu_new and cpu_free.
 */
struct engine_ops {
    const char *name;
    unsigned seat;     /* index in engine_vm and engine_cpu; engines of one machine differ */
    bool counts_insns; /* knows m->stop_at_insns */
    bool traces_insns; /* knows m->insn_trace */
    bool polls; /* looks at vcpu.requests itself for interrupts and NMIs: no kick is needed */

    int (*open)(struct machine *m, struct vitro_err *err);
    void (*close)(struct machine *m);
    /* A slot has been added to m->mem. */
    int (*mem_added)(struct machine *m, const struct mem_slot *slot, struct vitro_err *err);
    /*
     * Page tables in guest memory have been written by somebody else than this engine's guest: forget what
     * was made of them. NULL: nothing is kept. Thread: a vCPU's, outside run; others may run.
     */
    int (*mem_refresh)(struct machine *m, struct vitro_err *err);

    int (*cpu_new)(struct vcpu *cpu, struct vitro_err *err);
    void (*cpu_free)(struct vcpu *cpu);

    /*
     * Runs until the monitor is needed and fills cpu->exit. The data of a read that the last exit asked
     * for is taken from cpu->exit.data. String and REP forms are unrolled: one access a call, all but
     * the first of a batch with exit.more set.
     */
    int (*run)(struct vcpu *cpu, struct vitro_err *err);
    /*
     * Executes up to `budget` instructions for an engine that refused the first; *done is how many. 0: cpu->exit
     * is filled as by run; 1: it ends here, with no exit: the budget is used up, or the next instruction
     * is one that waits (HLT), which is the other engine's. Sets vcpu.tables_changed. NULL: helps nobody.
     */
    int (*help)(struct vcpu *cpu, uint64_t budget, uint64_t *done, struct vitro_err *err);
    /*
     * Ends the instruction under way without beginning another. 1: cpu->exit is what it needs for that, to
     * be answered before the next call; 0: none is under way.
     */
    int (*drain)(struct vcpu *cpu, struct vitro_err *err);
    /* run returns EXIT_KICKED soon, also when it has not been entered yet. */
    void (*kick)(struct vcpu *cpu);

    /* After a port or memory access the instruction is completed first, so rip is the next one's. */
    int (*get)(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err);
    int (*set)(struct vcpu *cpu, unsigned parts, const struct x86_state *in, struct vitro_err *err);
    /*
     * -ENOTSUP, -ENOSPC: the engine cannot do that in the mode the CPU is in; what was set before stays.
     * A run that begins where the last one was stopped does not stop there again at once. A step over
     * an access gives the access first and EXIT_DEBUG at the next call of run.
     */
    int (*debug)(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err);
    void (*run_area)(const struct vcpu *cpu, struct run_area *out);
    const struct code_ops *code; /* core/code.h; NULL: it translates nothing */
    /*
     * The general registers as the last exit left them, without a system call and without completing its
     * access. False: they are not at hand. NULL: they never are. Thread: the vCPU's.
     */
    bool (*peek)(const struct vcpu *cpu, uint64_t gpr[X86_NGPR]);

    /*
     * Checkpoints in memory (rewind.h): all of a vCPU, also in the middle of an instruction, as saved_bytes bytes that
     * are good for as long as it lives; what `debug` asks for is not in them. forget: translations of guest addresses
     * are looked up again. NULL: cannot. Thread: as get.
     */
    size_t saved_bytes;
    void (*save)(const struct vcpu *cpu, void *to);
    void (*load)(struct vcpu *cpu, const void *from);
    void (*forget)(struct vcpu *cpu);
    /*
     * That number of instructions says where the vCPU is: none is half done, and nothing has been delivered to it since
     * the last one was completed. An engine without checkpoints needs none. Not while it runs.
     */
    bool (*settled)(const struct vcpu *cpu);
    /* Instructions completed since the vCPU was made, as stop_at_insns counts them. */
    uint64_t (*count)(const struct vcpu *cpu);
};

#endif
