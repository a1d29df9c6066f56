/* SPDX-License-Identifier: MIT */
/*
 * test_soft_claims.c - what integer rows of the opcode table say of registers and flags is true
 *
 * A case is run twice: with other values in what its row does not read. What it does may not differ; flags that
 * are written, and defined, may not be the old ones. What vector and x87 rows write is looked at in soft/simd and
 * soft/x87, that soft/int's cases write nothing else there too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/soft/trans/host_flags.h"
#include "engine/soft/trans/scan.h"
#include "soft_claims.h"
#include "soft_int_gen.h"
#include "soft_int_rig.h"
#include "soft_oracle.h"

enum { CASES = 100, SHOWN = 2 };

struct end {
    uint64_t gpr[X86_NGPR], rip, rflags, cr2;
    int vector; /* -1: it was done */
    uint32_t error;
    uint8_t data[WINDOW_DATA_LEN];
};

struct claims {
    struct rig rig;
    struct gen g;
    uint8_t data[WINDOW_DATA_LEN]; /* memory before each run */
    struct end one, two;
    unsigned rows, cases, wrong, shown;
};

static void run(struct claims *t, const struct gen_case *k, struct end *out)
{
    struct soft_cpu *c = t->rig.c;
    bool done;

    memcpy(t->rig.data, t->data, WINDOW_DATA_LEN);
    memcpy(c->s.gpr, k->regs.gpr, sizeof(c->s.gpr));
    c->s.rip = k->regs.rip;
    c->s.rflags = k->regs.rflags;
    c->repeats = false;
    done = rig_once(&t->rig);
    memcpy(out->gpr, c->s.gpr, sizeof(out->gpr));
    out->rip = c->s.rip;
    out->rflags = c->s.rflags;
    out->vector = done ? -1 : c->stop.vector;
    out->error = !done && c->stop.has_error ? c->stop.error : 0;
    out->cr2 = done ? 0 : c->stop.cr2;
    memcpy(out->data, t->rig.data, WINDOW_DATA_LEN);
}

/* Masked, as SDM 2 says of shifts; a count of zero leaves the flags as they were. */
static bool shifts_by_nothing(const struct gen_case *k)
{
    const struct x86_row *row = x86_insn_row(&k->in);
    uint64_t count = row->imm == X86_IMM_B ? k->in.imm : k->regs.gpr[X86_RCX];
    struct x86_operand o;

    x86_insn_operand(&k->in, 0, &o);

    switch (row->mnemonic) {
    case X86_MN_ROL:
    case X86_MN_ROR:
    case X86_MN_RCL:
    case X86_MN_RCR:
    case X86_MN_SHL:
    case X86_MN_SHR:
    case X86_MN_SAR:
    case X86_MN_SHLD:
    case X86_MN_SHRD:
        return x86_opnd_types[row->operand[1]].kind != X86_OPK_ONE &&
               (count & (o.bytes == 8 ? 63 : 31)) == 0;
    default:
        return false;
    }
}

/* Flags that nothing of before is left of, in a case that raised nothing. */
static uint64_t overwritten(const struct claims *t, const struct gen_case *k)
{
    const struct x86_row *row = x86_insn_row(&k->in);

    if (t->one.vector >= 0 || shifts_by_nothing(k) || row->klass == X86_CLASS_STRING)
        return 0;
    return row->flags_written & ~(row->flags_undefined | row->flags_read) & CLAIMS_FLAGS;
}

/* And those that the translator takes for such, before it has seen the operands. */
static uint64_t taken_for_overwritten(const struct claims *t, const struct gen_case *k)
{
    static struct scan s;
    struct scan_insn x = { .in = k->in, .kind = SCAN_COPY };

    if (t->one.vector >= 0 || k->in.code != X86_CODE_64 ||
        x86_insn_row(&k->in)->klass != X86_CLASS_INT)
        return 0;
    s.shifts_kill = host_shifts_write_all();
    return scan_overwrites(&s, &x) & ~(uint64_t)x86_insn_row(&k->in)->flags_read;
}

/* ---- the same with another value in what is not read ------------------------------------------ */

static bool same_but(const struct claims *t, const struct gen_case *k, unsigned reg)
{
    const struct end *a = &t->one, *b = &t->two;

    for (unsigned i = 0; i < X86_NGPR; i++) {
        bool old = i == reg && !x86_insn_writes_gpr(&k->in, i);

        if (i == reg && !old)
            continue; /* a part may be the old one */
        if (b->gpr[i] != (old ? k->regs.gpr[i] : a->gpr[i]))
            return false;
    }
    return a->rip == b->rip && a->vector == b->vector && a->error == b->error && a->cr2 == b->cr2 &&
           memcmp(a->data, b->data, WINDOW_DATA_LEN) == 0;
}

static const char *flags_wrong(struct claims *t, const struct gen_case *k)
{
    uint64_t flip = CLAIMS_FLAGS & ~(uint64_t)x86_insn_row(&k->in)->flags_read, differ;
    struct gen_case other = *k;

    other.regs.rflags ^= flip;
    run(t, &other, &t->two);
    differ = t->one.rflags ^ t->two.rflags;
    if (!same_but(t, &other, X86_NGPR) || differ & ~flip)
        return "depends on a flag that its row does not read";
    if (differ & taken_for_overwritten(t, k))
        return "leaves a flag that the translator takes for overwritten";
    return differ & overwritten(t, k) ? "leaves a flag that its row writes" : NULL;
}

static const char *register_wrong(struct claims *t, const struct gen_case *k, unsigned reg)
{
    uint64_t mask = t->g.code == X86_CODE_64 ? UINT64_MAX : UINT32_MAX;
    struct gen_case other = *k;

    other.regs.gpr[reg] = ~other.regs.gpr[reg] & mask;
    run(t, &other, &t->two);
    return same_but(t, &other, reg) && ((t->one.rflags ^ t->two.rflags) & CLAIMS_FLAGS) == 0
               ? NULL
               : "depends on a register that its row does not read";
}

static const char *wrong(struct claims *t, const struct gen_case *k)
{
    const char *what;

    memcpy(t->rig.code + GEN_CODE_AT, k->bytes, sizeof(k->bytes));
    run(t, k, &t->one);
    what = claims_wrong(&k->in, k->regs.gpr, t->one.gpr, k->regs.rflags, t->one.rflags);
    if (what == NULL)
        what = flags_wrong(t, k);
    for (unsigned reg = 0; what == NULL && reg < (t->g.code == X86_CODE_64 ? X86_NGPR : 8); reg++) {
        if (!claims_reads_gpr(&k->in, reg))
            what = register_wrong(t, k, reg);
    }
    return what;
}

/* ---- all rows ---------------------------------------------------------------------------------- */

static void check_row(struct claims *t, unsigned op)
{
    struct gen_case k;

    t->rows++;
    t->shown = 0;
    for (unsigned i = 0; i < CASES && gen_case(&t->g, op, &k); i++) {
        const char *what;

        for (unsigned at = 0; at < WINDOW_DATA_LEN; at += 8)
            le_put(t->data + at, 8, gen_value(&t->g));
        what = wrong(t, &k);
        t->cases++;
        if (what == NULL)
            continue;
        t->wrong++;
        if (t->shown++ >= SHOWN)
            continue;
        printf("%s, %u-bit:", x86_op_names[op], k.in.code);
        for (unsigned n = 0; n < k.in.len; n++)
            printf(" %02x", k.bytes[n]);
        printf(": %s\n", what);
    }
}

static void check_rows(enum x86_code code)
{
    static struct claims t;

    t = (struct claims){ .g = { .rng = 0x2345678 + code, .code = code } };
    rig_open(&t.rig);
    rig_mode(&t.rig, code);
    for (unsigned op = 1; op < X86_NOPS; op++) {
        const struct x86_row *row = &x86_rows[op];

        if (oracle_is_int(row) && oracle_exists(row, code) && row->privilege != X86_PRIV_IOPL &&
            !oracle_loads_segment(row) && !oracle_varies(row))
            check_row(&t, op);
    }
    rig_close(&t.rig);
    printf("claims, %d-bit code: %u rows, %u cases, %u wrong\n", (int)code, t.rows, t.cases,
           t.wrong);
    assert_true(t.rows > 0 && t.cases == t.rows * CASES);
    assert_int_equal(t.wrong, 0);
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

    return cmocka_run_group_tests_name("soft/claims", tests, NULL, NULL);
}
