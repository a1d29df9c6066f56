/* SPDX-License-Identifier: MIT */
/*
 * soft_claims.h - what the opcode table says that an instruction reads and writes, held against what it did
 *
 * The translator believes the table: a register or flag that a row forgets is lost there.
 */
#ifndef TESTS_SOFT_CLAIMS_H
#define TESTS_SOFT_CLAIMS_H

#include "x86/operand.h"

/* CF PF AF ZF SF DF OF */
#define CLAIMS_FLAGS UINT64_C(0xcd5)

/* Whether any part of a general register decides what the instruction does to anything else. */
bool claims_reads_gpr(const struct x86_insn *in, unsigned reg);

/* Whether it writes any part of this vector register. */
bool claims_writes_vector(const struct x86_insn *in, unsigned reg);

/* What changed and the row does not say: one line of words, or NULL. */
const char *claims_wrong(const struct x86_insn *in, const uint64_t before[X86_NGPR],
                         const uint64_t after[X86_NGPR], uint64_t flags_before,
                         uint64_t flags_after);

#endif
