/* SPDX-License-Identifier: MIT */
/*
 * sysports.h - three ports of a PC's board that belong to no chip: POST code, port 0x92, reset; used by board/
 *
 * One device for the machine, three places on the port bus (sysports_part), a byte each. All under the machine lock.
 */
#ifndef DEV_SYSPORTS_H
#define DEV_SYSPORTS_H

#include "core/bus.h"

enum sysports_part { SYSPORTS_POST, SYSPORTS_92, SYSPORTS_RESET, SYSPORTS_PARTS };
enum { SYSPORTS_POST_PORT = 0x80, SYSPORTS_92_PORT = 0x92, SYSPORTS_RESET_PORT = 0xcf9 };

struct sysports_config {
    /* The guest resets the machine. Called in an access. */
    void (*reset)(void *ctx);
    void *reset_ctx;
};

/* cfg is copied. Returns NULL when out of memory. The caller gives it to machine_add_dev. */
struct dev *sysports_new(const struct sysports_config *cfg);

/* What belongs on the port bus at a part's port; owned by dev. SYSPORTS_POST gives dev itself. */
struct dev *sysports_part(struct dev *dev, enum sysports_part part);

#endif
