/* SPDX-License-Identifier: MIT */
/* trace.c - vitro trace: the events of a run as they happen, or of a run that was recorded. */
#include <stdio.h>

#include "cli.h"
#include "recorder.h"
#include "replay.h"

static enum vitro_trace_format format_of(const struct options *o)
{
    if (o->flow)
        return VITRO_TRACE_FLOW;
    return o->json && !o->trace_format_given ? VITRO_TRACE_JSONL : o->trace_format;
}

/* --insns and what narrows it down; machines are made for it. */
static int check_insns(struct options *o)
{
    if (!o->insns &&
        (o->insn_from != NULL || o->insn_filter.first != 0 || o->insn_filter.count != 0))
        return fail_usage("trace: --range, --from and --count choose instructions; add --insns");
    if (o->insns && o->flow)
        return fail_usage(
            "trace: --flow is the conversation with KVM, which knows no instructions");
    if (o->insns && o->machine.engine == VITRO_ENGINE_KVM)
        return fail_err(&(struct vitro_err){
            .kind = VITRO_ERR_ENGINE,
            .text = "trace: --insns: KVM executes many instructions at a time; take -e soft" });
    return EXIT_OK;
}

static int trace_insns(const struct target *t, struct options *o)
{
    struct vitro_err err = { 0 };
    int code = EXIT_OK;

    if (!o->insns)
        return EXIT_OK;
    if (o->insn_from != NULL)
        code = target_addr(t, o, o->insn_from, &o->insn_filter.from);
    if (code == EXIT_OK && o->insn_from != NULL)
        code = target_addr(t, o, o->insn_to, &o->insn_filter.to);
    if (code == EXIT_OK && o->insn_filter.from > o->insn_filter.to && o->insn_to != NULL)
        code = fail_usage("trace: --range %s..%s: the first address is above the second",
                          o->insn_from, o->insn_to);
    if (code == EXIT_OK && vitro_trace_insns(t->m, &o->insn_filter, &err) < 0)
        return fail_err(&err);
    return code;
}

int cmd_trace(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct recorder *rec;
    struct vitro_outcome end;
    struct target t = { 0 };
    bool ran;
    int code;

    (void)cmd;
    (void)argc;
    if (o->flow && (o->trace_format_given || o->json))
        return fail_usage("trace: --flow is a format of its own; leave --to and --json out");
    o->machine.console_fd = o->quiet ? -1 : 2;
    o->stop_at.kind = STOP_AT_END;
    code = check_insns(o);
    if (code != EXIT_OK)
        return code;
    code = recorder_open(o->output, format_of(o), o, &rec);
    if (code != EXIT_OK)
        return code;
    if (replay_is(argv[0]))
        return recorder_close(rec, replay_file(argv[0], rec));
    code = target_open(&t, o, argv[0]);
    if (code == EXIT_OK) {
        code = trace_insns(&t, o);
        if (code == EXIT_OK)
            code = target_run_to(&t, o, &end, &ran);
        if (code == EXIT_OK && (end.end == VITRO_END_TIMEOUT || end.end == VITRO_END_STOPPED)) {
            fprintf(stderr, "vitro: trace: the run was cut short: %s\n", end.text);
            code = target_end_code(&end);
        }
        target_close(&t);
    }
    return recorder_close(rec, code);
}
