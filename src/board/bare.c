/* SPDX-License-Identifier: MIT */
/* bare.c - composes the bare board: memory, image, page tables, devices, start state. */
#include "board/bare.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/bits.h"
#include "board/identity.h"
#include "host/ram.h"

/* Shown to people as the stack; nothing keeps a guest from using more or less. */
enum { STACK_SHOWN = 4096, STACK_GAP = 16384 };

static int add_memory(struct bare *b, const struct board_config *cfg, struct vitro_err *err)
{
    struct mem_slot slot = { .len = cfg->mem_bytes, .kind = MEM_RAM, .name = "RAM" };
    int rc = ram_map(cfg->mem_bytes, &b->board.ram, &b->board.ram_guard, err);

    if (rc < 0)
        return rc;
    b->board.ram_len = cfg->mem_bytes;
    slot.host = b->board.ram;
    return machine_add_mem(b->board.m, &slot, err);
}

static bool hits_image(const struct image *img, gpa_t base, uint64_t len)
{
    for (unsigned i = 0; i < img->nparts; i++) {
        if (ranges_overlap(img->part[i].gpa, img->part[i].memsz, base, len))
            return true;
    }
    return false;
}

/* The usual place, or the highest free one below the stack when the image lies there. */
static int place_tables(struct bare *b, const struct board_config *cfg, uint64_t len,
                        struct vitro_err *err)
{
    const struct image *img = cfg->image;
    gpa_t at = BARE_TABLES;

    if (!hits_image(img, at, len) && at + len <= b->stack_top - (uint64_t)cfg->ncpus * STACK_GAP) {
        b->tables = at;
        return 0;
    }
    at = b->stack_top - (uint64_t)cfg->ncpus * STACK_GAP;
    for (at = len < at ? (at - len) & ~UINT64_C(0xfff) : 0; at > 0; at -= 4096) {
        if (!hits_image(img, at, len)) {
            b->tables = at;
            return 0;
        }
    }
    return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC,
                     "page tables of %" PRIu64 " KiB: the image leaves no room for them in %" PRIu64
                     " KiB of memory: give it more with -m",
                     len / KIB, b->board.ram_len / KIB);
}

static int add_tables(struct bare *b, const struct board_config *cfg, struct vitro_err *err)
{
    struct identity id = { .start = cfg->image->start,
                           .mem_bytes = cfg->mem_bytes,
                           .page_bytes = cfg->page_bytes };
    int rc = identity_plan(&id, err);

    if (rc < 0 || id.ntables == 0)
        return rc;
    rc = place_tables(b, cfg, id.ntables * UINT64_C(4096), err);
    if (rc < 0)
        return rc;
    b->ntables = id.ntables;
    identity_write(&id, &b->board.m->mem, b->tables); /* MARK: page-tables */
    return 0;
}

static int add_cpus(struct bare *b, const struct board_config *cfg, struct vitro_err *err)
{
    struct x86_state start;
    int rc = 0;

    x86_start_state(cfg->image->start, cfg->image->entry, b->stack_top, b->tables, &start);
    for (unsigned i = 0; i < cfg->ncpus && rc == 0; i++) {
        start.gpr[X86_RDI] = i; /* which CPU a guest of several is on */
        start.gpr[X86_RSP] = b->stack_top - (uint64_t)i * STACK_GAP;
        start.apic_base &= i == 0 ? UINT64_MAX : ~UINT64_C(0x100);
        rc = machine_add_cpu(b->board.m, &start, err);
    }
    return rc;
}

static void note_stacks(struct bare *b, unsigned ncpus)
{
    for (unsigned i = ncpus; i-- > 0;) {
        gpa_t top = b->stack_top - (uint64_t)i * STACK_GAP;

        if (ncpus == 1)
            mem_note(&b->board.m->mem, MEM_USE_STACK, top - STACK_SHOWN, STACK_SHOWN, "stack");
        else
            mem_note(&b->board.m->mem, MEM_USE_STACK, top - STACK_SHOWN, STACK_SHOWN,
                     "stack of CPU %u", i);
    }
}

static int check_config(const struct board_config *cfg, struct vitro_err *err)
{
    if (cfg->mem_bytes % 4096 != 0 || cfg->mem_bytes < 64 * KIB)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "guest memory of %" PRIu64
                         " bytes: it must be a multiple of 4 KiB, and 64 KiB or more",
                         cfg->mem_bytes);
    if (cfg->mem_bytes > 512 * GIB)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "guest memory of %" PRIu64 " GiB: the bare board takes at most 512 GiB",
                         cfg->mem_bytes / GIB);
    if (cfg->ncpus == 0 || cfg->ncpus > CPUS_MAX)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "%u CPUs: a machine has 1 to %d",
                         cfg->ncpus, CPUS_MAX);
    if ((uint64_t)cfg->ncpus * STACK_GAP > cfg->mem_bytes / 2)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "guest memory of %" PRIu64 " KiB: too little for the stacks of %u CPUs",
                         cfg->mem_bytes / KIB, cfg->ncpus);
    return 0;
}

int bare_new(const struct board_config *cfg, struct board **out, struct vitro_err *err)
{
    struct bare *b;
    int rc = check_config(cfg, err);

    if (rc < 0)
        return rc;
    b = calloc(1, sizeof(*b));
    if (b == NULL)
        return err_set(err, -ENOMEM, "making the board: out of memory");
    /* 32-bit code cannot reach a stack above 4 GiB; a hole below it is kept for later devices. */
    b->stack_top = cfg->mem_bytes < 3 * GIB ? cfg->mem_bytes : 3 * GIB;
    if ((rc = board_open(&b->board, cfg, err)) < 0 || (rc = add_memory(b, cfg, err)) < 0 ||
        (rc = image_place(cfg->image, &b->board.m->mem, err)) < 0 ||
        (rc = add_tables(b, cfg, err)) < 0 || (rc = board_add_debug(&b->board, cfg, err)) < 0 ||
        (rc = add_cpus(b, cfg, err)) < 0)
        goto fail;
    note_stacks(b, cfg->ncpus);
    *out = &b->board;
    return 0;
fail:
    board_free(&b->board);
    return rc;
}
