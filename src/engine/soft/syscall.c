/* SPDX-License-Identifier: MIT */
/*
 * syscall.c - SYSCALL, SYSRET, SYSENTER, SYSEXIT
 *
 * Source: SDM 2, the pages of the four; APM 3, SYSCALL. They load fixed segments without looking at any descriptor.
 * SYSCALL and SYSRET exist in 64-bit mode only, as Intel has it; but where the guest's CPUID names AMD, SYSCALL in
 * compatibility mode is what Linux gives its 32-bit programs, and goes to CSTAR; and protected mode has both without long
 * mode, with the lower half of STAR.
 */
#include "engine/soft/far.h"
#include "engine/soft/flat.h"

#include "engine/soft/ops_far.h"
#include "x86/canonical.h"

/* Offsets of selectors from the one in the MSR. */
enum { SYSEXIT_CS32 = 16, SYSEXIT_CS64 = 32 };

/* CS and SS are selectors with their RPL. */
static void enter_flat(struct soft_cpu *c, unsigned cs, unsigned ss, unsigned cpl, bool is64,
                       uint64_t rip)
{
    struct x86_seg code = soft_flat_code((uint16_t)cs, cpl, is64);

    c->s.seg[X86_SS] = soft_flat_stack((uint16_t)ss, cpl);
    soft_enter(c, &code, cpl, rip);
}

static bool protected_amd(const struct soft_cpu *c)
{
    return (c->mode == X86_MODE_PROT16 || c->mode == X86_MODE_PROT32) && !c->sys.model->intel;
}

/* APM 3, SYSCALL, "legacy mode"; flags stay but for those that it clears. */
static bool syscall_legacy(struct soft_cpu *c)
{
    uint64_t star = c->msrs.star;

    if (!(c->s.efer & X86_EFER_SCE))
        return soft_raise(c, VEC_UD);
    c->s.gpr[X86_RCX] = (uint32_t)c->next_rip;
    c->s.rflags &= ~(uint64_t)(X86_RFLAGS_VM | X86_RFLAGS_IF | X86_RFLAGS_RF);
    enter_flat(c, star >> 32 & 0xfffc, (star >> 32 & 0xfffc) + SOFT_SS_AFTER_CS, 0, false,
               (uint32_t)star);
    return true;
}

/* APM 3, SYSRET, "non-64-bit mode". */
static bool sysret_legacy(struct soft_cpu *c)
{
    unsigned base = (unsigned)(c->msrs.star >> 48);

    if (!(c->s.efer & X86_EFER_SCE))
        return soft_raise(c, VEC_UD);
    if (c->cpl != 0)
        return soft_raise_error(c, VEC_GP, 0);
    c->s.rflags |= X86_RFLAGS_IF;
    enter_flat(c, base | 3, (base + SOFT_SS_AFTER_CS) | 3, 3, false, (uint32_t)c->s.gpr[X86_RCX]);
    return true;
}

bool op_syscall(struct soft_cpu *c, const struct x86_insn *in)
{
    bool compat = c->mode == X86_MODE_COMPAT && !c->sys.model->intel;
    uint64_t star = c->msrs.star;
    unsigned cs = star >> 32 & 0xfffc;

    (void)in;
    if (protected_amd(c))
        return syscall_legacy(c);
    if ((c->mode != X86_MODE_LONG && !compat) || !(c->s.efer & X86_EFER_SCE))
        return soft_raise(c, VEC_UD);
    c->s.gpr[X86_RCX] = c->next_rip;
    c->s.gpr[X86_R11] = c->s.rflags;
    c->s.rflags = (c->s.rflags & ~(c->msrs.fmask | X86_RFLAGS_RF)) | X86_RFLAGS_FIXED;
    c->no_step = !(c->s.rflags & X86_RFLAGS_TF);
    enter_flat(c, cs, (unsigned)(star >> 32) + SOFT_SS_AFTER_CS, 0, true,
               compat ? c->msrs.cstar : c->msrs.lstar);
    return true;
}

bool op_sysret(struct soft_cpu *c, const struct x86_insn *in)
{
    bool to64 = in->opsize == 8;
    unsigned base = (unsigned)(c->msrs.star >> 48);
    uint64_t rip = soft_gpr(c, X86_RCX, to64 ? 8 : 4);

    if (protected_amd(c))
        return sysret_legacy(c);
    if (c->mode != X86_MODE_LONG || !(c->s.efer & X86_EFER_SCE))
        return soft_raise(c, VEC_UD);
    if (c->cpl != 0 || !x86_canonical(rip))
        return soft_raise_error(c, VEC_GP, 0);
    c->s.rflags = (c->s.gpr[X86_R11] & SOFT_SYSRET_FLAGS) | X86_RFLAGS_FIXED;
    /* A TF that comes with the flags traps before the first instruction there. */
    c->no_step = true;
    c->trap_dr6 = c->s.rflags & X86_RFLAGS_TF ? X86_DR6_BS : 0;
    enter_flat(c, (base + (to64 ? SOFT_SYSRET_CS64 : 0)) | 3, (base + SOFT_SS_AFTER_CS) | 3, 3,
               to64, rip);
    return true;
}

bool op_sysenter(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t sp = c->msrs.sysenter_esp, rip = c->msrs.sysenter_eip;
    unsigned cs = c->msrs.sysenter_cs & 0xfffc;
    bool longs = soft_long(c);

    (void)in;
    if (c->mode == X86_MODE_REAL || soft_null((uint16_t)cs))
        return soft_raise_error(c, VEC_GP, 0);
    c->s.rflags &= ~(uint64_t)(X86_RFLAGS_VM | X86_RFLAGS_IF | X86_RFLAGS_RF);
    c->s.gpr[X86_RSP] = longs ? sp : (uint32_t)sp;
    enter_flat(c, cs, cs + SOFT_SS_AFTER_CS, 0, longs, longs ? rip : (uint32_t)rip);
    return true;
}

bool op_sysexit(struct soft_cpu *c, const struct x86_insn *in)
{
    bool to64 = in->opsize == 8;
    unsigned width = to64 ? 8 : 4;
    uint64_t rip = soft_gpr(c, X86_RDX, width), sp = soft_gpr(c, X86_RCX, width);
    unsigned cs = (c->msrs.sysenter_cs & 0xffff) + (to64 ? SYSEXIT_CS64 : SYSEXIT_CS32);

    if (c->mode == X86_MODE_REAL || c->cpl != 0 || soft_null((uint16_t)c->msrs.sysenter_cs) ||
        !x86_canonical(rip) || !x86_canonical(sp))
        return soft_raise_error(c, VEC_GP, 0);
    c->s.gpr[X86_RSP] = sp;
    enter_flat(c, cs | 3, (cs + SOFT_SS_AFTER_CS) | 3, 3, to64, rip);
    return true;
}
