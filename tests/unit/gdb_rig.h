/* SPDX-License-Identifier: MIT */
/* gdb_rig.h - a debugger's session at a machine that is a script: what it is asked is written down. */
#ifndef GDB_RIG_H
#define GDB_RIG_H

#include "base/text.h"
#include "gdb/session.h"

struct gdb_rig {
    struct session *session;
    struct text calls;  /* "method {parameters}" a line */
    struct text sent;   /* packets, a line each */
    const char *refuse; /* method that fails; NULL: none */
    const char *kind;   /* of the guest */
    int ncpus, bits;
    const char *fpu; /* JSON; NULL: the machine does not know */
};

/* 64 KiB of memory at 0: byte N is N & 0xff, and its complement by physical addresses. */
enum { RIG_MEM = 0x10000 };

void gdb_rig_init(struct gdb_rig *r);
/* Attaches; what that asked and sent is forgotten. */
int gdb_rig_start(struct gdb_rig *r, const char *arch);
void gdb_rig_fini(struct gdb_rig *r);
/* What one packet is answered with; valid until the next. */
const char *gdb_rig_ask(struct gdb_rig *r, const char *packet);
/* What a notification makes the session send. */
const char *gdb_rig_notify(struct gdb_rig *r, const char *json, bool early);

#endif
