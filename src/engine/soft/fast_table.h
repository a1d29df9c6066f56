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

/* An instruction as a family sees it. Sizes are 1 << n bytes. */
struct fast_form {
    enum fast_kind first, second;
    unsigned size; /* of the first operand */
    unsigned second_bytes;
};

static inline soft_fast_fn *fast_of_family(const struct fast_family *family,
                                           const struct fast_form *form)
{
    return family->fn[form->first][form->second][form->size];
}

/* Each for its own mnemonics; NULL: none. Switches, since a table of all mnemonics would be one of pointers. */
soft_fast_fn *fast_alu_fn(const struct x86_row *row, const struct fast_form *form); /* fast_alu.c */
soft_fast_fn *fast_move_fn(const struct x86_row *row,
                           const struct fast_form *form); /* fast_move.c */
soft_fast_fn *fast_flow_fn(const struct x86_row *row,
                           const struct fast_form *form); /* fast_flow.c */

#endif
