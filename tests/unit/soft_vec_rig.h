/* SPDX-License-Identifier: MIT */
/*
 * soft_vec_rig.h - vector and x87 instructions on the software CPU and on the host CPU, compared
 *
 * The software CPU here has flat memory that is the test's own: one page with forbidden pages around it,
 * at the same address on both sides, so that addresses in the state can be compared too.
 */
#ifndef TESTS_SOFT_VEC_RIG_H
#define TESTS_SOFT_VEC_RIG_H

#include "engine/soft/ops.h"
#include "native_rig.h"
#include "x86/operand.h"

enum { RIG_PAGE = 4096, RIG_CASES = 200, RIG_PLACE = 0x20000000, RIG_FLAGS = 0x8d5 };

struct rig {
    struct native host;
    struct soft_cpu *c;
    uint8_t *page; /* memory that instructions may access */
    uint8_t before[RIG_PAGE], soft_after[RIG_PAGE];
    uint64_t seed;
    bool fdp_excptn_only; /* FDP and FOP are of the last unmasked exception */
    bool amd;             /* the host is; see soft_vec_amd.h */
    unsigned rows, cases, differences, shown;
};

/* One generated instruction with its state. */
struct rig_case {
    uint8_t bytes[X86_INSN_MAX];
    struct x86_insn in;
    struct native_state before, soft, host;
};

void rig_open(struct rig *r, uint64_t seed);
void rig_close(struct rig *r);

uint64_t rig_random(struct rig *r);
unsigned rig_below(struct rig *r, unsigned n);

/* Random bytes for a row, or false when none were found. */
bool rig_encode(struct rig *r, enum x86_op op, struct rig_case *k);
/* Registers and memory for it. */
void rig_fill(struct rig *r, struct rig_case *k);
/* Executes it on the software CPU, which leaves k->soft and r->page. */
void rig_soft(struct rig *r, struct rig_case *k);
/* Executes on both sides and compares; counts and prints a difference. */
void rig_check(struct rig *r, struct rig_case *k);

/*
 * rig_execute - one instruction on the software CPU alone, in any mode, as ring 0
 *
 * Memory is at r->page, flat, and 0x20000000 for addresses in the instruction.
 */
bool rig_execute(struct rig *r, enum x86_mode mode, enum x86_code code, const uint8_t *bytes);

/* The cases of every row of a class that the host has, but those that need ring 0. */
void rig_class(struct rig *r, enum x86_class klass, unsigned cases);
/* Cases a row: RIG_CASES, or the environment's VITRO_ORACLE_CASES. */
unsigned rig_cases(void);
/* 1, or the environment's VITRO_ORACLE_SEED. */
uint64_t rig_seed(void);
/* The closing line. */
void rig_report(const struct rig *r, const char *what);

#endif
