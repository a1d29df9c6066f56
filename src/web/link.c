/* SPDX-License-Identifier: MIT */
/* link.c - the connection to a machine's control socket (docs/control.md). */
#include "web/link.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 32 << 20, WAIT_SECONDS = 10 };

struct link {
    int fd;
    pthread_t reader;
    struct link_watch watch;
    pthread_mutex_t sending; /* one request under way; taken before lock */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    /* guarded by lock */
    json_int_t want; /* id of the request under way; 0: none */
    json_t *answer;
    bool gone;
};

/* A growing line; what has no newline yet is at its beginning. */
struct inbox {
    char *bytes;
    size_t len, room;
};

static json_t *error_answer(const char *text)
{
    return json_pack("{s:{s:i, s:s}}", "error", "code", -32000, "message", text);
}

static void take_line(struct link *l, const char *line, size_t len)
{
    json_t *doc = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    json_t *id = json_object_get(doc, "id");
    const char *method = json_string_value(json_object_get(doc, "method"));

    if (method != NULL && id == NULL) {
        l->watch.notify(l->watch.ctx, method, json_object_get(doc, "params"));
    } else if (json_is_integer(id)) {
        pthread_mutex_lock(&l->lock);
        if (l->want != 0 && json_integer_value(id) == l->want && l->answer == NULL) {
            l->answer = doc; /* handed over whole: jansson's counts are not for two threads */
            doc = NULL;
            pthread_cond_broadcast(&l->answered);
        }
        pthread_mutex_unlock(&l->lock);
    }
    json_decref(doc);
}

/* Reads once and hands out whole lines. False at the end, or when a line is longer than any answer. */
static bool receive(struct link *l, struct inbox *in)
{
    size_t from = 0;
    char *end;
    ssize_t n;

    if (in->room - in->len < 65536) {
        char *more = in->room < LINE_MAX_BYTES ? realloc(in->bytes, in->room * 2 + 131072) : NULL;

        if (more == NULL)
            return false;
        in->bytes = more;
        in->room = in->room * 2 + 131072;
    }
    do
        n = read(l->fd, in->bytes + in->len, in->room - in->len);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    in->len += (size_t)n;
    while ((end = memchr(in->bytes + from, '\n', in->len - from)) != NULL) {
        take_line(l, in->bytes + from, (size_t)(end - in->bytes) - from);
        from = (size_t)(end - in->bytes) + 1;
    }
    in->len -= from;
    memmove(in->bytes, in->bytes + from, in->len);
    return true;
}

static void *read_all(void *arg)
{
    struct link *l = arg;
    struct inbox in = { 0 };

    while (receive(l, &in))
        continue;
    free(in.bytes);
    pthread_mutex_lock(&l->lock);
    l->gone = true;
    pthread_cond_broadcast(&l->answered);
    pthread_mutex_unlock(&l->lock);
    l->watch.ended(l->watch.ctx);
    return NULL;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_request(struct link *l, json_int_t id, const char *method, json_t *params)
{
    json_t *doc = json_pack("{s:s, s:I, s:s, s:O*}", "jsonrpc", "2.0", "id", id, "method", method,
                            "params", params);
    char *text = json_dumps(doc, JSON_COMPACT);
    bool ok = text != NULL && send_all(l->fd, text, strlen(text)) && send_all(l->fd, "\n", 1);

    free(text);
    json_decref(doc);
    return ok;
}

/* Under l->lock. */
static json_t *wait_answer(struct link *l)
{
    struct timespec until;
    json_t *answer;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_SECONDS;
    while (l->answer == NULL && !l->gone && rc == 0)
        rc = pthread_cond_timedwait(&l->answered, &l->lock, &until);
    answer = l->answer;
    l->answer = NULL;
    if (answer != NULL)
        return answer;
    return error_answer(l->gone ? "the machine has ended" : "the machine does not answer");
}

json_t *link_call(struct link *l, const char *method, json_t *params)
{
    static const json_int_t last_id = (json_int_t)1 << 52;
    json_t *answer;
    json_int_t id;

    pthread_mutex_lock(&l->sending);
    pthread_mutex_lock(&l->lock);
    id = l->want = l->want % last_id + 1;
    pthread_mutex_unlock(&l->lock);
    if (send_request(l, id, method, params)) {
        pthread_mutex_lock(&l->lock);
        answer = wait_answer(l);
        pthread_mutex_unlock(&l->lock);
    } else {
        answer = error_answer("the machine has ended");
    }
    pthread_mutex_unlock(&l->sending);
    return answer;
}

struct link *link_open(int fd, const struct link_watch *watch)
{
    struct link *l = calloc(1, sizeof(*l));
    pthread_condattr_t attr;

    if (l == NULL)
        return NULL;
    l->fd = fd;
    l->watch = *watch;
    pthread_mutex_init(&l->sending, NULL);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->answered, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&l->reader, NULL, read_all, l) != 0) {
        free(l);
        return NULL;
    }
    return l;
}

void link_close(struct link *l)
{
    if (l == NULL)
        return;
    shutdown(l->fd, SHUT_RDWR);
    pthread_join(l->reader, NULL);
    close(l->fd);
    json_decref(l->answer);
    pthread_mutex_destroy(&l->sending);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->answered);
    free(l);
}
