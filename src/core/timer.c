/* SPDX-License-Identifier: MIT */
/* timer.c - a sorted list: a machine has a dozen timers, of which few are armed. */
#include "core/timer.h"

#include <stddef.h>

void timer_init(struct timer *t, struct timers *list, void (*fn)(void *ctx), void *ctx)
{
    *t = (struct timer){ .list = list, .fn = fn, .ctx = ctx };
}

static void unlink_timer(struct timer *t)
{
    struct timer **at = &t->list->first;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->armed = false;
}

void timer_arm(struct timer *t, uint64_t due_ns)
{
    struct timers *list = t->list;
    struct timer **at = &list->first;

    if (t->armed)
        unlink_timer(t);
    while (*at != NULL && (*at)->due_ns <= due_ns)
        at = &(*at)->next;
    t->due_ns = due_ns;
    t->armed = true;
    t->round = list->round;
    t->next = *at;
    *at = t;
    if (list->first == t && list->sooner != NULL)
        list->sooner(list->ctx);
}

void timer_cancel(struct timer *t)
{
    if (t->armed)
        unlink_timer(t);
}

uint64_t timers_next(const struct timers *list)
{
    return list->first != NULL ? list->first->due_ns : TIMER_NEVER;
}

void timers_run(struct timers *list, uint64_t now_ns)
{
    list->round++;
    for (;;) {
        struct timer *t = list->first;

        while (t != NULL && t->due_ns <= now_ns && t->round == list->round)
            t = t->next; /* armed during this call: waits for the next one */
        if (t == NULL || t->due_ns > now_ns)
            return;
        unlink_timer(t);
        t->fn(t->ctx);
    }
}
