/* SPDX-License-Identifier: MIT */
/* trace.c - vitro trace: the events of a run, as they happen. */
#include <stdio.h>

#include "cli.h"
#include "recorder.h"

static enum vitro_trace_format format_of(const struct options *o)
{
    if (o->flow)
        return VITRO_TRACE_FLOW;
    return o->json && !o->trace_format_given ? VITRO_TRACE_JSONL : o->trace_format;
}

int cmd_trace(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct recorder *rec;
    struct vitro_outcome end;
    struct target t;
    bool ran;
    int code;

    (void)cmd;
    (void)argc;
    if (o->flow && (o->trace_format_given || o->json))
        return fail_usage("trace: --flow is a format of its own; leave --to and --json out");
    o->machine.console_fd = o->quiet ? -1 : 2;
    o->stop_at.kind = STOP_AT_END;
    code = recorder_open(o->output, format_of(o), o, &rec);
    if (code != EXIT_OK)
        return code;
    code = target_open(&t, o, argv[0]);
    if (code == EXIT_OK) {
        code = target_run_to(&t, o, &end, &ran);
        if (code == EXIT_OK && (end.end == VITRO_END_TIMEOUT || end.end == VITRO_END_STOPPED)) {
            fprintf(stderr, "vitro: trace: the run was cut short: %s\n", end.text);
            code = target_end_code(&end);
        }
        target_close(&t);
    }
    return recorder_close(rec, code);
}
