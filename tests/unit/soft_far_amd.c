/* SPDX-License-Identifier: MIT */
/* soft_far_amd.c - see soft_far_amd.h */
#include "soft_far_amd.h"

#include <string.h>

#include "engine/soft/ops.h"
#include "soft_both.h"
#include "soft_far_rig.h"

enum { TF = 1 << 8, SLOT_RIP = 0, SLOT_CS, SLOT_FLAGS, SLOT_SP, SLOT_SS, SLOTS };

static const struct x86_row *row_of(const struct far_amd *a)
{
    return x86_insn_row(&a->k->in);
}

static bool is_iret(const struct far_amd *a)
{
    return row_of(a)->mnemonic == X86_MN_IRET || row_of(a)->mnemonic == X86_MN_IRETD ||
           row_of(a)->mnemonic == X86_MN_IRETQ;
}

/* APM 3, JMP (Far) and CALL (Far): pointers of 16:16 and 16:32; SDM 2 has 16:64 as well. */
bool far_amd_other_insn(const struct x86_insn *in)
{
    return x86_insn_row(in)->klass == X86_CLASS_FAR && in->flags & X86_INSN_MEM &&
           in->rex & X86_REX_W;
}

/* The instruction has faulted, and nothing else has happened. */
static void fault(const struct far_amd *a, unsigned vector, uint32_t error, uint64_t cr2)
{
    const struct x86_seg *seg = a->rig->c->s.seg;
    struct native_end end = { .regs = a->k->regs, .vector = vector, .error = error, .cr2 = cr2 };

    end.regs.rflags |= TF;
    end.fs_base = a->native->has_bases ? a->native->fs_base : 0;
    end.gs_base = a->native->has_bases ? a->k->regs.gs_base : 0;
    for (unsigned i = 0; i < X86_NSREG; i++)
        end.sel[i] = seg[i].selector;
    *a->end = end;
    memcpy(a->rig->data, a->before, WINDOW_DATA_LEN);
}

/* ---- frames -------------------------------------------------------------------------------------- */

/* False: reading it faults, and the end says so. `skip` bytes lie between the return address and an outer stack. */
static bool read_slot(const struct far_amd *a, unsigned slot, unsigned skip, uint64_t *val)
{
    struct soft_cpu *c = a->rig->c;
    unsigned width = a->k->in.opsize;
    uint64_t sp = a->k->regs.gpr[X86_RSP] + (uint64_t)slot * width + skip;
    bool good;

    c->s.rflags = a->k->regs.rflags;
    good = soft_load(c, X86_SS, sp & ones(c->stack_bits / 8), width, val);
    if (!good)
        fault(a, c->stop.vector, c->stop.has_error ? c->stop.error : 0, c->stop.cr2);
    return good;
}

/*
 * CS is read first. When its RPL is another than CPL, even one further in, SS and rSP are read as well, and only then the selector
 * is looked at.
 */
static void read_retf(const struct far_amd *a)
{
    unsigned drop = row_of(a)->imm == X86_IMM_NONE ? 0 : (uint16_t)a->k->in.imm;
    uint64_t cs, val;

    if (read_slot(a, SLOT_CS, 0, &cs) && read_slot(a, SLOT_RIP, 0, &val) && (cs & 3) != 3 &&
        read_slot(a, SLOT_CS + 2, drop, &val))
        read_slot(a, SLOT_CS + 1, drop, &val);
}

/* The flags first, then CS; then, in 64-bit mode or when its RPL is another than CPL, SS and rSP. */
static void read_iret(const struct far_amd *a)
{
    uint64_t cs, val;

    if (a->k->regs.rflags & X86_RFLAGS_NT)
        return;
    if (!read_slot(a, SLOT_FLAGS, 0, &val) || !read_slot(a, SLOT_CS, 0, &cs))
        return;
    if ((a->k->in.code == X86_CODE_64 || (cs & 3) != 3) &&
        (!read_slot(a, SLOT_SS, 0, &val) || !read_slot(a, SLOT_SP, 0, &val)))
        return;
    read_slot(a, SLOT_RIP, 0, &val);
}

static bool returns(const struct far_amd *a)
{
    return (row_of(a)->mnemonic == X86_MN_RETF || is_iret(a)) && a->end->vector != VEC_DB;
}

static void reads_in_order(const struct far_amd *a)
{
    if (is_iret(a))
        read_iret(a);
    else
        read_retf(a);
}

/* ---- IRET in 64-bit mode ------------------------------------------------------------------------- */

static bool refuses_iret(const struct far_amd *a)
{
    return is_iret(a) && a->k->in.code == X86_CODE_64 &&
           (a->end->vector == VEC_GP || a->end->vector == VEC_SS) && a->end->error != 0;
}

/* Where it returns to is held against the limit before SS is looked at: would it be #GP(0) with a good SS? */
static void checks_rip_first(const struct far_amd *a)
{
    uint64_t at = a->k->target[0] + (uint64_t)SLOT_SS * a->k->in.opsize - WINDOW_DATA;
    struct native_end other;

    if (at > WINDOW_DATA_LEN - 2)
        return;
    le_put(a->rig->data + at, 2, NATIVE_DS32);
    far_run(a->rig, a->native, a->k, &other);
    memcpy(a->rig->data, a->before, WINDOW_DATA_LEN);
    if (other.vector == VEC_GP && other.error == 0)
        fault(a, VEC_GP, 0, 0);
}

/* ---- RETF with parameters ------------------------------------------------------------------------ */

static bool drops_parameters(const struct far_amd *a)
{
    return row_of(a)->mnemonic == X86_MN_RETF && a->k->in.code == X86_CODE_16 &&
           a->end->vector == VEC_DB && (a->end->sel[X86_CS] | 3) == NATIVE_CS64;
}

/* From a 16-bit stack to 64-bit code they are dropped from RSP, not SP. */
static void drops_from_rsp(const struct far_amd *a)
{
    uint64_t sp = (a->k->regs.gpr[X86_RSP] + 2u * a->k->in.opsize) & 0xffff;

    if (row_of(a)->imm != X86_IMM_NONE)
        a->end->regs.gpr[X86_RSP] = sp + (uint16_t)a->k->in.imm;
}

static const struct rule {
    bool (*applies)(const struct far_amd *);
    void (*expect)(const struct far_amd *);
} rules[] = {
    { refuses_iret, checks_rip_first },
    { returns, reads_in_order },
    { drops_parameters, drops_from_rsp },
};

bool far_amd_expect(const struct far_amd *a)
{
    const struct native_end was = *a->end;

    for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].applies(a))
            rules[i].expect(a);
    }
    return !both_equal(&was, a->end, (enum x86_code)a->k->in.code);
}
