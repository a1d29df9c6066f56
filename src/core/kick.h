/* SPDX-License-Identifier: MIT */
/*
 * kick.h - the signal that gets a vCPU thread out of the kernel
 *
 * The one process-wide thing of the library: a handler that does nothing, installed when the first
 * machine is made and removed with the last, so that a blocked system call returns EINTR.
 */
#ifndef CORE_KICK_H
#define CORE_KICK_H

#include <signal.h>

#include "base/err.h"

/* Installs the handler, or counts one more user of it. Thread: any. */
WARN_UNUSED int kick_get(struct vitro_err *err);

/* Drops a user; the last one puts back the handler found before. */
void kick_put(void);

/*
 * Lets the signal through to the calling thread, whose mask may block it: a blocked one would not end
 * KVM_RUN. out receives the mask to go back to.
 */
void kick_unblock(sigset_t *out);

/* The signal's number: SIGRTMAX - 1. */
int kick_signal(void);

#endif
