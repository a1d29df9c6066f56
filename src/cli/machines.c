/* SPDX-License-Identifier: MIT */
/* machines.c - running machines: ps, pause, resume, stop. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "ctl/client.h"
#include "ctl/place.h"

enum { PATIENCE_MS = 5000, LIST_PATIENCE_MS = 1000, STOP_SILENCE_MS = 1000 };

/* ---- one machine ----------------------------------------------------------------------------- */

static int connect_to(const char *name, struct client **out)
{
    struct vitro_err err = { 0 };

    return client_open(name, PATIENCE_MS, out, &err) < 0 ? fail_err(&err) : EXIT_OK;
}

static int call(struct client *c, const char *method, json_t *params, json_t **result)
{
    struct vitro_err err = { 0 };

    return client_call(c, method, params, result, &err) < 0 ? fail_err(&err) : EXIT_OK;
}

int cmd_pause(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct client *c;
    int code = connect_to(argv[0], &c);

    (void)o, (void)argc;
    if (code != EXIT_OK)
        return code;
    code = call(c, cmd->name, NULL, NULL); /* the methods have the commands' names */
    client_close(c);
    return code;
}

/* Until the machine hangs up. Who waits for a guest that does not listen is told so. */
static void wait_for_end(struct client *c, const char *name)
{
    const char *method;
    json_t *params;
    int rc;

    while ((rc = client_note(c, STOP_SILENCE_MS, &method, &params, NULL)) > 0)
        ;
    if (rc == 0 && isatty(STDERR_FILENO))
        fprintf(stderr, "vitro: %s: waiting for it to switch off; --now ends it at once\n", name);
    while (rc >= 0)
        rc = client_note(c, CLIENT_FOREVER, &method, &params, NULL);
}

int cmd_stop(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct client *c;
    int code = connect_to(argv[0], &c);
    json_t *params = NULL;

    (void)cmd, (void)argc;
    if (code != EXIT_OK)
        return code;
    if (o->now)
        params = json_pack("{s:b}", "now", 1);
    else if (o->grace_ns != 0)
        params = json_pack("{s:I}", "grace_ms", (json_int_t)(o->grace_ns / 1000000));
    code = call(c, "stop", params, NULL);
    if (code == EXIT_OK)
        wait_for_end(c, argv[0]);
    client_close(c);
    return code;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* What a machine says of itself, or NULL with *rc. */
static json_t *info_of(const char *name, int *rc)
{
    struct vitro_err err = { 0 };
    struct client *c;
    json_t *info = NULL;

    *rc = client_open(name, LIST_PATIENCE_MS, &c, &err);
    if (*rc < 0)
        return NULL;
    *rc = client_call(c, "info", NULL, &info, &err);
    client_close(c);
    return info;
}

static json_t *silent_machine(const char *name)
{
    return json_pack("{s:s, s:s}", "name", name, "state", "silent");
}

/* Each machine's info; those whose process has gone are cleaned up. */
static int collect(json_t *list)
{
    struct vitro_err err = { 0 };
    char **names;
    size_t n;

    if (place_list(&names, &n, &err) < 0)
        return fail_err(&err);
    for (size_t i = 0; i < n; i++) {
        int rc;
        json_t *info = info_of(names[i], &rc);

        if (rc == -ENOENT || rc == -EPIPE)
            place_sweep(names[i]);
        else
            json_array_append_new(list, info != NULL ? info : silent_machine(names[i]));
        free(names[i]);
    }
    free(names);
    return EXIT_OK;
}

static const char *text_of(const json_t *info, const char *key)
{
    const char *text = json_string_value(json_object_get(info, key));

    return text != NULL ? text : "-";
}

static void print_machine(const json_t *info)
{
    json_int_t mem = json_integer_value(json_object_get(info, "mem_bytes"));
    uint64_t up = (uint64_t)json_integer_value(json_object_get(info, "up_ns"));
    char memory[32], time[32];

    snprintf(memory, sizeof(memory), "%" JSON_INTEGER_FORMAT " %s",
             mem >= 1 << 20 ? (mem + (1 << 19)) >> 20 : mem >> 10, mem >= 1 << 20 ? "MiB" : "KiB");
    printf("%-16s %8" JSON_INTEGER_FORMAT "  %-8s %-6s %4" JSON_INTEGER_FORMAT " %9s  %8s  %s\n",
           text_of(info, "name"), json_integer_value(json_object_get(info, "pid")),
           text_of(info, "state"), text_of(info, "engine"),
           json_integer_value(json_object_get(info, "cpus")), memory,
           format_ns(up, time, sizeof(time)), text_of(info, "guest"));
}

static int print_list(const struct options *o, const json_t *list)
{
    const json_t *info;
    size_t i;
    char *text;
    int code;

    if (o->json) {
        text = json_dumps(list, JSON_INDENT(2));
        code = text != NULL ? put_output(text) : EXIT_HOST;
        free(text);
        return code == EXIT_OK ? put_output("\n") : code;
    }
    if (!o->quiet)
        printf("%-16s %8s  %-8s %-6s %4s %9s  %8s  %s\n", "NAME", "PID", "STATE", "ENGINE", "CPUS",
               "MEMORY", "UP", "GUEST");
    json_array_foreach(list, i, info)
    {
        if (o->quiet)
            printf("%s\n", text_of(info, "name"));
        else
            print_machine(info);
    }
    return put_output("");
}

int cmd_ps(const struct command *cmd, struct options *o, int argc, char **argv)
{
    json_t *list = json_array();
    int code = collect(list);

    (void)cmd, (void)argc, (void)argv;
    if (code == EXIT_OK)
        code = print_list(o, list);
    json_decref(list);
    return code;
}
