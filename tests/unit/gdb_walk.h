/* SPDX-License-Identifier: MIT */
/* gdb_walk.h - tests of a debugger's session that are rows of packets and replies. */
#ifndef GDB_WALK_H
#define GDB_WALK_H

#include "gdb_rig.h"

/* Of a test: *state is a rig that has been started. */
int gdb_rig_set_up(void **state);
int gdb_rig_tear_down(void **state);

/* What the machine has been asked since the last packet. */
const char *gdb_rig_calls(const struct gdb_rig *r);

struct gdb_row {
    const char *packet, *reply, *calls; /* calls NULL: not looked at */
};

void gdb_rig_walk(struct gdb_rig *r, const struct gdb_row *rows, size_t n);

#define WALK(r, rows) gdb_rig_walk(r, rows, sizeof(rows) / sizeof((rows)[0]))

#endif
