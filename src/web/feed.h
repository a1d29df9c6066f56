/* SPDX-License-Identifier: MIT */
/*
 * feed.h - what pages follow: server-sent events, the same for all of them
 *
 * Keeps the last messages for pages that are a little behind, and the last of everything for pages that begin
 * or are far behind: they are told all of it anew. Nothing here grows with what a guest does.
 */
#ifndef WEB_FEED_H
#define WEB_FEED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct feed;

enum { FEED_EVENTS = 2000 }; /* exits kept for a page that begins */

struct feed *feed_new(void);
void feed_free(struct feed *f);

/* Each from any thread. json is borrowed; NULL is ignored. */
void feed_machine(struct feed *f, json_t *info); /* the machine as `info` tells it */
void feed_console(struct feed *f, const char *text,
                  size_t len); /* this and exits: sent soon, or by feed_flush */
void feed_exit(struct feed *f, json_t *event);
void feed_flush(struct feed *f, bool all_told); /* all_told: whether every exit comes this way */
void feed_heat(struct feed *f, json_t *heat);   /* not kept for who begins: it is of this moment */
void feed_gone(struct feed *f, const char *why);
bool feed_followed(struct feed *f); /* somebody reads */
void feed_stop(struct feed *f);     /* ends every reader */

/* One page's place in it. */
struct feed_reader;
struct feed_reader *feed_join(struct feed *f);
void feed_leave(struct feed_reader *r);
/* Waits for something to send, a second at most; -1: it is over. Never 0. */
int64_t feed_read(struct feed_reader *r, char *buf, size_t max);

#endif
