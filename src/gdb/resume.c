/* SPDX-License-Identifier: MIT */
/*
 * resume.c - c, s, vCont, and what comes back: stop replies, the end of the run
 *
 * GAP: While one CPU steps, the others stand still, also where the debugger says that they may run; and it is not
 * possible to let only some CPUs run. Signals that a debugger wants delivered are dropped: a machine has none.
 *
 * A run that fails (triple fault, refused instruction) is first reported as a signal, so that the machine can be looked
 * at as it was, and as terminated when it is to go on. A run that ends well is reported as exited; at once, or where it
 * can go back in time, when it is to go on.
 */
#include "gdb/session_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct end_row {
    const char *name; /* as in vitro run --json */
    unsigned signal;  /* 0: exited */
    bool look;        /* stop before the end is told */
} ends[] = {
    { "shutdown", GDB_SEGV, true }, { "refused", GDB_ILL, true },   { "failed", GDB_ABRT, true },
    { "stopped", GDB_TERM, false }, { "timeout", GDB_TERM, false }, { "panic", GDB_ABRT, true },
};

void gdb_stop_set(struct session *s, unsigned cpu, unsigned signal, const char *reason)
{
    s->cpu = cpu;
    snprintf(s->stop, sizeof(s->stop), "T%02x%sthread:%x;", signal, reason, cpu + 1);
    if (!s->running)
        return;
    s->running = s->interrupted = s->still = false;
    gdb_reply(s, "%s", s->stop);
}

void gdb_stop_reason(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "%s", s->stop);
}

/* The last words; afterwards the machine may go. */
static void say_final(struct session *s)
{
    s->running = false;
    s->over = true;
    gdb_reply(s, "%s", s->final);
    json_decref(session_call(s, "debug.detach", NULL, NULL));
}

static void ask_to_go(struct session *s, const char *method, json_t *params)
{
    json_t *done;

    gdb_regs_forget(s);
    done = session_call(s, method, params, NULL);
    s->refused = done == NULL; /* why is told when all that has come is known: it may have ended */
    json_decref(done);
    s->running = true;
}

static void go(struct session *s, const char *method, json_t *params)
{
    if (s->final[0] == '\0') {
        ask_to_go(s, method, params);
        return;
    }
    json_decref(params);
    say_final(s);
}

static void go_step(struct session *s, unsigned cpu)
{
    s->cpu = cpu;
    go(s, "step", json_pack("{s:i}", "cpu", (int)cpu));
}

/* An address to go on at, of c and s; false: an error was sent. */
static bool jump(struct session *s, struct scan *in)
{
    json_t *done;
    uint64_t addr;

    if (scan_done(in))
        return true;
    if (!scan_hex(in, &addr) || !scan_done(in)) {
        gdb_reply_error(s, EINVAL);
        return false;
    }
    done = session_call(
        s, "regs.set",
        json_pack("{s:i, s:{s:o}}", "cpu", (int)s->cpu, "regs", "rip", gdb_json_hex(addr)), NULL);
    if (done == NULL)
        gdb_reply_error(s, EINVAL);
    json_decref(done);
    return done != NULL;
}

void gdb_resume_continue(struct session *s, struct scan *in)
{
    if (jump(s, in))
        go(s, "resume", NULL);
}

void gdb_resume_step(struct session *s, struct scan *in)
{
    if (jump(s, in))
        go_step(s, s->cpu);
}

/* C and S: a signal, and after ';' an address. */
static bool skip_signal(struct session *s, struct scan *in)
{
    uint64_t signal;

    if (scan_hex(in, &signal) && signal <= 0xff && (scan_done(in) || scan_word(in, ";")))
        return true;
    gdb_reply_error(s, EINVAL);
    return false;
}

void gdb_resume_continue_signal(struct session *s, struct scan *in)
{
    if (skip_signal(s, in))
        gdb_resume_continue(s, in);
}

void gdb_resume_step_signal(struct session *s, struct scan *in)
{
    if (skip_signal(s, in))
        gdb_resume_step(s, in);
}

void gdb_resume_vcont_offer(struct session *s, struct scan *in)
{
    (void)in;
    gdb_reply(s, "vCont;c;C;s;S;t");
}

/* Into the past, also from the end of a run. */
static void go_back(struct session *s, const char *method)
{
    if (!s->past) {
        gdb_reply_bytes(s, "", 0);
        return;
    }
    s->final[0] = '\0';
    ask_to_go(s, method, json_pack("{s:i}", "cpu", (int)s->cpu));
}

void gdb_back_step(struct session *s, struct scan *in)
{
    (void)in;
    go_back(s, "back.step");
}

void gdb_back_continue(struct session *s, struct scan *in)
{
    (void)in;
    go_back(s, "back.continue");
}

/* One action and the threads it is for: fills in those that have none yet. False: no sense. */
static bool scan_action(const struct session *s, struct scan *in, char *actions)
{
    uint64_t signal;
    unsigned cpu = 0;
    bool all = true;
    char what;

    if (scan_done(in) || strchr("cCsSt", *in->at) == NULL)
        return false;
    what = *in->at++;
    if ((what == 'C' || what == 'S') && (!scan_hex(in, &signal) || signal > 0xff))
        return false;
    if (scan_word(in, ":") && !gdb_scan_who(s, in, &cpu, &all))
        return false;
    for (unsigned i = all ? 0 : cpu; i < (all ? s->ncpus : cpu + 1); i++) {
        if (actions[i] == '\0')
            actions[i] = what == 'C' ? 'c' : what == 'S' ? 's' : what;
    }
    return scan_done(in) || scan_word(in, ";");
}

static unsigned count(const struct session *s, const char *actions, char what)
{
    unsigned n = 0;

    for (unsigned i = 0; i < s->ncpus; i++)
        n += actions[i] == what;
    return n;
}

void gdb_resume_vcont(struct session *s, struct scan *in)
{
    char actions[SESSION_CPUS_MAX] = { 0 };
    unsigned cpu = s->cpu;

    do {
        if (!scan_action(s, in, actions)) {
            gdb_reply_error(s, EINVAL);
            return;
        }
    } while (!scan_done(in));
    if (count(s, actions, 's') > 0) {
        if (actions[cpu] != 's')
            cpu = (unsigned)((const char *)memchr(actions, 's', s->ncpus) - actions);
        go_step(s, cpu);
    } else if (count(s, actions, 'c') == s->ncpus) {
        go(s, "resume", NULL);
    } else if (count(s, actions, 'c') == 0) {
        gdb_reply(s, "%s", s->stop); /* only stops, and everything stands still */
    } else {
        gdb_reply_error(s, ENOTSUP);
    }
}

void session_interrupt(struct session *s)
{
    json_t *done;

    if (!s->running)
        return;
    s->interrupted = true;
    done = session_call(s, "pause", NULL, NULL);
    s->still = done != NULL;
    json_decref(done);
}

void session_settle(struct session *s)
{
    if (s->running && s->refused) {
        s->running = false;
        gdb_reply_error(s, EBUSY);
    }
    if (s->running && s->interrupted && s->still)
        gdb_stop_set(s, s->cpu, GDB_INT, "");
}

static unsigned cpu_of(const struct session *s, const json_t *params)
{
    json_int_t cpu = json_integer_value(json_object_get(params, "cpu"));

    return cpu >= 0 && cpu < (json_int_t)s->ncpus ? (unsigned)cpu : 0;
}

static void notify_end(struct session *s, const json_t *params)
{
    const char *name = json_string_value(json_object_get(params, "end"));
    json_int_t code = json_integer_value(json_object_get(params, "exit_code"));
    const struct end_row *row = NULL;

    for (size_t i = 0; name != NULL && i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(ends[i].name, name) == 0)
            row = &ends[i];
    }
    if (row == NULL)
        snprintf(s->final, sizeof(s->final), "W%02x", (unsigned)code & 0xff);
    else
        snprintf(s->final, sizeof(s->final), "X%02x", row->signal);
    if ((row != NULL && row->look) || s->past)
        gdb_stop_set(s, cpu_of(s, params), row != NULL ? row->signal : GDB_TRAP, "");
    else if (s->running)
        say_final(s);
}

/* Points are at linear addresses, which the register is not where CS has a base. */
static void notify_break(struct session *s, unsigned cpu)
{
    const struct point *p = NULL;
    uint64_t linear;

    if (s->tells_break &&
        gdb_json_hex_value(json_object_get(gdb_regs_doc(s, cpu), "rip_linear"), &linear))
        p = gdb_point_at(s, linear);
    gdb_stop_set(s, cpu, GDB_TRAP,
                 p == NULL               ? ""
                 : p->type == POINT_SOFT ? "swbreak:;"
                                         : "hwbreak:;");
}

static void notify_watch(struct session *s, unsigned cpu, const json_t *params)
{
    static const char *const words[NPOINT_TYPES] = {
        [POINT_WRITE] = "watch",
        [POINT_READ] = "rwatch",
        [POINT_ACCESS] = "awatch",
    };
    json_int_t len = json_integer_value(json_object_get(params, "len"));
    const struct point *p = NULL;
    char reason[48] = "";
    uint64_t addr;

    if (gdb_json_hex_value(json_object_get(params, "addr"), &addr))
        p = gdb_point_watching(s, addr, len > 0 ? (uint64_t)len : 1);
    if (p != NULL)
        snprintf(reason, sizeof(reason), "%s:%" PRIx64 ";", words[p->type], p->addr);
    gdb_stop_set(s, cpu, GDB_TRAP, reason);
}

void session_notify(struct session *s, const json_t *params, bool early)
{
    const char *reason = json_string_value(json_object_get(params, "reason"));
    unsigned cpu = cpu_of(s, params);

    if (s->over || reason == NULL || *reason == '\0') /* none: it runs */
        return;
    if (strcmp(reason, "end") == 0)
        notify_end(s, params);
    else if (!s->running)
        return;
    else if (strcmp(reason, "break") == 0)
        notify_break(s, cpu);
    else if (strcmp(reason, "watch") == 0)
        notify_watch(s, cpu, params);
    else if (strcmp(reason, "step") == 0)
        gdb_stop_set(s, cpu, GDB_TRAP, "");
    else if (strcmp(reason, "oldest") == 0)
        gdb_stop_set(s, cpu, GDB_TRAP, "replaylog:begin;");
    else if (s->interrupted || !early) /* else of a pause before the one that was just ended */
        gdb_stop_set(s, s->cpu, s->interrupted ? GDB_INT : GDB_STOP, "");
}

void session_lost(struct session *s)
{
    if (s->running)
        gdb_reply(s, "X%02x", GDB_KILL);
    s->running = false;
    s->over = true;
}

void gdb_detach(struct session *s, struct scan *in)
{
    (void)in; /* a process number, where the debugger counts processes */
    json_decref(session_call(s, "debug.detach", NULL, NULL));
    s->over = true;
    gdb_reply(s, "OK");
}

static void end_run(struct session *s)
{
    json_decref(session_call(s, "stop", json_pack("{s:b}", "now", 1), NULL));
    s->over = true;
}

void gdb_kill_machine(struct session *s, struct scan *in)
{
    (void)in; /* k has no reply */
    end_run(s);
}

void gdb_kill_process(struct session *s, struct scan *in)
{
    (void)in;
    end_run(s);
    gdb_reply(s, "OK");
}
