/* SPDX-License-Identifier: MIT */
/*
 * wait.c - requests to a vCPU, and a vCPU that waits for one
 *
 * Sources: SDM 2, HLT; SDM 3A, "MP Initialization Protocol Algorithm", "Processor State After Reset".
 */
#include <signal.h>

#include "core/kick.h"
#include "core/machine.h"
#include "x86/start.h"

static const unsigned start_requests = VCPU_INIT | VCPU_SIPI;

/* Out of the engine. One that does not poll is outside it, and looks when it enters, if its own thread asks. */
static void nudge(struct vcpu *cpu)
{
    bool own;

    if (cpu->m->engine->polls) {
        cpu->m->engine->kick(cpu);
        return;
    }
    pthread_mutex_lock(&cpu->kick_lock);
    own = cpu->in_loop && pthread_equal(cpu->thread, pthread_self());
    if (!own)
        cpu->m->engine->kick(cpu);
    if (!own && cpu->in_loop)
        pthread_kill(cpu->thread, kick_signal());
    pthread_mutex_unlock(&cpu->kick_lock);
}

void vcpu_request(struct vcpu *cpu, unsigned requests)
{
    unsigned before;

    if (requests & VCPU_INIT)
        vcpu_withdraw(cpu,
                      VCPU_SIPI); /* one that came before it is lost, one that comes now is not */
    before = atomic_fetch_or(&cpu->requests, requests);
    if ((before & requests) == requests)
        return; /* it has been woken for them already */
    if (!cpu->m->engine->polls || requests & start_requests)
        nudge(cpu);
    if (requests & start_requests)
        help_kick(cpu);
    pthread_cond_signal(&cpu->wake);
}

void vcpu_withdraw(struct vcpu *cpu, unsigned requests)
{
    atomic_fetch_and(&cpu->requests, ~requests);
}

/* Nothing but another CPU can make it execute again. */
static bool is_dead(const struct vcpu *cpu)
{
    if (atomic_load(&cpu->requests) & (start_requests | VCPU_NMI))
        return false;
    return cpu->ended || cpu->activity == X86_WAIT_SIPI ||
           (cpu->activity == X86_HALTED && !cpu->irqs_on);
}

void vcpu_halt(struct vcpu *cpu, bool irqs_on)
{
    struct machine *m = cpu->m;

    if (cpu->intc.ops == NULL) { /* no interrupt controller: no interrupt can end it */
        cpu->ended = true;
        return;
    }
    cpu->activity = X86_HALTED;
    cpu->irqs_on = irqs_on;
    for (unsigned i = 0; i < m->ncpus; i++) {
        if (!is_dead(m->cpu[i]))
            return;
    }
    machine_stop(m, STOP_HALT, 0, (int)cpu->idx);
}

/* INIT: the state after reset, but for what survives it (MSRs, x87 and vector registers, TSC). */
static int take_init(struct vcpu *cpu, struct vitro_err *err)
{
    const struct engine_ops *engine = cpu->engine;
    struct x86_state s;
    int rc;

    vcpu_withdraw(cpu, VCPU_INIT | VCPU_NMI);
    cpu->intc.ops->init(cpu->intc.ctx);
    cpu->activity = X86_WAIT_SIPI;
    rc = engine->get(cpu, STATE_SREGS, &s, err);
    if (rc < 0)
        return rc;
    x86_reset_state(s.apic_base, &s);
    return engine->set(cpu, STATE_REGS | STATE_SREGS, &s, err);
}

/* SIPI: real mode at vector * 4 KiB. Only a vCPU that waits for one takes it; for others it is lost. */
static int take_sipi(struct vcpu *cpu, struct vitro_err *err)
{
    const struct engine_ops *engine = cpu->engine;
    struct x86_state s;
    int rc;

    vcpu_withdraw(cpu, VCPU_SIPI);
    if (cpu->activity != X86_WAIT_SIPI)
        return 0;
    rc = engine->get(cpu, STATE_REGS | STATE_SREGS, &s, err);
    if (rc < 0)
        return rc;
    s.rip = 0;
    s.seg[X86_CS].selector = (uint16_t)(cpu->sipi_vector << 8);
    s.seg[X86_CS].base = (uint64_t)cpu->sipi_vector << 12;
    cpu->activity = X86_RUNNING;
    return engine->set(cpu, STATE_REGS | STATE_SREGS, &s, err);
}

static bool may_run(const struct vcpu *cpu)
{
    unsigned requests = atomic_load(&cpu->requests);

    return cpu->activity == X86_RUNNING ||
           (cpu->activity == X86_HALTED &&
            (requests & VCPU_NMI || (requests & VCPU_INTR && cpu->irqs_on)));
}

static void wait_idle(struct vcpu *cpu)
{
    cpu->idle = true;
    pause_leave_locked(cpu->m);
    pthread_cond_wait(&cpu->wake, &cpu->m->lock);
    pause_enter_locked(cpu->m, false);
    cpu->idle = false;
}

/* Under the machine lock, which is given up while waiting. */
static int wait_locked(struct vcpu *cpu, struct vitro_err *err)
{
    struct machine *m = cpu->m;
    int rc = 0;

    while (rc == 0) {
        unsigned requests = atomic_load(&cpu->requests);

        if (atomic_load(&m->stop) != 0)
            return 1;
        if (requests & VCPU_INIT)
            rc = take_init(cpu, err);
        else if (requests & VCPU_SIPI)
            rc = take_sipi(cpu, err);
        else if (may_run(cpu))
            break;
        else if (m->clock.counted)
            return 1; /* others have their turn, or time goes on */
        else
            wait_idle(cpu);
    }
    if (cpu->activity == X86_HALTED)
        cpu->activity = X86_RUNNING;
    return rc;
}

int vcpu_ready(struct vcpu *cpu, struct vitro_err *err)
{
    unsigned requests = atomic_load_explicit(&cpu->requests, memory_order_relaxed);
    int rc;

    if (cpu->activity == X86_RUNNING && !(requests & start_requests))
        return 0;
    pthread_mutex_lock(&cpu->m->lock);
    rc = wait_locked(cpu, err);
    pthread_mutex_unlock(&cpu->m->lock);
    cpu->mark_ticks = clock_stamp(&cpu->m->clock); /* the time it waited is not the guest's */
    return rc;
}
