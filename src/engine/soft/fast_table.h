/* SPDX-License-Identifier: MIT */
/* fast_table.h - how fast handlers are found: by mnemonic, kinds of the operands, and size. */
#ifndef ENGINE_SOFT_FAST_TABLE_H
#define ENGINE_SOFT_FAST_TABLE_H

#include "engine/soft/fast.h"

enum fast_kind { FAST_NONE, FAST_REG, FAST_MEM, FAST_IMM, FAST_KINDS };

/* One operation: by kinds of the first two operands and by size, 1 << n bytes. NULL: none. */
struct fast_family {
    soft_fast_fn *fn[FAST_KINDS][FAST_KINDS][4];
};

/* NULL: none. MOVZX, MOVSX and IMUL by their other operands too. */
const struct fast_family *fast_alu_family(const struct x86_row *row); /* fast_alu.c */
const struct fast_family *fast_move_family(const struct x86_row *row,
                                           unsigned width);            /* fast_move.c */
const struct fast_family *fast_flow_family(const struct x86_row *row); /* fast_flow.c */

#endif
