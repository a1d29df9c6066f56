/* SPDX-License-Identifier: MIT */
/* remote.c - views of a running machine: the same words and options, answered by the machine itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "ctl/client.h"
#include "ctl/place.h"

enum { PATIENCE_MS = 60000 };

/* What a view's method takes. */
static const struct remote_view {
    const char *name;
    bool addr, cpu, all;
    const char *count; /* parameter of the second operand; NULL: takes none */
} views[] = {
    { "map", false, false, false, NULL },     { "walk", true, true, false, NULL },
    { "tables", false, true, false, NULL },   { "regs", false, true, true, NULL },
    { "devices", false, false, true, NULL },  { "mem", true, true, false, "len" },
    { "disasm", true, true, false, "count" }, { "exits", false, false, false, NULL },
    { "symbols", false, false, false, NULL }, { "blocks", false, false, true, "count" },
};

static const struct remote_view *find(const char *name)
{
    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
        if (strcmp(views[i].name, name) == 0)
            return &views[i];
    }
    return NULL;
}

static json_t *hex(uint64_t v)
{
    return json_sprintf("0x%llx", (unsigned long long)v);
}

/* Numbers as the command line writes them (4K); other words are the machine's to look up. */
static json_t *address(const char *word)
{
    uint64_t addr;

    return parse_number(word, &addr) ? hex(addr) : json_string(word);
}

static void put_flag(json_t *params, const char *name, bool on)
{
    if (on)
        json_object_set_new(params, name, json_true());
}

static void put_range(json_t *params, const struct vitro_tables_filter *f)
{
    json_object_set_new(params, "from", hex(f->from));
    if (f->to != 0)
        json_object_set_new(params, "to", hex(f->to));
}

static void put_filter(json_t *params, const struct vitro_tables_filter *f)
{
    put_flag(params, "writable", f->writable);
    put_flag(params, "executable", f->executable);
    put_flag(params, "user", f->user);
    json_object_set_new(params, "from", hex(f->from));
    json_object_set_new(params, "to", hex(f->to));
}

/* NULL with *code when an operand is none. */
static json_t *params_of(const struct remote_view *v, const struct options *o, int argc,
                         char **argv, int *code)
{
    const struct vitro_style style = style_of(o);
    json_t *params = json_pack("{s:s}", "format", o->json || o->output != NULL ? "json" : "text");
    uint64_t count;

    *code = EXIT_OK;
    put_flag(params, "color", style.color && !o->json);
    if (v->addr && argc > 0)
        json_object_set_new(params, "addr", address(argv[0]));
    if (v->cpu)
        json_object_set_new(params, "cpu", json_integer((json_int_t)o->cpu));
    put_flag(params, "all", v->all && o->all);
    put_flag(params, "physical", v->count != NULL && o->physical);
    if (strcmp(v->name, "tables") == 0)
        put_filter(params, &o->tables);
    if (strcmp(v->name, "blocks") == 0)
        put_range(params, &o->tables);
    if (argc > v->addr && v->count != NULL && parse_number(argv[v->addr], &count))
        json_object_set_new(params, v->count, hex(count));
    else if (argc > v->addr)
        *code = fail_usage("%s: %s: a number is wanted", v->name, argv[v->addr]);
    return params;
}

/* The method's name differs where an option makes another view of it. */
static const char *method_of(const struct remote_view *v, const struct options *o)
{
    if (strcmp(v->name, "walk") == 0 && o->physical)
        return "who_maps";
    return o->cpuid ? "cpuid" : v->name;
}

static int print(const struct options *o, const json_t *result)
{
    char *text;
    int code;

    if (!o->json) {
        const char *words = json_string_value(json_object_get(result, "text"));

        return put_output(words != NULL ? words : "");
    }
    text = json_dumps(result, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    code = text != NULL ? put_output(text) : EXIT_HOST;
    free(text);
    return code == EXIT_OK ? put_output("\n") : code;
}

static bool is_guest(const char *name)
{
    struct vitro_builtin b;

    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        if (strcmp(b.name, name) == 0)
            return true;
    }
    return access(name, F_OK) == 0;
}

/* A machine may have the name of a guest that it does not run. */
static void say_which(struct client *c, const struct options *o, const char *name)
{
    json_t *info = NULL;
    const char *guest;

    if (o->quiet || !is_guest(name) || client_call(c, "info", NULL, &info, NULL) < 0)
        return;
    guest = json_string_value(json_object_get(info, "guest"));
    if (guest != NULL && strcmp(guest, name) != 0)
        fprintf(stderr,
                "vitro: %s: this is the running machine of that name, which runs %s; for the guest "
                "%s add an option that sets it up, such as -e auto\n",
                name, guest, name);
    json_decref(info);
}

/* What -o is for. */
static bool writes_file(const struct remote_view *v)
{
    return strcmp(v->name, "symbols") == 0;
}

bool remote_wanted(const struct options *o, const char *name)
{
    return !o->guest_given && o->stop_at.kind == STOP_AT_NOTHING &&
           o->since.kind == STOP_AT_NOTHING && o->timeout_ns == 0 && place_name_valid(name);
}

int remote_no_target(const struct command *cmd, const struct options *o, const char *name)
{
    struct client *c;

    if (!place_name_valid(name) || is_guest(name))
        return EXIT_OK;
    if (remote_wanted(o, name) || client_open(name, PATIENCE_MS, &c, NULL) < 0)
        return fail_usage("%s: %s: neither a machine that runs ('vitro ps'), a built-in guest "
                          "('vitro guests') nor a file here",
                          cmd->name, name);
    client_close(c);
    return fail_usage(
        "%s: %s: the machine of that name is looked at as it is: leave out what sets a "
        "guest up or runs it to a place",
        cmd->name, name);
}

bool remote_view(const struct command *cmd, const struct options *o, int argc, char **argv,
                 int *code)
{
    const struct remote_view *v = find(cmd->name);
    struct vitro_err err = { 0 };
    json_t *params, *result = NULL;
    struct client *c;

    if (v == NULL || (o->output != NULL && !writes_file(v)) || !remote_wanted(o, argv[0]) ||
        client_open(argv[0], PATIENCE_MS, &c, NULL) < 0)
        return false;
    say_which(c, o, argv[0]);
    params = params_of(v, o, argc - 1, argv + 1, code);
    if (*code != EXIT_OK)
        json_decref(params);
    else if (client_call(c, method_of(v, o), params, &result, &err) < 0)
        *code = fail_err(&err);
    else
        *code = o->output != NULL ? symbols_write_list(result, o->output) : print(o, result);
    json_decref(result);
    client_close(c);
    return true;
}
