/* SPDX-License-Identifier: MIT */
/*
 * trace_flow.c - the conversation with the engine, for people: what the monitor asks for and what
 * comes of it, enough to draw the chart of how a machine is set up and run
 *
 * A KVM_RUN belongs to the exit it returned with. Pairs that only repeat the exit before are counted and
 * told as one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inspect/show.h"
#include "inspect/trace_priv.h"

enum { AT_WORDS = 16, AT_TIME_END = 80 };

static const char heading[] =
    "The conversation with the engine. Numbered: a call, its result and how long it took.\n"
    "<= why it came back to the monitor, and how long the answer took.\n\n";

/* Puts a duration at the end of the line that began at `start`. */
static void end_with_time(struct text *t, size_t start, uint64_t ns)
{
    char buf[SHOW_NUM];

    trace_tab(t, start, AT_TIME_END - strlen(show_ns(ns, buf)));
    text_add(t, "%s\n", buf);
}

/* True the first time: what a call means need not be said again. */
static bool is_news(struct trace_flow *f, const char *meaning)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (const char *p = meaning; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    for (unsigned i = 0; i < f->ntold; i++) {
        if (f->told[i] == hash)
            return false;
    }
    if (f->ntold < FLOW_TOLD)
        f->told[f->ntold++] = hash;
    return true;
}

struct flow_call {
    unsigned cpu;
    uint64_t number;
    const char *object, *name, *meaning;
    int64_t result;
    uint64_t ns;
};

static void call_words(struct vitro_trace *t, const struct flow_call *call)
{
    struct text *line = &t->line;
    size_t start;

    if (t->flow.ended)
        text_add_bytes(line, "\n", 1);
    t->flow.ended = false;
    start = line->len;
    text_add(line, "%4" PRIu64 "  ", call->number);
    show_name(line, call->object, FLOW_NAME);
    if (call->cpu != 0)
        text_add(line, " %u", call->cpu);
    trace_tab(line, start, AT_WORDS);
    show_name(line, call->name, TRACE_NAME);
    trace_result(line, call->result);
    end_with_time(line, start, call->ns);
    if (call->meaning == NULL || !is_news(&t->flow, call->meaning))
        return;
    text_add(line, "%*s", AT_WORDS, "");
    show_name(line, call->meaning, FLOW_MEANING);
    text_add_bytes(line, "\n", 1);
}

static void run_words(struct vitro_trace *t, const struct flow_run *run)
{
    struct trace_flow *f = &t->flow;
    struct flow_call call = { run->cpu,       run->number, f->run_object, "KVM_RUN",
                              f->run_meaning, run->result, run->ns };

    call_words(t, &call);
}

/* "pio out 0xe9 (debugcon)" */
static void exit_place(struct text *t, const struct flow_repeat *key)
{
    struct vitro_event ev = { .reason = key->reason,
                              .is_access = key->is_access,
                              .write = key->write };

    show_name(t, key->reason, FLOW_NAME);
    if (!key->is_access)
        return;
    text_add(t, " %s 0x%" PRIx64 " (", trace_direction(&ev), key->addr);
    show_name(t, key->device[0] != '\0' ? key->device : "nobody", FLOW_NAME);
    text_add_bytes(t, ")", 1);
}

/* ---- repetitions ----------------------------------------------------------------------------- */

static void tell_repeats(struct vitro_trace *t)
{
    struct flow_repeat *rep = &t->flow.rep;
    struct text *line = &t->line;
    size_t start = line->len;
    char times[SHOW_NUM];

    if (rep->n == 0)
        return;
    snprintf(times, sizeof(times), "... x%" PRIu64, rep->n);
    text_add(line, "%*s  ", AT_WORDS - 2, times);
    if (rep->calls > 0)
        text_add(line, "KVM_RUN (%" PRIu64 " to %" PRIu64 ") <= ", rep->first, rep->last);
    exit_place(line, rep);
    text_add(line, " again");
    end_with_time(line, start, rep->ns);
    if (rep->single_bytes) {
        text_add(line, "%*sdata \"", AT_WORDS, "");
        text_add_escaped(line, rep->data, rep->ndata);
        text_add(line, "\"%s\n", rep->n > rep->ndata ? " ..." : "");
    }
    rep->n = rep->calls = rep->ns = 0;
    rep->ndata = 0;
    rep->single_bytes = true;
}

static bool same_place(const struct flow_repeat *rep, const struct flow_repeat *key)
{
    return rep->valid && rep->is_access == key->is_access && rep->write == key->write &&
           rep->addr == key->addr && strcmp(rep->reason, key->reason) == 0 &&
           strcmp(rep->device, key->device) == 0;
}

static void count_repeat(struct flow_repeat *rep, const struct vitro_event *ev,
                         const struct flow_run *run)
{
    if (run != NULL) {
        rep->first = rep->calls++ == 0 ? run->number : rep->first;
        rep->last = run->number;
        rep->ns += run->ns;
    }
    rep->ns += ev->monitor_ns;
    rep->n++;
    rep->single_bytes &= ev->is_access && ev->width == 1;
    if (rep->single_bytes && rep->ndata < FLOW_DATA)
        rep->data[rep->ndata++] = (char)ev->data;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Returns of KVM_RUN that no exit has claimed: told as calls like all others. */
static void tell_runs(struct vitro_trace *t)
{
    struct trace_flow *f = &t->flow;

    for (unsigned i = 0; i < f->nruns; i++) {
        tell_repeats(t);
        f->rep.valid = false;
        run_words(t, &f->run[i]);
    }
    f->nruns = 0;
}

/* The oldest return of that CPU. */
static bool take_run(struct trace_flow *f, unsigned cpu, struct flow_run *run)
{
    unsigned i = 0;

    while (i < f->nruns && f->run[i].cpu != cpu)
        i++;
    if (i == f->nruns)
        return false;
    *run = f->run[i];
    f->nruns--;
    memmove(f->run + i, f->run + i + 1, (f->nruns - i) * sizeof(f->run[0]));
    return true;
}

static void exit_words(struct vitro_trace *t, const struct vitro_event *ev)
{
    struct flow_repeat *rep = &t->flow.rep;
    struct text *line = &t->line;
    size_t start = line->len;

    text_add(line, "%*s<=", AT_WORDS - 4, "");
    trace_tab(line, start, AT_WORDS);
    exit_place(line, rep);
    if (ev->is_access) {
        text_add(line, " data ");
        show_data(line, ev->data, ev->width);
    }
    text_add(line, ", rip 0x%" PRIx64, ev->rip);
    if (ev->cpu != 0)
        text_add(line, ", CPU %u", ev->cpu);
    end_with_time(line, start, ev->monitor_ns);
}

static void flow_exit(struct vitro_trace *t, const struct vitro_event *ev)
{
    struct trace_flow *f = &t->flow;
    struct flow_repeat key = { .valid = true,
                               .is_access = ev->is_access,
                               .write = ev->write,
                               .addr = ev->is_access ? ev->addr : 0,
                               .single_bytes = true };
    struct flow_run run = { 0 };
    bool have_run = take_run(f, ev->cpu, &run);

    snprintf(key.reason, sizeof(key.reason), "%s", ev->reason != NULL ? ev->reason : "");
    snprintf(key.device, sizeof(key.device), "%s", ev->device != NULL ? ev->device : "");
    if (same_place(&f->rep, &key)) {
        count_repeat(&f->rep, ev, have_run ? &run : NULL);
        return;
    }
    tell_repeats(t);
    f->rep = key;
    if (have_run)
        run_words(t, &run);
    exit_words(t, ev);
}

static void flow_call(struct vitro_trace *t, const struct vitro_event *ev)
{
    struct trace_flow *f = &t->flow;
    struct flow_call call = { ev->cpu,     ++f->ncalls, ev->object,  ev->call,
                              ev->meaning, ev->result,  ev->guest_ns };

    if (ev->call != NULL && strcmp(ev->call, "KVM_RUN") == 0) {
        if (f->nruns == FLOW_PENDING)
            tell_runs(t);
        f->run[f->nruns++] = (struct flow_run){ ev->cpu, call.number, ev->guest_ns, ev->result };
        snprintf(f->run_object, sizeof(f->run_object), "%s", ev->object != NULL ? ev->object : "");
        snprintf(f->run_meaning, sizeof(f->run_meaning), "%s",
                 ev->meaning != NULL ? ev->meaning : "");
        return;
    }
    tell_runs(t);
    tell_repeats(t);
    f->rep.valid = false;
    call_words(t, &call);
}

static void flow_mark(struct vitro_trace *t, const struct vitro_event *ev)
{
    tell_runs(t);
    tell_repeats(t);
    t->flow.rep.valid = false;
    if (ev->kind == VITRO_EVENT_START) {
        text_add(&t->line, "\n      CPU %u enters the guest for the first time\n\n", ev->cpu);
        return;
    }
    text_add(&t->line, "\n      the run ends: ");
    show_name(&t->line, ev->text, TRACE_NAME);
    text_add_bytes(&t->line, "\n", 1);
    t->flow.ended = true;
}

static void flow_event(struct vitro_trace *t, const struct vitro_event *ev)
{
    switch (ev->kind) {
    case VITRO_EVENT_EXIT:
        flow_exit(t, ev);
        break;
    case VITRO_EVENT_HOSTCALL:
        flow_call(t, ev);
        break;
    case VITRO_EVENT_START:
    case VITRO_EVENT_STOP:
        flow_mark(t, ev);
        break;
    case VITRO_EVENT_HASH: /* KVM has no part in these */
    case VITRO_EVENT_INSN:
        break;
    }
}

static void flow_flush(struct vitro_trace *t)
{
    tell_runs(t);
    tell_repeats(t);
}

static void flow_head(const struct vitro_trace *t, struct text *out)
{
    if (t->gap > 0)
        text_add_bytes(out, "\n", 1);
    if (!t->started)
        text_add(out, "%s", heading);
    if (t->gap > 0)
        text_add(out, "      (%" PRIu64 " event%s could not be stored here)\n", t->gap,
                 t->gap == 1 ? "" : "s");
}

const struct trace_format trace_flow = {
    .event = flow_event,
    .flush = flow_flush,
    .head = flow_head,
    .tail = "",
    .empty = "",
};
