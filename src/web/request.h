/* SPDX-License-Identifier: MIT */
/*
 * request.h - which requests the page's server answers; pure, so that tests and a fuzz target reach it
 *
 * Other programs and other users of this host can connect to a loopback port, and any web page that the user
 * opens can make the browser send requests there. So: an unguessable token in every path, a Host that is ours
 * (a foreign name that resolves to 127.0.0.1 is not), no foreign Origin, and POST for all that does something.
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { TOKEN_CHARS = 43 };
enum { CALL_MAX_BYTES = 51200 - 256 }; /* the control socket's limit, less its frame */

enum request_kind {
    REQUEST_PAGE,
    REQUEST_CSS,
    REQUEST_JS,
    REQUEST_EVENTS,
    REQUEST_CALL,
    REQUEST_KINDS
};

/* What was asked; absent headers are NULL. */
struct request {
    const char *method, *url, *host, *origin, *transfer;
    const char *site, *dest;   /* Sec-Fetch-Site, Sec-Fetch-Dest */
    unsigned nhosts, nlengths; /* how many Host, Content-Length */
};

struct request_rules {
    unsigned port;
    char token[TOKEN_CHARS + 1];
};

/* 0 with *kind, or the HTTP status to refuse with. */
unsigned request_check(const struct request_rules *rules, const struct request *r,
                       enum request_kind *kind);

/*
 * call_parse - a call's body: {"method": "walk", "params": {...}}
 *
 * control  whether calls that change the machine are allowed
 *
 * Returns the document (the caller's; *method and *params are borrowed from it), or NULL with *why.
 */
json_t *call_parse(const char *bytes, size_t len, bool control, const char **method,
                   json_t **params, const char **why);

#endif
