/* SPDX-License-Identifier: MIT */
/* page.h - vitro view: the page of a running machine, of one that it starts, and in a file. */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <sys/types.h>

#include "cli.h"

/*
 * page_spawn - start vitro-web
 *
 * args     after the program's name; args[0] is "serve" or "save"; ends with NULL
 * in, out  its standard input and output; -1: as this process has them
 *
 * It inherits every descriptor that is not close-on-exec. Its process id, or a negative errno: -ENOENT when the
 * program is not there.
 */
pid_t page_spawn(const char *const *args, int in, int out);

/* Waits for it; an exit code. */
int page_wait(pid_t pid);

/* run's part of the view of a machine that is started for it: claims the name, lets the run begin paused. */
int page_open(const struct target *t, const struct options *o, pid_t *pid); /* an exit code */
void page_close(pid_t pid); /* 0: nothing is there */

/* page_save.c: runs a guest and writes its page to o->save. An exit code. */
int page_save(struct options *o, const char *guest);

#endif
