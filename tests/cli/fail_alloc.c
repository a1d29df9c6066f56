/* SPDX-License-Identifier: MIT */
/*
 * fail_alloc.c - preloaded into the program: the FAIL_AT-th allocation fails (bad-input row H4)
 *
 * With FAIL_AT past the last allocation nothing fails; the file named by FAIL_MARK is created when one did.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_long calls;

static bool fails(void)
{
    const char *at = getenv("FAIL_AT");
    const char *mark = getenv("FAIL_MARK");
    int fd;

    if (at == NULL || atomic_fetch_add(&calls, 1) + 1 != atol(at))
        return false;
    fd = mark != NULL ? open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
    errno = ENOMEM;
    return true;
}

extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t n, size_t len);
extern void *__libc_realloc(void *old, size_t len);

__attribute__((visibility("default"))) void *malloc(size_t len)
{
    return fails() ? NULL : __libc_malloc(len);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t len)
{
    return fails() ? NULL : __libc_calloc(n, len);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t len)
{
    return fails() ? NULL : __libc_realloc(old, len);
}

__attribute__((visibility("default"))) void *mmap(void *at, size_t len, int prot, int flags, int fd,
                                                  off_t off)
{
    static void *(*real)(void *, size_t, int, int, int, off_t);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "mmap");
    return fails() ? MAP_FAILED : real(at, len, prot, flags, fd, off);
}
