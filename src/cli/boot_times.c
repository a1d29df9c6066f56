/* SPDX-License-Identifier: MIT */
/*
 * boot_times.c - run --boot-times: when each line of the guest's console began, and where the time went
 *
 * Two clocks: the host's, from the start of the run to a line's first byte, and the guest's, where a line begins with
 * the stamp that Linux puts there, "[    1.234567] ". What a guest prints without end is counted, not kept.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

enum { LINES_MAX = 16384, LINE_BYTES = 128, LONGEST = 10 };

#define NO_STAMP UINT64_MAX

struct boot_line {
    uint64_t host_ns;      /* since the start of the run */
    uint64_t guest_ns;     /* its own stamp, or NO_STAMP */
    char text[LINE_BYTES]; /* printable ASCII, without the stamp */
};

/* Bytes come from a vCPU's thread, under the machine's lock; the rest is called while nothing runs. */
struct boot_times {
    uint64_t start_ns;
    struct boot_line *line;
    size_t n, room;
    uint64_t lost; /* lines that were not kept */
    struct boot_line now;
    size_t len;
    bool begun; /* a byte of the line has come */
    /* who else wants the bytes */
    void (*output)(void *ctx, const void *bytes, size_t len);
    void *output_ctx;
};

static uint64_t host_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- taking lines ---------------------------------------------------------------------------- */

/* "[    1.234567] words": the words, with the time in *ns. */
static const char *after_stamp(const char *line, uint64_t *ns)
{
    uint64_t sec, usec;
    int dot = 0, close = 0, end = 0;
    const char *digits = line + 1 + strspn(line + (line[0] == '['), " ");

    *ns = NO_STAMP;
    if (line[0] != '[' || *digits < '0' || *digits > '9' ||
        sscanf(digits, "%9" SCNu64 ".%n%6" SCNu64 "%n] %n", &sec, &dot, &usec, &close, &end) < 2 ||
        end == 0 || close - dot != 6)
        return line;
    *ns = sec * 1000000000u + usec * 1000u;
    return digits + end;
}

static bool make_room(struct boot_times *b)
{
    size_t room = b->room != 0 ? 2 * b->room : 256;
    struct boot_line *line;

    if (b->n < b->room)
        return true;
    line = room <= LINES_MAX ? realloc(b->line, room * sizeof(*line)) : NULL;
    if (line == NULL)
        return false;
    b->line = line;
    b->room = room;
    return true;
}

static void end_line(struct boot_times *b)
{
    const char *words;

    b->now.text[b->len] = '\0';
    words = after_stamp(b->now.text, &b->now.guest_ns);
    memmove(b->now.text, words, strlen(words) + 1);
    if (make_room(b))
        b->line[b->n++] = b->now;
    else
        b->lost++;
    b->len = 0;
    b->begun = false;
}

static void take_byte(struct boot_times *b, char byte)
{
    if (byte == '\r')
        return;
    if (!b->begun) {
        b->begun = true;
        b->now.host_ns = host_ns() - b->start_ns;
    }
    if (byte == '\n')
        end_line(b);
    else if (b->len < LINE_BYTES - 1)
        b->now.text[b->len++] = byte >= ' ' && byte <= '~' ? byte : '.';
}

static void on_output(void *ctx, const void *bytes, size_t len)
{
    struct boot_times *b = ctx;
    const char *c = bytes;

    for (size_t i = 0; i < len; i++)
        take_byte(b, c[i]);
    if (b->output != NULL)
        b->output(b->output_ctx, bytes, len);
}

int boot_times_open(struct options *o, struct boot_times **out)
{
    struct boot_times *b = NULL;

    *out = NULL;
    if (!o->boot_times)
        return EXIT_OK;
    b = calloc(1, sizeof(*b));
    if (b == NULL)
        return fail_err(&(struct vitro_err){ .text = "keeping boot times: out of memory" });
    b->output = o->machine.output;
    b->output_ctx = o->machine.output_ctx;
    o->machine.output = on_output;
    o->machine.output_ctx = b;
    *out = b;
    return EXIT_OK;
}

void boot_times_begin(struct boot_times *b)
{
    if (b != NULL)
        b->start_ns = host_ns();
}

void boot_times_end(struct boot_times *b)
{
    if (b != NULL && b->begun)
        end_line(b);
}

void boot_times_close(struct boot_times *b)
{
    if (b != NULL)
        free(b->line);
    free(b);
}

/* ---- showing them ---------------------------------------------------------------------------- */

/* Since the line before it, or the start. */
static uint64_t wait_of(const struct boot_times *b, size_t i)
{
    return b->line[i].host_ns - (i > 0 ? b->line[i - 1].host_ns : 0);
}

struct wait {
    uint64_t ns;
    size_t line;
};

static int by_length(const void *a, const void *b)
{
    const struct wait *x = a, *y = b;

    if (x->ns != y->ns)
        return x->ns > y->ns ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

/* The longest waits first; returns how many. The longest of all lines, without an array of them. */
static size_t longest(const struct boot_times *b, struct wait top[LONGEST + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++) {
        top[n] = (struct wait){ wait_of(b, i), i };
        qsort(top, n + 1, sizeof(*top), by_length);
        n = n < LONGEST ? n + 1 : LONGEST;
    }
    return n;
}

static void print_line(const struct boot_times *b, size_t i)
{
    const struct boot_line *l = &b->line[i];
    char guest[32] = "-";

    if (l->guest_ns != NO_STAMP)
        snprintf(guest, sizeof(guest), "%.6f", (double)l->guest_ns / 1e9);
    printf("%12.6f  %+11.6f  %11s  %s\n", (double)l->host_ns / 1e9, (double)wait_of(b, i) / 1e9,
           guest, l->text);
}

int boot_times_print(const struct boot_times *b)
{
    struct wait top[LONGEST + 1];
    size_t ntop;

    if (b == NULL)
        return EXIT_OK;
    printf("\nboot times, in seconds since the start of the run\n%12s  %11s  %11s  %s\n", "host",
           "since last", "guest", "line");
    for (size_t i = 0; i < b->n; i++)
        print_line(b, i);
    if (b->lost != 0)
        printf("%" PRIu64 " more lines are not kept\n", b->lost);
    ntop = longest(b, top);
    printf("\nthe longest waits\n%12s  %s\n", "seconds", "between, and");
    for (size_t i = 0; i < ntop; i++)
        printf("%12.6f  %s\n%12s  %s\n", (double)top[i].ns / 1e9,
               top[i].line > 0 ? b->line[top[i].line - 1].text : "the start of the run", "",
               b->line[top[i].line].text);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_HOST;
}

static json_t *line_json(const struct boot_times *b, size_t i)
{
    const struct boot_line *l = &b->line[i];
    json_t *guest = l->guest_ns != NO_STAMP ? json_integer((json_int_t)l->guest_ns) : json_null();

    return json_pack("{s:I, s:I, s:o, s:s}", "host_ns", (json_int_t)l->host_ns, "since_last_ns",
                     (json_int_t)wait_of(b, i), "guest_ns", guest, "line", l->text);
}

json_t *boot_times_json(const struct boot_times *b)
{
    struct wait top[LONGEST + 1];
    json_t *lines, *waits;
    size_t ntop;

    if (b == NULL)
        return NULL;
    lines = json_array();
    waits = json_array();
    for (size_t i = 0; i < b->n; i++)
        json_array_append_new(lines, line_json(b, i));
    ntop = longest(b, top);
    for (size_t i = 0; i < ntop; i++)
        json_array_append_new(waits, json_pack("{s:I, s:I}", "line", (json_int_t)top[i].line, "ns",
                                               (json_int_t)top[i].ns));
    return json_pack("{s:o, s:I, s:o}", "lines", lines, "not_kept", (json_int_t)b->lost, "longest",
                     waits);
}
