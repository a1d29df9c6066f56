/* SPDX-License-Identifier: MIT */
/*
 * linux.c - plans the start of Linux by its own boot protocol, from a bzImage or an ELF file (vmlinux)
 *
 * bzImage: the 64-bit entry when the header has it, else the 32-bit one. An ELF file is entered at
 * startup_64, in 64-bit mode, with the same zero page in rsi.
 *
 * Source: Linux, Documentation/arch/x86/boot.rst, "32-bit Boot Protocol", "64-bit Boot Protocol" and
 * pref_address, init_size; arch/x86/boot/compressed/head_64.S: a relocatable kernel runs at its load
 * address, but never below pref_address.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "boot/bzimage.h"
#include "boot/elf.h"
#include "boot/elf_probe.h"
#include "boot/loader.h"
#include "boot/zero_page.h"

enum { HIGH_LOAD = 0x100000, ENTRY64 = 0x200 };

/* As high as allowed, so that the kernel's own memory stays in one piece. */
static int add_initrd(struct planner *p, uint64_t max, bool above_4g, struct zero_page *z)
{
    const struct boot_module *initrd = p->req->initrd;
    struct room room = { .align = PLAN_PAGE,
                         .min = HIGH_LOAD,
                         .max = max < UINT32_MAX ? max : UINT32_MAX,
                         .high = true,
                         .use = MEM_USE_DATA,
                         .name = "initrd" };
    struct room high;
    gpa_t at;

    if (initrd == NULL || initrd->len == 0)
        return 0;
    z->initrd_len = room.len = initrd->len;
    high = room;
    high.min = 4 * GIB;
    high.max = UINT64_MAX;
    if (above_4g && !plan_find(p, &room, &at) && plan_find(p, &high, &at))
        room = high;
    return plan_copy(p, &room, initrd->bytes, initrd->len, &z->initrd);
}

/* What all ways into Linux share, after the kernel itself has its place. */
static int add_rest(struct planner *p, struct zero_page *z, uint64_t cmdline_max,
                    uint64_t initrd_max, bool above_4g)
{
    struct room room = plan_low(ZERO_PAGE_LEN, "zero page");
    uint8_t *page;
    int rc;

    if ((rc = plan_build(p, &room, &page, &p->plan->rsi)) < 0 ||
        (rc = plan_cmdline(p, cmdline_max, &z->cmdline)) < 0 || (rc = plan_tables(p)) < 0 ||
        (rc = add_initrd(p, initrd_max, above_4g, z)) < 0)
        return rc;
    zero_page_write(page, z, p->req);
    return 0;
}

static int choose_load(struct planner *p, const struct linux_header *h, gpa_t *load)
{
    struct room room = { .len = h->run_len, .align = h->align, .min = h->run, .max = UINT32_MAX };

    *load = HIGH_LOAD;
    if (!h->relocatable || plan_find(p, &room, load))
        return 0;
    return err_class(p->err, VITRO_ERR_IMAGE, -ENOEXEC,
                     "linux image: needs %" PRIu64 " KiB of RAM in one piece at or above 0x%" PRIx64
                     ": give the guest more memory with -m",
                     h->run_len / KIB, h->run);
}

/* The code where it is loaded, and what it needs where it runs; one part if the two meet. */
static int add_kernel(struct planner *p, const struct linux_header *h, gpa_t load)
{
    struct image_part code = { .gpa = load,
                               .memsz = h->code_len,
                               .len = h->code_len,
                               .bytes = h->code,
                               .use = MEM_USE_CODE,
                               .name = "kernel" };
    struct image_part own = { .gpa = h->relocatable ? load : h->run,
                              .memsz = h->run_len,
                              .bytes = h->code,
                              .use = MEM_USE_CODE,
                              .name = "unpacked kernel" };
    uint64_t end = own.gpa + own.memsz;
    int rc;

    if (own.gpa < load && end > load)
        return err_class(p->err, VITRO_ERR_IMAGE, -ENOEXEC,
                         "linux image: moves itself from 0x%" PRIx64 " to 0x%" PRIx64
                         ", over its own code",
                         load, own.gpa);
    if (own.gpa >= load && own.gpa <= load + code.memsz) {
        code.memsz = end - load > code.memsz ? end - load : code.memsz;
        return plan_take(p, &code);
    }
    rc = plan_take(p, &code);
    return rc == 0 ? plan_take(p, &own) : rc;
}

static int plan_bzimage(struct planner *p)
{
    struct zero_page z = { 0 };
    struct linux_header h;
    int rc = linux_read(p->img->bytes, p->img->len, &h, p->err);

    if (rc < 0 || (rc = choose_load(p, &h, &z.load)) < 0 || (rc = add_kernel(p, &h, z.load)) < 0)
        return rc;
    z.setup = h.setup;
    z.setup_len = h.setup_len;
    p->plan->start = h.entry64 ? X86_START_BOOT64 : X86_START_BOOT32;
    p->plan->entry = h.entry64 ? z.load + ENTRY64 : z.load + (h.entry32 - HIGH_LOAD);
    return add_rest(p, &z, h.cmdline_max, h.initrd_max, h.entry64 && h.high_initrd);
}

static int read_bzimage(struct image *img, struct vitro_err *err)
{
    struct linux_header h;
    int rc = linux_read(img->bytes, img->len, &h, err);

    if (rc < 0)
        return rc;
    img->is_linux = true;
    img->unpacks = h.packed != NULL;
    img->start = h.entry64 ? X86_START_LONG : X86_START_PROTECTED;
    snprintf(img->found, sizeof(img->found), "Linux bzImage%s%s (protocol %u.%02u, %s entry%s%s)",
             h.name[0] != '\0' ? " " : "", h.name, h.version >> 8, h.version & 0xff,
             h.entry64 ? "64-bit" : "32-bit", h.packed != NULL ? ", " : "",
             h.packed != NULL ? h.packed : "");
    return 0;
}

const struct loader loader_bzimage = { .read = read_bzimage, .plan = plan_bzimage };

/* Linux, include/linux/elfnote.h and build-salt.h; Debian's kernels put their release into the salt. */
enum { NOTE_BUILD_SALT = 0x100 };

bool elf_is_linux(const uint8_t *bytes, size_t len)
{
    struct elf_note note;

    return elf_note_find(bytes, len, "Linux", NOTE_BUILD_SALT, &note, NULL) == 1;
}

void elf_linux_name(const uint8_t *bytes, size_t len, char *name)
{
    struct elf_note note;
    size_t n = 0;

    if (elf_note_find(bytes, len, "Linux", NOTE_BUILD_SALT, &note, NULL) == 1) {
        while (n < note.len && n < LINUX_NAME_MAX - 1 && note.desc[n] > ' ' &&
               note.desc[n] <= '~') {
            name[n] = (char)note.desc[n];
            n++;
        }
    }
    name[n] = '\0';
}

/* VITRO_ERR_IMAGE also for a 32-bit file: startup_32 of an ELF kernel is PVH's business. */
static int parse_vmlinux(const struct image *img, struct elf_image *elf, struct vitro_err *err)
{
    int rc = elf_parse(img->bytes, img->len, elf, err);

    if (rc == 0 && !elf->is64)
        return elf_refuse(err, "32-bit file: Linux's own entry into an ELF file is 64-bit; use the "
                               "bzImage");
    return rc;
}

static int plan_vmlinux(struct planner *p)
{
    struct zero_page z = { 0 };
    struct elf_image elf;
    int rc = parse_vmlinux(p->img, &elf, p->err);

    if (rc == 0)
        rc = plan_elf(p, &elf);
    if (rc < 0)
        return rc;
    z.load = elf.segment[0].gpa;
    p->plan->start = X86_START_BOOT64;
    p->plan->entry = elf.entry;
    return add_rest(p, &z, LINUX_ELF_CMDLINE_MAX, INT32_MAX, true);
}

static int read_vmlinux(struct image *img, struct vitro_err *err)
{
    char name[LINUX_NAME_MAX];
    struct elf_image elf;
    int rc = parse_vmlinux(img, &elf, err);

    if (rc < 0)
        return rc;
    img->is_linux = true;
    img->start = X86_START_LONG;
    img->entry = elf.entry;
    elf_linux_name(img->bytes, img->len, name);
    snprintf(img->found, sizeof(img->found), "Linux ELF kernel%s%s (64-bit entry)",
             name[0] != '\0' ? " " : "", name);
    return 0;
}

const struct loader loader_vmlinux = { .read = read_vmlinux, .plan = plan_vmlinux };
