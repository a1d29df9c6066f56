/* SPDX-License-Identifier: MIT */
/* ram.h - host memory for guests; used by board/. */
#ifndef HOST_RAM_H
#define HOST_RAM_H

#include <stdint.h>

#include "base/err.h"

/*
 * ram_map - anonymous zero memory between guards that nothing may access
 *
 * len    bytes, a multiple of 4 KiB; more than the host's memory is refused with VITRO_ERR_USAGE
 * guard  bytes before it, and as many behind it: as much as an address of the host can be off that has a
 *        32-bit distance or index added; a page where a limit on address space leaves no more
 *
 * Pages are taken from the host when the guest first touches them. Free with ram_unmap.
 */
WARN_UNUSED int ram_map(uint64_t len, uint8_t **out, uint64_t *guard, struct vitro_err *err);

/* Zero again; its pages go back to the host. at, len: all of a mapping. */
void ram_clear(uint8_t *at, uint64_t len);

/* NULL is fine. */
void ram_unmap(uint8_t *at, uint64_t len, uint64_t guard);

#endif
