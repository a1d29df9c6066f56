/* SPDX-License-Identifier: MIT */
/*
 * fast.c - SYSCALL, SYSRET and IRETQ between rings 0 and 3 in 64-bit code
 *
 * RF, which IRETQ to an instruction that has faulted loads, means nothing to translated code, which has no instruction
 * with a breakpoint (points.c); but it is seen in images of flags, and gone after one instruction.
 *
 * Sources: as syscall.c and iret.c, which do everything that is unusual here: what faults, steps, enables an
 * interrupt that waits, or loads segments that are not the ordinary ones. Nothing has been changed then.
 */
#include "engine/soft/trans/fast.h"

#include "core/mem_access.h"
#include "engine/soft/flat.h"
#include "engine/soft/mmu.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/fast_ring.h"
#include "x86/canonical.h"

enum { PAGE = 4096, AH_FLAGS = 0xd5, GDT_ENTRY = 8 };
enum { FRAME_RIP, FRAME_CS, FRAME_FLAGS, FRAME_SP, FRAME_SS, FRAME_WORDS };

/* Both set: with CR4.PVI no instruction of ring 3 is executed (vme.h). */
#define VIRTUAL_DUE (X86_RFLAGS_VIF | X86_RFLAGS_VIP)

#define ARITHMETIC  UINT64_C(0x8d5)

/* ---- flags ------------------------------------------------------------------------------------- */

uint64_t fast_flags(const struct trans_frame *f)
{
    return f->rflags | (f->flags >> 8 & AH_FLAGS) | (f->flags & 1 ? X86_RFLAGS_OF : 0);
}

void fast_set_flags(struct trans_frame *f, uint64_t rflags)
{
    f->rflags = rflags & ~ARITHMETIC;
    f->flags = (rflags & AH_FLAGS) << 8 | 2u << 8 | (rflags & X86_RFLAGS_OF ? 1 : 0);
}

/* How many instructions have been completed before that of the site. */
static uint64_t completed(const struct trans_frame *f, const struct site *s)
{
    return f->trans->c->insns + f->trans->budget - f->budget + s->executed;
}

bool fast_is_plain(const struct soft_cpu *c, uint64_t rflags, unsigned cpl)
{
    bool checks_alignment = cpl == 3 && rflags & X86_RFLAGS_AC && c->s.cr0 & X86_CR0_AM;

    return !(rflags & X86_RFLAGS_TF) && !checks_alignment && !c->s.events.nmi_masked &&
           (rflags & VIRTUAL_DUE) != VIRTUAL_DUE &&
           !(rflags & X86_RFLAGS_IF &&
             atomic_load_explicit(&c->vcpu->requests, memory_order_relaxed) != 0);
}

/* ---- where it goes on -------------------------------------------------------------------------- */

uint64_t fast_land(struct trans_frame *f, struct soft_cpu *c, unsigned cpl, uint64_t rip)
{
    const struct trans_indirect *e;

    c->cpl = (uint8_t)cpl;
    if (cpl == 3)
        c->bank = BANK_USER;
    else
        c->bank = f->rflags & X86_RFLAGS_AC ? BANK_SUPER_AC : BANK_SUPER;
    f->data = rip;
    e = &f->indirect[trans_mode(c)][trans_indirect_at(rip)];
    return e->rip == rip ? (uint64_t)(uintptr_t)e->host : TRANS_RING_LANDED;
}

/* ---- SYSCALL, SYSRET --------------------------------------------------------------------------- */

static void enter_flat(struct soft_cpu *c, unsigned cs, unsigned ss, unsigned cpl)
{
    c->s.seg[X86_SS] = soft_flat_stack((uint16_t)ss, cpl);
    c->s.seg[X86_CS] = soft_flat_code((uint16_t)((cs & ~3u) | cpl), cpl, true);
}

static uint64_t syscall_now(struct trans_frame *f, struct soft_cpu *c, uint64_t next)
{
    unsigned cs = c->msrs.star >> 32 & 0xffff;
    uint64_t rflags = fast_flags(f);

    if (!(c->s.efer & X86_EFER_SCE))
        return TRANS_RING_STEP;
    c->s.gpr[X86_RCX] = next;
    c->s.gpr[X86_R11] = rflags;
    fast_set_flags(f, (rflags & ~(c->msrs.fmask | X86_RFLAGS_RF)) | X86_RFLAGS_FIXED);
    enter_flat(c, cs, cs + SOFT_SS_AFTER_CS, 0);
    return fast_land(f, c, 0, c->msrs.lstar);
}

static uint64_t sysret_now(struct trans_frame *f, struct soft_cpu *c)
{
    uint64_t rip = c->s.gpr[X86_RCX], rflags;
    unsigned base = (unsigned)(c->msrs.star >> 48);

    rflags = (c->s.gpr[X86_R11] & SOFT_SYSRET_FLAGS) | X86_RFLAGS_FIXED;
    if (!(c->s.efer & X86_EFER_SCE) || !x86_canonical(rip) || !fast_is_plain(c, rflags, 3))
        return TRANS_RING_STEP;
    fast_set_flags(f, rflags);
    enter_flat(c, base + SOFT_SYSRET_CS64, (base + SOFT_SS_AFTER_CS) | 3, 3);
    return fast_land(f, c, 3, rip);
}

/* ---- IRETQ ------------------------------------------------------------------------------------- */

const uint8_t *fast_readable(const struct soft_cpu *c, enum soft_bank bank, uint64_t linear,
                             unsigned len)
{
    return soft_known(c, bank, linear, len, HOW_READ);
}

bool fast_descriptor(const struct soft_cpu *c, uint16_t selector, struct x86_seg *seg)
{
    const uint8_t *host;

    if (selector & SEL_TI || soft_null(selector) || (selector | 7) > c->s.gdtr.limit)
        return false;
    host = fast_readable(c, BANK_SUPER, c->s.gdtr.base + (selector & ~7u), GDT_ENTRY);
    if (host == NULL)
        return false;
    *seg = x86_seg_of_desc(mem_load_64(host), selector);
    return seg->s && seg->present && seg->type & TYPE_ACCESSED && seg->dpl == soft_rpl(selector);
}

static bool code_segment(const struct soft_cpu *c, uint16_t selector, struct x86_seg *seg)
{
    return fast_descriptor(c, selector, seg) && seg->type & TYPE_CODE &&
           !(seg->type & TYPE_CONFORMING) && seg->l && !seg->db;
}

static bool stack_segment(const struct soft_cpu *c, uint16_t selector, unsigned cpl,
                          struct x86_seg *seg)
{
    if (soft_null(selector) && cpl != 3) {
        *seg = (struct x86_seg){ .selector = selector, .dpl = (uint8_t)cpl, .unusable = true };
        return true;
    }
    return fast_descriptor(c, selector, seg) && !(seg->type & TYPE_CODE) &&
           seg->type & TYPE_WRITE && seg->dpl == cpl;
}

bool fast_data_stay(const struct soft_cpu *c)
{
    static const uint8_t data[] = { X86_ES, X86_DS, X86_FS, X86_GS };

    for (unsigned i = 0; i < ARRAY_LEN(data); i++) {
        const struct x86_seg *s = &c->s.seg[data[i]];

        if (!s->unusable && s->dpl < 3)
            return false;
    }
    return true;
}

static uint64_t iret_now(struct trans_frame *f, struct soft_cpu *c)
{
    const uint8_t *host = fast_readable(c, c->bank, c->s.gpr[X86_RSP], FRAME_WORDS * 8);
    uint64_t frame[FRAME_WORDS], rflags;
    struct x86_seg cs, ss;
    unsigned cpl;

    if (host == NULL || f->rflags & X86_RFLAGS_NT || trans_has_news(f->trans))
        return TRANS_RING_STEP; /* IRET serializes: written code is looked for before it goes on */
    for (unsigned i = 0; i < FRAME_WORDS; i++)
        frame[i] = mem_load_64(host + (size_t)8 * i);
    cpl = soft_rpl((uint16_t)frame[FRAME_CS]);
    if (cpl == 3 && fast_descriptor(c, (uint16_t)frame[FRAME_CS], &cs) && !cs.l)
        return fast_iretq_flat32(f, c, frame);
    rflags = (fast_flags(f) & ~FAST_IRET_FLAGS) | (frame[FRAME_FLAGS] & FAST_IRET_FLAGS) |
             X86_RFLAGS_FIXED;
    if (cpl % 3 != 0 || !fast_is_plain(c, rflags, cpl) || !x86_canonical(frame[FRAME_RIP]) ||
        !code_segment(c, (uint16_t)frame[FRAME_CS], &cs) ||
        !stack_segment(c, (uint16_t)frame[FRAME_SS], cpl, &ss) || (cpl == 3 && !fast_data_stay(c)))
        return TRANS_RING_STEP;
    fast_set_flags(f, rflags);
    c->s.gpr[X86_RSP] = frame[FRAME_SP];
    c->s.seg[X86_SS] = ss;
    c->s.seg[X86_CS] = cs;
    return fast_land(f, c, cpl, frame[FRAME_RIP]);
}

uint64_t trans_ring(struct trans_frame *f, uint32_t site)
{
    const struct site *s = &f->trans->store->site[site];
    struct soft_cpu *c = f->trans->c;
    uint64_t before = completed(f, s);

    if (before > f->rf_from)
        f->rflags &= ~(uint64_t)X86_RFLAGS_RF;
    f->rf_from = before + 1; /* if it is loaded now */
    switch ((enum trans_ring)s->how) {
    case TRANS_SYSCALL:
        return syscall_now(f, c, s->target);
    case TRANS_SYSRET:
        return sysret_now(f, c);
    case TRANS_IRET:
        return iret_now(f, c);
    default:
        return fast_ring_flat32(f, c, s);
    }
}

/* ---- tables ------------------------------------------------------------------------------------ */

/* What the translation cache has of the page; NULL: nothing that allows this without a further look. */
static const struct soft_tlb_entry *known(const struct soft_cpu *c, uint64_t linear, unsigned how)
{
    const struct soft_tlb_entry *e = &c->tlb[linear / PAGE % SOFT_TLB];

    return e->tag == ((linear & ~UINT64_C(0xfff)) | c->tlb_generation) && e->host != NULL &&
                   e->allow[c->bank] & how
               ? e
               : NULL;
}

/* It has to be known what is filled; and tables are as they should be. */
static bool may_fill(const struct trans *t)
{
    return t->check == NULL && !trans_has_news(t);
}

uint8_t *trans_known_page(struct trans *t, enum trans_access how, uint64_t linear)
{
    const struct soft_tlb_entry *e = known(t->c, linear, how == TRANS_WRITE ? HOW_WRITE : HOW_READ);

    return e != NULL && may_fill(t) ? e->host : NULL;
}

bool trans_fill_page(struct trans *t, enum trans_access how, uint64_t linear)
{
    const struct soft_tlb_entry *e = known(t->c, linear, how == TRANS_WRITE ? HOW_WRITE : HOW_READ);

    return e != NULL && may_fill(t) && trans_page_fill(t, linear, how, e);
}

static bool fill_for(struct trans *t, const struct site *s, uint64_t linear)
{
    return linear % PAGE + s->size <= PAGE && linear % s->align == 0 &&
           trans_fill_page(t, (enum trans_access)s->how, linear);
}

static bool fill_target(struct trans *t, uint64_t rip)
{
    const struct soft_tlb_entry *e = known(t->c, rip, HOW_FETCH);
    const struct block *b;

    if (e == NULL || t->store->shared || !may_fill(t))
        return false; /* others change what is looked up */
    b = trans_find(t->store, rip, e->gpa + rip % PAGE, trans_mode(t->c), SOURCE_NO_PAGE);
    if (b == NULL)
        return false;
    trans_note_looked(t, rip);
    trans_indirect_fill(t, rip, b);
    return true;
}

bool trans_fill_at(struct trans_frame *f, uint32_t site, uint64_t data)
{
    struct trans *t = f->trans;
    const struct site *s = &t->store->site[site];

    return s->kind == SITE_MISS ? fill_for(t, s, data) : fill_target(t, data);
}
