/* SPDX-License-Identifier: MIT */
/* m_machine.c - methods about the machine as a whole. */
#include <errno.h>
#include <unistd.h>

#include "ctl_priv.h"

static struct state state_now(struct ctl *c)
{
    struct state s;

    pthread_mutex_lock(&c->lock);
    s = c->now;
    pthread_mutex_unlock(&c->lock);
    return s;
}

static json_t *say_state(struct ctl *c)
{
    const struct state s = state_now(c);

    return state_json(&s);
}

void m_info(struct call *call)
{
    struct ctl *c = call->ctl;

    call->result = json_pack(
        "{s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:b, s:b, s:b, s:I, s:I}", "name",
        c->name, "pid", (int)getpid(), "protocol", 1, "version", vitro_version(), "guest",
        vitro_guest_name(c->guest), "kind", vitro_guest_kind(c->guest), "mode",
        vitro_mode_name(vitro_guest_mode(c->guest)), "engine", vitro_engine_name(c->m),
        "engine_why", vitro_engine_why(c->m), "cpus", (int)vitro_cpus(c->m), "mem_bytes",
        (json_int_t)vitro_mem_bytes(c->m), "console", vitro_has_console(c->m), "deterministic",
        vitro_deterministic(c->m), "past", vitro_keeps_past(c->m), "up_ns",
        (json_int_t)(ctl_now_ns() - c->born_ns), "exits", (json_int_t)vitro_exit_count(c->m));
    if (call->result != NULL)
        json_object_update_new(call->result, say_state(c));
}

void m_pause(struct call *call)
{
    ctl_pause(call->ctl);
    call->result = say_state(call->ctl);
}

void m_resume(struct call *call)
{
    if (ctl_resume(call->ctl))
        call->result = say_state(call->ctl);
    else
        call_fail(call, RPC_STATE, "resume: the run is over");
}

void m_stop(struct call *call)
{
    struct ctl *c = call->ctl;

    if (call_flag(call, "now") || !vitro_has_console(c->m)) {
        ctl_stop(c, VITRO_STOP_USER);
        return;
    }
    ctl_resume(c); /* a guest that stands still cannot switch off */
    vitro_power_button(c->m);
    c->stop_at_ns = ctl_now_ns() + call_number(call, "grace_ms") * 1000000;
}

void m_reset(struct call *call)
{
    struct vitro_err err = { 0 };

    if (state_now(call->ctl).reason == AT_END)
        call_fail(call, RPC_STATE, "reset: the run is over");
    else if (!ctl_reset(call->ctl, &err))
        call_fail(call, RPC_STATE, "reset: the machine is being stepped");
    else if (err.code < 0)
        call_fail_err(call, &err);
}

void m_power_button(struct call *call)
{
    if (vitro_has_console(call->ctl->m))
        vitro_power_button(call->ctl->m);
    else
        call_fail(call, RPC_CANNOT, "power_button: a bare machine has none");
}

struct sub *call_subscribe(struct call *call, enum sub_kind kind)
{
    struct sub *sub = conn_subscribe(call->conn, kind);

    if (sub == NULL)
        call_fail(call, RPC_LIMIT, "%s: a connection has at most %d subscriptions",
                  call->method->name, SUBS_MAX);
    return sub;
}

void m_state_subscribe(struct call *call)
{
    const struct sub *sub = call_subscribe(call, SUB_STATE);

    if (sub == NULL)
        return;
    call->result = say_state(call->ctl);
    if (call->result != NULL)
        json_object_set_new(call->result, "subscription", json_integer(sub->id));
}

void m_unsubscribe(struct call *call)
{
    struct sub *sub = conn_sub(call->conn, (unsigned)call_number(call, "subscription"));

    if (sub == NULL)
        call_fail(call, RPC_PARAMS, "unsubscribe: this connection has no such subscription");
    else {
        trace_drop(call->ctl, call->conn->number, sub->id);
        sub->kind = SUB_NONE;
    }
}
