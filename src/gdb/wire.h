/* SPDX-License-Identifier: MIT */
/*
 * wire.h - the other end of a machine's control socket
 *
 * Used by the server: one connection, one request at a time; notifications of states are kept until they are asked for.
 * One thread.
 */
#ifndef GDB_WIRE_H
#define GDB_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct wire;

/* fd: connected to the machine; taken over, also on failure. */
int wire_open(int fd, struct wire **out, struct vitro_err *err) WARN_UNUSED;
void wire_close(struct wire *w);
int wire_fd(const struct wire *w); /* readable: wire_receive */

/* As session_ops.call, with a struct wire. */
json_t *wire_call(void *wire, const char *method, json_t *params, char *why, size_t len);

/* Takes in what has come, without waiting. */
void wire_receive(struct wire *w);

/* The oldest notification's parameters, owned by the caller, or NULL; early: see session_notify. */
json_t *wire_next(struct wire *w, bool *early);

/* The machine has gone or has stopped making sense; notifications that came before are still there. */
bool wire_lost(const struct wire *w);

#endif
