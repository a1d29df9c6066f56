/* SPDX-License-Identifier: MIT */
/*
 * test_trans_group.c - how many checks of memory the hot part of translated code has
 *
 * That it computes the same with one check as with several is what the matrix of faults and the random sequences test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/trans/block.h"
#include "trans_rig.h"

enum { PAGE = 4096, CODE_AT = 0x800, AT = 0x100, FIRST = BLOCK_NONE + 1 };
enum { MANY = 4 /* instructions: more than a row has */ };

static const struct row {
    const char *name;
    unsigned checks;
    uint8_t bytes[24], len;
} rows[] = {
#define R(name, checks, ...)                                                    \
    {                                                                           \
        name, checks, { __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) \
    }
    R("two loads by one register", 1, 0x48, 0x8b, 0x03, 0x8b, 0x4b, 0x08),
    R("by two registers", 2, 0x48, 0x8b, 0x03, 0x8b, 0x4e, 0x08),
    R("a load and a store", 1, 0x48, 0x8b, 0x03, 0x89, 0x4b, 0x08),
    R("ALU between", 1, 0x48, 0x8b, 0x03, 0x48, 0x01, 0xc1, 0x89, 0x4b, 0x08),
    R("a branch between", 1, 0x3b, 0x43, 0x04, 0x75, 0x00, 0x89, 0x4b, 0x10),
    R("the register is written between", 2, 0x8b, 0x03, 0x48, 0xff, 0xc3, 0x89, 0x4b, 0x08),
    R("its second byte is written between", 2, 0x8b, 0x03, 0xb7, 0x22, 0x89, 0x4b, 0x08),
    R("an index' second byte is written", 2, 0x8b, 0x04, 0x13, 0xb6, 0x00, 0x8b, 0x4c, 0x13, 0x18),
    R("CMPXCHG, which writes RAX", 2, 0x48, 0x0f, 0xb1, 0x08, 0x8b, 0x48, 0x08),
    R("the register is loaded first", 2, 0x48, 0x8b, 0x1b, 0x89, 0x4b, 0x08),
    R("the register is loaded last", 1, 0x89, 0x4b, 0x08, 0x48, 0x8b, 0x1b),
    R("far apart", 2, 0x8b, 0x03, 0x89, 0x8b, 0x00, 0x02, 0, 0),
    R("with one index", 1, 0x48, 0x8b, 0x04, 0x13, 0x48, 0x8b, 0x4c, 0x13, 0x18),
    R("with two scales", 2, 0x48, 0x8b, 0x04, 0x13, 0x48, 0x8b, 0x4c, 0x53, 0x18),
    R("fs and ds", 2, 0x64, 0x8b, 0x03, 0x48, 0x8b, 0x4b, 0x08),
    R("ds and es", 1, 0x26, 0x8b, 0x03, 0x48, 0x8b, 0x4b, 0x08),
    R("by rip in one page", 1, 0x8b, 0x05, 0, 1, 0, 0, 0x8b, 0x0d, 0x40, 1, 0, 0),
    R("by rip in two pages", 2, 0x8b, 0x05, 0xfa, 0x26, 0, 0, 0x8b, 0x0d, 0xf4, 0x27, 0, 0),
#undef R
};

static void begin(struct rig *rig, const struct row *row)
{
    struct soft_cpu *c = rig->c;

    trans_rig_mode(rig, X86_CODE_64);
    memset(rig->code, 0x90, PAGE);
    memcpy(rig->code + CODE_AT, row->bytes, row->len);
    rig->code[CODE_AT + row->len] = 0xeb; /* jmp to itself */
    rig->code[CODE_AT + row->len + 1] = 0xfe;
    le_put(rig->data + AT, 8, WINDOW + WINDOW_DATA + AT);
    memset(c->s.gpr, 0, sizeof(c->s.gpr));
    c->s.gpr[X86_RAX] = c->s.gpr[X86_RBX] = c->s.gpr[X86_RSI] = WINDOW + WINDOW_DATA + AT;
    c->s.rip = WINDOW + CODE_AT;
    c->s.rflags = X86_RFLAGS_FIXED;
    c->insns = 0;
    soft_mode_changed(c);
    soft_flush(c, true);
}

/* cmp rbp, imm32: S1 with what is left of a page. */
static unsigned checks(const struct trans_store *store, const struct block *b)
{
    static const uint8_t cmp[] = { 0x48, 0x81, 0xfd };
    const uint8_t *code = store->cache.rw + b->entry;
    unsigned n = 0;

    for (unsigned i = 0; i + sizeof(cmp) <= b->straight; i++)
        n += memcmp(code + i, cmp, sizeof(cmp)) == 0;
    return n;
}

static void test_checks(void **state)
{
    struct rig rig;
    struct soft_cpu *c = trans_rig_open(&rig);
    struct trans *t;
    unsigned n;

    (void)state;
    assert_int_equal(
        trans_new(c, &(struct trans_config){ .cache_len = 1 << 20, .prove = true }, &t, NULL), 0);
    c->trans = t;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(&rig, &rows[i]);
        trans_reset(t);
        if (!trans_burst(t, MANY, false))
            fail_msg("%s: exception %d", rows[i].name, c->raised);
        n = checks(t->store, &t->store->block[FIRST]);
        if (n != rows[i].checks)
            fail_msg("%s: %u checks", rows[i].name, n);
    }
    trans_free(t);
    trans_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
    };

    return cmocka_run_group_tests_name("soft/trans groups", tests, NULL, NULL);
}
