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
#include <vitro/inspect.h>
#include <vitro/vitro.h>

enum { OUTPUT_MAX = 4096 };

struct result {
    enum vitro_engine engine; /* set before, for the threads */
    struct vitro_outcome end;
    struct vitro_regs regs;
    char output[OUTPUT_MAX];
    size_t output_len;
    uint32_t word; /* at 0x400 */
};

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

/* Skips the calling test when there is no KVM at all. */
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
    check(vitro_regs(m, 0, &r->regs, &err), &err);
    vitro_mem_read(m, 0x400, &r->word, sizeof(r->word));
    r->output_len = (size_t)pread(fd, r->output, OUTPUT_MAX - 1, 0);
    r->output[r->output_len] = '\0';
    vitro_free(m);
    vitro_guest_free(guest);
    close(fd);
}

static void check_hello(enum vitro_engine engine, enum vitro_mode mode)
{
    struct vitro_config cfg = { .engine = engine };
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
    struct result r = { 0 };

    run_guest("hello", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.end.exits, 15);
}

static void hello_in_1_gib(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state,
                                .mem_bytes = UINT64_C(1) << 30 };
    struct result r = { 0 };

    run_guest("hello", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "Hello, world!\n");
    assert_int_equal(r.word, 42);
}

static void pages(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state };
    struct result r = { 0 };

    run_guest("pages", VITRO_MODE_LONG, &cfg, &r);
    assert_string_equal(r.output, "One page, two addresses.\n");
    assert_int_equal(r.end.end, VITRO_END_HALT);
    assert_int_equal(r.regs.gpr[0], 42);
    assert_int_equal(r.word, 42);
}

static void exits_with_a_code(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state };
    struct result r = { 0 };

    run_guest("exit", VITRO_MODE_LONG, &cfg, &r);
    assert_int_equal(r.end.end, VITRO_END_GUEST_EXIT);
    assert_int_equal(r.end.code, 3);
}

static void faults(void **state)
{
    struct vitro_config cfg = { .engine = *(enum vitro_engine *)*state };
    struct result r = { 0 };

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
    struct vitro_config cfg = { .engine = r->engine,
                                .console_fd = memfd_create("output", MFD_CLOEXEC) };

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

/* One run for comparison: what it printed, how it ended, why it left the guest, and its registers. */
struct evidence {
    struct result r;
    struct vitro_exit_row row[64];
    size_t nrows;
};

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
    check(vitro_guest_open(&gcfg, &guest, &err), &err);
    check(vitro_new(&cfg, guest, &m, &err), &err);
    check(vitro_run(m, &e->r.end, &err), &err);
    check(vitro_regs(m, 0, &e->r.regs, &err), &err);
    check(vitro_exits(m, e->row, 64, &e->nrows, &err), &err);
    vitro_mem_read(m, 0x400, &e->r.word, sizeof(e->r.word));
    e->r.output_len = (size_t)pread(cfg.console_fd, e->r.output, OUTPUT_MAX - 1, 0);
    vitro_free(m);
    vitro_guest_free(guest);
    close(cfg.console_fd);
}

/* Rows in an order of their own: counts tie in many ways. */
static int by_key(const void *left, const void *right)
{
    const struct vitro_exit_row *a = left, *b = right;

    if (a->rip != b->rip)
        return a->rip < b->rip ? -1 : 1;
    return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static void compare(const char *name, struct evidence *a, struct evidence *b)
{
    bool varies = strcmp(name, "hyper-time") == 0 || strcmp(name, "hyper-addr") == 0;

    print_message("%s, %s\n", name, a->r.regs.mode);
    assert_int_equal(a->r.end.end, b->r.end.end);
    assert_int_equal(a->r.end.rip, b->r.end.rip);
    assert_int_equal(a->r.end.code, b->r.end.code);
    assert_int_equal(a->r.word, b->r.word);
    if (!varies)
        assert_string_equal(a->r.output, b->r.output);
    assert_int_equal(a->nrows, b->nrows);
    qsort(a->row, a->nrows, sizeof(a->row[0]), by_key);
    qsort(b->row, b->nrows, sizeof(b->row[0]), by_key);
    for (size_t i = 0; i < a->nrows; i++) {
        assert_string_equal(a->row[i].reason, b->row[i].reason);
        assert_int_equal(a->row[i].addr, b->row[i].addr);
        assert_int_equal(a->row[i].rip, b->row[i].rip);
        assert_int_equal(a->row[i].accesses, b->row[i].accesses);
    }
    if (varies || a->r.end.end != VITRO_END_HALT)
        return; /* after a triple fault hosts differ in what they keep */
    assert_memory_equal(a->r.regs.gpr, b->r.regs.gpr, sizeof(a->r.regs.gpr));
    assert_int_equal(a->r.regs.rip, b->r.regs.rip);
    assert_int_equal(a->r.regs.rflags, b->r.regs.rflags);
    assert_int_equal(a->r.regs.cr0, b->r.regs.cr0);
    assert_int_equal(a->r.regs.cr3, b->r.regs.cr3);
    assert_int_equal(a->r.regs.cr4, b->r.regs.cr4);
    assert_int_equal(a->r.regs.efer, b->r.regs.efer);
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
