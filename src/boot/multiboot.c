/* SPDX-License-Identifier: MIT */
/*
 * multiboot.c - what both versions of the multiboot protocol share: load addresses, ELF, entry
 *
 * Source: Multiboot Specification 0.6.96, "The address fields of Multiboot header"; Multiboot2
 * Specification 2.0, "The address tag of Multiboot2 header".
 *
 * GAP: multiboot: the kernel is not given its ELF section headers.
 */
#include "boot/multiboot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/bits.h"

#define HEX "0x%" PRIx64

int mb_refuse(const struct image *img, struct vitro_err *err, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC, "%s image: %s", image_kind_name(img->kind),
                     text);
}

/* Which bytes of the file go where. Addresses have 32 bits, so that no sum here wraps. */
static int judge_addresses(const struct image *img, struct mb_kernel *k, struct vitro_err *err)
{
    const struct mb_addresses *a = &k->addresses;
    bool whole = a->load == MB_FROM_START;
    uint64_t load = whole ? a->header - k->at : a->load;
    uint64_t off, size, end;

    if (whole ? a->header < k->at : load > a->header || a->header - load > k->at)
        return mb_refuse(img, err,
                         "load address " HEX " and header address " HEX
                         " do not fit the header at file offset " HEX,
                         load, a->header, k->at);
    off = k->at - (a->header - load);
    size = img->len - off;
    if (a->load_end != 0) {
        if (a->load_end <= load || a->load_end - load > size)
            return mb_refuse(img, err,
                             "load end " HEX " with load address " HEX ": the file has " HEX
                             " bytes for it; truncated?",
                             a->load_end, load, size);
        size = a->load_end - load;
    }
    end = a->bss_end != 0 ? a->bss_end : load + size;
    if (end < load + size)
        return mb_refuse(img, err, "bss end " HEX " is below the load end " HEX, end, load + size);
    if (k->entry < load || k->entry >= end)
        return mb_refuse(img, err, "entry " HEX " is outside " HEX "-" HEX, k->entry, load,
                         end - 1);
    k->flat = (struct image_part){ .gpa = load,
                                   .memsz = end - load,
                                   .len = size,
                                   .bytes = img->bytes + off,
                                   .use = MEM_USE_CODE,
                                   .name = "kernel" };
    return 0;
}

static int judge_elf(const struct image *img, struct mb_kernel *k, struct vitro_err *err)
{
    int rc;

    if (!elf_is(img->bytes, img->len))
        return mb_refuse(img, err, "neither an ELF file nor load addresses in the header");
    rc = elf_parse(img->bytes, img->len, &k->elf, err);
    if (rc < 0)
        return rc;
    if (!k->entry_given)
        k->entry = k->elf.entry;
    for (unsigned i = 0; i < k->elf.nsegments; i++) {
        const struct elf_segment *s = &k->elf.segment[i];

        if (k->entry <= UINT32_MAX && ranges_overlap(s->gpa, s->memsz, k->entry, 1))
            return 0;
    }
    return mb_refuse(img, err, "entry " HEX " is outside every loadable segment below 4 GiB",
                     k->entry);
}

int mb_judge(const struct image *img, struct mb_kernel *k, struct vitro_err *err)
{
    return k->addresses.given ? judge_addresses(img, k, err) : judge_elf(img, k, err);
}

int mb_plan_kernel(struct planner *p, const struct mb_kernel *k)
{
    p->plan->start = X86_START_BOOT32;
    p->plan->entry = k->entry;
    if (k->wants_screen && !p->req->vga_text)
        return mb_refuse(p->img, p->err, "the kernel demands a screen, and this machine has none");
    return k->addresses.given ? plan_take(p, &k->flat) : plan_elf(p, &k->elf);
}

static uint64_t ram_from(const struct boot_request *req, gpa_t gpa)
{
    for (unsigned i = 0; i < req->nrows; i++) {
        const struct boot_row *r = &req->row[i];

        if (r->type == BOOT_ROW_RAM && gpa >= r->base && gpa - r->base < r->len)
            return r->len - (gpa - r->base);
    }
    return 0;
}

struct mb_memory mb_memory(const struct boot_request *req)
{
    uint64_t lower = ram_from(req, 0), upper = ram_from(req, MIB);

    return (struct mb_memory){
        .lower = (uint32_t)((lower < 640 * KIB ? lower : 640 * KIB) / KIB),
        .upper = (uint32_t)((upper < 4 * GIB - MIB ? upper : 4 * GIB - MIB) / KIB),
    };
}

void mb_describe(struct image *img, const struct mb_kernel *k, const char *name)
{
    img->start = X86_START_PROTECTED;
    img->entry = k->entry;
    snprintf(img->found, sizeof(img->found), "%s kernel (%s, 32-bit entry)", name,
             k->addresses.given ? "load addresses in its header"
             : k->elf.is64      ? "ELF64"
                                : "ELF32");
}
