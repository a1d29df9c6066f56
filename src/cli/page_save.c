/* SPDX-License-Identifier: MIT */
/*
 * page_save.c - vitro view --save: a run, and everything that its page shows, in one file
 *
 * The views are the library's JSON as it is. A file cannot ask later, so what the page may be asked is kept: a walk
 * for each page, instructions round every exit, the memory that is not zero. Each has a limit, and the page
 * says what is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "page.h"

enum {
    EVENTS_MAX = 2000,
    EVENT_BYTES_MAX = 4 << 20,
    CONSOLE_MAX = 65536,
    WALKS_MAX = 512,
    PAGES_MAX = 256,
    PAGE = 4096,
    RANGES_MAX = 256,
    SITES_MAX = 64,
};

struct saving {
    FILE *out;
    struct vitro *m;
    struct vitro_trace *trace;
    unsigned nevents;
    char *events; /* an object a line */
    size_t events_len;
    char *console; /* the last bytes that the guest printed */
    size_t console_len;
    bool comma; /* the next element of a list needs one */
};

/* ---- while the guest runs -------------------------------------------------------------------- */

static bool keep_event(void *ctx, const char *bytes, size_t len)
{
    struct saving *s = ctx;

    if (len > EVENT_BYTES_MAX - s->events_len)
        return false;
    memcpy(s->events + s->events_len, bytes, len);
    s->events_len += len;
    return true;
}

static void on_event(void *ctx, const struct vitro_event *ev)
{
    struct saving *s = ctx;

    if (ev->kind == VITRO_EVENT_EXIT && s->nevents < EVENTS_MAX) {
        s->nevents++;
        vitro_trace_event(s->trace, ev);
    }
}

static void on_output(void *ctx, const void *bytes, size_t len)
{
    struct saving *s = ctx;
    const char *from = bytes;
    size_t drop;

    if (len > CONSOLE_MAX) {
        from += len - CONSOLE_MAX;
        len = CONSOLE_MAX;
    }
    drop = s->console_len + len > CONSOLE_MAX ? s->console_len + len - CONSOLE_MAX : 0;
    memmove(s->console, s->console + drop, s->console_len - drop);
    s->console_len -= drop;
    memcpy(s->console + s->console_len, from, len);
    s->console_len += len;
}

/* ---- writing --------------------------------------------------------------------------------- */

static const struct vitro_style json_style = { .format = VITRO_JSON };

static void put_list(struct saving *s, const char *name)
{
    fprintf(s->out, ",\"%s\":[", name);
    s->comma = false;
}

static void put_comma(struct saving *s)
{
    if (s->comma)
        fputc(',', s->out);
    s->comma = true;
}

/* One view's JSON, or null when it cannot be made. */
static void put_view(struct saving *s, int rc, char *json)
{
    fputs(rc == 0 && json != NULL ? json : "null", s->out);
    free(json);
}

static void put_spaces(struct saving *s)
{
    char *json = NULL;
    int rc = vitro_show_map(s->m, &json_style, &json, NULL);

    fputs(",\"map\":", s->out);
    put_view(s, rc, json);
    json = NULL;
    rc = vitro_show_exits(s->m, &json_style, &json, NULL);
    fputs(",\"exits\":", s->out);
    put_view(s, rc, json);
    json = NULL;
    rc = vitro_show_devices(s->m, false, &json_style, &json, NULL);
    fputs(",\"devices\":", s->out);
    put_view(s, rc, json);
}

static void put_regs(struct saving *s)
{
    put_list(s, "regs");
    for (unsigned cpu = 0; cpu < vitro_cpus(s->m); cpu++) {
        char *json = NULL;
        int rc = vitro_show_regs(s->m, cpu, false, &json_style, &json, NULL);

        put_comma(s);
        put_view(s, rc, json);
    }
    fputc(']', s->out);
}

static void put_walk(struct saving *s, unsigned cpu, uint64_t gva, unsigned *left)
{
    char *json = NULL;

    if (*left == 0)
        return;
    (*left)--;
    if (vitro_show_walk(s->m, cpu, gva, &json_style, &json, NULL) == 0) {
        put_comma(s);
        fputs(json, s->out);
    }
    free(json);
}

static uint64_t hex_of(const json_t *row, const char *key)
{
    const char *word = json_string_value(json_object_get(row, key));

    return word != NULL ? strtoull(word, NULL, 16) : 0;
}

/* A walk for each page of a row, and one behind it, where nothing may be. */
static void walk_row(struct saving *s, unsigned cpu, const json_t *row, unsigned *left)
{
    uint64_t gva = hex_of(row, "gva");
    uint64_t len = (uint64_t)json_integer_value(json_object_get(row, "bytes"));
    uint64_t page = (uint64_t)json_integer_value(json_object_get(row, "page_bytes"));
    const char *kind = json_string_value(json_object_get(row, "kind"));

    if (kind == NULL || strcmp(kind, "pages") != 0 || page == 0)
        return;
    for (uint64_t off = 0; off < len && *left != 0; off += page)
        put_walk(s, cpu, gva + off, left);
    put_walk(s, cpu, gva + len, left);
}

static void put_walks(struct saving *s, unsigned cpu, const json_t *tables)
{
    struct vitro_range rows[RANGES_MAX];
    struct vitro_regs regs;
    unsigned left = WALKS_MAX;
    size_t i, n = 0;
    json_t *row;

    if (vitro_regs(s->m, cpu, &regs, NULL) == 0) {
        put_walk(s, cpu, regs.rip, &left);
        put_walk(s, cpu, regs.gpr[4], &left);
    }
    put_walk(s, cpu, UINT64_C(1) << 47, &left); /* not canonical */
    if (json_array_size(json_object_get(tables, "rows")) == 0 &&
        vitro_map(s->m, rows, RANGES_MAX, &n, NULL) == 0) {
        for (i = 0; i < n && i < RANGES_MAX; i++)
            if (rows[i].is_slot)
                put_walk(s, cpu, rows[i].gpa, &left);
    }
    json_array_foreach(json_object_get(tables, "rows"), i, row) walk_row(s, cpu, row, &left);
}

static void put_tables(struct saving *s)
{
    const struct vitro_tables_filter all = { 0 };
    unsigned ncpus = vitro_cpus(s->m);
    json_t *docs[8] = { 0 };

    put_list(s, "tables");
    for (unsigned cpu = 0; cpu < ncpus && cpu < 8; cpu++) {
        char *json = NULL;
        int rc = vitro_show_tables(s->m, cpu, &all, &json_style, &json, NULL);

        docs[cpu] = rc == 0 ? json_loads(json, 0, NULL) : NULL;
        put_comma(s);
        put_view(s, rc, json);
    }
    fputc(']', s->out);
    put_list(s, "walks");
    for (unsigned cpu = 0; cpu < ncpus && cpu < 8; cpu++) {
        put_walks(s, cpu, docs[cpu]);
        json_decref(docs[cpu]);
    }
    fputc(']', s->out);
}

static void put_listing(struct saving *s, unsigned cpu, uint64_t addr, unsigned n)
{
    char *json = NULL;

    if (vitro_show_disasm(s->m, cpu, addr, n, &json_style, &json, NULL) == 0) {
        put_comma(s);
        fputs(json, s->out);
    }
    free(json);
}

static void put_code(struct saving *s)
{
    struct vitro_exit_row sites[SITES_MAX];
    struct vitro_range rows[RANGES_MAX];
    struct vitro_regs regs;
    size_t n = 0;

    put_list(s, "disasm");
    for (unsigned cpu = 0; cpu < vitro_cpus(s->m); cpu++)
        if (vitro_regs(s->m, cpu, &regs, NULL) == 0)
            put_listing(s, cpu, regs.rip, 14);
    if (vitro_exits(s->m, sites, SITES_MAX, &n, NULL) == 0)
        for (size_t i = 0; i < n && i < SITES_MAX; i++)
            put_listing(s, sites[i].cpu, sites[i].rip, 4);
    if (vitro_map(s->m, rows, RANGES_MAX, &n, NULL) == 0)
        for (size_t i = 0; i < n && i < RANGES_MAX; i++)
            if (rows[i].use == VITRO_USE_CODE)
                put_listing(s, 0, rows[i].gpa, 64);
    fputc(']', s->out);
}

/* False when the file holds as many pages as it may. */
static bool put_page(struct saving *s, uint64_t gpa, unsigned *left)
{
    static const unsigned char zero[PAGE];
    unsigned char page[PAGE];

    if (vitro_mem_read(s->m, gpa, page, PAGE) < 0 || memcmp(page, zero, PAGE) == 0)
        return true;
    if (*left == 0)
        return false;
    (*left)--;
    put_comma(s);
    fprintf(s->out, "\"0x%" PRIx64 "\":\"", gpa);
    for (unsigned i = 0; i < PAGE; i++)
        fprintf(s->out, "%02x", page[i]);
    fputc('"', s->out);
    return true;
}

static void put_memory(struct saving *s)
{
    struct vitro_range rows[RANGES_MAX];
    unsigned left = PAGES_MAX;
    bool complete = true;
    size_t n = 0;

    fputs(",\"memory\":{\"pages\":{", s->out);
    s->comma = false;
    if (vitro_map(s->m, rows, RANGES_MAX, &n, NULL) < 0)
        complete = false;
    for (size_t i = 0; i < n && i < RANGES_MAX; i++)
        for (uint64_t off = 0; rows[i].is_slot && complete && off < rows[i].len; off += PAGE)
            complete = put_page(s, rows[i].gpa + off, &left);
    fprintf(s->out, "},\"complete\":%s}", complete ? "true" : "false");
}

static void put_events(struct saving *s)
{
    put_list(s, "events");
    for (size_t i = 0; i < s->events_len; i++) /* lines become elements */
        fputc(s->events[i] != '\n' ? s->events[i] : i + 1 < s->events_len ? ',' : '\n', s->out);
    fputs("],\"console\":\"", s->out);
    for (size_t i = 0; i < s->console_len; i++)
        fprintf(s->out, "\\u%04x", (unsigned char)s->console[i]);
    fputc('"', s->out);
}

static void put_info(struct saving *s, const struct target *t, const struct vitro_outcome *end)
{
    json_t *info =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:s, s:s, s:I, s:I, s:s, s:b}",
                  "name", vitro_guest_name(t->guest), "guest", vitro_guest_name(t->guest), "kind",
                  vitro_guest_kind(t->guest), "mode", vitro_mode_name(vitro_guest_mode(t->guest)),
                  "engine", vitro_engine_name(t->m), "engine_why", vitro_engine_why(t->m), "cpus",
                  (int)vitro_cpus(t->m), "mem_bytes", (json_int_t)vitro_mem_bytes(t->m), "state",
                  "paused", "reason", "end", "end", end->text, "exits", (json_int_t)end->exits,
                  "run_ns", (json_int_t)end->run_ns, "version", vitro_version(), "console", 0);
    char *text = json_dumps(info, JSON_COMPACT);

    fprintf(s->out, "{\"info\":%s", text != NULL ? text : "null");
    free(text);
    json_decref(info);
}

static void put_all(struct saving *s, const struct target *t, const struct vitro_outcome *end)
{
    s->m = t->m;
    put_info(s, t, end);
    put_spaces(s);
    put_regs(s);
    put_tables(s);
    put_code(s);
    put_memory(s);
    put_events(s);
    fputs("}\n", s->out);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int fail_file(const char *path, int error)
{
    fprintf(stderr, "vitro: view: writing %s: %s\n", path, strerror(error));
    return EXIT_HOST;
}

/* Sends the data through vitro-web, which knows the page. */
static int write_page(struct saving *s, const char *path, const struct target *t,
                      const struct vitro_outcome *end)
{
    static const char *const args[] = { "save", NULL };
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), ends[2], code;
    pid_t pid;

    if (file < 0)
        return fail_file(path, errno);
    if (pipe2(ends, O_CLOEXEC) < 0) {
        code = fail_file(path, errno);
        close(file);
        return code;
    }
    pid = page_spawn(args, ends[0], file);
    close(ends[0]);
    close(file);
    s->out = fdopen(ends[1], "w");
    if (pid < 0 || s->out == NULL) {
        close(ends[1]);
        return pid < 0 ? fail_file(path, -pid) : EXIT_HOST;
    }
    put_all(s, t, end);
    code = ferror(s->out) != 0;
    code |= fclose(s->out) != 0;
    code = page_wait(pid) != 0 || code != 0 ? EXIT_HOST : EXIT_OK;
    return code == EXIT_OK ? code : fail_file(path, EIO);
}

static int run_and_write(struct saving *s, struct options *o, const char *guest)
{
    struct target t = { 0 };
    struct vitro_outcome end = { 0 };
    int code = target_open(&t, o, guest);
    bool ran;

    if (code != EXIT_OK)
        return code;
    code = target_run_to(&t, o, &end, &ran);
    if (code == EXIT_OK)
        code = write_page(s, o->save, &t, &end);
    if (code == EXIT_OK && !o->quiet)
        fprintf(stderr, "vitro: %s: %s; the page is in %s\n", vitro_guest_name(t.guest), end.text,
                o->save);
    target_close(&t);
    return code;
}

int page_save(struct options *o, const char *guest)
{
    struct saving s = { .events = malloc(EVENT_BYTES_MAX), .console = malloc(CONSOLE_MAX) };
    int code = EXIT_HOST;

    o->machine.console_fd = -1;
    o->machine.output = on_output;
    o->machine.output_ctx = &s;
    o->machine.event = on_event;
    o->machine.event_ctx = &s;
    o->stop_at.kind = STOP_AT_END;
    if (s.events != NULL && s.console != NULL &&
        vitro_trace_new(VITRO_TRACE_JSONL, keep_event, &s, &s.trace, NULL) == 0)
        code = run_and_write(&s, o, guest);
    else
        fprintf(stderr, "vitro: view: out of memory\n");
    if (s.trace != NULL)
        vitro_trace_end(s.trace);
    free(s.events);
    free(s.console);
    return code;
}
