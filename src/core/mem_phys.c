/* SPDX-License-Identifier: MIT */
/* mem_phys.c - the one callback between the page walk (x86/walk.h) and guest memory. */
#include "core/mem_phys.h"

static bool read_phys(void *ctx, uint64_t gpa, void *buf, unsigned len)
{
    return mem_get(ctx, gpa, buf, len);
}

struct x86_phys mem_phys(const struct mem *m)
{
    union {
        const struct mem *in;
        void *out;
    } ctx = { .in = m }; /* read_phys only reads it */

    return (struct x86_phys){ read_phys, ctx.out };
}
