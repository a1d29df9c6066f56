/* SPDX-License-Identifier: MIT */
/* client.c - requests to a running machine. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "place.h"
#include "rpc.h"

enum { CHUNK = 65536 };

struct client {
    int fd, patience_ms;
    char name[PLACE_NAME_MAX + 1];
    json_int_t last_id;
    char *in;
    size_t len, room, scanned;
    json_t *notes; /* array: notifications that came before an answer */
    json_t *note;  /* the last that was given out */
};

__attribute__((format(printf, 4, 5))) static int fail(struct vitro_err *err, int code,
                                                      enum vitro_err_class kind, const char *fmt,
                                                      ...)
{
    va_list ap;

    if (err != NULL && err->code == 0) {
        err->code = code;
        err->kind = kind;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
    }
    return code;
}

int client_open(const char *name, int patience_ms, struct client **out, struct vitro_err *err)
{
    int fd = place_connect(name, err);
    struct client *c;

    if (fd < 0)
        return fd;
    c = calloc(1, sizeof(*c));
    if (c != NULL)
        c->notes = json_array();
    if (c == NULL || c->notes == NULL) {
        free(c);
        close(fd);
        return fail(err, -ENOMEM, VITRO_ERR_HOST, "talking to %s: out of memory", name);
    }
    c->fd = fd;
    c->patience_ms = patience_ms;
    snprintf(c->name, sizeof(c->name), "%s", name);
    *out = c;
    return 0;
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    close(c->fd);
    free(c->in);
    json_decref(c->note);
    json_decref(c->notes);
    free(c);
}

int client_fd(const struct client *c)
{
    return c->fd;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int send_line(struct client *c, const char *text, size_t len, struct vitro_err *err)
{
    while (len > 0) {
        ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(err, -EPIPE, VITRO_ERR_HOST, "%s: it has ended", c->name);
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* 1: more bytes are there; 0: none came in time; or the machine is gone. */
static int receive(struct client *c, int wait_ms, struct vitro_err *err)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };
    ssize_t n;

    if (c->room - c->len < CHUNK) {
        char *more =
            c->room < CLIENT_LINE_MAX ? realloc(c->in, c->room + c->room / 2 + CHUNK) : NULL;

        if (more == NULL)
            return fail(err, -ENOMEM, VITRO_ERR_HOST, "%s: an answer is too long", c->name);
        c->in = more;
        c->room += c->room / 2 + CHUNK;
    }
    n = poll(&p, 1, wait_ms);
    if (n == 0 || (n < 0 && errno == EINTR))
        return n == 0 ? 0 : 1;
    n = recv(c->fd, c->in + c->len, c->room - c->len, 0);
    if (n <= 0)
        return fail(err, -EPIPE, VITRO_ERR_HOST, "%s: it has ended", c->name);
    c->len += (size_t)n;
    return 1;
}

/* The first line, parsed and taken away; NULL: there is none. *bad: there was one, and it made no sense. */
static json_t *take_line(struct client *c, bool *bad)
{
    char *end = c->len > c->scanned ? memchr(c->in + c->scanned, '\n', c->len - c->scanned) : NULL;
    json_t *doc;

    *bad = false;
    c->scanned = c->len;
    if (end == NULL)
        return NULL;
    doc = json_loadb(c->in, (size_t)(end - c->in), 0, NULL);
    *bad = !json_is_object(doc);
    c->len -= (size_t)(end + 1 - c->in);
    memmove(c->in, end + 1, c->len);
    c->scanned = 0;
    if (*bad) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}

/* The next object from the machine. 1, 0: none in time, or negative. */
static int next_object(struct client *c, int wait_ms, json_t **out, struct vitro_err *err)
{
    for (;;) {
        bool bad;
        int rc;

        *out = take_line(c, &bad);
        if (bad)
            return fail(err, -EPROTO, VITRO_ERR_HOST, "%s: its answer is no JSON object", c->name);
        if (*out != NULL)
            return 1;
        rc = receive(c, wait_ms, err);
        if (rc <= 0)
            return rc;
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int send_request(struct client *c, const char *method, json_t *params, struct vitro_err *err)
{
    json_t *doc = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id",
                            (json_int_t)++c->last_id, "method", method, "params", params);
    char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    int rc;

    if (text == NULL)
        rc = fail(err, -ENOMEM, VITRO_ERR_HOST, "talking to %s: out of memory", c->name);
    else if ((rc = send_line(c, text, strlen(text), err)) == 0)
        rc = send_line(c, "\n", 1, err);
    free(text);
    json_decref(doc);
    return rc;
}

static int server_error(const struct client *c, const json_t *error, struct vitro_err *err)
{
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    const char *text = json_string_value(json_object_get(error, "message"));
    enum vitro_err_class kind = code == RPC_HOST || code == RPC_LIMIT ? VITRO_ERR_HOST
                                : code == RPC_CANNOT                  ? VITRO_ERR_ENGINE
                                                                      : VITRO_ERR_USAGE;

    return fail(err, code == RPC_STATE ? -EBUSY : -EINVAL, kind, "%s: %s", c->name,
                text != NULL ? text : "it answers with an error");
}

/* Whether the object answers the last request; *rc and *result are filled then. */
static bool is_answer(struct client *c, json_t *doc, json_t **result, int *rc,
                      struct vitro_err *err)
{
    json_t *id = json_object_get(doc, "id"), *error = json_object_get(doc, "error");

    if (id == NULL || (!json_is_null(id) && json_integer_value(id) != c->last_id))
        return false;
    *rc = error != NULL ? server_error(c, error, err) : 0;
    if (*rc == 0 && result != NULL)
        *result = json_incref(json_object_get(doc, "result"));
    return true;
}

/* A server that has no room says so and hangs up, which may be before it was asked anything. */
static bool why_closed(struct client *c, struct vitro_err *err)
{
    struct vitro_err first = { 0 };
    json_t *doc = NULL;
    int rc = 0;
    bool said =
        next_object(c, 0, &doc, &first) == 1 && is_answer(c, doc, NULL, &rc, &first) && rc < 0;

    json_decref(doc);
    if (said && err != NULL)
        *err = first;
    return said;
}

int client_call(struct client *c, const char *method, json_t *params, json_t **result,
                struct vitro_err *err)
{
    int rc = send_request(c, method, params, err);
    json_t *doc;

    if (rc == -EPIPE && why_closed(c, err))
        return -EPIPE;
    while (rc == 0) {
        bool done;

        rc = next_object(c, c->patience_ms, &doc, err);
        if (rc == 0)
            return fail(err, -ETIMEDOUT, VITRO_ERR_HOST, "%s: it does not answer", c->name);
        if (rc < 0)
            return rc;
        done = is_answer(c, doc, result, &rc, err);
        if (!done)
            rc = json_array_append(c->notes, doc) < 0
                     ? fail(err, -ENOMEM, VITRO_ERR_HOST, "%s: out of memory", c->name)
                     : 0;
        json_decref(doc);
        if (done)
            return rc;
    }
    return rc;
}

static int take_note(struct client *c, int wait_ms, struct vitro_err *err)
{
    if (json_array_size(c->notes) == 0)
        return next_object(c, wait_ms, &c->note, err);
    c->note = json_incref(json_array_get(c->notes, 0));
    json_array_remove(c->notes, 0);
    return 1;
}

int client_note(struct client *c, int wait_ms, const char **method, json_t **params,
                struct vitro_err *err)
{
    int rc;

    do {
        json_decref(c->note);
        c->note = NULL;
        rc = take_note(c, wait_ms, err);
        if (rc <= 0)
            return rc;
        *method = json_string_value(json_object_get(c->note, "method"));
        *params = json_object_get(c->note, "params");
    } while (*method == NULL || *params == NULL);
    return 1;
}
