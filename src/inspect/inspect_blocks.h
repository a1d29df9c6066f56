/* SPDX-License-Identifier: MIT */
/* inspect_blocks.h - translated code as a view, and as a map for the host's profiler; used by the library's face. */
#ifndef INSPECT_INSPECT_BLOCKS_H
#define INSPECT_INSPECT_BLOCKS_H

#include <vitro/inspect.h>

#include "base/symtab.h"
#include "core/machine.h"

/* The blocks that the filter lets through, those executed most often first. *out is the caller's to free. Both stop a
 * machine that runs several times, each time for a moment. */
WARN_UNUSED int blocks_show(struct machine *m, const struct symtab *symbols,
                            const struct vitro_blocks_filter *filter,
                            const struct vitro_style *style, char **out, struct vitro_err *err);

/* A line a block: address and size in hex, and a name of symbol and guest address. *out is the caller's to free. */
WARN_UNUSED int blocks_perf_map(struct machine *m, const struct symtab *symbols, char **out,
                                struct vitro_err *err);

#endif
