/* SPDX-License-Identifier: MIT */
/*
 * session.h - one debugger at one machine: packets in, requests to the machine, packets out
 *
 * Used by the server, the tests and the fuzz target. Knows no socket: how the machine is asked and how a packet is
 * sent are functions of the owner. One thread.
 */
#ifndef GDB_SESSION_H
#define GDB_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct session_ops {
    /*
     * Asks the machine; takes the parameters over (NULL: none). Returns the result, owned by the caller, or NULL with
     * one line in `why` of `len` bytes. docs/control.md has the methods.
     */
    json_t *(*call)(void *ctx, const char *method, json_t *params, char *why, size_t len);
    /* Sends the content of one packet, 0..PACKET_MAX bytes. */
    void (*send)(void *ctx, const char *data, size_t len);
    void *ctx;
};

struct session;

/*
 * session_new - attach to the machine and stop it
 *
 * arch  name of a target, or "auto": by the mode CPU 0 is in, but amd64 for a Linux kernel
 * ops   copied; its ctx is borrowed
 *
 * -EBUSY where the machine has a debugger, -EINVAL for an unknown name, -EPROTO for answers without sense.
 */
int session_new(const char *arch, const struct session_ops *ops, struct session **out,
                struct vitro_err *err) WARN_UNUSED;
void session_free(struct session *s);

/* A complete packet's content. Answers by `send`, at once or, after a resume, from session_notify. */
void session_packet(struct session *s, const char *data, size_t len);

/* The debugger wants the machine stopped (Ctrl-C). */
void session_interrupt(struct session *s);

/* A packet that was too long to keep. */
void session_too_long(struct session *s);

/*
 * session_notify - a state notification of the machine
 *
 * params  borrowed
 * early   it came while the answer to a request was waited for, so it may be older than that request
 */
void session_notify(struct session *s, const json_t *params, bool early);

/*
 * session_settle - no notification that came so far is left
 *
 * After each packet, interrupt or notification, unless the connection is lost: what a request to stop or to go on
 * has come to is reported where no notification has done it.
 */
void session_settle(struct session *s);

/* The connection to the machine has ended. */
void session_lost(struct session *s);

/* Acknowledgements of packets are no longer wanted (QStartNoAckMode). */
bool session_no_acks(const struct session *s);
/* Nothing more to do: detached, killed, or the guest has ended. */
bool session_over(const struct session *s);

#endif
