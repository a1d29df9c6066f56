/* SPDX-License-Identifier: MIT */
/*
 * help.h - what the engine refuses is executed by a second one
 *
 * Some KVMs stop at ordinary instructions of ring 0. A machine with a helper (machine.helper) lets that engine execute
 * the instruction on the same registers and memory, then goes on. Where refusals are frequent, the helper
 * executes more and more before it gives the CPU back (help.c). What it executed is counted in the row
 * of the refusal (exit_row.helped).
 *
 * All functions: thread of the vCPU, without the machine lock, unless they say otherwise.
 */
#ifndef CORE_HELP_H
#define CORE_HELP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct exit_row;
struct vcpu;
struct x86_state;

enum { HELP_INSNS_MAX = 10000 };

/* A vCPU's part. */
struct help {
    bool wanted;          /* the engine has refused the instruction at rip */
    bool debugs;          /* the helper has the CPU because the engine cannot stop where it shall */
    struct vitro_err why; /* what the engine said to that */
    bool for_good;      /* the engine does not take the registers back: the helper keeps the CPU */
    _Atomic bool ready; /* the helper has made its part; release, pairs with acquire in help_kick */
    uint64_t refused, helped; /* sums of the vCPU's life: instructions refused, and executed then */
    uint64_t left;            /* instructions until the engine goes on */
    uint64_t budget;          /* of the last help; 0: there was none */
    uint64_t back_ns;         /* when the engine got the CPU back */
    struct exit_row *row;     /* of the refusal: where instructions are counted */
    struct x86_state *state;  /* owned; the engine's, when it refused */
};

/* Under the machine lock. False: nobody helps. Otherwise the next help_run begins with the helper. */
bool help_want(struct vcpu *cpu);

/* Makes the helper's part of the machine and of this vCPU, when first needed. There must be a helper. */
WARN_UNUSED int help_ready(struct vcpu *cpu, struct vitro_err *err);

/* The registers to the helper, and back; see help.c. */
WARN_UNUSED int help_take(struct vcpu *cpu, struct vitro_err *err);
WARN_UNUSED int help_give_back(struct vcpu *cpu, struct vitro_err *err);

/* As engine_ops.run, by whichever engine the CPU is with. */
WARN_UNUSED int help_run(struct vcpu *cpu, struct vitro_err *err);

/* Kicks the helper, where it may be running. Thread: any. */
void help_kick(struct vcpu *cpu);

void help_fini(struct vcpu *cpu);

#endif
