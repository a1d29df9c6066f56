/* SPDX-License-Identifier: MIT */
/*
 * boot.h - starting other people's kernels: what a board gives, what it gets back; used by vitro.c and board/
 *
 *     image_probe()   bytes -> kind
 *     image_boot()    kind, bytes -> struct image: checked, with the words for people
 *     boot_plan()     image, request -> plan: every range of memory that is taken, and with what
 *     boot_place()    plan -> guest memory
 *     boot_state()    plan -> registers of the first CPU
 *
 * The first three are pure: they look at no file and no machine. What they choose (where an initrd
 * goes, page tables, tables for the kernel) depends on nothing but their arguments.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include "boot/image.h"

enum {
    BOOT_ROWS_MAX = 32,      /* of the memory map; Linux takes 128 */
    BOOT_MODULES_MAX = 32,   /* the initrd counts as one */
    BOOT_PARTS_MAX = 128,    /* a kernel's segments, modules, tables */
    BOOT_CMDLINE_MAX = 4095, /* bytes; Linux takes 2047 */
    BOOT_RSDP_MAX = 36,      /* bytes; ACPI 1.0 has 20 */
};

/* ACPI 6.5, "Address Range Types": the values of E820, which all boot protocols took over. */
enum boot_row_type {
    BOOT_ROW_RAM = 1,
    BOOT_ROW_RESERVED = 2,
    BOOT_ROW_ACPI = 3,
    BOOT_ROW_NVS = 4,
    BOOT_ROW_BAD = 5,
};

struct boot_row {
    gpa_t base;
    uint64_t len; /* bytes, not 0 */
    enum boot_row_type type;
};

struct boot_module {
    const uint8_t *bytes;
    size_t len;          /* may be 0 */
    const char *cmdline; /* NULL: none */
};

/*
 * What the board gives. Zero is fine for all but the memory map. Everything is borrowed: the bytes of
 * initrd and modules until boot_place(), the rest for the call of boot_plan().
 */
struct boot_request {
    const char *cmdline;              /* NULL: none */
    const struct boot_module *initrd; /* NULL: none. To kernels with modules it is the first */
    const struct boot_module *module;
    unsigned nmodules;
    const struct boot_row *row; /* by base, not overlapping; nothing goes outside of BOOT_ROW_RAM */
    unsigned nrows;
    gpa_t rsdp;                        /* ACPI's root pointer, which the board writes; 0: none */
    uint8_t rsdp_bytes[BOOT_RSDP_MAX]; /* a copy of it, for kernels that get one */
    unsigned rsdp_len;                 /* 0, 20 or 36 */
    bool
        vga_text; /* there is a text screen of 80 x 25 at 0xb8000; else the kernel is told of none */
};

/* What it gets: parts do not overlap and lie in RAM. Those with len 0 are only kept free. */
struct boot_plan {
    enum image_kind kind;
    enum x86_start start;
    uint64_t entry; /* guest-physical = guest-linear */
    uint64_t rax, rbx, rsi;
    gpa_t gdt, tables; /* tables: of boot64, which map the first 4 GiB to themselves */
    unsigned nparts;
    struct image_part part[BOOT_PARTS_MAX];
    unsigned nbuilt;
    uint8_t *built[BOOT_PARTS_MAX]; /* owned: what parts borrow that is in no file */
};

/*
 * image_probe - what kind of image these bytes are
 *
 * Linux's magic number; in an ELF file a PVH note, a multiboot 2 header, a multiboot header, a note of
 * Linux, else plain; in any other file a multiboot header, else flat. Says nothing about whether the
 * image can be used, but for an ELF file whose only fault is in its notes: VITRO_ERR_IMAGE.
 */
WARN_UNUSED int image_probe(const uint8_t *bytes, size_t len, enum image_kind *out,
                            struct vitro_err *err);

/* Kinds that image_boot() reads and boot_plan() takes. */
bool image_boots(enum image_kind kind);

/*
 * image_boot - check an image of a kind that boots
 *
 * out  overwritten; borrows bytes
 *
 * out->found says what it is: "Linux bzImage 6.1.0 (protocol 2.15, 64-bit entry, LZ4)".
 * Fails with VITRO_ERR_IMAGE. Its parts stay empty: where they go is boot_plan()'s matter.
 */
WARN_UNUSED int image_boot(enum image_kind kind, const uint8_t *bytes, size_t len,
                           struct image *out, struct vitro_err *err);

/*
 * boot_plan - find a place for everything
 *
 * img  of image_boot()
 * out  overwritten; the caller's to boot_plan_fini(), after a failure too
 *
 * Fails with VITRO_ERR_IMAGE: something does not fit the memory, or the kernel demands what is not
 * there; VITRO_ERR_USAGE: a command line or module that this kernel cannot be given; -ENOMEM.
 */
WARN_UNUSED int boot_plan(const struct image *img, const struct boot_request *req,
                          struct boot_plan *out, struct vitro_err *err);

/* Copies the parts into memory, which must be zero, and notes them. VITRO_ERR_IMAGE: outside of it. */
WARN_UNUSED int boot_place(const struct boot_plan *plan, struct mem *mem, struct vitro_err *err);

/* The first CPU's registers. The stack pointer is 0: no protocol promises a stack. */
void boot_state(const struct boot_plan *plan, struct x86_state *out);

void boot_plan_fini(struct boot_plan *plan);

#endif
