/* SPDX-License-Identifier: MIT */
/* test_files_cow.c - a guest's files: copy-on-write between machines. */
#include "files_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void cow_machines_do_not_see_each_other(void **state)
{
    struct fixture *t = *state;

    start(t, true);
    writes(t, 0, "a", 0, "0000");
    sees(t, 0, "a", "0000o");
    sees(t, 0, "./sub/../a", "0000o"); /* by whatever name */
    sees(t, 1, "a", "hello");
    host_file_is(t, "a", "hello");
    writes(t, 1, "a", FILE_APPEND, "!1");
    writes(t, 0, "a", FILE_APPEND, "!0");
    sees(t, 0, "a", "0000o!0");
    sees(t, 1, "a", "hello!1");
    writes(t, 0, "a", FILE_TRUNCATE, "t");
    writes(t, 0, "sub/b", FILE_TRUNCATE, "s"); /* its first write */
    sees(t, 0, "a", "t");
    sees(t, 0, "sub/b", "s");
    sees(t, 1, "a", "hello!1");
    host_file_is(t, "a", "hello");
    host_file_is(t, "sub/b", "below");
}

static void cow_open_for_writing_alone_copies_nothing(void **state)
{
    struct fixture *t = *state;
    int fd;

    start(t, true);
    fd = f_open(t, 0, "a", RW);
    assert_true(fd >= 0);
    assert_int_equal(f_write(t, 0, fd, ""), 0);
    put_file(t->in, "a", "changed by the host");
    sees(t, 0, "a", "changed by the host"); /* still the shared file */
    assert_int_equal(f_write(t, 0, fd, "C"), 1);
    put_file(t->in, "a", "again");
    sees(t, 0, "a", "Changed by the host");
    sees(t, 1, "a", "again");
}

static void cow_old_descriptors_see_the_copy(void **state)
{
    struct fixture *t = *state;
    char buf[16] = "";
    int old, new;

    start(t, true);
    old = f_open(t, 0, "a", FILE_READ);
    new = f_open(t, 0, "a", RW);
    assert_int_equal(f_read(t, 0, old, buf, 1), 1);
    assert_int_equal(f_seek(t, 0, new, 2, 0), 2);
    assert_int_equal(f_write(t, 0, new, "LL"), 2);
    assert_int_equal(f_read(t, 0, old, buf, sizeof(buf)), 4); /* its own position */
    assert_memory_equal(buf, "eLLo", 4);
    assert_int_equal(f_close(t, 0, new), 0);
    assert_int_equal(f_seek(t, 0, old, 0, 2), 5);
}

static void cow_hard_links_are_one_file(void **state)
{
    struct fixture *t = *state;
    char a[128], b[128];

    snprintf(a, sizeof(a), "%s/a", t->in);
    snprintf(b, sizeof(b), "%s/b", t->in);
    assert_int_equal(link(a, b), 0);
    start(t, true);
    writes(t, 0, "a", 0, "H");
    sees(t, 0, "b", "Hello");
}

static void cow_created_files_are_private(void **state)
{
    struct fixture *t = *state;

    start(t, true);
    writes(t, 0, "new", FILE_CREATE, "mine");
    sees(t, 0, "new", "mine");
    sees(t, 0, "sub/../new", "mine");
    assert_int_equal(f_open(t, 0, "sub/new", FILE_READ), -ENOENT);
    assert_int_equal(f_open(t, 1, "new", FILE_READ), -ENOENT);
    host_file_is(t, "new", "");
    put_file(t->in, "new", "the host's"); /* a machine's own view does not change under it */
    sees(t, 0, "new", "mine");
    sees(t, 1, "new", "the host's");
    writes(t, 0, "new", FILE_CREATE | FILE_TRUNCATE, "2");
    sees(t, 0, "new", "2");
    host_file_is(t, "new", "the host's");
}

/* A replaced file is another file, even if the number of its inode could be used again. */
static void cow_copy_belongs_to_the_file_not_the_name(void **state)
{
    struct fixture *t = *state;
    char path[128];

    start(t, true);
    writes(t, 0, "a", 0, "old");
    snprintf(path, sizeof(path), "%s/a", t->in);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(unlink(path), 0);
        put_file(t->in, "a", "fresh");
        sees(t, 0, "a", "fresh");
    }
}

static void cow_files_over_64m_are_refused(void **state)
{
    struct fixture *t = *state;
    char path[128], byte;
    int fd;

    snprintf(path, sizeof(path), "%s/a", t->in);
    assert_int_equal(truncate(path, (off_t)FILES_COPY_MAX + 1), 0);
    start(t, true);
    fd = f_open(t, 0, "a", RW);
    assert_int_equal(f_write(t, 0, fd, "x"), -EFBIG);
    assert_int_equal(f_read(t, 0, fd, &byte, 1), 1);
    assert_int_equal(byte, 'h');
    assert_int_equal(truncate(path, (off_t)FILES_COPY_MAX), 0);
    assert_int_equal(f_seek(t, 0, fd, 0, 0), 0);
    assert_int_equal(f_write(t, 0, fd, "x"), 1);
    assert_int_equal(f_seek(t, 0, fd, -1, 2), FILES_COPY_MAX - 1);
    assert_int_equal(f_write(t, 0, fd, "yz"), 1); /* it cannot grow either */
    assert_int_equal(f_write(t, 0, fd, "z"), -EFBIG);
    assert_int_equal(f_seek(t, 0, fd, 0, 2), FILES_COPY_MAX);
}

static void cow_copies_are_limited_together(void **state)
{
    struct fixture *t = *state;
    char name[16];

    start(t, true);
    for (unsigned i = 0; i < 4; i++) { /* 4 x 64 MiB, nearly all holes */
        snprintf(name, sizeof(name), "big%u", i);
        assert_int_equal(f_open(t, 0, name, RW | FILE_CREATE), i);
        assert_int_equal(f_seek(t, 0, (int)i, FILES_COPY_MAX - 1, 0), FILES_COPY_MAX - 1);
        assert_int_equal(f_write(t, 0, (int)i, "x"), 1);
    }
    assert_int_equal(f_open(t, 0, "a", RW), 4);
    assert_int_equal(f_write(t, 0, 4, "x"), -ENOSPC);
    assert_int_equal(f_open(t, 0, "new", RW | FILE_CREATE), 5); /* empty is fine */
    assert_int_equal(f_write(t, 0, 5, "x"), -ENOSPC);
    assert_int_equal(f_open(t, 0, "big2", RW | FILE_TRUNCATE), 6);
    assert_int_equal(f_write(t, 0, 4, "x"), 1);
    assert_int_equal(f_write(t, 0, 5, "x"), 1);
    assert_int_equal(f_close(t, 0, 6), 0);
    for (unsigned i = 6; i < FILES_COPIES; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        writes(t, 0, name, FILE_CREATE, "x");
    }
    assert_int_equal(f_open(t, 0, "one-more", RW | FILE_CREATE), -ENOSPC);
    assert_int_equal(f_open(t, 0, "sub/b", RW), 6);
    assert_int_equal(f_write(t, 0, 6, "x"), -ENOSPC);
    for (int fd = 7; fd < FILES_FDS; fd++) /* copies take no descriptor away */
        assert_int_equal(f_open(t, 0, "sub/b", FILE_READ), fd);
}

/* A copy that cannot be finished leaves the shared file in place. */
static void failed_copy_is_no_copy(void **state)
{
    struct fixture *t = *state;
    int fd;

    start(t, true);
    fd = f_open(t, 0, "a", RW);
    write_error = ENOSPC;
    assert_int_equal(f_write(t, 0, fd, "12345"), -ENOSPC);
    write_error = 0;
    sees(t, 0, "a", "hello");
    assert_int_equal(f_write(t, 0, fd, "J"), 1);
    sees(t, 0, "a", "Jello");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cow_machines_do_not_see_each_other),
        TEST(cow_open_for_writing_alone_copies_nothing),
        TEST(cow_old_descriptors_see_the_copy),
        TEST(cow_hard_links_are_one_file),
        TEST(cow_created_files_are_private),
        TEST(cow_copy_belongs_to_the_file_not_the_name),
        TEST(cow_files_over_64m_are_refused),
        TEST(cow_copies_are_limited_together),
        TEST(failed_copy_is_no_copy),
    };

    return cmocka_run_group_tests_name("host/files cow", tests, NULL, NULL);
}
