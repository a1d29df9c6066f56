/* SPDX-License-Identifier: MIT */
/* test_trace_failures.c - traces when storing fails, when there is much to store, and from eight threads. */
#include "trace_rig.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, PER_THREAD = 2000 };

/* ---- storing fails --------------------------------------------------------------------------- */

/* Lines of a stream whose writer keeps all or nothing: each is one that the whole trace has, or a note. */
static void assert_lines_of(const char *text, const char *whole)
{
    const char *line = text;

    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        char copy[512];

        assert_true(len < sizeof(copy) && line[len] == '\n');
        snprintf(copy, sizeof(copy), "%.*s\n", (int)len, line);
        if (len > 0 && strstr(copy, "could not be stored") == NULL)
            assert_non_null(strstr(whole, copy));
        line += len + 1;
    }
}

static void text_with_failures(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev);
    struct sink all = { 0 };
    char *whole = traced(VITRO_TRACE_TEXT, ev, n, &all);

    (void)state;
    for (unsigned every = 1; every < n + 3; every++) {
        struct sink sink = { .every = every };
        struct vitro_trace *t = start(VITRO_TRACE_TEXT, &sink);

        for (size_t i = 0; i < n; i++)
            trace_event(t, &ev[i]);
        assert_int_equal(trace_end(t), n / every);
        if (sink.text.buf != NULL)
            assert_lines_of(sink.text.buf, whole);
        text_fini(&sink.text);
    }
    free(whole);
}

/* The sum of what is there and of what the notes say is missing is what was sent. */
static void jsonl_with_failures(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev);

    (void)state;
    for (unsigned every = 2; every < 2 * (n + 3); every++) {
        struct sink sink = { .every = every / 2 + 1, .torn = every % 2 };
        struct vitro_trace *t = start(VITRO_TRACE_JSONL, &sink);
        uint64_t dropped, seen = 0, noted = 0, torn = 0;
        char *rest, *line;

        for (size_t i = 0; i < n; i++)
            trace_event(t, &ev[i]);
        dropped = trace_end(t);
        rest = sink.text.buf;
        while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
            json_t *doc = *line != '\0' ? json_loads(line, 0, NULL) : NULL;

            torn += doc == NULL && *line != '\0';
            seen += json_object_get(doc, "seq") != NULL;
            noted += (uint64_t)json_integer_value(json_object_get(doc, "count"));
            json_decref(doc);
        }
        assert_int_equal(seen + dropped, n);
        assert_true(noted <= dropped);
        assert_true(sink.torn ? torn <= n : torn == 0);
        text_fini(&sink.text);
    }
}

static void chrome_with_failures(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev);

    (void)state;
    for (unsigned every = 2; every < n + 1; every++) {
        struct sink sink = { .every = every };
        struct vitro_trace *t = start(VITRO_TRACE_CHROME, &sink);
        json_t *doc;

        for (size_t i = 0; i < n; i++)
            trace_event(t, &ev[i]);
        assert_int_equal(trace_end(t), n / every);
        if ((n + 1) % every == 0) /* the closing bracket itself was refused */
            text_add(&sink.text, "]");
        doc = parsed(sink.text.buf);
        assert_tracks(doc);
        json_decref(doc);
        text_fini(&sink.text);
    }
}

/* FLOW tells several events at once: when that fails, all of them are counted. */
static void flow_with_failures(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev);

    (void)state;
    for (unsigned every = 1; every < 30; every++) {
        struct sink sink = { .every = every };
        struct vitro_trace *t = start(VITRO_TRACE_FLOW, &sink);
        uint64_t dropped;

        for (size_t i = 0; i < n; i++)
            trace_event(t, &ev[i]);
        dropped = trace_end(t);
        assert_true(every == 1 ? dropped == n : dropped < n);
        if (every > n)
            assert_int_equal(dropped, 0);
        text_fini(&sink.text);
    }
}

/* ---- volume and threads ---------------------------------------------------------------------- */

static bool count_bytes(void *ctx, const char *bytes, size_t len)
{
    uint64_t *sum = ctx;

    assert_int_equal(bytes[len - 1] == '\n' || bytes[len - 1] == '}', true);
    *sum += len;
    return true;
}

/* Repetitions cost FLOW a line, however many; its memory is in the struct and does not grow. */
static void flow_of_a_million(void **state)
{
    uint64_t bytes = 0;
    struct vitro_trace *t = NULL;
    struct vitro_event ev[2] = { run_call(9), pio_out('x') };

    (void)state;
    assert_int_equal(trace_new(VITRO_TRACE_FLOW, count_bytes, &bytes, &t, NULL), 0);
    for (unsigned i = 0; i < 1000000; i++)
        trace_event(t, &ev[i % 2]);
    assert_int_equal(trace_end(t), 0);
    assert_true(bytes < 1000);
}

struct emitter {
    struct vitro_trace *t;
    unsigned cpu;
};

static void *emit_many(void *arg)
{
    const struct emitter *e = arg;

    for (unsigned i = 0; i < PER_THREAD; i++) {
        struct vitro_event ev = i % 2 ? pio_out((char)('a' + e->cpu)) : run_call(100);

        ev.cpu = e->cpu;
        ev.seq = i;
        ev.t_ns = 1000 * i;
        trace_event(e->t, &ev);
    }
    return NULL;
}

static void eight_threads(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        struct emitter e[THREADS];
        pthread_t thread[THREADS];
        struct sink sink = { 0 };
        struct vitro_trace *t = start((enum vitro_trace_format)f, &sink);
        char *rest, *line;
        unsigned lines = 0;

        for (unsigned i = 0; i < THREADS; i++) {
            e[i] = (struct emitter){ t, i };
            assert_int_equal(pthread_create(&thread[i], NULL, emit_many, &e[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        assert_int_equal(trace_end(t), 0);
        if (f == VITRO_TRACE_CHROME) {
            json_t *doc = parsed(sink.text.buf);

            assert_tracks(doc);
            json_decref(doc);
        }
        for (rest = sink.text.buf;
             f == VITRO_TRACE_JSONL && (line = strsep(&rest, "\n")) != NULL;) {
            if (*line != '\0')
                json_decref(parsed(line));
            lines += *line != '\0';
        }
        if (f == VITRO_TRACE_JSONL)
            assert_int_equal(lines, THREADS * PER_THREAD);
        text_fini(&sink.text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_with_failures),   cmocka_unit_test(jsonl_with_failures),
        cmocka_unit_test(chrome_with_failures), cmocka_unit_test(flow_with_failures),
        cmocka_unit_test(flow_of_a_million),    cmocka_unit_test(eight_threads),
    };

    return cmocka_run_group_tests_name("inspect/trace failures", tests, NULL, NULL);
}
