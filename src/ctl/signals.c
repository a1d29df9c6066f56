/* SPDX-License-Identifier: MIT */
/* signals.c - see signals.h */
#include "ctl/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

void signals_heeded(const int *signals, size_t n, sigset_t *out)
{
    sigemptyset(out);
    for (size_t i = 0; i < n; i++) {
        struct sigaction now;

        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(out, signals[i]);
    }
}

int signals_end_fd(sigset_t *before)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    sigset_t set;

    signals_heeded(signals, sizeof(signals) / sizeof(signals[0]), &set);
    pthread_sigmask(SIG_BLOCK, &set, before);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

void signals_take(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n = read(fd, &info, sizeof(info));

    (void)n; /* it is readable */
}
