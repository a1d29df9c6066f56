/* SPDX-License-Identifier: MIT */
/*
 * ops.h - from a decoded instruction to the function that executes it
 *
 * Two kinds of functions. A value function computes: its operands have been read as the table row says
 * and are written back afterwards; it changes o->v[] and the flags, nothing else. An instruction function
 * does everything itself. Both are listed by mnemonic in ops.c.
 */
#ifndef ENGINE_SOFT_OPS_H
#define ENGINE_SOFT_OPS_H

#include "engine/soft/cpu.h"
#include "engine/soft/mem.h"
#include "x86/decode.h"

/* Operand values, zero-extended; width in bytes, 0 for what has no value (a jump distance has 8). */
struct soft_vals {
    uint64_t v[4];
    uint8_t width[4];
    bool
        no_write; /* set by a value function: the destination keeps its value (CMOV to memory never) */
};

/* True when done; false with c->stop set. May raise before it changes anything. */
typedef bool soft_val_fn(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o);
typedef bool soft_insn_fn(struct soft_cpu *c, const struct x86_insn *in);

struct soft_op {
    soft_insn_fn *insn; /* one of the two; both NULL: not there, #UD */
    soft_val_fn *val;
};

/* What executes a row: by mnemonic, or by class for vectors and x87. Never NULL. */
const struct soft_op *soft_op_of(const struct x86_row *row);

/* Executes one decoded instruction: mode, privilege and feature checks of the row, then its function. */
bool soft_execute(struct soft_cpu *c, const struct x86_insn *in, const struct soft_op *op);

/* ---- operands (operand.c) -------------------------------------------------------------------- */

/* Effective address of the memory operand, cut to the address size: an offset in in->seg. */
uint64_t soft_ea(const struct soft_cpu *c, const struct x86_insn *in);

/* A general register operand of 1 byte may be AH CH DH BH. */
uint64_t soft_reg8(const struct soft_cpu *c, const struct x86_insn *in, unsigned reg);
void soft_set_reg8(struct soft_cpu *c, const struct x86_insn *in, unsigned reg, uint64_t val);

/* Memory that is only written is not looked at; what is read and written faults as a write. */
bool soft_load_operands(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o);
bool soft_store_operands(struct soft_cpu *c, const struct x86_insn *in, const struct soft_vals *o);

/* Loads operands, computes, stores; with LOCK and for XCHG once more until nobody came in between. */
bool soft_run_value(struct soft_cpu *c, const struct x86_insn *in, soft_val_fn *val);

/* ---- stack (stack.c) ------------------------------------------------------------------------- */

/* Width in bytes. The pointer moves only when the access is made. */
bool soft_push(struct soft_cpu *c, unsigned width, uint64_t val);
bool soft_pop(struct soft_cpu *c, unsigned width, uint64_t *val);

/* rip for a near jump: cut to the operand size; outside 64-bit mode checked against CS's limit. */
bool soft_jump(struct soft_cpu *c, const struct x86_insn *in, uint64_t rip);

/* ---- exceptions, segments, far transfers (exception.c, segment.c, far.c) ----------------------- */

/*
 * soft_deliver - take the exception in c->stop: push, switch stacks, load the handler
 *
 * Faults on the way become double faults as SDM 3A table "Conditions for Generating a Double Fault" says.
 * False: a triple fault; c->stop is SOFT_EXIT and the vCPU's exit is EXIT_SHUTDOWN.
 */
bool soft_deliver(struct soft_cpu *c);

/* An external interrupt or NMI; as soft_deliver. */
bool soft_interrupt(struct soft_cpu *c, unsigned vector);

/* MOV and POP to a data segment register or SS, in every mode. */
bool soft_load_segment(struct soft_cpu *c, unsigned seg, uint16_t selector);

/* ---- system (system.c, msr.c, cpuid.c) --------------------------------------------------------- */

bool soft_read_msr(struct soft_cpu *c, uint32_t index, uint64_t *val);
bool soft_write_msr(struct soft_cpu *c, uint32_t index, uint64_t val);

/* ---- one instruction ------------------------------------------------------------------------- */

/*
 * soft_step - fetch, decode and execute the instruction at rip, and deliver what it raised
 *
 * False: the monitor is needed, the vCPU's exit is filled.
 */
bool soft_step(struct soft_cpu *c);

#endif
