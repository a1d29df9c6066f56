/* SPDX-License-Identifier: MIT */
/*
 * native_rig.h - one user-mode instruction on the host CPU, with any register contents
 *
 * The oracle for tests of the software CPU. The bytes are written to a page that is then made executable;
 * a signal frame brings the registers in, and the signal of a breakpoint, or of the fault that the
 * instruction raised, takes them out.
 */
#ifndef TESTS_NATIVE_RIG_H
#define TESTS_NATIVE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NATIVE_XSAVE = 832, NATIVE_OK = -1 };

struct native {
    uint8_t *code; /* where instructions run */
    void *stack;   /* of the signal handlers */
};

struct native_state {
    uint64_t gpr[16]; /* encoding order */
    uint64_t rflags;
    uint8_t xsave[NATIVE_XSAVE] __attribute__((aligned(64))); /* standard form */
    /* results */
    uint64_t rip;
    int vector; /* of the exception; NATIVE_OK when there was none */
    uint64_t error, cr2;
};

void native_open(struct native *n);
void native_close(struct native *n);

/* Runs the instruction at n->code with the state, and leaves the state that it made. */
void native_run(struct native *n, const uint8_t *bytes, size_t len, struct native_state *s);

#endif
