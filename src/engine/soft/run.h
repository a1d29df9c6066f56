/* SPDX-License-Identifier: MIT */
/* run.h - what run.c shares with the engine; see ops.h for the rest. */
#ifndef ENGINE_SOFT_RUN_H
#define ENGINE_SOFT_RUN_H

#include <stdlib.h>

#include "engine/soft/cpu.h"
#include "x86/decode.h"

/* SOFT_CODE free places, or NULL. The caller frees it. */
struct soft_code *soft_code_new(void);

/*
 * soft_load_code - bytes of code that another vCPU may change meanwhile
 *
 * Each aligned word of 8 bytes in one piece, wherever the instruction begins: as a CPU sees them that fetches lines of
 * its cache. Reads the whole of those words, which lie in the page.
 */
void soft_load_code(uint8_t *own, const uint8_t *host, unsigned len);

/*
 * soft_burst - execute instructions for as long as they have fast handlers (fast.h)
 *
 * budget  most that may be executed; the caller looks at kicks, limits and interrupts between bursts
 *
 * Raises nothing and asks for nothing: what it does not execute is for soft_step, which is to follow unless
 * the budget is used up.
 */
void soft_burst(struct soft_cpu *c, uint64_t budget);

/* The same, but ends behind the first instruction that does not go on with the next. */
void soft_burst_to_branch(struct soft_cpu *c, uint64_t budget);

/*
 * soft_end_in_fault - deliver what c->stop has, which the instruction at rip has raised before it changed anything
 *
 * As soft_step ends then. False when delivery ended in the vCPU's exit.
 */
bool soft_end_in_fault(struct soft_cpu *c);

/* Whether mode, privilege and features allow the row (allow.c); false with c->stop set. */
bool soft_allowed(struct soft_cpu *c, const struct x86_insn *in);

#endif
