/* SPDX-License-Identifier: MIT */
/*
 * link.h - the connection to a machine's control socket: requests with their answers, and notifications
 *
 * One connection for everything, so that what the machine keeps for a client (the debugger's seat, subscriptions)
 * is this process's and ends with it. A thread of its own reads.
 */
#ifndef WEB_LINK_H
#define WEB_LINK_H

#include <jansson.h>

struct link;

struct link_watch {
    void (*notify)(void *ctx, const char *method, json_t *params); /* borrowed for the call */
    void (*ended)(void *ctx);                                      /* no more of anything */
    void *ctx;
};

/* Takes over fd, a connected stream socket. NULL when memory or threads have run out. */
struct link *link_open(int fd, const struct link_watch *watch);
void link_close(struct link *l); /* NULL is fine */

/*
 * link_call - ask the machine and wait for its answer, ten seconds at most
 *
 * params  borrowed; NULL: none
 *
 * The answer is an object with `result` or `error`, the caller's; it is one with `error` too when the machine
 * has gone or is silent. NULL: out of memory. Thread: any but that of link_watch.
 */
json_t *link_call(struct link *l, const char *method, json_t *params);

#endif
