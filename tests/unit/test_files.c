/* SPDX-License-Identifier: MIT */
/* test_files.c - a guest's files: no way out of the directory, and descriptors. */
#include "files_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the way in ------------------------------------------------------------------------------ */

static void directory_must_be_one(void **state)
{
    struct fixture *t = *state;
    struct host_files *h = NULL;
    char path[128];

    for (unsigned i = 0; i < 2; i++) {
        struct vitro_err err = { 0 };

        snprintf(path, sizeof(path), "%s/%s", t->in, i == 0 ? "a" : "missing");
        assert_int_equal(files_open(path, false, &h, &err), i == 0 ? -ENOTDIR : -ENOENT);
        assert_int_equal(err.kind, VITRO_ERR_USAGE);
        assert_non_null(strstr(err.text, path));
        assert_null(h);
    }
    files_close(NULL);
}

static void old_kernels_are_refused(void **state)
{
    struct fixture *t = *state;
    struct host_files *h = NULL;
    struct vitro_err err = { 0 };

    open_error = ENOSYS;
    assert_int_equal(files_open(t->in, false, &h, &err), -ENOSYS);
    open_error = 0;
    assert_int_equal(err.kind, VITRO_ERR_HOST);
    assert_non_null(strstr(err.text, "openat2"));
    assert_null(h);
}

static void reads_and_writes_in_the_directory(void **state)
{
    struct fixture *t = *state;

    sees(t, 0, "a", "hello");
    sees(t, 0, "sub/b", "below");
    sees(t, 0, "sub/../a", "hello"); /* does not leave it */
    writes(t, 0, "a", 0, "J");
    host_file_is(t, "a", "Jello");
    writes(t, 0, "a", FILE_APPEND, "!");
    sees(t, 1, "a", "Jello!");
    writes(t, 0, "a", FILE_TRUNCATE, "new");
    host_file_is(t, "a", "new");
}

static void creates_with_umask(void **state)
{
    struct fixture *t = *state;
    mode_t before = umask(027);
    char path[128];
    struct stat st;

    assert_int_equal(f_open(t, 0, "c", RW), -ENOENT);
    writes(t, 0, "c", FILE_CREATE, "made");
    umask(before);
    host_file_is(t, "c", "made");
    snprintf(path, sizeof(path), "%s/c", t->in);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
}

/* Both with and without copy-on-write, for reading and creating. */
static void nothing_leads_out(void **state)
{
    static const struct {
        const char *path;
        int why;
    } rows[] = {
        { "../secret", -EXDEV },   { "sub/../../secret", -EXDEV },
        { "/etc/passwd", -EXDEV }, { "out", -EXDEV },
        { "abs", -EXDEV },         { "up/secret", -EXDEV },
        { "..", -EXDEV },          { "loop", -ELOOP },
        { "magic", -EXDEV },       { "../new", -EXDEV },
        { "out-new", -EXDEV },     { "up/new", -EXDEV },
    };
    static const char *const links[][2] = {
        { "../secret", "out" }, { "/etc/passwd", "abs" }, { "..", "up" },
        { "loop", "loop" },     { "../new", "out-new" },  { "/proc/self/exe", "magic" },
    };
    struct fixture *t = *state;
    char path[128];

    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        snprintf(path, sizeof(path), "%s/%s", t->in, links[i][1]);
        assert_int_equal(symlink(links[i][0], path), 0);
    }
    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            assert_int_equal(f_open(t, 0, rows[i].path, FILE_READ), rows[i].why);
            assert_int_equal(f_open(t, 0, rows[i].path, RW | FILE_CREATE), rows[i].why);
        }
    }
    snprintf(path, sizeof(path), "%s/new", t->top);
    assert_int_equal(access(path, F_OK), -1);
}

static void symlinks_inside_are_followed(void **state)
{
    struct fixture *t = *state;
    char path[128];

    snprintf(path, sizeof(path), "%s/sub/link", t->in);
    assert_int_equal(symlink("../a", path), 0);
    sees(t, 0, "sub/link", "hello");
}

static void only_regular_files(void **state)
{
    static const struct {
        const char *name;
        mode_t mode;
        dev_t dev;
    } rows[] = {
        { "fifo", S_IFIFO | 0600, 0 },
        { "socket", S_IFSOCK | 0600, 0 },
        { "null", S_IFCHR | 0600, 0x103 }, /* needs root */
    };
    struct fixture *t = *state;
    bool made[ARRAY_LEN(rows)];
    char path[128];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(path, sizeof(path), "%s/%s", t->in, rows[i].name);
        made[i] = mknod(path, rows[i].mode, rows[i].dev) == 0;
        if (!made[i])
            print_message("only_regular_files: not tried on %s: %s\n", rows[i].name,
                          strerror(errno));
        assert_true(made[i] || errno == EPERM);
    }
    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            if (!made[i])
                continue;
            assert_int_equal(f_open(t, 0, rows[i].name, FILE_READ), -EACCES);
            assert_int_equal(f_open(t, 0, rows[i].name, FILE_WRITE), -EACCES);
            assert_int_equal(f_open(t, 0, rows[i].name, FILE_WRITE | FILE_CREATE), -EACCES);
        }
        assert_int_equal(f_open(t, 0, "sub", FILE_READ), -EISDIR);
        assert_int_equal(f_open(t, 0, ".", FILE_READ), -EISDIR);
        assert_int_equal(f_open(t, 0, "sub/", RW | FILE_CREATE), -EISDIR);
    }
}

/* Between the look and the opening the file becomes a FIFO. */
static void file_replaced_while_it_is_opened(void **state)
{
    struct fixture *t = *state;
    char fifo[128], a[128];

    snprintf(fifo, sizeof(fifo), "%s/fifo", t->in);
    snprintf(a, sizeof(a), "%s/a", t->in);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    swap.after = 2;
    swap.from = fifo;
    swap.to = a;
    assert_int_equal(f_open(t, 0, "a", FILE_READ), -EACCES);
    assert_int_equal(swap.after, 0);
}

static void endless_renames_are_given_up(void **state)
{
    struct fixture *t = *state;

    open_error = EAGAIN;
    assert_int_equal(f_open(t, 0, "sub/../a", FILE_READ), -EAGAIN);
    open_error = 0;
    sees(t, 0, "sub/../a", "hello");
}

static void bad_paths_and_flags(void **state)
{
    static const unsigned flags[] = {
        0,
        FILE_CREATE,
        FILE_READ | FILE_CREATE,
        FILE_READ | FILE_TRUNCATE,
        FILE_READ | FILE_APPEND,
        FILE_READ | 32,
        UINT32_MAX,
    };
    struct fixture *t = *state;
    char name[4096];

    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        for (size_t i = 0; i < ARRAY_LEN(flags); i++)
            assert_int_equal(f_open(t, 0, "a", flags[i]), -EINVAL);
        assert_int_equal(f_open(t, 0, "", RW | FILE_CREATE), -ENOENT);
        assert_int_equal(f_open(t, 0, "a/", FILE_READ), -ENOTDIR);
        assert_int_equal(f_open(t, 0, "a/x", RW | FILE_CREATE), -ENOTDIR);
        assert_int_equal(f_open(t, 0, "missing/x", RW | FILE_CREATE), -ENOENT);
        memset(name, 'x', sizeof(name));
        name[256] = '\0';
        assert_int_equal(f_open(t, 0, name, RW | FILE_CREATE), -ENAMETOOLONG);
        name[256] = 'x';
        name[4095] = '\0';
        assert_int_equal(f_open(t, 0, name, RW | FILE_CREATE), -ENAMETOOLONG);
    }
    host_file_is(t, "a", "hello");
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static void descriptors_are_small_and_limited(void **state)
{
    struct fixture *t = *state;

    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        for (int fd = 0; fd < FILES_FDS; fd++)
            assert_int_equal(f_open(t, 0, fd % 2 ? "a" : "sub/b", FILE_READ), fd);
        assert_int_equal(f_open(t, 0, "a", FILE_READ), -EMFILE);
        assert_int_equal(f_open(t, 1, "a", FILE_READ), 0); /* a table a machine */
        assert_int_equal(f_close(t, 0, 7), 0);
        assert_int_equal(f_open(t, 0, "a", FILE_READ), 7);
    }
}

static void bad_descriptors_are_refused(void **state)
{
    static const int bad[] = { -1, 0, 1, 2, 3, FILES_FDS, 1000, INT32_MIN, INT32_MAX };
    struct fixture *t = *state;
    char byte;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(f_read(t, 0, bad[i], &byte, 1), -EBADF);
        assert_int_equal(f_write(t, 0, bad[i], "x"), -EBADF);
        assert_int_equal(f_seek(t, 0, bad[i], 0, 0), -EBADF);
        assert_int_equal(f_close(t, 0, bad[i]), -EBADF);
    }
    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        assert_int_equal(f_open(t, 0, "a", FILE_READ), 0);
        assert_int_equal(f_close(t, 1, 0), -EBADF); /* another machine's */
        assert_int_equal(f_write(t, 0, 0, "x"), -EBADF);
        assert_int_equal(f_close(t, 0, 0), 0);
        assert_int_equal(f_close(t, 0, 0), -EBADF);
        assert_int_equal(f_open(t, 0, "a", FILE_WRITE), 0);
        assert_int_equal(f_read(t, 0, 0, &byte, 1), -EBADF);
    }
}

static void closed_files_leave_nothing_behind(void **state)
{
    struct fixture *t = *state;
    char name[16];
    int before;

    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        before = open_fds();
        for (unsigned i = 0; i < 3 * FILES_FDS; i++) {
            snprintf(name, sizeof(name), "f%u", i);
            put_file(t->in, name, name);
            sees(t, 0, name, name);
        }
        assert_int_equal(open_fds(), before);
    }
}

static void seeks_and_ends(void **state)
{
    struct fixture *t = *state;
    char buf[16];
    int fd;

    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        fd = f_open(t, 0, "a", RW);
        assert_int_equal(f_read(t, 0, fd, buf, 2), 2);
        assert_int_equal(f_seek(t, 0, fd, 0, 1), 2);
        assert_int_equal(f_read(t, 0, fd, buf, sizeof(buf)), 3);
        assert_int_equal(f_read(t, 0, fd, buf, sizeof(buf)), 0);
        assert_int_equal(f_seek(t, 0, fd, -2, 2), 3);
        assert_int_equal(f_seek(t, 0, fd, -4, 1), -EINVAL);
        assert_int_equal(f_seek(t, 0, fd, -1, 0), -EINVAL);
        assert_int_equal(f_seek(t, 0, fd, INT64_MIN, 2), -EINVAL);
        assert_int_equal(f_seek(t, 0, fd, 0, 3), -EINVAL);
        assert_int_equal(f_seek(t, 0, fd, 0, -1), -EINVAL);
        assert_int_equal(f_seek(t, 0, fd, 0, 1), 3); /* none of these moved it */
        assert_int_equal(f_seek(t, 0, fd, INT64_MAX, 0), INT64_MAX);
        assert_int_equal(f_seek(t, 0, fd, 1, 1), -EINVAL); /* wraps */
        assert_int_equal(f_seek(t, 0, fd, INT64_MAX, 2), -EINVAL);
        assert_int_equal(f_read(t, 0, fd, buf, sizeof(buf)), 0);
        assert_int_equal(f_write(t, 0, fd, "x"), -EFBIG);
        host_file_is(t, "a", "hello");
    }
}

static void file_size_limit_of_the_host_is_an_error(void **state)
{
    struct fixture *t = *state;
    struct rlimit before, low;
    int fd;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 8;
    for (unsigned cow = 0; cow < 2; cow++) {
        start(t, cow);
        fd = f_open(t, 0, "a", RW);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0); /* SIGXFSZ would end the test */
        assert_int_equal(f_seek(t, 0, fd, 6, 0), 6);
        assert_int_equal(f_write(t, 0, fd, "1234"), 2); /* what there is room for */
        assert_int_equal(f_write(t, 0, fd, "34"), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    }
}

/* ---- interrupted and short system calls ------------------------------------------------------ */

static void interrupted_calls_are_repeated(void **state)
{
    struct fixture *t = *state;
    char buf[8];
    int fd;

    start(t, true);
    interrupts = 30;
    fd = f_open(t, 0, "a", RW);
    assert_int_equal(fd, 0);
    assert_int_equal(interrupts, 0);
    interrupts = 3;
    assert_int_equal(f_write(t, 0, fd, "12345"), 5); /* with the copy made in it */
    assert_int_equal(interrupts, 0);
    assert_int_equal(f_seek(t, 0, fd, 0, 0), 0);
    interrupts = 3;
    assert_int_equal(f_read(t, 0, fd, buf, 5), 5);
    assert_int_equal(interrupts, 0);
    assert_memory_equal(buf, "12345", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(directory_must_be_one),
        TEST(old_kernels_are_refused),
        TEST(reads_and_writes_in_the_directory),
        TEST(creates_with_umask),
        TEST(nothing_leads_out),
        TEST(symlinks_inside_are_followed),
        TEST(only_regular_files),
        TEST(file_replaced_while_it_is_opened),
        TEST(endless_renames_are_given_up),
        TEST(bad_paths_and_flags),
        TEST(descriptors_are_small_and_limited),
        TEST(bad_descriptors_are_refused),
        TEST(closed_files_leave_nothing_behind),
        TEST(seeks_and_ends),
        TEST(file_size_limit_of_the_host_is_an_error),
        TEST(interrupted_calls_are_repeated),
    };

    return cmocka_run_group_tests_name("host/files", tests, NULL, NULL);
}
