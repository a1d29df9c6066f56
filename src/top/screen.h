/* SPDX-License-Identifier: MIT */
/* screen.h - the figures on a terminal, until a key or a signal ends it. */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include <stdbool.h>

#include "top/sample.h"

/*
 * screen_run - show a machine
 *
 * interval_ms  between two pictures, 100 or more
 *
 * Keys: q, Escape or Ctrl-C end it, space makes a new picture now. Follows changes of the terminal's size; the terminal
 * is put back whatever ends it. Returns 0: ended by the user; -EPIPE: the machine has gone; -ENOTTY: ncurses does not know
 * this terminal; else what the machine's answer was, with err filled.
 */
int screen_run(struct sample *s, unsigned interval_ms, bool color, struct vitro_err *err);

#endif
