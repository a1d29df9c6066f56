/* SPDX-License-Identifier: MIT */
/*
 * helper.h - programs beside this one: vitro-web, vitro-top
 *
 * They link and parse what the process that runs a guest shall not.
 */
#ifndef CLI_HELPER_H
#define CLI_HELPER_H

#include <stdbool.h>

/* name: what follows "vitro-". */
bool helper_there(const char *name);

/* This process becomes it. args: without the program's name, ended by NULL, at most ten. Returns a negative errno only. */
int helper_become(const char *name, const char *const *args);

/* Says on standard error what went wrong; returns an exit code. */
int helper_fail(const char *command, const char *name, int rc);

#endif
