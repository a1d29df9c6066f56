/* SPDX-License-Identifier: MIT */
/* evidence.c - see evidence.h */
#include "evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void check(int rc, const struct vitro_err *err)
{
    if (rc == 0)
        return;
    if (err->kind == VITRO_ERR_ENGINE && strcasestr(err->text, "kvm") != NULL) {
        print_message("cannot run here: %s\n", err->text);
        skip();
    }
    fail_msg("%s", err->text);
}

void open_guest(const struct vitro_guest_config *gcfg, struct vitro_config *cfg,
                struct vitro_guest **guest, struct vitro **m)
{
    struct vitro_err err = { 0 };

    check(vitro_guest_open(gcfg, guest, &err), &err);
    check(vitro_new(cfg, *guest, m, &err), &err);
}

static void drop_kicks(struct evidence *e)
{
    size_t n = 0;

    assert_true(e->nrows <= ROWS_MAX);
    for (size_t i = 0; i < e->nrows; i++) {
        if (strcmp(e->row[i].reason, "kicked") != 0)
            e->row[n++] = e->row[i];
    }
    e->nrows = n;
}

void evidence_take(struct vitro *m, int output, struct evidence *e)
{
    struct vitro_err err = { 0 };
    ssize_t len;

    check(vitro_regs(m, 0, &e->regs, &err), &err);
    check(vitro_exits(m, e->row, ROWS_MAX, &e->nrows, &err), &err);
    drop_kicks(e);
    assert_int_equal(vitro_mem_read(m, 0x400, &e->word, sizeof(e->word)), 0);
    len = pread(output, e->output, OUTPUT_MAX - 1, 0);
    assert_true(len >= 0);
    e->output[len] = '\0';
}

/* Rows in an order of their own: counts tie in many ways. */
static int by_key(const void *left, const void *right)
{
    const struct vitro_exit_row *a = left, *b = right;

    if (a->rip != b->rip)
        return a->rip < b->rip ? -1 : 1;
    return a->addr < b->addr ? -1 : a->addr > b->addr;
}

void evidence_compare(struct evidence *a, struct evidence *b, bool varies)
{
    assert_int_equal(a->end.end, b->end.end);
    assert_int_equal(a->end.rip, b->end.rip);
    assert_int_equal(a->end.code, b->end.code);
    assert_int_equal(a->word, b->word);
    if (!varies)
        assert_string_equal(a->output, b->output);
    assert_int_equal(a->nrows, b->nrows);
    qsort(a->row, a->nrows, sizeof(a->row[0]), by_key);
    qsort(b->row, b->nrows, sizeof(b->row[0]), by_key);
    for (size_t i = 0; i < a->nrows; i++) {
        assert_string_equal(a->row[i].reason, b->row[i].reason);
        assert_int_equal(a->row[i].addr, b->row[i].addr);
        assert_int_equal(a->row[i].rip, b->row[i].rip);
        assert_int_equal(a->row[i].accesses, b->row[i].accesses);
    }
    if (varies || a->end.end != VITRO_END_HALT)
        return; /* after a triple fault hosts differ in what they keep */
    assert_memory_equal(a->regs.gpr, b->regs.gpr, sizeof(a->regs.gpr));
    assert_int_equal(a->regs.rip, b->regs.rip);
    assert_int_equal(a->regs.rflags, b->regs.rflags);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(a->regs.seg[i].base, b->regs.seg[i].base);
    assert_int_equal(a->regs.cr0, b->regs.cr0);
    assert_int_equal(a->regs.cr3, b->regs.cr3);
    assert_int_equal(a->regs.cr4, b->regs.cr4);
    assert_int_equal(a->regs.efer, b->regs.efer);
}
