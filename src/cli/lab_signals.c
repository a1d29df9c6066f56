/* SPDX-License-Identifier: MIT */
/* lab_signals.c - a thread that waits for signals which ask for the end. */
#include "lab_signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "ctl/signals.h"

struct lab_signals {
    pthread_t thread;
    sigset_t set, before;
    pthread_mutex_t lock;
    /* guarded by lock */
    struct vitro *m;
    bool came, end;
};

static void *signals_thread(void *arg)
{
    struct lab_signals *s = arg;
    bool end = false;
    int which;

    while (!end) {
        if (sigwait(&s->set, &which) != 0)
            continue;
        pthread_mutex_lock(&s->lock);
        end = s->end;
        if (s->came && !end)
            _exit(EXIT_STOPPED);
        s->came = true;
        if (s->m != NULL)
            vitro_stop(s->m, VITRO_STOP_USER);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

/* SIGUSR1 is the end's own: it reaches the thread whatever else is ignored. */
static void choose(sigset_t *set)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

    signals_heeded(signals, sizeof(signals) / sizeof(signals[0]), set);
    sigaddset(set, SIGUSR1);
}

int lab_signals_start(struct lab_signals **out)
{
    struct lab_signals *s = calloc(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return -ENOMEM;
    choose(&s->set);
    pthread_mutex_init(&s->lock, NULL);
    pthread_sigmask(SIG_BLOCK, &s->set, &s->before);
    rc = start_quiet_thread(&s->thread, signals_thread, s);
    if (rc < 0) {
        pthread_sigmask(SIG_SETMASK, &s->before, NULL);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void lab_signals_end(struct lab_signals *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->end = true;
    s->m = NULL;
    pthread_mutex_unlock(&s->lock);
    pthread_kill(s->thread, SIGUSR1);
    pthread_join(s->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool lab_signals_stop(struct lab_signals *s, struct vitro *m)
{
    bool came;

    pthread_mutex_lock(&s->lock);
    came = s->came;
    s->m = m;
    pthread_mutex_unlock(&s->lock);
    return !came;
}
