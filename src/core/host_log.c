/* SPDX-License-Identifier: MIT */
/* host_log.c - see host_log.h */
#include "core/host_log.h"

#include <stdlib.h>

#include "core/machine.h"

void host_log_fini(struct host_log *log)
{
    free(log->event);
    log->event = NULL;
    log->n = log->room = log->next = 0;
}

struct place place_now(const struct machine *m)
{
    return (struct place){ .ns = m->clock.counted_ns, .accesses = m->accesses };
}

bool place_before(const struct place *a, const struct place *b)
{
    return a->ns < b->ns || (a->ns == b->ns && a->accesses < b->accesses);
}

bool host_log_add(struct machine *m, uint8_t kind, uint8_t byte)
{
    struct host_log *log = &m->host_log;

    if (log->len == HOST_WAITING_MAX)
        return false;
    log->waiting[(log->head + log->len++) % HOST_WAITING_MAX] =
        (struct host_event){ .kind = kind, .byte = byte };
    return true;
}

/* Without room for it the past before this place is gone. */
static void keep(struct machine *m, const struct host_event *ev)
{
    struct host_log *log = &m->host_log;

    if (m->rewind == NULL)
        return;
    if (log->n == log->room && log->room < HOST_LOG_MAX) {
        size_t room = log->room == 0 ? 256 : 2 * log->room;
        struct host_event *event = realloc(log->event, room * sizeof(*event));

        if (event != NULL) {
            log->event = event;
            log->room = room;
        }
    }
    if (log->n == log->room) {
        rewind_cut(m);
        return;
    }
    log->event[log->n++] = *ev;
    log->next = log->n;
}

static bool replay(struct machine *m, const struct place *now)
{
    struct host_log *log = &m->host_log;

    if (log->next == log->n || place_before(now, &log->event[log->next].at))
        return false;
    log->deliver(log->ctx, &log->event[log->next++]);
    return true;
}

/* In the present, something new. */
static bool take(struct machine *m, const struct place *now)
{
    struct host_log *log = &m->host_log;
    struct host_event ev;

    if (log->len == 0 || log->next < log->n || rewind_repeats(m) || !log->ready(log->ctx))
        return false;
    ev = log->waiting[log->head];
    log->head = (log->head + 1) % HOST_WAITING_MAX;
    log->len--;
    ev.at = *now;
    keep(m, &ev);
    log->deliver(log->ctx, &ev);
    return true;
}

void host_log_turn(struct machine *m)
{
    struct place now;

    if (m->host_log.deliver == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    if (m->host_log.len > 0 || m->host_log.next < m->host_log.n) {
        now = place_now(m);
        while (replay(m, &now) || take(m, &now))
            ;
    }
    pthread_mutex_unlock(&m->lock);
}

uint64_t host_log_next(const struct machine *m)
{
    const struct host_log *log = &m->host_log;

    return log->next < log->n ? log->event[log->next].at.ns : UINT64_MAX;
}
