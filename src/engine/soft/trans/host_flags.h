/* SPDX-License-Identifier: MIT */
/*
 * host_flags.h - what the host makes of flags that the manual leaves undefined
 *
 * An instruction that leaves AF or OF as they were needs the flags before it; one that writes them, whatever the manual
 * says, makes them superfluous. Guest and host have the same CPU, so that this is asked of the host.
 */
#ifndef ENGINE_SOFT_TRANS_HOST_FLAGS_H
#define ENGINE_SOFT_TRANS_HOST_FLAGS_H

#include <stdbool.h>

/* SHL, SHR and SAR by a count that is not 0 leave nothing of the arithmetic flags before them. Any thread. */
bool host_shifts_write_all(void);

#endif
