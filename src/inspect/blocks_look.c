/* SPDX-License-Identifier: MIT */
/* blocks_look.c - see blocks_look.h */
#include "inspect/blocks_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/pause.h"

/* All code may be thrown away while it is looked at, and then its numbers are given out anew; a guest that has this happen
 * again and again gets what there is at the end. */
enum { RESTARTS_MAX = 8 };

/* ---- which ------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct code_block *x = &((const struct hot *)a)->b, *y = &((const struct hot *)b)->b;

    if (x->executions != y->executions)
        return x->executions < y->executions ? 1 : -1;
    return (x->rip > y->rip) - (x->rip < y->rip);
}

static bool wanted(const struct vitro_blocks_filter *f, const struct code_block *b)
{
    return b->rip <= f->to && (b->rip >= f->from || f->from - b->rip < b->guest_len);
}

static bool make_room(struct blocks_look *l)
{
    struct hot *more;

    if (l->room - l->n >= LOOK_ROWS)
        return true;
    more = realloc(l->hot, (l->room + l->room / 2 + LOOK_ROWS) * sizeof(*l->hot));
    if (more == NULL)
        return false;
    l->hot = more;
    l->room += l->room / 2 + LOOK_ROWS;
    return true;
}

/* The machine is held. From *number on, which moves on. False: those were the last. */
static bool take_rows(struct blocks_look *l, uint32_t *number, unsigned *restarts)
{
    uint64_t resets = l->stats.resets;
    uint32_t end;

    if (l->m->engine->code != l->ops) /* it has changed to another engine */
        return false;
    l->ops->stats(l->m, &l->stats);
    if (l->stats.resets != resets) {
        l->n = 0;
        *number = 0;
        if (++*restarts > RESTARTS_MAX)
            return false;
    }
    end = l->ops->numbers(l->m);
    for (unsigned i = 0; i < LOOK_ROWS && *number < end; i++, ++*number) {
        struct hot *h = &l->hot[l->n];

        h->number = *number;
        if (l->ops->block(l->m, *number, &h->b) && wanted(l->filter, &h->b))
            l->n++;
    }
    return *number < end;
}

static int collect(struct blocks_look *l, struct vitro_err *err)
{
    unsigned restarts = 0;
    uint32_t number = 0;
    bool more;

    do {
        if (!make_room(l))
            return err_set(err, -ENOMEM, "showing translated code: out of memory");
        pause_hold(l->m);
        more = take_rows(l, &number, &restarts);
        pause_release(l->m);
        if (more)
            pause_breathe(l->m);
    } while (more);
    return 0;
}

int blocks_look(struct blocks_look *l, struct machine *m, const struct vitro_blocks_filter *filter,
                struct vitro_err *err)
{
    int rc;

    *l = (struct blocks_look){ .m = m, .ops = m->engine->code, .filter = filter };
    if (l->ops == NULL)
        return err_class(
            err, VITRO_ERR_ENGINE, -ENOTSUP,
            "showing translated code: the engine %s translates nothing; take --engine soft",
            m->engine->name);
    rc = collect(l, err);
    if (rc < 0)
        return rc;
    qsort(l->hot, l->n, sizeof(*l->hot), compare);
    l->shown = filter->count != 0 && filter->count < l->n ? filter->count : l->n;
    return 0;
}

void blocks_look_close(struct blocks_look *l)
{
    free(l->hot);
    free(l->apart);
    free(l->host);
}

/* ---- one by one -------------------------------------------------------------------------------- */

/* The machine is held. What is there is as it was: only all code together is ever replaced. */
static bool is_there(const struct blocks_look *l, const struct hot *h, struct code_block *now)
{
    struct code_stats stats;

    if (l->m->engine->code != l->ops)
        return false;
    l->ops->stats(l->m, &stats);
    return stats.resets == l->stats.resets && l->ops->block(l->m, h->number, now);
}

/* The machine is held. */
static void take_apart(const struct blocks_look *l, const struct hot *h, uint8_t *host,
                       struct apart *a)
{
    struct code_block now;

    *a = (struct apart){ .host = host };
    if (!is_there(l, h, &now))
        return;
    a->b = &h->b;
    memcpy(host, now.host, h->b.host_len);
    (void)mem_get(&l->m->mem, h->b.gpa, a->guest, h->b.guest_len);
    l->ops->insns(l->m, h->number, a->insn);
}

/* Room for what is taken apart at once, from hot[first] on. */
static bool make_apart(struct blocks_look *l, size_t first)
{
    size_t bytes = 0;

    l->first = first;
    l->napart = l->shown - first < LOOK_APART ? l->shown - first : LOOK_APART;
    for (size_t i = 0; i < l->napart; i++)
        bytes += l->hot[first + i].b.host_len;
    free(l->host);
    l->host = malloc(bytes + 1);
    if (l->apart == NULL)
        l->apart = calloc(LOOK_APART, sizeof(*l->apart));
    return l->host != NULL && l->apart != NULL;
}

static bool take_some(struct blocks_look *l, size_t first)
{
    uint8_t *host;

    if (!make_apart(l, first))
        return false;
    pause_breathe(l->m);
    pause_hold(l->m);
    host = l->host;
    for (size_t i = 0; i < l->napart; i++) {
        take_apart(l, &l->hot[first + i], host, &l->apart[i]);
        host += l->hot[first + i].b.host_len;
    }
    pause_release(l->m);
    return true;
}

const struct apart *blocks_look_apart(struct blocks_look *l, size_t i)
{
    if ((i < l->first || i - l->first >= l->napart) && !take_some(l, i))
        return NULL;
    return &l->apart[i - l->first];
}
