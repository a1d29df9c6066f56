/* SPDX-License-Identifier: MIT */
/*
 * test_soft_io.c - ports: who may, what the monitor is asked, and how an instruction goes on after it
 *
 * Source: SDM 1 "Protected-Mode I/O" ("I/O Permission Bit Map").
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "soft_int_rig.h"

enum { DATA = WINDOW + WINDOW_DATA, MAP = 0x68, MMIO_PTE = 9 };

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return -1;
    rig_open(r);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

/* Ring 3 with IOPL 3: every port. */
static void open_ports(struct rig *r)
{
    rig_mode(r, X86_CODE_64);
    r->c->s.rflags |= X86_RFLAGS_IOPL;
}

static void asked_for(struct rig *r, bool write, uint64_t port, unsigned width, uint64_t data)
{
    const struct cpu_exit *x = &r->c->vcpu->exit;

    assert_int_equal(r->c->stop.kind, SOFT_EXIT);
    assert_int_equal(x->kind, EXIT_PIO);
    assert_int_equal(x->write, write);
    assert_int_equal(x->addr, port);
    assert_int_equal(x->width, width);
    assert_int_equal(x->data, data);
    assert_int_equal(x->rip, WINDOW);
}

static void test_in_widths(void **state)
{
    struct rig *r = *state;
    uint64_t *rax = &r->c->s.gpr[X86_RAX];

    open_ports(r);
    r->c->s.gpr[X86_RDX] = 0xffff3f8;
    *rax = UINT64_MAX;
    assert_false(RIG_RUN(r, 0xec));
    asked_for(r, false, 0xf3f8, 1, 0);
    assert_int_equal(*rax, UINT64_MAX);
    assert_true(rig_answer(r, 0x5a));
    assert_int_equal(*rax, UINT64_MAX - 0xa5);
    assert_false(RIG_RUN(r, 0x66, 0xe5, 0x60));
    asked_for(r, false, 0x60, 2, 0);
    assert_true(rig_answer(r, 0x1234));
    assert_int_equal(*rax & 0xffffff, 0xff1234);
    assert_false(RIG_RUN(r, 0x48, 0xed)); /* REX.W does not make it wider */
    asked_for(r, false, 0xf3f8, 4, 0);
    assert_true(rig_answer(r, 0xdeadbeef));
    assert_int_equal(*rax, 0xdeadbeef);
}

static void test_out(void **state)
{
    struct rig *r = *state;

    open_ports(r);
    r->c->s.gpr[X86_RAX] = 0x1122334455667788;
    assert_false(RIG_RUN(r, 0xe7, 0xf4));
    asked_for(r, true, 0xf4, 4, 0x55667788);
    assert_int_equal(r->c->s.rip, WINDOW);
    assert_true(rig_answer(r, 0));
    assert_int_equal(r->c->s.rip, WINDOW + 2);
}

/* REP OUTS and INS: one access an iteration, each answered before the registers move. */
static void test_rep_unrolled(void **state)
{
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;

    open_ports(r);
    memcpy(r->data, "vitro", 5);
    gpr[X86_RDX] = 0xe9;
    gpr[X86_RCX] = 5;
    gpr[X86_RSI] = DATA;
    for (unsigned i = 0; i < 5; i++) {
        assert_false(i == 0 ? RIG_RUN(r, 0xf3, 0x6e) : rig_once(r));
        asked_for(r, true, 0xe9, 1, (uint8_t) "vitro"[i]);
        assert_int_equal(gpr[X86_RSI], DATA + i);
        assert_true(rig_answer(r, 0));
        assert_int_equal(gpr[X86_RCX], 4 - i);
    }
    assert_int_equal(r->c->s.rip, WINDOW + 2);
    gpr[X86_RCX] = 2;
    gpr[X86_RDI] = DATA + 0x100;
    for (unsigned i = 0; i < 2; i++) {
        assert_false(i == 0 ? RIG_RUN(r, 0xf3, 0x66, 0x6d) : rig_once(r));
        asked_for(r, false, 0xe9, 2, 0);
        assert_true(rig_answer(r, 0x4140 + i));
    }
    assert_int_equal(le_get(r->data + 0x100, 4), 0x41414140);
    assert_int_equal(gpr[X86_RDI], DATA + 0x104);
}

/* INS looks at its destination before the port is read, so that nothing is lost. */
static void test_ins_faults_first(void **state)
{
    struct rig *r = *state;

    open_ports(r);
    r->c->s.gpr[X86_RDI] = WINDOW + WINDOW_RO;
    assert_false(RIG_RUN(r, 0x6c));
    assert_int_equal(r->c->stop.kind, SOFT_FAULT);
    assert_int_equal(r->c->stop.vector, VEC_PF);
}

/* MOVS between two places that are not memory: a read, then a write, then the registers. */
static void test_movs_device(void **state)
{
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;

    rig_mode(r, X86_CODE_64);
    le_put(r->ram + 0x3000 + 8 * MMIO_PTE, 8, 0xfee00067);
    gpr[X86_RSI] = WINDOW + 0x1000 * MMIO_PTE + 0x20;
    gpr[X86_RDI] = WINDOW + 0x1000 * MMIO_PTE + 0x40;
    assert_false(RIG_RUN(r, 0xa5));
    assert_int_equal(r->c->vcpu->exit.kind, EXIT_MMIO);
    assert_int_equal(r->c->vcpu->exit.addr, 0xfee00020);
    assert_false(rig_answer(r, 0xcafe));
    assert_int_equal(r->c->vcpu->exit.addr, 0xfee00040);
    assert_int_equal(r->c->vcpu->exit.data, 0xcafe);
    assert_true(r->c->vcpu->exit.write);
    assert_true(rig_answer(r, 0));
    assert_int_equal(gpr[X86_RSI], WINDOW + 0x1000 * MMIO_PTE + 0x24);
    /* Read, modified, written: LOCK or not. */
    gpr[X86_RBX] = WINDOW + 0x1000 * MMIO_PTE;
    assert_false(RIG_RUN(r, 0xf0, 0xff, 0x03));
    assert_false(rig_answer(r, 7));
    assert_int_equal(r->c->vcpu->exit.data, 8);
    assert_true(rig_answer(r, 0));
}

/* ---- the bit map ------------------------------------------------------------------------------- */

static void with_tss(struct rig *r, uint32_t limit)
{
    rig_mode(r, X86_CODE_64);
    r->c->s.tr = (struct x86_seg){
        .base = WINDOW + RIG_TSS_AT, .limit = limit, .type = 11, .present = true
    };
    memset(r->ram + RIG_TSS, 0, 0x1000);
    le_put(r->ram + RIG_TSS + 0x66, 2, MAP);
    memset(r->ram + RIG_TSS + MAP, 0xff, 0x100);
}

static bool may_out(struct rig *r, unsigned port, unsigned width)
{
    static const uint8_t out[] = { 0x66, 0xef }, out8[] = { 0xee };

    r->c->s.gpr[X86_RDX] = port;
    rig_run(r, width == 1 ? out8 : out + (width == 4), width == 2 ? 2 : 1);
    if (r->c->stop.kind == SOFT_EXIT)
        return true;
    assert_int_equal(r->c->stop.vector, VEC_GP);
    assert_int_equal(r->c->stop.error, 0);
    return false;
}

static void test_bit_map(void **state)
{
    struct rig *r = *state;
    uint8_t *map = r->ram + RIG_TSS + MAP;

    with_tss(r, MAP + 0x20);
    map[0x3f8 / 8 - 0x60] = 0xff;
    assert_false(may_out(r, 0x61, 1));
    map[0x60 / 8] = 0x0d; /* 61, 64, 65, 66, 67 are free */
    assert_true(may_out(r, 0x61, 1));
    assert_false(may_out(r, 0x60, 1));
    assert_false(may_out(r, 0x61, 2)); /* 62 is not */
    assert_true(may_out(r, 0x64, 4));
    assert_false(may_out(r, 0x65, 4)); /* 68 is in the next byte */
    map[0x68 / 8] = 0xfe;
    assert_true(may_out(r, 0x65, 4));
    map[0xf8 / 8] = 0; /* the last byte is +1f, and two are always read */
    assert_true(may_out(r, 0xf8, 1));
    assert_false(may_out(r, 0x100, 1));
    assert_false(may_out(r, 0xffff, 1));
}

static void test_no_bit_map(void **state)
{
    struct rig *r = *state;

    with_tss(r, 0x66); /* too short for the map's address */
    assert_false(may_out(r, 0x60, 1));
    with_tss(r, MAP + 0x20);
    r->c->s.tr.type = 3; /* a 16-bit TSS has none */
    memset(r->ram + RIG_TSS + MAP, 0, 0x100);
    assert_false(may_out(r, 0x60, 1));
    r->c->s.tr.type = 11;
    assert_true(may_out(r, 0x60, 1));
}

/* In virtual-8086 mode IOPL does not open ports, the map does. */
static void test_vm86_ports(void **state)
{
    struct rig *r = *state;

    rig_real(r);
    r->c->s.cr0 = X86_CR0_PE;
    r->c->s.rflags = X86_RFLAGS_FIXED | X86_RFLAGS_VM | X86_RFLAGS_IOPL;
    soft_mode_changed(r->c);
    r->c->s.tr =
        (struct x86_seg){ .base = RIG_TSS, .limit = MAP + 0x20, .type = 11, .present = true };
    memset(r->ram + RIG_TSS, 0, 0x1000);
    le_put(r->ram + RIG_TSS + 0x66, 2, MAP);
    r->ram[RIG_TSS + MAP + 0x60 / 8] = 1;
    assert_false(may_out(r, 0x60, 1));
    assert_true(may_out(r, 0x61, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_widths),    cmocka_unit_test(test_out),
        cmocka_unit_test(test_rep_unrolled), cmocka_unit_test(test_ins_faults_first),
        cmocka_unit_test(test_movs_device),  cmocka_unit_test(test_bit_map),
        cmocka_unit_test(test_no_bit_map),   cmocka_unit_test(test_vm86_ports),
    };

    return cmocka_run_group_tests_name("soft/io", tests, setup, teardown);
}
