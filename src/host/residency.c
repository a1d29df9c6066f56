/* SPDX-License-Identifier: MIT */
/*
 * residency.c - host pages behind a range of this process
 *
 * Sources: the kernel's Documentation/admin-guide/mm/pagemap.rst (bits of an entry, PAGEMAP_SCAN) and
 * Documentation/filesystems/proc.rst (smaps). Cost: eight bytes read a page, in chunks.
 *
 * GAP: on kernels before 6.7 a range in a mapping that lies only partly on huge pages is not known.
 */
#include "host/residency.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"

enum { PAGE = 4096, CHUNK_PAGES = 2048, AREAS_MAX = 1 << 16, SCAN_REGIONS = 64 };

#define PAGE_BY_PAGE_MAX (4 * GIB)

/* Bits of a pagemap entry. */
#define PM_PRESENT   BIT(63)
#define PM_EXCLUSIVE BIT(56)

/* ---- smaps ----------------------------------------------------------------------------------- */

/* Fields of smaps that make a sum. */
static const struct {
    const char *name;
    size_t sum;
} fields[] = {
    { "Rss", offsetof(struct residency_area, resident) },
    { "AnonHugePages", offsetof(struct residency_area, huge) },
    { "ShmemPmdMapped", offsetof(struct residency_area, huge) },
    { "FilePmdMapped", offsetof(struct residency_area, huge) },
    { "Shared_Clean", offsetof(struct residency_area, shared) },
    { "Shared_Dirty", offsetof(struct residency_area, shared) },
    /* pages of hugetlbfs are in none of the above */
    { "Private_Hugetlb", offsetof(struct residency_area, huge) },
    { "Private_Hugetlb", offsetof(struct residency_area, resident) },
    { "Shared_Hugetlb", offsetof(struct residency_area, huge) },
    { "Shared_Hugetlb", offsetof(struct residency_area, resident) },
    { "Shared_Hugetlb", offsetof(struct residency_area, shared) },
};

static void add_field(struct residency_area *area, const char *line)
{
    char name[32];
    uint64_t kib;

    if (sscanf(line, "%31[A-Za-z_]: %" SCNu64 " kB", name, &kib) != 2)
        return;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(name, fields[i].name) == 0)
            *(uint64_t *)(void *)((char *)area + fields[i].sum) += kib * KIB;
    }
}

static bool add_area(struct residency_look *look, uint64_t start, uint64_t end)
{
    if ((look->n & (look->n - 1)) == 0) { /* full at every power of two */
        size_t cap = look->n != 0 ? 2 * look->n : 1;
        struct residency_area *area = realloc(look->area, cap * sizeof(*area));

        if (area == NULL)
            return false;
        look->area = area;
    }
    look->area[look->n++] = (struct residency_area){ .start = start, .end = end };
    return look->n < AREAS_MAX;
}

static bool read_smaps(struct residency_look *look)
{
    FILE *f;
    char line[512];
    bool ok = true;

    if (look->smaps != RESIDENCY_UNREAD)
        return look->smaps == RESIDENCY_READ;
    f = fopen("/proc/self/smaps", "re");
    while (f != NULL && ok && fgets(line, sizeof(line), f) != NULL) {
        uint64_t start, end;
        char space;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 "%c", &start, &end, &space) == 3)
            ok = add_area(look, start, end);
        else if (look->n > 0)
            add_field(&look->area[look->n - 1], line);
    }
    ok = ok && f != NULL && !ferror(f) && look->n > 0;
    if (f != NULL)
        fclose(f);
    look->smaps = ok ? RESIDENCY_READ : RESIDENCY_FAILED;
    return ok;
}

void residency_fini(struct residency_look *look)
{
    free(look->area);
    *look = (struct residency_look){ 0 };
}

/* ---- page by page ---------------------------------------------------------------------------- */

/* Bytes of [start, end) in the page at addr. */
static uint64_t bytes_in(uint64_t addr, uint64_t start, uint64_t end)
{
    uint64_t from = addr > start ? addr : start;
    uint64_t to = addr + PAGE < end ? addr + PAGE : end;

    return to > from ? to - from : 0;
}

static bool read_chunk(int fd, uint64_t *entry, uint64_t addr, uint64_t npages)
{
    size_t want = npages * sizeof(entry[0]), got = 0;

    while (got < want) {
        ssize_t rc = pread(fd, (char *)entry + got, want - got,
                           (off_t)(addr / PAGE * sizeof(entry[0]) + got));

        if (rc <= 0)
            return false;
        got += (size_t)rc;
    }
    return true;
}

static bool count_pages(uint64_t start, uint64_t end, struct residency *out)
{
    uint64_t entry[CHUNK_PAGES];
    uint64_t addr = start & ~(uint64_t)(PAGE - 1);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0;

    while (ok && addr < end) {
        uint64_t npages = (end - addr + PAGE - 1) / PAGE;

        npages = npages < CHUNK_PAGES ? npages : CHUNK_PAGES;
        ok = read_chunk(fd, entry, addr, npages);
        for (uint64_t i = 0; ok && i < npages; i++, addr += PAGE) {
            if (!(entry[i] & PM_PRESENT))
                continue;
            out->resident += bytes_in(addr, start, end);
            out->shared += entry[i] & PM_EXCLUSIVE ? 0 : bytes_in(addr, start, end);
        }
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

/* PAGEMAP_SCAN of linux/fs.h, Linux 6.7; older headers do not have it. */
struct scan_region {
    uint64_t start, end, categories;
};

struct scan_arg {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN      _IOWR('f', 16, struct scan_arg)
#define SCAN_HUGE BIT(6)

/* Bytes of the range on huge pages, exactly; false when the kernel cannot tell. */
static bool scan_huge(uint64_t start, uint64_t end, uint64_t *huge)
{
    struct scan_region region[SCAN_REGIONS];
    uint64_t at = start & ~(uint64_t)(PAGE - 1);
    uint64_t stop = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    long n = fd >= 0 ? 0 : -1;

    *huge = 0;
    while (n >= 0 && at < stop) {
        struct scan_arg arg = { .size = sizeof(arg),
                                .start = at,
                                .end = stop,
                                .vec = (uintptr_t)region,
                                .vec_len = SCAN_REGIONS,
                                .category_mask = SCAN_HUGE,
                                .return_mask = SCAN_HUGE };

        n = ioctl(fd, SCAN, &arg);
        for (long i = 0; i < n; i++) {
            uint64_t from = region[i].start > start ? region[i].start : start;

            *huge += (region[i].end < end ? region[i].end : end) - from;
        }
        if (n >= 0 && arg.walk_end <= at)
            n = -1;
        at = arg.walk_end;
    }
    if (fd >= 0)
        close(fd);
    return n >= 0;
}

/* Few mappings are partly on huge pages: the totals mostly settle it. */
static bool count_huge(struct residency_look *look, uint64_t start, uint64_t end,
                       struct residency *out)
{
    bool exact = true;
    uint64_t sum = 0;

    if (out->resident == 0)
        return true;
    if (!read_smaps(look))
        return scan_huge(start, end, &out->huge);
    for (size_t i = 0; i < look->n; i++) {
        const struct residency_area *a = &look->area[i];

        if (a->end <= start || a->start >= end || a->huge == 0)
            continue;
        sum += a->huge;
        exact = exact && a->start >= start && a->end <= end;
    }
    out->huge = sum;
    return exact || scan_huge(start, end, &out->huge);
}

/* ---- whole mappings -------------------------------------------------------------------------- */

static bool sum_areas(struct residency_look *look, uint64_t start, uint64_t end,
                      struct residency *out)
{
    if (!read_smaps(look))
        return false;
    for (size_t i = 0; i < look->n; i++) {
        const struct residency_area *a = &look->area[i];

        if (a->end <= start || a->start >= end)
            continue;
        if (a->start < start || a->end > end)
            return false;
        out->resident += a->resident;
        out->huge += a->huge;
        out->shared += a->shared;
    }
    return true;
}

void residency_read(struct residency_look *look, const void *host, uint64_t len,
                    struct residency *out)
{
    uint64_t start = (uintptr_t)host, end;

    *out = (struct residency){ .known = false };
    if (__builtin_add_overflow(start, len, &end) || end > BIT(56))
        return; /* no address of a process */
    if (len <= PAGE_BY_PAGE_MAX)
        out->known = count_pages(start, end, out) && count_huge(look, start, end, out);
    else
        out->known = sum_areas(look, start, end, out);
    if (!out->known)
        *out = (struct residency){ .known = false };
}

static void ask(void *ctx, const void *host, uint64_t len, struct residency *out)
{
    residency_read(ctx, host, len, out);
}

struct host_pages residency_pages(struct residency_look *look)
{
    return (struct host_pages){ ask, look };
}

bool residency_here(const void *page)
{
    unsigned char in = 0;

    return mincore((void *)(uintptr_t)page, PAGE, &in) == 0 && (in & 1);
}
