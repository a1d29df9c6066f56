/* SPDX-License-Identifier: MIT */
/* world.c - who is inside, and who is alone. */
#include "engine/soft/world.h"

#include "engine/soft/soft_priv.h"

void soft_world_init(struct soft_world *w)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
}

void soft_world_fini(struct soft_world *w)
{
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

void soft_world_enter(struct soft_cpu *c)
{
    struct soft_world *w = c->world;

    if (w == NULL)
        return;
    atomic_store(&c->inside, true);
    if (!atomic_load(&w->stopped))
        return;
    soft_world_leave(c);
    pthread_mutex_lock(&w->lock);
    w->entering++;
    while (atomic_load(&w->stopped))
        pthread_cond_wait(&w->changed, &w->lock);
    atomic_store(&c->inside, true);
    if (--w->entering == 0)
        pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void soft_world_enter_anyway(struct soft_cpu *c)
{
    if (c->world != NULL)
        atomic_store(&c->inside, true);
}

void soft_world_leave(struct soft_cpu *c)
{
    struct soft_world *w = c->world;

    if (w == NULL)
        return;
    atomic_store(&c->inside, false);
    if (!atomic_load(&w->stopped))
        return;
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static bool others_inside(const struct soft_cpu *c)
{
    const struct machine *m = c->vcpu->m;

    for (unsigned i = 0; i < m->ncpus; i++) {
        const struct soft_cpu *other = soft_of(m->cpu[i]);

        if (other != NULL && other != c && atomic_load(&other->inside))
            return true;
    }
    return false;
}

/* Under lock: waits until it is c's turn. */
static void wait_for_turn(struct soft_world *w)
{
    uint64_t turn = w->turns++;

    pthread_cond_broadcast(&w->changed);
    while (atomic_load(&w->stopped) || turn != w->turn || w->entering > 0)
        pthread_cond_wait(&w->changed, &w->lock);
}

static void stop(struct soft_cpu *c, bool in_turn)
{
    struct soft_world *w = c->world;

    if (w == NULL)
        return;
    if (soft_world_is_alone(c)) {
        w->depth++;
        return;
    }
    c->was_inside =
        atomic_exchange(&c->inside, false); /* who comes before need not wait for this one */
    pthread_mutex_lock(&w->lock);
    if (in_turn)
        wait_for_turn(w);
    pthread_cond_broadcast(&w->changed);
    while (atomic_load(&w->stopped))
        pthread_cond_wait(&w->changed, &w->lock);
    atomic_store(&w->stopped, true);
    while (others_inside(c))
        pthread_cond_wait(&w->changed, &w->lock);
    w->depth = 1;
    w->turn += in_turn;
    atomic_store(&w->alone, c);
    pthread_mutex_unlock(&w->lock);
}

void soft_world_stop(struct soft_cpu *c)
{
    stop(c, false);
}

void soft_world_stop_in_turn(struct soft_cpu *c)
{
    stop(c, true);
}

void soft_world_go(struct soft_cpu *c)
{
    struct soft_world *w = c->world;

    if (w == NULL || --w->depth > 0)
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&c->inside, c->was_inside);
    atomic_store(&w->alone, NULL);
    atomic_store(&w->stopped, false);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}
