/* SPDX-License-Identifier: MIT */
/*
 * kvm_probe_try.c - the rows that one run of one piece of code answers: CPU modes, rings, instructions
 *
 * Source of the CPUID bits: SDM 2A, "CPUID"; of 0x80000001: AMD APM 3, appendix E.
 */
#include "engine/kvm/kvm_probe_priv.h"

static bool offered(struct prober *p, const struct probe_feature *f)
{
    const struct kvm_cpuid2 *all = vm_of(p->m)->cpuid;

    if (f->leaf == 0)
        return true;
    for (uint32_t i = 0; all != NULL && i < all->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &all->entries[i];
        const uint32_t regs[] = { [IN_EBX] = e->ebx, [IN_ECX] = e->ecx, [IN_EDX] = e->edx };

        if (e->function == f->leaf && e->index == 0)
            return regs[f->reg] >> f->bit & 1;
    }
    return false;
}

bool probe_gave_up(const struct prober *p, struct probe_row *row)
{
    if (p->timeouts < PROBE_TIMEOUTS_MAX)
        return false;
    probe_set(row, PROBE_UNKNOWN, 0, "not run: too many runs before it gave no answer");
    return true;
}

/* The list of features belongs to a machine, so there must be one first. */
static bool check_feature(struct prober *p, const struct probe_try *t, struct probe_row *row)
{
    if (t->needs.leaf == 0)
        return true;
    if (p->m == NULL && prober_aim(p, &t->shot) < 0) {
        prober_explain(p, HOW_BROKEN, row);
        return false;
    }
    if (offered(p, &t->needs))
        return true;
    probe_set(row, PROBE_UNKNOWN, 0, "not offered to guests, so not run");
    return false;
}

static void run_try(struct prober *p, const struct probe_try *t, struct probe_row *row)
{
    enum probe_how how;

    if (probe_gave_up(p, row) || !check_feature(p, t, row))
        return;
    how = prober_shoot(p, &t->shot);
    if (how == HOW_EXIT && (t->trap != 0 ? prober_trapped(p, t->trap) : prober_done(p)))
        probe_set(row, PROBE_YES, 0, "%s", "");
    else
        prober_explain(p, how, row);
}

void probe_tries(struct prober *p, const struct probe_try *row, size_t n, struct probe_report *out)
{
    for (size_t i = 0; i < n; i++)
        run_try(p, &row[i], &out->row[row[i].id]);
}

/* ---- CPU modes ------------------------------------------------------------------------------- */

static const struct probe_try modes[] = {
    { .id = PROBE_REAL, .shot = { .start = X86_START_REAL, .code = kvm_probe_real } },
    { .id = PROBE_PROTECTED, .shot = { .start = X86_START_PROTECTED, .code = kvm_probe_flat32 } },
    { .id = PROBE_PAGED32,
      .shot = { .start = X86_START_PAGED32, .tables = PROBE_PSE_TOP, .code = kvm_probe_paged32 } },
    { .id = PROBE_PAGED32_4K,
      .shot = { .start = X86_START_PAGED32, .tables = PROBE_P32_TOP, .code = kvm_probe_paged32 } },
    { .id = PROBE_PAE,
      .shot = { .start = X86_START_PAGED32,
                .tables = PROBE_PAE_TOP,
                .pae = true,
                .code = kvm_probe_pae } },
    { .id = PROBE_LONG, .shot = { SHOT_LONG, .code = kvm_probe_long64 } },
    { .id = PROBE_LONG_4K,
      .shot = { .start = X86_START_LONG, .tables = PROBE_LONG4K_TOP, .code = kvm_probe_long64 } },
    { .id = PROBE_LONG_RING3, .shot = { SHOT_LONG, .ring = 3, .code = kvm_probe_ring3 } },
};

void probe_modes(struct prober *p, struct probe_report *out)
{
    probe_tries(p, modes, ARRAY_LEN(modes), out);
}

void probe_one_mode(struct prober *p, enum probe_id id, struct probe_row *row)
{
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (modes[i].id == id)
            run_try(p, &modes[i], row);
    }
}

/* ---- rings ----------------------------------------------------------------------------------- */

enum { VECTOR_BP = 3, VECTOR_UD = 6, VECTOR_GP = 13 };

#define RING3(label, entry) SHOT_LONG, .ring = 3, .code = kvm_probe_##label, .lstar = entry

static const struct probe_try rings[] = {
    { .id = PROBE_SYSCALL_REACHES, .shot = { RING3(syscall, kvm_probe_lstar_reach) } },
    { .id = PROBE_SYSCALL_RING0, .shot = { RING3(syscall, kvm_probe_lstar_ring0) } },
    { .id = PROBE_SYSRET, .shot = { RING3(syscall, kvm_probe_lstar_sysret) } },
    { .id = PROBE_IRETQ_RING3, .shot = { SHOT_LONG, .code = kvm_probe_iretq_ring3 } },
    { .id = PROBE_RING3_EXCEPTION, .shot = { RING3(user_ud2, NULL) }, .trap = VECTOR_UD },
    { .id = PROBE_RING3_INT, .shot = { RING3(user_int, NULL) }, .trap = PROBE_INT_RING0 },
};

/* The handler of #UD reports itself from any ring, so the ring is looked at afterwards. */
static void check_handler_ring(struct prober *p, struct probe_row *row)
{
    if (row->verdict == PROBE_YES && (!prober_state(p, &p->state) || x86_cpl(&p->state) != 0))
        probe_set(row, PROBE_NO, 0, "its handler runs, but in ring 3");
}

void probe_rings(struct prober *p, struct probe_report *out)
{
    for (size_t i = 0; i < ARRAY_LEN(rings); i++) {
        struct probe_row *row = &out->row[rings[i].id];

        run_try(p, &rings[i], row);
        if (rings[i].id == PROBE_RING3_EXCEPTION)
            check_handler_ring(p, row);
        if (rings[i].shot.lstar != NULL && row->verdict == PROBE_NO && p->m != NULL &&
            prober_trapped(p, VECTOR_GP))
            probe_set(row, PROBE_NO, 0, "still in ring 3: a ring-0 instruction raised #GP");
    }
}

/* ---- instructions ---------------------------------------------------------------------------- */

#define IN_RING0(label)        SHOT_LONG, .code = kvm_probe_##label
#define WITH_CR4(label, bits)  IN_RING0(label), .cr4 = (bits)
#define WITH_XSAVE(label, xcr) IN_RING0(label), .cr4 = X86_CR4_OSXSAVE, .xcr0 = (xcr)
#define WITH_MSRS(label)       IN_RING0(label), .lstar = kvm_probe_lstar_reach

enum { EXT1 = 7 };
#define AMD1 0x80000001

static const struct probe_try instructions[] = {
    { .id = PROBE_INT3, .shot = { IN_RING0(int3) }, .trap = VECTOR_BP },
    { .id = PROBE_INT_N, .shot = { IN_RING0(int_n) }, .trap = PROBE_INT },
    { .id = PROBE_UD2, .shot = { IN_RING0(ud2) }, .trap = VECTOR_UD },
    { .id = PROBE_IRETQ, .shot = { IN_RING0(iretq) } },
    { .id = PROBE_LRETQ, .shot = { IN_RING0(lretq) } },
    { .id = PROBE_LGDT, .shot = { IN_RING0(lgdt) } },
    { .id = PROBE_LTR, .shot = { IN_RING0(ltr) } },
    { .id = PROBE_MOV_CR3, .shot = { IN_RING0(mov_cr3) } },
    { .id = PROBE_INVLPG, .shot = { IN_RING0(invlpg) } },
    { .id = PROBE_INVPCID, .shot = { IN_RING0(invpcid) }, .needs = { EXT1, IN_EBX, 10 } },
    { .id = PROBE_SWAPGS, .shot = { WITH_MSRS(swapgs) } },
    { .id = PROBE_WRGSBASE,
      .shot = { WITH_CR4(wrgsbase, X86_CR4_FSGSBASE) },
      .needs = { EXT1, IN_EBX, 0 } },
    { .id = PROBE_CPUID, .shot = { IN_RING0(cpuid) } },
    { .id = PROBE_CPUID_MODEL, .shot = { IN_RING0(cpuid_model) }, .needs = { 1, IN_EDX, 0 } },
    { .id = PROBE_RDTSC, .shot = { IN_RING0(rdtsc) } },
    { .id = PROBE_RDTSCP, .shot = { IN_RING0(rdtscp) }, .needs = { AMD1, IN_EDX, 27 } },
    { .id = PROBE_RDMSR, .shot = { IN_RING0(rdmsr) } },
    { .id = PROBE_WRMSR, .shot = { IN_RING0(wrmsr) } },
    { .id = PROBE_STAC, .shot = { IN_RING0(stac) }, .needs = { EXT1, IN_EBX, 20 } },
    { .id = PROBE_XGETBV, .shot = { WITH_XSAVE(xgetbv, 3) }, .needs = { 1, IN_ECX, 26 } },
    { .id = PROBE_XSETBV, .shot = { WITH_XSAVE(xsetbv, 3) }, .needs = { 1, IN_ECX, 26 } },
    { .id = PROBE_FXSAVE, .shot = { IN_RING0(fxsave) } },
    { .id = PROBE_XSAVE_INSN, .shot = { WITH_XSAVE(xsave, 3) }, .needs = { 1, IN_ECX, 26 } },
    { .id = PROBE_XRSTOR, .shot = { WITH_XSAVE(xrstor, 3) }, .needs = { 1, IN_ECX, 26 } },
    { .id = PROBE_MOVAPS, .shot = { IN_RING0(movaps) } },
    { .id = PROBE_VMOVUPS, .shot = { WITH_XSAVE(vmovups, 7) }, .needs = { 1, IN_ECX, 28 } },
    { .id = PROBE_POPCNT, .shot = { IN_RING0(popcnt) }, .needs = { 1, IN_ECX, 23 } },
    { .id = PROBE_XADD, .shot = { IN_RING0(xadd) } },
    { .id = PROBE_CMPXCHG16B, .shot = { IN_RING0(cmpxchg16b) }, .needs = { 1, IN_ECX, 13 } },
    { .id = PROBE_REP_MOVSB, .shot = { IN_RING0(rep_movsb) } },
    { .id = PROBE_CLFLUSH, .shot = { IN_RING0(clflush) }, .needs = { 1, IN_EDX, 19 } },
    { .id = PROBE_CLWB, .shot = { IN_RING0(clwb) }, .needs = { EXT1, IN_EBX, 24 } },
    { .id = PROBE_RDRAND, .shot = { IN_RING0(rdrand) }, .needs = { 1, IN_ECX, 30 } },
};

void probe_instructions(struct prober *p, struct probe_report *out)
{
    probe_tries(p, instructions, ARRAY_LEN(instructions), out);
}
