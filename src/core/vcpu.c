/* SPDX-License-Identifier: MIT */
/* vcpu.c - the vCPU loop. One exit costs a lock, a table row and two readings of the tick counter. */
#include "core/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "core/kick.h"
#include "core/machine.h"
#include "core/mem_phys.h"
#include "x86/walk.h"

int vcpu_new(struct machine *m, unsigned idx, struct vcpu **out, struct vitro_err *err)
{
    struct vcpu *cpu = calloc(1, sizeof(*cpu));
    int rc;

    if (cpu == NULL)
        return err_set(err, -ENOMEM, "making CPU %u: out of memory", idx);
    cpu->m = m;
    cpu->idx = idx;
    pthread_mutex_init(&cpu->kick_lock, NULL);
    pthread_cond_init(&cpu->wake, NULL);
    cpu->engine = m->engine;
    rc = vcpu_seat(cpu, m->engine, err);
    if (rc < 0) {
        pthread_cond_destroy(&cpu->wake);
        pthread_mutex_destroy(&cpu->kick_lock);
        free(cpu);
        return rc;
    }
    *out = cpu;
    return 0;
}

void vcpu_free(struct vcpu *cpu)
{
    if (cpu == NULL)
        return;
    for (unsigned i = 0; i < ENGINE_SEATS; i++) {
        if (cpu->seated[i])
            cpu->m->opened[i]->cpu_free(cpu);
    }
    help_fini(cpu);
    free(cpu->exits_mark);
    pthread_cond_destroy(&cpu->wake);
    pthread_mutex_destroy(&cpu->kick_lock);
    free(cpu);
}

void vcpu_kick(struct vcpu *cpu)
{
    cpu->m->engine->kick(cpu);
    help_kick(cpu);
    pthread_mutex_lock(&cpu->m->lock); /* who waits has looked for reasons under it */
    pthread_cond_signal(&cpu->wake);
    pthread_mutex_unlock(&cpu->m->lock);
    pthread_mutex_lock(&cpu->kick_lock);
    if (cpu->in_loop)
        pthread_kill(cpu->thread, kick_signal());
    pthread_mutex_unlock(&cpu->kick_lock);
}

static void enter_loop(struct vcpu *cpu, bool in)
{
    pthread_mutex_lock(&cpu->kick_lock);
    cpu->thread = pthread_self();
    cpu->in_loop = in;
    pthread_mutex_unlock(&cpu->kick_lock);
}

static uint64_t mmio_place(const struct vcpu *cpu, uint64_t gpa)
{
    const struct intc *i = &cpu->intc;

    return i->ops != NULL && i->ops->place != NULL ? i->ops->place(i->ctx, gpa) : gpa;
}

struct dev *vcpu_mmio_dev(const struct vcpu *cpu, uint64_t gpa)
{
    return bus_dev(&cpu->m->mmio, mmio_place(cpu, gpa));
}

/* Reads or writes the device at the exit's address, or where the bus has that. */
static void dispatch_access(struct vcpu *cpu, struct bus *bus, uint64_t addr)
{
    struct cpu_exit *x = &cpu->exit;
    uint64_t unclaimed = bus->unclaimed;

    cpu->m->accesses++;
    cpu->m->accessing = cpu;
    if (x->write)
        bus_write(bus, addr, x->width, x->data);
    else
        x->data = bus_read(bus, addr, x->width);
    x->nobody = bus->unclaimed != unclaimed;
    cpu->m->accessing = NULL;
}

/* Answers the exit. Under the machine lock. */
static void dispatch(struct vcpu *cpu)
{
    struct machine *m = cpu->m;
    int idx = (int)cpu->idx;

    switch (cpu->exit.kind) {
    case EXIT_PIO:
        dispatch_access(cpu, &m->pio, cpu->exit.addr);
        break;
    case EXIT_MMIO:
        dispatch_access(cpu, &m->mmio, mmio_place(cpu, cpu->exit.addr));
        break;
    case EXIT_HLT:
        vcpu_halt(cpu, cpu->exit.data != 0);
        break;
    case EXIT_SHUTDOWN:
        machine_stop(m, STOP_SHUTDOWN, 0, idx);
        break;
    case EXIT_DEBUG:
        machine_stop(m, STOP_BREAK, 0, idx);
        break;
    case EXIT_REFUSED:
        if (!help_want(cpu))
            machine_stop(m, STOP_REFUSED, 0, idx);
        break;
    case EXIT_FAILED:
        machine_stop(m, STOP_FAILED, 0, idx);
        break;
    case EXIT_KICKED:
    case EXIT_MSR:
    case EXIT_IRQ_WINDOW:
    case EXIT_EOI:
    case EXIT_SYSTEM_EVENT:
    case EXIT_NKINDS:
        break;
    }
}

static void emit_exit(struct vcpu *cpu, uint64_t guest_ticks, uint64_t monitor_ticks)
{
    struct machine *m = cpu->m;
    struct dev *dev = cpu->exit.kind == EXIT_PIO    ? bus_dev(&m->pio, cpu->exit.addr)
                      : cpu->exit.kind == EXIT_MMIO ? vcpu_mmio_dev(cpu, cpu->exit.addr)
                                                    : NULL;
    uint64_t gpr[X86_NGPR];
    bool peeked = cpu->engine->peek != NULL && cpu->engine->peek(cpu, gpr);
    struct event ev = {
        .kind = EVENT_EXIT,
        .cpu = cpu->idx,
        .guest_ns = clock_ticks_to_ns(&m->clock, guest_ticks),
        .monitor_ns = clock_ticks_to_ns(&m->clock, monitor_ticks),
        .exit = cpu->exit,
        .dev = dev != NULL ? dev->ops->name : NULL,
        .gpr = peeked ? gpr : NULL,
    };

    machine_emit(m, &ev);
}

static void emit_start(struct vcpu *cpu)
{
    struct event ev = { .kind = EVENT_START, .cpu = cpu->idx };

    pthread_mutex_lock(&cpu->m->lock);
    machine_emit(cpu->m, &ev);
    pthread_mutex_unlock(&cpu->m->lock);
}

/* Everything between two entries of the engine: dispatch, accounting, events, stop conditions. */
static void handle_exit(struct vcpu *cpu, uint64_t guest_ticks)
{
    struct machine *m = cpu->m;
    uint64_t start = cpu->mark_ticks;

    pthread_mutex_lock(&m->lock);
    dispatch(cpu);
    cpu->answered = true;
    cpu->mark_ticks = clock_stamp(&m->clock);
    exit_account(&cpu->exits, &cpu->exit, guest_ticks, cpu->mark_ticks - start);
    if (sink_on(&m->sink))
        emit_exit(cpu, guest_ticks, cpu->mark_ticks - start);
    if (m->stop_at_exits != 0 && cpu->exits.exits >= m->stop_at_exits &&
        cpu->exit.kind != EXIT_KICKED)
        machine_stop(m, STOP_COUNT, 0, (int)cpu->idx);
    pthread_mutex_unlock(&m->lock);
}

void vcpu_answer(struct vcpu *cpu)
{
    cpu->mark_ticks = clock_stamp(&cpu->m->clock);
    handle_exit(cpu, 0);
}

static bool kicked_to_look(struct vcpu *cpu)
{
    return atomic_exchange_explicit(&cpu->kicked_to_look, false, memory_order_relaxed) ||
           pause_asked(&cpu->m->pause);
}

/* At a cache line: where it begins within one moves an exit by 4 %, more than what is measured in it (tests/bench). */
__attribute__((aligned(64))) void vcpu_loop(struct vcpu *cpu)
{
    struct machine *m = cpu->m;
    struct vitro_err err = { 0 };
    sigset_t mask;

    kick_unblock(&mask);
    enter_loop(cpu, true);
    if (!cpu->started && sink_on(&m->sink))
        emit_start(cpu);
    cpu->started = true;
    cpu->mark_ticks = clock_stamp(&m->clock);
    while (!cpu->ended && atomic_load(&m->stop) == 0 && !turns_over(m)) {
        uint64_t entered;
        int ready;

        if (pause_asked(&m->pause))
            pause_here(cpu);
        ready = vcpu_ready(cpu, &err);
        entered = cpu->mark_ticks;
        if (ready > 0)
            break;
        if (ready < 0 || help_run(cpu, &err) < 0) {
            machine_fail(m, &err, (int)cpu->idx);
            break;
        }
        cpu->mark_ticks = clock_stamp(&m->clock);
        if (cpu->exit.kind == EXIT_KICKED && kicked_to_look(cpu))
            cpu->answered = true; /* who looks at the exits does not change them */
        else
            handle_exit(cpu, cpu->mark_ticks - entered);
    }
    enter_loop(cpu, false);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

bool vcpu_translate(struct vcpu *cpu, gva_t gva, gpa_t *gpa)
{
    struct x86_phys phys = mem_phys(&cpu->m->mem);
    struct x86_paging_regs regs;
    struct x86_state state;
    struct x86_walk walk;

    if (cpu->engine->get(cpu, STATE_SREGS, &state, NULL) < 0)
        return false;
    x86_paging_regs_from(&state, 52, &regs);
    x86_walk(&regs, &phys, gva, &walk);
    *gpa = walk.gpa;
    return walk.end == X86_WALK_MAPPED;
}
