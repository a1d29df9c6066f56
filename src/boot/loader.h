/* SPDX-License-Identifier: MIT */
/* loader.h - one row a kind of kernel; used by boot.c and the loaders. */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include "boot/plan.h"

struct loader {
    /* Checks img->bytes; fills start, entry (where it is known before planning) and found. */
    int (*read)(struct image *img, struct vitro_err *err);
    /* Takes ranges; fills start, entry and registers of p->plan. */
    int (*plan)(struct planner *p);
    bool modules; /* takes modules besides the initrd */
};

extern const struct loader loader_bzimage, loader_vmlinux, loader_pvh, loader_multiboot,
    loader_multiboot2;

#endif
