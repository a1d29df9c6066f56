/* SPDX-License-Identifier: MIT */
/* pause.c - who asks the vCPUs to stand still, and how they do. */
#include "core/pause.h"

#include <time.h>

#include "core/machine.h"

enum { BREATH_NS = 500000 };

void pause_init(struct pause *p)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&p->one, &attr);
    pthread_mutexattr_destroy(&attr);
    pthread_cond_init(&p->still, NULL);
    pthread_cond_init(&p->go, NULL);
}

void pause_fini(struct pause *p)
{
    pthread_cond_destroy(&p->go);
    pthread_cond_destroy(&p->still);
    pthread_mutex_destroy(&p->one);
}

/* A machine that is asked to stop does not stay paused; what holds it is over soon. */
bool pause_wanted(const struct machine *m)
{
    return m->pause.held || (m->pause.paused && atomic_load(&m->stop) == 0);
}

void pause_enter_locked(struct machine *m, bool anyway)
{
    struct pause *p = &m->pause;

    p->waiting++;
    while (p->held || (!anyway && pause_wanted(m)))
        pthread_cond_wait(&p->go, &m->lock);
    p->active++;
    if (--p->waiting == 0)
        pthread_cond_broadcast(&p->still);
}

void pause_leave_locked(struct machine *m)
{
    if (--m->pause.active == 0)
        pthread_cond_broadcast(&m->pause.still);
}

void pause_look_again(struct machine *m)
{
    pthread_cond_broadcast(&m->pause.go);
    pthread_cond_broadcast(&m->pause.still);
}

void pause_enter(struct machine *m, bool anyway)
{
    pthread_mutex_lock(&m->lock);
    pause_enter_locked(m, anyway);
    pthread_mutex_unlock(&m->lock);
}

void pause_leave(struct machine *m)
{
    pthread_mutex_lock(&m->lock);
    pause_leave_locked(m);
    pthread_mutex_unlock(&m->lock);
}

void pause_here(struct vcpu *cpu)
{
    struct machine *m = cpu->m;
    struct x86_state state;

    /* Finishes an access under way on this thread: KVM takes long to change a vCPU's thread. Should it fail,
     * whoever wants the registers is told. */
    (void)cpu->engine->get(cpu, STATE_REGS, &state, NULL);
    pthread_mutex_lock(&m->lock);
    pause_leave_locked(m);
    pause_enter_locked(m, false);
    pthread_mutex_unlock(&m->lock);
    cpu->mark_ticks = clock_stamp(&m->clock); /* the time it stood still is not the guest's */
}

/* Under the machine lock: no vCPU is in a device, so what is interrupted is the guest. */
static void wait_still(struct machine *m)
{
    if (m->pause.active > 0) {
        for (unsigned i = 0; i < m->ncpus; i++) {
            if (m->cpu[i]->idle)
                continue;
            atomic_store_explicit(&m->cpu[i]->kicked_to_look, true, memory_order_relaxed);
            vcpu_kick(m->cpu[i]);
        }
    }
    while (m->pause.active > 0 && pause_wanted(m))
        pthread_cond_wait(&m->pause.still, &m->lock);
}

static void say_asked(struct pause *p)
{
    atomic_store_explicit(&p->asked, p->held || p->paused, memory_order_relaxed);
}

/* Under the machine lock. A run that is paused, or that waits for a pause's end, is let alone. */
static void let_waiting_go(struct machine *m)
{
    while (m->pause.waiting > 0 && !pause_wanted(m))
        pthread_cond_wait(&m->pause.still, &m->lock);
}

void pause_hold(struct machine *m)
{
    pthread_mutex_lock(&m->pause.one);
    m->pause.depth++;
    pthread_mutex_lock(&m->lock);
    if (!m->pause.held) {
        let_waiting_go(m);
        m->pause.held = true;
        say_asked(&m->pause);
        wait_still(m);
    }
    pthread_mutex_unlock(&m->lock);
}

static void let_go(struct machine *m)
{
    pthread_mutex_lock(&m->lock);
    m->pause.held = false;
    say_asked(&m->pause);
    pthread_cond_broadcast(&m->pause.go);
    pthread_mutex_unlock(&m->lock);
}

static bool runs(struct machine *m)
{
    bool yes;

    pthread_mutex_lock(&m->lock);
    yes = !pause_wanted(m) && m->pause.active + m->pause.waiting > 0;
    pthread_mutex_unlock(&m->lock);
    return yes;
}

void pause_breathe(struct machine *m)
{
    if (runs(m))
        nanosleep(&(struct timespec){ .tv_nsec = BREATH_NS }, NULL);
}

void pause_hold_ends(struct machine *m)
{
    m->pause.once = true;
}

void pause_release(struct machine *m)
{
    struct pause *p = &m->pause;

    if (--p->depth == 0 || (p->once && p->depth == 1))
        let_go(m);
    if (p->depth == 0)
        p->once = false;
    pthread_mutex_unlock(&p->one);
}

void pause_keep(struct machine *m)
{
    pthread_mutex_lock(&m->pause.one);
}

void pause_unkeep(struct machine *m)
{
    pthread_mutex_unlock(&m->pause.one);
}

void pause_set(struct machine *m, bool paused)
{
    pthread_mutex_lock(&m->lock);
    m->pause.paused = paused;
    say_asked(&m->pause);
    if (paused && pause_wanted(m))
        wait_still(m);
    pause_look_again(m);
    pthread_mutex_unlock(&m->lock);
}
