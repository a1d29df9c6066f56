/* SPDX-License-Identifier: MIT */
/*
 * test_soft_long.c - interrupts in long mode, double and triple faults, fast system calls
 *
 * What is required is in the SDM sections named at each test; bytes are assembled by hand.
 */
#include "far_rig.h"

enum {
    INT32 = ACC_P | SYS_INT32,
    TRAP32 = ACC_P | SYS_TRAP32,
    INT16 = ACC_P | SYS_INT16,
    TRAP16 = ACC_P | SYS_TRAP16,
    TASK = ACC_P | SYS_TASK,
};

static uint64_t handler(unsigned vector)
{
    return AT_HANDLERS + vector * 16;
}

static uint64_t top(const struct rig *r, unsigned width, unsigned slot)
{
    return rig_get(r, (uint32_t)(r->c->s.seg[X86_SS].base + rig_sp(r) + slot * width), width);
}

/* ---- long mode: SDM 3A, "64-Bit Mode Stack Frame", "Interrupt Stack Table", "IRET in IA-32e Mode" - */

static void long_same_ring(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    r->c->s.gpr[X86_RSP] = TOP_STACK - 4;
    rig_vector(r, VEC_GP, CODE64, INT32);
    assert_true(rig_deliver(r, VEC_GP, true, 0x10));
    assert_int_equal(rig_sp(r), TOP_STACK - 16 - 48); /* aligned first */
    assert_int_equal(top(r, 8, 0), 0x10);
    assert_int_equal(top(r, 8, 1), AT_CODE);
    assert_int_equal(top(r, 8, 2), CODE64);
    assert_int_equal(top(r, 8, 4), TOP_STACK - 4);
    assert_int_equal(top(r, 8, 5), DATA0);
    assert_int_equal(SEL(r, SS), DATA0); /* unchanged */
    r->c->s.gpr[X86_RSP] += 8;
    assert_true(EXEC(r, 0x48, 0xcf));
    assert_int_equal(rig_sp(r), TOP_STACK - 4);
}

static void long_inner_ring(void **state)
{
    struct rig *r = *state;

    rig_long(r, 3);
    rig_vector(r, VEC_UD, CODE64, INT32);
    assert_true(rig_deliver(r, VEC_UD, false, 0));
    assert_int_equal(r->c->cpl, 0);
    assert_int_equal(SEL(r, SS), 0);
    assert_int_equal(rig_sp(r), TOP_RING0 - 40);
    assert_int_equal(top(r, 8, 4), DATA3 | 3);
    assert_true(EXEC(r, 0x48, 0xcf));
    assert_int_equal(r->c->cpl, 3);
    assert_int_equal(SEL(r, SS), DATA3 | 3);
}

static void long_from_compat(void **state)
{
    struct rig *r = *state;

    rig_long(r, 3);
    rig_seg(r, X86_CS, CODE3 | 3);
    soft_mode_changed(r->c);
    rig_vector(r, 0x80, CODE64, INT32 | ACC_DPL3);
    assert_true(EXEC(r, 0xcd, 0x80));
    assert_int_equal(r->c->mode, X86_MODE_LONG);
    assert_int_equal(rig_sp(r), TOP_RING0 - 40);
    assert_true(EXEC(r, 0x48, 0xcf));
    assert_int_equal(r->c->mode, X86_MODE_COMPAT);
    assert_int_equal(rig_sp(r), TOP_STACK);
}

static void long_ist(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    rig_vector(r, VEC_DF, CODE64, INT32);
    rig_put(r, AT_IDT + VEC_DF * 16 + 4, 1, 1);
    assert_true(rig_deliver(r, VEC_DF, true, 0));
    assert_int_equal(rig_sp(r), (TOP_IST & ~15) - 48);
    assert_int_equal(SEL(r, SS), DATA0);
    assert_int_equal(top(r, 8, 4), TOP_STACK);
    r->c->s.tr.limit = 0x24 + 6; /* IST1 is cut: #TS on the way to #DF */
    assert_false(rig_deliver(r, VEC_DF, true, 0));
    assert_int_equal(r->c->vcpu->exit.kind, EXIT_SHUTDOWN);
    assert_string_equal(r->c->vcpu->exit.detail, "#TS while the double-fault handler was called");
}

static const struct bad_long {
    const char *name;
    uint16_t code;
    uint8_t access;
    uint64_t offset, rsp0;
    uint8_t vector;
    uint32_t error;
} bad_longs[] = {
    { "16-bit gate", CODE64, INT16 | ACC_DPL3, 0x1000, TOP_RING0, VEC_GP, 0x402 },
    { "task gate", TSS_B, TASK | ACC_DPL3, 0, TOP_RING0, VEC_GP, 0x402 },
    { "32-bit code", CODE0, INT32 | ACC_DPL3, 0x1000, TOP_RING0, VEC_GP, CODE0 },
    { "not canonical", CODE64, INT32 | ACC_DPL3, UINT64_C(1) << 47, TOP_RING0, VEC_GP, 0 },
    { "stack not canonical", CODE64, INT32 | ACC_DPL3, 0x1000, UINT64_C(0x800000000100), VEC_SS,
      0 },
};

static void long_int_refused(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(bad_longs); i++) {
        const struct bad_long *row = &bad_longs[i];
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        rig_long(r, 3);
        print_message("  %s\n", row->name);
        rig_gate(r, AT_IDT + 0x80 * 16, row->code, row->offset, row->access, 0);
        rig_put(r, AT_TSS + 4, 8, row->rsp0);
        rig_faults(r, BYTES(0xcd, 0x80), row->vector, row->error);
    }
}

/* In 64-bit mode IRET always pops SS:RSP; null is good for 64-bit code below ring 3. */
static void long_iret_null_stack(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    STACK(r, 8, AT_ELSEWHERE, CODE64, 2, TOP_RING1, 0);
    assert_true(EXEC(r, 0x48, 0xcf));
    assert_int_equal(rig_sp(r), TOP_RING1);
    assert_true(r->c->s.seg[X86_SS].unusable);
    assert_int_equal(r->c->cpl, 0);
    STACK(r, 8, AT_ELSEWHERE, CODE64_3 | 3, 2, TOP_RING1, 0);
    rig_faults(r, BYTES(0x48, 0xcf), VEC_GP, 0);
}

static void long_iret_refused(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    STACK(r, 8, UINT64_C(1) << 47, CODE64, 2, TOP_RING1, DATA0);
    rig_faults(r, BYTES(0x48, 0xcf), VEC_GP, 0);
    STACK(r, 8, AT_ELSEWHERE, CODE_LD, 2, TOP_RING1, DATA0);
    rig_faults(r, BYTES(0x48, 0xcf), VEC_GP, CODE_LD);
    r->c->s.rflags |= X86_RFLAGS_NT; /* no tasks */
    rig_faults(r, BYTES(0x48, 0xcf), VEC_GP, 0);
}

/* SDM 3A, "Handling Multiple NMIs": the blocking ends even if IRET faults. */
static void iret_fault_unmasks_nmi(void **state)
{
    struct rig *r = *state;

    r->c->s.events.nmi_masked = true;
    STACK(r, 4, 0, 0, 2);
    assert_false(EXEC(r, 0xcf));
    assert_int_equal(r->c->stop.vector, VEC_GP);
    assert_false(r->c->s.events.nmi_masked);
}

/* ---- double and triple faults: SDM 3A, "Conditions for Generating a Double Fault" --------------- */

static const struct double_row {
    uint8_t first, second; /* what delivering the first raises */
    uint8_t handled;       /* whose handler runs in the end */
} doubles[] = {
    { VEC_UD, VEC_GP, VEC_GP }, { VEC_UD, VEC_PF, VEC_PF }, { VEC_GP, VEC_GP, VEC_DF },
    { VEC_GP, VEC_NP, VEC_DF }, { VEC_GP, VEC_PF, VEC_PF }, { VEC_PF, VEC_GP, VEC_DF },
    { VEC_PF, VEC_PF, VEC_DF }, { VEC_DE, VEC_NP, VEC_DF }, { VEC_DB, VEC_NP, VEC_NP },
};

static void double_faults(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(doubles); i++) {
        const struct double_row *row = &doubles[i];
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        print_message("  %s on the way to %s\n", x86_exception_name(row->second),
                      x86_exception_name(row->first));
        rig_long(r, 0);
        for (unsigned v = 0; v < 32; v++)
            rig_vector(r, v, CODE64, INT32);
        /* The first one's gate leads nowhere, in the way that is wanted; IST 2 is not mapped. */
        if (row->second == VEC_GP)
            rig_vector(r, row->first, DATA0, INT32);
        else if (row->second == VEC_NP)
            rig_vector(r, row->first, CODE64, SYS_INT32);
        else
            rig_put(r, AT_IDT + row->first * 16 + 4, 1, 2);
        rig_put(r, AT_TSS + 0x2c, 8, AT_ABSENT + 0x1000);
        rig_put(r, AT_TABLES + 0x2008, 8, 0);
        assert_true(rig_deliver(r, row->first, row->first == VEC_PF || row->first == VEC_GP, 0));
        assert_int_equal(r->c->s.rip, handler(row->handled));
        if (row->handled == VEC_DF)
            assert_int_equal(top(r, 8, 0), 0);
        if (row->second == VEC_PF)
            assert_int_equal(r->c->s.cr2, AT_ABSENT + 0x1000 - 8);
    }
}

static void triple_fault(void **state)
{
    struct rig *r = *state;

    rig_vector(r, VEC_GP, DATA0, INT32);
    assert_false(rig_deliver(r, VEC_GP, true, 0)); /* #DF has no gate */
    assert_int_equal(r->c->stop.kind, SOFT_EXIT);
    assert_int_equal(r->c->vcpu->exit.kind, EXIT_SHUTDOWN);
    assert_int_equal(r->c->vcpu->exit.rip, AT_CODE);
    assert_non_null(r->c->vcpu->exit.detail);
    assert_int_equal(r->c->s.rip, AT_CODE);
    assert_int_equal(rig_sp(r), TOP_STACK);
    assert_int_equal(SEL(r, CS), CODE0);
    assert_int_equal(r->c->naccesses, 0);
}

/* GAP of exception.c: a stack outside memory loses what is pushed; nobody is asked, nothing hangs. */
static void deliver_to_no_memory(void **state)
{
    struct rig *r = *state;

    rig_vector(r, VEC_UD, CODE0, INT32);
    r->c->s.gpr[X86_RSP] = 0xf0000000;
    assert_true(rig_deliver(r, VEC_UD, false, 0));
    assert_int_equal(rig_sp(r), 0xf0000000 - 12);
    assert_int_equal(r->c->naccesses, 0);
    r->c->s.idtr.base = 0xf0000000; /* all ones: a present gate of a type that no gate has */
    assert_false(rig_deliver(r, VEC_UD, false, 0));
    assert_int_equal(r->c->vcpu->exit.kind, EXIT_SHUTDOWN);
}

/* #AC on the stack of #AC's handler in ring 3 would go round for ever. SDM 3A, "Alignment Check". */
static void benign_loop_ends(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    rig_vector(r, VEC_AC, CODE3, INT32);
    r->c->s.cr0 |= X86_CR0_AM;
    r->c->s.rflags |= X86_RFLAGS_AC;
    r->c->s.gpr[X86_RSP] = TOP_STACK - 1;
    assert_true(rig_deliver(r, VEC_AC, true, 0));
    assert_int_equal(r->c->s.rip, AT_CODE);
}

/* SDM 3A, "Access Rights": tables are implicit accesses, which SMAP keeps off user pages in spite of AC. */
static void smap_tables(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    r->c->s.cr4 |= X86_CR4_SMAP;
    r->c->s.rflags |= X86_RFLAGS_AC;
    soft_mode_changed(r->c);
    assert_false(EXEC(r, 0xcd, 0x80));
    assert_int_equal(r->c->stop.vector, VEC_PF);
    assert_int_equal(r->c->stop.cr2, AT_IDT + 0x800);
    assert_int_equal(r->c->stop.error, PF_P);
}

/* ---- SYSCALL and kin: SDM 2, their pages -------------------------------------------------------- */

static void syscall_and_sysret(void **state)
{
    struct rig *r = *state;

    rig_long(r, 3);
    r->c->msrs.star = (uint64_t)0x33 << 48 | (uint64_t)0x13 << 32;
    r->c->msrs.lstar = UINT64_C(0xffff800000001234);
    r->c->msrs.fmask = X86_RFLAGS_IF | X86_RFLAGS_TF;
    r->c->s.rflags |= X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_CF;
    assert_true(EXEC(r, 0x0f, 0x05));
    assert_int_equal(r->c->s.gpr[X86_RCX], AT_CODE + 2);
    assert_int_equal(r->c->s.gpr[X86_R11], 2 | X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_CF);
    assert_int_equal(r->c->s.rflags, 2 | X86_RFLAGS_CF);
    assert_int_equal(r->c->s.rip, UINT64_C(0xffff800000001234));
    assert_int_equal(SEL(r, CS), 0x10);
    assert_int_equal(SEL(r, SS), 0x1b);
    assert_int_equal(r->c->cpl, 0);
    assert_true(r->c->no_step);
    assert_int_equal(rig_sp(r), TOP_STACK);
    r->c->s.rip = AT_CODE;
    r->c->s.gpr[X86_R11] = X86_RFLAGS_IF | X86_RFLAGS_RF | X86_RFLAGS_VM | X86_RFLAGS_TF;
    assert_true(EXEC(r, 0x48, 0x0f, 0x07));
    assert_int_equal(r->c->s.rflags, 2 | X86_RFLAGS_IF | X86_RFLAGS_TF);
    assert_int_equal(r->c->trap_dr6, X86_DR6_BS);
    assert_int_equal(SEL(r, CS), 0x43);
    assert_int_equal(SEL(r, SS), 0x3b);
    assert_int_equal(r->c->s.rip, AT_CODE + 2);
    assert_int_equal(r->c->mode, X86_MODE_LONG);
    assert_int_equal(r->c->cpl, 3);
}

/* Where CPUID names AMD; Intel's CPUs have it in 64-bit mode only. */
static void syscall_in_compat(void **state)
{
    struct x86_cpuid_model model = { .features = UINT64_MAX, .intel = true };
    struct rig *r = *state;

    r->c->sys.model = &model;
    rig_long(r, 3);
    r->c->s.seg[X86_CS].l = false;
    r->c->s.seg[X86_CS].db = true;
    soft_mode_changed(r->c);
    r->c->msrs.star = (uint64_t)0x13 << 32;
    r->c->msrs.lstar = UINT64_C(0xffff800000001234);
    r->c->msrs.cstar = UINT64_C(0xffff800000005678);
    rig_faults(r, BYTES(0x0f, 0x05), VEC_UD, 0);
    model.intel = false;
    r->c->s.gpr[X86_RCX] = UINT64_MAX;
    assert_true(EXEC(r, 0x0f, 0x05));
    assert_int_equal(r->c->s.rip, UINT64_C(0xffff800000005678));
    assert_int_equal(r->c->s.gpr[X86_RCX], AT_CODE + 2);
    assert_int_equal(r->c->mode, X86_MODE_LONG);
    assert_int_equal(SEL(r, CS), 0x10);
    assert_int_equal(r->c->cpl, 0);
}

/* Where CPUID names AMD there they are without long mode, and EFER.SCE switches them on all the same. */
static void syscall_in_protected_mode(void **state)
{
    struct x86_cpuid_model model = { .features = UINT64_MAX };
    struct rig *r = *state;

    rig_ring3(r);
    r->c->sys.model = &model;
    rig_faults(r, BYTES(0x0f, 0x05), VEC_UD, 0);
    r->c->s.efer |= X86_EFER_SCE;
    rig_faults(r, BYTES(0x0f, 0x07), VEC_GP, 0);
    r->c->msrs.star = (uint64_t)0x18000b << 32 | AT_ELSEWHERE;
    r->c->s.rflags |= X86_RFLAGS_IF;
    r->c->s.gpr[X86_R11] = 0x1111;
    assert_true(EXEC(r, 0x0f, 0x05));
    assert_int_equal(r->c->s.rip, AT_ELSEWHERE);
    assert_int_equal(r->c->s.gpr[X86_RCX], AT_CODE + 2);
    assert_int_equal(r->c->s.gpr[X86_R11], 0x1111);
    assert_int_equal(SEL(r, CS), 8);
    assert_int_equal(SEL(r, SS), 0x10);
    assert_int_equal(r->c->cpl, 0);
    assert_int_equal(r->c->mode, X86_MODE_PROT32);
    assert_false(r->c->s.rflags & X86_RFLAGS_IF);
}

static void sysret_to_compat(void **state)
{
    struct rig *r = *state;

    rig_long(r, 0);
    r->c->msrs.star = (uint64_t)0x30 << 48;
    r->c->s.gpr[X86_RCX] = UINT64_C(0x7777777700012345);
    assert_true(EXEC(r, 0x0f, 0x07));
    assert_int_equal(r->c->s.rip, 0x12345);
    assert_int_equal(SEL(r, CS), 0x33);
    assert_int_equal(r->c->mode, X86_MODE_COMPAT);
    assert_int_equal(r->c->code_bits, 32);
}

static void syscall_refused(void **state)
{
    struct x86_cpuid_model model = { .features = UINT64_MAX, .intel = true };
    struct rig *r = *state;

    r->c->sys.model = &model;
    rig_faults(r, BYTES(0x0f, 0x05), VEC_UD, 0); /* not in 64-bit mode */
    rig_faults(r, BYTES(0x0f, 0x07), VEC_UD, 0);
    rig_long(r, 0);
    r->c->s.gpr[X86_RCX] = UINT64_C(1) << 47;
    rig_faults(r, BYTES(0x48, 0x0f, 0x07), VEC_GP, 0);
    r->c->s.efer &= ~(uint64_t)X86_EFER_SCE;
    rig_faults(r, BYTES(0x0f, 0x05), VEC_UD, 0);
    rig_faults(r, BYTES(0x0f, 0x07), VEC_UD, 0);
    rig_long(r, 3);
    rig_faults(r, BYTES(0x0f, 0x07), VEC_GP, 0);
}

static void sysenter_and_sysexit(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    r->c->msrs.sysenter_cs = 0xb; /* RPL is ignored */
    r->c->msrs.sysenter_esp = TOP_RING0;
    r->c->msrs.sysenter_eip = AT_ELSEWHERE;
    r->c->s.rflags |= X86_RFLAGS_IF;
    assert_true(EXEC(r, 0x0f, 0x34));
    assert_int_equal(r->c->s.rip, AT_ELSEWHERE);
    assert_int_equal(rig_sp(r), TOP_RING0);
    assert_int_equal(SEL(r, CS), 8);
    assert_int_equal(SEL(r, SS), 0x10);
    assert_int_equal(r->c->cpl, 0);
    assert_int_equal(r->c->s.rflags, 2);
    r->c->msrs.sysenter_cs = 8;
    r->c->s.gpr[X86_RDX] = 0x1234;
    r->c->s.gpr[X86_RCX] = 0x5678;
    assert_true(EXEC(r, 0x0f, 0x35));
    assert_int_equal(SEL(r, CS), 0x1b);
    assert_int_equal(SEL(r, SS), 0x23);
    assert_int_equal(r->c->s.rip, 0x1234);
    assert_int_equal(rig_sp(r), 0x5678);
    rig_faults(r, BYTES(0x0f, 0x35), VEC_GP, 0); /* ring 3 */
}

static void sysenter_long(void **state)
{
    struct rig *r = *state;

    rig_long(r, 3);
    r->c->msrs.sysenter_cs = 8;
    r->c->msrs.sysenter_esp = UINT64_C(0xffff800000000100);
    r->c->msrs.sysenter_eip = UINT64_C(0xffff800000001234);
    assert_true(EXEC(r, 0x0f, 0x34));
    assert_int_equal(r->c->s.rip, UINT64_C(0xffff800000001234));
    assert_int_equal(rig_sp(r), UINT64_C(0xffff800000000100));
    assert_int_equal(r->c->mode, X86_MODE_LONG);
    r->c->s.rip = AT_CODE;
    r->c->s.gpr[X86_RDX] = UINT64_C(1) << 47;
    rig_faults(r, BYTES(0x48, 0x0f, 0x35), VEC_GP, 0);
    r->c->s.gpr[X86_RDX] = 0x1234;
    assert_true(EXEC(r, 0x48, 0x0f, 0x35));
    assert_int_equal(SEL(r, CS), 0x2b);
    assert_int_equal(SEL(r, SS), 0x33);
    assert_int_equal(r->c->mode, X86_MODE_LONG);
}

static void sysenter_refused(void **state)
{
    struct rig *r = *state;

    r->c->msrs.sysenter_cs = 3; /* null */
    rig_faults(r, BYTES(0x0f, 0x34), VEC_GP, 0);
    rig_faults(r, BYTES(0x0f, 0x35), VEC_GP, 0);
    rig_real(r);
    r->c->msrs.sysenter_cs = 8;
    rig_faults(r, BYTES(0x0f, 0x34), VEC_GP, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(long_same_ring),       TEST(long_inner_ring),
        TEST(long_from_compat),     TEST(long_ist),
        TEST(long_int_refused),     TEST(long_iret_null_stack),
        TEST(long_iret_refused),    TEST(iret_fault_unmasks_nmi),
        TEST(double_faults),        TEST(triple_fault),
        TEST(deliver_to_no_memory), TEST(benign_loop_ends),
        TEST(smap_tables),          TEST(syscall_and_sysret),
        TEST(syscall_in_compat),    TEST(syscall_in_protected_mode),
        TEST(sysret_to_compat),     TEST(syscall_refused),
        TEST(sysenter_and_sysexit), TEST(sysenter_long),
        TEST(sysenter_refused),
    };

    return cmocka_run_group_tests_name("soft/long", tests, NULL, NULL);
}
