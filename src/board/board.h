/* SPDX-License-Identifier: MIT */
/*
 * board.h - what a machine is composed from, and what all boards have
 *
 * bare.h: memory and a debug console. pc.h: the PC that kernels of distributions accept. vitro.c fills
 * the configuration and knows boards by this header otherwise.
 */
#ifndef BOARD_BOARD_H
#define BOARD_BOARD_H

#include "board/panic.h"
#include "boot/boot.h"
#include "core/machine.h"
#include "dev/hypercall.h"
#include "host/chr_fd.h"
#include "host/image_file.h"

/* A file that bytes of the image, the initrd or a module are in. */
struct board_origin {
    struct image_file *file; /* borrowed until board_free */
    const uint8_t *bytes;    /* all of it, for the call */
};

/* Filled by vitro.c; borrowed for the call. */
struct board_config {
    const char *name;
    const struct engine_ops *engine;
    const void *engine_arg;
    enum engine_tier tier;
    unsigned translate;              /* enum translate */
    const struct engine_ops *helper; /* executes what the engine refuses; NULL: nobody */
    event_fn *sink;                  /* NULL: none */
    void *sink_ctx;
    const struct image *image;
    uint64_t mem_bytes; /* a multiple of 4 KiB */
    unsigned ncpus;
    bool counted; /* a run that can be repeated: time counts instructions, seed is used */
    uint64_t seed;
    int console_fd;                          /* -1: drop the guest's output */
    int debug_exit_port;                     /* -1: none */
    const struct x86_cpuid_model *cpu_model; /* NULL: the engine's own; borrowed until board_free */
    bool cpuid;                              /* the guest may execute CPUID */
    unsigned hypercalls;                     /* enum hypercall_allow; 0: no such device */
    struct files files; /* for the hypercall device; borrowed until board_free */

    void (*output)(void *ctx, const void *bytes,
                   size_t len); /* gets the guest's output too; NULL: nobody */
    void *output_ctx;

    uint64_t page_bytes; /* bare: 4 KiB or 0 for the largest the mode has */

    /* PC: what its kernel is given */
    const char *cmdline;              /* NULL: none */
    const struct boot_module *initrd; /* NULL: none */
    const struct boot_module *module;
    unsigned nmodules;
    bool screen; /* text memory at 0xb8000 */
    /* Files that are read again at a reset; bytes that are in none are borrowed until board_free. */
    const struct board_origin *origin;
    unsigned norigins;
};

/* First member of every board's own struct. */
struct board {
    struct machine *m;
    uint8_t *ram; /* owned: one mapping behind all slots of RAM */
    uint64_t ram_len, ram_guard;
    struct chr_fd console;
    bool lapic;                    /* set before board_open: each vCPU will have a local APIC */
    struct panic *panic;           /* watches the kernel's console; NULL: nobody does */
    void (*fini)(struct board *b); /* after the machine is gone; NULL: nothing of its own */
};

/* The part common to all: console, an open machine. On failure the caller calls board_free. */
WARN_UNUSED int board_open(struct board *b, const struct board_config *cfg, struct vitro_err *err);

/* Frees the machine, then what the board has, then b itself. NULL is fine. */
void board_free(struct board *b);

/* Hands dev to the machine and claims ports for it. dev NULL: out of memory. */
WARN_UNUSED int board_add_pio(struct board *b, struct dev *dev, uint64_t port, uint64_t len,
                              struct vitro_err *err);

/* The devices any board may have: debug console, debug exit, hypercalls, as cfg says. */
WARN_UNUSED int board_add_debug(struct board *b, const struct board_config *cfg,
                                struct vitro_err *err);

#endif
