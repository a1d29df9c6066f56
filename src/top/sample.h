/* SPDX-License-Identifier: MIT */
/*
 * sample.h - what a running machine did in the last interval, asked through its control socket
 *
 * Costs the machine little: exits of an interval are those after a mark, registers are looked at a few times in
 * it, memory is compared by sums without stopping the guest, and the map, which goes through the host's page
 * tables, is asked for every MAP_EVERY intervals.
 */
#ifndef TOP_SAMPLE_H
#define TOP_SAMPLE_H

#include <jansson.h>
#include <stdint.h>

#include "ctl/client.h"

enum {
    SPOTS_MAX = 64, /* places where CPUs were seen */
    SPOT_NAME = 64,
    PEEKS = 4, /* looks at the registers an interval */
    MAP_EVERY = 5,
    CPUS_MAX = 8,
};

/* Where CPUs were seen: a function, or an address where no symbol is known. The past counts less and less. */
struct spot {
    char name[SPOT_NAME];
    double weight;
};

struct sample {
    struct client *client; /* owned */
    double seconds;        /* the interval, measured */
    /* answers of the machine, in docs/control.schema.json; NULL: not asked yet */
    json_t *info, *exits, *devices, *before, *map, *heat; /* before: devices of the last interval */
    json_t *regs[CPUS_MAX];
    unsigned ncpus;
    struct spot spot[SPOTS_MAX];
    unsigned nspots;
    /* its own */
    uint64_t began_ns; /* the interval */
    uint64_t ticks;
    json_int_t mark;
};

/* Begins the first interval. Takes over the client. 0 or a negative errno with err filled. */
int sample_open(struct sample *s, struct client *client, struct vitro_err *err);
void sample_close(struct sample *s);

/* A look in the middle of an interval, and the end of it. Negative errno: the machine has gone. */
int sample_peek(struct sample *s, struct vitro_err *err);
int sample_take(struct sample *s, struct vitro_err *err);

#endif
