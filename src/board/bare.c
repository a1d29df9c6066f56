/* SPDX-License-Identifier: MIT */
/* bare.c - composes the bare board: memory, image, page tables, devices, start state. */
#include "board/bare.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/bits.h"
#include "board/identity.h"
#include "dev/debugcon.h"
#include "dev/debugexit.h"
#include "host/ram.h"

/* Shown to people as the stack; nothing keeps a guest from using more or less. */
enum { STACK_SHOWN = 4096, STACK_GAP = 16384 };

static void end_run(void *ctx, uint32_t value)
{
    struct machine *m = ctx;

    machine_stop(m, STOP_GUEST_EXIT, value, m->accessing != NULL ? (int)m->accessing->idx : -1);
}

/* The row of devices: one place that says which ports this board has. */
static int add_pio(struct bare *b, struct dev *dev, uint64_t port, uint64_t len,
                   struct vitro_err *err)
{
    int rc;

    if (dev == NULL)
        return err_set(err, -ENOMEM, "making a device: out of memory");
    rc = machine_add_dev(b->m, dev, err);
    return rc < 0 ? rc : bus_add(&b->m->pio, port, len, dev, err);
}

static int add_devices(struct bare *b, const struct bare_config *cfg, struct vitro_err *err)
{
    struct debugexit_line line = { end_run, b->m };
    struct chr console = chr_fd_chr(&b->console);
    int rc = add_pio(b, debugcon_new(&console), DEBUGCON_PORT, DEBUGCON_LEN, err);

    if (rc == 0 && cfg->debug_exit_port >= 0)
        rc = add_pio(b, debugexit_new(&line), (uint64_t)cfg->debug_exit_port, DEBUGEXIT_LEN, err);
    if (rc == 0 && cfg->hypercalls != 0)
        rc = add_pio(b, hypercall_new(b->m, &console, &cfg->files, cfg->hypercalls), HYPERCALL_PORT,
                     HYPERCALL_LEN, err);
    return rc;
}

static int add_memory(struct bare *b, const struct bare_config *cfg, struct vitro_err *err)
{
    struct mem_slot slot = { .len = cfg->mem_bytes, .kind = MEM_RAM, .name = "RAM" };
    int rc = ram_map(cfg->mem_bytes, &b->ram, err);

    if (rc < 0)
        return rc;
    b->ram_len = cfg->mem_bytes;
    slot.host = b->ram;
    return machine_add_mem(b->m, &slot, err);
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
static int place_tables(struct bare *b, const struct bare_config *cfg, uint64_t len,
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
                     len / KIB, b->ram_len / KIB);
}

static int add_tables(struct bare *b, const struct bare_config *cfg, struct vitro_err *err)
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
    identity_write(&id, &b->m->mem, b->tables); /* MARK: page-tables */
    return 0;
}

static int add_cpus(struct bare *b, const struct bare_config *cfg, struct vitro_err *err)
{
    struct x86_state start;
    int rc = 0;

    x86_start_state(cfg->image->start, cfg->image->entry, b->stack_top, b->tables, &start);
    for (unsigned i = 0; i < cfg->ncpus && rc == 0; i++) {
        start.gpr[X86_RDI] = i; /* which CPU a guest of several is on */
        start.gpr[X86_RSP] = b->stack_top - (uint64_t)i * STACK_GAP;
        start.apic_base &= i == 0 ? UINT64_MAX : ~UINT64_C(0x100);
        rc = machine_add_cpu(b->m, &start, err);
    }
    return rc;
}

static void note_stacks(struct bare *b, unsigned ncpus)
{
    for (unsigned i = ncpus; i-- > 0;) {
        gpa_t top = b->stack_top - (uint64_t)i * STACK_GAP;

        if (ncpus == 1)
            mem_note(&b->m->mem, MEM_USE_STACK, top - STACK_SHOWN, STACK_SHOWN, "stack");
        else
            mem_note(&b->m->mem, MEM_USE_STACK, top - STACK_SHOWN, STACK_SHOWN, "stack of CPU %u",
                     i);
    }
}

static int check_config(const struct bare_config *cfg, struct vitro_err *err)
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

int bare_new(const struct bare_config *cfg, struct bare **out, struct vitro_err *err)
{
    struct bare *b;
    int rc = check_config(cfg, err);

    if (rc < 0)
        return rc;
    b = calloc(1, sizeof(*b));
    if (b == NULL)
        return err_set(err, -ENOMEM, "making the board: out of memory");
    chr_fd_init(&b->console, cfg->console_fd);
    /* 32-bit code cannot reach a stack above 4 GiB; a hole below it is kept for later devices. */
    b->stack_top = cfg->mem_bytes < 3 * GIB ? cfg->mem_bytes : 3 * GIB;
    rc = machine_new(cfg->name, cfg->engine, &b->m, err);
    if (rc < 0)
        goto fail;
    b->m->cpuid = cfg->cpuid;
    b->m->ncpus_planned = cfg->ncpus;
    b->m->engine_arg = cfg->engine_arg;
    b->m->sink = (struct event_sink){ .fn = cfg->sink, .ctx = cfg->sink_ctx };
    if ((rc = machine_open(b->m, err)) < 0 || (rc = add_memory(b, cfg, err)) < 0 ||
        (rc = image_place(cfg->image, &b->m->mem, err)) < 0 || (rc = add_tables(b, cfg, err)) < 0 ||
        (rc = add_devices(b, cfg, err)) < 0 || (rc = add_cpus(b, cfg, err)) < 0)
        goto fail;
    note_stacks(b, cfg->ncpus);
    *out = b;
    return 0;
fail:
    bare_free(b);
    return rc;
}

void bare_free(struct bare *b)
{
    if (b == NULL)
        return;
    machine_free(b->m);
    ram_unmap(b->ram, b->ram_len);
    free(b);
}
