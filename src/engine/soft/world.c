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
    for (;;) {
        atomic_store(&c->inside, true);
        if (!atomic_load(&w->stopped))
            return;
        soft_world_leave(c);
        pthread_mutex_lock(&w->lock);
        while (atomic_load(&w->stopped))
            pthread_cond_wait(&w->changed, &w->lock);
        pthread_mutex_unlock(&w->lock);
    }
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

void soft_world_stop(struct soft_cpu *c)
{
    struct soft_world *w = c->world;

    if (w == NULL)
        return;
    c->was_inside =
        atomic_exchange(&c->inside, false); /* who comes before need not wait for this one */
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&w->changed);
    while (atomic_load(&w->stopped))
        pthread_cond_wait(&w->changed, &w->lock);
    atomic_store(&w->stopped, true);
    while (others_inside(c))
        pthread_cond_wait(&w->changed, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

void soft_world_go(struct soft_cpu *c)
{
    struct soft_world *w = c->world;

    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&c->inside, c->was_inside);
    atomic_store(&w->stopped, false);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}
