/* SPDX-License-Identifier: MIT */
/*
 * pvh.c - plans the start of an ELF kernel by its PVH note: 32-bit entry, start info in ebx
 *
 * Source: Xen, docs/misc/pvh.pandoc and xen/include/public/arch-x86/hvm/start_info.h (version 1 of the
 * structure), xen/include/public/elfnote.h (XEN_ELFNOTE_PHYS32_ENTRY).
 *
 * Left out: XEN_ELFNOTE_PHYS32_RELOC, with which a kernel allows other addresses than those it was
 * linked for: the boards have RAM where kernels are linked to.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "boot/bzimage.h"
#include "boot/elf.h"
#include "boot/elf_probe.h"
#include "boot/loader.h"

#define HEX "0x%" PRIx64

enum { NOTE_PHYS32_ENTRY = 18, START_MAGIC = 0x336ec578 };
enum { START_LEN = 56, ROW_LEN = 24, MODULE_LEN = 32 };

int elf_pvh_note(const uint8_t *bytes, size_t len, struct elf_note *out, struct vitro_err *err)
{
    return elf_note_find(bytes, len, "Xen", NOTE_PHYS32_ENTRY, out, err);
}

static bool inside(const struct elf_image *elf, uint64_t gpa)
{
    for (unsigned i = 0; i < elf->nsegments; i++) {
        if (ranges_overlap(elf->segment[i].gpa, elf->segment[i].memsz, gpa, 1))
            return true;
    }
    return false;
}

static int parse(const struct image *img, struct elf_image *elf, uint64_t *entry,
                 struct vitro_err *err)
{
    struct elf_note note;
    int rc = elf_pvh_note(img->bytes, img->len, &note, err);

    if (rc == 0)
        return elf_refuse(err, "no PVH note (owner Xen, type 18), so no PVH entry");
    if (rc < 0 || (rc = elf_parse(img->bytes, img->len, elf, err)) < 0)
        return rc;
    if (note.len != 4 && note.len != 8)
        return elf_refuse(err, "the PVH note has %u bytes, must be 4 or 8", note.len);
    *entry = le_get(note.desc, note.len);
    if (*entry > UINT32_MAX || !inside(elf, *entry))
        return elf_refuse(err, "PVH entry " HEX " is outside every loadable segment", *entry);
    return 0;
}

/* struct hvm_modlist_entry */
static void write_modules(uint8_t *list, const struct planned_modules *mods,
                          struct text_area *texts)
{
    for (unsigned i = 0; i < mods->n; i++) {
        const struct planned_module *m = &mods->module[i];
        uint8_t *e = list + i * MODULE_LEN;

        le_put(e, 8, m->gpa);
        le_put(e + 8, 8, m->len);
        le_put(e + 16, 8, plan_add_text(texts, m->cmdline));
    }
}

/* struct hvm_memmap_table_entry */
static void write_map(uint8_t *map, const struct boot_request *req)
{
    for (unsigned i = 0; i < req->nrows; i++) {
        uint8_t *e = map + i * ROW_LEN;

        le_put(e, 8, req->row[i].base);
        le_put(e + 8, 8, req->row[i].len);
        le_put(e + 16, 4, req->row[i].type);
    }
}

/* struct hvm_start_info, then the memory map, the module list and the modules' command lines. */
static int add_start_info(struct planner *p, const struct planned_modules *mods, gpa_t cmdline)
{
    const struct boot_request *req = p->req;
    uint64_t map = START_LEN, list = map + req->nrows * ROW_LEN;
    uint64_t text = list + mods->n * MODULE_LEN;
    struct room room = plan_low(text, "PVH start info");
    struct text_area texts;
    uint8_t *bytes;
    gpa_t at;
    int rc;

    for (unsigned i = 0; i < mods->n; i++)
        room.len += plan_text_len(mods->module[i].cmdline);
    rc = plan_build(p, &room, &bytes, &at);
    if (rc < 0)
        return rc;
    texts = (struct text_area){ bytes + text, at + text };
    le_put(bytes, 4, START_MAGIC);
    le_put(bytes + 4, 4, 1); /* version */
    le_put(bytes + 12, 4, mods->n);
    le_put(bytes + 16, 8, mods->n != 0 ? at + list : 0);
    le_put(bytes + 24, 8, cmdline);
    le_put(bytes + 32, 8, req->rsdp);
    le_put(bytes + 40, 8, at + map);
    le_put(bytes + 48, 4, req->nrows);
    write_map(bytes + map, req);
    write_modules(bytes + list, mods, &texts);
    p->plan->rbx = at;
    return 0;
}

static int plan_pvh(struct planner *p)
{
    uint64_t cmdline_max = p->img->is_linux ? LINUX_ELF_CMDLINE_MAX : BOOT_CMDLINE_MAX;
    struct planned_modules mods;
    struct elf_image elf;
    gpa_t cmdline;
    int rc = parse(p->img, &elf, &p->plan->entry, p->err);

    p->plan->start = X86_START_BOOT32;
    if (rc < 0 || (rc = plan_elf(p, &elf)) < 0 ||
        (rc = plan_cmdline(p, cmdline_max, &cmdline)) < 0 || (rc = plan_tables(p)) < 0 ||
        (rc = plan_modules(p, true, &mods)) < 0)
        return rc;
    return add_start_info(p, &mods, cmdline);
}

static int read_pvh(struct image *img, struct vitro_err *err)
{
    struct elf_image elf;
    char name[LINUX_NAME_MAX];
    int rc = parse(img, &elf, &img->entry, err);

    if (rc < 0)
        return rc;
    img->is_linux = elf_is_linux(img->bytes, img->len);
    img->start = X86_START_PROTECTED;
    elf_linux_name(img->bytes, img->len, name);
    snprintf(img->found, sizeof(img->found), "%sELF kernel%s%s (PVH entry)",
             img->is_linux ? "Linux " : "", name[0] != '\0' ? " " : "", name);
    return 0;
}

const struct loader loader_pvh = { .read = read_pvh, .plan = plan_pvh, .modules = true };
