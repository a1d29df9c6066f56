/* SPDX-License-Identifier: MIT */
/* lab_clock.c - a thread that stops the machine whose time is up. */
#include "lab_clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

enum { WAITS_FACTOR = 20 };

struct lab_clock {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    struct vitro *m; /* NULL: nobody's turn is measured */
    uint64_t cpu_end_ns, end_ns;
    bool end;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Of the turn, at least: its time goes by no faster than the clock, where one CPU executes it. */
static uint64_t left_ns(const struct lab_clock *c)
{
    uint64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID), now = now_ns(CLOCK_MONOTONIC);

    if (cpu >= c->cpu_end_ns || now >= c->end_ns)
        return 0;
    return c->cpu_end_ns - cpu < c->end_ns - now ? c->cpu_end_ns - cpu : c->end_ns - now;
}

static void wait_ns(struct lab_clock *c, uint64_t ns)
{
    uint64_t until = now_ns(CLOCK_MONOTONIC) + ns;
    struct timespec t = { .tv_sec = (time_t)(until / NS_PER_S),
                          .tv_nsec = (long)(until % NS_PER_S) };

    pthread_cond_timedwait(&c->changed, &c->lock, &t);
}

static void *clock_thread(void *arg)
{
    struct lab_clock *c = arg;

    pthread_mutex_lock(&c->lock);
    while (!c->end) {
        uint64_t left = c->m != NULL ? left_ns(c) : 0;

        if (c->m == NULL) {
            pthread_cond_wait(&c->changed, &c->lock);
        } else if (left > 0) {
            wait_ns(c, left);
        } else {
            vitro_stop(c->m, VITRO_STOP_HOLD);
            c->m = NULL;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int lab_clock_start(struct lab_clock **out)
{
    struct lab_clock *c = calloc(1, sizeof(*c));
    pthread_condattr_t attr;
    int rc;

    if (c == NULL)
        return -ENOMEM;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    rc = start_quiet_thread(&c->thread, clock_thread, c);
    if (rc < 0) {
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->lock);
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void lab_clock_end(struct lab_clock *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->end = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void lab_clock_arm(struct lab_clock *c, struct vitro *m, uint64_t ms)
{
    pthread_mutex_lock(&c->lock);
    c->m = m;
    c->cpu_end_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) + ms * NS_PER_MS;
    c->end_ns = now_ns(CLOCK_MONOTONIC) + ms * NS_PER_MS * WAITS_FACTOR;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void lab_clock_disarm(struct lab_clock *c)
{
    pthread_mutex_lock(&c->lock);
    c->m = NULL;
    pthread_mutex_unlock(&c->lock);
}
