/* SPDX-License-Identifier: MIT */
/* vitro_trace.c - the library's face: events, and traces made of them. */
#include <assert.h>

#include "inspect/inspect_cpu.h"
#include "vitro_priv.h"

static_assert((int)EVENT_EXIT == (int)VITRO_EVENT_EXIT &&
                  (int)EVENT_HOSTCALL == (int)VITRO_EVENT_HOSTCALL &&
                  (int)EVENT_START == (int)VITRO_EVENT_START &&
                  (int)EVENT_STOP == (int)VITRO_EVENT_STOP &&
                  (int)EVENT_HASH == (int)VITRO_EVENT_HASH,
              "kinds are passed on as numbers");

/* From the core's event to the public one: the same facts, without the core's types. */
void pass_event(void *ctx, const struct event *ev)
{
    const struct vitro *m = ctx;
    const struct cpu_exit *x = &ev->exit;
    struct vitro_event out = {
        .kind = (enum vitro_event_kind)ev->kind,
        .seq = ev->seq,
        .t_ns = ev->t_ns,
        .cpu = ev->cpu,
        .guest_ns = ev->guest_ns,
        .monitor_ns = ev->monitor_ns,
        .call = ev->call.name,
        .object = ev->call.on,
        .meaning = ev->call.meaning,
        .result = ev->call.result,
        .text = ev->text,
        .insns = ev->insns,
        .hash = ev->hash,
    };

    if (ev->kind == EVENT_EXIT) {
        out.reason = exit_kind_name(x->kind);
        out.is_access = x->kind == EXIT_PIO || x->kind == EXIT_MMIO;
        out.write = x->write;
        out.width = x->width;
        out.addr = x->addr;
        out.data = x->data;
        out.rip = x->rip;
        out.device = ev->dev;
    }
    m->event(m->event_ctx, &out);
}

int vitro_trace_new(enum vitro_trace_format format,
                    bool (*write)(void *ctx, const char *bytes, size_t len), void *ctx,
                    struct vitro_trace **out, struct vitro_err *err)
{
    return trace_new(format, write, ctx, out, err);
}

void vitro_trace_event(struct vitro_trace *t, const struct vitro_event *ev)
{
    trace_event(t, ev);
}

uint64_t vitro_trace_end(struct vitro_trace *t)
{
    return trace_end(t);
}
