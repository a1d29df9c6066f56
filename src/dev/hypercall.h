/* SPDX-License-Identifier: MIT */
/*
 * hypercall.h - the small paravirtual device: print, counters, addresses, files; used by board/
 *
 * The ports and the file protocol are documented in docs/hypercalls.md. An image can never switch the
 * device on; host addresses are told only with HYPERCALL_HOST_ADDR.
 */
#ifndef DEV_HYPERCALL_H
#define DEV_HYPERCALL_H

#include "core/backend.h"
#include "core/machine.h"

enum { HYPERCALL_PORT = 0x5600, HYPERCALL_LEN = 0x40 };

enum hypercall_allow { HYPERCALL_BASIC = 1, HYPERCALL_HOST_ADDR = 2 };

/* m and what out and files point to are borrowed until the device is freed. NULL: out of memory. */
struct dev *hypercall_new(struct machine *m, const struct chr *out, const struct files *files,
                          unsigned allow);

#endif
