/* SPDX-License-Identifier: MIT */
/* hostinfo.h - what host this is: for the cache's key and for doctor. */
#ifndef HOST_HOSTINFO_H
#define HOST_HOSTINFO_H

#include "core/probe.h"

/* The fields that the cache's key is made of: about 20 us. What cannot be found out is left empty.
 * version: of this library. */
void hostinfo_key(const char *version, struct probe_host *out);

/* All fields. */
void hostinfo_all(const char *version, struct probe_host *out);

#endif
