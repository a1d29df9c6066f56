/* SPDX-License-Identifier: MIT */
/*
 * vcpu.h - one virtual CPU: its thread, its loop, its exits
 *
 * The loop is the middle of the whole monitor: engine -> accounting -> bus -> device -> engine.
 */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/chain.h"
#include "core/engine.h"
#include "core/exit.h"
#include "core/ferr.h"
#include "core/help.h"
#include "core/intc.h"
#include "core/mem.h"

/* What others want of a vCPU; see vcpu_request. */
enum vcpu_request {
    VCPU_INTR = 1 << 0, /* a level: the interrupt controller has something to deliver */
    VCPU_NMI = 1 << 1,
    VCPU_INIT = 1 << 2,
    VCPU_SIPI = 1 << 3, /* start at sipi_vector */
};

struct vcpu {
    /* set at creation */
    struct machine *m;
    unsigned idx;
    void *engine_cpu[ENGINE_SEATS]; /* each engine's own part */
    bool seated[ENGINE_SEATS];      /* that engine has made its part */
    struct intc intc;               /* set by the board before the first run */
    struct ferr *ferr; /* the same, borrowed; NULL: not wired, IGNNE# is always asserted */

    /*
     * enum vcpu_request. Set under the machine lock, read by the vCPU's thread without it: relaxed, since
     * what belongs to a request is read under the lock afterwards.
     */
    _Atomic unsigned requests;
    uint8_t sipi_vector; /* guarded by the machine lock */

    /* the vCPU thread's, read by others only while the machine is stopped */
    struct cpu_exit exit;
    bool answered;              /* exit has been dispatched: data of a read is there */
    bool ended;                 /* halted for good; not entered again */
    bool idle;                  /* waits for a request; guarded by the machine lock */
    bool irqs_on;               /* in X86_HALTED: an interrupt ends it, not an NMI or INIT alone */
    enum x86_activity activity; /* written under the machine lock */
    pthread_cond_t wake;        /* with the machine lock: a request, or the machine stops */
    bool started;
    const struct engine_ops *engine; /* has the registers: the machine's, or its helper meanwhile */
    struct help help;                /* help.c */
    struct cpu_debug debug;          /* what it is to be stopped by; vcpu_debug */
    bool tables_changed;      /* the helper wrote page-table entries or flushed translations */
    struct fault_chain chain; /* of the last shutdown, where the engine knows it */
    uint64_t mark_ticks;      /* when the monitor last got hold of the CPU */

    struct exit_table exits; /* guarded by the machine lock */
    struct exit_table
        *exits_mark; /* copy of exits at the last mark, or NULL; changed while stopped */

    _Atomic bool
        kicked_to_look; /* by pause.c: that kick is nobody's exit; relaxed, it only saves a count */

    /* for kicks from other threads */
    pthread_mutex_t kick_lock; /* guards thread and in_loop */
    pthread_t thread;
    bool in_loop;
};

/* Allocates and creates the engine's part. On failure nothing is left behind. */
WARN_UNUSED int vcpu_new(struct machine *m, unsigned idx, struct vcpu **out, struct vitro_err *err);
void vcpu_free(struct vcpu *cpu);

/* Lets an engine that has been opened (machine_seat) make its part; nothing if that is done already. */
WARN_UNUSED int vcpu_seat(struct vcpu *cpu, const struct engine_ops *engine, struct vitro_err *err);

/*
 * vcpu_loop - run this vCPU on the calling thread until it ends, its turn is over or the machine is stopped
 *
 * A host failure stops the machine with STOP_HOST; its cause is in m->host_err.
 */
void vcpu_loop(struct vcpu *cpu);

/* Dispatches and counts cpu->exit as the loop does. Not while the vCPU runs. */
void vcpu_answer(struct vcpu *cpu);

/* Ends the instruction under way: its accesses reach their devices. Not while the vCPU runs. */
WARN_UNUSED int vcpu_drain(struct vcpu *cpu, struct vitro_err *err);

/*
 * As engine_ops.debug; what the engine cannot do (-ENOTSUP, -ENOSPC) the helper does, which then has the CPU until
 * something else is asked for. Not while it runs.
 */
WARN_UNUSED int vcpu_debug(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err);

/*
 * vcpu_request, vcpu_withdraw - set or take back requests (enum vcpu_request)
 *
 * A vCPU that waits in HLT, or for INIT or SIPI, looks again; one that runs notices at the next place where it can.
 * Thread: any, under the machine lock.
 */
void vcpu_request(struct vcpu *cpu, unsigned requests);

/* The device that this CPU sees at a guest-physical address outside of memory, or NULL. Under the machine lock. */
struct dev *vcpu_mmio_dev(const struct vcpu *cpu, uint64_t gpa);
void vcpu_withdraw(struct vcpu *cpu, unsigned requests);

/*
 * vcpu_ready - do what INIT and SIPI ask for, and wait while the vCPU has nothing to execute
 *
 * 0: it may be entered; 1: the machine is to stop, or where vCPUs take turns (turns.h) it waits; a negative errno from the engine, with err filled.
 * Thread: the vCPU's, without the machine lock.
 */
WARN_UNUSED int vcpu_ready(struct vcpu *cpu, struct vitro_err *err);

/* HLT, under the machine lock. irqs_on: RFLAGS.IF. */
void vcpu_halt(struct vcpu *cpu, bool irqs_on);

/* Makes vcpu_loop look at the machine's stop request soon. Thread: any. */
void vcpu_kick(struct vcpu *cpu);

/*
 * vcpu_translate - guest-linear to guest-physical, as the guest's page tables say now
 *
 * False when it is not mapped or the engine cannot tell. For devices, from inside a write access.
 */
bool vcpu_translate(struct vcpu *cpu, gva_t gva, gpa_t *gpa);

/*
 * vcpu_state, vcpu_set_state - parts of its registers (engine.h), for somebody outside
 *
 * CR8 is the interrupt controller's where there is one. Of STATE_REST only debug registers and events are set: not without
 * STATE_REGS and STATE_SREGS. Thread: while no vCPU runs.
 */
WARN_UNUSED int vcpu_state(struct vcpu *cpu, unsigned parts, struct x86_state *out,
                           struct vitro_err *err);
WARN_UNUSED int vcpu_set_state(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                               struct vitro_err *err);

#endif
