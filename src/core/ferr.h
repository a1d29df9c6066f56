/* SPDX-License-Identifier: MIT */
/*
 * ferr.h - the two wires between a CPU's x87 and the board: FERR# out, IGNNE# in
 *
 * They carry x87 exceptions while CR0.NE is clear. Implemented by dev/ferr, plugged into a vCPU by board/pc, used by
 * the software CPU. Source: SDM 1, "MS-DOS Compatibility Sub-Mode". Everything under the machine lock.
 */
#ifndef CORE_FERR_H
#define CORE_FERR_H

#include <stdbool.h>

struct ferr {
    /* FERR#: an exception is pending, or is no more. The same level again has no effect. */
    void (*set)(struct ferr *f, bool asserted);
    bool ignored; /* IGNNE#: pending exceptions stop nothing */
};

#endif
