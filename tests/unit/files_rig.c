/* SPDX-License-Identifier: MIT */
/* files_rig.c - the calls in front of the C library's, and the directory. */
#include "files_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned interrupts;
int write_error;
int open_error;
struct swap swap;

static long raw_syscall(long n, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    if (ret >= 0 || ret < -4095)
        return ret;
    errno = (int)-ret;
    return -1;
}

/* -1 with errno set if the call shall fail. */
static int disturb(int error)
{
    if (interrupts == 0 && error == 0)
        return 0;
    errno = interrupts > 0 ? EINTR : error;
    interrupts -= interrupts > 0;
    return -1;
}

ssize_t pread(int fd, void *buf, size_t len, off_t pos)
{
    return disturb(0) < 0 ? -1 : raw_syscall(SYS_pread64, fd, (long)buf, (long)len, pos);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t pos)
{
    return disturb(write_error) < 0 ? -1 : raw_syscall(SYS_pwrite64, fd, (long)buf, (long)len, pos);
}

/* Four arguments at most: files_node.c uses it for openat2 only. */
long syscall(long n, ...)
{
    long arg[4];
    va_list ap;

    va_start(ap, n);
    for (unsigned i = 0; i < 4; i++)
        arg[i] = va_arg(ap, long);
    va_end(ap);
    if (n == SYS_openat2) {
        if (disturb(open_error) < 0)
            return -1;
        if (swap.after > 0 && --swap.after == 0)
            assert_int_equal(rename(swap.from, swap.to), 0);
    }
    return raw_syscall(n, arg[0], arg[1], arg[2], arg[3]);
}

int open_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

void put_file(const char *dir, const char *name, const char *text)
{
    char path[128];
    FILE *f;

    assert_in_range(snprintf(path, sizeof(path), "%s/%s", dir, name), 1, sizeof(path) - 1);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* What the host has in a file of the guest's directory; "" when there is no such file. */
static const char *host_text(struct fixture *t, const char *name, char *buf, size_t size)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", t->in, name);
    f = fopen(path, "r");
    buf[f != NULL ? fread(buf, 1, size - 1, f) : 0] = '\0';
    if (f != NULL)
        fclose(f);
    return buf;
}

void host_file_is(struct fixture *t, const char *name, const char *text)
{
    char buf[128] = "";

    memset(buf, 0, sizeof(buf));
    assert_string_equal(host_text(t, name, buf, sizeof(buf)), text);
}

void start(struct fixture *t, bool cow)
{
    for (unsigned i = 0; i < 2; i++) {
        files_close(t->h[i]);
        assert_int_equal(files_open(t->in, cow, &t->h[i], NULL), 0);
        t->f[i] = files_iface(t->h[i]);
    }
}

int setup(void **state)
{
    struct fixture *t = calloc(1, sizeof(*t));
    char path[128];

    t->fds = open_fds();
    strcpy(t->top, "/tmp/vitro-files-XXXXXX");
    assert_non_null(mkdtemp(t->top));
    snprintf(t->in, sizeof(t->in), "%s/in", t->top);
    assert_int_equal(mkdir(t->in, 0755), 0);
    snprintf(path, sizeof(path), "%s/sub", t->in);
    assert_int_equal(mkdir(path, 0755), 0);
    put_file(t->top, "secret", "secret");
    put_file(t->in, "a", "hello");
    put_file(path, "b", "below");
    start(t, false);
    *state = t;
    return 0;
}

int teardown(void **state)
{
    struct fixture *t = *state;
    char command[64];

    files_close(t->h[0]);
    files_close(t->h[1]);
    assert_int_equal(open_fds(), t->fds); /* nothing leaks in any test */
    snprintf(command, sizeof(command), "rm -rf %s", t->top);
    assert_int_equal(system(command), 0);
    free(t);
    return 0;
}

int f_open(struct fixture *t, int who, const char *path, unsigned flags)
{
    return t->f[who].ops->open(t->f[who].ctx, path, flags);
}

int64_t f_read(struct fixture *t, int who, int fd, void *buf, uint32_t len)
{
    return t->f[who].ops->read(t->f[who].ctx, fd, buf, len);
}

int64_t f_write(struct fixture *t, int who, int fd, const char *text)
{
    return t->f[who].ops->write(t->f[who].ctx, fd, text, (uint32_t)strlen(text));
}

int64_t f_seek(struct fixture *t, int who, int fd, int64_t off, int whence)
{
    return t->f[who].ops->seek(t->f[who].ctx, fd, off, whence);
}

int f_close(struct fixture *t, int who, int fd)
{
    return t->f[who].ops->close(t->f[who].ctx, fd);
}

void sees(struct fixture *t, int who, const char *path, const char *text)
{
    char buf[128] = "";
    int fd = f_open(t, who, path, FILE_READ);

    assert_true(fd >= 0);
    assert_int_equal(f_read(t, who, fd, buf, sizeof(buf) - 1), strlen(text));
    assert_string_equal(buf, text);
    assert_int_equal(f_close(t, who, fd), 0);
}

void writes(struct fixture *t, int who, const char *path, unsigned flags, const char *text)
{
    int fd = f_open(t, who, path, FILE_WRITE | flags);

    assert_true(fd >= 0);
    assert_int_equal(f_write(t, who, fd, text), strlen(text));
    assert_int_equal(f_close(t, who, fd), 0);
}
