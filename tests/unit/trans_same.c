/* SPDX-License-Identifier: MIT */
/* trans_same.c - see trans_same.h */
#include "trans_same.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"

enum { PAGE = 4096, ARITHMETIC = 0x8d5 };

static void set_up(struct soft_cpu *c)
{
    le_put(c->s.xsave, 2, FCW_INIT);
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
}

struct pair *same_open(const struct trans_config *config)
{
    struct pair *p = pair_open(config, set_up);

    p->gen.fs_base = WINDOW + WINDOW_DATA;
    return p;
}

void same_begin(struct pair *p, struct side *s, const uint8_t code[PAGE], const uint8_t *data,
                const struct native_regs *regs)
{
    struct soft_cpu *c = s->rig.c;

    memcpy(s->rig.code, code, PAGE);
    memcpy(s->rig.data, data, WINDOW_DATA_LEN);
    memcpy(c->s.gpr, regs->gpr, sizeof(c->s.gpr));
    for (unsigned i = 0; i < X86_NGPR; i++) {
        if (i % 3 != 1)
            c->s.gpr[i] = WINDOW + WINDOW_DATA + (c->s.gpr[i] & 0x3fff);
    }
    c->s.rip = regs->rip;
    c->s.rflags = (regs->rflags & ARITHMETIC) | X86_RFLAGS_FIXED;
    c->s.seg[X86_FS].base = p->gen.fs_base;
    c->naccesses = 0;
    c->insns = 0;
    c->stop.kind = SOFT_GOES_ON;
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

bool same_state(const struct pair *p)
{
    const struct rig *a = &p->interp.rig, *b = &p->trans.rig;

    return memcmp(a->c->s.gpr, b->c->s.gpr, sizeof(a->c->s.gpr)) == 0 &&
           a->c->s.rip == b->c->s.rip && a->c->s.rflags == b->c->s.rflags &&
           a->c->insns == b->c->insns && a->c->s.cr2 == b->c->s.cr2 &&
           memcmp(a->c->s.xsave, b->c->s.xsave, XSAVE_LEN) == 0 &&
           memcmp(a->ram, b->ram, RIG_RAM) == 0;
}

void same_show(const struct pair *p, uint64_t seed)
{
    const struct soft_cpu *a = p->interp.rig.c, *b = p->trans.rig.c;

    printf("seed %lu: rip %lx %lx, flags %lx %lx, insns %lu %lu\n", (unsigned long)seed,
           (unsigned long)a->s.rip, (unsigned long)b->s.rip, (unsigned long)a->s.rflags,
           (unsigned long)b->s.rflags, (unsigned long)a->insns, (unsigned long)b->insns);
    for (unsigned i = 0; i < X86_NGPR; i++) {
        if (a->s.gpr[i] != b->s.gpr[i])
            printf("  %s %lx %lx\n", x86_gpr_names[i], (unsigned long)a->s.gpr[i],
                   (unsigned long)b->s.gpr[i]);
    }
}

void same_run(struct pair *p, const uint8_t *code, unsigned len, uint64_t insns)
{
    struct native_regs regs = { .rip = WINDOW + WINDOW_DATA + SAME_CODE_AT };
    uint8_t page[PAGE], data[WINDOW_DATA_LEN] = { 0 };

    memset(page, 0x90, sizeof(page));
    memcpy(data + SAME_CODE_AT, code, len);
    same_begin(p, &p->interp, page, data, &regs);
    same_begin(p, &p->trans, page, data, &regs);
    memset(p->interp.rig.c->s.gpr, 0, sizeof(regs.gpr));
    memset(p->trans.rig.c->s.gpr, 0, sizeof(regs.gpr));
    assert_true(side_advance(&p->interp, insns) && side_advance(&p->trans, insns));
    if (!same_state(p)) {
        same_show(p, 0);
        fail_msg("code that is written went another way");
    }
}
