/* SPDX-License-Identifier: MIT */
/*
 * trace_priv.h - what the files of the trace share: one trace, its formats
 *
 * A format turns an event into bytes and never writes itself. It appends to `line`; trace.c hands that
 * to the callback as a whole, after what `head` puts before it, or counts it as dropped.
 */
#ifndef INSPECT_TRACE_PRIV_H
#define INSPECT_TRACE_PRIV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vitro/inspect.h>

#include "base/text.h"

struct trace_format {
    /* May append nothing, and stand for the event with later bytes. */
    void (*event)(struct vitro_trace *t, const struct vitro_event *ev);
    /* Appends what the events so far still owe. NULL: nothing. */
    void (*flush)(struct vitro_trace *t);
    /* Appends to out what must precede the line: a heading, a separator, a note on dropped events. */
    void (*head)(const struct vitro_trace *t, struct text *out);
    /* The line has been stored, or dropped. NULL: the format need not know. */
    void (*stored)(struct vitro_trace *t, bool ok);
    const char *tail;  /* closes what has begun */
    const char *empty; /* the whole of a trace without events */
};

extern const struct trace_format trace_text, trace_jsonl, trace_chrome, trace_flow;

/* ---- state of formats ------------------------------------------------------------------------ */

enum { TRACE_CPUS = 64 }; /* CPUs with tracks of their own; higher ones share the last */

struct chrome_track {
    uint64_t end_ns; /* of the last slice: the next one begins there or later */
    bool named;      /* its name has been stored */
    bool naming;     /* its name is in the line */
};

struct trace_chrome {
    struct chrome_track cpu[TRACE_CPUS], call[TRACE_CPUS];
    bool process_named, process_naming;
    unsigned track; /* of the event in the line */
};

enum { FLOW_PENDING = 8, FLOW_NAME = 32, FLOW_DATA = 48, FLOW_MEANING = 80, FLOW_TOLD = 64 };

/* A KVM_RUN that has returned and whose exit has not been told yet. */
struct flow_run {
    unsigned cpu;
    uint64_t number, ns;
    int64_t result;
};

/* Repetitions of the exit shown last. */
struct flow_repeat {
    bool valid; /* the key below is that of the line before */
    char reason[FLOW_NAME], device[FLOW_NAME];
    bool is_access, write;
    uint64_t addr;
    uint64_t n;           /* not shown yet */
    uint64_t calls;       /* KVM_RUNs among them */
    uint64_t first, last; /* their numbers */
    uint64_t ns;          /* spent in them */
    char data[FLOW_DATA]; /* the first bytes that they moved, if they moved single bytes */
    unsigned ndata;
    bool single_bytes;
};

struct trace_flow {
    uint64_t ncalls;
    struct flow_run run[FLOW_PENDING];
    unsigned nruns;
    char run_object[FLOW_NAME], run_meaning[FLOW_MEANING]; /* of KVM_RUN, from its event */
    struct flow_repeat rep;
    uint32_t told[FLOW_TOLD]; /* hashes of the meanings that have been written */
    unsigned ntold;
    bool ended; /* what follows happens after the run */
};

struct vitro_trace {
    /* set at creation */
    const struct trace_format *format;
    bool (*write)(void *ctx, const char *bytes, size_t len);
    void *ctx;

    /* guarded by lock */
    pthread_mutex_t lock;
    struct text line, out; /* kept between events; as long as the longest event */
    uint64_t covers;       /* events that the line stands for */
    uint64_t dropped;      /* in all */
    uint64_t gap;          /* since something was last stored */
    bool started;          /* something has been stored */
    struct trace_chrome chrome;
    struct trace_flow flow;
};

/* ---- pieces of lines ------------------------------------------------------------------------- */

enum { TRACE_NAME = 64 }; /* bytes shown of a name that comes with an event */

/* Spaces up to column `to` of the line that began at `start`; at least one. */
void trace_tab(struct text *t, size_t start, size_t to);

/* A JSON string of untrusted bytes, or null for NULL; cut at TRACE_NAME bytes. */
void trace_json_string(struct text *t, const char *s);

/* " = 12" or " = -EINVAL". */
void trace_result(struct text *t, int64_t result);

/* trace_insn.c: an instruction in columns, and as members of a JSON object, each with a comma before. */
void trace_insn_words(struct text *t, size_t start, const struct vitro_insn *in);
void trace_insn_members(struct text *t, const struct vitro_insn *in);

/* As show_direction(). */
const char *trace_direction(const struct vitro_event *ev);

#endif
