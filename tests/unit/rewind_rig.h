/* SPDX-License-Identifier: MIT */
/*
 * rewind_rig.h - a machine in real mode that counts its instructions, for tests of going back in time
 *
 * Its CPUs write all over memory, take an interrupt every few hundred instructions, and read a port whose value comes
 * from the host.
 */
#ifndef REWIND_RIG_H
#define REWIND_RIG_H

#include "core/back.h"
#include "core/machine.h"
#include "../guest/one_vector.h"

enum {
    RIG_RAM = 65536,
    RIG_CODE = 0x1000,
    RIG_LOOP = RIG_CODE + 1,   /* inc word [RIG_COUNT] */
    RIG_WRITE = RIG_CODE + 19, /* the write all over memory */
    RIG_COUNT = 0x604,
    RIG_INTRS = 0x608,
    RIG_KEYS = 0x60c, /* sum of what was read */
    RIG_PORT = 0x80,
};

struct rig {
    struct machine *m;
    uint8_t *ram;
    struct dev dev;
    struct one_vector irq[CPUS_MAX];
    struct { /* put back with the machine */
        struct timer timer;
        uint8_t key;
    } part;
    unsigned delivered; /* ever, also again */
};

/* spacing 0: no past is kept. bytes 0: the default. */
void rig_open(struct rig *r, unsigned ncpus, uint64_t spacing, uint64_t bytes);
void rig_close(struct rig *r);

/* Until all vCPUs have executed so many; it must get there. Returns the hash. */
uint64_t rig_run_to(struct rig *r, uint64_t insns);
uint64_t rig_hash(struct rig *r);

#endif
