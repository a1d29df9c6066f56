/* SPDX-License-Identifier: MIT */
/*
 * conn.c - one client: bytes in, lines answered, bytes out
 *
 * A client that does not read stops its own requests being read: at most one answer and OUT_NOTES bytes of
 * notifications wait for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_priv.h"

enum { LINES_AT_ONCE = 16 };

struct conn *conn_new(struct ctl *c, int fd)
{
    struct conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL)
        return NULL;
    conn->in = malloc(RPC_LINE_MAX + 1);
    if (conn->in == NULL) {
        free(conn);
        return NULL;
    }
    conn->ctl = c;
    conn->fd = fd;
    conn->number = ++c->conn_number;
    return conn;
}

void conn_free(struct conn *conn)
{
    close(conn->fd);
    for (int i = 0; i < MARKS_MAX; i++)
        vitro_exits_mark_free(conn->mark[i]);
    vitro_heat_free(conn->heat);
    free(conn->in);
    free(conn->out);
    free(conn);
}

/* ---- out ------------------------------------------------------------------------------------- */

size_t conn_waiting(const struct conn *conn)
{
    return conn->out_len - conn->out_off;
}

bool conn_put(struct conn *conn, char *text, size_t len)
{
    char *out = conn->out;

    if (conn_waiting(conn) == 0) { /* nothing before it: no copy */
        free(out);
        conn->out = text;
        conn->out_off = 0;
        conn->out_len = conn->out_room = len;
        return true;
    }
    if (len > conn->out_room - conn->out_len) {
        conn->out_len -= conn->out_off; /* a slow reader never empties it: what was sent goes now */
        memmove(out, out + conn->out_off, conn->out_len);
        conn->out_off = 0;
        conn->out_room = conn->out_len + len + OUT_CALM;
        out = realloc(out, conn->out_room);
    }
    if (out != NULL) {
        conn->out = out;
        memcpy(out + conn->out_len, text, len);
        conn->out_len += len;
    } else {
        conn->broken = true;
    }
    free(text);
    return out != NULL;
}

void conn_write(struct conn *conn)
{
    while (conn_waiting(conn) > 0 && !conn->broken) {
        ssize_t n = send(conn->fd, conn->out + conn->out_off, conn_waiting(conn),
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            conn->broken = errno != EAGAIN;
            return;
        }
        conn->out_off += (size_t)n;
    }
    free(conn->out); /* a client that has seen a large view keeps no memory for it */
    conn->out = NULL;
    conn->out_len = conn->out_off = conn->out_room = 0;
}

/* ---- in -------------------------------------------------------------------------------------- */

void conn_read(struct conn *conn)
{
    size_t room = RPC_LINE_MAX + 1 - conn->in_len;
    ssize_t n;

    if (room == 0)
        return;
    n = recv(conn->fd, conn->in + conn->in_len, room, MSG_DONTWAIT);
    if (n > 0)
        conn->in_len += (size_t)n;
    else if (n == 0)
        conn->ending = true;
    else if (errno != EAGAIN && errno != EINTR)
        conn->broken = true;
}

static void answer(struct conn *conn, const char *line, size_t len)
{
    size_t out_len = 0;
    char *out = rpc_answer(conn->ctl, conn, line, len, &out_len);

    if (out != NULL)
        conn_put(conn, out, out_len);
}

/* Forgets the first n bytes. */
static void consume(struct conn *conn, size_t n)
{
    memmove(conn->in, conn->in + n, conn->in_len - n);
    conn->in_len -= n;
    conn->scanned = 0;
}

/* Answers the first line. False: there is none. */
static bool serve_line(struct conn *conn)
{
    char *end = memchr(conn->in + conn->scanned, '\n', conn->in_len - conn->scanned);

    if (end == NULL && conn->in_len <= RPC_LINE_MAX) {
        conn->scanned = conn->in_len;
        return false;
    }
    if (end == NULL) { /* too long: said once, the rest of it is skipped */
        if (!conn->skipping)
            answer(conn, NULL, RPC_LINE_MAX + 1);
        conn->skipping = true;
        consume(conn, conn->in_len);
        return false;
    }
    if (!conn->skipping && end > conn->in)
        answer(conn, conn->in, (size_t)(end - conn->in));
    conn->skipping = false;
    consume(conn, (size_t)(end - conn->in) + 1);
    return true;
}

bool conn_serve(struct conn *conn)
{
    for (int i = 0; i < LINES_AT_ONCE; i++) {
        if (conn->broken || conn_waiting(conn) >= OUT_CALM || !serve_line(conn))
            return false;
    }
    return true;
}

/* ---- subscriptions --------------------------------------------------------------------------- */

struct sub *conn_subscribe(struct conn *conn, enum sub_kind kind)
{
    for (int i = 0; i < SUBS_MAX; i++) {
        struct sub *s = &conn->sub[i];

        if (s->kind == SUB_NONE) {
            *s = (struct sub){ .kind = kind, .id = ++conn->next_sub };
            return s;
        }
    }
    return NULL;
}

struct sub *conn_sub(struct conn *conn, unsigned id)
{
    for (int i = 0; i < SUBS_MAX; i++) {
        if (conn->sub[i].kind != SUB_NONE && conn->sub[i].id == id)
            return &conn->sub[i];
    }
    return NULL;
}
