/* SPDX-License-Identifier: MIT */
/* board.c - what all boards have: a machine that is open, the debug devices, the end of it all. */
#include "board/board.h"

#include <errno.h>
#include <stdlib.h>

#include "dev/debugcon.h"
#include "dev/debugexit.h"
#include "host/ram.h"

static void end_run(void *ctx, uint32_t value)
{
    struct machine *m = ctx;

    machine_stop(m, STOP_GUEST_EXIT, value, m->accessing != NULL ? (int)m->accessing->idx : -1);
}

/* A machine that has gone back in time says nothing twice. */
static bool is_said(void *ctx)
{
    return rewind_repeats(ctx);
}

int board_open(struct board *b, const struct board_config *cfg, struct vitro_err *err)
{
    int rc;

    chr_fd_init(&b->console, cfg->console_fd);
    b->console.tap = cfg->output;
    b->console.tap_ctx = cfg->output_ctx;
    rc = machine_new(cfg->name, cfg->engine, &b->m, err);
    if (rc < 0)
        return rc;
    b->console.stop = &b->m->stop;
    b->console.mute = is_said;
    b->console.mute_ctx = b->m;
    b->m->cpuid = cfg->cpuid;
    b->m->cpu_model = cfg->cpu_model;
    b->m->ncpus_planned = cfg->ncpus;
    b->m->lapic = b->lapic;
    b->m->clock.counted = cfg->counted;
    b->m->seed = cfg->seed;
    b->m->engine_arg = cfg->engine_arg;
    b->m->tier = cfg->tier;
    b->m->translate = cfg->translate;
    b->m->helper = cfg->helper;
    b->m->sink = (struct event_sink){ .fn = cfg->sink, .ctx = cfg->sink_ctx };
    return machine_open(b->m, err);
}

void board_free(struct board *b)
{
    if (b == NULL)
        return;
    machine_free(b->m);
    if (b->fini != NULL)
        b->fini(b);
    chr_fd_fini(&b->console);
    ram_unmap(b->ram, b->ram_len, b->ram_guard);
    free(b);
}

int board_add_pio(struct board *b, struct dev *dev, uint64_t port, uint64_t len,
                  struct vitro_err *err)
{
    int rc;

    if (dev == NULL)
        return err_set(err, -ENOMEM, "making a device: out of memory");
    rc = machine_add_dev(b->m, dev, err);
    return rc < 0 ? rc : bus_add(&b->m->pio, port, len, dev, err);
}

int board_add_debug(struct board *b, const struct board_config *cfg, struct vitro_err *err)
{
    struct debugexit_line line = { end_run, b->m };
    struct chr console = chr_fd_chr(&b->console);
    int rc = board_add_pio(b, debugcon_new(&console), DEBUGCON_PORT, DEBUGCON_LEN, err);

    if (rc == 0 && cfg->debug_exit_port >= 0)
        rc = board_add_pio(b, debugexit_new(&line), (uint64_t)cfg->debug_exit_port, DEBUGEXIT_LEN,
                           err);
    if (rc == 0 && cfg->hypercalls != 0)
        rc = board_add_pio(b, hypercall_new(b->m, &console, &cfg->files, cfg->hypercalls),
                           HYPERCALL_PORT, HYPERCALL_LEN, err);
    return rc;
}
