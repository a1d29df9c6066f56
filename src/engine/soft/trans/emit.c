/* SPDX-License-Identifier: MIT */
/* emit.c - encodings. Source: SDM 2, "Instruction Format" and the opcode maps of appendix A. */
#include "engine/soft/trans/emit.h"

#include <string.h>

void emit_bytes(struct emit *e, const void *bytes, unsigned n)
{
    if ((size_t)(e->end - e->at) < n) {
        e->full = true;
        return;
    }
    memcpy(e->at, bytes, n);
    e->at += n;
}

void emit_8(struct emit *e, unsigned byte)
{
    uint8_t b = (uint8_t)byte;

    emit_bytes(e, &b, 1);
}

void emit_32(struct emit *e, uint32_t val)
{
    emit_bytes(e, &val, sizeof(val));
}

void emit_64(struct emit *e, uint64_t val)
{
    emit_bytes(e, &val, sizeof(val));
}

static void rex_and_opcode(struct emit *e, unsigned rex, unsigned opcode)
{
    if (rex != 0)
        emit_8(e, 0x40 | rex);
    if (opcode > 0xff)
        emit_8(e, 0x0f);
    emit_8(e, opcode & 0xff);
}

void emit_op_reg(struct emit *e, bool wide, unsigned opcode, unsigned reg, unsigned rm)
{
    rex_and_opcode(e, (wide ? 8u : 0) | reg >> 3 << 2 | rm >> 3, opcode);
    emit_8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

unsigned emit_mem_rex(struct emit_mem m)
{
    return (m.index == EMIT_NO_INDEX ? 0 : m.index >> 3 << 1) |
           (m.base == EMIT_NO_BASE ? 0 : m.base >> 3);
}

void emit_modrm(struct emit *e, unsigned reg, struct emit_mem m)
{
    bool sib = m.index != EMIT_NO_INDEX || (m.base & 7) == X86_RSP;
    bool short_disp = m.disp == (int8_t)m.disp;
    unsigned index = m.index == EMIT_NO_INDEX ? X86_RSP : m.index;

    if (m.base == EMIT_NO_BASE) { /* as if it were RBP, without MOD: 32 bits of distance instead */
        emit_8(e, (reg & 7) << 3 | X86_RSP);
        emit_8(e, (unsigned)m.scale << 6 | (index & 7) << 3 | X86_RBP);
        emit_32(e, (uint32_t)m.disp);
        return;
    }
    emit_8(e, (short_disp ? 0x40u : 0x80u) | (reg & 7) << 3 | (sib ? 4u : m.base & 7u));
    if (sib)
        emit_8(e, (unsigned)m.scale << 6 | (index & 7) << 3 | (m.base & 7));
    if (short_disp)
        emit_8(e, (uint8_t)m.disp);
    else
        emit_32(e, (uint32_t)m.disp);
}

void emit_op_mem(struct emit *e, bool wide, unsigned opcode, unsigned reg, struct emit_mem m)
{
    rex_and_opcode(e, (wide ? 8u : 0) | reg >> 3 << 2 | emit_mem_rex(m), opcode);
    emit_modrm(e, reg, m);
}

void emit_mov(struct emit *e, unsigned to, unsigned from)
{
    if (to != from)
        emit_op_reg(e, true, 0x89, from, to);
}

void emit_load(struct emit *e, unsigned to, struct emit_mem m)
{
    emit_op_mem(e, true, 0x8b, to, m);
}

void emit_store(struct emit *e, struct emit_mem m, unsigned from)
{
    emit_op_mem(e, true, 0x89, from, m);
}

void emit_lea(struct emit *e, unsigned to, struct emit_mem m)
{
    emit_op_mem(e, true, 0x8d, to, m);
}

void emit_mov_imm(struct emit *e, unsigned to, uint64_t val)
{
    if (val == (uint32_t)val) {
        rex_and_opcode(e, to >> 3, 0xb8 | (to & 7));
        emit_32(e, (uint32_t)val);
    } else if ((int64_t)val == (int32_t)val) {
        emit_op_reg(e, true, 0xc7, 0, to);
        emit_32(e, (uint32_t)val);
    } else {
        rex_and_opcode(e, 8 | to >> 3, 0xb8 | (to & 7));
        emit_64(e, val);
    }
}

void emit_alu_imm(struct emit *e, bool wide, unsigned alu, unsigned reg, int32_t imm)
{
    if (imm == (int8_t)imm) {
        emit_op_reg(e, wide, 0x83, alu, reg);
        emit_8(e, (uint8_t)imm);
    } else {
        emit_op_reg(e, wide, 0x81, alu, reg);
        emit_32(e, (uint32_t)imm);
    }
}

uint8_t *emit_jmp(struct emit *e)
{
    emit_8(e, 0xe9);
    emit_32(e, 0);
    return e->at - 4;
}

uint8_t *emit_jmp_aligned(struct emit *e)
{
    static const uint8_t nops[4][3] = { { 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0 } };

    emit_bytes(e, nops[-((uintptr_t)e->at + 1) & 3], -((uintptr_t)e->at + 1) & 3);
    return emit_jmp(e);
}

uint8_t *emit_jcc(struct emit *e, unsigned cc)
{
    emit_8(e, 0x0f);
    emit_8(e, 0x80 | cc);
    emit_32(e, 0);
    return e->at - 4;
}

void emit_jmp_mem(struct emit *e, struct emit_mem m)
{
    emit_op_mem(e, false, 0xff, 4, m);
}

void emit_patch(uint8_t *place, const uint8_t *to)
{
    int32_t distance = (int32_t)(to - (place + 4));

    __atomic_store_n((int32_t *)(void *)place, distance, __ATOMIC_RELEASE);
}
