/* SPDX-License-Identifier: MIT */
/*
 * lab_signals.h - Ctrl-C ends a lab, and what came out so far is shown
 *
 * SIGINT, SIGTERM and SIGHUP go to a thread: the first stops the machine whose turn it is, the second ends the
 * process at once. One that was ignored from the start stays so.
 */
#ifndef CLI_LAB_SIGNALS_H
#define CLI_LAB_SIGNALS_H

#include <stdbool.h>
#include <vitro/vitro.h>

struct lab_signals;

/* Before machines are made, whose threads inherit what is blocked. 0 or a negative errno. */
int lab_signals_start(struct lab_signals **out);
void lab_signals_end(struct lab_signals *s); /* NULL is fine */

/* From here on a signal stops this machine; NULL: none. False when one has come already. */
bool lab_signals_stop(struct lab_signals *s, struct vitro *m);

#endif
