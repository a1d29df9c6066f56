/* SPDX-License-Identifier: MIT */
/* heat.c - which parts of guest memory change: sums of pages, compared. */
#include "inspect/heat.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/mem_access.h"
#include "inspect/grid.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

enum { PAGE = 4096 };

#define MIX UINT64_C(0x9e3779b97f4a7c15) /* odd: no bit is lost */

struct cell {
    gpa_t base;
    uint64_t len;              /* bytes */
    unsigned n;                /* pages looked at */
    unsigned hot;              /* of those, changed at the last look: bit i is page i */
    uint64_t sum[HEAT_LOOKED]; /* 0: not resident */
};

struct heat {
    const struct mem *mem; /* borrowed */
    uint64_t cell_bytes;
    uint64_t looks;
    unsigned ncells;
    struct cell cell[];
};

static uint64_t cell_size(const struct mem *mem)
{
    uint64_t bytes = PAGE;

    while (mem_bytes(mem) / bytes > HEAT_CELLS)
        bytes *= 2;
    return bytes;
}

static void cut(struct heat *h, const struct mem_slot *slot)
{
    for (uint64_t off = 0; off < slot->len; off += h->cell_bytes) {
        struct cell *c = &h->cell[h->ncells++];
        uint64_t left = slot->len - off;

        c->base = slot->base + off;
        c->len = left < h->cell_bytes ? left : h->cell_bytes;
        c->n = c->len / PAGE < HEAT_LOOKED ? (unsigned)(c->len / PAGE) : HEAT_LOOKED;
    }
}

struct heat *heat_new(const struct mem *mem)
{
    struct heat *h = calloc(1, sizeof(*h) + (HEAT_CELLS + MEM_SLOTS_MAX) * sizeof(h->cell[0]));

    if (h == NULL)
        return NULL;
    h->mem = mem;
    h->cell_bytes = cell_size(mem);
    for (size_t i = 0; i < mem->nslots; i++)
        cut(h, &mem->slot[i]);
    return h;
}

void heat_free(struct heat *h)
{
    free(h);
}

/* Never 0. Each word counts with its place: words that change places are a change. Four sums at a time, for speed. */
static uint64_t sum_of(const uint8_t *page)
{
    uint64_t sum[4] = { 1, 2, 3, 4 };

    for (unsigned i = 0; i < PAGE; i += 32)
        for (unsigned k = 0; k < 4; k++)
            sum[k] = (sum[k] ^ mem_load_64(page + i + 8 * k)) * MIX + (sum[k] >> 32);
    return (((sum[0] * MIX + sum[1]) * MIX + sum[2]) * MIX + sum[3]) | 1;
}

/* The page to look at: scattered, so that a regular layout of the guest's does not hide between them. */
static uint64_t page_of(const struct cell *c, unsigned i)
{
    uint64_t part = c->len / PAGE / c->n;
    uint64_t scatter = (c->base / PAGE + i) * MIX >> 32;

    return c->base + (i * part + scatter % part) * PAGE;
}

static void look_at(struct heat *h, struct cell *c, bool (*here)(const void *page))
{
    c->hot = 0;
    for (unsigned i = 0; i < c->n; i++) {
        const uint8_t *page = mem_host(h->mem, page_of(c, i), PAGE, false);
        uint64_t sum = page != NULL && here(page) ? sum_of(page) : 0;

        c->hot |= (unsigned)(sum != c->sum[i]) << i;
        c->sum[i] = sum;
    }
}

void heat_look(struct heat *h, bool (*here)(const void *page))
{
    for (unsigned i = 0; i < h->ncells; i++)
        look_at(h, &h->cell[i], here);
    if (h->looks++ == 0) { /* nothing to compare with */
        for (unsigned i = 0; i < h->ncells; i++)
            h->cell[i].hot = 0;
    }
}

static unsigned looked(const struct heat *h)
{
    unsigned n = 0;

    for (unsigned i = 0; i < h->ncells; i++)
        n += h->cell[i].n;
    return n;
}

static unsigned changed(const struct cell *c)
{
    return (unsigned)__builtin_popcount(c->hot);
}

static json_t *cell_json(const struct cell *c)
{
    json_t *at = json_array();

    for (unsigned i = 0; i < c->n; i++)
        if (c->hot & 1u << i)
            part_append(&at, json_hex(page_of(c, i)));
    return json_pack("{s:o, s:o, s:i, s:i, s:o}", "gpa", json_hex(c->base), "bytes",
                     part_num(c->len), "looked", (int)c->n, "changed", (int)changed(c), "at", at);
}

static int show_json(const struct heat *h, char **out, struct vitro_err *err)
{
    json_t *hot = json_array();

    for (unsigned i = 0; i < h->ncells; i++) {
        if (h->cell[i].hot != 0)
            part_append(&hot, cell_json(&h->cell[i]));
    }
    return json_finish(json_pack("{s:o, s:o, s:i, s:o, s:o}", "looks", part_num(h->looks),
                                 "cell_bytes", part_num(h->cell_bytes), "looked", (int)looked(h),
                                 "pages", part_num(mem_bytes(h->mem) / PAGE), "hot", hot),
                       out, err);
}

static int show_text(const struct heat *h, bool color, char **out, struct vitro_err *err)
{
    struct grid g = { .color = color, .right = 1 << 1 };
    struct text t = { 0 };
    char size[SHOW_NUM];

    text_add(&t, "Changed since the last look (%u of %" PRIu64 " pages are looked at)\n\n",
             looked(h), mem_bytes(h->mem) / PAGE);
    for (unsigned i = 0; i < h->ncells; i++) {
        const struct cell *c = &h->cell[i];

        if (c->hot == 0)
            continue;
        grid_add(&g, INK_PLAIN, "0x%06" PRIx64 "-0x%06" PRIx64, c->base, c->base + c->len - 1);
        grid_add(&g, INK_PLAIN, "%s", show_size(c->len, size));
        grid_add(&g, INK_DATA, "%u of %u", changed(c), c->n);
        grid_end(&g);
    }
    grid_print(&g, &t);
    return show_finish(&t, "heat", out, err);
}

int heat_show(const struct heat *h, const struct vitro_style *style, char **out,
              struct vitro_err *err)
{
    return style->format == VITRO_JSON ? show_json(h, out, err)
                                       : show_text(h, style->color, out, err);
}
