/* SPDX-License-Identifier: MIT */
/*
 * m_console.c - what is typed, and what the guest puts out
 *
 * Output is fetched from the tail by position: a client that is slow loses some, and is told how much; the guest
 * never waits.
 */
#include <stdlib.h>

#include "ctl_priv.h"

/* Code points U+0000 to U+00FF to bytes; returns how many, or sets the error. */
static size_t take_bytes(struct call *call, const struct value *text, char *out)
{
    const unsigned char *p = (const unsigned char *)text->text;
    size_t n = 0;

    while (*p != '\0' && call->code == 0) {
        if (*p < 0x80) {
            out[n++] = (char)*p++;
        } else if (*p <= 0xc3) { /* two bytes of UTF-8: jansson has checked the second */
            out[n++] = (char)((p[0] & 3) << 6 | (p[1] & 0x3f));
            p += 2;
        } else {
            call_fail(call, RPC_PARAMS,
                      "console.send: text: each character stands for a byte, U+0000 to U+00FF");
        }
    }
    return n;
}

void m_console_send(struct call *call)
{
    const struct value *text = call_value(call, "text");
    char *bytes = malloc(text->len + 1);
    size_t n;

    if (bytes == NULL) {
        call_fail(call, RPC_HOST, "console.send: out of memory");
        return;
    }
    n = take_bytes(call, text, bytes);
    if (call->code == 0 && !vitro_has_console(call->ctl->m))
        call_fail(call, RPC_CANNOT, "console.send: a bare machine has no serial line");
    if (call->code == 0)
        call->result =
            json_pack("{s:I}", "taken", (json_int_t)vitro_console_send(call->ctl->m, bytes, n));
    free(bytes);
}

/* Up to max bytes from a position on, which is moved to the oldest that is kept; returns how many. */
static size_t fetch(struct tail *t, uint64_t *from, char *out, size_t max)
{
    size_t n = 0;

    pthread_mutex_lock(&t->lock);
    if (t->end - *from > TAIL_BYTES)
        *from = t->end - TAIL_BYTES;
    while (n < max && *from + n < t->end) {
        out[n] = t->byte[(*from + n) % TAIL_BYTES];
        n++;
    }
    pthread_mutex_unlock(&t->lock);
    return n;
}

/* "text" and "position" of the last bytes; *end receives the position. */
static json_t *tail_json(struct tail *t, uint64_t bytes, uint64_t *end)
{
    char *buf = malloc(TAIL_BYTES);
    uint64_t from;
    json_t *json;
    size_t n;

    if (buf == NULL)
        return NULL;
    pthread_mutex_lock(&t->lock);
    from = t->end > bytes ? t->end - bytes : 0;
    pthread_mutex_unlock(&t->lock);
    n = fetch(t, &from, buf, TAIL_BYTES);
    *end = from + n;
    json = json_pack("{s:o, s:I}", "text", rpc_latin1(buf, n), "position", (json_int_t)*end);
    free(buf);
    return json;
}

void m_console_tail(struct call *call)
{
    uint64_t end;

    call->result = tail_json(&call->ctl->tail, call_number(call, "bytes"), &end);
}

void m_console_subscribe(struct call *call)
{
    struct sub *sub = call_subscribe(call, SUB_CONSOLE);
    struct tail *t = &call->ctl->tail;

    if (sub == NULL)
        return;
    call->result = tail_json(t, call_number(call, "bytes"), &sub->position);
    if (call->result != NULL)
        json_object_set_new(call->result, "subscription", json_integer(sub->id));
    atomic_store(&t->wanted, true);
}

void stream_console(struct conn *conn, struct sub *sub)
{
    struct tail *t = &conn->ctl->tail;
    char buf[STREAM_CHUNK];
    uint64_t from = sub->position;
    size_t n;

    atomic_store(&t->wanted,
                 true); /* before looking: what comes after that wakes the server again */
    while (conn_waiting(conn) < OUT_CALM && (n = fetch(t, &from, buf, sizeof(buf))) > 0) {
        sub->dropped += from - sub->position;
        from += n;
        sub->position = from;
        notify_dropped(conn, sub);
        notify_send(
            conn, sub, "console",
            json_pack("{s:o, s:I}", "text", rpc_latin1(buf, n), "position", (json_int_t)from));
    }
}
