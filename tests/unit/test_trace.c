/* SPDX-License-Identifier: MIT */
/* test_trace.c - events as a stream of bytes: the four formats, and nonsense in them. */
#include "trace_rig.h"

#include <errno.h>

#include "golden.h"

static void assert_plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        assert_true(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
}

static void for_people(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev);
    struct sink sink = { 0 };
    char *out;

    (void)state;
    out = traced(VITRO_TRACE_TEXT, ev, n, &sink);
    assert_plain(out);
    golden_check("trace.txt", out);
    free(out);
    out = traced(VITRO_TRACE_FLOW, ev, n, &sink);
    assert_plain(out);
    assert_non_null(strstr(out, "... x5"));
    assert_non_null(strstr(out, "data \"ello\\n\""));
    golden_check("flow.txt", out);
    free(out);
}

/* ---- JSON lines ------------------------------------------------------------------------------ */

static uint64_t hex_of(const json_t *v)
{
    assert_true(json_is_string(v));
    return strtoull(json_string_value(v), NULL, 16);
}

static void assert_same(const json_t *doc, const struct vitro_event *ev)
{
    assert_int_equal(json_integer_value(json_object_get(doc, "seq")), ev->seq);
    assert_int_equal(json_integer_value(json_object_get(doc, "t_ns")), ev->t_ns);
    if (ev->kind == VITRO_EVENT_EXIT) {
        assert_string_equal(json_string_value(json_object_get(doc, "event")), "exit");
        assert_string_equal(json_string_value(json_object_get(doc, "reason")), ev->reason);
        assert_int_equal(hex_of(json_object_get(doc, "rip")), ev->rip);
        assert_int_equal(json_integer_value(json_object_get(doc, "guest_ns")), ev->guest_ns);
        assert_int_equal(json_integer_value(json_object_get(doc, "monitor_ns")), ev->monitor_ns);
        if (ev->is_access) {
            assert_int_equal(hex_of(json_object_get(doc, "address")), ev->addr);
            assert_int_equal(hex_of(json_object_get(doc, "data")), ev->data);
            assert_int_equal(json_integer_value(json_object_get(doc, "width")), ev->width);
            assert_int_equal(json_is_null(json_object_get(doc, "device")), ev->device == NULL);
        }
        assert_int_equal(json_object_get(doc, "regs") != NULL, ev->gpr != NULL);
        if (ev->gpr != NULL) {
            const json_t *regs = json_object_get(doc, "regs");

            assert_int_equal(json_object_size(regs), 16);
            assert_int_equal(hex_of(json_object_get(regs, "rbx")), ev->gpr[3]);
            assert_int_equal(hex_of(json_object_get(regs, "r15")), ev->gpr[15]);
        }
    } else if (ev->kind == VITRO_EVENT_HOSTCALL) {
        assert_string_equal(json_string_value(json_object_get(doc, "call")), ev->call);
        assert_int_equal(json_integer_value(json_object_get(doc, "result")), ev->result);
        assert_int_equal(json_integer_value(json_object_get(doc, "ns")), ev->guest_ns);
    }
}

static void json_lines(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev), at = 0;
    struct sink sink = { 0 };
    char *out = traced(VITRO_TRACE_JSONL, ev, n, &sink), *rest = out, *line;

    (void)state;
    while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
        json_t *doc = json_loads(line, 0, NULL);

        assert_non_null(doc);
        assert_same(doc, &ev[at++]);
        json_decref(doc);
    }
    assert_int_equal(at, n);
    free(out);
}

/* ---- trace-event JSON ------------------------------------------------------------------------ */

static void chrome_loads(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev), slices = 0, i;
    struct sink sink = { 0 };
    char *out = traced(VITRO_TRACE_CHROME, ev, n, &sink);
    json_t *doc = parsed(out);
    const json_t *e;

    (void)state;
    assert_tracks(doc);
    json_array_foreach(doc, i, e) slices += *json_string_value(json_object_get(e, "ph")) == 'X';
    assert_int_equal(slices, 2 * 8 + 13); /* exits: guest and monitor; calls */
    json_decref(doc);
    free(out);
}

/* Cut after any event, and with the bracket put back, it is whole: that is what viewers do. */
static void chrome_cut_off(void **state)
{
    struct vitro_event ev[64];
    size_t n = small_run(ev);

    (void)state;
    for (size_t cut = 1; cut <= n; cut++) {
        struct sink sink = { 0 };
        struct vitro_trace *t = start(VITRO_TRACE_CHROME, &sink);

        for (size_t i = 0; i < cut; i++)
            trace_event(t, &ev[i]);
        text_add(&sink.text, "]");
        json_decref(parsed(sink.text.buf));
        trace_end(t);
        text_fini(&sink.text);
    }
}

/* Clocks that go back, durations longer than all time before them, many CPUs. */
static void chrome_with_bad_clocks(void **state)
{
    struct sink sink = { 0 };
    struct vitro_trace *t = start(VITRO_TRACE_CHROME, &sink);
    json_t *doc;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct vitro_event ev = i % 3 ? pio_out('x') : run_call(i * 7919 % 5000);

        ev.cpu = i % 100;
        ev.t_ns = i * 7919 % 100000;
        ev.monitor_ns = i % 5 ? i : UINT64_MAX;
        ev.guest_ns = i % 7 ? i * 100 : UINT64_MAX;
        trace_event(t, &ev);
    }
    trace_end(t);
    doc = parsed(sink.text.buf);
    assert_tracks(doc);
    json_decref(doc);
    text_fini(&sink.text);
}

/* ---- nothing, and nonsense ------------------------------------------------------------------- */

static void without_events(void **state)
{
    static const char *const want[FORMATS] = { [VITRO_TRACE_CHROME] = "[\n\n]\n" };

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        struct sink sink = { 0 };

        assert_int_equal(trace_end(start((enum vitro_trace_format)f, &sink)), 0);
        if (want[f] != NULL)
            assert_string_equal(sink.text.buf, want[f]);
        else
            assert_int_equal(sink.text.len, 0);
        text_fini(&sink.text);
    }
    assert_int_equal(trace_end(NULL), 0);
}

static void bad_arguments(void **state)
{
    struct vitro_trace *t = NULL;
    struct vitro_err err = { 0 };
    struct sink sink = { 0 };

    (void)state;
    assert_int_equal(trace_new((enum vitro_trace_format)17, sink_write, &sink, &t, &err), -EINVAL);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    assert_int_equal(trace_new(VITRO_TRACE_TEXT, NULL, NULL, &t, NULL), -EINVAL);
    assert_null(t);
}

static void hostile_strings(void **state)
{
    static const char evil[] = "\x1b]52;c;\x07\"\\\n\xff]},{";
    struct vitro_event ev[3] = { pio_out('"'),
                                 call(evil, evil, evil, -1, 1),
                                 { .kind = VITRO_EVENT_STOP, .text = evil } };
    char *out, *rest, *line;

    (void)state;
    ev[0].device = evil;
    ev[0].data = 0x9b; /* a control character of its own on old terminals */
    for (unsigned f = 0; f < FORMATS; f++) {
        struct sink sink = { 0 };

        out = rest = traced((enum vitro_trace_format)f, ev, ARRAY_LEN(ev), &sink);
        assert_plain(out);
        if (f == VITRO_TRACE_CHROME)
            json_decref(parsed(out));
        while (f == VITRO_TRACE_JSONL && (line = strsep(&rest, "\n")) != NULL && *line != '\0')
            json_decref(parsed(line));
        free(out);
    }
}

/* The longest instruction there can be: all registers change. */
static void instructions(void **state)
{
    static const uint8_t bytes[15] = { 0xf0, 0x9b };
    struct vitro_reg_change reg[46];
    struct vitro_insn in = { .count = INT64_MAX,
                             .rip = UINT64_MAX,
                             .linear = UINT64_MAX,
                             .len = sizeof(bytes),
                             .bytes = bytes,
                             .text = "\x1b]\"\n",
                             .symbol = "\\\xff\x07",
                             .raised = "#PF",
                             .nregs = ARRAY_LEN(reg),
                             .reg = reg };
    const struct vitro_event ev[] = { { .kind = VITRO_EVENT_INSN, .insn = &in },
                                      { .kind = VITRO_EVENT_INSN, .insn = &in } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reg); i++) {
        reg[i] = (struct vitro_reg_change){ .name = "ymm1", .bytes = 32 };
        memset(reg[i].value, (int)i, sizeof(reg[i].value));
    }
    reg[0].value[1] = 0x0a;
    for (unsigned f = 0; f < FORMATS; f++) {
        struct sink sink = { 0 };
        char *out = traced((enum vitro_trace_format)f, ev, ARRAY_LEN(ev), &sink);
        char *line = out;

        if (f == VITRO_TRACE_FLOW) { /* has no instructions */
            free(out);
            continue;
        }
        assert_plain(out);
        assert_non_null(strstr(out, "f09b000000000000"));
        assert_non_null(strstr(out, f == VITRO_TRACE_TEXT ? "ymm1=0xa00 " : "\"0xa00\""));
        if (f == VITRO_TRACE_CHROME)
            json_decref(parsed(out));
        if (f == VITRO_TRACE_JSONL)
            json_decref(parsed(strsep(&line, "\n")));
        free(out);
    }
}

static void missing_strings(void **state)
{
    const struct vitro_event ev[] = {
        { .kind = VITRO_EVENT_EXIT, .is_access = true },
        { .kind = VITRO_EVENT_HOSTCALL },
        { .kind = VITRO_EVENT_STOP },
        { .kind = VITRO_EVENT_HOSTCALL, .call = "KVM_RUN" },
        { .kind = VITRO_EVENT_EXIT },
        { .kind = VITRO_EVENT_INSN },
        { .kind = VITRO_EVENT_HASH },
        { .kind = VITRO_EVENT_INSN, .insn = &(struct vitro_insn){ .text = "", .symbol = "" } },
    };

    (void)state;
    for (unsigned f = 0; f < FORMATS; f++) {
        struct sink sink = { 0 };

        free(traced((enum vitro_trace_format)f, ev, ARRAY_LEN(ev), &sink));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_people),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(chrome_loads),
        cmocka_unit_test(chrome_cut_off),
        cmocka_unit_test(chrome_with_bad_clocks),
        cmocka_unit_test(without_events),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(hostile_strings),
        cmocka_unit_test(instructions),
        cmocka_unit_test(missing_strings),
    };

    return cmocka_run_group_tests_name("inspect/trace", tests, NULL, NULL);
}
