/* SPDX-License-Identifier: MIT */
/*
 * trans_rig.h - CPUs for the translator's tests: one, or two of which one translates and one interprets
 *
 * On soft_int_rig.h, with a store of decoded code and vector state. They fail the test that calls them.
 */
#ifndef TESTS_TRANS_RIG_H
#define TESTS_TRANS_RIG_H

#include <stdbool.h>

#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/trans.h"
#include "soft_int_gen.h"
#include "soft_int_rig.h"

enum { XSAVE_LEN = 832 };

/* rig_open(), and what translated code needs of a CPU. trans_rig_close() gives both back. */
struct soft_cpu *trans_rig_open(struct rig *r);
void trans_rig_close(struct rig *r);
/* rig_mode(), and the same. */
void trans_rig_mode(struct rig *r, enum x86_code code);

/* One CPU with memory of its own; two of them run the same. */
struct side {
    struct rig rig;
    struct trans *t; /* NULL: it interprets */
};

struct pair {
    struct side interp, trans;
    struct gen gen;
    uint64_t insns;
};

/* set_up is called for each of the two CPUs. pair_close() frees it. */
struct pair *pair_open(const struct trans_config *config, void (*set_up)(struct soft_cpu *c));
void pair_close(struct pair *p);
/* Both, and what is generated for them, in a code segment of this size. */
void pair_mode(struct pair *p, enum x86_code code);

/* All segment registers, hidden parts too, but not what lies between the fields of the structures. */
bool same_segments(const struct x86_state *a, const struct x86_state *b);

/* Until it has executed so many instructions. False: it stopped before. */
bool side_advance(struct side *s, uint64_t insns);

#endif
