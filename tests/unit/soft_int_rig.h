/* SPDX-License-Identifier: MIT */
/*
 * soft_int_rig.h - a software CPU on the window of soft_native.h, and pages and ports for tests by hand
 *
 * Ring 3 by default, flat segments as the native runner has them, 4-level paging with the window's rights.
 */
#ifndef TESTS_SOFT_INT_RIG_H
#define TESTS_SOFT_INT_RIG_H

#include "engine/soft/ops.h"
#include "soft_native.h"
#include "stub_engine.h"

enum {
    RIG_RAM = 0x20000,
    RIG_TABLES = 0,
    RIG_CODE = 0x4000,
    RIG_DATA = 0x5000,
    RIG_TSS = 0x10000,
    RIG_TSS_AT = 0x40000 /* in the window */
};

struct rig {
    struct stub stub;
    struct machine *m;
    struct soft_cpu *c;
    struct x86_cpuid_model *model;
    uint8_t *ram;  /* RIG_RAM bytes from guest-physical 0 */
    uint8_t *code; /* the window's code page */
    uint8_t *data; /* +2000 of the window */
};

void rig_open(struct rig *r);
void rig_close(struct rig *r);

/* Ring 3 in a code segment of this size. */
void rig_mode(struct rig *r, enum x86_code code);
/* Real mode, the window's code and data pages at 0 and +2000 of segment 0x400. */
void rig_real(struct rig *r);

/* Decodes and executes the bytes at rip once, without delivering what it raised. */
bool rig_once(struct rig *r);
/* Puts the bytes into the code page, sets rip there, and executes them once. */
bool rig_run(struct rig *r, const void *bytes, unsigned len);

/* The monitor's answer to the device access that the last execution asked for; then once more. */
bool rig_answer(struct rig *r, uint64_t data);

#define RIG_RUN(r, ...) \
    rig_run(r, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

#endif
