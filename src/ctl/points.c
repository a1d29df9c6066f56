/* SPDX-License-Identifier: MIT */
/*
 * points.c - breakpoints and watchpoints of all clients, and those of the run itself (--stop-at, --watch), which end it
 *
 * The machine takes all of them whenever one changes. Clients have a bound; the run has as many as it was told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl_priv.h"

static void add_to(const struct point *p, unsigned n, uint64_t *addr, struct vitro_watch *watch,
                   struct vitro_stop_at *where)
{
    for (unsigned i = 0; i < n; i++) {
        if (p[i].len == 0)
            addr[where->naddrs++] = p[i].addr;
        else
            watch[where->nwatches++] =
                (struct vitro_watch){ .addr = p[i].addr, .len = p[i].len, .how = p[i].how };
    }
}

/* Under c->lock. All that is wanted, to the machine, which is held. */
static int apply_points(struct ctl *c, struct vitro_err *err)
{
    size_t n = (size_t)c->npoints + c->nown + 1;
    uint64_t *addr = calloc(n, sizeof(*addr));
    struct vitro_watch *watch = calloc(n, sizeof(*watch));
    struct vitro_stop_at where = {
        .exits = c->own_exits, .insns = c->own_insns, .addrs = addr, .watches = watch
    };
    int rc = -ENOMEM;

    if (addr != NULL && watch != NULL) {
        add_to(c->own, c->nown, addr, watch, &where);
        add_to(c->point, c->npoints, addr, watch, &where);
        rc = vitro_stop_at(c->m, &where, err);
    } else if (err != NULL) {
        *err = (struct vitro_err){ .code = rc, .text = "setting breakpoints: out of memory" };
    }
    free(addr);
    free(watch);
    return rc;
}

/* What counts against the bounds: all breakpoints, which the machine has so many of, and clients' watchpoints. */
static unsigned count_points(const struct ctl *c, bool breaks)
{
    unsigned n = 0;

    for (unsigned i = 0; i < c->npoints; i++)
        n += (c->point[i].len == 0) == breaks;
    for (unsigned i = 0; breaks && i < c->nown; i++)
        n += c->own[i].len == 0;
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
    if (count_points(c, breaks) >= (breaks ? BREAKS_MAX : WATCHES_MAX)) {
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

/* The run's own points as a list; NULL when memory runs out. */
static struct point *own_points(const struct vitro_stop_at *where, unsigned *n)
{
    struct point *list = calloc((size_t)where->naddrs + where->nwatches + 1, sizeof(*list));

    *n = 0;
    for (unsigned i = 0; list != NULL && i < where->naddrs; i++)
        list[(*n)++] = (struct point){ .addr = where->addrs[i] };
    for (unsigned i = 0; list != NULL && i < where->nwatches; i++) {
        const struct vitro_watch *w = &where->watches[i];

        list[(*n)++] = (struct point){ .addr = w->addr, .len = w->len, .how = w->how };
    }
    return list;
}

int ctl_stop_at(struct ctl *c, const struct vitro_stop_at *where, struct vitro_err *err)
{
    unsigned n;
    struct point *own = own_points(where, &n);
    int rc;

    if (own == NULL) {
        *err = (struct vitro_err){ .code = -ENOMEM, .text = "stopping the run: out of memory" };
        return -ENOMEM;
    }
    vitro_hold(c->m);
    pthread_mutex_lock(&c->lock);
    free(c->own);
    c->own = own;
    c->nown = n;
    c->own_exits = where->exits;
    c->own_insns = where->insns;
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

static bool is_met(const struct point *p, const struct vitro_outcome *end)
{
    if (end->watch_how == 0)
        return p->len == 0 && p->addr == end->linear;
    return p->len != 0 && end->watch_addr <= p->addr + (p->len - 1) &&
           p->addr <= end->watch_addr + (end->watch_len - 1);
}

static bool any_met(const struct point *p, unsigned n, const struct vitro_outcome *end)
{
    for (unsigned i = 0; i < n; i++) {
        if (is_met(&p[i], end))
            return true;
    }
    return false;
}

enum whose ctl_points_whose(const struct ctl *c, const struct vitro_outcome *end)
{
    if (any_met(c->own, c->nown, end))
        return OF_RUN;
    return any_met(c->point, c->npoints, end) ? OF_CLIENTS : OF_NOBODY;
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
