/* SPDX-License-Identifier: MIT */
/*
 * who_maps.c - the reverse walk: every guest-virtual page that maps a guest-physical one, and what the
 * page is as a table itself
 *
 * There is no index from physical to virtual, so all tables are read, up to SPACES_ENTRIES_MAX entries.
 */
#include "inspect/inspect_spaces.h"

#include <inttypes.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

enum { PAGE = 4096 };

struct hits {
    struct x86_tree_node node[SPACES_HITS_MAX];
    uint64_t n; /* all, also those beyond the room */
};

struct search {
    const struct spaces *s;
    unsigned cpu;
    uint64_t gpa, page;
    struct cpu_space c;
    struct hits leaves; /* map the page */
    struct hits tables; /* point to it as to a table */
    bool is_root;
    bool cut;
};

static void add_hit(struct hits *h, const struct x86_tree_node *node)
{
    if (h->n < SPACES_HITS_MAX)
        h->node[h->n] = *node;
    h->n++;
}

static bool look(void *ctx, const struct x86_tree_node *node)
{
    struct search *f = ctx;

    if (node->reserved)
        return true;
    if (node->leaf && f->page >= node->gpa && f->page - node->gpa < node->bytes)
        add_hit(&f->leaves, node);
    if (!node->leaf && !node->no_memory && (node->gpa & ~(PAGE - 1ull)) == f->page)
        add_hit(&f->tables, node);
    return true;
}

static int search_init(struct search *f, const struct spaces *s, unsigned cpu, uint64_t gpa,
                       struct vitro_err *err)
{
    int rc = cpu_space_init(&f->c, s->m, cpu, 0, err);

    if (rc < 0)
        return rc;
    f->s = s;
    f->cpu = cpu;
    f->gpa = gpa;
    f->page = gpa & ~(PAGE - 1ull);
    f->leaves.n = f->tables.n = 0;
    f->is_root = f->c.levels > 0 && (f->c.root & ~(PAGE - 1ull)) == f->page;
    f->cut = x86_walk_tree(&f->c.regs, &f->c.phys, 0, UINT64_MAX, SPACES_ENTRIES_MAX, look, f) ==
             X86_TREE_CUT;
    return 0;
}

/* First address of the page in the mapping. */
static uint64_t hit_gva(const struct search *f, const struct x86_tree_node *node)
{
    return node->gva + (f->page - node->gpa);
}

static size_t shown(const struct hits *h)
{
    return h->n < SPACES_HITS_MAX ? (size_t)h->n : SPACES_HITS_MAX;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void say_page(struct text *t, const struct search *f)
{
    const struct mem_slot *slot = mem_slot_at(f->c.mem, f->gpa);
    const struct mem_note *note = space_note_at(f->c.mem, f->gpa);
    const struct dev *dev = bus_dev(&f->s->m->mmio, f->gpa);

    ink_add(t, f->s->style.color, INK_STRONG, "guest-physical  0x%" PRIx64, f->gpa);
    text_add(t, "  in page 0x%" PRIx64 "-0x%" PRIx64 "\n", f->page, f->page + (PAGE - 1));
    if (slot == NULL) {
        text_add(t, "no memory there; device: %s\n", dev != NULL ? dev->ops->name : "none");
        return;
    }
    text_add(t, "slot            %s + 0x%" PRIx64, slot->name, f->gpa - slot->base);
    if (note != NULL) {
        text_add(t, ", in ");
        show_name(t, note->name, sizeof(note->name));
    }
    text_add(t, "\nhost-virtual    0x%" PRIx64 "\n", space_host(f->c.mem, f->gpa, 1));
}

static void say_rest(struct text *t, const struct hits *h)
{
    if (h->n > SPACES_HITS_MAX)
        text_add(t, "  ... and %" PRIu64 " more\n", h->n - SPACES_HITS_MAX);
}

static void add_entry(struct grid *g, const struct x86_walk_step *st)
{
    if (st->gpa == UINT64_MAX)
        grid_add(g, INK_TABLE, "%s[%u] in the CPU", x86_level_name(st->level), st->index);
    else
        grid_add(g, INK_TABLE, "%s[%u] at 0x%" PRIx64, x86_level_name(st->level), st->index,
                 st->gpa);
}

static void say_leaves(struct text *t, const struct search *f)
{
    struct grid g = { .color = f->s->style.color };
    char buf[SPACE_WORDS];

    if (f->leaves.n == 0) {
        text_add(t, "\nmapped by no guest-virtual address%s\n",
                 f->cut ? " in the part that was searched" : "");
        return;
    }
    text_add(t, "\nmapped at %" PRIu64 " guest-virtual page%s:\n", f->leaves.n,
             f->leaves.n == 1 ? "" : "s");
    for (size_t i = 0; i < shown(&f->leaves); i++) {
        const struct x86_tree_node *node = &f->leaves.node[i];
        uint64_t gva = hit_gva(f, node);

        grid_add(&g, INK_PLAIN, "  0x%" PRIx64 "-0x%" PRIx64, gva, gva + (PAGE - 1));
        grid_add(&g, INK_PLAIN, "%s",
                 space_rights_words(node->writable, node->executable, node->user));
        grid_add(&g, INK_DIM, "in a %s page, by", space_size(node->bytes, buf));
        add_entry(&g, &node->step);
        grid_add(&g, INK_PLAIN, "%s", space_flag_words(&node->step, true, buf));
        grid_end(&g);
    }
    grid_print(&g, t);
    say_rest(t, &f->leaves);
}

static void say_tables(struct text *t, const struct search *f)
{
    struct grid g = { .color = f->s->style.color };

    if (!f->is_root && f->tables.n == 0)
        return;
    text_add(t, "\nthe page is a page table itself:\n");
    if (f->is_root)
        grid_line(&g, INK_PLAIN, "  %s, the top table: cr3 points to it",
                  x86_level_name(f->c.levels));
    for (size_t i = 0; i < shown(&f->tables); i++) {
        const struct x86_tree_node *node = &f->tables.node[i];

        grid_add(&g, INK_PLAIN, "  %s of 0x%" PRIx64 "-0x%" PRIx64,
                 x86_level_name(node->step.level - 1u), node->gva, node->gva + (node->bytes - 1));
        grid_add(&g, INK_DIM, "by");
        add_entry(&g, &node->step);
        grid_end(&g);
    }
    grid_print(&g, t);
    say_rest(t, &f->tables);
}

static int who_maps_text(const struct search *f, char **out, struct vitro_err *err)
{
    struct text t = { 0 };

    say_page(&t, f);
    if (f->c.form == X86_PG_NONE) {
        text_add(&t, "\nCPU %u has paging off: ", f->cpu);
        if (f->gpa >> 32 != 0)
            text_add(&t, "its addresses have 32 bits, and none reaches the page\n");
        else
            text_add(&t, "guest-virtual 0x%" PRIx64 " is the same byte\n", f->gpa);
    } else {
        say_leaves(&t, f);
        say_tables(&t, f);
    }
    if (f->cut)
        ink_add(&t, f->s->style.color, INK_BAD,
                "cut at %d entries: the tables go on, or lead back to themselves\n",
                SPACES_ENTRIES_MAX);
    return show_finish(&t, "who maps a page", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *entry_json(const struct x86_walk_step *st)
{
    return json_pack("{s:s, s:i, s:o, s:o}", "table", x86_level_name(st->level), "index",
                     (int)st->index, "gpa", part_hex_if(st->gpa != UINT64_MAX, st->gpa), "raw",
                     json_hex(st->raw));
}

static json_t *leaves_json(const struct search *f)
{
    json_t *list = json_array();

    for (size_t i = 0; i < shown(&f->leaves); i++) {
        const struct x86_tree_node *node = &f->leaves.node[i];

        part_append(&list,
                    json_pack("{s:o, s:o, s:b, s:b, s:b, s:o}", "gva", json_hex(hit_gva(f, node)),
                              "page_bytes", part_num(node->bytes), "writable", (int)node->writable,
                              "user", (int)node->user, "executable", (int)node->executable, "entry",
                              entry_json(&node->step)));
    }
    return list;
}

static json_t *tables_json(const struct search *f)
{
    json_t *list = json_array();

    if (f->is_root)
        part_append(&list, json_pack("{s:s, s:b, s:o, s:o}", "role", x86_level_name(f->c.levels),
                                     "top", 1, "gva", json_null(), "entry", json_null()));
    for (size_t i = 0; i < shown(&f->tables); i++) {
        const struct x86_tree_node *node = &f->tables.node[i];

        part_append(&list, json_pack("{s:s, s:b, s:o, s:o}", "role",
                                     x86_level_name(node->step.level - 1u), "top", 0, "gva",
                                     json_hex(node->gva), "entry", entry_json(&node->step)));
    }
    return list;
}

static int who_maps_json(const struct search *f, char **out, struct vitro_err *err)
{
    bool memory = mem_slot_at(f->c.mem, f->gpa) != NULL;

    return json_finish(json_pack("{s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "cpu",
                                 (int)f->cpu, "gpa", json_hex(f->gpa), "page", json_hex(f->page),
                                 "paging", x86_paging_name(f->c.form), "host",
                                 part_hex_if(memory, space_host(f->c.mem, f->gpa, 1)),
                                 "mapping_count", part_num(f->leaves.n), "mappings", leaves_json(f),
                                 "table_count", part_num(f->tables.n + (f->is_root ? 1 : 0)),
                                 "tables", tables_json(f), "cut", (int)f->cut),
                       out, err);
}

int who_maps_show(const struct spaces *s, unsigned cpu, uint64_t gpa, char **out,
                  struct vitro_err *err)
{
    struct search f;
    int rc;

    pause_hold(s->m);
    rc = search_init(&f, s, cpu, gpa, err);
    pause_release(s->m);
    if (rc < 0)
        return rc;
    return s->style.format == VITRO_JSON ? who_maps_json(&f, out, err)
                                         : who_maps_text(&f, out, err);
}
