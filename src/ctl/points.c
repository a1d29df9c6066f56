/* SPDX-License-Identifier: MIT */
/*
 * points.c - breakpoints and watchpoints of all clients and of the run itself, kept as one list
 *
 * The machine takes the whole list whenever it changes. Owner 0 is the run (--stop-at): its points end it.
 */
#include <errno.h>
#include <stdio.h>

#include "ctl_priv.h"

/* Under c->lock. All that is wanted, to the machine, which is held. */
static int apply_points(struct ctl *c, struct vitro_err *err)
{
    uint64_t addr[BREAKS_MAX];
    struct vitro_watch watch[WATCHES_MAX];
    struct vitro_stop_at where = {
        .exits = c->own_exits, .insns = c->own_insns, .addrs = addr, .watches = watch
    };

    for (unsigned i = 0; i < c->npoints; i++) {
        const struct point *p = &c->point[i];

        if (p->len == 0)
            addr[where.naddrs++] = p->addr;
        else
            watch[where.nwatches++] =
                (struct vitro_watch){ .addr = p->addr, .len = p->len, .how = p->how };
    }
    return vitro_stop_at(c->m, &where, err);
}

static unsigned count_points(const struct ctl *c, bool breaks)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->npoints; i++)
        n += (c->point[i].len == 0) == breaks;
    return n;
}

static bool same_point(const struct point *a, const struct point *b)
{
    return a->addr == b->addr && a->len == b->len && a->how == b->how && a->owner == b->owner;
}

static int add_locked(struct ctl *c, const struct point *p, struct vitro_err *err)
{
    bool breaks = p->len == 0;
    int rc;

    for (unsigned i = 0; i < c->npoints; i++) {
        if (same_point(&c->point[i], p)) {
            c->point[i].once &= p->once;
            return 0;
        }
    }
    if (count_points(c, breaks) == (breaks ? BREAKS_MAX : WATCHES_MAX)) {
        *err = (struct vitro_err){ .code = -EBUSY };
        snprintf(err->text, sizeof(err->text), "%s: there are %d already",
                 breaks ? "breakpoint" : "watchpoint", breaks ? BREAKS_MAX : WATCHES_MAX);
        return -EBUSY;
    }
    c->point[c->npoints++] = *p;
    rc = apply_points(c, err);
    if (rc < 0)
        c->npoints--;
    return rc;
}

int ctl_point_add(struct ctl *c, const struct point *p, struct vitro_err *err)
{
    int rc;

    pthread_mutex_lock(&c->lock);
    rc = add_locked(c, p, err);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* Keeps the order. Returns whether any was dropped. */
static bool drop_if(struct ctl *c, bool (*gone)(const struct point *p, const void *ctx),
                    const void *ctx)
{
    unsigned n = 0, before = c->npoints;

    for (unsigned i = 0; i < before; i++) {
        if (!gone(&c->point[i], ctx))
            c->point[n++] = c->point[i];
    }
    c->npoints = n;
    return n != before;
}

static bool is_same(const struct point *p, const void *ctx)
{
    return same_point(p, ctx);
}

static bool is_owners(const struct point *p, const void *ctx)
{
    return p->owner == *(const unsigned *)ctx;
}

static bool is_once(const struct point *p, const void *ctx)
{
    (void)ctx;
    return p->once;
}

int ctl_point_remove(struct ctl *c, const struct point *p, struct vitro_err *err)
{
    int rc = 0;

    pthread_mutex_lock(&c->lock);
    if (drop_if(c, is_same, p)) {
        rc = apply_points(c, err);
    } else {
        rc = -ENOENT;
        *err = (struct vitro_err){ .code = rc, .kind = VITRO_ERR_USAGE };
        snprintf(err->text, sizeof(err->text), "nothing of this client's is set there");
    }
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void ctl_points_drop(struct ctl *c, unsigned owner)
{
    bool any = false;

    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->npoints; i++)
        any |= c->point[i].owner == owner;
    pthread_mutex_unlock(&c->lock);
    if (!any)
        return;
    vitro_hold(c->m);
    pthread_mutex_lock(&c->lock);
    drop_if(c, is_owners, &owner);
    c->points_stale =
        apply_points(c, NULL) < 0; /* fewer than before: it fails when memory runs out */
    pthread_mutex_unlock(&c->lock);
    vitro_release(c->m);
}

int ctl_stop_at(struct ctl *c, const struct vitro_stop_at *where, struct vitro_err *err)
{
    const unsigned own = 0;
    int rc;

    vitro_hold(c->m);
    pthread_mutex_lock(&c->lock);
    drop_if(c, is_owners, &own);
    c->own_exits = where->exits;
    c->own_insns = where->insns;
    for (unsigned i = 0; i < where->naddrs && c->npoints < BREAKS_MAX; i++)
        c->point[c->npoints++] = (struct point){ .addr = where->addrs[i] };
    for (unsigned i = 0; i < where->nwatches && c->npoints < BREAKS_MAX + WATCHES_MAX; i++) {
        const struct vitro_watch *w = &where->watches[i];

        c->point[c->npoints++] = (struct point){ .addr = w->addr, .len = w->len, .how = w->how };
    }
    rc = apply_points(c, err);
    pthread_mutex_unlock(&c->lock);
    vitro_release(c->m);
    return rc;
}

/* ---- for the run's thread ---------------------------------------------------------------------- */

void ctl_points_drop_once(struct ctl *c)
{
    c->points_stale |= drop_if(c, is_once, NULL);
}

bool ctl_points_own(const struct ctl *c, const struct vitro_outcome *end)
{
    for (unsigned i = 0; i < c->npoints; i++) {
        const struct point *p = &c->point[i];

        if (p->owner != 0)
            continue;
        if (end->watch_how == 0 ? p->len == 0 && p->addr == end->rip
                                : p->len != 0 && end->watch_addr < p->addr + p->len &&
                                      p->addr < end->watch_addr + end->watch_len)
            return true;
    }
    return false;
}

bool ctl_points_of_clients(const struct ctl *c)
{
    for (unsigned i = 0; i < c->npoints; i++) {
        if (c->point[i].owner != 0)
            return true;
    }
    return false;
}

void ctl_points_settle(struct ctl *c)
{
    if (!c->points_stale)
        return;
    pthread_mutex_unlock(&c->lock);
    vitro_hold(c->m);
    pthread_mutex_lock(&c->lock);
    c->points_stale = apply_points(c, NULL) < 0;
    pthread_mutex_unlock(&c->lock);
    vitro_release(c->m);
    pthread_mutex_lock(&c->lock);
}
