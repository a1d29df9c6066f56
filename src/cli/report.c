/* SPDX-License-Identifier: MIT */
/* report.c - errors to standard error, text to standard output, and the codes of both. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static bool same_terminal(int fd, int other)
{
    struct stat a, b;

    return isatty(fd) && fstat(fd, &a) == 0 && fstat(other, &b) == 0 && S_ISCHR(b.st_mode) &&
           a.st_rdev == b.st_rdev;
}

void begin_line(struct vitro *m, const struct options *o)
{
    int fd = o->machine.console_fd != 0 ? o->machine.console_fd : STDOUT_FILENO;

    fflush(stdout);
    if (same_terminal(fd, STDERR_FILENO) && vitro_begin_line(m))
        fputc('\n', stderr);
}

/* One line whatever file names and words of the user's are in it. */
static void complain(const char *text)
{
    fflush(stdout);
    fputs("vitro: ", stderr);
    for (; *text != '\0'; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stderr);
    fputc('\n', stderr);
}

int fail_err(const struct vitro_err *err)
{
    static const int codes[] = {
        [VITRO_ERR_HOST] = EXIT_HOST,
        [VITRO_ERR_USAGE] = EXIT_USAGE,
        [VITRO_ERR_IMAGE] = EXIT_IMAGE,
        [VITRO_ERR_ENGINE] = EXIT_ENGINE,
    };

    complain(err->text);
    return codes[err->kind];
}

int fail_usage(const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    complain(text);
    return EXIT_USAGE;
}

int fail_image(const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    complain(text);
    return EXIT_IMAGE;
}

int put_output(const char *text)
{
    if (fputs(text, stdout) < 0 || fflush(stdout) == EOF) {
        fprintf(stderr, "vitro: writing to standard output: %s\n", strerror(errno));
        return EXIT_HOST;
    }
    return EXIT_OK;
}

struct vitro_style style_of(const struct options *o)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;

    return (struct vitro_style){
        .format = o->json ? VITRO_JSON : VITRO_TEXT,
        .color = !o->no_color && (no_color == NULL || *no_color == '\0') && !dumb &&
                 isatty(STDOUT_FILENO),
    };
}
