/* SPDX-License-Identifier: MIT */
/*
 * multiboot2.c - plans the start of a multiboot 2 kernel: header tags, information tags, modules
 *
 * Source: Multiboot2 Specification 2.0, "OS image format", "Boot information format", "I386 machine
 * state".
 *
 * Left out: everything of EFI, VBE, APM, SMBIOS and the BIOS's drives (there is no such firmware; a
 * kernel that asks for such information runs without, one that demands EFI boot services is refused).
 *
 * GAP: multiboot 2: a relocatable kernel is loaded where it is linked to and nowhere else.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "boot/multiboot.h"

#define HEX "0x%" PRIx64

enum { HEADER_MAGIC = 0xe85250d6, START_MAGIC = 0x36d76289, SEARCH = 32768, HEADER_LEN = 16 };
enum { TAG_ALIGN = 8, TAG_HEAD = 8, TAG_OPTIONAL = 1, CONSOLE_REQUIRED = 1 };

/* Information tags. */
enum info_tag {
    INFO_END,
    INFO_CMDLINE,
    INFO_LOADER,
    INFO_MODULE,
    INFO_MEMORY,
    INFO_MMAP = 6,
    INFO_FRAMEBUFFER = 8,
    INFO_RSDP_OLD = 14,
    INFO_RSDP_NEW = 15,
    INFO_LOAD_BASE = 21, /* the last one of the specification */
};
enum { MMAP_LEN = 24, EGA_TEXT = 2, RSDP_OLD_LEN = 20 };

bool multiboot2_find(const uint8_t *bytes, size_t len, uint64_t *at)
{
    uint64_t end = len < SEARCH ? len : SEARCH;

    for (*at = 0; *at + HEADER_LEN <= end; *at += TAG_ALIGN) {
        const uint8_t *h = bytes + *at;

        if (le_get(h, 4) == HEADER_MAGIC &&
            (uint32_t)(HEADER_MAGIC + le_get(h + 4, 4) + le_get(h + 8, 4) + le_get(h + 12, 4)) == 0)
            return true;
    }
    return false;
}

/* ---- the header's tags ------------------------------------------------------------------------- */

struct reader {
    const struct image *img;
    struct mb_kernel *k;
    struct vitro_err *err;
};

struct tag {
    const uint8_t *bytes;
    uint32_t size;
    bool optional;
};

static int read_request(struct reader *r, const struct tag *tag)
{
    for (uint32_t at = TAG_HEAD; at + 4 <= tag->size; at += 4) {
        uint64_t type = le_get(tag->bytes + at, 4);

        if (type > INFO_LOAD_BASE && !tag->optional)
            return mb_refuse(r->img, r->err, "demands information of unknown type %" PRIu64, type);
    }
    return 0;
}

static int read_addresses(struct reader *r, const struct tag *tag)
{
    uint64_t load = le_get(tag->bytes + 12, 4);

    r->k->addresses = (struct mb_addresses){ .given = true,
                                             .header = le_get(tag->bytes + 8, 4),
                                             .load = load == UINT32_MAX ? MB_FROM_START : load,
                                             .load_end = le_get(tag->bytes + 16, 4),
                                             .bss_end = le_get(tag->bytes + 20, 4) };
    return 0;
}

static int read_entry(struct reader *r, const struct tag *tag)
{
    r->k->entry_given = true;
    r->k->entry = le_get(tag->bytes + 8, 4);
    return 0;
}

static int read_console(struct reader *r, const struct tag *tag)
{
    if (!tag->optional && (le_get(tag->bytes + 8, 4) & CONSOLE_REQUIRED))
        r->k->wants_screen = true;
    return 0;
}

static int read_framebuffer(struct reader *r, const struct tag *tag)
{
    if (!tag->optional)
        r->k->wants_screen = true;
    return 0;
}

static int read_boot_services(struct reader *r, const struct tag *tag)
{
    if (!tag->optional)
        return mb_refuse(r->img, r->err, "demands EFI boot services, and there is no EFI");
    return 0;
}

static int read_relocatable(struct reader *r, const struct tag *tag)
{
    (void)tag;
    r->k->relocatable = true;
    return 0;
}

static int read_nothing(struct reader *r, const struct tag *tag)
{
    (void)r;
    (void)tag;
    return 0;
}

static const struct tag_row {
    uint32_t size; /* the least */
    int (*read)(struct reader *r, const struct tag *tag);
} tag_rows[] = {
    [1] = { TAG_HEAD, read_request },
    [2] = { 24, read_addresses },
    [3] = { 12, read_entry },
    [4] = { 12, read_console },
    [5] = { 20, read_framebuffer },
    [6] = { TAG_HEAD, read_nothing }, /* modules are page-aligned in any case */
    [7] = { TAG_HEAD, read_boot_services },
    [8] = { 12, read_nothing }, /* entries for EFI: there are others without it */
    [9] = { 12, read_nothing },
    [10] = { 24, read_relocatable },
};

static int read_tag(struct reader *r, unsigned type, const struct tag *tag)
{
    const struct tag_row *row = type < ARRAY_LEN(tag_rows) ? &tag_rows[type] : NULL;

    if (row == NULL || row->read == NULL) {
        if (tag->optional)
            return 0;
        return mb_refuse(r->img, r->err, "demands header tag %u, which is not known here", type);
    }
    if (tag->size < row->size)
        return mb_refuse(r->img, r->err, "header tag %u has %u bytes, must have %u", type,
                         tag->size, row->size);
    return row->read(r, tag);
}

/* Each step passes at least a tag's head. */
static int read_tags(struct reader *r, const uint8_t *header, uint64_t len)
{
    for (uint64_t at = HEADER_LEN; at + TAG_HEAD <= len;) {
        unsigned type = (unsigned)le_get(header + at, 2);
        struct tag tag = { .bytes = header + at,
                           .size = (uint32_t)le_get(header + at + 4, 4),
                           .optional = le_get(header + at + 2, 2) & TAG_OPTIONAL };
        int rc;

        if (tag.size < TAG_HEAD || tag.size > len - at)
            return mb_refuse(r->img, r->err,
                             "header tag %u has " HEX " bytes, past the header's end", type,
                             (uint64_t)tag.size);
        if (type == 0)
            return 0;
        rc = read_tag(r, type, &tag);
        if (rc < 0)
            return rc;
        at += ((uint64_t)tag.size + TAG_ALIGN - 1) & ~(uint64_t)(TAG_ALIGN - 1);
    }
    return mb_refuse(r->img, r->err, "the header has no end tag");
}

static int refuse_header(const struct image *img, struct vitro_err *err)
{
    for (uint64_t at = 0; at + HEADER_LEN <= img->len && at < SEARCH; at += TAG_ALIGN) {
        if (le_get(img->bytes + at, 4) == HEADER_MAGIC)
            return mb_refuse(img, err, "the header at file offset " HEX " has a wrong checksum",
                             at);
    }
    return mb_refuse(img, err, "no header in the first 32 KiB of the file (%zu bytes)", img->len);
}

static int parse(const struct image *img, struct mb_kernel *k, struct vitro_err *err)
{
    struct reader r = { img, k, err };
    uint64_t arch, len, end = img->len < SEARCH ? img->len : SEARCH;
    int rc;

    *k = (struct mb_kernel){ 0 };
    if (!multiboot2_find(img->bytes, img->len, &k->at))
        return refuse_header(img, err);
    arch = le_get(img->bytes + k->at + 4, 4);
    len = le_get(img->bytes + k->at + 8, 4);
    if (arch != 0)
        return mb_refuse(img, err, "architecture " HEX ", must be 0 (i386, 32-bit)", arch);
    if (len > end - k->at)
        return mb_refuse(img, err,
                         "the header at file offset " HEX " has " HEX
                         " bytes, past the first 32 KiB or the file",
                         k->at, len);
    rc = read_tags(&r, img->bytes + k->at, len);
    if (rc == 0 && k->addresses.given && !k->entry_given)
        return mb_refuse(img, err, "load addresses without an entry address");
    return rc < 0 ? rc : mb_judge(img, k, err);
}

/* ---- the information's tags -------------------------------------------------------------------- */

struct writer {
    uint8_t *bytes; /* NULL: only counts */
    uint64_t at;
};

static void put(struct writer *w, unsigned width, uint64_t v)
{
    if (w->bytes != NULL)
        le_put(w->bytes + w->at, width, v);
    w->at += width;
}

static void put_bytes(struct writer *w, const void *bytes, uint64_t len)
{
    if (w->bytes != NULL)
        memcpy(w->bytes + w->at, bytes, len);
    w->at += len;
}

static uint64_t begin(struct writer *w, enum info_tag type)
{
    uint64_t start = w->at;

    put(w, 4, type);
    put(w, 4, 0);
    return start;
}

static void end(struct writer *w, uint64_t start)
{
    if (w->bytes != NULL)
        le_put(w->bytes + start + 4, 4, w->at - start);
    w->at = (w->at + TAG_ALIGN - 1) & ~(uint64_t)(TAG_ALIGN - 1);
}

static void put_text(struct writer *w, enum info_tag type, const char *text)
{
    uint64_t start = begin(w, type);

    put_bytes(w, text, strlen(text) + 1);
    end(w, start);
}

static void put_module(struct writer *w, const struct planned_module *m)
{
    const char *text = m->cmdline != NULL ? m->cmdline : "";
    uint64_t start = begin(w, INFO_MODULE);

    put(w, 4, m->gpa);
    put(w, 4, m->gpa + m->len);
    put_bytes(w, text, strlen(text) + 1);
    end(w, start);
}

static void put_memory(struct writer *w, const struct boot_request *req)
{
    struct mb_memory mem = mb_memory(req);
    uint64_t start = begin(w, INFO_MEMORY);

    put(w, 4, mem.lower);
    put(w, 4, mem.upper);
    end(w, start);
    start = begin(w, INFO_MMAP);
    put(w, 4, MMAP_LEN);
    put(w, 4, 0); /* version of the rows */
    for (unsigned i = 0; i < req->nrows; i++) {
        put(w, 8, req->row[i].base);
        put(w, 8, req->row[i].len);
        put(w, 4, req->row[i].type);
        put(w, 4, 0);
    }
    end(w, start);
}

/* A text screen of 80 x 25, two bytes a character. */
static void put_screen(struct writer *w)
{
    uint64_t start = begin(w, INFO_FRAMEBUFFER);

    put(w, 8, 0xb8000);
    put(w, 4, 160);
    put(w, 4, 80);
    put(w, 4, 25);
    put(w, 1, 16);
    put(w, 1, EGA_TEXT);
    put(w, 2, 0);
    end(w, start);
}

static void put_rsdp(struct writer *w, enum info_tag type, const uint8_t *rsdp, unsigned len)
{
    uint64_t start = begin(w, type);

    put_bytes(w, rsdp, len);
    end(w, start);
}

static void write_info(struct writer *w, const struct planner *p, const struct mb_kernel *k,
                       const struct planned_modules *mods)
{
    const struct boot_request *req = p->req;
    uint64_t start;

    put(w, 4, 0); /* the whole length: add_info() */
    put(w, 4, 0);
    if (req->cmdline != NULL)
        put_text(w, INFO_CMDLINE, req->cmdline);
    put_text(w, INFO_LOADER, "Vitro");
    for (unsigned i = 0; i < mods->n; i++)
        put_module(w, &mods->module[i]);
    put_memory(w, req);
    if (req->vga_text)
        put_screen(w);
    if (req->rsdp_len != 0)
        put_rsdp(w, INFO_RSDP_OLD, req->rsdp_bytes, RSDP_OLD_LEN);
    if (req->rsdp_len == BOOT_RSDP_MAX)
        put_rsdp(w, INFO_RSDP_NEW, req->rsdp_bytes, BOOT_RSDP_MAX);
    if (k->relocatable) {
        start = begin(w, INFO_LOAD_BASE);
        put(w, 4, p->plan->part[0].gpa); /* the kernel's lowest: it was taken first */
        end(w, start);
    }
    end(w, begin(w, INFO_END));
}

static int add_info(struct planner *p, const struct mb_kernel *k,
                    const struct planned_modules *mods)
{
    struct writer count = { 0 }, out = { 0 };
    struct room room;
    int rc = 0;

    if (p->req->cmdline != NULL)
        rc = plan_check_text(p, "command line", p->req->cmdline, BOOT_CMDLINE_MAX);
    write_info(&count, p, k, mods);
    room = plan_low(count.at, "multiboot 2 information");
    if (rc == 0)
        rc = plan_build(p, &room, &out.bytes, &p->plan->rbx);
    if (rc < 0)
        return rc;
    write_info(&out, p, k, mods);
    le_put(out.bytes, 4, out.at);
    return 0;
}

static int plan_multiboot2(struct planner *p)
{
    struct mb_kernel k;
    struct planned_modules mods;
    int rc = parse(p->img, &k, p->err);

    p->plan->rax = START_MAGIC;
    if (rc < 0 || (rc = mb_plan_kernel(p, &k)) < 0 || (rc = plan_tables(p)) < 0 ||
        (rc = plan_modules(p, false, &mods)) < 0)
        return rc;
    return add_info(p, &k, &mods);
}

static int read_multiboot2(struct image *img, struct vitro_err *err)
{
    struct mb_kernel k;
    int rc = parse(img, &k, err);

    if (rc == 0)
        mb_describe(img, &k, "multiboot 2");
    return rc;
}

const struct loader loader_multiboot2 = { .read = read_multiboot2,
                                          .plan = plan_multiboot2,
                                          .modules = true };
