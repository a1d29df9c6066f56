/* SPDX-License-Identifier: MIT */
/* chip_rig.h - register scripts of chips that know time: tables of steps, over the time of moved_time.h. */
#ifndef TESTS_CHIP_RIG_H
#define TESTS_CHIP_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "moved_time.h"

/* One step of a script: what is done, in words for failures too, and with what. */
struct step {
    void (*op)(void *rig, const struct step *s);
    const char *text;
    uint64_t arg[3];
    size_t number; /* of the step in its script, from 0 */
};

#define STEP(op, ...)                                    \
    {                                                    \
        op, #op "(" #__VA_ARGS__ ")", { __VA_ARGS__ }, 0 \
    }

/* Does the steps, a copy of each numbered. */
void steps_run(void *rig, const struct step *steps, size_t n);

#define RUN(rig, steps) steps_run((rig), (steps), sizeof(steps) / sizeof((steps)[0]))

/* Fails the test, naming the step, unless the two are equal. */
void step_expect(const struct step *s, const char *what, uint64_t got, uint64_t want);

#endif
