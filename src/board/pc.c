/* SPDX-License-Identifier: MIT */
/*
 * pc.c - composes the PC board: memory, kernel (pc_kernel.c), chips (pc_chips.c), CPUs; and puts it all back at a reset
 */
#include "board/pc_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "board/pc_mem.h"
#include "dev/ferr.h"
#include "dev/lapic.h"
#include "host/loop.h"
#include "host/ram.h"

enum { MTRR_ENABLE = 0x800, MTRR_WRITE_BACK = 6 }; /* IA32_MTRR_DEF_TYPE */

/* ---- CPUs ------------------------------------------------------------------------------------ */

/*
 * What firmware does before it starts a kernel: memory types on, write-back wherever page tables say nothing else.
 * Linux leaves the PAT alone on a CPU whose MTRRs are off.
 */
static int enable_mtrrs(struct vcpu *cpu, struct x86_state *s, struct vitro_err *err)
{
    int rc = cpu->m->engine->get(cpu, STATE_ALL, s, err);

    for (uint32_t i = 0; rc == 0 && i < s->nmsrs; i++) {
        if (s->msr[i].index == X86_MSR_MTRR_DEF_TYPE)
            s->msr[i].value = MTRR_ENABLE | MTRR_WRITE_BACK;
    }
    return rc < 0 ? rc : cpu->m->engine->set(cpu, STATE_ALL, s, err);
}

static int add_cpus(struct pc *pc, struct vitro_err *err)
{
    struct machine *m = pc->board.m;
    struct x86_state first, other;
    int rc = 0;

    pc->start = calloc(pc->ncpus, sizeof(*pc->start));
    if (pc->start == NULL)
        return err_set(err, -ENOMEM, "making the CPUs: out of memory");
    boot_state(&pc->plan, &first);
    x86_reset_state(first.apic_base & ~UINT64_C(0x100), &other);
    for (unsigned i = 0; i < pc->ncpus && rc == 0; i++) {
        rc = machine_add_cpu(m, i == 0 ? &first : &other, err);
        if (rc < 0)
            return rc;
        lapic_plug(pc->lapic, m->cpu[i]);
        m->cpu[i]->activity = i == 0 ? X86_RUNNING : X86_WAIT_SIPI;
        m->cpu[i]->ferr = i == 0 ? ferr_wires(pc->ferr) : NULL; /* of the others nobody asks */
        rc = enable_mtrrs(m->cpu[i], &pc->start[i], err);
    }
    lapic_virtual_wire(pc->lapic);
    return rc;
}

static int reset_cpu(struct pc *pc, unsigned i, struct vitro_err *err)
{
    struct vcpu *cpu = pc->board.m->cpu[i];

    vcpu_withdraw(cpu, ~0u);
    cpu->ended = false;
    cpu->activity = i == 0 ? X86_RUNNING : X86_WAIT_SIPI;
    return cpu->m->engine->set(cpu, STATE_ALL, &pc->start[i], err);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int pc_reset(void *ctx, struct vitro_err *err)
{
    struct board *b = ctx;
    struct pc *pc = pc_of(b);
    struct machine *m = b->m;
    int rc;

    for (unsigned i = 0; i < m->ndevs; i++) {
        if (m->dev[i]->ops->reset != NULL)
            m->dev[i]->ops->reset(m->dev[i]);
    }
    panic_reset(&pc->panic);
    for (size_t i = 0; i < m->mem.nslots; i++) /* who keeps what memory held is told */
        (void)mem_host(&m->mem, m->mem.slot[i].base, m->mem.slot[i].len, true);
    ram_clear(b->ram, b->ram_len);
    rc = pc_place_again(pc, err);
    for (unsigned i = 0; i < pc->ncpus && rc == 0; i++)
        rc = reset_cpu(pc, i, err);
    lapic_virtual_wire(pc->lapic);
    return rc;
}

static void pc_fini(struct board *b)
{
    struct pc *pc = pc_of(b);

    loop_free(pc->loop);
    boot_plan_fini(&pc->plan);
    free(pc->start);
}

static int add_parts(struct pc *pc, const struct board_config *cfg, struct vitro_err *err)
{
    struct board *b = &pc->board;
    int rc;

    if ((rc = board_open(b, cfg, err)) < 0 || (rc = loop_new(b->m, &pc->loop, err)) < 0 ||
        (rc = pc_mem_add(b, cfg, err)) < 0 || (rc = pc_load_kernel(pc, cfg, err)) < 0 ||
        (rc = pc_add_chips(pc, cfg, err)) < 0 || (rc = board_add_debug(b, cfg, err)) < 0)
        return rc;
    return add_cpus(pc, err);
}

/* What is the board's own and changes: for checkpoints, and for what comes from the host meanwhile. */
static void add_past(struct pc *pc)
{
    struct machine *m = pc->board.m;

    machine_add_part(m, &pc->panic, sizeof(pc->panic));
    machine_add_part(m, &pc->typed, sizeof(pc->typed));
    pc_take_input(pc);
}

int pc_new(const struct board_config *cfg, struct board **out, struct vitro_err *err)
{
    struct pc *pc;
    int rc;

    pc = calloc(1, sizeof(*pc));
    if (pc == NULL)
        return err_set(err, -ENOMEM, "making the board: out of memory");
    pc->board.fini = pc_fini;
    pc->board.lapic = true;
    pc->ncpus = cfg->ncpus;
    pc->screen = cfg->screen;
    rc = add_parts(pc, cfg, err);
    if (rc < 0) {
        board_free(&pc->board);
        return rc;
    }
    add_past(pc);
    pc->board.m->reset = pc_reset;
    pc->board.m->reset_ctx = &pc->board;
    *out = &pc->board;
    return 0;
}
