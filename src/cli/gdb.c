/* SPDX-License-Identifier: MIT */
/*
 * gdb.c - vitro gdb: the debugger's server for a running machine; and run's -s, which starts it beside a run
 *
 * The server is a process of its own, so that what a debugger sends is not parsed where the guest runs. It ends with
 * the machine, whose control socket it watches.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "ctl/place.h"
#include "gdb/server.h"

enum { DEFAULT_PORT = 1234 };

struct serving {
    const char *name;
    bool quiet;
};

static int connect_machine(void *ctx, struct vitro_err *err)
{
    const struct serving *s = ctx;

    return place_connect(s->name, err);
}

static void say_ready(void *ctx, const char *where)
{
    const struct serving *s = ctx;

    if (!s->quiet)
        fprintf(stderr, "vitro: gdb: %s: waiting for a debugger: target remote %s\n", s->name,
                where);
}

static void say_note(void *ctx, const char *text)
{
    const struct serving *s = ctx;

    fprintf(stderr, "vitro: gdb: %s: %s\n", s->name, text);
}

int cmd_gdb(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct serving serving = { .name = argv[0], .quiet = o->quiet };
    struct gdb_server_config cfg = {
        .connect = connect_machine,
        .arch = o->gdb_arch != NULL ? o->gdb_arch : "auto",
        .socket_path = o->gdb_socket,
        .port = o->gdb_port_given ? o->gdb_port : DEFAULT_PORT,
        .ready = say_ready,
        .note = say_note,
        .ctx = &serving,
    };
    struct vitro_err err = { 0 };

    (void)cmd, (void)argc;
    if (o->gdb_port_given && o->gdb_socket != NULL)
        return fail_usage("gdb: --port and --socket: one of them");
    return gdb_serve(&cfg, &err) < 0 ? fail_err(&err) : EXIT_OK;
}

/* The same program again; its own session, so that a terminal's Ctrl-C stays with the run. */
int gdb_beside(const struct options *o, const char *name)
{
    char vitro[] = "vitro", gdb[] = "gdb", option[] = "--port", quiet[] = "--quiet";
    char port[16], machine[64];
    char *argv[] = { vitro, gdb, option, port, machine, o->quiet ? quiet : NULL, NULL };
    struct vitro_err err = { .text = "starting the debugger's server" };
    posix_spawnattr_t attr;
    pid_t pid;
    int rc = posix_spawnattr_init(&attr);

    snprintf(port, sizeof(port), "%u", o->gdb_port_given ? o->gdb_port : DEFAULT_PORT);
    snprintf(machine, sizeof(machine), "%s", name);
    if (rc == 0) {
        rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
        if (rc == 0)
            rc = posix_spawn(&pid, "/proc/self/exe", NULL, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    if (rc == 0)
        return EXIT_OK;
    snprintf(err.text, sizeof(err.text), "starting the debugger's server: %s", strerror(rc));
    return fail_err(&err);
}
