/* SPDX-License-Identifier: MIT */
/*
 * test_soft_vector_io.c - vectors of 16 and 32 bytes loaded from devices and stored to them, at every misalignment
 *
 * Also where they go on in the next page, which is another device. Each byte is asked for once, in order, by accesses of
 * 1, 2, 4 or 8 bytes in one page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "trans_rig.h"

enum { PAGE = 4096, MMIO_PTE = 9, XMM_AT = 160, YMM_AT = 576, BV_AT = 512 };

static const uint64_t place[2] = { 0xfee00000, 0xfed00000 };

static uint64_t gpa_of(unsigned off)
{
    return place[off / PAGE] + off % PAGE;
}

static uint8_t byte_of(uint64_t gpa)
{
    return (uint8_t)(gpa * 7 + (gpa >> 12) + 3);
}

/* Of XMM0, or of YMM0 whose upper half lies elsewhere. */
static uint8_t *vector_byte(struct soft_cpu *c, unsigned i)
{
    return &c->s.xsave[i < 16 ? XMM_AT + i : YMM_AT + i - 16];
}

static void begin(struct soft_cpu *c, bool store, unsigned off)
{
    le_put(c->s.xsave, 2, FCW_INIT);
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
    le_put(c->s.xsave + BV_AT, 8, 7);
    for (unsigned i = 0; i < 32; i++)
        *vector_byte(c, i) = store ? (uint8_t)(0xa0 + i) : 0;
    c->s.gpr[X86_RBX] = WINDOW + PAGE * MMIO_PTE + off;
}

/* One instruction, each of whose accesses is answered. */
static void check(struct rig *r, const uint8_t *code, unsigned len, unsigned bytes, bool store,
                  unsigned off)
{
    struct soft_cpu *c = r->c;
    const struct cpu_exit *x = &c->vcpu->exit;
    unsigned done = 0, width;
    bool over;

    begin(c, store, off);
    for (over = rig_run(r, code, len); !over && done < bytes; done += width) {
        uint64_t data = 0;

        width = x->width; /* x is the next access once this one is answered */
        assert_int_equal(c->stop.kind, SOFT_EXIT);
        assert_int_equal(x->kind, EXIT_MMIO);
        assert_int_equal(x->write, store);
        assert_int_equal(x->addr, gpa_of(off + done));
        assert_true(x->width == 1 || x->width == 2 || x->width == 4 || x->width == 8);
        assert_true(x->addr % PAGE + x->width <= PAGE);
        for (unsigned i = 0; i < x->width; i++) {
            if (store)
                assert_int_equal(x->data >> 8 * i & 0xff, 0xa0 + done + i);
            data |= (uint64_t)byte_of(x->addr + i) << 8 * i;
        }
        over = rig_answer(r, data);
    }
    assert_true(over);
    assert_int_equal(done, bytes);
    for (unsigned i = 0; i < bytes && !store; i++)
        assert_int_equal(*vector_byte(c, i), byte_of(gpa_of(off + i)));
}

static void check_all(const uint8_t *load, const uint8_t *store, unsigned len, unsigned bytes)
{
    struct rig r;

    trans_rig_open(&r);
    for (unsigned i = 0; i < 2; i++)
        le_put(r.ram + 0x3000 + 8 * (MMIO_PTE + i), 8, place[i] | 0x67);
    for (unsigned off = 0; off <= PAGE; off = off == 63 ? PAGE - 40 : off + 1) {
        check(&r, load, len, bytes, false, off);
        check(&r, store, len, bytes, true, off);
    }
    trans_rig_close(&r);
}

static void test_sse(void **state)
{
    static const uint8_t load[] = { 0x0f, 0x10, 0x03 }, store[] = { 0x0f, 0x11, 0x03 };

    (void)state;
    check_all(load, store, sizeof(load), 16);
}

static void test_avx(void **state)
{
    static const uint8_t load[] = { 0xc5, 0xfc, 0x10, 0x03 }, store[] = { 0xc5, 0xfc, 0x11, 0x03 };

    (void)state;
    if (!__builtin_cpu_supports("avx")) { /* vectors run on the host's own units */
        print_message("this host cannot: its CPU has no AVX\n");
        skip();
    }
    check_all(load, store, sizeof(load), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse),
        cmocka_unit_test(test_avx),
    };

    return cmocka_run_group_tests_name("soft/vector io", tests, NULL, NULL);
}
