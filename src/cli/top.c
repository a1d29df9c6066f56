/* SPDX-License-Identifier: MIT */
/* top.c - vitro top: the terminal view of a running machine, which is a program of its own. */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "helper.h"

enum { DEFAULT_MS = 1000 };

int cmd_top(const struct command *cmd, struct options *o, int argc, char **argv)
{
    uint64_t ms = o->interval_ns != 0 ? o->interval_ns / 1000000 : DEFAULT_MS;
    const char *args[6] = { argv[0] };
    char interval[24];
    unsigned n = 2;

    (void)argc;
    snprintf(interval, sizeof(interval), "%" PRIu64, ms);
    args[1] = interval;
    if (o->once)
        args[n++] = "--once";
    if (o->json)
        args[n++] = "--json";
    if (style_of(o).color)
        args[n++] = "--color";
    return helper_fail(cmd->name, "top", helper_become("top", args));
}
