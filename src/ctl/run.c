/* SPDX-License-Identifier: MIT */
/*
 * run.c - the run of the machine, with what clients want in between
 *
 * Two ways to stand still. A pause leaves the run's thread inside vitro_run. Whoever wants a step, or meets a breakpoint,
 * needs that thread back: the machine then *stands*, and its thread waits here for what comes next.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_priv.h"

static const char *const reason_names[REASONS] = {
    [RUNS] = "",          [AT_START] = "start", [BY_PAUSE] = "pause",   [AT_BREAK] = "break",
    [AT_WATCH] = "watch", [AT_STEP] = "step",   [AT_OLDEST] = "oldest", [AT_END] = "end",
};

const char *ctl_reason_name(enum reason r)
{
    return reason_names[r];
}

void ctl_set_state(struct ctl *c, const struct state *s)
{
    c->now = *s;
    if (c->queued == STATES_MAX) { /* the server is far behind: the newest counts */
        c->queue[STATES_MAX - 1] = *s;
        c->lost++;
    } else {
        c->queue[c->queued++] = *s;
    }
    ctl_wake(c);
}

static void set_reason(struct ctl *c, enum reason r)
{
    ctl_set_state(c, &(struct state){ .reason = r, .cpu = -1 });
}

/* ---- the server's side ----------------------------------------------------------------------- */

/* Under c->lock. It runs, or is about to. */
static bool may_pause(const struct ctl *c)
{
    return c->now.reason == RUNS || (c->now.reason == AT_START && !c->paused);
}

/* Under c->lock. It goes back, or its thread is on the way to begin with that. */
static bool goes_back(const struct ctl *c)
{
    return c->going_back || (c->back != BACK_NONE && !c->quit && !c->ending);
}

void ctl_pause(struct ctl *c)
{
    bool runs;

    pthread_mutex_lock(&c->lock);
    while (goes_back(c)) { /* it stands at the next place where it can */
        if (c->going_back)
            vitro_stop(c->m, VITRO_STOP_HOLD);
        pthread_cond_wait(&c->change, &c->lock);
    }
    runs = may_pause(c);
    pthread_mutex_unlock(&c->lock);
    if (!runs)
        return;
    vitro_pause(c->m);
    pthread_mutex_lock(&c->lock);
    runs = may_pause(c); /* it has not met a breakpoint meanwhile */
    if (runs) {
        c->paused = true;
        set_reason(c, BY_PAUSE);
    }
    pthread_mutex_unlock(&c->lock);
    if (!runs)
        vitro_resume(c->m); /* it stands, which is enough */
}

/* Under c->lock. Lets a machine that stands or is paused run. */
static void go_on(struct ctl *c)
{
    c->standing = c->want_stand = false;
    c->step_cpu = -1;
    if (!c->going_back)
        c->back = BACK_NONE; /* the run's thread has not begun with that */
    set_reason(c, RUNS);
    pthread_cond_broadcast(&c->change);
}

bool ctl_resume(struct ctl *c)
{
    bool paused, ok;

    pthread_mutex_lock(&c->lock);
    ok = c->now.reason != AT_END;
    paused = c->paused;
    c->paused = false;
    if (ok && c->now.reason != RUNS)
        go_on(c);
    pthread_mutex_unlock(&c->lock);
    if (paused)
        vitro_resume(c->m);
    return ok;
}

/* Under c->lock. Nothing is being done that ends by itself. */
static bool is_free(const struct ctl *c)
{
    return c->step_cpu < 0 && c->back == BACK_NONE && !c->resetting;
}

/* Under c->lock. Has the run's thread come to where it stands, and do what is wanted there; the caller resumes. */
static void make_stand(struct ctl *c)
{
    c->want_stand = !c->standing;
    c->paused = false;
    pthread_cond_broadcast(&c->change);
    if (c->want_stand)
        vitro_stop(c->m, VITRO_STOP_HOLD);
}

bool ctl_step(struct ctl *c, unsigned cpu)
{
    bool paused, ok;

    pthread_mutex_lock(&c->lock);
    ok = (c->paused || c->standing) && c->now.reason != AT_END && is_free(c);
    paused = ok && c->paused;
    if (ok) {
        c->step_cpu = (int)cpu;
        make_stand(c);
    }
    pthread_mutex_unlock(&c->lock);
    if (paused)
        vitro_resume(c->m);
    return ok;
}

bool ctl_back(struct ctl *c, enum back back, unsigned cpu)
{
    bool ends, paused, ok;

    pthread_mutex_lock(&c->lock);
    ends = c->now.reason == AT_END && c->hold_end;
    ok = (ends || c->paused || c->standing) && is_free(c);
    paused = ok && c->paused;
    if (ok) {
        c->back = back;
        c->back_cpu = cpu;
        c->standing |= ends;
        make_stand(c);
    }
    pthread_mutex_unlock(&c->lock);
    if (paused)
        vitro_resume(c->m);
    return ok;
}

/* Under c->lock. Until it has been done, or never will be. */
static void await_reset(struct ctl *c)
{
    while (c->resetting && !c->quit && !c->ending && c->now.reason != AT_END)
        pthread_cond_wait(&c->change, &c->lock);
    c->resetting = false;
}

bool ctl_reset(struct ctl *c, struct vitro_err *err)
{
    bool paused, still, ok;

    pthread_mutex_lock(&c->lock);
    still = c->paused || c->standing;
    paused = c->paused;
    ok = is_free(c);
    if (ok && vitro_reset(c->m, err) == 0 && still) {
        c->resetting = true;
        make_stand(c);
    } else {
        paused = still = false;
    }
    pthread_mutex_unlock(&c->lock);
    if (paused)
        vitro_resume(c->m);
    pthread_mutex_lock(&c->lock);
    if (still)
        await_reset(c);
    pthread_mutex_unlock(&c->lock);
    return ok;
}

void ctl_hold_end(struct ctl *c, bool on)
{
    pthread_mutex_lock(&c->lock);
    c->hold_end = on;
    c->lingers = false; /* it has come, or gone */
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->lock);
}

/* ---- the run's side -------------------------------------------------------------------------- */

void ctl_stop(struct ctl *c, enum vitro_stop_kind kind)
{
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    c->quit_kind = kind;
    pthread_cond_broadcast(&c->change);
    vitro_stop(c->m, kind); /* before the run's thread can begin another run */
    pthread_mutex_unlock(&c->lock);
}

static struct state state_of(enum reason r, const struct vitro_outcome *end)
{
    struct state s = { .reason = r,
                       .cpu = end->cpu,
                       .rip = end->rip,
                       .watch_addr = end->watch_addr,
                       .watch_len = end->watch_len,
                       .watch_how = end->watch_how,
                       .end = end->end };

    snprintf(s.text, sizeof(s.text), "%s", end->text);
    return s;
}

static void stand(struct ctl *c, enum reason r, const struct vitro_outcome *end)
{
    const struct state s = state_of(r, end);

    c->standing = true;
    c->want_stand = false;
    ctl_points_drop_once(c);
    ctl_set_state(c, &s);
}

/* Under c->lock. What the end of a vitro_run means: true when the run is over. */
static bool run_is_over(struct ctl *c, const struct vitro_outcome *end)
{
    enum whose whose = end->end == VITRO_END_BREAK ? ctl_points_whose(c, end) : OF_RUN;

    if (c->quit && end->end == VITRO_END_HELD)
        vitro_stop(c->m, c->quit_kind); /* only the first request to stop had counted */
    else if (c->quit)
        return true;
    if (end->end == VITRO_END_HELD || whose == OF_NOBODY) {
        if (c->want_stand) {
            c->standing = true; /* for a step: its end is told, not its beginning */
            c->want_stand = false;
        }
        return false; /* otherwise it had met a breakpoint when it was asked */
    }
    if (whose == OF_RUN)
        return true;
    stand(c, end->watch_how != 0 ? AT_WATCH : AT_BREAK, end);
    c->step_cpu = -1; /* what was to be stepped has come to a breakpoint */
    return false;
}

/* Under c->lock. One step; true when it was the run's last. */
static bool step(struct ctl *c, struct vitro_outcome *end, int *rc, struct vitro_err *err)
{
    unsigned cpu = (unsigned)c->step_cpu;

    ctl_points_settle(c);
    do { /* a request to come back that came too late ends the first at once */
        pthread_mutex_unlock(&c->lock);
        *rc = vitro_step(c->m, cpu, end, err);
        pthread_mutex_lock(&c->lock);
    } while (*rc == 0 && end->end == VITRO_END_HELD && c->standing);
    if (*rc == 0 &&
        !c->standing) /* resumed meanwhile: the first instruction of the run that goes on */
        return run_is_over(c, end);
    c->step_cpu = -1;
    if (*rc < 0 || c->quit || end->end != VITRO_END_BREAK)
        return true;
    end->cpu = (int)cpu;
    stand(c, end->watch_how != 0 ? AT_WATCH : AT_STEP, end);
    return false;
}

static enum reason reason_of_back(enum back back, const struct vitro_outcome *end)
{
    if (end->end == VITRO_END_HELD)
        return BY_PAUSE;
    if (end->oldest)
        return AT_OLDEST;
    if (end->watch_how != 0)
        return AT_WATCH;
    return back == BACK_STEP ? AT_STEP : AT_BREAK;
}

/* Under c->lock. Into the past; true when the run is over. */
static bool go_back(struct ctl *c, struct vitro_outcome *end, int *rc, struct vitro_err *err)
{
    enum back back = c->back;
    unsigned cpu = c->back_cpu;

    ctl_points_settle(c);
    c->going_back = true;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->lock);
    *rc = back == BACK_STEP ? vitro_step_back(c->m, cpu, end, err)
                            : vitro_run_back(c->m, cpu, end, err);
    pthread_mutex_lock(&c->lock);
    c->going_back = false;
    c->back = BACK_NONE;
    if (*rc == 0 && !c->quit && c->standing) /* nobody has resumed it meanwhile */
        stand(c, reason_of_back(back, end), end);
    pthread_cond_broadcast(&c->change);
    return *rc < 0 || c->quit;
}

/* Under c->lock. To its beginning, which it has been asked for; true when the run is over. */
static bool begin_anew(struct ctl *c, struct vitro_outcome *end, int *rc, struct vitro_err *err)
{
    pthread_mutex_unlock(&c->lock);
    vitro_stop(c->m, VITRO_STOP_HOLD);
    *rc = vitro_run(c->m, end, err);
    pthread_mutex_lock(&c->lock);
    c->resetting = false;
    if (*rc == 0 && !c->quit)
        stand(c, BY_PAUSE, end);
    pthread_cond_broadcast(&c->change);
    return *rc < 0 || c->quit;
}

/* Under c->lock. What is wanted of a machine that stands; true when the run is over. */
static bool do_wanted(struct ctl *c, struct vitro_outcome *end, int *rc, struct vitro_err *err)
{
    if (c->resetting)
        return begin_anew(c, end, rc, err);
    return c->back != BACK_NONE ? go_back(c, end, rc, err) : step(c, end, rc, err);
}

/* Under c->lock, for a machine that stands; true when the run is over. */
static bool stand_still(struct ctl *c, struct vitro_outcome *end, int *rc, struct vitro_err *err)
{
    while (c->standing && !c->quit) {
        if (is_free(c))
            pthread_cond_wait(&c->change, &c->lock);
        else if (do_wanted(c, end, rc, err))
            return true;
    }
    c->standing = false;
    return false;
}

/* Under c->lock. A debugger may look at what has ended; false: it has gone back, and the run goes on. */
static bool show_end(struct ctl *c, const struct vitro_outcome *end)
{
    struct state s = state_of(AT_END, end);

    s.exit_code = c->exit_code != NULL ? c->exit_code(end) : -1;
    ctl_set_state(c, &s);
    pthread_cond_broadcast(&c->change);
    while ((c->hold_end || c->lingers) && !c->quit && c->back == BACK_NONE)
        pthread_cond_wait(&c->change, &c->lock);
    return c->quit || c->back == BACK_NONE;
}

/* Under c->lock. over: it begins at its end. */
static int run_on(struct ctl *c, bool over, struct vitro_outcome *out, struct vitro_err *err)
{
    int rc = 0;

    if (over)
        over = show_end(c, out);
    while (!over && rc == 0) {
        over = stand_still(c, out, &rc, err);
        if (!over && rc == 0) {
            ctl_points_settle(c);
            pthread_mutex_unlock(&c->lock);
            rc = vitro_run(c->m, out, err);
            pthread_mutex_lock(&c->lock);
            if (rc == 0)
                over = run_is_over(c, out);
        }
        if (over && rc == 0)
            over = show_end(c, out);
    }
    return rc;
}

int ctl_run(struct ctl *c, struct vitro_outcome *out, struct vitro_err *err)
{
    int rc;

    pthread_mutex_lock(&c->lock);
    if (c->now.reason == AT_START && !c->paused)
        set_reason(c, RUNS);
    rc = run_on(c, false, out, err);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int ctl_linger(struct ctl *c, struct vitro_outcome *end, struct vitro_err *err)
{
    int rc;

    pthread_mutex_lock(&c->lock);
    c->lingers = true;
    rc = run_on(c, true, end, err);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void ctl_let_go(struct ctl *c)
{
    pthread_mutex_lock(&c->lock);
    c->lingers = false;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->lock);
}
