/* SPDX-License-Identifier: MIT */
/* server.h - the debugger's server: a process of its own beside a machine. Used by the command line. */
#ifndef GDB_SERVER_H
#define GDB_SERVER_H

#include <stdbool.h>

#include "base/err.h"

struct gdb_server_config {
    /* A new connection to the machine's control socket; the server closes it. Negative errno with err filled: none. */
    int (*connect)(void *ctx, struct vitro_err *err);
    const char *arch;        /* "auto", "amd64", "i386" or "i8086" */
    const char *socket_path; /* listen on a Unix socket; NULL: on a port of 127.0.0.1 */
    unsigned port;           /* 0: any that is free */
    /* Called once, when debuggers may connect; where is "127.0.0.1:1234" or the path. */
    void (*ready)(void *ctx, const char *where);
    /* Called for what goes wrong with one debugger and ends nothing else. */
    void (*note)(void *ctx, const char *text);
    void *ctx; /* of the three */
};

/*
 * gdb_serve - serve debuggers, one after the other, until the machine ends
 *
 * Returns 0 at the machine's end. Fails when there is no machine or nothing to listen on; VITRO_ERR_USAGE for an
 * unknown arch.
 */
int gdb_serve(const struct gdb_server_config *cfg, struct vitro_err *err) WARN_UNUSED;

/* False where --arch has no such word. */
bool gdb_arch_known(const char *arch);

#endif
