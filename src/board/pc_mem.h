/* SPDX-License-Identifier: MIT */
/* pc_mem.h - the PC's memory: slots of RAM around the holes, and the map that the guest is given. */
#ifndef BOARD_PC_MEM_H
#define BOARD_PC_MEM_H

#include "board/board.h"
#include "boot/boot.h"

enum {
    PC_EBDA = 0x9fc00, /* reserved from here to PC_LOW_END */
    PC_LOW_END = 0xa0000,
    PC_SCREEN = 0xb8000, /* text memory, with a screen only */
    PC_SCREEN_BYTES = 0x8000,
    PC_TABLES = 0xe0000, /* ACPI and MP tables to 1 MiB */
    PC_HIGH = 0x100000,
};

#define PC_HOLE     (UINT64_C(3) << 30) /* devices from here to PC_HOLE_END */
#define PC_HOLE_END (UINT64_C(4) << 30)

enum { PC_ROWS_MAX = 8, PC_MEM_MIN_MIB = 2 };

/* Maps cfg->mem_bytes and adds the slots. RAM above PC_HOLE goes to PC_HOLE_END. */
WARN_UNUSED int pc_mem_add(struct board *b, const struct board_config *cfg, struct vitro_err *err);

/* The E820 map of that; how many rows. */
unsigned pc_mem_rows(uint64_t mem_bytes, struct boot_row row[PC_ROWS_MAX]);

#endif
