/* SPDX-License-Identifier: MIT */
/*
 * test_modified.c - code that somebody else changes: another CPU, a device, the monitor
 *
 * The argument is the image of programs/smp/cross-modify.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <vitro/device.h>
#include <vitro/vitro.h>

enum { ORIGIN = 0x8000, EXIT_PORT = 0xf4, ENDS_PASSED = 0xff, WRITER_PORT = 0x77 };

static const char *image;

static void must(int rc, const struct vitro_err *err)
{
    if (rc < 0)
        fail_msg("%s", err->text);
}

/* T5 of the threats: one or the other, never a mixture. */
static void by_another_cpu(void **state)
{
    struct vitro_guest_config gcfg = {
        .name = image, .kind = VITRO_KIND_FLAT, .mode = VITRO_MODE_LONG, .origin = ORIGIN
    };
    struct vitro_config cfg = {
        .engine = VITRO_ENGINE_SOFT, .cpus = 2, .console_fd = -1, .debug_exit_port = EXIT_PORT
    };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m;

    (void)state;
    must(vitro_guest_open(&gcfg, &guest, &err), &err);
    must(vitro_new(&cfg, guest, &m, &err), &err);
    must(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_GUEST_EXIT);
    assert_int_equal(end.code & 0xff, ENDS_PASSED);
    vitro_free(m);
    vitro_guest_free(guest);
}

/*
 * 0: mov al, 1; 2: out 0x77, al; 4: cmp al, 9; 6: jne 0; 8: out 0xf4, al. The device, and the monitor when the
 * run is stopped, write the immediate at 1.
 */
static const unsigned char loop[] = { 0xb0, 0x01, 0xe6, WRITER_PORT, 0x3c, 0x09,
                                      0x75, 0xf8, 0xe6, EXIT_PORT,   0xf4 };

struct writer {
    struct vitro *m;
    unsigned seen[16], n;
    bool writes;
};

static void writer_write(void *ctx, uint64_t off, unsigned width, uint64_t val)
{
    struct writer *w = ctx;
    uint8_t next = (uint8_t)(val + 1);

    (void)off;
    (void)width;
    if (w->n < 16)
        w->seen[w->n++] = (unsigned)val;
    if (w->writes)
        assert_int_equal(vitro_mem_write(w->m, 1, &next, 1), 0);
}

static void open_loop(struct writer *w, struct vitro_guest **guest)
{
    struct vitro_guest_config gcfg = { .name = "loop", .bytes = loop, .len = sizeof(loop) };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT,
                                .console_fd = -1,
                                .debug_exit_port = EXIT_PORT };
    struct vitro_device dev = {
        .name = "writer", .base = WRITER_PORT, .len = 1, .write = writer_write, .ctx = w
    };
    struct vitro_err err = { 0 };

    must(vitro_guest_open(&gcfg, guest, &err), &err);
    must(vitro_new(&cfg, *guest, &w->m, &err), &err);
    must(vitro_add_device(w->m, &dev, &err), &err);
}

static void check_counted(const struct writer *w)
{
    assert_int_equal(w->n, 9);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(w->seen[i], i + 1);
}

static void by_a_device(void **state)
{
    struct writer w = { .writes = true };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;

    (void)state;
    open_loop(&w, &guest);
    must(vitro_run(w.m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_GUEST_EXIT);
    assert_int_equal(end.code, 9);
    check_counted(&w);
    vitro_free(w.m);
    vitro_guest_free(guest);
}

static void by_the_monitor(void **state)
{
    struct writer w = { .writes = false };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;

    (void)state;
    open_loop(&w, &guest);
    for (uint8_t val = 2;; val++) {
        must(vitro_stop_at(w.m, &(struct vitro_stop_at){ .exits = val - 1u }, &err), &err);
        must(vitro_run(w.m, &end, &err), &err);
        if (end.end != VITRO_END_COUNT || w.n == 9)
            break;
        assert_int_equal(vitro_mem_write(w.m, 1, &val, 1), 0);
    }
    check_counted(&w);
    vitro_free(w.m);
    vitro_guest_free(guest);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_another_cpu),
        cmocka_unit_test(by_a_device),
        cmocka_unit_test(by_the_monitor),
    };

    if (argc != 2)
        return 1;
    image = argv[1];
    return cmocka_run_group_tests_name("modified", tests, NULL, NULL);
}
