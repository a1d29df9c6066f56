/* SPDX-License-Identifier: MIT */
/* run.c - vitro run: sets up and runs; run_report.c reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"
#include "page.h"
#include "ctl/ctl.h"
#include "recorder.h"

enum { CHECKPOINT_MIB = 256 };

/* Where the run stops before it changes engines, it never would. */
static int check_switch(const struct options *o)
{
    const struct stop_spec *stop = &o->stop_at, *change = &o->switch_at;

    if ((change->exits != 0 && stop->exits != 0 && stop->exits <= change->exits) ||
        (change->insns != 0 && stop->insns != 0 && stop->insns <= change->insns))
        return fail_usage("run: --stop-at comes before --switch");
    return EXIT_OK;
}

/* Mistakes in --then are found before the guest runs, and an engine is taken that can show what is asked for. */
static int check_then(struct options *o)
{
    char *copy = o->then != NULL ? strdup(o->then) : NULL, *rest = copy;
    int code = EXIT_OK;

    if (o->then != NULL && copy == NULL)
        return fail_err(&(struct vitro_err){ .text = "looking at --then: out of memory" });
    while (rest != NULL && code == EXIT_OK) {
        char *args[VIEW_ARGS];
        const char *name;
        int n = view_words(strsep(&rest, ","), &name, args);

        code = view_check(name, n, args);
        if (strcmp(name, "blocks") == 0 && o->machine.engine == VITRO_ENGINE_AUTO)
            o->machine.translate |= VITRO_TRANSLATE_SHOW;
    }
    free(copy);
    return code;
}

/* Before the run: what it is and what it gets. */
static void say_found(const struct target *t, const struct options *o)
{
    const char *found = vitro_guest_found(t->guest);

    fprintf(stderr, "vitro: %s: found: %s%s%s\n", vitro_guest_name(t->guest),
            vitro_guest_kind(t->guest), *found != '\0' ? ", " : "", found);
    fprintf(stderr, "vitro: %s: %u CPU%s, %s\n", vitro_guest_name(t->guest), run_cpus(o),
            run_cpus(o) == 1 ? "" : "s", vitro_engine_why(t->m));
}

/* The machine's output goes past it from the first byte; nobody can connect yet. */
static int open_control(struct target *t, struct options *o)
{
    const struct ctl_config cfg = { .name = o->machine.name,
                                    .paused = o->gdb_wait || o->page,
                                    .exit_code = target_end_code };
    struct vitro_err err = { 0 };

    if (ctl_new(&cfg, &t->ctl, &err) < 0)
        return fail_err(&err);
    o->machine.output = ctl_output;
    o->machine.output_ctx = t->ctl;
    return EXIT_OK;
}

/*
 * A name that was asked for is had before the guest runs; only that it is taken is an error. For a debugger any
 * name is wanted, since its server comes by it.
 */
static int claim_name(const struct target *t, const struct options *o)
{
    struct vitro_err err = { 0 };

    if (o->machine.name == NULL && !o->gdb)
        return EXIT_OK;
    if (ctl_open(t->ctl, &err) < 0 && (err.kind == VITRO_ERR_USAGE || o->gdb))
        return fail_err(&err);
    return o->gdb ? gdb_beside(o, ctl_name(t->ctl)) : EXIT_OK;
}

/* Mistakes that show before anything is opened, and what follows from the options. */
static int prepare(struct options *o)
{
    int code = check_then(o);

    if (code == EXIT_OK && o->trace_format_given && o->trace_file == NULL)
        code = fail_usage("run: --to is the format of --trace FILE, which is missing");
    if (code == EXIT_OK)
        code = check_switch(o);
    o->console = true;
    o->machine.deterministic |= o->rewind_on_fault;
    if (o->machine.deterministic && !o->checkpoints_given)
        o->machine.checkpoint_bytes = (uint64_t)CHECKPOINT_MIB << 20;
    if (o->stop_at.kind == STOP_AT_NOTHING)
        o->stop_at.kind = STOP_AT_END;
    return code;
}

/* Where the guest's output goes: never between the events of a trace. */
static int place_output(struct options *o, struct kept *kept)
{
    if (o->json) {
        o->machine.console_fd = kept->console = run_keep_output();
        if (kept->console < 0)
            return fail_err(&(struct vitro_err){
                .text = "keeping the guest's output: the host gives no memory file" });
    } else if (o->machine.screen && screen_has_terminal(o)) {
        o->machine.console_fd = -1;
    } else if (o->trace_file != NULL && strcmp(o->trace_file, "-") == 0) {
        o->machine.console_fd = STDERR_FILENO;
    }
    return EXIT_OK;
}

/* The run itself, with all that goes on beside it; t is open. */
static int run_target(struct target *t, struct options *o, const struct kept *kept)
{
    struct vitro_outcome end;
    pid_t page = 0;
    bool ran;
    int code;

    if (o->verbose)
        say_found(t, o);
    code = claim_name(t, o);
    if (code == EXIT_OK)
        code = page_open(t, o, &page);
    boot_times_begin(kept->boot);
    if (code == EXIT_OK)
        code = target_run_to(t, o, &end, &ran);
    if (code == EXIT_OK && o->rewind_on_fault)
        code = rewind_prompt(t, o, &end);
    boot_times_end(kept->boot);
    page_close(page);
    ctl_close(t->ctl);
    if (o->verbose) {
        begin_line(t->m, o);
        fprintf(stderr, "vitro: run: %s\n", ctl_where(t->ctl));
    }
    return code == EXIT_OK ? run_finish(t, o, &end, kept) : code;
}

int cmd_run(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct kept kept = { .console = -1 };
    struct recorder *rec = NULL;
    struct target t = { 0 };
    int code = prepare(o);

    (void)cmd, (void)argc;
    if (code == EXIT_OK)
        code = place_output(o, &kept);
    if (code == EXIT_OK && o->trace_file != NULL)
        code = recorder_open(o->trace_file, o->trace_format, o, &rec);
    if (code == EXIT_OK)
        code = hashes_open(o, &kept.hashes);
    if (code == EXIT_OK)
        code = open_control(&t, o);
    if (code == EXIT_OK)
        code = boot_times_open(o, &kept.boot);
    if (code == EXIT_OK)
        code = target_open(&t, o, argv[0]);
    if (code == EXIT_OK) {
        hashes_machine(kept.hashes, t.m);
        code = run_target(&t, o, &kept);
        target_close(&t);
    }
    ctl_free(t.ctl);
    code = recorder_close(rec, code);
    hashes_close(kept.hashes);
    boot_times_close(kept.boot);
    if (kept.console >= 0)
        close(kept.console);
    return code;
}
