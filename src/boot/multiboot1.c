/* SPDX-License-Identifier: MIT */
/*
 * multiboot1.c - plans the start of a multiboot kernel: header, information, modules
 *
 * Source: Multiboot Specification 0.6.96, "OS image format", "Boot information format", "Machine state".
 *
 * Left out: drives, APM, VBE and the BIOS's configuration table (there is no BIOS).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "boot/multiboot.h"

#define HEX "0x%" PRIx64

enum { HEADER_MAGIC = 0x1badb002, START_MAGIC = 0x2badb002, SEARCH = 8192, HEADER_LEN = 12 };

enum header_flags {
    PAGE_ALIGN = 1 << 0, /* modules are always */
    MEMORY_INFO = 1 << 1,
    VIDEO_MODE = 1 << 2,
    REQUIRED = 0xffff, /* of these the rest is unknown */
    AOUT_KLUDGE = 1 << 16,
};

/* Offsets in the header. */
enum { HEADER_ADDR = 12, LOAD_ADDR = 16, LOAD_END = 20, BSS_END = 24, ENTRY = 28, MODE_END = 48 };

enum info_flags {
    INFO_MEMORY = 1 << 0,
    INFO_CMDLINE = 1 << 2,
    INFO_MODS = 1 << 3,
    INFO_MMAP = 1 << 6,
    INFO_LOADER = 1 << 9,
    INFO_FRAMEBUFFER = 1 << 12,
};

/* Offsets in the information. */
enum info_field {
    INFO_FLAGS = 0,
    MEM_LOWER = 4,
    MEM_UPPER = 8,
    CMDLINE = 16,
    MODS_COUNT = 20,
    MODS_ADDR = 24,
    MMAP_LENGTH = 44,
    MMAP_ADDR = 48,
    LOADER_NAME = 64,
    FRAMEBUFFER_ADDR = 88,
    FRAMEBUFFER_PITCH = 96,
    FRAMEBUFFER_WIDTH = 100,
    FRAMEBUFFER_HEIGHT = 104,
    FRAMEBUFFER_BPP = 108,
    FRAMEBUFFER_TYPE = 109,
    INFO_LEN = 120, /* a multiple of 8 */
};
enum { MMAP_LEN = 24, MODULE_LEN = 16, EGA_TEXT = 2 };

static const char loader_name[] = "Vitro";

bool multiboot_find(const uint8_t *bytes, size_t len, uint64_t *at)
{
    uint64_t end = len < SEARCH ? len : SEARCH;

    for (*at = 0; *at + HEADER_LEN <= end; *at += 4) {
        const uint8_t *h = bytes + *at;

        if (le_get(h, 4) == HEADER_MAGIC &&
            (uint32_t)(HEADER_MAGIC + le_get(h + 4, 4) + le_get(h + 8, 4)) == 0)
            return true;
    }
    return false;
}

/* The magic number without its checksum: worth a word of its own. */
static int refuse_header(const struct image *img, struct vitro_err *err)
{
    for (uint64_t at = 0; at + HEADER_LEN <= img->len && at < SEARCH; at += 4) {
        if (le_get(img->bytes + at, 4) == HEADER_MAGIC)
            return mb_refuse(img, err, "the header at file offset " HEX " has a wrong checksum",
                             at);
    }
    return mb_refuse(img, err, "no header in the first 8 KiB of the file (%zu bytes)", img->len);
}

static int parse(const struct image *img, struct mb_kernel *k, struct vitro_err *err)
{
    const uint8_t *h;
    uint64_t flags, end;

    *k = (struct mb_kernel){ 0 };
    if (!multiboot_find(img->bytes, img->len, &k->at))
        return refuse_header(img, err);
    h = img->bytes + k->at;
    flags = le_get(h + 4, 4);
    if (flags & REQUIRED & ~(uint64_t)(PAGE_ALIGN | MEMORY_INFO | VIDEO_MODE))
        return mb_refuse(img, err, "flags " HEX " demand what is not known here", flags);
    end = k->at + (flags & VIDEO_MODE ? MODE_END : flags & AOUT_KLUDGE ? ENTRY + 4 : HEADER_LEN);
    if (end > img->len || end > SEARCH)
        return mb_refuse(img, err,
                         "the header at file offset " HEX " ends at " HEX
                         ", past the first 8 KiB or the file",
                         k->at, end);
    k->wants_screen = flags & VIDEO_MODE;
    if (flags & AOUT_KLUDGE) {
        k->addresses = (struct mb_addresses){ .given = true,
                                              .header = le_get(h + HEADER_ADDR, 4),
                                              .load = le_get(h + LOAD_ADDR, 4),
                                              .load_end = le_get(h + LOAD_END, 4),
                                              .bss_end = le_get(h + BSS_END, 4) };
        k->entry = le_get(h + ENTRY, 4);
    }
    return mb_judge(img, k, err);
}

static void write_modules(uint8_t *list, const struct planned_modules *mods,
                          struct text_area *texts)
{
    for (unsigned i = 0; i < mods->n; i++) {
        const struct planned_module *m = &mods->module[i];
        uint8_t *e = list + i * MODULE_LEN;

        le_put(e, 4, m->gpa);
        le_put(e + 4, 4, m->gpa + m->len);
        le_put(e + 8, 4, plan_add_text(texts, m->cmdline));
    }
}

static void write_map(uint8_t *map, const struct boot_request *req)
{
    for (unsigned i = 0; i < req->nrows; i++) {
        uint8_t *e = map + i * MMAP_LEN;

        le_put(e, 4, MMAP_LEN - 4); /* the size field does not count itself */
        le_put(e + 4, 8, req->row[i].base);
        le_put(e + 12, 8, req->row[i].len);
        le_put(e + 20, 4, req->row[i].type);
    }
}

/* A text screen of 80 x 25, two bytes a character. */
static void write_screen(uint8_t *info)
{
    le_put(info + FRAMEBUFFER_ADDR, 8, 0xb8000);
    le_put(info + FRAMEBUFFER_PITCH, 4, 160);
    le_put(info + FRAMEBUFFER_WIDTH, 4, 80);
    le_put(info + FRAMEBUFFER_HEIGHT, 4, 25);
    info[FRAMEBUFFER_BPP] = 16;
    info[FRAMEBUFFER_TYPE] = EGA_TEXT;
}

static void write_info(uint8_t *info, gpa_t at, const struct boot_request *req,
                       const struct planned_modules *mods)
{
    uint64_t map = INFO_LEN, list = map + req->nrows * MMAP_LEN;
    uint64_t text = list + mods->n * MODULE_LEN;
    struct text_area texts = { info + text, at + text };
    struct mb_memory mem = mb_memory(req);
    unsigned flags = INFO_MEMORY | INFO_MODS | INFO_MMAP | INFO_LOADER;

    le_put(info + MEM_LOWER, 4, mem.lower);
    le_put(info + MEM_UPPER, 4, mem.upper);
    le_put(info + MODS_COUNT, 4, mods->n);
    le_put(info + MODS_ADDR, 4, at + list);
    le_put(info + MMAP_LENGTH, 4, list - map);
    le_put(info + MMAP_ADDR, 4, at + map);
    le_put(info + LOADER_NAME, 4, plan_add_text(&texts, loader_name));
    if (req->cmdline != NULL) {
        flags |= INFO_CMDLINE;
        le_put(info + CMDLINE, 4, plan_add_text(&texts, req->cmdline));
    }
    if (req->vga_text) {
        flags |= INFO_FRAMEBUFFER;
        write_screen(info);
    }
    le_put(info + INFO_FLAGS, 4, flags);
    write_map(info + map, req);
    write_modules(info + list, mods, &texts);
}

static int add_info(struct planner *p, const struct planned_modules *mods)
{
    const struct boot_request *req = p->req;
    struct room room = plan_low(INFO_LEN, "multiboot information");
    uint8_t *info;
    int rc = 0;

    if (req->cmdline != NULL)
        rc = plan_check_text(p, "command line", req->cmdline, BOOT_CMDLINE_MAX);
    room.len += req->nrows * MMAP_LEN + mods->n * MODULE_LEN;
    room.len += plan_text_len(req->cmdline) + sizeof(loader_name);
    for (unsigned i = 0; i < mods->n; i++)
        room.len += plan_text_len(mods->module[i].cmdline);
    if (rc == 0)
        rc = plan_build(p, &room, &info, &p->plan->rbx);
    if (rc == 0)
        write_info(info, p->plan->rbx, req, mods);
    return rc;
}

static int plan_multiboot(struct planner *p)
{
    struct mb_kernel k;
    struct planned_modules mods;
    int rc = parse(p->img, &k, p->err);

    p->plan->rax = START_MAGIC;
    if (rc < 0 || (rc = mb_plan_kernel(p, &k)) < 0 || (rc = plan_tables(p)) < 0 ||
        (rc = plan_modules(p, false, &mods)) < 0)
        return rc;
    return add_info(p, &mods);
}

static int read_multiboot(struct image *img, struct vitro_err *err)
{
    struct mb_kernel k;
    int rc = parse(img, &k, err);

    if (rc == 0)
        mb_describe(img, &k, "multiboot");
    return rc;
}

const struct loader loader_multiboot = { .read = read_multiboot,
                                         .plan = plan_multiboot,
                                         .modules = true };
