/* SPDX-License-Identifier: MIT */
/* ctl_priv.h - the server behind ctl.h; shared by the files of this folder. */
#ifndef CTL_CTL_PRIV_H
#define CTL_CTL_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "ctl.h"
#include "place.h"
#include "rpc.h"

enum {
    CONNS_MAX = 10,
    SUBS_MAX = 8,            /* subscriptions of one connection */
    STATES_MAX = 64,         /* changes of state that wait for the server */
    OUT_CALM = 64 * 1024,    /* bytes waiting for a client: below, its next request is read */
    OUT_NOTES = 1024 * 1024, /* above, notifications are dropped */
    TAIL_BYTES = 65536,      /* of output that are kept */
    BREAKS_MAX = 32,
    WATCHES_MAX = 64,
    MARKS_MAX = 4,            /* of exits, of one connection */
    MEM_MAX = 16384,          /* bytes of one mem.read or mem.write */
    STREAM_PACE_NS = 5000000, /* a guest that prints byte by byte is not a notification a byte */
    STREAM_CHUNK = 16384,     /* bytes of output or trace at a time */
};

/* Why a machine stands still; "" while it runs. */
enum reason { RUNS, AT_START, BY_PAUSE, AT_BREAK, AT_WATCH, AT_STEP, AT_OLDEST, AT_END, REASONS };

/* What a machine that keeps its past is asked for. */
enum back { BACK_NONE, BACK_STEP, BACK_RUN };

/* What a notification of state tells. */
struct state {
    enum reason reason;
    int cpu; /* -1: none */
    uint64_t rip;
    uint64_t watch_addr;
    unsigned watch_len, watch_how;
    enum vitro_end end; /* AT_END */
    int exit_code;      /* AT_END; -1: not known */
    char text[256];     /* AT_END */
};

/* Output of the guest: the last TAIL_BYTES of all there were. */
struct tail {
    pthread_mutex_t lock;
    char byte[TAIL_BYTES]; /* guarded by lock; the byte of position p is at p % TAIL_BYTES */
    uint64_t end;          /* guarded by lock: how many there were */
    _Atomic bool wanted;   /* a client follows it */
};

struct point {
    uint64_t addr;
    uint64_t len; /* 0: a breakpoint */
    unsigned how;
    unsigned owner; /* connection's number; of the run's own: 0 */
    bool once;      /* run_to: gone at the next stop */
};

struct conn;

struct ctl {
    /* set before the server's thread */
    char name[PLACE_NAME_MAX + 1];
    bool exact; /* the name was given: no other will do */
    int (*exit_code)(const struct vitro_outcome *end);
    struct vitro *m;
    const struct vitro_guest *guest;
    struct place place;
    char where[PLACE_PATH_MAX + 400]; /* for people */
    uint64_t born_ns;
    bool serving;
    pthread_t thread;
    int wake_fd; /* eventfd: the server shall look again */

    struct tail tail;

    pthread_mutex_t lock;
    pthread_cond_t change; /* with lock: for the run's thread */
    /* guarded by lock */
    bool ending; /* ctl_close */
    bool quit;   /* ctl_stop: the run shall end, whatever clients want */
    enum vitro_stop_kind quit_kind;
    bool paused; /* vitro_pause is in effect */
    bool
        standing; /* between runs of the machine: the run's thread waits, or steps until somebody resumes */
    bool want_stand; /* it has been asked to come back */
    int step_cpu;    /* once it stands: -1 none */
    enum back back;  /* the same, into the past */
    unsigned back_cpu;
    bool resetting;  /* the same: it shall begin anew, and stand there */
    bool going_back; /* the run's thread is at it */
    bool lingers;    /* ctl_linger: none has come yet */
    bool hold_end;   /* a debugger wants the machine after its end */
    struct state now;
    struct state queue[STATES_MAX]; /* changes not yet told */
    unsigned queued, lost;
    struct point point[BREAKS_MAX + WATCHES_MAX]; /* of clients */
    unsigned npoints;
    struct point *own; /* of the run */
    unsigned nown;
    bool points_stale; /* the machine has some that are gone here */
    uint64_t own_exits, own_insns;

    /* the server's thread only */
    struct conn *conn[CONNS_MAX];
    unsigned nconns, conn_number;
    unsigned debugger;    /* number of the connection that is; 0: none */
    uint64_t stop_at_ns;  /* the grace of "stop" ends; 0: none */
    uint64_t streamed_ns; /* when output and trace were told last */
    bool streams_wait;    /* there may be more, to be told after STREAM_PACE_NS */
    struct trace_tap *trace;
};

/* Nanoseconds of the host's monotonic clock. */
uint64_t ctl_now_ns(void);
void ctl_wake(struct ctl *c);

/* ---- run.c: what the run's thread and the server tell each other ------------------------------ */

/* Under c->lock. */
void ctl_set_state(struct ctl *c, const struct state *s);
const char *ctl_reason_name(enum reason r);

/* All of these: the server's thread, without c->lock, the machine not held. */
void ctl_pause(struct ctl *c);
/* False: the run is over. */
bool ctl_resume(struct ctl *c);
bool ctl_step(struct ctl *c, unsigned cpu);
/* Also at the end of a run, where that is held. False: it runs, or something else is being done. */
bool ctl_back(struct ctl *c, enum back back, unsigned cpu);
/*
 * ctl_reset - press the reset button
 *
 * A machine that stands still does so at its beginning when this returns. False: it is being stepped. err: it has no reset.
 */
bool ctl_reset(struct ctl *c, struct vitro_err *err);
void ctl_hold_end(struct ctl *c, bool on);

/* ---- points.c: breakpoints and watchpoints ----------------------------------------------------- */

/* Adds or removes one; the machine held. Negative errno with err filled. Without c->lock, as what follows. */
int ctl_point_add(struct ctl *c, const struct point *p, struct vitro_err *err);
int ctl_point_remove(struct ctl *c, const struct point *p, struct vitro_err *err);
/* All of an owner's; holds the machine itself, if there are any. */
void ctl_points_drop(struct ctl *c, unsigned owner);

/* Under c->lock: those that were for one stop are gone. The machine has them until ctl_points_settle. */
void ctl_points_drop_once(struct ctl *c);
/* Under c->lock, which is given up meanwhile: whoever holds the machine may want it. */
void ctl_points_settle(struct ctl *c);
/* Whose a breakpoint or watchpoint is that the machine has come to. The run's own ends it; a client may have cleared its own
 * before the run's thread was told: then it is nobody's. */
enum whose { OF_NOBODY, OF_CLIENTS, OF_RUN };
/* Under c->lock. */
enum whose ctl_points_whose(const struct ctl *c, const struct vitro_outcome *end);

/* ---- conn.c: one client ---------------------------------------------------------------------- */

enum sub_kind { SUB_NONE, SUB_STATE, SUB_CONSOLE, SUB_TRACE };

struct sub {
    enum sub_kind kind;
    unsigned id;
    uint64_t position; /* CONSOLE: of the next byte to send */
    uint64_t dropped;  /* STATE: notifications that found no room */
};

struct conn {
    struct ctl *ctl;
    int fd;
    unsigned number; /* from 1, never twice */
    bool broken;     /* to be closed */
    bool ending;     /* closed by the other side: answers may still go out */

    char *in; /* RPC_LINE_MAX + 1 bytes */
    size_t in_len;
    size_t scanned; /* bytes of it without a newline */
    bool skipping;  /* the rest of a line that was too long */

    char *out;
    size_t out_len, out_off, out_room;

    struct sub sub[SUBS_MAX];
    unsigned next_sub;
    struct vitro_exits_mark *mark[MARKS_MAX]; /* ring: number n is at n % MARKS_MAX */
    unsigned marks;
    struct vitro_heat *heat; /* NULL until asked for */
};

struct conn *conn_new(struct ctl *c, int fd);
void conn_free(struct conn *conn);
size_t conn_waiting(const struct conn *conn);
/* Steals text. False, and the connection broken, when memory has run out. */
bool conn_put(struct conn *conn, char *text, size_t len);
void conn_read(struct conn *conn);
void conn_write(struct conn *conn);
/* Answers the lines that are there, a few at a time. True: there are more. */
bool conn_serve(struct conn *conn);
struct sub *conn_subscribe(struct conn *conn, enum sub_kind kind); /* NULL: no room */
struct sub *conn_sub(struct conn *conn, unsigned id);

/* ---- notify.c -------------------------------------------------------------------------------- */

/* Changes of state go to whoever has subscribed, before the requests that came after them are answered. */
void notify_states(struct ctl *c);
/* Output and trace, which may always fill a connection: after its requests have been answered. */
void notify_streams(struct ctl *c);
json_t *state_json(const struct state *s);
/* To one subscriber; steals params, which gets the subscription's number. Counts what has no room. */
void notify_send(struct conn *conn, struct sub *sub, const char *method, json_t *params);
/* Says how many were lost, once there is room for it. */
void notify_dropped(struct conn *conn, struct sub *sub);
/* What has come since the last call, while the client has room for it. */
void stream_console(struct conn *conn, struct sub *sub);
void stream_trace(struct conn *conn, struct sub *sub);
/* Ends the trace if it is that connection's, and the subscription's unless that is 0. */
void trace_drop(struct ctl *c, unsigned owner, unsigned sub);

/* ---- methods, by file ------------------------------------------------------------------------ */

const char *rpc_gpr_name(unsigned i);
/* NULL, and the error set, when the connection has too many. */
struct sub *call_subscribe(struct call *call, enum sub_kind kind);

void m_info(struct call *call);
void m_pause(struct call *call);
void m_resume(struct call *call);
void m_stop(struct call *call);
void m_reset(struct call *call);
void m_power_button(struct call *call);
void m_state_subscribe(struct call *call);
void m_unsubscribe(struct call *call);
void m_view(struct call *call);
void m_exits_mark(struct call *call);
void m_console_send(struct call *call);
void m_console_tail(struct call *call);
void m_console_subscribe(struct call *call);
void m_debug_attach(struct call *call);
void m_debug_detach(struct call *call);
void m_cpus(struct call *call);
void m_regs_get(struct call *call);
void m_regs_set(struct call *call);
void m_mem_read(struct call *call);
void m_mem_write(struct call *call);
void m_break_set(struct call *call);
void m_break_clear(struct call *call);
void m_watch_set(struct call *call);
void m_watch_clear(struct call *call);
void m_step(struct call *call);
void m_back_step(struct call *call);
void m_back_continue(struct call *call);
void m_run_to(struct call *call);
void m_trace_subscribe(struct call *call);

#endif
