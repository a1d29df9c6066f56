/* SPDX-License-Identifier: MIT */
/* test_chr_fd.c - a console against every kind of bad reader (bad-input rows C1, C2). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/chr_fd.h"

static void put(struct chr_fd *c, size_t len)
{
    struct chr chr = chr_fd_chr(c);
    char *bytes = malloc(len);

    assert_non_null(bytes);
    memset(bytes, 'x', len);
    chr_write(&chr, bytes, len);
    free(bytes);
}

static void delivers_all_bytes(void **state)
{
    struct chr_fd c;
    char buf[16];
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    chr_fd_init(&c, fd[1]);
    put(&c, 10);
    assert_int_equal(read(fd[0], buf, sizeof(buf)), 10);
    assert_int_equal(c.written, 10);
    assert_int_equal(c.dropped, 0);
    close(fd[0]);
    close(fd[1]);
}

/* A reader that takes nothing costs one wait, not one a byte; what does not fit is counted. */
static void stopped_reader(void **state)
{
    struct chr_fd c;
    int fd[2];
    char buf[4096];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    chr_fd_init(&c, fd[1]);
    put(&c, 1 << 20);
    assert_true(c.stalled);
    for (int i = 0; i < 1000; i++)
        put(&c, 100);
    assert_int_equal(c.written + c.dropped, (1 << 20) + 100000);
    assert_true(c.written >= 4096);
    assert_int_equal(c.error, 0);
    /* the reader comes back: bytes flow again */
    while (c.stalled) {
        assert_true(read(fd[0], buf, sizeof(buf)) > 0);
        put(&c, 1);
    }
    close(fd[0]);
    close(fd[1]);
}

static void closed_pipe(void **state)
{
    struct chr_fd c;
    int fd[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fd), 0);
    close(fd[0]);
    chr_fd_init(&c, fd[1]);
    put(&c, 100);
    assert_int_equal(c.error, EPIPE);
    assert_int_equal(c.dropped, 100);
    close(fd[1]);
}

static void full_device(void **state)
{
    struct chr_fd c;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    chr_fd_init(&c, fd);
    put(&c, 5);
    assert_int_equal(c.error, ENOSPC);
    assert_int_equal(c.dropped, 5);
    close(fd);
}

static void closed_descriptor(void **state)
{
    struct chr_fd c;
    int fd[2];

    (void)state;
    assert_int_equal(pipe(fd), 0);
    close(fd[0]);
    close(fd[1]);
    chr_fd_init(&c, fd[1]);
    put(&c, 5);
    assert_int_equal(c.dropped, 5);
}

static void no_descriptor(void **state)
{
    struct chr_fd c;

    (void)state;
    chr_fd_init(&c, -1);
    put(&c, 5);
    assert_int_equal(c.dropped, 0);
    assert_int_equal(c.written, 0);
}

/* ---- with a ring ------------------------------------------------------------------------------- */

struct ring_rig {
    struct machine m; /* without CPUs; its clock counts, moved by the test */
    struct loop *loop;
    struct chr_fd c;
    int fd[2];
    unsigned told; /* how often the sender was told to go on */
};

static void go_on(void *ctx)
{
    ((struct ring_rig *)ctx)->told++;
}

static int open_ring(void **state)
{
    struct ring_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->m.clock.counted = true;
    pthread_mutex_init(&r->m.lock, NULL);
    assert_int_equal(pipe(r->fd), 0);
    assert_int_equal(loop_new(&r->m, &r->loop, NULL), 0);
    chr_fd_init(&r->c, r->fd[1]);
    assert_int_equal(chr_fd_open_ring(&r->c, r->loop, &r->m, go_on, r, NULL), 0);
    *state = r;
    return 0;
}

static int close_ring(void **state)
{
    struct ring_rig *r = *state;

    chr_fd_fini(&r->c);
    loop_free(r->loop);
    close(r->fd[0]);
    close(r->fd[1]);
    free(r);
    return 0;
}

/* Bytes that can be told apart by where they are. */
static void put_numbered(struct ring_rig *r, size_t from, size_t n)
{
    struct chr chr = chr_fd_chr(&r->c);

    for (size_t i = from; i < from + n; i++)
        chr_write(&chr, &(uint8_t){ (uint8_t)(i % 251) }, 1);
}

static size_t read_numbered(struct ring_rig *r, size_t from, size_t n)
{
    size_t at = from;

    while (at < from + n) {
        uint8_t buf[4096];
        ssize_t got = read(r->fd[0], buf, n < sizeof(buf) ? n : sizeof(buf));

        assert_true(got > 0);
        for (ssize_t i = 0; i < got; i++, at++)
            assert_int_equal(buf[i], at % 251);
    }
    return at;
}

/* Nobody reads: a sender that asks stops in time, one that does not loses what it is told of. */
static void a_ring_never_waits(void **state)
{
    struct ring_rig *r = *state;
    size_t sent = 0;

    for (; chr_fd_ready(&r->c); sent++)
        put_numbered(r, sent, 1);
    assert_int_equal(r->c.dropped, 0);
    assert_int_equal(r->c.written + r->c.ring.len, sent);
    assert_int_equal(r->c.ring.len, CHR_FD_FULL);
    put_numbered(r, sent, 100000);
    assert_int_equal(r->c.ring.len, CHR_FD_RING);
    assert_int_equal(r->c.written + r->c.ring.len + r->c.dropped, sent + 100000);
}

/* The event loop delivers the rest, in order, when the reader goes on; then the sender may. */
static void the_loop_drains_the_ring(void **state)
{
    struct ring_rig *r = *state;
    size_t sent = 0, had;

    for (; chr_fd_ready(&r->c); sent++)
        put_numbered(r, sent, 1);
    assert_int_equal(r->m.loop.start(r->m.loop.ctx, NULL), 0);
    had = read_numbered(r, 0, sent);
    r->m.loop.stop(r->m.loop.ctx);
    assert_int_equal(had, sent);
    assert_int_equal(r->c.ring.len, 0);
    assert_int_equal(r->c.written, sent);
    assert_int_equal(r->told, 1);
    assert_true(chr_fd_ready(&r->c));
}

/* A second without any progress: the sender is no longer held up, and what does not fit is lost. */
static void patience_ends(void **state)
{
    struct ring_rig *r = *state;
    size_t sent = 0;

    for (; chr_fd_ready(&r->c); sent++)
        put_numbered(r, sent, 1);
    r->m.clock.counted_ns = CHR_FD_PATIENCE_MS * UINT64_C(1000000);
    timers_run(&r->m.timers, clock_ns(&r->m.clock));
    assert_true(r->c.stalled);
    assert_int_equal(r->told, 1);
    assert_true(chr_fd_ready(&r->c));
    chr_fd_settle(&r->c); /* does not wait for who has stopped */
    assert_int_equal(r->c.ring.len, 0);
    assert_int_equal(r->c.written + r->c.dropped, sent);
    assert_int_equal(r->c.dropped, CHR_FD_FULL);
}

static void settling_waits_for_a_reader(void **state)
{
    struct ring_rig *r = *state;
    size_t sent = 0;

    for (; chr_fd_ready(&r->c); sent++)
        put_numbered(r, sent, 1);
    read_numbered(r, 0, 40000); /* a pipe of the usual 64 KiB has room for the rest now */
    chr_fd_settle(&r->c);
    assert_int_equal(r->c.written, sent);
    assert_int_equal(r->c.dropped, 0);
}

static void a_ring_at_a_closed_pipe(void **state)
{
    struct ring_rig *r = *state;
    size_t sent = 0;

    signal(SIGPIPE, SIG_IGN);
    for (; chr_fd_ready(&r->c); sent++)
        put_numbered(r, sent, 1);
    close(r->fd[0]);
    chr_fd_settle(&r->c);
    assert_int_equal(r->c.error, EPIPE);
    assert_int_equal(r->c.written + r->c.dropped, sent);
    r->fd[0] = dup(r->fd[1]);
}

#define RING(name) cmocka_unit_test_setup_teardown(name, open_ring, close_ring)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_all_bytes),
        cmocka_unit_test(stopped_reader),
        cmocka_unit_test(closed_pipe),
        cmocka_unit_test(full_device),
        cmocka_unit_test(closed_descriptor),
        cmocka_unit_test(no_descriptor),
        RING(a_ring_never_waits),
        RING(the_loop_drains_the_ring),
        RING(patience_ends),
        RING(settling_waits_for_a_reader),
        RING(a_ring_at_a_closed_pipe),
    };

    return cmocka_run_group_tests_name("host/chr_fd", tests, NULL, NULL);
}
