/* SPDX-License-Identifier: MIT */
/*
 * event.h - what happened, as a stream for whoever asked
 *
 * A machine has at most one sink. Without one, an exit pays a single test of a pointer.
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/exit.h"
#include "core/insn_trace.h"

enum event_kind {
    EVENT_EXIT,     /* the engine came back: exit, times */
    EVENT_HOSTCALL, /* the engine asked the host kernel for something: call */
    EVENT_START,    /* a vCPU enters the guest for the first time: rip in exit.rip */
    EVENT_STOP,     /* the run ended: text says why */
    EVENT_HASH,     /* vCPUs take turns: insns, hash */
    EVENT_INSN,     /* an instruction has been executed: insn (insn_trace.h) */
};

/* One system call of an engine, for the flow of set-up. Strings are static. */
struct hostcall {
    const char *name;    /* "KVM_CREATE_VM" */
    const char *on;      /* "/dev/kvm", "vm", "vcpu" */
    const char *meaning; /* one line for people */
    int64_t result;      /* or negative errno */
};

struct event {
    enum event_kind kind;
    uint64_t seq;                  /* from 0, no gaps unless the sink drops */
    uint64_t t_ns;                 /* since the machine was made, at the end of what it describes */
    unsigned cpu;                  /* index; 0 for what concerns no CPU */
    uint64_t guest_ns, monitor_ns; /* EXIT; HOSTCALL: guest_ns is the call's duration */
    struct cpu_exit exit;
    const char *dev;     /* EXIT: name of the device that answered, or NULL */
    const uint64_t *gpr; /* EXIT: enum x86_gpr; NULL: not at hand. Borrowed for the call */
    struct hostcall call;
    const char *text;              /* STOP; static or borrowed for the call */
    uint64_t insns;                /* HASH: executed by all vCPUs so far */
    uint64_t hash;                 /* HASH: machine_hash */
    const struct insn_event *insn; /* INSN; borrowed for the call */
};

/* Called under the machine lock (HOSTCALL: by the thread that makes the call); must not block for long. */
typedef void event_fn(void *ctx, const struct event *ev);

struct event_sink {
    event_fn *fn; /* NULL: off */
    void *ctx;
    uint64_t seq;
};

/* Somebody listens. The one test that an exit pays when nobody does; tests/bench measures it. */
static inline bool sink_on(const struct event_sink *sink)
{
    return sink->fn != NULL;
}

#endif
