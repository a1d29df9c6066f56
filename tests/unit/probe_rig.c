/* SPDX-License-Identifier: MIT */
/* probe_rig.c - a home that comes with a test and goes with it; see probe_rig.h. */
#include "probe_rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vitro/vitro.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int make_home(void **state)
{
    char *home = strdup("/tmp/vitro-test-XXXXXX");

    if (home == NULL || mkdtemp(home) == NULL)
        return -1;
    setenv("HOME", home, 1);
    unsetenv("XDG_CACHE_HOME");
    *state = home;
    return 0;
}

int drop_home(void **state)
{
    nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

const struct probe_host a_host = { .version = VITRO_VERSION,
                                   .boot_id = "boot",
                                   .kernel = "6.1",
                                   .cpu_signature = "x-1",
                                   .device = "d" };

double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}
