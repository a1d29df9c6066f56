/* SPDX-License-Identifier: MIT */
/*
 * operand.c - operand values in and out, as the table row of an instruction says
 *
 * Source: SDM 2, appendix A.2 (operand letters) and "Addressing-Mode Encoding of ModR/M and SIB Bytes".
 */
#include "engine/soft/ops.h"
#include "x86/operand.h"

uint64_t soft_ea(const struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t ea = in->disp;

    if (in->base == X86_BASE_RIP)
        ea += c->s.rip + in->len;
    else if (in->base != X86_REG_NONE)
        ea += c->s.gpr[in->base];
    if (in->index != X86_REG_NONE)
        ea += c->s.gpr[in->index] << in->scale;
    return ea & ones(in->addrsize);
}

/* Without REX, byte registers 4..7 are the second bytes of the first four. */
static bool is_high(const struct x86_insn *in, unsigned reg)
{
    return reg >= 4 && reg < 8 && !(in->flags & X86_INSN_REX);
}

uint64_t soft_reg8(const struct soft_cpu *c, const struct x86_insn *in, unsigned reg)
{
    return is_high(in, reg) ? c->s.gpr[reg - 4] >> 8 & 0xff : c->s.gpr[reg] & 0xff;
}

void soft_set_reg8(struct soft_cpu *c, const struct x86_insn *in, unsigned reg, uint64_t val)
{
    if (is_high(in, reg))
        c->s.gpr[reg - 4] = (c->s.gpr[reg - 4] & ~UINT64_C(0xff00)) | (val & 0xff) << 8;
    else
        soft_set_gpr(c, reg, 1, val);
}

static unsigned access_of(const struct x86_row *row, unsigned i)
{
    return row->access >> (2 * i) & 3;
}

/* The general register behind an operand; X86_REG_NONE when it is not one. */
static unsigned gpr_of(const struct x86_insn *in, const struct x86_opnd_type *type)
{
    switch (type->kind) {
    case X86_OPK_RM:
    case X86_OPK_RMBITS:
        return in->flags & X86_INSN_MEM ? X86_REG_NONE : in->rm;
    case X86_OPK_REG:
        return in->reg;
    case X86_OPK_VVVV:
        return in->vvvv;
    case X86_OPK_OPREG:
        return in->rm;
    case X86_OPK_GPR:
        return type->fixed;
    default:
        return X86_REG_NONE;
    }
}

static bool is_memory(const struct x86_insn *in, const struct x86_opnd_type *type)
{
    return type->kind == X86_OPK_MOFFS ||
           ((type->kind == X86_OPK_RM || type->kind == X86_OPK_RMBITS) && in->flags & X86_INSN_MEM);
}

/* A bit string: the word that holds the bit, by the signed bit offset in ModRM.reg. SDM 2, "BT". */
static uint64_t operand_ea(const struct soft_cpu *c, const struct x86_insn *in,
                           const struct x86_opnd_type *type)
{
    uint64_t ea = soft_ea(c, in);

    if (type->kind == X86_OPK_RMBITS) {
        unsigned spare = 64 - 8u * in->opsize;
        int64_t bit = (int64_t)(c->s.gpr[in->reg] << spare) >> spare;

        ea += (uint64_t)(bit >> 3) & ~(uint64_t)(in->opsize - 1u);
    }
    return ea & ones(in->addrsize);
}

static bool load_memory(struct soft_cpu *c, const struct x86_insn *in, uint64_t ea, unsigned access,
                        unsigned width, uint64_t *val)
{
    switch (access) {
    case X86_ACCESS_R:
        return soft_load(c, in->seg, ea, width, val);
    case X86_ACCESS_RW:
        return soft_load_to_write(c, in->seg, ea, width, val);
    case X86_ACCESS_W:
        return true; /* the store will see */
    default:
        *val = ea;
        return true;
    }
}

static uint64_t load_register(const struct soft_cpu *c, const struct x86_insn *in, unsigned reg,
                              unsigned width)
{
    return width == 1 ? soft_reg8(c, in, reg) : soft_gpr(c, reg, width);
}

static uint64_t load_other(const struct soft_cpu *c, const struct x86_insn *in,
                           const struct x86_opnd_type *type, unsigned width)
{
    switch (type->kind) {
    case X86_OPK_IMM:
    case X86_OPK_REL:
        return width == 0 ? in->imm : in->imm & ones(width);
    case X86_OPK_IMM2:
        return in->imm2;
    case X86_OPK_ONE:
        return 1;
    case X86_OPK_SEG:
        return c->s.seg[type->fixed].selector;
    case X86_OPK_SREG:
        return c->s.seg[in->reg & 7].selector;
    default:
        return 0;
    }
}

static unsigned width_of(const struct x86_insn *in, const struct x86_opnd_type *type, bool memory)
{
    /* The decoder has extended these to the operand size. */
    if (type->kind == X86_OPK_IMM && (type->reg_size == X86_SZ_SB || type->reg_size == X86_SZ_Z))
        return in->opsize;
    return x86_size_bytes(
        (enum x86_size)(memory && type->mem_size != X86_SZ_NONE ? type->mem_size : type->reg_size),
        in);
}

bool soft_load_operands(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    const struct x86_row *row = x86_insn_row(in);

    *o = (struct soft_vals){ 0 };
    for (unsigned i = 0; i < 4 && row->operand[i] != 0; i++) {
        const struct x86_opnd_type *type = &x86_opnd_types[row->operand[i]];
        bool memory = is_memory(in, type);
        unsigned reg = gpr_of(in, type), width = width_of(in, type, memory);

        o->width[i] = (uint8_t)width;
        if (memory) {
            if (!load_memory(c, in, operand_ea(c, in, type), access_of(row, i), width, &o->v[i]))
                return false;
        } else if (reg != X86_REG_NONE) {
            o->v[i] = load_register(c, in, reg, width);
        } else {
            o->v[i] = load_other(c, in, type, width);
        }
    }
    return true;
}

/* The memory operand that is written; was: what it held, or NULL when nobody may come in between. */
static bool store_memory(struct soft_cpu *c, const struct x86_insn *in, const struct soft_vals *o,
                         const struct soft_vals *was, bool *same)
{
    const struct x86_row *row = x86_insn_row(in);

    *same = true;
    for (unsigned i = 0; i < 4 && row->operand[i] != 0; i++) {
        const struct x86_opnd_type *type = &x86_opnd_types[row->operand[i]];
        uint64_t ea;

        if (!(access_of(row, i) & X86_ACCESS_W) || !is_memory(in, type))
            continue;
        ea = operand_ea(c, in, type);
        if (was != NULL)
            return soft_cas(c, in->seg, ea, o->width[i], (uint64_t[2]){ was->v[i] },
                            (uint64_t[2]){ o->v[i] }, same);
        return soft_store(c, in->seg, ea, o->width[i], o->v[i]);
    }
    return true;
}

/* The first operand last: it wins when two are the same register (XADD, MULX). */
static void store_registers(struct soft_cpu *c, const struct x86_insn *in,
                            const struct soft_vals *o)
{
    const struct x86_row *row = x86_insn_row(in);

    for (unsigned i = 4; i-- > 0;) {
        unsigned reg;

        if (!(access_of(row, i) & X86_ACCESS_W))
            continue;
        reg = gpr_of(in, &x86_opnd_types[row->operand[i]]);
        if (reg == X86_REG_NONE)
            continue;
        if (o->width[i] == 1)
            soft_set_reg8(c, in, reg, o->v[i]);
        else
            soft_set_gpr(c, reg, o->width[i], o->v[i]);
    }
}

/* Memory first: it may fail, and then no register may have changed. */
bool soft_store_operands(struct soft_cpu *c, const struct x86_insn *in, const struct soft_vals *o)
{
    bool same;

    if (!store_memory(c, in, o, NULL, &same))
        return false;
    store_registers(c, in, o);
    return true;
}

static bool is_locked(const struct x86_insn *in)
{
    return in->flags & X86_INSN_MEM &&
           (in->flags & X86_INSN_LOCK || x86_insn_row(in)->mnemonic == X86_MN_XCHG);
}

bool soft_run_value(struct soft_cpu *c, const struct x86_insn *in, soft_val_fn *val)
{
    uint64_t rflags = c->s.rflags;
    bool locked = is_locked(in), same = true;
    struct soft_vals was, o;

    do {
        c->s.rflags = rflags;
        if (!soft_load_operands(c, in, &o))
            return false;
        if (locked)
            was = o;
        if (!val(c, in, &o))
            return false;
        if (o.no_write)
            return true;
        if (!store_memory(c, in, &o, locked ? &was : NULL, &same)) {
            c->s.rflags = rflags;
            return false;
        }
    } while (!same);
    store_registers(c, in, &o);
    return true;
}
