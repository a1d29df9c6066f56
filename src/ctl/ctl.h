/* SPDX-License-Identifier: MIT */
/*
 * ctl.h - a running machine that others can see and steer through a socket (docs/control.md)
 *
 * For the program's run command: ctl_new, then the machine is made with ctl_output as its output, then
 * ctl_machine, ctl_run in place of vitro_run, ctl_close, ctl_free. The server is a thread of its own that
 * ctl_open starts; without it everything works, and nobody can connect.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <vitro/inspect.h>
#include <vitro/vitro.h>

struct ctl;

struct ctl_config {
    const char *name; /* of the machine; borrowed for the call. NULL: from the guest's */
    bool paused; /* it is made to stand before its first instruction, until a client resumes it */
    /* The process' exit code after that end, for those who watch; NULL: it is not told. Any thread. */
    int (*exit_code)(const struct vitro_outcome *end);
};

int ctl_new(const struct ctl_config *cfg, struct ctl **out, struct vitro_err *err);
void ctl_free(struct ctl *c); /* after vitro_free; NULL is fine */

/* The machine, borrowed until ctl_close. */
void ctl_machine(struct ctl *c, struct vitro *m, const struct vitro_guest *guest);

/* For vitro_config.output; ctx is the struct ctl. */
void ctl_output(void *ctx, const void *bytes, size_t len);

/*
 * ctl_open - claim the name and serve; nothing if it is done already
 *
 * Thread: any, one at a time. Fails with VITRO_ERR_USAGE when the configured name is taken.
 */
int ctl_open(struct ctl *c, struct vitro_err *err);

/* The name that it was given; valid after ctl_open. */
const char *ctl_name(const struct ctl *c);

/* Ends the server and removes the socket. Thread: the machine's owner. */
void ctl_close(struct ctl *c);

/* What a run shall stop at by itself; clients' breakpoints come on top. Not during ctl_run. */
int ctl_stop_at(struct ctl *c, const struct vitro_stop_at *where, struct vitro_err *err);

/* vitro_run, and whatever clients want in between: returns when the run has really ended. */
int ctl_run(struct ctl *c, struct vitro_outcome *out, struct vitro_err *err);

/*
 * ctl_linger - keep a run that ctl_run has ended for a debugger to come, which may take it back in time
 *
 * Returns when that debugger has gone and the run has ended again, or after ctl_let_go or ctl_stop. end is what ctl_run
 * said, and how it ended in the end. Thread: as ctl_run. ctl_let_go: any thread; no debugger is waited for any more.
 */
int ctl_linger(struct ctl *c, struct vitro_outcome *end, struct vitro_err *err);
void ctl_let_go(struct ctl *c);

/* vitro_stop, also for a run that stands at a breakpoint. Thread: any. */
void ctl_stop(struct ctl *c, enum vitro_stop_kind kind);

/* The socket's path, or why there is none; valid after ctl_open. */
const char *ctl_where(const struct ctl *c);

#endif
