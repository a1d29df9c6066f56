/* SPDX-License-Identifier: MIT */
/*
 * test_trans_check.c - translated code compared with the interpreter as it runs
 *
 * A program of loops, calls and stores is executed with checks on and nothing is found. Then bytes of the
 * translated code are changed, and the checks must find that, and where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/code.h"
#include "engine/soft/fpu.h"
#include "engine/soft/run.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/check.h"
#include "trans_rig.h"

enum { PAGE = 4096, CALLED = 0x18 };

/*
 * A loop that calls what begins at CALLED, which stores, adds, and copies by REP. The flags that the ADD sets are
 * read only behind the REP.
 */
static const uint8_t program[] = {
    0x48, 0xbf, 0,    0,    0,    0,    0,    0, 0, 0, /* mov rdi, imm64 */
    0x48, 0x8d, 0xa7, 0x00, 0x08, 0,    0,             /* lea rsp, [rdi + 0x800] */
    0xe8, 0x02, 0,    0,    0,                         /* call +2 */
    0xeb, 0xf9,                                        /* jmp to the call */
    0xc7, 0x07, 0x44, 0x33, 0x22, 0x11,                /* mov dword [rdi], 0x11223344 */
    0x05, 0x88, 0x77, 0x66, 0x55,                      /* add eax, 0x55667788 */
    0x0f, 0x10, 0x0f,                                  /* movups xmm1, [rdi] */
    0x66, 0x0f, 0xfe, 0xc1,                            /* paddd xmm0, xmm1 */
    0x0f, 0x11, 0x87, 0x10, 0x10, 0,    0,             /* movups [rdi + 0x1010], xmm0 */
    0x48, 0x8d, 0x37,                                  /* lea rsi, [rdi] */
    0xb9, 0x28, 0,    0,    0,                         /* mov ecx, 40 */
    0x48, 0x8d, 0xbf, 0x00, 0x04, 0,    0,             /* lea rdi, [rdi + 0x400] */
    0xf3, 0xa4,                                        /* rep movsb */
    0x48, 0x8d, 0xbf, 0xd8, 0xfb, 0xff, 0xff,          /* lea rdi, [rdi - 0x428] */
    0x13, 0xd0,                                        /* adc edx, eax */
    0xc3,                                              /* ret */
};

struct world {
    struct rig rig;
    struct trans *t;
};

static void world_open(struct world *w, bool exact_flags)
{
    struct soft_cpu *c;
    struct soft_fx *fx;

    c = trans_rig_open(&w->rig);
    fx = (struct soft_fx *)(void *)c->s.xsave;
    fx->fcw = FCW_INIT;
    fx->mxcsr = MXCSR_INIT;
    fx->xstate_bv = FX_SSE;
    assert_int_equal(trans_new(c,
                               &(struct trans_config){ .cache_len = 1 << 20,
                                                       .prove = true,
                                                       .check = true,
                                                       .exact_flags = exact_flags },
                               &w->t, NULL),
                     0);
    c->trans = w->t;
    memset(w->rig.code, 0x90, PAGE);
    memcpy(w->rig.code, program, sizeof(program));
    le_put(w->rig.code + 2, 8, WINDOW + WINDOW_DATA);
    c->s.rip = WINDOW;
    soft_flush(c, true);
}

static void world_close(struct world *w)
{
    trans_free(w->t);
    trans_rig_close(&w->rig);
}

/* The bytes, somewhere in the translated code. */
static uint8_t *find(struct world *w, const void *bytes, size_t len)
{
    uint8_t *at = memmem(w->t->store->cache.rw, w->t->store->cache.used, bytes, len);

    assert_non_null(at);
    return at;
}

/* Changes bits of a byte of the first translation of these, and lets it run: what is said, and where. */
static void changed(const void *bytes, size_t len, size_t which, uint8_t bits, const char *what)
{
    struct vitro_err err = { 0 };
    struct world w;
    uint64_t rip, told;

    world_open(&w, false);
    assert_true(trans_burst(w.t, 3000, false));
    assert_int_equal(trans_failure(w.t, &err), 0);
    assert_false(trans_failed_at(w.t, &rip));
    find(&w, bytes, len)[which] ^= bits;
    assert_false(trans_burst(w.t, 3000, false));
    assert_int_equal(w.rig.c->vcpu->exit.kind, EXIT_KICKED);
    assert_true(trans_failure(w.t, &err) < 0);
    assert_non_null(strstr(err.text, what));
    assert_true(trans_failed_at(w.t, &rip));
    w.rig.c->vcpu->engine_cpu[SOFT_SEAT] = w.rig.c;
    assert_true(soft_code_ops.differs(w.rig.m, &told));
    assert_int_equal(told, rip);
    w.rig.c->vcpu->engine_cpu[SOFT_SEAT] = NULL;
    /* In the block, although it was a longer piece that differed. */
    assert_true(rip >= WINDOW + CALLED && rip < WINDOW + sizeof(program));
    world_close(&w);
}

static void test_nothing_differs(void **state)
{
    struct check_stats stats;
    struct vitro_err err;

    (void)state;
    for (unsigned exact = 0; exact < 2; exact++) {
        struct world w;

        world_open(&w, exact != 0);
        assert_true(trans_burst(w.t, 100000, false));
        assert_int_equal(trans_failure(w.t, &err), 0);
        assert_int_equal(trans_end_of_run(w.t, &err), 0);
        check_stats_get(w.t->check, &stats);
        assert_true(stats.pieces > 150 && stats.insns > 90000 && stats.insns <= w.rig.c->insns);
        assert_int_equal(le_get(w.rig.data, 4), 0x11223344);
        assert_int_equal(le_get(w.rig.data + 0x400, 4), 0x11223344);
        world_close(&w);
    }
}

/*
 * Flags that an instruction in two pages writes before anybody reads them are not looked at in front of it, where a
 * piece ends: add eax, eax; add eax, 7; jmp +x; in two pages cmp eax, 0; jmp back.
 */
static void test_flags_before_two_pages(void **state)
{
    enum { AT = 0x100, CROSSING = PAGE - 2, INSNS = 5000 };
    static const uint8_t first[] = { 0x01, 0xc0, 0x83, 0xc0, 7, 0xe9 },
                         second[] = { 0x3d, 0, 0, 0, 0, 0xe9 };
    struct vitro_err err = { 0 };
    struct world w;
    struct soft_cpu *c;

    (void)state;
    world_open(&w, false);
    c = w.rig.c;
    memcpy(w.rig.data + AT, first, sizeof(first));
    le_put(w.rig.data + AT + sizeof(first), 4, CROSSING - AT - sizeof(first) - 4);
    memcpy(w.rig.data + CROSSING, second, sizeof(second));
    le_put(w.rig.data + CROSSING + sizeof(second), 4,
           (uint32_t)(AT - CROSSING - (int)sizeof(second) - 4));
    c->s.rip = WINDOW + WINDOW_DATA + AT;
    while (c->insns < INSNS && trans_failure(w.t, &err) == 0)
        assert_true(trans_burst(w.t, INSNS - c->insns, false));
    assert_string_equal(err.text, "");
    world_close(&w);
}

static void test_a_register_differs(void **state)
{
    (void)state;
    changed("\x05\x88\x77\x66\x55", 5, 1, 1, "rax is 0x");
}

/* The other register is stored. */
static void test_memory_differs(void **state)
{
    (void)state;
    changed("\x42\x0f\x11\x84\x3f", 5, 3, 8, "memory at guest-physical 0x6010 is 0x");
}

/* PADDD with another register. */
static void test_a_vector_differs(void **state)
{
    (void)state;
    changed("\x66\x0f\xfe\xc1", 4, 3, 1, "byte 160 of the XSAVE area is 0x");
}

/* The run ends, as when somebody stops it, before the block has been found. */
static void test_the_end_of_a_run_hides_nothing(void **state)
{
    struct vitro_err err = { 0 };
    struct world w;
    uint64_t rip;

    (void)state;
    world_open(&w, false);
    assert_true(check_hold(w.t));
    assert_int_equal(check_begin(w.t, 100), 100);
    assert_true(soft_step(w.rig.c));
    w.rig.c->insns = 1;
    w.rig.c->s.gpr[X86_RBX] ^= 1;
    assert_int_equal(check_end(w.t, true), CHECK_AGAIN);
    assert_int_equal(w.rig.c->insns, 0);
    assert_int_equal(trans_failure(w.t, &err), 0);
    assert_true(trans_end_of_run(w.t, &err) < 0);
    assert_non_null(strstr(err.text, "rbx is 0x"));
    assert_true(trans_failed_at(w.t, &rip));
    assert_int_equal(rip, WINDOW);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_differs),
        cmocka_unit_test(test_flags_before_two_pages),
        cmocka_unit_test(test_a_register_differs),
        cmocka_unit_test(test_memory_differs),
        cmocka_unit_test(test_a_vector_differs),
        cmocka_unit_test(test_the_end_of_a_run_hides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
