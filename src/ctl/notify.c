/* SPDX-License-Identifier: MIT */
/* notify.c - what has happened, to those who have subscribed to it. */
#include <string.h>

#include "ctl_priv.h"

static const char *const end_names[] = {
    [VITRO_END_HALT] = "halt",         [VITRO_END_GUEST_EXIT] = "guest-exit",
    [VITRO_END_POWEROFF] = "poweroff", [VITRO_END_RESET] = "reset",
    [VITRO_END_SHUTDOWN] = "shutdown", [VITRO_END_REFUSED] = "refused",
    [VITRO_END_FAILED] = "failed",     [VITRO_END_BREAK] = "break",
    [VITRO_END_COUNT] = "count",       [VITRO_END_STOPPED] = "stopped",
    [VITRO_END_TIMEOUT] = "timeout",   [VITRO_END_HELD] = "held",
    [VITRO_END_PANIC] = "panic",
};

static const char *how_word(unsigned how)
{
    static const char *const words[] = { "", "r", "w", "rw" };

    return words[how & 3];
}

/* ---- state ----------------------------------------------------------------------------------- */

static void add_place(json_t *json, const struct state *s)
{
    if (s->cpu >= 0)
        json_object_set_new(json, "cpu", json_integer(s->cpu));
    if (s->reason >= AT_BREAK)
        json_object_set_new(json, "rip", rpc_hex(s->rip));
    if (s->reason == AT_WATCH) {
        json_object_set_new(json, "addr", rpc_hex(s->watch_addr));
        json_object_set_new(json, "len", json_integer(s->watch_len));
        json_object_set_new(json, "how", json_string(how_word(s->watch_how)));
    }
}

json_t *state_json(const struct state *s)
{
    json_t *json = json_pack("{s:s, s:s}", "state", s->reason == RUNS ? "running" : "paused",
                             "reason", ctl_reason_name(s->reason));

    if (json == NULL)
        return NULL;
    add_place(json, s);
    if (s->reason == AT_END) {
        json_object_set_new(json, "end", json_string(end_names[s->end]));
        json_object_set_new(json, "text", rpc_latin1(s->text, strlen(s->text)));
        if (s->exit_code >= 0)
            json_object_set_new(json, "exit_code", json_integer(s->exit_code));
    }
    return json;
}

void notify_send(struct conn *conn, struct sub *sub, const char *method, json_t *params)
{
    size_t len;
    char *line;

    if (conn_waiting(conn) > OUT_NOTES) {
        sub->dropped++;
        json_decref(params);
        return;
    }
    if (params != NULL)
        json_object_set_new(params, "subscription", json_integer(sub->id));
    line = rpc_notification(method, params, &len);
    if (line != NULL)
        conn_put(conn, line, len);
    else
        sub->dropped++;
}

void notify_dropped(struct conn *conn, struct sub *sub)
{
    uint64_t dropped = sub->dropped;

    if (dropped == 0 || conn_waiting(conn) > OUT_NOTES / 2)
        return;
    sub->dropped = 0;
    notify_send(conn, sub, "dropped", json_pack("{s:I}", "count", (json_int_t)dropped));
}

static void tell_states(struct ctl *c, const struct state *list, unsigned n, unsigned lost)
{
    for (unsigned i = 0; i < c->nconns; i++) {
        for (int k = 0; k < SUBS_MAX; k++) {
            struct sub *sub = &c->conn[i]->sub[k];

            if (sub->kind != SUB_STATE)
                continue;
            sub->dropped += lost;
            notify_dropped(c->conn[i], sub);
            for (unsigned s = 0; s < n; s++)
                notify_send(c->conn[i], sub, "state", state_json(&list[s]));
        }
    }
}

static void tell_streams(struct conn *conn)
{
    for (int i = 0; i < SUBS_MAX; i++) {
        struct sub *sub = &conn->sub[i];

        if (sub->kind == SUB_CONSOLE)
            stream_console(conn, sub);
        else if (sub->kind == SUB_TRACE)
            stream_trace(conn, sub);
    }
}

void notify_streams(struct ctl *c)
{
    for (unsigned i = 0; i < c->nconns; i++)
        tell_streams(c->conn[i]);
}

void notify_states(struct ctl *c)
{
    struct state list[STATES_MAX];
    unsigned n, lost;

    pthread_mutex_lock(&c->lock);
    n = c->queued;
    lost = c->lost;
    memcpy(list, c->queue, n * sizeof(list[0]));
    c->queued = c->lost = 0;
    pthread_mutex_unlock(&c->lock);
    tell_states(c, list, n, lost);
}
