/* SPDX-License-Identifier: MIT */
/*
 * chain.h - the faults of a shutdown in words: which table entry made each of them
 *
 * Used by the library's face (vitro_chain.c), which finds the chain (core/chain.h).
 */
#ifndef INSPECT_CHAIN_H
#define INSPECT_CHAIN_H

#include <jansson.h>

#include "base/text.h"
#include "inspect/inspect_spaces.h"

/* Fills *out but for source, from the CPU's registers and tables as they are now. */
WARN_UNUSED int chain_fill(const struct spaces *s, unsigned cpu, const struct fault_chain *chain,
                           struct vitro_chain *out, struct vitro_err *err);

WARN_UNUSED int chain_show(const struct vitro_chain *c, const struct vitro_style *style, char **out,
                           struct vitro_err *err);

/* One object; NULL when memory ran out. */
json_t *chain_json(const struct vitro_chain *c);
/* The lines, each with `indent` spaces in front. */
void chain_text(const struct vitro_chain *c, bool color, unsigned indent, struct text *t);

/* chain_why.c: what is wrong, for link i of the chain; out->why and out->entry_gpa. */
void chain_why(const struct cpu_space *c, const struct fault_chain *chain, unsigned i,
               struct vitro_fault *out);

/* disasm.c: the instruction at a linear address; false when it cannot be read. */
bool disasm_text_at(const struct spaces *s, unsigned cpu, uint64_t addr, char *buf, size_t len);

#endif
