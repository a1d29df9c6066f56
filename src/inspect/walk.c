/* SPDX-License-Identifier: MIT */
/*
 * walk.c - one address all the way: guest-virtual, each table entry, guest-physical, slot, host-virtual,
 * and the host's page
 *
 * Source: Intel SDM 3A, chapter "Paging".
 */
#include "inspect/inspect_spaces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

enum { HOST_PAGE = 4096 };

/* What the two forms of the view are made from. */
struct walked {
    const struct spaces *s;
    unsigned cpu;
    struct cpu_space c;
    struct x86_walk w;
    struct vitro_walk v;
    uint64_t slot_offset;
};

static void fill_steps(const struct x86_walk *w, const struct mem *mem, struct vitro_walk *out)
{
    out->nsteps = w->nsteps;
    for (unsigned i = 0; i < w->nsteps; i++) {
        const struct x86_walk_step *st = &w->step[i];
        bool in_cpu = st->gpa == UINT64_MAX;

        out->step[i] = (struct vitro_walk_step){
            .table = x86_level_name(st->level),
            .index = st->index,
            .entry_len = st->entry_len,
            .in_cpu = in_cpu,
            .gpa = in_cpu ? 0 : st->gpa,
            .host = in_cpu ? 0 : space_host(mem, st->gpa, st->entry_len),
            .raw = st->raw,
        };
    }
}

/* From guest-physical on. */
static void fill_host(const struct spaces *s, struct walked *x)
{
    const struct mem_slot *slot = mem_slot_at(&s->m->mem, x->v.gpa);

    if (!x->v.mapped || slot == NULL)
        return;
    x->slot_offset = x->v.gpa - slot->base;
    x->v.in_memory = true;
    snprintf(x->v.slot, sizeof(x->v.slot), "%s", slot->name);
    x->v.host = (uintptr_t)slot->host + x->slot_offset;
}

/* Of the host page, which the guest has no part in. */
static void fill_residency(const struct spaces *s, struct walked *x)
{
    struct residency pages;

    if (!x->v.in_memory)
        return;
    pages = host_pages_ask(&s->pages, (const void *)(uintptr_t)(x->v.host & ~(HOST_PAGE - 1ull)),
                           HOST_PAGE);
    x->v.residency_known = pages.known;
    x->v.resident = pages.resident > 0;
    x->v.huge = pages.huge > 0;
}

static int read_walk(struct walked *x, const struct spaces *s, unsigned cpu, uint64_t gva,
                     struct vitro_err *err)
{
    const struct x86_walk *w = &x->w;
    int rc;

    memset(x, 0, sizeof(*x));
    x->s = s;
    x->cpu = cpu;
    rc = cpu_space_init(&x->c, s->m, cpu, 0, err);
    if (rc < 0)
        return rc;
    x86_walk(&x->c.regs, &x->c.phys, gva, &x->w);
    x->v = (struct vitro_walk){
        .gva = gva,
        .paging = x86_paging_name(w->form),
        .mapped = w->end == X86_WALK_MAPPED,
        .why = w->end == X86_WALK_MAPPED ? NULL : x86_walk_end_text(w->end),
        .gpa = w->gpa,
        .page_bytes = w->page_bytes,
        .writable = w->writable,
        .user = w->user,
        .executable = w->executable,
        .global = w->global,
        .accessed = w->accessed,
        .dirty = w->dirty,
    };
    fill_steps(w, &s->m->mem, &x->v);
    fill_host(s, x);
    return 0;
}

static int walked_init(struct walked *x, const struct spaces *s, unsigned cpu, uint64_t gva,
                       struct vitro_err *err)
{
    int rc;

    pause_hold(s->m);
    rc = read_walk(x, s, cpu, gva, err);
    pause_release(s->m);
    if (rc == 0)
        fill_residency(s, x);
    return rc;
}

int walk_read(const struct spaces *s, unsigned cpu, uint64_t gva, struct vitro_walk *out,
              struct vitro_err *err)
{
    struct walked x;
    int rc = walked_init(&x, s, cpu, gva, err);

    if (rc == 0)
        *out = x.v;
    return rc;
}

/* ---- text: the tables ------------------------------------------------------------------------ */

static bool step_is_leaf(const struct walked *x, unsigned i)
{
    const struct x86_walk_step *st = &x->w.step[i];

    return i + 1 == x->w.nsteps && st->raw & X86_PTE_P && space_is_leaf(&x->c.regs, st);
}

/* Where the entry leads, in words. */
static void add_target(struct grid *g, const struct walked *x, unsigned i)
{
    const struct x86_walk_step *st = &x->w.step[i];
    bool last = i + 1 == x->w.nsteps;
    char size[SPACE_WORDS];

    if (last && x->w.end == X86_WALK_NOT_PRESENT)
        grid_add(g, INK_BAD, "nothing: stops here");
    else if (last && x->w.end == X86_WALK_RESERVED)
        grid_add(g, INK_BAD, "nothing: reserved bits");
    else if (step_is_leaf(x, i))
        grid_add(g, INK_PLAIN, "%s page at 0x%" PRIx64, space_size(x->w.page_bytes, size),
                 x->w.gpa & ~(x->w.page_bytes - 1));
    else
        grid_add(g, last ? INK_BAD : INK_TABLE, "%s at 0x%" PRIx64, x86_level_name(st->level - 1u),
                 st->raw & (BIT(52) - 4096));
}

static void add_step(struct grid *g, const struct walked *x, unsigned i)
{
    const struct x86_walk_step *st = &x->w.step[i];
    const struct vitro_walk_step *v = &x->v.step[i];
    unsigned shift = space_shift(x->w.form, st->level);
    char words[SPACE_WORDS];

    grid_add(g, INK_TABLE, "  %s[%u]", v->table, v->index);
    grid_add(g, INK_DIM, "%u:%u", shift + space_index_bits(x->w.form, st->level) - 1, shift);
    if (v->in_cpu)
        grid_add(g, INK_PLAIN, "in the CPU");
    else
        grid_add(g, INK_PLAIN, "0x%" PRIx64, v->gpa);
    if (v->host != 0)
        grid_add(g, INK_PLAIN, "0x%" PRIx64, v->host);
    else
        grid_add(g, INK_DIM, "-");
    grid_add(g, INK_PLAIN, "0x%" PRIx64, v->raw);
    grid_add(g, INK_PLAIN, "%s", space_flag_words(st, step_is_leaf(x, i), words));
    add_target(g, x, i);
    grid_end(g);
}

/* "P present, W writable": the names that the entries above show. */
static void add_legend(struct text *t, const struct walked *x)
{
    uint64_t seen = 0;
    const char *sep = "";

    for (unsigned i = 0; i < x->w.nsteps; i++)
        seen |= x->w.step[i].raw & X86_PTE_P ? space_flags(&x->w.step[i], step_is_leaf(x, i)) : 0;
    if (seen == 0)
        return;
    text_add(t, "  (");
    for (size_t i = 0; i < x86_pte_names.n; i++) {
        if (!(seen & x86_pte_names.row[i].mask))
            continue;
        text_add(t, "%s%s %s", sep, x86_pte_names.row[i].name, x86_pte_names.row[i].what);
        sep = ", ";
    }
    text_add(t, ")\n");
}

static void add_tables(struct text *t, const struct walked *x)
{
    static const char *const head[] = { "  entry", "addr bits", "lies at", "host-virtual",
                                        "value",   "bits",      "leads to" };
    struct grid g = { .color = x->s->style.color };

    if (x->w.nsteps == 0)
        return;
    text_add(t, "\n");
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        grid_add(&g, INK_DIM, "%s", head[i]);
    grid_end(&g);
    for (unsigned i = 0; i < x->w.nsteps; i++)
        add_step(&g, x, i);
    grid_print(&g, t);
    add_legend(t, x);
}

/* ---- text: where and why it ends -------------------------------------------------------------- */

static void say_not_present(struct text *t, const struct walked *x)
{
    const struct x86_walk_step *st = &x->w.step[x->w.nsteps - 1];
    unsigned shift = space_shift(x->w.form, st->level);
    uint64_t from = x->w.gva & ~(BIT(shift) - 1);

    text_add(t,
             "stops at %s[%u]: the entry is not present (bit P is 0), so nothing is mapped at\n"
             "  0x%" PRIx64 "-0x%" PRIx64 "; an access there is a page fault (#PF)\n",
             x86_level_name(st->level), st->index, from, from + (BIT(shift) - 1));
}

static void say_no_memory(struct text *t, const struct walked *x)
{
    const struct x86_walk_step *st = &x->w.step[x->w.nsteps - (x->w.nsteps > 0)];

    if (x->w.nsteps == 0)
        text_add(t,
                 "stops before the first entry: cr3 says that the %s is at 0x%" PRIx64
                 ", where there is no memory\n",
                 x86_level_name(x->c.levels), x->c.root);
    else
        text_add(t, "stops after %s[%u]: the %s it leads to is outside memory\n",
                 x86_level_name(st->level), st->index, x86_level_name(st->level - 1u));
}

static void say_end(struct text *t, const struct walked *x)
{
    unsigned bits = space_bits(x->w.form);

    switch (x->w.end) {
    case X86_WALK_NOT_PRESENT:
        say_not_present(t, x);
        break;
    case X86_WALK_RESERVED:
        text_add(t,
                 "stops at %s[%u]: the entry has a bit set that must be 0; an access is a page "
                 "fault (#PF)\n",
                 x86_level_name(x->w.step[x->w.nsteps - 1].level),
                 x->w.step[x->w.nsteps - 1].index);
        break;
    case X86_WALK_NO_MEMORY:
        say_no_memory(t, x);
        break;
    case X86_WALK_NON_CANONICAL:
        text_add(t,
                 "not canonical: %s paging translates %u address bits, so bits 63:%u must all be "
                 "equal;\n  an access is refused (#GP) before any table is read\n",
                 x->v.paging, bits, bits - 1);
        break;
    case X86_WALK_BEYOND:
        text_add(t, "beyond 32 bits: in this mode the CPU has no such address\n");
        break;
    case X86_WALK_MAPPED:
        break;
    }
}

/* ---- text: from guest-physical on ------------------------------------------------------------- */

static void say_host_page(struct text *t, const struct walked *x)
{
    if (!x->v.residency_known)
        text_add(t, "host page       not known: this host does not tell\n");
    else if (!x->v.resident)
        text_add(t, "host page       none yet: the host gives one at the first access\n");
    else
        text_add(t, "host page       resident, %s\n", x->v.huge ? "part of a huge page" : "4 KiB");
}

static void say_physical(struct text *t, const struct walked *x)
{
    const struct mem_note *note = space_note_at(x->c.mem, x->v.gpa);
    const struct dev *dev = bus_dev(&x->s->m->mmio, x->v.gpa);

    if (x->v.page_bytes != 0)
        text_add(t,
                 "guest-physical  0x%-14" PRIx64 "  page 0x%" PRIx64 " + 0x%" PRIx64
                 ", the address's bits %u:0\n",
                 x->v.gpa, x->v.gpa & ~(x->v.page_bytes - 1), x->v.gpa & (x->v.page_bytes - 1),
                 (unsigned)__builtin_ctzll(x->v.page_bytes) - 1);
    else
        text_add(t, "guest-physical  0x%-14" PRIx64 "  the same: paging is off (CR0.PG = 0)\n",
                 x->v.gpa);
    if (!x->v.in_memory) {
        text_add(t, "no memory there: an access leaves the guest (MMIO), and %s%s answers\n",
                 dev != NULL ? "device " : "no device", dev != NULL ? dev->ops->name : "");
        return;
    }
    text_add(t, "slot            %s + 0x%" PRIx64, x->v.slot, x->slot_offset);
    if (note != NULL) {
        text_add(t, ", in ");
        show_name(t, note->name, sizeof(note->name));
    }
    text_add(t, "\nhost-virtual    0x%" PRIx64 "\n", x->v.host);
    say_host_page(t, x);
}

static void say_rights(struct text *t, const struct walked *x)
{
    if (x->w.form == X86_PG_NONE)
        return;
    text_add(t, "access          read%s%s%s%s\n", x->v.writable ? ", write" : "",
             x->v.executable ? ", execute" : "",
             x->v.user ? "; in user mode too" : "; in the kernel's rings only",
             x->v.global ? "; global" : "");
}

static int walk_text(const struct walked *x, char **out, struct vitro_err *err)
{
    struct text t = { 0 };
    bool color = x->s->style.color;

    ink_add(&t, color, INK_STRONG, "guest-virtual   0x%" PRIx64, x->v.gva);
    text_add(&t, "  on CPU %u, ", x->cpu);
    if (x->w.form == X86_PG_NONE)
        text_add(&t, "no paging\n");
    else
        text_add(&t, "%s paging, cr3 = 0x%" PRIx64 "\n", x->v.paging, x->c.regs.cr3);
    add_tables(&t, x);
    text_add(&t, "\n");
    if (x->v.mapped) {
        say_physical(&t, x);
        say_rights(&t, x);
    } else {
        say_end(&t, x);
    }
    return show_finish(&t, "the walk", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *step_json(const struct walked *x, unsigned i)
{
    const struct vitro_walk_step *v = &x->v.step[i];
    const struct x86_walk_step *st = &x->w.step[i];
    unsigned shift = space_shift(x->w.form, st->level);
    unsigned high = shift + space_index_bits(x->w.form, st->level) - 1;

    return json_pack("{s:s, s:i, s:[ii], s:i, s:b, s:o, s:o, s:o, s:o}", "table", v->table, "index",
                     (int)v->index, "address_bits", (int)high, (int)shift, "entry_bytes",
                     (int)v->entry_len, "in_cpu", (int)v->in_cpu, "gpa",
                     part_hex_if(!v->in_cpu, v->gpa), "host", part_hex_if(v->host != 0, v->host),
                     "raw", json_hex(v->raw), "bits",
                     part_bits(&x86_pte_names, space_flags(st, step_is_leaf(x, i))));
}

static json_t *target_json(const struct walked *x)
{
    const struct vitro_walk *v = &x->v;
    json_t *pages = json_null();

    if (!v->mapped)
        return json_null();
    if (v->residency_known)
        pages = json_pack("{s:b, s:b}", "resident", (int)v->resident, "huge", (int)v->huge);
    return json_pack("{s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "gpa",
                     json_hex(v->gpa), "page_bytes", part_num(v->page_bytes), "writable",
                     (int)v->writable, "user", (int)v->user, "executable", (int)v->executable,
                     "global", (int)v->global, "accessed", (int)v->accessed, "dirty", (int)v->dirty,
                     "in_memory", (int)v->in_memory, "slot", part_name(v->slot), "slot_offset",
                     part_hex_if(v->in_memory, x->slot_offset), "host",
                     part_hex_if(v->in_memory, v->host), "host_page", pages);
}

static int walk_json(const struct walked *x, char **out, struct vitro_err *err)
{
    json_t *steps = json_array();

    for (unsigned i = 0; i < x->w.nsteps; i++)
        part_append(&steps, step_json(x, i));
    return json_finish(json_pack("{s:i, s:o, s:s, s:o, s:b, s:o, s:o, s:o}", "cpu", (int)x->cpu,
                                 "gva", json_hex(x->v.gva), "paging", x->v.paging, "cr3",
                                 json_hex(x->c.regs.cr3), "mapped", (int)x->v.mapped, "why",
                                 part_name(x->v.why), "steps", steps, "target", target_json(x)),
                       out, err);
}

int walk_show(const struct spaces *s, unsigned cpu, uint64_t gva, char **out, struct vitro_err *err)
{
    struct walked x;
    int rc = walked_init(&x, s, cpu, gva, err);

    if (rc < 0)
        return rc;
    return s->style.format == VITRO_JSON ? walk_json(&x, out, err) : walk_text(&x, out, err);
}
