/* SPDX-License-Identifier: MIT */
/*
 * cache.h - rows of a probe, kept between runs in the user's cache folder
 *
 * $XDG_CACHE_HOME/vitro/ or $HOME/.cache/vitro/. A convenience that may never get in the way: whatever is
 * wrong (no home, nothing writable, a full disk, rubbish in the file, somebody else's file), there is no
 * cache, silently. Files belong to one boot of one host: the key in them must match.
 *
 * Content is read as hostile: unknown keys, wrong types and values out of range are ignored. The folder
 * itself and the files in it are never reached through a symbolic link.
 */
#ifndef HOST_CACHE_H
#define HOST_CACHE_H

#include <stdbool.h>

#include "core/probe.h"

/* Two files, so that the answer that every run needs is a small one. */
enum cache_file { CACHE_MODES, CACHE_PROBE };

/*
 * cache_load - fill the rows that the file has for this host
 *
 * Rows it does not have are left alone. Returns true when at least one was filled. About 50 us.
 */
bool cache_load(enum cache_file file, const struct probe_host *host, struct probe_report *rows);

/*
 * cache_store - write the rows that are worth keeping, replacing the file
 *
 * Left out: rows not run, rows that timed out, and the INTERFACE group; CACHE_MODES takes the MODES group
 * only. Written to a new file that is renamed, so a reader sees the old or the new one.
 */
void cache_store(enum cache_file file, const struct probe_host *host,
                 const struct probe_report *rows);

#endif
