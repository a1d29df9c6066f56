/* SPDX-License-Identifier: MIT */
/*
 * test_guests.c - every built-in guest in every mode, on every engine, through the public interface only
 *
 * What this host's KVM does not run is skipped by name, with the reason that the engine choice gives.
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

#include "evidence.h"

/* A test's state: the engine it runs on. */
static enum vitro_engine kvm = VITRO_ENGINE_KVM, soft = VITRO_ENGINE_SOFT;

/* The choice of an engine says whether KVM runs this guest here, and if not, why. */
static bool kvm_runs(const struct vitro_config *cfg, const struct vitro_guest *guest)
{
    struct vitro_config choose = *cfg;
    struct vitro_err err = { 0 };
    struct vitro *m;
    bool runs;

    choose.engine = VITRO_ENGINE_AUTO;
    if (vitro_new(&choose, guest, &m, &err) < 0)
        fail_msg("%s", err.text);
    runs = strcmp(vitro_engine_name(m), "kvm") == 0;
    if (!runs)
        print_message("cannot run here: %s\n", vitro_engine_why(m));
    vitro_free(m);
    return runs;
}

static void run_guest(const char *name, enum vitro_mode mode, struct vitro_config *cfg,
                      struct evidence *r)
{
    struct vitro_guest_config gcfg = { .name = name, .mode = mode };
    struct vitro_err err = { 0 };
    struct vitro_guest *guest;
    struct vitro *m;
    int fd = memfd_create("output", MFD_CLOEXEC);

    assert_true(fd >= 0);
    cfg->console_fd = fd;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    if (cfg->engine == VITRO_ENGINE_KVM && !kvm_runs(cfg, guest)) {
        vitro_guest_free(guest);
        close(fd);
        skip();
    }
    check(vitro_new(cfg, guest, &m, &err), &err);
    check(vitro_run(m, &r->end, &err), &err);
    evidence_take(m, fd, r);
    vitro_free(m);
    vitro_guest_free(guest);
    close(fd);
}

static void check_hello(enum vitro_engine engine, enum vitro_mode mode)
{
    struct vitro_config cfg = { .engine = engine };
    struct evidence r = { 0 };

    run_guest("hello", mode, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.end.end, VITRO_END_HALT);
    assert_int_equal(r.end.exits, 15);
    assert_int_equal(r.regs.gpr[0], 42);
    assert_int_equal(r.word, 42);
}

static void hello_real(void **state)
{
    check_hello(*(enum vitro_engine *)*state, VITRO_MODE_REAL);
}

static void hello_protected(void **state)
{
    check_hello(*(enum vitro_engine *)*state, VITRO_MODE_PROTECTED);
}

static void hello_paged32(void **state)
{
    check_hello(*(enum vitro_engine *)*state, VITRO_MODE_PAGED32);
}

static void hello_long(void **state)
{
    check_hello(*(enum vitro_engine *)*state, VITRO_MODE_LONG);
}

static void hello_on_4k_pages(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state, .page_bytes = 4096 };
    struct evidence r = { 0 };

    run_guest("hello", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.end.exits, 15);
}

static void hello_in_1_gib(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state,
                                .mem_bytes = UINT64_C(1) << 30 };
    struct evidence r = { 0 };

    run_guest("hello", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.word, 42);
}

static void pages(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state };
    struct evidence r = { 0 };

    run_guest("pages", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "One page, two addresses.\n");
    assert_int_equal(r.end.end, VITRO_END_HALT);
    assert_int_equal(r.regs.gpr[0], 42);
    assert_int_equal(r.word, 42);
}

static void exits_with_a_code(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state };
    struct evidence r = { 0 };

    run_guest("exit", VITRO_MODE_LONG, &cfg, &r);
    assert_int_equal(r.end.end, VITRO_END_GUEST_EXIT);
    assert_int_equal(r.end.code, 3);
}

static void faults(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state };
    struct evidence r = { 0 };

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
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_regs regs;
    pthread_t thread;
    struct vitro *m;

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

    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state };
        struct evidence r = { 0 };
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

/* Of one thread. */
struct share {
    enum vitro_engine engine;
    uint64_t exits;
    char output[OUTPUT_MAX];
};

static void *hello_thread(void *arg)
{
    struct vitro_guest_config gcfg = { .name = "hello" };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest = NULL;
    struct vitro *m = NULL;
    struct share *r = arg;
    struct vitro_config cfg = { .engine = r->engine,
                                .console_fd = memfd_create("output", MFD_CLOEXEC) };

    for (int i = 0; i < 20; i++) {
        if (vitro_guest_open(&gcfg, &guest, &err) < 0 || vitro_new(&cfg, guest, &m, &err) < 0 ||
            vitro_run(m, &end, &err) < 0) {
            snprintf(r->output, OUTPUT_MAX, "%s", err.text);
            vitro_guest_free(guest);
            return NULL;
        }
        r->exits += end.exits;
        vitro_free(m);
        vitro_guest_free(guest);
    }
    if (pread(cfg.console_fd, r->output, OUTPUT_MAX - 1, 0) < 0)
        r->exits = 0;
    close(cfg.console_fd);
    return NULL;
}

/* No state is shared: eight threads make, run and free machines at once. */
static void eight_at_once(void **state)
{
    static struct share r[8];
    pthread_t thread[8];

    memset(r, 0, sizeof(r));
    for (int i = 0; i < 8; i++)
        r[i].engine = *(enum vitro_engine *)*state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hello_thread, &r[i]), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 8; i++) {
        if (strstr(r[i].output, "/dev/kvm") != NULL) {
            print_message("cannot run here: %s\n", r[i].output);
            skip();
        }
        assert_int_equal(r[i].exits, 20 * 15);
        assert_int_equal(strlen(r[i].output), 20 * strlen("Hello, world!\n"));
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
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state,
                                .console_fd = -1,
                                .debug_exit_port = 0xf4 };
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

/* ---- both engines ---------------------------------------------------------------------------- */

static void gather(const char *name, enum vitro_mode mode, enum vitro_engine engine,
                   struct evidence *e)
{
    struct vitro_guest_config gcfg = { .name = name, .mode = mode };
    struct vitro_config cfg = { .engine = engine,
                                .console_fd = memfd_create("output", MFD_CLOEXEC) };
    struct vitro_err err = { 0 };
    struct vitro_guest *guest;
    struct vitro *m;

    *e = (struct evidence){ 0 };
    open_guest(&gcfg, &cfg, &guest, &m);
    check(vitro_run(m, &e->end, &err), &err);
    evidence_take(m, cfg.console_fd, e);
    vitro_free(m);
    vitro_guest_free(guest);
    close(cfg.console_fd);
}

static void compare(const char *name, struct evidence *a, struct evidence *b)
{
    print_message("%s, %s\n", name, a->regs.mode);
    evidence_compare(a, b, strcmp(name, "hyper-time") == 0 || strcmp(name, "hyper-addr") == 0);
}

/* The same console bytes, accesses and final registers, wherever KVM runs the mode. */
static void engines_agree(void **state)
{
    static struct evidence a, b;
    struct vitro_builtin guest;
    unsigned compared = 0;

    (void)state;
    for (unsigned i = 0; vitro_builtin(i, &guest); i++) {
        for (unsigned mode = VITRO_MODE_REAL; mode <= VITRO_MODE_LONG; mode++) {
            if (!guest.modes[mode] || strcmp(guest.ends, "never") == 0)
                continue;
            gather(guest.name, (enum vitro_mode)mode, VITRO_ENGINE_AUTO, &a);
            gather(guest.name, (enum vitro_mode)mode, VITRO_ENGINE_SOFT, &b);
            compare(guest.name, &a, &b);
            compared++;
        }
    }
    assert_true(compared >= 13);
}

static void stops_after_instructions(void **state)
{
    struct vitro_guest_config gcfg = { .name = "spin" };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_regs regs;
    struct vitro *m;

    (void)state;
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_stop_at(m, &(struct vitro_stop_at){ .insns = 20001 }, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_COUNT);
    check(vitro_regs(m, 0, &regs, &err), &err);
    assert_int_equal(regs.gpr[0], 10001); /* inc and jmp in turn */
    assert_int_equal(regs.rip, 3);
    check(vitro_step(m, 0, &end, &err), &err);
    check(vitro_regs(m, 0, &regs, &err), &err);
    assert_int_equal(regs.rip, 0);
    vitro_free(m);
    vitro_guest_free(guest);
}

#define ON_BOTH(fn)                        \
    { #fn "_kvm", fn, NULL, NULL, &kvm },  \
    {                                      \
#fn "_soft", fn, NULL, NULL, &soft \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(hello_real),
        ON_BOTH(hello_protected),
        ON_BOTH(hello_paged32),
        ON_BOTH(hello_long),
        ON_BOTH(hello_on_4k_pages),
        ON_BOTH(hello_in_1_gib),
        ON_BOTH(pages),
        ON_BOTH(exits_with_a_code),
        ON_BOTH(faults),
        ON_BOTH(spins_until_stopped),
        ON_BOTH(all_that_halt),
        ON_BOTH(eight_at_once),
        ON_BOTH(a_device_of_ones_own),
        cmocka_unit_test(engines_agree),
        cmocka_unit_test(stops_after_instructions),
    };

    return cmocka_run_group_tests_name("guests", tests, NULL, NULL);
}
