/* SPDX-License-Identifier: MIT */
/*
 * http.h - the page's server: its files, calls passed on to the machine, events; loopback only
 *
 * libmicrohttpd does the protocol, a thread a connection. Limits: 32 connections, 32 KiB of headers, a body as
 * long as the control socket takes, fifteen seconds for a request to arrive, thirty for an idle connection.
 */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include <stdbool.h>

#include "web/feed.h"
#include "web/link.h"

struct http;

struct http_config {
    unsigned port; /* 0: any that is free */
    bool control;  /* the page may steer the machine */
    struct link *link;
    struct feed *feed; /* both borrowed until http_close */
};

/* NULL with errno when the port cannot be had. */
struct http *http_open(const struct http_config *cfg);
void http_close(struct http *h); /* after feed_stop */

/* "http://127.0.0.1:PORT/TOKEN/"; valid until http_close. */
const char *http_url(const struct http *h);

/* Ends connections whose request has not arrived in time. To be called about every second. */
void http_reap(struct http *h);

#endif
