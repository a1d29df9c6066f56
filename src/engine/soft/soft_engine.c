/* SPDX-License-Identifier: MIT */
/* soft_engine.c - the engine contract (core/engine.h) on top of the software CPU. */
#include "engine/soft/soft.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/attend.h"
#include "engine/soft/breakpoint.h"
#include "engine/soft/insn_trace.h"
#include "engine/soft/msr.h"
#include "engine/soft/mmu.h"
#include "engine/soft/ops.h"
#include "engine/soft/run.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/trans.h"
#include "engine/soft/time.h"
#include "engine/soft/world.h"

/* Machine-wide: the CPU that guests are shown, and the base of its KVM clock. */
struct soft_vm {
    struct x86_cpuid_model model;
    struct soft_pvclock pvclock;
    struct soft_world world; /* of several vCPUs */
};

/* ---- life ------------------------------------------------------------------------------------ */

/*
 * As a helper of another engine it executes whatever the host has: there, too, CPUID does not forbid
 * instructions.
 */
static void take_model(struct soft_vm *vm, const struct machine *m)
{
    struct x86_cpuid_model host = vm->model;

    vm->model = *m->cpu_model;
    if (m->engine == &soft_engine)
        return;
    vm->model.features |= host.features;
    vm->model.xcr0 |= host.xcr0;
    vm->model.cr4 |= host.cr4;
}

static int soft_open(struct machine *m, struct vitro_err *err)
{
    struct x86_cpuid_config config = {
        .ncpus = m->ncpus_planned,
        .phys_bits = SOFT_MAXPHYADDR,
        .apic = m->lapic,
        .x2apic = m->lapic,
        .tsc_deadline = m->lapic,
    };
    struct soft_vm *vm = calloc(1, sizeof(*vm));

    if (vm == NULL)
        return err_set(err, -ENOMEM, "opening the software CPU: out of memory");
    soft_host_model(&vm->model, &config);
    if (m->cpu_model != NULL)
        take_model(vm, m);
    soft_world_init(&vm->world);
    m->engine_vm[SOFT_SEAT] = vm;
    return 0;
}

static void soft_close(struct machine *m)
{
    struct soft_vm *vm = m->engine_vm[SOFT_SEAT];

    if (vm != NULL)
        soft_world_fini(&vm->world);
    free(vm);
    m->engine_vm[SOFT_SEAT] = NULL;
}

static int soft_mem_added(struct machine *m, const struct mem_slot *slot, struct vitro_err *err)
{
    (void)m;
    (void)slot;
    (void)err;
    /* Nothing to do: slots are looked up at each page walk. */
    return 0;
}

static void soft_cpu_free(struct vcpu *cpu)
{
    struct soft_cpu *c = soft_of(cpu);

    trans_free(c->trans);
    free(c->code);
    free(c);
    cpu->engine_cpu[SOFT_SEAT] = NULL;
}

/* Each vCPU has random numbers of its own. */
static void make_seed(const struct soft_cpu *c, uint8_t seed[SOFT_SEED])
{
    memset(seed, 0, SOFT_SEED);
    le_put(seed, 8, c->vcpu->m->seed);
    le_put(seed + 8, 8, c->vcpu->idx);
}

static int soft_cpu_new(struct vcpu *cpu, struct vitro_err *err)
{
    size_t len = (sizeof(struct soft_cpu) + 63) & ~(size_t)63;
    struct soft_cpu *c = aligned_alloc(64, len); /* MARK: soft-vcpu */
    struct soft_vm *vm = cpu->m->engine_vm[SOFT_SEAT];
    uint8_t seed[SOFT_SEED];
    int rc;

    if (c == NULL)
        return err_set(err, -ENOMEM, "making CPU %u: out of memory", cpu->idx);
    memset(c, 0, sizeof(*c));
    c->vcpu = cpu;
    c->world = cpu->m->ncpus_planned > 1 ? &vm->world : NULL;
    c->code = soft_code_new();
    cpu->engine_cpu[SOFT_SEAT] = c;
    if (c->code == NULL) {
        soft_cpu_free(cpu);
        return err_set(err, -ENOMEM, "making CPU %u: out of memory", cpu->idx);
    }
    soft_flush(c, true); /* generation 0 is never valid */
    make_seed(c, seed);
    rc = soft_sys_init(c, &vm->model, cpu->m->clock.counted ? seed : NULL, err);
    c->sys.pvclock = &vm->pvclock;
    if (rc == 0)
        rc = trans_attach(c, err);
    if (rc < 0)
        soft_cpu_free(cpu);
    return rc;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The answer to the device access that the last exit asked for, kept for the next execution. */
static void take_answer(struct soft_cpu *c)
{
    const struct cpu_exit *x = &c->vcpu->exit;

    if (!c->waiting)
        return;
    c->waiting = false;
    assert(c->naccesses < SOFT_ACCESSES);
    c->access[c->naccesses++] = (struct soft_access){ .addr = x->addr,
                                                      .data = x->data,
                                                      .width = x->width,
                                                      .port = x->kind == EXIT_PIO,
                                                      .write = x->write };
}

static bool traced_step(struct soft_cpu *c)
{
    struct soft_insn_trace t;
    bool traced = soft_trace_begin(c, &t), done = soft_step(c);

    if (traced)
        soft_trace_end(c, &t);
    return done;
}

bool soft_advance(struct soft_cpu *c)
{
    if (soft_traces(c) ? traced_step(c) : soft_step(c))
        return true;
    c->waiting = c->vcpu->exit.kind == EXIT_PIO || c->vcpu->exit.kind == EXIT_MMIO;
    return false;
}

/* An instruction that waits for a device has begun, and one that has been stopped at is to be executed. */
static bool at_breakpoint(const struct soft_cpu *c)
{
    uint64_t linear = x86_linear_rip(&c->s);

    if (c->naccesses != 0 || (c->at_break && c->s.rip == c->break_rip))
        return false;
    for (unsigned i = 0; i < c->debug.nbreaks; i++) {
        if (c->debug.brk[i].addr == linear)
            return true;
    }
    return false;
}

static void exit_with(struct soft_cpu *c, enum exit_kind kind, uint64_t addr)
{
    if (kind == EXIT_DEBUG) {
        c->at_break = true;
        c->break_rip = c->s.rip;
    }
    c->vcpu->exit = (struct cpu_exit){ .kind = kind, .addr = addr, .rip = c->s.rip };
}

/* Most instructions between two looks at kicks and breakpoints: some 10 us. */
enum { BURST = 1024, TRANS_BURST = 32768 };

/* A limit on instructions; if it is the owner's the machine is told. The vCPU's exit is filled. */
static bool at_limit(struct soft_cpu *c)
{
    struct machine *m = c->vcpu->m;

    if (c->insns < c->limit)
        return false;
    if (c->insns == m->stop_at_insns)
        machine_stop(m, STOP_COUNT, 0, (int)c->vcpu->idx);
    exit_with(c, EXIT_KICKED, 0);
    return true;
}

/* What can be done quickly, up to a breakpoint; nothing where every instruction is to be looked at. False: as soft_advance. */
static bool burst(struct soft_cpu *c)
{
    const struct insn_trace *trace = &c->vcpu->m->insn_trace;
    uint64_t left = c->limit - c->insns;

    if (trace->on && trace->first - c->insns < left)
        left = trace->first - c->insns;
    if (c->debug.step || soft_traces(c) || soft_may_attend(c))
        return true;
    if (soft_points_any(c) && soft_points_stale(c))
        soft_points_find(c);
    if (c->trans != NULL)
        return trans_burst(c->trans, left < TRANS_BURST ? left : TRANS_BURST, trace->on);
    soft_burst(c, left < BURST ? left : BURST);
    return true;
}

bool soft_resume(struct soft_cpu *c)
{
    take_answer(c);
    if (c->exit_ready) { /* met while an earlier access was completed for somebody who looked */
        c->exit_ready = false;
        c->vcpu->exit = c->ready;
        c->waiting = true;
        return true;
    }
    return c->inherits && (c->inherits = false, !soft_inherit(c));
}

/* Outside of a run, for somebody who looks. */
static bool advance_alone(struct soft_cpu *c)
{
    bool done;

    soft_time_begin(c);
    soft_world_enter_anyway(c); /* perhaps under the machine's lock */
    done = soft_advance(c);
    soft_world_leave(c);
    soft_time_end(c);
    return done;
}

static int soft_drain(struct vcpu *cpu, struct vitro_err *err)
{
    struct soft_cpu *c = soft_of(cpu);

    (void)err;
    if (c->exit_ready) {
        c->exit_ready = false;
        cpu->exit = c->ready;
        c->waiting = true;
        return 1;
    }
    take_answer(c);
    return c->naccesses > 0 && !advance_alone(c);
}

static void run(struct vcpu *cpu)
{
    struct soft_cpu *c = soft_of(cpu);

    if (soft_resume(c))
        return;
    for (;;) {
        soft_world_look(c);
        if (atomic_load_explicit(&c->kicked, memory_order_relaxed)) {
            atomic_store(&c->kicked, false);
            exit_with(c, EXIT_KICKED, 0);
            return;
        }
        if (atomic_load_explicit(&cpu->requests, memory_order_relaxed) != 0 && !soft_attend(c))
            return;
        if (c->hit.how != 0) {
            soft_watch_exit(c);
            return;
        }
        if (c->debug.nbreaks > 0 && at_breakpoint(c)) {
            exit_with(c, EXIT_DEBUG, 0);
            return;
        }
        c->at_break = false;
        if (!soft_advance(c)) /* MARK: soft-run */
            return;
        if (c->debug.step) {
            exit_with(c, EXIT_DEBUG, X86_DR6_BS);
            return;
        }
        if (at_limit(c))
            return;
        if (!burst(c))
            return;
        if (at_limit(c))
            return;
    }
}

static int soft_run(struct vcpu *cpu, struct vitro_err *err)
{
    const struct trans *t = soft_of(cpu)->trans;

    soft_time_begin(soft_of(cpu));
    if (soft_of(cpu)->trans != NULL)
        trans_begin(soft_of(cpu)->trans);
    soft_world_enter(soft_of(cpu));
    run(cpu);
    soft_world_leave(soft_of(cpu));
    soft_time_end(soft_of(cpu));
    return t != NULL ? trans_failure(t, err) : 0;
}

static void soft_kick(struct vcpu *cpu)
{
    atomic_store(&soft_of(cpu)->kicked, true);
}

void soft_complete(struct soft_cpu *c)
{
    struct cpu_exit asked = c->vcpu->exit;

    if (!c->waiting || !c->vcpu->answered)
        return;
    take_answer(c);
    if (advance_alone(c)) {
        c->vcpu->exit = asked;
        return;
    }
    c->exit_ready = true;
    c->ready = c->vcpu->exit;
    c->vcpu->exit = asked;
    c->waiting = false;
}

/* ---- what others ask ------------------------------------------------------------------------- */

static int soft_debug(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err)
{
    struct soft_cpu *c = soft_of(cpu);

    (void)err;
    soft_complete(c);
    /* Entries know which pages are watched. Without watchpoints a guest that is debugged runs as one that is not. */
    if (c->debug.nwatches > 0 || dbg->nwatches > 0)
        soft_flush(c, true);
    c->debug = *dbg;
    soft_points_find(c);
    c->hit = (struct soft_watch_hit){ 0 };
    return 0;
}

static bool soft_peek(const struct vcpu *cpu, uint64_t gpr[X86_NGPR])
{
    const struct soft_cpu *c = soft_of(cpu);

    memcpy(gpr, c->s.gpr, sizeof(c->s.gpr));
    return true;
}

static void soft_run_area(const struct vcpu *cpu, struct run_area *out)
{
    *out = (struct run_area){
        .host = &cpu->exit, /* MARK: soft-run-area */
        .len = sizeof(cpu->exit),
        .io_offset = cpu->exit.kind == EXIT_PIO ? offsetof(struct cpu_exit, data) : 0,
        .what = "struct cpu_exit, which says why the CPU stopped",
    };
}

const struct engine_ops soft_engine = {
    .name = "soft",
    .seat = SOFT_SEAT,
    .counts_insns = true,
    .traces_insns = true,
    .polls = true,
    .open = soft_open,
    .close = soft_close,
    .mem_added = soft_mem_added,
    .cpu_new = soft_cpu_new,
    .cpu_free = soft_cpu_free,
    .run = soft_run,
    .help = soft_help,
    .drain = soft_drain,
    .kick = soft_kick,
    .get = soft_get,
    .set = soft_set,
    .debug = soft_debug,
    .saved_bytes = SOFT_SAVED,
    .settled = soft_cpu_settled,
    .save = soft_cpu_save,
    .load = soft_cpu_load,
    .forget = soft_cpu_forget,
    .count = soft_cpu_count,
    .run_area = soft_run_area,
    .code = &soft_code_ops,
    .peek = soft_peek,
};
