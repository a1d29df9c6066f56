/* SPDX-License-Identifier: MIT */
/*
 * chain.h - the faults that led to a shutdown, in their order
 *
 * Filled by an engine that delivers exceptions itself. For one that only says that the guest shut down, the
 * helper takes the last instruction again (vcpu_retrace).
 */
#ifndef CORE_CHAIN_H
#define CORE_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vcpu;

/* One exception; the second and later ones came up while the one before was to be delivered. */
struct fault_link {
    uint8_t vector;
    bool interrupt; /* an interrupt or NMI from outside: the first link only */
    bool doubled;   /* together with the one before it became #DF */
    bool has_error;
    uint32_t error;
    uint64_t cr2; /* #PF: the linear address */
};

enum { CHAIN_LINKS = 10 };

struct fault_chain {
    uint64_t rip; /* of the instruction that was to be executed; an offset in CS */
    unsigned n;   /* 0: not known */
    struct fault_link link[CHAIN_LINKS];
};

enum retrace {
    RETRACE_FOUND,    /* cpu->chain is filled */
    RETRACE_RESET,    /* the engine has reset the CPU: nothing is left to look at */
    RETRACE_NO_FAULT, /* the helper executes the instruction and nothing comes of it */
    RETRACE_NOBODY,   /* no helper */
};

/*
 * vcpu_retrace - find the chain of the last exit, a shutdown or a failure of the engine
 *
 * Where the engine has not filled it, the helper executes the instruction at rip once more, on the same
 * memory; registers stay those of the engine. Not while the machine runs.
 */
WARN_UNUSED int vcpu_retrace(struct vcpu *cpu, enum retrace *out, struct vitro_err *err);

#endif
