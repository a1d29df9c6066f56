/* SPDX-License-Identifier: MIT */
/* tables_show.c - the tree of page tables as text and as JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"
#include "inspect/tables.h"

static const char *const kind_names[] = {
    [TABLES_TABLE] = "table",
    [TABLES_PAGES] = "pages",
    [TABLES_RESERVED] = "reserved-bits",
    [TABLES_NO_MEMORY] = "table-outside-memory",
};

static unsigned depth_of(const struct tables *t, const struct tables_row *r)
{
    return t->c.levels - r->step.level;
}

static unsigned count_of(const struct tables_row *r)
{
    return r->last - r->first + 1;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void add_tree_cell(struct grid *g, const struct tables *t, const struct tables_row *r)
{
    const char *below = r->step.level > 1 ? x86_level_name(r->step.level - 1u) : "page";
    char index[32], size[SPACE_WORDS];
    int indent = 2 + 2 * (int)depth_of(t, r);

    if (r->first == r->last)
        snprintf(index, sizeof(index), "[%u]", r->first);
    else
        snprintf(index, sizeof(index), "[%u-%u]", r->first, r->last);
    switch (r->kind) {
    case TABLES_TABLE:
        if (r->first == r->last)
            grid_add(g, INK_TABLE, "%*s%s %s at 0x%" PRIx64, indent, "", index, below, r->gpa);
        else
            grid_add(g, INK_TABLE, "%*s%s %u %ss from 0x%" PRIx64, indent, "", index, count_of(r),
                     below, r->gpa);
        break;
    case TABLES_PAGES:
        grid_add(g, INK_PLAIN, "%*s%s%s %s page%s", indent, "", index,
                 r->repeated ? " in each:" : "", space_size(r->page_bytes, size),
                 count_of(r) == 1 ? "" : "s");
        break;
    case TABLES_RESERVED:
        grid_add(g, INK_BAD, "%*s%s reserved bits set", indent, "", index);
        break;
    case TABLES_NO_MEMORY:
        grid_add(g, INK_BAD, "%*s%s %s outside memory", indent, "", index, below);
        break;
    }
}

static void add_row_cells(struct grid *g, const struct tables *t, const struct tables_row *r)
{
    struct x86_walk_step look = r->step;
    bool pages = r->kind == TABLES_PAGES;
    char words[SPACE_WORDS];

    add_tree_cell(g, t, r);
    grid_add(g, pages ? INK_PLAIN : INK_DIM, "0x%" PRIx64 "-0x%" PRIx64, r->gva,
             r->gva + (r->bytes - 1));
    if (pages && r->one_page)
        grid_add(g, INK_PLAIN, "all 0x%" PRIx64 "-0x%" PRIx64, r->gpa,
                 r->gpa + (r->page_bytes - 1));
    else if (pages)
        grid_add(g, INK_PLAIN, "0x%" PRIx64 "-0x%" PRIx64, r->gpa, r->gpa + (r->bytes - 1));
    else if (r->kind == TABLES_NO_MEMORY)
        grid_add(g, INK_BAD, "0x%" PRIx64, r->gpa);
    else if (r->loop)
        grid_add(g, INK_BAD, "leads back: self-map");
    else
        grid_skip(g);
    if (pages)
        grid_add(g, INK_PLAIN, "%s", space_rights_words(r->writable, r->executable, r->user));
    else
        grid_skip(g);
    if (r->kind == TABLES_RESERVED)
        grid_add(g, INK_BAD, "0x%" PRIx64, r->step.raw);
    else
        grid_add(g, INK_DIM, "%s", space_flag_words(&look, pages, words));
    grid_end(g);
}

static void say_cut(struct text *t, const struct tables *tb, bool color)
{
    if (tb->cut_rows)
        ink_add(t, color, INK_BAD, "cut at %d rows: show less with a range\n", SPACES_ROWS_MAX);
    if (tb->cut_entries)
        ink_add(t, color, INK_BAD,
                "cut at %d entries: the tables go on, or lead back to themselves\n",
                SPACES_ENTRIES_MAX);
}

static void say_sum(struct text *t, const struct tables *tb)
{
    char mapped[SPACE_WORDS], whole[SPACE_WORDS], bytes[SPACE_WORDS];
    bool cut = tb->cut_rows || tb->cut_entries;

    text_add(t, "%s%s of the %s that %s paging can address, in %" PRIu64 " page%s\n",
             tb->filtered ? "shown: "
             : cut        ? "mapped up to here: "
                          : "mapped: ",
             space_size(tb->mapped, mapped), space_size(BIT(space_bits(tb->c.form)), whole),
             x86_paging_name(tb->c.form), tb->npages, tb->npages == 1 ? "" : "s");
    if (tb->ntables != 0)
        text_add(t, "the tables take %" PRIu64 " page%s, %s\n", tb->ntables,
                 tb->ntables == 1 ? "" : "s", space_size(tb->ntables * 4096, bytes));
}

static int tables_text(const struct tables *tb, unsigned cpu, bool color, char **out,
                       struct vitro_err *err)
{
    static const char *const head[] = { "guest-virtual", "guest-physical", "access",
                                        "bits of the entry" };
    struct grid g = { .color = color };
    struct text t = { 0 };

    if (tb->c.form == X86_PG_NONE) {
        text_add(&t,
                 "CPU %u uses no page tables: paging is off (CR0.PG = 0), and guest-virtual "
                 "addresses\nare guest-physical ones\n",
                 cpu);
        return show_finish(&t, "page tables", out, err);
    }
    ink_add(&t, color, INK_STRONG, "Page tables of CPU %u", cpu);
    text_add(&t, ": %s paging, cr3 = 0x%" PRIx64 "\n\n", x86_paging_name(tb->c.form),
             tb->c.regs.cr3);
    grid_add(&g, INK_TABLE, "%s at 0x%" PRIx64, x86_level_name(tb->c.levels), tb->c.root);
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        grid_add(&g, INK_DIM, "%s", head[i]);
    grid_end(&g);
    for (size_t i = 0; i < tb->n; i++)
        add_row_cells(&g, tb, &tb->row[i]);
    if (tb->no_root)
        grid_line(&g, INK_BAD, "  outside memory: every access is a fault");
    else if (tb->n == 0)
        grid_line(&g, INK_DIM,
                  tb->filtered ? "  nothing like that is mapped" : "  nothing is mapped");
    grid_print(&g, &t);
    text_add(&t, "\n");
    say_sum(&t, tb);
    say_cut(&t, tb, color);
    return show_finish(&t, "page tables", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *row_json(const struct tables *t, const struct tables_row *r)
{
    bool pages = r->kind == TABLES_PAGES;
    json_t *row = json_pack("{s:i, s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:b}", "depth",
                            (int)depth_of(t, r), "table", x86_level_name(r->step.level), "kind",
                            kind_names[r->kind], "first", (int)r->first, "last", (int)r->last,
                            "gva", json_hex(r->gva), "bytes", part_num(r->bytes), "gpa",
                            part_hex_if(r->kind != TABLES_RESERVED, r->gpa), "bits",
                            part_bits(&x86_pte_names, r->flags), "self_map", (int)r->loop);
    json_t *more;

    if (row == NULL || r->kind == TABLES_TABLE)
        return row;
    if (pages)
        more =
            json_pack("{s:o, s:b, s:b, s:b, s:b, s:b}", "page_bytes", part_num(r->page_bytes),
                      "one_page", (int)r->one_page, "in_each_table", (int)r->repeated, "writable",
                      (int)r->writable, "user", (int)r->user, "executable", (int)r->executable);
    else
        more = json_pack("{s:o}", "raw", json_hex(r->step.raw));
    if (more == NULL || json_object_update(row, more) < 0) {
        json_decref(row);
        row = NULL;
    }
    json_decref(more);
    return row;
}

static int tables_json(const struct tables *t, unsigned cpu, char **out, struct vitro_err *err)
{
    bool paging = t->c.form != X86_PG_NONE;
    json_t *rows = json_array();

    for (size_t i = 0; i < t->n; i++)
        part_append(&rows, row_json(t, &t->row[i]));
    return json_finish(
        json_pack("{s:i, s:s, s:o, s:i, s:o, s:b, s:i, s:o, s:o, s:o, s:b, s:b, s:o}", "cpu",
                  (int)cpu, "paging", x86_paging_name(t->c.form), "cr3", json_hex(t->c.regs.cr3),
                  "levels", (int)t->c.levels, "top_table", part_hex_if(paging, t->c.root),
                  "top_table_in_memory", (int)!t->no_root, "address_bits",
                  (int)space_bits(t->c.form), "table_pages",
                  t->ntables != 0 ? part_num(t->ntables) : json_null(), "pages",
                  part_num(t->npages), "mapped_bytes", part_num(t->mapped), "filtered",
                  (int)t->filtered, "cut", (int)(t->cut_rows || t->cut_entries), "rows", rows),
        out, err);
}

int tables_show(const struct spaces *s, unsigned cpu, const struct vitro_tables_filter *filter,
                char **out, struct vitro_err *err)
{
    struct tables t;
    int rc = tables_read(&t, s->m, cpu, filter, err);

    if (rc == 0 && s->style.format == VITRO_JSON)
        rc = tables_json(&t, cpu, out, err);
    else if (rc == 0)
        rc = tables_text(&t, cpu, s->style.color, out, err);
    tables_fini(&t);
    return rc;
}
