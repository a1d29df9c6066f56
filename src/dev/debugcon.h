/* SPDX-License-Identifier: MIT */
/* debugcon.h - the one-byte debug console of PC emulators, at port 0xE9; used by board/. */
#ifndef DEV_DEBUGCON_H
#define DEV_DEBUGCON_H

#include "core/backend.h"
#include "core/bus.h"

enum { DEBUGCON_PORT = 0xe9, DEBUGCON_LEN = 1 };

/* out is copied; what it points to is borrowed until the device is freed. NULL: out of memory. */
struct dev *debugcon_new(const struct chr *out);

#endif
