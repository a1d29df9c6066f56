/* SPDX-License-Identifier: MIT */
/*
 * options_run.c - setters of the options of runs and views: where to stop, what to show, who may look on
 */
#include <string.h>

#include "cli/options.h"

/* ADDR, exit:N, insn:N, end. */
static const char *parse_place(struct stop_spec *out, const char *arg)
{
    uint64_t n;

    if (strcmp(arg, "end") == 0) {
        *out = (struct stop_spec){ .kind = STOP_AT_END };
        return NULL;
    }
    if (strncmp(arg, "exit:", 5) == 0 || strncmp(arg, "insn:", 5) == 0) {
        bool exits = arg[0] == 'e';

        if (!parse_number(arg + 5, &n) || n == 0)
            return "exit:N and insn:N take a number from 1";
        *out = (struct stop_spec){ .kind = STOP_AT_COUNT,
                                   .exits = exits ? n : 0,
                                   .insns = exits ? 0 : n };
        return NULL;
    }
    *out = (struct stop_spec){ .kind = STOP_AT_ADDR, .addr = arg };
    return NULL;
}

const char *set_stop_at(struct options *o, char *arg)
{
    return parse_place(&o->stop_at, arg);
}

const char *set_since(struct options *o, char *arg)
{
    return parse_place(&o->since, arg);
}

const char *set_switch(struct options *o, char *arg)
{
    const char *wrong = parse_place(&o->switch_at, arg);

    return wrong == NULL && o->switch_at.kind != STOP_AT_COUNT ? "exit:N or insn:N is wanted"
                                                               : wrong;
}

const char *set_watch(struct options *o, char *arg)
{
    return watchpoints_add(o, arg);
}

/* Two words, with ".." or '-' between them: cut in place. NULL: there are not two. */
static char *cut_range(char *arg)
{
    char *between = strstr(arg, ".."), *second;

    second = between != NULL ? between + 2 : NULL;
    if (between == NULL) {
        between = strchr(arg, '-');
        second = between != NULL ? between + 1 : NULL;
    }
    if (between == NULL || between == arg || *second == '\0')
        return NULL;
    *between = '\0';
    return second;
}

const char *set_range(struct options *o, char *arg)
{
    char *to = cut_range(arg);

    if (to == NULL || !parse_number(arg, &o->tables.from) || !parse_number(to, &o->tables.to) ||
        o->tables.from > o->tables.to)
        return "FROM-TO is wanted, such as 0x0-0x1fffff";
    return NULL;
}

const char *set_insn_range(struct options *o, char *arg)
{
    o->insn_from = arg;
    o->insn_to = cut_range(arg);
    return o->insn_to != NULL ? NULL : "A..B is wanted, two addresses or symbols";
}

const char *set_insn_from(struct options *o, char *arg)
{
    if (strncmp(arg, "insn:", 5) != 0 || !parse_number(arg + 5, &o->insn_filter.first) ||
        o->insn_filter.first == 0)
        return "insn:N is wanted, with a number from 1";
    o->insn_filter.first--;
    return NULL;
}

const char *set_insn_count(struct options *o, char *arg)
{
    if (!parse_number(arg, &o->insn_filter.count) || o->insn_filter.count == 0)
        return "a number from 1 is wanted";
    return NULL;
}

const char *set_timeout(struct options *o, char *arg)
{
    return parse_seconds(arg, &o->timeout_ns) ? NULL : "seconds such as 2 or 0.5, or 200ms";
}

const char *set_grace(struct options *o, char *arg)
{
    return parse_seconds(arg, &o->grace_ns) && o->grace_ns <= UINT64_C(3600000000000)
               ? NULL
               : "a time is wanted: 5, 0.5, 200ms, an hour at most";
}

const char *set_interval(struct options *o, char *arg)
{
    return parse_seconds(arg, &o->interval_ns) && o->interval_ns >= 100000000 &&
                   o->interval_ns <= UINT64_C(3600000000000)
               ? NULL
               : "a time is wanted: 1, 0.5, 200ms; from 0.1 to 3600";
}

const char *set_port(struct options *o, char *arg)
{
    uint64_t port;

    if (!parse_number(arg, &port) || port > 65535)
        return "a port is wanted, 0 to 65535";
    o->gdb_port = (unsigned)port;
    o->gdb_port_given = o->gdb = true;
    return NULL;
}

const char *set_page_port(struct options *o, char *arg)
{
    uint64_t n;

    if (!parse_number(arg, &n) || n > 65535)
        return "a port from 1 to 65535 is wanted; 0: any that is free";
    o->port = (unsigned)n;
    return NULL;
}

const char *set_save(struct options *o, char *arg)
{
    o->save = arg;
    return *arg != '\0' ? NULL : "a file's name is wanted";
}

const char *set_gdb_wait(struct options *o, char *arg)
{
    (void)arg;
    o->gdb = o->gdb_wait = true;
    return NULL;
}

const char *set_trace_format(struct options *o, char *arg)
{
    static const char *const words[] = {
        [VITRO_TRACE_TEXT] = "text",
        [VITRO_TRACE_JSONL] = "jsonl",
        [VITRO_TRACE_CHROME] = "chrome",
    };
    int i = word_index(words, sizeof(words) / sizeof(words[0]), arg);

    if (i < 0)
        return "formats are text, jsonl and chrome";
    o->trace_format = (enum vitro_trace_format)i;
    o->trace_format_given = true;
    return NULL;
}
