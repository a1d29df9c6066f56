/* SPDX-License-Identifier: MIT */
/* save.h - the page with its data inside, one file that opens from disk; used by main.c. */
#ifndef WEB_SAVE_H
#define WEB_SAVE_H

#include <stdio.h>

/* Reads JSON from `in` to its end and writes the page. 0 or a negative errno. */
int save_page(FILE *in, FILE *out);

#endif
