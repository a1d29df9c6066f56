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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_all_bytes), cmocka_unit_test(stopped_reader),
        cmocka_unit_test(closed_pipe),        cmocka_unit_test(full_device),
        cmocka_unit_test(closed_descriptor),  cmocka_unit_test(no_descriptor),
    };

    return cmocka_run_group_tests_name("host/chr_fd", tests, NULL, NULL);
}
