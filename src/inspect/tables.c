/* SPDX-License-Identifier: MIT */
/*
 * tables.c - the page tables as an indented tree, runs of equal entries merged
 *
 * Rows are merged while the tree is read, so that memory and output are bounded whatever the guest has
 * built: consecutive pages with equal bits that lead to consecutive memory (or all to one page) are one
 * row; consecutive tables that are full of one such run are one row too. Tables that lead back to
 * themselves are followed as the CPU would, up to the bounds.
 *
 * A running machine stands still while its tables are copied; they are walked afterwards.
 *
 * GAP: with more than TABLE_COPIES_MAX tables it stands still while they are walked, up to a second for tables that
 * are made to be long.
 */
#include "inspect/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "core/pause.h"
#include "inspect/table_copies.h"

enum { PAGE = 4096, TABLE_PAGES_MAX = 1 << 18 };

struct builder {
    struct tables *t;
    const struct vitro_tables_filter *filter;
    /* tables on the way to the present entry, by the level of the entry that points to each */
    struct tables_row path[X86_WALK_LEVELS + 1];
    bool told[X86_WALK_LEVELS + 1];
};

static bool filter_rights(const struct vitro_tables_filter *f)
{
    return f->writable || f->executable || f->user;
}

/* The address bits of a table's entry that select a table are all there: every entry is in the row. */
static bool is_full(const struct tables *t, const struct tables_row *r)
{
    return r->first == 0 && r->last == BIT(space_index_bits(t->c.form, r->step.level)) - 1;
}

static bool same_look(const struct tables_row *a, const struct tables_row *b)
{
    return a->kind == b->kind && a->step.level == b->step.level && a->flags == b->flags &&
           a->writable == b->writable && a->user == b->user && a->executable == b->executable &&
           a->loop == b->loop;
}

/* Whether b goes on where a ends, as a run of pages or of broken entries. */
static bool goes_on(const struct tables_row *a, const struct tables_row *b)
{
    if (!same_look(a, b) || a->kind == TABLES_TABLE || b->first != a->last + 1u ||
        b->gva != a->gva + a->bytes)
        return false;
    if (a->kind != TABLES_PAGES)
        return true;
    if (!a->one_page && b->gpa == a->gpa + a->bytes)
        return true;
    return (a->one_page || a->first == a->last) && b->gpa == a->gpa;
}

static void take_in(struct tables_row *a, const struct tables_row *b)
{
    if (a->kind == TABLES_PAGES && b->gpa == a->gpa)
        a->one_page = true;
    a->last = b->last;
    a->bytes += b->bytes;
}

/* The last four rows are table, its run, table, its run: make them two if they say the same. */
static void fold_tables(struct tables *t)
{
    struct tables_row *r = t->n >= 4 ? &t->row[t->n - 4] : NULL;

    if (r == NULL || r[0].kind != TABLES_TABLE || r[1].kind != TABLES_PAGES ||
        !same_look(&r[0], &r[2]) || !same_look(&r[1], &r[3]) ||
        r[0].step.level != r[1].step.level + 1 || !is_full(t, &r[1]) || !is_full(t, &r[3]) ||
        r[1].one_page || r[3].one_page || r[2].first != r[0].last + 1u ||
        r[3].gva != r[1].gva + r[1].bytes || r[3].gpa != r[1].gpa + r[1].bytes ||
        r[2].gpa != r[0].gpa + (uint64_t)PAGE * (r[0].last - r[0].first + 1u))
        return;
    r[0].last = r[2].last;
    r[0].bytes += r[2].bytes;
    r[1].bytes += r[3].bytes;
    r[1].repeated = true;
    t->n -= 2;
}

static bool add_row(struct tables *t, const struct tables_row *row)
{
    if (t->n > 0 && goes_on(&t->row[t->n - 1], row)) {
        take_in(&t->row[t->n - 1], row);
        return true;
    }
    if (row->kind == TABLES_TABLE)
        fold_tables(t);
    if (t->n == SPACES_ROWS_MAX) {
        t->cut_rows = true;
        return false;
    }
    t->row[t->n++] = *row;
    return true;
}

/* The page at gpa is the top table or one on the way to this entry. */
static bool leads_back(const struct builder *b, unsigned level, uint64_t gpa)
{
    const struct cpu_space *c = &b->t->c;

    if (gpa == c->root)
        return true;
    for (unsigned l = level + 1; l <= c->levels; l++) {
        if (b->path[l].gpa == gpa)
            return true;
    }
    return false;
}

static struct tables_row row_of(const struct builder *b, const struct x86_tree_node *node)
{
    struct tables_row r = {
        .kind = node->leaf        ? TABLES_PAGES
                : node->reserved  ? TABLES_RESERVED
                : node->no_memory ? TABLES_NO_MEMORY
                                  : TABLES_TABLE,
        .step = node->step,
        .first = node->step.index,
        .last = node->step.index,
        .gva = node->gva,
        .bytes = node->bytes,
        .page_bytes = node->bytes,
        .gpa = node->gpa,
        .flags = space_flags(&node->step, node->leaf),
        .writable = node->writable,
        .user = node->user,
        .executable = node->executable,
    };

    r.loop = r.kind == TABLES_TABLE && leads_back(b, node->step.level, node->gpa);
    return r;
}

/* The tables above an entry at this level that have not been shown. */
static bool add_path(struct builder *b, unsigned level)
{
    for (unsigned l = b->t->c.levels; l > level; l--) {
        if (!b->told[l] && !add_row(b->t, &b->path[l]))
            return false;
        b->told[l] = true;
    }
    return true;
}

static bool see(void *ctx, const struct x86_tree_node *node)
{
    struct builder *b = ctx;
    const struct vitro_tables_filter *f = b->filter;
    struct tables_row r = row_of(b, node);
    unsigned level = node->step.level;

    if (r.kind == TABLES_TABLE) {
        b->path[level] = r;
        b->told[level] = false;
        return filter_rights(f) || add_path(b, level - 1);
    }
    if (filter_rights(f) && (!node->leaf || (f->writable && !r.writable) ||
                             (f->executable && !r.executable) || (f->user && !r.user)))
        return true;
    if (!add_path(b, level) || !add_row(b->t, &r))
        return false;
    if (node->leaf) {
        b->t->npages++;
        b->t->mapped += node->bytes;
    }
    return true;
}

/* Pages that are tables, met once or often. */
struct counter {
    uint64_t *page;
    size_t n, cap;
};

static bool count(void *ctx, const struct x86_tree_node *node)
{
    struct counter *c = ctx;

    if (node->leaf || node->reserved || node->no_memory)
        return true;
    if (c->n == c->cap)
        return false;
    c->page[c->n++] = node->gpa & ~(uint64_t)(PAGE - 1);
    return true;
}

static int page_order(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

    return (a > b) - (a < b);
}

/* Counts the pages of all tables, with no regard to the filter; ntables stays 0 when it is cut. */
static void count_tables(struct tables *t)
{
    struct counter c = { .cap = TABLE_PAGES_MAX };
    enum x86_tree_end end = X86_TREE_CUT;

    c.page = malloc(c.cap * sizeof(c.page[0]));
    if (c.page != NULL) {
        c.page[c.n++] = t->c.root & ~(uint64_t)(PAGE - 1);
        end = x86_walk_tree(&t->c.regs, &t->c.phys, 0, UINT64_MAX, SPACES_ENTRIES_MAX, count, &c);
        qsort(c.page, c.n, sizeof(c.page[0]), page_order);
    }
    for (size_t i = 0; i < c.n && end == X86_TREE_DONE; i++)
        t->ntables += i == 0 || c.page[i] != c.page[i - 1];
    free(c.page);
}

/* Rows and counts, from what t->c.phys reads. */
static void walk_tables(struct tables *t, const struct vitro_tables_filter *filter)
{
    struct builder b = { .t = t, .filter = filter };
    uint64_t to = filter->to != 0 ? filter->to : UINT64_MAX;

    t->cut_entries = x86_walk_tree(&t->c.regs, &t->c.phys, filter->from, to, SPACES_ENTRIES_MAX,
                                   see, &b) == X86_TREE_CUT;
    fold_tables(t);
    if (!t->no_root)
        count_tables(t);
}

/* The moment for which the machine stands still. *copies is empty if the walk has been made already. */
static int look(struct tables *t, struct machine *m, unsigned cpu,
                const struct vitro_tables_filter *filter, struct table_copies *copies,
                struct vitro_err *err)
{
    int rc = cpu_space_init(&t->c, m, cpu, 0, err);

    if (rc < 0 || t->c.levels == 0)
        return rc;
    t->no_root =
        !(t->c.form == X86_PG_PAE && t->c.regs.pdptr_valid) && mem_left(t->c.mem, t->c.root) == 0;
    t->row = malloc(SPACES_ROWS_MAX * sizeof(t->row[0]));
    if (t->row == NULL)
        return err_set(err, -ENOMEM, "showing page tables: out of memory");
    if (!table_copies_take(copies, &t->c))
        walk_tables(t, filter);
    return 0;
}

int tables_read(struct tables *t, struct machine *m, unsigned cpu,
                const struct vitro_tables_filter *filter, struct vitro_err *err)
{
    static const struct vitro_tables_filter everything;
    struct table_copies copies = { 0 };
    int rc;

    if (filter == NULL)
        filter = &everything;
    memset(t, 0, sizeof(*t));
    t->filtered = filter_rights(filter) || filter->from != 0 || filter->to != 0;
    if (filter->to != 0 && filter->from > filter->to)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "tables: the range ends before it begins");
    pause_hold(m);
    rc = look(t, m, cpu, filter, &copies, err);
    pause_release(m);
    if (rc == 0 && copies.slot != NULL) {
        t->c.phys = table_copies_phys(&copies);
        walk_tables(t, filter);
        t->c.phys = (struct x86_phys){ 0 }; /* of the copies: gone with them */
    }
    table_copies_fini(&copies);
    return rc;
}

void tables_fini(struct tables *t)
{
    free(t->row);
    t->row = NULL;
    t->n = 0;
}
