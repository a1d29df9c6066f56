/* SPDX-License-Identifier: MIT */
/*
 * outside.h - changes from outside that are part of a machine's past: what a debugger writes, the reset button
 *
 * A run that counts its instructions and keeps checkpoints (rewind.h) has the place of each change written down with what
 * was changed. Where the past is run again, the same is done at the same place; before it, the machine is what it was.
 * A change in the past begins another future: what has been changed and typed after it is forgotten.
 *
 * GAP: a change where an exception or interrupt has just been delivered and no instruction been completed since cannot be
 * placed, and begins a new past; so does one beyond OUTSIDE_BYTES in all.
 *
 * Thread: all functions the run's, or any while the machine stands still (pause.h).
 */
#ifndef CORE_OUTSIDE_H
#define CORE_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/host_log.h"
#include "core/mem.h"

struct machine;
struct x86_state;

enum { OUTSIDE_BYTES = 16 << 20, OUTSIDE_MAX = 1 << 16 };

/* Zeroed is an empty one. */
struct outside {
    struct outside_change *change; /* owned */
    size_t n, room;
    size_t next;    /* to be done again; n: the present */
    bool told;      /* that a breakpoint lies before it */
    uint64_t bytes; /* that they hold */
};

void outside_fini(struct outside *o);

/* Before a change: instructions under way are finished, so that it lies between two. */
WARN_UNUSED int outside_begin(struct machine *m, struct vitro_err *err);

/* After a change: bytes of memory, or parts of a vCPU's registers as vcpu_set_state takes them. Copied. */
void outside_wrote(struct machine *m, gpa_t gpa, const void *bytes, size_t len);
void outside_set(struct machine *m, unsigned cpu, unsigned parts, const struct x86_state *s);

/* Before a reset that does not come from the guest. */
void outside_reset(struct machine *m);

/*
 * Does again what was done at this place. What takes a vCPU away from a breakpoint stops the machine there first, once:
 * so it was when it was done. False: stopped.
 */
WARN_UNUSED bool outside_turn(struct machine *m);

/* The same where the machine stops: whoever looks sees it done, unless it is that which stops it. */
void outside_stop(struct machine *m);

/* Machine time at which a turn has to end; UINT64_MAX: none. */
uint64_t outside_next(const struct machine *m);

#endif
