/* SPDX-License-Identifier: MIT */
/*
 * map.c - the two address spaces side by side: what lies where in the guest, and where that is here
 *
 * Rows come from the memory slots, from the notes that the board and the loader made while they laid
 * things into memory, and from the engine's run areas.
 */
#include "inspect/inspect_spaces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/map_devices.h"
#include "inspect/show.h"

/* How a use is written: a stable word for programs, words and a colour for people. */
static const struct use_row {
    const char *name, *words;
    enum ink ink;
} uses[] = {
    [VITRO_USE_RAM] = { "ram", "RAM", INK_STRONG },
    [VITRO_USE_ROM] = { "rom", "ROM", INK_STRONG },
    [VITRO_USE_CODE] = { "code", "code", INK_CODE },
    [VITRO_USE_DATA] = { "data", "data", INK_DATA },
    [VITRO_USE_TABLES] = { "page-tables", "page table", INK_TABLE },
    [VITRO_USE_STACK] = { "stack", "stack", INK_STACK },
    [VITRO_USE_BOOT] = { "boot", "boot data", INK_DATA },
    [VITRO_USE_RESULT] = { "result", "result", INK_DATA },
    [VITRO_USE_RUN_AREA] = { "run-area", "run area", INK_STRONG },
};

static const enum vitro_use use_of_note[] = {
    [MEM_USE_CODE] = VITRO_USE_CODE,     [MEM_USE_DATA] = VITRO_USE_DATA,
    [MEM_USE_TABLES] = VITRO_USE_TABLES, [MEM_USE_STACK] = VITRO_USE_STACK,
    [MEM_USE_BOOT] = VITRO_USE_BOOT,     [MEM_USE_RESULT] = VITRO_USE_RESULT,
};

const char *map_use_name(enum vitro_use use)
{
    return (unsigned)use < ARRAY_LEN(uses) ? uses[use].name : "unknown";
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct sink {
    const struct spaces *s;
    struct vitro_range *row;
    size_t max, n;
};

static void add(struct sink *to, struct vitro_range *r, const char *name)
{
    struct residency pages;

    if (to->n++ >= to->max)
        return;
    snprintf(r->name, sizeof(r->name), "%s", name);
    pages = host_pages_ask(&to->s->pages, (const void *)(uintptr_t)r->host, r->len);
    r->residency_known = pages.known;
    r->resident = pages.resident;
    r->huge = pages.huge;
    r->shared = pages.shared;
    to->row[to->n - 1] = *r;
}

/* By address, the one that holds others first. */
static int note_order(const void *x, const void *y)
{
    const struct mem_note *a = *(const struct mem_note *const *)x;
    const struct mem_note *b = *(const struct mem_note *const *)y;

    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    if (a->len != b->len)
        return a->len > b->len ? -1 : 1;
    return (a > b) - (a < b);
}

static void add_slot(struct sink *to, const struct mem_slot *slot)
{
    struct vitro_range r = {
        .use = slot->kind == MEM_ROM ? VITRO_USE_ROM : VITRO_USE_RAM,
        .gpa = slot->base,
        .len = slot->len,
        .host = (uintptr_t)slot->host,
        .is_slot = true,
        .cpu = -1,
    };

    add(to, &r, slot->name);
}

/* The part of a note that lies in the slot, if there is one. */
static void add_note(struct sink *to, const struct mem_slot *slot, const struct mem_note *n)
{
    struct vitro_range r = { .use = use_of_note[n->use], .cpu = -1 };
    uint64_t skip = n->base < slot->base ? slot->base - n->base : 0;
    uint64_t left;

    if (skip >= n->len || n->base + skip - slot->base >= slot->len)
        return;
    r.gpa = n->base + skip;
    left = slot->len - (r.gpa - slot->base);
    r.len = n->len - skip < left ? n->len - skip : left;
    r.host = (uintptr_t)slot->host + (r.gpa - slot->base);
    add(to, &r, n->name);
}

static void add_run_area(struct sink *to, const struct vcpu *cpu)
{
    struct run_area area = { 0 };
    struct vitro_range r = { .use = VITRO_USE_RUN_AREA, .cpu = (int)cpu->idx };
    char name[MEM_NAME_MAX];

    pause_hold(cpu->m); /* what it says of the last port access changes with each */
    cpu->engine->run_area(cpu, &area);
    pause_release(cpu->m);
    if (area.len == 0)
        return;
    r.host = (uintptr_t)area.host;
    r.len = area.len;
    snprintf(name, sizeof(name), "run area of CPU %u", cpu->idx);
    add(to, &r, name);
}

void map_rows(const struct spaces *s, struct vitro_range *rows, size_t max, size_t *n)
{
    const struct mem *mem = &s->m->mem;
    const struct mem_note *note[MEM_NOTES_MAX];
    struct sink to = { s, rows, max, 0 };

    for (size_t i = 0; i < mem->nnotes; i++)
        note[i] = &mem->note[i];
    qsort(note, mem->nnotes, sizeof(note[0]), note_order);
    for (size_t i = 0; i < mem->nslots; i++) {
        add_slot(&to, &mem->slot[i]);
        for (size_t k = 0; k < mem->nnotes; k++)
            add_note(&to, &mem->slot[i], note[k]);
    }
    for (unsigned i = 0; i < s->m->ncpus; i++)
        add_run_area(&to, s->m->cpu[i]);
    *n = to.n;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Columns: guest-physical, what, size, arrow, host-virtual. */
enum { SIZE_COLUMN = 2 };

struct picture {
    struct grid g;
    unsigned digits; /* of guest-physical addresses */
    uint64_t used;   /* end of what has been drawn of the slot */
    uint64_t sum;    /* bytes in ranges of the slot, each counted once */
    unsigned nranges;
};

/* Names are the board's or the image's; bytes of the latter may be anything. */
static void add_label(struct picture *p, const struct vitro_range *r, const char *indent)
{
    const struct use_row *use = &uses[r->use];
    struct text name = { 0 };

    show_name(&name, r->name, sizeof(r->name));
    if (name.buf == NULL || strcasecmp(name.buf, use->words) == 0)
        grid_add(&p->g, use->ink, "%s%s", indent, use->words);
    else if (r->is_slot || r->use == VITRO_USE_RUN_AREA || strstr(name.buf, "page") != NULL ||
             strncasecmp(name.buf, use->words, strlen(use->words)) == 0)
        grid_add(&p->g, use->ink, "%s%s", indent, name.buf);
    else
        grid_add(&p->g, use->ink, "%s%s: %s", indent, use->words, name.buf);
    text_fini(&name);
}

static void draw_range(struct picture *p, const struct vitro_range *r)
{
    const char *indent = r->is_slot ? "" : "  ";
    char size[SPACE_WORDS];

    grid_add(&p->g, r->is_slot ? INK_STRONG : INK_PLAIN, "%s0x%0*" PRIx64 "-0x%0*" PRIx64,
             r->is_slot ? "" : "| ", (int)p->digits, r->gpa, (int)p->digits, r->gpa + (r->len - 1));
    add_label(p, r, indent);
    grid_add(&p->g, INK_PLAIN, "%s", space_size(r->len, size));
    grid_add(&p->g, INK_DIM, "%s", r->is_slot ? "==>" : "-->");
    grid_add(&p->g, r->is_slot ? INK_STRONG : INK_PLAIN, "%s0x%" PRIx64 "-0x%" PRIx64, indent,
             r->host, r->host + (r->len - 1));
    grid_end(&p->g);
}

/* What nobody noted, up to gpa. */
static void draw_hole(struct picture *p, uint64_t gpa)
{
    char size[SPACE_WORDS];

    if (gpa <= p->used)
        return;
    grid_add(&p->g, INK_DIM, "| ...");
    grid_skip(&p->g);
    grid_add(&p->g, INK_DIM, "%s", space_size(gpa - p->used, size));
    grid_skip(&p->g);
    grid_add(&p->g, INK_DIM, "  ...");
    grid_end(&p->g);
}

static void draw_pages(struct picture *p, const struct vitro_range *r, const char *prefix)
{
    char whole[SPACE_WORDS], resident[SPACE_WORDS], huge[SPACE_WORDS], shared[SPACE_WORDS];

    if (!r->residency_known) {
        grid_line(&p->g, INK_DIM, "%shost pages: this host does not tell", prefix);
        return;
    }
    grid_line(&p->g, INK_DIM, "%shost pages: %s of %s resident (%s on huge pages, %s shared)",
              prefix, space_size(r->resident, resident), space_size(r->len, whole),
              space_size(r->huge, huge), space_size(r->shared, shared));
}

/* A slot and the ranges in it; returns how many rows that were. */
static size_t draw_slot(struct picture *p, const struct vitro_range *row, size_t n)
{
    uint64_t end = row->gpa + (row->len - 1);
    size_t i;

    p->used = row->gpa;
    p->sum = p->nranges = 0;
    draw_range(p, row);
    for (i = 1; i < n && !row[i].is_slot && row[i].cpu < 0; i++) {
        const struct vitro_range *r = &row[i];
        uint64_t r_end = r->gpa + r->len;

        draw_hole(p, r->gpa);
        draw_range(p, r);
        p->nranges++;
        if (r_end > p->used) {
            p->sum += r->gpa > p->used ? r->len : r_end - p->used;
            p->used = r_end;
        }
    }
    if (p->nranges > 0 && p->used - 1 < end)
        draw_hole(p, end + 1);
    if (p->nranges > 0)
        grid_line(&p->g, INK_DIM, "| known use: %" PRIu64 " bytes in %u range%s", p->sum,
                  p->nranges, p->nranges == 1 ? "" : "s");
    draw_pages(p, row, "| ");
    return i;
}

static void draw_gap(struct picture *p, const struct vitro_range *above,
                     const struct vitro_range *below)
{
    uint64_t from = above->gpa + above->len;
    char size[SPACE_WORDS];

    grid_line(&p->g, INK_PLAIN, "%s", "");
    if (below->gpa <= from)
        return;
    grid_line(&p->g, INK_DIM, "0x%0*" PRIx64 "-0x%0*" PRIx64 "  no memory: %s, for devices",
              (int)p->digits, from, (int)p->digits, below->gpa - 1,
              space_size(below->gpa - from, size));
    grid_line(&p->g, INK_PLAIN, "%s", "");
}

static void draw_run_area(struct picture *p, const struct spaces *s, const struct vitro_range *r)
{
    struct run_area area = { 0 };
    char size[SPACE_WORDS];

    s->m->cpu[r->cpu]->engine->run_area(s->m->cpu[r->cpu], &area);
    grid_line(&p->g, INK_PLAIN, "%s", "");
    grid_add(&p->g, INK_DIM, "(no guest address)");
    add_label(p, r, "");
    grid_add(&p->g, INK_PLAIN, "%s", space_size(r->len, size));
    grid_skip(&p->g);
    grid_add(&p->g, INK_STRONG, "0x%" PRIx64 "-0x%" PRIx64, r->host, r->host + (r->len - 1));
    grid_end(&p->g);
    if (area.what != NULL)
        grid_line(&p->g, INK_DIM, "  %s; each exit is told through it", area.what);
    if (area.io_offset != 0)
        grid_line(&p->g, INK_DIM,
                  "  the byte of the last port access lies at +0x%" PRIx64 ", that is 0x%" PRIx64,
                  area.io_offset, r->host + area.io_offset);
    draw_pages(p, r, "  ");
}

static unsigned digits_of(const struct mem *mem)
{
    uint64_t end = mem->nslots > 0
                       ? mem->slot[mem->nslots - 1].base + (mem->slot[mem->nslots - 1].len - 1)
                       : 0;
    unsigned digits = 6;

    while (digits < 16 && end >> (4 * digits) != 0)
        digits++;
    return digits;
}

static int map_text(const struct spaces *s, const struct vitro_range *row, size_t n, char **out,
                    struct vitro_err *err)
{
    struct picture p = { .g = { .color = s->style.color, .right = BIT(SIZE_COLUMN) },
                         .digits = digits_of(&s->m->mem) };
    size_t nslots = s->m->mem.nslots, i = 0;
    struct text t = { 0 };
    char size[SPACE_WORDS];

    ink_add(&t, s->style.color, INK_STRONG, "Memory of ");
    show_name(&t, s->m->name, sizeof(s->m->name));
    text_add(&t, ": %s in %zu slot%s\n\n", space_size(mem_bytes(&s->m->mem), size), nslots,
             nslots == 1 ? "" : "s");
    grid_add(&p.g, INK_DIM, "guest-physical");
    grid_add(&p.g, INK_DIM, "what");
    grid_add(&p.g, INK_DIM, "size");
    grid_skip(&p.g);
    grid_add(&p.g, INK_DIM, "host-virtual, in this process");
    grid_end(&p.g);
    for (size_t slot = 0; i < n && row[i].is_slot;) {
        if (i > 0)
            draw_gap(&p, &row[slot], &row[i]);
        slot = i;
        i += draw_slot(&p, &row[i], n - i);
    }
    map_draw_devices(&p.g, s->m, p.digits);
    while (i < n)
        draw_run_area(&p, s, &row[i++]);
    grid_print(&p.g, &t);
    return show_finish(&t, "the memory map", out, err);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *range_json(const struct vitro_range *r)
{
    bool guests = r->use != VITRO_USE_RUN_AREA;
    json_t *pages = json_null();

    if (r->residency_known)
        pages = json_pack("{s:o, s:o, s:o}", "resident", part_num(r->resident), "huge",
                          part_num(r->huge), "shared", part_num(r->shared));
    return json_pack("{s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "use", map_use_name(r->use),
                     "name", part_name(r->name), "slot", (int)r->is_slot, "gpa",
                     part_hex_if(guests, r->gpa), "bytes", part_num(r->len), "host",
                     json_hex(r->host), "cpu", guests ? json_null() : json_integer(r->cpu),
                     "host_pages", pages);
}

static int map_json(const struct spaces *s, const struct vitro_range *row, size_t n, char **out,
                    struct vitro_err *err)
{
    json_t *ranges = json_array();

    for (size_t i = 0; i < n; i++)
        part_append(&ranges, range_json(&row[i]));
    return json_finish(json_pack("{s:o, s:o, s:o, s:o}", "name", part_name(s->m->name), "bytes",
                                 part_num(mem_bytes(&s->m->mem)), "ranges", ranges, "devices",
                                 map_devices_json(s->m)),
                       out, err);
}

int map_show(const struct spaces *s, char **out, struct vitro_err *err)
{
    struct vitro_range *row;
    size_t n;
    int rc;

    map_rows(s, NULL, 0, &n);
    row = calloc(n + 1, sizeof(*row));
    if (row == NULL)
        return err_set(err, -ENOMEM, "showing the memory map: out of memory");
    map_rows(s, row, n, &n);
    rc = s->style.format == VITRO_JSON ? map_json(s, row, n, out, err)
                                       : map_text(s, row, n, out, err);
    free(row);
    return rc;
}
