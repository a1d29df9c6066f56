/* SPDX-License-Identifier: MIT */
/*
 * test_soft_far_native.c - far transfers and interrupts, in the interpreter and on the host CPU
 *
 * From 64-bit, 32-bit and 16-bit code to code of all three, to selectors that are none, and over limits. Registers, flags,
 * segments, memory and the fault with its error code must be equal; for INT n also the vector that the kernel was called
 * with. The step trap comes before anything of the target is fetched. SOFT_CASES in the environment says how many cases a
 * row; 200 else.
 *
 * Left out: INT 80, which is a system call of Linux. What AMD's CPUs do otherwise is in soft_far_amd.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/ops_simd.h"
#include "soft_both.h"
#include "soft_claims.h"
#include "soft_far_amd.h"
#include "soft_far_gen.h"
#include "soft_far_rig.h"
#include "soft_oracle.h"

enum { SHOWN = 2, INT3 = 0xcc };

/* ---- one case --------------------------------------------------------------------------------- */

static void put_byte(struct both *b, uint64_t at, uint8_t byte)
{
    if (at - WINDOW_DATA >= WINDOW_DATA_LEN)
        return;
    b->rig.data[at - WINDOW_DATA] = byte;
    b->native.data[at - WINDOW_DATA] = byte;
}

static void put_memory(struct both *b, const struct far_memory *m)
{
    for (unsigned i = 0; i < m->n; i++)
        put_byte(b, m->at + i, m->bytes[i]);
}

static void put_code(struct both *b, const struct gen_case *k)
{
    memcpy(b->rig.code + GEN_CODE_AT, k->bytes, sizeof(k->bytes));
    memcpy(b->native.code + GEN_CODE_AT, k->bytes, sizeof(k->bytes));
}

static bool as_its_row_says(const struct gen_case *k, const struct native_end *soft)
{
    const char *wrong =
        claims_wrong(&k->in, k->regs.gpr, soft->regs.gpr, k->regs.rflags, soft->regs.rflags);

    if (wrong != NULL)
        printf("%s changes %s\n", x86_op_names[k->in.op], wrong);
    return wrong == NULL;
}

/* SDM 2, CALL, checks the target before it pushes; near calls of Intel's CPUs have pushed by then. */
static bool is_unsaid(const struct both *b, const struct gen_case *k, const struct native_end *soft)
{
    return !b->amd && x86_insn_row(&k->in)->mnemonic == X86_MN_CALLF && soft->vector == VEC_GP &&
           soft->error == 0;
}

/* False when the case is not one for the host. */
static bool run_case(struct both *b, struct gen *g, unsigned op)
{
    struct native_end soft, native;
    struct far_memory memory;
    struct gen_case k;
    bool told, other;

    if (!far_case(g, op, &k, &memory))
        return false;
    if (b->amd && far_amd_other_insn(&k.in))
        return true;
    put_memory(b, &memory);
    put_code(b, &k);
    far_run(&b->rig, &b->native, &k, &soft);
    told = as_its_row_says(&k, &soft);
    other = far_amd_expect(&(struct far_amd){ &b->rig, b->native.data, &k, &b->native, &soft });
    if (both_is_wild(&soft) || (other && !b->amd) || is_unsaid(b, &k, &soft)) {
        memcpy(b->rig.data, b->native.data, WINDOW_DATA_LEN);
        return true;
    }
    native_run(&b->native, g->code, &k.regs, &native);
    b->cases++;
    b->faults += soft.vector != VEC_DB;
    if (!both_equal(&soft, &native, g->code) ||
        memcmp(b->rig.data, b->native.data, WINDOW_DATA_LEN) != 0 || !told) {
        b->differences++;
        if (++b->shown <= SHOWN)
            both_show(&b->rig, &b->native, &k, &soft, &native);
    }
    memcpy(b->rig.data, b->native.data, WINDOW_DATA_LEN);
    return true;
}

/* ---- all rows --------------------------------------------------------------------------------- */

static void begin(struct both *b, struct gen *g, enum x86_code code)
{
    both_open(b, code);
    *g = (struct gen){ .rng = 0x3456789 + code,
                       .code = code,
                       .fs_base = code == X86_CODE_64 ? b->native.fs_base : 0 };
    memset(b->native.code, INT3, WINDOW_PAGE);
    far_open(&b->rig, &b->native, code);
}

static void run_rows(struct both *b, enum x86_code code, bool (*chosen)(const struct x86_row *),
                     const char *what)
{
    const char *only = getenv("SOFT_ROW");
    struct gen g;

    begin(b, &g, code);
    for (unsigned op = 1; op < X86_NOPS; op++) {
        const struct x86_row *row = &x86_rows[op];

        if (chosen(row) && oracle_exists(row, code) &&
            soft_simd_host_has((enum x86_feature)row->feature) &&
            (only == NULL || strstr(x86_op_names[op], only) != NULL))
            both_run_row(b, &g, op, run_case);
    }
    both_close(b, what, code);
}

static const char far[] = "native oracle, far in", refused[] = "refused natively, in";

static void test_64(void **state)
{
    run_rows(*state, X86_CODE_64, oracle_is_far, far);
}

static void test_32(void **state)
{
    run_rows(*state, X86_CODE_32, oracle_is_far, far);
}

static void test_16(void **state)
{
    run_rows(*state, X86_CODE_16, oracle_is_far, far);
}

static void test_refused_64(void **state)
{
    run_rows(*state, X86_CODE_64, oracle_refused, refused);
}

static void test_refused_32(void **state)
{
    run_rows(*state, X86_CODE_32, oracle_refused, refused);
}

static void test_refused_16(void **state)
{
    run_rows(*state, X86_CODE_16, oracle_refused, refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64),         cmocka_unit_test(test_32),
        cmocka_unit_test(test_16),         cmocka_unit_test(test_refused_64),
        cmocka_unit_test(test_refused_32), cmocka_unit_test(test_refused_16),
    };

    return cmocka_run_group_tests_name("soft/far native", tests, both_setup, both_teardown);
}
