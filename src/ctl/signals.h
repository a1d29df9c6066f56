/* SPDX-License-Identifier: MIT */
/* signals.h - signals that a program waits for instead of being ended by them; used by cli/ and top/. */
#ifndef CTL_SIGNALS_H
#define CTL_SIGNALS_H

#include <signal.h>
#include <stddef.h>

/*
 * signals_heeded - those of n signals that are not ignored
 *
 * Blocking one that is ignored (SIGHUP under nohup) would make the kernel deliver it.
 */
void signals_heeded(const int *signals, size_t n, sigset_t *out);

/*
 * signals_end_fd - wait for what ends a program: SIGINT, SIGTERM, SIGHUP, SIGQUIT
 *
 * before  receives the calling thread's mask, to be put back; may be NULL
 *
 * Blocks them for the calling thread. Returns a descriptor that becomes readable when one comes; -1 with errno. The
 * caller closes it.
 */
int signals_end_fd(sigset_t *before);

/* Takes the one that came, so that it does not end the program when the mask is put back. */
void signals_take(int fd);

#endif
