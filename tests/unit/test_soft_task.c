/* SPDX-License-Identifier: MIT */
/*
 * test_soft_task.c - task switches, segment loads, instructions that look at descriptors
 *
 * What is required is in the SDM sections named at each test; bytes are assembled by hand.
 */
#include "far_rig.h"

#define JMPF32(sel, off)  0xea, W32(off), W16(sel)
#define CALLF32(sel, off) 0x9a, W32(off), W16(sel)

/* ---- tasks: SDM 3A, "Task Switching" ----------------------------------------------------------- */

static void fill_task(struct rig *r)
{
    static const uint16_t segs[] = { DATA0, CODE0, DATA0, DATA3, 0, CODE0 }; /* ES CS SS DS FS GS */

    rig_put(r, AT_TSS_B + 0x20, 4, AT_ELSEWHERE);
    rig_put(r, AT_TSS_B + 0x24, 4, 2 | X86_RFLAGS_CF);
    for (unsigned i = 0; i < 8; i++)
        rig_put(r, AT_TSS_B + 0x28 + 4 * i, 4, i == X86_RSP ? TOP_RING1 : 0xb0000 + i);
    for (unsigned i = 0; i < ARRAY_LEN(segs); i++)
        rig_put(r, AT_TSS_B + 0x48 + 4 * i, 2, segs[i]);
    rig_put(r, AT_TSS_B + 0x60, 2, LDT);
}

static unsigned tss_type(const struct rig *r, unsigned selector)
{
    return rig_get(r, AT_GDT + selector + 5, 1) & 0xf;
}

static void task_jmp(void **state)
{
    struct rig *r = *state;

    fill_task(r);
    r->c->s.dr7 = 0x4ff;
    assert_true(EXEC(r, JMPF32(TSS_B, 0)));
    assert_int_equal(r->c->s.rip, AT_ELSEWHERE);
    assert_int_equal(r->c->s.rflags, 2 | X86_RFLAGS_CF);
    assert_int_equal(r->c->s.gpr[X86_RDI], 0xb0007);
    assert_int_equal(rig_sp(r), TOP_RING1);
    assert_int_equal(SEL(r, DS), DATA3);
    assert_int_equal(r->c->s.tr.selector, TSS_B);
    assert_int_equal(r->c->s.ldtr.selector, LDT);
    assert_true(r->c->s.cr0 & X86_CR0_TS);
    assert_int_equal(r->c->s.dr7, 0x4aa);
    assert_int_equal(tss_type(r, TSS_A), SYS_TSS32);
    assert_int_equal(tss_type(r, TSS_B), SYS_TSS32_BUSY);
    assert_int_equal(rig_get(r, AT_TSS + 0x20, 4), AT_CODE + 7);
    assert_int_equal(rig_get(r, AT_TSS + 0x38, 4), TOP_STACK);
    assert_int_equal(rig_get(r, AT_TSS + 0x4c, 2), CODE0);
}

static void task_call_and_iret(void **state)
{
    struct rig *r = *state;

    fill_task(r);
    assert_true(EXEC(r, CALLF32(TASK_GATE, 0)));
    assert_true(r->c->s.rflags & X86_RFLAGS_NT);
    assert_int_equal(rig_get(r, AT_TSS_B, 2), TSS_A);
    assert_int_equal(tss_type(r, TSS_A), SYS_TSS32_BUSY);
    r->c->s.gpr[X86_RAX] = 0x99;
    assert_true(EXEC(r, 0xcf)); /* IRET with NT: back */
    assert_int_equal(r->c->s.tr.selector, TSS_A);
    assert_int_equal(r->c->s.rip, AT_CODE + 7);
    assert_int_equal(r->c->s.gpr[X86_RAX], 0x1000);
    assert_int_equal(tss_type(r, TSS_B), SYS_TSS32);
    assert_int_equal(tss_type(r, TSS_A), SYS_TSS32_BUSY);
    assert_int_equal(rig_get(r, AT_TSS_B + 0x28, 4), 0x99);
    assert_false(rig_get(r, AT_TSS_B + 0x24, 4) & X86_RFLAGS_NT);
}

/* SDM 3A, "16-Bit Task-State Segment (TSS)". */
static void task_16(void **state)
{
    struct rig *r = *state;

    rig_put(r, AT_TSS_16 + 0xe, 2, 0x1234);
    rig_put(r, AT_TSS_16 + 0x10, 2, 2);
    rig_put(r, AT_TSS_16 + 0x12, 2, 0xabcd); /* AX */
    rig_put(r, AT_TSS_16 + 0x1a, 2, 0x4000); /* SP */
    rig_put(r, AT_TSS_16 + 0x24, 2, CODE16);
    rig_put(r, AT_TSS_16 + 0x26, 2, DATA16);
    assert_true(EXEC(r, CALLF32(TSS_16, 0)));
    assert_int_equal(r->c->s.rip, 0x1234);
    assert_int_equal(r->c->s.gpr[X86_RAX], 0xabcd);
    assert_int_equal(rig_sp(r), 0x4000);
    assert_int_equal(r->c->mode, X86_MODE_PROT16);
    assert_int_equal(rig_get(r, AT_TSS_16, 2), TSS_A);
    assert_true(EXEC(r, 0xcf));
    assert_int_equal(r->c->s.rip, AT_CODE + 7);
}

static void task_limit(void **state)
{
    struct rig *r = *state;

    rig_desc(r, TSS_B, AT_TSS_B, 0x66, ACC_P | SYS_TSS32, 0);
    rig_faults(r, BYTES(JMPF32(TSS_B, 0)), VEC_TS, TSS_B);
    rig_desc(r, TSS_16, AT_TSS_16, 0x2a, ACC_P | SYS_TSS16, 0);
    rig_faults(r, BYTES(JMPF32(TSS_16, 0)), VEC_TS, TSS_16);
}

/* A TSS descriptor counts in the GDT only. SDM 3A, "TSS Descriptor". */
static void task_in_ldt(void **state)
{
    struct rig *r = *state;

    r->c->s.gpr[X86_RAX] = LDT;
    assert_true(EXEC(r, 0x0f, 0x00, 0xd0)); /* LLDT AX */
    rig_put(r, AT_LDT + 8, 8, rig_get(r, AT_GDT + TSS_B, 8));
    rig_faults(r, BYTES(JMPF32(0xc, 0)), VEC_GP, 0xc);
}

/* SDM 2, IRET "TASK-RETURN": the back link. */
static void task_bad_link(void **state)
{
    struct rig *r = *state;

    r->c->s.rflags |= X86_RFLAGS_NT;
    rig_put(r, AT_TSS, 2, TSS_B); /* not busy */
    rig_faults(r, BYTES(0xcf), VEC_TS, TSS_B);
    rig_put(r, AT_TSS, 2, TSS_B | 4); /* local */
    rig_faults(r, BYTES(0xcf), VEC_TS, TSS_B | 4);
    rig_put(r, AT_TSS, 2, CODE0);
    rig_faults(r, BYTES(0xcf), VEC_TS, CODE0);
}

/* The table "Exception Conditions Checked During a Task Switch": faults in the new task. */
static const struct bad_task {
    const char *name;
    uint8_t at; /* of the selector in the TSS */
    uint16_t selector;
    uint8_t vector;
} bad_tasks[] = {
    { "LDT is data", 0x60, DATA0, VEC_TS },
    { "CS is data", 0x4c, DATA0, VEC_TS },
    { "null CS", 0x4c, 0, VEC_TS },
    { "CS absent", 0x4c, CODE_ABSENT, VEC_NP },
    { "null SS", 0x50, 0, VEC_TS },
    { "SS read-only", 0x50, DATA_RO, VEC_TS },
    { "SS absent", 0x50, DATA_ABSENT, VEC_SS },
    { "DS outside", 0x54, OUTSIDE, VEC_TS },
    { "FS execute-only", 0x58, CODE_XO, VEC_TS },
    { "GS absent", 0x5c, DATA_ABSENT, VEC_NP },
};

static void task_faults_in_new_task(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(bad_tasks); i++) {
        const struct bad_task *row = &bad_tasks[i];
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        print_message("  %s\n", row->name);
        fill_task(r);
        rig_put(r, AT_TSS_B + row->at, 2, row->selector);
        assert_false(EXEC(r, JMPF32(TSS_B, 0)));
        assert_int_equal(r->c->stop.vector, row->vector);
        assert_int_equal(r->c->stop.error, row->selector & 0xfffc);
        assert_int_equal(r->c->s.rip, AT_ELSEWHERE);
        assert_int_equal(r->c->s.tr.selector, TSS_B);
    }
}

/* Flag T of the new TSS: #DB with DR6.BT after the switch. SDM 3A, "Task-Switch Exception Condition". */
static void task_debug_trap(void **state)
{
    struct rig *r = *state;

    fill_task(r);
    rig_put(r, AT_TSS_B + 0x64, 2, 1);
    assert_true(EXEC(r, JMPF32(TSS_B, 0)));
    assert_int_equal(r->c->trap_dr6, X86_DR6_BT);
}

static void task_to_vm86(void **state)
{
    struct rig *r = *state;

    fill_task(r);
    rig_put(r, AT_TSS_B + 0x24, 4, 2 | X86_RFLAGS_VM);
    rig_put(r, AT_TSS_B + 0x20, 4, 0x100);
    assert_true(EXEC(r, JMPF32(TSS_B, 0)));
    assert_int_equal(r->c->mode, X86_MODE_VM86);
    assert_int_equal(r->c->s.seg[X86_CS].base, CODE0 << 4);
    assert_int_equal(r->c->cpl, 3);
}

/* ---- segment registers: SDM 2, MOV; SDM 3A, "Privilege Level Checking" ------------------------- */

static const struct load_row {
    const char *name;
    uint8_t seg;
    bool ring3;
    uint16_t selector;
    int vector; /* -1: loaded */
    uint32_t error;
} loads[] = {
    { "data", X86_DS, false, DATA0, -1, 0 },
    { "null", X86_ES, false, 3, -1, 0 },
    { "readable code", X86_FS, false, CODE0, -1, 0 },
    { "conforming code at any ring", X86_GS, true, CONFORMING | 3, -1, 0 },
    { "outside", X86_DS, false, OUTSIDE, VEC_GP, OUTSIDE },
    { "execute-only code", X86_DS, false, CODE_XO, VEC_GP, CODE_XO },
    { "system", X86_DS, false, LDT, VEC_GP, LDT },
    { "DPL below CPL", X86_DS, true, DATA0, VEC_GP, DATA0 },
    { "DPL below RPL", X86_DS, false, DATA0 | 3, VEC_GP, DATA0 },
    { "absent", X86_DS, false, DATA_ABSENT, VEC_NP, DATA_ABSENT },
    { "stack", X86_SS, false, DATA16, -1, 0 },
    { "null stack", X86_SS, false, 0, VEC_GP, 0 },
    { "stack RPL", X86_SS, false, DATA0 | 1, VEC_GP, DATA0 },
    { "stack DPL", X86_SS, true, DATA0 | 3, VEC_GP, DATA0 },
    { "stack read-only", X86_SS, false, DATA_RO, VEC_GP, DATA_RO },
    { "stack absent", X86_SS, false, DATA_ABSENT, VEC_SS, DATA_ABSENT },
};

static void segment_loads(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(loads); i++) {
        const struct load_row *row = &loads[i];
        struct rig *r;
        bool done;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        if (row->ring3)
            rig_ring3(r);
        print_message("  %s\n", row->name);
        done = soft_load_segment(r->c, row->seg, row->selector);
        assert_int_equal(done, row->vector < 0);
        if (done) {
            assert_int_equal(r->c->s.seg[row->seg].selector, row->selector);
        } else {
            assert_int_equal(r->c->stop.vector, row->vector);
            assert_int_equal(r->c->stop.error, row->error);
        }
    }
}

/* In 64-bit mode rings 0 to 2 may have a null SS of their own RPL. */
static void segment_null_stack_long(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    assert_true(soft_load_segment(r->c, X86_SS, 0));
    assert_int_equal(r->c->cpl, 0);
    assert_false(soft_load_segment(r->c, X86_SS, 3));
    rig_long(r, 3);
    assert_false(soft_load_segment(r->c, X86_SS, 3));
}

static void segment_real_keeps_limit(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    r->c->s.seg[X86_DS].limit = UINT32_MAX; /* "unreal" mode */
    assert_true(soft_load_segment(r->c, X86_DS, 0x1234));
    assert_int_equal(r->c->s.seg[X86_DS].base, 0x12340);
    assert_int_equal(r->c->s.seg[X86_DS].limit, UINT32_MAX);
}

/* The LDT: SDM 3A, "Segment Selectors". */
static void segment_from_ldt(void **state)
{
    struct rig *r = *state;

    r->c->s.gpr[X86_RAX] = LDT;
    assert_true(EXEC(r, 0x0f, 0x00, 0xd0)); /* LLDT AX */
    rig_put(r, AT_LDT + 8, 8, rig_get(r, AT_GDT + DATA0, 8));
    assert_true(soft_load_segment(r->c, X86_DS, 0xc));
    assert_int_equal(SEL(r, DS), 0xc);
    assert_false(soft_load_segment(r->c, X86_DS, 0x14));
    assert_int_equal(r->c->stop.error, 0x14);
}

/* ---- LAR and kin: SDM 2, their pages ------------------------------------------------------------ */

static void lar_lsl(void **state)
{
    struct rig *r = *state;

    r->c->s.gpr[X86_RCX] = CODE0;
    assert_true(EXEC(r, 0x0f, 0x02, 0xc1)); /* LAR EAX, ECX */
    assert_int_equal(r->c->s.gpr[X86_RAX], 0x00cf9a00);
    assert_true(r->c->s.rflags & X86_RFLAGS_ZF);
    assert_true(EXEC(r, 0x0f, 0x03, 0xc1)); /* LSL EAX, ECX */
    assert_int_equal(r->c->s.gpr[X86_RAX], UINT32_MAX);
    r->c->s.gpr[X86_RCX] = TASK_GATE;
    assert_true(EXEC(r, 0x0f, 0x02, 0xc1));
    assert_true(r->c->s.rflags & X86_RFLAGS_ZF);
    assert_true(EXEC(r, 0x0f, 0x03, 0xc1)); /* a gate has no limit */
    assert_false(r->c->s.rflags & X86_RFLAGS_ZF);
    r->c->s.gpr[X86_RCX] = 0;
    r->c->s.gpr[X86_RAX] = 0x55;
    assert_true(EXEC(r, 0x0f, 0x02, 0xc1));
    assert_int_equal(r->c->s.gpr[X86_RAX], 0x55);
    assert_false(r->c->s.rflags & X86_RFLAGS_ZF);
}

static void verr_verw(void **state)
{
    static const struct {
        uint16_t selector;
        bool read, write;
    } rows[] = {
        { DATA0, false, false },   { DATA3, true, true },       { CODE3, true, false },
        { DATA_RO, false, false }, { CONFORMING, true, false }, { OUTSIDE, false, false },
        { LDT, false, false },     { 0, false, false },
    };
    struct rig *r = *state;

    rig_ring3(r);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        r->c->s.gpr[X86_RAX] = rows[i].selector;
        assert_true(EXEC(r, 0x0f, 0x00, 0xe0)); /* VERR AX */
        assert_int_equal(!!(r->c->s.rflags & X86_RFLAGS_ZF), rows[i].read);
        assert_true(EXEC(r, 0x0f, 0x00, 0xe8)); /* VERW AX */
        assert_int_equal(!!(r->c->s.rflags & X86_RFLAGS_ZF), rows[i].write);
    }
}

static void arpl_raises_rpl(void **state)
{
    struct rig *r = *state;

    r->c->s.gpr[X86_RAX] = 0x11110008;
    r->c->s.gpr[X86_RCX] = 3;
    assert_true(EXEC(r, 0x63, 0xc8)); /* ARPL AX, CX */
    assert_int_equal(r->c->s.gpr[X86_RAX], 0x1111000b);
    assert_true(r->c->s.rflags & X86_RFLAGS_ZF);
    assert_true(EXEC(r, 0x63, 0xc8));
    assert_false(r->c->s.rflags & X86_RFLAGS_ZF);
}

static void lldt_ltr(void **state)
{
    struct rig *r = *state;

    r->c->s.gpr[X86_RAX] = TSS_B;
    assert_true(EXEC(r, 0x0f, 0x00, 0xd8)); /* LTR AX */
    assert_int_equal(tss_type(r, TSS_B), SYS_TSS32_BUSY);
    assert_int_equal(r->c->s.tr.base, AT_TSS_B);
    rig_faults(r, BYTES(0x0f, 0x00, 0xd8), VEC_GP, TSS_B); /* busy now */
    rig_faults(r, BYTES(0x0f, 0x00, 0xd0), VEC_GP, TSS_B); /* LLDT of a TSS */
    r->c->s.gpr[X86_RAX] = TSS_ABSENT;
    rig_faults(r, BYTES(0x0f, 0x00, 0xd8), VEC_NP, TSS_ABSENT);
    r->c->s.gpr[X86_RAX] = 0;
    rig_faults(r, BYTES(0x0f, 0x00, 0xd8), VEC_GP, 0);
    assert_true(EXEC(r, 0x0f, 0x00, 0xd0)); /* LLDT 0 */
    assert_true(r->c->s.ldtr.unusable);
    assert_true(EXEC(r, 0x0f, 0x00, 0xc8)); /* STR EAX */
    assert_int_equal(r->c->s.gpr[X86_RAX], TSS_B);
}

/* SDM 2, LTR: sixteen bytes in long mode, with the upper half of the base. */
static void ltr_long(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    rig_put(r, AT_GDT + TSS_B + 8, 8, 0xffff8000);
    r->c->s.gpr[X86_RAX] = TSS_B;
    assert_true(EXEC(r, 0x0f, 0x00, 0xd8));
    assert_int_equal(r->c->s.tr.base, UINT64_C(0xffff800000000000) | AT_TSS_B);
    rig_desc(r, TSS_B, AT_TSS_B, 0x67, ACC_P | SYS_TSS32, 0);
    rig_put(r, AT_GDT + TSS_B + 8, 8, 0x8000); /* not canonical */
    rig_faults(r, BYTES(0x0f, 0x00, 0xd8), VEC_GP, TSS_B);
}

static void lgdt_sgdt(void **state)
{
    struct rig *r = *state;

    rig_put(r, AT_ELSEWHERE, 2, 0x1ff);
    rig_put(r, AT_ELSEWHERE + 2, 4, 0x12345678);
    assert_true(EXEC(r, 0x0f, 0x01, 0x15, W32(AT_ELSEWHERE))); /* LGDT */
    assert_int_equal(r->c->s.gdtr.base, 0x12345678);
    assert_true(EXEC(r, 0x66, 0x0f, 0x01, 0x1d, W32(AT_ELSEWHERE))); /* LIDT, 16 bits */
    assert_int_equal(r->c->s.idtr.base, 0x345678);
    assert_int_equal(r->c->s.idtr.limit, 0x1ff);
    assert_true(EXEC(r, 0x0f, 0x01, 0x05, W32(AT_ELSEWHERE + 0x10))); /* SGDT */
    assert_int_equal(rig_get(r, AT_ELSEWHERE + 0x10, 2), 0x1ff);
    assert_int_equal(rig_get(r, AT_ELSEWHERE + 0x12, 4), 0x12345678);
}

static void lgdt_not_canonical(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    rig_put(r, AT_ELSEWHERE + 2, 8, UINT64_C(0x800000000000));
    rig_faults(r, BYTES(0x0f, 0x01, 0x14, 0x25, W32(AT_ELSEWHERE)), VEC_GP, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(task_jmp),
        TEST(task_call_and_iret),
        TEST(task_16),
        TEST(task_limit),
        TEST(task_in_ldt),
        TEST(task_bad_link),
        TEST(task_faults_in_new_task),
        TEST(task_debug_trap),
        TEST(task_to_vm86),
        TEST(segment_loads),
        TEST(segment_null_stack_long),
        TEST(segment_real_keeps_limit),
        TEST(segment_from_ldt),
        TEST(lar_lsl),
        TEST(verr_verw),
        TEST(arpl_raises_rpl),
        TEST(lldt_ltr),
        TEST(ltr_long),
        TEST(lgdt_sgdt),
        TEST(lgdt_not_canonical),
    };

    return cmocka_run_group_tests_name("soft/task", tests, NULL, NULL);
}
