/* SPDX-License-Identifier: MIT */
/*
 * host_log.h - what comes from the host into a run that counts its instructions: keys, buttons
 *
 * It comes at the host's pace, from any thread, and waits in a ring. The guest meets it between two turns (turns.h), and
 * the place, in instructions, is written down. Where the past is run again (rewind.h), the log gives the same at the
 * same place; what is new waits until the present is reached.
 */
#ifndef CORE_HOST_LOG_H
#define CORE_HOST_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;

/* A place in a run. Accesses tell those apart between which no instruction was completed. */
struct place {
    uint64_t ns;       /* counted_ns */
    uint64_t accesses; /* of all vCPUs to devices */
};

struct host_event {
    struct place at;
    uint8_t kind; /* the board's */
    uint8_t byte;
};

enum { HOST_WAITING_MAX = 4096, HOST_LOG_MAX = 1 << 20 };

struct host_log {
    /* Set by the board, before the machine runs; called under the machine lock. */
    bool (*ready)(void *ctx); /* another event can be taken */
    void (*deliver)(void *ctx, const struct host_event *ev);
    void *ctx;

    /* A ring, guarded by the machine lock. */
    struct host_event waiting[HOST_WAITING_MAX];
    unsigned head, len;

    /* The run's thread's. */
    struct host_event *event; /* owned */
    size_t n, room;
    size_t next; /* of the log, to be delivered again; n: the present */
};

void host_log_fini(struct host_log *log);

/* False: too many wait already. Thread: any, under the machine lock. */
bool host_log_add(struct machine *m, uint8_t kind, uint8_t byte);

struct place place_now(const struct machine *m);
bool place_before(const struct place *a, const struct place *b);

/* Delivers what is due now. Thread: the run's, between two turns. */
void host_log_turn(struct machine *m);

/* Machine time at which the log wants a turn to end; UINT64_MAX: none. */
uint64_t host_log_next(const struct machine *m);

#endif
