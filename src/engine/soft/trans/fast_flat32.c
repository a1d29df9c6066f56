/* SPDX-License-Identifier: MIT */
/*
 * fast_flat32.c - changes of the ring from flat 32-bit code and to it
 *
 * Under a 64-bit kernel: SYSCALL (AMD) or SYSENTER (Intel) there, SYSRET and IRETQ back. Under one of 32 bits: SYSENTER,
 * SYSEXIT, IRETD. Sources: as syscall.c and iret.c, which do everything that is unusual. Nothing has been changed then.
 */
#include "core/mem_access.h"
#include "engine/soft/flat.h"
#include "engine/soft/trans/fast_ring.h"
#include "engine/soft/trans/flat32.h"
#include "x86/cpuid_model.h"

enum { WORD = 4, SYSEXIT_CS32 = 16 };
enum {
    FRAME_RIP,
    FRAME_CS,
    FRAME_FLAGS,
    FRAME_SP,
    FRAME_SS,
    FRAME_INNER = FRAME_SP,
    FRAME_OUTER = 5
};

/* ---- where it goes on -------------------------------------------------------------------------- */

/* CS and SS are flat, and so is the rest if it is 32-bit code. What follows from them is as soft_mode_changed has it. */
static uint64_t land(struct trans_frame *f, struct soft_cpu *c, bool is64, unsigned cpl,
                     uint64_t rip)
{
    if (is64)
        c->mode = X86_MODE_LONG;
    else
        c->mode = soft_long(c) ? X86_MODE_COMPAT : X86_MODE_PROT32;
    c->code_bits = c->stack_bits = is64 ? 64 : 32;
    if (!is64) {
        f->seg_poison[0] = flat32_poison(c, X86_FS);
        f->seg_poison[1] = flat32_poison(c, X86_GS);
    }
    return fast_land(f, c, cpl, rip);
}

static void enter_flat(struct soft_cpu *c, unsigned cs, unsigned cpl, bool is64)
{
    c->s.seg[X86_SS] = soft_flat_stack((uint16_t)((cs + SOFT_SS_AFTER_CS) | cpl), cpl);
    c->s.seg[X86_CS] = soft_flat_code((uint16_t)((cs & ~3u) | cpl), cpl, is64);
}

/* ---- SYSCALL, SYSRET --------------------------------------------------------------------------- */

static uint64_t syscall_now(struct trans_frame *f, struct soft_cpu *c, uint64_t next)
{
    uint64_t rflags = fast_flags(f);

    if (!(c->s.efer & X86_EFER_SCE) || c->mode != X86_MODE_COMPAT || c->sys.model->intel)
        return TRANS_RING_STEP;
    c->s.gpr[X86_RCX] = next;
    c->s.gpr[X86_R11] = rflags;
    fast_set_flags(f, (rflags & ~(c->msrs.fmask | X86_RFLAGS_RF)) | X86_RFLAGS_FIXED);
    enter_flat(c, c->msrs.star >> 32 & 0xffff, 0, true);
    return land(f, c, true, 0, c->msrs.cstar);
}

static uint64_t sysret_now(struct trans_frame *f, struct soft_cpu *c)
{
    uint64_t rflags = (c->s.gpr[X86_R11] & SOFT_SYSRET_FLAGS) | X86_RFLAGS_FIXED;

    if (!(c->s.efer & X86_EFER_SCE) || !flat32_others(c) || !fast_is_plain(c, rflags, 3))
        return TRANS_RING_STEP;
    fast_set_flags(f, rflags);
    enter_flat(c, (unsigned)(c->msrs.star >> 48), 3, false);
    return land(f, c, false, 3, (uint32_t)c->s.gpr[X86_RCX]);
}

/* ---- SYSENTER, SYSEXIT ------------------------------------------------------------------------- */

static uint64_t sysenter_now(struct trans_frame *f, struct soft_cpu *c)
{
    unsigned cs = c->msrs.sysenter_cs & 0xfffc;
    uint64_t sp = c->msrs.sysenter_esp, rip = c->msrs.sysenter_eip;
    bool longs = soft_long(c);

    if (soft_null((uint16_t)cs))
        return TRANS_RING_STEP;
    fast_set_flags(f, fast_flags(f) & ~(uint64_t)(X86_RFLAGS_IF | X86_RFLAGS_RF));
    c->s.gpr[X86_RSP] = longs ? sp : (uint32_t)sp;
    enter_flat(c, cs, 0, longs);
    return land(f, c, longs, 0, longs ? rip : (uint32_t)rip);
}

static uint64_t sysexit_now(struct trans_frame *f, struct soft_cpu *c)
{
    unsigned cs = c->msrs.sysenter_cs & 0xffff;

    if (soft_null((uint16_t)cs) || !fast_is_plain(c, fast_flags(f), 3))
        return TRANS_RING_STEP;
    f->rflags &= ~(uint64_t)X86_RFLAGS_RF;
    c->s.gpr[X86_RSP] = (uint32_t)c->s.gpr[X86_RCX];
    enter_flat(c, cs + SYSEXIT_CS32, 3, false);
    return land(f, c, false, 3, (uint32_t)c->s.gpr[X86_RDX]);
}

/* ---- IRET -------------------------------------------------------------------------------------- */

static bool code_segment(const struct soft_cpu *c, uint16_t selector, struct x86_seg *seg)
{
    return fast_descriptor(c, selector, seg) && flat32_code(seg) && !(seg->type & TYPE_CONFORMING);
}

static bool stack_segment(const struct soft_cpu *c, uint16_t selector, struct x86_seg *seg)
{
    return fast_descriptor(c, selector, seg) && flat32_stack(seg) && seg->dpl == 3;
}

static uint64_t flags_after(const struct trans_frame *f, uint64_t image)
{
    return (fast_flags(f) & ~FAST_IRET_FLAGS) | (image & FAST_IRET_FLAGS) | X86_RFLAGS_FIXED;
}

/* To ring 3. */
static uint64_t iret_outer(struct trans_frame *f, struct soft_cpu *c, const uint64_t *frame)
{
    uint64_t rflags = flags_after(f, frame[FRAME_FLAGS]);
    struct x86_seg cs, ss;

    if (!fast_is_plain(c, rflags, 3) || frame[FRAME_RIP] > UINT32_MAX ||
        !code_segment(c, (uint16_t)frame[FRAME_CS], &cs) ||
        !stack_segment(c, (uint16_t)frame[FRAME_SS], &ss) || !fast_data_stay(c) ||
        !flat32_others(c))
        return TRANS_RING_STEP;
    fast_set_flags(f, rflags);
    c->s.gpr[X86_RSP] = (uint32_t)frame[FRAME_SP];
    c->s.seg[X86_SS] = ss;
    c->s.seg[X86_CS] = cs;
    return land(f, c, false, 3, frame[FRAME_RIP]);
}

uint64_t fast_iretq_flat32(struct trans_frame *f, struct soft_cpu *c, const uint64_t frame[5])
{
    return soft_rpl((uint16_t)frame[FRAME_CS]) == 3 ? iret_outer(f, c, frame) : TRANS_RING_STEP;
}

/* From ring 0, in protected mode. */
static uint64_t iretd_now(struct trans_frame *f, struct soft_cpu *c)
{
    uint32_t sp = (uint32_t)c->s.gpr[X86_RSP];
    const uint8_t *host = fast_readable(c, c->bank, sp, FRAME_INNER * WORD);
    uint64_t frame[FRAME_OUTER] = { 0 }, rflags;
    struct x86_seg cs;
    unsigned cpl, n;

    if (host == NULL || f->rflags & X86_RFLAGS_NT || trans_has_news(f->trans) || soft_long(c))
        return TRANS_RING_STEP; /* IRET serializes: written code is looked for before it goes on */
    cpl = soft_rpl((uint16_t)mem_load_32(host + FRAME_CS * WORD));
    n = cpl == 0 ? FRAME_INNER : FRAME_OUTER;
    if (sp % 4096 > 4096 - n * WORD)
        return TRANS_RING_STEP;
    for (unsigned i = 0; i < n; i++)
        frame[i] = mem_load_32(host + (size_t)i * WORD);
    if (frame[FRAME_FLAGS] & X86_RFLAGS_VM)
        return TRANS_RING_STEP;
    if (cpl == 3)
        return iret_outer(f, c, frame);
    rflags = flags_after(f, frame[FRAME_FLAGS]);
    if (cpl != 0 || !fast_is_plain(c, rflags, 0) ||
        !code_segment(c, (uint16_t)frame[FRAME_CS], &cs))
        return TRANS_RING_STEP;
    fast_set_flags(f, rflags);
    c->s.gpr[X86_RSP] = sp + FRAME_INNER * WORD;
    c->s.seg[X86_CS] = cs;
    return land(f, c, false, 0, frame[FRAME_RIP]);
}

uint64_t fast_ring_flat32(struct trans_frame *f, struct soft_cpu *c, const struct site *s)
{
    switch ((enum trans_ring)s->how) {
    case TRANS_SYSCALL32:
        return syscall_now(f, c, s->target);
    case TRANS_SYSRET32:
        return sysret_now(f, c);
    case TRANS_SYSENTER:
        return sysenter_now(f, c);
    case TRANS_SYSEXIT:
        return sysexit_now(f, c);
    case TRANS_IRETD:
        return iretd_now(f, c);
    default:
        return TRANS_RING_STEP;
    }
}
