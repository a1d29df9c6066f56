/* SPDX-License-Identifier: MIT */
/* recorder.h - events to a file or to standard output; used by run --trace and by trace. */
#ifndef CLI_RECORDER_H
#define CLI_RECORDER_H

#include "cli.h"

struct recorder;

/*
 * recorder_open - create the file and hook the recorder into o->machine
 *
 * path  NULL or "-": standard output
 *
 * Returns an exit code; after an error it has been reported and *out is NULL.
 */
int recorder_open(const char *path, enum vitro_trace_format format, struct options *o,
                  struct recorder **out);

/* Ends the stream and says what was lost. Returns code, or EXIT_HOST if code is EXIT_OK and events were
 * dropped. NULL is fine. */
/* Tells one event that did not come from a machine. */
void recorder_event(struct recorder *r, const struct vitro_event *ev);

int recorder_close(struct recorder *r, int code);

#endif
