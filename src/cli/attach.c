/* SPDX-License-Identifier: MIT */
/*
 * attach.c - vitro console: the serial line of a machine that runs elsewhere
 *
 * One connection for what the guest puts out, read by the main thread; one for what is typed, used by the
 * console's thread.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli.h"
#include "ctl/client.h"
#include "ctl/signals.h"

enum { PATIENCE_MS = 60000, LAST_BYTES = 2000 };

struct attached {
    const char *name;
    struct client *out, *in; /* what it prints, what is typed */
    struct console *console; /* NULL: it has no serial line */
    int leave_fd, signal_fd;
    bool lost; /* standard output is gone */
};

/* ---- typing, on the console's thread ---------------------------------------------------------- */

/* Bytes as code points. */
static json_t *latin1(const unsigned char *bytes, size_t len)
{
    char *utf8 = malloc(2 * len + 1);
    json_t *text;
    size_t n = 0;

    for (size_t i = 0; utf8 != NULL && i < len; i++) {
        if (bytes[i] >= 0x80)
            utf8[n++] = (char)(0xc0 | bytes[i] >> 6);
        utf8[n++] = (char)(bytes[i] >= 0x80 ? 0x80 | (bytes[i] & 0x3f) : bytes[i]);
    }
    text = json_stringn(utf8 != NULL ? utf8 : "", n);
    free(utf8);
    return text;
}

/* A NUL cannot be sent as JSON here: it is passed over. */
static size_t type_at(void *ctx, const void *bytes, size_t len)
{
    const struct attached *a = ctx;
    const void *nul = memchr(bytes, 0, len);
    json_t *result = NULL;
    size_t taken = len;

    if (nul == bytes)
        return 1;
    if (nul != NULL)
        len = (size_t)((const char *)nul - (const char *)bytes);
    if (client_call(a->in, "console.send", json_pack("{s:o}", "text", latin1(bytes, len)), &result,
                    NULL) == 0)
        taken = (size_t)json_integer_value(json_object_get(result, "taken"));
    json_decref(result);
    return taken; /* a machine that is gone takes everything: the main thread sees it, too */
}

static void stop(void *ctx)
{
    (void)client_call(((const struct attached *)ctx)->in, "stop", json_pack("{s:b}", "now", 1),
                      NULL, NULL);
}

static void press_power(void *ctx)
{
    (void)client_call(((const struct attached *)ctx)->in, "power_button", NULL, NULL, NULL);
}

static void leave(void *ctx)
{
    const uint64_t one = 1;
    ssize_t n = write(((const struct attached *)ctx)->leave_fd, &one, sizeof(one));

    (void)n; /* full: it is said already */
}

/* ---- printing --------------------------------------------------------------------------------- */

static void print(struct attached *a, const json_t *from)
{
    const unsigned char *p =
        (const unsigned char *)json_string_value(json_object_get(from, "text"));
    size_t left = json_string_length(json_object_get(from, "text"));

    while (p != NULL && left > 0) {
        bool two = *p >= 0x80 && left > 1;

        if (putchar(two ? (p[0] & 3) << 6 | (p[1] & 0x3f) : *p) == EOF)
            a->lost = true;
        p += two ? 2 : 1;
        left -= two ? 2 : 1;
    }
    a->lost |= fflush(stdout) == EOF;
}

static void print_note(struct attached *a, const char *method, const json_t *params)
{
    if (strcmp(method, "console") == 0)
        print(a, params);
    else if (strcmp(method, "dropped") == 0)
        fprintf(stderr, "\r\nvitro: %s: %lld bytes of output are lost\r\n", a->name,
                (long long)json_integer_value(json_object_get(params, "count")));
}

/* Until the machine ends, or the user leaves. An exit code. */
static int follow(struct attached *a)
{
    const char *method;
    json_t *params;

    while (!a->lost) {
        struct pollfd p[] = { { .fd = client_fd(a->out), .events = POLLIN },
                              { .fd = a->leave_fd, .events = POLLIN },
                              { .fd = a->signal_fd, .events = POLLIN } };
        int rc;

        while ((rc = client_note(a->out, 0, &method, &params, NULL)) > 0)
            print_note(a, method, params);
        if (rc < 0)
            return EXIT_OK;
        if (poll(p, 3, -1) < 0 && errno != EINTR)
            return EXIT_HOST;
        if (p[1].revents != 0)
            return EXIT_OK;
        if (p[2].revents != 0) {
            signals_take(a->signal_fd);
            return EXIT_STOPPED;
        }
    }
    return put_output("");
}

/* ---- life ------------------------------------------------------------------------------------- */

/* Of a longer output: from the first line that is whole. One byte more is asked for, so that it is seen to begin. */
static void print_last(struct attached *a, json_t *tail)
{
    const json_t *text = json_object_get(tail, "text");
    const char *from = json_string_value(text);
    size_t len = json_string_length(text);
    const char *end = from != NULL ? memchr(from, '\n', len) : NULL;

    if (end != NULL && json_integer_value(json_object_get(tail, "position")) > LAST_BYTES + 1)
        json_object_set_new(tail, "text", json_stringn(end + 1, len - (size_t)(end + 1 - from)));
    print(a, tail);
}

/* Subscribes and says what there was; whether it can be typed at comes back, too. */
static int begin(struct attached *a, bool *line, struct vitro_err *err)
{
    json_int_t bytes = isatty(STDOUT_FILENO) ? LAST_BYTES + 1 : 0;
    json_t *info = NULL, *tail = NULL;
    int rc = client_call(a->out, "info", NULL, &info, err);

    if (rc == 0)
        rc = client_call(a->out, "console.subscribe", json_pack("{s:I}", "bytes", bytes), &tail,
                         err);
    if (rc == 0) {
        *line = json_is_true(json_object_get(info, "console"));
        print_last(a, tail);
    }
    json_decref(info);
    json_decref(tail);
    return rc;
}

static int attach(struct attached *a)
{
    const struct console_line line = {
        .send = type_at, .stop = stop, .power = press_power, .leave = leave, .ctx = a
    };
    struct vitro_err err = { 0 };
    bool has_line = false;
    int code;

    if (client_open(a->name, PATIENCE_MS, &a->out, &err) < 0 ||
        client_open(a->name, PATIENCE_MS, &a->in, &err) < 0 || begin(a, &has_line, &err) < 0)
        return fail_err(&err);
    if (has_line && console_start(&line, &a->console) < 0)
        return fail_err(
            &(struct vitro_err){ .text = "console: reading the terminal: out of memory" });
    console_resume(a->console);
    code = follow(a);
    console_end(a->console);
    return code;
}

int cmd_console(const struct command *cmd, struct options *o, int argc, char **argv)
{
    struct attached a = { .name = argv[0] };
    sigset_t before;
    int code;

    (void)cmd, (void)o, (void)argc;
    a.leave_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    a.signal_fd = signals_end_fd(&before);
    code = a.leave_fd < 0 || a.signal_fd < 0
               ? fail_err(&(struct vitro_err){ .text = "console: the host gives no descriptors" })
               : attach(&a);
    client_close(a.in);
    client_close(a.out);
    if (a.leave_fd >= 0)
        close(a.leave_fd);
    if (a.signal_fd >= 0)
        close(a.signal_fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}
