/* SPDX-License-Identifier: MIT */
/* run_report.c - what is said of a run after it, as text and as JSON. */
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"

/* With --json the guest's output is a field: its first bytes are kept in a file that cannot grow. */
enum { KEEP_BYTES = 65536 };

enum { CPUS_MAX = 8 }; /* that --cpus takes */
enum { SEG_CS = 1 };   /* in struct vitro_regs */

static const struct end_row {
    const char *json; /* stable word */
    bool failed;      /* the report shows registers, code and the last exits */
} ends[] = {
    [VITRO_END_HALT] = { "halt", false },        [VITRO_END_GUEST_EXIT] = { "guest-exit", false },
    [VITRO_END_SHUTDOWN] = { "shutdown", true }, [VITRO_END_REFUSED] = { "refused", true },
    [VITRO_END_FAILED] = { "failed", true },     [VITRO_END_BREAK] = { "break", false },
    [VITRO_END_COUNT] = { "count", false },      [VITRO_END_STOPPED] = { "stopped", true },
    [VITRO_END_TIMEOUT] = { "timeout", true },   [VITRO_END_POWEROFF] = { "poweroff", false },
    [VITRO_END_RESET] = { "reset", false },      [VITRO_END_PANIC] = { "panic", false },
    [VITRO_END_HELD] = { "held", false },
};

int run_keep_output(void)
{
    int fd = memfd_create("guest output", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && (ftruncate(fd, KEEP_BYTES) < 0 ||
                    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The kept bytes as Latin-1 code points, so that any byte becomes a valid JSON string. */
static json_t *keep_json(int fd)
{
    off_t len = lseek(fd, 0, SEEK_CUR);
    unsigned char *raw = malloc(KEEP_BYTES);
    char *utf8 = malloc(2 * KEEP_BYTES);
    json_t *out = NULL;
    size_t n = 0;

    if (raw != NULL && utf8 != NULL && len >= 0 && pread(fd, raw, (size_t)len, 0) == len) {
        for (off_t i = 0; i < len; i++) {
            if (raw[i] >= 0x80)
                utf8[n++] = (char)(0xc0 | raw[i] >> 6);
            utf8[n++] = (char)(raw[i] >= 0x80 ? 0x80 | (raw[i] & 0x3f) : raw[i]);
        }
        out = json_stringn(utf8, n);
    }
    free(raw);
    free(utf8);
    return out;
}

/* Lost output spoils a run that would have been fine; with --json it is kept in part by intent. */
static int exit_code_of(const struct options *o, const struct vitro_outcome *end)
{
    int code = target_end_code(end);

    return code == EXIT_OK && end->dropped != 0 && !o->json ? EXIT_HOST : code;
}

unsigned run_cpus(const struct options *o)
{
    return o->machine.cpus != 0 ? o->machine.cpus : 1;
}

/* Exits of each CPU; false when they cannot be had. */
static bool count_exits(const struct target *t, uint64_t counts[CPUS_MAX])
{
    struct vitro_exit_row *rows;
    size_t n = 0;
    bool ok;

    memset(counts, 0, CPUS_MAX * sizeof(counts[0]));
    if (vitro_exits(t->m, NULL, 0, &n, NULL) < 0)
        return false;
    rows = calloc(n + 1, sizeof(*rows));
    ok = rows != NULL && vitro_exits(t->m, rows, n, &n, NULL) == 0;
    for (size_t i = 0; ok && i < n; i++) {
        if (strcmp(rows[i].reason, "kicked") != 0) /* in no total */
            counts[rows[i].cpu] += rows[i].exits;
    }
    free(rows);
    return ok;
}

/* Who executed what the host's KVM refuses. */
static void report_help(const struct vitro_outcome *end)
{
    if (end->refused != 0)
        fprintf(stderr,
                "  the software CPU helped: KVM refused %" PRIu64
                " time%s, and it executed %" PRIu64 " instruction%s%s\n",
                end->refused, end->refused == 1 ? "" : "s", end->helped,
                end->helped == 1 ? "" : "s",
                end->kept ? "; it kept a CPU whose registers KVM did not take back" : "");
}

static void report_debugged(const struct vitro_outcome *end)
{
    if (end->debugged != NULL)
        fprintf(stderr, "  the software CPU ran it: %s\n", end->debugged);
}

/* A line a CPU, when there are several. */
static void report_cpus(const struct target *t, const struct options *o)
{
    uint64_t counts[CPUS_MAX];

    if (run_cpus(o) == 1 || !count_exits(t, counts))
        return;
    for (unsigned i = 0; i < run_cpus(o); i++) {
        struct vitro_regs regs;

        if (vitro_regs(t->m, i, &regs, NULL) == 0)
            fprintf(stderr, "  CPU %u: %" PRIu64 " exit%s, rip 0x%" PRIx64 ", rax = %" PRIu64 "\n",
                    i, counts[i], counts[i] == 1 ? "" : "s", regs.rip, regs.gpr[0]);
    }
}

/* rax and, for the built-in guests that leave their result there, the word at 0x400. */
static void report_result(const struct target *t, const struct options *o,
                          const struct vitro_outcome *end)
{
    struct vitro_regs regs;
    uint32_t word = 0;

    if (end->end != VITRO_END_HALT)
        return;
    if (run_cpus(o) == 1 && vitro_regs(t->m, 0, &regs, NULL) == 0)
        fprintf(stderr, "; rax = %" PRIu64, regs.gpr[0]);
    if (strcmp(vitro_guest_kind(t->guest), "built-in") == 0 &&
        vitro_mem_read(t->m, 0x400, &word, sizeof(word)) == 0 && word != 0)
        fprintf(stderr, "%s memory at 0x400 = %" PRIu32, run_cpus(o) == 1 ? "," : ";", word);
}

/* What is shown of a failure: the CPU it is about, the code where it is, its last exits. */
enum {
    FAILURE_CHAIN,
    FAILURE_REGS,
    FAILURE_CODE,
    FAILURE_RECENT,
    NFAILURE_VIEWS,
    FAILURE_INSNS = 3
};

/* Text or JSON that the caller frees; NULL where it cannot be had. */
static char *failure_view(const struct target *t, const struct vitro_outcome *end, int view,
                          enum vitro_format format)
{
    const struct vitro_style style = { .format = format };
    unsigned cpu = end->cpu >= 0 ? (unsigned)end->cpu : 0;
    struct vitro_regs regs;
    char *out = NULL;
    int rc = -1;

    if (view == FAILURE_CHAIN)
        rc = vitro_show_chain(t->m, cpu, &style, &out, NULL);
    else if (view == FAILURE_REGS)
        rc = vitro_show_regs(t->m, cpu, false, &style, &out, NULL);
    else if (view == FAILURE_RECENT)
        rc = vitro_show_recent(t->m, cpu, &style, &out, NULL);
    else if (vitro_regs(t->m, cpu, &regs, NULL) == 0)
        rc = vitro_show_disasm(t->m, cpu, regs.rip + regs.seg[SEG_CS].base, FAILURE_INSNS, &style,
                               &out, NULL);
    return rc == 0 ? out : NULL;
}

static void report_failure(const struct target *t, const struct vitro_outcome *end)
{
    for (int view = 0; view < NFAILURE_VIEWS; view++) {
        char *text = failure_view(t, end, view, VITRO_TEXT);

        if (text != NULL)
            fprintf(stderr, "\n%s", text);
        free(text);
    }
}

static void report_panic(const struct vitro_outcome *end)
{
    if (end->end == VITRO_END_PANIC)
        fprintf(stderr, "  it said: %s\n\nits last lines:\n%s", end->panic, end->panic_lines);
}

static void report(const struct target *t, const struct options *o, const struct vitro_outcome *end)
{
    const char *why = vitro_engine_why(t->m);
    bool has_parts = strchr(why, ';') != NULL; /* what comes behind it would seem to be one */
    char time[32];

    begin_line(t->m, o);
    fprintf(stderr, "vitro: %s: %s", vitro_guest_name(t->guest), end->text);
    if (has_parts)
        report_result(t, o, end);
    fprintf(stderr, "; %s on %s", format_ns(end->run_ns, time, sizeof(time)), why);
    if (!has_parts)
        report_result(t, o, end);
    fputc('\n', stderr);
    report_help(end);
    report_debugged(end);
    report_cpus(t, o);
    report_panic(end);
    if (ends[end->end].failed)
        report_failure(t, end);
}

static void report_switch(const struct target *t, const struct options *o)
{
    if (o->switch_at.kind != STOP_AT_NOTHING && !t->switched)
        fprintf(stderr, "vitro: the run ended before --switch: %s has run it all\n",
                vitro_engine_name(t->m));
}

/* A place that was asked for and is not why the run ended. */
static void report_unreached(const struct options *o, const struct vitro_outcome *end)
{
    bool asked = o->stop_at.kind == STOP_AT_ADDR || o->stop_at.kind == STOP_AT_COUNT;

    if (asked && end->end != VITRO_END_BREAK && end->end != VITRO_END_COUNT)
        fprintf(stderr, "vitro: the run ended before --stop-at\n");
}

/* perf knows its number by itself; people do not. */
static void report_perf_map(const struct options *o)
{
    if (o->perf_map)
        fprintf(stderr, "vitro: run: translated code has its names in /tmp/perf-%ld.map\n",
                (long)getpid());
}

static void report_dropped(const struct vitro_outcome *end)
{
    if (end->dropped == 0)
        return;
    fprintf(stderr, "vitro: writing the guest's output: %s: %" PRIu64 " byte%s lost\n",
            end->output_error != 0 ? strerror(end->output_error)
                                   : "the reader took nothing for a second",
            end->dropped, end->dropped == 1 ? " is" : "s are");
}

static json_t *hex_json(uint64_t v)
{
    char hex[32];

    snprintf(hex, sizeof(hex), "0x%" PRIx64, v);
    return json_string(hex);
}

static json_t *cpus_json(const struct target *t, const struct options *o)
{
    json_t *list = json_array();
    uint64_t counts[CPUS_MAX];

    if (!count_exits(t, counts))
        return list;
    for (unsigned i = 0; i < run_cpus(o); i++) {
        struct vitro_regs regs;

        if (vitro_regs(t->m, i, &regs, NULL) == 0)
            json_array_append_new(list,
                                  json_pack("{s:I, s:I, s:o, s:o}", "cpu", (json_int_t)i, "exits",
                                            (json_int_t)counts[i], "rip", hex_json(regs.rip), "rax",
                                            hex_json(regs.gpr[0])));
    }
    return list;
}

static json_t *failure_json(const struct target *t, const struct vitro_outcome *end)
{
    static const char *const names[NFAILURE_VIEWS] = {
        [FAILURE_CHAIN] = "chain",
        [FAILURE_REGS] = "regs",
        [FAILURE_CODE] = "code",
        [FAILURE_RECENT] = "recent",
    };
    json_t *doc = json_object();

    for (int view = 0; view < NFAILURE_VIEWS; view++) {
        char *text = failure_view(t, end, view, VITRO_JSON);

        if (text != NULL)
            json_object_set_new(doc, names[view], json_loads(text, JSON_DECODE_ANY, NULL));
        free(text);
    }
    return doc;
}

/* NULL unless a watchpoint ended the run. */
static json_t *watch_json(const struct vitro_outcome *end)
{
    if (end->watch_how == 0)
        return NULL;
    return json_pack("{s:o, s:i, s:b, s:b}", "address", hex_json(end->watch_addr), "bytes",
                     (int)end->watch_len, "read", (end->watch_how & VITRO_WATCH_READ) != 0, "write",
                     (end->watch_how & VITRO_WATCH_WRITE) != 0);
}

static json_t *panic_json(const struct vitro_outcome *end)
{
    if (end->end != VITRO_END_PANIC)
        return NULL;
    return json_pack("{s:s, s:s}", "message", end->panic, "lines", end->panic_lines);
}

static json_t *outcome_json(const struct target *t, const struct options *o,
                            const struct vitro_outcome *end, const struct kept *kept)
{
    json_t *failure = ends[end->end].failed ? failure_json(t, end) : NULL;

    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:o, s:I, s:I, s:o, s:o*, "
        "s:o*, s:o*, s:o*, s:I, s:I, s:I, s:s?, s:o*, s:o*, s:o*}",
        "guest", vitro_guest_name(t->guest), "kind", vitro_guest_kind(t->guest), "mode",
        vitro_mode_name(vitro_guest_mode(t->guest)), "engine", vitro_engine_name(t->m),
        "engine_why", vitro_engine_why(t->m), "end", ends[end->end].json, "text", end->text,
        "exit_code", exit_code_of(o, end), "code", (json_int_t)end->code, "cpu", end->cpu, "rip",
        hex_json(end->rip), "exits", (json_int_t)end->exits, "run_ns", (json_int_t)end->run_ns,
        "cpus", cpus_json(t, o), "failure", failure, "watch", watch_json(end), "hashes",
        hashes_json(kept->hashes), "console", keep_json(kept->console), "console_dropped",
        (json_int_t)end->dropped, "refused", (json_int_t)end->refused, "helped",
        (json_int_t)end->helped, "debugged", end->debugged, "panic", panic_json(end), "screen",
        screen_json(t->m), "boot_times", boot_times_json(kept->boot));
}

/* "walk:0x400" into its view's output; the word is cut up in place. */
static int then_one(const struct target *t, const struct options *o, char *word, const char **name,
                    char **out)
{
    char *args[VIEW_ARGS];
    int n = view_words(word, name, args);

    return view_make(t, o, *name, n, args, out);
}

/* Prints each view, or adds it to the JSON document's list "then". */
static int then_all(const struct target *t, const struct options *o, json_t *doc)
{
    json_t *list = doc != NULL ? json_array() : NULL;
    char *rest = o->then;
    int code = EXIT_OK;

    while (rest != NULL && code == EXIT_OK) {
        const char *name;
        char *out = NULL;

        code = then_one(t, o, strsep(&rest, ","), &name, &out);
        if (code == EXIT_OK && doc != NULL)
            json_array_append_new(list, json_pack("{s:s, s:o}", "view", name, "data",
                                                  json_loads(out, JSON_DECODE_ANY, NULL)));
        else if (code == EXIT_OK)
            code = printf("\n") < 0 ? EXIT_HOST : put_output(out);
        free(out);
    }
    if (o->then != NULL && doc != NULL)
        json_object_set(doc, "then", list);
    json_decref(list);
    return code;
}

static int print_json(json_t *doc)
{
    char *text = json_dumps(doc, JSON_INDENT(2)); /* of NULL: NULL */
    int code = text != NULL
                   ? put_output(text)
                   : fail_err(&(struct vitro_err){ .text = "writing JSON: out of memory" });

    free(text);
    json_decref(doc);
    return code == EXIT_OK ? put_output("\n") : code;
}

int run_finish(const struct target *t, const struct options *o, const struct vitro_outcome *end,
               const struct kept *kept)
{
    int code = exit_code_of(o, end), then = hashes_end(kept->hashes);
    struct vitro_err err = { 0 };
    json_t *doc;

    if (then == EXIT_OK && o->perf_map && vitro_perf_map(t->m, &err) < 0)
        then = fail_err(&err);
    if (then != EXIT_OK)
        return then;
    doc = o->json ? outcome_json(t, o, end, kept) : NULL;
    if (!o->json && screen_print(t->m, o) != EXIT_OK)
        return EXIT_HOST;
    if (!o->quiet && !o->json) {
        report(t, o, end);
        report_switch(t, o);
        report_unreached(o, end);
        report_perf_map(o);
    }
    if (!o->json)
        report_dropped(end);
    if (!o->json)
        code = boot_times_print(kept->boot) == EXIT_OK ? code : EXIT_HOST;
    then = then_all(t, o, doc);
    if (o->json && print_json(doc) != EXIT_OK && then == EXIT_OK)
        then = EXIT_HOST;
    return then != EXIT_OK ? then : code;
}
