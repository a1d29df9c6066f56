/* SPDX-License-Identifier: MIT */
/* soft_sys_rig.c - see soft_sys_rig.h */
#include "soft_sys_rig.h"

#include <stdlib.h>
#include <string.h>

#include "x86/start.h"

static const struct x86_cpuid_config one_cpu = { .ncpus = 1, .phys_bits = 46 };

static void everything(void *ctx, uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out)
{
    (void)ctx;
    (void)subleaf;
    *out = (struct x86_cpuid_regs){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    if (leaf == 0)
        *out = (struct x86_cpuid_regs){ 0x20, 0x756e6547, 0x6c65746e, 0x49656e69 };
    if (leaf == 0x80000000)
        *out = (struct x86_cpuid_regs){ .eax = 0x80000008 };
}

void rig_model(struct x86_cpuid_model *m, const struct x86_cpuid_config *config)
{
    const struct x86_cpuid_source source = { .read = everything, .xcr0 = UINT64_MAX };

    x86_cpuid_model_init(m, config, &source);
}

int rig_setup(void **state)
{
    static const uint8_t seed[SOFT_SEED] = { 1 };
    struct rig *r = calloc(1, sizeof(*r));
    struct mem_slot slot = { .len = RIG_RAM, .kind = MEM_RAM, .name = "RAM" };
    struct vitro_err err = { 0 };

    if (r == NULL)
        return -1;
    r->c = aligned_alloc(64, (sizeof(*r->c) + 63) & ~(size_t)63);
    r->ram = aligned_alloc(4096, RIG_RAM);
    *state = r;
    if (r->c == NULL || r->ram == NULL)
        return -1;
    memset(r->c, 0, sizeof(*r->c));
    memset(r->ram, 0, RIG_RAM);
    slot.host = r->ram;
    r->cpu.m = &r->m;
    r->c->vcpu = &r->cpu;
    rig_model(&r->model, &one_cpu);
    soft_flush(r->c, true);
    if (mem_add(&r->m.mem, &slot, &err) < 0)
        return -1;
    return soft_sys_init(r->c, &r->model, seed, &err);
}

int rig_teardown(void **state)
{
    struct rig *r = *state;

    free(r->ram);
    free(r->c);
    free(r);
    return 0;
}

static void put(struct rig *r, uint64_t gpa, uint64_t entry)
{
    le_put(r->ram + gpa, 8, entry);
}

static void make_tables(struct rig *r, enum rig_mode mode)
{
    const uint64_t table = X86_PTE_P | X86_PTE_W | X86_PTE_U, page = table | X86_PTE_PS;

    memset(r->ram + RIG_TABLES, 0, 0x3000);
    switch (mode) {
    case PAGED32:
        le_put(r->ram + RIG_TABLES, 4, page);
        break;
    case PAE:
        put(r, RIG_TABLES, (RIG_TABLES + 0x1000) | X86_PTE_P);
        put(r, RIG_TABLES + 0x1000, page);
        break;
    default:
        put(r, RIG_TABLES, (RIG_TABLES + 0x1000) | table);
        put(r, RIG_TABLES + 0x1000, (RIG_TABLES + 0x2000) | table);
        put(r, RIG_TABLES + 0x2000, page);
        break;
    }
}

static void set_cpl(struct x86_state *s, unsigned cpl)
{
    for (unsigned i = 0; i < X86_NSREG; i++) {
        s->seg[i].dpl = (uint8_t)cpl;
        s->seg[i].selector |= (uint16_t)cpl;
    }
}

static void set_vm86(struct x86_state *s)
{
    s->rflags |= X86_RFLAGS_VM;
    for (unsigned i = 0; i < X86_NSREG; i++)
        s->seg[i] =
            (struct x86_seg){ .limit = 0xffff, .type = 3, .dpl = 3, .s = true, .present = true };
}

void rig_enter(struct rig *r, enum rig_mode mode, unsigned cpl)
{
    static const enum x86_start starts[] = {
        [REAL] = X86_START_REAL,   [PROT] = X86_START_PROTECTED, [PAGED32] = X86_START_PAGED32,
        [PAE] = X86_START_PAGED32, [VM86] = X86_START_PROTECTED, [COMPAT] = X86_START_LONG,
        [LONG] = X86_START_LONG,
    };
    struct x86_state *s = &r->c->s;

    x86_start_state(starts[mode], 0x1000, 0x7000, RIG_TABLES, s);
    s->xcr0 = 1;
    make_tables(r, mode);
    if (mode == PAE)
        s->cr4 |= X86_CR4_PAE;
    if (mode == VM86)
        set_vm86(s);
    else if (mode != REAL)
        set_cpl(s, cpl);
    if (mode == COMPAT) {
        s->seg[X86_CS].l = false;
        s->seg[X86_CS].db = true;
    }
    soft_msr_reset(r->c);
    soft_flush(r->c, true);
    soft_mode_changed(r->c);
}

int rig_run(struct rig *r, const uint8_t *code, size_t len)
{
    struct soft_cpu *c = r->c;
    struct x86_insn in;

    if (x86_decode(code, (unsigned)len, (enum x86_code)c->code_bits, &in) != X86_DECODE_OK)
        return VEC_UD;
    in.op = soft_offered_op(c, in.op);
    if (soft_execute(c, &in, soft_op_of(x86_insn_row(&in))))
        return OK;
    return c->stop.kind == SOFT_FAULT ? c->stop.vector : HALTED;
}

void rig_expect(const char *name, int got, int want)
{
    if (got != want)
        fail_msg("%s: got 0x%x, expected 0x%x", name, (unsigned)got, (unsigned)want);
}
