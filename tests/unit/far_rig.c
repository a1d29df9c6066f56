/* SPDX-License-Identifier: MIT */
/* far_rig.c - the tables, the modes, and one instruction at a time. */
#include "far_rig.h"

#include <stdlib.h>
#include <string.h>

#include "x86/start.h"

/* ---- memory ---------------------------------------------------------------------------------- */

void rig_put(struct rig *r, uint32_t at, unsigned width, uint64_t val)
{
    le_put(r->ram + at, width, val);
}

uint64_t rig_get(const struct rig *r, uint32_t at, unsigned width)
{
    return le_get(r->ram + at, width);
}

void rig_desc(struct rig *r, unsigned selector, uint32_t base, uint32_t limit, unsigned access,
              unsigned flags)
{
    uint64_t raw = (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
                   (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)flags << 52 |
                   (uint64_t)(base >> 24) << 56;

    rig_put(r, AT_GDT + (selector & 0xfff8), 8, raw);
}

void rig_gate(struct rig *r, uint32_t at, unsigned selector, uint64_t offset, unsigned access,
              unsigned count)
{
    uint64_t raw = (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)count << 32 |
                   (uint64_t)access << 40 | (offset >> 16 & 0xffff) << 48;

    rig_put(r, at, 8, raw);
    if (r->c->s.efer & X86_EFER_LMA)
        rig_put(r, at + 8, 8, offset >> 32);
}

void rig_vector(struct rig *r, unsigned vector, unsigned selector, unsigned access)
{
    unsigned len = r->c->s.efer & X86_EFER_LMA ? 16 : 8;

    rig_gate(r, AT_IDT + vector * len, selector, AT_HANDLERS + vector * 16, access, 0);
}

/* ---- the machine ----------------------------------------------------------------------------- */

static const struct desc_row {
    uint16_t selector;
    uint8_t access, flags;
    uint32_t base, limit;
} gdt[] = {
    { CODE0, CODE_BYTE, FLAG_G | FLAG_DB, 0, 0xfffff },
    { DATA0, DATA_BYTE, FLAG_G | FLAG_DB, 0, 0xfffff },
    { CODE3, CODE_BYTE | ACC_DPL3, FLAG_G | FLAG_DB, 0, 0xfffff },
    { DATA3, DATA_BYTE | ACC_DPL3, FLAG_G | FLAG_DB, 0, 0xfffff },
    { TSS_A, ACC_P | SYS_TSS32_BUSY, 0, AT_TSS, 0x67 },
    { CODE64, CODE_BYTE, FLAG_G | FLAG_L, 0, 0xfffff },
    { CODE64_3, CODE_BYTE | ACC_DPL3, FLAG_G | FLAG_L, 0, 0xfffff },
    { CODE16, CODE_BYTE, 0, 0, 0xffff },
    { DATA16, DATA_BYTE, FLAG_G, 0, 0xfffff },
    { CONFORMING, CODE_BYTE | TYPE_CONFORMING, FLAG_G | FLAG_DB, 0, 0xfffff },
    { TSS_B, ACC_P | SYS_TSS32, 0, AT_TSS_B, 0x67 },
    { LDT, ACC_P | SYS_LDT, 0, AT_LDT, 0xf },
    { CODE_ABSENT, CODE_BYTE & ~ACC_P, FLAG_G | FLAG_DB, 0, 0xfffff },
    { CODE_SMALL, CODE_BYTE, FLAG_DB, 0, 0xfff },
    { TSS_16, ACC_P | SYS_TSS16, 0, AT_TSS_16, 0x2b },
    { DATA_RO, ACC_P | ACC_S, FLAG_G | FLAG_DB, 0, 0xfffff },
    { DATA_ABSENT, DATA_BYTE & ~ACC_P, FLAG_G | FLAG_DB, 0, 0xfffff },
    { CODE1, CODE_BYTE | ACC_DPL1, FLAG_G | FLAG_DB, 0, 0xfffff },
    { DATA1, DATA_BYTE | ACC_DPL1, FLAG_G | FLAG_DB, 0, 0xfffff },
    { CODE_XO, ACC_P | ACC_S | TYPE_CODE, FLAG_G | FLAG_DB, 0, 0xfffff },
    { CODE_LD, CODE_BYTE, FLAG_G | FLAG_DB | FLAG_L, 0, 0xfffff },
    { TSS_ABSENT, SYS_TSS32, 0, AT_TSS_B, 0x67 },
};

static void fill_tables(struct rig *r)
{
    for (unsigned i = 0; i < ARRAY_LEN(gdt); i++)
        rig_desc(r, gdt[i].selector, gdt[i].base, gdt[i].limit, gdt[i].access, gdt[i].flags);
    rig_gate(r, AT_GDT + TASK_GATE, TSS_B, 0, ACC_P | ACC_DPL3 | SYS_TASK, 0);
    rig_put(r, AT_TSS + 4, 4, TOP_RING0);
    rig_put(r, AT_TSS + 8, 2, DATA0);
    rig_put(r, AT_TSS + 0xc, 4, TOP_RING1);
    rig_put(r, AT_TSS + 0x10, 2, DATA1 | 1);
}

static void start(struct rig *r)
{
    struct x86_state *s = &r->c->s;

    x86_start_state(X86_START_PROTECTED, AT_CODE, TOP_STACK, 0, s);
    s->gdtr = (struct x86_dtable){ AT_GDT, 0xff };
    s->idtr = (struct x86_dtable){ AT_IDT, 0x7ff };
    for (unsigned i = 0; i < X86_NSREG; i++)
        rig_seg(r, i, i == X86_CS ? CODE0 : DATA0);
    soft_parse_desc(rig_get(r, AT_GDT + TSS_A, 8), TSS_A, &s->tr);
    s->ldtr = soft_null_seg(0, 0);
    for (unsigned i = 0; i < X86_NGPR; i++) {
        if (i != X86_RSP)
            s->gpr[i] = 0x1000 + i;
    }
    soft_flush(r->c, true);
    soft_mode_changed(r->c);
}

int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct mem_slot slot = { .len = RAM_BYTES, .kind = MEM_RAM, .name = "ram" };

    r->m = stub_machine(&r->stub, 1);
    r->ram = aligned_alloc(4096, RAM_BYTES);
    memset(r->ram, 0, RAM_BYTES);
    slot.host = r->ram;
    assert_int_equal(mem_add(&r->m->mem, &slot, NULL), 0);
    r->c = aligned_alloc(64, (sizeof(*r->c) + 63) & ~(size_t)63);
    memset(r->c, 0, sizeof(*r->c));
    r->c->vcpu = r->m->cpu[0];
    fill_tables(r);
    start(r);
    *state = r;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *r = *state;

    machine_free(r->m);
    free(r->c);
    free(r->ram);
    free(r);
    return 0;
}

/* ---- modes ----------------------------------------------------------------------------------- */

void rig_seg(struct rig *r, unsigned seg, unsigned selector)
{
    struct x86_seg *s = &r->c->s.seg[seg];

    soft_parse_desc(rig_get(r, AT_GDT + (selector & 0xfff8), 8), (uint16_t)selector, s);
    s->type |= TYPE_ACCESSED;
}

void rig_ring3(struct rig *r)
{
    for (unsigned i = 0; i < X86_NSREG; i++)
        rig_seg(r, i, (i == X86_CS ? CODE3 : DATA3) | 3);
    soft_mode_changed(r->c);
}

void rig_real(struct rig *r)
{
    struct x86_state *s = &r->c->s;
    uint64_t gpr[X86_NGPR];

    memcpy(gpr, s->gpr, sizeof(gpr));
    x86_start_state(X86_START_REAL, 0x100, 0x8000, 0, s);
    gpr[X86_RSP] = 0x8000;
    memcpy(s->gpr, gpr, sizeof(gpr));
    s->seg[X86_CS] = soft_plain_seg(&s->seg[X86_CS], AT_CODE >> 4, false);
    s->seg[X86_SS] = soft_plain_seg(&s->seg[X86_SS], 0x2000, false);
    s->idtr = (struct x86_dtable){ AT_IVT, 0x3ff };
    soft_mode_changed(r->c);
}

void rig_vm86(struct rig *r, unsigned iopl)
{
    struct x86_state *s = &r->c->s;

    for (unsigned i = 0; i < X86_NSREG; i++)
        s->seg[i] = soft_plain_seg(&s->seg[i], (uint16_t)(0x3000 + i), true);
    s->seg[X86_CS] = soft_plain_seg(&s->seg[X86_CS], AT_CODE >> 4, true);
    s->rip = 0x100;
    s->gpr[X86_RSP] = 0x800;
    s->rflags |= X86_RFLAGS_VM | iopl << 12;
    soft_mode_changed(r->c);
}

/* SDM 3A, "4-Level Paging": two pages of 2 MiB, which every ring may use. */
void rig_long(struct rig *r, unsigned cpl)
{
    struct x86_state *s = &r->c->s;

    rig_put(r, AT_TABLES, 8, (AT_TABLES + 0x1000) | 7);
    rig_put(r, AT_TABLES + 0x1000, 8, (AT_TABLES + 0x2000) | 7);
    rig_put(r, AT_TABLES + 0x2000, 8, 0x87);
    rig_put(r, AT_TABLES + 0x2008, 8, AT_ABSENT | 0x87);
    s->cr0 |= X86_CR0_PG;
    s->cr3 = AT_TABLES;
    s->cr4 |= X86_CR4_PAE;
    s->efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_SCE;
    s->idtr.limit = 0xfff;
    rig_put(r, AT_TSS + 4, 8, TOP_RING0);
    rig_put(r, AT_TSS + 0x24, 8, TOP_IST);
    for (unsigned i = 0; i < X86_NSREG; i++)
        rig_seg(r, i, cpl == 0 ? DATA0 : DATA3 | 3);
    rig_seg(r, X86_CS, cpl == 0 ? CODE64 : CODE64_3 | 3);
    soft_flush(r->c, true);
    soft_mode_changed(r->c);
}

/* ---- execution ------------------------------------------------------------------------------- */

uint64_t rig_sp(const struct rig *r)
{
    return r->c->s.gpr[X86_RSP];
}

void rig_stack(struct rig *r, unsigned width, const uint64_t *vals, unsigned n)
{
    struct x86_state *s = &r->c->s;

    s->gpr[X86_RSP] -= (uint64_t)width * n;
    for (unsigned i = 0; i < n; i++)
        rig_put(r, (uint32_t)(s->seg[X86_SS].base + rig_sp(r) + i * width), width, vals[i]);
}

static soft_insn_fn *function_of(unsigned mnemonic)
{
    static soft_insn_fn *const functions[X86_NMNEMONICS] = {
        [X86_MN_JMPF] = op_jmpf,         [X86_MN_CALLF] = op_callf,     [X86_MN_RETF] = op_retf,
        [X86_MN_INT] = op_int,           [X86_MN_INT3] = op_int3,       [X86_MN_INTO] = op_into,
        [X86_MN_INT1] = op_int1,         [X86_MN_IRET] = op_iret,       [X86_MN_IRETD] = op_iret,
        [X86_MN_IRETQ] = op_iret,        [X86_MN_SYSCALL] = op_syscall, [X86_MN_SYSRET] = op_sysret,
        [X86_MN_SYSENTER] = op_sysenter, [X86_MN_SYSEXIT] = op_sysexit, [X86_MN_LAR] = op_lar,
        [X86_MN_LSL] = op_lsl,           [X86_MN_VERR] = op_verr,       [X86_MN_VERW] = op_verw,
        [X86_MN_ARPL] = op_arpl,         [X86_MN_LLDT] = op_lldt,       [X86_MN_LTR] = op_ltr,
        [X86_MN_SLDT] = op_sldt,         [X86_MN_STR] = op_str,         [X86_MN_LGDT] = op_lgdt,
        [X86_MN_LIDT] = op_lidt,         [X86_MN_SGDT] = op_sgdt,       [X86_MN_SIDT] = op_sidt,
    };

    return functions[mnemonic];
}

static void begin(struct soft_cpu *c)
{
    c->access_at = c->naccesses = 0;
    c->stop = (struct soft_stop){ .kind = SOFT_GOES_ON };
    c->keep_rf = c->no_step = false;
    c->trap_dr6 = 0;
}

bool rig_exec(struct rig *r, const uint8_t *bytes, unsigned len)
{
    struct soft_cpu *c = r->c;
    struct x86_insn in;
    bool done;

    memcpy(r->ram + x86_linear_rip(&c->s), bytes, len);
    assert_int_equal(x86_decode(bytes, len, (enum x86_code)c->code_bits, &in), X86_DECODE_OK);
    assert_int_equal(in.len, len);
    begin(c);
    c->next_rip = c->s.rip + len;
    r->before = c->s;
    done = function_of(x86_insn_row(&in)->mnemonic)(c, &in);
    if (!done)
        return false;
    c->s.rip = c->next_rip;
    if (!c->keep_rf)
        c->s.rflags &= ~(uint64_t)X86_RFLAGS_RF;
    return true;
}

void rig_faults(struct rig *r, const uint8_t *bytes, unsigned len, unsigned vector, uint32_t error)
{
    assert_false(rig_exec(r, bytes, len));
    assert_int_equal(r->c->stop.kind, SOFT_FAULT);
    assert_int_equal(r->c->stop.vector, vector);
    assert_int_equal(r->c->stop.error, error);
    assert_memory_equal(&r->c->s, &r->before, sizeof(r->before));
}

bool rig_deliver(struct rig *r, unsigned vector, bool has_error, uint32_t error)
{
    begin(r->c);
    if (has_error)
        soft_raise_error(r->c, vector, error);
    else
        soft_raise(r->c, vector);
    return soft_deliver(r->c);
}
