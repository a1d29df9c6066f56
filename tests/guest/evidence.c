/* SPDX-License-Identifier: MIT */
/* evidence.c - see evidence.h */
#include "evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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
    check(vitro_fpu(m, 0, &e->fpu, &err), &err);
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

/* ---- the same, said and not asserted --------------------------------------------------------- */

struct side {
    struct evidence *a, *b;
    char *text;
    size_t size;
};

static bool same_word(const struct side *s, const char *what, uint64_t a, uint64_t b)
{
    if (a == b)
        return true;
    snprintf(s->text, s->size, "%s: %#llx and %#llx", what, (unsigned long long)a,
             (unsigned long long)b);
    return false;
}

static bool same_bytes(const struct side *s, const char *what, const void *a, const void *b,
                       size_t len)
{
    const unsigned char *x = a, *y = b;
    char name[64];

    for (size_t i = 0; i < len; i++) {
        snprintf(name, sizeof(name), "%s, byte %zu", what, i);
        if (!same_word(s, name, x[i], y[i]))
            return false;
    }
    return true;
}

/* Accesses and the end, whatever made each engine leave the guest besides. */
static void keep_accesses(struct evidence *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->nrows; i++) {
        if (strcmp(e->row[i].reason, "refused") != 0)
            e->row[n++] = e->row[i];
    }
    e->nrows = n;
    qsort(e->row, n, sizeof(e->row[0]), by_key);
}

static bool same_accesses(const struct side *s)
{
    keep_accesses(s->a);
    keep_accesses(s->b);
    if (!same_word(s, "rows of the access table", s->a->nrows, s->b->nrows))
        return false;
    for (size_t i = 0; i < s->a->nrows; i++) {
        const struct vitro_exit_row *a = &s->a->row[i], *b = &s->b->row[i];

        if (strcmp(a->reason, b->reason) != 0) {
            snprintf(s->text, s->size, "reason at rip %#llx: %s and %s", (unsigned long long)a->rip,
                     a->reason, b->reason);
            return false;
        }
        if (!same_word(s, "place of an access", a->addr, b->addr) ||
            !same_word(s, "rip of an access", a->rip, b->rip) ||
            !same_word(s, "count of an access", a->accesses, b->accesses))
            return false;
    }
    return true;
}

static unsigned attributes(const struct vitro_seg *s)
{
    return s->type | (unsigned)s->dpl << 4 | s->s << 6 | s->present << 7 | s->l << 8 | s->db << 9 |
           s->g << 10;
}

static bool same_segment(const struct side *s, const char *name, const struct vitro_seg *a,
                         const struct vitro_seg *b)
{
    char what[32];

    snprintf(what, sizeof(what), "base of %s", name);
    if (!same_word(s, what, a->base, b->base))
        return false;
    snprintf(what, sizeof(what), "selector of %s", name);
    if (!same_word(s, what, a->selector, b->selector))
        return false;
    snprintf(what, sizeof(what), "usability of %s", name);
    if (!same_word(s, what, a->unusable, b->unusable))
        return false;
    if (a->unusable)
        return true;
    snprintf(what, sizeof(what), "limit of %s", name);
    if (!same_word(s, what, a->limit, b->limit))
        return false;
    snprintf(what, sizeof(what), "attributes of %s", name);
    return same_word(s, what, attributes(a), attributes(b));
}

static bool same_segments(const struct side *s)
{
    static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    const struct vitro_regs *a = &s->a->regs, *b = &s->b->regs;

    for (unsigned i = 0; i < 6; i++) {
        if (!same_segment(s, names[i], &a->seg[i], &b->seg[i]))
            return false;
    }
    return same_segment(s, "TR", &a->tr, &b->tr) && same_segment(s, "LDTR", &a->ldtr, &b->ldtr);
}

static bool same_words(const struct side *s)
{
    const struct vitro_regs *a = &s->a->regs, *b = &s->b->regs;
    const struct {
        const char *name;
        uint64_t a, b;
    } words[] = {
        { "RIP", a->rip, b->rip },
        { "RFLAGS", a->rflags, b->rflags },
        { "CPL", a->cpl, b->cpl },
        { "GDTR's base", a->gdt_base, b->gdt_base },
        { "GDTR's limit", a->gdt_limit, b->gdt_limit },
        { "IDTR's base", a->idt_base, b->idt_base },
        { "IDTR's limit", a->idt_limit, b->idt_limit },
        { "CR0", a->cr0, b->cr0 },
        { "CR3", a->cr3, b->cr3 },
        { "CR4", a->cr4, b->cr4 },
        { "CR8", a->cr8, b->cr8 },
        { "EFER", a->efer, b->efer },
        { "XCR0", a->xcr0, b->xcr0 },
        { "DR0", a->dr[0], b->dr[0] },
        { "DR1", a->dr[1], b->dr[1] },
        { "DR2", a->dr[2], b->dr[2] },
        { "DR3", a->dr[3], b->dr[3] },
        { "DR6", a->dr6, b->dr6 },
        { "DR7", a->dr7, b->dr7 },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!same_word(s, words[i].name, words[i].a, words[i].b))
            return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        char what[16];

        snprintf(what, sizeof(what), "gpr[%u]", i);
        if (!same_word(s, what, a->gpr[i], b->gpr[i]))
            return false;
    }
    return true;
}

static bool same_fpu(const struct side *s)
{
    const struct vitro_fpu *a = &s->a->fpu, *b = &s->b->fpu;

    return same_word(s, "FCW", a->fcw, b->fcw) && same_word(s, "FSW", a->fsw, b->fsw) &&
           same_word(s, "FTW", a->ftw, b->ftw) && same_word(s, "MXCSR", a->mxcsr, b->mxcsr) &&
           same_bytes(s, "x87 registers", a->st, b->st, sizeof(a->st)) &&
           same_bytes(s, "XMM registers", a->xmm, b->xmm, sizeof(a->xmm)) &&
           same_bytes(s, "upper halves of YMM registers", a->ymmh, b->ymmh, sizeof(a->ymmh));
}

bool evidence_same(struct evidence *a, struct evidence *b, char *text, size_t size)
{
    const struct side s = { a, b, text, size };

    if (!same_word(&s, "end", a->end.end, b->end.end) ||
        !same_word(&s, "code of the end", a->end.code, b->end.code) ||
        !same_bytes(&s, "console", a->output, b->output, OUTPUT_MAX) || !same_accesses(&s))
        return false;
    if (a->end.end == VITRO_END_SHUTDOWN)
        return true;
    return same_words(&s) && same_segments(&s) && same_fpu(&s);
}
