/* SPDX-License-Identifier: MIT */
/* test_control.c - machines that stand still in the middle of a run: holds, pauses, what may be changed then. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <vitro/inspect.h>

/* xor eax, eax; mov edx, 0xe9; 1: inc rax; mov [0x800], rax; test al, al; jnz 1b; out dx, al; jmp 1b */
static const unsigned char count_up[] = { 0x31, 0xc0, 0xba, 0xe9, 0,    0,    0,    0x48, 0xff,
                                          0xc0, 0x48, 0x89, 0x04, 0x25, 0x00, 0x08, 0,    0,
                                          0x84, 0xc0, 0x75, 0xf1, 0xee, 0xeb, 0xee };
/* CPU 0 halts at once, the others count: test edi, edi; jnz 1f; hlt; 1: inc rax; jmp 1b */
static const unsigned char one_halts[] = { 0x85, 0xff, 0x75, 0x01, 0xf4,
                                           0x48, 0xff, 0xc0, 0xeb, 0xfb };

struct rig {
    struct vitro_guest *guest;
    struct vitro *m;
    pthread_t thread;
    struct vitro_outcome end;
    int rc;
    _Atomic bool over;
    atomic_ullong bytes; /* of output */
    uint64_t events;
};

static void take_output(void *ctx, const void *bytes, size_t len)
{
    (void)bytes;
    atomic_fetch_add(&((struct rig *)ctx)->bytes, len);
}

static void open_rig(struct rig *r, const void *code, size_t len, struct vitro_config cfg)
{
    const struct vitro_guest_config guest = { .bytes = code, .len = len };

    *r = (struct rig){ 0 };
    assert_int_equal(vitro_guest_open(&guest, &r->guest, NULL), 0);
    cfg.console_fd = -1;
    cfg.output = take_output;
    cfg.output_ctx = r;
    assert_int_equal(vitro_new(&cfg, r->guest, &r->m, NULL), 0);
}

static void close_rig(struct rig *r)
{
    vitro_free(r->m);
    vitro_guest_free(r->guest);
}

static void *run(void *arg)
{
    struct rig *r = arg;

    r->rc = vitro_run(r->m, &r->end, NULL);
    atomic_store(&r->over, true);
    return NULL;
}

static void start(struct rig *r)
{
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

static void wait_for(struct rig *r, enum vitro_end end)
{
    pthread_join(r->thread, NULL);
    assert_int_equal(r->rc, 0);
    assert_int_equal(r->end.end, end);
}

static uint64_t rax(struct rig *r, unsigned cpu)
{
    struct vitro_regs regs;

    assert_int_equal(vitro_regs(r->m, cpu, &regs, NULL), 0);
    return regs.gpr[0];
}

static void nap(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
}

static const struct vitro_config soft = { .engine = VITRO_ENGINE_SOFT };

static void holds(struct rig *r)
{
    uint64_t before = 0;

    start(r);
    for (int i = 0; i < 300; i++) {
        uint64_t now, word;

        vitro_hold(r->m);
        now = rax(r, 0);
        assert_int_equal(vitro_mem_read(r->m, 0x800, &word, sizeof(word)), 0);
        assert_true(now - word <= 1); /* between two instructions, and nobody writes meanwhile */
        assert_int_equal(rax(r, 0), now);
        assert_true(now >= before);
        before = now;
        vitro_release(r->m);
    }
    assert_false(atomic_load(&r->over));
    vitro_stop(r->m, VITRO_STOP_USER);
    wait_for(r, VITRO_END_STOPPED);
}

static void test_holds(void **state)
{
    struct rig r;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    holds(&r);
    close_rig(&r);
}

/* The same where CPUs take turns: what is repeated exactly is not disturbed by looking. */
static void test_deterministic(void **state)
{
    struct vitro_stop_at where = { .insns = 3000000 };
    uint64_t hash[2], insns[2];

    (void)state;
    for (int look = 0; look < 2; look++) {
        struct rig r;

        open_rig(&r, one_halts, sizeof(one_halts),
                 (struct vitro_config){ .deterministic = true, .cpus = 3 });
        assert_int_equal(vitro_stop_at(r.m, &where, NULL), 0);
        start(&r);
        while (look && !atomic_load(&r.over)) {
            vitro_hold(r.m);
            rax(&r, 1);
            vitro_release(r.m);
        }
        wait_for(&r, VITRO_END_COUNT);
        assert_int_equal(vitro_state_hash(r.m, &insns[look], &hash[look], NULL), 0);
        close_rig(&r);
    }
    assert_int_equal(insns[0], insns[1]);
    assert_int_equal(hash[0], hash[1]);
}

static void *holder(void *arg)
{
    struct rig *r = arg;

    while (!atomic_load(&r->over)) {
        vitro_hold(r->m);
        rax(r, 1);
        vitro_release(r->m);
    }
    return NULL;
}

/* Two who hold, three CPUs of which one has halted, and a run that ends meanwhile. */
static void test_many(void **state)
{
    pthread_t other[2];
    struct rig r;

    (void)state;
    for (int round = 0; round < 20; round++) {
        open_rig(&r, one_halts, sizeof(one_halts),
                 (struct vitro_config){ .engine = VITRO_ENGINE_SOFT, .cpus = 3 });
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&other[i], NULL, holder, &r), 0);
        start(&r);
        nap();
        vitro_stop(r.m, VITRO_STOP_USER);
        wait_for(&r, VITRO_END_STOPPED);
        for (int i = 0; i < 2; i++)
            pthread_join(other[i], NULL);
        close_rig(&r);
    }
}

static void test_pause(void **state)
{
    struct rig r;
    uint64_t at, bytes;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    vitro_pause(r.m); /* before it runs */
    start(&r);
    nap();
    vitro_hold(r.m);
    assert_int_equal(rax(&r, 0), 0);
    vitro_release(r.m);
    vitro_resume(r.m);
    while (atomic_load(&r.bytes) == 0)
        nap();
    vitro_pause(r.m);
    vitro_pause(r.m);
    vitro_hold(r.m);
    at = rax(&r, 0);
    vitro_release(r.m);
    nap();
    vitro_hold(r.m);
    assert_int_equal(rax(&r, 0), at);
    vitro_release(r.m);
    vitro_stop(r.m, VITRO_STOP_HOLD); /* ends what stands still */
    wait_for(&r, VITRO_END_HELD);
    vitro_resume(r.m);
    bytes = atomic_load(&r.bytes);
    start(&r);
    while (atomic_load(&r.bytes) == bytes)
        nap();
    vitro_stop(r.m, VITRO_STOP_USER);
    wait_for(&r, VITRO_END_STOPPED);
    assert_true(rax(&r, 0) > at);
    close_rig(&r);
}

/* Looking is no exit of the guest's: neither counted nor among the last ones. */
static void test_exits(void **state)
{
    struct vitro_exit_row rows[8];
    struct rig r;
    size_t n;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    holds(&r);
    assert_int_equal(vitro_exits(r.m, rows, 8, &n, NULL), 0);
    for (size_t i = 0; i < n; i++)
        assert_true(strcmp(rows[i].reason, "kicked") != 0 || rows[i].exits <= 2);
    close_rig(&r);
}

static void test_registers(void **state)
{
    struct vitro_regs regs;
    struct rig r;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    assert_int_equal(vitro_regs(r.m, 0, &regs, NULL), 0);
    regs.gpr[3] = 0x1122334455667788;
    regs.rip = 7;
    regs.rflags = ~UINT64_C(0);
    regs.cr2 = 0xabc000;
    regs.seg[4].base = 0x1000;
    assert_int_equal(
        vitro_regs_set(r.m, 0, &regs, VITRO_REGS_GENERAL | VITRO_REGS_CR2 | VITRO_REGS_BASES, NULL),
        0);
    memset(&regs, 0, sizeof(regs));
    assert_int_equal(vitro_regs(r.m, 0, &regs, NULL), 0);
    assert_int_equal(regs.gpr[3], 0x1122334455667788);
    assert_int_equal(regs.rip, 7);
    assert_int_equal(regs.rflags, 0x3d7fd7);
    assert_int_equal(regs.cr2, 0xabc000);
    assert_int_equal(regs.seg[4].base, 0x1000);
    close_rig(&r);
}

static void test_registers_refused(void **state)
{
    struct vitro_err err = { 0 };
    struct vitro_regs regs;
    struct rig r;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    assert_int_equal(vitro_regs(r.m, 0, &regs, NULL), 0);
    assert_true(vitro_regs_set(r.m, 1, &regs, VITRO_REGS_GENERAL, &err) < 0);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    assert_true(vitro_regs_set(r.m, 0, &regs, 0, NULL) < 0);
    assert_true(vitro_regs_set(r.m, 0, &regs, 2 * VITRO_REGS_EVENTS, NULL) < 0);
    regs.seg[5].base = UINT64_C(1) << 63;
    assert_true(vitro_regs_set(r.m, 0, &regs, VITRO_REGS_BASES, NULL) < 0);
    regs.rip = UINT64_C(1) << 50;
    regs.gpr[3] = 1;
    assert_true(vitro_regs_set(r.m, 0, &regs, VITRO_REGS_GENERAL, NULL) < 0);
    assert_int_equal(vitro_regs(r.m, 0, &regs, NULL), 0);
    assert_int_equal(regs.gpr[3], 0);
    close_rig(&r);
}

static void test_linear(void **state)
{
    unsigned char buf[32];
    struct rig r;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up),
             (struct vitro_config){ .engine = VITRO_ENGINE_SOFT, .page_bytes = 4096 });
    assert_int_equal(vitro_linear_read(r.m, 0, 0, buf, sizeof(count_up), NULL), 0);
    assert_memory_equal(buf, count_up, sizeof(count_up));
    /* over a page's end, and read by the other way */
    assert_int_equal(vitro_linear_write(r.m, 0, 0xffe, "abcdef", 6, NULL), 0);
    assert_int_equal(vitro_mem_read(r.m, 0xffe, buf, 6), 0);
    assert_memory_equal(buf, "abcdef", 6);
    /* the last bytes that are mapped, and one more */
    assert_int_equal(vitro_linear_write(r.m, 0, 0x1ffffc, "wxyz", 4, NULL), 0);
    assert_int_equal(vitro_linear_write(r.m, 0, 0x1ffffc, "ABCDE", 5, NULL), -EFAULT);
    assert_int_equal(vitro_linear_read(r.m, 0, 0x1ffffc, buf, 4, NULL), 0);
    assert_memory_equal(buf, "wxyz", 4);
    assert_int_equal(vitro_linear_read(r.m, 0, 0x1fffff, buf, 2, NULL), -EFAULT);
    assert_int_equal(vitro_linear_read(r.m, 0, UINT64_MAX, buf, 2, NULL), -EINVAL);
    assert_int_equal(vitro_linear_read(r.m, 7, 0, buf, 2, NULL), -EINVAL);
    assert_int_equal(vitro_linear_read(r.m, 0, 0, buf, 0, NULL), 0);
    close_rig(&r);
}

static void count_event(void *ctx, const struct vitro_event *ev)
{
    if (ev->kind == VITRO_EVENT_EXIT)
        ((struct rig *)ctx)->events++;
}

static void test_listen(void **state)
{
    struct vitro_stop_at where = { .exits = 5 };
    struct rig r;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    assert_int_equal(vitro_listen(r.m, count_event, &r, NULL), 0);
    assert_int_equal(vitro_listen(r.m, count_event, &r, NULL), -EBUSY);
    assert_int_equal(vitro_stop_at(r.m, &where, NULL), 0);
    start(&r);
    wait_for(&r, VITRO_END_COUNT);
    assert_int_equal(r.events, 5);
    assert_int_equal(vitro_listen(r.m, NULL, NULL, NULL), 0);
    where.exits = 9;
    assert_int_equal(vitro_stop_at(r.m, &where, NULL), 0);
    start(&r);
    wait_for(&r, VITRO_END_COUNT);
    assert_int_equal(r.events, 5);
    assert_int_equal(atomic_load(&r.bytes), 9);
    close_rig(&r);
}

static uint64_t exits_since(struct rig *r, const struct vitro_exits_mark *mark)
{
    const struct vitro_style json = { .format = VITRO_JSON };
    char *text = NULL;
    uint64_t exits;

    assert_int_equal(vitro_show_exits_since(r->m, mark, &json, &text, NULL), 0);
    exits = strtoull(strchr(text, ':') + 1, NULL, 10); /* "exits" is its first member */
    free(text);
    return exits;
}

/* Holds nest, views in between do not end them, and views without them stop the machine by themselves. */
static void test_nested(void **state)
{
    struct vitro_exits_mark *mark;
    char *text = NULL;
    struct rig r;
    uint64_t at;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    start(&r);
    while (atomic_load(&r.bytes) == 0)
        nap();
    vitro_look(r.m);
    vitro_hold(r.m);
    vitro_hold(r.m);
    vitro_look(r.m);
    vitro_look_away(r.m);
    at = rax(&r, 0);
    assert_int_equal(vitro_show_regs(r.m, 0, true, NULL, &text, NULL), 0);
    free(text);
    vitro_release(r.m);
    nap();
    assert_int_equal(rax(&r, 0), at);
    assert_int_equal(vitro_exits_mark(r.m, &mark, NULL), 0);
    assert_int_equal(exits_since(&r, mark), 0);
    vitro_release(r.m);
    while (exits_since(&r, mark) == 0)
        nap();
    assert_true(rax(&r, 0) > at);
    vitro_look_away(r.m);
    vitro_stop(r.m, VITRO_STOP_USER);
    wait_for(&r, VITRO_END_STOPPED);
    assert_true(exits_since(&r, NULL) > exits_since(&r, mark));
    vitro_exits_mark_free(mark);
    vitro_exits_mark_free(NULL);
    close_rig(&r);
}

/* One moment for two views; the second lets the machine go on, but nobody else hold it. */
static void test_hold_ends(void **state)
{
    struct vitro_exits_mark *mark;
    char *text = NULL;
    struct rig r;
    uint64_t at;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    start(&r);
    while (atomic_load(&r.bytes) == 0)
        nap();
    vitro_hold(r.m);
    assert_int_equal(vitro_exits_mark(r.m, &mark, NULL), 0);
    at = rax(&r, 0);
    vitro_hold_ends(r.m);
    assert_int_equal(exits_since(&r, mark), 0); /* of the same moment, and the last */
    while (rax(&r, 0) == at)
        nap();
    assert_int_equal(vitro_show_walk(r.m, 0, 0x800, NULL, &text, NULL), 0);
    free(text);
    vitro_release(r.m);

    vitro_hold(r.m); /* the next is as ever */
    at = rax(&r, 0);
    nap();
    assert_int_equal(rax(&r, 0), at);
    vitro_release(r.m);
    vitro_exits_mark_free(mark);
    vitro_stop(r.m, VITRO_STOP_USER);
    wait_for(&r, VITRO_END_STOPPED);
    close_rig(&r);
}

static void test_fpu(void **state)
{
    /* fldpi; mov eax, 0x04030201; movd xmm3, eax; hlt: in long mode, with CR4.OSFXSR as guests have it */
    static const unsigned char code[] = {
        0xd9, 0xeb, 0xb8, 1, 2, 3, 4, 0x66, 0x0f, 0x6e, 0xd8, 0xf4
    };
    static const uint8_t pi[10] = { 0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40 };
    static const uint8_t word[16] = { 1, 2, 3, 4 };
    struct vitro_fpu f;
    struct rig r;

    (void)state;
    open_rig(&r, code, sizeof(code), soft);
    assert_int_equal(vitro_fpu(r.m, 0, &f, NULL), 0);
    assert_int_equal(f.fcw, 0x37f);
    assert_int_equal(f.mxcsr, 0x1f80);
    assert_int_equal(f.ftw, 0);
    start(&r);
    wait_for(&r, VITRO_END_HALT);
    assert_int_equal(vitro_fpu(r.m, 0, &f, NULL), 0);
    assert_memory_equal(f.st[0], pi, sizeof(pi));
    assert_memory_equal(f.xmm[3], word, sizeof(word));
    assert_int_equal(f.ftw, 0x80);
    assert_int_equal(vitro_fpu(r.m, 1, &f, NULL), -EINVAL);
    close_rig(&r);
}

static void test_reset(void **state)
{
    struct vitro_err err = { 0 };
    struct rig r;

    (void)state;
    open_rig(&r, count_up, sizeof(count_up), soft);
    assert_int_equal(vitro_reset(r.m, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "no reset"));
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_exits),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_registers_refused),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_hold_ends),
        cmocka_unit_test(test_fpu),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
