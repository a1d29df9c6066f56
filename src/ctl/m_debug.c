/* SPDX-License-Identifier: MIT */
/* m_debug.c - methods for debuggers: who is one, breakpoints, watchpoints, steps. */
#include <string.h>

#include "ctl_priv.h"

/* ---- which connection is the debugger --------------------------------------------------------- */

void m_debug_attach(struct call *call)
{
    struct ctl *c = call->ctl;

    if (c->debugger != 0 && c->debugger != call->conn->number) {
        call_fail(call, RPC_LIMIT, "debug.attach: another client is the debugger");
        return;
    }
    m_state_subscribe(call);
    if (call->code != 0)
        return;
    c->debugger = call->conn->number;
    ctl_hold_end(c, call_flag(call, "hold_end"));
}

void m_debug_detach(struct call *call)
{
    struct ctl *c = call->ctl;

    if (c->debugger != call->conn->number) {
        call_fail(call, RPC_STATE, "debug.detach: this client is not the debugger");
        return;
    }
    c->debugger = 0;
    ctl_points_drop(c, call->conn->number);
    ctl_hold_end(c, false);
    ctl_resume(c);
}

/* ---- breakpoints, watchpoints ---------------------------------------------------------------- */

static unsigned how_of(const struct call *call)
{
    const char *how = call_value(call, "how")->text;

    return (strchr(how, 'r') != NULL ? VITRO_WATCH_READ : 0u) |
           (strchr(how, 'w') != NULL ? VITRO_WATCH_WRITE : 0u);
}

/* What the request names; false when its address cannot be found. The machine is held. */
static bool point_of(struct call *call, bool watch, struct point *out)
{
    *out = (struct point){ .owner = call->conn->number };
    if (watch) {
        out->len = call_number(call, "len");
        out->how = how_of(call);
    }
    return call_address(call, "addr", 0, &out->addr);
}

static void change_point(struct call *call, bool watch, bool add)
{
    struct vitro_err err = { 0 };
    struct point p;

    if (!point_of(call, watch, &p))
        return;
    if ((add ? ctl_point_add(call->ctl, &p, &err) : ctl_point_remove(call->ctl, &p, &err)) < 0)
        call_fail_err(call, &err);
}

void m_break_set(struct call *call)
{
    change_point(call, false, true);
}

void m_break_clear(struct call *call)
{
    change_point(call, false, false);
}

void m_watch_set(struct call *call)
{
    change_point(call, true, true);
}

void m_watch_clear(struct call *call)
{
    change_point(call, true, false);
}

/* ---- steps ----------------------------------------------------------------------------------- */

void m_step(struct call *call)
{
    unsigned cpu = (unsigned)call_number(call, "cpu");

    if (cpu >= vitro_cpus(call->ctl->m))
        call_fail(call, RPC_PARAMS, "step: there is no CPU %u", cpu);
    else if (!ctl_step(call->ctl, cpu))
        call_fail(call, RPC_STATE,
                  "step: only a machine that is paused can be stepped, one step at a time");
}

static void go_back(struct call *call, const char *name, enum back back)
{
    unsigned cpu = (unsigned)call_number(call, "cpu");

    if (cpu >= vitro_cpus(call->ctl->m))
        call_fail(call, RPC_PARAMS, "%s: there is no CPU %u", name, cpu);
    else if (!vitro_keeps_past(call->ctl->m))
        call_fail(call, RPC_CANNOT,
                  "%s: this machine keeps no past: only one run with --deterministic does", name);
    else if (!ctl_back(call->ctl, back, cpu))
        call_fail(call, RPC_STATE, "%s: only a machine that is paused can go back", name);
}

void m_back_step(struct call *call)
{
    go_back(call, "back.step", BACK_STEP);
}

void m_back_continue(struct call *call)
{
    go_back(call, "back.continue", BACK_RUN);
}

void m_run_to(struct call *call)
{
    struct vitro_err err = { 0 };
    struct point p;

    vitro_hold(call->ctl->m);
    if (point_of(call, false, &p)) {
        p.once = true;
        if (ctl_point_add(call->ctl, &p, &err) < 0)
            call_fail_err(call, &err);
    }
    vitro_release(call->ctl->m);
    if (call->code == 0 && !ctl_resume(call->ctl))
        call_fail(call, RPC_STATE, "run_to: the run is over");
}
