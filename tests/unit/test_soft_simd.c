/* SPDX-License-Identifier: MIT */
/* test_soft_simd.c - every SSE, AVX, MMX and state row against the host CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/bits.h"
#include "engine/soft/fpu.h"
#include "soft_vec_rig.h"

static void check_class(enum x86_class klass, const char *what)
{
    struct rig r;

    rig_open(&r, rig_seed() + klass);
    rig_class(&r, klass, rig_cases());
    rig_report(&r, what);
    rig_close(&r);
    assert_int_equal(r.differences, 0);
}

static void test_sse(void **state)
{
    (void)state;
    check_class(X86_CLASS_SSE, "soft/simd: native oracle, sse");
}

static void test_avx(void **state)
{
    (void)state;
    check_class(X86_CLASS_AVX, "soft/simd: native oracle, avx");
}

static void test_mmx(void **state)
{
    (void)state;
    check_class(X86_CLASS_MMX, "soft/simd: native oracle, mmx");
}

static void test_state(void **state)
{
    (void)state;
    check_class(X86_CLASS_STATE, "soft/simd: native oracle, state");
}

/* ---- what 64-bit user mode cannot show --------------------------------------------------------- */

/* XSAVES and XRSTORS, ring 0: the state comes back, in the compacted form. */
static void test_supervisor(void **state)
{
    static const uint8_t xsaves[X86_INSN_MAX] = { 0x48, 0x0f, 0xc7, 0x2f },
                         xrstors[X86_INSN_MAX] = { 0x48, 0x0f, 0xc7, 0x1f };
    struct soft_fx *fx, before;
    struct rig r;

    (void)state;
    rig_open(&r, 1);
    fx = soft_fx(r.c, FX_ALL);
    for (unsigned i = 0; i < 256; i++) {
        fx->xmm[i / 16][i % 16] = (uint8_t)rig_random(&r);
        fx->ymm_high[i / 16][i % 16] = (uint8_t)rig_random(&r);
    }
    before = *fx;
    r.c->s.gpr[X86_RAX] = FX_ALL;
    r.c->s.gpr[X86_RDI] = (uint64_t)r.page;
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, xsaves));
    assert_int_equal(le_get(r.page + 520, 8), UINT64_C(1) << 63 | FX_ALL);
    soft_fx_init(r.c, FX_ALL);
    assert_true(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, xrstors));
    assert_memory_equal(fx, &before, sizeof(before));
    r.page[527] = 0; /* not the compacted form */
    assert_false(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, xrstors));
    assert_int_equal(r.c->stop.vector, VEC_GP);
    rig_close(&r);
}

/* Outside 64-bit mode there are eight vector registers. */
static void test_eight_registers(void **state)
{
    static const uint8_t fxsave[X86_INSN_MAX] = { 0x0f, 0xae, 0x05, 0, 0, 0, 0x20 },
                         vzeroall[X86_INSN_MAX] = { 0xc5, 0xfc, 0x77 };
    struct soft_fx *fx;
    struct rig r;

    (void)state;
    rig_open(&r, 1);
    fx = soft_fx(r.c, FX_ALL);
    memset(fx->xmm, 0xaa, sizeof(fx->xmm));
    memset(fx->ymm_high, 0xbb, sizeof(fx->ymm_high));
    memset(r.page, 0xcc, RIG_PAGE);
    assert_true(rig_execute(&r, X86_MODE_PROT32, X86_CODE_32, fxsave));
    assert_int_equal(r.page[160 + 127], 0xaa);
    assert_int_equal(r.page[160 + 128], 0xcc);
    assert_true(rig_execute(&r, X86_MODE_PROT32, X86_CODE_32, vzeroall));
    assert_int_equal(fx->xmm[7][0] | fx->ymm_high[7][15], 0);
    assert_int_equal(fx->xmm[8][0], 0xaa);
    assert_int_equal(fx->ymm_high[8][0], 0xbb);
    rig_close(&r);
}

/* An unmasked exception without CR4.OSXMMEXCPT is #UD. */
static void test_no_xm(void **state)
{
    static const uint8_t divss[X86_INSN_MAX] = { 0xf3, 0x0f, 0x5e, 0xc1 }; /* XMM0, XMM1 */
    static const uint32_t one = 0x3f800000;
    struct soft_fx *fx;
    struct rig r;

    (void)state;
    rig_open(&r, 1);
    fx = soft_fx(r.c, FX_ALL);
    memcpy(fx->xmm[0], &one, 4);
    fx->mxcsr = MXCSR_INIT & ~(MXCSR_ZE << 7);
    assert_false(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, divss));
    assert_int_equal(r.c->stop.vector, VEC_XM);
    assert_true(fx->mxcsr & MXCSR_ZE);
    r.c->s.cr4 &= ~(uint64_t)X86_CR4_OSXMMEXCPT;
    assert_false(rig_execute(&r, X86_MODE_LONG, X86_CODE_64, divss));
    assert_int_equal(r.c->stop.vector, VEC_UD);
    assert_memory_equal(fx->xmm[0], &one, 4);
    rig_close(&r);
}

/* An overflow or underflow that is not masked is inexact when the result is so at unlimited exponent range. */
static void test_exactness(void **state)
{
    static const struct exact_case {
        uint8_t bytes[5]; /* of XMM0 and XMM1 */
        double a, b;
        uint32_t unmasked, raised;
    } rows[] = {
        { { 0xf2, 0x0f, 0x59, 0xc1 }, 0x1p1000, 0x1p100, MXCSR_OE, MXCSR_OE }, /* MULSD */
        { { 0xf2, 0x0f, 0x59, 0xc1 }, 0x1.8p1000, 0x1.8p100, MXCSR_OE, MXCSR_OE },
        { { 0xf2, 0x0f, 0x59, 0xc1 },
          0x1.00000001p1000,
          0x1.00000001p100,
          MXCSR_OE,
          MXCSR_OE | MXCSR_PE },
        { { 0xf2, 0x0f, 0x59, 0xc1 }, 0x1.8p-1000, 0x1.8p-60, MXCSR_UE, MXCSR_UE },
        { { 0xf2, 0x0f, 0x59, 0xc1 }, 0x1.8p-1000, 0x1.8p-100, MXCSR_UE, MXCSR_UE },
        { { 0xf2, 0x0f, 0x5e, 0xc1 }, 0x1p1000, 0x1p-100, MXCSR_OE, MXCSR_OE }, /* DIVSD */
        { { 0xf2, 0x0f, 0x5e, 0xc1 }, 0x1p1000, 0x1.8p-100, MXCSR_OE, MXCSR_OE | MXCSR_PE },
        { { 0xf2, 0x0f, 0x58, 0xc1 }, 0x1p1023, 0x1p1023, MXCSR_OE, MXCSR_OE }, /* ADDSD */
        { { 0xf2, 0x0f, 0x58, 0xc1 },
          0x1p1023,
          0x1.0000000000001p1023,
          MXCSR_OE,
          MXCSR_OE | MXCSR_PE },
        { { 0xf2, 0x0f, 0x5a, 0xc1 }, 0, 0x1.8p200, MXCSR_OE, MXCSR_OE }, /* CVTSD2SS */
        { { 0xf2, 0x0f, 0x5a, 0xc1 }, 0, 0x1.8000001p200, MXCSR_OE, MXCSR_OE | MXCSR_PE },
        { { 0xf2, 0x0f, 0x5a, 0xc1 }, 0, 0x1.8p-140, MXCSR_UE, MXCSR_UE },
        { { 0xf2, 0x0f, 0x5a, 0xc1 }, 0, 0x1.8p-160, MXCSR_OE, MXCSR_UE | MXCSR_PE },
    };
    struct soft_fx *fx;
    struct rig r;

    (void)state;
    rig_open(&r, 1);
    fx = soft_fx(r.c, FX_ALL);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t bytes[X86_INSN_MAX] = { 0 };

        memcpy(bytes, rows[i].bytes, sizeof(rows[i].bytes));
        memcpy(fx->xmm[0], &rows[i].a, 8);
        memcpy(fx->xmm[1], &rows[i].b, 8);
        fx->mxcsr = MXCSR_INIT & ~(rows[i].unmasked << 7);
        rig_execute(&r, X86_MODE_LONG, X86_CODE_64, bytes);
        if ((fx->mxcsr & MXCSR_FLAGS) != rows[i].raised)
            fail_msg("row %u: 0x%x, not 0x%x", i, fx->mxcsr & MXCSR_FLAGS, rows[i].raised);
    }
    rig_close(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse),        cmocka_unit_test(test_avx),
        cmocka_unit_test(test_mmx),        cmocka_unit_test(test_state),
        cmocka_unit_test(test_supervisor), cmocka_unit_test(test_eight_registers),
        cmocka_unit_test(test_no_xm),      cmocka_unit_test(test_exactness),
    };

    return cmocka_run_group_tests_name("soft/simd", tests, NULL, NULL);
}
