/* SPDX-License-Identifier: MIT */
/*
 * rewind.h - back in time: checkpoints of a machine that counts its instructions
 *
 * A run on a counted clock can be repeated bit for bit. So the state at any instruction of the past is that of the last
 * checkpoint before it, and what was executed since, executed again. Checkpoints are taken by turns.c, at multiples
 * of `spacing` instructions and at the very beginning. One holds the registers of vCPUs, the bytes of devices, the
 * clock and the timers, and what pages held that have been written since (mem_cow.h).
 *
 * The older, the fewer: of those `age` behind, one in about age/8 is kept, which merges their pages, so that memory
 * grows by the logarithm of the time. When there is no room the distances grow, at last the oldest goes.
 *
 * At each multiple of `spacing` translations of guest addresses are forgotten, whether there is a checkpoint or not:
 * what is executed again looks at page tables where it looked at first.
 *
 * GAP: Files that the hypercall device has written stay as they are when a machine goes back.
 */
#ifndef CORE_REWIND_H
#define CORE_REWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct machine;
struct rewind;

struct rewind_config {
    uint64_t bytes;   /* of host memory at most, for pages and all the rest; default 256 MiB */
    uint64_t spacing; /* instructions; default REWIND_SPACING */
};

enum { REWIND_SPACING = 1 << 24 };

struct rewind_stats {
    unsigned checkpoints;
    uint64_t bytes;        /* of host memory that they take */
    uint64_t taken;        /* ever */
    uint64_t oldest_insns; /* how far back it goes */
};

/*
 * rewind_open - keep checkpoints from the next run on
 *
 * The machine has all its parts. -ENOTSUP: its clock is not counted, or a part cannot be put back.
 */
WARN_UNUSED int rewind_open(struct machine *m, const struct rewind_config *cfg,
                            struct vitro_err *err);
void rewind_close(struct machine *m); /* nothing where it is not open */

/* Takes a checkpoint if one is due. Thread: the run's, between two turns. */
void rewind_turn(struct machine *m);

/* Instructions of all vCPUs at which a turn has to end; UINT64_MAX: anywhere. */
uint64_t rewind_next(const struct machine *m);

/*
 * rewind_to - put the machine back to the newest checkpoint at which `insns` instructions or fewer were executed
 *
 * Those after it are dropped: they are taken again when the machine comes by. -ENOENT: there is none.
 * Thread: the run's, while the machine does not run and nobody looks at it (pause.h).
 */
WARN_UNUSED int rewind_to(struct machine *m, uint64_t insns, struct vitro_err *err);

/* What has been is executed again: the guest's output has been seen, and input comes from the log. */
bool rewind_repeats(const struct machine *m);

/* There is a past to go back to. */
bool rewind_keeps(const struct machine *m);

/* From here on comes another future than the one that has been. Not while a vCPU runs. */
void rewind_branch(struct machine *m);

/* The machine has been changed in a way that cannot be done again: what was is not its past any more. As branch. */
void rewind_cut(struct machine *m);

void rewind_stats_get(const struct machine *m, struct rewind_stats *out);

#endif
