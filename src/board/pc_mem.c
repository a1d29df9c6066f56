/* SPDX-License-Identifier: MIT */
/*
 * pc_mem.c - see pc_mem.h. One host mapping lies behind all slots, at the guest's own offsets up to 3 GiB.
 *
 * GAP: the text screen is memory without a VGA: no start address, so that a guest that scrolls by it scrolls out of sight.
 */
#include "board/pc_mem.h"

#include <errno.h>
#include <inttypes.h>

#include "base/bits.h"
#include "host/ram.h"

static uint64_t below_hole(uint64_t mem_bytes)
{
    return mem_bytes < PC_HOLE ? mem_bytes : PC_HOLE;
}

int pc_mem_add(struct board *b, const struct board_config *cfg, struct vitro_err *err)
{
    uint64_t low = below_hole(cfg->mem_bytes);
    const struct mem_slot slots[] = {
        { .base = 0, .len = PC_LOW_END, .name = "RAM below 640 KiB" },
        { .base = PC_SCREEN, .len = cfg->screen ? PC_SCREEN_BYTES : 0, .name = "text screen" },
        { .base = PC_TABLES, .len = PC_HIGH - PC_TABLES, .name = "firmware tables" },
        { .base = PC_HIGH, .len = low - PC_HIGH, .name = "RAM" },
        { .base = PC_HOLE_END, .len = cfg->mem_bytes - low, .name = "RAM above 4 GiB" },
    };
    int rc;

    if (cfg->mem_bytes % 4096 != 0 || cfg->mem_bytes < PC_MEM_MIN_MIB * MIB ||
        cfg->mem_bytes > 512 * GIB)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "guest memory of %" PRIu64
                         " bytes: a PC takes %d MiB to 512 GiB, in multiples of 4 KiB",
                         cfg->mem_bytes, PC_MEM_MIN_MIB);
    rc = ram_map(cfg->mem_bytes, &b->ram, &b->ram_guard, err);
    b->ram_len = rc == 0 ? cfg->mem_bytes : 0;
    for (size_t i = 0; i < ARRAY_LEN(slots) && rc == 0; i++) {
        struct mem_slot slot = slots[i];

        slot.host = b->ram + (slot.base < PC_HOLE ? slot.base : PC_HOLE);
        if (slot.len != 0)
            rc = machine_add_mem(b->m, &slot, err);
    }
    return rc;
}

unsigned pc_mem_rows(uint64_t mem_bytes, struct boot_row row[PC_ROWS_MAX])
{
    uint64_t low = below_hole(mem_bytes);
    const struct boot_row all[] = {
        { 0, PC_EBDA, BOOT_ROW_RAM },
        { PC_EBDA, PC_LOW_END - PC_EBDA, BOOT_ROW_RESERVED },
        { PC_TABLES, PC_HIGH - PC_TABLES, BOOT_ROW_RESERVED },
        { PC_HIGH, low - PC_HIGH, BOOT_ROW_RAM },
        { 0xfec00000, 0x1000, BOOT_ROW_RESERVED },
        { 0xfee00000, 0x1000, BOOT_ROW_RESERVED },
        { PC_HOLE_END, mem_bytes - low, BOOT_ROW_RAM },
    };
    unsigned n = 0;

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i].len != 0)
            row[n++] = all[i];
    }
    return n;
}
