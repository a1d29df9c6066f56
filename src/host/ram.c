/* SPDX-License-Identifier: MIT */
/* ram.c - anonymous mappings between guard pages. */
#include "host/ram.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "base/bits.h"

enum { GUARD = 4096 };

static int check_host(uint64_t len, struct vitro_err *err)
{
    struct sysinfo si;
    uint64_t total;

    if (sysinfo(&si) < 0)
        return 0; /* the mapping itself will tell */
    total = (uint64_t)si.totalram * si.mem_unit;
    if (len <= total)
        return 0;
    return err_class(err, VITRO_ERR_USAGE, -ENOMEM,
                     "guest memory of %" PRIu64 " MiB: this host has %" PRIu64
                     " MiB in all: ask for less with -m",
                     len / MIB, total / MIB);
}

int ram_map(uint64_t len, uint8_t **out, struct vitro_err *err)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    int rc = check_host(len, err);
    uint8_t *at;

    if (rc < 0)
        return rc;
    at = mmap(NULL, len + 2 * GUARD, PROT_NONE, flags, -1, 0); /* MARK: mmap */
    if (at == MAP_FAILED)
        goto fail;
    if (mprotect(at + GUARD, len, PROT_READ | PROT_WRITE) < 0) {
        munmap(at, len + 2 * GUARD);
        goto fail;
    }
    *out = at + GUARD;
    return 0;
fail:
    return err_set(err, -ENOMEM, "mapping %" PRIu64 " MiB of guest memory: %s", len / MIB,
                   strerror(errno));
}

void ram_clear(uint8_t *at, uint64_t len)
{
    if (madvise(at, len, MADV_DONTNEED) < 0)
        memset(at, 0, len);
}

void ram_unmap(uint8_t *at, uint64_t len)
{
    if (at != NULL)
        munmap(at - GUARD, len + 2 * GUARD);
}
