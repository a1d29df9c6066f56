/* SPDX-License-Identifier: MIT */
/*
 * soft_far_rig.h - the software CPU between the tables that a Linux program runs between
 *
 * A GDT whose entries for ring 3 are the host's own (LAR and LSL tell), the runner's LDT, an IDT where only the gates of #BP
 * and #OF are open to ring 3, and a ring 0 that takes what is delivered. far_run() executes nothing of ring 0: its frame tells
 * how the host's kernel would have found the program.
 */
#ifndef TESTS_SOFT_FAR_RIG_H
#define TESTS_SOFT_FAR_RIG_H

#include "soft_int_gen.h"
#include "soft_int_rig.h"

/* A vector whose gate of the host is open and is not an exception's: INT of it would call the kernel. */
enum { FAR_SYSCALL_VECTOR = 0x80 };

/* After rig_open: tables, and ring 3 in code of this size. The runner is open. */
void far_open(struct rig *r, const struct native *n, enum x86_code code);

/*
 * Code for ring 0, where the vectors lead: what has an error code drops it, and all return by IRETQ. Without it nothing is
 * mapped there.
 */
void far_put_handlers(struct rig *r);

/*
 * Executes the case once with TF and says how it ended, as the host's signal would. All registers are as before
 * afterwards, memory in the window is not.
 */
void far_run(struct rig *r, const struct native *n, const struct gen_case *k,
             struct native_end *out);

#endif
