/* SPDX-License-Identifier: MIT */
/*
 * test_trans_far.c - far transfers, interrupts and loads of segments, translated against interpreted
 *
 * The rows and cases of test_soft_far_native.c, and the system rows that ring 3 may execute, between two NOPs and whatever is
 * at the target: more NOPs, the case again, or nothing. What is raised or called comes to handlers in ring 0, which return by
 * IRETQ. The interpreter follows as far as translated code has come, burst for burst, and both must agree in everything. SOFT_CASES in the environment
 * says how many cases a row; 50 else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "soft_far_gen.h"
#include "soft_far_rig.h"
#include "soft_oracle.h"
#include "trans_rig.h"

enum { CASES = 50, BURSTS = 8, RAISED = 3, NOP = 0x90, NOPS_BEFORE = 2, RFLAGS_SLOT = 2 };

struct world {
    struct pair *p;
    struct x86_state start;
    unsigned rows, cases;
};

static unsigned cases_wanted(void)
{
    const char *text = getenv("SOFT_CASES");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : CASES;
}

/* ---- two machines ------------------------------------------------------------------------------ */

static void set_up(struct soft_cpu *c)
{
    c->sys.counted_time = true;
}

static void open_side(struct side *s, enum x86_code code)
{
    const struct native host = { .has_bases = true };
    struct soft_cpu *c = s->rig.c;

    far_open(&s->rig, &host, code);
    far_put_handlers(&s->rig);
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
}

static void begin_side(struct side *s, const struct world *w, const struct gen_case *k)
{
    struct soft_cpu *c = s->rig.c;

    c->s = w->start;
    memcpy(c->s.gpr, k->regs.gpr, sizeof(c->s.gpr));
    c->s.rip = k->regs.rip - NOPS_BEFORE;
    c->s.rflags = k->regs.rflags;
    c->s.seg[X86_GS].base = k->regs.gs_base;
    c->insns = 0;
    memset(s->rig.code, NOP, WINDOW_PAGE);
    memcpy(s->rig.code + GEN_CODE_AT, k->bytes, k->in.len);
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

/* ---- one case ---------------------------------------------------------------------------------- */

/* Words of it are selectors: what is loaded from anywhere is often a segment. */
static void fill_data(struct gen *g, uint8_t *data)
{
    static const uint16_t some[] = { 0,           3,           NATIVE_CS32, NATIVE_DS32,
                                     NATIVE_CS16, NATIVE_DS16, NATIVE_CS64, 0x1f,
                                     0x27,        0x67 };

    for (unsigned i = 0; i < WINDOW_DATA_LEN; i += 2)
        le_put(data + i, 2, gen_below(g, 2) ? some[gen_below(g, ARRAY_LEN(some))] : gen_random(g));
}

static void put_memory(struct rig *r, const struct far_memory *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        uint64_t at = m->at + i - WINDOW_DATA;

        if (at < WINDOW_DATA_LEN)
            r->data[at] = m->bytes[i];
    }
}

/* far_case() often has TF in what IRET loads; here it is seldom. */
static void drop_step(struct gen *g, const struct gen_case *k, struct far_memory *m)
{
    unsigned mnemonic = x86_insn_row(&k->in)->mnemonic;

    if ((mnemonic == X86_MN_IRET || mnemonic == X86_MN_IRETD || mnemonic == X86_MN_IRETQ) &&
        gen_below(g, 8) != 0)
        m->bytes[RFLAGS_SLOT * k->in.opsize + 1] &= (uint8_t) ~(X86_RFLAGS_TF >> 8);
}

static void check_same(const struct pair *p, const struct gen_case *k)
{
    const struct rig *x = &p->interp.rig, *y = &p->trans.rig;
    const struct x86_state *a = &x->c->s, *b = &y->c->s;

    if (a->rip != b->rip || a->rflags != b->rflags || x->c->insns != y->c->insns ||
        memcmp(a->gpr, b->gpr, sizeof(a->gpr)) != 0 || memcmp(x->ram, y->ram, RIG_RAM) != 0) {
        printf("%s, %u-bit:", x86_op_names[k->in.op], k->in.code);
        for (unsigned i = 0; i < k->in.len; i++)
            printf(" %02x", k->bytes[i]);
        printf(": rip %lx %lx, flags %lx %lx, insns %lu %lu\n", (unsigned long)a->rip,
               (unsigned long)b->rip, (unsigned long)a->rflags, (unsigned long)b->rflags,
               (unsigned long)x->c->insns, (unsigned long)y->c->insns);
    }
    assert_int_equal(x->c->insns, y->c->insns);
    assert_int_equal(a->rip, b->rip);
    assert_int_equal(a->rflags, b->rflags);
    assert_memory_equal(a->gpr, b->gpr, sizeof(a->gpr));
    assert_true(same_segments(a, b));
    assert_int_equal(a->cr2, b->cr2);
    assert_int_equal(a->dr6, b->dr6);
    assert_int_equal(a->events.shadow, b->events.shadow);
    assert_int_equal(x->c->cpl, y->c->cpl);
    assert_int_equal(x->c->bank, y->c->bank);
    assert_memory_equal(x->ram, y->ram, RIG_RAM);
}

/* 16-bit code, single steps and shadows are not translated. */
static bool go_on(struct side *s)
{
    struct soft_cpu *c = s->rig.c;
    uint64_t insns = c->insns, rip = c->s.rip;

    return trans_burst(s->t, 1, false) && (c->insns != insns || c->s.rip != rip || soft_advance(c));
}

/* As far as translated code came; what is raised on the way counts no instruction. False: it stopped. */
static bool follow(struct soft_cpu *c, const struct soft_cpu *to)
{
    unsigned raised = 0;

    while (c->insns < to->insns || (c->s.rip != to->s.rip && raised < RAISED)) {
        if (!soft_advance(c))
            return false;
        raised += c->insns == to->insns;
    }
    return true;
}

static void check_case(struct world *w, const struct gen_case *k, const struct far_memory *m)
{
    struct pair *p = w->p;
    bool a = true, b = true;

    put_memory(&p->interp.rig, m);
    memcpy(p->trans.rig.data, p->interp.rig.data, WINDOW_DATA_LEN);
    begin_side(&p->interp, w, k);
    begin_side(&p->trans, w, k);
    for (unsigned i = 0; i < BURSTS && a; i++) {
        b = go_on(&p->trans);
        a = follow(p->interp.rig.c, p->trans.rig.c) && (b || soft_advance(p->interp.rig.c));
        assert_int_equal(a, b);
        check_same(p, k);
    }
    w->cases++;
}

/* ---- all rows ---------------------------------------------------------------------------------- */

static bool is_compared(const struct x86_row *row)
{
    return oracle_is_far(row) || (row->klass == X86_CLASS_SYSTEM && oracle_is_int(row));
}

static void check_row(struct world *w, unsigned op, unsigned cases)
{
    struct far_memory memory;
    struct gen_case k;
    unsigned before = w->cases;

    for (unsigned i = 0; i < 4 * cases && w->cases - before < cases; i++) {
        fill_data(&w->p->gen, w->p->interp.rig.data);
        if (!far_case(&w->p->gen, op, &k, &memory))
            break;
        drop_step(&w->p->gen, &k, &memory);
        check_case(w, &k, &memory);
    }
    assert_int_equal(w->cases - before, cases);
    w->rows++;
}

static void check_rows(enum x86_code code)
{
    struct world w = { .p = pair_open(&(struct trans_config){ .cache_len = 1 << 20,
                                                              .prove = true,
                                                              .exact_flags = true },
                                      set_up) };
    struct trans_stats stats;

    w.p->gen = (struct gen){ .rng = 1 + code, .code = code };
    open_side(&w.p->interp, code);
    open_side(&w.p->trans, code);
    w.start = w.p->interp.rig.c->s;
    for (unsigned op = 1; op < X86_NOPS; op++) {
        if (is_compared(&x86_rows[op]) && oracle_exists(&x86_rows[op], code))
            check_row(&w, op, cases_wanted());
    }
    trans_stats_get(w.p->trans.t, &stats);
    printf("%u-bit code: %u rows, %u cases, %lu instructions translated, %lu stepped, 0 "
           "differences\n",
           (unsigned)code, w.rows, w.cases, (unsigned long)stats.insns, (unsigned long)stats.steps);
    assert_true(w.rows > 20 && stats.insns > w.cases);
    pair_close(w.p);
}

static void test_64(void **state)
{
    (void)state;
    check_rows(X86_CODE_64);
}

static void test_32(void **state)
{
    (void)state;
    check_rows(X86_CODE_32);
}

static void test_16(void **state)
{
    (void)state;
    check_rows(X86_CODE_16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64),
        cmocka_unit_test(test_32),
        cmocka_unit_test(test_16),
    };

    return cmocka_run_group_tests_name("trans/far", tests, NULL, NULL);
}
