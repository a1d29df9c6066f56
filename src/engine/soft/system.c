/* SPDX-License-Identifier: MIT */
/*
 * system.c - HLT, interrupt flag, translations, counters, MSRs, XCR0, segment bases, random numbers
 *
 * Source: SDM 2, the instructions' pages; SDM 3B "Virtual-8086 Mode", "Protected-Mode Virtual Interrupts" for VIF.
 * Privilege and CR4 have been looked at before (allow.c). Every instruction either raises or is done: none changes half
 * of its results.
 */
#include <string.h>

#include "engine/soft/msr.h"
#include "engine/soft/ops_sys.h"
#include "x86/canonical.h"

enum { INVPCID_ADDRESS = 0, INVPCID_SINGLE = 1, INVPCID_ALL_BUT_GLOBAL = 3 };
enum { XCR0_X87 = 1, XCR0_SSE = 2, XCR0_AVX = 4 };

static bool gp(struct soft_cpu *c)
{
    return soft_raise_error(c, VEC_GP, 0);
}

static uint32_t ecx(const struct soft_cpu *c)
{
    return (uint32_t)c->s.gpr[X86_RCX];
}

/* EDX:EAX; upper halves become 0. */
static void set_edx_eax(struct soft_cpu *c, uint64_t val)
{
    soft_set_gpr(c, X86_RAX, 4, val);
    soft_set_gpr(c, X86_RDX, 4, val >> 32);
}

static uint64_t edx_eax(const struct soft_cpu *c)
{
    return soft_gpr(c, X86_RDX, 4) << 32 | soft_gpr(c, X86_RAX, 4);
}

/* ---- HLT, interrupt and access flags ---------------------------------------------------------- */

/* Whether an interrupt can end it is the monitor's to see. The instruction counts as done. */
bool op_hlt(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->frozen = false;
    c->vcpu->exit = (struct cpu_exit){ .kind = EXIT_HLT,
                                       .rip = c->s.rip,
                                       .data = (c->s.rflags & X86_RFLAGS_IF) != 0 };
    c->stop.kind = SOFT_EXIT;
    return false;
}

/* SDM 2, CLI and STI, "Decision Table": which flag the instruction works on; 0: #GP. */
static uint64_t interrupt_flag(const struct soft_cpu *c)
{
    unsigned iopl = (unsigned)(c->s.rflags & X86_RFLAGS_IOPL) >> 12;

    if (c->mode == X86_MODE_REAL || iopl >= c->cpl)
        return X86_RFLAGS_IF;
    if (c->mode == X86_MODE_VM86)
        return c->s.cr4 & X86_CR4_VME ? X86_RFLAGS_VIF : 0;
    return c->cpl == 3 && c->s.cr4 & X86_CR4_PVI ? X86_RFLAGS_VIF : 0;
}

bool op_cli(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t flag = interrupt_flag(c);

    (void)in;
    if (flag == 0)
        return gp(c);
    c->s.rflags &= ~flag;
    return true;
}

bool op_sti(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t flag = interrupt_flag(c);

    (void)in;
    if (flag == 0 || (flag == X86_RFLAGS_VIF && c->s.rflags & X86_RFLAGS_VIP))
        return gp(c);
    if (flag == X86_RFLAGS_IF && !(c->s.rflags & X86_RFLAGS_IF))
        c->shadow_next = SHADOW_STI;
    c->s.rflags |= flag;
    return true;
}

bool op_clac(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags &= ~(uint64_t)X86_RFLAGS_AC;
    soft_mode_changed(c);
    return true;
}

bool op_stac(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags |= X86_RFLAGS_AC;
    soft_mode_changed(c);
    return true;
}

/* ---- translations and caches ------------------------------------------------------------------ */

/* No segment checks; an address that is not canonical has no translation to forget. */
bool op_invlpg(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t linear = soft_ea(c, in);

    if (c->mode != X86_MODE_LONG)
        linear = (uint32_t)(linear + c->s.seg[in->seg].base);
    else if (in->seg == X86_FS || in->seg == X86_GS)
        linear += c->s.seg[in->seg].base;
    if (x86_canonical(linear))
        soft_flush_page(c, linear);
    return true;
}

bool op_invpcid(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t type = soft_gpr(c, in->reg, in->code == X86_CODE_64 ? 8 : 4);
    uint64_t pcid, linear;
    uint8_t desc[16];

    if (type > INVPCID_ALL_BUT_GLOBAL)
        return gp(c);
    if (!soft_load_block(c, in->seg, soft_ea(c, in), desc, sizeof(desc)))
        return false;
    pcid = le_get(desc, 8);
    linear = le_get(desc + 8, 8);
    if (pcid >> 12 != 0 || (type == INVPCID_ADDRESS && !x86_canonical(linear)) ||
        (type <= INVPCID_SINGLE && pcid != 0 && !(c->s.cr4 & X86_CR4_PCIDE)))
        return gp(c);
    if (type == INVPCID_ADDRESS)
        soft_flush_page(c, linear);
    else
        soft_flush(c, type != INVPCID_ALL_BUT_GLOBAL && type != INVPCID_SINGLE);
    return true;
}

bool op_invd(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)c;
    (void)in;
    return true; /* memory is always up to date */
}

bool op_wbinvd(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)c;
    (void)in;
    return true;
}

/* ---- counters -------------------------------------------------------------------------------- */

bool op_rdtsc(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    set_edx_eax(c, soft_tsc(c));
    return true;
}

bool op_rdtscp(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    if (c->cpl != 0 && c->s.cr4 & X86_CR4_TSD)
        return gp(c);
    set_edx_eax(c, soft_tsc(c));
    soft_set_gpr(c, X86_RCX, 4, c->msrs.tsc_aux);
    return true;
}

/* There are no counters: every number is out of range. */
bool op_rdpmc(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    return gp(c);
}

bool op_rdpid(struct soft_cpu *c, const struct x86_insn *in)
{
    soft_set_gpr(c, in->rm, in->code == X86_CODE_64 ? 8 : 4, c->msrs.tsc_aux);
    return true;
}

/* ---- model-specific registers, XCR0, CPUID ----------------------------------------------------- */

bool op_rdmsr(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t val;

    (void)in;
    if (!soft_read_msr(c, ecx(c), &val))
        return false;
    set_edx_eax(c, val);
    return true;
}

bool op_wrmsr(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    return soft_write_msr(c, ecx(c), edx_eax(c));
}

bool op_xgetbv(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    if (ecx(c) != 0)
        return gp(c);
    set_edx_eax(c, c->s.xcr0);
    return true;
}

/* SDM 1, "Extended Control Registers": x87 always, AVX not without SSE. */
bool op_xsetbv(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t val = edx_eax(c);

    (void)in;
    if (ecx(c) != 0 || val & ~c->sys.model->xcr0 || !(val & XCR0_X87) ||
        (val & XCR0_AVX && !(val & XCR0_SSE)))
        return gp(c);
    c->s.xcr0 = val;
    return true;
}

bool op_cpuid(struct soft_cpu *c, const struct x86_insn *in)
{
    struct x86_cpuid_regs r;

    (void)in;
    x86_cpuid(c->sys.model, &c->s, c->vcpu->idx, (uint32_t)c->s.gpr[X86_RAX], ecx(c), &r);
    soft_set_gpr(c, X86_RAX, 4, r.eax);
    soft_set_gpr(c, X86_RBX, 4, r.ebx);
    soft_set_gpr(c, X86_RCX, 4, r.ecx);
    soft_set_gpr(c, X86_RDX, 4, r.edx);
    return true;
}

/* ---- FS and GS bases ------------------------------------------------------------------------- */

bool op_swapgs(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t base = c->s.seg[X86_GS].base;

    (void)in;
    c->s.seg[X86_GS].base = c->msrs.kernel_gs_base;
    c->msrs.kernel_gs_base = base;
    return true;
}

static unsigned base_width(const struct x86_insn *in)
{
    return in->rex & X86_REX_W ? 8 : 4;
}

static bool write_base(struct soft_cpu *c, const struct x86_insn *in, unsigned seg)
{
    uint64_t base = soft_gpr(c, in->rm, base_width(in));

    if (!x86_canonical(base))
        return gp(c);
    c->s.seg[seg].base = base;
    return true;
}

bool op_rdfsbase(struct soft_cpu *c, const struct x86_insn *in)
{
    soft_set_gpr(c, in->rm, base_width(in), c->s.seg[X86_FS].base);
    return true;
}

bool op_rdgsbase(struct soft_cpu *c, const struct x86_insn *in)
{
    soft_set_gpr(c, in->rm, base_width(in), c->s.seg[X86_GS].base);
    return true;
}

bool op_wrfsbase(struct soft_cpu *c, const struct x86_insn *in)
{
    return write_base(c, in, X86_FS);
}

bool op_wrgsbase(struct soft_cpu *c, const struct x86_insn *in)
{
    return write_base(c, in, X86_GS);
}

/* ---- random numbers -------------------------------------------------------------------------- */

/* There is always one: CF = 1, the other arithmetic flags 0. */
bool op_rdrand(struct soft_cpu *c, const struct x86_insn *in)
{
    const uint64_t flags = X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF |
                           X86_RFLAGS_SF | X86_RFLAGS_OF;

    soft_set_gpr(c, in->rm, in->opsize, soft_random(&c->sys.random));
    c->s.rflags = (c->s.rflags & ~flags) | X86_RFLAGS_CF;
    return true;
}

bool op_rdseed(struct soft_cpu *c, const struct x86_insn *in)
{
    return op_rdrand(c, in);
}
