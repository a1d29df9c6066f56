/* SPDX-License-Identifier: MIT */
/*
 * pc_kernel.c - puts the kernel and the firmware's tables into the PC's memory, and the same once more at a reset
 *
 * What the plan takes from files is not kept: after the first time it is read again, piece by piece, by the plan that
 * was made then. So nothing of the file is judged again, and what is read must be what it was (host/image_file.h).
 */
#include "board/pc_priv.h"

#include <errno.h>

#include "board/acpi.h"
#include "board/pc_mem.h"
#include "host/image_file.h"

/* Where the RSDP is comes back. */
static gpa_t write_tables(struct pc *pc)
{
    struct mem *mem = &pc->board.m->mem;

    mptable_write(mem, pc->ncpus);
    return acpi_write(mem, pc->ncpus);
}

/* Notes the file that the part's bytes are borrowed from; of others they are the plan's own, or the caller's. */
static void note_origin(struct pc *pc, unsigned i, const struct board_config *cfg)
{
    struct image_part *part = &pc->plan.part[i];

    for (unsigned k = 0; k < cfg->norigins && part->len != 0; k++) {
        const struct board_origin *o = &cfg->origin[k];
        uintptr_t at = (uintptr_t)part->bytes, base = (uintptr_t)o->bytes;

        if (at < base || at - base >= image_file_len(o->file))
            continue;
        pc->origin[i] = (struct pc_origin){ .file = o->file, .off = at - base };
        part->bytes = NULL; /* borrowed no longer */
        return;
    }
}

int pc_load_kernel(struct pc *pc, const struct board_config *cfg, struct vitro_err *err)
{
    struct mem *mem = &pc->board.m->mem;
    struct boot_row rows[PC_ROWS_MAX];
    struct boot_request req = {
        .cmdline = cfg->cmdline,
        .initrd = cfg->initrd,
        .module = cfg->module,
        .nmodules = cfg->nmodules,
        .row = rows,
        .nrows = pc_mem_rows(cfg->mem_bytes, rows),
        .rsdp = write_tables(pc),
        .rsdp_len = BOOT_RSDP_MAX,
        .vga_text = cfg->screen,
    };
    int rc;

    if (!mem_get(mem, req.rsdp, req.rsdp_bytes, req.rsdp_len))
        return -EFAULT;
    rc = boot_plan(cfg->image, &req, &pc->plan, err);
    if (rc < 0)
        return rc;
    mem_note(mem, MEM_USE_BOOT, ACPI_BASE, ACPI_BYTES, "ACPI tables");
    mem_note(mem, MEM_USE_BOOT, MPTABLE_BASE, MPTABLE_BYTES, "MP table");
    rc = boot_place(&pc->plan, mem, err);
    for (unsigned i = 0; i < pc->plan.nparts; i++)
        note_origin(pc, i, cfg);
    return rc;
}

static int read_part(struct pc *pc, unsigned i, struct vitro_err *err)
{
    const struct image_part *part = &pc->plan.part[i];
    const struct pc_origin *o = &pc->origin[i];
    uint8_t piece[IMAGE_FILE_PIECE];
    int rc = 0;

    for (uint64_t done = 0, n; done < part->len && rc == 0; done += n) {
        n = IMAGE_FILE_PIECE - (o->off + done) % IMAGE_FILE_PIECE;
        if (n > part->len - done)
            n = part->len - done;
        rc = image_file_read(o->file, o->off + done, piece, (size_t)n, err);
        if (rc == 0 && !mem_put(&pc->board.m->mem, part->gpa + done, piece, n))
            rc = err_set(err, -EFAULT, "placing the %s again: no memory there", part->name);
    }
    return rc;
}

int pc_place_again(struct pc *pc, struct vitro_err *err)
{
    int rc = 0;

    (void)write_tables(pc);
    for (unsigned i = 0; i < pc->plan.nparts && rc == 0; i++) {
        const struct image_part *part = &pc->plan.part[i];

        if (pc->origin[i].file != NULL)
            rc = read_part(pc, i, err);
        else if (!mem_put(&pc->board.m->mem, part->gpa, part->bytes, part->len))
            rc = err_set(err, -EFAULT, "placing the %s again: no memory there", part->name);
    }
    return rc;
}
