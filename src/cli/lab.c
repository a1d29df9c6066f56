/* SPDX-License-Identifier: MIT */
/* lab.c - vitro lab: runs a lab file, and compares what comes out with what should. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ctl/rpc.h"
#include "lab.h"

/* A whole file, at most max bytes and a NUL; NULL with *code when it cannot be read. The caller's to free(). */
static char *read_file(const char *path, const char *what, size_t max, size_t *len, int *code)
{
    FILE *f = fopen(path, "re");
    char *text = malloc(max + 2);

    *code = EXIT_OK;
    *len = f != NULL && text != NULL ? fread(text, 1, max + 1, f) : 0;
    if (f == NULL || text == NULL || ferror(f))
        *code = fail_image("%s %s: %s", what, path, strerror(errno));
    else if (*len > max)
        *code = fail_image("%s %s: more than %zu bytes", what, path, max);
    if (f != NULL)
        fclose(f);
    if (*code == EXIT_OK) {
        text[*len] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

static int read_plan(const char *path, enum vitro_engine engine, struct lab_plan *plan)
{
    const char *slash = strrchr(path, '/');
    struct vitro_err err = { 0 };
    char folder[LAB_PATH_MAX];
    char *text;
    size_t len;
    int code;

    *plan = (struct lab_plan){ 0 };
    if ((slash != NULL ? (size_t)(slash - path) : 0) >= sizeof(folder))
        return fail_usage("lab file %s: the path is too long", path);
    snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
    text = read_file(path, "lab file", LAB_FILE_MAX, &len, &code);
    if (text == NULL)
        return code;
    if (lab_parse(text, len, slash == path ? "/" : folder, engine, plan, &err) < 0)
        code = fail_err(&err);
    free(text);
    if (code != EXIT_OK || plan->schedule_file[0] == '\0')
        return code;
    text = read_file(plan->schedule_file, "schedule", LAB_FILE_MAX, &len, &code);
    if (text != NULL && lab_parse_schedule(text, len, plan, &err) < 0)
        code = fail_err(&err);
    free(text);
    return code;
}

/* ---- what comes out -------------------------------------------------------------------------- */

static void put_report(const struct lab_plan *plan, const struct lab_result *res, FILE *out)
{
    for (unsigned i = 0; i < plan->nmachines; i++) {
        const struct lab_fate *f = &res->fate[i];

        fprintf(out, "%s %s: %" PRIu64 " exit%s", plan->machine[i].name, lab_end_name(f), f->exits,
                f->exits == 1 ? "" : "s");
        if (f->insns != 0)
            fprintf(out, ", %" PRIu64 " instruction%s", f->insns, f->insns == 1 ? "" : "s");
        fprintf(out, ", %" PRIu64 " turn%s", f->turns, f->turns == 1 ? "" : "s");
        if (f->ended && f->end == VITRO_END_GUEST_EXIT)
            fprintf(out, ", code %" PRIu32, f->code);
        fputc('\n', out);
    }
    if (res->cut)
        fprintf(out, "ended after %" PRIu64 " turns by the limit\n", res->turns);
    if (res->stopped)
        fprintf(out, "stopped in turn %" PRIu64 "\n", res->turns);
}

/* What the machines put out: any bytes. */
struct text {
    char *at;
    size_t len;
};

static int put_text(const struct text *t)
{
    if (fwrite(t->at, 1, t->len, stdout) < t->len) {
        fprintf(stderr, "vitro: writing to standard output: %s\n", strerror(errno));
        return EXIT_HOST;
    }
    return put_output("");
}

/* A path need not be UTF-8. */
static json_t *json_path(const char *path)
{
    json_t *string = json_string(path);

    return string != NULL ? string : rpc_latin1(path, strlen(path));
}

static int put_json(const struct lab_plan *plan, const struct lab_result *res,
                    const struct text *output)
{
    json_t *list = json_array(), *doc;
    char *text;
    int code;

    for (unsigned i = 0; i < plan->nmachines; i++) {
        const struct lab_fate *f = &res->fate[i];

        json_array_append_new(
            list, json_pack("{s:s, s:o, s:s, s:I, s:I, s:I}", "name", plan->machine[i].name,
                            "guest", json_path(plan->machine[i].guest), "end", lab_end_name(f),
                            "exits", (json_int_t)f->exits, "instructions", (json_int_t)f->insns,
                            "turns", (json_int_t)f->turns));
    }
    doc = json_pack("{s:o, s:I, s:b, s:b, s:o}", "machines", list, "turns", (json_int_t)res->turns,
                    "cut", res->cut, "stopped", res->stopped, "output",
                    rpc_latin1(output->at, output->len));
    text = doc != NULL ? json_dumps(doc, JSON_INDENT(2)) : NULL;
    json_decref(doc);
    code = text != NULL ? put_output(text) : EXIT_HOST;
    free(text);
    return code == EXIT_OK ? put_output("\n") : code;
}

/* ---- what should come out -------------------------------------------------------------------- */

/* Takes the first line off a text; at is NULL at the end. Its newline does not count. */
static struct text next_line(struct text *rest)
{
    struct text line = { .at = rest->len > 0 ? rest->at : NULL, .len = rest->len };
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;

    if (end != NULL)
        line.len = (size_t)(end - rest->at);
    rest->at += line.len + (end != NULL);
    rest->len -= line.len + (end != NULL);
    return line;
}

/* Escaped: so that nothing acts on the terminal, and what differs can be seen. */
static void put_side(const char *side, const struct text *line)
{
    printf("  %-9s ", side);
    for (size_t i = 0; i < line->len; i++) {
        unsigned char c = (unsigned char)line->at[i];

        printf(c >= ' ' && c <= '~' ? "%c" : "\\x%02x", c);
    }
    puts(line->at != NULL ? "" : "(nothing)");
}

/* What differs, and how the machines fared: a triple fault explains a lot. */
static int differs(const struct lab_plan *plan, const struct lab_result *res, unsigned line)
{
    fputs("The machines:\n", stdout);
    put_report(plan, res, stdout);
    fprintf(stderr, "vitro: line %u of the output is not that of %s\n", line, plan->expect);
    return put_output("") == EXIT_OK ? EXIT_DIFFERS : EXIT_HOST;
}

static int compare(const struct lab_plan *plan, const struct lab_result *res, struct text got)
{
    int code;
    size_t len;
    char *file = read_file(plan->expect, "expected output", LAB_OUTPUT_MAX, &len, &code);
    struct text want = { .at = file, .len = len };

    if (file == NULL)
        return code;
    for (unsigned n = 1; want.len + got.len > 0; n++) {
        const struct text w = next_line(&want), g = next_line(&got);

        if (w.at == NULL || g.at == NULL || w.len != g.len || memcmp(w.at, g.at, w.len) != 0) {
            put_side("expected:", &w);
            put_side("got:", &g);
            free(file);
            return differs(plan, res, n);
        }
    }
    free(file);
    return put_output("The output is as expected.\n");
}

/* ---- the command ----------------------------------------------------------------------------- */

static int show(const struct options *o, const struct lab_plan *plan, const struct lab_result *res,
                const struct text *output)
{
    int code;

    if (o->check && !res->stopped)
        return compare(plan, res, *output);
    code = o->json ? put_json(plan, res, output) : put_text(output);
    return code == EXIT_OK && res->stopped ? EXIT_STOPPED : code;
}

/* Output, turns (-v) and report, in the order of the run and while it goes on. */
static int run_live(const struct options *o, const struct lab_plan *plan)
{
    struct vitro_err err = { 0 };
    struct lab_result res;
    int code;

    if (lab_run(plan, stdout, o->verbose ? stdout : NULL, &res, &err) < 0)
        return fail_err(&err);
    if (!o->quiet)
        put_report(plan, &res, stdout);
    code = put_output("");
    return code == EXIT_OK && res.stopped ? EXIT_STOPPED : code;
}

/* The output as one text: to be compared, or as a part of JSON. */
static int run_plan(const struct options *o, const struct lab_plan *plan)
{
    struct vitro_err err = { 0 };
    struct lab_result res;
    struct text text = { 0 };
    FILE *out = open_memstream(&text.at, &text.len);
    int code = EXIT_OK;

    if (out == NULL)
        return fail_usage("lab: %s", strerror(errno));
    if (lab_run(plan, out, o->verbose ? out : NULL, &res, &err) < 0)
        code = fail_err(&err);
    if (fclose(out) != 0)
        code = EXIT_HOST;
    if (code == EXIT_OK)
        code = show(o, plan, &res, &text);
    free(text.at);
    return code;
}

int cmd_lab(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct lab_plan plan;
    int code = read_plan(argv[0], o->machine.engine, &plan);

    (void)cmd, (void)argc;
    if (code == EXIT_OK && o->check && plan.expect[0] == '\0')
        code = fail_usage("lab file %s has no 'expect FILE': nothing to check against", argv[0]);
    if (code == EXIT_OK)
        code = o->json || o->check ? run_plan(o, &plan) : run_live(o, &plan);
    lab_plan_fini(&plan);
    return code;
}
