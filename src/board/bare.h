/* SPDX-License-Identifier: MIT */
/*
 * bare.h - the bare board: one range of memory at 0, a debug console, and nothing else
 *
 * The base case that everybody learns from is this board with its defaults: 2 MiB, code at 0, page
 * tables at 0x2000, the stack at the top. docs/memory-map.md draws it.
 */
#ifndef BOARD_BARE_H
#define BOARD_BARE_H

#include "boot/image.h"
#include "core/machine.h"
#include "dev/hypercall.h"
#include "host/chr_fd.h"

enum { BARE_TABLES = 0x2000 }; /* preferred place of the page tables */

/* Filled by vitro.c; borrowed for the call. */
struct bare_config {
    const char *name;
    const struct engine_ops *engine;
    const void *engine_arg;
    event_fn *sink; /* NULL: none */
    void *sink_ctx;
    const struct image *image;
    uint64_t mem_bytes;  /* a multiple of 4 KiB, 64 KiB or more */
    uint64_t page_bytes; /* 4 KiB or 0 for the largest the mode has */
    unsigned ncpus;
    int console_fd;      /* -1: drop the guest's output */
    int debug_exit_port; /* -1: none */
    bool cpuid;
    unsigned hypercalls; /* enum hypercall_allow; 0: no such device */
    struct files files;  /* for the hypercall device; borrowed until bare_free */
};

struct bare {
    struct machine *m;
    uint8_t *ram;
    uint64_t ram_len;
    struct chr_fd console;
    /* where the page tables are; ntables 0 without paging */
    gpa_t tables;
    unsigned ntables;
    gpa_t stack_top;
};

WARN_UNUSED int bare_new(const struct bare_config *cfg, struct bare **out, struct vitro_err *err);
void bare_free(struct bare *b);

#endif
