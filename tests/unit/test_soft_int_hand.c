/* SPDX-License-Identifier: MIT */
/*
 * test_soft_int_hand.c - integer instructions by hand: values from the manual, and what no generator asks
 *
 * Sources: SDM 2, the instructions' pages (the examples of DAA, AAM and kin); SDM 1 "String Operations".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "soft_int_rig.h"

enum { DATA = WINDOW + WINDOW_DATA, LAST = WINDOW + WINDOW_RO };

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

/* ---- decimal ---------------------------------------------------------------------------------- */

static void test_bcd(void **state)
{
    static const struct {
        uint8_t bytes[2];
        uint16_t before, after;
        uint8_t in, out; /* AF and CF */
    } rows[] = {
        { { 0x27 }, 0xae, 0x14, 0, 0x11 }, /* DAA: the manual's 79h + 35h */
        { { 0x27 }, 0x2e, 0x34, 0, 0x10 },
        { { 0x2f }, 0x47 - 0x35 + 0x0c, 0x18, 0x10, 0x10 },
        { { 0x2f }, 0xee, 0x88, 0x01, 0x11 }, /* DAS: 35h - 47h */
        { { 0x37 }, 0x000b, 0x0101, 0, 0x11 },
        { { 0x37 }, 0x0009, 0x0009, 0, 0 },
        { { 0x3f }, 0x020f, 0x0109, 0, 0x11 },
        { { 0xd4, 10 }, 0x003f, 0x0603, 0, 0 },
        { { 0xd5, 10 }, 0x0603, 0x003f, 0, 0x00 },
        { { 0xd4, 16 }, 0x00a7, 0x0a07, 0, 0 },
    };
    struct rig *r = *state;

    rig_mode(r, X86_CODE_32);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        r->c->s.gpr[X86_RAX] = rows[i].before;
        r->c->s.rflags = X86_RFLAGS_FIXED | rows[i].in;
        assert_true(rig_run(r, rows[i].bytes, 2));
        assert_int_equal(r->c->s.gpr[X86_RAX], rows[i].after);
        if (rows[i].bytes[0] < 0xd0)
            assert_int_equal(r->c->s.rflags & 0x11, rows[i].out);
    }
}

/* What the manuals leave undefined is as the model's vendor has it. */
static void test_bcd_vendors(void **state)
{
    enum { AF = 0x10 };
    static const struct {
        uint8_t opcode;
        uint16_t ax, flags, intel, amd; /* flags: AF and CF before; then all six, OF is 800h */
    } rows[] = {
        { 0x27, 0x0059, 0x01, 0x081, 0x881 }, /* DAA: B9h, a carry into the sign */
        { 0x2f, 0x00a0, 0x00, 0x001, 0x801 }, /* DAS: 40h, one out of it */
        { 0x37, 0xdb43, AF, 0x015, 0x091 },   /* AAA: DC09h is left of DC49h */
        { 0x3f, 0xf9a2, 0x00, 0x000, 0x080 }, /* AAS: F902h of F9A2h */
    };
    struct rig *r = *state;
    bool intel = r->model->intel;

    rig_mode(r, X86_CODE_32);
    for (unsigned i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        r->model->intel = i % 2;
        r->c->s.gpr[X86_RAX] = rows[i / 2].ax;
        r->c->s.rflags = X86_RFLAGS_FIXED | rows[i / 2].flags;
        assert_true(rig_run(r, &rows[i / 2].opcode, 1));
        assert_int_equal(r->c->s.rflags & 0x8d5, i % 2 ? rows[i / 2].intel : rows[i / 2].amd);
    }
    r->model->intel = intel;
}

/* Where vendors part the model's vendor changes nothing (docs/decisions/0005). */
static void test_vendor_choices(void **state)
{
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;

    rig_mode(r, X86_CODE_64);
    gpr[X86_RSP] = WINDOW + WINDOW_DATA + 64;
    assert_true(RIG_RUN(r, 0x66, 0xe8, 0x10, 0, 0, 0)); /* CALL */
    assert_int_equal(r->c->s.rip, WINDOW + 0x16);
    assert_int_equal(gpr[X86_RSP], WINDOW + WINDOW_DATA + 56);
    assert_int_equal(le_get(r->data + 56, 8), WINDOW + 6);
    assert_true(RIG_RUN(r, 0x66, 0xc3)); /* RET */
    assert_int_equal(r->c->s.rip, WINDOW + 6);
    gpr[X86_RAX] = 1;
    gpr[X86_R8] = 2;
    assert_true(RIG_RUN(r, 0xf3, 0x41, 0x90)); /* PAUSE with REX.B */
    assert_int_equal(gpr[X86_RAX], 1);
    assert_true(RIG_RUN(r, 0x0f, 0x0d, 0xc0)); /* a reserved NOP */
    rig_mode(r, X86_CODE_32);
    memset(r->data, 0xcc, 64);
    assert_true(RIG_RUN(r, 0x0f, 0xa0)); /* PUSH FS */
    assert_int_equal(gpr[X86_RSP], WINDOW + WINDOW_DATA + 60);
    assert_int_equal(le_get(r->data + 60, 4), 0xcccc0000);
    gpr[X86_RSP] = WINDOW + WINDOW_DATA + 64;
    gpr[X86_RAX] = UINT32_MAX;
    r->c->s.seg[X86_CS].limit = WINDOW_END + WINDOW;
    assert_false(RIG_RUN(r, 0xff, 0xd0)); /* CALL past the limit has pushed */
    assert_int_equal(r->c->stop.vector, VEC_GP);
    assert_int_equal(gpr[X86_RSP], WINDOW + WINDOW_DATA + 64);
    assert_int_equal(le_get(r->data + 60, 4), WINDOW + 2);
}

/* SDM 2, CLFLUSH: the checks of a byte's load, but that a segment may be execute-only. */
static void test_flush_of_code(void **state)
{
    static const struct flush_row {
        uint8_t bytes[4], len, type;
        bool good;
    } rows[] = {
        { { 0x2e, 0x0f, 0xae, 0x3b }, 4, 9, true }, /* CLFLUSH CS:[EBX] */
        { { 0x2e, 0x0f, 0xae, 0x3b }, 4, 11, true },
        { { 0x2e, 0x8a, 0x03 }, 3, 9, false }, /* MOV AL, CS:[EBX] */
        { { 0x2e, 0x8a, 0x03 }, 3, 11, true },
    };
    struct rig *r = *state;

    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        rig_mode(r, X86_CODE_32);
        r->c->s.seg[X86_CS].type = rows[i].type;
        r->c->s.gpr[X86_RBX] = WINDOW + WINDOW_DATA;
        assert_int_equal(rig_run(r, rows[i].bytes, rows[i].len), rows[i].good);
    }
    rig_mode(r, X86_CODE_32);
    r->c->s.seg[X86_CS].limit = WINDOW + WINDOW_DATA - 1;
    assert_false(rig_run(r, rows[0].bytes, 4));
    assert_int_equal(r->c->stop.vector, VEC_GP);
}

static void test_aam_zero(void **state)
{
    struct rig *r = *state;

    rig_mode(r, X86_CODE_32);
    r->c->s.gpr[X86_RAX] = 0x1234;
    assert_false(RIG_RUN(r, 0xd4, 0x00));
    assert_int_equal(r->c->stop.vector, VEC_DE);
    assert_int_equal(r->c->s.gpr[X86_RAX], 0x1234);
}

/* ---- bounds, stack of 16 bits ------------------------------------------------------------------ */

static void test_bound(void **state)
{
    struct rig *r = *state;

    rig_mode(r, X86_CODE_32);
    le_put(r->data, 4, (uint32_t)-5);
    le_put(r->data + 4, 4, 7);
    for (int idx = -7; idx <= 9; idx++) {
        r->c->s.gpr[X86_RAX] = (uint32_t)idx;
        r->c->s.gpr[X86_RBX] = DATA;
        assert_int_equal(RIG_RUN(r, 0x62, 0x03), idx >= -5 && idx <= 7);
        if (idx < -5 || idx > 7)
            assert_int_equal(r->c->stop.vector, VEC_BR);
    }
}

static void test_pusha_popa(void **state)
{
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;

    rig_real(r);
    for (unsigned i = 0; i < 8; i++)
        gpr[i] = 0x11110000 + 0x1100 + i;
    gpr[X86_RSP] = 0x12343000;
    assert_true(RIG_RUN(r, 0x60));
    assert_int_equal(gpr[X86_RSP], 0x12342ff0);
    assert_int_equal(le_get(r->data + 0xffe, 2), 0x1100);           /* AX first */
    assert_int_equal(le_get(r->data + 0xff6, 2), 0x3000);           /* SP as it was */
    assert_int_equal(le_get(r->data + 0xff0, 2), 0x1100 + X86_RDI); /* DI last */
    memset(gpr, 0xff, 4 * sizeof(*gpr));
    assert_true(RIG_RUN(r, 0x61));
    assert_int_equal(gpr[X86_RSP], 0x12343000);
    assert_int_equal(gpr[X86_RCX] & 0xffff, 0x1101);
    assert_int_equal(gpr[X86_RCX] >> 16, UINT64_MAX >> 16);
}

/* SDM 1, "Calling Procedures with ENTER": a frame of level 3 in real mode. */
static void test_enter_levels(void **state)
{
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;

    rig_real(r);
    gpr[X86_RSP] = 0x3000;
    gpr[X86_RBP] = 0x3100;
    le_put(r->data + 0x10fc, 4, 0xaaaabbbb); /* two outer frames */
    assert_true(RIG_RUN(r, 0xc8, 0x10, 0x00, 0x03));
    assert_int_equal(gpr[X86_RBP], 0x2ffe);
    assert_int_equal(gpr[X86_RSP], 0x3000 - 8 - 16);
    assert_int_equal(le_get(r->data + 0xffe, 2), 0x3100);
    assert_int_equal(le_get(r->data + 0xffc, 2), 0xaaaa);
    assert_int_equal(le_get(r->data + 0xffa, 2), 0xbbbb);
    assert_int_equal(le_get(r->data + 0xff8, 2), 0x2ffe);
    assert_true(RIG_RUN(r, 0xc9));
    assert_int_equal(gpr[X86_RSP], 0x3000);
    assert_int_equal(gpr[X86_RBP], 0x3100);
}

/* ---- flags ------------------------------------------------------------------------------------ */

/* SDM 2, "POPF": who may change what. */
static void test_popf_rights(void **state)
{
    static const struct {
        unsigned cpl, iopl;
        uint64_t kept; /* of IF and IOPL, when all ones are popped */
    } rows[] = { { 0, 0, 0 },
                 { 3, 0, X86_RFLAGS_IF | X86_RFLAGS_IOPL },
                 { 3, 3, X86_RFLAGS_IOPL },
                 { 1, 1, X86_RFLAGS_IOPL } };
    uint64_t fixed = X86_RFLAGS_VM | X86_RFLAGS_RF | X86_RFLAGS_VIF | X86_RFLAGS_VIP;
    struct rig *r = *state;

    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t before = X86_RFLAGS_FIXED | (uint64_t)rows[i].iopl << 12, ours = 0x3200;

        rig_mode(r, X86_CODE_64);
        r->c->s.seg[X86_SS].dpl = (uint8_t)rows[i].cpl;
        soft_mode_changed(r->c);
        r->c->s.rflags = before;
        r->c->s.gpr[X86_RSP] = DATA + 0x100;
        le_put(r->data + 0x100, 8, UINT64_MAX);
        assert_true(RIG_RUN(r, 0x9d));
        assert_int_equal(r->c->s.rflags & fixed, 0);
        assert_int_equal(r->c->s.rflags & ours, (before & rows[i].kept) | (ours & ~rows[i].kept));
        assert_int_equal(r->c->s.rflags & 0xcd5, 0xcd5);
        assert_int_equal(r->c->s.gpr[X86_RSP], DATA + 0x108);
    }
}

/* Virtual-8086 mode: with IOPL 3, or #GP. */
static void test_vm86_flags(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    rig_real(r);
    s->cr0 = X86_CR0_PE;
    s->rflags = X86_RFLAGS_FIXED | X86_RFLAGS_VM | X86_RFLAGS_IOPL;
    soft_mode_changed(r->c);
    s->gpr[X86_RSP] = 0x3000;
    assert_true(RIG_RUN(r, 0x9c));
    assert_int_equal(le_get(r->data + 0xffe, 2), 0x3002);
    le_put(r->data + 0xffe, 2, 0xffff);
    assert_true(RIG_RUN(r, 0x9d));
    assert_int_equal(s->rflags, X86_RFLAGS_VM | 0x7fd7);
    s->rflags = X86_RFLAGS_FIXED | X86_RFLAGS_VM | 0x2000;
    assert_false(RIG_RUN(r, 0x9c));
    assert_int_equal(r->c->stop.vector, VEC_GP);
    assert_false(RIG_RUN(r, 0x9d));
    assert_int_equal(r->c->stop.vector, VEC_GP);
    assert_int_equal(s->gpr[X86_RSP], 0x3000);
}

/* ---- strings ---------------------------------------------------------------------------------- */

static void repeat(struct rig *r, const uint8_t *bytes, unsigned len, unsigned *steps)
{
    *steps = 1;
    assert_true(rig_run(r, bytes, len));
    while (r->c->s.rip == WINDOW) {
        assert_true(rig_once(r));
        (*steps)++;
        assert_true(*steps < 100);
    }
}

/* One step an iteration, both directions; the registers say how far it has come. */
static void test_rep_steps(void **state)
{
    static const uint8_t movs[] = { 0xf3, 0x48, 0xa5 };
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;
    unsigned steps;

    rig_mode(r, X86_CODE_64);
    for (unsigned down = 0; down < 2; down++) {
        for (unsigned i = 0; i < 64; i++)
            r->data[i] = (uint8_t)(i + down);
        gpr[X86_RCX] = 8;
        gpr[X86_RSI] = down ? DATA + 56 : DATA;
        gpr[X86_RDI] = gpr[X86_RSI] + 0x200;
        r->c->s.rflags = X86_RFLAGS_FIXED | (down ? X86_RFLAGS_DF : 0);
        repeat(r, movs, sizeof(movs), &steps);
        assert_int_equal(steps, 8);
        assert_memory_equal(r->data, r->data + 0x200, 64);
        assert_int_equal(gpr[X86_RCX], 0);
        assert_int_equal(gpr[X86_RSI], down ? DATA - 8 : DATA + 64);
        assert_int_equal(gpr[X86_RDI], gpr[X86_RSI] + 0x200);
    }
}

/* A fault in the middle: the registers are those of the iteration that could not be done. */
static void test_rep_fault_and_restart(void **state)
{
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;

    rig_mode(r, X86_CODE_64);
    gpr[X86_RAX] = 0x4142434445464748;
    gpr[X86_RCX] = 3;
    gpr[X86_RDI] = LAST - 12; /* the page after it is read-only */
    assert_true(RIG_RUN(r, 0xf3, 0x48, 0xab));
    assert_int_equal(r->c->s.rip, WINDOW);
    assert_false(rig_once(r));
    assert_int_equal(r->c->stop.vector, VEC_PF);
    assert_int_equal(r->c->stop.cr2, LAST);
    assert_int_equal(r->c->stop.error, PF_P | PF_W | PF_U);
    assert_int_equal(gpr[X86_RCX], 2);
    assert_int_equal(gpr[X86_RDI], LAST - 4);
    assert_int_equal(r->c->s.rip, WINDOW);
    assert_int_equal(le_get(r->data + WINDOW_RO - WINDOW_DATA - 4, 4), 0);
    gpr[X86_RDI] = DATA; /* somebody repairs it */
    assert_true(rig_once(r));
    assert_true(rig_once(r));
    assert_int_equal(gpr[X86_RCX], 0);
    assert_int_equal(r->c->s.rip, WINDOW + 3);
}

static void test_repne_scas_ends(void **state)
{
    static const uint8_t scas[] = { 0xf2, 0xae };
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;
    unsigned steps;

    rig_mode(r, X86_CODE_64);
    memcpy(r->data, "guest", 6);
    gpr[X86_RAX] = 0;
    gpr[X86_RCX] = UINT64_MAX;
    gpr[X86_RDI] = DATA;
    r->c->s.rflags = X86_RFLAGS_FIXED;
    repeat(r, scas, sizeof(scas), &steps);
    assert_int_equal(steps, 6);
    assert_int_equal(~gpr[X86_RCX], 6); /* strlen + 1 */
    assert_true(r->c->s.rflags & X86_RFLAGS_ZF);
}

/* 16-bit addresses wrap inside the segment, and leave the upper halves of the registers alone. */
static void test_addr16_wraps(void **state)
{
    struct rig *r = *state;
    uint64_t *gpr = r->c->s.gpr;

    rig_mode(r, X86_CODE_32);
    r->c->s.seg[X86_DS].base = WINDOW + WINDOW_DATA + 0x100 - 0xffff;
    r->data[0x100] = 0x5a;
    gpr[X86_RAX] = 0;
    gpr[X86_RSI] = 0xabcdffff;
    assert_true(RIG_RUN(r, 0x67, 0xac));
    assert_int_equal(gpr[X86_RAX], 0x5a);
    assert_int_equal(gpr[X86_RSI], 0xabcd0000);
}

/* ---- faults leave nothing behind ---------------------------------------------------------------- */

static void test_second_page(void **state)
{
    static const uint8_t rows[][4] = {
        { 0x48, 0x01, 0x03 },       /* ADD [RBX], RAX */
        { 0x48, 0x11, 0x03 },       /* ADC */
        { 0x48, 0x87, 0x03 },       /* XCHG */
        { 0x48, 0x0f, 0xc1, 0x03 }, /* XADD */
        { 0x48, 0x0f, 0xb1, 0x03 }, /* CMPXCHG */
        { 0x48, 0x89, 0x03 },       /* MOV [RBX], RAX */
        { 0x48, 0xd3, 0x03 },       /* ROL [RBX], CL */
        { 0x48, 0xff, 0x03 },       /* INC */
        { 0x48, 0x0f, 0xbb, 0x03 }, /* BTC */
    };
    struct rig *r = *state;

    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t before[X86_NGPR], place = LAST - 3;

        rig_mode(r, X86_CODE_64);
        r->c->s.rflags = X86_RFLAGS_FIXED | X86_RFLAGS_CF | X86_RFLAGS_OF;
        memset(r->c->s.gpr, 0x11 * (int)(i + 1), sizeof(r->c->s.gpr));
        r->c->s.gpr[X86_RAX] = 3;
        r->c->s.gpr[X86_RBX] = place;
        memcpy(before, r->c->s.gpr, sizeof(before));
        memset(r->data + WINDOW_RO - WINDOW_DATA - 3, 0x77, 6);
        assert_false(rig_run(r, rows[i], 4));
        assert_int_equal(r->c->stop.vector, VEC_PF);
        assert_int_equal(r->c->stop.cr2, LAST);
        assert_memory_equal(before, r->c->s.gpr, sizeof(before));
        assert_int_equal(r->c->s.rflags, X86_RFLAGS_FIXED | X86_RFLAGS_CF | X86_RFLAGS_OF);
        assert_int_equal(le_get(r->data + WINDOW_RO - WINDOW_DATA - 3, 6), 0x777777777777);
    }
}

/* Alignment checking: ring 3, CR0.AM and AC. */
static void test_alignment_check(void **state)
{
    struct rig *r = *state;

    rig_mode(r, X86_CODE_64);
    r->c->s.cr0 |= X86_CR0_AM;
    r->c->s.rflags |= X86_RFLAGS_AC;
    r->c->s.gpr[X86_RBX] = DATA + 1;
    assert_false(RIG_RUN(r, 0x01, 0x03));
    assert_int_equal(r->c->stop.vector, VEC_AC);
    assert_true(RIG_RUN(r, 0x00, 0x03));
    r->c->s.gpr[X86_RBX] = DATA + 4;
    assert_true(RIG_RUN(r, 0x01, 0x03));
}

/* ---- LOCK ------------------------------------------------------------------------------------- */

enum { ROUNDS = 20000 };

struct other {
    uint64_t *counter;
};

static void *count_on_host(void *arg)
{
    struct other *other = arg;

    for (unsigned i = 0; i < ROUNDS; i++)
        __atomic_fetch_add(other->counter, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Another thread adds to the same word: nothing may get lost. */
static void test_lock_is_atomic(void **state)
{
    static const uint8_t rows[][5] = {
        { 0xf0, 0x48, 0xff, 0x03 },       /* LOCK INC [RBX] */
        { 0xf0, 0x48, 0x0f, 0xc1, 0x0b }, /* LOCK XADD [RBX], RCX */
    };
    struct rig *r = *state;

    for (unsigned row = 0; row < ARRAY_LEN(rows); row++) {
        struct other other = { .counter = (void *)r->data };
        pthread_t thread;

        rig_mode(r, X86_CODE_64);
        *other.counter = 0;
        r->c->s.gpr[X86_RBX] = DATA;
        assert_int_equal(pthread_create(&thread, NULL, count_on_host, &other), 0);
        for (unsigned i = 0; i < ROUNDS; i++) {
            r->c->s.gpr[X86_RCX] = 1;
            assert_true(rig_run(r, rows[row], 5));
        }
        pthread_join(thread, NULL);
        assert_int_equal(*other.counter, 2 * ROUNDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bcd),
        cmocka_unit_test(test_bcd_vendors),
        cmocka_unit_test(test_vendor_choices),
        cmocka_unit_test(test_flush_of_code),
        cmocka_unit_test(test_aam_zero),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_pusha_popa),
        cmocka_unit_test(test_enter_levels),
        cmocka_unit_test(test_popf_rights),
        cmocka_unit_test(test_vm86_flags),
        cmocka_unit_test(test_rep_steps),
        cmocka_unit_test(test_rep_fault_and_restart),
        cmocka_unit_test(test_repne_scas_ends),
        cmocka_unit_test(test_addr16_wraps),
        cmocka_unit_test(test_second_page),
        cmocka_unit_test(test_alignment_check),
        cmocka_unit_test(test_lock_is_atomic),
    };

    return cmocka_run_group_tests_name("soft/int by hand", tests, setup, teardown);
}
