/* SPDX-License-Identifier: MIT */
/* replay.h - a recorded trace as a source of events; used by trace.c. */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include "cli.h"
#include "recorder.h"

/* Whether the file begins as a trace of JSON lines does. */
bool replay_is(const char *path);

/* Gives every event of the file to the recorder. An exit code; EXIT_IMAGE names the line that is none. */
int replay_file(const char *path, struct recorder *rec);

#endif
