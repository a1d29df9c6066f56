/* SPDX-License-Identifier: MIT */
/* listen.h - where debuggers connect, and who may. Used by the server. */
#ifndef GDB_LISTEN_H
#define GDB_LISTEN_H

#include <stdbool.h>

#include "base/err.h"

enum { LISTEN_WHERE_MAX = 128 };

/*
 * listen_open - a listening socket
 *
 * path   of a Unix socket, which must not be there; NULL: a port of 127.0.0.1
 * port   0: any that is free
 * where  receives the address in words
 */
int listen_open(const char *path, unsigned port, int *fd, char where[LISTEN_WHERE_MAX],
                struct vitro_err *err) WARN_UNUSED;
/* Removes the path too. */
void listen_close(int fd, const char *path);

/* NULL if the process at the other end is the same user's or root's, or why it is turned away. */
const char *listen_refuses(int fd);

/* Small packets are sent at once. */
void listen_hurry(int fd);

#endif
