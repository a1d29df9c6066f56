/* SPDX-License-Identifier: MIT */
/*
 * test_guests.c - every built-in guest in every mode it comes in, through the public interface only
 *
 * A mode that no engine of this host runs is skipped by name, with the engine's own reason.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <vitro/device.h>
#include <vitro/inspect.h>
#include <vitro/vitro.h>

enum { OUTPUT_MAX = 4096 };

struct result {
    struct vitro_outcome end;
    struct vitro_regs regs;
    char output[OUTPUT_MAX];
    size_t output_len;
    uint32_t word; /* at 0x400 */
};

/* Skips the calling test when no engine runs the guest here. */
static void check(int rc, const struct vitro_err *err)
{
    if (rc == 0)
        return;
    if (err->kind == VITRO_ERR_ENGINE) {
        print_message("cannot run here: %s\n", err->text);
        skip();
    }
    fail_msg("%s", err->text);
}

static void run_guest(const char *name, enum vitro_mode mode, struct vitro_config *cfg,
                      struct result *r)
{
    struct vitro_guest_config gcfg = { .name = name, .mode = mode };
    struct vitro_err err = { 0 };
    struct vitro_guest *guest;
    struct vitro *m;
    int fd = memfd_create("output", MFD_CLOEXEC);
    int rc;

    assert_true(fd >= 0);
    cfg->console_fd = fd;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    rc = vitro_new(cfg, guest, &m, &err);
    if (rc < 0) {
        vitro_guest_free(guest);
        close(fd);
    }
    check(rc, &err);
    check(vitro_run(m, &r->end, &err), &err);
    check(vitro_regs(m, 0, &r->regs, &err), &err);
    vitro_mem_read(m, 0x400, &r->word, sizeof(r->word));
    r->output_len = (size_t)pread(fd, r->output, OUTPUT_MAX - 1, 0);
    r->output[r->output_len] = '\0';
    vitro_free(m);
    vitro_guest_free(guest);
    close(fd);
}

static void check_hello(enum vitro_mode mode)
{
    struct vitro_config cfg = { 0 };
    struct result r = { 0 };

    run_guest("hello", mode, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.end.end, VITRO_END_HALT);
    assert_int_equal(r.end.exits, 15);
    assert_int_equal(r.regs.gpr[0], 42);
    assert_int_equal(r.word, 42);
}

static void hello_real(void **state)
{
    (void)state;
    check_hello(VITRO_MODE_REAL);
}

static void hello_protected(void **state)
{
    (void)state;
    check_hello(VITRO_MODE_PROTECTED);
}

static void hello_paged32(void **state)
{
    (void)state;
    check_hello(VITRO_MODE_PAGED32);
}

static void hello_long(void **state)
{
    (void)state;
    check_hello(VITRO_MODE_LONG);
}

static void hello_on_4k_pages(void **state)
{
    struct vitro_config cfg = { .page_bytes = 4096 };
    struct result r = { 0 };

    (void)state;
    run_guest("hello", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.end.exits, 15);
}

static void hello_in_1_gib(void **state)
{
    struct vitro_config cfg = { .mem_bytes = UINT64_C(1) << 30 };
    struct result r = { 0 };

    (void)state;
    run_guest("hello", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.word, 42);
}

static void pages(void **state)
{
    struct vitro_config cfg = { 0 };
    struct result r = { 0 };

    (void)state;
    run_guest("pages", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "One page, two addresses.\n");
    assert_int_equal(r.end.end, VITRO_END_HALT);
    assert_int_equal(r.regs.gpr[0], 42);
    assert_int_equal(r.word, 42);
}

static void exits_with_a_code(void **state)
{
    struct vitro_config cfg = { 0 };
    struct result r = { 0 };

    (void)state;
    run_guest("exit", VITRO_MODE_LONG, &cfg, &r);
    assert_int_equal(r.end.end, VITRO_END_GUEST_EXIT);
    assert_int_equal(r.end.code, 3);
}

static void faults(void **state)
{
    struct vitro_config cfg = { 0 };
    struct result r = { 0 };

    (void)state;
    run_guest("fault", VITRO_MODE_LONG, &cfg, &r);
    assert_int_equal(r.end.end, VITRO_END_SHUTDOWN);
    assert_int_equal(r.end.cpu, 0);
}

static void *stop_soon(void *arg)
{
    usleep(50000);
    vitro_stop(arg, VITRO_STOP_TIMEOUT);
    return NULL;
}

static void spins_until_stopped(void **state)
{
    struct vitro_guest_config gcfg = { .name = "spin" };
    struct vitro_config cfg = { .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_regs regs;
    pthread_t thread;
    struct vitro *m;

    (void)state;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, m), 0);
    check(vitro_run(m, &end, &err), &err);
    pthread_join(thread, NULL);
    assert_int_equal(end.end, VITRO_END_TIMEOUT);
    assert_int_equal(end.exits, 0);
    check(vitro_regs(m, 0, &regs, &err), &err);
    assert_true(regs.gpr[0] > 0);
    vitro_free(m);
    vitro_guest_free(guest);
}

/* The file next to each guest's source says what it prints; guests whose output varies have none. */
static bool read_expected(const char *guest, char *buf)
{
    char path[512];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "%s/%s/expected", GUESTS_DIR, guest);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, buf, OUTPUT_MAX - 1);
    close(fd);
    assert_true(n >= 0);
    buf[n] = '\0';
    return true;
}

/* Every guest that says it halts does, with 42 in rax and the words it promises. */
static void all_that_halt(void **state)
{
    struct vitro_builtin b;
    unsigned halted = 0;

    (void)state;
    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        struct vitro_config cfg = { 0 };
        struct result r = { 0 };
        char expected[OUTPUT_MAX];

        if (strcmp(b.ends, "halt") != 0)
            continue;
        run_guest(b.name, VITRO_MODE_LONG, &cfg, &r);
        if (r.end.end != VITRO_END_HALT || r.regs.gpr[0] != 42)
            fail_msg("%s: %s, rax = %llu, output:\n%s", b.name, r.end.text,
                     (unsigned long long)r.regs.gpr[0], r.output);
        if (b.output != NULL)
            assert_string_equal(r.output, b.output);
        if (read_expected(b.name, expected))
            assert_string_equal(r.output, expected);
        halted++;
    }
    assert_true(halted >= 7);
}

static void *hello_thread(void *arg)
{
    struct vitro_guest_config gcfg = { .name = "hello" };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest = NULL;
    struct vitro *m = NULL;
    struct result *r = arg;
    struct vitro_config cfg = { .console_fd = memfd_create("output", MFD_CLOEXEC) };

    for (int i = 0; i < 20; i++) {
        if (vitro_guest_open(&gcfg, &guest, &err) < 0 || vitro_new(&cfg, guest, &m, &err) < 0 ||
            vitro_run(m, &end, &err) < 0) {
            snprintf(r->output, OUTPUT_MAX, "%s", err.text);
            vitro_guest_free(guest);
            return NULL;
        }
        r->end.exits += end.exits;
        vitro_free(m);
        vitro_guest_free(guest);
    }
    r->output_len = (size_t)pread(cfg.console_fd, r->output, OUTPUT_MAX - 1, 0);
    close(cfg.console_fd);
    return NULL;
}

/* No state is shared: eight threads make, run and free machines at once. */
static void eight_at_once(void **state)
{
    static struct result r[8];
    pthread_t thread[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hello_thread, &r[i]), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 8; i++) {
        if (strstr(r[i].output, "/dev/kvm") != NULL) {
            print_message("cannot run here: %s\n", r[i].output);
            skip();
        }
        assert_int_equal(r[i].end.exits, 20 * 15);
        assert_int_equal(r[i].output_len, 20 * strlen("Hello, world!\n"));
    }
}

static uint64_t counter_read(void *ctx, uint64_t off, unsigned width)
{
    (void)off;
    (void)width;
    return ++*(unsigned *)ctx;
}

/* in al, 0x77; in al, 0x77; out 0xf4, al */
static const unsigned char two_reads[] = { 0xe4, 0x77, 0xe4, 0x77, 0xe6, 0xf4, 0xf4 };

static void a_device_of_ones_own(void **state)
{
    struct vitro_guest_config gcfg = { .name = "two-reads",
                                       .bytes = two_reads,
                                       .len = sizeof(two_reads) };
    struct vitro_config cfg = { .console_fd = -1, .debug_exit_port = 0xf4 };
    unsigned count = 5;
    struct vitro_device dev = {
        .name = "counter", .base = 0x77, .len = 1, .read = counter_read, .ctx = &count
    };
    struct vitro_device clash = { .name = "clash", .base = 0xe9, .len = 1 };
    struct vitro_err err = { 0 };
    struct vitro_exit_row rows[8];
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m;
    size_t n;

    (void)state;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_add_device(m, &dev, &err), &err);
    assert_int_not_equal(vitro_add_device(m, &clash, &err), 0);
    assert_non_null(strstr(err.text, "debugcon"));
    err = (struct vitro_err){ 0 };
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_GUEST_EXIT);
    assert_int_equal(end.code, 7);
    assert_int_equal(count, 7);
    check(vitro_exits(m, rows, 8, &n, &err), &err);
    assert_int_equal(n, 3); /* two sites of the counter, one of debug exit */
    assert_int_not_equal(vitro_add_device(m, &dev, &err), 0);
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_real),
        cmocka_unit_test(hello_protected),
        cmocka_unit_test(hello_paged32),
        cmocka_unit_test(hello_long),
        cmocka_unit_test(hello_on_4k_pages),
        cmocka_unit_test(hello_in_1_gib),
        cmocka_unit_test(pages),
        cmocka_unit_test(exits_with_a_code),
        cmocka_unit_test(faults),
        cmocka_unit_test(spins_until_stopped),
        cmocka_unit_test(all_that_halt),
        cmocka_unit_test(eight_at_once),
        cmocka_unit_test(a_device_of_ones_own),
    };

    return cmocka_run_group_tests_name("guests", tests, NULL, NULL);
}
