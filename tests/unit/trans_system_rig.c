/* SPDX-License-Identifier: MIT */
/* trans_system_rig.c - see trans_system_rig.h */
#include "trans_system_rig.h"

#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mem.h"
#include "engine/soft/mmu.h"

static void make_gdt(uint8_t *gdt)
{
    static const uint64_t entries[] = {
        0,
        0x00af9b000000ffff,
        0x00cf93000000ffff,
        0x00cffb000000ffff,
        0x00cff3000000ffff,
        0x00affb000000ffff,
    };

    for (unsigned i = 0; i < ARRAY_LEN(entries); i++)
        le_put(gdt + (size_t)8 * i, 8, entries[i]);
}

void system_set_up(struct soft_cpu *c)
{
    c->sys.counted_time = true;
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
    c->s.cr4 |= X86_CR4_FSGSBASE;
    c->s.efer |= X86_EFER_SCE;
    c->s.gdtr = (struct x86_dtable){ .base = WINDOW + GDT_AT, .limit = GDT_BYTES - 1 };
    c->msrs.star = (uint64_t)STAR3 << 48 | (uint64_t)CS0 << 32;
    c->msrs.lstar = WINDOW + LSTAR_AT;
}

void system_begin(struct side *s, const uint8_t code[SYSTEM_PAGE], uint64_t fmask)
{
    struct soft_cpu *c = s->rig.c;

    rig_mode(&s->rig, X86_CODE_64);
    c->s.cr4 |= X86_CR4_FSGSBASE;
    c->s.efer |= X86_EFER_SCE;
    memset(s->rig.data, 0, WINDOW_DATA_LEN);
    memcpy(s->rig.code, code, SYSTEM_PAGE);
    make_gdt(s->rig.ram + RIG_DATA + GDT_AT - WINDOW_DATA);
    for (unsigned i = 0; i < X86_NGPR; i++)
        c->s.gpr[i] = i * 0x1234567;
    c->s.gpr[X86_RSI] = WINDOW + WINDOW_DATA + 0x100;
    c->s.gpr[X86_RDI] = WINDOW + WINDOW_DATA + 0x200;
    c->s.gpr[X86_RCX] = 3;
    c->s.gpr[X86_RSP] = c->s.gpr[X86_R8] = WINDOW + STACK_AT;
    c->s.rip = WINDOW;
    c->s.rflags = X86_RFLAGS_FIXED | X86_RFLAGS_IF;
    c->s.seg[X86_FS].base = WINDOW + WINDOW_DATA;
    c->msrs.kernel_gs_base = WINDOW;
    c->msrs.fmask = fmask;
    c->insns = 0;
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

void system_begin_ring_0(struct side *s, const uint8_t *insns, unsigned len)
{
    struct soft_cpu *c = s->rig.c;
    uint8_t code[SYSTEM_PAGE];

    memset(code, 0x90, sizeof(code));
    memcpy(code, insns, len);
    system_begin(s, code, 0);
    c->s.seg[X86_CS].dpl = c->s.seg[X86_SS].dpl = 0;
    c->s.seg[X86_CS].selector = CS0;
    c->s.seg[X86_SS].selector = SS0;
    soft_mode_changed(c);
}
