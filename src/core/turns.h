/* SPDX-License-Identifier: MIT */
/*
 * turns.h - a run that can be repeated: vCPUs take turns on one thread, and instructions are the time
 *
 * Used instead of threads and event loop when the machine's clock is counted. Every instruction of any vCPU
 * takes a nanosecond. Timers fire between the two instructions that their time lies between; when all
 * vCPUs wait, time jumps to the next timer. What the host does at its own pace comes in by host_log.h only;
 * descriptors of the event loop are not served. What ends such a run from outside does so anywhere.
 */
#ifndef CORE_TURNS_H
#define CORE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/host_log.h"

struct machine;
struct vcpu;

struct turns {
    unsigned cpu;        /* whose turn it is */
    uint64_t slice_ns;   /* machine time at which it is the next one's */
    uint64_t skipped_ns; /* of machine time, in which nothing was executed */
    uint64_t hash_every; /* instructions between two EVENT_HASH; 0: none. Changed while stopped */
    uint64_t hashed;     /* instructions at the last one */
    uint64_t
        until; /* STOP_COUNT when all vCPUs have executed so many; 0: off. Changed while stopped */
    bool ran;  /* timers, at: */
    struct place ran_at;
    /* Machine time at which the engine returns EXIT_KICKED. It may come nearer while the engine runs. */
    uint64_t end_ns;
};

/* Runs until the machine stops or nothing can go on. only: this vCPU alone; NULL: all. */
void turns_run(struct machine *m, struct vcpu *only);

/* Instructions executed by all vCPUs. */
uint64_t turns_insns(const struct machine *m);

#endif
