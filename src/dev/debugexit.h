/* SPDX-License-Identifier: MIT */
/* debugexit.h - a port through which a guest ends the run with a code of its own; used by board/. */
#ifndef DEV_DEBUGEXIT_H
#define DEV_DEBUGEXIT_H

#include "core/bus.h"

enum { DEBUGEXIT_PORT = 0xf4, DEBUGEXIT_LEN = 4 };

/* Who is told; the device adds nothing to the value that the guest wrote. */
struct debugexit_line {
    void (*end)(void *ctx, uint32_t value);
    void *ctx;
};

/* NULL: out of memory. */
struct dev *debugexit_new(const struct debugexit_line *line);

#endif
