/* SPDX-License-Identifier: MIT */
/*
 * residency.h - which host pages stand behind a range of this process; used by the library's face
 *
 * Reads /proc/self/pagemap and /proc/self/smaps, which need no privilege. Pages that the host has not
 * given yet are not touched.
 */
#ifndef HOST_RESIDENCY_H
#define HOST_RESIDENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"

/* One mapping of /proc/self/smaps; sizes in bytes. */
struct residency_area {
    uint64_t start, end; /* end excluded */
    uint64_t resident, huge, shared;
};

/* One look at the host: smaps is read at most once, when first needed. Zero-initialise before use. */
struct residency_look {
    struct residency_area *area; /* owned, by address */
    size_t n;
    enum { RESIDENCY_UNREAD, RESIDENCY_READ, RESIDENCY_FAILED } smaps;
};

/*
 * residency_read - pages behind [host, host + len)
 *
 * Up to 4 GiB page by page; larger ranges from the totals of the mappings that lie in them whole. What
 * cannot be told exactly is not told: known is false then. In the page-by-page form the kernel's zero
 * page counts as resident and shared.
 */
void residency_read(struct residency_look *look, const void *host, uint64_t len,
                    struct residency *out);
void residency_fini(struct residency_look *look);

/* Whether the host has given the page at this address, a multiple of 4 KiB. It is not touched. */
bool residency_here(const void *page);

/* The interface for the views; borrows look. */
struct host_pages residency_pages(struct residency_look *look);

#endif
