/* SPDX-License-Identifier: MIT */
/* figures.h - a sample as numbers: rates and shares; for the screen, for text and for JSON. Strings are borrowed from it. */
#ifndef TOP_FIGURES_H
#define TOP_FIGURES_H

#include "top/sample.h"

enum { KINDS_MAX = 16, PLACES_MAX = 64, DEVICES_MAX = 64, RANGES_MAX = 96 };

struct kind_row {
    const char *reason;
    double rate; /* an interval's exits, a second */
};

struct place_row {
    const char *reason, *direction, *address, *device, *rip, *symbol; /* "" where there is none */
    double rate;
};

struct cpu_row {
    const char *mode, *rip, *symbol;
    int cpl;
    double rate;
    double guest,
        monitor; /* shares of the interval, 0 to 1; what is left the CPU waits. guest < 0: no exit told */
};

struct device_row {
    const char *name, *space, *base;
    double reads, writes; /* a second */
};

struct range_row {
    const char *name, *use;
    uint64_t gpa, bytes, resident;
    bool slot, resident_known;
};

struct figures {
    const struct sample *of;
    double rate;                     /* of all exits */
    struct kind_row kind[KINDS_MAX]; /* by rate */
    unsigned nkinds;
    struct place_row place[PLACES_MAX]; /* by rate */
    unsigned nplaces;
    struct cpu_row cpu[CPUS_MAX];
    unsigned ncpus;
    struct spot seen[SPOTS_MAX]; /* by weight, which is a share */
    unsigned nseen;
    struct device_row device[DEVICES_MAX]; /* busy ones first */
    unsigned ndevices;
    struct range_row range[RANGES_MAX]; /* as the map has them */
    unsigned nranges;
};

void figures_make(struct figures *f, const struct sample *s);

/* How much of [gpa, gpa + bytes) has changed, 0 to 1, by the pages that were looked at. */
double figures_heat(const struct figures *f, uint64_t gpa, uint64_t bytes);

/* One JSON object; the caller's. NULL: out of memory. */
json_t *figures_json(const struct figures *f);

#endif
