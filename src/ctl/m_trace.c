/* SPDX-License-Identifier: MIT */
/*
 * m_trace.c - events of the guest to one client, through a queue of lines that the guest's threads fill
 *
 * When the queue is full, events are dropped and counted; the trace itself says where and how many. The guest
 * never waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_priv.h"

enum { QUEUE_BYTES = 1 << 20 };

struct trace_tap {
    struct ctl *ctl;
    struct vitro_trace *trace;
    unsigned owner, sub; /* connection's number, subscription */
    pthread_mutex_t lock;
    char *queue; /* guarded by lock, as its length */
    size_t len;
    _Atomic bool told; /* the server has been woken for what is there */
};

/* From the guest's threads: all lines, or none. */
static bool take_lines(void *ctx, const char *bytes, size_t len)
{
    struct trace_tap *t = ctx;
    bool room;

    pthread_mutex_lock(&t->lock);
    room = len <= QUEUE_BYTES - t->len;
    if (room) {
        memcpy(t->queue + t->len, bytes, len);
        t->len += len;
    }
    pthread_mutex_unlock(&t->lock);
    if (!atomic_exchange(&t->told, true))
        ctl_wake(t->ctl);
    return room;
}

static void on_event(void *ctx, const struct vitro_event *ev)
{
    vitro_trace_event(((struct trace_tap *)ctx)->trace, ev);
}

static void free_tap(struct trace_tap *t)
{
    if (t->trace != NULL)
        vitro_trace_end(t->trace);
    pthread_mutex_destroy(&t->lock);
    free(t->queue);
    free(t);
}

/* The machine is held. */
static int new_tap(struct ctl *c, struct trace_tap **out, struct vitro_err *err)
{
    struct trace_tap *t = calloc(1, sizeof(*t));
    int rc;

    if (t == NULL) {
        *err = (struct vitro_err){ .code = -ENOMEM, .text = "trace.subscribe: out of memory" };
        return -ENOMEM;
    }
    t->ctl = c;
    pthread_mutex_init(&t->lock, NULL);
    t->queue = malloc(QUEUE_BYTES);
    rc = vitro_trace_new(VITRO_TRACE_JSONL, take_lines, t, &t->trace, err);
    if (rc == 0 && t->queue == NULL) {
        *err = (struct vitro_err){ .code = -ENOMEM, .text = "trace.subscribe: out of memory" };
        rc = -ENOMEM;
    }
    if (rc == 0)
        rc = vitro_listen(c->m, on_event, t, err);
    if (rc < 0) {
        free_tap(t);
        return rc;
    }
    *out = t;
    return 0;
}

void m_trace_subscribe(struct call *call)
{
    struct ctl *c = call->ctl;
    struct vitro_err err = { 0 };
    struct sub *sub;

    if (c->trace != NULL) {
        call_fail(call, RPC_LIMIT, "trace.subscribe: another client has the trace");
        return;
    }
    sub = call_subscribe(call, SUB_TRACE);
    if (sub == NULL)
        return;
    if (new_tap(c, &c->trace, &err) < 0) {
        sub->kind = SUB_NONE;
        call_fail_err(call, &err);
        return;
    }
    c->trace->owner = call->conn->number;
    c->trace->sub = sub->id;
    call->result = json_pack("{s:i}", "subscription", (int)sub->id);
}

void trace_drop(struct ctl *c, unsigned owner, unsigned sub)
{
    struct trace_tap *t = c->trace;

    if (t == NULL || t->owner != owner || (sub != 0 && t->sub != sub))
        return;
    vitro_hold(c->m);
    (void)vitro_listen(c->m, NULL, NULL, NULL); /* never fails for nobody */
    vitro_release(c->m);
    free_tap(t);
    c->trace = NULL;
}

/* Lines from the front of the queue; they go away there. */
static size_t take_queue(struct trace_tap *t, char *out, size_t max)
{
    size_t n;

    pthread_mutex_lock(&t->lock);
    n = t->len < max ? t->len : max;
    while (n > 0 && t->queue[n - 1] != '\n')
        n--;
    memcpy(out, t->queue, n);
    t->len -= n;
    memmove(t->queue, t->queue + n, t->len);
    pthread_mutex_unlock(&t->lock);
    return n;
}

static void send_lines(struct conn *conn, struct sub *sub, const char *lines, size_t len)
{
    while (len > 0) {
        const char *end = memchr(lines, '\n', len);
        size_t n = (size_t)(end - lines) + 1; /* the queue holds whole lines */
        json_t *event = json_loadb(lines, n, 0, NULL);

        if (event != NULL)
            notify_send(conn, sub, "trace", json_pack("{s:o}", "event", event));
        lines += n;
        len -= n;
    }
}

void stream_trace(struct conn *conn, struct sub *sub)
{
    struct trace_tap *t = conn->ctl->trace;
    char lines[STREAM_CHUNK];
    size_t len;

    if (t == NULL || t->owner != conn->number || t->sub != sub->id)
        return;
    atomic_store(&t->told,
                 false); /* before looking: what comes after that wakes the server again */
    while (conn_waiting(conn) < OUT_CALM && (len = take_queue(t, lines, sizeof(lines))) > 0)
        send_lines(conn, sub, lines, len);
}
