/* SPDX-License-Identifier: MIT */
/*
 * bzimage.c - reads and judges the setup header of a Linux bzImage
 *
 * A bzImage is a boot sector, setup_sects sectors of real-mode code and the protected-mode code. The
 * setup header lies across the first two sectors; which fields it has follows from its version.
 *
 * Source: Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header" and "Details of Header
 * Fields"; the limit of setup_sects from arch/x86/boot/tools/build.c.
 *
 * Left out: protocols before 2.02 and zImage (no kernel of this century), the real-mode entry (the
 * boards have no BIOS for it), the EFI handover. Fields that the loader writes are not looked at.
 */
#include "boot/bzimage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

#define HEX              "0x%" PRIx64
#define refuse(err, ...) err_class(err, VITRO_ERR_IMAGE, -ENOEXEC, "Linux bzImage: " __VA_ARGS__)

/* X(name, file offset, bytes, first version that has it) */
#define FIELDS(X)                        \
    X(setup_sects, 0x1f1, 1, 0)          \
    X(syssize, 0x1f4, 4, 0x204)          \
    X(boot_flag, 0x1fe, 2, 0)            \
    X(jump, 0x200, 2, 0)                 \
    X(header, 0x202, 4, 0)               \
    X(version, 0x206, 2, 0)              \
    X(kernel_version, 0x20e, 2, 0x200)   \
    X(loadflags, 0x211, 1, 0x200)        \
    X(code32_start, 0x214, 4, 0x200)     \
    X(cmd_line_ptr, 0x228, 4, 0x202)     \
    X(initrd_addr_max, 0x22c, 4, 0x203)  \
    X(kernel_alignment, 0x230, 4, 0x205) \
    X(relocatable, 0x234, 1, 0x205)      \
    X(min_alignment, 0x235, 1, 0x20a)    \
    X(xloadflags, 0x236, 2, 0x20c)       \
    X(cmdline_size, 0x238, 4, 0x206)     \
    X(subarch, 0x23c, 4, 0x207)          \
    X(payload_offset, 0x248, 4, 0x208)   \
    X(payload_length, 0x24c, 4, 0x208)   \
    X(setup_data, 0x250, 8, 0x209)       \
    X(pref_address, 0x258, 8, 0x20a)     \
    X(init_size, 0x260, 4, 0x20a)        \
    X(handover_offset, 0x264, 4, 0x20b)  \
    X(kernel_info, 0x268, 4, 0x20f)

#define X(name, off, width, since) F_##name,
enum field { FIELDS(X) FIELD_COUNT };
#undef X

#define X(name, off, width, since) [F_##name] = { off, width, since },
static const struct place {
    uint16_t off, width, since;
} places[] = { FIELDS(X) };
#undef X
_Static_assert(ARRAY_LEN(places) == FIELD_COUNT, "one row a field");

enum {
    JUMP_SHORT = 0xeb, /* over the header; its displacement says where the header ends */
    JUMP_END = 0x202,
    SECTOR = 512,
    SETUP_SECTS_MAX = 64,
    SETUP_LEN_MAX = 0x290 - LINUX_SETUP, /* in the zero page other things follow */
    LOADED_HIGH = 1 << 0,
    XLF_KERNEL_64 = 1 << 0,
    XLF_CAN_BE_LOADED_ABOVE_4G = 1 << 1,
    ENTRY64 = 0x200,
    HIGH_LOAD = 0x100000,
    CMDLINE_OLD = 255,       /* before cmdline_size */
    INITRD_OLD = 0x37ffffff, /* before initrd_addr_max */
};

struct reader {
    const uint8_t *bytes;
    uint64_t len;
    unsigned version;
    struct vitro_err *err;
};

/* 0 for fields that came later. The boot sector and the header are inside the file. */
static uint64_t get(const struct reader *r, enum field f)
{
    const struct place *p = &places[f];

    return r->version >= p->since ? le_get(r->bytes + p->off, p->width) : 0;
}

static bool has(const struct reader *r, enum field f)
{
    return r->version >= places[f].since;
}

bool linux_is(const void *bytes, size_t len)
{
    return len >= 0x206 && memcmp((const uint8_t *)bytes + 0x202, "HdrS", 4) == 0;
}

static int check_start(struct reader *r, struct linux_header *h)
{
    unsigned end;

    if (!linux_is(r->bytes, r->len))
        return refuse(r->err, "no magic number 'HdrS' at 0x202 (%" PRIu64 " bytes)", r->len);
    if (r->len < 2 * SECTOR)
        return refuse(r->err, "truncated: " HEX " bytes, boot sector and header have 0x400",
                      r->len);
    if (get(r, F_boot_flag) != 0xaa55)
        return refuse(r->err, "boot_flag is " HEX ", must be 0xaa55", get(r, F_boot_flag));
    h->version = r->version = (unsigned)get(r, F_version);
    if (r->version < 0x202 || r->version > 0x2ff)
        return refuse(r->err, "boot protocol %u.%02u; known are 2.02 (Linux 2.4) and later 2.x",
                      r->version >> 8, r->version & 0xff);
    if ((get(r, F_jump) & 0xff) != JUMP_SHORT)
        return refuse(r->err, "no short jump at 0x200, so the header's length is unknown");
    end = JUMP_END + (unsigned)(get(r, F_jump) >> 8);
    h->setup = r->bytes + LINUX_SETUP;
    h->setup_len = end - LINUX_SETUP;
    if (h->setup_len > SETUP_LEN_MAX)
        return refuse(r->err, "the header ends at 0x%x, past the 0x290 the zero page has", end);
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (has(r, i) && places[i].off + places[i].width > end)
            return refuse(r->err, "the header ends at 0x%x, protocol %u.%02u needs more", end,
                          r->version >> 8, r->version & 0xff);
    }
    return 0;
}

/* Where the protected-mode code is. syssize counts paragraphs, so that the last may be cut short; what
 * follows (a signature) is not loaded. */
static int check_code(const struct reader *r, struct linux_header *h)
{
    uint64_t sects = get(r, F_setup_sects);
    uint64_t setup = (sects != 0 ? sects + 1 : 5) * SECTOR;
    uint64_t want = get(r, F_syssize) * 16;

    if (sects > SETUP_SECTS_MAX)
        return refuse(r->err, "setup_sects is %" PRIu64 ", at most %u are possible", sects,
                      SETUP_SECTS_MAX);
    if (setup >= r->len)
        return refuse(r->err, "truncated: " HEX " bytes, the real-mode part alone has " HEX, r->len,
                      setup);
    h->code = r->bytes + setup;
    h->code_len = r->len - setup;
    if (!has(r, F_syssize))
        return 0;
    if (want == 0)
        return refuse(r->err, "syssize is 0: no protected-mode code");
    if (want > h->code_len + 15)
        return refuse(r->err,
                      "truncated: " HEX " bytes of code, syssize says " HEX " (setup_sects %" PRIu64
                      ")",
                      h->code_len, want, sects);
    if (want < h->code_len)
        h->code_len = want;
    return 0;
}

static int check_entry(const struct reader *r, struct linux_header *h)
{
    uint64_t code32 = get(r, F_code32_start), flags = get(r, F_xloadflags);

    if (!(get(r, F_loadflags) & LOADED_HIGH))
        return refuse(r->err,
                      "a zImage, to be loaded below 1 MiB (loadflags " HEX "); build it as bzImage",
                      get(r, F_loadflags));
    if (get(r, F_subarch) != 0)
        return refuse(r->err, "hardware_subarch is " HEX ", not a PC (0)", get(r, F_subarch));
    if (get(r, F_setup_data) != 0)
        return refuse(r->err, "setup_data is " HEX ", which only a loader may set",
                      get(r, F_setup_data));
    if (code32 < HIGH_LOAD || code32 - HIGH_LOAD >= h->code_len)
        return refuse(r->err, "code32_start " HEX " is outside the code at 0x100000", code32);
    h->entry32 = (uint32_t)code32;
    h->entry64 = flags & XLF_KERNEL_64;
    h->high_initrd = flags & XLF_CAN_BE_LOADED_ABOVE_4G;
    if (h->entry64 && h->code_len <= ENTRY64)
        return refuse(r->err, "the 64-bit entry at 0x200 is outside the code of " HEX " bytes",
                      h->code_len);
    return 0;
}

static int check_place(const struct reader *r, struct linux_header *h)
{
    uint64_t align = get(r, F_kernel_alignment), min = get(r, F_min_alignment);
    uint64_t pref = get(r, F_pref_address), init = get(r, F_init_size);

    h->relocatable = get(r, F_relocatable) != 0;
    h->align = align != 0 ? align : 1;
    if ((align & (align - 1)) != 0 || align > GIB || (h->relocatable && align < 4096))
        return refuse(r->err, "kernel_alignment " HEX " is no power of two from 4 KiB to 1 GiB",
                      align);
    if (h->relocatable && (min > 30 || BIT(min) > align))
        return refuse(r->err, "min_alignment 2^%" PRIu64 " is above kernel_alignment " HEX, min,
                      align);
    h->run_len = init > h->code_len ? init : h->code_len;
    h->run = pref != 0 ? pref : HIGH_LOAD;
    if (pref % h->align != 0)
        return refuse(r->err, "pref_address " HEX " is not aligned to kernel_alignment " HEX, pref,
                      align);
    if (pref >= 4 * GIB || h->run_len > 4 * GIB - h->run)
        return refuse(r->err, "pref_address " HEX " with init_size " HEX " ends above 4 GiB", pref,
                      init);
    return 0;
}

static int check_limits(const struct reader *r, struct linux_header *h)
{
    h->cmdline_max = has(r, F_cmdline_size) ? get(r, F_cmdline_size) : CMDLINE_OLD;
    h->initrd_max = has(r, F_initrd_addr_max) ? get(r, F_initrd_addr_max) : INITRD_OLD;
    if (h->cmdline_max == 0)
        return refuse(r->err, "cmdline_size is 0: it would take no command line");
    if (h->initrd_max < HIGH_LOAD)
        return refuse(r->err, "initrd_addr_max " HEX " is below 1 MiB", h->initrd_max);
    return 0;
}

/* By the first bytes of the payload, as lib/decompress.c tells them apart. */
static const char *payload_form(const uint8_t *bytes, uint64_t len)
{
    static const struct form {
        const char *name, *magic;
        unsigned len;
    } forms[] = {
        { "gzip", "\x1f\x8b", 2 },
        { "bzip2", "BZh", 3 },
        { "LZMA", "\x5d\0\0", 3 },
        { "XZ",
          "\xfd"
          "7zXZ",
          6 },
        { "LZO", "\x89LZO", 4 },
        { "LZ4", "\x02\x21\x4c\x18", 4 },
        { "Zstandard", "\x28\xb5\x2f\xfd", 4 },
        { "not compressed",
          "\x7f"
          "ELF",
          4 },
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (len >= forms[i].len && memcmp(bytes, forms[i].magic, forms[i].len) == 0)
            return forms[i].name;
    }
    return "unknown compression";
}

/* Offsets into the code that name places we do not use; outside of it the file is damaged. */
static int check_offsets(const struct reader *r, struct linux_header *h)
{
    uint64_t off = get(r, F_payload_offset), len = get(r, F_payload_length);
    uint64_t info = get(r, F_kernel_info), handover = get(r, F_handover_offset);

    if (off > h->code_len || len > h->code_len - off)
        return refuse(r->err, "payload " HEX "+" HEX " is outside the code of " HEX " bytes", off,
                      len, h->code_len);
    if (info >= h->code_len || handover >= h->code_len)
        return refuse(r->err,
                      "kernel_info_offset " HEX " or handover_offset " HEX
                      " is outside the code of " HEX " bytes",
                      info, handover, h->code_len);
    if (len > 0)
        h->packed = payload_form(h->code + off, len);
    return 0;
}

/* "6.1.0-1-amd64 (builder@host) #1 SMP": what stands before the builder. */
static int check_name(const struct reader *r, struct linux_header *h)
{
    uint64_t at = get(r, F_kernel_version), end = (uint64_t)(h->code - r->bytes);
    size_t n = 0;

    if (at == 0)
        return 0;
    at += SECTOR;
    if (at >= end)
        return refuse(r->err, "kernel_version names file offset " HEX ", past the real-mode part",
                      at);
    for (; at + n < end && n < LINUX_NAME_MAX - 1; n++) {
        char c = (char)r->bytes[at + n];

        if (c < ' ' || c > '~' || c == '(')
            break;
        h->name[n] = c;
    }
    while (n > 0 && h->name[n - 1] == ' ')
        n--;
    h->name[n] = '\0';
    return 0;
}

int linux_read(const void *bytes, size_t len, struct linux_header *out, struct vitro_err *err)
{
    struct reader r = { .bytes = bytes, .len = len, .err = err };
    int rc;

    *out = (struct linux_header){ 0 };
    if ((rc = check_start(&r, out)) < 0 || (rc = check_code(&r, out)) < 0 ||
        (rc = check_entry(&r, out)) < 0 || (rc = check_place(&r, out)) < 0 ||
        (rc = check_limits(&r, out)) < 0 || (rc = check_offsets(&r, out)) < 0 ||
        (rc = check_name(&r, out)) < 0)
        *out = (struct linux_header){ 0 };
    return rc;
}
