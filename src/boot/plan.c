/* SPDX-License-Identifier: MIT */
/*
 * plan.c - finding and taking ranges of guest RAM
 *
 * The memory map has at most BOOT_ROWS_MAX rows and a plan BOOT_PARTS_MAX parts, so that plain loops
 * do: each step of a search passes one part.
 */
#include "boot/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "boot/elf.h"

#define HEX "0x%" PRIx64

static int refuse_room(struct planner *p, uint64_t len, const char *name, const char *where)
{
    return err_class(p->err, VITRO_ERR_IMAGE, -ENOEXEC,
                     "%s image: no room for the %s, %" PRIu64
                     " KiB%s: give the guest more memory with -m",
                     image_kind_name(p->img->kind), name, (len + KIB - 1) / KIB, where);
}

static const struct boot_row *ram_at(const struct planner *p, gpa_t gpa)
{
    for (unsigned i = 0; i < p->req->nrows; i++) {
        const struct boot_row *r = &p->req->row[i];

        if (r->type == BOOT_ROW_RAM && gpa >= r->base && gpa - r->base < r->len)
            return r;
    }
    return NULL;
}

bool plan_ram(const struct planner *p, gpa_t gpa, uint64_t len)
{
    while (len > 0) {
        const struct boot_row *r = ram_at(p, gpa);
        uint64_t left;

        if (r == NULL)
            return false;
        left = r->len - (gpa - r->base);
        if (len <= left)
            return true;
        gpa += left; /* rows end below 2^64: checked by boot_plan() */
        len -= left;
    }
    return true;
}

static const struct image_part *taken(const struct planner *p, gpa_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < p->plan->nparts; i++) {
        const struct image_part *part = &p->plan->part[i];

        if (ranges_overlap(part->gpa, part->memsz, gpa, len))
            return part;
    }
    return NULL;
}

/* In [lo, hi], hi being the last address. */
static bool find_low(const struct planner *p, const struct room *room, gpa_t lo, gpa_t hi,
                     gpa_t *at)
{
    for (;;) {
        const struct image_part *hit;

        if (lo > UINT64_MAX - (room->align - 1))
            return false;
        lo = (lo + room->align - 1) & ~(room->align - 1);
        if (lo > hi || room->len - 1 > hi - lo)
            return false;
        *at = lo;
        hit = taken(p, lo, room->len);
        if (hit == NULL)
            return true;
        lo = hit->gpa + hit->memsz;
    }
}

static bool find_high(const struct planner *p, const struct room *room, gpa_t lo, gpa_t hi,
                      gpa_t *at)
{
    for (;;) {
        const struct image_part *hit;

        if (lo > hi || room->len - 1 > hi - lo)
            return false;
        *at = (hi - (room->len - 1)) & ~(room->align - 1);
        if (*at < lo)
            return false;
        hit = taken(p, *at, room->len);
        if (hit == NULL)
            return true;
        if (hit->gpa == 0)
            return false;
        hi = hit->gpa - 1;
    }
}

bool plan_find(const struct planner *p, const struct room *room, gpa_t *at)
{
    unsigned n = p->req->nrows;

    for (unsigned i = 0; i < n; i++) {
        const struct boot_row *r = &p->req->row[room->high ? n - 1 - i : i];
        gpa_t lo = r->base > room->min ? r->base : room->min;
        gpa_t last = r->base + (r->len - 1);
        gpa_t hi = last < room->max ? last : room->max;

        if (r->type == BOOT_ROW_RAM &&
            (room->high ? find_high(p, room, lo, hi, at) : find_low(p, room, lo, hi, at)))
            return true;
    }
    return false;
}

int plan_take(struct planner *p, const struct image_part *part)
{
    const struct image_part *hit;

    if (part->memsz == 0)
        return 0;
    if (!plan_ram(p, part->gpa, part->memsz))
        return err_class(p->err, VITRO_ERR_IMAGE, -ENOEXEC,
                         "%s image: %s at " HEX ", " HEX
                         " bytes, is not in the guest's RAM: give it more memory with -m",
                         image_kind_name(p->img->kind), part->name, part->gpa, part->memsz);
    hit = taken(p, part->gpa, part->memsz);
    if (hit != NULL)
        return err_class(p->err, VITRO_ERR_IMAGE, -ENOEXEC,
                         "%s image: %s at " HEX ", " HEX " bytes, overlaps the %s at " HEX,
                         image_kind_name(p->img->kind), part->name, part->gpa, part->memsz,
                         hit->name, hit->gpa);
    if (p->plan->nparts == BOOT_PARTS_MAX)
        return err_class(p->err, VITRO_ERR_IMAGE, -ENOEXEC,
                         "%s image: more than %d segments and modules",
                         image_kind_name(p->img->kind), BOOT_PARTS_MAX);
    p->plan->part[p->plan->nparts++] = *part;
    return 0;
}

int plan_copy(struct planner *p, const struct room *room, const uint8_t *bytes, uint64_t len,
              gpa_t *at)
{
    struct image_part part = {
        .memsz = room->len, .len = len, .bytes = bytes, .use = room->use, .name = room->name
    };
    char where[80];

    if (!plan_find(p, room, &part.gpa)) {
        snprintf(where, sizeof(where), " between " HEX " and " HEX, room->min, room->max);
        return refuse_room(p, room->len, room->name, where);
    }
    *at = part.gpa;
    return plan_take(p, &part);
}

int plan_build(struct planner *p, const struct room *room, uint8_t **bytes, gpa_t *at)
{
    struct boot_plan *plan = p->plan;

    *bytes = NULL;
    if (plan->nbuilt == BOOT_PARTS_MAX)
        return refuse_room(p, room->len, room->name, "");
    *bytes = calloc(1, room->len);
    if (*bytes == NULL)
        return err_set(p->err, -ENOMEM, "making the %s: out of memory", room->name);
    plan->built[plan->nbuilt++] = *bytes;
    return plan_copy(p, room, *bytes, room->len, at);
}

int plan_elf(struct planner *p, const struct elf_image *elf)
{
    int rc = 0;

    for (unsigned i = 0; i < elf->nsegments && rc == 0; i++) {
        const struct elf_segment *s = &elf->segment[i];
        struct image_part part = {
            .gpa = s->gpa,
            .memsz = s->memsz,
            .len = s->filesz,
            .bytes = s->bytes,
            .use = s->exec ? MEM_USE_CODE : MEM_USE_DATA,
            .name = s->exec    ? "kernel code"
                    : s->write ? "kernel data"
                               : "kernel read-only data",
        };

        rc = plan_take(p, &part);
    }
    return rc;
}

struct room plan_low(uint64_t len, const char *name)
{
    return (struct room){ .len = len,
                          .align = PLAN_PAGE,
                          .min = PLAN_LOW,
                          .max = UINT32_MAX,
                          .use = MEM_USE_BOOT,
                          .name = name };
}

/* Bytes of the well-formed UTF-8 character at s, 0 if it is none. Unicode 15, table 3-7. */
static unsigned utf8_len(const unsigned char *s)
{
    static const struct form {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        unsigned char len;
    } forms[] = {
        { 0x20, 0x7e, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const struct form *f = &forms[i];
        unsigned n = 1;

        if (s[0] < f->first || s[0] > f->last)
            continue;
        if (f->len > 1 && (s[1] < f->low || s[1] > f->high))
            return 0;
        for (n = 2; n < f->len; n++) {
            if ((s[n] & 0xc0) != 0x80)
                return 0;
        }
        return f->len;
    }
    return 0;
}

int plan_check_text(struct planner *p, const char *what, const char *text, uint64_t max)
{
    size_t len = strlen(text);

    if (len > max)
        return err_class(p->err, VITRO_ERR_USAGE, -EINVAL,
                         "%s of %zu bytes: this kernel takes at most %" PRIu64, what, len, max);
    for (size_t i = 0, step; i < len; i += step) {
        step = text[i] == '\t' ? 1 : utf8_len((const unsigned char *)text + i);
        if (step == 0)
            return err_class(p->err, VITRO_ERR_USAGE, -EINVAL,
                             "%s: byte %zu is 0x%02x; it must be one line of UTF-8 text", what, i,
                             (unsigned char)text[i]);
    }
    return 0;
}

int plan_cmdline(struct planner *p, uint64_t max, gpa_t *at)
{
    const char *text = p->req->cmdline;
    struct room room;
    uint8_t *bytes;
    int rc;

    *at = 0;
    if (text == NULL)
        return 0;
    rc = plan_check_text(p, "command line", text, max);
    if (rc < 0)
        return rc;
    room = plan_low(strlen(text) + 1, "command line");
    rc = plan_build(p, &room, &bytes, at);
    if (rc == 0)
        memcpy(bytes, text, room.len);
    return rc;
}

/* Above all that is taken below 4 GiB: kernels that know only their own end expect modules there. */
static gpa_t above_all(const struct planner *p)
{
    gpa_t end = MIB;

    for (unsigned i = 0; i < p->plan->nparts; i++) {
        const struct image_part *part = &p->plan->part[i];

        if (part->gpa + part->memsz > end)
            end = part->gpa + part->memsz;
    }
    return end;
}

static int plan_module(struct planner *p, const struct boot_module *m, const char *name, bool high,
                       struct planned_module *out)
{
    struct room room = { .len = m->len != 0 ? m->len : 1, /* an empty one has an address too */
                         .align = PLAN_PAGE,
                         .min = high ? MIB : above_all(p),
                         .max = UINT32_MAX,
                         .high = high,
                         .use = MEM_USE_DATA,
                         .name = name };
    gpa_t at;
    int rc = 0;

    if (!high && !plan_find(p, &room, &at))
        room.min = MIB;
    *out = (struct planned_module){ .len = m->len, .cmdline = m->cmdline };
    if (m->cmdline != NULL)
        rc = plan_check_text(p, "command line of a module", m->cmdline, BOOT_CMDLINE_MAX);
    return rc < 0 ? rc : plan_copy(p, &room, m->bytes, m->len, &out->gpa);
}

int plan_modules(struct planner *p, bool high, struct planned_modules *out)
{
    const struct boot_request *req = p->req;
    int rc = 0;

    out->n = 0;
    if (req->initrd != NULL)
        rc = plan_module(p, req->initrd, "initrd", high, &out->module[out->n++]);
    for (unsigned i = 0; i < req->nmodules && rc == 0; i++)
        rc = plan_module(p, &req->module[i], "module", high, &out->module[out->n++]);
    return rc;
}

uint64_t plan_text_len(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

gpa_t plan_add_text(struct text_area *area, const char *text)
{
    uint64_t len = plan_text_len(text);
    gpa_t at = area->gpa;

    if (len == 0)
        return 0;
    memcpy(area->bytes, text, len);
    area->bytes += len;
    area->gpa += len;
    return at;
}

static int plan_gdt(struct planner *p)
{
    struct room room = plan_low(X86_BOOT_DS + 8, "GDT");
    bool is64 = p->plan->start == X86_START_BOOT64;
    uint8_t *bytes;
    int rc = plan_build(p, &room, &bytes, &p->plan->gdt);

    if (rc < 0)
        return rc;
    /* SDM 3A, "Segment Descriptors": flat, present, accessed; code readable, L or D by mode. */
    le_put(bytes + X86_BOOT_CS, 8, is64 ? 0x00af9b000000ffff : 0x00cf9b000000ffff);
    le_put(bytes + X86_BOOT_DS, 8, 0x00cf93000000ffff);
    return 0;
}

/* PML4, PDPT and one page directory a GiB, with 2 MiB pages. */
static int plan_page_tables(struct planner *p)
{
    enum { GIBS = 4, PML4 = 0, PDPT = PLAN_PAGE, PD = 2 * PLAN_PAGE };
    struct room room = plan_low(PD + GIBS * PLAN_PAGE, "page tables");
    uint8_t *bytes;
    gpa_t at;
    int rc;

    room.use = MEM_USE_TABLES;
    rc = plan_build(p, &room, &bytes, &at);
    if (rc < 0)
        return rc;
    p->plan->tables = at;
    le_put(bytes + PML4, 8, (at + PDPT) | X86_PTE_P | X86_PTE_W);
    for (uint64_t i = 0; i < GIBS; i++)
        le_put(bytes + PDPT + 8 * i, 8, (at + PD + i * PLAN_PAGE) | X86_PTE_P | X86_PTE_W);
    for (uint64_t i = 0; i < GIBS * 512; i++)
        le_put(bytes + PD + 8 * i, 8, i * 2 * MIB | X86_PTE_P | X86_PTE_W | X86_PTE_PS);
    return 0;
}

int plan_tables(struct planner *p)
{
    int rc = plan_gdt(p);

    return rc == 0 && p->plan->start == X86_START_BOOT64 ? plan_page_tables(p) : rc;
}
