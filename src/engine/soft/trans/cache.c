/* SPDX-License-Identifier: MIT */
/* cache.c - the two mappings of the memory for translated code. */
#include "engine/soft/trans/cache.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int map_twice(struct trans_cache *cache, int fd)
{
    void *rw, *rx;

    if (ftruncate(fd, (off_t)cache->len) < 0)
        return -errno;
    rw = mmap(NULL, cache->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rw == MAP_FAILED)
        return -errno;
    rx = mmap(NULL, cache->len, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (rx == MAP_FAILED) {
        int rc = -errno;

        munmap(rw, cache->len);
        return rc;
    }
    cache->rw = rw;
    cache->rx = rx;
    return 0;
}

/* The flag is newer than some hosts' kernels, and where it is missing such files are executable anyway. */
static int open_file(void)
{
#ifdef MFD_EXEC
    int fd = memfd_create("vitro-code", MFD_CLOEXEC | MFD_EXEC);

    if (fd >= 0 || errno != EINVAL)
        return fd;
#endif
    return memfd_create("vitro-code", MFD_CLOEXEC);
}

/*
 * Without a file: perf takes shared memory that has no name for code that somebody has generated, and asks a map for
 * its symbols. An old size of 0 gives the pages a second place (mremap(2)).
 */
static int map_without_file(struct trans_cache *cache)
{
    uint8_t *rw, *rx;
    int rc;

    rw = mmap(NULL, cache->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (rw == MAP_FAILED)
        return -errno;
    rx = mremap(rw, 0, cache->len, MREMAP_MAYMOVE);
    if (rx != MAP_FAILED && mprotect(rx, cache->len, PROT_READ | PROT_EXEC) == 0) {
        cache->rw = rw;
        cache->rx = rx;
        return 0;
    }
    rc = -errno;
    munmap(rw, cache->len);
    if (rx != MAP_FAILED)
        munmap(rx, cache->len);
    return rc;
}

static int map_file(struct trans_cache *cache)
{
    int fd = open_file(), rc;

    rc = fd < 0 ? -errno : map_twice(cache, fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

int trans_cache_open(struct trans_cache *cache, size_t len, bool perf, struct vitro_err *err)
{
    int rc;

    *cache = (struct trans_cache){ .len = len };
    rc = perf ? map_without_file(cache) : map_file(cache);
    if (rc < 0)
        return err_set(err, rc, "mapping memory for translated code: %s", strerror(-rc));
    return 0;
}

void trans_cache_close(struct trans_cache *cache)
{
    union {
        const uint8_t *in;
        void *out;
    } rx = { .in = cache->rx };

    if (cache->rw == NULL)
        return;
    munmap(cache->rw, cache->len);
    munmap(rx.out, cache->len);
    *cache = (struct trans_cache){ 0 };
}
