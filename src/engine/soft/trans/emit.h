/* SPDX-License-Identifier: MIT */
/*
 * emit.h - host instructions, byte by byte
 *
 * Register numbers are those of enum x86_gpr. Memory operands are only what translated code may touch: the
 * frame, and what S1 points to after a check.
 */
#ifndef ENGINE_SOFT_TRANS_EMIT_H
#define ENGINE_SOFT_TRANS_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/soft/trans/frame.h"

enum { HOST_S1 = X86_RBP, HOST_S2 = X86_R15, HOST_BUDGET = X86_R12, HOST_FRAME = X86_RSP };
enum { EMIT_NO_INDEX = 0xff, EMIT_NO_BASE = 0xff };

/* Jumps whose distance is not known yet hold 32 bits of it. */
struct emit {
    uint8_t *at, *end; /* in the alias that is written */
    bool full;         /* something did not fit; the block is thrown away */
};

struct emit_mem {
    uint8_t base, index, scale; /* scale: shift */
    int32_t disp;
};

#define FRAME(field)                                  \
    ((struct emit_mem){ HOST_FRAME, EMIT_NO_INDEX, 0, \
                        (int32_t)offsetof(struct trans_frame, field) })

void emit_bytes(struct emit *e, const void *bytes, unsigned n);
void emit_8(struct emit *e, unsigned byte);
void emit_32(struct emit *e, uint32_t val);
void emit_64(struct emit *e, uint64_t val);

/* Opcodes above 0xff are those behind 0F. wide: REX.W. */
void emit_op_mem(struct emit *e, bool wide, unsigned opcode, unsigned reg, struct emit_mem m);
/* ModRM and what follows it, and what REX has of the operand. */
void emit_modrm(struct emit *e, unsigned reg, struct emit_mem m);
unsigned emit_mem_rex(struct emit_mem m);
void emit_op_reg(struct emit *e, bool wide, unsigned opcode, unsigned reg, unsigned rm);

void emit_mov(struct emit *e, unsigned to, unsigned from); /* 64 bits */
void emit_load(struct emit *e, unsigned to, struct emit_mem m);
void emit_store(struct emit *e, struct emit_mem m, unsigned from);
void emit_lea(struct emit *e, unsigned to, struct emit_mem m);
void emit_mov_imm(struct emit *e, unsigned to, uint64_t val);
/* add, or, ..., cmp by their number in the opcode map, 0..7. */
void emit_alu_imm(struct emit *e, bool wide, unsigned alu, unsigned reg, int32_t imm);

/* With a distance to be filled in: the place of its 32 bits. */
uint8_t *emit_jmp(struct emit *e);
/* One that may be patched while it is executed: the distance lies at a multiple of 4. */
uint8_t *emit_jmp_aligned(struct emit *e);
uint8_t *emit_jcc(struct emit *e, unsigned cc);
void emit_jmp_mem(struct emit *e, struct emit_mem m);
/* Lets the jump whose distance is at `place` go to `to`; both in the alias. At once for who executes an aligned one. */
void emit_patch(uint8_t *place, const uint8_t *to);

#endif
