/* SPDX-License-Identifier: MIT */
/*
 * options.c - parsing, --help and completion, made of the one table of options (options_rows.c)
 */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { LONG_BASE = 256, WIDTH = 79, HELP_AT = 28 /* column of what an option does */ };

static bool applies(const struct option_row *r, const struct command *cmd)
{
    return r->groups == 0 || (r->groups & cmd->options) != 0;
}

int word_index(const char *const *words, size_t n, const char *arg)
{
    for (size_t i = 0; i < n; i++) {
        if (words[i] != NULL && strcmp(arg, words[i]) == 0)
            return (int)i;
    }
    return -1;
}

/* getopt's own tables; val is LONG_BASE + the row. */
static void getopt_tables(const struct command *cmd, struct option *longs, char *shorts)
{
    *shorts++ = ':';
    for (int i = 0; i < noption_rows; i++) {
        int takes = option_rows[i].arg == NULL     ? no_argument
                    : option_rows[i].arg[0] == '[' ? optional_argument
                                                   : required_argument;

        if (!applies(&option_rows[i], cmd))
            continue;
        *longs++ = (struct option){ option_rows[i].name, takes, NULL, LONG_BASE + i };
        if (option_rows[i].letter != 0) {
            *shorts++ = option_rows[i].letter;
            if (takes == required_argument)
                *shorts++ = ':';
        }
    }
    *longs = (struct option){ 0 };
    *shorts = '\0';
}

static const struct option_row *row_of(const struct command *cmd, int val)
{
    if (val >= LONG_BASE)
        return &option_rows[val - LONG_BASE];
    for (int i = 0; i < noption_rows; i++) {
        if (option_rows[i].letter == val && applies(&option_rows[i], cmd))
            return &option_rows[i];
    }
    return NULL;
}

/* What getopt did not like, in one line. */
static int bad_option(const struct command *cmd, int val, char **argv)
{
    const struct option_row *r = optopt != 0 ? row_of(cmd, optopt) : NULL;

    if (val == ':' && r != NULL)
        return fail_usage("%s: --%s wants a value: %s; see 'vitro %s --help'", cmd->name, r->name,
                          r->arg, cmd->name);
    if (r != NULL)
        return fail_usage("%s: --%s takes no value; see 'vitro %s --help'", cmd->name, r->name,
                          cmd->name);
    if (optopt != 0)
        return fail_usage("%s: -%c: no such option here; see 'vitro %s --help'", cmd->name, optopt,
                          cmd->name);
    return fail_usage("%s: %s: no such option here; see 'vitro %s --help'", cmd->name,
                      argv[optind - 1], cmd->name);
}

/* --cpu with a number is a view's. */
static bool names_view_cpu(const struct options *o, const struct option_row *r)
{
    return o->cpu_given && strcmp(r->name, "cpu") == 0;
}

int options_parse(const struct command *cmd, struct options *o, int *argc, char ***argv)
{
    struct option longs[OPTION_ROWS_MAX + 1];
    char shorts[2 * OPTION_ROWS_MAX + 2];
    char **args = *argv - 1; /* getopt skips the first: the command's name */
    int n = *argc + 1, val;

    getopt_tables(cmd, longs, shorts);
    opterr = 0;
    while ((val = getopt_long(n, args, shorts, longs, NULL)) != -1) {
        const struct option_row *r = val == '?' || val == ':' ? NULL : row_of(cmd, val);
        const char *wrong;

        if (r == NULL)
            return bad_option(cmd, val, args);
        wrong = r->set(o, optarg);
        o->guest_given |= (r->groups & FOR_GUEST) != 0 && !names_view_cpu(o, r);
        if (wrong != NULL)
            return fail_usage("%s: --%s %s: %s", cmd->name, r->name, optarg != NULL ? optarg : "",
                              wrong);
    }
    *argc = n - optind;
    *argv = args + optind;
    return EXIT_OK;
}

void put_wrapped(const char *text, int indent)
{
    int at = indent;

    while (*text != '\0') {
        int len = (int)strcspn(text, " ");

        if (at > indent && at + 1 + len > WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
        }
        at += printf("%s%.*s", at > indent ? " " : "", len, text);
        text += len;
        text += strspn(text, " ");
    }
    printf("\n");
}

void options_help(const struct command *cmd)
{
    printf("usage: vitro %s%s%s%s\n\n", cmd->name, cmd->options != 0 ? " [OPTION ...]" : "",
           *cmd->args != '\0' ? " " : "", cmd->args);
    put_wrapped(cmd->summary, 0);
    printf("\n");
    put_wrapped(cmd->details, 0);
    printf("\noptions:\n");
    for (int i = 0; i < noption_rows; i++) {
        char left[64];

        if (!applies(&option_rows[i], cmd))
            continue;
        snprintf(left, sizeof(left), "%s%c%s --%s%s%s", option_rows[i].letter ? "-" : " ",
                 option_rows[i].letter ? option_rows[i].letter : ' ',
                 option_rows[i].letter ? "," : " ", option_rows[i].name,
                 option_rows[i].arg != NULL && option_rows[i].arg[0] != '[' ? " " : "",
                 option_rows[i].arg != NULL ? option_rows[i].arg : "");
        if (strlen(left) < HELP_AT - 3)
            printf("  %-*s", HELP_AT - 2, left);
        else
            printf("  %s\n%*s", left, HELP_AT, "");
        put_wrapped(option_rows[i].help, HELP_AT);
    }
}

void options_list(const struct command *cmd)
{
    for (int i = 0; i < noption_rows; i++) {
        if (applies(&option_rows[i], cmd))
            printf("--%s\n", option_rows[i].name);
    }
}
