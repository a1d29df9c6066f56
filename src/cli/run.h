/* SPDX-License-Identifier: MIT */
/* run.h - vitro run: what its two files share. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli.h"

/* What a run leaves for its JSON document. */
struct kept {
    int console; /* file with the guest's output, or -1 */
    struct hashes *hashes;
    struct boot_times *boot;
};

/* A memory file for the guest's output that holds its first bytes and cannot grow; -1: the host gives none. */
int run_keep_output(void);

unsigned run_cpus(const struct options *o);

/* Everything after the run. The guest's code wins over ours unless we failed. */
int run_finish(const struct target *t, const struct options *o, const struct vitro_outcome *end,
               const struct kept *kept);

#endif
