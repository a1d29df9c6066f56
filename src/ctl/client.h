/* SPDX-License-Identifier: MIT */
/*
 * client.h - the other side of a control socket: requests, answers, notifications
 *
 * For whoever wants something of a running machine. One thread at a time.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include <vitro/err.h>

struct client;

enum { CLIENT_LINE_MAX = 64 << 20, CLIENT_FOREVER = -1 };

/*
 * client_open - connect to a running machine
 *
 * patience_ms  how long to wait for each answer; CLIENT_FOREVER
 *
 * -ENOENT (VITRO_ERR_USAGE): no such machine runs; else VITRO_ERR_HOST.
 */
int client_open(const char *name, int patience_ms, struct client **out, struct vitro_err *err);
void client_close(struct client *c); /* NULL is fine */

/* To poll; readable also when a notification may be there. */
int client_fd(const struct client *c);

/*
 * client_call - one request and its answer
 *
 * params  stolen; NULL: none
 * result  the caller's, with json_decref; NULL: not wanted
 *
 * Notifications that come meanwhile are kept for client_note. An error of the server's is VITRO_ERR_USAGE for
 * parameters and states, VITRO_ERR_ENGINE for what the machine cannot do, else VITRO_ERR_HOST. -ETIMEDOUT, -EPIPE: it
 * does not answer, it is gone.
 */
int client_call(struct client *c, const char *method, json_t *params, json_t **result,
                struct vitro_err *err);

/*
 * client_note - the next notification
 *
 * 1: *method and *params are filled, borrowed until the next call; 0: none has come in wait_ms; -EPIPE: the machine is gone.
 */
int client_note(struct client *c, int wait_ms, const char **method, json_t **params,
                struct vitro_err *err);

#endif
