/* SPDX-License-Identifier: MIT */
/*
 * test_soft_interrupt.c - exceptions, interrupts, INT and IRET outside long mode
 *
 * What is required is in the SDM sections named at each test; bytes are assembled by hand.
 */
#include "far_rig.h"

#include <stdlib.h>
#include <string.h>

#include "engine/soft/run.h"

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

/* ---- real mode: SDM 3A, "Real-Address Mode Exceptions"; SDM 2, INT n ---------------------------- */

static void real_int_and_iret(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    rig_put(r, AT_IVT + 0x21 * 4, 2, 0x1234);
    rig_put(r, AT_IVT + 0x21 * 4 + 2, 2, 0x2000);
    r->c->s.rflags |= X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_CF | X86_RFLAGS_AC;
    assert_true(EXEC(r, 0xcd, 0x21));
    assert_int_equal(r->c->s.rip, 0x1234);
    assert_int_equal(SEL(r, CS), 0x2000);
    assert_int_equal(r->c->s.rflags, 2 | X86_RFLAGS_CF);
    assert_true(r->c->no_step);
    assert_int_equal(rig_sp(r), 0x8000 - 6);
    assert_int_equal(top(r, 2, 0), 0x102);
    assert_int_equal(top(r, 2, 1), AT_CODE >> 4);
    assert_int_equal(top(r, 2, 2), 2 | X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_CF);
    assert_true(EXEC(r, 0xcf));
    assert_int_equal(r->c->s.rip, 0x102);
    assert_int_equal(rig_sp(r), 0x8000);
    assert_int_equal(r->c->s.rflags, 2 | X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_CF);
}

/* No error code in real mode; the IP pushed is the instruction's. */
static void real_exception(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    rig_put(r, AT_IVT + VEC_GP * 4, 2, 0x777);
    assert_true(rig_deliver(r, VEC_GP, true, 0));
    assert_int_equal(r->c->s.rip, 0x777);
    assert_int_equal(rig_sp(r), 0x8000 - 6);
    assert_int_equal(top(r, 2, 0), 0x100);
}

static void real_ivt_limit(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    r->c->s.idtr.limit = 0x21 * 4 + 2;
    rig_faults(r, BYTES(0xcd, 0x21), VEC_GP, 0x21 * 8 + 2);
    rig_put(r, AT_IVT + VEC_GP * 4, 2, 0x777);
    assert_true(rig_deliver(r, 0x21, false, 0)); /* ends in #GP's handler */
    assert_int_equal(r->c->s.rip, 0x777);
}

static void real_iret32_flags(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    r->c->s.rflags |= X86_RFLAGS_VIP;
    STACK(r, 4, 0x40, 0x2000, 0xffffffff & ~X86_RFLAGS_TF & ~X86_RFLAGS_VIP);
    assert_true(EXEC(r, 0x66, 0xcf));
    assert_int_equal(r->c->s.rflags & X86_RFLAGS_VM, 0);
    assert_true(r->c->s.rflags & X86_RFLAGS_VIP); /* VM VIF VIP are not popped */
    assert_int_equal(r->c->s.rflags & X86_RFLAGS_IOPL, X86_RFLAGS_IOPL);
    assert_true(r->c->s.rflags & X86_RFLAGS_AC);
    assert_true(r->c->s.rflags & X86_RFLAGS_RF); /* survives the instruction */
}

/* ---- protected mode, same ring: SDM 3A, "Exception- or Interrupt-Handler Procedures" ------------ */

static void prot_same_ring(void **state)
{
    struct rig *r = *state;

    rig_vector(r, 0x80, CODE0, INT32);
    r->c->s.rflags |= X86_RFLAGS_IF | X86_RFLAGS_NT | X86_RFLAGS_TF;
    assert_true(EXEC(r, 0xcd, 0x80));
    assert_int_equal(r->c->s.rip, handler(0x80));
    assert_int_equal(rig_sp(r), TOP_STACK - 12);
    assert_int_equal(top(r, 4, 0), AT_CODE + 2);
    assert_int_equal(top(r, 4, 1), CODE0);
    assert_int_equal(top(r, 4, 2), 2 | X86_RFLAGS_IF | X86_RFLAGS_NT | X86_RFLAGS_TF);
    assert_int_equal(r->c->s.rflags, 2);
    assert_true(EXEC(r, 0xcf));
    assert_int_equal(rig_sp(r), TOP_STACK);
    assert_int_equal(r->c->s.rflags, 2 | X86_RFLAGS_IF | X86_RFLAGS_NT | X86_RFLAGS_TF);
}

static void prot_trap_gate_keeps_if(void **state)
{
    struct rig *r = *state;

    rig_vector(r, VEC_BP, CODE0, TRAP32);
    r->c->s.rflags |= X86_RFLAGS_IF;
    assert_true(EXEC(r, 0xcc));
    assert_int_equal(r->c->s.rflags, 2 | X86_RFLAGS_IF);
    assert_int_equal(top(r, 4, 0), AT_CODE + 1); /* a trap: the next instruction */
}

static void prot_16bit_gate(void **state)
{
    struct rig *r = *state;

    rig_gate(r, AT_IDT + VEC_GP * 8, CODE16, 0x9991234, INT16, 0);
    assert_true(rig_deliver(r, VEC_GP, true, 0x56));
    assert_int_equal(r->c->s.rip, 0x1234);
    assert_int_equal(rig_sp(r), TOP_STACK - 8);
    assert_int_equal(top(r, 2, 0), 0x56);
    assert_int_equal(top(r, 2, 2), CODE0);
}

/* Error code, RF of faults, and none of traps: SDM 3A, "Instruction-Breakpoint Exception Condition". */
static void prot_error_code_and_rf(void **state)
{
    struct rig *r = *state;

    rig_vector(r, VEC_NP, CODE0, INT32);
    rig_vector(r, VEC_DB, CODE0, INT32);
    assert_true(rig_deliver(r, VEC_NP, true, 0x128));
    assert_int_equal(top(r, 4, 0), 0x128);
    assert_int_equal(top(r, 4, 1), AT_CODE);
    assert_int_equal(top(r, 4, 3), 2 | X86_RFLAGS_RF);
    assert_false(r->c->s.rflags & X86_RFLAGS_RF);
    assert_true(rig_deliver(r, VEC_DB, false, 0));
    assert_int_equal(top(r, 4, 2), 2);
}

static void prot_debug_registers(void **state)
{
    struct rig *r = *state;

    rig_vector(r, VEC_DB, CODE0, INT32);
    r->c->s.dr6 = 0xffff0ff0 | 3;
    r->c->s.dr7 |= 0x2000; /* GD */
    r->c->stop.dr6 = X86_DR6_BS;
    soft_raise(r->c, VEC_DB);
    assert_true(soft_deliver(r->c));
    assert_int_equal(r->c->s.dr6, 0xffff0ff0 | X86_DR6_BS);
    assert_int_equal(r->c->s.dr7 & 0x2000, 0);
    soft_raise(r->c, VEC_DB);
    r->c->stop.dr6 = X86_DR6_BD;
    r->c->stop.before = true; /* a fault: RF */
    assert_true(soft_deliver(r->c));
    assert_int_equal(top(r, 4, 2), 2 | X86_RFLAGS_RF);
}

static void prot_conforming_handler(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    rig_vector(r, 0x80, CONFORMING, INT32 | ACC_DPL3);
    assert_true(EXEC(r, 0xcd, 0x80));
    assert_int_equal(r->c->cpl, 3);
    assert_int_equal(SEL(r, CS), CONFORMING | 3);
    assert_int_equal(rig_sp(r), TOP_STACK - 12);
}

/* ---- inner ring: SDM 3A, "Stack Switching" and "Protection of Handler Procedures" --------------- */

static void prot_inner_ring(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    rig_vector(r, VEC_PF, CODE0, INT32);
    soft_raise_page_fault(r->c, 0xabcdef, PF_U | PF_W);
    assert_true(soft_deliver(r->c));
    assert_int_equal(r->c->s.cr2, 0xabcdef);
    assert_int_equal(r->c->cpl, 0);
    assert_int_equal(SEL(r, SS), DATA0);
    assert_int_equal(rig_sp(r), TOP_RING0 - 24);
    assert_int_equal(top(r, 4, 0), PF_U | PF_W);
    assert_int_equal(top(r, 4, 2), CODE3 | 3);
    assert_int_equal(top(r, 4, 4), TOP_STACK);
    assert_int_equal(top(r, 4, 5), DATA3 | 3);
    assert_int_equal(SEL(r, DS), DATA3 | 3); /* data segments stay */
    r->c->s.gpr[X86_RSP] += 4;
    assert_true(EXEC(r, 0xcf));
    assert_int_equal(r->c->cpl, 3);
    assert_int_equal(rig_sp(r), TOP_STACK);
}

static void prot_ring1_handler(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    rig_vector(r, 0x80, CODE1, INT32 | ACC_DPL3);
    assert_true(EXEC(r, 0xcd, 0x80));
    assert_int_equal(r->c->cpl, 1);
    assert_int_equal(SEL(r, SS), DATA1 | 1);
    assert_int_equal(rig_sp(r), TOP_RING1 - 20);
}

static const struct bad_int {
    const char *name;
    uint16_t code, ss0;
    uint8_t access, vector;
    uint32_t error;
} bad_ints[] = {
    { "gate of ring 0", CODE0, DATA0, INT32, VEC_GP, 0x80 * 8 + 2 },
    { "no gate", 0, 0, 0, VEC_GP, 0x80 * 8 + 2 },
    { "call gate", CODE0, DATA0, ACC_P | ACC_DPL3 | SYS_CALL32, VEC_GP, 0x80 * 8 + 2 },
    { "gate absent", CODE0, DATA0, SYS_INT32 | ACC_DPL3, VEC_NP, 0x80 * 8 + 2 },
    { "null code", 0, DATA0, INT32 | ACC_DPL3, VEC_GP, 0 },
    { "code outside", OUTSIDE, DATA0, INT32 | ACC_DPL3, VEC_GP, OUTSIDE },
    { "code is data", DATA0, DATA0, INT32 | ACC_DPL3, VEC_GP, DATA0 },
    { "code absent", CODE_ABSENT, DATA0, INT32 | ACC_DPL3, VEC_NP, CODE_ABSENT },
    { "past the limit", CODE_SMALL, DATA0, INT32 | ACC_DPL3, VEC_GP, 0 },
    { "null stack", CODE0, 0, INT32 | ACC_DPL3, VEC_TS, 0 },
    { "stack outside", CODE0, OUTSIDE, INT32 | ACC_DPL3, VEC_TS, OUTSIDE },
    { "stack absent", CODE0, DATA_ABSENT, INT32 | ACC_DPL3, VEC_SS, DATA_ABSENT },
    { "task gate to code", CODE0, DATA0, TASK | ACC_DPL3, VEC_GP, CODE0 },
    { "task gate to a busy task", TSS_A, DATA0, TASK | ACC_DPL3, VEC_GP, TSS_A },
    { "task gate to an absent task", TSS_ABSENT, DATA0, TASK | ACC_DPL3, VEC_NP, TSS_ABSENT },
};

static void prot_int_refused(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(bad_ints); i++) {
        const struct bad_int *row = &bad_ints[i];
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        rig_ring3(r);
        print_message("  %s\n", row->name);
        rig_vector(r, 0x80, row->code, row->access);
        rig_put(r, AT_TSS + 8, 2, row->ss0);
        rig_faults(r, BYTES(0xcd, 0x80), row->vector, row->error);
    }
}

/* The same for an exception: EXT is set, and its gate's DPL does not count. SDM 3A, "Error Code". */
static void prot_ext_bit(void **state)
{
    struct rig *r = *state;

    rig_ring3(r);
    rig_vector(r, VEC_UD, CODE_ABSENT, INT32);
    rig_vector(r, VEC_NP, CODE0, INT32);
    assert_true(rig_deliver(r, VEC_UD, false, 0)); /* benign, then #NP: one after the other */
    assert_int_equal(r->c->s.rip, handler(VEC_NP));
    assert_int_equal(top(r, 4, 0), CODE_ABSENT | 1);
    assert_int_equal(top(r, 4, 1), AT_CODE);
}

static void prot_idt_limit(void **state)
{
    struct rig *r = *state;

    r->c->s.idtr.limit = 0x80 * 8 + 6;
    rig_faults(r, BYTES(0xcd, 0x80), VEC_GP, 0x80 * 8 + 2);
}

static void prot_into_and_int1(void **state)
{
    struct rig *r = *state;

    assert_true(EXEC(r, 0xce)); /* OF clear: nothing */
    assert_int_equal(r->c->s.rip, AT_CODE + 1);
    rig_vector(r, VEC_OF, CODE0, INT32);
    r->c->s.rflags |= X86_RFLAGS_OF;
    assert_true(EXEC(r, 0xce));
    assert_int_equal(r->c->s.rip, handler(VEC_OF));
    rig_ring3(r);
    rig_vector(r, VEC_DB, CODE0, INT32); /* of ring 0, yet INT1 goes through */
    assert_true(EXEC(r, 0xf1));
    assert_int_equal(r->c->cpl, 0);
}

static void prot_external(void **state)
{
    struct rig *r = *state;

    rig_vector(r, 0x40, CODE0, INT32);
    rig_vector(r, VEC_NMI, CODE0, INT32);
    r->c->s.rflags |= X86_RFLAGS_IF;
    assert_true(soft_interrupt(r->c, 0x40));
    assert_int_equal(r->c->s.rip, handler(0x40));
    assert_int_equal(top(r, 4, 0), AT_CODE);
    assert_false(r->c->s.events.nmi_masked);
    assert_true(soft_interrupt(r->c, VEC_NMI));
    assert_true(r->c->s.events.nmi_masked); /* until IRET: SDM 3A, "Handling Multiple NMIs" */
    assert_true(EXEC(r, 0xcf));
    assert_false(r->c->s.events.nmi_masked);
}

/*
 * Single steps, as the whole loop takes them: #DB after the instruction, none after INT n, and one at the
 * first instruction of a task whose TSS has T set. SDM 3A, "Single-Step Exception Condition".
 */
static void prot_single_steps(void **state)
{
    static const uint8_t code[] = { 0x90, 0xcd, 0x80 }; /* NOP, INT 80h */
    const struct x86_cpuid_config config = { .ncpus = 1, .phys_bits = 46 };
    struct x86_cpuid_model model;
    struct rig *r = *state;

    soft_host_model(&model, &config);
    assert_int_equal(soft_sys_init(r->c, &model, NULL, NULL), 0);
    r->c->code = soft_code_new();
    rig_vector(r, VEC_DB, CODE0, INT32);
    rig_vector(r, 0x80, CODE0, INT32);
    memcpy(r->ram + AT_CODE, code, sizeof(code));
    r->c->s.rflags |= X86_RFLAGS_TF;
    assert_true(soft_step(r->c));
    assert_int_equal(r->c->s.rip, handler(VEC_DB));
    assert_int_equal(top(r, 4, 0), AT_CODE + 1);
    assert_true(r->c->s.dr6 & X86_DR6_BS);
    rig_put(r, (uint32_t)handler(VEC_DB), 1, 0xcf);
    assert_true(soft_step(r->c)); /* IRET brings TF back, and does not trap itself */
    assert_int_equal(r->c->s.rip, AT_CODE + 1);
    assert_true(soft_step(r->c));
    assert_int_equal(r->c->s.rip, handler(0x80));
    assert_int_equal(rig_sp(r), TOP_STACK - 12);
    free(r->c->code);
}

/* ---- task gates: SDM 3A, "Interrupt Tasks" ------------------------------------------------------ */

static void prot_task_gate(void **state)
{
    struct rig *r = *state;

    rig_put(r, AT_TSS_B + 0x20, 4, AT_ELSEWHERE);
    rig_put(r, AT_TSS_B + 0x24, 4, 2);
    rig_put(r, AT_TSS_B + 0x38, 4, TOP_RING1);
    rig_put(r, AT_TSS_B + 0x4c, 2, CODE0);
    rig_put(r, AT_TSS_B + 0x50, 2, DATA0);
    rig_vector(r, VEC_DF, TSS_B, TASK);
    assert_true(rig_deliver(r, VEC_DF, true, 0x30));
    assert_int_equal(r->c->s.rip, AT_ELSEWHERE);
    assert_int_equal(rig_sp(r), TOP_RING1 - 4);
    assert_int_equal(top(r, 4, 0), 0x30);
    assert_true(r->c->s.rflags & X86_RFLAGS_NT);
    assert_int_equal(rig_get(r, AT_TSS + 0x20, 4), AT_CODE);
    assert_int_equal(rig_get(r, AT_TSS_B, 2), TSS_A);
    r->c->s.gpr[X86_RSP] += 4;
    assert_true(EXEC(r, 0xcf));
    assert_int_equal(r->c->s.rip, AT_CODE);
    assert_int_equal(rig_sp(r), TOP_STACK);
}

/* ---- virtual-8086 mode: SDM 3A, "Entering and Leaving Virtual-8086 Mode" ------------------------ */

static void vm86_round_trip(void **state)
{
    struct rig *r = *state;

    rig_vm86(r, 3);
    rig_vector(r, 0x80, CODE0, INT32 | ACC_DPL3);
    assert_true(EXEC(r, 0xcd, 0x80));
    assert_int_equal(r->c->mode, X86_MODE_PROT32);
    assert_int_equal(r->c->cpl, 0);
    assert_int_equal(rig_sp(r), TOP_RING0 - 36);
    assert_int_equal(top(r, 4, 0), 0x102);
    assert_int_equal(top(r, 4, 1), AT_CODE >> 4);
    assert_int_equal(top(r, 4, 2), 2 | X86_RFLAGS_VM | X86_RFLAGS_IOPL);
    assert_int_equal(top(r, 4, 3), 0x800);
    assert_int_equal(top(r, 4, 4), 0x3002);
    assert_int_equal(top(r, 4, 5), 0x3000);
    assert_int_equal(top(r, 4, 6), 0x3003);
    assert_int_equal(top(r, 4, 7), 0x3004);
    assert_int_equal(top(r, 4, 8), 0x3005);
    assert_true(r->c->s.seg[X86_DS].unusable);
    assert_int_equal(SEL(r, GS), 0);
    assert_true(EXEC(r, 0xcf));
    assert_int_equal(r->c->mode, X86_MODE_VM86);
    assert_int_equal(r->c->s.rip, 0x102);
    assert_int_equal(rig_sp(r), 0x800);
    assert_int_equal(r->c->s.seg[X86_FS].base, 0x30040);
    assert_int_equal(r->c->s.seg[X86_FS].limit, 0xffff);
    assert_int_equal(r->c->cpl, 3);
}

/* IOPL below 3: INT n and IRET are the monitor's, INT3 is not. SDM 3A, "Sensitive Instructions". */
static void vm86_iopl(void **state)
{
    struct rig *r = *state;

    rig_vm86(r, 2);
    rig_vector(r, VEC_BP, CODE0, INT32 | ACC_DPL3);
    rig_faults(r, BYTES(0xcd, 0x80), VEC_GP, 0);
    rig_faults(r, BYTES(0xcf), VEC_GP, 0);
    assert_true(EXEC(r, 0xcc));
    assert_int_equal(r->c->cpl, 0);
}

/* The handler must be nonconforming code of ring 0: #GP(CS). */
static void vm86_bad_handler(void **state)
{
    struct rig *r = *state;

    rig_vm86(r, 3);
    rig_vector(r, 0x80, CONFORMING, INT32 | ACC_DPL3);
    rig_faults(r, BYTES(0xcd, 0x80), VEC_GP, CONFORMING);
    rig_vector(r, 0x80, CODE1, INT32 | ACC_DPL3);
    rig_faults(r, BYTES(0xcd, 0x80), VEC_GP, CODE1);
}

static void vm86_iret_stays(void **state)
{
    struct rig *r = *state;

    rig_vm86(r, 3);
    STACK(r, 2, 0x40, 0x2000, X86_RFLAGS_IF | X86_RFLAGS_CF);
    assert_true(EXEC(r, 0xcf));
    assert_int_equal(r->c->mode, X86_MODE_VM86);
    assert_int_equal(r->c->s.seg[X86_CS].base, 0x20000);
    assert_int_equal(r->c->s.rflags & X86_RFLAGS_IOPL, X86_RFLAGS_IOPL); /* not popped */
    assert_true(r->c->s.rflags & X86_RFLAGS_IF);
}

/* SDM 2, IRET "RETURN-TO-VIRTUAL-8086-MODE": IP beyond 64 KiB. */
static void vm86_entry_past_limit(void **state)
{
    struct rig *r = *state;

    STACK(r, 4, 0x10000, 0x1000, 2 | X86_RFLAGS_VM, 0x800, 0x3000, 0, 0, 0, 0);
    rig_faults(r, BYTES(0xcf), VEC_GP, 0);
}

/* ---- IRET's flags: SDM 2, IRET ------------------------------------------------------------------ */

static const struct flags_row {
    const char *name;
    uint8_t cpl, iopl;
    bool wide;
    uint64_t gained; /* of all that the image sets */
} flag_rows[] = {
    { "ring 0, 32 bits", 0, 0, true, 0x3d7fd5 & ~X86_RFLAGS_VM },
    { "ring 0, 16 bits", 0, 0, false, 0x7fd5 },
    { "ring 3, IOPL 0", 3, 0, true, 0x254dd5 },
    { "ring 3, IOPL 3", 3, 3, true, 0x257fd5 },
};

static void iret_flags(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(flag_rows); i++) {
        const struct flags_row *row = &flag_rows[i];
        unsigned cs = row->cpl == 0 ? CODE0 : CODE3 | 3;
        uint64_t image = 0x3f7fd5 & ~X86_RFLAGS_VM;
        struct rig *r;

        rig_teardown(state);
        rig_setup(state);
        r = *state;
        if (row->cpl == 3)
            rig_ring3(r);
        print_message("  %s\n", row->name);
        r->c->s.rflags = 2 | (uint64_t)row->iopl << 12;
        if (row->wide) {
            STACK(r, 4, AT_CODE, cs, image);
            assert_true(EXEC(r, 0xcf));
        } else {
            STACK(r, 2, 0x1000, cs, image);
            assert_true(EXEC(r, 0x66, 0xcf));
        }
        assert_int_equal(r->c->s.rflags, row->gained | 2);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(real_int_and_iret),
        TEST(real_exception),
        TEST(real_ivt_limit),
        TEST(real_iret32_flags),
        TEST(prot_same_ring),
        TEST(prot_trap_gate_keeps_if),
        TEST(prot_16bit_gate),
        TEST(prot_error_code_and_rf),
        TEST(prot_debug_registers),
        TEST(prot_conforming_handler),
        TEST(prot_inner_ring),
        TEST(prot_ring1_handler),
        TEST(prot_int_refused),
        TEST(prot_ext_bit),
        TEST(prot_idt_limit),
        TEST(prot_into_and_int1),
        TEST(prot_external),
        TEST(prot_single_steps),
        TEST(prot_task_gate),
        TEST(vm86_round_trip),
        TEST(vm86_iopl),
        TEST(vm86_bad_handler),
        TEST(vm86_iret_stays),
        TEST(vm86_entry_past_limit),
        TEST(iret_flags),
    };

    return cmocka_run_group_tests_name("soft/interrupt", tests, NULL, NULL);
}
