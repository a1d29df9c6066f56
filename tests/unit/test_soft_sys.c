/* SPDX-License-Identifier: MIT */
/*
 * test_soft_sys.c - control and debug registers of the software CPU: which values they take, and what follows
 *
 * 0x100 (OK) in a message stands for "no exception".
 */
#include "soft_sys_rig.h"

#define PE  X86_CR0_PE
#define PG  X86_CR0_PG
#define B63 (UINT64_C(1) << 63)

static const uint8_t to_cr0[] = { 0x0f, 0x22, 0xc0 }, to_cr2[] = { 0x0f, 0x22, 0xd0 },
                     to_cr3[] = { 0x0f, 0x22, 0xd8 }, to_cr4[] = { 0x0f, 0x22, 0xe0 },
                     to_cr8[] = { 0x44, 0x0f, 0x22, 0xc0 }, from_cr0[] = { 0x0f, 0x20, 0xc0 };

/* ---- CR0 ------------------------------------------------------------------------------------- */

/* SDM 2, "MOV - Move to/from Control Registers", exceptions; SDM 3A 2.5 "Control Registers". */
static const struct cr0_case {
    const char *name;
    enum rig_mode mode;
    uint64_t cr4_add, cr4_drop, efer, val;
    int want;
    uint64_t after;
} cr0_cases[] = {
    { "real: PE", REAL, 0, 0, 0, 0x11, OK, 0x11 },
    { "ET cannot be cleared", REAL, 0, 0, 0, 0, OK, 0x10 },
    { "reserved low bits are ignored", REAL, 0, 0, 0, 0x1ff8ffd0, OK, 0x10 },
    { "real: PG without PE", REAL, 0, 0, 0, PG | 0x10, VEC_GP, 0x10 },
    { "prot: PG and not PE", PROT, 0, 0, 0, PG | 0x10, VEC_GP, 0x11 },
    { "NW without CD", REAL, 0, 0, 0, 0x20000010, VEC_GP, 0x10 },
    { "CD without NW", REAL, 0, 0, 0, 0x40000010, OK, 0x40000010 },
    { "CD and NW", REAL, 0, 0, 0, 0x60000010, OK, 0x60000010 },
    { "prot: 32-bit paging", PROT, X86_CR4_PSE, 0, 0, PG | 0x11, OK, PG | 0x11 },
    { "PE and PG at once", REAL, 0, 0, 0, PG | 0x11, OK, PG | 0x11 },
    { "LME without PAE", PROT, 0, 0, X86_EFER_LME, PG | 0x11, VEC_GP, 0x11 },
    { "LME with PAE", PROT, X86_CR4_PAE, 0, X86_EFER_LME, PG | 0x11, OK, PG | 0x11 },
    { "long: bit 32", LONG, 0, 0, 0, PG | 0x11 | UINT64_C(1) << 32, VEC_GP, 0 },
    { "long: PG cleared in 64-bit code", LONG, 0, 0, 0, 0x11, VEC_GP, 0 },
    { "compat: PG cleared", COMPAT, 0, 0, 0, 0x11, OK, 0x11 },
    { "compat: PG cleared with PCIDE", COMPAT, X86_CR4_PCIDE, 0, 0, 0x11, VEC_GP, 0 },
    { "paged: PG and PE cleared", PAGED32, 0, 0, 0, 0x10, OK, 0x10 },
    { "paged: PE cleared alone", PAGED32, 0, 0, 0, PG | 0x10, VEC_GP, 0 },
};

static void cr0_values(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(cr0_cases); i++) {
        const struct cr0_case *t = &cr0_cases[i];
        uint64_t before;

        rig_enter(r, t->mode, 0);
        r->c->s.cr4 = (r->c->s.cr4 | t->cr4_add) & ~t->cr4_drop;
        r->c->s.efer |= t->efer;
        r->c->s.gpr[X86_RAX] = t->val;
        before = r->c->s.cr0;
        rig_expect(t->name, rig_run(r, to_cr0, 3), t->want);
        assert_int_equal(r->c->s.cr0, t->want == OK ? t->after : before);
    }
}

/* SDM 3A 10.8.5, "Initializing IA-32e Mode": the five consistency checks, as far as CR0 makes them. */
static void long_mode_checks(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;
    static const struct {
        const char *name;
        bool cs_l, tr_unusable;
        uint8_t tr_type;
        int want;
    } rows[] = {
        { "CS.L set", true, false, 11, VEC_GP },
        { "TR holds a 16-bit TSS", false, false, 3, VEC_GP },
        { "TR holds a 16-bit TSS, not busy", false, false, 1, VEC_GP },
        { "TR unusable", false, true, 3, OK },
        { "TR holds a 32-bit TSS", false, false, 11, OK },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, PROT, 0);
        s->cr4 |= X86_CR4_PAE;
        s->efer = X86_EFER_LME;
        s->seg[X86_CS].l = rows[i].cs_l;
        s->tr.type = rows[i].tr_type;
        s->tr.unusable = rows[i].tr_unusable;
        s->gpr[X86_RAX] = PG | 0x11;
        rig_expect(rows[i].name, rig_run(r, to_cr0, 3), rows[i].want);
        assert_int_equal(s->efer & X86_EFER_LMA, rows[i].want == OK ? X86_EFER_LMA : 0);
    }
}

/* The way up and down again, as a kernel goes it. */
static void modes_follow(void **state)
{
    struct rig *r = *state;
    struct soft_cpu *c = r->c;

    rig_enter(r, REAL, 0);
    c->s.gpr[X86_RAX] = 0x11;
    rig_expect("PE", rig_run(r, to_cr0, 3), OK);
    assert_int_equal(c->mode, X86_MODE_PROT16);
    c->s.gpr[X86_RAX] = X86_CR4_PAE;
    rig_expect("PAE", rig_run(r, to_cr4, 3), OK);
    c->s.gpr[X86_RAX] = RIG_TABLES;
    rig_expect("CR3", rig_run(r, to_cr3, 3), OK);
    c->s.gpr[X86_RCX] = 0xc0000080;
    c->s.gpr[X86_RAX] = X86_EFER_LME;
    rig_expect("LME", rig_run(r, CODE("\x0f\x30")), OK);
    assert_int_equal(c->s.efer, X86_EFER_LME);
    c->s.gpr[X86_RAX] = PG | 0x11;
    rig_expect("PG", rig_run(r, to_cr0, 3), OK);
    assert_int_equal(c->s.efer, X86_EFER_LME | X86_EFER_LMA);
    assert_int_equal(c->mode, X86_MODE_COMPAT);
    c->s.seg[X86_CS].l = true; /* the far jump */
    soft_mode_changed(c);
    assert_int_equal(c->mode, X86_MODE_LONG);
    c->s.seg[X86_CS].l = false;
    soft_mode_changed(c);
    c->s.gpr[X86_RAX] = 0x11;
    rig_expect("PG off", rig_run(r, to_cr0, 3), OK);
    assert_int_equal(c->s.efer, X86_EFER_LME);
    assert_int_equal(c->mode, X86_MODE_PROT16);
    c->s.gpr[X86_RAX] = 0x10;
    rig_expect("PE off", rig_run(r, to_cr0, 3), OK);
    assert_int_equal(c->mode, X86_MODE_REAL);
}

/* ---- CR3, CR4, CR8 --------------------------------------------------------------------------- */

/* SDM 2, "MOV - Move to/from Control Registers"; SDM 3A 2.5 and 4.10.1 for PCIDs. */
static const struct cr_case {
    const char *name;
    enum rig_mode mode;
    uint64_t cr4, cr3; /* added to CR4, to CR3 */
    const uint8_t *code;
    size_t len;
    uint64_t val;
    int want;
    uint64_t after; /* of the register, if it is OK */
} cr_cases[] = {
    { "CR3: highest page", LONG, 0, 0, to_cr3, 3, 0x3ffffffff000, OK, 0x3ffffffff000 },
    { "CR3: bit 46", LONG, 0, 0, to_cr3, 3, UINT64_C(1) << 46, VEC_GP, 0 },
    { "CR3: bit 52", LONG, 0, 0, to_cr3, 3, UINT64_C(1) << 52, VEC_GP, 0 },
    { "CR3: low bits are kept", LONG, 0, 0, to_cr3, 3, 0x2fff, OK, 0x2fff },
    { "CR3: bit 63 without PCIDE", LONG, 0, 0, to_cr3, 3, B63 | 0x2000, VEC_GP, 0 },
    { "CR3: bit 63 with PCIDE", LONG, X86_CR4_PCIDE, 0, to_cr3, 3, B63 | 0x2001, OK, 0x2001 },
    { "CR3: bit 62 with PCIDE", LONG, X86_CR4_PCIDE, 0, to_cr3, 3, B63 >> 1, VEC_GP, 0 },
    { "CR3: 32 bits outside 64-bit code", COMPAT, 0, 0, to_cr3, 3, B63 | 0x2000, OK, 0x2000 },
    { "CR2: any value", LONG, 0, 0, to_cr2, 3, UINT64_C(0x8000111122223333), OK,
      UINT64_C(0x8000111122223333) },
    { "CR8: 15", LONG, 0, 0, to_cr8, 4, 15, OK, 15 },
    { "CR8: 16", LONG, 0, 0, to_cr8, 4, 16, VEC_GP, 0 },
    { "CR4: PAE cleared in long mode", LONG, 0, 0, to_cr4, 3, 0, VEC_GP, 0 },
    { "CR4: PAE cleared in compatibility mode", COMPAT, 0, 0, to_cr4, 3, 0, VEC_GP, 0 },
    { "CR4: PAE cleared without paging", PROT, X86_CR4_PAE, 0, to_cr4, 3, 0, OK, 0 },
    { "CR4: PCIDE", LONG, 0, 0, to_cr4, 3, 0x20020, OK, 0x20020 },
    { "CR4: PCIDE with a PCID in CR3", LONG, 0, 1, to_cr4, 3, 0x20020, VEC_GP, 0 },
    { "CR4: PCIDE kept with a PCID in CR3", LONG, X86_CR4_PCIDE, 5, to_cr4, 3, 0x20020, OK,
      0x20020 },
    { "CR4: PCIDE outside long mode", PROT, 0, 0, to_cr4, 3, 0x20020, VEC_GP, 0 },
    { "CR4: PCIDE in compatibility mode", COMPAT, 0, 0, to_cr4, 3, 0x20020, OK, 0x20020 },
    { "CR4: VME", PROT, 0, 0, to_cr4, 3, 1, OK, 1 },
    { "CR4: PVI", PROT, 0, 0, to_cr4, 3, 2, OK, 2 },
    { "CR4: LA57 is not offered", PROT, 0, 0, to_cr4, 3, X86_CR4_LA57, VEC_GP, 0 },
    { "CR4: VMXE is not offered", PROT, 0, 0, to_cr4, 3, X86_CR4_VMXE, VEC_GP, 0 },
    { "CR4: SMXE is not offered", PROT, 0, 0, to_cr4, 3, X86_CR4_SMXE, VEC_GP, 0 },
    { "CR4: PKE is not offered", PROT, 0, 0, to_cr4, 3, X86_CR4_PKE, VEC_GP, 0 },
    { "CR4: CET is not offered", PROT, 0, 0, to_cr4, 3, X86_CR4_CET, VEC_GP, 0 },
    { "CR4: PKS is not offered", PROT, 0, 0, to_cr4, 3, X86_CR4_PKS, VEC_GP, 0 },
    { "CR4: bit 15", PROT, 0, 0, to_cr4, 3, 1 << 15, VEC_GP, 0 },
    { "CR4: bit 19", PROT, 0, 0, to_cr4, 3, 1 << 19, VEC_GP, 0 },
    { "CR4: bit 31", PROT, 0, 0, to_cr4, 3, 0x80000000, VEC_GP, 0 },
    { "CR4: bit 32", LONG, 0, 0, to_cr4, 3, UINT64_C(0x100000020), VEC_GP, 0 },
    { "CR4: all that is offered", LONG, 0, 0, to_cr4, 3, 0x370fff, OK, 0x370fff },
};

static void cr_values(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    for (size_t i = 0; i < ARRAY_LEN(cr_cases); i++) {
        const struct cr_case *t = &cr_cases[i];
        unsigned reg = t->len == 4 ? 8 : t->code[2] >> 3 & 7;
        uint64_t *place = reg == 8 ? &s->cr8 : reg == 4 ? &s->cr4 : reg == 3 ? &s->cr3 : &s->cr2;
        uint64_t before;

        rig_enter(r, t->mode, 0);
        s->cr4 |= t->cr4;
        s->cr3 |= t->cr3;
        s->gpr[X86_RAX] = t->val;
        before = *place;
        rig_expect(t->name, rig_run(r, t->code, t->len), t->want);
        if (*place != (t->want == OK ? t->after : before))
            fail_msg("%s: the register holds 0x%llx", t->name, (unsigned long long)*place);
    }
}

/* SDM 3A 4.4.1, "PDPTE Registers". */
static void pae_pointers(void **state)
{
    static const struct {
        const char *name;
        unsigned which;
        uint64_t entry;
        int want;
    } rows[] = {
        { "a good one", 3, 0x3019, OK },
        { "not present: anything", 1, ~UINT64_C(1), OK },
        { "bit 1", 0, 0x3003, VEC_GP },
        { "bit 2", 1, 0x3005, VEC_GP },
        { "bit 5", 2, 0x3021, VEC_GP },
        { "bit 8", 3, 0x3101, VEC_GP },
        { "bits 9 to 11 are free", 3, 0x3e01, OK },
        { "bit 46", 0, (UINT64_C(1) << 46) | 0x3001, VEC_GP },
        { "bit 63", 0, B63 | 0x3001, VEC_GP },
    };
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, PAE, 0);
        le_put(r->ram + RIG_DATA, 8, 0x3001);
        for (unsigned j = 1; j < 4; j++)
            le_put(r->ram + RIG_DATA + (size_t)8 * j, 8, 0);
        le_put(r->ram + RIG_DATA + (size_t)8 * rows[i].which, 8, rows[i].entry);
        s->gpr[X86_RAX] = RIG_DATA | 0x18; /* the low five bits are not address */
        rig_expect(rows[i].name, rig_run(r, to_cr3, 3), rows[i].want);
        assert_int_equal(s->cr3, rows[i].want == OK ? RIG_DATA | 0x18 : RIG_TABLES);
        assert_int_equal(s->pdptr_valid, rows[i].want == OK);
        if (rows[i].want == OK)
            assert_true(s->pdptr[rows[i].which] == rows[i].entry);
    }
}

/* The same section: which changes of CR0 and CR4 read the pointers, and that a bad one stops them. */
static void pae_pointers_are_read_again(void **state)
{
    static const struct {
        const char *name;
        bool cr4, off; /* off: paging is still off */
        uint64_t flip;
        bool reads;
    } rows[] = {
        { "CR0.CD", false, false, X86_CR0_CD, true },
        { "CR0.WP", false, false, X86_CR0_WP, false },
        { "CR0.PG on", false, true, X86_CR0_PG, true },
        { "CR4.PGE", true, false, X86_CR4_PGE, true },
        { "CR4.PSE", true, false, X86_CR4_PSE, true },
        { "CR4.SMEP", true, false, X86_CR4_SMEP, true },
        { "CR4.OSFXSR", true, false, X86_CR4_OSFXSR, false },
        { "CR4.PGE, paging off", true, true, X86_CR4_PGE, false },
    };
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        bool bad = i & 1;

        rig_enter(r, PAE, 0);
        if (rows[i / 2].off)
            s->cr0 &= ~(uint64_t)PG;
        le_put(r->ram + RIG_TABLES + 8, 8, bad ? 3 : 0x5001);
        s->gpr[X86_RAX] = (rows[i / 2].cr4 ? s->cr4 : s->cr0) ^ rows[i / 2].flip;
        rig_expect(rows[i / 2].name, rig_run(r, rows[i / 2].cr4 ? to_cr4 : to_cr0, 3),
                   bad && rows[i / 2].reads ? VEC_GP : OK);
        assert_int_equal(s->pdptr_valid, !bad && rows[i / 2].reads);
    }
}

static void long_mode_drops_pointers(void **state)
{
    struct rig *r = *state;

    rig_enter(r, PAE, 0);
    r->c->s.gpr[X86_RAX] = RIG_TABLES;
    rig_expect("CR3", rig_run(r, to_cr3, 3), OK);
    assert_true(r->c->s.pdptr_valid);
    r->c->s.gpr[X86_RAX] = 0x11;
    rig_expect("PG off", rig_run(r, to_cr0, 3), OK);
    assert_false(r->c->s.pdptr_valid);
}

/* ---- translations ---------------------------------------------------------------------------- */

/* SDM 3A 4.10.4, "Invalidation of TLBs": a changed entry is seen after each of these. */
static void translations_are_forgotten(void **state)
{
    static const struct {
        const char *name;
        const uint8_t *code;
        size_t len;
        uint64_t rax; /* CR4, CR0: bits to flip */
        unsigned flip;
    } rows[] = {
        { "MOV CR3", to_cr3, 3, RIG_TABLES, 0 },
        { "CR4.PGE", to_cr4, 3, X86_CR4_PGE, 4 },
        { "CR4.SMAP", to_cr4, 3, X86_CR4_SMAP, 4 },
        { "CR4.SMEP", to_cr4, 3, X86_CR4_SMEP, 4 },
        { "CR0.WP", to_cr0, 3, X86_CR0_WP, 1 },
        { "INVLPG [0x8000]", CODE("\x0f\x01\x3c\x25\x00\x80\x00\x00"), 0, 0 },
        { "INVPCID 0", CODE("\x66\x0f\x38\x82\x03"), 0, 0 },
        { "INVPCID 1", CODE("\x66\x0f\x38\x82\x03"), 1, 0 },
        { "INVPCID 2", CODE("\x66\x0f\x38\x82\x03"), 2, 0 },
        { "INVPCID 3", CODE("\x66\x0f\x38\x82\x03"), 3, 0 },
    };
    struct rig *r = *state;
    struct soft_cpu *c = r->c;
    uint64_t val;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, LONG, 0);
        c->s.gpr[X86_RBX] = RIG_DATA + 0x100;
        le_put(r->ram + RIG_DATA + 0x100, 8, 0);
        le_put(r->ram + RIG_DATA + 0x108, 8, RIG_DATA);
        assert_true(soft_load(c, X86_DS, RIG_DATA, 1, &val)); /* now it is cached */
        c->s.gpr[X86_RAX] = rows[i].rax ^ (rows[i].flip == 4   ? c->s.cr4
                                           : rows[i].flip == 1 ? c->s.cr0
                                                               : 0);
        rig_expect(rows[i].name, rig_run(r, rows[i].code, rows[i].len), OK);
        le_put(r->ram + RIG_TABLES + 0x2000, 8, 0); /* the page goes */
        c->stop.kind = SOFT_GOES_ON;
        if (soft_load(c, X86_DS, RIG_DATA, 1, &val))
            fail_msg("%s: the old translation is still used", rows[i].name);
        assert_int_equal(c->stop.vector, VEC_PF);
    }
}

/* ---- LMSW, SMSW, CLTS ------------------------------------------------------------------------ */

/* SDM 2, "LMSW", "SMSW", "CLTS". */
static void machine_status_word(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    rig_enter(r, REAL, 0);
    s->gpr[X86_RAX] = 0xffff;
    rig_expect("LMSW ax", rig_run(r, CODE("\x0f\x01\xf0")), OK);
    assert_int_equal(s->cr0, 0x1f); /* PE MP EM TS, and no more */
    assert_int_equal(r->c->mode, X86_MODE_PROT16);
    s->gpr[X86_RAX] = 0;
    rig_expect("LMSW ax", rig_run(r, CODE("\x0f\x01\xf0")), OK);
    assert_int_equal(s->cr0, 0x11); /* PE stays */

    rig_enter(r, LONG, 0);
    s->cr0 |= X86_CR0_TS;
    rig_expect("CLTS", rig_run(r, CODE("\x0f\x06")), OK);
    assert_int_equal(s->cr0 & X86_CR0_TS, 0);
    s->gpr[X86_RAX] = UINT64_MAX;
    rig_expect("SMSW rax", rig_run(r, CODE("\x48\x0f\x01\xe0")), OK);
    assert_true(s->gpr[X86_RAX] == s->cr0);
    s->gpr[X86_RAX] = UINT64_MAX;
    rig_expect("SMSW ax", rig_run(r, CODE("\x66\x0f\x01\xe0")), OK);
    assert_true(s->gpr[X86_RAX] == (UINT64_MAX << 16 | (s->cr0 & 0xffff)));
    s->gpr[X86_RBX] = RIG_DATA;
    le_put(r->ram + RIG_DATA, 8, UINT64_MAX);
    rig_expect("SMSW [rbx]", rig_run(r, CODE("\x0f\x01\x23")), OK);
    assert_true(le_get(r->ram + RIG_DATA, 8) == (UINT64_MAX << 16 | (s->cr0 & 0xffff)));
    s->gpr[X86_RAX] = UINT64_MAX;
    rig_enter(r, PROT, 0);
    rig_expect("MOV eax, cr0", rig_run(r, from_cr0, 3), OK);
    assert_true(s->gpr[X86_RAX] == s->cr0);
}

/* ---- debug registers ------------------------------------------------------------------------- */

/* SDM 3B 17.2, "Debug Registers"; SDM 2, "MOV - Move to/from Debug Registers". */
static const struct dr_case {
    const char *name;
    enum rig_mode mode;
    uint8_t reg;
    uint64_t cr4, dr7, val;
    int want;
    uint64_t after;
} dr_cases[] = {
    { "DR0: 64 bits", LONG, 0, 0, 0x400, UINT64_MAX, OK, UINT64_MAX },
    { "DR3: 32 bits", PROT, 3, 0, 0x400, UINT64_MAX, OK, UINT32_MAX },
    { "DR6: bit 32", LONG, 6, 0, 0x400, UINT64_C(1) << 32, VEC_GP, 0 },
    { "DR7: bit 63", LONG, 7, 0, 0x400, B63, VEC_GP, 0 },
    { "DR6: fixed bits", LONG, 6, 0, 0x400, 0, OK, 0xffff0ff0 },
    { "DR6: all bits", LONG, 6, 0, 0x400, UINT32_MAX, OK, 0xffffefff },
    { "DR7: fixed bits", LONG, 7, 0, 0x400, 0, OK, 0x400 },
    { "DR7: all bits but GD", LONG, 7, 0, 0x400, 0xffffdfff, OK, 0xffff07ff },
    { "DR4 is DR6", LONG, 4, 0, 0x400, 0xf, OK, 0xffff0fff },
    { "DR5 is DR7", LONG, 5, 0, 0x400, 0x3, OK, 0x403 },
    { "DR4 with CR4.DE", LONG, 4, X86_CR4_DE, 0x400, 0, VEC_UD, 0 },
    { "DR5 with CR4.DE", PROT, 5, X86_CR4_DE, 0x400, 0, VEC_UD, 0 },
    { "DR6 with CR4.DE", LONG, 6, X86_CR4_DE, 0x400, 1, OK, 0xffff0ff1 },
    { "GD guards DR0", LONG, 0, 0, 0x2400, 0, VEC_DB, 0 },
    { "GD guards DR7", PROT, 7, 0, 0x2400, 0, VEC_DB, 0 },
    { "#UD before GD", LONG, 4, X86_CR4_DE, 0x2400, 0, VEC_UD, 0 },
};

static void debug_registers(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    for (size_t i = 0; i < ARRAY_LEN(dr_cases); i++) {
        const struct dr_case *t = &dr_cases[i];
        uint8_t to[] = { 0x0f, 0x23, (uint8_t)(0xc0 | t->reg << 3) };
        uint8_t from[] = { 0x0f, 0x21, (uint8_t)(0xc1 | t->reg << 3) };

        rig_enter(r, t->mode, 0);
        s->cr4 |= t->cr4;
        s->dr7 = t->dr7;
        s->gpr[X86_RAX] = t->val;
        rig_expect(t->name, rig_run(r, to, 3), t->want);
        if (t->want == VEC_DB)
            assert_int_equal(r->c->stop.dr6, X86_DR6_BD);
        if (t->want == VEC_DB || t->want == VEC_UD)
            rig_expect(t->name, rig_run(r, from, 3), t->want);
        if (t->want != OK)
            continue;
        rig_expect(t->name, rig_run(r, from, 3), OK);
        if (s->gpr[X86_RCX] != t->after)
            fail_msg("%s: 0x%llx", t->name, (unsigned long long)s->gpr[X86_RCX]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cr0_values),
        cmocka_unit_test(long_mode_checks),
        cmocka_unit_test(modes_follow),
        cmocka_unit_test(cr_values),
        cmocka_unit_test(pae_pointers),
        cmocka_unit_test(pae_pointers_are_read_again),
        cmocka_unit_test(long_mode_drops_pointers),
        cmocka_unit_test(translations_are_forgotten),
        cmocka_unit_test(machine_status_word),
        cmocka_unit_test(debug_registers),
    };

    return cmocka_run_group_tests_name("soft/system", tests, rig_setup, rig_teardown);
}
