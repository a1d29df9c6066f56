/* SPDX-License-Identifier: MIT */
/*
 * loop.h - the event loop: one thread that serves a machine's timers and the host's descriptors
 *
 * Runs while the machine runs, so that a stopped machine stands still. Made by board/.
 */
#ifndef HOST_LOOP_H
#define HOST_LOOP_H

#include "core/machine.h"

struct loop;

enum { LOOP_WATCHES_MAX = 8 };

/* Becomes the machine's loop and the one that its timers wake. The machine is borrowed. */
WARN_UNUSED int loop_new(struct machine *m, struct loop **out, struct vitro_err *err);

/* After the machine's last run. NULL is fine. */
void loop_free(struct loop *l);

/*
 * loop_watch - have fn called when a descriptor can be read, or has been closed on the other side
 *
 * fd  borrowed until loop_free
 *
 * fn runs on the loop's thread under the machine lock and must not block. Returns a number for loop_pause;
 * -ENOSPC: too many. Thread: any, while the machine is stopped.
 */
WARN_UNUSED int loop_watch(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx,
                           struct vitro_err *err);

/* The same for a descriptor that can be written to. It begins paused. */
WARN_UNUSED int loop_watch_room(struct loop *l, int fd, void (*fn)(void *ctx), void *ctx,
                                struct vitro_err *err);

/* Stops watching for a while, or goes on. Thread: any, under the machine lock. */
void loop_pause(struct loop *l, int watch, bool paused);

#endif
