/* SPDX-License-Identifier: MIT */
/*
 * control.c - MOV to and from control and debug registers, and what their bits set going
 *
 * Sources: SDM 2 "MOV - Move to/from Control Registers", "MOV - Move to/from Debug Registers", "LMSW";
 * SDM 3A "Control Registers", "IA-32e Mode Operation" (consistency checks), "PDPTE Registers",
 * "Operations that Invalidate TLBs and Paging-Structure Caches"; SDM 3B "Debug Registers".
 * The translation cache has no process-context tags: every load of CR3 empties it, whatever bit 63 says.
 */
#include "engine/soft/attend.h"
#include "engine/soft/ops_sys.h"

enum { TSS_286 = 1, TSS_286_BUSY = 3, PDPTES = 4 };

#define X(name, bit, what) | X86_CR0_##name
static const uint64_t cr0_defined = 0 X86_CR0_BITS(X);
#undef X

static const uint64_t
    /* changes that make PAE paging read its pointers again */
    cr0_loads_pdptes = X86_CR0_CD | X86_CR0_NW | X86_CR0_PG,
    cr4_loads_pdptes = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP,
    /* changes after which cached translations or the rights in them are wrong */
    cr0_flushes = X86_CR0_PE | X86_CR0_WP | X86_CR0_PG,
    cr4_flushes =
        X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP,
    dr6_ones = 0xffff0ff0, dr6_writable = 0xe00f, dr7_ones = 0x400, dr7_writable = 0xffff23ff,
    dr7_gd = 0x2000, cr3_keep = BIT(63);

static bool gp(struct soft_cpu *c)
{
    return soft_raise_error(c, VEC_GP, 0);
}

static bool in64(const struct soft_cpu *c)
{
    return c->mode == X86_MODE_LONG;
}

/* Bits 63 .. MAXPHYADDR. */
static uint64_t beyond_phys(const struct soft_cpu *c)
{
    return ~(BIT(c->sys.model->config.phys_bits) - 1);
}

/* ---- PAE ------------------------------------------------------------------------------------- */

static bool pae_paging(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return cr0 & X86_CR0_PG && cr4 & X86_CR4_PAE && !(efer & X86_EFER_LME);
}

/* SDM 3A, "PDPTE Registers": all four are read at once; a reserved bit of a present one is #GP. */
static bool read_pdptes(struct soft_cpu *c, uint64_t cr3, uint64_t pdpte[PDPTES])
{
    const uint64_t reserved = beyond_phys(c) | 0x1e6;
    uint8_t raw[8 * PDPTES];

    if (!mem_get(&c->vcpu->m->mem, cr3 & 0xffffffe0, raw, sizeof(raw)))
        return gp(c); /* no memory there: the bus floats, and all ones are reserved bits */
    for (unsigned i = 0; i < PDPTES; i++) {
        pdpte[i] = le_get(raw + (size_t)8 * i, 8);
        if (pdpte[i] & X86_PTE_P && pdpte[i] & reserved)
            return gp(c);
    }
    return true;
}

static void keep_pdptes(struct soft_cpu *c, const uint64_t pdpte[PDPTES])
{
    for (unsigned i = 0; i < PDPTES; i++)
        c->s.pdptr[i] = pdpte[i];
    c->s.pdptr_valid = true;
}

/* ---- CR0 ------------------------------------------------------------------------------------- */

/* SDM 3A, "IA-32e Mode Activation" and consistency checks, for paging that is switched on. */
static bool long_mode_can_begin(const struct soft_cpu *c)
{
    const struct x86_seg *tr = &c->s.tr;
    bool tss16 = tr->present && !tr->unusable && (tr->type == TSS_286 || tr->type == TSS_286_BUSY);

    return c->s.cr4 & X86_CR4_PAE && !c->s.seg[X86_CS].l && !tss16;
}

static bool cr0_valid(const struct soft_cpu *c, uint64_t val)
{
    bool was_on = c->s.cr0 & X86_CR0_PG, on = val & X86_CR0_PG;

    if (val >> 32 != 0 || (on && !(val & X86_CR0_PE)) || (val & X86_CR0_NW && !(val & X86_CR0_CD)))
        return false;
    if (!was_on && on && c->s.efer & X86_EFER_LME)
        return long_mode_can_begin(c);
    if (was_on && !on)
        return !in64(c) && !(c->s.cr4 & X86_CR4_PCIDE);
    return true;
}

bool soft_set_cr0(struct soft_cpu *c, uint64_t val)
{
    bool reload, pae;
    uint64_t changed, pdpte[PDPTES];

    if (!cr0_valid(c, val))
        return gp(c);
    val = (val & cr0_defined) | X86_CR0_ET;
    changed = val ^ c->s.cr0;
    pae = pae_paging(val, c->s.cr4, c->s.efer);
    reload = pae && changed & cr0_loads_pdptes;
    if (reload && !read_pdptes(c, c->s.cr3, pdpte))
        return false;
    c->s.cr0 = val;
    if (val & X86_CR0_PG && c->s.efer & X86_EFER_LME)
        c->s.efer |= X86_EFER_LMA;
    else
        c->s.efer &= ~(uint64_t)X86_EFER_LMA;
    if (reload)
        keep_pdptes(c, pdpte);
    if (!pae)
        c->s.pdptr_valid = false;
    if (changed & cr0_flushes)
        soft_flush(c, true);
    soft_mode_changed(c);
    return true;
}

/* ---- CR3, CR4, CR8 --------------------------------------------------------------------------- */

bool soft_set_cr3(struct soft_cpu *c, uint64_t val)
{
    bool pae = pae_paging(c->s.cr0, c->s.cr4, c->s.efer);
    uint64_t pdpte[PDPTES];

    if (c->s.cr4 & X86_CR4_PCIDE)
        val &= ~cr3_keep;
    if (val & beyond_phys(c))
        return gp(c);
    if (pae && !read_pdptes(c, val, pdpte))
        return false;
    c->s.cr3 = val;
    if (pae)
        keep_pdptes(c, pdpte);
    soft_flush(c, false);
    return true;
}

static bool cr4_valid(const struct soft_cpu *c, uint64_t val)
{
    bool lma = c->s.efer & X86_EFER_LMA;

    if (val & ~c->sys.model->cr4 || (lma && !(val & X86_CR4_PAE)))
        return false;
    if (val & X86_CR4_PCIDE && !(c->s.cr4 & X86_CR4_PCIDE))
        return lma && (c->s.cr3 & 0xfff) == 0;
    return true;
}

bool soft_set_cr4(struct soft_cpu *c, uint64_t val)
{
    bool pae = pae_paging(c->s.cr0, val, c->s.efer);
    uint64_t changed = val ^ c->s.cr4, pdpte[PDPTES];
    bool reload = pae && changed & cr4_loads_pdptes;

    if (!cr4_valid(c, val))
        return gp(c);
    if (reload && !read_pdptes(c, c->s.cr3, pdpte))
        return false;
    c->s.cr4 = val;
    if (reload)
        keep_pdptes(c, pdpte);
    if (!pae)
        c->s.pdptr_valid = false;
    if (changed & cr4_flushes)
        soft_flush(c, true);
    soft_mode_changed(c);
    return true;
}

static bool set_cr8(struct soft_cpu *c, uint64_t val)
{
    if (val >> 4 != 0)
        return gp(c);
    soft_intc_set_cr8(c, val);
    return true;
}

/* ---- instructions ---------------------------------------------------------------------------- */

static uint64_t *control_register(struct soft_cpu *c, unsigned reg)
{
    switch (reg) {
    case 0:
        return &c->s.cr0;
    case 2:
        return &c->s.cr2;
    case 3:
        return &c->s.cr3;
    case 4:
        return &c->s.cr4;
    default: /* the decoder lets only these and 8 pass */
        c->s.cr8 = soft_intc_cr8(c);
        return &c->s.cr8;
    }
}

static bool set_control(struct soft_cpu *c, unsigned reg, uint64_t val)
{
    switch (reg) {
    case 0:
        return soft_set_cr0(c, val);
    case 3:
        return soft_set_cr3(c, val);
    case 4:
        return soft_set_cr4(c, val);
    case 8:
        return set_cr8(c, val);
    default:
        c->s.cr2 = val;
        return true;
    }
}

/* CR4.DE is clear when the number is 4 or 5: allow.c. */
static uint64_t *debug_register(struct soft_cpu *c, unsigned reg)
{
    if (reg < 4)
        return &c->s.dr[reg];
    return reg & 1 ? &c->s.dr7 : &c->s.dr6;
}

static bool set_debug(struct soft_cpu *c, unsigned reg, uint64_t val)
{
    if (reg >= 4 && val >> 32 != 0)
        return gp(c);
    if (reg >= 4)
        val = reg & 1 ? (val & dr7_writable) | dr7_ones : (val & dr6_writable) | dr6_ones;
    *debug_register(c, reg) = val;
    if (reg != 4 && reg != 6)
        soft_flush(c, true); /* entries know which pages have a breakpoint */
    return true;
}

/* DR7.GD: the access is a #DB before the instruction; its delivery clears GD. */
static bool debug_guarded(struct soft_cpu *c)
{
    if (!(c->s.dr7 & dr7_gd))
        return false;
    soft_raise(c, VEC_DB);
    c->stop.dr6 = X86_DR6_BD;
    c->stop.before = true;
    return true;
}

static unsigned move_width(const struct x86_insn *in)
{
    return in->code == X86_CODE_64 ? 8 : 4;
}

static bool is_load(const struct x86_insn *in)
{
    return in->opcode & 2; /* 0f 22, 0f 23 */
}

bool op_mov_cr(struct soft_cpu *c, const struct x86_insn *in)
{
    if (is_load(in))
        return set_control(c, in->reg, soft_gpr(c, in->rm, move_width(in)));
    soft_set_gpr(c, in->rm, move_width(in), *control_register(c, in->reg));
    return true;
}

bool op_mov_dr(struct soft_cpu *c, const struct x86_insn *in)
{
    if (debug_guarded(c))
        return false;
    if (is_load(in))
        return set_debug(c, in->reg, soft_gpr(c, in->rm, move_width(in)));
    soft_set_gpr(c, in->rm, move_width(in), *debug_register(c, in->reg));
    return true;
}

bool op_clts(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.cr0 &= ~(uint64_t)X86_CR0_TS;
    return true;
}

/* PE MP EM TS; PE can be set and not cleared. */
bool op_lmsw(struct soft_cpu *c, const struct x86_insn *in)
{
    const uint64_t replaced = X86_CR0_MP | X86_CR0_EM | X86_CR0_TS;
    struct soft_vals o;

    return soft_load_operands(c, in, &o) &&
           soft_set_cr0(c, (c->s.cr0 & ~replaced) | (o.v[0] & (replaced | X86_CR0_PE)));
}

bool op_smsw(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    if (!soft_load_operands(c, in, &o))
        return false;
    o.v[0] = c->s.cr0;
    return soft_store_operands(c, in, &o);
}
