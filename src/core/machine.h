/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a machine: memory, buses, vCPUs, an engine, and how a run ends
 *
 * Made by board/, run and stopped through vitro.c. There may be many in one process; they share nothing
 * but the kick signal (kick.h).
 *
 * Lock: `lock` is held at exit dispatch and at host events. Fields say so where they need it.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/backend.h"
#include "core/bus.h"
#include "core/clock.h"
#include "core/engine.h"
#include "core/event.h"
#include "core/host_log.h"
#include "core/mem.h"
#include "core/outside.h"
#include "core/pause.h"
#include "core/rewind.h"
#include "core/timer.h"
#include "core/turns.h"
#include "core/vcpu.h"
#include "x86/cpuid_model.h"

enum { CPUS_MAX = 8, DEVS_MAX = 32, PARTS_MAX = 4, MACHINE_NAME_MAX = 64 };

/* Why a run ended. X(constant, words) */
#define STOP_REASONS(X)                                                  \
    X(NONE, "still running")                                             \
    X(HALT, "every CPU halted")                                          \
    X(GUEST_EXIT, "the guest ended the run through the debug-exit port") \
    X(POWEROFF, "the guest switched the machine off")                    \
    X(RESET, "the guest reset the machine")                              \
    X(PANIC, "the guest's kernel panicked")                              \
    X(SHUTDOWN, "triple fault")                                          \
    X(REFUSED, "the engine cannot execute an instruction of the guest")  \
    X(FAILED, "the engine could not enter the guest")                    \
    X(BREAK, "breakpoint, watchpoint or step")                           \
    X(COUNT, "stopped after the count asked for")                        \
    X(TIMEOUT, "ended by the time limit")                                \
    X(USER, "stopped from outside")                                      \
    X(HELD, "stopped to be looked at")                                   \
    X(HOST, "the host refused something")

#define X(name, text) STOP_##name,
enum stop_reason { STOP_REASONS(X) STOP_NREASONS };
#undef X

const char *stop_reason_text(enum stop_reason why);

struct stop {
    enum stop_reason why;
    int cpu;       /* index of the vCPU that is the cause, or -1 */
    uint32_t code; /* GUEST_EXIT: the guest's value */
};

/* What serves timers and the host's descriptors while the machine runs; host/loop.c. */
struct machine_loop {
    int (*start)(void *ctx, struct vitro_err *err);
    void (*stop)(void *ctx);
    void *ctx; /* NULL: the machine has no timers */
};

struct machine {
    char name[MACHINE_NAME_MAX];
    const struct engine_ops *engine; /* changed only while stopped */
    const struct engine_ops *helper; /* executes what it refuses (help.h); NULL: nobody does */
    const void *engine_arg;          /* set before machine_open; what it means is the engine's */
    void *engine_vm[ENGINE_SEATS];   /* each engine's own part */
    const struct engine_ops *opened[ENGINE_SEATS]; /* guarded by lock; NULL: nobody sits there */
    /* Set before machine_open, borrowed: what CPUID answers, and what follows. NULL: the engine's own. */
    const struct x86_cpuid_model *cpu_model;
    enum engine_tier tier; /* set before machine_open */
    unsigned translate;    /* enum translate; the same */
    struct vitro_err
        untranslated;       /* TIER_AUTO: why nothing can be translated here; code 0: it can */
    bool cpuid;             /* the guest may execute CPUID: the engine offers the host's */
    unsigned ncpus_planned; /* set before machine_open: how many will be added */
    bool lapic;             /* set before machine_open: each vCPU will have a local APIC */

    struct mem mem; /* fixed once a vCPU exists */
    /* Page tables may have been written by an outsider; relaxed: whoever writes says so afterwards. */
    _Atomic bool tables_stale;
    struct clock clock;
    uint64_t seed;        /* clock.counted: of the CPUs' random numbers; set before machine_open */
    struct turns turns;   /* clock.counted; turns.h */
    struct timers timers; /* guarded by lock */
    struct machine_loop loop; /* set by the board before the first run */
    bool loop_runs;

    pthread_mutex_t lock;      /* recursive */
    struct bus pio, mmio;      /* layout fixed once running; counters guarded by lock */
    struct dev *dev[DEVS_MAX]; /* owned */
    unsigned ndevs;
    struct
    { /* what else the machine consists of: borrowed from the board, put back as devices are */
        void *at;
        size_t len;
    } part[PARTS_MAX];
    unsigned nparts;
    struct rewind *rewind; /* clock.counted; owned; NULL: no past is kept. Changed while stopped */
    struct host_log host_log; /* clock.counted */
    struct outside outside;   /* the same */
    struct event_sink sink;   /* changed only while stopped */
    /* Puts all back as after power-up, for a guest that resets the machine; NULL: that ends the run. Changed while stopped. */
    int (*reset)(void *ctx, struct vitro_err *err);
    void *reset_ctx;
    uint64_t resets; /* how many there were; goes back with the machine */
    struct insn_trace insn_trace;
    uint64_t accesses;      /* of vCPUs to devices; guarded by lock */
    struct vcpu *accessing; /* vCPU whose access is being dispatched; guarded by lock */

    struct vcpu *cpu[CPUS_MAX];
    unsigned ncpus;
    struct pause pause;

    /* The stop request, packed so that reason, code and cause are taken or lost together. */
    bool goes_back;         /* back.h; of the run's thread, as the next */
    bool button_waits;      /* a reset from outside, for the end of going back */
    _Atomic uint64_t stop;  /* machine.c says how; 0 while running; seq_cst */
    uint64_t stop_at_exits; /* stop when a vCPU has counted so many; 0 off; changed while stopped */
    uint64_t
        stop_at_insns; /* soft engine: stop when a vCPU has completed so many instructions; 0 off */

    struct vitro_err host_err; /* guarded by lock, as the next */
    bool failed;     /* since the last run began to end, whatever else has asked it to stop */
    uint64_t run_ns; /* time spent in machine_run so far */
};

/*
 * machine_new - an empty machine; the caller sets sink and cpuid, then opens it
 *
 * After machine_open it adds memory, devices and vCPUs, in this order.
 */
WARN_UNUSED int machine_new(const char *name, const struct engine_ops *engine, struct machine **out,
                            struct vitro_err *err);
WARN_UNUSED int machine_open(struct machine *m, struct vitro_err *err);

/*
 * machine_seat - open an engine for this machine and show it the memory; nothing if that is done already
 *
 * Thread: any, under the machine lock, or before the machine runs.
 */
WARN_UNUSED int machine_seat(struct machine *m, const struct engine_ops *engine,
                             struct vitro_err *err);

/* Frees vCPUs, devices, engine. Not the memory behind the slots: that is the board's. NULL is fine. */
void machine_free(struct machine *m);

/* Adds a memory slot and tells the engine. */
WARN_UNUSED int machine_add_mem(struct machine *m, const struct mem_slot *slot,
                                struct vitro_err *err);

/* Takes ownership of dev, also on failure (it is freed then). Attach it with bus_add. */
WARN_UNUSED int machine_add_dev(struct machine *m, struct dev *dev, struct vitro_err *err);

/* A piece of the board's own state, plain bytes that live as long as the machine; for checkpoints. */
void machine_add_part(struct machine *m, void *at, size_t len);

WARN_UNUSED int machine_add_cpu(struct machine *m, const struct x86_state *start,
                                struct vitro_err *err);

/*
 * machine_switch - let another engine go on with a stopped machine
 *
 * engine  opened if it is not yet; helper: of that engine, or NULL
 *
 * Registers, what a run shall stop at and the page tables as memory has them go along; accesses of an
 * instruction under way are finished first. MSRs and register components that only the old engine has stay
 * there. The TSC goes on as if nothing had happened. On failure the old engine keeps the machine, and err
 * is what the new engine says.
 */
WARN_UNUSED int machine_switch(struct machine *m, const struct engine_ops *engine,
                               const struct engine_ops *helper, struct vitro_err *err);

/*
 * machine_wrote - bytes of guest memory have been written by somebody who is not the guest
 *
 * An engine that keeps something made of page tables looks at them again before it goes on, and where a past is kept
 * the write is part of it (outside.h). Thread: any; where a past is kept, while no vCPU runs.
 */
void machine_wrote(struct machine *m, gpa_t gpa, const void *bytes, size_t len);

/*
 * machine_run - run all vCPUs until the machine stops
 *
 * vCPU 0 runs on the calling thread, the others on threads of their own that have ended on return. A reset begins
 * anew with what `reset` makes of the machine, and ends a step there.
 * May be called again after any stop; vCPUs that halted stay halted.
 */
void machine_run(struct machine *m, struct stop *out);

/* Runs one vCPU alone, on the calling thread, until it ends or the machine stops. */
void machine_run_cpu(struct machine *m, unsigned cpu, struct stop *out);

/*
 * machine_stop - ask a running machine to stop; the first request wins, but a reset is done beside others
 *
 * code  for STOP_GUEST_EXIT; cpu: index of the vCPU that is the cause, calling from its own thread, or -1: from outside
 *
 * Thread: any, also from a device under the machine lock.
 */
void machine_stop(struct machine *m, enum stop_reason why, uint32_t code, int cpu);

/* Sends an event to the sink, numbering it; fills seq and t_ns. Only while m->sink.fn is set. */
void machine_emit(struct machine *m, struct event *ev);

/* The host has refused something: stops the machine; the first cause is kept. cpu: as machine_stop. */
void machine_fail(struct machine *m, const struct vitro_err *err, int cpu);

/* Where vCPUs take turns: the present one's is over. */
static inline bool turns_over(const struct machine *m)
{
    return m->clock.counted && m->clock.counted_ns >= m->turns.end_ns;
}

/*
 * machine_hash - a number that is the same when the guest's state is: all vCPUs' registers, all memory
 *
 * Devices are not in it. Not while a vCPU runs. Fails when the engine cannot read registers.
 */
WARN_UNUSED int machine_hash(struct machine *m, uint64_t *out, struct vitro_err *err);

/* Views of exits show from here on only what comes now. Not while the machine runs. */
WARN_UNUSED int machine_mark_exits(struct machine *m, struct vitro_err *err);

/* Sums over all vCPUs. */
uint64_t machine_exits(const struct machine *m);

#endif
