/* SPDX-License-Identifier: MIT */
/* ram.c - anonymous mappings between guards. */
#include "host/ram.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "base/bits.h"

#define GUARD UINT64_C(0x100000000)

enum { GUARD_LEAST = 4096 };

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

static uint8_t *map_between(uint64_t len, uint64_t guard)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    uint8_t *at = mmap(NULL, len + 2 * guard, PROT_NONE, flags, -1, 0); /* MARK: mmap */

    if (at == MAP_FAILED)
        return NULL;
    if (mprotect(at + guard, len, PROT_READ | PROT_WRITE) < 0) {
        munmap(at, len + 2 * guard);
        return NULL;
    }
    return at + guard;
}

int ram_map(uint64_t len, uint8_t **out, uint64_t *guard, struct vitro_err *err)
{
    int rc = check_host(len, err);

    if (rc < 0)
        return rc;
    *guard = GUARD;
    *out = map_between(len, *guard);
    if (*out == NULL) {
        *guard = GUARD_LEAST;
        *out = map_between(len, *guard);
    }
    if (*out != NULL)
        return 0;
    return err_set(err, -ENOMEM, "mapping %" PRIu64 " MiB of guest memory: %s", len / MIB,
                   strerror(errno));
}

void ram_clear(uint8_t *at, uint64_t len)
{
    if (madvise(at, len, MADV_DONTNEED) < 0)
        memset(at, 0, len);
}

void ram_unmap(uint8_t *at, uint64_t len, uint64_t guard)
{
    if (at != NULL)
        munmap(at - guard, len + 2 * guard);
}
