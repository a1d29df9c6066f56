/* SPDX-License-Identifier: MIT */
/* loop.c - ppoll until the first timer is due, a descriptor has something, or somebody wakes it. */
#include "host/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"

struct watch {
    int fd;
    void (*fn)(void *ctx);
    void *ctx;
    short events; /* of poll */
    bool paused;  /* guarded by the machine lock */
};

struct loop {
    struct machine *m;
    int wake_fd;
    pthread_t thread;
    struct watch watch[LOOP_WATCHES_MAX];
    int nwatches;
    /* guarded by the machine lock */
    bool ending;
    bool asleep;
    uint64_t until_ns; /* while asleep: when it wakes by itself */
};

static void wake(struct loop *l)
{
    const uint64_t one = 1;
    ssize_t n = write(l->wake_fd, &one, sizeof(one));

    (void)n; /* full: it is awake already */
}

static void sooner(void *ctx)
{
    struct loop *l = ctx;

    if (l->asleep && timers_next(&l->m->timers) < l->until_ns)
        wake(l);
}

/* Under the machine lock. Fills poll rows; a paused descriptor is left out by its sign. */
static void fill(struct loop *l, struct pollfd p[LOOP_WATCHES_MAX + 1])
{
    for (int i = 0; i < l->nwatches; i++)
        p[i] = (struct pollfd){ .fd = l->watch[i].paused ? -1 : l->watch[i].fd,
                                .events = l->watch[i].events };
    p[l->nwatches] = (struct pollfd){ .fd = l->wake_fd, .events = POLLIN };
}

/* Without the lock. */
static void sleep_until(struct loop *l, struct pollfd *p, uint64_t now_ns, uint64_t until_ns)
{
    uint64_t span = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec ts = { .tv_sec = (time_t)(span / 1000000000),
                           .tv_nsec = (long)(span % 1000000000) };
    uint64_t count;

    if (ppoll(p, (nfds_t)l->nwatches + 1, until_ns != TIMER_NEVER ? &ts : NULL, NULL) <= 0)
        return;
    if (p[l->nwatches].revents & POLLIN && read(l->wake_fd, &count, sizeof(count)) < 0)
        p[l->nwatches].revents = 0;
}

static void serve(struct loop *l, const struct pollfd *p)
{
    for (int i = 0; i < l->nwatches; i++) {
        if (p[i].fd >= 0 && p[i].revents != 0 && !l->watch[i].paused)
            l->watch[i].fn(l->watch[i].ctx);
    }
}

/* Under the machine lock. Devices stand still with the machine. */
static void wait_pause(struct loop *l)
{
    while (!l->ending && pause_wanted(l->m))
        pthread_cond_wait(&l->m->pause.go, &l->m->lock);
}

static void *run(void *arg)
{
    struct loop *l = arg;
    struct machine *m = l->m;
    struct pollfd p[LOOP_WATCHES_MAX + 1];

    pthread_mutex_lock(&m->lock);
    while (wait_pause(l), !l->ending) {
        uint64_t now = clock_ns(&m->clock);

        timers_run(&m->timers, now);
        l->until_ns = timers_next(&m->timers);
        fill(l, p);
        l->asleep = true;
        pthread_mutex_unlock(&m->lock);
        sleep_until(l, p, now, l->until_ns);
        pthread_mutex_lock(&m->lock);
        l->asleep = false;
        wait_pause(l);
        if (!l->ending)
            serve(l, p);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* Signals are for the threads of the program and of the vCPUs. */
static int start(void *ctx, struct vitro_err *err)
{
    struct loop *l = ctx;
    sigset_t all, before;
    int rc;

    l->ending = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&l->thread, NULL, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc != 0 ? err_set(err, -rc, "starting the event loop: %s", strerror(rc)) : 0;
}

static void stop(void *ctx)
{
    struct loop *l = ctx;

    pthread_mutex_lock(&l->m->lock);
    l->ending = true;
    pause_look_again(l->m);
    pthread_mutex_unlock(&l->m->lock);
    wake(l);
    pthread_join(l->thread, NULL);
}

int loop_new(struct machine *m, struct loop **out, struct vitro_err *err)
{
    struct loop *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return err_set(err, -ENOMEM, "making the event loop: out of memory");
    l->m = m;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0) {
        int rc = -errno;

        free(l);
        return err_set(err, rc, "making the event loop: %s", strerror(-rc));
    }
    m->loop = (struct machine_loop){ .start = start, .stop = stop, .ctx = l };
    m->timers.sooner = sooner;
    m->timers.ctx = l;
    *out = l;
    return 0;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    close(l->wake_fd);
    free(l);
}

static int add_watch(struct loop *l, const struct watch *watch, struct vitro_err *err)
{
    if (l->nwatches == LOOP_WATCHES_MAX)
        return err_set(err, -ENOSPC, "event loop: more than %d descriptors", LOOP_WATCHES_MAX);
    l->watch[l->nwatches] = *watch;
    return l->nwatches++;
}

int loop_watch(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx, struct vitro_err *err)
{
    const struct watch watch = { .fd = fd, .fn = fn, .ctx = ctx, .events = POLLIN };

    return add_watch(l, &watch, err);
}

int loop_watch_room(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx, struct vitro_err *err)
{
    const struct watch watch = {
        .fd = fd, .fn = fn, .ctx = ctx, .events = POLLOUT, .paused = true
    };

    return add_watch(l, &watch, err);
}

void loop_pause(struct loop *l, int watch, bool paused)
{
    if (l->watch[watch].paused == paused)
        return;
    l->watch[watch].paused = paused;
    if (!paused && l->asleep)
        wake(l); /* it waits for less than it should now */
}
