/* SPDX-License-Identifier: MIT */
/*
 * main.c - vitro-top: a running machine on a terminal
 *
 *   vitro-top NAME INTERVAL_MS [--once] [--json] [--color]
 *
 * `vitro top` starts it. A program of its own so that the one that runs guests need not load ncurses; it knows the
 * machine through its control socket only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "top/screen.h"
#include "top/view.h"

enum { EXIT_USAGE_CODE = 6, EXIT_ENGINE_CODE = 10, EXIT_HOST_CODE = 12 };
enum { PATIENCE_MS = 10000, TEXT_COLUMNS = 110, TEXT_ROWS = 60 };

struct arguments {
    const char *name;
    unsigned interval_ms;
    bool once, json, color;
};

static int fail(const struct vitro_err *err, int rc)
{
    if (err->code != 0)
        fprintf(stderr, "vitro: %s\n", err->text);
    else
        fprintf(stderr, "vitro: top: %s\n", strerror(-rc));
    switch (err->kind) {
    case VITRO_ERR_USAGE:
        return EXIT_USAGE_CODE;
    case VITRO_ERR_ENGINE:
        return EXIT_ENGINE_CODE;
    default:
        return EXIT_HOST_CODE;
    }
}

static int fail_output(void)
{
    fprintf(stderr, "vitro: top: writing to standard output: %s\n", strerror(errno));
    return EXIT_HOST_CODE;
}

static bool print_text(const struct figures *f)
{
    struct sheet *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return false;
    sheet_begin(s, TEXT_COLUMNS, TEXT_ROWS);
    view_draw(s, f);
    for (unsigned i = 0; i < s->nrows && i < s->height; i++) {
        unsigned len = s->row[i].len;

        while (len > 0 && s->row[i].text[len - 1] == ' ')
            len--;
        printf("%.*s\n", (int)len, s->row[i].text);
    }
    free(s);
    return fflush(stdout) == 0;
}

/* One object a line. */
static bool print_json(const struct figures *f)
{
    json_t *doc = figures_json(f);
    bool ok = doc != NULL && json_dumpf(doc, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 &&
              putchar('\n') != EOF && fflush(stdout) == 0;

    json_decref(doc);
    return ok;
}

/* An interval with its looks at the CPUs. */
static int pass(struct sample *s, unsigned interval_ms, struct vitro_err *err)
{
    int rc = 0;

    for (unsigned i = 0; i <= PEEKS && rc == 0; i++) {
        long ns = (long)interval_ms * 1000000 / (PEEKS + 1);

        nanosleep(&(struct timespec){ ns / 1000000000, ns % 1000000000 }, NULL);
        if (i < PEEKS)
            rc = sample_peek(s, err);
    }
    return rc < 0 ? rc : sample_take(s, err);
}

/* Not for a terminal: prints each interval's figures. */
static int print(struct sample *s, const struct arguments *a, struct vitro_err *err)
{
    struct figures *f = calloc(1, sizeof(*f));
    int rc = 0;

    if (f == NULL)
        return -ENOMEM;
    do {
        rc = pass(s, a->interval_ms, err);
        if (rc < 0)
            break;
        figures_make(f, s);
        if (!(a->json ? print_json(f) : print_text(f)))
            rc = fail_output();
    } while (rc == 0 && !a->once);
    free(f);
    return rc;
}

static int run(const struct arguments *a)
{
    bool screen = !a->once && !a->json;
    struct vitro_err err = { 0 };
    struct client *client;
    struct sample s;
    int rc;

    if (screen && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))) {
        fprintf(stderr, "vitro: top: this is not a terminal: add --once or -j\n");
        return EXIT_USAGE_CODE;
    }
    rc = client_open(a->name, PATIENCE_MS, &client, &err);
    if (rc < 0)
        return fail(&err, rc);
    rc = sample_open(&s, client, &err);
    if (rc == 0)
        rc = screen ? screen_run(&s, a->interval_ms, a->color, &err) : print(&s, a, &err);
    sample_close(&s);
    if (rc == -EPIPE) {
        fprintf(stderr, "vitro: top: %s has ended\n", a->name);
        return 0;
    }
    if (rc == -ENOTTY) {
        fprintf(stderr, "vitro: top: this terminal is not known (TERM=%s): add --once or -j\n",
                getenv("TERM") != NULL ? getenv("TERM") : "");
        return EXIT_USAGE_CODE;
    }
    return rc < 0 ? fail(&err, rc) : rc;
}

int main(int argc, char **argv)
{
    struct arguments a = { 0 };
    long ms = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

    if (argc < 3 || ms < 100 || ms > 3600000) {
        fprintf(stderr, "vitro-top: 'vitro top' starts this program\n");
        return EXIT_USAGE_CODE;
    }
    a.name = argv[1];
    a.interval_ms = (unsigned)ms;
    for (int i = 3; i < argc; i++) {
        a.once |= strcmp(argv[i], "--once") == 0;
        a.json |= strcmp(argv[i], "--json") == 0;
        a.color |= strcmp(argv[i], "--color") == 0;
    }
    return run(&a);
}
