/* SPDX-License-Identifier: MIT */
/*
 * fast.c - whether a decoded instruction has a fast handler, and its operands resolved for it
 *
 * Decided once, at decode time, from the table row: so no handler looks at prefixes, at kinds of
 * operands, or at whether the instruction is allowed.
 */
#include "engine/soft/fast.h"

#include <assert.h>
#include <stddef.h>

#include "engine/soft/breakpoint.h"
#include "engine/soft/fast_table.h"
#include "engine/soft/vme.h"
#include "x86/cpuid_model.h"
#include "x86/operand.h"

static_assert(offsetof(struct soft_cpu, zero) <= UINT16_MAX,
              "words of an address are within 64 KiB");
static_assert(sizeof(struct soft_fast) == 32, "half a cache line");

/* Apart, so that whoever has no breakpoints pays two comparisons. */
static bool __attribute__((noinline)) no_point_here(const struct soft_cpu *c)
{
    return !soft_points_stale(c) && !soft_points_has(&c->points, x86_linear_rip(&c->s));
}

bool soft_undisturbed(const struct soft_cpu *c)
{
    uint64_t flags = c->s.rflags;
    bool checks_alignment = c->cpl == 3 && flags & X86_RFLAGS_AC && c->s.cr0 & X86_CR0_AM;

    return !(flags & (X86_RFLAGS_TF | X86_RFLAGS_RF)) && !soft_virtual_due(c) &&
           c->s.events.shadow == 0 && c->naccesses == 0 && !checks_alignment && !c->debug.step &&
           (!soft_points_any(c) || no_point_here(c));
}

bool soft_fast_ready(const struct soft_cpu *c)
{
    return c->code_bits == 64 && soft_undisturbed(c);
}

/* Nothing that soft_allowed would have to look at again. */
static bool always_allowed(const struct soft_cpu *c, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    return row->privilege == X86_PRIV_NONE && row->exception == X86_EXC_NONE &&
           !(in->flags & (X86_INSN_VEX | X86_INSN_LOCK)) &&
           x86_cpuid_has(c->sys.model, (enum x86_feature)row->feature);
}

/* ---- operands -------------------------------------------------------------------------------- */

/* AH CH DH BH are left to the generic way. */
static bool take_register(const struct x86_insn *in, unsigned reg, unsigned width, uint8_t *out)
{
    *out = (uint8_t)reg;
    return width != 1 || reg < 4 || reg > 7 || in->flags & X86_INSN_REX;
}

static bool take_memory(const struct x86_insn *in, struct soft_fast *f)
{
    enum { ZERO = offsetof(struct soft_cpu, zero) };

    f->disp = (int32_t)in->disp;
    f->base = f->index = f->segment = ZERO;
    f->scale = in->scale;
    if (in->base == X86_BASE_RIP) {
        f->base = offsetof(struct soft_cpu, s.rip);
        if (__builtin_add_overflow(f->disp, (int32_t)in->len, &f->disp))
            return false;
    } else if (in->base != X86_REG_NONE) {
        f->base = (uint16_t)(offsetof(struct soft_cpu, s.gpr) + 8u * in->base);
    }
    if (in->index != X86_REG_NONE)
        f->index = (uint16_t)(offsetof(struct soft_cpu, s.gpr) + 8u * in->index);
    if (in->seg == X86_FS || in->seg == X86_GS)
        f->segment = (uint16_t)(offsetof(struct soft_cpu, s.seg) +
                                sizeof(struct x86_seg) * in->seg + offsetof(struct x86_seg, base));
    return in->addrsize == 8 && (int64_t)in->disp == (int32_t)in->disp;
}

static unsigned width_of(const struct x86_insn *in, const struct x86_opnd_type *type)
{
    bool memory = type->kind == X86_OPK_RM && in->flags & X86_INSN_MEM;
    unsigned size = memory && type->mem_size != X86_SZ_NONE ? type->mem_size : type->reg_size;

    if (type->kind == X86_OPK_IMM || type->kind == X86_OPK_REL)
        return in->opsize;
    return x86_size_bytes((enum x86_size)size, in);
}

/* One operand into f; FAST_KINDS when it is of a kind that no handler takes. */
static enum fast_kind take(const struct x86_insn *in, unsigned opnd, struct soft_fast *f,
                           uint8_t *reg)
{
    const struct x86_opnd_type *type = &x86_opnd_types[opnd];
    unsigned width = width_of(in, type), number;

    switch (type->kind) {
    case X86_OPK_NONE:
        return FAST_NONE;
    case X86_OPK_IMM:
    case X86_OPK_REL:
        f->imm = in->imm;
        return FAST_IMM;
    case X86_OPK_ONE:
        f->imm = 1;
        return FAST_IMM;
    case X86_OPK_RM:
        if (in->flags & X86_INSN_MEM)
            return take_memory(in, f) ? FAST_MEM : FAST_KINDS;
        number = in->rm;
        break;
    case X86_OPK_OPREG:
        number = in->rm;
        break;
    case X86_OPK_REG:
        number = in->reg;
        break;
    case X86_OPK_GPR:
        number = type->fixed;
        break;
    default:
        return FAST_KINDS;
    }
    return take_register(in, number, width, reg) ? FAST_REG : FAST_KINDS;
}

/* ---- the handler ----------------------------------------------------------------------------- */

static soft_fast_fn *handler_of(const struct x86_row *row, const struct fast_form *form)
{
    soft_fast_fn *fn = fast_alu_fn(row, form);

    if (fn == NULL)
        fn = fast_move_fn(row, form);
    return fn != NULL ? fn : fast_flow_fn(row, form);
}

static bool third_is_plain(const struct x86_row *row)
{
    return row->operand[2] == 0 || x86_opnd_types[row->operand[2]].kind == X86_OPK_IMM;
}

void soft_fast_of(const struct soft_cpu *c, const struct x86_insn *in, struct soft_fast *f)
{
    const struct x86_row *row = x86_insn_row(in);
    unsigned width = width_of(in, &x86_opnd_types[row->operand[0]]);
    struct fast_form form = { .second_bytes = width_of(in, &x86_opnd_types[row->operand[1]]) };

    *f = (struct soft_fast){ .imm = in->imm, .len = in->len };
    if (in->code != X86_CODE_64 || !third_is_plain(row) || !always_allowed(c, in))
        return;
    if (width == 0)
        width = in->opsize;
    form.first = take(in, row->operand[0], f, &f->dst);
    form.second = take(in, row->operand[1], f, &f->src);
    if (form.first == FAST_KINDS || form.second == FAST_KINDS || width > 8)
        return;
    form.size = (unsigned)__builtin_ctz(width);
    f->fn = handler_of(row, &form);
}
