/* SPDX-License-Identifier: MIT */
/* view.c - the views of a machine: one row each, for commands and for run --then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Operands of a view, resolved: at most an address and a number. */
struct view_args {
    const struct options *o;
    struct vitro_style style;
    uint64_t addr, count;
    struct vitro *m;
};

typedef int view_fn(const struct view_args *a, char **out, struct vitro_err *err);

static int view_map(const struct view_args *a, char **out, struct vitro_err *err)
{
    return vitro_show_map(a->m, &a->style, out, err);
}

static int view_walk(const struct view_args *a, char **out, struct vitro_err *err)
{
    if (a->o->physical)
        return vitro_show_who_maps(a->m, a->o->cpu, a->addr, &a->style, out, err);
    return vitro_show_walk(a->m, a->o->cpu, a->addr, &a->style, out, err);
}

static int view_tables(const struct view_args *a, char **out, struct vitro_err *err)
{
    return vitro_show_tables(a->m, a->o->cpu, &a->o->tables, &a->style, out, err);
}

static int view_regs(const struct view_args *a, char **out, struct vitro_err *err)
{
    if (a->o->cpuid)
        return vitro_show_cpuid(a->m, a->o->cpu, &a->style, out, err);
    return vitro_show_regs(a->m, a->o->cpu, a->o->all, &a->style, out, err);
}

static int view_devices(const struct view_args *a, char **out, struct vitro_err *err)
{
    return vitro_show_devices(a->m, a->o->all, &a->style, out, err);
}

static int view_mem(const struct view_args *a, char **out, struct vitro_err *err)
{
    return vitro_show_mem(a->m, a->o->cpu, a->addr, a->count, a->o->physical, &a->style, out, err);
}

static int view_disasm(const struct view_args *a, char **out, struct vitro_err *err)
{
    return vitro_show_disasm(a->m, a->o->cpu, a->addr, (unsigned)a->count, &a->style, out, err);
}

static int view_exits(const struct view_args *a, char **out, struct vitro_err *err)
{
    return vitro_show_exits(a->m, &a->style, out, err);
}

static int view_blocks(const struct view_args *a, char **out, struct vitro_err *err)
{
    const struct vitro_blocks_filter filter = { .from = a->o->tables.from,
                                                .to = a->o->tables.to != 0 ? a->o->tables.to
                                                                           : UINT64_MAX,
                                                .count = a->count,
                                                .listing = a->o->all };

    return vitro_show_blocks(a->m, &filter, &a->style, out, err);
}

static int view_symbols(const struct view_args *a, char **out, struct vitro_err *err)
{
    return vitro_show_symbols(a->m, &a->style, out, err);
}

static const struct view_row {
    const char *name;
    view_fn *fn;
    const char *addr; /* default address, NULL: an address must be given, "": takes none */
    uint64_t count;   /* default count; 0: takes none */
    uint64_t max_count;
    bool of_a_run; /* makes no sense before the guest has run: the command runs it */
} rows[] = {
    { "map", view_map, "", 0, 0, false },
    { "walk", view_walk, NULL, 0, 0, false },
    { "tables", view_tables, "", 0, 0, false },
    { "regs", view_regs, "", 0, 0, false },
    { "devices", view_devices, "", 0, 0, false },
    { "mem", view_mem, NULL, 128, 1u << 20, false },
    { "disasm", view_disasm, "rip", 16, 10000, false },
    { "exits", view_exits, "", 0, 0, true },
    { "symbols", view_symbols, "", 0, 0, false },
    { "blocks", view_blocks, "", 20, 100000, true },
};

static const struct view_row *find(const char *name)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static bool takes_addr(const struct view_row *row)
{
    return row->addr == NULL || *row->addr != '\0';
}

/* The operand that is a number; *count stays where there is none. */
static int take_count(const struct view_row *row, int argc, char **argv, uint64_t *count)
{
    int number = takes_addr(row); /* which operand it is */

    if (argc <= number ||
        (parse_number(argv[number], count) && *count != 0 && *count <= row->max_count))
        return EXIT_OK;
    return fail_usage("%s: %s: a number from 1 to %llu is wanted", row->name, argv[number],
                      (unsigned long long)row->max_count);
}

int view_check(const char *name, int argc, char **argv)
{
    const struct view_row *row = find(name);
    uint64_t count;

    if (row == NULL)
        return fail_usage("'%s': no such view; there are map, walk:ADDR, tables, regs, devices, "
                          "mem:ADDR:LEN, disasm:ADDR:COUNT, exits, symbols and blocks:COUNT",
                          name);
    if (argc > takes_addr(row) + (row->count != 0))
        return fail_usage("%s: too many operands", name);
    if (argc == 0 && row->addr == NULL)
        return fail_usage("%s: an address is missing", name);
    return take_count(row, argc, argv, &count);
}

int view_words(char *word, const char **name, char *args[VIEW_ARGS])
{
    int n = 0;

    *name = strsep(&word, ":");
    while (word != NULL && n < VIEW_ARGS)
        args[n++] = strsep(&word, ":");
    return n;
}

/* Turns operands into an address and a count by the row's rules. */
static int resolve(const struct view_row *row, const struct target *t, int argc, char **argv,
                   struct view_args *a)
{
    const char *word = argc > 0 ? argv[0] : row->addr;

    a->count = row->count;
    (void)take_count(row, argc, argv, &a->count); /* view_check has said that it is right */
    return takes_addr(row) ? target_addr(t, a->o, word, &a->addr) : EXIT_OK;
}

int view_make(const struct target *t, const struct options *o, const char *name, int argc,
              char **argv, char **out)
{
    const struct view_row *row = find(name);
    struct view_args a = { .o = o, .style = style_of(o), .m = t->m };
    struct vitro_err err = { 0 };
    int code = resolve(row, t, argc, argv, &a);

    if (code != EXIT_OK)
        return code;
    return row->fn(&a, out, &err) < 0 ? fail_err(&err) : EXIT_OK;
}

/* A run ended by the clock or a signal is no success, though the view of it was shown. */
static int cut_short(const struct command *cmd, const struct options *o,
                     const struct vitro_outcome *end)
{
    if (end->end != VITRO_END_TIMEOUT && end->end != VITRO_END_STOPPED)
        return EXIT_OK;
    if (!o->quiet)
        fprintf(stderr, "vitro: %s: the run was cut short: %s\n", cmd->name, end->text);
    return target_end_code(end);
}

/* exits --since: the first leg of the run, after which counting begins. */
static int run_to_mark(struct target *t, const struct options *o)
{
    struct options leg = *o;
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    bool ran;
    int code;

    if (o->since.kind == STOP_AT_NOTHING)
        return EXIT_OK;
    leg.stop_at = o->since;
    code = target_run_to(t, &leg, &end, &ran);
    if (code == EXIT_OK && vitro_mark_exits(t->m, &err) < 0)
        return fail_err(&err);
    return code;
}

int cmd_view(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct vitro_outcome end;
    char *out = NULL;
    struct target t = { 0 };
    bool ran;
    int code = view_check(cmd->name, argc - 1, argv + 1);

    if (code != EXIT_OK || remote_view(cmd, o, argc, argv, &code))
        return code;
    code = remote_no_target(cmd, o, argv[0]);
    if (code != EXIT_OK)
        return code;
    /* The view is what standard output is for; the guest's words go beside it. */
    o->machine.console_fd = o->quiet ? -1 : 2;
    if (find(cmd->name)->of_a_run && o->stop_at.kind == STOP_AT_NOTHING)
        o->stop_at.kind = STOP_AT_END;
    if (strcmp(cmd->name, "blocks") == 0)
        o->machine.translate |= VITRO_TRANSLATE_COUNT;
    code = target_open(&t, o, argv[0]);
    if (code != EXIT_OK)
        return code;
    code = run_to_mark(&t, o);
    if (code == EXIT_OK)
        code = target_run_to(&t, o, &end, &ran);
    if (code == EXIT_OK && ran)
        begin_line(t.m, o);
    if (code == EXIT_OK && ran && o->stop_at.kind != STOP_AT_END && end.end != VITRO_END_BREAK &&
        end.end != VITRO_END_COUNT && target_end_code(&end) < EXIT_TIMEOUT && !o->quiet)
        fprintf(stderr, "vitro: %s: the run ended before the point asked for: %s\n", cmd->name,
                end.text);
    if (code == EXIT_OK && o->output != NULL)
        code = symbols_write(&t, o->output);
    else if (code == EXIT_OK)
        code = view_make(&t, o, cmd->name, argc - 1, argv + 1, &out);
    if (code == EXIT_OK && out != NULL)
        code = put_output(out);
    if (code == EXIT_OK && ran)
        code = cut_short(cmd, o, &end);
    free(out);
    target_close(&t);
    return code;
}
