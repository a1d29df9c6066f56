/* SPDX-License-Identifier: MIT */
/* wire.c - JSON-RPC over a machine's control socket, from the asking side. Source: docs/control.md. */
#include "gdb/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

enum {
    LINE_LIMIT = 16 << 20, /* a page table's tree is the longest answer */
    WAIT_MS = 60000,       /* for an answer; the machine's process is stuck */
    QUEUE_MAX = 64,
    READ_SIZE = 65536,
};

struct wire {
    int fd;
    bool lost;
    json_int_t id;  /* of the last request */
    bool waiting;   /* for its answer */
    json_t *answer; /* has come */
    json_t *queue;  /* notifications: [early, params] */
    struct text in; /* what came of the next line */
};

int wire_open(int fd, struct wire **out, struct vitro_err *err)
{
    struct wire *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        close(fd);
        return err_set(err, -ENOMEM, "connecting to the machine: out of memory");
    }
    w->fd = fd;
    w->queue = json_array();
    *out = w;
    return 0;
}

void wire_close(struct wire *w)
{
    if (w == NULL)
        return;
    close(w->fd);
    json_decref(w->answer);
    json_decref(w->queue);
    text_fini(&w->in);
    free(w);
}

int wire_fd(const struct wire *w)
{
    return w->fd;
}

bool wire_lost(const struct wire *w)
{
    return w->lost;
}

/* One line: the answer that is waited for, a state, or something that this client has no use for. */
static void take_line(struct wire *w, const char *line, size_t len)
{
    json_t *doc = json_loadb(line, len, 0, NULL);
    const char *method = json_string_value(json_object_get(doc, "method"));

    if (doc == NULL) {
        w->lost = true;
    } else if (method == NULL) {
        if (w->waiting && json_integer_value(json_object_get(doc, "id")) == w->id) {
            w->answer = doc;
            w->waiting = false;
            return;
        }
    } else if (strcmp(method, "state") == 0) {
        json_array_append_new(w->queue,
                              json_pack("[b, O?]", w->waiting, json_object_get(doc, "params")));
        if (json_array_size(w->queue) > QUEUE_MAX)
            json_array_remove(w->queue, 0);
    }
    json_decref(doc);
}

static void take_lines(struct wire *w)
{
    size_t start = 0;

    for (;;) {
        char *end = memchr(w->in.buf + start, '\n', w->in.len - start);

        if (end == NULL)
            break;
        take_line(w, w->in.buf + start, (size_t)(end - w->in.buf) - start);
        start = (size_t)(end - w->in.buf) + 1;
    }
    memmove(w->in.buf, w->in.buf + start, w->in.len - start);
    w->in.len -= start;
}

static void take_bytes(struct wire *w, int flags)
{
    char buf[READ_SIZE];
    ssize_t n;

    do
        n = recv(w->fd, buf, sizeof(buf), flags);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        text_add_bytes(&w->in, buf, (size_t)n);
    if (n <= 0 || w->in.failed || w->in.len > LINE_LIMIT)
        w->lost = true;
    else
        take_lines(w);
}

void wire_receive(struct wire *w)
{
    if (!w->lost)
        take_bytes(w, MSG_DONTWAIT);
}

static void send_all(struct wire *w, const char *data, size_t len)
{
    while (len > 0 && !w->lost) {
        ssize_t n = send(w->fd, data, len, MSG_NOSIGNAL);

        if (n >= 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            w->lost = true;
        }
    }
}

static void send_request(struct wire *w, const char *method, json_t *params)
{
    json_t *doc = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id", ++w->id, "method",
                            method, "params", params);
    char *line = json_dumps(doc, JSON_COMPACT);

    json_decref(doc);
    if (line == NULL) {
        w->lost = true;
        return;
    }
    send_all(w, line, strlen(line));
    send_all(w, "\n", 1);
    free(line);
}

static void wait_answer(struct wire *w)
{
    while (w->waiting && !w->lost) {
        struct pollfd p = { .fd = w->fd, .events = POLLIN };
        int rc = poll(&p, 1, WAIT_MS);

        if (rc > 0)
            take_bytes(w, 0);
        else if (rc == 0 || errno != EINTR)
            w->lost = true;
    }
}

json_t *wire_call(void *wire, const char *method, json_t *params, char *why, size_t len)
{
    struct wire *w = wire;
    const char *message;
    json_t *result;

    w->waiting = true;
    send_request(w, method, params);
    wait_answer(w);
    w->waiting = false;
    result = json_incref(json_object_get(w->answer, "result"));
    message = json_string_value(json_object_get(json_object_get(w->answer, "error"), "message"));
    if (result == NULL)
        snprintf(why, len, "%s", message != NULL ? message : "the machine has gone");
    json_decref(w->answer);
    w->answer = NULL;
    return result;
}

json_t *wire_next(struct wire *w, bool *early)
{
    json_t *entry = json_array_get(w->queue, 0), *params;

    if (entry == NULL)
        return NULL;
    *early = json_is_true(json_array_get(entry, 0));
    params = json_incref(json_array_get(entry, 1));
    json_array_remove(w->queue, 0);
    return params;
}
