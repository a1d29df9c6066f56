/* SPDX-License-Identifier: MIT */
/*
 * zero_page.c - fills Linux's struct boot_params
 *
 * Source: Linux, Documentation/arch/x86/zero-page.rst, boot.rst ("Details of Header Fields");
 * arch/x86/include/uapi/asm/bootparam.h and include/uapi/linux/screen_info.h for the offsets.
 *
 * Left out: EDD, EDID, APM, IST, EFI (no such firmware); setup_data.
 */
#include "boot/zero_page.h"

#include <string.h>

#include "base/bits.h"
#include "boot/bzimage.h"

enum offset {
    SCREEN_VIDEO_MODE = 0x06,
    SCREEN_COLS = 0x07,
    SCREEN_EGA_BX = 0x0a,
    SCREEN_LINES = 0x0e,
    SCREEN_IS_VGA = 0x0f,
    SCREEN_POINTS = 0x10,
    ACPI_RSDP_ADDR = 0x70,
    EXT_RAMDISK_IMAGE = 0xc0,
    EXT_RAMDISK_SIZE = 0xc4,
    E820_ENTRIES = 0x1e8,
    BOOT_FLAG = 0x1fe,
    HEADER = 0x202,
    VERSION = 0x206,
    TYPE_OF_LOADER = 0x210,
    LOADFLAGS = 0x211,
    CODE32_START = 0x214,
    RAMDISK_IMAGE = 0x218,
    RAMDISK_SIZE = 0x21c,
    CMD_LINE_PTR = 0x228,
    KERNEL_ALIGNMENT = 0x230,
    CMDLINE_SIZE = 0x238,
    E820_TABLE = 0x2d0,
};

enum { LOADER_UNDEFINED = 0xff, LOADED_HIGH = 1, E820_LEN = 20 };

/* For an ELF kernel: as little as the kernel itself looks at. */
static void write_own_setup(uint8_t *page)
{
    le_put(page + BOOT_FLAG, 2, 0xaa55);
    memcpy(page + HEADER, "HdrS", 4);
    le_put(page + VERSION, 2, 0x20c);
    page[LOADFLAGS] = LOADED_HIGH;
    le_put(page + KERNEL_ALIGNMENT, 4, 16 * MIB);
    le_put(page + CMDLINE_SIZE, 4, LINUX_ELF_CMDLINE_MAX);
}

static void write_setup(uint8_t *page, const struct zero_page *z)
{
    if (z->setup != NULL)
        memcpy(page + LINUX_SETUP, z->setup, z->setup_len);
    else
        write_own_setup(page);
    page[TYPE_OF_LOADER] = LOADER_UNDEFINED;
    le_put(page + CODE32_START, 4, z->load);
    le_put(page + CMD_LINE_PTR, 4, z->cmdline);
    le_put(page + RAMDISK_IMAGE, 4, z->initrd);
    le_put(page + RAMDISK_SIZE, 4, z->initrd_len);
    le_put(page + EXT_RAMDISK_IMAGE, 4, z->initrd >> 32);
    le_put(page + EXT_RAMDISK_SIZE, 4, z->initrd_len >> 32);
}

static void write_map(uint8_t *page, const struct boot_request *req)
{
    page[E820_ENTRIES] = (uint8_t)req->nrows;
    for (unsigned i = 0; i < req->nrows; i++) {
        uint8_t *e = page + E820_TABLE + i * E820_LEN;

        le_put(e, 8, req->row[i].base);
        le_put(e + 8, 8, req->row[i].len);
        le_put(e + 16, 4, req->row[i].type);
    }
}

/* What the BIOS of a VGA says in mode 3: 80 x 25, characters of 16 lines, 256 KiB. */
static void write_screen(uint8_t *page)
{
    page[SCREEN_VIDEO_MODE] = 3;
    page[SCREEN_COLS] = 80;
    le_put(page + SCREEN_EGA_BX, 2, 3);
    page[SCREEN_LINES] = 25;
    page[SCREEN_IS_VGA] = 1;
    le_put(page + SCREEN_POINTS, 2, 16);
}

void zero_page_write(uint8_t *page, const struct zero_page *z, const struct boot_request *req)
{
    write_setup(page, z);
    write_map(page, req);
    le_put(page + ACPI_RSDP_ADDR, 8, req->rsdp);
    if (req->vga_text)
        write_screen(page);
}
