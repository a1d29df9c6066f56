/* SPDX-License-Identifier: MIT */
/*
 * server.c - the thread that serves clients: one loop over the listening socket and at most ten connections
 *
 * Nothing here waits for a client. What the guest's threads have to tell (state, output, trace) is fetched from where
 * they left it, when they wake this thread.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctl_priv.h"

enum { P_WAKE, P_LISTEN, P_CONNS };

uint64_t ctl_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void ctl_wake(struct ctl *c)
{
    const uint64_t one = 1;
    ssize_t n = write(c->wake_fd, &one, sizeof(one));

    (void)n; /* full: it is awake already */
}

/* ---- clients --------------------------------------------------------------------------------- */

/* This user, or root: others cannot even enter the folder. */
static bool may_connect(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void refuse(int fd)
{
    static const char line[] =
        "{\"jsonrpc\": \"2.0\", \"id\": null, \"error\": {\"code\": -32003, \"message\": "
        "\"there is no room for another connection\"}}\n";
    ssize_t n = send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)n;
    close(fd);
}

static void accept_one(struct ctl *c)
{
    int fd = accept4(c->place.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct conn *conn;

    if (fd < 0)
        return;
    if (!may_connect(fd)) {
        close(fd);
        return;
    }
    conn = c->nconns < CONNS_MAX ? conn_new(c, fd) : NULL;
    if (conn == NULL)
        refuse(fd);
    else
        c->conn[c->nconns++] = conn;
}

/* What belongs to a connection goes with it. */
static void drop(struct ctl *c, unsigned i)
{
    struct conn *conn = c->conn[i];

    trace_drop(c, conn->number, 0);
    ctl_points_drop(c, conn->number);
    if (c->debugger == conn->number) {
        c->debugger = 0;
        ctl_hold_end(c, false);
        ctl_resume(c);
    }
    conn_free(conn);
    c->conn[i] = c->conn[--c->nconns];
}

/* ---- the loop -------------------------------------------------------------------------------- */

static unsigned fill(struct ctl *c, struct pollfd *p)
{
    p[P_WAKE] = (struct pollfd){ .fd = c->wake_fd, .events = POLLIN };
    p[P_LISTEN] = (struct pollfd){ .fd = c->place.fd, .events = POLLIN };
    for (unsigned i = 0; i < c->nconns; i++) {
        const struct conn *conn = c->conn[i];
        bool reads = conn_waiting(conn) < OUT_CALM && conn->in_len <= RPC_LINE_MAX && !conn->ending;

        p[P_CONNS + i] = (struct pollfd){
            .fd = conn->fd,
            .events = (short)((reads ? POLLIN : 0) | (conn_waiting(conn) > 0 ? POLLOUT : 0))
        };
    }
    return P_CONNS + c->nconns;
}

/* How long the loop may sleep. */
static int patience(const struct ctl *c, bool busy)
{
    uint64_t now, until = c->stop_at_ns;

    if (busy)
        return 0;
    if (c->streams_wait && (until == 0 || c->streamed_ns + STREAM_PACE_NS < until))
        until = c->streamed_ns + STREAM_PACE_NS;
    if (until == 0)
        return -1;
    now = ctl_now_ns();
    return until > now ? (int)((until - now) / 1000000 + 1) : 0;
}

/* The first at once. Until it is told again, what comes does not wake this thread. */
static void pace_streams(struct ctl *c)
{
    uint64_t now = ctl_now_ns();

    c->streams_wait = now - c->streamed_ns < STREAM_PACE_NS;
    if (c->streams_wait)
        return;
    notify_streams(c);
    c->streamed_ns = now;
}

static void hear_conn(struct conn *conn, short events, bool *busy)
{
    if (events & (POLLIN | POLLHUP | POLLERR))
        conn_read(conn);
    if (conn_serve(conn))
        *busy = true;
}

static void tell_conn(struct conn *conn, bool *busy)
{
    size_t waited = conn_waiting(conn);

    conn_write(conn);
    if (waited >= OUT_CALM && conn_waiting(conn) < OUT_CALM)
        *busy = true; /* requests and streams that had to wait for it go on */
    if (conn->ending && conn_waiting(conn) == 0 && !*busy)
        conn->broken = true;
}

static bool is_ending(struct ctl *c)
{
    bool ending;

    pthread_mutex_lock(&c->lock);
    ending = c->ending;
    pthread_mutex_unlock(&c->lock);
    return ending;
}

static void grace(struct ctl *c)
{
    if (c->stop_at_ns == 0 || ctl_now_ns() < c->stop_at_ns)
        return;
    c->stop_at_ns = 0;
    ctl_stop(c, VITRO_STOP_USER);
}

/* One round; true when there is more to do at once. */
static bool serve(struct ctl *c, const struct pollfd *p)
{
    unsigned known = c->nconns;
    bool busy = false;
    uint64_t count;

    if (p[P_WAKE].revents & POLLIN && read(c->wake_fd, &count, sizeof(count)) < 0)
        busy = true;
    notify_states(c);
    for (unsigned i = 0; i < known; i++)
        hear_conn(c->conn[i], p[P_CONNS + i].revents, &busy);
    pace_streams(c);
    for (unsigned i = 0; i < known; i++)
        tell_conn(c->conn[i], &busy);
    if (p[P_LISTEN].revents & POLLIN)
        accept_one(c);
    for (unsigned i = c->nconns; i-- > 0;) {
        if (c->conn[i]->broken)
            drop(c, i);
    }
    grace(c);
    return busy;
}

static void *serve_thread(void *arg)
{
    struct pollfd p[P_CONNS + CONNS_MAX];
    struct ctl *c = arg;
    bool busy = false;

    while (!is_ending(c)) {
        unsigned n = fill(c, p);

        if (poll(p, n, patience(c, busy)) < 0 && errno != EINTR)
            break;
        busy = serve(c, p);
    }
    place_release(&c->place); /* who sees the end of a connection sees that the name is free */
    notify_states(c);         /* how it ended, for those who take it at once */
    notify_streams(c);
    while (c->nconns > 0) {
        conn_write(c->conn[c->nconns - 1]);
        drop(c, c->nconns - 1);
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int out_of_memory(struct vitro_err *err)
{
    if (err != NULL && err->code == 0)
        *err = (struct vitro_err){ .code = -ENOMEM, .text = "control socket: out of memory" };
    return -ENOMEM;
}

int ctl_new(const struct ctl_config *cfg, struct ctl **out, struct vitro_err *err)
{
    struct ctl *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return out_of_memory(err);
    c->exact = cfg->name != NULL;
    c->paused = cfg->paused;
    c->exit_code = cfg->exit_code;
    if (c->exact)
        place_name_from(cfg->name, c->name);
    c->place = (struct place){ .folder = -1, .fd = -1 };
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->wake_fd < 0) {
        free(c);
        return out_of_memory(err);
    }
    c->step_cpu = -1;
    c->now = (struct state){ .reason = AT_START, .cpu = -1 };
    c->born_ns = ctl_now_ns();
    snprintf(c->where, sizeof(c->where), "no control socket: the run was too short for one");
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->tail.lock, NULL);
    pthread_cond_init(&c->change, NULL);
    *out = c;
    return 0;
}

void ctl_machine(struct ctl *c, struct vitro *m, const struct vitro_guest *guest)
{
    c->m = m;
    c->guest = guest;
    if (c->paused)
        vitro_pause(m);
    if (!c->exact)
        place_name_from(vitro_guest_name(guest), c->name);
}

void ctl_free(struct ctl *c)
{
    if (c == NULL)
        return;
    close(c->wake_fd);
    pthread_cond_destroy(&c->change);
    pthread_mutex_destroy(&c->tail.lock);
    pthread_mutex_destroy(&c->lock);
    free(c->own);
    free(c);
}

static int start_thread(struct ctl *c, struct vitro_err *err)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&c->thread, NULL, serve_thread, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : out_of_memory(err);
}

int ctl_open(struct ctl *c, struct vitro_err *err)
{
    struct vitro_err why = { 0 };
    int rc;

    if (c->serving)
        return 0;
    rc = place_claim(c->name, c->exact, &c->place, &why);
    if (rc == 0) {
        snprintf(c->name, sizeof(c->name), "%s", c->place.name);
        snprintf(c->where, sizeof(c->where), "control socket %s", c->place.path);
        rc = start_thread(c, &why);
    }
    if (rc < 0) {
        place_release(&c->place);
        snprintf(c->where, sizeof(c->where), "no control socket: %s", why.text);
        if (err != NULL && err->code == 0)
            *err = why;
        return rc;
    }
    c->serving = true;
    return 0;
}

void ctl_close(struct ctl *c)
{
    if (!c->serving)
        return;
    pthread_mutex_lock(&c->lock);
    c->ending = true;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->lock);
    ctl_wake(c);
    pthread_join(c->thread, NULL);
    c->serving = false;
}

const char *ctl_where(const struct ctl *c)
{
    return c->where;
}

const char *ctl_name(const struct ctl *c)
{
    return c->name;
}

/* Under the machine's lock, for every byte: short. */
void ctl_output(void *ctx, const void *bytes, size_t len)
{
    struct ctl *c = ctx;
    const char *from = bytes;

    pthread_mutex_lock(&c->tail.lock);
    for (size_t i = 0; i < len; i++)
        c->tail.byte[c->tail.end++ % TAIL_BYTES] = from[i];
    pthread_mutex_unlock(&c->tail.lock);
    if (atomic_exchange(&c->tail.wanted, false))
        ctl_wake(c);
}
