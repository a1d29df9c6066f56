/* SPDX-License-Identifier: MIT */
/* prove_follow.c - what the prover knows behind an instruction: see prove.c */
#include <stddef.h>

#include "engine/soft/trans/prove_state.h"

enum { PAGE = 4096, TABLE = sizeof(struct trans_pages), ENTRY = 8, TAGS = TRANS_TLB * ENTRY };

static bool is_alu_imm(const struct x86_insn *in, enum x86_mnemonic mnemonic, unsigned reg)
{
    const struct x86_row *row = x86_insn_row(in);

    return row->mnemonic == mnemonic && row->imm != X86_IMM_NONE && !(in->flags & X86_INSN_MEM) &&
           in->rm == reg;
}

/* Where an array has what belongs to the tag at `entry`. */
static int32_t beside(int32_t entry, size_t array)
{
    int32_t at = entry - (int32_t)offsetof(struct trans_frame, tlb);

    return entry - at % TABLE + at % TAGS + (int32_t)array;
}

/* S2 = the distance of the entry that S1 has been found in. */
static bool loads_distance(const struct prove *p)
{
    const struct x86_insn *in = &p->in;
    const struct state *s = &p->now;

    return x86_insn_row(in)->mnemonic == X86_MN_MOV && in->opcode == 0x8b && in->opsize == 8 &&
           in->reg == HOST_S2 && s->s1 == S1_IN_PAGE && s->of.known && s->counted &&
           is_mem(in, HOST_FRAME, HOST_S2) && 1u << in->scale == ENTRY &&
           (int32_t)in->disp == beside(s->entry, offsetof(struct trans_pages, distance));
}

static void follow_s2(struct prove *p)
{
    const struct x86_insn *in = &p->in;

    if (!x86_insn_writes_gpr(in, HOST_S2))
        return;
    p->now.landed = false;
    p->now.of.known &= !p->now.direct; /* S1 may have changed since */
    p->now.direct = loads_distance(p);
    if (p->now.s1 < S1_CHECKED)
        p->now.s1 = S1_ANY; /* the entry is lost */
    if (is_alu_imm(in, X86_MN_AND, HOST_S2) && in->opsize == 4)
        p->now.s2 = (uint32_t)in->imm;
    else if (is_alu_imm(in, X86_MN_SHR, HOST_S2) && in->opsize == 4)
        p->now.s2 = UINT32_MAX >> (in->imm & 31);
    else if (is_alu_imm(in, X86_MN_SHL, HOST_S2) && in->opsize == 4 && p->now.s2 <= UINT32_MAX)
        p->now.s2 = (p->now.s2 << (in->imm & 31)) & UINT32_MAX;
    else
        p->now.s2 = UINT64_MAX;
}

/* The entry is one of the tables of pages: it is named, or S2 counts entries of a table. */
static bool is_tag(const struct prove *p, bool *may_write)
{
    int64_t at = (int64_t)p->in.disp - (int64_t)offsetof(struct trans_frame, tlb);
    bool counted = p->in.index == HOST_S2;

    *may_write = at % TABLE / TAGS == TRANS_WRITE;
    return at >= 0 && at / TABLE < BANKS && at % TABLE < TRANS_ACCESSES * TAGS && at % ENTRY == 0 &&
           (!counted || (at % TAGS == 0 && p->now.s2 < TRANS_TLB));
}

static bool takes_entry(const struct x86_insn *in, enum x86_mnemonic mnemonic)
{
    return x86_insn_row(in)->mnemonic == mnemonic && in->opsize == 8 && in->reg == HOST_S1 &&
           (is_mem(in, HOST_FRAME, X86_REG_NONE) ||
            (is_mem(in, HOST_FRAME, HOST_S2) && 1u << in->scale == ENTRY));
}

static bool adds_entry(const struct x86_insn *in)
{
    return takes_entry(in, X86_MN_ADD);
}

/* S1 is again what it was before the entry was added. */
static bool takes_back(const struct prove *p)
{
    const struct x86_insn *in = &p->in;

    return takes_entry(in, X86_MN_SUB) && p->now.s1 == S1_DISTANCE &&
           (int32_t)in->disp == p->now.entry && p->now.counted == (in->index == HOST_S2);
}

/* A pointer that the frame has for translated code. */
static bool loads(const struct x86_insn *in, size_t field)
{
    return x86_insn_row(in)->mnemonic == X86_MN_MOV && in->opsize == 8 && in->reg == HOST_S1 &&
           in->opcode == 0x8b && is_mem(in, HOST_FRAME, X86_REG_NONE) && in->disp == field;
}

/* S1 = frame.across_bytes. */
static bool is_across(const struct x86_insn *in)
{
    return x86_insn_row(in)->mnemonic == X86_MN_LEA && in->opsize == 8 && in->reg == HOST_S1 &&
           is_mem(in, HOST_FRAME, X86_REG_NONE) &&
           in->disp == offsetof(struct trans_frame, across_bytes);
}

static void forget(struct state *s)
{
    s->of.known = s->direct = false;
}

static bool may_be_guests(unsigned reg)
{
    return reg == X86_REG_NONE ||
           (reg < 16 && reg != HOST_FRAME && reg != HOST_S1 && reg != HOST_S2);
}

static bool writes(const struct x86_insn *in, unsigned reg)
{
    return reg != X86_REG_NONE && x86_insn_writes_gpr(in, reg);
}

/* S1 = the address that LEA or MOV make of a guest's register. */
static struct address address_of(const struct x86_insn *in)
{
    struct address of = {
        .base = in->base, .index = in->index, .scale = in->scale, .disp = (int64_t)in->disp
    };

    if (x86_insn_row(in)->mnemonic == X86_MN_MOV && in->opcode == 0x89 &&
        !(in->flags & X86_INSN_MEM))
        of = (struct address){ .base = in->reg, .index = X86_REG_NONE };
    else if (x86_insn_row(in)->mnemonic != X86_MN_LEA || in->addrsize != 8)
        return of;
    of.known = in->opsize == 8 && may_be_guests(of.base) && may_be_guests(of.index);
    return of;
}

/* Before follow_s1. What S1 was is forgotten with the register that made it. */
static void follow_address(struct prove *p)
{
    const struct x86_insn *in = &p->in;
    struct state *s = &p->now;
    bool may_write, stays = takes_back(p) || (adds_entry(in) && is_tag(p, &may_write));

    if (s->of.known && (writes(in, s->of.base) || writes(in, s->of.index)))
        forget(s);
    if (stays && adds_entry(in) && (s->s1 != S1_ANY || s->direct))
        forget(s); /* S1 is no address of the guest */
    if (!stays && !s->direct && x86_insn_writes_gpr(in, HOST_S1))
        s->of = address_of(in);
}

static void follow_s1(struct prove *p)
{
    const struct x86_insn *in = &p->in;
    struct state *s = &p->now;
    bool compared = s->s1 == S1_COMPARED, may_write;

    if (compared)
        s->s1 = S1_DISTANCE; /* unless the jump follows at once */
    if (adds_entry(in) && s->s1 == S1_IN_PAGE && s->counted == (in->index == HOST_S2) &&
        (int32_t)in->disp == beside(s->entry, offsetof(struct trans_pages, host))) {
        s->s1 = S1_CHECKED;
    } else if (adds_entry(in) && is_tag(p, &may_write)) {
        s->s1 = S1_DISTANCE;
        s->entry = (int32_t)in->disp;
        s->counted = in->index == HOST_S2;
        s->may_write = may_write;
    } else if (is_alu_imm(in, X86_MN_CMP, HOST_S1) && in->opsize == 8 && s->s1 == S1_DISTANCE &&
               in->imm < PAGE) {
        s->s1 = S1_COMPARED;
        s->n = (uint16_t)(PAGE - in->imm);
    } else if (compared && x86_insn_row(in)->mnemonic == X86_MN_JNBE) {
        s->s1 = S1_IN_PAGE;
    } else if (is_across(in)) {
        forget(s);
        s->s1 = S1_CHECKED;
        s->n = ACROSS_BYTES;
        s->may_write = true;
    } else if (loads(in, offsetof(struct trans_frame, gpr))) {
        s->s1 = S1_CPU;
    } else if (loads(in, offsetof(struct trans_frame, requests))) {
        s->s1 = S1_REQUESTS;
    } else if (x86_insn_writes_gpr(in, HOST_S1)) {
        s->s1 = S1_ANY;
    }
}

void prove_follow(struct prove *p)
{
    follow_address(p);
    follow_s1(p);
    follow_s2(p);
}
