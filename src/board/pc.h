/* SPDX-License-Identifier: MIT */
/*
 * pc.h - the PC board: what unmodified kernels of distributions expect, and little more
 *
 * Memory map, chips and pins: pc_rows.h, docs/memory-map.md. Used by vitro.c.
 */
#ifndef BOARD_PC_H
#define BOARD_PC_H

#include "board/board.h"

/* Images that want this board: boot_plan() takes them. */
WARN_UNUSED int pc_new(const struct board_config *cfg, struct board **out, struct vitro_err *err);

/* Bytes typed at COM1: how many were taken, 0..len. Thread: any. */
size_t pc_console_send(struct board *b, const void *bytes, size_t len);

/* Presses the power button; the guest decides what comes of it. Thread: any. */
void pc_power_button(struct board *b);

#endif
