/* SPDX-License-Identifier: MIT */
/*
 * test_soft_far.c - far JMP, CALL and RET, direct and through call gates
 *
 * What is required is in the SDM sections named at each test; bytes are assembled by hand.
 */
#include "far_rig.h"

#define JMPF32(sel, off)  0xea, W32(off), W16(sel)
#define CALLF32(sel, off) 0x9a, W32(off), W16(sel)

static void set_gate(struct rig *r, unsigned selector, uint64_t offset, unsigned access,
                     unsigned count)
{
    rig_gate(r, AT_GDT + CALL_GATE, selector, offset, access, count);
}

/* ---- real and virtual-8086 mode: SDM 2, JMP, CALL, RET, "REAL-ADDRESS MODE" -------------------- */

static void jmp_real(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    assert_true(EXEC(r, 0xea, W16(0x1234), W16(0x2345)));
    assert_int_equal(SEL(r, CS), 0x2345);
    assert_int_equal(r->c->s.seg[X86_CS].base, 0x23450);
    assert_int_equal(r->c->s.rip, 0x1234);
    assert_int_equal(r->c->s.seg[X86_CS].limit, 0xffff);
}

static void jmp_real_past_limit(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    rig_faults(r, BYTES(0x66, 0xea, W32(0x10000), W16(0x2345)), VEC_GP, 0);
}

static void call_and_ret_real(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    assert_true(EXEC(r, 0x9a, W16(0x40), W16(0x3000)));
    assert_int_equal(rig_sp(r) & 0xffff, 0x8000 - 4);
    assert_int_equal(rig_get(r, 0x20000 + (rig_sp(r) & 0xffff), 2), 0x105);
    assert_int_equal(rig_get(r, 0x20002 + (rig_sp(r) & 0xffff), 2), AT_CODE >> 4);
    assert_true(EXEC(r, 0xca, W16(6))); /* RETF 6 */
    assert_int_equal(r->c->s.rip, 0x105);
    assert_int_equal(SEL(r, CS), AT_CODE >> 4);
    assert_int_equal(rig_sp(r) & 0xffff, 0x8000 + 6);
}

/* The stack pointer wraps at 64 KiB; a word may not straddle the limit. SDM 1, "Procedure Stack". */
static void call_real_stack_wraps(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    r->c->s.gpr[X86_RSP] = 0x77770002;
    assert_true(EXEC(r, 0x9a, W16(0x40), W16(0x3000)));
    assert_int_equal(rig_sp(r), 0x7777fffe);
    assert_int_equal(rig_get(r, 0x20000, 2), AT_CODE >> 4);
    assert_int_equal(rig_get(r, 0x2fffe, 2), 0x105);
}

static void call_real_stack_straddles(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    r->c->s.gpr[X86_RSP] = 1;
    rig_faults(r, BYTES(0x9a, W16(0x40), W16(0x3000)), VEC_SS, 0);
}

static void jmp_vm86(void **state)
{
    struct rig *r = *state;

    rig_vm86(r, 0);
    assert_true(EXEC(r, 0xea, W16(0x40), W16(CODE_ABSENT))); /* no descriptor is looked at */
    assert_int_equal(r->c->s.seg[X86_CS].base, CODE_ABSENT << 4);
    assert_int_equal(r->c->cpl, 3);
}

/* ---- direct, protected mode: SDM 3A, "Direct Calls or Jumps to Code Segments" ------------------ */

static void jmp_direct(void **state)
{
    struct rig *r = *state;

    assert_true(EXEC(r, JMPF32(CODE16, 0x1234)));
    assert_int_equal(SEL(r, CS), CODE16);
    assert_int_equal(r->c->s.rip, 0x1234);
    assert_int_equal(r->c->mode, X86_MODE_PROT16);
    assert_int_equal(r->c->code_bits, 16);
    assert_int_equal(rig_get(r, AT_GDT + CODE16 + 5, 1), CODE_BYTE | TYPE_ACCESSED);
}

static void jmp_conforming_keeps_ring(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    assert_true(EXEC(r, JMPF32(CONFORMING, 0x1234)));
    assert_int_equal(SEL(r, CS), CONFORMING | 3); /* RPL becomes CPL */
    assert_int_equal(r->c->cpl, 3);
}

static void jmp_memory_operand(void **state)
{
    struct rig *r = *state;

    rig_put(r, AT_ELSEWHERE, 4, 0x1234);
    rig_put(r, AT_ELSEWHERE + 4, 2, CODE0);
    assert_true(EXEC(r, 0xff, 0x2d, W32(AT_ELSEWHERE)));
    assert_int_equal(r->c->s.rip, 0x1234);
}

static const struct bad_jump {
    const char *name;
    bool ring3;
    uint16_t selector;
    uint32_t offset, error;
    uint8_t vector;
} bad_jumps[] = {
    { "null", false, 3, 0, 0, VEC_GP },
    { "outside the GDT", false, OUTSIDE, 0, OUTSIDE, VEC_GP },
    { "outside the LDT", false, 0xc, 0, 0xc, VEC_GP },
    { "data", false, DATA0, 0, DATA0, VEC_GP },
    { "RPL above CPL", false, CODE0 | 3, 0, CODE0, VEC_GP },
    { "inner ring", true, CODE0, 0, CODE0, VEC_GP },
    { "outer ring", false, CODE3 | 3, 0, CODE3, VEC_GP },
    { "not present", false, CODE_ABSENT, 0, CODE_ABSENT, VEC_NP },
    { "past the limit", false, CODE_SMALL, 0x1000, 0, VEC_GP },
    { "LDT descriptor", false, LDT, 0, LDT, VEC_GP },
    { "busy TSS", false, TSS_A, 0, TSS_A, VEC_GP },
    { "TSS of ring 0", true, TSS_B | 3, 0, TSS_B, VEC_GP },
    { "TSS beyond its RPL", false, TSS_B | 3, 0, TSS_B, VEC_GP },
    { "absent TSS", false, TSS_ABSENT, 0, TSS_ABSENT, VEC_NP },
};

static void jmp_refused(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(bad_jumps); i++) {
        const struct bad_jump *row = &bad_jumps[i];
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        if (row->ring3)
            rig_ring3(r);
        print_message("  %s\n", row->name);
        rig_faults(r, BYTES(JMPF32(row->selector, row->offset)), row->vector, row->error);
        rig_faults(r, BYTES(CALLF32(row->selector, row->offset)), row->vector, row->error);
    }
}

static void call_and_ret_direct(void **state)
{
    struct rig *r = *state;

    assert_true(EXEC(r, CALLF32(CODE0, AT_ELSEWHERE)));
    assert_int_equal(rig_sp(r), TOP_STACK - 8);
    assert_int_equal(rig_get(r, TOP_STACK - 8, 4), AT_CODE + 7);
    assert_int_equal(rig_get(r, TOP_STACK - 4, 4), CODE0);
    assert_true(EXEC(r, 0xca, W16(0x10)));
    assert_int_equal(rig_sp(r), TOP_STACK + 0x10);
    assert_int_equal(r->c->s.rip, AT_CODE + 7);
}

/* SDM 3A, "Limit Checking": an expand-down stack ends at its limit. */
static void call_stack_past_limit(void **state)
{
    struct rig *r = *state;

    r->c->s.seg[X86_SS].type |= TYPE_DOWN;
    r->c->s.seg[X86_SS].limit = TOP_STACK - 5;
    rig_faults(r, BYTES(CALLF32(CODE0, AT_ELSEWHERE)), VEC_SS, 0);
    r->c->s.seg[X86_SS].limit = TOP_STACK - 9;
    assert_true(EXEC(r, CALLF32(CODE0, AT_ELSEWHERE)));
}

/* ---- RETF: SDM 2, RET, "PROTECTED-MODE RETURN" ------------------------------------------------- */

static void ret_outer(void **state)
{
    struct rig *r = *state;

    r->c->s.seg[X86_ES] = r->c->s.seg[X86_DS];
    rig_seg(r, X86_FS, DATA3);
    rig_seg(r, X86_GS, CONFORMING);
    STACK(r, 4, AT_ELSEWHERE, CODE3 | 3, 0xaa, TOP_RING1, DATA3 | 3);
    assert_true(EXEC(r, 0xca, W16(4)));
    assert_int_equal(r->c->cpl, 3);
    assert_int_equal(SEL(r, CS), CODE3 | 3);
    assert_int_equal(SEL(r, SS), DATA3 | 3);
    assert_int_equal(rig_sp(r), TOP_RING1 + 4); /* the parameter leaves both stacks */
    assert_int_equal(SEL(r, DS), 0);            /* ring 0's data is gone */
    assert_true(r->c->s.seg[X86_ES].unusable);
    assert_int_equal(SEL(r, FS), DATA3);
    assert_int_equal(SEL(r, GS), CONFORMING);
}

static const struct bad_return {
    const char *name;
    bool ring3;
    uint32_t cs, ip, ss, error;
    uint8_t vector;
} bad_returns[] = {
    { "null CS", false, 0, 0, DATA3 | 3, 0, VEC_GP },
    { "CS outside", false, OUTSIDE, 0, DATA3 | 3, OUTSIDE, VEC_GP },
    { "CS is data", false, DATA0, 0, DATA3 | 3, DATA0, VEC_GP },
    { "inner ring", true, CODE0, 0, DATA0, CODE0, VEC_GP },
    { "DPL is not RPL", false, CODE0 | 3, 0, DATA3 | 3, CODE0, VEC_GP },
    { "absent", false, CODE_ABSENT, 0, DATA0, CODE_ABSENT, VEC_NP },
    { "past the limit", false, CODE_SMALL, 0x1000, DATA0, 0, VEC_GP },
    { "null SS", false, CODE3 | 3, 0, 0, 0, VEC_GP },
    { "SS outside", false, CODE3 | 3, 0, OUTSIDE | 3, OUTSIDE, VEC_GP },
    { "SS of another ring", false, CODE3 | 3, 0, DATA0, DATA0, VEC_GP },
    { "SS is code", false, CODE3 | 3, 0, CODE3 | 3, CODE3, VEC_GP },
};

static void ret_refused(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(bad_returns); i++) {
        const struct bad_return *row = &bad_returns[i];
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        if (row->ring3)
            rig_ring3(r);
        print_message("  %s\n", row->name);
        STACK(r, 4, row->ip, row->cs, TOP_RING1, row->ss);
        rig_faults(r, BYTES(0xcb), row->vector, row->error);
        rig_stack(r, 4, (const uint64_t[]){ row->ip, row->cs, 2, TOP_RING1, row->ss }, 5);
        rig_faults(r, BYTES(0xcf), row->vector, row->error); /* IRET checks the same */
    }
}

/* SS of an outer return that is not present is #SS. */
static void ret_outer_absent_stack(void **state)
{
    struct rig *r = *state;

    rig_desc(r, DATA_ABSENT, 0, 0xfffff, (DATA_BYTE | ACC_DPL3) & ~ACC_P, FLAG_G | FLAG_DB);
    STACK(r, 4, AT_ELSEWHERE, CODE3 | 3, TOP_RING1, DATA_ABSENT | 3);
    rig_faults(r, BYTES(0xcb), VEC_SS, DATA_ABSENT);
}

/* A 16-bit stack segment takes SP alone. SDM 2, RET and IRET. */
static void ret_outer_to_16bit_stack(void **state)
{
    struct rig *r = *state;

    rig_desc(r, DATA16, 0, 0xffff, DATA_BYTE | ACC_DPL3, 0);
    STACK(r, 4, AT_ELSEWHERE, CODE3 | 3, 0x12345678, DATA16 | 3);
    assert_true(EXEC(r, 0xcb));
    assert_int_equal(rig_sp(r), 0x25678 + 0); /* upper half: that of TOP_STACK - 16 + 16 */
    assert_int_equal(r->c->stack_bits, 16);
}

/* ---- call gates: SDM 3A, "Accessing a Code Segment Through a Call Gate", "Stack Switching" ------ */

static void gate_copies_parameters(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    set_gate(r, CODE0 | 3, AT_ELSEWHERE, ACC_P | ACC_DPL3 | SYS_CALL32, 2);
    STACK(r, 4, 0x11, 0x22);
    assert_true(EXEC(r, CALLF32(CALL_GATE | 3, 0xdead)));
    assert_int_equal(r->c->cpl, 0);
    assert_int_equal(SEL(r, CS), CODE0);
    assert_int_equal(SEL(r, SS), DATA0);
    assert_int_equal(r->c->s.rip, AT_ELSEWHERE);
    assert_int_equal(rig_sp(r), TOP_RING0 - 24);
    assert_int_equal(rig_get(r, TOP_RING0 - 24, 4), AT_CODE + 7);
    assert_int_equal(rig_get(r, TOP_RING0 - 20, 4), CODE3 | 3);
    assert_int_equal(rig_get(r, TOP_RING0 - 16, 4), 0x11);
    assert_int_equal(rig_get(r, TOP_RING0 - 12, 4), 0x22);
    assert_int_equal(rig_get(r, TOP_RING0 - 8, 4), TOP_STACK - 8);
    assert_int_equal(rig_get(r, TOP_RING0 - 4, 4), DATA3 | 3);
    assert_true(EXEC(r, 0xca, W16(8)));
    assert_int_equal(rig_sp(r), TOP_STACK);
    assert_int_equal(r->c->cpl, 3);
}

static void gate16_pushes_words(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    set_gate(r, CODE0, 0x54321234, ACC_P | ACC_DPL3 | SYS_CALL16, 1);
    STACK(r, 2, 0x77);
    assert_true(EXEC(r, CALLF32(CALL_GATE | 3, 0)));
    assert_int_equal(r->c->s.rip, 0x1234);
    assert_int_equal(rig_sp(r), TOP_RING0 - 10);
    assert_int_equal(rig_get(r, TOP_RING0 - 6, 2), 0x77);
    assert_int_equal(rig_get(r, TOP_RING0 - 8, 2), CODE3 | 3);
}

static void gate_same_ring(void **state)
{
    struct rig *r = *state;

    set_gate(r, CODE0, AT_ELSEWHERE, ACC_P | SYS_CALL32, 3);
    assert_true(EXEC(r, CALLF32(CALL_GATE, 0)));
    assert_int_equal(rig_sp(r), TOP_STACK - 8); /* no parameters are copied */
    assert_true(EXEC(r, JMPF32(CALL_GATE, 0)));
    assert_int_equal(rig_sp(r), TOP_STACK - 8);
    assert_int_equal(r->c->s.rip, AT_ELSEWHERE);
}

static const struct bad_gate {
    const char *name;
    uint16_t through, to;
    uint8_t access;
    bool jump;
    uint16_t ss0;
    uint32_t error;
    uint8_t vector;
} bad_gates[] = {
    { "gate of ring 0", CALL_GATE, CODE0, ACC_P | SYS_CALL32, false, DATA0, CALL_GATE, VEC_GP },
    { "gate absent", CALL_GATE, CODE0, ACC_DPL3 | SYS_CALL32, false, DATA0, CALL_GATE, VEC_NP },
    { "to null", CALL_GATE, 3, ACC_P | ACC_DPL3 | SYS_CALL32, false, DATA0, 0, VEC_GP },
    { "to outside", CALL_GATE, OUTSIDE, ACC_P | ACC_DPL3 | SYS_CALL32, false, DATA0, OUTSIDE,
      VEC_GP },
    { "to data", CALL_GATE, DATA0, ACC_P | ACC_DPL3 | SYS_CALL32, false, DATA0, DATA0, VEC_GP },
    { "to absent code", CALL_GATE, CODE_ABSENT, ACC_P | ACC_DPL3 | SYS_CALL32, false, DATA0,
      CODE_ABSENT, VEC_NP },
    { "jump inwards", CALL_GATE, CODE0, ACC_P | ACC_DPL3 | SYS_CALL32, true, DATA0, CODE0, VEC_GP },
    { "null inner SS", CALL_GATE, CODE0, ACC_P | ACC_DPL3 | SYS_CALL32, false, 0, 0, VEC_TS },
    { "inner SS outside", CALL_GATE, CODE0, ACC_P | ACC_DPL3 | SYS_CALL32, false, OUTSIDE, OUTSIDE,
      VEC_TS },
    { "inner SS read-only", CALL_GATE, CODE0, ACC_P | ACC_DPL3 | SYS_CALL32, false, DATA_RO,
      DATA_RO, VEC_TS },
    { "inner SS of ring 3", CALL_GATE, CODE0, ACC_P | ACC_DPL3 | SYS_CALL32, false, DATA3 | 3,
      DATA3, VEC_TS },
    { "inner SS absent", CALL_GATE, CODE0, ACC_P | ACC_DPL3 | SYS_CALL32, false, DATA_ABSENT,
      DATA_ABSENT, VEC_SS },
};

static void gate_refused(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(bad_gates); i++) {
        const struct bad_gate *row = &bad_gates[i];
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        rig_ring3(r);
        print_message("  %s\n", row->name);
        rig_put(r, AT_TSS + 8, 2, row->ss0);
        set_gate(r, row->to, AT_ELSEWHERE, row->access, 0);
        if (row->jump)
            rig_faults(r, BYTES(JMPF32(row->through, 0)), row->vector, row->error);
        else
            rig_faults(r, BYTES(CALLF32(row->through, 0)), row->vector, row->error);
    }
}

/* No room on the inner stack: #SS(new SS); a TSS too short: #TS(TSS). SDM 2, CALL "MORE-PRIVILEGE". */
static void gate_inner_stack_room(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    set_gate(r, CODE0, AT_ELSEWHERE, ACC_P | ACC_DPL3 | SYS_CALL32, 0);
    rig_desc(r, DATA_ABSENT, 0, TOP_RING0 - 16, DATA_BYTE | TYPE_DOWN, FLAG_DB);
    rig_put(r, AT_TSS + 8, 2, DATA_ABSENT);
    rig_faults(r, BYTES(CALLF32(CALL_GATE | 3, 0)), VEC_SS, DATA_ABSENT);
    r->c->s.tr.limit = 8;
    rig_faults(r, BYTES(CALLF32(CALL_GATE | 3, 0)), VEC_TS, TSS_A);
}

/* SDM 3A, "IA-32e Mode Call Gates": 64-bit code only, SS null, eight bytes a slot. */
static void gate_long(void **state)
{
    struct rig *r = *state;

    rig_long(r, 3);
    rig_put(r, AT_ELSEWHERE, 4, 0);
    rig_put(r, AT_ELSEWHERE + 4, 2, CALL_GATE | 3);
    set_gate(r, CODE64, AT_ELSEWHERE + 0x100, ACC_P | ACC_DPL3 | SYS_CALL32, 5);
    assert_true(EXEC(r, 0xff, 0x1c, 0x25, W32(AT_ELSEWHERE)));
    assert_int_equal(r->c->s.rip, AT_ELSEWHERE + 0x100);
    assert_int_equal(r->c->cpl, 0);
    assert_int_equal(SEL(r, SS), 0);
    assert_int_equal(rig_sp(r), TOP_RING0 - 32);
    assert_int_equal(rig_get(r, TOP_RING0 - 32, 8), AT_CODE + 7);
    assert_int_equal(rig_get(r, TOP_RING0 - 16, 8), TOP_STACK);
    assert_int_equal(rig_get(r, TOP_RING0 - 8, 8), DATA3 | 3);
    assert_true(EXEC(r, 0x48, 0xcb)); /* RETF, 64 bits */
    assert_int_equal(r->c->cpl, 3);
    assert_int_equal(rig_sp(r), TOP_STACK);
}

static void gate_long_refused(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    rig_put(r, AT_ELSEWHERE + 4, 2, CALL_GATE);
    set_gate(r, CODE0, AT_ELSEWHERE, ACC_P | SYS_CALL32, 0);
    rig_faults(r, BYTES(0xff, 0x1c, 0x25, W32(AT_ELSEWHERE)), VEC_GP, CODE0); /* not 64-bit code */
    set_gate(r, CODE64, UINT64_C(1) << 47, ACC_P | SYS_CALL32, 0);
    rig_faults(r, BYTES(0xff, 0x1c, 0x25, W32(AT_ELSEWHERE)), VEC_GP, 0); /* not canonical */
    set_gate(r, CODE64, AT_ELSEWHERE | UINT64_C(0xc00) << 32, ACC_P | SYS_CALL32, 0);
    rig_put(r, AT_GDT + CALL_GATE + 12, 4, 0x0c00); /* a type in the second half */
    rig_faults(r, BYTES(0xff, 0x1c, 0x25, W32(AT_ELSEWHERE)), VEC_GP, CALL_GATE);
    set_gate(r, CODE64, AT_ELSEWHERE, ACC_P | SYS_CALL16, 0);
    rig_faults(r, BYTES(0xff, 0x1c, 0x25, W32(AT_ELSEWHERE)), VEC_GP, CALL_GATE);
}

static void jmp_long_to_compat_and_back(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    rig_put(r, AT_ELSEWHERE, 4, AT_CODE + 0x100);
    rig_put(r, AT_ELSEWHERE + 4, 2, CODE0);
    assert_true(EXEC(r, 0xff, 0x2c, 0x25, W32(AT_ELSEWHERE)));
    assert_int_equal(r->c->mode, X86_MODE_COMPAT);
    assert_true(EXEC(r, JMPF32(CODE64, AT_CODE)));
    assert_int_equal(r->c->mode, X86_MODE_LONG);
    rig_put(r, AT_ELSEWHERE + 4, 2, CODE_LD); /* L and D together */
    rig_faults(r, BYTES(0xff, 0x2c, 0x25, W32(AT_ELSEWHERE)), VEC_GP, CODE_LD);
    rig_put(r, AT_ELSEWHERE + 4, 2, TSS_B); /* no tasks: SDM 3A, "Task Management in 64-bit Mode" */
    rig_faults(r, BYTES(0xff, 0x2c, 0x25, W32(AT_ELSEWHERE)), VEC_GP, TSS_B);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(jmp_real),
        TEST(jmp_real_past_limit),
        TEST(call_and_ret_real),
        TEST(call_real_stack_wraps),
        TEST(call_real_stack_straddles),
        TEST(jmp_vm86),
        TEST(jmp_direct),
        TEST(jmp_conforming_keeps_ring),
        TEST(jmp_memory_operand),
        TEST(jmp_refused),
        TEST(call_and_ret_direct),
        TEST(call_stack_past_limit),
        TEST(ret_outer),
        TEST(ret_refused),
        TEST(ret_outer_absent_stack),
        TEST(ret_outer_to_16bit_stack),
        TEST(gate_copies_parameters),
        TEST(gate16_pushes_words),
        TEST(gate_same_ring),
        TEST(gate_refused),
        TEST(gate_inner_stack_room),
        TEST(gate_long),
        TEST(gate_long_refused),
        TEST(jmp_long_to_compat_and_back),
    };

    return cmocka_run_group_tests_name("soft/far", tests, NULL, NULL);
}
