/* SPDX-License-Identifier: MIT */
/*
 * trace_chrome.c - a trace for Perfetto and Chromium's tracing page
 *
 * Source: "Trace Event Format", the array form, whose closing bracket may be missing: a trace that was
 * cut off still opens. A CPU has two tracks: its time in the guest and in the monitor, and the engine's
 * system calls. Slices of a track follow one another without overlap, also when clocks disagree.
 */
#include <inttypes.h>
#include <stdio.h>

#include "inspect/show.h"
#include "inspect/trace_priv.h"

enum { PID = 1, TID_CPU = 1, TID_CALL = 101 };

static void separate(struct text *t)
{
    if (t->len > 0)
        text_add_bytes(t, ",\n", 2);
}

static unsigned track_index(const struct vitro_event *ev)
{
    return ev->cpu < TRACE_CPUS ? ev->cpu : TRACE_CPUS - 1;
}

/* ---- names of tracks ------------------------------------------------------------------------- */

static void name_process(struct trace_chrome *c, struct text *line)
{
    if (c->process_named)
        return;
    c->process_naming = true;
    separate(line);
    text_add(line,
             "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":0,"
             "\"args\":{\"name\":\"vitro\"}}",
             PID);
}

static void name_track(struct chrome_track *track, unsigned tid, unsigned cpu, const char *what,
                       struct text *line)
{
    if (track->named)
        return;
    track->naming = true;
    separate(line);
    text_add(line,
             "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%d,\"tid\":%u,"
             "\"args\":{\"name\":\"CPU %u%s\"}},\n"
             "{\"name\":\"thread_sort_index\",\"ph\":\"M\",\"pid\":%d,\"tid\":%u,"
             "\"args\":{\"sort_index\":%u}}",
             PID, tid, cpu, what, PID, tid, tid);
}

static void track_stored(struct chrome_track *track, bool ok)
{
    track->named |= track->naming && ok;
    track->naming = false;
}

static void chrome_stored(struct vitro_trace *t, bool ok)
{
    struct trace_chrome *c = &t->chrome;

    c->process_named |= c->process_naming && ok;
    c->process_naming = false;
    track_stored(&c->cpu[c->track], ok);
    track_stored(&c->call[c->track], ok);
}

/* ---- slices and marks ------------------------------------------------------------------------ */

struct slice {
    uint64_t start_ns, end_ns;
};

/* ns before end, but not before what the track already shows. */
static struct slice fit(struct chrome_track *track, uint64_t end, uint64_t ns)
{
    struct slice s = { ns < end ? end - ns : 0, end };

    if (s.end_ns < track->end_ns)
        s.end_ns = track->end_ns;
    if (s.start_ns < track->end_ns)
        s.start_ns = track->end_ns;
    track->end_ns = s.end_ns;
    return s;
}

/* Up to the value of args; the caller closes both objects. */
static void open_slice(struct text *line, unsigned tid, const char *category, struct slice s)
{
    char ts[SHOW_NUM], dur[SHOW_NUM];

    text_add(line,
             ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":%d,\"tid\":%u,\"ts\":%s,\"dur\":%s,"
             "\"args\":{\"seq\":",
             category, PID, tid, show_us(s.start_ns, ts), show_us(s.end_ns - s.start_ns, dur));
}

static void exit_slices(struct vitro_trace *t, const struct vitro_event *ev)
{
    struct chrome_track *track = &t->chrome.cpu[track_index(ev)];
    unsigned tid = TID_CPU + track_index(ev);
    uint64_t entered = ev->monitor_ns < ev->t_ns ? ev->t_ns - ev->monitor_ns : 0;
    struct slice guest = fit(track, entered, ev->guest_ns);
    struct slice monitor = fit(track, ev->t_ns, ev->monitor_ns);
    struct text *line = &t->line;

    separate(line);
    text_add(line, "{\"name\":\"guest\"");
    open_slice(line, tid, "guest", guest);
    text_add(line, "%" PRIu64 ",\"until_rip\":\"0x%" PRIx64 "\"}},\n{\"name\":", ev->seq, ev->rip);
    trace_json_string(line, ev->device != NULL ? ev->device : ev->reason);
    open_slice(line, tid, "monitor", monitor);
    text_add(line, "%" PRIu64 ",\"reason\":", ev->seq);
    trace_json_string(line, ev->reason);
    text_add(line, ",\"rip\":\"0x%" PRIx64 "\"", ev->rip);
    if (ev->is_access)
        text_add(line,
                 ",\"direction\":\"%s\",\"%s\":\"0x%" PRIx64 "\",\"width\":%u,\"data\":\"0x%" PRIx64
                 "\"",
                 trace_direction(ev),
                 trace_direction(ev)[0] == 'i' || trace_direction(ev)[0] == 'o' ? "port"
                                                                                : "address",
                 ev->addr, ev->width, ev->data);
    text_add_bytes(line, "}}", 2);
}

static void call_slice(struct vitro_trace *t, const struct vitro_event *ev)
{
    struct chrome_track *track = &t->chrome.call[track_index(ev)];
    struct slice s = fit(track, ev->t_ns, ev->guest_ns);
    struct text *line = &t->line;

    separate(line);
    text_add(line, "{\"name\":");
    trace_json_string(line, ev->call);
    open_slice(line, TID_CALL + track_index(ev), "call", s);
    text_add(line, "%" PRIu64 ",\"object\":", ev->seq);
    trace_json_string(line, ev->object);
    text_add(line, ",\"meaning\":");
    trace_json_string(line, ev->meaning);
    text_add(line, ",\"result\":%" PRId64 "}}", ev->result);
}

/* From the end of the one before: what it took, monitor and all. */
static void insn_slice(struct vitro_trace *t, const struct vitro_event *ev)
{
    struct chrome_track *track = &t->chrome.cpu[track_index(ev)];
    struct slice s = fit(track, ev->t_ns, ev->t_ns - track->end_ns);
    struct text *line = &t->line;

    if (ev->insn == NULL)
        return;
    separate(line);
    text_add(line, "{\"name\":");
    trace_json_string(line, ev->insn->text);
    open_slice(line, TID_CPU + track_index(ev), "insn", s);
    text_add(line, "%" PRIu64, ev->seq);
    trace_insn_members(line, ev->insn);
    text_add_bytes(line, "}}", 2);
}

/* An instant, on a CPU's track or across the whole picture. */
static void mark(struct vitro_trace *t, const struct vitro_event *ev, const char *name,
                 const char *text, char scope)
{
    struct slice s = fit(&t->chrome.cpu[track_index(ev)], ev->t_ns, 0);
    struct text *line = &t->line;
    char ts[SHOW_NUM];

    separate(line);
    text_add(line,
             "{\"name\":\"%s\",\"ph\":\"i\",\"s\":\"%c\",\"pid\":%d,\"tid\":%u,\"ts\":%s,"
             "\"args\":{\"text\":",
             name, scope, PID, TID_CPU + track_index(ev), show_us(s.end_ns, ts));
    trace_json_string(line, text);
    text_add_bytes(line, "}}", 2);
}

static void hash_mark(struct vitro_trace *t, const struct vitro_event *ev)
{
    char text[64];

    snprintf(text, sizeof(text), "0x%016" PRIx64 " after %" PRIu64 " instructions", ev->hash,
             ev->insns);
    mark(t, ev, "hash", text, 'g');
}

static void chrome_event(struct vitro_trace *t, const struct vitro_event *ev)
{
    unsigned i = t->chrome.track = track_index(ev);

    name_process(&t->chrome, &t->line);
    if (ev->kind == VITRO_EVENT_HOSTCALL)
        name_track(&t->chrome.call[i], TID_CALL + i, i, " calls to the engine", &t->line);
    else
        name_track(&t->chrome.cpu[i], TID_CPU + i, i, "", &t->line);
    switch (ev->kind) {
    case VITRO_EVENT_EXIT:
        exit_slices(t, ev);
        break;
    case VITRO_EVENT_HOSTCALL:
        call_slice(t, ev);
        break;
    case VITRO_EVENT_START:
        mark(t, ev, "start", "the guest is entered for the first time", 't');
        break;
    case VITRO_EVENT_STOP:
        mark(t, ev, "stop", ev->text, 'g');
        break;
    case VITRO_EVENT_INSN:
        insn_slice(t, ev);
        break;
    case VITRO_EVENT_HASH:
        hash_mark(t, ev);
        break;
    }
}

static void chrome_head(const struct vitro_trace *t, struct text *out)
{
    uint64_t end = 0;
    char ts[SHOW_NUM];

    text_add(out, "%s", t->started ? "" : "[\n");
    if (t->started && t->covers > 0)
        text_add(out, ",\n");
    if (t->gap == 0 || t->covers == 0)
        return;
    for (unsigned i = 0; i < TRACE_CPUS; i++)
        end = t->chrome.cpu[i].end_ns > end ? t->chrome.cpu[i].end_ns : end;
    text_add(out,
             "{\"name\":\"%" PRIu64 " dropped\",\"ph\":\"i\",\"s\":\"g\",\"pid\":%d,\"tid\":0,"
             "\"ts\":%s},\n",
             t->gap, PID, show_us(end, ts));
}

const struct trace_format trace_chrome = {
    .event = chrome_event,
    .head = chrome_head,
    .stored = chrome_stored,
    .tail = "\n]\n",
    .empty = "\n]\n",
};
