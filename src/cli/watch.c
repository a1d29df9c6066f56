/* SPDX-License-Identifier: MIT */
/*
 * watch.c - turns signals and the time limit into a stop of the run, and opens its control socket
 *
 * SIGTSTP and SIGCONT give the terminal back while the process is stopped. SIGINT, SIGTERM, SIGHUP and SIGQUIT are
 * blocked in every thread while a guest runs and read from a descriptor by one thread. The first asks the machine to
 * stop; the second ends the process at once, also when it comes after the run. One that was ignored from the start
 * (nohup, a job in the background) stays ignored.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cli.h"
#include "ctl/ctl.h"
#include "ctl/signals.h"

enum { FD_SIGNAL, FD_TIMER, FD_END, NFDS };

/* A run that is shorter has no control socket, and pays nothing for it. */
enum { SOCKET_AFTER_MS = 25 };

struct watch {
    const struct target *t;
    struct console *console; /* NULL: none */
    pthread_t thread;
    int fd[NFDS];  /* FD_TIMER is -1 without a limit */
    unsigned ends; /* signals that ask for the end, so far */
    sigset_t set, before;
};

int start_quiet_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = -pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void take_signal(struct watch *w, unsigned signal)
{
    switch (signal) {
    case SIGTSTP:
        console_suspend(w->console);
        raise(SIGSTOP);
        break;
    case SIGCONT:
        console_resume(w->console);
        break;
    default:
        if (w->ends++ > 0) {
            console_suspend(w->console);
            _exit(EXIT_STOPPED);
        }
        target_stop(w->t, VITRO_STOP_USER);
    }
}

static void *watch_thread(void *arg)
{
    struct watch *w = arg;
    int wait_ms = w->t->ctl != NULL ? SOCKET_AFTER_MS : -1;

    for (;;) {
        struct signalfd_siginfo info;
        struct pollfd p[NFDS];
        int n;

        for (int i = 0; i < NFDS; i++)
            p[i] = (struct pollfd){ .fd = w->fd[i], .events = POLLIN };
        n = poll(p, NFDS, wait_ms);
        if (n < 0 && errno != EINTR)
            return NULL;
        if (n == 0) {
            (void)ctl_open(w->t->ctl, NULL); /* ctl_where says why not */
            wait_ms = -1;
        }
        if (p[FD_END].revents & POLLIN)
            return NULL;
        if (p[FD_TIMER].revents & POLLIN) {
            target_stop(w->t, VITRO_STOP_TIMEOUT);
            w->fd[FD_TIMER] = (close(w->fd[FD_TIMER]), -1);
        }
        if (p[FD_SIGNAL].revents & POLLIN &&
            read(w->fd[FD_SIGNAL], &info, sizeof(info)) == sizeof(info))
            take_signal(w, info.ssi_signo);
    }
}

static int open_timer(uint64_t ns)
{
    struct itimerspec at = { .it_value = { .tv_sec = (time_t)(ns / 1000000000u),
                                           .tv_nsec = (long)(ns % 1000000000u) } };
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (fd >= 0 && timerfd_settime(fd, 0, &at, NULL) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void end_at_once(int signal)
{
    (void)signal;
    _exit(EXIT_STOPPED);
}

/* The first one has come: what comes from now on, or waits already, does not find the default. */
static void heed_the_second(const struct watch *w)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    const struct sigaction at_once = { .sa_handler = end_at_once };

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (sigismember(&w->set, signals[i]))
            (void)sigaction(signals[i], &at_once, NULL);
    }
}

static void close_all(struct watch *w)
{
    for (int i = 0; i < NFDS; i++) {
        if (w->fd[i] >= 0)
            close(w->fd[i]);
    }
    pthread_sigmask(SIG_SETMASK, &w->before, NULL);
    free(w);
}

int watch_start(const struct target *t, struct console *console, uint64_t timeout_ns,
                struct watch **out)
{
    /* What ends a run, and what lets it stand still on a terminal. */
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT };
    struct watch *w = calloc(1, sizeof(*w));
    int rc;

    if (w == NULL)
        return -ENOMEM;
    w->t = t;
    w->console = console;
    signals_heeded(signals, sizeof(signals) / sizeof(signals[0]), &w->set);
    pthread_sigmask(SIG_BLOCK, &w->set, &w->before);
    w->fd[FD_SIGNAL] = signalfd(-1, &w->set, SFD_CLOEXEC);
    w->fd[FD_END] = eventfd(0, EFD_CLOEXEC);
    w->fd[FD_TIMER] = timeout_ns != 0 ? open_timer(timeout_ns) : -1;
    if (w->fd[FD_SIGNAL] < 0 || w->fd[FD_END] < 0 || (timeout_ns != 0 && w->fd[FD_TIMER] < 0)) {
        rc = -errno;
        close_all(w);
        return rc;
    }
    rc = -pthread_create(&w->thread, NULL, watch_thread, w);
    if (rc != 0) {
        close_all(w);
        return rc;
    }
    *out = w;
    return 0;
}

void watch_stop(struct watch *w)
{
    uint64_t one = 1;

    if (write(w->fd[FD_END], &one, sizeof(one)) != sizeof(one))
        pthread_cancel(w->thread);
    pthread_join(w->thread, NULL);
}

void watch_end(struct watch *w)
{
    if (w->ends > 0)
        heed_the_second(w);
    close_all(w);
}
