/* SPDX-License-Identifier: MIT */
/* kick.c - the reference-counted signal handler, the only mutable state outside a machine. */
#include "core/kick.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;          /* guarded by lock */
static struct sigaction before; /* guarded by lock; valid while users > 0 */

int kick_signal(void)
{
    return SIGRTMAX - 1;
}

void kick_unblock(sigset_t *out)
{
    sigset_t kick;

    sigemptyset(&kick);
    sigaddset(&kick, kick_signal());
    pthread_sigmask(SIG_UNBLOCK, &kick, out);
}

/* Being delivered is the whole effect. */
static void on_kick(int sig)
{
    (void)sig;
}

int kick_get(struct vitro_err *err)
{
    struct sigaction sa = { .sa_handler = on_kick };
    int rc = 0;

    sigemptyset(&sa.sa_mask);
    pthread_mutex_lock(&lock);
    if (users == 0 && sigaction(kick_signal(), &sa, &before) < 0)
        rc = err_set(err, -errno, "installing the kick signal's handler: %s", strerror(errno));
    else
        users++;
    pthread_mutex_unlock(&lock);
    return rc;
}

void kick_put(void)
{
    pthread_mutex_lock(&lock);
    if (--users == 0)
        sigaction(kick_signal(), &before, NULL);
    pthread_mutex_unlock(&lock);
}
