/* SPDX-License-Identifier: MIT */
/* hypercall_priv.h - what hypercall.c and hypercall_files.c share. */
#ifndef DEV_HYPERCALL_PRIV_H
#define DEV_HYPERCALL_PRIV_H

#include "dev/hypercall.h"

enum {
    HYPERCALL_PAGE = 4096,
    HYPERCALL_STRING_MAX = 4096, /* bytes looked at for the NUL of a string or path */
    HYPERCALL_CALL_MAX = 65536,  /* bytes of guest memory that one access moves at most */
    HYPERCALL_SPANS = HYPERCALL_CALL_MAX / HYPERCALL_PAGE + 1,
};

/* What one vCPU has written and not yet used, or may still read. */
struct hypercall_cpu {
    uint32_t addr_hi;
    uint32_t buf_len;
    uint64_t hva;
};

struct hypercall {
    struct dev dev; /* first */
    /* set at creation */
    struct machine *m;
    struct chr out;
    struct files files;
    unsigned allow;
    /* guarded by the machine lock */
    struct hypercall_cpu cpu[CPUS_MAX];
    uint8_t bounce[HYPERCALL_CALL_MAX]; /* private copy of what the guest gave or will get */
};

/* A range of guest-linear addresses as the host sees it, a page a span. Good for one access. */
struct guest_range {
    unsigned n;
    struct {
        uint8_t *host;
        uint32_t len;
    } span[HYPERCALL_SPANS];
};

/* False if any byte is not mapped, not memory (ROM, for write) or beyond 2^64. len is bounded by
 * HYPERCALL_CALL_MAX. */
bool guest_range(const struct hypercall *h, gva_t gva, uint32_t len, bool write,
                 struct guest_range *out);

/* Copies all of the range. */
void guest_range_get(const struct guest_range *r, uint8_t *dst);

/* Writes len bytes from the range's byte `off` on; they must lie in the range. */
void guest_range_put(const struct guest_range *r, uint32_t off, const uint8_t *src, uint32_t len);

enum guest_string { STRING_WHOLE, STRING_CUT, STRING_FAULT };

/*
 * guest_string - copy a guest's string into h->bounce
 *
 * len  receives the bytes before its NUL, or all that could be had
 *
 * STRING_CUT: no NUL in HYPERCALL_STRING_MAX bytes; STRING_FAULT: a page before it is not there.
 */
enum guest_string guest_string(struct hypercall *h, gva_t gva, uint32_t *len);

/* Does what the parameter block at gva says. */
void hypercall_file_call(struct hypercall *h, gva_t gva);

#endif
