/* SPDX-License-Identifier: MIT */
/* test_soft_x87.c - every x87 row against the host CPU, and what user mode of the host cannot show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "engine/soft/fpu.h"
#include "soft_vec_rig.h"

static void test_native(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, rig_seed());
    rig_class(&r, X86_CLASS_X87, rig_cases());
    rig_report(&r, "soft/x87: native oracle");
    rig_close(&r);
    assert_int_equal(r.differences, 0);
}

/* ---- what 64-bit user mode cannot show --------------------------------------------------------- */

struct layout_case {
    const char *what;
    enum x86_mode mode;
    enum x86_code code;
    uint8_t prefix[2]; /* before FNSTENV and FLDENV with a 32-bit displacement */
    unsigned len;
    uint8_t env[28];
    uint64_t fip, fdp; /* after FLDENV */
    uint16_t fop;
};

/* FIP 0x12345678, FDP 0x9abcdef0, FOP 0x5aa, FCW 0x37f, TOP 3, register 3 not empty and zero. */
static const struct layout_case layouts[] = {
    { "32-bit protected",
      X86_MODE_PROT32,
      X86_CODE_32,
      { 0x3e, 0x3e },
      28,
      { 0x7f, 3,    0xff, 0xff, 0,    0x18, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x78, 0x56,
        0x34, 0x12, 0,    0,    0xaa, 5,    0xf0, 0xde, 0xbc, 0x9a, 0,    0,    0xff, 0xff },
      0x12345678,
      0x9abcdef0,
      0x5aa },
    { "16-bit protected",
      X86_MODE_PROT32,
      X86_CODE_32,
      { 0x66, 0x3e },
      14,
      { 0x7f, 3, 0, 0x18, 0x7f, 0xff, 0x78, 0x56, 0, 0, 0xf0, 0xde, 0, 0 },
      0x5678,
      0xdef0,
      0 },
    { "32-bit real",
      X86_MODE_REAL,
      X86_CODE_16,
      { 0x66, 0x67 },
      28,
      { 0x7f, 3, 0xff, 0xff, 0,    0x18, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x78, 0x56,
        0,    0, 0xaa, 0x45, 0x23, 1,    0xf0, 0xde, 0,    0,    0,    0xc0, 0xab, 9 },
      0x12345678,
      0x9abcdef0,
      0x5aa },
    { "16-bit real",
      X86_MODE_REAL,
      X86_CODE_16,
      { 0x67, 0x3e },
      14,
      { 0x7f, 3, 0, 0x18, 0x7f, 0xff, 0x78, 0x56, 0xaa, 0x45, 0xf0, 0xde, 0, 0xc0 },
      0x45678,
      0xcdef0,
      0x5aa },
};

static struct soft_fx *layout_state(struct rig *r)
{
    struct soft_fx *fx = soft_fx(r->c, FX_X87);

    soft_fx_init(r->c, FX_X87);
    fx->fsw = 3 << FSW_TOP_SHIFT;
    fx->ftw = 1 << 3;
    fx->fip = 0x12345678;
    fx->fdp = 0x9abcdef0;
    fx->fop = 0x5aa;
    return fx;
}

static void test_layouts(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, 1);
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        const struct layout_case *l = &layouts[i];
        uint8_t code[X86_INSN_MAX] = { l->prefix[0], l->prefix[1], 0xd9, 0x35, 0, 0, 0, 0x20 };
        struct soft_fx *fx = layout_state(&r);

        print_message("%s\n", l->what);
        assert_true(rig_execute(&r, l->mode, l->code, code)); /* FNSTENV [0x20000000] */
        assert_memory_equal(r.page, l->env, l->len);
        assert_int_equal(r.page[l->len], 0);
        soft_fx_init(r.c, FX_X87);
        code[3] = 0x25; /* FLDENV */
        assert_true(rig_execute(&r, l->mode, l->code, code));
        assert_int_equal(fx->fip, l->fip);
        assert_int_equal(fx->fdp, l->fdp);
        assert_int_equal(fx->fop, l->fop);
        assert_int_equal(fx->fsw, 3 << FSW_TOP_SHIFT);
        assert_int_equal(fx->ftw, 1 << 3);
        memset(r.page, 0, RIG_PAGE);
    }
    rig_close(&r);
}

/* A pending exception: #MF with CR0.NE, ignored without. */
static void test_pending(void **state)
{
    static const uint8_t fld1[X86_INSN_MAX] = { 0xd9, 0xe8 }, fninit[X86_INSN_MAX] = { 0xdb, 0xe3 };
    struct soft_fx *fx;
    struct rig r;

    (void)state;
    rig_open(&r, 1);
    fx = soft_fx(r.c, FX_X87);
    fx->fcw = 0x37b; /* zero divide is not masked */
    fx->fsw = 4;
    soft_x87_settle(fx);
    assert_int_equal(fx->fsw, 0x8084);
    assert_false(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, fld1));
    assert_int_equal(r.c->stop.vector, VEC_MF);
    r.c->s.cr0 &= ~(uint64_t)X86_CR0_NE;
    fx->ftw = 0;
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, fld1));
    assert_int_equal(fx->fsw, 0x8084 | 7 << FSW_TOP_SHIFT);
    assert_int_equal(le_get(fx->st[0] + 8, 2), 0x3fff);
    r.c->s.cr0 |= X86_CR0_NE;
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, fninit));
    assert_int_equal(fx->fsw, 0);
    rig_close(&r);
}

/*
 * FIP is that of the last instruction, FDP and FOP are those of the last unmasked exception, and FXSAVE has
 * them without one pending: on AMD hosts too, whose CPUs save zeros then (docs/decisions/0005).
 */
static void test_pointers(void **state)
{
    static const uint8_t flds[X86_INSN_MAX] = { 0xd9, 0x04, 0x25, 0, 0, 0, 0x20 },
                         fdivs[X86_INSN_MAX] = { 0xd8, 0x34, 0x25, 0, 0, 0, 0x20 },
                         fnclex[X86_INSN_MAX] = { 0xdb, 0xe2 },
                         fxsave64[X86_INSN_MAX] = { 0x48, 0x0f, 0xae, 0x04, 0x25, 0, 0, 0, 0x20 };
    struct soft_fx *fx;
    struct rig r;

    (void)state;
    rig_open(&r, 1);
    fx = soft_fx(r.c, FX_X87);
    soft_fx_init(r.c, FX_X87);
    r.c->s.rip = 0x1234;
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, flds));
    assert_int_equal(fx->fip, 0x1234);
    assert_int_equal(fx->fdp | fx->fop, 0);
    fx->fcw = FCW_INIT & ~4; /* zero divide is not masked; 0 / 0 is only invalid */
    memcpy(fx->st[0], (const uint8_t[10]){ 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f }, 10);
    r.c->s.rip = 0x5678;
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, fdivs));
    assert_true(fx->fsw & FSW_ES);
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, fnclex));
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, fxsave64));
    assert_int_equal(le_get(r.page + 6, 2), 0x034);
    assert_int_equal(le_get(r.page + 8, 8), 0x5678);
    assert_int_equal(le_get(r.page + 16, 8), RIG_PLACE);
    rig_close(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_pointers),
    };

    return cmocka_run_group_tests_name("soft/x87", tests, NULL, NULL);
}
